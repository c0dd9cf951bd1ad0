"""Conflicts equal brute force on both sides: a search that is quick must not miss one (promise 1)."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import NamedTuple

from detente.airspace.plan import Plan, Trajectory
from detente.airspace.search import encounter
from detente.airspace.separation import Minima
from detente.picture.conflicts import PlanReference, conflict_id
from detente.picture.picture import Picture


def check(picture: Picture) -> None:
    """Hold the open conflicts of one side against every pair of live plans that it knows."""
    if picture.accord is None:
        return
    expected = set()
    live = [record for _, record in sorted(picture.plans.items()) if record.live]
    for first, second in product(live, live):
        if first.party < second.party and picture.party in (first.party, second.party):
            minima = _minima(picture, first, second)
            if minima is not None and _come_too_close(first.plan, second.plan, minima):
                ends = [PlanReference(one.party, one.plan.plan_id, one.revision) for one in (first, second)]
                expected.add(conflict_id(*ends))
    found = set(picture.conflicts)
    assert found == expected, f"{picture.party}: missed {expected - found}, invented {found - expected}"


def _minima(picture, first, second):
    peer = first.party if second.party == picture.party else second.party
    if peer not in picture.accord.parties:
        return None
    pair = next((pair for pair in picture.accord.pairs if pair.peer == peer), None)
    table = picture.accord.minima if pair is None else pair.minima
    return table.between(first.plan.aircraft_class, second.plan.aircraft_class)


@lru_cache(maxsize=20_000)
def _come_too_close(first: Plan, second: Plan, minima: Minima) -> bool:
    if _far_apart(first, second):
        return False
    return encounter(first, second, minima) is not None


def _far_apart(first: Plan, second: Plan) -> bool:
    """Whether the exact judgement can be spared: far more than any minima lies between the two boxes."""
    return any(a.lower > b.upper or b.lower > a.upper for a, b in zip(_box(first), _box(second), strict=True))


class _Span(NamedTuple):
    lower: float
    upper: float


@lru_cache(maxsize=20_000)
def _box(plan: Plan) -> tuple[_Span, _Span, _Span]:
    """Spans of latitude, longitude and time, with more than 30 km and an hour's quarter around them."""
    if isinstance(plan.intent, Trajectory):
        places = [waypoint.position for waypoint in plan.intent.waypoints]
        times = [waypoint.time for waypoint in plan.intent.waypoints]
    else:
        places = [volume.area.centre for volume in plan.intent]
        times = [moment for volume in plan.intent for moment in (volume.time.start, volume.time.end)]
    spans = (
        ([place.latitude_deg for place in places], 0.5), ([place.longitude_deg for place in places], 0.6),
        ([moment.timestamp() for moment in times], 900.0),
    )  # fmt: skip
    latitude, longitude, time = (_Span(min(of) - margin / 2, max(of) + margin / 2) for of, margin in spans)
    return latitude, longitude, time


def check_equal(one: Picture, other: Picture) -> None:
    """Both sides know the same conflicts with each other, once all that is told has come."""
    pairs = [
        {key for key, record in picture.conflicts.items()
         if {record.conflict.first.party, record.conflict.second.party} == {one.party, other.party}}
        for picture in (one, other)
    ]  # fmt: skip
    assert pairs[0] == pairs[1], f"{one.party} and {other.party} differ in {pairs[0] ^ pairs[1]}"
