"""What a party gives to others as volumes: plans, notices and zones in one shape, whatever format they go out in.

A trajectory goes out as the strips and discs that hold it, each for the time of its leg. For civil aviation neither
parties nor purposes are named (R47): the formats for publication take volumes alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import NamedTuple

from detente.airspace.altitude import (
    FOOT_M,
    Altitude,
    AltitudeBand,
    AltitudeUnit,
    Ground,
    MeanSeaLevel,
    Qnh,
    StandardPressure,
)
from detente.airspace.plan import Circle, Plan, Polygon, TimeWindow, Trajectory, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.outlines import bearing_and_distance, corridor, reached
from detente.feeds.vertical_limits import UNLIMITED_M, above_sea_m

MOST_PUBLISHED = 20_000
NARROWEST_M = 10.0
"""A trajectory without containment has no width; its strips are this far to either side."""

OUTLINE_OF_CIRCLE = 72


class Published(NamedTuple):
    """One plan, notice or zone: its name and what is said of it, for those who may read that, and its volumes."""

    name: str
    said: dict[str, str]
    volumes: tuple[Volume4D, ...]


class PublishedLimit(NamedTuple):
    """A limit in the words of aeronautical publications: FL, feet above the sea or the ground, surface, unlimited."""

    value: int
    reference: str

    @property
    def notam(self) -> str:
        """The limit as item F or G of a NOTAM."""
        match self.reference:
            case "SFC" | "UNL":
                return self.reference
            case "FL":
                return f"FL{self.value:03d}"
        return f"{self.value}FT {self.reference}"


def volumes_of(plan: Plan) -> tuple[Volume4D, ...]:
    """Return the volumes that hold a plan."""
    if isinstance(plan.intent, Trajectory):
        return tuple(_strips(plan.intent))
    return plan.intent


def all_volumes(published: Iterable[Published]) -> tuple[Volume4D, ...]:
    """Return the volumes of all, in the order of their times, without a word of whose they are."""
    volumes = [volume for one in published for volume in one.volumes]
    if len(volumes) > MOST_PUBLISHED:
        raise Refusal("feeds_airspace.at_most_published", "", len(volumes), most=MOST_PUBLISHED)
    return tuple(sorted(volumes, key=lambda one: (one.time.start, one.time.end, repr(one.area))))


def middle_of(area: Circle | Polygon) -> Position:
    """Return a place in the middle of an area, or near it."""
    if isinstance(area, Circle):
        return area.centre
    count = len(area.vertices)
    first = area.vertices[0].longitude_deg
    east = sum((vertex.longitude_deg - first + 180.0) % 360.0 - 180.0 for vertex in area.vertices) / count
    north = sum(vertex.latitude_deg for vertex in area.vertices) / count
    return Position(north, (first + east + 180.0) % 360.0 - 180.0)


def limits_of(volume: Volume4D) -> tuple[PublishedLimit, PublishedLimit]:
    """Return both limits, rounded outwards: to flight levels on standard pressure, else to feet."""
    at = middle_of(volume.area)
    return _limit(volume.altitude.lower, at, math.floor, -1.0), _limit(volume.altitude.upper, at, math.ceil, 1.0)


def _limit(altitude: Altitude, at: Position, whole: Callable[[float], int], outwards: float) -> PublishedLimit:
    reference, reading_m = altitude.reference, altitude.reading_m
    if outwards > 0.0 and reading_m >= UNLIMITED_M:
        return PublishedLimit(0, "UNL")
    if isinstance(reference, StandardPressure):
        found = PublishedLimit(whole(round(reading_m / (100.0 * FOOT_M), 6)), "FL")
    elif isinstance(reference, Ground):
        found = PublishedLimit(whole(round(reading_m / FOOT_M, 6)), "AGL")
    else:
        if not isinstance(reference, MeanSeaLevel | Qnh):
            # An altitude on QNH is what crews read as feet above the sea; the others are converted, with their error.
            reading_m = above_sea_m(altitude, at.latitude_deg, at.longitude_deg)[outwards > 0.0]
        found = PublishedLimit(whole(round(reading_m / FOOT_M, 6)), "AMSL")
    return PublishedLimit(0, "SFC") if outwards < 0.0 and found.value <= 0 else found


def ring_of(area: Circle | Polygon) -> tuple[Position, ...]:
    """Return the corners of an area; of a circle those of a polygon that holds it."""
    if isinstance(area, Polygon):
        return area.vertices
    step = 360.0 / OUTLINE_OF_CIRCLE
    radius_m = area.radius_m / math.cos(math.radians(step / 2.0)) + 0.1
    return tuple(reached(area.centre, step * number, radius_m) for number in range(OUTLINE_OF_CIRCLE))


def _strips(trajectory: Trajectory) -> Iterator[Volume4D]:
    """The strips and discs of each leg, as wide, as high and as long in time as its containment."""
    waypoints = trajectory.waypoints
    for number in range(max(1, len(waypoints) - 1)):
        first, last = waypoints[number], waypoints[min(number + 1, len(waypoints) - 1)]
        contained = trajectory.containment_of_leg(number)
        half_m = max(contained.lateral_m, NARROWEST_M)
        heights = sorted((first.altitude.reading_m, last.altitude.reading_m))
        reference, metre = first.altitude.reference, AltitudeUnit.METRE
        band = AltitudeBand(
            Altitude(heights[0] - contained.vertical_m, metre, reference),
            Altitude(heights[1] + contained.vertical_m, metre, reference),
        )
        slack = timedelta(seconds=contained.along_time_s)
        window = TimeWindow(first.time - slack, last.time + slack)
        areas: list[Circle | Polygon] = [Circle(one.position, half_m) for one in (first, last)]
        if bearing_and_distance(first.position, last.position)[1] > 1.0:
            areas += corridor([first.position, last.position], 2.0 * half_m, "")
        for area in dict.fromkeys(areas):
            yield Volume4D(area, band, window)
