"""detente convert: the plans of a file in another format, without any node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detente.airspace.refusal import Refusal
from detente.cli.exit_codes import ExitCode
from detente.cli.options import NewFile
from detente.cli.plan_reading import PlanReading, with_reading
from detente.cli.wording import counting, echo, language, write_output

MOST_LEFT_OUT = 0.1
"""As `detente check` has it unless said."""


@with_reading
def convert(
    file: Annotated[Path, typer.Argument(help="Plans in any format that is read.")],
    *,
    to: Annotated[str, typer.Option("--to", help="The format to write: geojson, kml, cot, plans-csv or geoparquet.")],
    out: NewFile = None,
    reading: PlanReading,
) -> None:
    """Write the plans of a file in another format; `detente check` reads it back as the same plans."""
    from detente.cli.check_left_out import left_out_lines, too_much_left_out, too_much_lines
    from detente.feeds.load import load_plans
    from detente.feeds.write import WRITERS

    known = {one.value: writer for one, writer in WRITERS.items()}
    if to.lower() not in known:
        raise Refusal("cli.format_that_is_written", "--to", to, formats=", ".join(known))
    options = reading.options()
    loaded = load_plans(file, options, progress=counting())
    write_output([known[to.lower()](loaded.plans)], out)
    for line in left_out_lines(file, loaded, language()):
        echo(line, err=True)
    too_much = too_much_left_out(loaded, MOST_LEFT_OUT)
    for line in too_much_lines(file, too_much, language()):
        echo(line, err=True)
    if too_much:
        raise typer.Exit(ExitCode.LEFT_OUT)


COMMANDS = {"convert": convert}
