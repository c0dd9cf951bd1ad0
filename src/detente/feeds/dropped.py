"""What a reader left out of a file, and why: nothing is dropped without being counted."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

import msgspec


class DropReason(StrEnum):
    """Why something in a file became no part of a plan; its value is the key of its text in room `language`."""

    ON_GROUND = "on_ground"
    NO_ALTITUDE = "no_altitude"
    NO_POSITION = "no_position"
    REPEATED_TIME = "repeated_time"
    TOO_FAST = "too_fast"
    GHOST = "ghost"
    POINT = "point"
    OVERLAY = "overlay"
    NO_GEOMETRY = "no_geometry"


class Dropped(msgspec.Struct, frozen=True):
    """How many things were left out for one reason."""

    reason: DropReason
    count: int


def dropped_in_order(counts: Counter[DropReason]) -> tuple[Dropped, ...]:
    """Return the counts above zero, in the order in which `DropReason` lists the reasons."""
    return tuple(Dropped(reason, counts[reason]) for reason in DropReason if counts[reason] > 0)
