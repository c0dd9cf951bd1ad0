"""Names on a map: cities, and airports by their location indicator, the greater ones first, none over another."""

from __future__ import annotations

import lzma
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

import msgspec
import numpy as np

from detente.airspace.arrays import Floats
from detente.plots.graticule import Page

MOST_NAMES = 26
"""More names than this hide what the map is about."""
LETTER_UNITS, LINE_UNITS, DOT_UNITS = 5.6, 13.0, 5.0
"""About how wide a letter and how high a line is, and how far a name stands from its dot."""
LAST_RANKS = ((250_000.0, 3), (900_000.0, 2))
"""Up to which rank airports are named in a map that reaches so far from its middle; only the large ones beyond."""
LARGE = 1
EDGE_UNITS = 26.0


class PlaceName(msgspec.Struct, frozen=True):
    """A dot with its name to the right of it; `is_city` or else an airport."""

    x: float
    y: float
    name: str
    is_city: bool


class _Places(NamedTuple):
    names: list[str]
    degrees: Floats
    ranks: Floats


def place_names(page: Page, kept_free: Sequence[tuple[float, float, float, float]]) -> list[PlaceName]:
    """Return the names within a page that cover neither each other nor any of the boxes (x0, y0, x1, y1)."""
    places = _places()
    window = page.window
    last = next((rank for reach_m, rank in LAST_RANKS if window.radius_m <= reach_m), LARGE)
    points = page.units(window.project(places.degrees))
    inside = (
        (points[:, 0] > EDGE_UNITS) & (points[:, 0] < page.width - EDGE_UNITS)
        & (points[:, 1] > EDGE_UNITS) & (points[:, 1] < page.height - EDGE_UNITS) & (places.ranks <= last)
    )  # fmt: skip
    rows = np.flatnonzero(inside)
    away = np.hypot(*(points[rows] - (page.width / 2.0, page.height / 2.0)).T)
    taken = list(kept_free)
    found: list[PlaceName] = []
    for row in rows[np.lexsort((away, places.ranks[rows]))].tolist():
        x, y = points[row].tolist()
        name = places.names[row]
        box = (
            x - DOT_UNITS, y - LINE_UNITS / 2.0, x + DOT_UNITS + LETTER_UNITS * len(name), y + LINE_UNITS / 2.0,
        )  # fmt: skip
        if box[2] > page.width - 4.0 or any(_overlap(box, other) for other in taken):
            continue
        taken.append(box)
        found.append(PlaceName(x, y, name, bool(places.ranks[row] == 0.0)))
        if len(found) == MOST_NAMES:
            break
    return found


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@cache
def _places() -> _Places:
    packed = resources.files("detente.plots").joinpath("data/places/places.tsv.xz").read_bytes()
    rows = [line.split("\t") for line in lzma.decompress(packed).decode().splitlines()[1:]]
    names = [f"{code} {name}".strip() for code, name, *_ in rows]
    numbers = np.array([[float(value) for value in row[2:]] for row in rows])
    return _Places(names, numbers[:, [1, 0]], numbers[:, 2])
