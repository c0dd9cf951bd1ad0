"""Recorded days for the bench of alerts: what is live at each second, and every loss of separation on the raw tracks.

The first is causal: a track at a time is made of reports heard before it. The second is a program of its own, which
shares nothing with what it judges: straight lines between reports, distances on a sphere, all pairs each second.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from detente.watch.track import Track, TrackDoubt

Floats = NDArray[np.float64]
FOOT_M, KNOT_MPS, RADIUS_M = 0.3048, 1852.0 / 3600.0, 6_371_000.0
COASTS_S = 25.0
"""A track is coasted so long after its last report; then it is gone."""
LONGEST_GAP_S = 30.0
"""Between two reports farther apart nobody knows where an aircraft was: no loss is counted there."""
UNKNOWN_MPS = 300.0
"""The error of a velocity that nobody has reported."""
SLOPE_S = 12.0
"""Vertical speed and turn are the slope over so long before."""
LEAST_SLOPE_S, LEAST_TURN_S = 6.0, 2.0
"""Heights come in steps of 25 or 100 feet, courses in degrees: over a shorter time a step would be a steep climb."""


@dataclass(frozen=True)
class Flight:
    """One flight's reports with a height, in time; arrays of shape [reports]. SI units, degrees for angles.

    `moves` says where a velocity is known: a first report may have none.
    """

    name: str
    time_s: Floats
    latitude: Floats
    longitude: Floats
    height_m: Floats
    speed_mps: Floats
    track_deg: Floats
    climb_mps: Floats
    turn_deg_s: Floats
    moves: NDArray[np.bool_]


def folder(day: str) -> Path:
    """Where a day's data are: in DETENTE_SHARED, or in `shared` beside the clone."""
    return Path(os.environ.get("DETENTE_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data" / day


def flights_of(day: str, hours: tuple[int, int] = (0, 24)) -> list[Flight]:
    """The flights of a recorded day, or of some hours of it, that have two reports with a height in the air."""
    columns = ["timestamp", "flight_id", "latitude", "longitude", "altitude", "groundspeed", "track", "onground"]
    table = pq.read_table(folder(day) / f"{day}.parquet", columns=columns)
    values = {name: table[name].to_numpy(zero_copy_only=False) for name in columns}
    time_s = values["timestamp"].astype("datetime64[us]").astype(np.int64) / 1e6
    hour = time_s % 86_400.0 / 3_600.0
    aloft = (hour >= hours[0]) & (hour < hours[1])
    aloft &= ~values["onground"].astype(bool) & np.isfinite(values["altitude"].astype(np.float64))
    flights = []
    for name in sorted(set(values["flight_id"].tolist())):
        rows = np.flatnonzero(aloft & (values["flight_id"] == name))
        rows = rows[np.unique(time_s[rows], return_index=True)[1]]
        if len(rows) > 1:
            columns_of = [values[key][rows].astype(np.float64) for key in ("latitude", "longitude", "altitude")]
            velocity = values["groundspeed"][rows], values["track"][rows]
            flights.append(_flight(str(name), time_s[rows], columns_of, *velocity))
    return flights


def _flight(name: str, time_s: Floats, columns: list[Floats], knots: Floats, degrees: Floats) -> Flight:
    latitude, longitude, feet = columns
    height = feet * FOOT_M
    # A speed of 0 without a track is no velocity: receivers write it where they have none.
    knots = np.where((knots == 0.0) & ~np.isfinite(degrees), math.nan, knots)
    # Where a report has no velocity, that of the way since the one before stands in; the first has none.
    north, east = np.full(len(time_s), math.nan), np.full(len(time_s), math.nan)
    north[1:] = np.diff(latitude) / np.diff(time_s) * math.radians(1.0) * RADIUS_M
    east[1:] = np.diff(longitude) / np.diff(time_s) * math.radians(1.0) * RADIUS_M * np.cos(np.radians(latitude[1:]))
    speed = np.where(np.isfinite(knots), knots * KNOT_MPS, np.minimum(np.hypot(east, north), 350.0))
    track = np.where(np.isfinite(degrees), degrees, np.degrees(np.arctan2(east, north)) % 360.0)
    moves = np.isfinite(speed) & np.isfinite(track)
    if not moves[0]:
        speed[0], track[0] = 0.0, track[1]
    turned = np.unwrap(np.radians(track))
    climb, turn = np.zeros(len(time_s)), np.zeros(len(time_s))
    for k in range(1, len(time_s)):
        back = int(np.searchsorted(time_s[: k + 1], time_s[k] - SLOPE_S))
        back = min(back, k - 1)
        gap = time_s[k] - time_s[back]
        if gap <= 2.0 * SLOPE_S:
            climb[k] = (height[k] - height[back]) / max(gap, LEAST_SLOPE_S)
            turn[k] = math.degrees(turned[k] - turned[k - 1]) / max(time_s[k] - time_s[k - 1], LEAST_TURN_S)
    return Flight(
        name, time_s, latitude, longitude, height, speed, track, np.clip(climb, -40.0, 40.0), np.clip(turn, -6.0, 6.0),
        moves,
    )  # fmt: skip


class Live:
    """What is live at each second: every flight's last report, carried on straight for as long as it is coasted."""

    def __init__(self, flights: list[Flight]) -> None:
        self.flights = flights
        self.start_s = math.floor(min(f.time_s[0] for f in flights))
        self.end_s = math.ceil(max(f.time_s[-1] for f in flights)) + COASTS_S
        self._next = [0] * len(flights)

    def seconds(self) -> Iterator[tuple[float, list[Track]]]:
        """Each second with at least two aircraft, and the tracks at it."""
        order = sorted(range(len(self.flights)), key=lambda k: self.flights[k].time_s[0])
        waiting, live, now_s = 0, [], self.start_s
        while now_s <= self.end_s:
            while waiting < len(order) and self.flights[order[waiting]].time_s[0] <= now_s:
                live.append(order[waiting])
                waiting += 1
            live = [k for k in live if self.flights[k].time_s[-1] + COASTS_S >= now_s]
            tracks = [one for k in live if (one := self._at(k, now_s)) is not None]
            if len(tracks) > 1:
                yield float(now_s), tracks
            now_s += 1

    def _at(self, k: int, now_s: float) -> Track | None:
        flight = self.flights[k]
        row = self._next[k]
        while row + 1 < len(flight.time_s) and flight.time_s[row + 1] <= now_s:
            row += 1
        self._next[k] = row
        age = now_s - flight.time_s[row]
        if age > COASTS_S:
            return None
        course = math.radians(flight.track_deg[row] + 0.5 * flight.turn_deg_s[row] * age)
        far = flight.speed_mps[row] * age / RADIUS_M
        latitude = flight.latitude[row] + math.degrees(far * math.cos(course))
        doubts = [TrackDoubt.MAYBE_GHOST] if flight.name.startswith("~") else []
        doubts += [TrackDoubt.COASTED] if age > 10.0 else []
        return Track(
            flight.name, now_s, float(flight.time_s[row]), float(latitude),
            float(flight.longitude[row] + math.degrees(far * math.sin(course)) / math.cos(math.radians(latitude))),
            float(flight.speed_mps[row]), float((flight.track_deg[row] + flight.turn_deg_s[row] * age) % 360.0),
            float(flight.climb_mps[row]), float(flight.turn_deg_s[row]), 30.0 + 2.0 * age, 15.0,
            2.0 if flight.moves[row] else UNKNOWN_MPS,
            float(flight.height_m[row] + flight.climb_mps[row] * age), addresses=(flight.name,), doubts=tuple(doubts),
        )  # fmt: skip


@dataclass(frozen=True)
class PairHistory:
    """Two flights at every second at which both are known: seconds, metres apart, and metres of height between."""

    first: Flight
    second: Flight
    time_s: Floats
    apart_m: Floats
    height_m: Floats

    def worst(self, minima: tuple[float, float], start_s: float, end_s: float) -> float:
        """The smallest, within a time, of the larger of both distances as a share of its minimum."""
        within = (self.time_s >= start_s) & (self.time_s <= end_s)
        shares = np.maximum(self.apart_m[within] / minima[0], self.height_m[within] / minima[1])
        return float(shares.min(initial=math.inf))


def histories(flights: list[Flight], widest: tuple[float, float]) -> dict[tuple[str, str], PairHistory]:
    """The history of every pair that comes within `widest` (metres apart, metres of height), by both names in order."""
    sampled = [_sampled(flight) for flight in flights]
    found = {}
    for i, first in enumerate(flights):
        for j in range(i + 1, len(flights)):
            second = flights[j]
            if first.time_s[-1] < second.time_s[0] or second.time_s[-1] < first.time_s[0]:
                continue
            common, a, b = np.intersect1d(sampled[i][0], sampled[j][0], assume_unique=True, return_indices=True)
            if not len(common):
                continue
            here, there = sampled[i][1][:, a], sampled[j][1][:, b]
            phi = np.radians(0.5 * (here[0] + there[0]))
            apart = RADIUS_M * np.hypot(np.radians(here[0] - there[0]), np.radians(here[1] - there[1]) * np.cos(phi))
            height = np.abs(here[2] - there[2])
            if ((apart <= widest[0]) & (height <= widest[1])).any():
                found[first.name, second.name] = PairHistory(first, second, common.astype(np.float64), apart, height)
    return found


class KnownSeconds:
    """At which seconds it is known where each flight was."""

    def __init__(self, flights: list[Flight]) -> None:
        self._seconds = {flight.name: _sampled(flight)[0] for flight in flights}

    def share(self, names: tuple[str, str], start_s: float, end_s: float) -> float:
        """The share of the whole seconds of a time at which both of two flights are known."""
        asked = np.arange(math.ceil(start_s), math.floor(end_s) + 1)
        both = np.ones(len(asked), dtype=np.bool_)
        for name in names:
            both &= np.isin(asked, self._seconds[name])
        return float(both.mean()) if len(asked) else 0.0


def _sampled(flight: Flight) -> tuple[NDArray[np.int64], Floats]:
    """Whole seconds at which a flight is known, and its latitude, longitude, height at them, shape [3, seconds]."""
    seconds = np.arange(math.ceil(flight.time_s[0]), math.floor(flight.time_s[-1]) + 1)
    after = np.searchsorted(flight.time_s, seconds, side="left").clip(1, len(flight.time_s) - 1)
    known = flight.time_s[after] - flight.time_s[after - 1] <= LONGEST_GAP_S
    seconds = seconds[known]
    values = [np.interp(seconds, flight.time_s, v) for v in (flight.latitude, flight.longitude, flight.height_m)]
    return seconds.astype(np.int64), np.array(values)


@dataclass(frozen=True)
class Loss:
    """One real loss of separation, and whether both flew so that it could be foreseen a minute before."""

    names: tuple[str, str]
    start_s: float
    end_s: float
    foreseeable: bool


def losses(pairs: dict[tuple[str, str], PairHistory], minima: tuple[float, float]) -> list[Loss]:
    """Every real loss: from the first second inside both minima to the last, breaks under 30 s being none."""
    found = []
    for names, pair in pairs.items():
        inside = np.flatnonzero((pair.apart_m < minima[0]) & (pair.height_m < minima[1] - 0.5))
        if not len(inside):
            continue
        moments = pair.time_s[inside]
        begins = np.concatenate([[True], np.diff(moments) > 30.0])
        ends = np.concatenate([begins[1:], [True]])
        for start_s, end_s in zip(moments[begins].tolist(), moments[ends].tolist(), strict=True):
            both = all(steady(flight, start_s) for flight in (pair.first, pair.second))
            found.append(Loss(names, start_s, end_s, both))
    return sorted(found, key=lambda loss: (loss.start_s, loss.names))


BEFORE_S, TURNS_DEG, LEAVES_M, MISSES_S = 65.0, 10.0, 60.0, 15.0


def steady(flight: Flight, at_s: float) -> bool:
    """Whether a flight was heard without a gap and flew straight in the 65 s before: what geometry must allow.

    Its course stayed within 10 degrees, and its height within 60 m of a straight climb from first to last.
    """
    rows = np.flatnonzero((flight.time_s >= at_s - BEFORE_S) & (flight.time_s <= at_s))
    if len(rows) < 4 or flight.time_s[rows[0]] > at_s - BEFORE_S + MISSES_S:
        return False
    if np.diff(flight.time_s[rows]).max() > MISSES_S:
        return False
    course = np.degrees(np.unwrap(np.radians(flight.track_deg[rows])))
    height, time_s = flight.height_m[rows], flight.time_s[rows]
    straight = np.interp(time_s, [time_s[0], time_s[-1]], [height[0], height[-1]])
    return bool(np.ptp(course) <= TURNS_DEG and np.abs(height - straight).max() <= LEAVES_M)
