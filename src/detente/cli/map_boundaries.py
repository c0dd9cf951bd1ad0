"""detente map: boundaries on the party's own map, such as those of flight information regions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from detente.cli.options import Directory, OutputOption
from detente.cli.output import answered, show_table
from detente.cli.wording import echo, language, words
from detente.language import counted

SetName = Annotated[str | None, typer.Option("--name", help="What the boundaries are called; as the file unless said.")]


def add(
    file: Annotated[Path, typer.Argument(help="Boundaries: GeoJSON, KML, AIXM, OpenAir, ED-269 or ED-318.")],
    directory: Directory,
    name: SetName = None,
    output: OutputOption = None,
) -> None:
    """Show the lines of a file on the map of every console; no peer is told. A set of the same name is replaced."""
    from detente.feeds.boundaries import read_boundaries
    from detente.feeds.source import identifier_of
    from detente.link.directory import NodeDirectory
    from detente.settings.map_boundaries import BoundarySet, add_boundaries

    NodeDirectory(directory).check()
    found = read_boundaries(file, datetime.now(UTC))
    chosen = name if name is not None else identifier_of(file.stem) or "boundaries"
    added = BoundarySet(chosen, found.lines)
    add_boundaries(directory, added)
    left_out = {entry.reason.value: entry.count for entry in found.dropped}
    document = {"name": added.name, "lines": len(added.lines), "points": added.points, "left_out": left_out}
    if answered(output, document, [added.name]):
        return
    echo(words("boundaries.added", name=added.name, lines=len(added.lines), points=added.points))
    for reason, count in left_out.items():
        echo(counted(language(), f"left_out.{reason}", count), err=True)


def list_sets(directory: Directory, output: OutputOption = None) -> None:
    """List what is on the map besides coasts, states, cities and airports."""
    from detente.link.directory import NodeDirectory
    from detente.settings.map_boundaries import boundary_sets

    NodeDirectory(directory).check()
    found = boundary_sets(directory)
    document = [{"name": one.name, "lines": len(one.lines), "points": one.points} for one in found]
    if not answered(output, document, (one.name for one in found)):
        show_table(
            ("boundaries", "lines", "points"), [(one.name, str(len(one.lines)), str(one.points)) for one in found]
        )


def remove(
    name: Annotated[str, typer.Argument(help="The name of the boundaries.")],
    directory: Directory,
    output: OutputOption = None,
) -> None:
    """Show a set of boundaries no longer."""
    from detente.link.directory import NodeDirectory
    from detente.settings.map_boundaries import remove_boundaries

    NodeDirectory(directory).check()
    remove_boundaries(directory, name)
    if not answered(output, {"name": name}, [name]):
        echo(words("boundaries.removed", name=name))


COMMANDS = {"map": {"add": add, "list": list_sets, "remove": remove}}
