"""detente match now, status, abort and the ledger of a node: private matching by running nodes."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from detente.cli.plan import Directory, Output, OutputOption

POLL_S = 0.25
RUNNING, DONE, ABORTED = "running", "done", "aborted"

PeerOption = Annotated[str | None, typer.Option("--with", help="Only runs with this party.")]


def add(group: typer.Typer) -> None:
    """Add the commands to those of `detente match`."""
    group.command("now")(now)
    group.command("status")(status)
    group.command("abort")(abort)
    group.command("give")(give)
    group.command("take")(take)


def now(
    directory: Directory,
    peer: Annotated[str, typer.Option("--with", help="The party to match with.")],
    *,
    epoch: Annotated[str | None, typer.Option(help="Any time in the epoch, such as 2025-06-01T00:00:00Z.")] = None,
    wait_s: Annotated[float, typer.Option(help="Seconds to wait for the end; 0 for not at all.", min=0.0)] = 600.0,
) -> None:
    """Match our plans of an epoch with a peer's node. Exit code 0 for done, 1 for not done yet, 3 for broken off."""
    from detente.airspace.position import utc
    from detente.airspace.refusal import Refusal
    from detente.api.client import NodeClient
    from detente.cli.match import FAULT_EXIT
    from detente.cli.wording import say

    try:
        moment = None if epoch is None else utc(datetime.fromisoformat(epoch), "--epoch").isoformat()
    except ValueError as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal("--epoch", epoch, "a time with its offset", 'Write it as "2025-06-01T00:00:00Z".') from None
    client = NodeClient(directory)
    view = client.post("matching", "runs", body=json.dumps({"peer": peer, "epoch": moment}).encode())
    deadline = time.monotonic() + wait_s
    while view["run"]["state"] == RUNNING and time.monotonic() < deadline:
        time.sleep(POLL_S)
        view = client.get("matching", "runs", view["run"]["run"])
    _show(view)
    if view["run"]["state"] == RUNNING:
        raise typer.Exit(1)
    if view["run"]["state"] != DONE:
        raise typer.Exit(FAULT_EXIT)
    if not view["run"]["outcome"]["in_conflict"]:
        say("match.node.no_conflict")


def status(directory: Directory, peer: PeerOption = None, *, output: OutputOption = Output.TABLE) -> None:
    """Show every run: where it stands, what is being done, what it told."""
    from detente.api.client import NodeClient
    from detente.cli.wording import say

    views = NodeClient(directory).get("matching", "runs", peer=peer)
    if output is Output.JSON:
        typer.echo(json.dumps(views, indent=2))
        return
    if not views:
        say("match.node.no_runs")
    for view in views:
        _show(view)


def abort(directory: Directory, run: Annotated[str, typer.Argument(help="The run, as `status` shows it.")]) -> None:
    """Break a run off. What was shown stays shown, and there is no second run for its epoch once tokens have left."""
    from detente.airspace.refusal import Refusal
    from detente.api.client import NodeClient

    client = NodeClient(directory)
    found = [view["run"]["run"] for view in client.get("matching", "runs") if view["run"]["run"].startswith(run)]
    if len(found) != 1:
        raise Refusal("run", run, f"the beginning of the identity of one run, not of {len(found)}")
    _show(client.post("matching", "runs", found[0], "abort"))


def give(
    directory: Directory,
    peer: Annotated[str, typer.Option("--with", help="The party to whom the files go.")],
    out: Annotated[Path, typer.Option(help="The folder for the files; those that are there stay.")],
) -> None:
    """Write our messages of runs that go on into a folder, to carry them beside a parcel of envelopes."""
    from detente.airspace.refusal import Refusal
    from detente.api.client import NodeClient
    from detente.cli.wording import say, write_output

    client = NodeClient(directory)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal("--out", str(out), "a directory that can be written", f"{error.strerror}.") from None
    for view in client.get("matching", "runs", peer=peer):
        run = view["run"]
        for message in run["sent"] if run["state"] != ABORTED else ():
            file = out / f"{run['run'][:12]}-{message['name']}.match"
            # Of a run that is over for good nothing is kept.
            with suppress(Refusal):
                raw = client.fetch("matching", "runs", run["run"], "messages", message["name"])
                if not file.exists():
                    write_output([raw], file)
                    say("match.hand_over", file=file, peer=peer)


def take(
    directory: Directory,
    files: Annotated[list[Path], typer.Argument(help="Files that the peer's `detente match give` wrote.")],
) -> None:
    """Take in messages that were carried here; each must have been announced in an envelope of the peer."""
    from detente.airspace.refusal import Refusal
    from detente.api.client import NodeClient
    from detente.cli.wording import say

    client = NodeClient(directory)
    for file in files:
        try:
            raw = file.read_bytes()
        except OSError as error:
            raise Refusal(str(file), error.strerror or str(error), "a file that can be read") from None
        found = client.post("matching", "messages", body=raw)
        say("match.node.taken", run=found["run"][:12], name=found["name"])


def node_ledger(directory: Path, peer: str | None) -> None:
    """Print how much the runs of a node with each peer have told."""
    import msgspec

    from detente.api.client import NodeClient
    from detente.cli.match import say_told
    from detente.cli.wording import say
    from detente.matching.ledger import SeriesTotals

    rows = [row for row in NodeClient(directory).get("matching", "ledger") if peer in (None, row["peer"])]
    for row in rows:
        say("match.node.with", peer=row["peer"])
        say_told(msgspec.convert(row["told"], SeriesTotals))
    if not rows:
        say("match.node.no_runs")


def _show(view: dict[str, Any]) -> None:
    from detente.cli.wording import say, words
    from detente.language import figures

    run, outcome = view["run"], view["run"]["outcome"]
    say(
        "match.node.run",
        run=run["run"][:12], peer=run["peer"], epoch=figures.utc_time(datetime.fromisoformat(run["epoch"])),
        state=words(f"match.state.{run['state']}"),
    )  # fmt: skip
    if run["state"] == RUNNING:
        doing = words(f"match.doing.{view['doing'] or 'wait'}")
        share = f" {view['done'] / view['total']:.0%}" if view["done"] else ""
        say("match.node.doing", doing=doing, share=share, messages=len(run["sent"]), of=5)
    if run["reason"]:
        say("match.node.broken", by=run["ended_by"], reason=words(f"match.fault.{run['reason']}"), remark=run["remark"])
    if outcome is None:
        return
    row = outcome["row"]
    say(
        "match.complete", flagged=row["flagged"], opened=row["opened"], theirs=row["seen"],
        tokens=row["matched_tokens"],
    )  # fmt: skip
    if outcome["in_conflict"]:
        say("match.node.in_conflict", plans=", ".join(outcome["in_conflict"]))
    if outcome["cleared"]:
        say("match.cleared", plans=", ".join(outcome["cleared"]))
    for alarm in row["alarms"]:
        say("match.alarm", what=words(f"match.alarms.{alarm}"))
    if view["transcripts_equal"] is not None:
        say("match.node.equal" if view["transcripts_equal"] else "match.node.different", peer=run["peer"])
