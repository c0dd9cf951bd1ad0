"""Private matching of a day of plans, both parties on this machine, beside openmined-psi: make bench-matching."""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import numba
import numpy as np
import private_set_intersection.python as psi

from detente.accord.matching_terms import CREWED_MATCHING, DRONE_MATCHING, AltitudeFamilies, MatchingTerms
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, Ellipsoid, StandardPressure
from detente.airspace.plan import Circle, Containment, Plan, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.search import encounters_between
from detente.airspace.separation import Minima, MinimaTable
from detente.matching import ristretto
from detente.matching.hash_to_group import hash_to_group
from detente.matching.late import answer_late, late_message, late_reveal, take_late_answer, take_late_reveal
from detente.matching.masking import answers_of, matching_rows
from detente.matching.ordered import among
from detente.matching.quantise import Epoch, Role, quantise
from detente.matching.run import Run
from detente.matching.side import MatchSide
from detente.record.keys import NodeKey
from results import write_section

EPOCH = Epoch(20_240, 86_400)
DAY = datetime.fromtimestamp(EPOCH.start_s, UTC)
PEER_TOKENS = 5_000
LATE_PLANS = 6
SAMPLE = 8_192
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


def matched(
    ours: list[Plan], theirs: list[Plan], terms: MatchingTerms, table: MinimaTable
) -> tuple[list[MatchSide], tuple[Meter, Meter], Meter, int]:
    """A day matched: both sides, what each cost, what quantising cost, and the bytes on the wire."""
    keys = sorted((NodeKey.generate(), NodeKey.generate()), key=lambda key: key.public)
    run = Run("00" * 32, EPOCH, terms, table, keys[0].public, keys[1].public)
    meters, quantising = (Meter(), Meter()), Meter()
    sides = []
    for number, (plans, role) in enumerate(((ours, Role.FIRST), (theirs, Role.SECOND))):
        with meters[number], quantising:
            tokens = quantise(plans, role, EPOCH, terms, table)
        with meters[number]:
            sides.append(MatchSide(run, keys[number], tokens, bytes([number + 1]) * 32))
    wire = 0
    while not all(side.complete for side in sides):
        for number in (0, 1):
            with meters[number]:
                raw = sides[number].next_message()
            if raw is not None:
                wire += len(raw)
                with meters[1 - number]:
                    sides[1 - number].receive(raw)
    return sides, meters, quantising, wire


def workload(
    name: str, ours: list[Plan], theirs: list[Plan], terms: MatchingTerms, table: MinimaTable
) -> tuple[str, float]:
    """A row of the table, and the seconds that both parties need together."""
    sides, meters, quantising, wire = matched(ours, theirs, terms, table)
    truth = encounters_between(ours, theirs, table)
    missed = clear = cleared = 0
    for side, plans, name_of in zip(sides, (ours, theirs), ("first_plan_id", "second_plan_id"), strict=True):
        real = {getattr(one, name_of) for one in truth}
        missed += len(real - {one.first_plan_id for one in side.revealed.encounters})
        clear += len(plans) - len(real)
        cleared += len(side.revealed.cleared)
    late = late_plans(sides, (drones if ours[0].aircraft_class == "drone" else crewed)(99, LATE_PLANS))
    sets = " / ".join(
        f"{len(side.shown[0].tokens.tokens):,} in 2^{side.run.capacity(side.role).bit_length() - 1}" for side in sides
    )
    wall_s = meters[0].wall_s + meters[1].wall_s
    print(name, sets, wire, [meter.cpu_s for meter in meters], wall_s, late, flush=True)
    row = (
        f"| {name} | {sets} | {meters[0].cpu_s:.0f} + {meters[1].cpu_s:.0f} | {wall_s:.0f} "
        f"| {wire / 1e6:.1f} | {missed} | {cleared / clear:.0%} | {quantising.cpu_s:.2f} | {late} |"
    )
    return row, wall_s


def late_plans(sides: list[MatchSide], plans: list[Plan]) -> str:
    """Seconds of both parties together for one late plan, processor and wall; medians over single ones in turn."""
    costs = []
    for number, plan in enumerate(plans):
        late, other = sides[number % 2], sides[1 - number % 2]
        meter = Meter()
        with meter:
            moved = [msgspec.structs.replace(plan, plan_id=f"late{number}")]
            tokens = quantise(moved, late.role, EPOCH, late.run.terms, late.run.minima)
            asked = late_message(late, tokens)
            take_late_answer(late, answer_late(other, asked))
            which = len(late.shown) - 1
            opened, back = late_reveal(late, late.role, which), late_reveal(other, late.role, which)
            take_late_reveal(other, opened, late.role, which)
            take_late_reveal(late, back, late.role, which)
        costs.append((meter.cpu_s, meter.wall_s))
    cpu_s, wall_s = (statistics.median(each) for each in zip(*costs, strict=True))
    return f"{cpu_s:.2f} / {wall_s:.2f}"


def by_cores(table: MinimaTable) -> tuple[str, float]:
    """Seconds of both parties for a tenth of the drones on one core and on all, and the share that cores divide."""
    terms = msgspec.structs.replace(DRONE_MATCHING, first_log2=16, second_log2=16)
    most = numba.get_num_threads()
    walls = []
    for cores in (1, most):
        numba.set_num_threads(cores)
        best = []
        for _ in range(2):
            _, meters, _, _ = matched(drones(1, 1_000), drones(2, 1_000), terms, table)
            best.append(meters[0].wall_s + meters[1].wall_s)
        walls.append(min(best))
    numba.set_num_threads(most)
    share = min(1.0, (1.0 - walls[1] / walls[0]) * most / (most - 1)) if most > 1 else 0.0
    said = f"{walls[0]:.1f} s on 1, {walls[1]:.1f} s on {most}"
    return said, share


def flagged(
    plans: Sequence[Plan], role: Role, common: np.ndarray, terms: MatchingTerms, table: MinimaTable
) -> set[str]:
    """The plans with one of the common tokens."""
    own = quantise(plans, role, EPOCH, terms, table)
    parts = own.parts_with(np.flatnonzero(among(own.tokens, common)))
    return {own.parts[part].piece.plan_id for part in parts.tolist()}


def grids() -> str:
    """What each of several grids costs and tells of plans that conflict with none: no cryptography, only tokens."""
    open_terms = {"plan_tokens": 1_000_000, "cell_plans": 10_000}
    crewed_table, drone_table = MinimaTable(Minima(9_260.0, 304.8)), MinimaTable(Minima(50.0, 15.0))
    pressure = {"altitudes": AltitudeFamilies.PRESSURE, "common_lateral_dm": -30_000}
    cases = [
        (f"crewed, {name}", (crewed(1, 1_000), crewed(2, 1_000)), crewed_table,
         msgspec.structs.replace(CREWED_MATCHING, cell_dm=cell, bin_seconds=seconds, **pressure, **open_terms))
        for name, cell, seconds in (
            ("**10 km, 1,000 ft, 10 min**", 100_000, 600), ("10 km, 1,000 ft, 5 min", 100_000, 300),
            ("5 km, 1,000 ft, 5 min", 50_000, 300), ("5 km, 1,000 ft, 2.5 min", 50_000, 150),
        )
    ] + [
        (f"drones, {name}", (drones(1, 10_000), drones(2, 10_000)), drone_table,
         msgspec.structs.replace(DRONE_MATCHING, cell_dm=cell, bin_seconds=seconds, **open_terms))
        for name, cell, seconds in (
            ("5 km, 5 min", 50_000, 300), ("**2 km, 5 min**", 20_000, 300), ("1 km, 5 min", 10_000, 300),
        )
    ]  # fmt: skip
    rows = []
    for name, (ours, theirs), table, terms in cases:
        roles = (Role.FIRST, Role.SECOND)
        sets = [quantise(p, r, EPOCH, terms, table).tokens for p, r in zip((ours, theirs), roles, strict=True)]
        common = sets[0][among(sets[0], sets[1])]
        truth = encounters_between(ours, theirs, table)
        clear = told = concerned = met = 0
        for plans, role, field in ((ours, roles[0], "first_plan_id"), (theirs, roles[1], "second_plan_id")):
            real = {getattr(one, field) for one in truth}
            found = flagged(plans, role, common, terms, table)
            assert real <= found
            met, concerned = met + len(real), concerned + len(found)
            clear, told = clear + len(plans) - len(real), told + len(found - real)
        rows.append(
            f"| {name} | {len(sets[0]):,} / {len(sets[1]):,} | {len(common):,} | {met:,} | {concerned:,} "
            f"| {told / clear:.0%} |"
        )
        print(rows[-1], flush=True)
    return "\n".join(rows)


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


def scaling() -> str:
    """Elements masked again in a second of wall time, by number of cores."""
    points = ristretto.from_uniform(np.random.default_rng(0).integers(0, 256, (SAMPLE, 64), dtype=np.uint8))
    key = ristretto.scalar_from_uniform(bytes(range(64)))
    cells = []
    most = numba.get_num_threads()
    for cores in sorted({1, most}):
        numba.set_num_threads(cores)
        best = min(_timed(key, points) for _ in range(5))
        cells.append(f"{SAMPLE / best:,.0f} on {cores}")
    numba.set_num_threads(most)
    return ", ".join(cells)


def _timed(key: bytes, points: ristretto.ByteArray) -> float:
    start = time.perf_counter()
    ristretto.multiply(key, points)
    return time.perf_counter() - start


def main() -> None:
    quantise(crewed(0, 2), Role.FIRST, EPOCH, CREWED_MATCHING, MinimaTable(Minima(9_260.0, 304.8)))
    load = os.getloadavg()[0]
    pressure = msgspec.structs.replace(
        CREWED_MATCHING, altitudes=AltitudeFamilies.PRESSURE, common_lateral_dm=-30_000, first_log2=19, second_log2=18
    )  # fmt: skip
    crewed_table, drone_table = MinimaTable(Minima(9_260.0, 304.8)), MinimaTable(Minima(50.0, 15.0))
    first, _ = workload("1,000 x 1,000 crewed", crewed(1, 1000), crewed(2, 1000), pressure, crewed_table)
    second, wall_s = workload(
        "10,000 x 10,000 drones", drones(1, 10_000), drones(2, 10_000), DRONE_MATCHING, drone_table
    )
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    own, peers = ours_per_token(), psi_per_token()
    fastest = min(peers, key=lambda name: peers[name])
    cores = scaling()
    walls, share = by_cores(drone_table)
    most = numba.get_num_threads()
    alone_s = wall_s / (1.0 - share + share / most)
    ahead = ", ".join(f"{alone_s * (1.0 - share + share / n):.0f} s on {n}" for n in (4, 8))
    others = ", ".join(f"{name} {cost:.0f}" for name, cost in peers.items())
    text = f"""
A day of plans in 400 x 400 km (`crewed`, `drones` in `bench/matching.py`), from plans to encounters, commitment, padding
and opened parts included. Both parties run one after the other in one process, each on all cores, so the wall time is
what both need together; others used the machine too (load {load:.1f} at the start), so the processor seconds mean more.

| workload | tokens of first / second | CPU s first + second | wall s both | MB on the wire | plans missed | clear plans flagged | quantising both, CPU s | a late plan, both, CPU / wall s |
|---|---|---|---|---|---|---|---|---|
{first}
{second}

- Per token of both sets, both sides learning the result: **{own:.0f} us** of processor time here, openmined-psi 2.0.6
  {others} us (two runs, for in each only one side learns): **{peers[fastest] / own:.1f} times** the fastest mode's speed.
- Cores, measured: 1,000 x 1,000 drones in 2^16 take both parties {walls}; elements masked again a second: {cores}.
  By Amdahl's law from these ({share:.0%} of the time is divided by the number of cores), **extrapolated and not
  measured**, the 10,000 x 10,000 drones would take {ahead}.
- Largest memory of the process, both parties: {memory_mb:,.0f} MB.

What grids tell (`grids`): plans that are concerned, on both sides, and the share of those that conflict with none and
are concerned all the same. No cryptography runs here. The grids in bold are the accord's two defaults.

| grid | tokens of first / second | in common | plans in conflict | plans concerned | clear plans concerned |
|---|---|---|---|---|---|
{grids()}
"""  # noqa: E501
    print(text)
    write_section("matching", text)


if __name__ == "__main__":
    main()
