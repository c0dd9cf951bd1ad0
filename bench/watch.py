"""A watched sky of many aircraft at one report a second each, into a real node: make bench-watch.

North and south run under one accord; north has a feed of JSON lines. A program of its own brings the reports. Now and
then a stranger appears near an aircraft of north's, and counts from its first report until north's stream of the watch
shows the alert. By design that takes three reports, and then three looks a second apart: at least four seconds. What is
asked for is the time from the report that makes the alert due, the last one of the stranger that the look had which
raised it, to the stream; the time from that look stands beside it. Meanwhile north is asked over HTTP, and STOPs go to
south.

    python bench/watch.py [TRACKS [SECONDS]]    writes nothing where fewer are asked than is the rule
"""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from detente.api.client import NodeClient
from node import LONGEST_S, Node, free_ports, until
from results import write_section
from stop import Screen, nodes

TRACKS = 10_000
SECONDS = 300
SETTLES_S = 30
SLICES = 20
STRANGER_EVERY_S = 3
METRES_A_DEGREE = 92_400.0
OURS = 200


class Asked(NamedTuple):
    """How long what was asked took, in seconds."""

    status_s: list[float]
    tracks_s: list[float]
    stop_s: list[float]


class Alerts:
    """Reads the stream of the watch: when each alert about an aircraft was raised first, seconds since 1970.

    With it when it was looked, and when the last report of the aircraft that the look had was made.
    """

    def __init__(self, node: Node) -> None:
        self.raised: dict[str, tuple[float, float, float]] = {}
        self._node = node
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        stream = NodeClient(self._node.files.path).stream("watch", "events", after=0, timeout_s=LONGEST_S)
        with suppress(OSError):
            for _, event in stream:
                if event is not None and event["event"] == "alert_raised":
                    now_s = time.time()
                    for track in event["seen"].get("tracks", ()):
                        for address in track.get("addresses", ()):
                            looked_s = event["seen"]["alert"]["at_s"]
                            self.raised.setdefault(address, (now_s, looked_s, track["position_s"]))


def bring(port: int, tracks: int, seconds: int) -> None:
    """Bring every aircraft's report once a second, a slice at a time, and say when each stranger was first shown."""
    lanes = math.ceil(math.sqrt(tracks))
    began = time.time()
    with socket.create_connection(("127.0.0.1", port)) as feed:
        for second in range(seconds):
            strangers = range(max(0, second - SETTLES_S) // STRANGER_EVERY_S)
            for part in range(SLICES):
                wait_s = began + second + part / SLICES - time.time()
                if wait_s > 0:
                    time.sleep(wait_s)
                at_s = time.time()
                lines = [_line(number, lanes, at_s - began, at_s) for number in range(part, tracks, SLICES)]
                # Strangers report in different parts of the second, as the others do: looks come at any time after.
                here = [number for number in strangers if number % SLICES == part]
                lines += [_stranger(number, lanes, at_s - began, at_s) for number in here]
                is_new = second > SETTLES_S and not (second - SETTLES_S) % STRANGER_EVERY_S
                if is_new and strangers[-1] in here:
                    print(f"{0xF00000 + strangers[-1]:06x} {at_s}", flush=True)
                feed.sendall(b"".join(lines))


def _line(number: int, lanes: int, flown_s: float, at_s: float, *, name: int = 0, north_deg: float = 0.0) -> bytes:
    """A report: aircraft fly east in lanes 20 km apart, every lane at a height of its own, 40 km one after another."""
    lane, place = divmod(number, lanes)
    longitude = -150.0 + (40_000.0 * place + 200.0 * flown_s) / METRES_A_DEGREE
    document = {
        "address": f"{name or 0xA00000 + number:06x}", "latitude_deg": 20.0 + 0.2 * (lane % 200) + north_deg,
        "longitude_deg": longitude, "at_s": at_s, "source": "adsb",
        "pressure_altitude_m": 3_000.0 + 600.0 * (lane % 10),
        "ground_speed_mps": 200.0 * math.cos(math.radians(20.0 + 0.2 * (lane % 200))) / math.cos(math.radians(33.8)),
        "track_deg": 90.0, "vertical_speed_mps": 0.0, "horizontal_error_m": 30.0, "vertical_error_m": 30.0,
        "velocity_error_mps": 1.0, "integrity_m": 200.0, "integrity_level": 3,
    }  # fmt: skip
    return json.dumps(document).encode() + b"\n"


def _stranger(number: int, lanes: int, flown_s: float, at_s: float) -> bytes:
    return _line(number % OURS, lanes, flown_s, at_s, name=0xF00000 + number, north_deg=0.02)


def ask(north: Node, south: Node, screen: Screen, until_s: float) -> Asked:
    """Ask again and again until a time."""
    asked, client = Asked([], [], []), NodeClient(north.files.path)
    while time.time() < until_s:
        for path, taken in ((("status",), asked.status_s), (("watch", "tracks"), asked.tracks_s)):
            began = time.perf_counter()
            client.fetch(*path)
            taken.append(time.perf_counter() - began)
        began = time.perf_counter()
        (sent,) = north.post("line", "stop", body={"peer": "south"})["message_ids"]
        message_id = sent.rpartition(" ")[2]
        asked.stop_s.append(screen.shown_at(message_id) - began)
        south.post("line", "take", body={"peer": "north", "message_id": message_id, "post": "watch"})
        time.sleep(0.5)
    return asked


def memory_mb(pid: int) -> float:
    """The memory that a process holds now, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def watching(node: Node) -> int:
    """The id of the process that watches for a node."""
    assert node.process is not None
    children = Path(f"/proc/{node.process.pid}/task/{node.process.pid}/children").read_text(encoding="ascii").split()
    return next(int(one) for one in children if b"lookout.process" in Path(f"/proc/{one}/cmdline").read_bytes())


def share(values: list[float], part: float) -> float:
    """The value that this share of the values does not exceed; not a number of none."""
    ordered = sorted(values)
    return ordered[math.ceil(part * len(ordered)) - 1] if ordered else math.nan


def measure(folder: Path, tracks: int, seconds: int) -> list[tuple[str, str]]:
    """Run it all; return what was found, as rows."""
    (port,) = free_ports(1)
    with nodes(folder, automatic=False) as (north, south):
        ours = "".join(f'"{0xA00000 + number:06x}", ' for number in range(min(OURS, tracks)))
        settings = north.files.config_path
        north.stop()
        settings.write_text(settings.read_text() + f"\n[watch]\nour_aircraft = [{ours}]\nleave_free_mb = 64\n")
        feed = f'[[feed]]\nname = "sky"\nkind = "json"\nwhere = "listen://127.0.0.1:{port}"\n'
        (north.files.path / "feeds.toml").write_text(feed)
        north.start(str(Path(sys.executable).with_name("detente")))
        until(lambda: (north.get("watch", "feeds")["standing"] or {}).get("runs"), 0.2)
        alerts, screen = Alerts(north), Screen(south)
        command = [sys.executable, __file__, "bring", str(port), str(tracks), str(seconds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as bringing:
            until(lambda: north.get("watch", "feeds")["tracks"] >= tracks, 0.5)
            assert north.process is not None
            process = watching(north)
            before = memory_mb(north.process.pid), memory_mb(process)
            asked = ask(north, south, screen, time.time() + seconds - SETTLES_S - 5)
            after = memory_mb(north.process.pid), memory_mb(process)
            feeds = north.get("watch", "feeds")
            said, _ = bringing.communicate()
        shown = {name: float(at_s) for name, at_s in (line.split() for line in said.splitlines())}
        raised = {name: alerts.raised[name] for name in shown if name in alerts.raised}
        whole = [on_stream_s - shown[name] for name, (on_stream_s, _, _) in raised.items()]
        looked = [on_stream_s - looked_s for on_stream_s, looked_s, _ in raised.values()]
        due = [on_stream_s - reported_s for on_stream_s, _, reported_s in raised.values()]
    missed = len(shown) - len(whole)

    def spread(values: list[float]) -> str:
        return f"{share(values, 0.5):.3f} / {share(values, 0.99):.3f} s"

    return [
        ("tracks; reports that came", f"{feeds['tracks']:,}; {feeds['sightings']:,}"),
        ("first report of a stranger to its alert, median / p99", spread(whole)),
        ("the report that makes an alert due to the stream, median / p99 (aim: p99 under 1 s)", spread(due)),
        ("the look that finds it to the stream, median / p99", spread(looked)),
        ("strangers; of them without an alert at the end", f"{len(shown)}; {missed}"),
        ("the last look at all tracks", f"{feeds['look_s']:.3f} s"),
        ("`GET /status`, median / p99", spread(asked.status_s)),
        ("`GET /watch/tracks`, median / p99", spread(asked.tracks_s)),
        ("a STOP to the other side's stream, median / p99", spread(asked.stop_s)),
        ("memory of the node, begin and end", f"{before[0]:.0f}, {after[0]:.0f} MB"),
        ("memory of the watching process, begin and end", f"{before[1]:.0f}, {after[1]:.0f} MB"),
    ]


def main(tracks: int = TRACKS, seconds: int = SECONDS) -> None:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), tracks, seconds)
    table = "\n".join(["| what | found |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
    text = (
        f"{tracks:,} aircraft at 1 Hz as JSON lines for {seconds} s; the load of the machine was {load:.1f} before.\n"
        "A stranger's alert needs three reports and then three looks, a second apart: at least four seconds."
    )
    print(f"{text}\n\n{table}")
    if (tracks, seconds) == (TRACKS, SECONDS):
        write_section("watch", f"{text}\n\n{table}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["bring"]:
        bring(*map(int, sys.argv[2:]))
    else:
        main(*map(int, sys.argv[1:]))
