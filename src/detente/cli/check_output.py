"""What `detente check` prints: a table in either language, JSON, GeoJSON."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from detente.airspace.altitude import AltitudeReference, Ground, Qfe, Qnh, StandardPressure
from detente.airspace.plan import Plan, Trajectory
from detente.airspace.separation import AltitudeFrame, Encounter, Minima
from detente.feeds.load import LoadedPlans
from detente.feeds.source import printable_line
from detente.language import Language, counted, figures, text

WIDTH_WITHOUT_SCREEN = 160


class Checked(NamedTuple):
    """Both files, what was read from them, and every pair that comes inside the minima."""

    files: tuple[Path, Path]
    sides: tuple[LoadedPlans, LoadedPlans]
    minima: Minima
    encounters: tuple[Encounter, ...]


def remarks(checked: Checked, language: Language) -> list[str]:
    """Sentences on what was left out of each file, and on files whose plans are never there at the same time."""
    lines = []
    for file, side in zip(checked.files, checked.sides, strict=True):
        name = printable_line(str(file), 120)
        lines += [f"{name}: {counted(language, f'left_out.{entry.reason}', entry.count)}" for entry in side.dropped]
    ours, theirs = (_span(side.plans) for side in checked.sides)
    if not checked.encounters and (ours[1] < theirs[0] or theirs[1] < ours[0]):
        times = [figures.utc_time(moment) for moment in (*ours, *theirs)]
        lines.append(
            text(
                language, "check.no_common_time", start=times[0], end=times[1], their_start=times[2], their_end=times[3]
            )
        )
    return lines


def print_table(checked: Checked, language: Language) -> None:
    """Print what was checked in a sentence, and the conflicts in a table, numbered as on the map."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH_WITHOUT_SCREEN)
    console.print(Text(_summary(checked, language)), soft_wrap=True)
    if not checked.encounters:
        return
    table = Table(show_lines=True)
    for column in ("number", "plans", "inside", "closest", "separation"):
        table.add_column(text(language, f"check.column.{column}"))
    plans = tuple({plan.plan_id: plan for plan in side.plans} for side in checked.sides)
    for number, encounter in enumerate(checked.encounters, start=1):
        pair = plans[0][encounter.first_plan_id], plans[1][encounter.second_plan_id]
        table.add_row(str(number), *(Text(cell) for cell in _row(encounter, pair, language)))
    console.print(table)


def as_json(checked: Checked) -> str:
    """The conflicts as JSON; lengths in metres, times in UTC, fields as in `airspace.separation.Encounter`."""
    sides = {
        name: {
            "file": printable_line(str(file), 400),
            "plans": len(side.plans),
            "left_out": {entry.reason: entry.count for entry in side.dropped},
        }
        for name, file, side in zip(("ours", "theirs"), checked.files, checked.sides, strict=True)
    }
    document = {**sides, "minima": checked.minima, "conflicts": checked.encounters}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def as_geojson(checked: Checked) -> str:
    """The conflicts as GeoJSON: a line from our nominal point to theirs at the closest approach, or a point."""
    features = [_feature(number, encounter) for number, encounter in enumerate(checked.encounters, start=1)]
    lines = ",\n".join(msgspec.json.encode(feature).decode() for feature in features)
    return '{"type":"FeatureCollection","features":[\n' + lines + "\n]}"


def _span(plans: tuple[Plan, ...]) -> tuple[datetime, datetime]:
    return min(plan.time.start for plan in plans), max(plan.time.end for plan in plans)


def _summary(checked: Checked, language: Language) -> str:
    minima = ", ".join(
        (
            figures.distance(language, checked.minima.horizontal_m),
            figures.height(language, checked.minima.vertical_m),
            figures.duration(language, checked.minima.time_s),
        )
    )
    names = [printable_line(str(file), 120) for file in checked.files]
    found = len(checked.encounters)
    return text(
        language,
        "check.summary",
        found=counted(language, "check.found", found) if found else text(language, "check.none"),
        ours=counted(language, "check.plans", len(checked.sides[0].plans)),
        our_file=names[0],
        theirs=counted(language, "check.their_plans", len(checked.sides[1].plans)),
        their_file=names[1],
        minima=minima,
    )


def _row(encounter: Encounter, pair: tuple[Plan, Plan], language: Language) -> tuple[str, ...]:
    inside = (
        figures.utc_time(encounter.start),
        figures.utc_time(encounter.end),
        figures.duration(language, (encounter.end - encounter.start).total_seconds()),
    )
    times = encounter.closest_first_time, encounter.closest_second_time
    references = [_references(plan, time) for plan, time in zip(pair, times, strict=True)]
    # Altitudes are compared as planned only where both are on one reference.
    shared = next((reference for reference in references[0] if reference in references[1]), references[0][0])
    sides = zip(
        ("ours", "theirs"),
        times,
        (encounter.closest_first_altitude_m, encounter.closest_second_altitude_m),
        strict=True,
    )
    closest = [
        text(
            language,
            f"check.{side}_at",
            time=figures.utc_clock(time),
            altitude=altitude(language, metres, encounter.altitude_frame, shared),
        )
        for side, time, metres in sides
    ]
    place = encounter.closest_first_position
    separation = [
        text(language, "check.separation", own=own, needed=needed)
        for own, needed in (
            (
                figures.distance(language, encounter.horizontal_m, down=True),
                figures.distance(language, encounter.required_horizontal_m),
            ),
            (
                figures.height(language, encounter.vertical_m, down=True),
                figures.height(language, encounter.required_vertical_m),
            ),
        )
    ]
    return (
        f"{encounter.first_plan_id}\n{encounter.second_plan_id}",
        "\n".join(inside),
        "\n".join([figures.position(place.latitude_deg, place.longitude_deg), *closest]),
        "\n".join(separation),
    )


def _references(plan: Plan, time: datetime) -> list[AltitudeReference]:
    """The references on which the plan has altitudes at a time, or else at all."""
    if isinstance(plan.intent, Trajectory):
        return [plan.intent.waypoints[0].altitude.reference]
    there = [volume for volume in plan.intent if volume.time.start <= time <= volume.time.end]
    return [volume.altitude.lower.reference for volume in there or plan.intent]


def altitude(language: Language, metres: float, frame: AltitudeFrame, reference: AltitudeReference) -> str:
    """An altitude in both units with what it is measured from."""
    if frame is AltitudeFrame.STANDARD_PRESSURE or (
        frame is AltitudeFrame.AS_PLANNED and isinstance(reference, StandardPressure)
    ):
        return figures.altitude(language, metres, standard_pressure=True)
    written = figures.altitude(language, metres, standard_pressure=False)
    if frame is AltitudeFrame.ELLIPSOID:
        return text(language, "check.reference.ellipsoid", altitude=written)
    values: dict[str, str] = {}
    match reference:
        case Ground(elevation_m=elevation_m):
            values["elevation"] = figures.height(language, elevation_m)
        case Qnh(pressure_hpa=pressure_hpa):
            values["pressure"] = f"{pressure_hpa:g}"
        case Qfe(pressure_hpa=pressure_hpa, field_elevation_m=elevation_m):
            values["pressure"] = f"{pressure_hpa:g}"
            values["elevation"] = figures.height(language, elevation_m)
    kind = reference.__struct_config__.tag
    return text(language, f"check.reference.{kind}", altitude=written, **values)


def _feature(number: int, encounter: Encounter) -> dict[str, Any]:
    first, second = (
        [position.longitude_deg, position.latitude_deg]
        for position in (encounter.closest_first_position, encounter.closest_second_position)
    )
    geometry = (
        {"type": "Point", "coordinates": first}
        if first == second
        else {"type": "LineString", "coordinates": [first, second]}
    )
    properties = {"number": number, **msgspec.to_builtins(encounter)}
    return {"type": "Feature", "geometry": geometry, "properties": properties}
