"""Which readings of height of one chain of reports are believed, and which spans of it are a flight.

A wrong height says nothing against the position that came with it: the aircraft was there, at a height that is found
between the readings before and after.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats
from detente.feeds.track_chains import ESTABLISHED, ReportRows, chains_of_heights

LARGEST_CHAINS = 8
"""So many chains are looked at for one that goes on after another that stood out of it."""


KEPT_SHARE = 0.1
"""Readings that jump and stay are a flight too if there are so many beside the longest: who knows which are right?"""


class Span(NamedTuple):
    """A span of a chain that makes a flight: rows [begin, end), and which of them have a height that is believed."""

    begin: int
    end: int
    believed: NDArray[np.bool_]


def believed_spans(time_s: Floats, height_m: Floats) -> list[Span]:
    """Return the spans of a chain that make a flight, the one with most believed heights first: it is the whole chain.

    The others begin and end with a believed height.

    Args:
        time_s: times of the reports, increasing.
        height_m: height of each in metres on one reference; NaN where it is not known.
    """
    known = np.flatnonzero(~np.isnan(height_m))
    if not len(known):
        return []
    chains = [known[rows] for rows in chains_of_heights(time_s[known], height_m[known])]
    chains.sort(key=lambda rows: (-len(rows), int(rows[0])))
    main = chains.pop(_first_to_take(chains))
    spans = [_span(main, 0, len(time_s))]
    taken = np.zeros(len(time_s), dtype=np.bool_)
    taken[main[0] : main[-1] + 1] = True
    for rows in chains:
        begin, end = int(rows[0]), int(rows[-1]) + 1
        if len(rows) < max(2.0, KEPT_SHARE * len(main)):
            break
        if not taken[begin:end].any():
            spans.append(_span(rows, begin, end))
            taken[begin:end] = True
    return spans


def _span(rows: ReportRows, begin: int, end: int) -> Span:
    believed = np.zeros(end - begin, dtype=np.bool_)
    believed[rows - begin] = True
    return Span(begin, end, believed)


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
