"""Which number a message of the line may have: never one by which the peer may know another.

Put back from a backup, a node does not know what it had sent since. Until a peer has said what it holds, a new message
would bear the number of one that the peer had long ago: it would be refused there, while the old receipts were taken
for its own. So the numbers go on from well above.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from detente.line.state import LineState
from detente.node.outbox import Outbox

LEAST_GAP, GAPS = 200, 1_000
"""More messages than are lost with a journal. The gap is drawn, so that two that were lost differ too."""
ANSWER_S = 1.0
LOOK_S = 0.02


class LineNumbers:
    """The numbers of one run of a node; `is_new` says that its journal began with it, and so was never set back."""

    def __init__(
        self, outbox: Outbox, line: LineState, *, is_new: bool, drawn: Callable[[int], int] = secrets.randbelow
    ) -> None:
        self._outbox = outbox
        self._line = line
        self._is_new = is_new
        self._drawn = drawn
        self._after: dict[str, int] = {}

    async def after(self, peer: str, *, urgent: bool) -> int:
        """Return after which number the next message to a peer has its own; what is `urgent` waits for no answer."""
        if not self._is_new and not urgent and peer in self._line.peers:
            await self._answered(peer)
        return self.now_after(peer)

    def now_after(self, peer: str) -> int:
        """Return the same without any wait, for what follows from something else within a turn."""
        if self._is_new or peer not in self._line.peers or self._outbox.has_said_what_it_holds(peer):
            return self._after.get(peer, 0)
        return self._after.setdefault(peer, self._line.peers[peer].sent + LEAST_GAP + self._drawn(GAPS))

    async def _answered(self, peer: str) -> None:
        ends_at = asyncio.get_running_loop().time() + ANSWER_S
        while not self._outbox.has_said_what_it_holds(peer) and asyncio.get_running_loop().time() < ends_at:
            if peer in self._after:
                return
            await asyncio.sleep(LOOK_S)
