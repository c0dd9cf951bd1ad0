"""The clock of sessions: what has expired ends, and a journal that is an earlier one lets nobody in.

The file `people.json` says how far the journal went when somebody was last let in or shut out. It is in no backup:
where it is missing, or says more than the journal has, the directory was made from a backup or an old journal was put
back. What was revoked since would be open again, so nothing of it is.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import msgspec
import structlog

from detente.link.trust import write_durably
from detente.node.loop import CommandLoop, NodeStopped
from detente.node.session_uses import SessionUses
from detente.people.commands import EndAllSessions, LookAtSessions
from detente.people.events import EndReason
from detente.people.records import People
from detente.people.room import PeopleRoom

MARK_FILE = "people.json"
TICK_S = 1.0

log = structlog.get_logger()


class _Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    journal_number: int


async def end_what_was_set_back(loop: CommandLoop, directory: Path) -> None:
    """End every session before anybody is let in, where the journal is an earlier one."""
    number = _marked(directory / MARK_FILE)
    if number is None or number > loop.journal.head.number:
        await loop.decide(EndAllSessions(loop.clock(), EndReason.SET_BACK))
    _write(directory, loop.journal.head.number)


async def keep_people(loop: CommandLoop, uses: SessionUses, directory: Path) -> None:
    """End sessions and links that have expired, and keep when sessions were used, until the node stops."""
    room = loop.rooms.of_type(PeopleRoom)
    marked = _let_in(room.state)
    with contextlib.suppress(NodeStopped):
        while True:
            sessions, at = room.state.sessions, loop.clock()
            uses.forget_all_but(sessions)
            look = LookAtSessions(at, uses.to_keep(sessions, at))
            if room.decide(look):
                await loop.decide(look)
            if (now := _let_in(room.state)) != marked:
                marked = now
                await asyncio.to_thread(_write, directory, loop.journal.head.number)
            await asyncio.sleep(TICK_S)


def _marked(file: Path) -> int | None:
    """The number in the file; None where there is none, or none that can be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Mark).journal_number
    except (OSError, msgspec.MsgspecError):
        return None


def _write(directory: Path, number: int) -> None:
    try:
        write_durably(directory / MARK_FILE, msgspec.json.encode(_Mark(number)) + b"\n")
    except OSError as error:
        log.error("people.json was not written: after the next start nobody may be signed in", why=error.strerror)


def _let_in(people: People) -> tuple[object, ...]:
    """What decides who is let in; acts and uses of sessions do not."""
    return tuple(people.persons.values()), *people.links, *people.sessions, *people.metrics_tokens, *people.passkeys
