"""Meridians and parallels of a map, with their labels, and how its window becomes user units."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from detente.plots.window import MapWindow, Metres

STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
"""Distances of graticule lines, in minutes of arc."""
NEAR_POLE_DEG = 89.999
"""Meridians end here: at the pole itself they all meet."""


class Tick(msgspec.Struct, frozen=True):
    """A graticule label at the left or at the bottom edge."""

    x: float
    y: float
    label: str


class Page:
    """From a window's metres to user units from the top left corner."""

    def __init__(self, window: MapWindow, width: float) -> None:
        """A picture of `window` that is `width` units wide."""
        self.window = window
        self.width = width
        self.units_per_m = width / (2.0 * window.half_width_m)
        self.height = round(2.0 * window.half_height_m * self.units_per_m, 1)

    def units(self, points: Metres) -> Metres:
        """Rows of metres east and north as rows of x and y."""
        east, north = points[:, 0], points[:, 1]
        return np.column_stack((
            (east + self.window.half_width_m) * self.units_per_m,
            (self.window.half_height_m - north) * self.units_per_m,
        ))  # fmt: skip


def graticule_lines(page: Page) -> tuple[list[Metres], list[Tick], list[Tick]]:
    """Meridians and parallels in user units, labels at the left edge (parallels) and at the bottom (meridians)."""
    window = page.window
    points = window.unproject(_border(window))
    centre = window.centre
    turned = (points[:, 0] - centre.longitude_deg + 180.0) % 360.0 - 180.0
    around_pole = np.abs(window.project(np.array([[0.0, 90.0], [0.0, -90.0]]))) <= (
        window.half_width_m,
        window.half_height_m,
    )
    north, south = (bool(row.all()) for row in around_pole)
    low = -90.0 if south else float(points[:, 1].min())
    high = 90.0 if north else float(points[:, 1].max())
    west, east = (-180.0, 180.0) if north or south else (float(turned.min()), float(turned.max()))
    west, east = west + centre.longitude_deg, east + centre.longitude_deg
    # Lines about as far apart across as they are up.
    step_y = _step_deg((high - low) / 4.0)
    step_x = _step_deg((east - west) / 4.0 / max(1.0, page.width / page.height) * 1.2)
    lines: list[Metres] = []
    left: list[Tick] = []
    bottom: list[Tick] = []
    for latitude in _multiples(max(low, -NEAR_POLE_DEG), min(high, NEAR_POLE_DEG), step_y):
        line = np.column_stack((np.linspace(west, east, 181), np.full(181, latitude)))
        pieces = [page.units(piece) for piece in window.clip([line])]
        lines.extend(pieces)
        left.extend(Tick(0.0, y, _label(latitude, "NS", 2)) for y in _crossings(pieces, 0, 0.0))
    for longitude in _multiples(west, east, step_x):
        line = np.column_stack(
            (np.full(91, longitude), np.linspace(max(low, -NEAR_POLE_DEG), min(high, NEAR_POLE_DEG), 91))
        )
        pieces = [page.units(piece) for piece in window.clip([line])]
        lines.extend(pieces)
        name = _label((longitude + 180.0) % 360.0 - 180.0, "EW", 3)
        bottom.extend(Tick(x, page.height, name) for x in _crossings(pieces, 1, page.height))
    return lines, left, bottom


def _crossings(pieces: list[Metres], axis: int, edge: float) -> list[float]:
    """Where lines end on an edge: the other coordinate of each end that lies on it."""
    ends = [piece[end] for piece in pieces for end in (0, -1)]
    return [float(end[1 - axis]) for end in ends if abs(end[axis] - edge) < 0.05]


def _border(window: MapWindow) -> Metres:
    x, y = np.linspace(-1.0, 1.0, 41) * window.half_width_m, np.linspace(-1.0, 1.0, 41) * window.half_height_m
    horizontal = [np.column_stack((x, np.full(41, side * window.half_height_m))) for side in (-1.0, 1.0)]
    vertical = [np.column_stack((np.full(41, side * window.half_width_m), y)) for side in (-1.0, 1.0)]
    return np.concatenate([*horizontal, *vertical])


def _step_deg(most_deg: float) -> float:
    """The largest round step that is at most `most_deg`."""
    fitting = [step for step in STEPS_MIN if step / 60.0 <= most_deg]
    return (fitting[-1] if fitting else STEPS_MIN[0]) / 60.0


def _multiples(low: float, high: float, step: float) -> list[float]:
    return [number * step for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _label(degrees: float, letters: str, digits: int) -> str:
    minutes = round(abs(degrees) * 60.0)
    letter = letters[degrees < 0.0] if minutes else letters[0]
    whole, rest = divmod(minutes, 60)
    return f"{whole:0{digits}d}°{letter}" if rest == 0 else f"{whole:0{digits}d}°{rest:02d}′{letter}"
