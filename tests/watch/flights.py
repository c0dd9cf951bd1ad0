"""Flights for the tests of the watch: from the recorded day that the demo carries, from the carried cases, and made."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyproj import Geod

from detente.watch.sighting import Sighting, SightingSource
from detente.watch.track import Track
from detente.watch.tracker import Tracker

CASES = Path(__file__).parents[1] / "data" / "track_cases"
GEOD = Geod(ellps="WGS84")
FOOT_M, KNOT_MPS = 0.3048, 1852.0 / 3600.0
START_S = 1_750_000_000.0


@cache
def recorded_day() -> list[dict[str, Any]]:
    """Reports of the recorded day over California (adsb.lol, ODbL 1.0), as carried for the demo."""
    with resources.as_file(resources.files("detente.rehearsal") / "data" / "adsb_california_20250601.parquet") as path:
        return pq.read_table(path).to_pylist()


def recorded(*names: str) -> list[Sighting]:
    """What the recorded day has of these addresses, or of flights by their flight_id."""
    found = []
    for row in recorded_day():
        if row["icao24"] in names or row["flight_id"] in names:
            kind, at_s = str(row["source_type"] or ""), row["timestamp"].timestamp()
            is_tisb = kind.startswith("tisb") or row["icao24"].startswith("~")
            one = Sighting(
                "recorded",
                SightingSource.TISB if is_tisb else SightingSource.ADSB,
                at_s,
                at_s,
                row["latitude"],
                row["longitude"],
                address=row["icao24"],
                callsign=row["callsign"] or "",
                on_ground=bool(row["onground"]),
                pressure_altitude_m=None if row["altitude"] is None else row["altitude"] * FOOT_M,
                ground_speed_mps=None if row["groundspeed"] is None else row["groundspeed"] * KNOT_MPS,
                track_deg=row["track"],
            )
            found.append(one)
    return found


def case(name: str) -> list[Sighting]:
    """A carried case: timestamp, icao24, latitude, longitude, altitude in feet."""
    with (CASES / name).open() as file:
        return [
            Sighting(
                "case",
                SightingSource.TISB if row["icao24"].startswith("~") else SightingSource.ADSB,
                at_s,
                at_s,
                float(row["latitude"]),
                float(row["longitude"]),
                address=row["icao24"],
                callsign=row.get("callsign", ""),
                pressure_altitude_m=float(row["altitude"]) * FOOT_M,
            )
            for row in csv.DictReader(file)
            for at_s in [datetime.fromisoformat(row["timestamp"]).timestamp()]
        ]


def flight(
    address: str = "",
    *,
    feed: str = "adsb",
    source: SightingSource = SightingSource.ADSB,
    latitude: float = 50.0,
    longitude: float = 8.0,
    speed: float = 200.0,
    track: float = 90.0,
    height: float | None = 3_000.0,
    turn: float = 0.0,
    begin: float = 0.0,
    seconds: float = 30.0,
    every: float = 1.0,
    velocity: bool = True,
    **other: Any,
) -> list[Sighting]:
    """A flight at one speed along geodesics, turning by `turn` degrees a second; it is at its start at START_S."""
    found, at, course = [], 0.0, track
    step = 0.25
    while at < begin + seconds:
        if at >= begin and abs((at - begin) / every - round((at - begin) / every)) < 1e-9:
            found.append(
                Sighting(
                    feed,
                    source,
                    START_S + at,
                    START_S + at,
                    latitude,
                    longitude,
                    address=address,
                    pressure_altitude_m=height,
                    ground_speed_mps=speed if velocity else None,
                    track_deg=course % 360.0 if velocity else None,
                    **other,
                )
            )
        longitude, latitude, back = GEOD.fwd(longitude, latitude, course, speed * step)
        course = back + 180.0 + turn * step
        at += step
    return found


def watched(
    *flights: Iterable[Sighting], tracker: Tracker | None = None, beyond: float = 0.0
) -> Iterator[tuple[float, list[Track]]]:
    """Each second of these flights with the tracks that are shown at its end, and some seconds beyond."""
    tracker = tracker or Tracker()
    sightings = sorted((one for each in flights for one in each), key=lambda one: one.received_s)
    now_s, last_s, place = math.floor(sightings[0].received_s) + 1.0, sightings[-1].received_s + beyond, 0
    while now_s <= last_s + 1.0:
        heard = []
        while place < len(sightings) and sightings[place].received_s < now_s:
            heard.append(sightings[place])
            place += 1
        tracker.take(heard, now_s)
        yield now_s, tracker.tracks(now_s)
        now_s += 1.0


def at_end(*flights: Iterable[Sighting], tracker: Tracker | None = None, beyond: float = 0.0) -> list[Track]:
    """The tracks shown when all was heard."""
    *_, (_, tracks) = watched(*flights, tracker=tracker, beyond=beyond)
    return tracks


def distance_m(track: Track, sighting: Sighting) -> float:
    """From a track to where a sighting says that an aircraft is."""
    return float(GEOD.inv(track.longitude_deg, track.latitude_deg, sighting.longitude_deg, sighting.latitude_deg)[2])
