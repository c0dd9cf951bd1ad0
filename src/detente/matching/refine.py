"""From tokens of one grid to all tokens of the next grid that overlap them: what a fine round is about.

A cell, band or bin of the next grid may overlap several of the grid before; it is taken when it overlaps one. So two
plans that share a point share a token on each grid, and the second of these tokens is among those here.
"""

from __future__ import annotations

import hashlib

import numpy as np

from detente.accord.matching_terms import MatchGrid, fan_out
from detente.airspace.arrays import Integers
from detente.matching.grid import (
    FIRST_PRESSURE,
    HIGHEST_BAND,
    LOWEST_BAND,
    TokenFields,
    grid_rows,
    pack_fields,
    unpack,
)
from detente.matching.ordered import different

MOST_REFINED = 1 << 24
"""So many tokens of a grid at the most are looked at in one fine round, for the memory's sake."""


def refined(tokens: Integers, before: MatchGrid, after: MatchGrid, epoch_s: int) -> Integers:
    """All tokens of the grid `after` that overlap some tokens of the grid `before`, ascending."""
    if not len(tokens):
        return tokens
    fields = unpack(tokens)
    coarse, fine = grid_rows(before.cell_dm), grid_rows(after.cell_dm)
    # Rows, by the microdegrees of their edges; a whole number of them, so the last one is before the upper edge.
    south = fields.row * coarse.height_microdegrees
    last = len(fine.columns) - 1
    which, row = _spread(
        np.minimum(south // fine.height_microdegrees, last),
        np.minimum((south + coarse.height_microdegrees - 1) // fine.height_microdegrees, last),
    )
    own, other = fine.columns[row], coarse.columns[fields.row[which]]
    column = fields.column[which]
    again, column = _spread(column * own // other, ((column + 1) * own - 1) // other)
    which, row = which[again], row[again]
    band = fields.band[which]
    if after.levels and not before.levels:
        # Pressure against geometric heights has no levels to go by.
        leveled = fields.family[which] < FIRST_PRESSURE
        again, band = _spread(np.where(leveled, 2 * band - 1, band), np.where(leveled, 2 * band + 1, band))
        band = np.clip(band, LOWEST_BAND, HIGHEST_BAND)
        which, row, column = which[again], row[again], column[again]
    begin_s = fields.time_bin[which] * before.bin_seconds
    end_s = np.minimum(begin_s + before.bin_seconds, epoch_s)
    again, time_bin = _spread(begin_s // after.bin_seconds, (end_s - 1) // after.bin_seconds)
    which, row, column, band = which[again], row[again], column[again], band[again]
    return different(pack_fields(TokenFields(fields.family[which], row, column, band, time_bin)))


def looked_at(tokens: Integers, before: MatchGrid, after: MatchGrid, session: bytes) -> Integers:
    """Those of some ascending tokens that a fine round looks at, ascending: all, or as many as memory allows.

    Which these are follows from the session, so that both parties take the same.
    """
    most = max(1, MOST_REFINED // fan_out(before, after))
    if len(tokens) <= most:
        return tokens
    order = np.frombuffer(hashlib.shake_256(b"looked at" + session).digest(8 * len(tokens)), dtype="<u8")
    return np.sort(tokens[np.argsort(order, kind="stable")[:most]])


def _spread(first: Integers, last: Integers) -> tuple[Integers, Integers]:
    """Every whole number from `first` to `last` of each entry, and the entry that it belongs to."""
    counts = last - first + 1
    which = np.repeat(np.arange(len(first)), counts)
    within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    return which, first[which] + within
