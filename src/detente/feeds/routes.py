"""What routes and missions do not say themselves, and the path along one as waypoints in time.

A route is a list of positions. Where and when the aircraft is follows from its start, its speed, and where it has
to climb or sink from how fast it does so; whatever the file does not say of these must come with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import msgspec

from detente.airspace.altitude import (
    UNIT_M,
    Altitude,
    AltitudeBand,
    AltitudeReference,
    AltitudeUnit,
    Ellipsoid,
    Ground,
    MeanSeaLevel,
    Qfe,
    StandardPressure,
)
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Containment, Trajectory, Waypoint
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.named_points import NamedPoints
from detente.feeds.plausibility import FASTEST_M_S, check_trajectory
from detente.feeds.source import plausible_instant
from detente.feeds.vertical_limits import SURFACE_M

SLOWEST_M_S = 0.1
LONGEST_FLIGHT_S = 30 * 86_400.0
"""A flight that would take longer has a wrong speed or a wrong position."""

SHORTEST_S = 1e-6
"""Times are in whole microseconds: what is nearer than this in time is one waypoint."""


class RouteOptions(msgspec.Struct, frozen=True):
    """Settings for what routes and missions do not say; None where it was not said: a file that lacks it is refused.

    Attributes:
        start: when the first route begins; the day of clock times that have none.
        speed_m_s: over ground.
        climb_m_s: the least rate of climb and descent.
        altitude: at which a route without altitudes is flown.
        heights: of areas without heights.
        points: the named points of routes, with the airways between them.
        containment: of every route.
        ground: what heights above terrain are measured from.
    """

    start: datetime | None = None
    speed_m_s: float | None = None
    climb_m_s: float | None = None
    altitude: Altitude | None = None
    heights: AltitudeBand | None = None
    points: NamedPoints | None = None
    containment: Containment = Containment(0.0, 0.0, 0.0)
    ground: Ground | None = None

    def needed_start(self) -> datetime:
        """Return the start; raises Refusal where it was not said."""
        if self.start is None:
            raise Refusal("routes.start_of_route", "start", None)
        return plausible_instant(self.start, "start")

    def needed_speed_m_s(self) -> float:
        """Return the speed over ground; raises Refusal where it was not said."""
        if self.speed_m_s is None:
            raise Refusal("routes.speed_of_route", "speed", None)
        return checked_speed_m_s(self.speed_m_s, "speed")

    def needed_climb_m_s(self) -> float:
        """Return the least rate of climb and descent; raises Refusal where it was not said."""
        if self.climb_m_s is None:
            raise Refusal("routes.climb_of_route", "climb", None)
        return self.climb_m_s

    def needed_altitude(self) -> Altitude:
        """Return the altitude of a route without one; raises Refusal where it was not said."""
        if self.altitude is None:
            raise Refusal("routes.altitude_of_route", "altitude", None)
        return self.altitude


def checked_speed_m_s(speed_m_s: float, field: str) -> float:
    """Return a speed that an aircraft can have; raises Refusal for any other, and for none."""
    if not SLOWEST_M_S <= speed_m_s <= FASTEST_M_S:
        raise Refusal("routes.speed_in_range", field, speed_m_s, slowest=SLOWEST_M_S, fastest=FASTEST_M_S)
    return speed_m_s


def distance_m(first: Position, second: Position) -> float:
    """Return the length of the geodesic between two positions."""
    return float(GEOD.inv(first.longitude_deg, first.latitude_deg, second.longitude_deg, second.latitude_deg)[2])


def lengths_m(positions: Sequence[Position]) -> list[float]:
    """Return the lengths of the geodesics from each position to the next."""
    longitudes = [position.longitude_deg for position in positions]
    latitudes = [position.latitude_deg for position in positions]
    lengths = GEOD.inv(longitudes[:-1], latitudes[:-1], longitudes[1:], latitudes[1:])[2]
    return [float(length) for length in lengths]


def beyond(first: Position, bearing_deg: float, metres: float) -> Position:
    """Return the position `metres` from `first` on the geodesic that leaves it at `bearing_deg` true."""
    longitude, latitude, _ = GEOD.fwd(first.longitude_deg, first.latitude_deg, bearing_deg, metres)
    return Position(float(latitude), float(longitude))


def between(first: Position, second: Position, share: float) -> Position:
    """Return the position at a share of the way from `first` to `second` along the geodesic."""
    azimuth, _, metres = GEOD.inv(first.longitude_deg, first.latitude_deg, second.longitude_deg, second.latitude_deg)
    return beyond(first, float(azimuth), share * float(metres))


class Knot(NamedTuple):
    """Where the flight is so many seconds after its start, with its altitude in the unit of the path.

    The leg that ends here is wider than the containment by `lateral_m` sideways and `vertical_m` up or down.
    """

    seconds: float
    position: Position
    altitude: float
    lateral_m: float = 0.0
    vertical_m: float = 0.0


class FlightPath:
    """A flight in the making: each step goes on from where the last one ended.

    Altitudes are in one unit on one reference.
    """

    def __init__(self, position: Position, altitude: float, unit: AltitudeUnit, reference: AltitudeReference) -> None:
        self.unit = unit
        self.reference = reference
        self.knots = [Knot(0.0, position, altitude)]
        self.along_s = 0.0

    @property
    def position(self) -> Position:
        """Where the flight is now."""
        return self.knots[-1].position

    @property
    def altitude(self) -> float:
        """How high it is now."""
        return self.knots[-1].altitude

    def take(
        self, seconds: float, position: Position, altitude: float, *, lateral_m: float = 0.0, vertical_m: float = 0.0
    ) -> None:
        """Be at a position and an altitude after so many seconds more; a step of no time is no step."""
        before = self.knots[-1]
        if before.seconds + seconds > LONGEST_FLIGHT_S:
            raise Refusal("routes.flight_no_longer", "", f"{seconds:,.0f} s", days=LONGEST_FLIGHT_S / 86_400.0)
        if seconds < SHORTEST_S:
            wider = before._replace(
                lateral_m=max(before.lateral_m, lateral_m), vertical_m=max(before.vertical_m, vertical_m)
            )
            self.knots[-1] = wider
            return
        self.knots.append(Knot(before.seconds + seconds, position, altitude, lateral_m, vertical_m))

    def trajectory(self, start: datetime, containment: Containment) -> Trajectory:
        """Return the flight from `start` on; raises Refusal for one that no aircraft can fly."""
        start = plausible_instant(start, "start")
        waypoints = tuple(
            Waypoint(
                knot.position,
                Altitude(knot.altitude, self.unit, self.reference),
                start + timedelta(seconds=knot.seconds),
            )
            for knot in self.knots
        )
        plausible_instant(waypoints[-1].time, "end")
        legs = tuple(
            Containment(
                containment.lateral_m + knot.lateral_m,
                containment.vertical_m + knot.vertical_m,
                containment.along_time_s + self.along_s,
            )
            for knot in self.knots[1:] or self.knots
        )
        whole = Containment(
            max(leg.lateral_m for leg in legs), max(leg.vertical_m for leg in legs), legs[0].along_time_s
        )
        trajectory = Trajectory(waypoints, whole, legs if len(set(legs)) > 1 else ())
        check_trajectory(trajectory)
        return trajectory


def filled_up(
    heights: Sequence[Altitude | None], reference: AltitudeReference, options: RouteOptions
) -> list[Altitude]:
    """Return altitudes in metres on `reference`, with the one among the options where one is not known.

    Where none is known, that one is taken as it is; beside others it has to be on their reference, or is refused.
    """
    if None not in heights:
        return [height for height in heights if height is not None]
    given = options.needed_altitude()
    if any(height is not None for height in heights):
        if given.reference != reference:
            raise Refusal(
                "routes.altitude_above_sea" if reference == MeanSeaLevel() else "routes.altitude_above_ellipsoid",
                "altitude", given.value,
            )  # fmt: skip
        given = Altitude(given.reading_m, AltitudeUnit.METRE, reference)
    return [given if height is None else height for height in heights]


def straight_path(positions: Sequence[Position], altitudes: Sequence[Altitude], speed_m_s: float) -> FlightPath:
    """Return the path from position to position at one speed, climbing all along each leg.

    The altitudes are in one unit on one reference. Raises Refusal for two of them in one place, and for one place.
    """
    path = FlightPath(positions[0], altitudes[0].value, altitudes[0].unit, altitudes[0].reference)
    for number, (altitude, metres) in enumerate(zip(altitudes[1:], lengths_m(positions), strict=True), start=1):
        if altitude.value != path.altitude and metres < 1.0:
            raise Refusal("feeds.another_position", f"points[{number}]", "the position before it")
        path.take(metres / speed_m_s, positions[number], altitude.value)
    if len(path.knots) < 2:
        raise Refusal("routes.route_that_leads", "", "one place")
    return path


class LegHeights(NamedTuple):
    """The altitudes between which a leg is flown, in the unit of the route."""

    lower: float
    upper: float


class Leg(NamedTuple):
    """One leg of a route: where it ends, at which speed it is flown and how high."""

    end: Position
    speed_m_s: float
    level: LegHeights


class _Stretch(NamedTuple):
    """How the altitude goes between two moments of a flight, and how far it may be from that, in the route's unit."""

    start_s: float
    end_s: float
    first: float
    last: float
    wider: float


class Profile(NamedTuple):
    """How a route goes up and down.

    Attributes:
        surface: below all ground, in the route's unit; where the flight begins or ends if it does so on the ground.
        climb: the least rate, in the route's unit a second; None where the file needs none.
        from_ground: whether the route begins on the ground.
        to_ground: whether it ends there.
    """

    surface: float
    climb: float | None
    from_ground: bool
    to_ground: bool


def profile_of(
    options: RouteOptions, unit: AltitudeUnit, reference: AltitudeReference, *, from_ground: bool, to_ground: bool
) -> Profile:
    """Return how a route on one reference goes up and down, by the rate of climb among the options."""
    metres = UNIT_M[unit]
    climb_m_s = options.climb_m_s
    return Profile(
        surface_m(reference) / metres, climb_m_s / metres if climb_m_s is not None else None, from_ground, to_ground
    )


def surface_m(reference: AltitudeReference) -> float:
    """Return a reading that is below all ground, whatever the weather, in metres on `reference`."""
    if isinstance(reference, Ground | MeanSeaLevel | StandardPressure | Ellipsoid):
        return SURFACE_M[type(reference)]
    # A QNH is read like the standard pressure, a QFE from its field on.
    return SURFACE_M[StandardPressure] - (reference.field_elevation_m if isinstance(reference, Qfe) else 0.0)


def flown(
    first: Position, legs: list[Leg], profile: Profile, unit: AltitudeUnit, reference: AltitudeReference
) -> FlightPath:
    """Return the path along a route.

    How an aircraft climbs is not known, but for its least rate: while it may still be climbing it may be anywhere
    between where it was and where it is going. A flight too short for its climb and its descent may be anywhere from
    the surface to its highest level all the time.
    """
    times, positions = [0.0], [first]
    for leg, metres in zip(legs, lengths_m([first, *(leg.end for leg in legs)]), strict=True):
        if metres / leg.speed_m_s < SHORTEST_S:
            times.append(times[-1])
        else:
            times.append(times[-1] + metres / leg.speed_m_s)
        positions.append(leg.end)
    if times[-1] == 0.0:
        raise Refusal("routes.route_that_leads", "", "one place")
    stretches = _stretches(times, [leg.level for leg in legs], profile)
    moments = sorted({*times, *(stretch.start_s for stretch in stretches), *(stretch.end_s for stretch in stretches)})
    path = FlightPath(first, stretches[0].first, unit, reference)
    at, stretch = 0, 0
    for before, moment in pairwise(moments):
        while at + 1 < len(legs) and times[at + 1] < moment:
            at += 1
        while stretch + 1 < len(stretches) and stretches[stretch].end_s < moment:
            stretch += 1
        span = times[at + 1] - times[at]
        part = stretches[stretch]
        share = (moment - times[at]) / span if span > 0.0 else 1.0
        height = part.first + (part.last - part.first) * (moment - part.start_s) / (part.end_s - part.start_s)
        position = positions[at + 1] if moment == times[at + 1] else between(positions[at], positions[at + 1], share)
        path.take(moment - before, position, height, vertical_m=part.wider * UNIT_M[unit])
    return path


def _stretches(times: list[float], levels: list[LegHeights], profile: Profile) -> list[_Stretch]:
    """Return the altitudes from the first moment to the last, without gaps."""
    end = times[-1]
    changes = _changes(times, levels, profile)
    if any(late.start_s < early.end_s for early, late in pairwise(changes)) or any(
        change.start_s < 0.0 or change.end_s > end for change in changes
    ):
        lowest = min([level.lower for level in levels] + [profile.surface])
        middle = (lowest + max(level.upper for level in levels)) / 2.0
        return [_Stretch(0.0, end, middle, middle, middle - lowest)]
    found: list[_Stretch] = []
    begun = 0.0
    for change in [*changes, None]:
        until = change.start_s if change is not None else end
        if until > begun:
            # What is flown at one level: of several levels without time to change, the widest.
            of_legs = [
                level
                for level, (first, last) in zip(levels, pairwise(times), strict=True)
                if last > begun and first < until
            ]
            lower, upper = min(level.lower for level in of_legs), max(level.upper for level in of_legs)
            middle = (lower + upper) / 2.0
            found.append(_Stretch(begun, until, middle, middle, upper - middle))
        if change is not None:
            found.append(change)
            begun = change.end_s
    return found


def _changes(times: list[float], levels: list[LegHeights], profile: Profile) -> list[_Stretch]:
    """The stretches in which the aircraft may be changing its level, in their order."""
    middles = [(level.lower + level.upper) / 2.0 for level in levels]
    halves = [(level.upper - level.lower) / 2.0 for level in levels]
    found = []
    if profile.from_ground:
        half = (middles[0] - profile.surface) / 2.0
        length = _length(2.0 * half, profile)
        found.append(_Stretch(0.0, length, profile.surface + half, middles[0], half + halves[0]))
    for number in range(1, len(levels)):
        step = middles[number] - middles[number - 1]
        if step:
            length = _length(step, profile)
            wider = abs(step) + max(halves[number - 1], halves[number])
            found.append(_Stretch(times[number], times[number] + length, middles[number - 1], middles[number], wider))
    if profile.to_ground:
        half = (middles[-1] - profile.surface) / 2.0
        length = _length(2.0 * half, profile)
        found.append(_Stretch(times[-1] - length, times[-1], middles[-1], profile.surface + half, half + halves[-1]))
    return [stretch for stretch in found if stretch.end_s > stretch.start_s]


def _length(step: float, profile: Profile) -> float:
    if profile.climb is None:
        raise Refusal("routes.climb_of_route", "climb", None)
    return abs(step) / profile.climb
