"""detente feed: added, listed, removed, tried; and a recording replayed into a feed of another process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run_detente

from detente.cli.exit_codes import ExitCode
from ports import free_port

SAMPLES = Path(__file__).parents[1] / "data" / "feed_samples"
ROWS = """timestamp,icao24,latitude,longitude,altitude
2025-06-01T14:00:00Z,a1b2c3,36.0,-121.0,1000
2025-06-01T14:00:10Z,a1b2c3,36.1,-121.0,2000
"""


@pytest.fixture
def north(tmp_path: Path) -> Path:
    assert run_detente("init", "--dir", tmp_path / "north", "--name", "north").returncode == 0
    return tmp_path / "north"


def test_feeds_are_added_listed_and_removed(north: Path) -> None:
    added = run_detente(
        "feed", "add", "BEAST", "127.0.0.1:30005", "reference=35.3,40.1", "--name", "roof", "--dir", north
    )
    assert added.returncode == 0, added.stderr
    file = SAMPLES / "sbs.txt"
    assert (
        run_detente("feed", "add", "sbs", file, "--name", "day", "--ours", "--dir", north, "--quiet").stdout == "day\n"
    )
    listed = json.loads(run_detente("feed", "list", "--dir", north, "--json").stdout)
    assert listed == [
        {"name": "roof", "kind": "beast", "where": "127.0.0.1:30005", "options": {"reference": "35.3,40.1"}},
        {"name": "day", "kind": "sbs", "where": str(file), "ours": True},
    ]
    assert "reference=35.3,40.1" in run_detente("feed", "list", "--dir", north).stdout
    again = run_detente("feed", "add", "sbs", file, "--name", "day", "--dir", north)
    assert again.returncode == ExitCode.BAD_INPUT
    assert "feed list" in again.stderr
    assert run_detente("feed", "remove", "roof", "--dir", north).returncode == 0
    assert run_detente("feed", "list", "--dir", north, "--quiet").stdout == "day\n"
    assert "day" in run_detente("feed", "remove", "roof", "--dir", north).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [(("radio", "h:1"), "beast"), (("beast", "h:1", "poll_s"), "name=value"), (("beast", "h:1", "polls=2"), "polls"),
     (("beast", "udp://h:1"), "tcp"), (("aircraft-json", "h:1"), "HTTP"), (("sbs", "h:1", "utc_offset=2"), "2")],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_kept(north: Path, words: tuple[str, ...], said: str) -> None:
    done = run_detente("feed", "add", *words, "--name", "x", "--dir", north)
    assert done.returncode == ExitCode.BAD_INPUT
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (north / "feeds.toml").exists()


def test_a_feed_is_tried_and_says_what_it_hears() -> None:
    done = run_detente("feed", "try", "sbs", SAMPLES / "sbs.txt", "--for", "60s", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert document["health"]["sightings"] == 74
    assert {one["address"] for one in document["aircraft"]} == {"4b1908", "76cce2", "a1ea32", "a82aac", "aa779d"}
    text = run_detente("feed", "try", "sbs", SAMPLES / "sbs.txt", "--for", "60s", language="fr")
    assert "aéronefs" in text.stdout
    nothing = run_detente("feed", "try", "json", SAMPLES / "sbs.txt", "--for", "60s")
    assert nothing.returncode == ExitCode.NOT_YET
    assert "JSON" in nothing.stderr


def test_a_recording_is_replayed_into_a_feed_that_listens(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(ROWS)
    port = free_port()
    script = (
        "import asyncio, sys, time\n"
        "from detente.feeds.live.settings import FeedKind, FeedSettings\n"
        "from detente.feeds.live.supervisor import LiveFeeds\n"
        "heard = []\n"
        "async def take(batch):\n"
        "    heard.extend(batch)\n"
        "    if len(heard) == 2: raise SystemExit(print(*(one.at_s for one in heard)))\n"
        f"settings = FeedSettings('x', FeedKind.JSON, 'listen://127.0.0.1:{port}')\n"
        "live = LiveFeeds((settings,), time.time, take)\n"
        "async def story():\n"
        "    running = asyncio.create_task(live.run())\n"
        "    while not live.health()[0].port: await asyncio.sleep(0.001)\n"
        "    print('listening', flush=True)\n"
        "    await running\n"
        "asyncio.run(story())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as ear:
        assert ear.stdout is not None
        assert ear.stdout.readline() == "listening\n"
        to = f"127.0.0.1:{port}"
        done = run_detente(
            "feed", "replay", tmp_path / "day.csv", "--to", to, "--speed", "100", "--times", "kept", "--json"
        )
        assert json.loads(done.stdout) == {"sent": 2}
        assert ear.stdout.readline() == "1748786400.0 1748786410.0\n"
    refused = run_detente("feed", "replay", tmp_path / "day.csv", "--to", to)
    assert refused.returncode == ExitCode.BAD_INPUT
