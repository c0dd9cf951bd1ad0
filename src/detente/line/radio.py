"""The radio plan kept alive: dated reports that both sides' crews hear each other on each frequency (R34).

Each side says only what its own crew heard. A check worked both ways when both say so of the same time; one report
alone dates nothing. A frequency for distress may be reported on but is never due: it is kept free.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from detente.airspace.altitude import check_range
from detente.airspace.position import utc
from detente.airspace.refusal import Refusal

SAME_CHECK_S = 600.0
"""Two reports are of one check when their times differ by no more."""
AHEAD_S = 60.0
"""How far a report's time may be ahead of the clock that hears it."""
LONGEST_CALL_SIGN = 40


class RadioDuty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frequency of the radio plan: its use, and whether checks on it are due (all but distress)."""

    frequency_khz: int
    use: str
    due: bool = True


class RadioReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the crew called `call_sign` heard of the other side on a frequency at a time (UTC)."""

    frequency_khz: int
    call_sign: str
    heard: bool
    checked_at: datetime

    def __post_init__(self) -> None:
        check_range("frequency_khz", self.frequency_khz, 2_000, 400_000, "kHz")
        if not (0 < len(self.call_sign) <= LONGEST_CALL_SIGN and self.call_sign.isprintable()):
            raise Refusal("line.printable_characters", "call_sign", self.call_sign, most=LONGEST_CALL_SIGN)
        msgspec.structs.force_setattr(self, "checked_at", utc(self.checked_at, "checked_at").replace(microsecond=0))


class RadioStanding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frequency as it stands with one peer: the last report of each side and when it last worked both ways."""

    frequency_khz: int
    ours: RadioReport | None = None
    theirs: RadioReport | None = None
    two_way_at: datetime | None = None
    overdue: bool = False


def reported(standing: RadioStanding, report: RadioReport, *, ours: bool) -> RadioStanding:
    """Return how a frequency stands once a report of one side is in; an older one than is held changes nothing."""
    held = standing.ours if ours else standing.theirs
    if held is not None and report.checked_at < held.checked_at:
        return standing
    mine, other = (report, standing.theirs) if ours else (standing.ours, report)
    two_way_at, overdue = standing.two_way_at, standing.overdue
    if mine is not None and other is not None and mine.heard and other.heard:
        apart_s = abs((mine.checked_at - other.checked_at).total_seconds())
        at = min(mine.checked_at, other.checked_at)
        if apart_s <= SAME_CHECK_S and (two_way_at is None or at > two_way_at):
            two_way_at, overdue = at, False
    return RadioStanding(standing.frequency_khz, mine, other, two_way_at, overdue)


def due_at(standing: RadioStanding, since: datetime, every_s: float) -> datetime:
    """Return when the next check that works both ways is due; before the first, counted from when the plan began."""
    return (standing.two_way_at or since) + timedelta(seconds=every_s)
