"""detente conflicts: what is in conflict, through the running node."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from detente.cli.claims_values import node
from detente.cli.names import meant
from detente.cli.options import Directory, OutputOption
from detente.cli.output import answered, show_table
from detente.cli.wording import language, say
from detente.language import figures


def conflicts(
    directory: Directory,
    *,
    plan: Annotated[str | None, typer.Option("--plan", help="Only those of this plan, ours or a peer's.")] = None,
    cleared: Annotated[bool, typer.Option("--cleared", help="Those that are over, too.")] = False,
    output: OutputOption = None,
) -> None:
    """List the conflicts between our plans and the peers'."""
    found = node(directory).get("conflicts", cleared=str(cleared).lower())
    if plan is not None:
        known = {name for state in ("open", "cleared") for record in found[state] for name in _plans_of(record)}
        named = meant("--plan", plan, known)
        for state in ("open", "cleared"):
            found[state] = [record for record in found[state] if named in _plans_of(record)]
    if answered(output, found, (one["conflict"]["conflict_id"] for one in (*found["open"], *found["cleared"]))):
        return
    rows = [_row(record, "open") for record in found["open"]] + [_row(r, r["because"]) for r in found["cleared"]]
    show_table(("conflict", "first", "second", "start", "closest", "state"), rows)
    for answer in found["said"]:
        say("conflicts.said", party=answer["party"], plan=answer["plan_id"], revision=answer["revision"])


def _plans_of(record: dict[str, Any]) -> list[str]:
    return [str(record["conflict"][side]["plan_id"]) for side in ("first", "second")]


def _row(record: dict[str, dict[str, dict[str, str]]], state: str) -> tuple[str, ...]:
    conflict, encounter = record["conflict"], record["conflict"]["encounter"]
    apart = (
        f"{figures.distance(language(), float(encounter['horizontal_m']), down=True)}, "
        f"{figures.height(language(), float(encounter['vertical_m']), down=True)}"
    )
    start = figures.utc_time(datetime.fromisoformat(str(encounter["start"])))
    names = [f"{conflict[side]['party']} {conflict[side]['plan_id']}" for side in ("first", "second")]
    return (str(conflict["conflict_id"]), *names, start, apart, state)


COMMANDS = {"conflicts": conflicts}
