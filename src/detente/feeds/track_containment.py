"""How far the aircraft may be from each leg of a simplified track: what simplifying cost, and what nobody heard.

Between two reports the flown path is taken for a geodesic, unless there is a silence between them. Then the aircraft
may have been anywhere that it could reach at its speed, and the leg's containment says so.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Containment
from detente.feeds.path_simplification import MARGIN_M, deviations_m

FASTER = 1.05
"""In a silence an aircraft is taken to fly no more than this times as fast as before and after it."""

UNHEARD_CLIMB_M_S = 10.0
"""And to climb or sink no faster than 2,000 ft/min, unless it was seen to."""

LARGEST = Containment(1_000_000.0, 20_000.0, 86_400.0)


class HeardReports(NamedTuple):
    """The reports of one flight: times increasing, positions, heights in metres, and which heights are readings."""

    time_s: Floats
    latitude_deg: Floats
    longitude_deg: Floats
    height_m: Floats
    believed: NDArray[np.bool_]


class Silence(NamedTuple):
    """A stretch between two rows in which position, or only height, is not known, and how far it may be off."""

    first: int
    last: int
    lateral_m: float
    vertical_m: float

    def seconds(self, heard: HeardReports) -> float:
        """How long it lasts."""
        return float(heard.time_s[self.last] - heard.time_s[self.first])


def silences(heard: HeardReports, longest_s: float) -> list[Silence]:
    """Return the stretches longer than `longest_s` without a report, or without a height that is believed.

    Before the first height and after the last one nothing bridges the time: these stretches are there however short.
    """
    seconds = np.diff(heard.time_s)

    def distance_m(row: int) -> float:
        ends = slice(row, row + 2)
        return float(GEOD.line_length(heard.longitude_deg[ends], heard.latitude_deg[ends]))

    found = []
    for row in np.flatnonzero(seconds > longest_s).tolist():
        beside = [distance_m(n) / float(seconds[n]) for n in (row - 1, row, row + 1) if 0 <= n < len(seconds)]
        way_m = FASTER * max(beside) * float(seconds[row])
        off_m = 0.5 * math.sqrt(max(way_m**2 - distance_m(row) ** 2, 0.0))
        found.append(Silence(row, row + 1, min(off_m, LARGEST.lateral_m), 0.0))
    known = np.flatnonzero(heard.believed)
    known_s, known_m = heard.time_s[known], heard.height_m[known]
    spans_s, rises_m = np.diff(known_s), np.diff(known_m)
    climbs = np.abs(rises_m / spans_s)
    for number in np.flatnonzero(spans_s > longest_s).tolist():
        beside = [float(climbs[n]) for n in (number - 1, number, number + 1) if 0 <= n < len(climbs)]
        climb_m = max(UNHEARD_CLIMB_M_S, *beside) * float(spans_s[number])
        rise_m = float(rises_m[number])
        # Up at that rate as long as it can still come down: furthest from the straight line at the turn.
        off_m = (climb_m + rise_m) * (climb_m - rise_m) / (2.0 * climb_m)
        found.append(Silence(int(known[number]), int(known[number + 1]), 0.0, min(off_m, LARGEST.vertical_m)))
    ends = ((0, int(known[0]), climbs[:1]), (int(known[-1]), len(heard.time_s) - 1, climbs[-1:]))
    for first, last, nearest in ends:
        if first < last:
            climb_m_s = float(max(UNHEARD_CLIMB_M_S, nearest.max(initial=0.0)))
            climb_m = climb_m_s * float(heard.time_s[last] - heard.time_s[first])
            found.append(Silence(first, last, 0.0, min(climb_m, LARGEST.vertical_m)))
    return found


def leg_containments(
    heard: HeardReports, knots: NDArray[np.intp], unheard: list[Silence], least: Containment
) -> tuple[Containment, ...]:
    """Return the containment of each leg between `knots`: the error made, what is not known, and no less than `least`.

    Each silence must begin and end at a knot.
    """
    lateral_m = np.zeros(max(len(knots) - 1, 1))
    vertical_m = np.zeros(len(lateral_m))
    if len(knots) > 1:
        sideways_m, climb_m, leg = deviations_m(
            heard.time_s, heard.latitude_deg, heard.longitude_deg, heard.height_m, knots
        )
        inner = np.ones(len(heard.time_s), dtype=np.bool_)
        inner[knots] = False
        np.maximum.at(lateral_m, leg[inner], np.ceil(10.0 * (sideways_m[inner] + MARGIN_M)) / 10.0)
        # To a centimetre, and exactly nothing for what is level: rounding alone must not part two flight levels.
        np.maximum.at(vertical_m, leg[inner], np.ceil(100.0 * climb_m[inner] - 1e-4) / 100.0)
    for silence in unheard:
        legs = slice(*np.searchsorted(knots, [silence.first, silence.last]).tolist())
        lateral_m[legs] += math.ceil(silence.lateral_m)
        vertical_m[legs] += math.ceil(silence.vertical_m)
    made: dict[tuple[float, float], Containment] = {}
    result = []
    for sideways, up in zip(lateral_m.tolist(), vertical_m.tolist(), strict=True):
        size = max(sideways, least.lateral_m), max(up, least.vertical_m)
        result.append(made.setdefault(size, Containment(*size, least.along_time_s)))
    return tuple(result)
