"""Private matching of a day of plans, both parties on this machine, beside openmined-psi: make bench-matching."""

from __future__ import annotations

import ctypes
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import numba
import numpy as np
import private_set_intersection.python as psi

from detente.accord.matching_terms import (
    CREWED_MATCHING,
    DRONE_MATCHING,
    AltitudeFamilies,
    FineGrid,
    MatchingDomain,
    MatchingTerms,
)
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, Ellipsoid, StandardPressure
from detente.airspace.plan import Circle, Containment, Plan, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.search import encounters_between
from detente.airspace.separation import Minima, MinimaTable
from detente.matching import ristretto
from detente.matching.checks import found_share, spot_count
from detente.matching.grid import BIN_BITS
from detente.matching.hash_to_group import hash_to_group
from detente.matching.labels import Labels, domain_spaces, families_of
from detente.matching.ledger import ledger_row
from detente.matching.masking import answers_of, matching_rows
from detente.matching.quantise import Epoch, Role, quantise
from detente.matching.run import Run
from detente.matching.side import MatchSide
from detente.matching.sodium import sodium
from detente.record.keys import NodeKey
from plain_rounds import flagged_plans, plain_run, shown_counts
from results import write_section

EPOCH = Epoch(20_240, 86_400)
DAY = datetime.fromtimestamp(EPOCH.start_s, UTC)
DOMAIN = MatchingDomain(
    south_millidegrees=35_000, west_millidegrees=-123_000, north_millidegrees=38_700, east_millidegrees=-118_500
)
BEFORE = {"crewed": 1.68, "drones": 2.32}
"""Millions of multiplications without checks and fine rounds: 57 and 79 CPU-s at 34 us, as last measured."""
PEER_TOKENS = 5_000
LATE_PLANS = 6
SAMPLE = 8_192
UNITS = 2_000
ROWS_LOOKED_AT = 4_096
OTHER_DAYS = 6
REVEALS = True
"""openmined-psi may show the intersection itself, not only its size."""


def crewed(seed: int, count: int) -> list[Plan]:
    """Flights of 100 to 400 km in 400 x 400 km at flight levels, half of them climbing and descending; 2.5 NM wide."""
    rng = np.random.default_rng(seed)
    plans: list[Plan] = []
    while len(plans) < count:
        ends = rng.uniform(0.0, 400.0, (2, 2))
        length_km = float(np.linalg.norm(ends[1] - ends[0]))
        if length_km < 100.0:
            continue
        level, climbs = 10.0 * int(rng.integers(10, 40)), rng.random() < 0.5
        start_s, speed = float(rng.uniform(0.0, 82_000.0)), float(rng.uniform(180.0, 250.0))
        waypoints = []
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            x, y = (float(value) for value in ends[0] + share * (ends[1] - ends[0]))
            height = max(10.0, level - 150.0) if climbs and share in (0.0, 1.0) else level
            at = DAY + timedelta(seconds=round(start_s + share * length_km * 1000.0 / speed, 3))
            where = Position(35.0 + y / 111.0, -123.0 + x / 90.0)
            waypoints.append(Waypoint(where, Altitude(height, AltitudeUnit.FLIGHT_LEVEL, StandardPressure()), at))
        plans.append(Plan(f"f{len(plans)}", Trajectory(tuple(waypoints), Containment(4_630.0, 0.0, 0.0))))
    return plans


def drones(seed: int, count: int) -> list[Plan]:
    """Circles of 1 to 3 km for 30 minutes in 400 x 400 km, seven tenths of them over eight cities."""
    cities = np.random.default_rng(0).uniform(20.0, 380.0, (8, 2))
    rng = np.random.default_rng(seed)
    plans = []
    for number in range(count):
        city = cities[int(rng.integers(8))]
        x, y = rng.normal(city, 8.0) if rng.random() < 0.7 else rng.uniform(0.0, 400.0, 2)
        start = DAY + timedelta(seconds=round(float(rng.uniform(0.0, 84_000.0)), 3))
        area = Circle(Position(35.0 + float(y) / 111.0, -123.0 + float(x) / 90.0), float(rng.uniform(1_000.0, 3_000.0)))
        low = Altitude(0.0, AltitudeUnit.METRE, Ellipsoid())
        band = AltitudeBand(low, Altitude(120.0, AltitudeUnit.METRE, Ellipsoid()))
        plans.append(
            Plan(f"d{number}", (Volume4D(area, band, TimeWindow(start, start + timedelta(minutes=30))),), "drone")
        )
    return plans


class Meter:
    """Processor and wall seconds of one party."""

    def __init__(self) -> None:
        self.cpu_s = self.wall_s = 0.0

    def __enter__(self) -> None:
        self._start = time.process_time(), time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.cpu_s += time.process_time() - self._start[0]
        self.wall_s += time.perf_counter() - self._start[1]


class Day:
    """A day matched: both sides, what each cost, what quantising cost, the bytes of each, and one multiplication."""

    def __init__(self, ours: list[Plan], theirs: list[Plan], terms: MatchingTerms, table: MinimaTable) -> None:
        keys = sorted((NodeKey.generate(), NodeKey.generate()), key=lambda key: key.public)
        run = Run("00" * 32, EPOCH, terms, table, keys[0].public, keys[1].public)
        self.meters, self.quantising, self.wire = (Meter(), Meter()), Meter(), [0, 0]
        self.units_us: list[float] = []
        self.own_units_us: list[float] = []
        self.sides: list[MatchSide] = []
        for number, (plans, role) in enumerate(((ours, Role.FIRST), (theirs, Role.SECOND))):
            with self.meters[number], self.quantising:
                tokens = quantise(plans, role, EPOCH, terms, table)
            with self.meters[number]:
                self.sides.append(MatchSide(run, keys[number], tokens, bytes([number + 1]) * 32))
        self.play()

    def play(self) -> None:
        """Exchange messages until both have nothing more to say."""
        while not all(side.idle for side in self.sides):
            for number in (0, 1):
                with self.meters[number]:
                    raw = self.sides[number].next_message()
                if raw is not None:
                    self.wire[number] += len(raw)
                    with self.meters[1 - number]:
                        self.sides[1 - number].receive(raw)
                    if len(raw) > 1 << 20:
                        self.units_us.append(unit_us())
                        self.own_units_us.append(own_unit_us())

    @property
    def unit_us(self) -> float:
        """Microseconds of processor time of one multiplication, measured again and again during the run."""
        return statistics.mean(self.units_us)


def unit_us() -> float:
    """Microseconds of processor time that one multiplication by libsodium takes at this moment, one after another."""
    scalar, point = ristretto.scalar_from_uniform(bytes(range(64))), ristretto.multiply_base(b"\x05" + bytes(31))
    multiply, result = sodium["crypto_scalarmult_ristretto255"], ctypes.create_string_buffer(32)
    meter = Meter()
    with meter:
        for _ in range(UNITS):
            multiply(result, scalar, point)
    return meter.cpu_s / UNITS * 1e6


def own_unit_us() -> float:
    """The same of one multiplication as a run has them done."""
    points = ristretto.elements(ristretto.multiply_base(b"\x05" + bytes(31)) * SAMPLE)
    meter = Meter()
    with meter:
        ristretto.multiply(ristretto.scalar_from_uniform(bytes(range(64))), points)
    return meter.cpu_s / SAMPLE * 1e6


def workload(
    name: str, ours: list[Plan], theirs: list[Plan], terms: MatchingTerms, table: MinimaTable, before: float
) -> str:
    """A row of the table. `before` is what it cost without spot checks and fine rounds, in millions of units."""
    day = Day(ours, theirs, terms, table)
    truth = encounters_between(ours, theirs, table)
    missed = clear = cleared = 0
    opened: list[str] = []
    for side, plans, name_of in zip(day.sides, (ours, theirs), ("first_plan_id", "second_plan_id"), strict=True):
        real = {getattr(one, name_of) for one in truth}
        revealed = side.revealed
        assert revealed is not None
        missed += len(real - {one.first_plan_id for one in revealed.encounters})
        clear += len(plans) - len(real)
        cleared += len(revealed.cleared)
        opened.append(f"{revealed.opened:,}")
    sets = "; ".join(
        " / ".join(
            f"{len(side.rounds[grid].own[0].tokens):,} in 2^{side.run.capacity(side.role, 0, grid).bit_length() - 1}"
            for side in day.sides
        )
        for grid in range(day.sides[0].run.grids)
    )
    cpu_s, wall_s = ([getattr(meter, which) for meter in day.meters] for which in ("cpu_s", "wall_s"))
    bits = " / ".join(f"{ledger_row(side).bits:,}" for side in day.sides)
    units = sum(cpu_s) / day.unit_us
    late = late_plans(day, (drones if ours[0].aircraft_class == "drone" else crewed)(99, LATE_PLANS))
    own_us = statistics.mean(day.own_units_us)
    row = (
        f"| {name} | {sets} | {cpu_s[0]:.0f} + {cpu_s[1]:.0f} | {wall_s[0]:.0f} + {wall_s[1]:.0f} "
        f"| {day.unit_us:.0f} / {own_us:.0f} | {units / before:.2f} "
        f"| {day.wire[0] / 1e6:.1f} / {day.wire[1] / 1e6:.1f} | {missed} | {cleared / clear:.1%} | "
        f"{' / '.join(opened)} | {bits} "
        f"| {day.quantising.cpu_s:.2f} | {late} |"
    )
    print(row, flush=True)
    return row


def late_plans(day: Day, plans: list[Plan]) -> str:
    """Seconds for one late plan: processor and wall of both parties, one after the other, and wall of the slower one.

    Medians over single plans, of each party in turn. On machines of their own both work at the same time.
    """
    costs = []
    for number, plan in enumerate(plans):
        day.meters = (Meter(), Meter())
        moved = [msgspec.structs.replace(plan, plan_id=f"late{number}")]
        for which, side in enumerate(day.sides):
            own = moved if which == number % 2 else []
            with day.meters[which]:
                side.begin_late(quantise(own, side.role, EPOCH, side.run.terms, side.run.minima))
        day.play()
        walls_s = [meter.wall_s for meter in day.meters]
        costs.append((sum(meter.cpu_s for meter in day.meters), sum(walls_s), max(walls_s)))
    return " / ".join(f"{statistics.median(each):.2f}" for each in zip(*costs, strict=True))


TENTH = "tenth"
"""The argument with which this program matches a tenth of the drones and prints the seconds: see `by_cores`."""


def tenth() -> None:
    """Match a tenth of the drones, once to warm up, and print processor seconds: of the process, of its main thread."""
    terms = msgspec.structs.replace(DRONE_MATCHING, first_log2=14, second_log2=14)
    own = drones(1, 250), drones(2, 250)
    for _ in range(2):
        whole, main_thread = time.process_time(), time.thread_time()
        Day(*own, terms, MinimaTable(Minima(50.0, 15.0)))
        cpu_s, main_s = time.process_time() - whole, time.thread_time() - main_thread
    print(cpu_s, main_s)


def by_cores() -> tuple[str, float]:
    """Processor seconds of both parties for some drones, in a process on one core and one on all; what cores divide.

    What is compiled for all cores runs in threads beside the main one, which waits for them. So what the main thread
    takes is what cores do not divide, whatever else the machine does.
    """
    most = numba.get_num_threads()
    figures = []
    for cores in (1, most):
        environment = {**os.environ, "NUMBA_NUM_THREADS": str(cores)}
        done = subprocess.run(
            [sys.executable, __file__, TENTH], env=environment, capture_output=True, text=True, check=True
        )
        figures.append([float(word) for word in done.stdout.split()[-2:]])
    (alone, alone_main), (cpu, main_s) = figures
    said = f"{alone:.1f} s on 1, {alone_main:.1f} of them in the main thread, {cpu:.1f} s on {most}, {main_s:.1f} there"
    return said, 1.0 - main_s / cpu


def grids() -> str:
    """What each of several grids costs and tells of plans that conflict with none: no cryptography, only tokens."""
    open_terms = {"plan_tokens": 1_000_000, "cell_plans": 10_000}
    crewed_table, drone_table = MinimaTable(Minima(9_260.0, 304.8)), MinimaTable(Minima(50.0, 15.0))
    pressure = msgspec.structs.replace(
        CREWED_MATCHING, altitudes=AltitudeFamilies.PRESSURE, common_lateral_dm=-30_000, **open_terms
    )
    drone = msgspec.structs.replace(DRONE_MATCHING, **open_terms)

    def fine(cell_dm: int, bin_seconds: int) -> FineGrid:
        return FineGrid(cell_dm=cell_dm, bin_seconds=bin_seconds, first_log2=22, second_log2=22)

    cases = [
        *((f"crewed, {name}", crewed, 1_000, crewed_table, msgspec.structs.replace(pressure, fine=rounds))
          for name, rounds in (
              ("the first grid alone", ()),
              ("**10 km, 60 s, then 2.5 km, 20 s**", (fine(100_000, 60), fine(25_000, 20))),
              ("10 km, 60 s, then 1.25 km, 15 s", (fine(100_000, 60), fine(12_500, 15))))),
        *((f"drones, {name}", drones, 10_000, drone_table, msgspec.structs.replace(drone, fine=rounds))
          for name, rounds in (
              ("the first grid alone", ()), ("**700 m, 40 min**", (fine(7_000, 2_400),)),
              ("450 m, 15 min", (fine(4_500, 900),)))),
    ]  # fmt: skip
    rows = []
    for name, made, count, table, terms in cases:
        ours, theirs = made(1, count), made(2, count)
        run = Run("00" * 32, EPOCH, terms, table, bytes(32), b"\x01" * 32)
        sides = plain_run(ours, theirs, run)
        truth = encounters_between(ours, theirs, table)
        clear = told = 0
        for side, field in zip(sides, ("first_plan_id", "second_plan_id"), strict=True):
            real = {getattr(one, field) for one in truth}
            found = flagged_plans(side)
            assert real <= found
            clear, told = clear + count - len(real), told + len(found - real)
        shown = "; ".join(" / ".join(f"{n:,}" for n in each) for each in zip(*map(shown_counts, sides), strict=True))
        work = sum(map(sum, map(shown_counts, sides))) / sum(shown_counts(side)[0] for side in sides)
        opened = sum(len(side.opened()) for side in sides)
        rows.append(f"| {name} | {shown} | {work:.2f} | {opened:,} | {told / clear:.1%} |")
        print(rows[-1], flush=True)
    return "\n".join(rows)


def odds() -> str:
    """How likely questions under another scalar are found in a list, by the accord's default number of checked rows."""
    rows = []
    for log2 in (19, 17, 11):
        count = spot_count(CREWED_MATCHING, 1 << log2)
        cells = " | ".join(f"{found_share(probes, 1 << log2, count):.0%}" for probes in (1, 64, 256, 1_024))
        rows.append(f"| 2^{log2} | {count:,} | {cells} |")
    return "\n".join(rows)


def told_by_a_row(make: Callable[[int, int], list[Plan]], count: int, terms: MatchingTerms, table: MinimaTable) -> str:
    """What one checked row tells a reader who knows the traffic's density in each cell and band, from other days.

    In bits: how unlikely a block is, to him, to hold a label of the list at all; and how likely he then thinks the
    token that is behind it. Of rows that have a token, means over many rows.
    """
    grid, bins = terms.grid(0), EPOCH.length_s // terms.bin_seconds
    tokens = quantise(make(1, count), Role.FIRST, EPOCH, terms, table).tokens
    capacity = 1 << terms.first_log2
    labels = Labels(
        domain_spaces(grid, bins, families_of(grid.band_ft, terms.altitudes.value), terms.domain), capacity,
        terms.spot_points, bytes(33),
    )  # fmt: skip
    others = [
        quantise(make(seed, count), Role.FIRST, EPOCH, terms, table).tokens for seed in range(11, 11 + OTHER_DAYS)
    ]
    places, counts = np.unique(np.concatenate(others) >> BIN_BITS, return_counts=True)
    dummy = (capacity - len(tokens)) / labels.dummies
    rng = np.random.default_rng(0)
    chosen = rng.choice(tokens, ROWS_LOOKED_AT)

    def density(values: np.ndarray) -> np.ndarray:
        at = np.minimum(np.searchsorted(places, values >> BIN_BITS), len(places) - 1)
        return np.where(
            places[at] == values >> BIN_BITS, (counts[at] + 1) / (OTHER_DAYS * bins), 1 / (OTHER_DAYS * bins)
        )

    members = labels.members(labels.blocks_of_tokens(chosen))
    expected = np.where(members.dummy == 1, dummy, density(members.value)).sum(axis=1)
    bits = -np.log2(-np.expm1(-expected))
    return f"{bits.mean():.2f} bits, and of its token {(density(chosen) / expected).mean():.3f}"


def ours_per_token() -> float:
    """Microseconds of processor time of both parties for each token of both sets, both learning the result."""
    lists = [
        [(number + offset).to_bytes(8, "big") for number in range(PEER_TOKENS)] for offset in (0, PEER_TOKENS // 2)
    ]
    keys = [ristretto.scalar_from_uniform(bytes([number + 1]) * 64) for number in (0, 1)]
    meter = Meter()
    with meter:
        masked = [
            ristretto.multiply(key, hash_to_group(tokens, b"bench")) for key, tokens in zip(keys, lists, strict=True)
        ]
        doubled = [answers_of(ristretto.multiply(keys[1 - number], masked[number])) for number in (0, 1)]
        found = [len(matching_rows(doubled[number], doubled[1 - number])) for number in (0, 1)]
    assert found == [PEER_TOKENS // 2] * 2
    return meter.cpu_s / (2 * PEER_TOKENS) * 1e6


def psi_per_token() -> dict[str, float]:
    """The same of openmined-psi, by mode: two runs, because in each only the client learns the result."""
    lists = [[f"token {number + offset}" for number in range(PEER_TOKENS)] for offset in (0, PEER_TOKENS // 2)]
    costs = {}
    for name, mode in (
        ("GCS", psi.DataStructure.GCS),
        ("raw", psi.DataStructure.RAW),
        ("Bloom", psi.DataStructure.BLOOM_FILTER),
    ):
        meter = Meter()
        with meter:
            for number in (0, 1):
                client, server = (psi.client.CreateWithNewKey(REVEALS), psi.server.CreateWithNewKey(REVEALS))
                setup = server.CreateSetupMessage(1e-9, PEER_TOKENS, lists[1 - number], mode)
                request = client.CreateRequest(lists[number])
                response = server.ProcessRequest(request)
                found = client.GetIntersection(setup, response)
                assert len(found) == PEER_TOKENS // 2
        costs[name] = meter.cpu_s / (2 * PEER_TOKENS) * 1e6
    return costs


def main() -> None:
    if sys.argv[1:] == [TENTH]:
        tenth()
        return
    quantise(crewed(0, 2), Role.FIRST, EPOCH, CREWED_MATCHING, MinimaTable(Minima(9_260.0, 304.8)))
    load = os.getloadavg()[0]
    pressure = msgspec.structs.replace(
        CREWED_MATCHING, altitudes=AltitudeFamilies.PRESSURE, common_lateral_dm=-30_000, first_log2=19, second_log2=18,
        domain=DOMAIN,
    )  # fmt: skip
    crewed_table, drone_table = MinimaTable(Minima(9_260.0, 304.8)), MinimaTable(Minima(50.0, 15.0))
    first = workload("1,000 x 1,000 crewed", crewed(1, 1000), crewed(2, 1000), pressure, crewed_table, BEFORE["crewed"])
    second = workload(
        "10,000 x 10,000 drones", drones(1, 10_000), drones(2, 10_000),
        msgspec.structs.replace(DRONE_MATCHING, domain=DOMAIN), drone_table, BEFORE["drones"],
    )  # fmt: skip
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    own, peers = ours_per_token(), psi_per_token()
    fastest = min(peers, key=lambda name: peers[name])
    said, share = by_cores()
    others = ", ".join(f"{name} {cost:.0f}" for name, cost in peers.items())
    rows = ", ".join(
        f"{name} {told_by_a_row(make, count, terms, table)}"
        for name, make, count, terms, table in (
            ("crewed", crewed, 1_000, pressure, crewed_table),
            ("drones", drones, 10_000, msgspec.structs.replace(DRONE_MATCHING, domain=DOMAIN), drone_table),
        )
    )
    text = f"""
A day of plans in 400 x 400 km (`crewed`, `drones` in `bench/matching.py`), from plans to encounters, with spot checks and
fine rounds, commitment, padding and opened parts included. Both parties run one after the other in one process, each on
all cores; the load was {load:.1f} at the start, and the costs are processor seconds, and in units of
one multiplication by libsodium measured during the run. Before spot checks and fine rounds the crewed took {BEFORE["crewed"]:.2f} and
the drones {BEFORE["drones"]:.2f} million units; a run may take 2.3 times that.

| workload | tokens of first / second, by grid | CPU s first + second | wall s first + second | us of one multiplication, libsodium / ours | times before | MB sent by each | plans missed | clear plans opened | parts opened | bits told, at most | quantising both, CPU s | a late plan, CPU of both / wall one after the other / wall of one party, s |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
{first}
{second}

- Per token of both sets, both sides learning the result, without checks: **{own:.0f} us** of processor time here,
  openmined-psi 2.0.6 {others} us (two runs, for in each only one side learns): **{peers[fastest] / own:.1f} times** the
  fastest mode's speed.
- Cores: 250 x 250 drones in 2^14 take both parties {said} (processor seconds, each in a process of its own); {share:.0%} of
  the work is divided by the number of cores.
- Largest memory of the process, both parties: {memory_mb:,.0f} MB.

A checked row with a token behind it tells a reader who knows the density of traffic in each cell, on the mean: {rows} is
how likely he then thinks the right one.

Questions under another scalar than the committed key are found with these odds, before any answer (`checks.found_share`):

| list | rows checked | 1 question | 64 | 256 | 1,024 |
|---|---|---|---|---|---|
{odds()}

What grids tell (`grids`), without cryptography: tokens shown on each grid, their number in shares of those on the first,
parts opened on both sides, and the share of plans that conflict with none and are opened all the same. The grids in bold
are the defaults.

| grids after the first | tokens of first / second | token work | parts opened | clear plans opened |
|---|---|---|---|---|
{grids()}
"""  # noqa: E501
    print(text)
    write_section("matching", text)


if __name__ == "__main__":
    main()
