"""detente match now, status, abort and the ledger of a node: private matching by running nodes."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli.claims_values import node
from detente.cli.exit_codes import ExitCode
from detente.cli.names import found, peer_named
from detente.cli.options import Directory, OnlyPeer, OutputOption, ToPeer
from detente.cli.output import answered
from detente.cli.wording import read_input, say, words, write_output
from detente.language import figures

POLL_S = 0.25
RUNNING, DONE, ABORTED = "running", "done", "aborted"


def now(
    directory: Directory,
    peer: ToPeer,
    *,
    epoch: Annotated[str | None, typer.Option(help="Any time in the epoch, such as 2025-06-01T00:00:00Z.")] = None,
    wait_s: Annotated[float, typer.Option(help="Seconds to wait for the end; 0 for not at all.", min=0.0)] = 600.0,
    output: OutputOption = None,
) -> None:
    """Match our plans of an epoch with a peer's node. Exit code 0 for done, 4 for not done yet, 5 for broken off."""
    from detente.airspace.position import utc

    try:
        moment = None if epoch is None else utc(datetime.fromisoformat(epoch), "--epoch").isoformat()
    except ValueError as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal("cli.midnight_with_offset", "--epoch", epoch) from None
    client = node(directory)
    view = client.post(
        "matching", "runs", body=json.dumps({"peer": peer_named(directory, peer), "epoch": moment}).encode()
    )
    deadline = time.monotonic() + wait_s
    while view["run"]["state"] == RUNNING and time.monotonic() < deadline:
        time.sleep(POLL_S)
        view = client.get("matching", "runs", view["run"]["run"])
    said = answered(output, view, [view["run"]["run"]])
    if not said:
        _show(view)
    if view["run"]["state"] == RUNNING:
        raise typer.Exit(ExitCode.NOT_YET)
    if view["run"]["state"] != DONE:
        raise typer.Exit(ExitCode.PEER_AT_FAULT)
    if not said and not view["run"]["outcome"]["in_conflict"]:
        say("match.node.no_conflict")


def status(directory: Directory, peer: OnlyPeer = None, *, output: OutputOption = None) -> None:
    """Show every run: where it stands, what is being done, what it told."""
    views = node(directory).get("matching", "runs", peer=None if peer is None else peer_named(directory, peer))
    if answered(output, views, (view["run"]["run"] for view in views)):
        return
    if not views:
        say("match.node.no_runs")
    for view in views:
        _show(view)


def abort(
    directory: Directory,
    run: Annotated[str, typer.Argument(help="The run, or how it begins: `detente match status`.")],
    output: OutputOption = None,
) -> None:
    """Break a run off. What was shown stays shown, and there is no second run for its epoch once tokens have left."""
    client = node(directory)
    view = client.post("matching", "runs", found(client, "run", run), "abort")
    if not answered(output, view, [view["run"]["run"]]):
        _show(view)


def give(
    directory: Directory,
    peer: ToPeer,
    out: Annotated[Path, typer.Option(help="The folder for the files; those that are there stay.")],
    output: OutputOption = None,
) -> None:
    """Write our messages of runs that go on into a folder, to carry them beside a parcel of envelopes."""
    client, party = node(directory), peer_named(directory, peer)
    written: list[str] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal("cli.directory_writable", "--out", str(out), strerror=error.strerror or str(error)) from None
    for view in client.get("matching", "runs", peer=party):
        run = view["run"]
        for message in run["sent"] if run["state"] != ABORTED else ():
            file = out / f"{run['run'][:12]}-{message['name']}.match"
            # Of a run that is over for good nothing is kept.
            with suppress(Refusal):
                raw = client.fetch("matching", "runs", run["run"], "messages", message["name"])
                if not file.exists():
                    write_output([raw], file)
                    written.append(str(file))
    if answered(output, written, written):
        return
    for name in written:
        say("match.hand_over", file=name, peer=party)


def take(
    directory: Directory,
    files: Annotated[list[Path], typer.Argument(help="Files that the peer's `detente match give` wrote.")],
    output: OutputOption = None,
) -> None:
    """Take in messages that were carried here; each must have been announced in an envelope of the peer."""
    client = node(directory)
    taken = [client.post("matching", "messages", body=read_input(file)) for file in files]
    if answered(output, taken, (one["run"] for one in taken)):
        return
    for one in taken:
        say("match.node.taken", run=one["run"][:12], name=one["name"])


def node_ledger(directory: Path, peer: str | None, output: bool | None) -> None:  # noqa: FBT001
    """Print how much the runs of a node with each peer have told."""
    import msgspec

    from detente.cli.match import say_told
    from detente.matching.ledger import SeriesTotals

    party = None if peer is None else peer_named(directory, peer)
    rows = [row for row in node(directory).get("matching", "ledger") if party in (None, row["peer"])]
    if answered(output, rows, (row["peer"] for row in rows)):
        return
    for row in rows:
        say("match.node.with", peer=row["peer"])
        say_told(msgspec.convert(row["told"], SeriesTotals))
        for run in row["unflown"]:
            say("match.node.unflown", run=run[:12], theirs=row["unflown"][run], ours=row["own_unflown"][run])
    if not rows:
        say("match.node.no_runs")


def _show(view: dict[str, Any]) -> None:
    run, outcome = view["run"], view["run"]["outcome"]
    say(
        "match.node.run",
        run=run["run"][:12], peer=run["peer"], epoch=figures.utc_time(datetime.fromisoformat(run["epoch"])),
        state=words(f"match.state.{run['state']}"),
    )  # fmt: skip
    if run["state"] == RUNNING:
        doing = words(f"match.doing.{view['doing'] or 'wait'}")
        share = f" {view['done'] / view['total']:.0%}" if view["done"] else ""
        say("match.node.doing", doing=doing, share=share, messages=len(run["sent"]), of=run["steps"])
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
