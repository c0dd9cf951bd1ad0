"""The busiest stretch of the day flown against the plans as agreed, seen by one party's watch.

Everybody flies the plans as they stand after the measures, but for a few aircraft of the watching party, which each do
something that was not said, and one more aircraft of which nobody said anything. The watch knows what that party's
journal knows: its own plans, those plans of the other side that it was told, the accord's minima, whose aircraft are
whose. Nothing is drawn by lot and no clock is read: the same plans give the same alerts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Plan, TimeWindow
from detente.airspace.position import from_posix_s, posix_s
from detente.airspace.separation import Minima, MinimaTable
from detente.lookout.lookout import Lookout
from detente.lookout.told_situation import ToldSituation, encode_situation
from detente.plots.flown_stretch import ClosestPass, FlownAlert, FlownPath, FlownStretch
from detente.rehearsal.courses import (
    Course,
    aside,
    course_of,
    crossing,
    has_course,
    higher,
    late,
    sightings_of,
    silent,
)
from detente.watch.alert import Alert, AlertKind, TrackSide
from detente.watch.finding import LEVELS, number_of
from detente.watch.live_watch import PAIR_KINDS

STRETCH_S = 1_800.0
START_STEP_S = 600.0
LEAST_STRETCH_S = 600.0
MOST_REPORTS = 80_000
"""A busier stretch is made shorter, and then told less often, so that it is flown within seconds."""
UNDECLARED_ADDRESS = "f00001"
OURS_FROM, THEIRS_FROM = 0xA00000, 0xB00000
"""Addresses are given anew: one aircraft may fly several plans in a day, and a plan may name none."""
UNHEARD = "separation_no_height"
"""Why an aircraft that is heard no more is told with everybody whom it may meet; they are one matter."""
LEAST_FLOWN_S = 200.0
"""An aircraft that is made to deviate is in the air for so long within the stretch."""


class AgreedPlans(NamedTuple):
    """The plans of two parties as they stand, and what the first was told of the second's.

    `minima` are the tactical ones; `untold` says whether the accord has nobody say where aircraft are.
    """

    names: tuple[str, str]
    ours: Sequence[Plan]
    theirs: Sequence[Plan]
    told: Sequence[Plan]
    minima: MinimaTable
    untold: bool


class _Matter(NamedTuple):
    """What the watch told of one matter: as first told, its kinds, the worst level, first and last time, the pairs."""

    alert: Alert
    kinds: tuple[AlertKind, ...]
    level: int
    raised_s: float
    last_s: float
    pairs: frozenset[tuple[str, ...]]


def fly_stretch(agreed: AgreedPlans, window: TimeWindow | None = None) -> FlownStretch:
    """Fly the busiest stretch of the day, or the one given, and return what the first party's watch says of it."""
    sides = tuple([plan for plan in side if has_course(plan)] for side in (agreed.ours, agreed.theirs))
    start_s, end_s, every_s = busiest_stretch(sides[0], sides[1], window)
    shown = TimeWindow(from_posix_s(start_s), from_posix_s(end_s))
    ours, theirs = (
        [
            (plan, f"{first + number:06x}")
            for number, plan in enumerate(sorted(plans, key=lambda plan: plan.plan_id))
            if posix_s(plan.time.start) < end_s and posix_s(plan.time.end) > start_s
        ]
        for plans, first in zip(sides, (OURS_FROM, THEIRS_FROM), strict=True)
    )
    flown = _deviating(ours, start_s, end_s, every_s)
    flown += [course_of(plan, address, start_s, end_s, every_s) for plan, address in theirs]
    flown = [course for course in flown if len(course) > 1]
    if not flown:
        return FlownStretch(agreed.names[0], shown, (), 0, (), len(agreed.told))
    told = ToldSituation(
        agreed.names[0], agreed.minima,
        our_aircraft=frozenset(address for _, address in ours),
        their_aircraft=frozenset(address for _, address in theirs),
        plans=tuple(plan for plan, _ in ours), flown={address: plan.plan_id for plan, address in ours},
        told_plans=tuple(agreed.told), theirs_untold=agreed.untold,
    )  # fmt: skip
    reports, matters = _watched(flown, told, start_s, end_s)
    sides_of = {address: TrackSide.OURS for _, address in ours} | {address: TrackSide.THEIRS for _, address in theirs}
    plans = {address: plan for plan, address in ours}
    alerts = _alerts(flown, matters, agreed.minima.default, end_s)
    paths = tuple(
        _path(
            course,
            sides_of.get(course.address, TrackSide.UNKNOWN),
            plans.get(course.address),
            (start_s, end_s, every_s),
        )
        for course in flown
    )
    return FlownStretch(agreed.names[0], shown, paths, reports, alerts, len(agreed.told))


def busiest_stretch(
    ours: Sequence[Plan], theirs: Sequence[Plan], window: TimeWindow | None = None
) -> tuple[float, float, float]:
    """Start and end (seconds since 1970) of the busiest stretch, and how far reports are apart.

    That is the one with the largest product of the time that ours fly in it and the time that all do; the earliest of
    equals.
    """
    if window is not None:
        return posix_s(window.start), posix_s(window.end), 1.0
    if not ours:
        return 0.0, STRETCH_S, 1.0
    spans = np.array([(posix_s(p.time.start), posix_s(p.time.end)) for p in (*ours, *theirs)])
    own = spans[: len(ours)]
    lasts_s = STRETCH_S
    while True:
        starts_s = np.arange(own[:, 0].min() // START_STEP_S, own[:, 1].max() // START_STEP_S + 1) * START_STEP_S
        own_s, all_s = (np.array([_within(some, at_s, lasts_s) for at_s in starts_s.tolist()]) for some in (own, spans))
        best = int(np.argmax(own_s * all_s))
        if all_s[best] <= MOST_REPORTS or lasts_s <= LEAST_STRETCH_S:
            break
        lasts_s = max(LEAST_STRETCH_S, lasts_s / 2.0)
    every_s = min(10.0, max(1.0, float(np.ceil(all_s[best] / MOST_REPORTS))))
    return float(starts_s[best]), float(starts_s[best] + lasts_s), every_s


def _within(spans: np.ndarray, start_s: float, lasts_s: float) -> float:
    """How many seconds are flown within a stretch."""
    together = np.minimum(spans[:, 1], start_s + lasts_s) - np.maximum(spans[:, 0], start_s)
    return float(np.maximum(together, 0.0).sum())


def _deviating(ours: list[tuple[Plan, str]], start_s: float, end_s: float, every_s: float) -> list[Course]:
    """The courses of ours, a few of them changed, and an undeclared aircraft across one of those that are not.

    Those longest in the air within the stretch are changed, each after a third of its flight.
    """
    courses = {address: course_of(plan, address, start_s, end_s, every_s) for plan, address in ours}
    plans = {address: plan for plan, address in ours}
    longest = sorted(
        (address for address, course in courses.items() if len(course) * every_s >= LEAST_FLOWN_S),
        key=lambda address: (-len(courses[address]), address),
    )
    begin = [address for address in longest if posix_s(plans[address].time.start) > start_s]
    chosen = begin[-1] if len(longest) > 1 and begin else None
    if chosen is not None:
        longest.remove(chosen)
        courses[chosen] = late(plans[chosen], chosen, start_s, end_s, every_s)
    added = [crossing(courses[met], _middle_s(courses[met]), UNDECLARED_ADDRESS, every_s) for met in longest[:1]]
    for address, change in zip(longest[1:], (aside, higher, silent), strict=False):
        courses[address] = change(courses[address], _first_third_s(courses[address]))
    return [*courses.values(), *added]


def _middle_s(course: Course) -> float:
    return float(course.times_s[len(course) // 2])


def _first_third_s(course: Course) -> float:
    return float(course.times_s[len(course) // 3])


def _watched(flown: Sequence[Course], told: ToldSituation, start_s: float, end_s: float) -> tuple[int, list[_Matter]]:
    """How many reports the watch took in, and what it told, aircraft by their addresses, in the order of time."""
    reports = sorted(
        (one for course in flown for one in sightings_of(course)), key=lambda one: (one.received_s, one.address)
    )
    lookout = Lookout(frozenset())
    lookout.told(encode_situation(told))
    names: dict[str, str] = {}
    matters: dict[str, _Matter] = {}
    place, now_s = 0, start_s
    while now_s < end_s:
        now_s += 1.0
        heard = place
        while heard < len(reports) and reports[heard].received_s < now_s:
            heard += 1
        lookout.take(reports[place:heard])
        place = heard
        seen = lookout.look(now_s)
        names |= {track.track_id: track.addresses[0] for track in seen.tracks if track.addresses}
        for alert in seen.alerts:
            named = msgspec.structs.replace(alert, tracks=tuple(names.get(one, one) for one in alert.tracks))
            key = alert.key
            if alert.kind in PAIR_KINDS:
                key = "|".join(named.tracks)
                if alert.reason == UNHEARD and key not in matters:
                    key = named.tracks[0]
            matters[key] = _went_on(matters.get(key), named, now_s)
    return place, sorted(matters.values(), key=lambda one: (one.raised_s, one.alert.key))


def _went_on(before: _Matter | None, alert: Alert, now_s: float) -> _Matter:
    if before is None:
        return _Matter(alert, (alert.kind,), number_of(alert.level), now_s, now_s, frozenset({alert.tracks}))
    kinds = before.kinds if alert.kind in before.kinds else (*before.kinds, alert.kind)
    level, pairs = max(before.level, number_of(alert.level)), before.pairs | {alert.tracks}
    return before._replace(kinds=kinds, level=level, last_s=now_s, pairs=pairs)


def _alerts(
    flown: Sequence[Course], matters: Sequence[_Matter], minima: Minima, end_s: float
) -> tuple[FlownAlert, ...]:
    by_address = {course.address: course for course in flown}
    return tuple(
        _alert(number, matter, [by_address[name] for name in matter.alert.tracks], flown, minima, end_s)
        for number, matter in enumerate(matters, start=1)
    )


def _alert(
    number: int, matter: _Matter, courses: list[Course], flown: Sequence[Course], minima: Minima, end_s: float
) -> FlownAlert:

    alert = matter.alert
    deviating = next((course for course in courses if course.deviation is not None), None)
    closest = None
    if alert.kind in PAIR_KINDS and len(matter.pairs) == 1:
        closest = closest_pass(courses[0], courses[1], minima)
    elif alert.kind is AlertKind.UNDECLARED:
        passes = [closest_pass(courses[0], one, minima) for one in flown if one is not courses[0]]
        closest = min((one for one in passes if one is not None), key=lambda one: _share(one, minima), default=None)
    course = deviating or courses[0]
    row = min(int(np.searchsorted(course.times_s, matter.raised_s)), len(course) - 1)
    if alert.kind in PAIR_KINDS and closest is not None:
        row = min(int(np.searchsorted(course.times_s, posix_s(closest.at))), len(course) - 1)
    return FlownAlert(
        number, msgspec.structs.replace(alert, tracks=tuple(one.name for one in courses)), matter.kinds,
        LEVELS[matter.level - 1], from_posix_s(matter.raised_s),
        from_posix_s(matter.last_s) if matter.last_s < end_s else None,
        None if deviating is None else deviating.deviation,
        None if deviating is None or deviating.since_s is None else from_posix_s(deviating.since_s), closest,
        (float(course.longitude_deg[row]), float(course.latitude_deg[row])), len(matter.pairs) - 1,
    )  # fmt: skip


def _share(one: ClosestPass, minima: Minima) -> float:
    """The larger share of a minimum that was left."""
    return max(one.horizontal_m / minima.horizontal_m, one.vertical_m / minima.vertical_m)


def closest_pass(first: Course, second: Course, minima: Minima) -> ClosestPass | None:
    """How near two aircraft came while both flew: when the larger share of a minimum was smallest; None if never."""
    times_s, one, other = np.intersect1d(first.times_s, second.times_s, return_indices=True)
    if not len(times_s) or first.on_pressure is not second.on_pressure:
        return None
    _, _, horizontal_m = GEOD.inv(
        first.longitude_deg[one], first.latitude_deg[one], second.longitude_deg[other], second.latitude_deg[other]
    )
    vertical_m = np.abs(first.height_m[one] - second.height_m[other])
    share = np.maximum(np.asarray(horizontal_m) / minima.horizontal_m, vertical_m / minima.vertical_m)
    nearest = int(np.argmin(share))
    lost = np.flatnonzero(share < 1.0)
    every_s = float(times_s[1] - times_s[0]) if len(times_s) > 1 else 0.0
    return ClosestPass(
        from_posix_s(float(times_s[nearest])), float(horizontal_m[nearest]), float(vertical_m[nearest]),
        len(lost) * every_s, from_posix_s(float(times_s[lost[0]])) if len(lost) else None,
    )  # fmt: skip


def _path(course: Course, side: TrackSide, plan: Plan | None, stretch: tuple[float, float, float]) -> FlownPath:
    planned: tuple[tuple[float, float], ...] = ()
    if course.deviation is not None and plan is not None:
        planned = _places(course_of(plan, course.address, *stretch))
    return FlownPath(
        course.name, side, _places(course, only_heard=True), _places(course), planned, course.deviation
    )  # fmt: skip


def _places(course: Course, *, only_heard: bool = False) -> tuple[tuple[float, float], ...]:
    kept = course.heard if only_heard else np.ones(len(course), dtype=np.bool_)
    return tuple(zip(course.longitude_deg[kept].tolist(), course.latitude_deg[kept].tolist(), strict=True))
