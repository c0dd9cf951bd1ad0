"""Line checks and the state of the line: LIVE, DEGRADED or SILENT, the same on both sides (R30).

One side asks, the other's node answers, and the asker tells it the result; so both hold the same results, and the state
is one function of these and of the time. Each side asks on its own schedule. Silence says nothing about airspace (R44).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from detente.airspace.position import utc
from detente.line.parameters import LineLanguage
from detente.line.terms import LineTerms


class Quality(StrEnum):
    """How well the line works."""

    LIVE = "live"
    DEGRADED = "degraded"
    SILENT = "silent"


class Fault(StrEnum):
    """What is wrong with a line that is not LIVE."""

    CLOCKS_DIFFER = "clocks_differ"
    CLOCKS_UNSURE = "clocks_unsure"
    PHRASES_DIFFER = "phrases_differ"
    NOBODY_AT_ASKER = "nobody_at_asker"
    NOBODY_AT_ANSWERER = "nobody_at_answerer"
    NO_COMMON_LANGUAGE = "no_common_language"
    ONE_WAY = "one_way"
    OVERDUE = "overdue"
    NO_CHECK = "no_check"


class OnWatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who keeps watch at one side: its posts, the languages spoken there, and the hash of the phrase table in use."""

    posts: tuple[str, ...]
    languages: tuple[LineLanguage, ...]
    phrase_table: str


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line check as it is asked; `number` counts from 1 what this side asked of the other. Times are UTC."""

    number: int
    asked_at: datetime
    watch: OnWatch

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "asked_at", utc(self.asked_at, "asked_at"))


class CheckAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to the check of this number, with when it was heard, on the answerer's clock (UTC)."""

    number: int
    heard_at: datetime
    watch: OnWatch

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "heard_at", utc(self.heard_at, "heard_at"))


class CheckResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a check found; the asker tells the other side. `completed_at` is on the asker's clock, UTC.

    `clock_offset_s` is how far the answerer's clock is ahead, known to half of `round_trip_s` either way.
    """

    asker: str
    number: int
    completed_at: datetime
    clock_offset_s: float
    round_trip_s: float
    faults: tuple[Fault, ...]

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "completed_at", utc(self.completed_at, "completed_at"))


class LineStanding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state of the line with one peer, and why."""

    quality: Quality = Quality.SILENT
    faults: tuple[Fault, ...] = (Fault.NO_CHECK,)


def judge_check(asker: str, check: Check, answer: CheckAnswer, completed_at: datetime, terms: LineTerms) -> CheckResult:
    """Return what a check and its answer, heard at `completed_at`, say of the line."""
    round_trip_s = (completed_at - check.asked_at).total_seconds()
    offset_s = (answer.heard_at - check.asked_at).total_seconds() - round_trip_s / 2.0
    unsure_s = abs(round_trip_s) / 2.0
    faults: list[Fault] = []
    if abs(offset_s) - unsure_s > terms.clock_alarm_s or round_trip_s < 0.0:
        faults.append(Fault.CLOCKS_DIFFER)
    elif abs(offset_s) + unsure_s > terms.clock_alarm_s:
        faults.append(Fault.CLOCKS_UNSURE)
    agreed = terms.phrase_table or check.watch.phrase_table
    if {check.watch.phrase_table, answer.watch.phrase_table} != {agreed}:
        faults.append(Fault.PHRASES_DIFFER)
    if not check.watch.posts:
        faults.append(Fault.NOBODY_AT_ASKER)
    if not answer.watch.posts:
        faults.append(Fault.NOBODY_AT_ANSWERER)
    if not set(check.watch.languages) & set(answer.watch.languages):
        faults.append(Fault.NO_COMMON_LANGUAGE)
    return CheckResult(asker, check.number, completed_at, offset_s, round_trip_s, tuple(faults))


def standing(results: tuple[CheckResult, ...], at: datetime, terms: LineTerms) -> LineStanding:
    """Return the state of a line whose last results, one at most for each side's checks, are `results`."""
    late_s = {result: (at - result.completed_at).total_seconds() - terms.check_every_s for result in results}
    fresh = [result for result in results if late_s[result] <= terms.silent_after_s]
    if not fresh:
        return LineStanding()
    faults = {fault for result in fresh for fault in result.faults}
    if any(late_s[result] > terms.degraded_after_s for result in fresh):
        faults.add(Fault.OVERDUE)
    if len(fresh) < 2:
        faults.add(Fault.ONE_WAY)
    quality = Quality.DEGRADED if faults else Quality.LIVE
    return LineStanding(quality, tuple(sorted(faults)))
