"""Scales, round ticks and curves of a panel in a plot over time."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats
from detente.plots.window import Metres, cut_lines

TIME_STEPS_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)


class Panel:
    """A rectangle of a drawing with a horizontal axis of seconds and a vertical one of metres, upwards."""

    def __init__(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        x_range: tuple[float, float],
        y_range: tuple[float, float],
    ) -> None:
        """Ranges must not be empty."""
        self.left, self.top, self.width, self.height = left, top, width, height
        self.x_range, self.y_range = x_range, y_range

    @property
    def right(self) -> float:
        """The right edge in user units."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The bottom edge in user units."""
        return self.top + self.height

    def x(self, value: float) -> float:
        """The horizontal coordinate of a value, kept within the panel."""
        share = (value - self.x_range[0]) / (self.x_range[1] - self.x_range[0])
        return self.left + min(1.0, max(0.0, share)) * self.width

    def y(self, value: float) -> float:
        """The vertical coordinate of a value, kept within the panel."""
        share = (value - self.y_range[0]) / (self.y_range[1] - self.y_range[0])
        return self.bottom - min(1.0, max(0.0, share)) * self.height

    def curve(self, x_values: Floats, y_values: Floats) -> list[Metres]:
        """A curve as lines in user units, cut to the panel, broken where a value is NaN."""
        return self._cut(self._runs(x_values, y_values), tolerance=0.1)

    def band(self, x_values: Floats, low: Floats, high: Floats) -> list[Metres]:
        """The area between two curves as closed outlines in user units, kept within the panel."""
        lower, upper = self._clamped(x_values, low), self._clamped(x_values, high)
        whole = ~np.isnan(low) & ~np.isnan(high)
        return [
            np.concatenate([upper[run], lower[run][::-1]])
            for run in runs(whole & (x_values >= self.x_range[0]) & (x_values <= self.x_range[1]))
        ]

    def _clamped(self, x_values: Floats, y_values: Floats) -> Metres:
        low, high = self.y_range
        share_x = (x_values - self.x_range[0]) / (self.x_range[1] - self.x_range[0])
        share_y = (np.clip(y_values, low, high) - low) / (high - low)
        return np.column_stack((self.left + share_x * self.width, self.bottom - share_y * self.height))

    def _runs(self, x_values: Floats, y_values: Floats) -> list[Metres]:
        share_x = (x_values - self.x_range[0]) / (self.x_range[1] - self.x_range[0])
        share_y = (y_values - self.y_range[0]) / (self.y_range[1] - self.y_range[0])
        points = np.column_stack(((share_x - 0.5) * self.width, (0.5 - share_y) * self.height))
        return [points[run] for run in runs(~np.isnan(y_values)) if len(points[run]) > 1]

    def _cut(self, lines: list[Metres], tolerance: float) -> list[Metres]:
        middle = np.array((self.left + self.width / 2.0, self.top + self.height / 2.0))
        moved: list[Metres] = []
        for line in cut_lines(lines, self.width / 2.0, self.height / 2.0, tolerance):
            points: Metres = line + middle
            moved.append(points)
        return moved


def runs(chosen: NDArray[np.bool_]) -> list[slice]:
    """Slices over which `wanted` is true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], chosen, [False])).astype(np.int8)))
    return [slice(start, stop) for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)]


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within [low, high], at most `most` of them."""
    if high <= low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (power, 2.0 * power, 5.0 * power, 10.0 * power, 20.0 * power):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [number * step for number in range(first, last + 1)]
    return [low]


def time_ticks(start_s: float, end_s: float, most: int) -> list[tuple[float, str]]:
    """Round UTC times within the span, seconds since 1970, with labels such as "14:32Z" or "14:32:05Z"."""
    step = next((s for s in TIME_STEPS_S if (end_s - start_s) / s <= most - 1), TIME_STEPS_S[-1])
    form = "%H:%M:%SZ" if step < 60 else "%H:%MZ"
    first, last = math.ceil(start_s / step), math.floor(end_s / step)
    times = [float(number * step) for number in range(first, last + 1)]
    return [(time, datetime.fromtimestamp(time, UTC).strftime(form)) for time in times]
