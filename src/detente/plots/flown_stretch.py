"""A stretch of a day as it was flown, and what one party's watch said of it: what the report shows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from detente.airspace.plan import TimeWindow
from detente.watch.alert import Alert, AlertKind, AlertLevel, TrackSide


class MadeDeviation(StrEnum):
    """What one aircraft does that was not said."""

    ASIDE = "aside"
    """It leaves its plan to the side, and comes back."""
    HIGHER = "higher"
    """It leaves its level, and comes back."""
    LATE = "late"
    """It flies its plan some minutes too late."""
    SILENT = "silent"
    """Its transponder stops in flight."""
    UNDECLARED = "undeclared"
    """Nobody said anything of it."""


class FlownPath(msgspec.Struct, frozen=True):
    """One aircraft: where it flew and, where that is not its plan, where it should have; rows of longitude, latitude.

    `heard` is the part of what it flew that the feed heard.
    """

    name: str
    side: TrackSide
    heard: tuple[tuple[float, float], ...]
    flown: tuple[tuple[float, float], ...]
    planned: tuple[tuple[float, float], ...] = ()
    deviation: MadeDeviation | None = None


class ClosestPass(msgspec.Struct, frozen=True):
    """How near two aircraft really came, from places a second apart: when, and how far apart they were then.

    `lost_s` is how long both minima were lost, `lost_at` when that began; 0 and None when it never was.
    """

    at: datetime
    horizontal_m: float
    vertical_m: float
    lost_s: float = 0.0
    lost_at: datetime | None = None


class FlownAlert(msgspec.Struct, frozen=True):
    """One matter that the watch told, and what became of it.

    Attributes:
        number: by time, from 1.
        alert: as it was first told, aircraft by their names.
        kinds: all kinds of alert that stood for it.
        level: the worst that it reached.
        raised: when it was first told.
        ended: when it was over; None when it still stood at the end.
        deviation: what was done that it is about; None where every aircraft of it flew its plan.
        since: when that began; None where that is not known.
        closest: how near the two aircraft of it came.
        place: longitude and latitude to mark.
        more: how many more pairs the same was told of; an aircraft that is heard no more may be near to many.
    """

    number: int
    alert: Alert
    kinds: tuple[AlertKind, ...]
    level: AlertLevel
    raised: datetime
    ended: datetime | None
    deviation: MadeDeviation | None
    since: datetime | None
    closest: ClosestPass | None
    place: tuple[float, float]
    more: int = 0


class FlownStretch(msgspec.Struct, frozen=True):
    """The stretch flown, from the side of the party `watching`.

    Attributes:
        paths: every aircraft that was flown; none where no plan of the day says a path.
        reports: how many positions the feed told.
        alerts: in the order of their numbers.
        told: how many plans of the other side the watching party knew.
    """

    watching: str
    window: TimeWindow
    paths: tuple[FlownPath, ...]
    reports: int
    alerts: tuple[FlownAlert, ...]
    told: int

    def count(self, *kinds: AlertKind) -> int:
        """How many matters were told of these kinds."""
        return sum(not set(kinds).isdisjoint(one.kinds) for one in self.alerts)

    @property
    def deviations(self) -> int:
        """How many of the aircraft did what was not said."""
        return sum(path.deviation is not None for path in self.paths)
