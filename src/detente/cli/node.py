"""detente node: run the node of a directory."""

from __future__ import annotations

import sys

import typer

from detente.cli.exit_codes import ExitCode
from detente.cli.options import Directory
from detente.cli.wording import echo


def node(directory: Directory) -> None:
    """Run the node until it is told to stop (Ctrl-C or SIGTERM). The log goes to standard error as lines of JSON."""
    from detente.api.program import run_node

    if run_node(directory, _say):
        raise typer.Exit(ExitCode.NODE_STOPPED)


def _say(line: str) -> None:
    echo(line)
    sys.stdout.flush()


COMMANDS = {"node": node}
