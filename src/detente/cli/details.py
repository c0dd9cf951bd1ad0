"""detente details: commit to a plan now, give it later, and show that it is the one that was meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from detente.airspace.refusal import Refusal
from detente.cli.claims_output import side_by_side
from detente.cli.claims_values import node
from detente.cli.names import found, peer_named
from detente.cli.options import Directory, OutputOption, ToPeer
from detente.cli.output import answered, done
from detente.cli.plan_reading import PlanReading, with_reading
from detente.cli.wording import echo, say, words, write_output


@with_reading
def commit(
    *,
    file: Annotated[Path, typer.Argument(help="The file with the plan, in any format that plans have.")],
    directory: Directory,
    plan: Annotated[str | None, typer.Option(help="The plan's name, where the file holds several.")] = None,
    output: OutputOption = None,
    reading: PlanReading,
) -> None:
    """Keep a plan under a fresh salt; prints what `detente notice give --commitment` takes. Nothing is told."""
    import msgspec

    from detente.feeds.load import load_plans

    plans = load_plans(file, reading.options()).plans
    meant = [one for one in plans if plan in (None, one.plan_id)]
    if len(meant) != 1:
        raise Refusal("cli.one_plan_file", "--plan", plan, plans=", ".join(one.plan_id for one in plans[:20]))
    made = node(directory).post("details", "commit", body=msgspec.json.encode({"details": meant[0]}))
    if not answered(output, made, [made["commitment"]]):
        echo(made["commitment"])


def open_details(
    notice_id: Annotated[str, typer.Argument(help="Our notice that carries the commitment, or how its name begins.")],
    directory: Directory,
    peer: ToPeer,
    output: OutputOption = None,
) -> None:
    """Give a party the details; its node checks that they open what the notice committed to."""
    client = node(directory)
    body = {"peer": peer_named(directory, peer), "notice_id": found(client, "notice", notice_id)}
    done(client.post("details", "open", body=json.dumps(body).encode()), output)


def export(
    commitment: Annotated[
        str, typer.Argument(help="A commitment that was made here, or how it begins: `detente details list`.")
    ],
    directory: Directory,
    out: Annotated[Path, typer.Option(help="The new file, for `detente transcript check --opening`.")],
) -> None:
    """Write the salt and the details of a commitment, to be shown to an outsider. Whoever has it knows the details."""
    from detente.details.commitment import read_opening, write_opening

    client = node(directory)
    opening = read_opening(client.fetch("details", "openings", found(client, "commitment", commitment)))
    write_output([write_opening(opening)], out)


def list_details(directory: Directory, output: OutputOption = None) -> None:
    """List every commitment that a notice carries or carried, and when it was opened."""
    known = node(directory).get("details")
    if answered(output, known, (one["commitment"] for one in known)):
        return
    if not known:
        say("details.none")
        return
    headings = [words(f"details.heading.{name}") for name in ("notice", "commitment", "seen", "opened")]
    rows = [
        [f"{one['party']} {one['notice_id']}", one["commitment"][:16], one["seen_at"], one["opened_at"] or "-"]
        for one in known
    ]
    side_by_side(headings, rows)


COMMANDS = {"details": {"commit": commit, "open": open_details, "export": export, "list": list_details}}
