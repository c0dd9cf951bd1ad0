"""Resolution: the cheapest changes that clear one plan of all known plans.

For each kind and direction of change (later; higher; lower; right; left) the search finds the smallest one, in the
steps that people work with, at which the whole plan is clear of every known plan by the exact predicate. Delays are not
tried one by one: each pair of legs forbids an interval of delays, which is computed exactly (`resolution_kernels`), and
the first delay outside all intervals is verified. Levels and offsets are few and are tried in the order of their cost.

Cost is in seconds of flying time: a delay costs its seconds; a level change `seconds_per_foot` for each foot; a lateral
offset `seconds_per_metre` for each metre of extra path, which is how much longer the offset route is, and twice the
offset for leaving and rejoining. The weights are options.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import NamedTuple

import msgspec

from detente.airspace.altitude import FOOT_M, check_range
from detente.airspace.changes import (
    Delay,
    LateralOffset,
    LevelChange,
    PlanChange,
    apply_change,
    has_course,
    path_length_m,
)  # fmt: skip
from detente.airspace.plan import Plan, Trajectory
from detente.airspace.refusal import Refusal
from detente.airspace.search import PlanIndex
from detente.airspace.separation import MinimaTable
from detente.airspace.surroundings import Known, Reach, Surroundings

__all__ = [
    "CITY", "EN_ROUTE", "Delay", "FoundMeasures", "Known", "LateralOffset", "LevelChange", "NoMeasure",
    "NoMeasureReason", "PlanChange", "PlanIndex", "RankedChange", "ResolutionOptions", "apply_change", "cost_of",
    "find_measures", "size_of", "suited_options",
]  # fmt: skip

CITY_VERTICAL_M = 150.0
"""Minima below this are those of small drones, whose steps are smaller too."""
AT_A_TIME = 8
"""How many changes are checked together in the first, coarse check."""
WIDER = 3.0
"""The nearest change beyond the limits is looked for up to this many times the limits."""
DELAY_STEPS_ON = 12
"""After a delay that was refused, the next is at least this many steps later (2 min en route), then twice as many …"""
STEPS_ON = 1
"""The same for a level or an offset that was refused."""


class ResolutionOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits, steps and weights of the search. A limit of zero excludes that kind of change.

    `lowest_m` is on the plan's own altitude reference. A plan that is lower anywhere takes off or lands, so its path is
    tied to a runway or a pad and only its time may change. No plan is lowered below `lowest_m`.
    """

    delay_max_s: float = 3_600.0
    delay_step_s: float = 10.0
    level_max_m: float = 6_000.0 * FOOT_M
    level_step_m: float = 1_000.0 * FOOT_M
    offset_max_m: float = 20.0 * 1_852.0
    offset_step_m: float = 926.0
    lowest_m: float = 2_000.0 * FOOT_M
    seconds_per_foot: float = 0.03
    seconds_per_metre: float = 0.004

    def __post_init__(self) -> None:
        check_range("delay_max_s", self.delay_max_s, 0.0, 86_400.0, "seconds")
        check_range("delay_step_s", self.delay_step_s, 0.1, 86_400.0, "seconds")
        check_range("level_max_m", self.level_max_m, 0.0, 10_000.0, "metres")
        check_range("level_step_m", self.level_step_m, 0.1, 10_000.0, "metres")
        check_range("offset_max_m", self.offset_max_m, 0.0, 200_000.0, "metres")
        check_range("offset_step_m", self.offset_step_m, 1.0, 200_000.0, "metres")
        check_range("lowest_m", self.lowest_m, -2_000.0, 100_000.0, "metres")
        check_range("seconds_per_foot", self.seconds_per_foot, 0.0, 1e6, "seconds")
        check_range("seconds_per_metre", self.seconds_per_metre, 0.0, 1e6, "seconds")


EN_ROUTE = ResolutionOptions()
CITY = ResolutionOptions(
    delay_max_s=1_800.0, delay_step_s=5.0, level_max_m=90.0, level_step_m=5.0, offset_max_m=1_000.0,
    offset_step_m=10.0, lowest_m=10.0, seconds_per_foot=0.2, seconds_per_metre=0.1,
)  # fmt: skip


class RankedChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change that clears the plan, its cost in seconds of flying time, and the changed plan."""

    change: PlanChange
    cost: float
    plan: Plan


class NoMeasureReason(StrEnum):
    """Why there is no measure."""

    NOT_IN_CONFLICT = "not_in_conflict"
    NOTHING_WITHIN_LIMITS = "nothing_within_limits"
    NO_KIND_ALLOWED = "no_kind_allowed"


class NoMeasure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why no change was found, and the cheapest clear change beyond the limits, up to three times as far, if any."""

    reason: NoMeasureReason
    nearest: RankedChange | None = None


class FoundMeasures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes that clear the plan, cheapest first, one for each kind and direction; or why there is none."""

    measures: tuple[RankedChange, ...]
    none: NoMeasure | None = None


def find_measures(
    plan: Plan,
    known: Known,
    table: MinimaTable,
    options: ResolutionOptions | None = None,
    ignored: Collection[str] = (),
    *,
    refused: Collection[PlanChange] = (),
    places: int = 1,
    look_beyond: bool = True,
) -> FoundMeasures:
    """Find the cheapest change of each kind and direction that leaves `plan` clear of all known plans.

    `known` is an index, or any mixture of indexes and plans. `plan` itself (the same object) does not count, nor do the
    plans that an index holds under the keys `ignored`. Without `options` those that suit the minima are used. Every
    change returned was verified with the exact predicate against all of `known`. A plan that is already clear gets no
    measure. With `look_beyond`, when no change is within the limits, the nearest one beyond them is looked for.

    Changes in `refused` met something that is not known here, and so may what is near them. After each refusal the next
    change of that kind and direction is further on, by a distance that doubles; when there is none, one that was passed
    over is taken, but none nearer to a refused one than the first distance.

    With `places` more than one, so many parts of each kind and direction, evenly spread up to its limit, are searched,
    and the first clear change in each part is found.
    """
    options = options or suited_options(plan, table)
    beyond = _widened(options) if look_beyond else options
    surroundings = Surroundings(plan, known, table, ignored, beyond.delay_max_s)
    if surroundings.clear(plan):
        return FoundMeasures((), NoMeasure(NoMeasureReason.NOT_IN_CONFLICT))
    if options.delay_max_s == options.level_max_m == options.offset_max_m == 0.0:
        return FoundMeasures((), NoMeasure(NoMeasureReason.NO_KIND_ALLOWED))
    ranked = _ranked(plan, surroundings, options, refused, places)
    if ranked:
        return FoundMeasures(ranked)
    nearest = next(iter(_ranked(plan, surroundings, beyond, refused)), None) if look_beyond else None
    return FoundMeasures((), NoMeasure(NoMeasureReason.NOTHING_WITHIN_LIMITS, nearest))


def suited_options(plan: Plan, table: MinimaTable) -> ResolutionOptions:
    """EN_ROUTE, or CITY where two plans of this class keep a small vertical distance."""
    minima = table.between(plan.aircraft_class, plan.aircraft_class)
    return CITY if minima.vertical_m < CITY_VERTICAL_M else EN_ROUTE


def cost_of(plan: Plan, change: PlanChange, changed: Plan, options: ResolutionOptions) -> float:
    """Return the cost in seconds of flying time of the `change` that makes `plan` into `changed`."""
    match change:
        case Delay(delay_s=delay_s):
            return abs(delay_s)
        case LevelChange(change_m=change_m):
            return abs(change_m) / FOOT_M * options.seconds_per_foot
        case LateralOffset(offset_m=offset_m):
            extra_m = max(0.0, path_length_m(changed) - path_length_m(plan)) + 2.0 * abs(offset_m)
            return extra_m * options.seconds_per_metre


def _widened(options: ResolutionOptions) -> ResolutionOptions:
    return msgspec.structs.replace(
        options,
        delay_max_s=min(86_400.0, WIDER * options.delay_max_s),
        level_max_m=min(10_000.0, WIDER * options.level_max_m),
        offset_max_m=min(200_000.0, WIDER * options.offset_max_m),
    )


def _ranked(
    plan: Plan, surroundings: Surroundings, options: ResolutionOptions, refused: Collection[PlanChange], places: int = 1
) -> tuple[RankedChange, ...]:
    """The first clear change of each kind and direction, by cost; of equal cost in the order of the kinds.

    With several `places`, the first in each part of the limit.
    """
    delays = (Delay(delay_s) for delay_s in surroundings.clear_delays(options.delay_step_s, options.delay_max_s))
    levels = Reach(height_m=options.level_max_m)
    # A corner moves by up to twice the offset.
    offsets = Reach(aside_m=2.0 * options.offset_max_m)
    searches: list[tuple[Iterator[PlanChange], Reach, _Direction]] = [
        (
            delays,
            Reach(later_s=options.delay_max_s),
            _Direction(Delay, 1.0, DELAY_STEPS_ON * options.delay_step_s, options.delay_max_s),
        )
    ]
    if lowest_reading_m(plan) >= options.lowest_m:
        for sign in (1.0, -1.0):
            up_or_down = map(LevelChange, _level_steps(plan, options, sign))
            step_m, limit_m = options.level_step_m, options.level_max_m
            searches.append((up_or_down, levels, _Direction(LevelChange, sign, STEPS_ON * step_m, limit_m)))
        for sign in (1.0, -1.0):
            aside = map(LateralOffset, _offset_steps(plan, options, sign))
            step_m, limit_m = options.offset_step_m, options.offset_max_m
            searches.append((aside, offsets, _Direction(LateralOffset, sign, STEPS_ON * step_m, limit_m)))
    ranked = []
    for changes, reach, direction in searches:
        parts = _past_refused(changes, direction, refused)
        if places > 1:
            parts = _spread(itertools.chain.from_iterable(parts), direction.limit / places)
        for part in parts:
            cheapest = next(_clear_changes(plan, surroundings, part, reach, options), None)
            if cheapest is not None:
                ranked.append(cheapest)
                if places == 1:
                    break
    return tuple(sorted(ranked, key=lambda change: change.cost))


class _Direction(NamedTuple):
    """A kind and direction of change, how far from a refused one the next is, and how far a change may go."""

    kind: type[PlanChange]
    sign: float
    distance: float
    limit: float


def _past_refused(
    changes: Iterator[PlanChange], direction: _Direction, refused: Collection[PlanChange]
) -> Iterator[Iterator[PlanChange]]:
    """Yield what to try of `changes`, which rise: those far enough on, then those that are passed over for them."""
    sizes = [
        abs(size_of(change))
        for change in refused
        if isinstance(change, direction.kind) and size_of(change) * direction.sign > 0.0
    ]
    if not sizes:
        yield changes
        return
    almost = 1.0 - 1e-9
    floor = max(sizes) + direction.distance * 2.0 ** (len(sizes) - 1) * almost
    rising = list(changes)
    yield (change for change in rising if abs(size_of(change)) >= floor)
    yield (
        change
        for change in rising
        if abs(size_of(change)) < floor
        and all(abs(abs(size_of(change)) - size) >= direction.distance * almost for size in sizes)
    )


def _spread(changes: Iterator[PlanChange], length: float) -> Iterator[Iterator[PlanChange]]:
    """Yield `changes` in parts, each over a range of sizes of this length."""
    for _, part in itertools.groupby(changes, lambda change: int(abs(size_of(change)) / length)):
        yield part


def size_of(change: PlanChange) -> float:
    """Return the seconds of a delay, or the metres of a level change or an offset."""
    match change:
        case Delay(delay_s=size) | LevelChange(change_m=size) | LateralOffset(offset_m=size):
            return size


def _clear_changes(
    plan: Plan, surroundings: Surroundings, changes: Iterator[PlanChange], reach: Reach, options: ResolutionOptions
) -> Iterator[RankedChange]:
    """Yield those of `changes` that are clear, in their order: several at a time are checked coarsely, then exactly."""
    while batch := list(itertools.islice(changes, AT_A_TIME)):
        changed = {}
        for change in batch:
            try:
                changed[change] = apply_change(plan, change)
            except Refusal:
                # This change leaves the range of altitudes, and so would all larger ones.
                changes = iter(())
                break
        for change, result in zip(changed, surroundings.sifted(list(changed.values()), reach), strict=True):
            if result is not None and surroundings.clear(result):
                yield RankedChange(change, cost_of(plan, change, result, options), result)


def _level_steps(plan: Plan, options: ResolutionOptions, sign: float) -> Iterator[float]:
    for size in _steps(options.level_step_m, options.level_max_m):
        if sign < 0.0 and lowest_reading_m(plan) - size < options.lowest_m:
            return
        yield sign * size


def _offset_steps(plan: Plan, options: ResolutionOptions, sign: float) -> Iterator[float]:
    if has_course(plan):
        yield from (sign * size for size in _steps(options.offset_step_m, options.offset_max_m))


def _steps(step: float, limit: float) -> Iterator[float]:
    for number in range(1, int(limit / step * (1.0 + 1e-12)) + 1):
        yield number * step


def lowest_reading_m(plan: Plan) -> float:
    """The lowest altitude of the plan in metres, on its own reference."""
    if isinstance(plan.intent, Trajectory):
        return min(w.altitude.reading_m for w in plan.intent.waypoints)
    return min(volume.altitude.lower.reading_m for volume in plan.intent)
