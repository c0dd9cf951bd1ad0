"""detente line watch: a screen of the line. Shows what comes as it comes, rings, and a STOP fills the width."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli.wording import language, words

BELL = "\a"
RECONNECT_S = 1.0
_BAR, _INVERSE, _PLAIN = "\N{FULL BLOCK}", "\x1b[1;97;41m", "\x1b[0m"


def follow(
    context: typer.Context,
    directory: Annotated[Path | None, typer.Option("--dir", help="The node's directory.")] = None,
    tongue: Annotated[str | None, typer.Option("--language", help="en, fr, ru or ar; yours unless said.")] = None,
    post: Annotated[str | None, typer.Option(help="The post whose screen this is: it says what it shows.")] = None,
) -> None:
    """Show everything that comes on the line until interrupted; several screens may watch at once."""
    if context.invoked_subcommand is not None:
        return
    if directory is None:
        raise Refusal("--dir", None, "the directory of a running node", "detente line watch --dir DIRECTORY")
    with suppress(KeyboardInterrupt, BrokenPipeError):
        _Screen(directory, tongue or str(language()), post).run()


def show_stop(text: str) -> None:
    """Print a STOP in the full width of the terminal, in inverse red where it has colours."""
    width = max(20, shutil.get_terminal_size().columns)
    bar = _BAR * width
    lines = [bar, *(line.center(width) for line in textwrap.wrap(text, width - 4)), bar]
    coloured = sys.stdout.isatty()
    for line in lines:
        typer.echo(f"{_INVERSE}{line}{_PLAIN}" if coloured else line)


class _Screen:
    """What one terminal shows. A cut stream is taken up again where it was cut, so nothing is missed."""

    def __init__(self, directory: Path, tongue: str, post: str | None) -> None:
        self._directory, self._tongue, self._post = directory, tongue, post
        self._shown: set[tuple[str, str]] = set()
        self._party = ""
        self._number = 0

    def run(self) -> None:
        client = self._client()
        self._number = int(client.get("status")["journal_number"])
        line = client.get("line")
        self._party = line["party"]
        self._say("line.on.watching", party=self._party)
        for peer, state in line["lines"].items():
            self._state(peer, state["standing"])
        for message in client.get("line", "messages", language=self._tongue, waiting="true"):
            self._message(message)
        while True:
            with suppress(Refusal):
                for number, event in self._client().stream("line", "events", after=self._number):
                    self._event(event)
                    self._number = number
            self._say("line.on.cut")
            time.sleep(RECONNECT_S)

    def _event(self, event: dict[str, Any]) -> None:
        shown = _EVENTS.get(event["event"])
        if shown is not None:
            shown(self, event)
            sys.stdout.flush()

    def heard(self, event: dict[str, Any]) -> None:
        message = event["message"]
        key = (message["sender"], f"{message['sender']}:{message['number']}")
        if key not in self._shown:
            self._message(self._client().get("line", "messages", *key, language=self._tongue))

    def sent(self, event: dict[str, Any]) -> None:
        message = event["message"]
        id_ = f"{message['sender']}:{message['number']}"
        found = self._client().get("line", "messages", message["recipient"], id_, language=self._tongue)
        self._say("line.to", peer=found["peer"], message=id_, time=found["sent_at"])
        self._echo(f"  {found['text']}")

    def called(self, event: dict[str, Any]) -> None:
        if event["party"] == self._party:
            self._ring()
        self._say("line.on.called", peer=event["peer"], message=event["message_id"], rung=event["step"] + 1)

    def taken(self, event: dict[str, Any]) -> None:
        seconds = f"{event['to_human_s']:.0f}"
        self._say("line.on.taken", message=event["message_id"], post=event["post"], party=event["party"],
                  seconds=seconds)  # fmt: skip

    def receipt(self, event: dict[str, Any]) -> None:
        receipt = words(f"line.receipt.{event['receipt']['kind']}")
        self._say("line.on.receipt", party=event["party"], message=event["message_id"], receipt=receipt)

    def judged(self, event: dict[str, Any]) -> None:
        if event["differences"]:
            self._ring()
            for wrong in event["differences"]:
                self._say("line.differs", name=f"{event['message_id']} {wrong['name']}", meant=wrong["meant"],
                          read=wrong["read"])  # fmt: skip

    def overdue(self, event: dict[str, Any]) -> None:
        self._ring()
        self._say("line.on.overdue", peer=event["peer"], message=event["message_id"])

    def changed(self, event: dict[str, Any]) -> None:
        self._state(event["peer"], event["standing"])

    def alarm(self, event: dict[str, Any]) -> None:
        self._ring()
        alarm = event["alarm"]
        self._say("line.alarm.raised", peer=event["peer"], what=words(f"line.alarm.{alarm['kind']}"), time=alarm["at"],
                  detail=alarm["detail"])  # fmt: skip

    def radio_overdue(self, event: dict[str, Any]) -> None:
        self._say("line.on.radio_overdue", peer=event["peer"], frequency=f"{event['frequency_khz'] / 1000:.3f} MHz")

    def _message(self, message: dict[str, Any]) -> None:
        self._shown.add((message["peer"], message["message_id"]))
        self._ring()
        if message["message_class"] == "stop":
            show_stop(message["text"])
        show_message(message)
        sys.stdout.flush()
        if self._post is not None:
            body = {"peer": message["peer"], "message_id": message["message_id"], "post": self._post}
            self._client().post("line", "display", body=as_json(body))

    def _state(self, peer: str, standing: dict[str, Any]) -> None:
        faults = ", ".join(words(f"line.fault.{fault}") for fault in standing["faults"])
        quality = words(f"line.quality.{standing['quality']}")
        self._say("line.state", peer=peer, quality=quality, faults=faults or "-")

    def _ring(self) -> None:
        typer.echo(BELL, nl=False)

    def _say(self, key: str, **values: object) -> None:
        self._echo(words(key, **values))

    def _echo(self, text: str) -> None:
        typer.echo(text)
        sys.stdout.flush()

    def _client(self) -> Any:  # noqa: ANN401 - imported late
        from detente.api.client import NodeClient

        return NodeClient(self._directory)


_EVENTS: dict[str, Callable[[_Screen, dict[str, Any]], None]] = {
    "line_message_heard": _Screen.heard,
    "line_message_sent": _Screen.sent,
    "line_posts_called": _Screen.called,
    "line_message_taken": _Screen.taken,
    "line_receipt_given": _Screen.receipt,
    "line_read_back_judged": _Screen.judged,
    "line_delivery_overdue": _Screen.overdue,
    "line_state_changed": _Screen.changed,
    "line_alarm_raised": _Screen.alarm,
    "line_radio_overdue": _Screen.radio_overdue,
}


def show_message(message: dict[str, Any]) -> None:
    """Print a message, its words in the language it was asked in, and where it stands."""
    to_or_from = "line.to" if message["ours"] else "line.from"
    typer.echo(
        words(to_or_from, peer=message["peer"], message=message["message_id"], time=message["sent_at"])
        + f"\n  {message['text']}"
    )
    for near in message["near"]:
        detail("line.near", near=near)
    if message["free_text"]:
        typer.echo(f"  {message['free_text']}")
    if message["taken_by"]:
        detail("line.taken", post=message["taken_by"], seconds=f"{message['to_human_s']:.0f}")
    elif message["standing_post"]:
        detail("line.called", post=message["standing_post"])
    elif message["overdue"]:
        detail("line.overdue")
    receipts = ", ".join(words(f"line.receipt.{receipt['kind']}") for receipt in message["receipts"])
    detail("line.receipts", receipts=receipts or "-")
    for difference in message["differences"]:
        detail("line.differs", name=difference["name"], meant=difference["meant"], read=difference["read"])
    if message["must_be_read_back"]:
        detail("line.figures", figures="; ".join(message["read_back"]))
    if message["carrier"] == "voice":
        detail("line.by_voice")
    if message["ours"] and message["voice_code"]:
        detail("line.voice_code", code=message["voice_code"])
    if message["carrier"] == "voice" or not message["receipts"] or message["overdue"]:
        for name, code in message["voice_answers"].items():
            detail(f"line.voice_answer.{name}", code=code)


def detail(key: str, **values: object) -> None:
    """Print a text under the line before it."""
    typer.echo(f"  {words(key, **values)}")


def as_json(body: dict[str, Any]) -> bytes:
    """Return a body as JSON."""
    return json.dumps(body).encode()
