"""detente conflicts: what is in conflict, through the running node."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer

from detente.cli.plan import Directory, Output, OutputOption, show_table


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("conflicts")(conflicts)


def conflicts(
    directory: Directory,
    *,
    cleared: Annotated[bool, typer.Option("--cleared", help="Those that are over, too.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the conflicts between our plans and the peers'."""
    from detente.api.client import NodeClient
    from detente.cli.wording import say

    found = NodeClient(directory).get("conflicts", cleared=str(cleared).lower())
    if output is Output.JSON:
        typer.echo(json.dumps(found, indent=2))
        return
    rows = [_row(record, "open") for record in found["open"]] + [_row(r, r["because"]) for r in found["cleared"]]
    show_table(("conflict", "first", "second", "start", "closest", "state"), rows)
    for answer in found["said"]:
        say("conflicts.said", party=answer["party"], plan=answer["plan_id"], revision=answer["revision"])


def _row(record: dict[str, dict[str, dict[str, str]]], state: str) -> tuple[str, ...]:
    from detente.cli.wording import language
    from detente.language import figures

    conflict, encounter = record["conflict"], record["conflict"]["encounter"]
    apart = (
        f"{figures.distance(language(), float(encounter['horizontal_m']))}, "
        f"{figures.height(language(), float(encounter['vertical_m']))}"
    )
    start = figures.utc_time(datetime.fromisoformat(str(encounter["start"])))
    names = [f"{conflict[side]['party']} {conflict[side]['plan_id']}" for side in ("first", "second")]
    return (str(conflict["conflict_id"]), *names, start, apart, state)
