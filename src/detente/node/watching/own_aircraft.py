"""Our own aircraft as the feeds show them, held against their plans: one that is outside is reported by itself (R25)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from detente.airspace.altitude import Altitude, AltitudeUnit, Ellipsoid, StandardPressure
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.claims.claims import Intent
from detente.claims.commands import HoldPosition
from detente.claims.room import ClaimsRoom
from detente.node.loop import CommandLoop
from detente.node.watching.frames import OwnPosition
from detente.picture.observations import Observation
from detente.watch.track import Track

MOST_AT_A_TIME = 64
LARGEST_HORIZONTAL_M, LARGEST_VERTICAL_M = 1_000_000.0, 20_000.0
UNKNOWN_VERTICAL_M = 20_000.0
"""Of a height that no feed says: it may be anywhere."""

log = structlog.get_logger()


class OwnAircraft:
    """Holds positions of our own aircraft against their plans, as a person would who enters them."""

    def __init__(self, loop: CommandLoop) -> None:
        self._loop = loop
        self._room = loop.rooms.of_type(ClaimsRoom)

    async def hold(self, positions: Sequence[OwnPosition], at: datetime) -> None:
        """Report what is surely outside its plan, and what may be inside again; `at` is the time (UTC)."""
        for one in positions[:MOST_AT_A_TIME]:
            party = self._room.state.party
            if not party:
                return
            name = f"out-{at:%Y%m%d-%H%M%S}-{one.track.track_id}"
            try:
                seen = observation_of(one.track, "own", party, "0" * 64)
                command = HoldPosition(at, party, one.plan_id, name, seen, Intent.CORRECTING)
                # Deciding changes nothing: only what is news waits for a turn.
                if self._room.decide(command):
                    await self._loop.decide(command, urgent=True)
            except Refusal as refusal:
                log.warning("a position of our own was not taken", plan=one.plan_id, why=str(refusal))


def observation_of(track: Track, observation_id: str, party: str, evidence_sha256: str) -> Observation:
    """Return a track at its time as what `party` saw; raises Refusal for what cannot be one.

    Its height is on standard pressure where that is known, else above the ellipsoid; one that is not known leaves every
    height open.
    """
    if track.pressure_altitude_m is not None:
        altitude, vertical_error_m = _metres(track.pressure_altitude_m, StandardPressure()), track.vertical_error_m
    elif track.geometric_altitude_m is not None:
        altitude, vertical_error_m = _metres(track.geometric_altitude_m, Ellipsoid()), track.vertical_error_m
    else:
        altitude, vertical_error_m = _metres(0.0, StandardPressure()), UNKNOWN_VERTICAL_M
    return Observation(
        observation_id, party, Position(track.latitude_deg, track.longitude_deg),
        min(track.horizontal_error_m, LARGEST_HORIZONTAL_M), altitude, min(vertical_error_m, LARGEST_VERTICAL_M),
        datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=track.at_s), 0.0, evidence_sha256,
    )  # fmt: skip


def _metres(value_m: float, reference: Ellipsoid | StandardPressure) -> Altitude:
    return Altitude(value_m, AltitudeUnit.METRE, reference)
