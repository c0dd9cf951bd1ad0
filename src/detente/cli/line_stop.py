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
    from detente.api.no_node import NoNodeRefusal

_HAS_NUMBERS = ("ended", "expired", "suspended", "in_force")
"""Accords under which posts may be called, those that count most at the end."""
NEXT = {NOT_DELIVERED: "delivered", "delivered": "shown", "shown": WITH_A_PERSON}
"""What is waited for, by how far a STOP has come."""
LONGEST_POLL_S = 30.0
ANSWER_S = 5.0
"""How long our own node has to take a STOP. It may take it later all the same: nobody waits for that."""
LATE_S = 1.0
"""How long its last word may be late, once the wait is over."""


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

    sent: dict[str, Any] = {"message_ids": []}
    messages: dict[str, dict[str, Any]] = {}
    try:
        client = NodeClient(directory, ANSWER_S, for_stop=True)
        sent = client.post("line", "stop", body=json.dumps({"peer": to}).encode())
        if output is None:
            say("line.sent", ids=", ".join(sent["message_ids"]), journal_number=sent["journal_number"])
        if wait_s:
            _wait(directory, sent["message_ids"], wait_s, messages, shows=output is None)
        undelivered = _undelivered(sent["message_ids"] if wait_s else [], messages)
        found = {**sent, "deliveries": {name: message["delivery"] for name, message in messages.items()}}
        if not answered(output, found, sent["message_ids"]):
            for name in undelivered:
                _say_other_carriers(client, name, messages[name])
            for name, why in sent["not_sent"].items():
                say("line.stop.not_sent", peer=name, why=printable(why))
            if not messages:
                say("line.stop.not_waited")
    except NoNodeRefusal as refusal:
        if output is None:
            _say_without_node(directory, to, refusal, sent["message_ids"], messages)
        raise
    if undelivered or sent["not_sent"]:
        raise typer.Exit(ExitCode.NOT_YET)


def _undelivered(names: list[str], messages: dict[str, dict[str, Any]]) -> list[str]:
    """Return those of which it is not known that they are delivered."""
    return [n for n in names if n not in messages or messages[n]["delivery"]["standing"] == NOT_DELIVERED]


def _wait(directory: Path, names: list[str], wait_s: float, found: dict[str, dict[str, Any]], *, shows: bool) -> None:
    """Put each message into `found`, by "peer id", until a person has it or the time is over; show each step.

    Raises Refusal when our node stops meanwhile, or does not say by then how far it has come.
    """
    from detente.api.client import NodeClient
    from detente.api.no_node import NoNodeRefusal

    client = NodeClient(directory, LONGEST_POLL_S + LATE_S, for_stop=True)
    news: queue.SimpleQueue[tuple[str, dict[str, Any] | Exception]] = queue.SimpleQueue()
    until = time.monotonic() + wait_s
    for name in names:
        threading.Thread(target=_follow, args=(client, name, until, news), daemon=True).start()
    under_way = len(names)
    while under_way:
        try:
            name, told = news.get(timeout=max(0.0, until - time.monotonic()) + LATE_S)
        except queue.Empty:
            raise NoNodeRefusal(directory, stopped=False) from None
        if isinstance(told, NoNodeRefusal):
            told.stopped = True
        if isinstance(told, Exception):
            raise told
        if not told:
            under_way -= 1
            continue
        before, found[name] = found.get(name), told
        standing = told["delivery"]["standing"]
        if shows and standing not in (NOT_DELIVERED, before and before["delivery"]["standing"]):
            echo(f"{name}: {delivery_text(told['delivery'])}")


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


def _say_without_node(
    directory: Path, to: str | None, refusal: NoNodeRefusal, sent: list[str], messages: dict[str, dict[str, Any]]
) -> None:
    """Say for each peer what is not known to have arrived, and the telephone numbers that the accord's file has.

    `sent` is what our node took before it stopped or fell silent, `messages` what it has said of that.
    """
    from detente.link.directory import NodeDirectory
    from detente.node.beginning import read_accord
    from detente.settings.configuration import read_configuration

    files = NodeDirectory(directory)
    numbers: dict[str, list[str]] = {}
    with suppress(Refusal):
        accord = read_accord(directory / read_configuration(files.config_path).accord)
        for party in accord.parties if accord is not None else ():
            numbers[party.name] = [f"{telephone.post} {telephone.number}" for telephone in party.telephones]
    is_silent = refusal.is_running and not refusal.stopped
    why = words("line.stop.no_answer" if is_silent else "line.stop.no_node")
    if sent:
        peers = [name.partition(" ")[0] for name in _undelivered(sent, messages)]
    else:
        peers = [card.name for card in files.trusted_cards()] if to is None else [to]
    for name in peers:
        say("line.stop.not_known" if sent else "line.stop.not_sent", peer=name, why=why)
        posts = numbers.get(name)
        detail("line.stop.call_numbers" if posts else "line.stop.call", peer=name, posts=", ".join(posts or ()))


def _telephones(client: NodeClient, peer: str) -> dict[str, str]:
    """The numbers of a peer's posts by the accord with it, which may be suspended, or over."""
    accords = [one for one in client.get("accords") if one["peer"] == peer and one["standing"] in _HAS_NUMBERS]
    return {
        telephone["post"]: telephone["number"]
        for accord in sorted(accords, key=lambda one: _HAS_NUMBERS.index(one["standing"]))
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
