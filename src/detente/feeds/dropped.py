"""What a reader left out of a file, and why: nothing is dropped without being counted and named."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from enum import StrEnum

import msgspec

from detente.airspace.position import Position


class DropReason(StrEnum):
    """Why something in a file became no part of a plan; its value is the key of its text in room `language`."""

    ON_GROUND = "on_ground"
    NO_ALTITUDE = "no_altitude"
    NO_POSITION = "no_position"
    NEVER_PLACED = "never_placed"
    NULL_POSITION = "null_position"
    REPEATED_TIME = "repeated_time"
    TOO_FAST = "too_fast"
    TOO_STEEP = "too_steep"
    TOO_HIGH = "too_high"
    FROZEN = "frozen"
    GHOST = "ghost"
    POINT = "point"
    OVERLAY = "overlay"
    NO_GEOMETRY = "no_geometry"
    NO_AIRSPACE = "no_airspace"
    FENCE = "fence"
    RALLY_POINT = "rally_point"
    FLIGHT_PLAN_ITEM = "flight_plan_item"
    EVENT = "event"
    RECKONED = "reckoned"
    NO_REPORT = "no_report"
    SILENCE = "silence"
    NO_AREA = "no_area"
    OUTSIDE_WINDOW = "outside_window"
    DELETED = "deleted"
    INACTIVE = "inactive"
    SUBTRACTED = "subtracted"
    OTHER_FEATURE = "other_feature"

    @property
    def implausible(self) -> bool:
        """Whether what was left out was wrong or incomplete, so that an aircraft may be elsewhere than is known."""
        return self in _IMPLAUSIBLE


MOST_NAMES = 30
_IMPLAUSIBLE = frozenset(
    {DropReason.NO_ALTITUDE, DropReason.NEVER_PLACED, DropReason.NULL_POSITION, DropReason.TOO_FAST,
     DropReason.TOO_STEEP, DropReason.TOO_HIGH, DropReason.FROZEN}
)  # fmt: skip


class Stretch(msgspec.Struct, frozen=True):
    """Reports of one aircraft that were left out one after the other: from when to when, and where the first was.

    `position` is None when it has none.
    """

    flight: str
    reports: int
    start: datetime
    end: datetime
    position: Position | None


class Dropped(msgspec.Struct, frozen=True):
    """How many things were left out for one reason; of tracks also which, of things that have names these."""

    reason: DropReason
    count: int
    stretches: tuple[Stretch, ...] = ()
    names: tuple[str, ...] = ()


class Doubtful(msgspec.Struct, frozen=True):
    """An aircraft of which reports were left out that were wrong or incomplete: how many of how many."""

    flight: str
    left_out: int
    reports: int


def dropped_in_order(counts: Counter[DropReason]) -> tuple[Dropped, ...]:
    """Return the counts above zero, in the order in which `DropReason` lists the reasons."""
    return tuple(Dropped(reason, counts[reason]) for reason in DropReason if counts[reason] > 0)


def dropped_by_name(names: Counter[tuple[DropReason, str]]) -> tuple[Dropped, ...]:
    """Return the counts of things with names, in the same order; of many names the most frequent."""
    found = []
    for reason in DropReason:
        named = Counter({name: count for (one, name), count in names.items() if one is reason})
        if named:
            most = sorted(name for name, _ in named.most_common(MOST_NAMES))
            found.append(Dropped(reason, named.total(), names=(*most, *(["..."] if len(named) > MOST_NAMES else []))))
    return tuple(found)
