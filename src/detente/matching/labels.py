"""The labels that a row of a masked list may stand for, and the blocks of them in which a spot check hides it.

A label is a token of the run's domain or a numbered dummy of its owner. All labels of a list are mixed up by a
permutation that the accord fixes, and cut into blocks; so whoever proves a row chooses nothing, and a token is in the
same block on every day. Tokens outside the domain are mixed among themselves: first those of a box three times as wide
and high, then those of all the world.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from detente.accord.matching_terms import MatchGrid, MatchingDomain
from detente.airspace.arrays import Integers
from detente.matching.grid import (
    FIRST_PRESSURE,
    GEOMETRIC,
    HIGHEST_BAND,
    LOWEST_BAND,
    PRESSURE,
    SECOND_PRESSURE,
    TokenFields,
    grid_rows,
    pack_fields,
    unpack,
)
from detente.matching.ordered import among
from detente.matching.permutation import Permutation
from detente.matching.quantise import MIXED_BANDS

SEGMENT_BITS = 56
DUMMIES_PER_TOKEN = 4
"""There are a quarter as many numbered dummies as tokens, so that a block of a token looks like one of a dummy."""
_MILLIDEGREES = 1_000
_CIRCLE = 360 * _MILLIDEGREES


class TokenSpace(Protocol):
    """A numbered set of tokens."""

    @property
    def size(self) -> int:
        """How many there are."""

    def places(self, tokens: Integers) -> Integers:
        """The number of each token, or -1."""

    def tokens_at(self, places: Integers) -> Integers:
        """The token of each number."""


class ListedSpace:
    """The tokens of an ascending array."""

    def __init__(self, tokens: Integers) -> None:
        self._tokens = tokens

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self._tokens)

    def places(self, tokens: Integers) -> Integers:
        """The number of each token, or -1."""
        return np.where(among(tokens, self._tokens), np.searchsorted(self._tokens, tokens), -1)

    def tokens_at(self, places: Integers) -> Integers:
        """The token of each number."""
        return self._tokens[places]


class BoxSpace:
    """The tokens of a grid in a box: rows and columns that the box touches, a range of heights, every bin."""

    def __init__(self, grid: MatchGrid, bins: int, families: tuple[int, ...], box: MatchingDomain | None) -> None:
        rows = grid_rows(grid.cell_dm)
        last = len(rows.columns) - 1
        self._families = np.array(families, dtype=np.int64)
        self._bins = bins
        if box is None:
            self._first_row, final_row = 0, last
            self._bands = [(LOWEST_BAND, HIGHEST_BAND) for _ in families]
        else:
            first, final = (
                min(last, (90 * _MILLIDEGREES + edge) * _MILLIDEGREES // rows.height_microdegrees)
                for edge in (box.south_millidegrees, box.north_millidegrees)
            )
            self._first_row, final_row = first, final
            self._bands = [_bands_of_box(grid, family, box) for family in families]
        self._columns = rows.columns[self._first_row : final_row + 1]
        if box is None or box.east_millidegrees - box.west_millidegrees >= _CIRCLE:
            self._west = np.zeros_like(self._columns)
            self._widths = self._columns
        else:
            begin, end = (
                (180 * _MILLIDEGREES + edge) % _CIRCLE * self._columns // _CIRCLE
                for edge in (box.west_millidegrees, box.east_millidegrees)
            )
            self._west = begin
            self._widths = (end - begin) % self._columns + 1
        self._offsets = np.concatenate([[0], np.cumsum(self._widths)]).astype(np.int64)
        self._heights = np.array([high - low + 1 for low, high in self._bands], dtype=np.int64)
        self._lows = np.array([low for low, _ in self._bands], dtype=np.int64)
        self._starts = np.concatenate([[0], np.cumsum(self._offsets[-1] * self._heights * bins)]).astype(np.int64)

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self._starts[-1])

    def places(self, tokens: Integers) -> Integers:
        """The number of each token, or -1."""
        fields = unpack(tokens)
        which = np.searchsorted(self._families, fields.family)
        known = which < len(self._families)
        which = np.minimum(which, len(self._families) - 1)
        known &= self._families[which] == fields.family
        row = fields.row - self._first_row
        known &= (row >= 0) & (row < len(self._columns))
        row = np.clip(row, 0, len(self._columns) - 1)
        column = (fields.column - self._west[row]) % self._columns[row]
        band = fields.band - self._lows[which]
        known &= (column < self._widths[row]) & (band >= 0) & (band < self._heights[which])
        known &= (fields.time_bin < self._bins) & (fields.column < self._columns[row])
        place = (self._offsets[row] + column) * self._heights[which] + band
        return np.where(known, self._starts[which] + place * self._bins + fields.time_bin, -1)

    def tokens_at(self, places: Integers) -> Integers:
        """The token of each number."""
        which = np.searchsorted(self._starts, places, side="right") - 1
        rest, time_bin = np.divmod(places - self._starts[which], self._bins)
        cell, band = np.divmod(rest, self._heights[which])
        row = np.searchsorted(self._offsets, cell, side="right") - 1
        column = (self._west[row] + cell - self._offsets[row]) % self._columns[row]
        return pack_fields(
            TokenFields(self._families[which], row + self._first_row, column, band + self._lows[which], time_bin)
        )


@dataclass(frozen=True)
class Members:
    """The labels of blocks, arrays [q, m]: whether each is a dummy, and its token or the dummy's number."""

    dummy: Integers
    value: Integers


class Labels:
    """The labels of one list, in blocks of `points`."""

    def __init__(self, spaces: list[TokenSpace], capacity: int, points: int, key: bytes) -> None:
        self._spaces = spaces
        self.points = points
        self.dummies = max(2 * capacity, spaces[0].size // DUMMIES_PER_TOKEN)
        self._sizes = [spaces[0].size + self.dummies, *(space.size for space in spaces[1:])]
        self._permutations = [
            Permutation(max(1, size), key + bytes([number])) for number, size in enumerate(self._sizes)
        ]

    def blocks_of_tokens(self, tokens: Integers) -> Integers:
        """The block of each token; raises ValueError for one that is in no space."""
        blocks = np.full(len(tokens), -1, dtype=np.int64)
        for number, space in enumerate(self._spaces):
            rows = np.flatnonzero(blocks < 0)
            places = space.places(tokens[rows])
            rows, places = rows[places >= 0], places[places >= 0]
            blocks[rows] = self._blocks(number, places)
        if (blocks < 0).any():
            raise ValueError("a token that nobody may show here")
        return blocks

    def blocks_of_dummies(self, numbers: Integers) -> Integers:
        """The block of each numbered dummy."""
        return self._blocks(0, self._spaces[0].size + numbers)

    def known(self, blocks: Integers) -> bool:
        """Whether all these blocks exist."""
        segments, within = blocks >> SEGMENT_BITS, blocks & ((1 << SEGMENT_BITS) - 1)
        counts = np.array([-(-size // self.points) for size in self._sizes], dtype=np.int64)
        inside = (segments >= 0) & (segments < len(counts))
        return bool((inside & (within < counts[np.clip(segments, 0, len(counts) - 1)])).all())

    def members(self, blocks: Integers) -> Members:
        """The labels of blocks [q]; the last block of a segment goes on at its beginning."""
        dummy = np.zeros((len(blocks), self.points), dtype=np.int64)
        value = np.zeros_like(dummy)
        segments, within = blocks >> SEGMENT_BITS, blocks & ((1 << SEGMENT_BITS) - 1)
        for number, space in enumerate(self._spaces):
            rows = np.flatnonzero(segments == number)
            if not len(rows):
                continue
            mixed = (within[rows, None] * self.points + np.arange(self.points)) % self._sizes[number]
            places = self._permutations[number].inverse(mixed.ravel())
            is_dummy = places >= space.size
            values = places - space.size
            values[~is_dummy] = space.tokens_at(places[~is_dummy])
            dummy[rows], value[rows] = is_dummy.reshape(mixed.shape), values.reshape(mixed.shape)
        return Members(dummy, value)

    def _blocks(self, segment: int, places: Integers) -> Integers:
        return (np.int64(segment) << SEGMENT_BITS) | (self._permutations[segment].forward(places) // self.points)


def families_of(band_ft: int, altitudes: str) -> tuple[int, ...]:
    """The families of tokens that an accord's plans can have, ascending."""
    if band_ft == 0 or altitudes == "geometric":
        return (GEOMETRIC,)
    return (PRESSURE,) if altitudes == "pressure" else (PRESSURE, GEOMETRIC, FIRST_PRESSURE, SECOND_PRESSURE)


def domain_spaces(
    grid: MatchGrid, bins: int, families: tuple[int, ...], domain: MatchingDomain | None
) -> list[TokenSpace]:
    """The spaces of a run's first grid: the domain, a box three times as wide and high around it, all the world."""
    boxes = [None] if domain is None else [domain, _around(domain), None]
    return [BoxSpace(grid, bins, families, box) for box in boxes]


def _around(box: MatchingDomain) -> MatchingDomain:
    width = (box.east_millidegrees - box.west_millidegrees) % _CIRCLE
    height = max(1, box.north_millidegrees - box.south_millidegrees)
    whole_circle = 3 * width >= _CIRCLE or box.east_millidegrees - box.west_millidegrees >= _CIRCLE
    half = 180 * _MILLIDEGREES
    return MatchingDomain(
        south_millidegrees=max(-90 * _MILLIDEGREES, box.south_millidegrees - height),
        north_millidegrees=min(90 * _MILLIDEGREES, box.north_millidegrees + height),
        west_millidegrees=-half if whole_circle else (box.west_millidegrees - width + half) % _CIRCLE - half,
        east_millidegrees=half if whole_circle else (box.east_millidegrees + width + half) % _CIRCLE - half,
        low_ft=-10_000, high_ft=200_000,
    )  # fmt: skip


def _bands_of_box(grid: MatchGrid, family: int, box: MatchingDomain) -> tuple[int, int]:
    if grid.band_ft == 0:
        return 0, 0
    mixed = family in (FIRST_PRESSURE, SECOND_PRESSURE)
    band_ft = grid.band_ft * (MIXED_BANDS if mixed else 1)
    low, high = ((feet + band_ft // 2) // band_ft for feet in (box.low_ft, box.high_ft))
    if grid.levels and not mixed:
        low, high = 2 * low - 1, 2 * high + 1
    return max(low, LOWEST_BAND), min(high, HIGHEST_BAND)
