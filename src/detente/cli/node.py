"""detente node: run the node of a directory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("node")(node)


def node(
    directory: Annotated[Path, typer.Option("--dir", help="The node's directory.")],
    *,
    new_sign_in: Annotated[
        bool, typer.Option("--new-sign-in", help="Print a new sign-in link; the one before it stops working.")
    ] = False,
) -> None:
    """Run the node until it is told to stop (Ctrl-C or SIGTERM). The log goes to standard error as lines of JSON."""
    from detente.api.program import run_node

    sys.exit(run_node(directory, _say, new_sign_in=new_sign_in))


def _say(line: str) -> None:
    typer.echo(line)
    sys.stdout.flush()
