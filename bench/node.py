"""Two real nodes at work: plans imported and exchanged, STOP to the other side, a private match; make bench-node.

With DETENTE_BEFORE, the path of another release's `detente` command, its nodes run the same in turn, and the ratio is
printed. Bytes are those of the bodies of the envelopes, read from the journal; the processor's time is both nodes'.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from detente.accord.matching_terms import MatchingTerms, RunsOfNodes
from detente.accord.provisions import Provisions
from detente.accord.terms import Accord, AccordParty, Disclosure, format_accord
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.separation import Minima, MinimaTable
from detente.api.client import NodeClient
from detente.link.card import make_card, write_card
from detente.link.copies import proven_entries
from detente.link.directory import NodeDirectory
from detente.link.envelope import read_envelope
from detente.link.session import SENT
from detente.link.trust import write_durably
from detente.record.keys import NodeKey
from detente.settings.address import address_of
from results import write_section

PLANS = 2_000
MATCHING = MatchingTerms(runs=RunsOfNodes.ASKED, first_log2=14, second_log2=14, parts_log2=10, canaries=64)
STOPS = 40
MATCHED = 200
ROUNDS = 3
LONGEST_S = 300.0
NOW = datetime.now(UTC).replace(microsecond=0)


class Figures(NamedTuple):
    """What one pair of nodes did."""

    import_ms: float
    exchange_ms: float
    processor_ms: float
    plan_bytes: float
    stop_ms: float
    match_s: float


def plan(name: str, number: int) -> Plan:
    """One of a day's plans over three degrees of longitude; few meet."""
    band = AltitudeBand(*(Altitude(3000.0 + m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (0.0, 100.0)))
    start = NOW + timedelta(hours=3, seconds=80_000 * ((number * 0.754878) % 1.0))
    window = TimeWindow(start, start + timedelta(minutes=10))
    return Plan(
        name, (Volume4D(Circle(Position(34.0, 20.0 + 3.0 * ((number * 0.618034) % 1.0)), 500.0), band, window),)
    )


class Node:
    """One party's node, run by a `detente` command of any release. At `stop_port` STOP has a listener of its own."""

    def __init__(self, folder: Path, name: str, port: int, stop_port: int = 0) -> None:
        folder.mkdir(parents=True)
        self.files, self.name = NodeDirectory(folder), name
        key = NodeKey.generate()
        key.save(self.files.key_path)
        addresses = [tuple(f"http://127.0.0.1:{one}" for one in (at,) if one) for at in (port, stop_port)]
        self.card = make_card(key, name, addresses[0], NOW, addresses[1])
        write_durably(self.files.card_path, write_card(self.card))
        self.other = "south" if name == "north" else "north"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, program: str, *, automatic: bool = False) -> None:
        if not self.files.config_path.exists():
            # Where a node listens is written in the words of its own release.
            made, address = self.files.path / "made", self.card.addresses[0]
            command = [program, "init", "--dir", str(made), "--name", self.name, "--address", address]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            text = (made / "detente.toml").read_text(encoding="utf-8")
            self.files.config_path.write_text(
                f"{text}\n[settlement]\nautomatic = {str(automatic).lower()}\n", encoding="utf-8"
            )
        log = (self.files.path / "log").open("wb")
        self.process = subprocess.Popen([program, "node", "--dir", str(self.files.path)], stderr=log, stdout=log)
        until(lambda: address_of(self.files.path) is not None)

    def get(self, *path: str, **query: object) -> Any:  # noqa: ANN401 - whatever the route answers
        return NodeClient(self.files.path).get(*path, **query)

    def post(self, *path: str, body: object) -> Any:  # noqa: ANN401
        return NodeClient(self.files.path).post(*path, body=msgspec.json.encode(body))

    def processor_s(self) -> float:
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)


def until(condition: Callable[[], object], pause_s: float = 0.002) -> float:
    """Wait until something is so; return when that was."""
    end = time.perf_counter() + LONGEST_S
    while not condition():
        if time.perf_counter() > end:
            raise TimeoutError
        time.sleep(pause_s)
    return time.perf_counter()


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    with ExitStack() as held:
        servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


@contextmanager
def pair(program: str, folder: Path, *, matches: bool) -> Iterator[tuple[Node, Node]]:
    """Two paired nodes under an accord that tells everything, or under one that matches privately."""
    north, south = (
        Node(folder / name, name, port) for name, port in zip(("north", "south"), free_ports(2), strict=True)
    )
    provisions = Provisions(matching=MATCHING) if matches else Provisions()
    accord = Accord(
        "bench", 1, tuple(AccordParty(node.name, node.card.public_key) for node in (north, south)),
        TimeWindow(NOW - timedelta(days=1), NOW + timedelta(days=30)), MinimaTable(Minima(1852.0, 304.8, 0.0)),
        disclosure=Disclosure.NOTHING if matches else Disclosure.FULL, provisions=provisions,
    )  # fmt: skip
    for node, other in ((north, south), (south, north)):
        node.files.trust.trust(other.card)
        (node.files.path / "accord.toml").write_text(format_accord(accord), encoding="utf-8")
    try:
        for node in (north, south):
            node.start(program)
        yield north, south
    finally:
        for node in (north, south):
            node.stop()


def measure(program: str, folder: Path) -> Figures:
    """Let two nodes of a release work, and return what it took."""
    with pair(program, folder / "open", matches=False) as (north, south):
        for node in (north, south):
            node.post("plans", body={"plans": [plan(f"{node.name}-warm", 0)]})
        until(lambda: all(node.get("status")["plans"].get(node.other) for node in (north, south)))
        used = sum(node.processor_s() for node in (north, south))
        began = time.perf_counter()
        north.post("plans", body={"plans": [plan(f"p{number}", number) for number in range(1, PLANS + 1)]})
        imported = time.perf_counter()
        told = until(lambda: south.get("status")["plans"].get("north") == PLANS + 1, 0.02)
        until(lambda: not north.get("status")["envelopes_waiting"], 0.02)
        used = sum(node.processor_s() for node in (north, south)) - used
        sent = [read_envelope(e.body)[0] for e in proven_entries(north.files.journal_path) if e.kind == SENT]
        sizes = [len(envelope.body) for envelope in sent if envelope.kind == "plan_declared"]
        stops = []
        for number in range(1, STOPS + 1):
            at = time.perf_counter()
            north.post("line", "stop", body={"peer": "south"})
            stops.append(until(partial(_has_stops, south, number)) - at)
    with pair(program, folder / "private", matches=True) as (north, south):
        for node in (north, south):
            node.post("plans", body={"plans": [plan(f"m{number}", number) for number in range(MATCHED)]})
        began_match = time.perf_counter()
        run = north.post("matching", "runs", body={"peer": "south"})
        name = run["run"]["run"]
        done = until(lambda: north.get("matching", "runs", name)["run"]["state"] != "running", 0.05)
        assert north.get("matching", "runs", name)["run"]["state"] == "done", "the run was broken off"
    return Figures(
        (imported - began) / PLANS * 1e3, (told - began) / PLANS * 1e3, used / PLANS * 1e3, statistics.mean(sizes),
        statistics.median(stops) * 1e3, done - began_match,
    )  # fmt: skip


def _has_stops(south: Node, count: int) -> bool:
    return bool(sum(message["code"] == "stop" for message in south.get("line", "messages")) >= count)


NAMES = (
    "a plan imported, ms",
    "a plan imported and known to the peer, ms",
    "a plan, processor of both nodes, ms",
    "a plan, bytes of its message",
    "STOP until the other side shows it, median, ms",
    f"a match of {MATCHED} and {MATCHED} plans, s",
)


def main() -> None:
    load = os.getloadavg()[0]
    here = str(Path(sys.executable).with_name("detente"))
    before = os.environ.get("DETENTE_BEFORE", "")
    programs = [here, *([before] if before else [])]
    runs: dict[str, list[Figures]] = {program: [] for program in programs}
    for number in range(ROUNDS):
        for program in programs:
            with tempfile.TemporaryDirectory() as folder:
                runs[program].append(measure(program, Path(folder)))
            print(f"round {number + 1}, {program}: {runs[program][-1]}", flush=True)
    best = {program: [min(column) for column in zip(*figures, strict=True)] for program, figures in runs.items()}
    heading = "| best of three | now | before | ratio |" if before else "| best of three | now |"
    rows = [heading, "|---|---|---|---|" if before else "|---|---|"]
    for place, name in enumerate(NAMES):
        now = best[here][place]
        then = f" {best[before][place]:,.3f} | {now / best[before][place]:.2f} |" if before else ""
        rows.append(f"| {name} | {now:,.3f} |{then}")
    table = "\n".join(rows)
    print(table)
    write_section("node", f"Load of the machine before: {load:.2f} (one minute).\n\n{table}")


if __name__ == "__main__":
    main()
