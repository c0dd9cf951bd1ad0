"""Changes of a plan: later, at another level, or to the side; each applied to the plan as a whole.

A delay shifts every time. A level change shifts every altitude, in the unit and on the reference in which it is given.
A lateral offset flies the whole route parallel to itself, as a controller's "offset five miles right" without the parts
that leave and rejoin: every waypoint keeps its time and altitude, legs keep the given distance from the old ones, and
ground speeds change a little on the inside and outside of turns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from detente.airspace.altitude import UNIT_M, Altitude, AltitudeBand, check_range
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Plan, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal

SHORTEST_LEG_M = 1.0
"""A shorter leg is given its neighbour's course."""
SHARPEST_HALF_TURN = math.cos(math.radians(60.0))
"""At a sharper turn the corner is cut, so that it moves no further than twice the offset."""
READING_DECIMALS = 6


class Delay(msgspec.Struct, frozen=True, tag_field="kind", tag="delay", forbid_unknown_fields=True):
    """Everything `delay_s` seconds later; earlier when negative."""

    delay_s: float

    def __post_init__(self) -> None:
        check_range("delay_s", self.delay_s, -604_800.0, 604_800.0, "seconds")


class LevelChange(msgspec.Struct, frozen=True, tag_field="kind", tag="level_change", forbid_unknown_fields=True):
    """Everything `change_m` metres higher; lower when negative."""

    change_m: float

    def __post_init__(self) -> None:
        check_range("change_m", self.change_m, -30_000.0, 30_000.0, "metres")


class LateralOffset(msgspec.Struct, frozen=True, tag_field="kind", tag="lateral_offset", forbid_unknown_fields=True):
    """The whole route `offset_m` metres to the right of its course; to the left when negative."""

    offset_m: float

    def __post_init__(self) -> None:
        check_range("offset_m", self.offset_m, -500_000.0, 500_000.0, "metres")


PlanChange = Delay | LevelChange | LateralOffset


def apply_change(plan: Plan, change: PlanChange) -> Plan:
    """Return the plan with the change made.

    Raises Refusal when an altitude would leave the range of altitudes, or when a plan without a course (volumes, or a
    trajectory that stays on the spot) is to be offset: right and left of it mean nothing.
    """
    match change:
        case Delay(delay_s=delay_s):
            intent = _delayed(plan.intent, timedelta(seconds=delay_s))
        case LevelChange(change_m=change_m):
            intent = _raised(plan.intent, change_m)
        case LateralOffset(offset_m=offset_m):
            if not has_course(plan):
                raise Refusal("airspace.plan_with_course", "offset_m", offset_m)
            assert isinstance(plan.intent, Trajectory)
            intent = _offset(plan.intent, offset_m)
    return msgspec.structs.replace(plan, intent=intent)


def has_course(plan: Plan) -> bool:
    """Whether the plan has a left and a right side: it is a trajectory, and the trajectory moves."""
    return isinstance(plan.intent, Trajectory) and any(
        length_m >= SHORTEST_LEG_M for _, _, length_m in _legs(plan.intent.waypoints)
    )


def path_length_m(plan: Plan) -> float:
    """Length of a trajectory along its geodesics, in metres; 0 for volumes."""
    if not isinstance(plan.intent, Trajectory):
        return 0.0
    return sum(length_m for _, _, length_m in _legs(plan.intent.waypoints))


def _delayed(intent: Trajectory | tuple[Volume4D, ...], later: timedelta) -> Trajectory | tuple[Volume4D, ...]:
    if isinstance(intent, Trajectory):
        return msgspec.structs.replace(
            intent, waypoints=tuple(msgspec.structs.replace(w, time=w.time + later) for w in intent.waypoints)
        )
    return tuple(msgspec.structs.replace(v, time=TimeWindow(v.time.start + later, v.time.end + later)) for v in intent)


def _raised(intent: Trajectory | tuple[Volume4D, ...], change_m: float) -> Trajectory | tuple[Volume4D, ...]:
    def raised(altitude: Altitude) -> Altitude:
        # Rounded far below a millimetre: FL 350 and 1,000 ft make FL 360 and not FL 360.00000000000006.
        value = round(altitude.value + change_m / UNIT_M[altitude.unit], READING_DECIMALS)
        return msgspec.structs.replace(altitude, value=value)

    if isinstance(intent, Trajectory):
        return msgspec.structs.replace(
            intent, waypoints=tuple(msgspec.structs.replace(w, altitude=raised(w.altitude)) for w in intent.waypoints)
        )
    return tuple(
        msgspec.structs.replace(v, altitude=AltitudeBand(raised(v.altitude.lower), raised(v.altitude.upper)))
        for v in intent
    )


def _legs(waypoints: Sequence[Waypoint]) -> list[tuple[float, float, float]]:
    """Course at the start and at the end of each leg, degrees, and its length in metres."""
    if len(waypoints) < 2:
        return []
    latitudes = [w.position.latitude_deg for w in waypoints]
    longitudes = [w.position.longitude_deg for w in waypoints]
    start, back, length = GEOD.inv(longitudes[:-1], latitudes[:-1], longitudes[1:], latitudes[1:])
    return [(a, b + 180.0, metres) for a, b, metres in zip(start, back, length, strict=True)]


def _offset(trajectory: Trajectory, offset_m: float) -> Trajectory:
    """Move each waypoint square to its course, at a turn along the bisector and as far as keeps both legs parallel."""
    legs = [leg if leg[2] >= SHORTEST_LEG_M else None for leg in _legs(trajectory.waypoints)]
    count = len(trajectory.waypoints)
    arriving: list[float | None] = [None] * count
    leaving: list[float | None] = [None] * count
    for k, leg in enumerate(legs):
        if leg is not None:
            leaving[k], arriving[k + 1] = leg[0], leg[1]
    # A waypoint where the aircraft stays has the course of the leg before it; before the first leg, that of the first.
    for k in range(1, count):
        if arriving[k] is None:
            arriving[k] = leaving[k - 1] if arriving[k - 1] is None else arriving[k - 1]
    for k in range(count - 2, -1, -1):
        if leaving[k] is None:
            leaving[k] = arriving[k + 1] if leaving[k + 1] is None else leaving[k + 1]
    courses, distances_m = [], []
    for before, after in zip(arriving, leaving, strict=True):
        both = [course for course in (before, after) if course is not None]
        half_turn = math.radians((both[-1] - both[0] + 180.0) % 360.0 - 180.0) / 2.0
        courses.append(both[0] + math.degrees(half_turn))
        distances_m.append(offset_m / max(math.cos(half_turn), SHARPEST_HALF_TURN))
    places = [w.position for w in trajectory.waypoints]
    longitudes, latitudes, _ = GEOD.fwd(
        [p.longitude_deg for p in places], [p.latitude_deg for p in places], [c + 90.0 for c in courses], distances_m
    )
    return msgspec.structs.replace(
        trajectory,
        waypoints=tuple(
            msgspec.structs.replace(waypoint, position=Position(latitude, longitude))
            for waypoint, latitude, longitude in zip(trajectory.waypoints, latitudes, longitudes, strict=True)
        ),
    )
