"""What an accord says about the line: who is called and after how long, line checks, free text, the datum point."""

from __future__ import annotations

import msgspec

from detente.airspace.altitude import check_range
from detente.airspace.plan import check_identifier
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal

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


DEFAULT_LADDER = (
    Rung("duty_officer", 0.0),
    Rung("watch_supervisor", 30.0),
    Rung("commander", 60.0),
    Rung("ministry", 120.0),
)
"""R8: 30, 60 and 120 seconds, where the accord says nothing else; R36: watch officer to ministry."""


class LineTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The line's terms. Both parties keep the same ladder of posts; each says who is on watch at its own.

    Attributes:
        ladder: posts in the order in which they are called.
        again_s: how often all of them are called again after the last rung.
        check_every_s: a line check in each direction at least so often.
        clock_alarm_s: a larger difference of the clocks degrades the line (R29).
        free_text: whether a message may carry text that is not agreed (R33).
        datum: the point from which places are read back.
    """

    ladder: tuple[Rung, ...] = DEFAULT_LADDER
    again_s: float = 60.0
    check_every_s: float = 3600.0
    clock_alarm_s: float = 5.0
    free_text: bool = False
    datum: Datum = Datum("zero", Position(0.0, 0.0))

    def __post_init__(self) -> None:
        check_range("again", self.again_s, 10.0, 3_600.0, "seconds")
        check_range("check_every", self.check_every_s, 1.0, 86_400.0, "seconds")
        check_range("clock_alarm", self.clock_alarm_s, 0.1, 3_600.0, "seconds")
        if not 1 <= len(self.ladder) <= MOST_RUNGS:
            raise Refusal("ladder", len(self.ladder), f"1 to {MOST_RUNGS} posts")
        if self.ladder[0].after_s != 0.0:
            raise Refusal("ladder[0].after", self.ladder[0].after_s, "0 s", "The first post is called at once.")
        for number, (before, rung) in enumerate(zip(self.ladder, self.ladder[1:], strict=False), start=1):
            if rung.after_s < before.after_s or rung.post in {r.post for r in self.ladder[:number]}:
                raise Refusal(f"ladder[{number}]", rung.post, "another post, called no earlier than the one before it")

    @property
    def silent_after_s(self) -> float:
        """Seconds without a complete line check after which the line is SILENT: two missed checks and a minute."""
        return 2.0 * self.check_every_s + 60.0

    def posts(self, step: int) -> tuple[str, ...]:
        """Return the posts up to rung `step`, counted from 0."""
        return tuple(rung.post for rung in self.ladder[: step + 1])
