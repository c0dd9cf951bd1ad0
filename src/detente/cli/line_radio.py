"""detente line radio and alarms: dated checks of the radio plan, and what speaks against a peer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli.claims_values import node
from detente.cli.line_frame import alarm_lines
from detente.cli.line_watch import as_json
from detente.cli.names import found, peer_named
from detente.cli.options import AtTime, Directory, OnlyPeer, OutputOption, ToPeer
from detente.cli.output import answered, done
from detente.cli.wording import echo, say, words


def radio(
    directory: Directory,
    peer: ToPeer,
    frequency: Annotated[str, typer.Option(help="The frequency with its unit, like 130.0MHz.")],
    call_sign: Annotated[str, typer.Option(help="The generic call-sign of our crew; never a person's name.")],
    *,
    heard: Annotated[bool, typer.Option("--heard/--not-heard", help="Whether our crew heard theirs.")] = True,
    time: AtTime = None,
    output: OutputOption = None,
) -> None:
    """Report what our crew heard in a radio check; it is dated once both sides have said that they heard."""
    from detente.cli.claims_values import moment
    from detente.cli.line_values import frequency_khz

    body = {
        "peer": peer_named(directory, peer), "frequency_khz": frequency_khz("--frequency", frequency),
        "call_sign": call_sign, "heard": heard, "checked_at": None if time is None else moment("--time", time),
    }  # fmt: skip
    done(node(directory).post("line", "radio", body=as_json(body)), output)


def alarms(
    directory: Directory,
    peer: OnlyPeer = None,
    *,
    take: Annotated[bool, typer.Option("--take", help="Say that a person has looked at those about a party.")] = False,
    post: Annotated[str | None, typer.Option("--post", help="The post where that person is.")] = None,
    output: OutputOption = None,
) -> None:
    """Show the alarms about every party; with --take, say that a person has looked."""
    client, about = node(directory), None if peer is None else peer_named(directory, peer)
    if take:
        if about is None or post is None:
            raise Refusal("cli.peer_post", "--take", None)
        body = {"peer": about, "post": found(client, "post", post)}
        done(client.post("line", "alarms", "take", body=as_json(body)), output)
        return
    line = client.get("line")
    line["lines"] = {name: state for name, state in line["lines"].items() if about in (None, name)}
    raised = {name: state["alarms"] for name, state in line["lines"].items()}
    if answered(output, raised, (name for name, those in raised.items() if those)):
        return
    lines = list(alarm_lines(line, taken=True))
    for text in lines:
        echo(text)
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
