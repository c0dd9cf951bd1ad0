"""detente line watch: a screen of the line. Shows what comes as it comes, rings, and a STOP fills the width."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli.accord_warnings import warn_of_accords
from detente.cli.claims_values import node
from detente.cli.line_delivery import delivery_text, seconds_text, sent_at_text
from detente.cli.line_frame import alarm_text, banner, standing_text
from detente.cli.names import found
from detente.cli.options import Screen, Tongue, own_directory
from detente.cli.wording import echo, language, say, words

if TYPE_CHECKING:
    from detente.api.client import NodeClient

BELL = "\a"
RECONNECT_S = 1.0


def follow(
    context: typer.Context,
    directory: Annotated[Path | None, typer.Option("--dir", help="The node's directory.")] = None,
    tongue: Tongue = None,
    post: Screen = None,
) -> None:
    """Show everything that comes on the line until interrupted; several screens may watch at once."""
    if context.invoked_subcommand is not None:
        return
    from detente.cli.line_screen import FixedScreen, fits_a_screen

    place, language_shown = directory or own_directory(), tongue_of(tongue)
    whose = post and found(node(place), "post", post)
    if fits_a_screen(os.environ.get("TERM", "")):
        FixedScreen(place, language_shown, whose).run()
    _Log(place, language_shown, whose).run()


def tongue_of(asked: str | None) -> str:
    """Return the language in which messages are shown: the one that was asked for, or the user's."""
    from detente.line.parameters import LineLanguage

    if asked is not None and asked not in set(LineLanguage):
        raise Refusal("cli.one_line_language", "--language", asked, linelanguage=", ".join(LineLanguage))
    return asked or str(language())


class _Log:
    """What is written where no screen is: line after line. A cut stream is taken up again, so nothing is missed."""

    def __init__(self, directory: Path, tongue: str, post: str | None) -> None:
        self._directory, self._tongue, self._post = directory, tongue, post
        self._shown: set[tuple[str, str]] = set()
        self._party = ""
        self._number = 0
        self._is_cut = False

    def run(self) -> None:
        client = self._client()
        self._number = int(client.get("status")["journal_number"])
        line = client.get("line")
        messages = client.get("line", "messages", language=self._tongue, waiting="true")
        self._party = line["party"]
        say("line.on.watching", party=self._party)
        warn_of_accords(line["accord_warnings"])
        for peer, state in line["lines"].items():
            echo(standing_text(peer, state["standing"]))
        for message in messages:
            self._message(message)
        while True:
            with suppress(Refusal):
                for number, event in self._client().stream("line", "events", after=self._number):
                    self._says_cut(is_cut=False)
                    if event is not None:
                        self._event(event)
                    self._number = number
            self._says_cut(is_cut=True)
            time.sleep(RECONNECT_S)

    def _says_cut(self, *, is_cut: bool) -> None:
        """Say once that the node does not answer, and once that it does again."""
        if is_cut != self._is_cut:
            say("line.on.cut" if is_cut else "line.on.back", time=f"{datetime.now(UTC):%H:%M:%SZ}")
            self._is_cut = is_cut

    def _event(self, event: dict[str, Any]) -> None:
        key = (event.get("peer", ""), event.get("message_id", ""))
        match event["event"]:
            case "line_message_heard":
                message = event["message"]
                key = (message["sender"], f"{message['sender']}:{message['number']}")
                if key not in self._shown:
                    self._message(self._view(*key))
                return
            case "line_message_sent":
                message = event["message"]
                view = self._view(message["recipient"], f"{message['sender']}:{message['number']}")
                say("line.to", peer=view["peer"], message=view["message_id"], time=view["sent_at"])
                echo(f"  {view['text']}")
                return
        if rings(event, self._party):
            echo(BELL, nl=False)
        if event["event"] == "line_delivery_overdue":
            say("line.on.overdue", peer=key[0], message=key[1], alarm=delivery_text(self._view(*key)["delivery"]))
        elif text := event_text(event, self._party):
            echo(text)

    def _message(self, message: dict[str, Any]) -> None:
        self._shown.add((message["peer"], message["message_id"]))
        if not message["ours"]:
            echo(BELL, nl=False)
        if message["message_class"] == "stop":
            for line in banner(message["text"], max(20, shutil.get_terminal_size().columns)):
                echo(line)
        show_message(message)
        if self._post is not None and not message["ours"]:
            body = {"peer": message["peer"], "message_id": message["message_id"], "post": self._post}
            self._client().post("line", "display", body=as_json(body))

    def _view(self, peer: str, message_id: str) -> dict[str, Any]:
        view: dict[str, Any] = self._client().get("line", "messages", peer, message_id, language=self._tongue)
        return view

    def _client(self) -> NodeClient:
        return node(self._directory)


def rings(event: dict[str, Any], party: str) -> bool:
    """Whether an event of the line rings at our posts."""
    match event["event"]:
        case "line_message_heard" | "line_delivery_overdue" | "line_alarm_raised":
            return True
        case "line_posts_called":
            return bool(event["party"] == party)
        case "line_read_back_judged":
            return bool(event["differences"])
    return False


def event_text(event: dict[str, Any], party: str) -> str:
    """Return an event of the line in words, empty for one of which there is nothing to say."""
    peer, message = event.get("peer", ""), event.get("message_id", "")
    match event["event"]:
        case "line_message_sent" | "line_message_heard":
            told = event["message"]
            to_or_from = "line.to" if told["sender"] == party else "line.from"
            other = told["recipient"] if told["sender"] == party else told["sender"]
            return words(to_or_from, peer=other, message=f"{told['sender']}:{told['number']}", time=told["sent_at"])
        case "line_posts_called":
            return words("line.on.called", peer=peer, message=message, rung=event["step"] + 1)
        case "line_message_taken":
            seconds = seconds_text(event["to_human_s"])
            return words("line.on.taken", message=message, post=event["post"], party=event["party"], seconds=seconds)
        case "line_receipt_given":
            receipt = words(f"line.receipt.{event['receipt']['kind']}")
            return words("line.on.receipt", party=event["party"], message=message, receipt=receipt)
        case "line_read_back_judged":
            return "\n".join(
                words("line.differs", name=f"{message} {wrong['name']}", meant=wrong["meant"], read=wrong["read"])
                for wrong in event["differences"]
            )
        case "line_state_changed":
            return standing_text(peer, event["standing"])
        case "line_alarm_raised":
            return alarm_text(peer, event["alarm"])
        case "line_radio_overdue":
            frequency = f"{event['frequency_khz'] / 1000:.3f} MHz"
            return words("line.on.radio_overdue", peer=peer, frequency=frequency)
    return ""


def show_message(message: dict[str, Any]) -> None:
    """Print a message, its words in the language it was asked in, and where it stands."""
    to_or_from = "line.to" if message["ours"] else "line.from"
    echo(
        words(to_or_from, peer=message["peer"], message=message["message_id"], time=message["sent_at"])
        + f"\n  {message['text']}"
    )
    for near in message["near"]:
        detail("line.near", near=near)
    if message["free_text"]:
        echo(f"  {message['free_text']}")
    if message["delivery"] is not None:
        echo(f"  {delivery_text(message['delivery'])}")
    elif message["taken_by"]:
        detail("line.taken", post=message["taken_by"], seconds=seconds_text(message["to_human_s"]))
    if message["taken_by"] is None and message["standing_post"]:
        detail("line.called", post=message["standing_post"])
    receipts = ", ".join(words(f"line.receipt.{receipt['kind']}") for receipt in message["receipts"])
    detail("line.receipts", receipts=receipts or "-")
    for difference in message["differences"]:
        detail("line.differs", name=difference["name"], meant=difference["meant"], read=difference["read"])
    if message["must_be_read_back"]:
        detail("line.figures", figures="; ".join(message["read_back"]))
    if message["carrier"] == "voice":
        detail("line.by_voice")
    if message["out_of_order"]:
        detail("line.out_of_order", peer=message["peer"])
    if message["sent_at_off_s"] is not None:
        echo(f"  {sent_at_text(message)}")
    if message["ours"] and message["voice_code"]:
        detail("line.voice_code", code=message["voice_code"])
    if message["carrier"] == "voice" or not message["receipts"] or message["overdue"]:
        for name, code in message["voice_answers"].items():
            detail(f"line.voice_answer.{name}", code=code)


def detail(key: str, **values: object) -> None:
    """Print a text under the line before it."""
    echo(f"  {words(key, **values)}")


def as_json(body: dict[str, Any]) -> bytes:
    """Return a body as JSON."""
    return json.dumps(body).encode()
