"""A STOP on every screen at once: several terminals and the event stream, suspended, with the primary post absent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from parties import PATIENCE_S, Party, area_plan
from test_accords_at_work import agree, paired, standing, text_between

import forked
from detente.line.parameters import LineLanguage
from detente.line.phrases import phrase_table
from detente.picture.notices import Meaning

WIDTH = 60


@contextmanager
def screen(party: Party, tongue: str, *more: str) -> Iterator[Any]:
    """A terminal that watches; yields what it has shown so far."""
    shown = party.path / f"screen-{tongue}.txt"
    environment = {
        **os.environ,
        "COLUMNS": str(WIDTH),
        "LINES": "24",
        "DETENTE_LANGUAGE": "fr" if tongue == "fr" else "en",
    }
    command = [str(forked.program()), "line", "watch", "--dir", str(party.path), "--language", tongue, *more]
    with shown.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            yield lambda: shown.read_text(encoding="utf-8", errors="replace")
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 130, "interrupted"


class Stream(threading.Thread):
    """Reads the event stream of the line until a STOP is heard."""

    def __init__(self, party: Party) -> None:
        super().__init__()
        headers = {"Authorization": f"Bearer {party.token}"}
        self._request = urllib.request.Request(f"{party.url}/line/events?after=0", headers=headers)
        self.codes: list[str] = []

    def run(self) -> None:
        with urllib.request.urlopen(self._request, timeout=PATIENCE_S) as stream:
            while "stop" not in self.codes:
                line = stream.readline().decode()
                if line.startswith("data: ") and (event := json.loads(line[6:]))["event"] == "line_message_heard":
                    self.codes.append(event["message"]["code"])


@pytest.mark.long
def test_a_stop_and_a_late_notice_on_every_screen_at_once(tmp_path: Path) -> None:
    with paired(tmp_path) as (north, south):
        text = text_between(north, south).replace('disclosure = "full"', 'disclosure = "full"\n', 1)
        accord = agree(north, south, text + '\n[lead_times]\ndefault = "24 h"\n')
        for party, peer in ((north, "south"), (south, "north")):
            party.until(lambda party=party, peer=peer: peer in party.get("/line")["lines"], "the line opens")
        south.post("/line/watch", {"post": "senior", "shift": "day", "languages": ["ru", "en"]})
        stream = Stream(south)
        stream.start()
        with (
            screen(south, "en", "--post", "senior") as english,
            screen(south, "ru") as russian,
            screen(north, "fr") as ours,
        ):
            for shown in (english, russian):
                south.until(lambda shown=shown: "watching" in shown(), "watches")
            north.until(lambda: "veille" in ours(), "watches")
            check_late_notice(north, south, english, russian, ours)
            south.post(f"/accords/{accord}/suspend", {"reason": "for now"})
            north.until(lambda: standing(north, accord) == "suspended", "suspended on both sides")
            (sent,) = north.post("/line/stop", {})["message_ids"]
            message_id = sent.split(" ")[1]
            check_stop(south, english, russian)
            stream.join(30)
            assert stream.codes[-1] == "stop"
            messages = {m["message_id"]: m for m in south.get("/line/messages")}
            assert messages[message_id]["standing_post"] == "command", "every post is called, the primary is absent"
            taken = south.cli("line", "acknowledge", message_id, "--peer", "north", "--post", "senior")
            assert taken.returncode == 0, taken.stderr
            for party, shown, words in ((south, english, "a person at senior"), (north, ours, "une personne")):
                party.until(lambda s=shown, w=words: f"{message_id}: {w}" in s().replace("\xa0:", ":"), "who has it")
        for party, peer in ((north, "south"), (south, "north")):
            view = party.get(f"/line/messages/{peer}/{message_id}")
            assert view["taken_by"] == "senior"
            assert 0.0 <= view["to_human_s"] < 60.0
        assert any(r["kind"] == "displayed" for r in north.get(f"/line/messages/south/{message_id}")["receipts"])


def check_late_notice(north: Party, south: Party, english: Any, russian: Any, ours: Any) -> None:
    """It rings a post of the recipient, in the post's own language; the margin is the same everywhere."""
    volume = msgspec.to_builtins(area_plan("n").intent[0])
    north.post("/notices", {"notice_id": "n1", "meaning": Meaning.KEEP_OUT, "volume": volume})
    south.until(lambda: "LATE by" in english() and "ОПОЗДАНИЕ" in russian(), "rings on both screens")
    north.until(lambda: "TARDIF de" in ours(), "and the giver sees it")
    (notice,) = south.get("/notices")
    (call,) = south.get("/line/messages")
    assert notice["late_by_s"] > 0.0
    assert notice["late_by_s"] == north.get("/notices")[0]["late_by_s"]
    margin = f"{-(-notice['late_by_s'] // 1):,.0f} s".replace(",", "\u202f")
    assert call["text"].startswith(f"LATE by {margin}: our notice n1")
    for shown in (english(), russian(), ours()):
        assert margin in shown
    assert "\a" in english()
    assert call["standing_post"] == "senior", "a post that nobody keeps is not waited for"


def check_stop(south: Party, english: Any, russian: Any) -> None:
    """Full width, in the language of each screen, and the bell."""
    table = phrase_table()
    for shown, language in ((english, LineLanguage.ENGLISH), (russian, LineLanguage.RUSSIAN)):
        bar = "\N{FULL BLOCK}" * WIDTH
        south.until(lambda shown=shown, bar=bar: shown().count(bar) == 2, "STOP fills the width")
        before, banner, _ = shown().split(bar)
        assert before.endswith("\a")
        assert " ".join(banner.split()) == table.words[language].phrases["stop"][0]
        assert banner.strip("\n").count("\n") >= 1, "wrapped to the width"
