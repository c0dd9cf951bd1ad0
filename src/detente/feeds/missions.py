"""What a drone flies that carries out a list of MAVLink commands (common.xml, MAV_CMD and MAV_FRAME).

Every command is flown, or is known to move nothing (cameras, servos, regions of interest), or is refused by its
number: a command that is not known may be a flight. Altitudes become metres above mean sea level: those above home
by home's elevation, those above terrain by the elevation of the ground that was given, whose error widens the leg.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from detente.airspace.altitude import AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Trajectory
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.routes import FlightPath, RouteOptions, checked_speed_m_s, distance_m
from detente.feeds.source import Within

MAX_ITEMS = 50_000

FRAMES_MSL = frozenset({0, 5})
FRAMES_HOME = frozenset({3, 6})
FRAMES_TERRAIN = frozenset({10, 11})

WAYPOINT, LOITER_TURNS, LOITER_TIME, RETURN, LAND, TAKEOFF, LOITER_TO_ALT = 16, 18, 19, 20, 21, 22, 31
VTOL_TAKEOFF, VTOL_LAND, DELAY, CONDITION_DELAY, CHANGE_SPEED, VTOL_TRANSITION = 84, 85, 93, 112, 178, 3000
TO_HOVER, TO_FORWARD = 3, 4
"""States that a VTOL aircraft is told to change to (MAV_VTOL_STATE)."""

MOVES_NOTHING = frozenset(
    {80, 114, 115, 181, 182, 183, 184, 189, 195, 196, 197, 200, 201, 202, 203, 204, 205, 206, 207, 214, 216, 530, 531,
     532, 533, 534, 1000, 1001, 2000, 2001, 2003, 2004, 2500, 2501, 2502}
)  # fmt: skip
"""Regions of interest, cameras and gimbals, relays and servos, conditions on these, where landing begins, fences."""

UNCHANGED, AS_BEFORE = -1.0, -2.0
"""In place of a speed: it stays, or is the aircraft's own again."""


class Kind(Enum):
    """How an aircraft stays where it is: in the air on the spot, in circles, or either."""

    HOVERING = "hovering"
    CIRCLING = "circling"
    CHANGING = "changing"


class MissionItem(NamedTuple):
    """One command: where it stands in the file, its number, frame and seven parameters, NaN where one is not given."""

    place: str
    command: int
    frame: int
    params: tuple[float, ...]


class Home(NamedTuple):
    """Where the flight begins, and the elevation that heights above home are measured from."""

    position: Position
    elevation_m: float


class Aircraft(NamedTuple):
    """How it flies, and its speeds while it goes forward as a wing and as a rotor; None where they are not known."""

    kind: Kind
    forward_m_s: float | None
    hovering_m_s: float | None


def mission_trajectory(
    home: Home, aircraft: Aircraft, items: Iterable[MissionItem], options: RouteOptions
) -> Trajectory:
    """Return the flight of a mission; raises Refusal naming the item and what is wrong with it or missing beside it."""
    flight = _Flight(home, aircraft, options)
    for item in items:
        with Within(item.place):
            flight.carry_out(item)
    if len(flight.way.knots) < 2:
        raise Refusal("routes.mission_that_flies", "items", "no command that flies anywhere")
    start = options.needed_start()
    return flight.way.trajectory(start, options.containment)


class _Flight:
    def __init__(self, home: Home, aircraft: Aircraft, options: RouteOptions) -> None:
        self.home = home
        self.aircraft = aircraft
        self.options = options
        self.way = FlightPath(home.position, home.elevation_m, AltitudeUnit.METRE, MeanSeaLevel())
        self.hovers = aircraft.kind is not Kind.CIRCLING
        self.told_m_s: float | None = None
        self.up_m_s = self.down_m_s = options.climb_m_s
        self.error_m = 0.0

    def carry_out(self, item: MissionItem) -> None:
        """Fly what one command asks for."""
        command = item.command
        if command in {TAKEOFF, VTOL_TAKEOFF}:
            self._take_off(item)
        elif command == WAYPOINT:
            self._waypoint(item)
        elif command in {LOITER_TURNS, LOITER_TIME, LOITER_TO_ALT}:
            self._loiter(item)
        elif command in {LAND, VTOL_LAND}:
            self._land(item)
        elif command == RETURN:
            self._return()
        elif command == DELAY:
            self._delay(item)
        elif command == CONDITION_DELAY:
            # Some autopilots wait, others go on and hold back only what moves nothing.
            self.way.along_s += self._seconds(item.params[0], "delay")
        elif command == CHANGE_SPEED:
            self._change_speed(item)
        elif command == VTOL_TRANSITION:
            self._transition(item)
        elif command not in MOVES_NOTHING:
            raise Refusal("routes.mission_command", "command", command)

    def _take_off(self, item: MissionItem) -> None:
        position, height_m, error_m = self._place(item)
        if not self.hovers:
            if position == self.way.position:
                raise Refusal("routes.takeoff_with_position", "params", "no position")
            self._go(position, height_m, error_m)
            return
        self._go(self.way.position, height_m, error_m)
        if item.command == VTOL_TAKEOFF:
            self.hovers = False
        self._go(position, height_m, error_m)

    def _waypoint(self, item: MissionItem) -> None:
        position, height_m, error_m = self._place(item)
        # The radius within which it counts as passed, and the distance at which it is passed.
        aside_m = max(abs(_known(item.params[1])), abs(_known(item.params[2])))
        self._go(position, height_m, error_m, aside_m)
        hold_s = self._seconds(item.params[0], "hold time")
        if self.hovers:
            self._stay(hold_s)

    def _loiter(self, item: MissionItem) -> None:
        position, height_m, error_m = self._place(item)
        first = item.params[0]
        radius_m = abs(_known(item.params[1 if item.command == LOITER_TO_ALT else 2]))
        if self.hovers and item.command != LOITER_TURNS:
            radius_m = 0.0
        elif radius_m == 0.0:
            raise Refusal("routes.radius_of_circle", "params", radius_m)
        turn_s = 2.0 * math.pi * radius_m / self._speed_m_s() if radius_m else 0.0
        if item.command == LOITER_TO_ALT:
            # It comes as high as it is, and leaves as high as it is told.
            self._go(position, self.way.altitude, self.error_m, radius_m)
            self._go(position, height_m, error_m, radius_m)
        else:
            self._go(position, height_m, error_m, radius_m)
            asked = self._seconds(first, "turns" if item.command == LOITER_TURNS else "time")
            self._stay(asked * turn_s if item.command == LOITER_TURNS else asked, radius_m)
        # It leaves the circle where that leads to the next item: up to one turn later.
        self.way.along_s += turn_s

    def _land(self, item: MissionItem) -> None:
        position, height_m, error_m = self._place(item, landing=True)
        if item.command == VTOL_LAND:
            self._go(position, self.way.altitude, self.error_m)
            self.hovers = True
        if self.hovers:
            self._go(position, self.way.altitude, self.error_m)
        self._go(position, height_m, error_m)

    def _return(self) -> None:
        """Climb to the height of returns if below it, fly home, land."""
        if not self.hovers:
            raise Refusal("routes.return_that_lands", "command", RETURN)
        given = self.options.altitude
        if given is None:
            raise Refusal("routes.altitude_of_return", "command", RETURN)
        if not isinstance(given.reference, MeanSeaLevel):
            raise Refusal("routes.altitude_above_sea", "altitude", str(given.reference))
        self._go(self.way.position, max(given.reading_m, self.way.altitude), self.error_m)
        self._go(self.home.position, self.way.altitude, self.error_m)
        self._go(self.home.position, self.home.elevation_m, 0.0)

    def _delay(self, item: MissionItem) -> None:
        if item.params[0] < 0.0:
            raise Refusal("routes.delay_in_seconds", "params", item.params[0])
        self._stay(self._seconds(item.params[0], "delay"))

    def _change_speed(self, item: MissionItem) -> None:
        kind, speed_m_s = item.params[0], item.params[1]
        if kind not in {0.0, 1.0, 2.0, 3.0}:
            raise Refusal("routes.kind_of_speed", "params", kind)
        if speed_m_s == UNCHANGED:
            return
        told_m_s = None if speed_m_s == AS_BEFORE else checked_speed_m_s(speed_m_s, "speed")
        if kind == 2.0:
            self.up_m_s = told_m_s or self.options.climb_m_s
        elif kind == 3.0:
            self.down_m_s = told_m_s or self.options.climb_m_s
        else:
            self.told_m_s = told_m_s

    def _transition(self, item: MissionItem) -> None:
        if self.aircraft.kind is not Kind.CHANGING or item.params[0] not in {TO_HOVER, TO_FORWARD}:
            raise Refusal("routes.vtol_state", "params", item.params[0])
        self.hovers = item.params[0] == TO_HOVER
        self.told_m_s = None

    def _place(self, item: MissionItem, *, landing: bool = False) -> tuple[Position, float, float]:
        """Where a command leads: the position, metres above mean sea level, and how far these may be wrong."""
        latitude_deg, longitude_deg, height_m = item.params[4:7]
        given = not (math.isnan(latitude_deg) or math.isnan(longitude_deg))
        if given and not (latitude_deg == 0.0 and longitude_deg == 0.0):
            position = Position(latitude_deg, longitude_deg)
        else:
            position = self.way.position
        if math.isnan(height_m):
            if landing:
                height_m = 0.0
            else:
                raise Refusal("routes.altitude_of_item", "params", None)
        if item.frame in FRAMES_MSL:
            return position, height_m, 0.0
        if item.frame in FRAMES_HOME:
            return position, self.home.elevation_m + height_m, 0.0
        if item.frame not in FRAMES_TERRAIN:
            raise Refusal("routes.frame_of_item", "frame", item.frame)
        if self.options.ground is None:
            raise Refusal("feeds.elevation_of_ground", "frame", item.frame)
        return position, self.options.ground.elevation_m + height_m, self.options.ground.elevation_error_m

    def _go(self, position: Position, height_m: float, error_m: float, aside_m: float = 0.0) -> None:
        """Fly straight to a position, going up or down all the way."""
        metres = distance_m(self.way.position, position)
        step_m = height_m - self.way.altitude
        seconds = metres / self._speed_m_s() if metres > 0.0 else 0.0
        climb_m_s = self.up_m_s if step_m > 0.0 else self.down_m_s
        if step_m and climb_m_s is not None:
            seconds = max(seconds, abs(step_m) / climb_m_s)
        elif step_m and seconds == 0.0:
            self.options.needed_climb_m_s()
        # Both ends of a leg may be wrong.
        wrong_m, self.error_m = max(error_m, self.error_m), error_m
        self.way.take(seconds, position, height_m, lateral_m=aside_m, vertical_m=wrong_m)

    def _stay(self, seconds: float, radius_m: float = 0.0) -> None:
        self.way.take(seconds, self.way.position, self.way.altitude, lateral_m=radius_m, vertical_m=self.error_m)

    def _speed_m_s(self) -> float:
        own = self.aircraft.hovering_m_s if self.hovers else self.aircraft.forward_m_s
        speed_m_s = self.told_m_s if self.told_m_s is not None else own
        if speed_m_s is None:
            return self.options.needed_speed_m_s()
        return checked_speed_m_s(speed_m_s, "speed")

    def _seconds(self, value: float, field: str) -> float:
        if math.isnan(value):
            return 0.0
        if value < 0.0:
            raise Refusal("routes.not_below_zero", field, value)
        return value


def _known(value: float) -> float:
    return 0.0 if math.isnan(value) else value
