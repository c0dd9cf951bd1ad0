"""What each turn appended, for whoever waits for it: which kinds of entry there are news of, and up to which number."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from detente.people.events import PersonActed
from detente.people.room import PeopleRoom
from detente.record.journal import Entry

MOST_READERS_OF_THE_PAST = 4
ANY_KIND = ""
"""Stands for entries of every kind."""
_ACT = b'{"event":"%b"' % str(PersonActed.__struct_config__.tag).encode()


class News:
    """The number of the last entry of each kind since the node started; who waits for one costs the node nothing.

    `past` lets few at a time read what was before: hundreds would hold everybody up. `chunks` is what streams have read
    since the last turn, by kind and number.
    """

    def __init__(self) -> None:
        self.past = asyncio.Semaphore(MOST_READERS_OF_THE_PAST)
        self.chunks: dict[tuple[str, int], tuple[bytes, int]] = {}
        self.over = False
        self._last: dict[str, int] = {}
        self._changes: dict[str, asyncio.Event] = {}
        self._looks = 0

    def tell(self, entries: Sequence[Entry]) -> None:
        """Say what a turn has appended, once it is durable.

        Where a session may have ended, everybody who waits looks again whether he may.
        """
        told = {entry.kind: entry.number for entry in entries}
        if told:
            told[ANY_KIND] = max(told.values())
        self._last.update(told)
        self.chunks.clear()
        if any(entry.kind == PeopleRoom.name and not entry.body.startswith(_ACT) for entry in entries):
            self._looks += 1
            self._wake(list(self._changes))
        self._wake(told)

    def end(self) -> None:
        """Say that the node begins to stop: nobody need wait any more."""
        self.over = True
        self._wake(list(self._changes))

    def last(self, kind: str) -> int:
        """Return the number of the last entry of a kind since the start, 0 before the first."""
        return self._last.get(kind, 0)

    async def after(self, kind: str, number: int) -> None:
        """Return when there is an entry of this kind after `number`, when who waits is to look again, or at the end."""
        looks = self._looks
        while self.last(kind) <= number and looks == self._looks and not self.over:
            await self._changes.setdefault(kind, asyncio.Event()).wait()

    def _wake(self, kinds: Iterable[str]) -> None:
        for kind in kinds:
            change = self._changes.pop(kind, None)
            if change is not None:
                change.set()
