"""detente plan: our plans and the peers', through the running node."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.wording import language, words
from detente.language import counted

if TYPE_CHECKING:
    from detente.airspace.plan import Plan

Directory = Annotated[Path, typer.Option("--dir", help="The node's directory; the node must be running.")]
IMPORT_BYTES = 16 * 1024 * 1024
"""Plans that are sent to the node in one request; a larger file is imported in several."""


class Output(StrEnum):
    """How lists are shown."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--format", help="A table to read, or JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Plans: import, list, show, withdraw, activate, end.", no_args_is_help=True)
    for name, function in (("import", import_file), ("list", list_plans), ("show", show), ("withdraw", withdraw)):
        group.command(name)(function)
    group.command("activate")(activate)
    group.command("end")(end)
    app.add_typer(group, name="plan")


def import_file(
    file: Annotated[Path, typer.Argument(help="GeoJSON, KML, or flown tracks as CSV or Parquet.")],
    directory: Directory,
) -> None:
    """Declare the plans of a file; those that are there already are amended where they differ."""
    from detente.api.client import NodeClient
    from detente.feeds.load import load_plans

    client = NodeClient(directory)
    loaded = load_plans(file)
    totals: dict[str, int] = {}
    for body in _bodies(loaded.plans):
        for name, value in client.post("plans", body=body).items():
            totals[name] = value if name == "journal_number" else totals.get(name, 0) + value
    typer.echo(words("node.imported", **totals))
    for entry in loaded.dropped:
        typer.echo(counted(language(), f"left_out.{entry.reason}", entry.count), err=True)


def list_plans(
    directory: Directory,
    party: Annotated[str | None, typer.Option(help="Only plans of this party.")] = None,
    state: Annotated[str | None, typer.Option(help="Only declared, active, ended or withdrawn plans.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the plans that this node knows."""
    from detente.api.client import NodeClient

    plans = NodeClient(directory).get("plans", party=party, plan_state=state)
    if output is Output.JSON:
        typer.echo(json.dumps(plans, indent=2))
        return
    rows = [
        (p["party"], p["plan_id"], str(p["revision"]), p["state"], p["start"], p["end"], str(len(p["conflicts"])))
        for p in plans
    ]
    show_table(("party", "plan", "revision", "state", "start", "end", "conflicts"), rows)


def show(
    plan_id: Annotated[str, typer.Argument(help="The plan's id.")],
    directory: Directory,
    party: Annotated[str | None, typer.Option(help="Whose plan; ours unless said.")] = None,
) -> None:
    """Show one plan in full, as JSON."""
    from detente.api.client import NodeClient

    client = NodeClient(directory)
    owner = party or client.get("status")["party"]
    typer.echo(json.dumps(client.get("plans", owner, plan_id), indent=2))


def withdraw(plan_id: Annotated[str, typer.Argument(help="The plan's id.")], directory: Directory) -> None:
    """Take one of our plans back."""
    _change(directory, plan_id, "withdraw")


def activate(plan_id: Annotated[str, typer.Argument(help="The plan's id.")], directory: Directory) -> None:
    """Say that one of our plans is being flown."""
    _change(directory, plan_id, "activate")


def end(plan_id: Annotated[str, typer.Argument(help="The plan's id.")], directory: Directory) -> None:
    """Say that one of our plans is flown."""
    _change(directory, plan_id, "end")


def _change(directory: Path, plan_id: str, action: str) -> None:
    from detente.api.client import NodeClient

    done(NodeClient(directory).post("plans", plan_id, action))


def done(answer: dict[str, Any]) -> None:
    """Say what a command led to."""
    events = ", ".join(answer["events"]) or "-"
    typer.echo(words("node.done", events=events, journal_number=answer["journal_number"]))


def show_table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows under headings of the language room."""
    from detente.cli.tables import print_table

    print_table([words(f"node.heading.{heading}") for heading in headings], rows, piped_width=200)


def _bodies(plans: tuple[Plan, ...]) -> list[bytes]:
    import msgspec

    bodies: list[bytes] = []
    chunk: list[bytes] = []
    size = 0
    for plan in plans:
        encoded = msgspec.json.encode(plan)
        if chunk and size + len(encoded) > IMPORT_BYTES:
            bodies.append(b'{"plans":[' + b",".join(chunk) + b"]}")
            chunk, size = [], 0
        chunk.append(encoded)
        size += len(encoded) + 1
    bodies.append(b'{"plans":[' + b",".join(chunk) + b"]}")
    return bodies
