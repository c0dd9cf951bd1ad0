"""Alerts on recorded days: every real loss of separation, how long before, and how many alerts were for nothing.

Beside it BlueSky's state-based detector, on the same tracks at the same seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import os
import time
import types
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from detente.airspace.separation import Minima, MinimaTable
from detente.watch.alert import Alert, AlertKind, AlertLevel
from detente.watch.alert_board import AlertNews
from detente.watch.live_watch import LiveWatch
from detente.watch.situation import LevelTimes, Situation
from detente.watch.track import Track
from recorded_days import KnownSeconds, Live, Loss, PairHistory, flights_of, histories, losses
from results import write_section

with contextlib.redirect_stdout(io.StringIO()):
    from bluesky.traffic.asas import cstatebased

DAYS = ("adsb_california_20250601", "adsb_kwvi_20251213")
APART_S = 15.0
"""Findings of the peer farther apart than this are two alerts."""
KNOWN_LEAST = 0.5
"""An alert cannot be judged when for more than half of the time until AFTER_S after it nobody knows where both were."""
AFTER_S = 60.0
"""An alert is for nothing when no approach comes until so long after the look-ahead."""
NUISANCE_WANTED, WARNING_WANTED_S = 0.10, 55.0


@dataclass(frozen=True)
class Setting:
    """Minima and look-ahead, and what they are meant for."""

    name: str
    meant_for: str
    minima: tuple[float, float]
    times: LevelTimes


SETTINGS = (
    Setting(
        "0.5 NM, 500 ft, 60 s", "aircraft that see each other: below control, about an airfield",
        (0.5 * 1852.0, 152.4), LevelTimes(60.0, 45.0, 25.0),
    ),
    Setting(
        "3 NM, 1,000 ft, 120 s", "aircraft that somebody separates; held here against visual traffic too",
        (3 * 1852.0, 304.8), LevelTimes(120.0, 75.0, 35.0),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """One alert on a pair: from when to when, and when it first was corrective or a warning (None: never)."""

    names: tuple[str, str]
    start_s: float
    end_s: float
    corrective_s: float | None = None


Key = tuple[str, str]


class OurAlerts:
    """Collects what the watch raises and ends."""

    def __init__(self, setting: Setting, names: frozenset[str]) -> None:
        self._watch = LiveWatch()
        self._situation = Situation(
            "bench", MinimaTable(Minima(*setting.minima)), ours=names, times=setting.times, clear_logic=None,
            own_pairs=True,
        )  # fmt: skip
        self._open: dict[Key, tuple[float, float | None]] = {}
        self.said: list[Said] = []

    def look(self, now_s: float, tracks: list[Track]) -> None:
        for change in self._watch.look(now_s, tracks, self._situation).changes:
            if change.alert.kind is AlertKind.SEPARATION:
                self._take(now_s, change.news, change.alert)

    def _take(self, now_s: float, news: AlertNews, alert: Alert) -> None:
        key = (min(alert.tracks), max(alert.tracks))
        start_s, corrective_s = self._open.get(key, (now_s, None))
        if corrective_s is None and alert.level is not AlertLevel.PREVENTIVE:
            corrective_s = now_s
        self._open[key] = start_s, corrective_s
        if news is AlertNews.ENDED:
            self.said.append(Said(key, start_s, now_s, corrective_s))
            del self._open[key]

    @property
    def has_open(self) -> bool:
        """Whether an alert stands, which has to be seen to its end."""
        return bool(self._open)

    def finish(self, now_s: float) -> list[Said]:
        self.said += [Said(key, start_s, now_s, at_s) for key, (start_s, at_s) in self._open.items()]
        return self.said


class PeerAlerts:
    """Collects the pairs that BlueSky's detector finds each second."""

    def __init__(self, setting: Setting) -> None:
        self._minima = (*setting.minima, setting.times.preventive_s)
        self._seconds: dict[Key, list[float]] = defaultdict(list)

    def look(self, now_s: float, tracks: list[Track]) -> None:
        n = len(tracks)
        states = types.SimpleNamespace(
            ntraf=n, id=[t.track_id for t in tracks], lat=np.array([t.latitude_deg for t in tracks]),
            lon=np.array([t.longitude_deg for t in tracks]),
            alt=np.array([float(t.pressure_altitude_m or 0.0) for t in tracks]),
            gs=np.array([t.ground_speed_mps for t in tracks]), trk=np.array([t.track_deg for t in tracks]),
            vs=np.array([t.vertical_speed_mps for t in tracks]),
        )  # fmt: skip
        pairs = cstatebased.detect(states, states, *(np.full(n, value) for value in self._minima))[0]
        for key in {(min(pair), max(pair)) for pair in pairs}:
            self._seconds[key].append(now_s)

    def finish(self) -> list[Said]:
        said = []
        for key, seconds in self._seconds.items():
            start_s = last_s = seconds[0]
            for now_s in [*seconds[1:], math.inf]:
                if now_s - last_s > APART_S:
                    said.append(Said(key, start_s, last_s, start_s))
                    start_s = now_s
                last_s = now_s
        return said


@dataclass(frozen=True)
class Outcome:
    """How a set of alerts did on the losses of one day."""

    alerts: int
    nuisance: int
    unjudged: int
    losses: int
    missed: tuple[Loss, ...]
    warned_s: tuple[float, ...]

    def row(self, who: str) -> str:
        fifth = f"{np.percentile(self.warned_s, 5):.0f} s" if self.warned_s else "none to count"
        median = f"{np.median(self.warned_s):.0f} s" if self.warned_s else ""
        share, judged = (
            f"{100.0 * found / alerts:.0f} %" if alerts else "none"
            for found, alerts in (
                (self.nuisance, self.alerts), (self.nuisance - self.unjudged, self.alerts - self.unjudged)
            )
        )  # fmt: skip
        return (
            f"| {who} | {self.losses} | {self.losses - len(self.missed)} | {len(self.warned_s)} | {fifth} | {median} "
            f"| {self.alerts} | {share} | {judged} |"
        )


def judged(
    said: list[Said], real: list[Loss], pairs: dict[Key, PairHistory], setting: Setting,
    begins: Callable[[Said], float | None], known: KnownSeconds, part: tuple[float, float] = (-math.inf, math.inf),
) -> Outcome:  # fmt: skip
    """Hold alerts against what really happened. `begins` says when an alert counts from, None for never.

    Only what begins within `part`, from when until before when, is counted.
    """
    ahead_s = setting.times.preventive_s
    by_pair: dict[Key, list[tuple[float, float]]] = defaultdict(list)
    counted = nuisance = unjudged = 0
    for one in said:
        start_s = begins(one)
        if start_s is None:
            continue
        by_pair[one.names].append((start_s, one.end_s))
        if not part[0] <= start_s < part[1]:
            continue
        counted += 1
        pair = pairs.get(one.names)
        worst = pair.worst(setting.minima, start_s - 5.0, one.end_s + ahead_s + AFTER_S) if pair else math.inf
        nuisance += worst > 2.0
        unjudged += worst > 2.0 and known.share(one.names, start_s, one.end_s + AFTER_S) < KNOWN_LEAST
    missed, warned = [], []
    real = [loss for loss in real if part[0] <= loss.start_s < part[1]]
    for loss in real:
        # An alert of this loss stands at its first second, or is raised while it lasts.
        of_it = [start for start, end in by_pair[loss.names] if start <= loss.end_s and end >= loss.start_s - 1.0]
        if not of_it:
            missed.append(loss)
        if loss.foreseeable:
            warned.append(loss.start_s - min(of_it) if of_it else -math.inf)
    return Outcome(counted, nuisance, unjudged, len(real), tuple(missed), tuple(max(-999.0, s) for s in warned))


HEAD = """| who | losses | alerted | foreseeable | warning, 5th percentile | median | alerts | nuisance | of judged |
|---|---|---|---|---|---|---|---|---|"""


def day_report(day: str, hours: tuple[int, int], say: Callable[[str], None], failures: list[str]) -> None:
    flights = flights_of(day, hours)
    known = KnownSeconds(flights)
    names = frozenset(flight.name for flight in flights)
    widest = max(setting.minima for setting in SETTINGS)
    pairs = {(min(key), max(key)): pair for key, pair in histories(flights, (2.0 * widest[0], 2.0 * widest[1])).items()}
    ours = [OurAlerts(setting, names) for setting in SETTINGS]
    peers = [PeerAlerts(setting) for setting in SETTINGS]
    took, looks, now_s = [0.0] * len(SETTINGS), 0, 0.0
    for now_s, tracks in Live(flights).seconds():
        looks += 1
        for k, (us, peer) in enumerate(zip(ours, peers, strict=True)):
            if can_matter(tracks, SETTINGS[k]) or us.has_open:
                begin = time.process_time()
                us.look(now_s, tracks)
                took[k] += time.process_time() - begin
                peer.look(now_s, tracks)
    say(f"\n**{day}**, {hours[0]} to {hours[1]} UTC: {len(flights)} flights, {looks:,} seconds with two or more aloft.")
    for k, setting in enumerate(SETTINGS):
        real = losses(pairs, setting.minima)
        our_said = ours[k].finish(now_s)
        any_level = judged(our_said, real, pairs, setting, lambda one: one.start_s, known)
        corrective = judged(our_said, real, pairs, setting, lambda one: one.corrective_s, known)
        peer_outcome = judged(peers[k].finish(), real, pairs, setting, lambda one: one.start_s, known)
        say(f"\n{setting.name} ({setting.meant_for}); {took[k]:.0f} CPU-seconds of ours for the day:\n\n{HEAD}")
        say(any_level.row("Détente, any level"))
        middle_s = float(np.median([loss.start_s for loss in real])) if real else 0.0
        for name, part in (("first", (-math.inf, middle_s)), ("second", (middle_s, math.inf))):
            of_part = judged(our_said, real, pairs, setting, lambda one: one.start_s, known, part)
            say(of_part.row(f"the same, {name} half of the losses"))
        say(corrective.row("Détente, corrective or warning"))
        say(peer_outcome.row("BlueSky StateBased"))
        for loss in any_level.missed:
            say(f"\nMissed: {' and '.join(loss.names)}, {loss.end_s - loss.start_s + 1:.0f} s inside.")
        if any_level.missed:
            failures.append(f"{day}, {setting.name}: {len(any_level.missed)} losses not alerted")
        if any_level.warned_s and np.percentile(any_level.warned_s, 5) < WARNING_WANTED_S:
            failures.append(f"{day}, {setting.name}: 5th percentile {np.percentile(any_level.warned_s, 5):.0f} s")
        if any_level.alerts and any_level.nuisance > NUISANCE_WANTED * any_level.alerts:
            failures.append(f"{day}, {setting.name}: nuisance {100 * any_level.nuisance / any_level.alerts:.0f} %")


def can_matter(tracks: list[Track], setting: Setting) -> bool:
    """Whether any two are near enough for either detector to find anything; seconds without are not looked at."""
    seconds = setting.times.preventive_s + 20.0
    for a, b in combinations(tracks, 2):
        reach_m = 2.5 * setting.minima[0] + (a.ground_speed_mps + b.ground_speed_mps) * seconds
        climb_m = 2.5 * setting.minima[1] + (abs(a.vertical_speed_mps) + abs(b.vertical_speed_mps)) * seconds
        north_m = (a.latitude_deg - b.latitude_deg) * 111_000.0
        east_m = (a.longitude_deg - b.longitude_deg) * 111_000.0 * math.cos(math.radians(a.latitude_deg))
        height_m = abs((a.pressure_altitude_m or 0.0) - (b.pressure_altitude_m or 0.0))
        if height_m <= climb_m and north_m * north_m + east_m * east_m <= reach_m * reach_m:
            return True
    return False


INTRODUCTION = """Real recorded traffic, mostly visual, flown through the watch second by second from the reports heard
before (no report of the future is used; velocities are as reported, turn and climb from the last reports). All pairs
are held apart. Losses are counted on the raw tracks by a program of its own. A loss is *foreseeable* when both flew
straight, were heard, and climbed evenly in the 65 s before. An alert is a *nuisance* when no approach inside twice the
minima came until a minute after its look-ahead; the last column leaves out those nuisances of which nobody can know,
because for most of the time until a minute after the alert no report says where both were. The peer is `cstatebased`
of bluesky-simulator 1.1.1 on the same tracks; what it finds within 15 s is one alert. Other programs ran {load:.1f}
deep when this began; no figure but CPU-seconds depends on it."""


def main() -> None:
    report = [INTRODUCTION.format(load=os.getloadavg()[0])]
    failures: list[str] = []

    def say(line: str) -> None:
        report.append(line)
        print(line, flush=True)

    parser = argparse.ArgumentParser(description="Alerts on recorded days.")
    parser.add_argument("--hours", default="0-24", help="hours of UTC to take of each day, like 18-22")
    parser.add_argument("--day", choices=DAYS, action="append", help="only this day")
    asked = parser.parse_args()
    first, _, last = asked.hours.partition("-")
    for day in asked.day or DAYS:
        day_report(day, (int(first), int(last)), say, failures)
    say(
        f"\nAims: no loss without an alert; 5th percentile of warning {WARNING_WANTED_S:.0f} s where foreseeable; "
        f"nuisance under {100 * NUISANCE_WANTED:.0f} %. "
        + ("All met." if not failures else "Missed: " + "; ".join(failures) + ".")
    )
    write_section("alerts", "\n".join(report))
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
