"""detente node: run the node of a directory."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from detente.airspace.refusal import Refusal
from detente.cli.exit_codes import ExitCode
from detente.cli.options import Directory
from detente.cli.wording import echo


def node(
    directory: Directory,
    *,
    exercise: Annotated[
        bool, typer.Option("--exercise", help="Start nothing but a node that only exercises, made by init --exercise.")
    ] = False,
) -> None:
    """Run the node until it is told to stop (Ctrl-C or SIGTERM). The log goes to standard error as lines of JSON."""
    from detente.api.program import run_node
    from detente.link.directory import NodeDirectory
    from detente.room.exercise import is_exercise

    if exercise:
        name = NodeDirectory(directory).card().name
        if not is_exercise(name):
            raise Refusal("cli.party_that_exercises", "--exercise", name)
    if run_node(directory, _say):
        raise typer.Exit(ExitCode.NODE_STOPPED)


def _say(line: str) -> None:
    echo(line)
    sys.stdout.flush()


COMMANDS = {"node": node}
