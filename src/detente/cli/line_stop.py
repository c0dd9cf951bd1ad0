"""detente line stop: send a STOP, say how far it has come as that is known, and what to do where it has not arrived."""

from __future__ import annotations

import json
import queue
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli.exit_codes import ExitCode
from detente.cli.line_delivery import NOT_DELIVERED, WITH_A_PERSON, delivery_text, why_text
from detente.cli.line_watch import detail
from detente.cli.names import peer_named
from detente.cli.options import Directory, OutputOption, StopPeer
from detente.cli.output import answered
from detente.cli.wording import echo, say, words
from detente.record.printable import printable

if TYPE_CHECKING:
    from pathlib import Path

    from detente.api.client import NodeClient

NEXT = {NOT_DELIVERED: "delivered", "delivered": "shown", "shown": WITH_A_PERSON}
"""What is waited for, by how far a STOP has come."""
LONGEST_POLL_S = 30.0


def stop(
    directory: Directory,
    peer: StopPeer = None,
    wait_s: Annotated[
        float, typer.Option(help="Seconds to wait for a person of the other side; 0 for not at all.", min=0.0)
    ] = 5.0,
    output: OutputOption = None,
) -> None:
    """STOP: aircraft are in danger. Goes before everything else, to every post. Exit code 4 when NOT DELIVERED."""
    to = None if peer is None else peer_named(directory, peer)
    from detente.api.client import NodeClient
    from detente.api.no_node import NoNodeRefusal

    try:
        client = NodeClient(directory, for_stop=True)
        sent = client.post("line", "stop", body=json.dumps({"peer": to}).encode())
    except NoNodeRefusal as refusal:
        if output is None:
            _say_without_node(directory, to, "no_answer" if refusal.is_running else "no_node")
        raise
    if output is None:
        say("line.sent", ids=", ".join(sent["message_ids"]), journal_number=sent["journal_number"])
    messages = _waited(client, sent["message_ids"], wait_s, shows=output is None) if wait_s else {}
    undelivered = {name: m for name, m in messages.items() if m["delivery"]["standing"] == NOT_DELIVERED}
    found = {**sent, "deliveries": {name: message["delivery"] for name, message in messages.items()}}
    if not answered(output, found, sent["message_ids"]):
        for name, message in undelivered.items():
            _say_other_carriers(client, name, message)
        for name, why in sent["not_sent"].items():
            say("line.stop.not_sent", peer=name, why=printable(why))
        if not messages:
            say("line.stop.not_waited")
    if undelivered or sent["not_sent"]:
        raise typer.Exit(ExitCode.NOT_YET)


def _waited(client: NodeClient, names: list[str], wait_s: float, *, shows: bool) -> dict[str, dict[str, Any]]:
    """Return each message, by "peer id", once a person has it or the time is over; show each step as it is known."""
    found: dict[str, dict[str, Any]] = {}
    news: queue.SimpleQueue[tuple[str, dict[str, Any] | Exception]] = queue.SimpleQueue()
    until = time.monotonic() + wait_s
    for name in names:
        threading.Thread(target=_follow, args=(client, name, until, news), daemon=True).start()
    under_way = len(names)
    while under_way:
        name, told = news.get()
        if isinstance(told, Exception):
            raise told
        if not told:
            under_way -= 1
            continue
        before, found[name] = found.get(name), told
        standing = told["delivery"]["standing"]
        if shows and standing not in (NOT_DELIVERED, before and before["delivery"]["standing"]):
            echo(f"{name}: {delivery_text(told['delivery'])}")
    return found


def _follow(client: NodeClient, name: str, until: float, news: queue.SimpleQueue[Any]) -> None:
    """Tell the news of one message: the message at each step, at the end nothing, or what went wrong."""
    wanted: str | None = NEXT[NOT_DELIVERED]
    try:
        while wanted is not None:
            left_s = max(0.0, until - time.monotonic())
            path, wait_s = name.split(" "), min(left_s, LONGEST_POLL_S)
            message = client.get("line", "messages", *path, until=wanted, wait_s=wait_s)
            news.put((name, message))
            wanted = NEXT.get(message["delivery"]["standing"]) if left_s else None
    except Exception as error:  # noqa: BLE001 - raised again where it is told
        news.put((name, error))
    else:
        news.put((name, {}))


def _say_without_node(directory: Path, to: str | None, why: str) -> None:
    """Say for each peer that nothing was sent, and the telephone numbers that the accord's file has."""
    from detente.link.directory import NodeDirectory
    from detente.node.beginning import read_accord
    from detente.settings.configuration import read_configuration

    files = NodeDirectory(directory)
    numbers: dict[str, list[str]] = {}
    with suppress(Refusal):
        accord = read_accord(directory / read_configuration(files.config_path).accord)
        for party in accord.parties if accord is not None else ():
            numbers[party.name] = [f"{telephone.post} {telephone.number}" for telephone in party.telephones]
    for name in [card.name for card in files.trusted_cards()] if to is None else [to]:
        say("line.stop.not_sent", peer=name, why=words(f"line.stop.{why}"))
        posts = numbers.get(name)
        detail("line.stop.call_numbers" if posts else "line.stop.call", peer=name, posts=", ".join(posts or ()))


def _telephones(client: NodeClient, peer: str) -> dict[str, str]:
    """The numbers of a peer's posts by the accord with it, which may be suspended."""
    return {
        telephone["post"]: telephone["number"]
        for accord in client.get("accords")
        if accord["peer"] == peer and accord["standing"] in ("in_force", "suspended")
        for party in accord["terms"]["parties"]
        if party["name"] == peer
        for telephone in party.get("telephones", ())
    }


def _say_other_carriers(client: NodeClient, name: str, message: dict[str, Any]) -> None:
    """Say that a STOP is not delivered, and what else can bear it."""
    peer = message["peer"]
    say("line.stop.not_delivered", message=name, why=why_text(message["delivery"]))
    numbers = _telephones(client, peer)
    posts = ", ".join(f"{post} {numbers[post]}" if post in numbers else post for post in message["posts"])
    detail("line.stop.telephone", peer=peer, posts=posts, code=message["voice_code"])
    terms = client.get("line")["terms"].get(peer, {})
    radio = [
        f"{duty['frequency_khz'] / 1000:.3f} MHz ({words('line.radio.use.' + duty['use'])})"
        for duty in terms.get("radio", [])
        if duty["due"]
    ]
    if radio:
        detail("line.stop.radio", frequencies=", ".join(radio))
    detail("line.stop.file", peer=peer)
    detail("line.stop.alarmed")
