"""detente status: how the running node of a directory stands, and waiting for it to come up or to come to rest."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.api.no_node import NoNodeRefusal
from detente.cli.accord_warnings import warn_of_accords
from detente.cli.exit_codes import ExitCode
from detente.cli.options import Directory, OutputOption
from detente.cli.output import answered
from detente.cli.wording import echo, say, words

POLL_S = 0.2
ENOUGH = "enough"
MOST_NAMED = 5


class Until(StrEnum):
    """What to wait for."""

    UP = "up"
    SETTLED = "settled"


def status(
    directory: Directory,
    *,
    until: Annotated[Until | None, typer.Option(help="Wait until the node answers, or until all is settled.")] = None,
    wait_s: Annotated[float, typer.Option(help="Seconds to wait at the longest.", min=0.0)] = 60.0,
    output: OutputOption = None,
) -> None:
    """Show the node in numbers: plans, conflicts, measures, messages. Exit code 4 when waiting was in vain."""
    found = _waited(directory, until, wait_s)
    if not answered(output, found):
        for name in ("party", "accord_hash"):
            say(f"status.{name}", value=found[name])
        for party, count in sorted(found["plans"].items()):
            say("status.plans", party=party, count=count)
        for name in ("conflicts_open", "conflicts_left", "conflicts_cleared", "envelopes_waiting", "journal_number"):
            say(f"status.{name}", value=found[name])
        for state, count in sorted(found["measures"].items()):
            say("status.measures", state=state, count=count)
        for account in found["answers"]:
            say("status.answers", **{name: account[name] for name in ("peer", "told", "exact", "exact_left")})
        for name in ("stops_undelivered", "stops_without_person", "radio_overdue", "alarms"):
            if found[name]:
                say(f"status.{name}", value=", ".join(found[name]))
        _say_watch(found["watch"])
        disk = found["disk"]
        if disk["state"] != ENOUGH:
            free_mb = disk["free_bytes"] // 2**20
            echo(
                words(f"status.disk.{disk['state']}", free_mb=free_mb, whole_mb=disk["whole_bytes"] // 2**20), err=True
            )
        for one in found["failing_tasks"]:
            say("status.failing_task", task=one["task"], why=one["why"], since=one["since"], err=True)
        warn_of_accords(found["accord_warnings"])
        say("status.settled" if found["settled"] else "status.unsettled")
    if until is Until.SETTLED and not found["settled"]:
        raise typer.Exit(ExitCode.NOT_YET)


def _say_watch(watch: dict[str, Any]) -> None:
    if watch["has_feeds"] and not watch["runs"]:
        say("watching.status.stands", why=watch["why"] or "-", err=True)
    if watch["silent"]:
        say("watching.status.silent", feeds=", ".join(watch["silent"]), err=True)
    if watch["waiting"]:
        say("watching.status.waiting", alerts=", ".join(watch["waiting"][:MOST_NAMED]), count=len(watch["waiting"]))


def _waited(directory: Directory, until: Until | None, wait_s: float) -> dict[str, Any]:
    """The status once it is as asked, or the last one there was; Refusal when the node never answered."""
    from detente.api.client import NodeClient

    deadline = time.monotonic() + wait_s
    settled_at = -1
    has_answered = False
    while True:
        late = until is None or time.monotonic() >= deadline
        try:
            found: dict[str, Any] = NodeClient(directory).get("status")
        except NoNodeRefusal:
            if late:
                raise NoNodeRefusal(directory, stopped=has_answered) from None
        except Refusal:
            if late:
                raise
        else:
            has_answered = True
            # Settled twice at one place of the journal: a message may be on its way between two looks.
            if late or until is Until.UP or (found["settled"] and settled_at == found["journal_number"]):
                return found
            settled_at = found["journal_number"] if found["settled"] else -1
        time.sleep(POLL_S)


COMMANDS = {"status": status}
