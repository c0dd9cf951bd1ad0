"""A finding: what one look of the watch found of one matter, before it is an alert."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from detente.watch.alert import AlertKind, AlertLevel, AlertPlace, TrackSide
from detente.watch.track import TrackDoubt

LEVELS = (AlertLevel.PREVENTIVE, AlertLevel.CORRECTIVE, AlertLevel.WARNING)
"""A level's number is its place here from 1; 0 is none."""
UNSURE = frozenset(TrackDoubt) - {TrackDoubt.COASTED}
"""Doubts in which a track is not to be believed: what it seems to do neither raises nor ends an alert unsaid."""


def number_of(level: AlertLevel) -> int:
    """The number of a level, from 1."""
    return LEVELS.index(level) + 1


@dataclass(frozen=True, slots=True)
class WatchFinding:
    """What one look found of the matter `key`; other fields as in `Alert`.

    Attributes:
        level: the number of the level found; 0 when it only keeps an alert that shows already.
        kept: the number of the level at which an alert that shows already is kept, no less than `level`.
        left_s: seconds until it is so; infinite where it has no such time.
        at_once: whether it is so now, beyond doubt: it shows without waiting for another look.
        rises: whether this look may raise an alert; one that may not still counts, and keeps what shows.
    """

    key: str
    kind: AlertKind
    level: int
    kept: int
    reason: str
    tracks: tuple[str, ...] = ()
    sides: tuple[TrackSide, ...] = ()
    figures: dict[str, float | str] = field(default_factory=dict)
    left_s: float = math.inf
    place: AlertPlace | None = None
    subject: str = ""
    doubts: tuple[str, ...] = ()
    at_once: bool = False
    rises: bool = True

    @property
    def badness(self) -> tuple[float, float, float, str]:
        """Sorts the worst first."""
        return -self.level, -self.kept, self.left_s, self.key


def doubts_of(*several: tuple[TrackDoubt, ...]) -> tuple[str, ...]:
    """All doubts of some tracks, each once, in the order in which they were declared."""
    found = {doubt for doubts in several for doubt in doubts}
    return tuple(doubt.value for doubt in TrackDoubt if doubt in found)
