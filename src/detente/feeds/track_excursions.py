"""Reports far aside of a flight that its aircraft hardly made: out and back, faster than before and after.

Where reports are 30 to 60 s apart, a wrong position some kilometres aside needs no speed that no aircraft has. Nobody
can say that it is wrong, so it stays in the path, and the way past it is held to be as likely: the legs beside it are
as much wider as it is aside, and it is named. A conflict on either way is found.

Two signs must meet. The change of speed between three reports is a mean of the true acceleration, so it is never more
than what the aircraft really did. And a turn makes the way from report to report shorter than the flown one: what
turned and came back seems slower than what flew straight, not faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats
from detente.feeds.plausibility import LONGEST_DEGREE_M, POSITION_JITTER_M
from detente.feeds.track_containment import HeardReports, Silence

HARDEST_M_S2, HARDEST_AT_END_M_S2 = 4.5, 2.25
"""What needs more than this is doubted: a helicopter's dash and return needs less. At an end half of it is seen."""

FASTER_ASIDE, FASTER_AT_END = 1.1, 1.15
"""If it is also so many times as fast as the legs before and after it, as no turn is; at an end that on one side."""

UNLIKE_SHARE = 0.5
"""And the way past it differs by no more than this from those legs, in speed and course together, as in a circle."""

STEEPEST_M_S, STEEPEST_AT_END_M_S = 15.0, 25.0
"""A height is doubted that is left and regained so fast: 3,000 ft/min; at an end, that differs so much in rate."""

HEIGHT_ASIDE_M = 300.0
"""And that is so far, about 1,000 ft, from the way between the heights before and after."""

CLOSE_RUN, LONGEST_RUN = 2, 9
"""So many reports in a row may be wrong. More than the first are doubted only if they go along with the flight, as
reports of a shifted receiver do, and the steps out and back are the fast ones; ten that agree are a way that was flown.
"""

AROUND = 2
"""And if there are so many times as many other reports in the flight."""


class Excursion(NamedTuple):
    """Rows [begin, end) of reports that are doubted, and the stretch beside them with how far it may be off."""

    begin: int
    end: int
    beside: Silence


class _Legs(NamedTuple):
    """What one dimension, or two, of a flight's reports say from each to the next."""

    time_s: Floats
    places_m: Floats
    seconds: Floats
    velocity: Floats
    speed: Floats

    def reversed(self) -> _Legs:
        """The same from the last report to the first."""
        return _legs(-self.time_s[::-1], self.places_m[::-1])


_Found = tuple[int, int, float]
"""Rows [begin, end) and how far the furthest of them is aside, in metres."""


def excursions(heard: HeardReports) -> list[Excursion]:
    """Return the stretches of one flight where reports are doubted: of their position, then of their height."""
    last = len(heard.time_s) - 1
    if last < CLOSE_RUN + 1:
        return []
    found = []
    ways = _legs(heard.time_s, _ways_m(heard))
    for begin, end, off_m in _apart([*_far(ways), *_at_ends(ways, _far_at_start)]):
        found.append(Excursion(begin, end, Silence(max(begin - 1, 0), min(end, last), off_m, 0.0)))
    heights = _legs(heard.time_s, heard.height_m[:, None])
    for begin, end, off_m in _apart([*_steep(heights), *_at_ends(heights, _steep_at_start)]):
        found.append(Excursion(begin, end, Silence(max(begin - 1, 0), min(end, last), 0.0, off_m)))
    return found


def _far(legs: _Legs) -> Iterator[_Found]:
    """Yield the runs of positions, with a report on each side, that are far aside, too hard to fly and too fast."""
    pull = np.diff(legs.velocity, axis=0) * (2.0 / (legs.seconds[:-1] + legs.seconds[1:]))[:, None]
    pulled = np.concatenate([np.zeros((1, 2)), np.cumsum(pull, axis=0)])
    for run, begin in _begins(legs):
        aside_m = _aside(legs, run, begin)
        # The way out and the way back; of few reports also what lies between.
        aside = begin - 1 + (np.arange(run + 1) if run <= CLOSE_RUN else np.array([0, run]))[:, None]
        way_m_s = (legs.speed[aside] * legs.seconds[aside]).sum(axis=0) / legs.seconds[aside].sum(axis=0)
        out = pulled[begin + run - 1] - pulled[begin - 1]
        doubted = (aside_m > POSITION_JITTER_M) & (_length(out) > HARDEST_M_S2)
        whole_s = legs.time_s[begin + run] - legs.time_s[begin - 1]
        past = (legs.places_m[begin + run] - legs.places_m[begin - 1]) / whole_s[:, None]
        # Beside it the flight goes as the way past it does, is slower, and pulled the other way; at an end on one side.
        for leg, turn in _beside(begin, run):
            known = np.flatnonzero((leg >= 0) & (leg < len(legs.speed)))
            doubted[known] &= way_m_s[known] > FASTER_ASIDE * legs.speed[leg[known]]
            if turn is not None:
                doubted[known] &= (pull[turn[known]] * out[known]).sum(axis=1) < 0.0
            unlike_m_s = _length(legs.velocity[leg[known]] - past[known])
            doubted[known] &= unlike_m_s <= UNLIKE_SHARE * legs.speed[leg[known]]
        yield from _rows(doubted, begin, run, aside_m)


def _steep(legs: _Legs) -> Iterator[_Found]:
    """Yield the runs of heights, with a report on each side, that are left and regained steeply."""
    rate = legs.velocity[:, 0]
    for run, begin in _begins(legs):
        aside_m = _aside(legs, run, begin)
        out, back = rate[begin - 1], rate[begin + run - 1]
        slower = np.minimum(np.abs(out), np.abs(back))
        steepest_m_s = STEEPEST_M_S if run <= CLOSE_RUN else STEEPEST_AT_END_M_S
        doubted = (aside_m > HEIGHT_ASIDE_M) & (out * back < 0.0) & (slower > steepest_m_s)
        for leg, _ in _beside(begin, run):
            known = np.flatnonzero((leg >= 0) & (leg < len(rate)))
            doubted[known] &= legs.speed[leg[known]] < slower[known]
        yield from _rows(doubted, begin, run, aside_m)


def _begins(legs: _Legs) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each length of a run with the rows at which one may begin, a report on each side.

    One of many reports has the fastest step at one of its ends at least, and that is faster than those beside it.
    """
    count = len(legs.time_s)
    fastest = FASTER_ASIDE if legs.places_m.shape[1] > 1 else 1.0
    beside = np.concatenate([[0.0], legs.speed, [0.0]])
    peaks = np.flatnonzero((legs.speed > fastest * beside[:-2]) & (legs.speed > fastest * beside[2:]))
    for run in range(1, LONGEST_RUN + 1):
        if run <= CLOSE_RUN:
            yield run, np.arange(1, count - run)
        elif run * (1 + AROUND) <= count:
            begin = np.unique(np.concatenate([peaks + 1, peaks + 1 - run]))
            yield run, begin[(begin >= 1) & (begin < count - run)]


def _beside(begin: NDArray[np.intp], run: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp] | None]]:
    """Yield the legs before and after runs with the turn into each; of long runs also the first and the last within."""
    yield begin - 2, begin - 2
    yield begin + run, begin + run - 1
    if run > CLOSE_RUN:
        yield begin, None
        yield begin + run - 2, None


def _far_at_start(legs: _Legs, run: int) -> bool:
    """Whether the way from the first reports to the next is too fast and too sharp beside the legs before and after."""
    back, after = legs.velocity[run - 1 : run + 1]
    pull = (after - back) * 2.0 / (legs.seconds[run - 1] + legs.seconds[run])
    slower = legs.speed[[run, *range(run - 1)]].max()
    along = run <= CLOSE_RUN or _length(legs.velocity[run - 2] - after) <= UNLIKE_SHARE * legs.speed[run]
    return bool(along and np.hypot(*pull) > HARDEST_AT_END_M_S2 and legs.speed[run - 1] > FASTER_AT_END * slower)


def _steep_at_start(legs: _Legs, run: int) -> bool:
    back, after = legs.velocity[run - 1 : run + 1, 0]
    slower = legs.speed[[run, *range(run - 1)]].max()
    return bool(abs(after - back) > STEEPEST_AT_END_M_S and legs.speed[run - 1] > slower)


def _at_ends(legs: _Legs, doubted: Callable[[_Legs, int], bool]) -> Iterator[_Found]:
    """Yield the runs at the start and at the end that are far from where the two reports next to them lead."""
    count = len(legs.time_s)
    for at_end, these in ((False, legs), (True, legs.reversed())):
        for run in range(1, LONGEST_RUN + 1):
            if run > CLOSE_RUN and run * (1 + AROUND) > count:
                break
            led_m = these.places_m[run] + these.velocity[run] * (these.time_s[:run] - these.time_s[run])[:, None]
            aside_m = float(_length(these.places_m[:run] - led_m).min())
            least_m = HEIGHT_ASIDE_M if these.places_m.shape[1] == 1 else POSITION_JITTER_M
            if aside_m > least_m and doubted(these, run):
                furthest_m = float(_length(these.places_m[:run] - led_m).max())
                yield (count - run, count, furthest_m) if at_end else (0, run, furthest_m)


def _aside(legs: _Legs, run: int, begin: NDArray[np.intp]) -> Floats:
    """Return how far the furthest of each run between two reports is from the way between them.

    Nothing for a run of many of which one is less than half as far: they do not go along with the flight.
    """
    before, after = begin - 1, begin + run
    way = legs.places_m[after] - legs.places_m[before]
    whole_s = legs.time_s[after] - legs.time_s[before]
    off_m = [
        _length(
            legs.places_m[begin + n]
            - legs.places_m[before]
            - way * ((legs.time_s[begin + n] - legs.time_s[before]) / whole_s)[:, None]
        )
        for n in range(run)
    ]
    furthest_m = np.maximum.reduce(off_m)
    along = run <= CLOSE_RUN or 2.0 * np.minimum.reduce(off_m) >= furthest_m
    return np.asarray(np.where(along, furthest_m, 0.0))


def _rows(doubted: NDArray[np.bool_], begin: NDArray[np.intp], run: int, aside_m: Floats) -> Iterator[_Found]:
    for number in np.flatnonzero(doubted).tolist():
        yield int(begin[number]), int(begin[number]) + run, float(aside_m[number])


def _apart(found: Iterable[_Found]) -> list[_Found]:
    """Of runs that share a report, or are next to each other, keep one: of many reports, or the shortest and furthest.

    The first and the last of many that agree are each half as far aside of the reports beside them.
    """
    kept: list[_Found] = []
    taken: set[int] = set()
    for one in sorted(found, key=lambda one: (one[1] - one[0] <= CLOSE_RUN, one[1] - one[0], -one[2])):
        if taken.isdisjoint(range(one[0] - 1, one[1] + 1)):
            kept.append(one)
            taken.update(range(one[0], one[1]))
    return sorted(kept)


def _legs(time_s: Floats, places_m: Floats) -> _Legs:
    seconds = np.diff(time_s)
    velocity = np.diff(places_m, axis=0) / seconds[:, None]
    return _Legs(time_s, places_m, seconds, velocity, _length(velocity))


def _ways_m(heard: HeardReports) -> Floats:
    """Where each report is on a plane laid along the flight, north and east of the first, in metres."""
    north = np.diff(heard.latitude_deg)
    east = (np.diff(heard.longitude_deg) + 180.0) % 360.0 - 180.0
    middle = np.radians((heard.latitude_deg[1:] + heard.latitude_deg[:-1]) / 2.0)
    steps = LONGEST_DEGREE_M * np.stack([north, east * np.cos(middle)], axis=1)
    return np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])


def _length(vectors: Floats) -> Floats:
    return np.asarray(np.linalg.norm(vectors, axis=-1))
