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
from detente.feeds.plausibility import FASTEST_M_S, POSITION_JITTER_M, height_excess_m, position_excess_m

OPEN_CHAINS = 8
"""So many chains are held open at a time; when another begins, the one with the fewest reports is ended."""

ESTABLISHED = 3
"""A chain of so many reports is continued before one that may be a single wrong report."""

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
    excess_m = position_excess_m(latitude_deg[:-1], longitude_deg[:-1], latitude_deg[1:], longitude_deg[1:], seconds)
    moved = (np.diff(latitude_deg) != 0.0) | (np.diff(longitude_deg) != 0.0)
    still_from = np.maximum.accumulate(np.where(np.concatenate([[True], moved]), np.arange(len(time_s)), 0))

    def miss(chain: _Chain, row: int) -> float:
        """How far `row` is from where the chain would be by then, in metres; infinite where it cannot go on there."""
        last = chain.last
        elapsed_s = time_s[row] - time_s[last]
        if elapsed_s > gap_s:
            return math.inf
        reach_s = elapsed_s
        if _distance_m(last, row) > FASTEST_M_S * elapsed_s + POSITION_JITTER_M:
            # A position that stands still may be an old one: the aircraft has flown on since it was new.
            reach_s = time_s[row] - time_s[chain.still_from]
            if reach_s == elapsed_s or _distance_m(last, row) > FASTEST_M_S * reach_s + POSITION_JITTER_M:
                return math.inf
        before = last - 1
        if before < chain.stretches[-1][0] or time_s[last] == time_s[before]:
            return _distance_m(last, row)
        share = (time_s[row] - time_s[last]) / (time_s[last] - time_s[before])
        north = latitude_deg[last] + share * (latitude_deg[last] - latitude_deg[before])
        east = longitude_deg[last] + share * (_turn(longitude_deg[last] - longitude_deg[before]))
        scale = math.cos(math.radians(latitude_deg[row]))
        return 111_000.0 * math.hypot(latitude_deg[row] - north, scale * _turn(longitude_deg[row] - east))

    def _distance_m(first: int, second: int) -> float:
        distance: float = GEOD.inv(
            longitude_deg[first], latitude_deg[first], longitude_deg[second], latitude_deg[second]
        )[2]
        return distance

    joined = (excess_m <= 0.0) & (seconds <= gap_s)
    return _linked(joined, still_from, miss)


def chains_of_heights(time_s: Floats, height_m: Floats) -> list[ReportRows]:
    """Return the chains of readings of height that one aircraft each could have made, by their first readings.

    Args:
        time_s: times of the readings, increasing.
        height_m: metres on one reference.
    """
    joined = height_excess_m(height_m[:-1], height_m[1:], np.diff(time_s)) <= 0.0
    times: list[float] = time_s.tolist()
    heights: list[float] = height_m.tolist()

    def miss(chain: _Chain, row: int) -> float:
        last = chain.last
        if height_excess_m(heights[last], heights[row], times[row] - times[last]) > 0.0:
            return math.inf
        return abs(heights[row] - heights[last])

    return _linked(joined, np.arange(len(time_s)), miss)


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


def _turn(degrees: float) -> float:
    return (degrees + 180.0) % 360.0 - 180.0
