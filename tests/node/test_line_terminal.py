"""The fixed screen of `detente line watch`, seen through a pseudo-terminal as an officer sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from parties import PATIENCE_S, Party, two_parties

import forked
from detente.cli.exit_codes import ExitCode

HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"
WIDTH, HEIGHT = 100, 24
STOP = "north:1"
CLOCK = re.compile(r"^\d\d:\d\d:\d\dZ")


class Terminal:
    """A terminal with `detente line watch` on it; what stands on its screen now is `lines`."""

    def __init__(self, party: Party, *arguments: str, language: str = "en") -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self._process = subprocess.Popen(
            [str(forked.program()), "line", "watch", "--dir", str(party.path), *arguments],
            stdin=slave, stdout=slave, stderr=slave,
            env={**kept, "TERM": "xterm", "DETENTE_LANGUAGE": language},
        )  # fmt: skip
        os.close(slave)
        self._written = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                written = os.read(self._master, 65536)
            except OSError:
                return
            self._written += written

    @property
    def written(self) -> str:
        return self._written.decode(errors="replace")

    @property
    def lines(self) -> list[str]:
        """The last whole picture, without colours."""
        pictures = re.findall(r"\x1b\[H(.*?)\x1b\[J", self.written, re.DOTALL)
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\a", "", pictures[-1] if pictures else "")
        return [line.rstrip() for line in plain.split("\r\n")]

    def shows(self, text: str) -> bool:
        """Whether a text stands there, however it is wrapped."""
        return text in " ".join(" ".join(self.lines).split())

    def end(self, number: int = signal.SIGINT) -> int:
        self._process.send_signal(number)
        code = self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        os.close(self._master)
        return code


@contextmanager
def terminal(party: Party, *arguments: str, language: str = "en") -> Iterator[Terminal]:
    watched = Terminal(party, *arguments, language=language)
    try:
        yield watched
    finally:
        assert watched.end() == 130, watched.written[-2000:]


def test_the_cursor_is_there_again_however_the_screen_is_ended(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        north.start()
        for number, code in ((signal.SIGTERM, ExitCode.TOLD_TO_END), (signal.SIGINT, ExitCode.INTERRUPTED)):
            watched = Terminal(north)
            north.until(lambda w=watched: w.written.endswith("\x1b[J"), "is drawn")
            assert HIDDEN in watched.written
            assert watched.end(number) == code
            assert watched.written.rindex(SHOWN) > watched.written.rindex(HIDDEN)


def test_what_is_open_stays_on_top_and_changes_in_place(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        north.start()
        with terminal(north, language="fr") as ours:
            north.until(lambda: ours.shows("Rien n'est en suspens"), "shows that nothing is open")
            north.post("/line/stop", {})
            north.until(lambda: ours.shows("NON REMIS (leur nœud est injoignable"), "shows that it is not delivered")
            assert ours.lines[1].startswith("\N{FULL BLOCK}" * 20)
            south.start()
            with terminal(south, "--post", "watch") as theirs:
                south.until(lambda: theirs.shows("STOP. Aircraft are in danger"), "shows the STOP")
                north.until(lambda: ours.shows("affiché au poste watch"), "shows in place that it is shown")
                assert not ours.shows("NON REMIS")
                for _ in range(30):
                    north.post("/line/messages", {"peer": "south", "code": "radio_check"})
                south.until(lambda: re.search(r"and \d+ more that are open", " ".join(theirs.lines)), "shows no more")
                assert CLOCK.match(theirs.lines[0])
                assert "STOP. Aircraft are in danger" in theirs.lines[2], "nothing has moved it away"
                assert len(theirs.lines) <= HEIGHT
                south.post("/line/take", {"peer": "north", "message_id": STOP, "post": "watch"})
                for party, screen, gone in ((south, theirs, "STOP."), (north, ours, "STOP.")):
                    party.until(lambda s=screen, g=gone: not s.shows(g), "takes it off")
        assert "\a" in theirs.written


@pytest.mark.long
def test_a_node_that_does_not_answer_is_said_in_place_with_since_when(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        north.post("/line/stop", {})
        with terminal(south) as screen:
            south.until(lambda: screen.shows("STOP. Aircraft are in danger"), "shows the STOP")
            assert screen.shows("the node answers")
            south.kill()
            north.until(lambda: screen.shows("THE NODE DOES NOT ANSWER since"), "is said to be down")
            seen = {screen.lines[0][:9]}
            north.until(lambda: seen.add(screen.lines[0][:9]) or len(seen) > 3, "and the clock goes on")
            assert "STOP. Aircraft are in danger" in screen.lines[2], "what was open still stands there"
            assert sum("DOES NOT ANSWER" in line for line in screen.lines) == 1
            south.start()
            south.until(lambda: screen.shows("the node answers"), "is said to be up")


def test_without_a_terminal_it_is_said_once_that_the_node_does_not_answer(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        north.start()
        shown = tmp_path / "shown.txt"
        with shown.open("wb") as output:
            environment = {**os.environ, "DETENTE_LANGUAGE": "en"}
            command = [str(forked.program()), "line", "watch", "--dir", str(north.path)]
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
            try:
                north.until(lambda: "watching" in shown.read_text(), "watches")
                for times in (1, 2):
                    north.kill()
                    north.until(lambda n=times: shown.read_text().count("does not answer") == n, "is said to be down")
                    north.start()
                    north.until(lambda n=times: shown.read_text().count("answers again") == n, "is said to be up")
            finally:
                process.send_signal(signal.SIGINT)
                code = process.wait(PATIENCE_S)
        assert code == 130
        assert shown.read_text().count("does not answer") == 2
