"""The DSS under the field's workloads, over HTTP, every acknowledged write on the disk: make bench-dss.

    dss.py [WORKLOAD...] [--seconds N]

Workloads: busy (W1), curve, explicit (W1 with one explicit subscription), metro, mixed, million. The reference's
figures are those its users published; it needs a database cluster and is not run here.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing import Process
from pathlib import Path
from uuid import UUID

import uvloop

from detente.utm.access.development import development_token
from dss_load import Load, Measured, Request, stub
from dss_workloads import FlightsInSub, Mixed, Sender
from results import write_section

RAW = Path(__file__).with_name("dss-raw.json.gz")
SCOPES = ("utm.strategic_coordination", "rid.service_provider", "rid.display_provider")
HEADER = """| workload | offered | done a second | p50 ms | p95 ms | p99 ms | longest ms | refused |
|---|---|---|---|---|---|---|---|
"""
PORT = 8391
METRO = (11, 15_182.0, 10_000.0)
"""Clusters, their radius and the longest flight, in metres."""
SHAPES = 300
MILLION = 1_000_000
TAIL = 50_000


class Service:
    """A `detente dss` process over a directory."""

    def __init__(self, directory: Path, port: int = PORT) -> None:
        self.directory, self.port = directory, port
        started = time.perf_counter()
        command = [sys.executable, "-m", "detente", "dss", "--dir", str(directory), "--port", str(port)]
        self.process = subprocess.Popen([*command, "--allow-http-base-urls"], stderr=subprocess.DEVNULL)
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthy", timeout=5):
                    break
            except OSError:
                time.sleep(0.05)
        self.ready_s = time.perf_counter() - started

    def memory_mb(self) -> float:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS"))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def sender(self) -> Sender:
        """Tokens and chance."""
        now = time.time()
        tokens = {s: development_token(self.directory, "uss1", [s], "localhost", now) for s in SCOPES}
        return Sender(tokens, seed=1)


@contextlib.contextmanager
def served() -> Iterator[Service]:
    """A service over a directory of its own."""
    with tempfile.TemporaryDirectory() as kept:
        service = Service(Path(kept))
        yield service
        service.stop()


async def open_loop(
    service: Service, workload: FlightsInSub, requests: Iterator[Request], rate: float, seconds: float
) -> Measured:
    load = Load("127.0.0.1", service.port)
    for request in workload.subscribe():
        await load.one(request)
    return await load.run(requests, rate, seconds)


def keep(raw: dict[str, object], name: str, measured: Measured) -> None:
    raw[name] = {
        "seconds": round(measured.seconds, 3),
        "statuses": measured.statuses,
        "megabytes_out": round(measured.bytes_out / 1e6, 1),
        "megabytes_in": round(measured.bytes_in / 1e6, 1),
        "due_s": [round(value, 2) for value in measured.due_s],
        "latency_ms": [round(value * 1000.0, 1) for value in measured.latencies_s],
    }


def busy(raw: dict[str, object], rate: float, seconds: float, name: str) -> tuple[str, float]:
    """The row of W1 at `rate`, and its p99 in milliseconds."""
    with served() as service:
        flights = FlightsInSub(service.sender())
        measured = uvloop.run(open_loop(service, flights, flights.creates(), rate, seconds))
    keep(raw, f"{name} at {rate:.0f}", measured)
    volume = f"{measured.bytes_out / 1e6:,.0f} MB of keys out, {measured.bytes_in / 1e6:,.0f} MB of subscribers in"
    row = f"| {name}, {seconds:.0f} s ({volume}) | {rate:,.0f} | {measured.row()} |\n"
    return row, measured.percentile_ms(99)


def curve(raw: dict[str, object], seconds: float) -> str:
    rows = ""
    for rate in (50, 100, 150, 200, 250, 300, 400, 500, 600, 800, 1000):
        row, p99_ms = busy(raw, rate, seconds, "W1 curve")
        print(row, end="", flush=True)
        rows += row
        if p99_ms > 5000.0:
            break
    return rows


def explicit(raw: dict[str, object], seconds: float) -> str:
    rows = ""
    for rate, length in ((1100.0, seconds), (2000.0, seconds / 3.0), (3000.0, seconds / 3.0), (4000.0, seconds / 3.0)):
        with served() as service:
            flights = FlightsInSub(service.sender(), explicit=True, whole_key=False)
            measured = uvloop.run(open_loop(service, flights, flights.creates(), rate, length))
        keep(raw, f"explicit at {rate:.0f}", measured)
        name = f"W1, one explicit subscription, key of what is relevant, {length:.0f} s"
        rows += f"| {name} | {rate:,.0f} | {measured.row()} |\n"
    return rows


def metro(raw: dict[str, object], seconds: float) -> str:
    rows = ""
    with served() as service:
        flights = FlightsInSub(service.sender(), *METRO, whole_key=False, shapes=SHAPES)
        measured = uvloop.run(Load("127.0.0.1", service.port).run(flights.creates(), 1000.0, seconds))
    keep(raw, "metro at 1000", measured)
    rows += f"| metro creates, key of what is relevant, {seconds:.0f} s | 1,000 | {measured.row()} |\n"
    for name, clients, whole_key in (("key of what is relevant", 200, False), ("every OVN ever in each key", 16, True)):
        with served() as service:
            flights = FlightsInSub(service.sender(), *METRO, whole_key=whole_key, shapes=SHAPES)
            measured = uvloop.run(Load("127.0.0.1", service.port).run_closed(flights.creates(), clients, seconds))
        keep(raw, f"metro, {name}", measured)
        kilobytes = measured.bytes_out / len(measured.latencies_s) / 1e3
        rows += (
            f"| metro creates, {name} ({kilobytes:,.0f} kB a request), {seconds:.0f} s | {clients} clients | "
            f"{measured.row()} |\n"
        )
    return rows


def mixed(raw: dict[str, object], rate: float, seconds: float) -> str:
    rows = ""
    with served() as service:
        work = Mixed(service.sender())
        measured = uvloop.run(Load("127.0.0.1", service.port).run(work.requests(), rate, seconds))
        keep(raw, "mixed", measured)
        rows += (
            f"| mixed over the metro (3.4 SCD : 2 ISA : 9.6 RID), {seconds:.0f} s | {rate:,.0f} | {measured.row()} |\n"
        )
        measured = uvloop.run(Load("127.0.0.1", service.port).run_closed(work.requests(), 64, seconds))
        keep(raw, "mixed, closed", measured)
        rows += f"| mixed, as fast as it goes, {seconds:.0f} s | 64 clients | {measured.row()} |\n"
    return rows


def ceiling(raw: dict[str, object]) -> str:
    """The generator against a stub that answers at once: what it could ask for if the service cost nothing."""
    sender = Sender(dict.fromkeys(SCOPES, "x" * 300), seed=1)
    full = FlightsInSub(sender)
    full.know(6000)
    rows = []
    for name, requests, answer_bytes in (
        ("mixed", Mixed(sender).requests(), 2),
        ("W1 with one explicit subscription", FlightsInSub(sender, whole_key=False).creates(), 700),
        ("metro creates", FlightsInSub(sender, *METRO, whole_key=False, shapes=SHAPES).creates(), 8_000),
        ("W1 with 6,000 OVNs out and 6,000 subscribers in", full.creates(), 540_000),
    ):
        process = Process(target=stub, args=(PORT + 1, answer_bytes), daemon=True)
        process.start()
        time.sleep(1.0)
        measured = uvloop.run(Load("127.0.0.1", PORT + 1).run_closed(requests, 64, 3.0))
        process.terminate()
        process.join()
        raw[f"ceiling, {name}"] = measured.rate
        rows.append(f"{measured.rate:,.0f} a second of {name}")
    return "; ".join(rows)


def disk_alone(directory: Path) -> str:
    """How long the disk takes for 4 kB, with fdatasync: median and 99th percentile of a second, in milliseconds."""
    times_ms = []
    with (directory / "probe").open("wb") as stream:
        until = time.perf_counter() + 1.0
        while (began := time.perf_counter()) < until:
            stream.write(bytes(4096))
            stream.flush()
            os.fdatasync(stream.fileno())
            times_ms.append((time.perf_counter() - began) * 1000.0)
    times_ms.sort()
    return f"{times_ms[len(times_ms) // 2]:.2f} ms, p99 {times_ms[int(len(times_ms) * 0.99)]:.1f} ms"


def million(raw: dict[str, object], seconds: float) -> str:
    with tempfile.TemporaryDirectory() as kept:
        directory = Path(kept)
        filled_s = fill(directory)
        service = Service(directory)
        memory_mb = service.memory_mb()
        requests = _spread(service.sender())
        measured = uvloop.run(Load("127.0.0.1", service.port).run(requests, 200.0, seconds))
        keep(raw, "million", measured)
        raw["million ready_s"], raw["million memory_mb"] = service.ready_s, memory_mb
        service.stop()
        sizes = {path.name: path.stat().st_size / 1e6 for path in directory.iterdir()}
    return (
        f"| {MILLION:,} live intents, creates all over the country, {seconds:.0f} s | 200 | {measured.row()} |\n\n"
        f"{MILLION:,} live intents: ready {service.ready_s:.1f} s after the process starts (snapshot and a tail of "
        f"{TAIL:,} entries, the whole chain checked), {memory_mb:,.0f} MB resident; journal "
        f"{sizes.get('dss-journal.sqlite', 0.0):,.0f} MB, snapshot {sizes.get('snapshot.msgpack', 0.0):,.0f} MB; "
        f"filled in {filled_s:.0f} s.\n"
    )


def fill(directory: Path) -> float:
    """Make a journal of a million intents, and a snapshot some entries before its end; return how long it took."""
    import msgspec

    from detente.utm.dss.commands import PutIntent
    from detente.utm.representation import Decision, Policy, Representation, decide, evolve
    from detente.utm.service.loop import DECISION
    from detente.utm.service.process import open_journal
    from detente.utm.service.snapshot import write_snapshot
    from detente.utm.space import Volume, union

    chance = random.Random(7)
    state, policy, encoder = Representation(), Policy(), msgspec.json.Encoder()
    started = time.perf_counter()
    at_us = int(time.time() * 1e6)
    with open_journal(directory) as journal:
        bodies: list[tuple[str, bytes]] = []
        for number in range(MILLION):
            at_us += 1
            lat, lng, height = chance.uniform(26.0, 48.0), chance.uniform(-123.0, -70.0), chance.uniform(0.0, 9_000.0)
            start_us = at_us + int(chance.uniform(3600.0, 80_000.0) * 1e6)
            ring = ((lat, lng), (lat, lng + 0.004), (lat + 0.004, lng + 0.004), (lat + 0.004, lng))
            extents = union([Volume(ring, None, height, height + 60.0, start_us, start_us + 1_800_000_000)], 400)
            name = str(UUID(int=chance.getrandbits(128), version=4))
            known = state.dss.intent_index.find_names(
                extents.cells, extents.lower_m, extents.upper_m, extents.start_us, extents.end_us
            )
            key = frozenset(state.dss.intents[one].ovn for one in known)
            command = PutIntent(
                at_us, f"uss{number % 7}", name, None, "Accepted", "https://uss.example.com", extents, key, None, None,
                None, may_coordinate=True, may_monitor=False,
            )  # fmt: skip
            decision = Decision(at_us, command.by, name, events=tuple(decide(state, command, policy)))
            evolve(state, decision)
            bodies.append((DECISION, encoder.encode(decision)))
            if len(bodies) == 5000:
                journal.append(bodies, datetime.now(UTC))
                bodies.clear()
                if number + 1 == MILLION - TAIL:
                    write_snapshot(directory, state, journal.head.number, journal.head.hash)
    return time.perf_counter() - started


def _spread(sender: Sender) -> Iterator[Request]:
    """Creates all over the country, each in a place and at a height of its own."""
    flights = FlightsInSub(sender, whole_key=False, most_distance_m=50.0)
    while True:
        flights.centres = [(sender.random.uniform(26.0, 48.0), sender.random.uniform(-123.0, -70.0))]
        yield flights.create()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("workloads", nargs="*", default=["busy", "curve", "explicit", "metro", "mixed", "million"])
    parser.add_argument("--seconds", type=float, default=120.0, help="length of W1; the others take a sixth of it")
    parser.add_argument("--lock", type=Path, help="a file that is locked during each workload, on a shared machine")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    short = options.seconds / 6.0
    raw: dict[str, object] = {"at": datetime.now(UTC).isoformat(), "load_before": os.getloadavg()}
    text = HEADER
    works = {
        "busy": lambda: busy(raw, 100.0, options.seconds, "W1 busy cell")[0],
        "curve": lambda: curve(raw, short * 3.0),
        "explicit": lambda: explicit(raw, short * 3.0),
        "metro": lambda: metro(raw, short),
        "mixed": lambda: mixed(raw, 3000.0, short),
        "million": lambda: million(raw, short),
    }
    generator = ceiling(raw)
    print(f"generator alone: {generator}", flush=True)
    disk = disk_alone(Path(tempfile.gettempdir()))
    print(f"disk alone: {disk}", flush=True)
    for name in options.workloads:
        with contextlib.ExitStack() as held:
            if options.lock is not None:
                fcntl.flock(held.enter_context(options.lock.open("w")), fcntl.LOCK_EX)
            row = works[name]()
        print("" if name == "curve" else row, end="", flush=True)
        text += row
    raw["load_after"] = os.getloadavg()
    text += f"""
Every acknowledged write is on the disk (one fsync for all that wait), and no answer shows what is not. The disk alone
took {disk} for 4 kB with fdatasync at the beginning; its pace changes (see journal). Open loop: a
latency counts from when the request was due. Generator and service share the machine, and others worked on it too, at a
lower priority: the load average was {os.getloadavg()[1]:.1f} over
the last five minutes, and both ran at niceness {os.nice(0)}. The generator alone, against a stub that answers at once,
asks for {generator}.

{ARTEFACTS}
"""
    if not options.no_write:
        RAW.write_bytes(gzip.compress(json.dumps(raw).encode(), mtime=0))
        write_section("dss", text)


ARTEFACTS = """\
What W1 (FlightsInSub) measures, said beside its figure: every intent brings an implicit subscription that
lives as long as it does (60 s), and subscriptions are matched by cell and time, not by height; so at Q
creates a second each create notifies and returns about 60 Q subscriptions, and the cost grows with the square
of Q by construction. Every request carries every OVN ever obtained, 47 bytes each. Nothing is updated or
deleted. Creates that cross on the wire with another at the same height are refused with 409, as they must be.
With one explicit subscription the key is what a USS would send, the OVNs relevant at that height and time: at
1,000 creates a second a key that only grows would be 2.8 MB after one minute, and the figure would be that of
the network.

Metro is FlightsInSub over 11 clusters of 15,182 m radius, flights of up to 10 km in 1 to 100 rectangles, for 60 s, with
implicit subscriptions. With every OVN ever obtained in each key its figure is that of the keys: 3,000 a second would
send 140 kB more with each second that passes, and after a minute 25 GB a second. Mixed is the sizing page's 3.4 SCD,
2 ISA and 9.6 RID requests per flight over the same 11 clusters.

Published figures of the reference for the busy cell: 6 to 8 queries a second with a global lock (interuss/dss
#1512), 1.1 flights a second with implicit and 2.6 with explicit subscriptions on a laptop (#1592), about 25
queries a second sustained with its experimental Raft store (#1594)."""


if __name__ == "__main__":
    main()
