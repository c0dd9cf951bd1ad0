"""State-based conflict detection over N aircraft, beside BlueSky's compiled detector in the same run.

The peer compares all pairs on one core. Both get the same states; the pairs must be the same, and are compared.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import time
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from detente.airspace.tactical import Plane, TacticalConflicts, Traffic, detect
from results import write_section

with contextlib.redirect_stdout(io.StringIO()):
    from bluesky.traffic.asas import cstatebased

SEED = 1
REPEATS = 9
PEER_REPEATS = 3
RATIO_WANTED = 100.0
LARGE_LIMIT_S = 1.0


@dataclass(frozen=True)
class Profile:
    """A kind of traffic: its box at the smallest size, its ranges and its minima."""

    name: str
    described: str
    centre_deg: tuple[float, float]
    height_deg: float
    width_deg: float
    altitude_m: float
    speed_mps: tuple[float, float]
    climb_mps: float
    minima: tuple[float, float, float]

    def traffic(self, n: int, area_scale: float = 1.0) -> Traffic:
        """`n` aircraft spread evenly over the box, both its sides stretched so that its area grows by `area_scale`."""
        random = np.random.default_rng(SEED)
        side = math.sqrt(area_scale)
        latitude, longitude = self.centre_deg
        return Traffic(
            latitude_deg=latitude + side * self.height_deg * random.uniform(-0.5, 0.5, n),
            longitude_deg=longitude + side * self.width_deg * random.uniform(-0.5, 0.5, n),
            altitude_m=random.uniform(0.0, self.altitude_m, n),
            ground_speed_mps=random.uniform(*self.speed_mps, n),
            track_deg=random.uniform(0.0, 360.0, n),
            vertical_speed_mps=random.uniform(-self.climb_mps, self.climb_mps, n),
        )


CITY_DEG = 50_000.0 / 111_195.0
PROFILES = (
    Profile(
        "en-route", "10 by 10 degrees around 50 N, 0 to 12 km, 100 to 250 m/s, climbing or sinking up to 10 m/s; "
        "5 NM, 1,000 ft, 300 s", (50.0, 5.0), 10.0, 10.0, 12_000.0, (100.0, 250.0), 10.0, (5 * 1852.0, 304.8, 300.0),
    ),
    Profile(
        "city drones", "50 by 50 km at 50 N, 0 to 120 m, 0 to 20 m/s, up to 2 m/s of climb; 50 m, 15 m, 60 s",
        (50.0, 5.0), CITY_DEG, CITY_DEG / math.cos(math.radians(50.0)), 120.0, (0.0, 20.0), 2.0, (50.0, 15.0, 60.0),
    ),
)  # fmt: skip
COMPARED = (500, 1_000, 2_000, 5_000, 10_000)
LARGE = (20_000, 50_000, 100_000)


T = TypeVar("T")


def timed(run: Callable[[], T], repeats: int) -> tuple[float, T]:
    """Seconds of the fastest of `repeats` runs, and the last answer: other programs only ever make a run slower."""
    seconds = math.inf
    for _ in range(repeats):
        begin = time.perf_counter()
        answer = run()
        seconds = min(seconds, time.perf_counter() - begin)
    return seconds, answer


def peer(traffic: Traffic, minima: tuple[float, float, float]) -> Callable[[], tuple[Any, ...]]:
    """BlueSky's compiled detector on the same states, as its simulator calls it."""
    n = len(traffic)
    states = types.SimpleNamespace(
        ntraf=n, id=list(range(n)), lat=traffic.latitude_deg, lon=traffic.longitude_deg, alt=traffic.altitude_m,
        gs=traffic.ground_speed_mps, trk=traffic.track_deg, vs=traffic.vertical_speed_mps,
    )  # fmt: skip
    zones = [np.full(n, value) for value in minima]
    return lambda: cstatebased.detect(states, states, *zones)


def compare(found: TacticalConflicts, answer: tuple[Any, ...], n: int) -> tuple[int, int, float, float]:
    """Pairs that only the peer reports, that only we report; the largest difference in metres at CPA, in seconds."""
    pairs, distances, closest, entry = answer[0], answer[6], answer[7], answer[8]
    table = {(a, b): row for row, (a, b) in enumerate(pairs)}
    theirs = {min(pair) * n + max(pair) for pair in table}
    ours: NDArray[np.int64] = found.first * n + found.second
    both = [k for k, key in enumerate(ours.tolist()) if key in theirs]
    rows = [table[int(found.first[k]), int(found.second[k])] for k in both]
    metres = np.abs(np.array(distances)[rows] - found.closest_m[both]).max(initial=0.0)
    seconds = max(
        np.abs(np.array(closest)[rows] - found.closest_s[both]).max(initial=0.0),
        np.abs(np.array(entry)[rows] - found.entry_s[both]).max(initial=0.0),
    )
    only_ours = len(set(ours.tolist()) - theirs)
    return len(theirs) - len(both), only_ours, float(metres), float(seconds)


INTRODUCTION = f"""`detect` finds the pairs that lose separation if all hold course, speed and climb. The peer is
`cstatebased.detect` of bluesky-simulator 1.1.1: all pairs compared, on one core (its NumPy form needs more memory than
this machine has at N = 10,000). `FLAT` is the peer's own model, so the pairs must be equal. `TANGENT` is the model that
Détente uses, right at every latitude; its pairs differ where meridians converge. Pairs are unordered; the peer lists
each twice. Times are the fastest of {REPEATS} runs, the peer's of {PEER_REPEATS}. A busy machine flatters whoever is
quicker: other programs ran {{load:.1f}} deep when this began."""

COMPARED_HEAD = """| N | peer | FLAT | ratio | pairs | peer's only | ours only | differ by | TANGENT | pairs |
|---|---|---|---|---|---|---|---|---|---|"""
LARGE_HEAD = """| N | box | FLAT | pairs | TANGENT | pairs |
|---|---|---|---|---|---|"""


def compared_row(profile: Profile, n: int, failures: list[str]) -> str:
    """Run the peer and us on `n` aircraft; a row for the table, and what fell short is added to `failures`."""
    traffic = profile.traffic(n)
    their_s, answer = timed(peer(traffic, profile.minima), PEER_REPEATS)
    our_s, found = timed(partial(detect, traffic, *profile.minima, Plane.FLAT), REPEATS)
    tangent_s, tangent = timed(partial(detect, traffic, *profile.minima), REPEATS)
    only_peer, only_ours, metres, seconds = compare(found, answer, n)
    ratio = their_s / our_s
    if only_peer or only_ours:
        failures.append(f"{profile.name}, {n:,}: {only_peer} pairs only the peer's, {only_ours} only ours")
    if profile.name == "en-route" and n == 10_000 and ratio < RATIO_WANTED:
        failures.append(f"{profile.name}, {n:,}: {ratio:.0f} times faster, {RATIO_WANTED:.0f} wanted")
    return (
        f"| {n:,} | {their_s * 1e3:,.1f} ms | {our_s * 1e3:,.2f} ms | **{ratio:,.0f}** | {len(found):,} | {only_peer} "
        f"| {only_ours} | {metres:.0e} m, {seconds:.0e} s | {tangent_s * 1e3:,.2f} ms | {len(tangent):,} |"
    )


def large_row(profile: Profile, n: int, scale: float, box: str, failures: list[str]) -> str:
    """Run us alone on `n` aircraft in a box of `scale` times the area; a row for the table."""
    traffic = profile.traffic(n, scale)
    our_s, found = timed(partial(detect, traffic, *profile.minima, Plane.FLAT), REPEATS)
    tangent_s, tangent = timed(partial(detect, traffic, *profile.minima), REPEATS)
    if max(our_s, tangent_s) > LARGE_LIMIT_S:
        failures.append(f"{profile.name}, {n:,}, {box}: {max(our_s, tangent_s):.2f} s")
    return f"| {n:,} | {box} | {our_s * 1e3:,.1f} ms | {len(found):,} | {tangent_s * 1e3:,.1f} ms | {len(tangent):,} |"


def main() -> None:
    report = [INTRODUCTION.format(load=os.getloadavg()[0])]
    failures: list[str] = []

    def say(line: str) -> None:
        report.append(line)
        print(line, flush=True)

    for profile in PROFILES:
        say(f"\n**{profile.name}**: {profile.described}.\n\n{COMPARED_HEAD}")
        for n in COMPARED:
            say(compared_row(profile, n, failures))
        say(f"\n{LARGE_HEAD}")
        for n in LARGE:
            say(large_row(profile, n, 1.0, "the same, denser", failures))
            say(large_row(profile, n, n / 10_000, "as dense as 10,000", failures))
    say(
        f"\nAims: the same pairs; {RATIO_WANTED:.0f} times faster at 10,000 en-route; {LARGE_LIMIT_S:.0f} s "
        "at 100,000. " + ("All met." if not failures else "Missed: " + "; ".join(failures) + ".")
    )
    write_section("detect", "\n".join(report))
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
