"""Field 15 of an ICAO flight plan (Doc 4444, Appendix 2): speed, level, and the route with its changes of both.

Points are positions, named points that were given, or a bearing and a distance from one of these. Bearings are
magnetic, so the variation must be given with the point. Airways are followed where their points were given.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from detente.airspace.altitude import FOOT_M, AltitudeReference, AltitudeUnit, MeanSeaLevel, StandardPressure
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.notam import NAUTICAL_MILE_M
from detente.feeds.routes import LegHeights, RouteOptions, beyond, checked_speed_m_s
from detente.feeds.source import Within, printable_line

MAX_ELEMENTS = 1_000
KNOT_M_S, KM_H_M_S = NAUTICAL_MILE_M / 3600.0, 1.0 / 3.6

_SPEED = r"K\d{4}|N\d{4}|M\d{3}"
_LEVEL = r"F\d{3}|S\d{4}|A\d{3}|M\d{4}"
_CRUISE = re.compile(rf"({_SPEED})({_LEVEL}|VFR)\Z", re.ASCII)
_CRUISE_CLIMB = re.compile(rf"C/([A-Z0-9]+)/({_SPEED})({_LEVEL})({_LEVEL}|PLUS)\Z", re.ASCII)
_CHANGE = re.compile(rf"([A-Z0-9]+)/({_SPEED})({_LEVEL}|VFR)\Z", re.ASCII)
_DEGREES = re.compile(r"(\d\d)([NS])(\d{3})([EW])\Z", re.ASCII)
_MINUTES = re.compile(r"(\d\d)([0-5]\d)([NS])(\d{3})([0-5]\d)([EW])\Z", re.ASCII)
_SECONDS = re.compile(r"(\d\d)([0-5]\d)([0-5]\d)([NS])(\d{3})([0-5]\d)([0-5]\d)([EW])\Z", re.ASCII)
_BEARING = re.compile(r"([A-Z][A-Z0-9]{1,4}|\d{2,6}[NS]\d{3,7}[EW])(\d{3})(\d{3})\Z", re.ASCII)
_WORD = re.compile(r"[A-Z0-9]{1,15}\Z", re.ASCII)
DIRECT = "DCT"
SAYS_NO_PLACE = frozenset({"IFR", "VFR", "GAT", "OAT"})
"""Under which rules, and as which traffic, the flight goes on: along the same route."""

TROPOSPHERE_M, SEA_LEVEL_K, LAPSE_K_M = 11_000.0, 288.15, 0.0065
SOUND_FACTOR = 1.4 * 287.05287
"""Of the standard atmosphere (ICAO Doc 7488): the speed of sound is the root of this times the temperature."""


class Filed(NamedTuple):
    """A route as filed: where it begins, its legs (end, speed, level), what holds for the last one, the altitudes."""

    first: Position
    legs: list[tuple[Position, float, LegHeights]]
    last_speed_m_s: float
    last_level: LegHeights
    unit: AltitudeUnit
    reference: AltitudeReference


class _Height(NamedTuple):
    value: float
    unit: AltitudeUnit
    reference: AltitudeReference


class _Point(NamedTuple):
    name: str
    position: Position


def filed_route(text: str, departure: Position | None, options: RouteOptions) -> Filed:
    """Return the route of field 15 from `departure`, or from its first point where the flight plan is filed in flight.

    Raises Refusal naming the first element that is not a point, an airway whose points are known, or a change.
    """
    elements = text.split()
    cruise = _CRUISE.match(elements[0]) if elements else None
    if cruise is None:
        raise Refusal("routes.fpl_speed_and_level", "", printable_line(elements[0] if elements else ""))
    if len(elements) > MAX_ELEMENTS:
        raise Refusal("routes.at_most_elements", "", len(elements), most=MAX_ELEMENTS)
    route = _Route(options, departure)
    route.change(cruise[1], cruise[2], cruise[2])
    for number, element in enumerate(elements[1:], start=1):
        with Within(printable_line(element)):
            route.take(element, last=number + 1 == len(elements))
    return route.filed()


def place(name: str, options: RouteOptions) -> Position:
    """Return where a point is: a position, a named point that was given, or a bearing and distance from one."""
    if name in (options.points.points if options.points is not None else {}):
        assert options.points is not None
        return options.points.points[name].position
    position = coordinates(name)
    if position is not None:
        return position
    aside = _BEARING.match(name)
    if aside is not None:
        return _aside(aside, options)
    raise Refusal("routes.point_by_name", "", printable_line(name))


class _Route:
    def __init__(self, options: RouteOptions, departure: Position | None) -> None:
        self.options = options
        self.first = departure
        self.at: _Point | None = None
        self.legs: list[tuple[Position, float, LegHeights]] = []
        self.airway = ""
        self.speed_m_s = 0.0
        self.level = LegHeights(0.0, 0.0)
        self.measured: tuple[AltitudeUnit, AltitudeReference] | None = None

    def take(self, element: str, *, last: bool) -> None:
        """Take in one element of the route."""
        if element == DIRECT or element in SAYS_NO_PLACE:
            if self.airway:
                raise Refusal("routes.fpl_end_of_airway", "", self.airway)
            return
        climb, change = _CRUISE_CLIMB.match(element), _CHANGE.match(element)
        if climb is not None:
            if climb[4] == "PLUS":
                raise Refusal("routes.fpl_upper_level", "", element)
            self._fly_to(climb[1])
            self.change(climb[2], climb[3], climb[4])
        elif change is not None:
            self._fly_to(change[1])
            self.change(change[2], change[3], change[3])
        elif not _WORD.match(element):
            raise Refusal("routes.fpl_element", "", printable_line(element))
        elif self._is_airway(element):
            if self.airway or self.at is None or last:
                raise Refusal("routes.fpl_end_of_airway", "", element)
            self.airway = element
        else:
            self._fly_to(element)

    def change(self, speed: str, lower: str, upper: str) -> None:
        """From here on fly at this speed and between these levels."""
        low, high = (self._height(level) for level in (lower, upper))
        if self.measured is None:
            self.measured = low.unit, low.reference
        if {low[1:], high[1:]} != {self.measured}:
            raise Refusal("routes.fpl_one_reference", "", f"{lower} {upper}")
        if low.value > high.value:
            raise Refusal("airspace.upper_limit_not_below", "", upper)
        self.level = LegHeights(low.value, high.value)
        self.speed_m_s = _speed_m_s(speed, low)

    def filed(self) -> Filed:
        """Return what was filed; raises Refusal where an airway leads nowhere or the route begins nowhere."""
        if self.airway:
            raise Refusal("routes.fpl_end_of_airway", "", self.airway)
        if self.first is None or self.measured is None:
            raise Refusal("routes.fpl_first_point", "", None)
        return Filed(self.first, self.legs, self.speed_m_s, self.level, *self.measured)

    def _is_airway(self, element: str) -> bool:
        points = self.options.points
        return points is not None and element in points.airways and element not in points.points

    def _fly_to(self, name: str) -> None:
        points = self.options.points
        if self.airway:
            assert points is not None
            assert self.at is not None
            for point in points.along(self.airway, self.at.name, name):
                self._leg(point.name, point.position)
            self.airway = ""
            return
        self._leg(name, place(name, self.options))

    def _leg(self, name: str, position: Position) -> None:
        if self.first is None:
            self.first = position
        else:
            self.legs.append((position, self.speed_m_s, self.level))
        self.at = _Point(name, position)

    def _height(self, level: str) -> _Height:
        if level == "VFR":
            given = self.options.needed_altitude()
            return _Height(given.value, given.unit, given.reference)
        number = int(level[1:])
        if level[0] == "F":
            return _Height(float(number), AltitudeUnit.FLIGHT_LEVEL, StandardPressure())
        if level[0] == "A":
            return _Height(number * 100.0, AltitudeUnit.FOOT, MeanSeaLevel())
        reference = StandardPressure() if level[0] == "S" else MeanSeaLevel()
        return _Height(number * 10.0, AltitudeUnit.METRE, reference)


def _speed_m_s(text: str, height: _Height) -> float:
    number = int(text[1:])
    if text[0] == "N":
        return checked_speed_m_s(number * KNOT_M_S, "speed")
    if text[0] == "K":
        return checked_speed_m_s(number * KM_H_M_S, "speed")
    metres = height.value * (FOOT_M * 100.0 if height.unit is AltitudeUnit.FLIGHT_LEVEL else
                             FOOT_M if height.unit is AltitudeUnit.FOOT else 1.0)  # fmt: skip
    kelvin = SEA_LEVEL_K - LAPSE_K_M * min(metres, TROPOSPHERE_M)
    return checked_speed_m_s(number / 100.0 * math.sqrt(SOUND_FACTOR * kelvin), "speed")


def coordinates(text: str) -> Position | None:
    """Return a position as 46N007E, 4620N00705E or 462030N0070510E; None for anything else."""
    if found := _DEGREES.match(text):
        north, east = float(found[1]), float(found[3])
        signs = found[2], found[4]
    elif found := _MINUTES.match(text):
        north, east = int(found[1]) + int(found[2]) / 60.0, int(found[4]) + int(found[5]) / 60.0
        signs = found[3], found[6]
    elif found := _SECONDS.match(text):
        north = int(found[1]) + int(found[2]) / 60.0 + int(found[3]) / 3600.0
        east = int(found[5]) + int(found[6]) / 60.0 + int(found[7]) / 3600.0
        signs = found[4], found[8]
    else:
        return None
    return Position(-north if signs[0] == "S" else north, -east if signs[1] == "W" else east)


def _aside(found: re.Match[str], options: RouteOptions) -> Position:
    """A bearing in degrees magnetic and a distance in nautical miles from a point."""
    name, bearing_deg, distance_nm = found[1], int(found[2]), int(found[3])
    if bearing_deg > 360:
        raise Refusal("routes.fpl_bearing", "", bearing_deg)
    points = options.points.points if options.points is not None else {}
    if name not in points and coordinates(name) is None:
        raise Refusal("routes.point_by_name", "", name)
    if name not in points or points[name].variation_deg is None:
        raise Refusal("routes.variation_of_point", "", name)
    point = points[name]
    assert point.variation_deg is not None
    return beyond(point.position, bearing_deg + point.variation_deg, distance_nm * NAUTICAL_MILE_M)
