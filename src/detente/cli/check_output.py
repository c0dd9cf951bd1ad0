"""What `detente check` prints: a table in either language, JSON, GeoJSON."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from detente.airspace.altitude import AltitudeReference, StandardPressure
from detente.airspace.passes import Pass
from detente.airspace.plan import Plan, Trajectory
from detente.airspace.separation import AltitudeFrame, Minima
from detente.cli.check_choice import NumberedPass, counts_document, counts_of
from detente.cli.check_compared import Compared, compared_document, compared_lines, doubt_lines
from detente.cli.check_left_out import left_out_document, left_out_lines
from detente.cli.planned_heights import above, in_words, planned_height
from detente.cli.tables import print_table
from detente.cli.wording import echo
from detente.feeds.load import LoadedPlans
from detente.feeds.same_aircraft import SameAircraft, same_aircraft
from detente.feeds.source import printable_line
from detente.language import Language, counted, figures, text


class Checked(NamedTuple):
    """Both files, what was read from them, what was compared, every conflict, and those of them that are wanted."""

    files: tuple[Path, Path]
    sides: tuple[LoadedPlans, LoadedPlans]
    minima: Minima
    compared: Compared
    found: int
    conflicts: list[NumberedPass]


def remarks(checked: Checked, language: Language) -> list[str]:
    """Sentences on what was left out of each file, and on what speaks against the answer."""
    lines = []
    for file, side in zip(checked.files, checked.sides, strict=True):
        lines += left_out_lines(file, side, language)
    return lines + doubt_lines(checked.compared, language) if checked.compared.nothing else lines


def print_conflicts(checked: Checked, language: Language, most: int) -> None:
    """Print what was compared, what came of it in a sentence, and up to `most` conflicts in a table, the worst first.

    More of them than `most` are counted by plan and by hour.
    """
    for line in compared_lines(checked.compared, checked.files, language):
        echo(line)
    if not checked.compared.nothing:
        # Nothing is wrong with a look at what was: it is said where nobody is alarmed.
        for line in doubt_lines(checked.compared, language):
            echo(line)
    echo()
    echo(_summary(checked, language))
    shown = checked.conflicts[:most]
    if shown:
        plans = tuple({plan.plan_id: plan for plan in side.plans} for side in checked.sides)
        perhaps = perhaps_one_aircraft(checked, shown)
        rows = []
        for conflict, reason in zip(shown, perhaps, strict=True):
            encounter = conflict.found.encounter
            pair = plans[0][encounter.first_plan_id], plans[1][encounter.second_plan_id]
            rows.append((str(conflict.number), *_row(conflict.found, pair, reason, language)))
        columns = ("number", "plans", "inside", "closest", "separation")
        print_table([text(language, f"check.column.{column}") for column in columns], rows)
    if len(shown) < checked.found:
        figure = {
            "shown": figures.number(language, len(shown)),
            "found": counted(language, "check.found", checked.found),
        }
        echo(text(language, "check.shown" if len(shown) < len(checked.conflicts) else "check.chosen", **figure))
    if len(shown) < len(checked.conflicts):
        _print_counts(checked.conflicts, language)


def _print_counts(conflicts: list[NumberedPass], language: Language) -> None:
    ours, theirs, hours = counts_of(conflicts)
    heading = text(language, "check.counts.conflicts")
    for side, most in (("ours", ours), ("theirs", theirs)):
        echo()
        title = text(language, "check.counts.plans", side=text(language, f"map.{side}"))
        rows = [(plan_id, figures.number(language, count)) for plan_id, count in most]
        print_table([text(language, "check.counts.plan"), heading], rows, title=title)
    echo()
    rows = [(f"{hour:%Y-%m-%d %H:00Z}", figures.number(language, count)) for hour, count in hours.items()]
    print_table([text(language, "check.counts.hour"), heading], rows, title=text(language, "check.counts.hours"))


def as_json(checked: Checked) -> str:
    """The conflicts as JSON; lengths in metres, times in UTC, fields as in `airspace.separation.Encounter`."""
    sides = {
        name: {
            "file": printable_line(str(file), 400),
            "plans": len(side.plans),
            **left_out_document(side),
        }
        for name, file, side in zip(("ours", "theirs"), checked.files, checked.sides, strict=True)
    }
    document = {
        **sides,
        "compared": compared_document(checked.compared),
        "minima": checked.minima,
        "found": checked.found,
        "counts": counts_document(checked.conflicts),
        "conflicts": _documents(checked),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _documents(checked: Checked) -> list[dict[str, Any]]:
    plans = tuple({plan.plan_id: plan for plan in side.plans} for side in checked.sides)
    documents = []
    for conflict, reason in zip(checked.conflicts, perhaps_one_aircraft(checked, checked.conflicts), strict=True):
        encounter, nominal = conflict.found.encounter, conflict.found.nominal
        document: dict[str, Any] = {
            "number": conflict.number,
            **msgspec.to_builtins(encounter),
            "kept_share": conflict.found.kept,
            "without_containment": None if nominal is None else {"start": nominal[0], "end": nominal[1]},
            "first_planned": planned_height(plans[0][encounter.first_plan_id], encounter.closest_first_time),
            "second_planned": planned_height(plans[1][encounter.second_plan_id], encounter.closest_second_time),
        }
        if reason is not None:
            document["may_be_same_aircraft"] = reason
        documents.append(document)
    return documents


def as_geojson(checked: Checked) -> str:
    """The conflicts as GeoJSON: a line from our nominal point to theirs at the closest approach, or a point."""
    features = [
        _feature(conflict, document) for conflict, document in zip(checked.conflicts, _documents(checked), strict=True)
    ]
    lines = ",\n".join(msgspec.json.encode(feature).decode() for feature in features)
    return '{"type":"FeatureCollection","features":[\n' + lines + "\n]}"


def perhaps_one_aircraft(checked: Checked, conflicts: list[NumberedPass]) -> list[SameAircraft | None]:
    """For each conflict, why both tracks may be one aircraft."""
    ours, theirs = ({flight.plan.plan_id: flight for flight in side.flights} for side in checked.sides)
    known: dict[tuple[str, str], SameAircraft | None] = {}
    encounters = [conflict.found.encounter for conflict in conflicts]
    for encounter in encounters:
        pair = encounter.first_plan_id, encounter.second_plan_id
        if pair not in known:
            first, second = ours.get(pair[0]), theirs.get(pair[1])
            known[pair] = same_aircraft(first, second) if first is not None and second is not None else None
    return [known[encounter.first_plan_id, encounter.second_plan_id] for encounter in encounters]


def _summary(checked: Checked, language: Language) -> str:
    minima = ", ".join(
        (
            figures.distance(language, checked.minima.horizontal_m),
            figures.height(language, checked.minima.vertical_m),
            figures.duration(language, checked.minima.time_s),
        )
    )
    names = [printable_line(str(file), 120) for file in checked.files]
    found = checked.found
    none = text(language, "check.nothing" if checked.compared.nothing else "check.none")
    return text(
        language,
        "check.summary",
        found=counted(language, "check.found", found) if found else none,
        ours=counted(language, "check.plans", len(checked.sides[0].plans)),
        our_file=names[0],
        theirs=counted(language, "check.their_plans", len(checked.sides[1].plans)),
        their_file=names[1],
        minima=minima,
    )


def _row(found: Pass, pair: tuple[Plan, Plan], reason: SameAircraft | None, language: Language) -> tuple[str, ...]:
    encounter = found.encounter
    inside = [
        figures.utc_time(encounter.start),
        figures.utc_time(encounter.end),
        figures.duration(language, (encounter.end - encounter.start).total_seconds()),
    ]
    if found.nominal is None:
        inside.append(text(language, "check.without_containment.never"))
    elif found.nominal != (encounter.start, encounter.end):
        start, end = (figures.utc_clock(moment) for moment in found.nominal)
        inside.append(text(language, "check.without_containment.inside", start=start, end=end))
    times = encounter.closest_first_time, encounter.closest_second_time
    references = [_references(plan, time) for plan, time in zip(pair, times, strict=True)]
    # Altitudes are compared as planned only where both are on one reference.
    shared = next((reference for reference in references[0] if reference in references[1]), references[0][0])
    sides = zip(
        ("ours", "theirs"),
        pair,
        times,
        (encounter.closest_first_altitude_m, encounter.closest_second_altitude_m),
        strict=True,
    )
    closest = [
        text(
            language,
            f"check.{side}_at",
            time=figures.utc_clock(time),
            altitude=_in_own_words(plan, time, metres, encounter.altitude_frame, shared, language),
        )
        for side, plan, time, metres in sides
    ]
    said = [text(language, f"check.same_aircraft.{reason}")] if reason is not None else []
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
        "\n".join((encounter.first_plan_id, encounter.second_plan_id, *said)),
        "\n".join(inside),
        "\n".join([figures.position(place.latitude_deg, place.longitude_deg), *closest]),
        "\n".join(separation),
    )


def _in_own_words(
    plan: Plan, time: datetime, metres: float, frame: AltitudeFrame, shared: AltitudeReference, language: Language
) -> str:
    """A height as its planner gave it, and as it was compared where that is another reference."""
    own = in_words(planned_height(plan, time), language)
    if frame is AltitudeFrame.AS_PLANNED:
        return own
    return text(language, "check.compared_as", own=own, compared=altitude(language, metres, frame, shared))


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
    return above(reference, written, language)


def _feature(conflict: NumberedPass, document: dict[str, Any]) -> dict[str, Any]:
    first, second = (
        [position.longitude_deg, position.latitude_deg]
        for position in (
            conflict.found.encounter.closest_first_position,
            conflict.found.encounter.closest_second_position,
        )
    )
    geometry = (
        {"type": "Point", "coordinates": first}
        if first == second
        else {"type": "LineString", "coordinates": [first, second]}
    )
    return {"type": "Feature", "geometry": geometry, "properties": document}
