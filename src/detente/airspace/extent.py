"""Where and when whole sets of plans are, and which plans of one set cannot meet any of another.

What is said to meet nothing certainly meets nothing: areas are compared by boxes of latitude and longitude that contain
them with their containment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from detente.airspace.altitude import Altitude, AltitudeUnit
from detente.airspace.arrays import Floats
from detente.airspace.compiled import CompiledPlans
from detente.airspace.ellipsoid_kernels import geodetic_points
from detente.airspace.part_kernels import CURVE_COUNT, LATERAL_M, PLAN, RADIUS_M, SLACK_S, T0, T1
from detente.airspace.plan import Plan, Trajectory
from detente.airspace.position import from_posix_s
from detente.airspace.separation import Minima

SHORTEST_DEGREE_M = 110_500.0
"""No degree of latitude, and none of longitude at the equator, is shorter than this."""
SAMPLED = 64
"""So many boxes of the other set are tried first."""
NEAR_POLE_DEG = 89.0
"""Beyond this a plan is taken to be at all longitudes."""
WHOLE_TURN_DEG = 360.0


class HeightSpan(msgspec.Struct, frozen=True):
    """The lowest and the highest reading of a set of plans on one kind of reference, in the unit in which they are."""

    reference: str
    unit: AltitudeUnit
    lowest: float
    highest: float


class Extent(msgspec.Struct, frozen=True):
    """What a set of plans reaches over, containment and radii included, in degrees and UTC.

    `west` is above `east` where the antimeridian is crossed.
    """

    south: float
    west: float
    north: float
    east: float
    heights: tuple[HeightSpan, ...]
    start: datetime
    end: datetime


@dataclass(frozen=True)
class PlanReach:
    """For each plan of a set its box: south, west, north, east in degrees [n, 4], and start and end [n, 2] in seconds.

    `west` is within -180 to 180, and `east` no less than `west`.
    """

    degrees: Floats
    seconds: Floats


def reach(compiled: CompiledPlans) -> PlanReach:
    """Return the box of each plan with its containment."""
    floats, integers = compiled.floats, compiled.integers
    count = len(compiled.plans)
    owner = integers[:, PLAN]
    # The parts of a plan stand together, and so do their pieces; plans by trajectory come before plans by volumes.
    begins = np.flatnonzero(np.r_[True, np.diff(owner) != 0])
    order = owner[begins]
    seconds, margin_m = np.empty((count, 2)), np.empty(count)
    seconds[order, 0] = np.minimum.reduceat(floats[:, T0] - floats[:, SLACK_S], begins)
    seconds[order, 1] = np.maximum.reduceat(floats[:, T1] + floats[:, SLACK_S], begins)
    margin_m[order] = np.maximum.reduceat(floats[:, LATERAL_M] + floats[:, RADIUS_M], begins)
    of_piece = np.repeat(owner, integers[:, CURVE_COUNT])
    first = np.flatnonzero(np.r_[True, np.diff(of_piece) != 0])
    last = np.r_[first[1:], len(of_piece)] - 1
    # Where each piece begins, and where the last one of a plan ends: a path's end, which is no other piece's beginning.
    curves = compiled.curves
    latitudes, longitudes = geodetic_points(np.ascontiguousarray(curves[:, 0:3]))
    last_latitudes, last_longitudes = geodetic_points(curves[last, 0:3] + curves[last, 3:6])
    middle = longitudes[first]
    turned = _near(longitudes, np.repeat(middle, last - first + 1))
    turned_last = _near(last_longitudes, middle)
    box = np.empty((count, 4))
    box[order] = np.column_stack((
        np.minimum(np.minimum.reduceat(latitudes, first), last_latitudes),
        np.minimum(np.minimum.reduceat(turned, first), turned_last),
        np.maximum(np.maximum.reduceat(latitudes, first), last_latitudes),
        np.maximum(np.maximum.reduceat(turned, first), turned_last),
    ))  # fmt: skip
    around = box[:, 3] - box[:, 1] > 180.0
    # What goes around a pole reaches to it: to which of both the box does not say.
    box[around, 0], box[around, 2] = -90.0, 90.0
    return PlanReach(_grown(box, margin_m), seconds)


def extent(plans: Sequence[Plan], found: PlanReach) -> Extent:
    """Return what all plans together reach over."""
    west, east = _arc(found.degrees[:, 1], found.degrees[:, 3])
    return Extent(
        south=float(found.degrees[:, 0].min()),
        west=west,
        north=float(found.degrees[:, 2].max()),
        east=east,
        heights=_heights(plans),
        start=from_posix_s(float(found.seconds[:, 0].min())),
        end=from_posix_s(float(found.seconds[:, 1].max())),
    )


def alone_in_time(ours: PlanReach, theirs: PlanReach, minima: Minima) -> NDArray[np.bool_]:
    """Return which of our plans are there when none of theirs is, within the minima's time."""
    starts, ends = np.sort(theirs.seconds[:, 0]), np.sort(theirs.seconds[:, 1])
    begun = np.searchsorted(starts, ours.seconds[:, 1] + minima.time_s, side="right")
    over = np.searchsorted(ends, ours.seconds[:, 0] - minima.time_s, side="left")
    return np.asarray(begun == over)


def alone_in_place(ours: PlanReach, theirs: PlanReach, minima: Minima) -> NDArray[np.bool_]:
    """Return which of our plans are where none of theirs is at any time, within the minima's distance."""
    box = _grown(ours.degrees, np.full(len(ours.degrees), minima.horizontal_m))
    tree = shapely.STRtree(_boxes(theirs.degrees, 0.0))
    alone = _without_any_of(box, theirs.degrees[:: max(1, len(theirs.degrees) // SAMPLED)])
    for turn in (0.0, -WHOLE_TURN_DEG, WHOLE_TURN_DEG):
        rows = np.flatnonzero(alone)
        found = tree.query_nearest(_boxes(box[rows], turn), max_distance=1e-9, all_matches=False)
        alone[rows[found[0]]] = False
    return alone


def exchanged(found: PlanReach) -> PlanReach | None:
    """Return the boxes with latitude and longitude exchanged; None where a latitude would be beyond a pole."""
    south, west, north, east = found.degrees.T
    if min(west.min(), -90.0) < -90.0 or max(east.max(), 90.0) > 90.0:
        return None
    return PlanReach(np.column_stack((west, south, east, north)), found.seconds)


def _near(longitudes: Floats, middle: Floats) -> Floats:
    """Longitudes turned so that each is within half a turn of its middle."""
    return np.asarray(middle + (longitudes - middle + 180.0) % WHOLE_TURN_DEG - 180.0)


def _grown(degrees: Floats, margin_m: Floats) -> Floats:
    grown = degrees.copy()
    up = margin_m / SHORTEST_DEGREE_M
    grown[:, 0], grown[:, 2] = degrees[:, 0] - up, degrees[:, 2] + up
    highest = np.abs(grown[:, [0, 2]]).max(axis=1)
    aside = up / np.cos(np.radians(np.minimum(highest, NEAR_POLE_DEG)))
    grown[:, 1], grown[:, 3] = degrees[:, 1] - aside, degrees[:, 3] + aside
    everywhere = (highest >= NEAR_POLE_DEG) | (grown[:, 3] - grown[:, 1] >= WHOLE_TURN_DEG)
    grown[everywhere, 1], grown[everywhere, 3] = -180.0, 180.0
    turn = np.floor((grown[:, 1] + 180.0) / WHOLE_TURN_DEG) * WHOLE_TURN_DEG
    grown[:, [1, 3]] -= turn[:, None]
    grown[:, [0, 2]] = np.clip(grown[:, [0, 2]], -90.0, 90.0)
    return grown


def _without_any_of(box: Floats, some: Floats) -> NDArray[np.bool_]:
    """Which boxes overlap none of a few others: where crowds are, this leaves next to nothing for the tree."""
    alone = np.ones(len(box), dtype=np.bool_)
    for south, west, north, east in some:
        rows = np.flatnonzero(alone)
        overlap = (box[rows, 0] <= north) & (box[rows, 2] >= south) & (box[rows, 1] <= east) & (box[rows, 3] >= west)
        alone[rows[overlap]] = False
    return alone


def _boxes(degrees: Floats, turn: float) -> NDArray[np.object_]:
    south, west, north, east = degrees.T
    return np.asarray(shapely.box(west + turn, south, east + turn, north))


def _arc(west: Floats, east: Floats) -> tuple[float, float]:
    """The shortest arc of longitudes that holds all arcs; all around as -180 to 180."""
    order = np.argsort(west)
    west, east = west[order], east[order]
    reached = np.maximum.accumulate(east)
    reached = np.maximum(reached, reached[-1] - WHOLE_TURN_DEG)
    gaps = np.append(west[1:] - reached[:-1], west[0] + WHOLE_TURN_DEG - reached[-1])
    widest = int(np.argmax(gaps))
    if gaps[widest] <= 0.0:
        return -180.0, 180.0
    begin = float(west[(widest + 1) % len(west)])
    end = (float(reached[widest]) + 180.0) % WHOLE_TURN_DEG - 180.0
    return begin, 180.0 if end == -180.0 else end


def _heights(plans: Sequence[Plan]) -> tuple[HeightSpan, ...]:
    spans: dict[tuple[str, AltitudeUnit], list[float]] = {}

    def take(altitude: Altitude) -> None:
        key = altitude.reference.__struct_config__.tag, altitude.unit
        span = spans.get(key)  # type: ignore[arg-type] # the tag of a reference is a word
        if span is None:
            spans[key] = [altitude.value, altitude.value]  # type: ignore[index]
        elif altitude.value < span[0]:
            span[0] = altitude.value
        elif altitude.value > span[1]:
            span[1] = altitude.value

    for plan in plans:
        if isinstance(plan.intent, Trajectory):
            for waypoint in plan.intent.waypoints:
                take(waypoint.altitude)
        else:
            for volume in plan.intent:
                take(volume.altitude.lower)
                take(volume.altitude.upper)
    return tuple(HeightSpan(kind, unit, *span) for (kind, unit), span in sorted(spans.items()))
