"""detente check: which of our plans come too close to theirs, from two files, without any node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detente.airspace.refusal import Refusal
from detente.cli.exit_codes import ExitCode
from detente.cli.options import OutputOption
from detente.cli.plan_reading import PlanReading, with_reading
from detente.cli.wording import counting, echo
from detente.cli.wording import language as environment_language
from detente.language import Language

if TYPE_CHECKING:
    from detente.airspace.passes import ComparedSets
    from detente.airspace.separation import MinimaTable
    from detente.cli.check_output import Checked
    from detente.feeds.load import LoadedPlans


@with_reading
def check(
    ours: Annotated[Path, typer.Argument(help="Our plans: GeoJSON, KML, GPX, flown tracks and more.")],
    theirs: Annotated[Path, typer.Argument(help="Their plans, in any of these formats.")],
    *,
    minima: Annotated[
        str, typer.Option(help="Separation to keep: horizontal (NM, km, m, ft), vertical (ft, m), time (s, min).")
    ] = "5NM,1000ft,0s",
    output: OutputOption = None,
    geojson: Annotated[bool, typer.Option("--geojson", help="The conflicts as GeoJSON.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Write a map of the conflicts as PNG.")] = None,
    language: Annotated[Language | None, typer.Option(help="Language of the table.")] = None,
    most_left_out: Annotated[
        str, typer.Option(help="Share of a file's or a flight's reports beyond which wrong ones make the answer void.")
    ] = "10%",
    worst: Annotated[int | None, typer.Option("--worst", help="Only the worst so many.")] = None,
    from_time: Annotated[str | None, typer.Option("--from", help="Only those that last until this time, UTC.")] = None,
    to_time: Annotated[str | None, typer.Option("--to", help="Only those that begin by this time, UTC.")] = None,
    area: Annotated[
        str | None,
        typer.Option("--area", help='Only those closest within a box or a polygon, by its corners: "34,20 35,21".'),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A new file with a row for each: .csv or .parquet.")] = None,
    reading: PlanReading,
) -> None:
    """Check our plans against theirs, from two files: exit code 0 for no conflict, 1 for conflicts, 10 if not sure.

    Exit code 11 when no plan of one file can meet any of the other, so that nothing was compared.
    """
    from datetime import UTC, datetime

    from detente.airspace.separation import MinimaTable
    from detente.cli import check_choice, check_compared, check_files, check_left_out, check_output, quantities
    from detente.cli.cold import say_if_cold
    from detente.cli.memory import give_back_large_pieces
    from detente.feeds.load import load_plans

    give_back_large_pieces()
    spoken = language or environment_language()
    table = MinimaTable(default=quantities.minima(minima))
    most_share = quantities.share(most_left_out, "--most-left-out")
    wanted = check_choice.choice(worst, from_time, to_time, area)
    if out is not None:
        check_files.check_suffix(out)
    ours_as, theirs_as = reading.options_of_each(2)
    sides = (load_plans(ours, ours_as, progress=counting()), load_plans(theirs, theirs_as, progress=counting()))
    say_if_cold()
    comparison = _compare((ours, theirs), sides, table)
    checked = check_output.Checked(
        files=(ours, theirs), sides=sides, minima=table.default,
        compared=check_compared.compared(
            comparison, (sides[0].plans, sides[1].plans), table.default, datetime.now(UTC)
        ),
        found=len(comparison.passes), conflicts=wanted.of(comparison.passes),
    )  # fmt: skip
    if out is not None:
        perhaps = check_output.perhaps_one_aircraft(checked, checked.conflicts)
        check_files.write_conflicts(out, checked.conflicts, perhaps)
    if plot is not None:
        _plot(plot, checked, spoken)
    for line in check_output.remarks(checked, spoken):
        echo(line, err=True)
    if geojson:
        echo(check_output.as_geojson(checked))
    elif output is None:
        check_output.print_conflicts(checked, spoken, worst or check_choice.MOST_ROWS)
    elif output:
        echo(check_output.as_json(checked))
    else:
        for conflict in checked.conflicts:
            echo(f"{conflict.found.encounter.first_plan_id} {conflict.found.encounter.second_plan_id}")
    void = False
    for file, side in zip((ours, theirs), sides, strict=True):
        too_much = check_left_out.too_much_left_out(side, most_share)
        void = void or bool(too_much)
        for line in check_left_out.too_much_lines(file, too_much, spoken):
            echo(line, err=True)
    if comparison.passes:
        raise typer.Exit(ExitCode.CONFLICTS)
    if void:
        raise typer.Exit(ExitCode.LEFT_OUT)
    if checked.compared.nothing:
        raise typer.Exit(ExitCode.NOTHING_COMPARED)


def _compare(files: tuple[Path, Path], sides: tuple[LoadedPlans, LoadedPlans], table: MinimaTable) -> ComparedSets:
    """Compare both sides' plans; a plan whose geometry cannot be is named with its file."""
    from detente.airspace.compiled import Vocabulary, compile_plans
    from detente.airspace.passes import compare
    from detente.feeds.source import Within, printable_line

    try:
        return compare(sides[0].plans, sides[1].plans, table)
    except Refusal:
        for file, side in zip(files, sides, strict=True):
            with Within(printable_line(str(file), 120)):
                compile_plans(side.plans, Vocabulary())
        raise


def _plot(path: Path, checked: Checked, language: Language) -> None:
    """Write the map of the conflicts that are wanted, under their numbers."""
    try:
        from detente.plots.map_png import conflict_map_png
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise Refusal("cli.package_matplotlib", "--plot", str(path)) from None
    from detente.cli.check_map import map_caption
    from detente.plots.scene import Spot

    ours, theirs = (side.plans for side in checked.sides)
    spots = [Spot(conflict.number, conflict.found.encounter) for conflict in checked.conflicts]
    try:
        conflict_map_png(path, ours, theirs, spots, language, map_caption(checked, language))
    except OSError as error:
        raise Refusal("cli.file_writable", "--plot", str(path), strerror=error.strerror or str(error)) from None


COMMANDS = {"check": check}
