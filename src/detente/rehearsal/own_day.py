"""A day of one's own in place of the recorded one: from two files of plans, or from one of flights that is divided."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from detente.accord.matching_terms import AltitudeFamilies, MatchingTerms
from detente.airspace.altimetry import is_pressure
from detente.airspace.altitude import AltitudeReference
from detente.airspace.plan import Plan, Trajectory
from detente.airspace.refusal import Refusal
from detente.airspace.separation import MinimaTable
from detente.feeds.load import LoadedPlans, LoadOptions, load_plans
from detente.feeds.source import printable_line
from detente.matching.quantise import Epoch, Role, parts_of, quantise
from detente.rehearsal.california import (
    DEMO_MINIMA,
    FIRST,
    MATCHING,
    SECOND,
    DayTraffic,
    airlines_and_others,
    named_plan,
)

FILES = (1, 2)
DAY_S = 86_400
LEAST_LOG2, MOST_LOG2 = 16, 24


def own_day(files: Sequence[Path], options: LoadOptions, names: tuple[str, str] | None) -> DayTraffic:
    """Return the plans of one or two files as the day on which most of them begin.

    Two files are the two parties' plans. The flights of one file go to an airlines' party and to everyone else's.
    Raises Refusal for a file that cannot be read or divided.
    """
    if len(files) not in FILES:
        raise Refusal("rehearsal.one_or_two_files", "--data", len(files))
    loaded = [load_plans(file, options) for file in files]
    if len(loaded) == 1:
        plans = airlines_and_others(loaded[0].flights)
        if not all(plans):
            raise Refusal("rehearsal.flights_of_both", "--data", printable_line(str(files[0])))
    else:
        plans = _plans_of(loaded[0]), _plans_of(loaded[1])
    starts = Counter(plan.time.start.date() for side in plans for plan in side)
    date = max(starts, key=lambda one: (starts[one], -one.toordinal()))
    day = datetime(date.year, date.month, date.day, tzinfo=UTC)
    ours, theirs = ([plan for plan in side if _is_on(plan, day)] for side in plans)
    if not ours or not theirs:
        raise Refusal("rehearsal.both_on_one_day", "--data", f"{day:%Y-%m-%d}")
    kept = tuple(ours), tuple(theirs)
    return DayTraffic(
        names=names or (FIRST, SECOND),
        plans=kept,
        reports_left_out=sum(entry.count for one in loaded for entry in one.dropped),
        other_days=sum(map(len, plans)) - sum(map(len, kept)),
        day=day,
        accord_name="own-day",
        matching=_terms(kept, day),
        attributions=(),
    )


def _plans_of(loaded: LoadedPlans) -> tuple[Plan, ...]:
    return tuple(named_plan(flight) for flight in loaded.flights) or loaded.plans


def _is_on(plan: Plan, day: datetime) -> bool:
    return plan.time.start < day + timedelta(days=1) and plan.time.end >= day


def _terms(plans: tuple[tuple[Plan, ...], tuple[Plan, ...]], day: datetime) -> MatchingTerms:
    """The demo's terms for these plans' references, with room for all that they touch."""
    kinds = {is_pressure(reference) for side in plans for plan in side for reference in _references(plan)}
    families = (
        AltitudeFamilies.BOTH if len(kinds) > 1 else AltitudeFamilies.PRESSURE if True in kinds
        else AltitudeFamilies.GEOMETRIC
    )  # fmt: skip
    terms = msgspec.structs.replace(MATCHING, altitudes=families)
    epoch = Epoch(int(day.timestamp()) // DAY_S, DAY_S)
    most = max(
        len(quantise(side, role, epoch, terms, MinimaTable(default=DEMO_MINIMA)).tokens)
        for side in plans
        for role in Role
    )
    needed = min(max(math.ceil(math.log2(max(most, 1))), LEAST_LOG2), MOST_LOG2)
    parts = max(math.ceil(math.log2(max(len(parts_of(side)) for side in plans))), MATCHING.parts_log2)
    return msgspec.structs.replace(
        terms, first_log2=max(needed, MATCHING.first_log2), second_log2=needed, parts_log2=parts
    )


def _references(plan: Plan) -> set[AltitudeReference]:
    if isinstance(plan.intent, Trajectory):
        return {plan.intent.waypoints[0].altitude.reference}
    return {volume.altitude.lower.reference for volume in plan.intent}
