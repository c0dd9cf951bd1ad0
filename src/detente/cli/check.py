"""detente check: which of our plans come too close to theirs, from two files, without any node."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from detente.airspace.separation import Encounter, MinimaTable
    from detente.feeds.load import LoadedPlans
    from detente.language import Language

CONFLICTS_EXIT = 1


class CheckFormat(StrEnum):
    """How conflicts are shown."""

    TABLE = "table"
    JSON = "json"
    GEOJSON = "geojson"


class LanguageChoice(StrEnum):
    """The languages of room `language`, here so that the command's help does not wait for it."""

    ENGLISH = "en"
    FRENCH = "fr"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check)


def check(
    ours: Annotated[Path, typer.Argument(help="Our plans: GeoJSON, KML, or flown tracks as Parquet or CSV.")],
    theirs: Annotated[Path, typer.Argument(help="Their plans, in any of these formats.")],
    *,
    minima: Annotated[
        str, typer.Option(help="Separation to keep: horizontal (NM, km, m, ft), vertical (ft, m), time (s, min).")
    ] = "5NM,1000ft,0s",
    output: Annotated[CheckFormat, typer.Option("--format", help="A table to read, or data.")] = CheckFormat.TABLE,
    plot: Annotated[Path | None, typer.Option(help="Write a map of the conflicts as PNG.")] = None,
    language: Annotated[LanguageChoice | None, typer.Option(help="Language of the table.")] = None,
    ground_elevation: Annotated[
        str | None, typer.Option(help='Elevation of the ground for KML altitudes relative to it, such as "616m".')
    ] = None,
    containment: Annotated[
        str | None,
        typer.Option(help='Containment of KML paths, which carry none: sideways, vertical, time, "100m,30m,10s".'),
    ] = None,
) -> None:
    """Check our plans against theirs: exit code 0 for no conflict, 1 for conflicts, 2 for bad input."""
    from detente.airspace.separation import MinimaTable
    from detente.cli import check_output, quantities
    from detente.feeds.kml import KmlOptions
    from detente.feeds.load import LoadOptions, load_plans
    from detente.language import Language, language_from_environment

    spoken = Language(language) if language is not None else language_from_environment(os.environ)
    table = MinimaTable(default=quantities.minima(minima))
    options = LoadOptions(
        kml=KmlOptions(
            ground_elevation_m=quantities.elevation_m(ground_elevation) if ground_elevation is not None else None,
            containment=quantities.containment(containment) if containment is not None else KmlOptions().containment,
        )
    )
    sides = (load_plans(ours, options), load_plans(theirs, options))
    encounters = _search((ours, theirs), sides, table)
    if plot is not None:
        encounters = _plot(plot, sides, encounters, spoken)
    checked = check_output.Checked(files=(ours, theirs), sides=sides, minima=table.default, encounters=encounters)
    for line in check_output.remarks(checked, spoken):
        typer.echo(line, err=True)
    match output:
        case CheckFormat.TABLE:
            check_output.print_table(checked, spoken)
        case CheckFormat.JSON:
            typer.echo(check_output.as_json(checked))
        case CheckFormat.GEOJSON:
            typer.echo(check_output.as_geojson(checked))
    if encounters:
        raise typer.Exit(CONFLICTS_EXIT)


def _search(
    files: tuple[Path, Path], sides: tuple[LoadedPlans, LoadedPlans], table: MinimaTable
) -> tuple[Encounter, ...]:
    """Every pair inside the minima; a plan whose geometry cannot be is named with its file."""
    from detente.airspace.compiled import Vocabulary, compile_plans
    from detente.airspace.refusal import Refusal
    from detente.airspace.search import encounters_between
    from detente.feeds.source import Within, printable_line

    try:
        return tuple(encounters_between(sides[0].plans, sides[1].plans, table))
    except Refusal:
        for file, side in zip(files, sides, strict=True):
            with Within(printable_line(str(file), 120)):
                compile_plans(side.plans, Vocabulary())
        raise


def _plot(
    path: Path, sides: tuple[LoadedPlans, LoadedPlans], encounters: tuple[Encounter, ...], language: Language
) -> tuple[Encounter, ...]:
    """Write the map and return the encounters in the order of its numbers, the worst first."""
    from detente.airspace.refusal import Refusal

    try:
        from detente.plots.map_png import conflict_map_png, ranked_spots
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        mend = "Install it: pip install 'detente[plots]'."
        raise Refusal("--plot", str(path), "the package matplotlib", mend) from None
    ours, theirs = (side.plans for side in sides)
    try:
        conflict_map_png(path, ours, theirs, encounters, language)
    except OSError as error:
        raise Refusal("--plot", str(path), "a file that can be written", error.strerror or "") from None
    return tuple(spot.encounter for spot in ranked_spots(ours, theirs, encounters))
