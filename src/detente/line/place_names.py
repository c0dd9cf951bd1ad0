"""Names of places: decoration for people, never part of a message (R12).

"North" was said and Latakia was meant. A message carries geometry only; each side may keep names of its own, against
which its own people's words are checked, and by which it sees what is near. No name goes to the other side.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.line.location import distance_and_bearing

SAME_PLACE_M = 20_000.0
"""A place further than this from where its name says it is raises a doubt."""
LONGEST_NAME = 80


class NamedPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place by the name that one side has for it."""

    name: str
    position: Position

    def __post_init__(self) -> None:
        if not (0 < len(self.name) <= LONGEST_NAME and self.name.isprintable()):
            raise Refusal("line.printable_characters", "name", self.name, most=LONGEST_NAME)


def disagrees(named: NamedPlace, position: Position) -> bool:
    """Whether a position is not where its name says."""
    return distance_and_bearing(named.position, position)[0] > SAME_PLACE_M


def nearest(places: Iterable[NamedPlace], position: Position) -> tuple[NamedPlace, float, float] | None:
    """Return the nearest named place, and metres and degrees true from there to `position`; None without places."""
    found: tuple[NamedPlace, float, float] | None = None
    shortest_m = math.inf
    for place in places:
        distance_m, bearing_deg = distance_and_bearing(place.position, position)
        if distance_m < shortest_m:
            found, shortest_m = (place, distance_m, bearing_deg), distance_m
    return found
