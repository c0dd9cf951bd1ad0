"""detente details: commit to a plan now, give it later, and show that it is the one that was meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from detente.cli.claims_output import side_by_side
from detente.cli.plan import Directory, Output, OutputOption, done
from detente.cli.wording import say, words, write_output


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Details behind notices: commit, open, export, list.", no_args_is_help=True)
    for name, function in (("commit", commit), ("open", open_details), ("export", export), ("list", list_details)):
        group.command(name)(function)
    app.add_typer(group, name="details")


def commit(
    file: Annotated[Path, typer.Argument(help="GeoJSON or KML with the plan.")],
    directory: Directory,
    plan: Annotated[str | None, typer.Option(help="The plan's name, where the file holds several.")] = None,
) -> None:
    """Keep a plan under a fresh salt; prints what `detente notice give --commitment` takes. Nothing is told."""
    import msgspec

    from detente.airspace.refusal import Refusal
    from detente.api.client import NodeClient
    from detente.feeds.load import load_plans

    found = [one for one in load_plans(file).plans if plan in (None, one.plan_id)]
    if len(found) != 1:
        raise Refusal("--plan", plan, f"one plan of the file: {', '.join(p.plan_id for p in load_plans(file).plans)}")
    made = NodeClient(directory).post("details", "commit", body=msgspec.json.encode({"details": found[0]}))
    typer.echo(made["commitment"])


def open_details(
    notice_id: Annotated[str, typer.Argument(help="Our notice that carries the commitment.")],
    directory: Directory,
    to: Annotated[str, typer.Option(help="The party that is to have the details.")],
) -> None:
    """Give a party the details; its node checks that they open what the notice committed to."""
    from detente.api.client import NodeClient

    body = json.dumps({"peer": to, "notice_id": notice_id}).encode()
    done(NodeClient(directory).post("details", "open", body=body))


def export(
    commitment: Annotated[str, typer.Argument(help="A commitment that was made here: `detente details list`.")],
    directory: Directory,
    out: Annotated[Path, typer.Option(help="The new file, for `detente transcript check --opening`.")],
) -> None:
    """Write the salt and the details of a commitment, to be shown to an outsider. Whoever has it knows the details."""
    from detente.api.client import NodeClient
    from detente.details.commitment import read_opening, write_opening

    opening = read_opening(NodeClient(directory).fetch("details", "openings", commitment))
    write_output([write_opening(opening)], out)


def list_details(directory: Directory, output: OutputOption = Output.TABLE) -> None:
    """List every commitment that a notice carries or carried, and when it was opened."""
    from detente.api.client import NodeClient

    found = NodeClient(directory).get("details")
    if output is Output.JSON:
        typer.echo(json.dumps(found, indent=2))
        return
    if not found:
        say("details.none")
        return
    headings = [words(f"details.heading.{name}") for name in ("notice", "commitment", "seen", "opened")]
    rows = [
        [f"{one['party']} {one['notice_id']}", one["commitment"][:16], one["seen_at"], one["opened_at"] or "-"]
        for one in found
    ]
    side_by_side(headings, rows)
