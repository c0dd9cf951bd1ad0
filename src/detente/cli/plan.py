"""detente plan: our plans and the peers', through the running node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detente.cli.accord_warnings import warn_of_accords
from detente.cli.claims_values import node
from detente.cli.cold import say_if_cold
from detente.cli.names import any_party, found
from detente.cli.options import Directory, OnlyOwner, OutputOption, Owner, lowered
from detente.cli.output import answered, done, show_table
from detente.cli.plan_reading import PlanReading, with_reading
from detente.cli.wording import counting, echo, language, words
from detente.language import counted
from detente.language.figures import utc_time

if TYPE_CHECKING:
    from detente.airspace.plan import Plan

IMPORT_BYTES = 16 * 1024 * 1024
"""Plans that are sent to the node in one request; a larger file is imported in several."""


PlanId = Annotated[str, typer.Argument(help="The plan's id, or how it begins.")]


@with_reading
def import_file(
    file: Annotated[Path, typer.Argument(help="GeoJSON, KML, GPX, flown tracks and more.")],
    *,
    directory: Directory,
    output: OutputOption = None,
    reading: PlanReading,
) -> None:
    """Declare the plans of a file; those that are there already are amended where they differ."""
    from detente.feeds.load import load_plans

    options = reading.options()
    client = node(directory)
    loaded = load_plans(file, options, progress=counting())
    totals: dict[str, int] = {}
    warnings: list[dict[str, str]] = []
    for body in _bodies(loaded.plans):
        answer = client.post("plans", body=body)
        warnings = answer.pop("accord_warnings")
        for name, value in answer.items():
            totals[name] = value if name == "journal_number" else totals.get(name, 0) + value
    left_out = {entry.reason: entry.count for entry in loaded.dropped}
    document = {**totals, "left_out": left_out, "accord_warnings": warnings}
    if answered(output, document, (plan.plan_id for plan in loaded.plans)):
        return
    echo(words("node.imported", **totals))
    _say_extent(loaded.plans)
    warn_of_accords(warnings)
    for reason, count in left_out.items():
        echo(counted(language(), f"left_out.{reason}", count), err=True)


def list_plans(
    directory: Directory,
    owner: OnlyOwner = None,
    state: Annotated[
        str | None, typer.Option(callback=lowered, help="Only declared, active, ended or withdrawn plans.")
    ] = None,
    output: OutputOption = None,
) -> None:
    """List the plans that this node knows."""
    plans = node(directory).get("plans", party=any_party(directory, owner), plan_state=state)
    if answered(output, plans, (plan["plan_id"] for plan in plans)):
        return
    rows = [
        (p["party"], p["plan_id"], str(p["revision"]), p["state"], p["start"], p["end"], str(len(p["conflicts"])))
        for p in plans
    ]
    show_table(("party", "plan", "revision", "state", "start", "end", "conflicts"), rows)


def show(plan_id: PlanId, directory: Directory, owner: Owner = None, output: OutputOption = None) -> None:
    """Show one plan in full, as JSON."""
    client = node(directory)
    whose = any_party(directory, owner) or client.get("status")["party"]
    plan = client.get("plans", whose, found(client, "plan", plan_id, owner=whose))
    answered(output is not False, plan, [plan["plan"]["plan_id"]])


def withdraw(plan_id: PlanId, directory: Directory, output: OutputOption = None) -> None:
    """Take one of our plans back."""
    _change(directory, plan_id, "withdraw", output)


def activate(plan_id: PlanId, directory: Directory, output: OutputOption = None) -> None:
    """Say that one of our plans is being flown."""
    _change(directory, plan_id, "activate", output)


def end(plan_id: PlanId, directory: Directory, output: OutputOption = None) -> None:
    """Say that one of our plans is flown."""
    _change(directory, plan_id, "end", output)


def _change(directory: Path, plan_id: str, action: str, output: bool | None) -> None:  # noqa: FBT001
    client = node(directory)
    done(client.post("plans", found(client, "plan", plan_id, owner=None), action), output)


def _say_extent(plans: tuple[Plan, ...]) -> None:
    """Say where, how high and when the plans are, so that a wrong file is seen; and that all of them are past."""
    from datetime import UTC, datetime

    from detente.airspace.compiled import Vocabulary, compile_plans
    from detente.airspace.extent import extent, reach
    from detente.cli.check_compared import extent_line

    say_if_cold()
    compiled = compile_plans(plans, Vocabulary())
    found = extent(plans, reach(compiled))
    echo(words("node.imported_extent", extent=extent_line(found, language())))
    if found.end < datetime.now(UTC):
        echo(words("check.doubt.ours_past", end=utc_time(found.end)), err=True)


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


COMMANDS = {
    "plan": {
        "import": import_file, "list": list_plans, "show": show, "withdraw": withdraw, "activate": activate,
        "end": end,
    }
}  # fmt: skip
