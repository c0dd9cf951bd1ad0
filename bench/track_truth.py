"""What `make bench-tracks` flies: recorded days with the truth smoothed from them, and a raid made from a seed."""

from __future__ import annotations

import itertools
import math
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from detente.airspace.arrays import Floats
from detente.watch.sighting import Sighting, SightingSource

SHARED = Path(os.environ.get("DETENTE_SHARED", Path(__file__).resolve().parents[2] / "shared"))
FOOT_M, KNOT_MPS = 0.3048, 1852.0 / 3600.0
NACP_M = {
    11: 3.0,
    10: 10.0,
    9: 30.0,
    8: 92.6,
    7: 185.2,
    6: 555.6,
    5: 926.0,
    4: 1852.0,
    3: 3704.0,
    2: 7408.0,
    1: 18520.0,
}
"""95 % of horizontal errors by NACp, RTCA DO-260B."""
NIC_M = {
    11: 7.5,
    10: 25.0,
    9: 75.0,
    8: 185.2,
    7: 370.4,
    6: 1111.2,
    5: 1852.0,
    4: 3704.0,
    3: 7408.0,
    2: 14816.0,
    1: 37040.0,
}
GAP_S = 20.0
"""Truth is interpolated between reports that lie no further apart."""
SMOOTHED_S = 12.0
GHOST_M = 1_000.0
METRES_PER_DEGREE = 111_200.0


@dataclass(frozen=True, eq=False)
class Scene:
    """Sightings in the order they are heard, and where each aircraft really is at the times that are judged.

    `truth` has for each aircraft rows of time, east and north in metres of the scene's plane.
    """

    name: str
    sightings: list[Sighting]
    truth: dict[str, Floats]
    centre: tuple[float, float]

    def plane(self, latitude_deg: float, longitude_deg: float) -> tuple[float, float]:
        """East and north of a place, metres."""
        north = (latitude_deg - self.centre[0]) * METRES_PER_DEGREE
        return (longitude_deg - self.centre[1]) * METRES_PER_DEGREE * math.cos(math.radians(self.centre[0])), north

    def place(self, east: float, north: float) -> tuple[float, float]:
        """Latitude and longitude of a place of the plane, degrees."""
        longitude = self.centre[1] + east / METRES_PER_DEGREE / math.cos(math.radians(self.centre[0]))
        return self.centre[0] + north / METRES_PER_DEGREE, longitude


def recorded(folder: str) -> Scene:
    """A recorded day as one feed, each report heard when it is stamped."""
    rows = pq.read_table(SHARED / "data" / folder / f"{folder}.parquet").to_pylist()
    sightings = [sighting_of(row) for row in rows]
    middle = (
        float(np.median([one.latitude_deg for one in sightings])),
        float(np.median([one.longitude_deg for one in sightings])),
    )
    scene = Scene(folder, sightings, {}, middle)
    flights: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for row, one in zip(rows, sightings, strict=True):
        flights[row["flight_id"]].append((one.at_s, *scene.plane(one.latitude_deg, one.longitude_deg)))
    smooth = {name: smoothed(np.array(points)) for name, points in flights.items()}
    own = {name: path for name, path in smooth.items() if not name.startswith("~")}
    scene.truth.update({name: path for name, path in own.items() if len(path)})
    scene.truth.update({n: p for n, p in smooth.items() if n not in own and len(p) and not is_ghost(p, own)})
    return scene


def sighting_of(row: dict[str, Any]) -> Sighting:
    kind = str(row["source_type"] or "")
    source = (
        SightingSource.TISB if kind.startswith("tisb") or str(row["icao24"]).startswith("~") else SightingSource.ADSB
    )
    source = SightingSource.ADSR if kind.startswith("adsr") else SightingSource.MLAT if kind == "mlat" else source
    at_s = row["timestamp"].timestamp()

    def scaled(field: str, unit: float) -> float | None:
        return None if row[field] is None else float(row[field]) * unit

    return Sighting(
        "recorded",
        source,
        at_s,
        at_s,
        float(row["latitude"]),
        float(row["longitude"]),
        address=str(row["icao24"]),
        callsign=str(row["callsign"] or ""),
        category=str(row["category"] or ""),
        pressure_altitude_m=scaled("altitude", FOOT_M),
        geometric_altitude_m=scaled("altitude_geom", FOOT_M),
        ground_speed_mps=scaled("groundspeed", KNOT_MPS),
        track_deg=scaled("track", 1.0),
        vertical_speed_mps=scaled("vertical_rate", FOOT_M / 60.0),
        on_ground=bool(row["onground"]),
        horizontal_error_m=NACP_M.get(int(row["nac_p"] or 0)),
        integrity_m=NIC_M.get(int(row["nic"] or 0)),
    )


def smoothed(points: Floats) -> Floats:
    """Rows of time, east, north at every whole 10 s between reports near enough: a local quadratic, outliers out."""
    _, first = np.unique(points[:, 0], return_index=True)
    points = points[first]
    found = []
    for at in np.arange(math.ceil(points[0, 0] / 10.0) * 10.0, points[-1, 0] + 0.1, 10.0):
        after = int(np.searchsorted(points[:, 0], at))
        if after == 0 or points[after, 0] - points[after - 1, 0] > GAP_S:
            continue
        near = points[np.abs(points[:, 0] - at) <= SMOOTHED_S]
        if len(near) < 3:
            near = points[max(0, after - 2) : after + 2]
        degree = 2 if len(near) >= 5 else 1
        for _ in range(2):
            fit = np.polyfit(near[:, 0] - at, near[:, 1:], min(degree, len(near) - 1))
            after_s = (near[:, 0] - at)[:, None]
            fitted = sum(fit[-1 - k] * after_s**k for k in range(len(fit)))
            off = np.linalg.norm(fitted - near[:, 1:], axis=1)
            good = off <= max(100.0, 3.0 * float(np.median(off)))
            if good.all() or good.sum() < 3:
                break
            near = near[good]
        found.append((at, fit[-1, 0], fit[-1, 1]))
    return np.array(found).reshape(-1, 3)


def is_ghost(path: Floats, own: dict[str, Floats]) -> bool:
    """Whether a path without an ICAO address is another's, as most of its times have one of those near."""
    close = np.zeros(len(path), bool)
    for other in own.values():
        _, here, there = np.intersect1d(path[:, 0], other[:, 0], return_indices=True)
        close[here] |= np.hypot(*(path[here, 1:] - other[there, 1:]).T) < GHOST_M
    return bool(close.mean() > 0.5)


def with_radar(scene: Scene, seed: int = 14) -> Scene:
    """The same with a simulated radar: every 4 s, 90 % detected, 100 m of noise each way, no names, 0.5 s late."""
    chance = np.random.default_rng(seed)
    plots = []
    for path in scene.truth.values():
        for (at, east, north), (later, *there) in itertools.pairwise(path):
            if later - at > GAP_S:
                continue
            for step in np.arange(0.0, later - at, 4.0):
                if chance.random() < 0.9:
                    share = step / (later - at)
                    place = np.array([east, north]) * (1 - share) + np.array(there) * share + chance.normal(0, 100.0, 2)
                    plots.append(radar_plot(scene, at + step, *place))
    sightings = sorted([*scene.sightings, *plots], key=lambda one: one.received_s)
    return Scene(f"{scene.name}, and a radar", sightings, scene.truth, scene.centre)


def radar_plot(scene: Scene, at_s: float, east: float, north: float, height_m: float | None = None) -> Sighting:
    latitude, longitude = scene.place(east, north)
    return Sighting(
        "radar",
        SightingSource.RADAR,
        at_s,
        at_s + 0.5,
        latitude,
        longitude,
        pressure_altitude_m=height_m,
        horizontal_error_m=245.0,
    )


def raid(aircraft: int, seconds: int, side_m: float, seed: int = 14) -> Scene:
    """Aircraft that cross a square in bursts, a third of them turning: ADS-B from 70 % of them, a radar sees all.

    ADS-B: once a second, 30 m of noise in all, a fifth of the messages lost, and every aircraft silent for 15 s at one
    time. Radar: every 4 s, 90 % detected, 100 m of noise each way, no names, and 100 false plots a turn.
    """
    chance = np.random.default_rng(seed)
    scene = Scene(f"raid of {aircraft:,}", [], {}, (50.0, 8.0))
    place = chance.uniform(0.0, side_m, (aircraft, 2))
    speed, course = chance.uniform(120.0, 260.0, aircraft), chance.uniform(0.0, 2.0 * math.pi, aircraft)
    height = chance.integers(10, 120, aircraft) * 100.0
    rate = np.where(
        chance.random(aircraft) < 0.33, chance.choice([-1, 1], aircraft) * chance.uniform(0.01, 0.05, aircraft), 0.0
    )
    begins, equipped = chance.uniform(0.0, seconds, aircraft), chance.random(aircraft) < 0.7
    silent, phase = chance.uniform(0.0, seconds, aircraft), chance.random((aircraft, 2))
    paths: list[list[tuple[float, float, float]]] = [[] for _ in range(aircraft)]
    for second in range(seconds):
        turning = (second > begins) & (second < begins + 40.0)
        course = course + np.where(turning, rate, 0.0)
        step = np.stack([np.sin(course), np.cos(course)], 1) * speed[:, None]
        lost = (chance.random(aircraft) < 0.2) | ((second >= silent) & (second < silent + 15.0))
        noise, plot_noise = chance.normal(0.0, 12.0, (aircraft, 2)), chance.normal(0.0, 100.0, (aircraft, 2))
        seen = (second % 4 == (phase[:, 1] * 4).astype(int)) & (chance.random(aircraft) < 0.9)
        for k in range(aircraft):
            paths[k].append((float(second), place[k, 0], place[k, 1]))
            if equipped[k] and not lost[k]:
                at = place[k] + step[k] * phase[k, 0] + noise[k]
                latitude, longitude = scene.place(*at)
                when = second + phase[k, 0]
                scene.sightings.append(
                    Sighting(
                        "adsb",
                        SightingSource.ADSB,
                        when,
                        when + 0.1,
                        latitude,
                        longitude,
                        address=f"{k + 1:06x}",
                        pressure_altitude_m=height[k],
                        ground_speed_mps=float(speed[k]),
                        track_deg=math.degrees(course[k]) % 360.0,
                        horizontal_error_m=30.0,
                        velocity_error_mps=3.0,
                    )
                )
            if seen[k]:
                at = place[k] + step[k] * phase[k, 1] + plot_noise[k]
                scene.sightings.append(radar_plot(scene, second + phase[k, 1], at[0], at[1], height[k]))
        for _ in range(25):
            at = chance.uniform(0.0, side_m, 2)
            scene.sightings.append(
                radar_plot(scene, second + chance.random(), at[0], at[1], float(chance.integers(10, 120) * 100))
            )
        place = place + step
    scene.truth.update({f"{k + 1:06x}": np.array(path) for k, path in enumerate(paths)})
    scene.sightings.sort(key=lambda one: one.received_s)
    return scene


def by_second(sightings: list[Sighting]) -> Iterator[tuple[float, list[Sighting]]]:
    """The sightings heard in each second, and the second's end; seconds without any are left out."""
    batch: list[Sighting] = []
    end = 0.0
    for one in sightings:
        if batch and one.received_s >= end:
            yield end, batch
            batch = []
        if not batch:
            end = math.floor(one.received_s) + 1.0
        batch.append(one)
    if batch:
        yield end, batch
