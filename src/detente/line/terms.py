"""What an accord says about the line: who is called and after how long, line checks, free text, the datum point."""

from __future__ import annotations

import msgspec

from detente.accord.provisions import AccordArea, RadioUse
from detente.accord.terms import Accord
from detente.airspace.altitude import check_range
from detente.airspace.plan import check_identifier
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.line.radio import RadioDuty

MOST_RUNGS = 16


class Rung(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A post of the escalation ladder, and how many seconds after a message arrived it is called."""

    post: str
    after_s: float

    def __post_init__(self) -> None:
        check_identifier("post", self.post)
        check_range("after_s", self.after_s, 0.0, 86_400.0, "seconds")


class Datum(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agreed point from which distance and bearing are read back (R11)."""

    name: str
    position: Position

    def __post_init__(self) -> None:
        check_identifier("name", self.name)


class LineTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The line's terms. Both parties keep the same ladder of posts; each says who is on watch at its own.

    Attributes:
        ladder: posts in the order in which they are called.
        again_s: how often all of them are called again after the last rung.
        check_every_s: a line check in each direction at least so often.
        degraded_after_s: how long after it was due a check may be missing before the line is DEGRADED.
        silent_after_s: likewise, before the line is SILENT.
        clock_alarm_s: a larger difference of the clocks degrades the line (R29).
        free_text: whether a message may carry text that is not agreed (R33).
        datum: the point from which places are read back.
        phrase_table: the hash of the words that both parties signed; empty where they only have to be the same.
        radio: the frequencies of the radio plan (R34).
        radio_check_every_s: a radio check that works both ways at least so often on each that is due.
        area: where the accord holds; a message about another place is looked at twice (R46).
    """

    ladder: tuple[Rung, ...] = (Rung("watch", 0.0), Rung("senior", 30.0), Rung("command", 90.0))
    again_s: float = 120.0
    check_every_s: float = 28_800.0
    degraded_after_s: float = 60.0
    silent_after_s: float = 300.0
    clock_alarm_s: float = 5.0
    free_text: bool = False
    datum: Datum = Datum("zero", Position(0.0, 0.0))
    phrase_table: str = ""
    radio: tuple[RadioDuty, ...] = ()
    radio_check_every_s: float = 604_800.0
    area: AccordArea | None = None

    def __post_init__(self) -> None:
        check_range("again_s", self.again_s, 1.0, 86_400.0, "seconds")
        check_range("check_every_s", self.check_every_s, 1.0, 30 * 86_400.0, "seconds")
        check_range("clock_alarm_s", self.clock_alarm_s, 0.0, 86_400.0, "seconds")
        if not 1 <= len(self.ladder) <= MOST_RUNGS:
            raise Refusal("line.most_posts", "ladder", len(self.ladder), most=MOST_RUNGS)
        if self.ladder[0].after_s != 0.0:
            raise Refusal("line.first_post_at_once", "ladder[0].after", self.ladder[0].after_s)
        for number, (before, rung) in enumerate(zip(self.ladder, self.ladder[1:], strict=False), start=1):
            if rung.after_s < before.after_s or rung.post in {r.post for r in self.ladder[:number]}:
                raise Refusal("line.another_post_called", f"ladder[{number}]", rung.post)

    def posts(self, step: int) -> tuple[str, ...]:
        """Return the posts up to rung `step`, counted from 0."""
        return tuple(rung.post for rung in self.ladder[: step + 1])


def terms_of(accord: Accord) -> LineTerms:
    """Return what an accord says about the line. Each step of its escalation has its time before the next is called."""
    rungs, after_s = [], 0.0
    for step in accord.provisions.escalation:
        rungs.append(Rung(step.post, after_s))
        after_s += step.within_s
    point = accord.provisions.datum
    datum = LineTerms().datum if point is None else Datum(point.name, point.position)
    checks = accord.provisions.line_checks
    return LineTerms(
        tuple(rungs),
        again_s=accord.provisions.escalation[-1].within_s,
        check_every_s=checks.every_s,
        degraded_after_s=checks.degraded_after_s,
        silent_after_s=checks.silent_after_s,
        clock_alarm_s=checks.clock_alarm_s,
        free_text=accord.provisions.free_text,
        datum=datum,
        phrase_table=accord.provisions.phrase_table,
        radio=tuple(
            RadioDuty(round(channel.frequency_khz), str(channel.use), channel.use is not RadioUse.DISTRESS)
            for channel in accord.provisions.radio.channels
        ),
        radio_check_every_s=accord.provisions.radio.check_every_s,
        area=accord.provisions.area,
    )
