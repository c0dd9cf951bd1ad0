"""The fixed screen of `detente line watch`: what is open stays on top, states change in place, a clock shows it lives.

One thread listens to the event stream and one looks at what the node says, at every event and every two seconds; the
main one draws. So the clock goes on, and the last that was known stays, while the node does not answer.
"""

from __future__ import annotations

import json
import queue
import shutil
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from detente.airspace.refusal import Refusal
from detente.api.client import NodeClient
from detente.api.no_node import NoNodeRefusal
from detente.cli.line_frame import MessageKey, Shown, frame
from detente.cli.line_watch import BELL, RECONNECT_S, event_text, rings

LOOK_S = 2.0
"""Between two looks at the node when nothing happens: what hinders a delivery is no event."""
ANSWER_S = 5.0
"""How long the node has to answer before the screen says that it does not."""
MOST_PAST = 50
_HOME, _TO_END_OF_LINE, _BELOW, _ALL = "\x1b[H", "\x1b[K", "\x1b[J", "\x1b[2J"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class _Look(NamedTuple):
    """What the node said; `silent` when it said nothing."""

    line: dict[str, Any]
    messages: list[dict[str, Any]]
    silent: bool = False


class FixedScreen:
    """What one terminal shows. `post` is whose screen it is: what is drawn is displayed there."""

    def __init__(self, directory: Path, tongue: str, post: str | None) -> None:
        self._directory, self._tongue, self._post = directory, tongue, post
        self._news: queue.SimpleQueue[_Look | dict[str, Any]] = queue.SimpleQueue()
        self._stale = threading.Event()
        self._displayed: set[MessageKey] = set()
        self._drawn: list[MessageKey] = []
        self._size = (0, 0)
        self._answered_at = datetime.now(UTC)
        self._number = 0

    def run(self) -> None:
        """Draw until interrupted. Raises Refusal when the node does not answer at the beginning."""
        client = self._client()
        self._number = int(client.get("status")["journal_number"])
        line, messages = self._look()
        self._shown = Shown(line["party"], line, messages)
        for work in (self._listen, self._keep_looking):
            threading.Thread(target=work, daemon=True).start()
        sys.stdout.write(_HIDE_CURSOR)
        if self._their_open():
            sys.stdout.write(BELL)
        try:
            while True:
                self._draw()
                self._wait()
        finally:
            sys.stdout.write(f"{_SHOW_CURSOR}\n")
            sys.stdout.flush()

    def _draw(self) -> None:
        size = shutil.get_terminal_size()
        now = datetime.now(UTC)
        late = (now - self._answered_at).total_seconds() > LOOK_S + 2 * ANSWER_S
        if late and self._shown.silent_since is None:
            self._shown.silent_since = f"{self._answered_at:%H:%M:%SZ}"
        # The last column stays free: some terminals go to the next line when it is written.
        lines, self._drawn = frame(self._shown, f"{now:%H:%M:%SZ}", max(20, size.columns - 1), size.lines - 1)
        begin = _HOME if size == self._size else _ALL + _HOME
        self._size = size
        sys.stdout.write(begin + "".join(f"{line}{_TO_END_OF_LINE}\r\n" for line in lines) + _BELOW)
        sys.stdout.flush()
        if self._undisplayed() and self._shown.silent_since is None:
            self._stale.set()

    def _wait(self) -> None:
        """Take in what there is news of, at the latest when the clock moves on."""
        with suppress(queue.Empty):
            told = self._news.get(timeout=1.0 - time.time() % 1.0)
            while True:
                self._take(told)
                told = self._news.get_nowait()

    def _take(self, told: _Look | dict[str, Any]) -> None:
        if isinstance(told, dict):
            if rings(told, self._shown.party):
                sys.stdout.write(BELL)
            texts = event_text(told, self._shown.party).splitlines()
            self._shown.past = [*self._shown.past, *(f"{told['at'][11:19]}Z {text}" for text in texts)][-MOST_PAST:]
        elif told.silent:
            self._shown.silent_since = self._shown.silent_since or f"{self._answered_at:%H:%M:%SZ}"
        else:
            self._answered_at = datetime.now(UTC)
            self._shown.line, self._shown.messages, self._shown.silent_since = told.line, told.messages, None

    def _their_open(self) -> list[MessageKey]:
        return [(m["peer"], m["message_id"]) for m in self._shown.messages if not m["ours"]]

    def _listen(self) -> None:
        while True:
            with suppress(Refusal):
                for number, event in self._client().stream("line", "events", after=self._number):
                    self._number = number
                    if event is not None:
                        self._news.put(event)
                    self._stale.set()
            self._stale.set()
            time.sleep(RECONNECT_S)

    def _keep_looking(self) -> None:
        while True:
            self._stale.wait(LOOK_S)
            self._stale.clear()
            try:
                self._news.put(_Look(*self._look()))
                self._say_displayed()
            except Refusal:
                self._news.put(_Look({}, [], silent=True))

    def _look(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        client = self._client()
        messages = client.get("line", "messages", language=self._tongue, waiting="true")
        return client.get("line"), messages

    def _undisplayed(self) -> list[MessageKey]:
        """The messages of peers that stand on the screen, and of which nobody was told so yet."""
        if self._post is None:
            return []
        theirs = set(self._their_open()) - self._displayed
        return [key for key in self._drawn if key in theirs]

    def _say_displayed(self) -> None:
        for peer, message_id in self._undisplayed():
            body = {"peer": peer, "message_id": message_id, "post": self._post}
            try:
                self._client().post("line", "display", body=json.dumps(body).encode())
            except NoNodeRefusal:
                return
            except Refusal:
                pass  # what the node refuses once, it refuses again
            self._displayed.add((peer, message_id))

    def _client(self) -> NodeClient:
        return NodeClient(self._directory, timeout_s=ANSWER_S)


def fits_a_screen(term: str) -> bool:
    """Whether standard output is a terminal whose lines can be written over, by what TERM says of it."""
    return sys.stdout.isatty() and term not in ("", "dumb")
