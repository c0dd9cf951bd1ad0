"""The `detente` command: one file of this room for each group of subcommands."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from detente.airspace.refusal import Refusal

app = typer.Typer(
    name="detente",
    help="Deconfliction between parties that share an airspace but not their trust.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

COMMAND_FILES: tuple[str, ...] = (
    "init",
    "card",
    "pair",
    "check",
    "demo",
    "rehearse",
    "node",
    "status",
    "plan",
    "notice",
    "details",
    "conflicts",
    "measure",
    "line",
    "observation",
    "request",
    "statement",
    "incident",
    "deviation",
    "review",
    "accord",
    "zone",
    "member",
    "disclosed",
    "match",
    "journal",
    "transcript",
    "dss",
    "token",
)
"""The modules of this room whose `register(app)` adds their commands."""

for _name in COMMAND_FILES:
    import_module(f"detente.cli.{_name}").register(app)


@app.callback()
def options() -> None:
    """Deconfliction between parties that share an airspace but not their trust."""


def main() -> None:
    """Run the command line; a user's mistake is one line on standard error and exit code 2."""
    try:
        app()
    except Refusal as refusal:
        from detente.cli.wording import language
        from detente.language.refused import refusal_line

        line = refusal_line(language(), refusal.field, refusal.shown, refusal.expected, refusal.mend)
        typer.echo(f"detente: {line}", err=True)
        sys.exit(2)
