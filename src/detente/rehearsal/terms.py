"""The terms that the rehearsals agree: flight safety only, with deadlines short enough to be waited for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from detente.accord.provisions import DatumPoint, EscalationStep, LineChecks, Provisions, Suspension
from detente.accord.terms import Accord, AccordParty
from detente.airspace.altitude import FOOT_M
from detente.airspace.plan import TimeWindow
from detente.airspace.position import Position
from detente.airspace.separation import Minima, MinimaTable
from detente.rehearsal.actor import Actor
from detente.room.activity import SafetyFunction

PLACE = Position(44.31, -20.24)
"""Where the aircraft of the rehearsals fly."""
LONGEST_TO_HUMAN_S = 60.0
"""The time within which a STOP must reach a person (R9); on a quiet machine it takes four seconds or less."""
POSTS = ("watch", "senior", "command")
DEADLINE_S = 3.0
USUAL_DEADLINE_S = 30.0
"""How long the first post has before the next is called: here, and where an accord says nothing."""
DATUM = DatumPoint(name="buoy", position=Position(44.0, -20.0))
BY_AUTHORITY = Suspension(keeps=(*Suspension().keeps, SafetyFunction.INCIDENTS), posts=())
"""Only an authority suspends; the safety functions go on, and incidents are reported and answered."""
LINE_CHECKS = LineChecks(clock_alarm_s=60.0)
"""Far above the round trip of a check on a busy machine, by half of which the clocks are unsure."""
REHEARSAL_MINIMA = MinimaTable(Minima(5.0 * 1852.0, 1000.0 * FOOT_M, 0.0))


def safety_accord(name: str, first: Actor, second: Actor, *, authorised: bool = False) -> Accord:
    """Return an accord about flight safety between two parties, valid from an hour ago for 30 days.

    `authorised` puts each side's authority into it: both must sign, and only they suspend.
    """
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    ladder = tuple(EscalationStep(post=post, within_s=DEADLINE_S) for post in POSTS)
    return Accord(
        name=name,
        version=1,
        parties=tuple(
            AccordParty(party.name, party.card.public_key, party.authority if authorised else "")
            for party in (first, second)
        ),
        valid=TimeWindow(now - timedelta(hours=1), now + timedelta(days=30)),
        minima=REHEARSAL_MINIMA,
        provisions=Provisions(
            escalation=ladder,
            line_checks=LINE_CHECKS,
            datum=DATUM,
            suspension=BY_AUTHORITY if authorised else Suspension(),
        ),
    )
