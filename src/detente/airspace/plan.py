"""Plans: a party's intended use of airspace, as volumes or as a trajectory with containment."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import pairwise
from operator import eq

import msgspec

from detente.airspace.altitude import Altitude, AltitudeBand, check_range
from detente.airspace.position import Position, same_point, utc
from detente.airspace.refusal import Refusal

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,63}\Z")
DEFAULT_CLASS = "crewed"


class Circle(msgspec.Struct, frozen=True, gc=False, tag_field="kind", tag="circle", forbid_unknown_fields=True):
    """All points within `radius_m` of the centre, along the geodesic."""

    centre: Position
    radius_m: float

    def __post_init__(self) -> None:
        check_range("radius_m", self.radius_m, 0.0, 5_000_000.0, "metres")


class Polygon(msgspec.Struct, frozen=True, gc=False, tag_field="kind", tag="polygon", forbid_unknown_fields=True):
    """The smaller side of a ring of geodesic edges, either winding. The first vertex is not repeated at the end.

    A vertex that only repeats the one before it is dropped. A ring may contain a pole or cross the antimeridian; it
    must fit in a cap of 80 degrees. Edges that cross are refused when the plan is compiled (`compile_plan`), because
    that takes geometry and not only syntax.
    """

    vertices: tuple[Position, ...]

    def __post_init__(self) -> None:
        latitudes = [vertex.latitude_deg for vertex in self.vertices]
        if any(map(eq, latitudes, latitudes[1:])):
            kept = [b for a, b in pairwise((None, *self.vertices)) if b and not (a and same_point(a, b))]
            msgspec.structs.force_setattr(self, "vertices", tuple(kept))
        if not 3 <= len(self.vertices) <= 10_000:
            raise Refusal("airspace.vertices", "vertices", len(self.vertices))
        if self.vertices[0] == self.vertices[-1]:
            raise Refusal("airspace.first_vertex_given_once", "vertices", "closed ring")


class TimeWindow(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A closed interval of time, kept in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "start", utc(self.start, "start"))
        msgspec.structs.force_setattr(self, "end", utc(self.end, "end"))
        if self.end < self.start:
            raise Refusal("airspace.time_not_before_start", "end", self.end.isoformat(), start=self.start.isoformat())


class Volume4D(msgspec.Struct, frozen=True, gc=False, tag_field="kind", tag="volume", forbid_unknown_fields=True):
    """An area, an altitude band and a time window."""

    area: Circle | Polygon
    altitude: AltitudeBand
    time: TimeWindow


class Waypoint(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Where the aircraft is planned to be at `time`."""

    position: Position
    altitude: Altitude
    time: datetime

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "time", utc(self.time))


class Containment(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """How far from the nominal point the aircraft may be: sideways, up or down, early or late."""

    lateral_m: float
    vertical_m: float
    along_time_s: float

    def __post_init__(self) -> None:
        check_range("lateral_m", self.lateral_m, 0.0, 1_000_000.0, "metres")
        check_range("vertical_m", self.vertical_m, 0.0, 20_000.0, "metres")
        check_range("along_time_s", self.along_time_s, 0.0, 86_400.0, "seconds")


class Trajectory(
    msgspec.Struct, frozen=True, tag_field="kind", tag="trajectory", forbid_unknown_fields=True, omit_defaults=True
):
    """Timed waypoints joined by geodesics at constant ground speed and constant climb, with containment.

    Waypoints are in strictly increasing time and share one altitude reference. One waypoint is a point in an instant.
    Where legs differ in how well they are known, `leg_containments` has one for each, none larger than `containment`.
    """

    waypoints: tuple[Waypoint, ...]
    containment: Containment
    leg_containments: tuple[Containment, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.waypoints) <= 100_000:
            raise Refusal("airspace.waypoints", "waypoints", len(self.waypoints))
        previous = self.waypoints[0]
        for number, waypoint in enumerate(self.waypoints[1:], start=1):
            if waypoint.time <= previous.time:
                raise Refusal(
                    "airspace.time_after_one_before", f"waypoints[{number}].time", waypoint.time.isoformat(),
                    time=previous.time.isoformat(),
                )  # fmt: skip
            if waypoint.altitude.reference != previous.altitude.reference:
                raise Refusal(
                    "airspace.reference_waypoints_before", f"waypoints[{number}].altitude.reference",
                    waypoint.altitude.reference, reference=str(previous.altitude.reference),
                )  # fmt: skip
            previous = waypoint
        self._check_legs()

    def containment_of_leg(self, leg: int) -> Containment:
        """Return the containment of a leg, counted from 0; a lone waypoint is a leg to itself."""
        return self.leg_containments[leg] if self.leg_containments else self.containment

    def _check_legs(self) -> None:
        if not self.leg_containments:
            return
        legs = max(len(self.waypoints) - 1, 1)
        if len(self.leg_containments) != legs:
            raise Refusal(
                "airspace.one_containment_each_leg", "leg_containments", len(self.leg_containments), legs=legs
            )
        whole = self.containment
        for number, leg in enumerate(self.leg_containments):
            if (
                leg.lateral_m > whole.lateral_m
                or leg.vertical_m > whole.vertical_m
                or leg.along_time_s > whole.along_time_s
            ):
                raise Refusal("airspace.leg_within_containment", f"leg_containments[{number}]", str(leg))


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One intended use of airspace under an identifier that is unique for its party.

    `aircraft_class` is a class of the accord's table of minima (R22); the default is "crewed".
    """

    plan_id: str
    intent: Trajectory | tuple[Volume4D, ...]
    aircraft_class: str = DEFAULT_CLASS

    def __post_init__(self) -> None:
        check_identifier("plan_id", self.plan_id)
        check_identifier("aircraft_class", self.aircraft_class)
        if not isinstance(self.intent, Trajectory) and not 1 <= len(self.intent) <= 10_000:
            raise Refusal("airspace.one_trajectory_or_volumes", "intent", len(self.intent))

    @property
    def time(self) -> TimeWindow:
        """From the plan's first instant to its last, containment along time included."""
        if isinstance(self.intent, Trajectory):
            slack = timedelta(seconds=self.intent.containment.along_time_s)
            return TimeWindow(self.intent.waypoints[0].time - slack, self.intent.waypoints[-1].time + slack)
        return TimeWindow(min(v.time.start for v in self.intent), max(v.time.end for v in self.intent))


def check_identifier(field: str, value: str) -> None:
    """Raise Refusal unless `value` is 1 to 64 letters, digits or ``. _ : ~ -``, beginning with a letter or digit."""
    if not IDENTIFIER.match(value):
        raise Refusal("airspace.identifier", field, value)
