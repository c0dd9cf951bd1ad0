"""detente line radio and alarms: dated checks of the radio plan, and what speaks against a peer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from detente.cli.line_watch import as_json
from detente.cli.plan import Directory, done
from detente.cli.wording import say, words


def radio(
    peer: Annotated[str, typer.Argument(help="The party whose crew was called.")],
    directory: Directory,
    frequency: Annotated[str, typer.Option(help="The frequency with its unit, like 130.0MHz.")],
    by: Annotated[str, typer.Option(help="The generic call-sign of our crew; never a person's name.")],
    *,
    heard: Annotated[bool, typer.Option("--heard/--not-heard", help="Whether our crew heard theirs.")] = True,
    at: Annotated[str | None, typer.Option(help="When, UTC, like 2025-06-01T14:30Z; now unless said.")] = None,
) -> None:
    """Report what our crew heard in a radio check; it is dated once both sides have said that they heard."""
    from detente.cli.claims_values import moment
    from detente.cli.line_values import frequency_khz

    khz = frequency_khz("--frequency", frequency)
    checked_at = None if at is None else moment("--at", at)
    body = {"peer": peer, "frequency_khz": khz, "call_sign": by, "heard": heard, "checked_at": checked_at}
    done(_client(directory).post("line", "radio", body=as_json(body)))


def alarms(
    directory: Directory,
    take: Annotated[str | None, typer.Option(help="Say that a person has looked at those about this party.")] = None,
    post: Annotated[str | None, typer.Option(help="The post where that person is.")] = None,
) -> None:
    """Show the alarms about every party; with --take, say that a person has looked."""
    client = _client(directory)
    if take is not None:
        done(client.post("line", "alarms", "take", body=as_json({"peer": take, "post": post or ""})))
        return
    lines = list(alarm_lines(client.get("line"), taken=True))
    for text in lines:
        typer.echo(text)
    if not lines:
        say("line.alarm.none")


def radio_lines(line: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each frequency of the radio plan with each party."""
    for peer, state in line["lines"].items():
        standings = {standing["frequency_khz"]: standing for standing in state["radio"]}
        for duty in line["terms"][peer]["radio"]:
            standing = standings.get(duty["frequency_khz"], {})
            two_way = standing.get("two_way_at")
            dated = words("line.radio.two_way", time=two_way) if two_way else words("line.radio.never")
            late = f", {words('line.radio.overdue')}" if standing.get("overdue") else ""
            frequency = f"{duty['frequency_khz'] / 1000:.3f} MHz"
            use = words(f"line.radio.use.{duty['use']}")
            yield words("line.radio.standing", peer=peer, frequency=frequency, use=use, dated=dated) + late


def alarm_lines(line: dict[str, Any], *, taken: bool = False) -> Iterator[str]:
    """Yield a line for each alarm that waits for a person; with `taken`, for the others too."""
    for peer, state in line["lines"].items():
        for alarm in state["alarms"]:
            if taken or alarm["taken_by"] is None:
                what = words(f"line.alarm.{alarm['kind']}")
                text = words("line.alarm.raised", peer=peer, what=what, time=alarm["at"], detail=alarm["detail"])
                seen = "" if alarm["taken_by"] is None else f" ({words('line.alarm.taken', post=alarm['taken_by'])})"
                yield text + seen


def _client(directory: Path) -> Any:  # noqa: ANN401 - imported late
    from detente.api.client import NodeClient

    return NodeClient(directory)
