"""Tracks against the truth, judged by Stone Soup: SIAP and GOSPA for recorded days and a raid; make bench-tracks.

Beside Détente's tracker a plain one (`tracks_peer.py`), in the same run on the same sightings. Both are given what was
heard each second; every 10 s (in the raid every 4 s) what they show is held against where the aircraft are. A track
that was not heard for 10 s is left out for both, as no picture would show it as live. DETENTE_SHARED names the folder
with the recorded days.
"""

from __future__ import annotations

import math
import os
import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from stonesoup.dataassociator.tracktotrack import TrackToTruth
from stonesoup.measures import Euclidean
from stonesoup.metricgenerator.manager import MultiManager
from stonesoup.metricgenerator.ospametric import GOSPAMetric
from stonesoup.metricgenerator.tracktotruthmetrics import SIAPMetrics
from stonesoup.types.groundtruth import GroundTruthPath, GroundTruthState
from stonesoup.types.state import State
from stonesoup.types.track import Track as JudgedTrack

from detente.watch.sighting import Sighting, SightingSource
from detente.watch.track import TrackDoubt
from detente.watch.tracker import Tracker
from results import write_section
from track_truth import Scene, by_second, raid, recorded, with_radar
from tracks_peer import PlainTracker

NEAR_M = 1_000.0
"""A track further from every aircraft is spurious; also the cut-off of GOSPA (p = 2)."""
COASTED_S = 10.0
RAID, RAID_SECONDS, RAID_SIDE_M = 5_000, 120, 300_000.0
PATCH_M = 40_000.0
LOADED = 10_000
Shown = dict[float, list[tuple[str, float, float]]]
"""At each judged time the name, east and north (metres) of every track."""


def run_ours(scene: Scene, every: float, begin: float) -> tuple[Shown, float, float]:
    """What our tracker shows, its seconds of the processor for each second, and the longest of them."""
    tracker, shown, costs = Tracker(), Shown(), []
    due = math.ceil(begin / every) * every
    for now_s, heard in by_second(scene.sightings):
        while due <= now_s - 1.0:
            shown[due] = []
            for track in tracker.tracks(due):
                if TrackDoubt.COASTED not in track.doubts:
                    shown[due].append((track.track_id, *scene.plane(track.latitude_deg, track.longitude_deg)))
            due += every
        before = time.process_time()
        tracker.take(heard, now_s)
        tracker.tracks(now_s)
        costs.append(time.process_time() - before)
    return shown, statistics.fmean(costs), max(costs)


def run_plain(scene: Scene, every: float, begin: float) -> tuple[Shown, float, float]:
    """What the plain tracker shows, its seconds of the processor for each second, and the longest of them."""
    tracker, shown, costs = PlainTracker(), Shown(), []
    due = math.ceil(begin / every) * every
    for now_s, heard in by_second(scene.sightings):
        while due <= now_s - 1.0:
            shown[due] = [
                (str(track.number), *scene.plane(*track.at(due)))
                for track in tracker.shown()
                if due - track.at_s <= COASTED_S
            ]
            due += every
        before = time.process_time()
        tracker.take(heard, now_s)
        tracker.shown()
        costs.append(time.process_time() - before)
    return shown, statistics.fmean(costs), max(costs)


def judged(shown: Shown, truth: dict[str, Any], begin: float, end: float) -> dict[str, float]:
    """Stone Soup's SIAP and GOSPA for one stretch of time, and the counts that weigh it among others."""

    def moment(at: float) -> datetime:
        return datetime(2025, 1, 1, tzinfo=UTC).replace(tzinfo=None) + timedelta(seconds=round(at - begin, 3))

    # Stone Soup wants a state at every step between the first and the last: what comes back after a gap is put apart.
    runs: list[list[tuple[float, float, float]]] = []
    open_runs: dict[str, list[tuple[float, float, float]]] = {}
    for at in sorted(at for at in shown if begin <= at < end):
        before, open_runs = open_runs, {}
        for name, east, north in shown[at]:
            if name not in before:
                runs.append([])
            open_runs[name] = before.get(name, runs[-1])
            open_runs[name].append((at, east, north))
    tracks = {JudgedTrack([State([[e], [n]], timestamp=moment(at)) for at, e, n in path]) for path in runs}
    truths = {
        GroundTruthPath([GroundTruthState([[e], [n]], timestamp=moment(at)) for at, e, n in rows])
        for path in truth.values()
        if len(rows := path[(path[:, 0] >= begin) & (path[:, 0] < end) & np.isin(path[:, 0], list(shown))])
    }
    if not tracks or not truths:
        return {}
    near = Euclidean()
    siap = SIAPMetrics(
        position_measure=near, velocity_measure=near, generator_name="siap", tracks_key="tracks", truths_key="truths"
    )
    gospa = GOSPAMetric(p=2, c=NEAR_M, generator_name="gospa", tracks_key="tracks", truths_key="truths")
    manager = MultiManager(
        [siap, gospa], TrackToTruth(association_threshold=NEAR_M, consec_pairs_confirm=2, consec_misses_end=1)
    )
    manager.add_data({"tracks": tracks, "truths": truths})
    metrics = manager.generate_metrics()
    values = {name: metric.value for name, metric in metrics["siap"].items() if not name.endswith("at times")}
    steps = metrics["gospa"]["GOSPA Metrics"].value
    steps = [one.value for one in steps] if isinstance(steps, list) else [steps]
    truth_states = sum(len(path) for path in truths)
    return {
        "completeness": values["SIAP Completeness"], "ambiguity": values["SIAP Ambiguity"],
        "spuriousness": values["SIAP Spuriousness"], "error": values["SIAP Position Accuracy"],
        "changes": values["SIAP Rate of Track Number Change"],
        "gospa": sum(float(step["distance"]) for step in steps), "missed": sum(float(step["missed"]) for step in steps),
        "false": sum(float(step["false"]) for step in steps), "steps": len(steps), "truths": truth_states,
        "tracks": sum(len(path) for path in tracks),
    }  # fmt: skip


def together(parts: list[dict[str, float]]) -> dict[str, float]:
    """The figures of several stretches as one: each ratio weighed by what it is a ratio of."""
    parts = [part for part in parts if part]
    truths = sum(part["truths"] for part in parts)
    followed = [part["truths"] * part["completeness"] for part in parts]
    assigned = [part["ambiguity"] * seen for part, seen in zip(parts, followed, strict=True)]
    tracks, steps = sum(part["tracks"] for part in parts), sum(part["steps"] for part in parts)
    return {
        "completeness": sum(followed) / truths,
        "ambiguity": sum(assigned) / sum(followed),
        "spuriousness": sum(part["spuriousness"] * part["tracks"] for part in parts) / tracks,
        "error": sum(part["error"] * a for part, a in zip(parts, assigned, strict=True)) / sum(assigned),
        "changes": 3_600.0
        * sum(part["changes"] * seen for part, seen in zip(parts, followed, strict=True))
        / sum(followed),
        "gospa": sum(part["gospa"] for part in parts) / steps,
        "missed": sum(part["missed"] for part in parts) / steps / (NEAR_M**2 / 2.0),
        "false": sum(part["false"] for part in parts) / steps / (NEAR_M**2 / 2.0),
    }


def row(name: str, figures: dict[str, float], mean_s: float, most_s: float) -> str:
    line = (
        f"| {name} | {figures['completeness']:.4f} | {figures['ambiguity']:.4f} | {figures['spuriousness']:.4f} "
        f"| {figures['error']:.0f} | {figures['changes']:.2f} | {figures['gospa']:.0f} | {figures['missed']:.3f} "
        f"| {figures['false']:.3f} | {1000 * mean_s:.0f}, {1000 * most_s:.0f} |"
    )
    print(line, flush=True)
    return line


Runner = Callable[[Scene, float, float], tuple[Shown, float, float]]
RUNNERS: tuple[tuple[str, Runner], ...] = (("Détente", run_ours), ("plain", run_plain))


def day(scene: Scene) -> list[str]:
    rows = []
    for name, runner in RUNNERS:
        shown, mean_s, most_s = runner(scene, 10.0, scene.sightings[0].at_s)
        hours = np.arange(math.floor(min(shown) / 3600.0) * 3600.0, max(shown) + 1.0, 3600.0)
        parts = [judged(shown, scene.truth, hour, hour + 3600.0) for hour in hours]
        rows.append(row(f"{scene.name}: {name}", together(parts), mean_s, most_s))
    return rows


def crowd() -> list[str]:
    scene = raid(RAID, RAID_SECONDS, RAID_SIDE_M)
    middle = scene.plane(*scene.place(RAID_SIDE_M / 2.0, RAID_SIDE_M / 2.0))[0]
    low, high = middle - PATCH_M / 2.0, middle + PATCH_M / 2.0
    truth = {}
    for name, path in scene.truth.items():
        inside = ((path[:, 1:] >= low) & (path[:, 1:] < high)).all(axis=1)
        if inside.any():
            truth[name] = path[inside]
    rows = []
    for name, runner in RUNNERS:
        shown, mean_s, most_s = runner(scene, 4.0, RAID_SECONDS / 2.0)
        patch = {
            at: [one for one in tracks if low <= one[1] < high and low <= one[2] < high] for at, tracks in shown.items()
        }
        figures = together([judged(patch, truth, RAID_SECONDS / 2.0, float(RAID_SECONDS))])
        rows.append(row(f"{scene.name}: {name}", figures, mean_s, most_s))
    return rows


def load() -> tuple[float, float, float]:
    """Seconds of the processor for one second of LOADED live tracks: taking in, and showing; the worst of both."""
    chance = random.Random(14)
    flights = [
        (
            chance.uniform(45.0, 55.0),
            chance.uniform(0.0, 15.0),
            chance.uniform(100.0, 250.0),
            chance.uniform(0.0, 360.0),
        )
        for _ in range(LOADED)
    ]
    tracker = Tracker()
    taking, showing = [], []
    for second in range(20):
        heard = []
        for k, (latitude, longitude, speed, course) in enumerate(flights):
            at, bearing = second + (k % 1000) / 1000.0, math.radians(course)
            north = latitude + speed * at * math.cos(bearing) / 111_200.0
            east = longitude + speed * at * math.sin(bearing) / 111_200.0 / math.cos(math.radians(latitude))
            heard.append(Sighting("adsb", SightingSource.ADSB, at, at, north, east,
                                  address=f"{k + 1:06x}", callsign=f"C{k}",
                                  pressure_altitude_m=9_000.0, ground_speed_mps=speed, track_deg=course))  # fmt: skip
        before = time.process_time()
        tracker.take(heard, second + 1.0)
        between = time.process_time()
        shown = tracker.tracks(second + 1.0)
        if second >= 5:
            assert len(shown) == LOADED
            taking.append(between - before)
            showing.append(time.process_time() - between)
    return (
        statistics.median(taking),
        statistics.median(showing),
        max(a + b for a, b in zip(taking, showing, strict=True)),
    )


def main() -> None:
    taking, showing, most = load()
    print(f"{LOADED} tracks: {taking:.3f} s, {showing:.3f} s, {most:.3f} s", flush=True)
    rows = crowd()
    for folder in ("adsb_kwvi_20251213", "adsb_california_20250601"):
        scene = recorded(folder)
        rows += day(scene)
        rows += day(with_radar(scene))
    table = "\n".join(rows)
    write_section(
        "tracks",
        f"""
{LOADED:,} live tracks with one sighting each a second: **{taking:.2f} s** of one core to take them in and
**{showing:.2f} s** to show all, median of 15 seconds; the worst second took {most:.2f} s. Other programs ran
{os.getloadavg()[0]:.0f} deep beside it: a busy machine makes these figures larger.

SIAP and GOSPA are computed by Stone Soup (`TrackToTruth` with a threshold of {NEAR_M:,.0f} m, two steps to begin and
one to end; GOSPA with p = 2 and a cut-off of {NEAR_M:,.0f} m, so that one missed aircraft alone is
{NEAR_M / 2**0.5:,.0f} m). Completeness 1, ambiguity 1 and spuriousness 0 are perfect; error is how far an assigned
track is from its aircraft in the mean; changes are those of the track in an hour of flight, where one that comes back
after a gap counts as another; missed and false are aircraft and tracks at one time in the mean. The last column is the
tracker's own time for a second with sightings, mean and most.

| | completeness | ambiguity | spuriousness | error, m | changes/h | GOSPA, m | missed | false | ms |
|---|---|---|---|---|---|---|---|---|---|
{table}

- A track not heard for {COASTED_S:.0f} s is left out, for both trackers. The plain one keeps one track for each
  address, and the nearest within 1 km for what has none; it does not filter.
- The truth of a recorded day is smoothed from the reports themselves (a quadratic over 24 s), where they are no more
  than 20 s apart: it has no aircraft where only a track is heard that is another's ghost, and it cannot show errors
  that the reports share. A report is stamped in whole seconds there, which alone is some 30 m at 60 m/s.
- The radar beside a recorded day is simulated from that truth: every 4 s, 90 % detected, 100 m of noise each way, no
  names, no heights.
- The raid: {RAID:,} aircraft over {RAID_SIDE_M / 1000:.0f} by {RAID_SIDE_M / 1000:.0f} km for {RAID_SECONDS} s, a third
  of them turning; ADS-B from 70 % of them with a fifth of the messages lost and 15 s of silence each; a radar without
  names sees all, and 100 false plots a turn. All of it is tracked; Stone Soup compares every pair in Python, so it
  judges the middle {PATCH_M / 1000:.0f} km square in the second minute.
""",
    )


if __name__ == "__main__":
    main()
