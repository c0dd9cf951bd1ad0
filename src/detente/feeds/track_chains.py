"""Reports under one name told apart: each chain is one that a single aircraft could have made.

Two aircraft may share an address, a receiver may invent positions, and a position may stand still while its
aircraft flies on. So a report is never judged by its neighbour alone: it goes on the chain that it fits best, or begins
another. Every report is looked at once and held against a bounded number of chains: time is linear in the reports.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats
from detente.airspace.geodesy import GEOD
from detente.feeds.plausibility import (
    FASTEST_M_S,
    HEIGHT_JITTER_M,
    POSITION_JITTER_M,
    FloatOrFloats,
    height_excess_m,
    position_excess_m,
)

OPEN_CHAINS = 8
"""So many chains are held open at a time; when another begins, the one with the fewest reports is ended."""

ESTABLISHED = 3
"""A chain of so many reports is continued before one that may be a single wrong report."""

USUAL_M_S, USUAL_CLIMB_M_S = 350.0, 50.0
"""No faster than this, or not climbing so fast, an aircraft is believed at once: 680 kt, and 10,000 ft/min.

What is faster is believed if it goes on: the step before or after must be at least half of it, the same way.
"""

FLIGHT_REPORTS = 10
"""So many reports make a flight, whatever else there is under its name."""

ReportRows = NDArray[np.intp]


@dataclass(eq=False)
class _Chain:
    """Stretches of rows (begin, end) that follow one another, the row where its end stands still from, and counts."""

    stretches: list[tuple[int, int]]
    reports: int
    still_from: int

    @property
    def last(self) -> int:
        return self.stretches[-1][1] - 1


def chains_of_positions(time_s: Floats, latitude_deg: Floats, longitude_deg: Floats, gap_s: float) -> list[ReportRows]:
    """Return the chains of reports that one aircraft each could have made, by their first reports.

    Args:
        time_s: times of the reports, not decreasing.
        latitude_deg: where each was, degrees.
        longitude_deg: likewise.
        gap_s: a silence longer than this ends a chain.
    """
    seconds = np.diff(time_s)
    ends = latitude_deg[:-1], longitude_deg[:-1], latitude_deg[1:], longitude_deg[1:]
    excess_m = position_excess_m(*ends, seconds)
    quick = np.flatnonzero(position_excess_m(*ends, seconds, USUAL_M_S) > 0.0)
    shrink = np.cos(np.radians(latitude_deg[:-1]))
    steps_deg = np.stack([np.diff(latitude_deg), shrink * _turn(np.diff(longitude_deg))], axis=1)
    still_from = _rows_of_last_change(steps_deg)

    def miss(chain: _Chain, row: int) -> float:
        """How far `row` is from where the chain would be by then, in metres; infinite where it cannot go on there."""
        last = chain.last
        elapsed_s = time_s[row] - time_s[last]
        if elapsed_s > gap_s:
            return math.inf
        apart_m = _distance_m(last, row)
        off_m = apart_m
        before = last - 1
        if before >= chain.stretches[-1][0] and time_s[last] > time_s[before]:
            share = (time_s[row] - time_s[last]) / (time_s[last] - time_s[before])
            north = latitude_deg[last] + share * (latitude_deg[last] - latitude_deg[before])
            east = longitude_deg[last] + share * _turn(longitude_deg[last] - longitude_deg[before])
            scale = math.cos(math.radians(latitude_deg[row]))
            off_m = 111_000.0 * math.hypot(latitude_deg[row] - north, scale * _turn(longitude_deg[row] - east))
        # A position that stands still may be an old one: the aircraft has flown on since it was new.
        still_s = time_s[row] - time_s[chain.still_from]
        if apart_m <= USUAL_M_S * max(elapsed_s, still_s) + POSITION_JITTER_M:
            return off_m
        goes_on = off_m <= USUAL_M_S * elapsed_s + POSITION_JITTER_M
        return off_m if goes_on and apart_m <= FASTEST_M_S * elapsed_s + POSITION_JITTER_M else math.inf

    def _distance_m(first: int, second: int) -> float:
        distance: float = GEOD.inv(
            longitude_deg[first], latitude_deg[first], longitude_deg[second], latitude_deg[second]
        )[2]
        return distance

    joined = (excess_m <= 0.0) & (seconds <= gap_s)
    joined[quick] &= _go_on(steps_deg, seconds)[quick]
    return _linked(joined, still_from, miss)


def chains_of_heights(time_s: Floats, height_m: Floats) -> list[ReportRows]:
    """Return the chains of readings of height that one aircraft each could have made, by their first readings.

    Args:
        time_s: times of the readings, increasing.
        height_m: metres on one reference.
    """
    seconds, rises_m = np.diff(time_s), np.diff(height_m)
    joined = height_excess_m(height_m[:-1], height_m[1:], seconds) <= 0.0
    usual = np.abs(rises_m) <= HEIGHT_JITTER_M + USUAL_CLIMB_M_S * seconds
    # Old readings climb in stairs: what counts beside a step is the one before or after the level.
    moved = np.flatnonzero(rises_m)
    joined[moved] &= usual[moved] | _go_on(rises_m[moved, None], seconds[moved])
    times: list[float] = time_s.tolist()
    heights: list[float] = height_m.tolist()

    def miss(chain: _Chain, row: int) -> float:
        last = chain.last
        elapsed_s, rise_m = times[row] - times[last], heights[row] - heights[last]
        off_m = abs(rise_m)
        if last > chain.stretches[-1][0]:
            rate = (heights[last] - heights[last - 1]) / (times[last] - times[last - 1])
            off_m = min(off_m, abs(rise_m - rate * elapsed_s))
        if off_m > HEIGHT_JITTER_M + USUAL_CLIMB_M_S * elapsed_s:
            return math.inf
        return off_m if height_excess_m(heights[last], heights[row], elapsed_s) <= 0.0 else math.inf

    return _linked(joined, np.arange(len(time_s)), miss)


def _go_on(steps: Floats, seconds: Floats) -> NDArray[np.bool_]:
    """Which steps have one beside them that goes the same way, at least half as far or half as fast.

    Args:
        steps: a row for each step, in any unit.
        seconds: how long each took, not below zero.
    """
    took = np.maximum(seconds, 1e-6)
    same_way = np.einsum("ij,ij->i", steps[:-1], steps[1:])
    shared = same_way / (took[:-1] * took[1:])
    square = np.einsum("ij,ij->i", steps, steps)
    speed = square / took**2
    goes_on = np.zeros(len(steps), dtype=np.bool_)
    for these in (slice(None, -1), slice(1, None)):
        goes_on[these] |= (same_way >= square[these] / 2.0) | (shared >= speed[these] / 2.0)
    return goes_on


def _rows_of_last_change(steps: Floats) -> NDArray[np.intp]:
    """For each row that of the first one since which nothing has moved."""
    moved = np.concatenate([[True], steps.any(axis=1)])
    return np.maximum.accumulate(np.where(moved, np.arange(len(moved)), 0))


def makes_a_flight(reports: int, most: int) -> bool:
    """Whether a chain of `reports` is an aircraft beside the longest chain of its name, which has `most`."""
    return reports >= min(FLIGHT_REPORTS, max(2, (most + 1) // 2)) or reports == most


def _linked(
    joined: NDArray[np.bool_], still_from: NDArray[np.intp], miss: Callable[[_Chain, int], float]
) -> list[ReportRows]:
    """Link stretches of rows that are `joined` each to the next, in order, where `miss` is least."""
    bounds = np.concatenate([[0], np.flatnonzero(~joined) + 1, [len(joined) + 1]]).tolist()
    if len(bounds) == 2:
        return [np.arange(len(joined) + 1)]
    opened: list[_Chain] = []
    chains: list[_Chain] = []
    for begin, end in pairwise(bounds):
        misses = [(chain.reports < ESTABLISHED, miss(chain, begin), number) for number, chain in enumerate(opened)]
        fits = [entry for entry in misses if entry[1] < math.inf]
        if fits:
            chain = opened[min(fits)[2]]
            chain.stretches.append((begin, end))
            chain.reports += end - begin
        else:
            chain = _Chain([(begin, end)], end - begin, begin)
            chains.append(chain)
            if len(opened) == OPEN_CHAINS:
                opened.remove(min(opened, key=lambda held: (held.reports, held.last)))
            opened.append(chain)
        chain.still_from = max(begin, int(still_from[end - 1]))
    return [np.concatenate([np.arange(*stretch) for stretch in chain.stretches]) for chain in chains]


def _turn(degrees: FloatOrFloats) -> FloatOrFloats:
    return (degrees + 180.0) % 360.0 - 180.0
