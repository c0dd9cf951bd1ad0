"""Heights as a planner gave them: in his unit and on his reference, whatever they were compared on."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime

import msgspec

from detente.airspace.altitude import (
    UNIT_M,
    AltitudeReference,
    AltitudeUnit,
    Ground,
    Qfe,
    Qnh,
)
from detente.airspace.plan import Plan, Trajectory
from detente.language import Language, figures, text


class PlannedHeight(msgspec.Struct, frozen=True):
    """The height at which a plan is at a time, or the band of its volumes then, as the plan has it."""

    lowest: float
    highest: float
    unit: AltitudeUnit
    reference: AltitudeReference


def planned_height(plan: Plan, time: datetime) -> PlannedHeight:
    """Return where the plan is at `time`; before and after it, where it begins and ends.

    Between waypoints the reading is in the unit of the earlier one.
    """
    if isinstance(plan.intent, Trajectory):
        waypoints = plan.intent.waypoints
        after = bisect_right(waypoints, time, key=lambda waypoint: waypoint.time)
        first, second = waypoints[max(after - 1, 0)], waypoints[min(after, len(waypoints) - 1)]
        value = first.altitude.value
        if first is not second and second.altitude.reading_m != first.altitude.reading_m:
            share = (time - first.time) / (second.time - first.time)
            rise_m = second.altitude.reading_m - first.altitude.reading_m
            value = (first.altitude.reading_m + share * rise_m) / UNIT_M[first.altitude.unit]
        return PlannedHeight(value, value, first.altitude.unit, first.altitude.reference)
    there = [volume for volume in plan.intent if volume.time.start <= time <= volume.time.end] or list(plan.intent)
    reference, unit = there[0].altitude.lower.reference, there[0].altitude.lower.unit
    bands = [volume.altitude for volume in there if volume.altitude.lower.reference == reference]
    lowest = min(band.lower.reading_m for band in bands) / UNIT_M[unit]
    highest = max(band.upper.reading_m for band in bands) / UNIT_M[unit]
    return PlannedHeight(round(lowest, 9), round(highest, 9), unit, reference)


def in_words(planned: PlannedHeight, language: Language, *, below_levels: bool = False) -> str:
    """A planned height in the planner's unit, the other one beside it, with what it is measured from.

    With `below_levels` a level below 10,000 ft is in feet, as on a map that others read too.
    """
    if below_levels and planned.unit is AltitudeUnit.FLIGHT_LEVEL and planned.lowest * 100.0 < figures.LOWEST_LEVEL_FT:
        in_feet = PlannedHeight(planned.lowest * 100.0, planned.highest * 100.0, AltitudeUnit.FOOT, planned.reference)
        return in_words(in_feet, language)
    written = figures.reading(language, planned.lowest, planned.unit)
    if planned.highest != planned.lowest:
        written += f" – {figures.reading(language, planned.highest, planned.unit)}"
    if planned.unit is AltitudeUnit.FLIGHT_LEVEL:
        return written
    return above(planned.reference, written, language)


def above(reference: AltitudeReference, written: str, language: Language) -> str:
    """A height that is written already, with what it is measured from."""
    values: dict[str, str] = {}
    match reference:
        case Ground(elevation_m=elevation_m):
            values["elevation"] = figures.height(language, elevation_m)
        case Qnh(pressure_hpa=pressure_hpa):
            values["pressure"] = f"{pressure_hpa:g}"
        case Qfe(pressure_hpa=pressure_hpa, field_elevation_m=elevation_m):
            values["pressure"] = f"{pressure_hpa:g}"
            values["elevation"] = figures.height(language, elevation_m)
    return text(language, f"check.reference.{reference.__struct_config__.tag}", altitude=written, **values)
