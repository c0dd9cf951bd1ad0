"""Separation minima and the exact predicate: do two plans come inside them, when, where and how close."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from detente.airspace.altitude import check_range
from detente.airspace.plan import check_identifier
from detente.airspace.position import Position


class Minima(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Separation that must be kept: a conflict is less than both distances within the time.

    Horizontal is along the geodesic. Separation equal to the minimum is separation. A minimum of zero means that the
    plans may not share a point.
    """

    horizontal_m: float
    vertical_m: float
    time_s: float = 0.0

    def __post_init__(self) -> None:
        check_range("horizontal_m", self.horizontal_m, 0.0, 200_000.0, "metres")
        check_range("vertical_m", self.vertical_m, 0.0, 20_000.0, "metres")
        check_range("time_s", self.time_s, 0.0, 86_400.0, "seconds")


class ClassMinima(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The minima between two classes of aircraft, in either order (R22)."""

    first_class: str
    second_class: str
    minima: Minima

    def __post_init__(self) -> None:
        check_identifier("first_class", self.first_class)
        check_identifier("second_class", self.second_class)


class MinimaTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Minima by class of aircraft; `default` holds for every pair of classes that is not listed."""

    default: Minima
    by_class: tuple[ClassMinima, ...] = ()

    def between(self, first_class: str, second_class: str) -> Minima:
        """Return the minima for this pair of classes, in either order."""
        for entry in self.by_class:
            if {entry.first_class, entry.second_class} == {first_class, second_class}:
                return entry.minima
        return self.default


class AltitudeFrame(StrEnum):
    """The frame in which the heights of two plans were compared."""

    AS_PLANNED = "as_planned"
    STANDARD_PRESSURE = "standard_pressure"
    ELLIPSOID = "ellipsoid"


class Encounter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two plans inside the minima, with the closest approach.

    `horizontal_m` and `vertical_m` are distances between the nominal paths or the edges of areas and bands at the
    closest approach; `required_*` are the minima plus both containments (and, vertically, the error of converting
    altitudes between references), so that `horizontal_m < required_horizontal_m`. Times are of the first and of the
    second plan: they differ by no more than `required_time_s`. `start` to `end`, in times of the first plan, is from
    the first to the last moment inside the minima. Altitudes are in metres on `altitude_frame`.
    """

    first_plan_id: str
    second_plan_id: str
    start: datetime
    end: datetime
    closest_first_time: datetime
    closest_second_time: datetime
    closest_first_position: Position
    closest_second_position: Position
    closest_first_altitude_m: float
    closest_second_altitude_m: float
    horizontal_m: float
    vertical_m: float
    required_horizontal_m: float
    required_vertical_m: float
    required_time_s: float
    altitude_frame: AltitudeFrame

    def turned(self) -> Encounter:
        """Return the encounter with its plans exchanged; `start` and `end` stay in times of the plan that was first."""
        return msgspec.structs.replace(
            self,
            first_plan_id=self.second_plan_id,
            second_plan_id=self.first_plan_id,
            closest_first_time=self.closest_second_time,
            closest_second_time=self.closest_first_time,
            closest_first_position=self.closest_second_position,
            closest_second_position=self.closest_first_position,
            closest_first_altitude_m=self.closest_second_altitude_m,
            closest_second_altitude_m=self.closest_first_altitude_m,
        )
