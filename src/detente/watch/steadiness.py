"""What keeps an alert steady: so many findings of the last few before it shows, and a while before it falls."""

from __future__ import annotations

import math
from collections import deque

import msgspec

from detente.airspace.altitude import check_range

COUNTED_EVERY_S = 0.9
"""A matter's looks count a second apart, from the first that found it; whoever looks more often sees it sooner."""


class Steadiness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An alert shows a level once `needed` of its last `among` looks found it.

    `slower` has needed and among for levels below the highest, from the lowest: what is far ahead may wait longer to be
    sure. They count for an alert that rises; one that shows already is kept by `needed` of `among`.

    It does not fall before it has shown a level for `holds_s`, nor before `lingers_s` since the level was last found so
    often. The default is that of DO-365B as DAIDALUS is configured for it: 2 of 4, and 4 s.
    """

    needed: int = 2
    among: int = 4
    holds_s: float = 4.0
    lingers_s: float = 0.0
    slower: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        check_range("needed", self.needed, 1, 20, "looks")
        check_range("among", self.among, self.needed, 20, "looks, no fewer than needed")
        for needed, among in self.slower:
            check_range("slower", among, self.among, 20, "looks, no fewer than needed")
            check_range("slower", needed, self.needed, among, "looks, no fewer than needed")
        check_range("holds_s", self.holds_s, 0.0, 600.0, "seconds")
        check_range("lingers_s", self.lingers_s, 0.0, 600.0, "seconds")


class SteadyLevel:
    """The level that one matter shows, from what each look found; 0 is none."""

    __slots__ = ("_counted_s", "_looks", "_rose_s", "_steadiness", "_supported_s", "level")

    def __init__(self, steadiness: Steadiness) -> None:
        self._steadiness = steadiness
        self._looks: deque[int] = deque(maxlen=max([steadiness.among, *(among for _, among in steadiness.slower)]))
        self.level = 0
        self._counted_s = -math.inf
        self._rose_s = 0.0
        self._supported_s = 0.0

    def look(self, at_s: float, found: int, kept: int = 0, *, at_once: bool = False, rises: bool = True) -> int:
        """Take in what one look found, and return the level now shown.

        `at_once`: what was found is shown without waiting for another look.
        `rises`: whether this look may raise what is shown; one that may not counts all the same.
        `kept` is the level at which an alert that shows already is kept, where the thresholds for that are wider than
        those at which it begins. A look that comes within COUNTED_EVERY_S of the last one counted is not counted, but
        what is shown at once does not wait for the next.
        """
        if 0.0 <= at_s - self._counted_s < COUNTED_EVERY_S and not (at_once and found > self.level):
            return self.level
        self._counted_s = at_s
        self._looks.append(max(found, min(kept, self.level)))
        steady = found if at_once else self._steady(max(self._looks))
        if not (rises or at_once):
            steady = min(steady, self.level)
        if steady > self.level:
            self._rose_s = at_s
        if steady >= self.level:
            self._supported_s = at_s
        elif at_s - self._rose_s < self._steadiness.holds_s or at_s - self._supported_s < self._steadiness.lingers_s:
            return self.level
        self.level = steady
        return self.level

    def _steady(self, highest: int) -> int:
        """The highest level that enough of the last looks found."""
        for level in range(highest, 0, -1):
            needed, among = self._steadiness.needed, self._steadiness.among
            if self.level < level <= len(self._steadiness.slower):
                needed, among = self._steadiness.slower[level - 1]
            if sum(look >= level for look in list(self._looks)[-among:]) >= needed:
                return level
        return 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing shows and none of the last looks found anything."""
        return self.level == 0 and not any(self._looks)
