"""Signs that a peer's plans are questions rather than plans: what it declares near what is kept back, and how.

Nothing here decides what is answered. A sign is an alarm for people.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from detente.airspace.compiled import Vocabulary, boxes, compile_plans
from detente.airspace.part_kernels import FAMILY
from detente.airspace.plan import Plan

WATCHED_FOR = timedelta(days=1)
"""How long an answer counts for the signs, and how long a sign that was given is not given again."""
MOST_WATCHED = 500
MOST_REVISIONS = 5
MOST_WITHDRAWN = 5
LONGEST_CHAIN = 4
_INSIDE_SHARE = 0.7
_SMALLER_SHARE = 0.8
_TIME = 4
_SPACE_AND_TIME = (0, 1, 2, _TIME)


class ProbeSign(StrEnum):
    """What was found. Only answers count that near what is kept back (see `DisclosureBudget`)."""

    ANSWERS_SPENT = "answers_spent"
    HURRIED_PROBE = "hurried_probe"
    RESTLESS_PLAN = "restless_plan"
    WITHDRAWN_PROBES = "withdrawn_probes"
    SHRINKING_PROBES = "shrinking_probes"


class Probe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A revision of a peer's plan that was answered near what is kept back.

    `extent` is its bounding box: the least x, y, z (m, earth-centred) and POSIX time (s), then the greatest. `chain`
    counts the questions, this one included, each of which lies mostly inside the one before and is smaller.
    """

    at: datetime
    plan_id: str
    extent: tuple[int, ...]
    chain: int = 1
    signs: tuple[ProbeSign, ...] = ()


def extent_of(plan: Plan) -> tuple[int, ...]:
    """Return the bounding box of a plan as `Probe` keeps it."""
    low, high = boxes(compile_plans([plan], Vocabulary()), FAMILY)
    least, most = low.min(axis=0), high.max(axis=0)
    return (*(math.floor(least[i]) for i in _SPACE_AND_TIME), *(math.ceil(most[i]) for i in _SPACE_AND_TIME))


def chain_of(extent: tuple[int, ...], before: Sequence[Probe]) -> int:
    """Return how long a chain of ever smaller questions, each inside the last, a new one makes."""
    return 1 + max((probe.chain for probe in before if _is_cut_from(extent, probe.extent)), default=0)


def signs_of(
    probe: Probe, before: Sequence[Probe], is_withdrawn: Callable[[str], bool], *, spent: bool, hurried: bool
) -> tuple[ProbeSign, ...]:
    """Return the signs that a question gives and that none of those `before` it gave.

    `before` are those of the last `WATCHED_FOR`; `is_withdrawn` says whether the peer took a plan of its back. `spent`
    when no exact answer is left, `hurried` when the plan came so late that it had to be answered at once.
    """
    others = {each.plan_id for each in before} - {probe.plan_id}
    given = {
        ProbeSign.ANSWERS_SPENT: spent,
        ProbeSign.HURRIED_PROBE: hurried,
        ProbeSign.RESTLESS_PLAN: sum(each.plan_id == probe.plan_id for each in before) + 1 >= MOST_REVISIONS,
        ProbeSign.WITHDRAWN_PROBES: sum(map(is_withdrawn, others)) >= MOST_WITHDRAWN,
        ProbeSign.SHRINKING_PROBES: probe.chain >= LONGEST_CHAIN,
    }
    known = {sign for each in before for sign in each.signs}
    return tuple(sign for sign, is_given in given.items() if is_given and sign not in known)


def _is_cut_from(inner: tuple[int, ...], outer: tuple[int, ...]) -> bool:
    """Whether one box lies mostly inside another and is clearly smaller."""
    half = len(inner) // 2
    common = inner_size = outer_size = 1.0
    for i in range(half):
        overlap = min(inner[half + i], outer[half + i]) - max(inner[i], outer[i])
        if overlap < 0:
            return False
        common *= overlap + 1
        inner_size *= inner[half + i] - inner[i] + 1
        outer_size *= outer[half + i] - outer[i] + 1
    return common >= _INSIDE_SHARE * inner_size and inner_size <= _SMALLER_SHARE * outer_size
