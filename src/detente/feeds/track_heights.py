"""Which readings of height of one chain of reports are believed, and which spans of it are a flight.

A wrong height says nothing against the position that came with it: the aircraft was there, at a height that is found
between the readings before and after.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats
from detente.feeds.plausibility import HEIGHT_JITTER_M, STEEPEST_M_S
from detente.feeds.track_chains import ESTABLISHED, ReportRows, chains_of_heights, makes_a_flight

HARDEST_M_S2 = 40.0
"""Four times gravity: a lone reading that would take more, up and down again, is wrong."""

LARGEST_CHAINS = 8
"""So many chains are looked at for one that goes on after another that stood out of it."""


class Span(NamedTuple):
    """A span of a chain that makes a flight: rows [begin, end), and which of them have a height that is believed."""

    begin: int
    end: int
    believed: NDArray[np.bool_]


def believed_spans(time_s: Floats, height_m: Floats) -> list[Span]:
    """Return the spans of a chain that make a flight, in order, each beginning and ending with a believed height.

    Args:
        time_s: times of the reports, increasing.
        height_m: height of each in metres on one reference; NaN where it is not known.
    """
    known = np.flatnonzero(~np.isnan(height_m))
    if not len(known):
        return []
    chains = [known[rows] for rows in chains_of_heights(time_s[known], height_m[known])]
    chains.sort(key=lambda rows: (-len(rows), int(rows[0])))
    most = len(chains[0])
    spans: list[Span] = []
    taken = np.zeros(len(time_s), dtype=np.bool_)
    while chains:
        if spans and not makes_a_flight(len(chains[0]), most):
            break
        rows = chains.pop(_first_to_take(chains))
        begin, end = int(rows[0]), int(rows[-1]) + 1
        if taken[begin:end].any():
            continue
        believed = np.zeros(end - begin, dtype=np.bool_)
        believed[_without_spikes(time_s, height_m, rows) - begin] = True
        spans.append(Span(begin, end, believed))
        taken[begin:end] = True
    return sorted(spans, key=lambda span: span.begin)


def _first_to_take(chains: list[ReportRows]) -> int:
    """Return the longest chain, or one that goes on on both sides of it: then the longest is what stood out."""
    best = 0
    for number in range(1, min(LARGEST_CHAINS, len(chains))):
        rows, inner = chains[number], chains[best]
        before = int(np.searchsorted(rows, inner[0]))
        after = len(rows) - int(np.searchsorted(rows, inner[-1]))
        if before >= ESTABLISHED and after >= ESTABLISHED:
            best = number
    return best


def _without_spikes(time_s: Floats, height_m: Floats, rows: ReportRows) -> ReportRows:
    """Leave out the readings that alone, or for a while, stand out to one side from those before and after."""
    if len(rows) < 3:
        return rows
    times, heights = time_s[rows], height_m[rows]
    rise, fall = heights[1:-1] - heights[:-2], heights[1:-1] - heights[2:]
    allowed_m = HEIGHT_JITTER_M + 0.5 * HARDEST_M_S2 * (times[1:-1] - times[:-2]) * (times[2:] - times[1:-1])
    spike = (rise * fall > 0.0) & (np.minimum(np.abs(rise), np.abs(fall)) > allowed_m)
    kept = np.ones(len(rows), dtype=np.bool_)
    kept[1:-1] = ~spike
    rows = rows[kept]
    return rows[~_out_of_line(time_s[rows], height_m[rows])]


def _out_of_line(times: Floats, heights: Floats) -> NDArray[np.bool_]:
    """Which readings stand to one side for a while, after a jump and before one back that are both too hard."""
    steps_m, steps_s = np.diff(heights), np.diff(times)
    out = np.zeros(len(times), dtype=np.bool_)
    if len(steps_m) < 3:
        return out
    rates = np.abs(steps_m / steps_s)
    # At the greater rate of the steps beside it a step is flown; from level to level it takes 4 h / t^2.
    beside = np.maximum(np.concatenate([[0.0], rates[:-1]]), np.concatenate([rates[1:], [0.0]]))
    allowed_m = np.minimum(beside, STEEPEST_M_S) * steps_s + HEIGHT_JITTER_M + 0.25 * HARDEST_M_S2 * steps_s**2
    hard = np.flatnonzero(np.abs(steps_m) > allowed_m).tolist()
    since = -1
    for first, last in pairwise(hard):
        stood, before, after = last - first, first - since, len(times) - 1 - last
        back_m = abs(heights[last + 1] - heights[first])
        if (
            steps_m[first] * steps_m[last] < 0.0
            and stood < before
            and stood < after
            and back_m < abs(steps_m[first]) / 2
        ):
            out[first + 1 : last + 1] = True
        since = first
    return out
