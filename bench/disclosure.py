"""Whether the time an answer takes tells anything of the plans that are kept back.

Two real nodes that differ in their plans alone: one has none, the other thousands right where the peer's plans are. The
peer declares plan after plan to both in turn and takes the time of every answer. An area of 0.5 under the curve of
telling one from the other is what guessing gives; 1 is certainty.
"""

from __future__ import annotations

import http.client
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np

from detente.accord.terms import Accord, AccordParty, Disclosure, accord_hash, format_accord
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.separation import Minima, MinimaTable
from detente.api.client import NodeClient
from detente.link.answer import ENVELOPES_PATH
from detente.link.links import Links
from detente.picture.messages import PlanDeclaredMessage
from detente.record.keys import NodeKey
from detente.rehearsal.party import RehearsalParty
from detente.room.tagged import write_tagged
from results import write_section

HIDDEN = 5_000
PROBES = 300
NOW = datetime.now(UTC).replace(microsecond=0)


def plan(name: str, number: int) -> Plan:
    """One of a day's plans along three degrees of longitude; about ten of five thousand meet any other."""
    band = AltitudeBand(*(Altitude(3000.0 + m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (0.0, 100.0)))
    start = NOW + timedelta(hours=3, seconds=86_400 * ((number * 0.754878) % 1.0))
    window = TimeWindow(start, start + timedelta(minutes=10))
    east = 20.0 + 3.0 * ((number * 0.618034) % 1.0)
    return Plan(name, (Volume4D(Circle(Position(34.0, east), 2000.0), band, window),))


class Prober:
    """South, which has the keys and no node: it declares plans and measures."""

    def __init__(self, north: RehearsalParty, key: NodeKey, accord: Accord) -> None:
        self.key = key
        self.session = Links(key.public).open(north.card.key, accord_hash(accord))
        self.connection = http.client.HTTPConnection("127.0.0.1", north.port, timeout=60)
        self.count = 0

    def probe(self) -> float:
        """Declare one more plan; return the seconds until the answer."""
        self.count += 1
        message = write_tagged(PlanDeclaredMessage(plan(f"s{self.count}", self.count), 1))
        (envelope,) = self.session.seal(self.key, [message], datetime.now(UTC))
        began = time.perf_counter()
        self.connection.request("POST", ENVELOPES_PATH, envelope.raw)
        answer = self.connection.getresponse()
        answer.read()
        took = time.perf_counter() - began
        if answer.status != 200:
            sys.exit(f"the node answered {answer.status}")
        return took


def north_with(path: Path, south: RehearsalParty, hidden: int, step_s: float) -> tuple[RehearsalParty, Accord]:
    """A node of north that keeps every plan back, and has that many."""
    north = RehearsalParty("north", path)
    north.found()
    north.pair(south)
    parties = tuple(AccordParty(one.name, one.card.public_key) for one in (north, south))
    valid = TimeWindow(NOW - timedelta(days=1), NOW + timedelta(days=30))
    accord = Accord("pair", 1, parties, valid, MinimaTable(Minima(9260.0, 300.0, 0.0)), Disclosure.NOTHING)
    (path / "accord.toml").write_text(format_accord(accord))
    with north.files.config_path.open("a") as file:
        file.write(f"\n[link]\nanswer_step_s = {step_s}\n")
    north.start()
    north.wait()
    client = NodeClient(path)
    plans = [msgspec.to_builtins(plan(f"n{number}", number)) for number in range(hidden)]
    for first in range(0, hidden, 500):
        client.post("plans", body=msgspec.json.encode({"plans": plans[first : first + 500]}))
    return north, accord


def curve(first: np.ndarray, second: np.ndarray) -> float:
    """The share of pairs in which the second took longer: the area under the curve, 0.5 when nothing can be told."""
    return float(np.mean(second[None, :] > first[:, None]) + 0.5 * np.mean(second[None, :] == first[:, None]))


def measured(folder: Path, step_s: float) -> list[np.ndarray]:
    """Seconds of PROBES answers of each of the two nodes, asked in turn."""
    south = RehearsalParty("south", folder / f"south-{step_s}")
    south.found()
    key = NodeKey.load(south.files.key_path)
    norths = [north_with(folder / f"{hidden}-{step_s}", south, hidden, step_s) for hidden in (0, HIDDEN)]
    probers = [Prober(north, key, accord) for north, accord in norths]
    for prober in probers:
        for _ in range(20):
            prober.probe()
    times = np.array([[prober.probe() for prober in probers] for _ in range(PROBES)])
    for north, _ in norths:
        north.stop()
    return [times[:, 0], times[:, 1]]


def main() -> None:
    """Measure with and without the pace, print and keep the figures."""
    rows = [
        "| pace of answers | none hidden, median / 95 % | many hidden, median / 95 % | area under the curve |",
        "|---|---|---|---|",
    ]
    folder = Path(tempfile.mkdtemp())
    try:
        for step_s in (0.0, 0.05):
            none, many = measured(folder, step_s)
            figures = [f"{np.median(t) * 1e3:.1f} / {np.percentile(t, 95) * 1e3:.1f} ms" for t in (none, many)]
            pace = "none" if step_s == 0 else f"every {step_s * 1e3:.0f} ms (as set by default)"
            rows.append(f"| {pace} | {figures[0]} | {figures[1]} | {curve(none, many):.2f} |")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = "\n".join(
        [
            f"Two real nodes with disclosure `nothing`: one without plans, one with {HIDDEN:,} in a day on the same",
            f"way. A peer declares {PROBES} plans to each, in turn, over loopback, and takes the time of each answer.",
            "An area under the curve of 0.5 is what guessing gives.",
            "",
            *rows,
        ]
    )
    print(text)
    write_section("disclosure", text)


if __name__ == "__main__":
    main()
