"""How close two plans come once measures have changed them, from samples a second apart."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from detente.airspace.arrays import Floats
from detente.airspace.separation import Encounter
from detente.plots.sampling import Areas, SampledPath, separation

SAMPLE_STEP_S = 1.0
MOST_SAMPLES = 20_000
MOST_SHIFTS = 601


class Afterwards(msgspec.Struct, frozen=True):
    """The smallest distances in metres; None where there is none to speak of.

    Attributes:
        horizontal_m: at any height; None when the two are never there at the same time.
        horizontal_close_m: horizontal while less than the required height apart.
        vertical_close_m: vertical while within the required horizontal distance.
    """

    horizontal_m: float | None
    horizontal_close_m: float | None
    vertical_close_m: float | None


def afterwards(first: SampledPath | Areas, second: SampledPath | Areas, encounter: Encounter) -> Afterwards:
    """Sample both over the time they share, each as early or late as `encounter.required_time_s` lets it be."""
    slack_s = encounter.required_time_s
    start_s = max(first.start_s, second.start_s - slack_s)
    end_s = min(first.end_s, second.end_s + slack_s)
    if start_s > end_s:
        return Afterwards(None, None, None)
    count = min(math.ceil((end_s - start_s) / SAMPLE_STEP_S), MOST_SAMPLES) + 1
    times_s = np.linspace(start_s, end_s, count)
    step_s = (end_s - start_s) / (count - 1) if count > 1 else SAMPLE_STEP_S
    least = [math.inf, math.inf, math.inf]
    for horizontal_m, vertical_m in _shifted(first, second, times_s, step_s, slack_s):
        inside = horizontal_m < encounter.required_horizontal_m
        level = vertical_m < encounter.required_vertical_m - 1e-6
        for number, seen in enumerate((horizontal_m, horizontal_m[level], vertical_m[inside])):
            if not np.isnan(seen).all():
                least[number] = min(least[number], float(np.nanmin(seen)))
    anywhere, close, vertical = (value if math.isfinite(value) else None for value in least)
    return Afterwards(anywhere, close, vertical)


def _shifted(
    first: SampledPath | Areas, second: SampledPath | Areas, times_s: Floats, step_s: float, slack_s: float
) -> list[tuple[Floats, Floats]]:
    """Distances with the second sampled at the same times, and at every step earlier and later within the slack."""
    if slack_s == 0.0 or not (isinstance(first, SampledPath) and isinstance(second, SampledPath)):
        # Areas stand still, so that shifting them in time changes only when they begin and end.
        return [separation(first, second, times_s)]
    reach = min(math.ceil(slack_s / step_s), MOST_SHIFTS // 2)
    shifts = np.arange(-reach, reach + 1)
    longer_s = times_s[0] + step_s * np.arange(-reach, len(times_s) + reach)
    here, there = _earth_centred(first, times_s), _earth_centred(second, longer_s)
    height, height_there = first.band(times_s)[0], second.band(longer_s)[0]
    distances: list[tuple[Floats, Floats]] = []
    for shift in (shifts + reach).tolist():
        window = slice(shift, shift + len(times_s))
        chord_m = np.sqrt(((here - there[window]) ** 2).sum(axis=1))
        distances.append((chord_m, np.abs(height - height_there[window])))
    return distances


def _earth_centred(course: SampledPath, times_s: Floats) -> Floats:
    """Surface points in metres from the Earth's centre; their chords are within 1 m of the geodesic up to 90 km."""
    places = np.radians(course.place(times_s))
    sine, cosine = np.sin(places[:, 1]), np.cos(places[:, 1])
    squared = 0.00669437999014
    normal_m = 6_378_137.0 / np.sqrt(1.0 - squared * sine**2)
    return np.column_stack((
        normal_m * cosine * np.cos(places[:, 0]),
        normal_m * cosine * np.sin(places[:, 0]),
        normal_m * (1.0 - squared) * sine,
    ))  # fmt: skip
