"""Joint statistics: what is counted, its one canonical form, and the first place where two of them differ (R41).

Counts are whole numbers, times are whole seconds or milliseconds: nothing depends on how a machine writes fractions.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from detente.claims.review_claim import CutMark

VERSION = 1


class DayConformance(msgspec.Struct, forbid_unknown_fields=True):
    """One UTC day: for how many seconds plans were flown, and for how many the party reported itself outside (R25)."""

    active_s: int = 0
    deviation_s: int = 0


class PartyReview(msgspec.Struct, forbid_unknown_fields=True):
    """What one party did towards the other in the period. Where nothing else is written, what it sent.

    Attributes:
        plans_declared, plans_active_s: plans it declared, and for how many seconds it said that plans were flown.
        notices: by meaning; `notices_late` are those given later than the accord asks (R13).
        measures_proposed, measures_accepted, measures_refused, no_measure_found: of conflicts with the other.
        requests: what it asked, by what became of it: answered_in_time, answered_late, refused, overdue, open,
            not_taken.
        answers: what it answered, by kind.
        observations: what it told that it saw; `crossings_claimed` are those that it judges inside a notice of its own
            that keeps others out, `crossings_confirmed` those of them that the other side judges inside too.
        incidents: what it reported, by class and by what became of it: the last reply, else overdue, open, not_taken.
        incidents_replied_late: those of them whose first reply came after it was due.
        deviations, deviations_late, deviation_s: what it reported of itself, late ones, seconds outside.
        conformance: seconds flown and outside, by UTC day like "2025-06-01".
        stops, stops_acknowledged: STOP messages; the times are until the other side's first person had them.
        messages, messages_acknowledged: all other messages of the line, likewise.
        line_checks: results of its line checks: "good", or each fault.
        unreadable: envelopes that are none of this version's.
    """

    plans_declared: int = 0
    plans_active_s: int = 0
    notices: dict[str, int] = {}
    notices_late: int = 0
    notices_amended: int = 0
    notices_cancelled: int = 0
    measures_proposed: int = 0
    measures_accepted: int = 0
    measures_refused: int = 0
    no_measure_found: int = 0
    requests: dict[str, int] = {}
    answers: dict[str, int] = {}
    observations: int = 0
    crossings_claimed: int = 0
    crossings_confirmed: int = 0
    statements: int = 0
    incidents: dict[str, dict[str, int]] = {}
    incidents_replied_late: int = 0
    deviations: int = 0
    deviations_late: int = 0
    deviation_s: int = 0
    conformance: dict[str, DayConformance] = {}
    stops: int = 0
    stops_acknowledged: int = 0
    stop_to_human_median_ms: int | None = None
    stop_to_human_longest_ms: int | None = None
    messages: int = 0
    messages_acknowledged: int = 0
    message_to_human_median_ms: int | None = None
    line_checks: dict[str, int] = {}
    suspensions: int = 0
    resumptions: int = 0
    unreadable: int = 0


class Review(msgspec.Struct, forbid_unknown_fields=True):
    """The statistics of two parties from `start` to before `end` (UTC), of the envelopes up to the cut.

    `conflicts` are those that either side named in what it sent.
    """

    version: int
    start: datetime
    end: datetime
    cut: tuple[CutMark, ...]
    envelopes: int
    conflicts: int
    parties: dict[str, PartyReview]


def canonical_text(review: Review) -> str:
    """Return the one form of a review: JSON with sorted names, nothing left out, no spaces."""
    return msgspec.json.encode(review, order="sorted").decode()


def read_review(document: str) -> Review:
    """Return the review in a document; raises msgspec.MsgspecError when it is none."""
    return msgspec.json.decode(document, type=Review)


class ReviewDifference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first place, in the order of names, where two documents differ, and what each says there."""

    place: str
    ours: str
    theirs: str


LONGEST_SHOWN = 200


def first_difference(ours: str, theirs: str) -> ReviewDifference | None:
    """Return the first difference of two documents, or None when they are the same bytes."""
    if ours == theirs:
        return None
    try:
        mine, other = msgspec.json.decode(ours), msgspec.json.decode(theirs)
    except (msgspec.DecodeError, RecursionError):
        return ReviewDifference("document", ours[:LONGEST_SHOWN], theirs[:LONGEST_SHOWN])
    found = next(_differences("", mine, other), None)
    if found is None:
        return ReviewDifference("document", "the canonical form", "another way to write the same")
    place, here, there = found
    return ReviewDifference(place[:LONGEST_SHOWN] or "document", _shown(here), _shown(there))


_ABSENT = "(nothing)"


def _differences(place: str, ours: Any, theirs: Any) -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 - JSON values
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted({*ours, *theirs}):
            at = f"{place}.{name}" if place else name
            yield from _differences(at, ours.get(name, _ABSENT), theirs.get(name, _ABSENT))
    elif isinstance(ours, list) and isinstance(theirs, list):
        for number in range(max(len(ours), len(theirs))):
            here = ours[number] if number < len(ours) else _ABSENT
            there = theirs[number] if number < len(theirs) else _ABSENT
            yield from _differences(f"{place}[{number}]", here, there)
    elif ours != theirs or type(ours) is not type(theirs):
        yield place, ours, theirs


def _shown(value: Any) -> str:  # noqa: ANN401 - a JSON value
    return value[:LONGEST_SHOWN] if isinstance(value, str) else msgspec.json.encode(value).decode()[:LONGEST_SHOWN]
