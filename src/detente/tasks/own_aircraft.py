"""Our own aircraft as the feeds show them, held against their plans: one outside is reported by itself (R25)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from detente.airspace.refusal import Refusal
from detente.claims.claims import Intent
from detente.claims.commands import HoldPosition
from detente.claims.room import ClaimsRoom
from detente.lookout.frames import MOST_OWN
from detente.node.loop import CommandLoop
from detente.watch.live_watch import PlanPosition

log = structlog.get_logger()


class OwnAircraft:
    """Holds positions of our own aircraft against their plans, as a person would who enters them."""

    def __init__(self, loop: CommandLoop) -> None:
        self._loop = loop
        self._room = loop.rooms.of_type(ClaimsRoom)

    async def hold(self, positions: Sequence[PlanPosition], at: datetime) -> None:
        """Report what is surely outside its plan, and what may be inside again; `at` is the time (UTC)."""
        for one in positions[:MOST_OWN]:
            party = self._room.state.party
            if not party:
                return
            name = f"out-{at:%Y%m%d-%H%M%S}-{one.observation.observation_id}"
            command = HoldPosition(at, party, one.plan_id, name, one.observation, Intent.CORRECTING)
            try:
                # Deciding changes nothing: only what is news waits for a turn.
                if self._room.decide(command):
                    await self._loop.decide(command, urgent=True)
            except Refusal as refusal:
                log.warning("a position of our own was not taken", plan=one.plan_id, why=str(refusal))
