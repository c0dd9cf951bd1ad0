"""detente status: how the running node of a directory stands, and waiting for it to come up or to come to rest."""

from __future__ import annotations

import json
import time
from enum import StrEnum
from typing import Annotated, Any

import typer

from detente.cli.plan import Directory, Output, OutputOption

POLL_S = 0.2


class Until(StrEnum):
    """What to wait for."""

    UP = "up"
    SETTLED = "settled"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(
    directory: Directory,
    *,
    until: Annotated[Until | None, typer.Option(help="Wait until the node answers, or until all is settled.")] = None,
    wait_s: Annotated[float, typer.Option(help="Seconds to wait at the longest.", min=0.0)] = 60.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the node in numbers: plans, conflicts, measures, messages. Exit code 1 when waiting was in vain."""
    from detente.cli.wording import say

    found = _waited(directory, until, wait_s)
    if output is Output.JSON:
        typer.echo(json.dumps(found, indent=2))
    else:
        for name in ("party", "accord_hash"):
            say(f"status.{name}", value=found[name])
        for party, count in sorted(found["plans"].items()):
            say("status.plans", party=party, count=count)
        for name in ("conflicts_open", "conflicts_left", "conflicts_cleared", "envelopes_waiting", "journal_number"):
            say(f"status.{name}", value=found[name])
        for state, count in sorted(found["measures"].items()):
            say("status.measures", state=state, count=count)
        for name in ("radio_overdue", "alarms"):
            if found[name]:
                say(f"status.{name}", value=", ".join(found[name]))
        say("status.settled" if found["settled"] else "status.unsettled")
    if until is Until.SETTLED and not found["settled"]:
        raise typer.Exit(1)


def _waited(directory: Directory, until: Until | None, wait_s: float) -> dict[str, Any]:
    """The status once it is as asked, or the last one there was; Refusal when the node never answered."""
    from detente.airspace.refusal import Refusal
    from detente.api.client import NodeClient

    deadline = time.monotonic() + wait_s
    settled_at = -1
    while True:
        late = until is None or time.monotonic() >= deadline
        try:
            found: dict[str, Any] = NodeClient(directory).get("status")
        except Refusal:
            if late:
                raise
        else:
            # Settled twice at one place of the journal: a message may be on its way between two looks.
            if late or until is Until.UP or (found["settled"] and settled_at == found["journal_number"]):
                return found
            settled_at = found["journal_number"] if found["settled"] else -1
        time.sleep(POLL_S)
