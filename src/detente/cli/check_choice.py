"""Which conflicts of a large result are shown, and how many there are by plan and by hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import shapely

from detente.airspace.passes import Pass
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.source import instant

MOST_ROWS = 50
"""More conflicts than this are no table that anybody reads: so many are shown unless another number is said."""
MOST_COUNTED = 10
"""So many plans with the most conflicts are shown."""
FEWEST_CORNERS = 2


class NumberedPass(NamedTuple):
    """A pass under its number: its place among all of the comparison, the worst first, whatever is shown of them."""

    number: int
    found: Pass


class Choice(NamedTuple):
    """What of a result is wanted: the worst so many, from and to a time, within an area. None asks for all."""

    worst: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    area: shapely.Geometry | None = None

    def of(self, passes: Sequence[Pass]) -> list[NumberedPass]:
        """Return the conflicts that are wanted, each under its number."""
        numbered = [NumberedPass(number, one) for number, one in enumerate(passes, start=1)]
        if self.start is not None:
            numbered = [one for one in numbered if one.found.encounter.end >= self.start]
        if self.end is not None:
            numbered = [one for one in numbered if one.found.encounter.start <= self.end]
        if self.area is not None and numbered:
            inside = _within(self.area, [one.found.encounter.closest_first_position for one in numbered])
            inside |= _within(self.area, [one.found.encounter.closest_second_position for one in numbered])
            numbered = [one for one, is_inside in zip(numbered, inside.tolist(), strict=True) if is_inside]
        return numbered if self.worst is None else numbered[: self.worst]


def choice(worst: int | None, start: str | None, end: str | None, area: str | None) -> Choice:
    """Return what was typed as a choice; raises Refusal naming the option."""
    if worst is not None and worst < 1:
        raise Refusal("cli.at_least_one_conflict", "--worst", worst)
    times = [None if typed is None else _moment(name, typed) for name, typed in (("--from", start), ("--to", end))]
    first, last = times
    if first is not None and last is not None and last < first:
        raise Refusal("cli.end_after_start", "--to", end, start=first.isoformat())
    return Choice(worst, first, last, None if area is None else _area(area))


def counts_document(conflicts: Sequence[NumberedPass]) -> dict[str, Any]:
    """Return how many conflicts each plan has, the most first, and how many begin in each hour, as JSON."""
    ours, theirs, hours = _counts(conflicts)
    return {
        "ours": dict(ours.most_common()),
        "theirs": dict(theirs.most_common()),
        "hours": {f"{hour:%Y-%m-%dT%H:00:00Z}": count for hour, count in sorted(hours.items())},
    }


def counts_of(
    conflicts: Sequence[NumberedPass],
) -> tuple[list[tuple[str, int]], list[tuple[str, int]], dict[datetime, int]]:
    """Return the plans of ours and of theirs with the most conflicts, and how many conflicts begin in each hour."""
    ours, theirs, hours = _counts(conflicts)
    return ours.most_common(MOST_COUNTED), theirs.most_common(MOST_COUNTED), dict(sorted(hours.items()))


def _counts(conflicts: Sequence[NumberedPass]) -> tuple[Counter[str], Counter[str], Counter[datetime]]:
    found = [one.found.encounter for one in conflicts]
    return (
        Counter(one.first_plan_id for one in found),
        Counter(one.second_plan_id for one in found),
        Counter(one.start.replace(minute=0, second=0, microsecond=0) for one in found),
    )


def _moment(option: str, typed: str) -> datetime:
    stamp = typed.strip()
    with_seconds = f"{stamp[:16]}:00{stamp[16:]}" if stamp[16:17] in {"Z", "z", "+", "-"} else stamp
    return instant(with_seconds, option)


def _area(typed: str) -> shapely.Geometry:
    """Two opposite corners of a box, or the corners of a polygon, in degrees: "34,20 35,21"."""
    from detente.cli.claims_values import position

    corners = [position(word, "--area") for word in typed.split()]
    if len(corners) < FEWEST_CORNERS:
        raise Refusal("cli.corners_of_area", "--area", typed)
    points = np.array([(corner["longitude_deg"], corner["latitude_deg"]) for corner in corners])
    points[:, 0] = np.unwrap(points[:, 0], period=360.0)
    if len(points) == FEWEST_CORNERS:
        return shapely.box(*points.min(axis=0), *points.max(axis=0))
    shape = shapely.Polygon(points)
    if not shape.is_valid:
        raise Refusal("cli.corners_of_area", "--area", typed)
    return shape


def _within(area: shapely.Geometry, places: Sequence[Position]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    longitudes = np.array([place.longitude_deg for place in places])
    latitudes = np.array([place.latitude_deg for place in places])
    inside = np.zeros(len(places), dtype=np.bool_)
    for turn in (-360.0, 0.0, 360.0):
        inside |= shapely.intersects_xy(area, longitudes + turn, latitudes)
    return inside
