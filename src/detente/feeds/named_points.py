"""Named points of routes, given beside them: CSV with the columns name, latitude, longitude.

`airway` says that a point is on one, in the order of the rows; `variation` how many degrees magnetic north lies
east of true north there, which bearings from the point are measured from.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from detente.airspace.position import Position, same_point
from detente.airspace.refusal import Refusal
from detente.feeds.csv_rows import csv_rows
from detente.feeds.source import Within, decimal_number, printable_line

COLUMNS = ("name", "latitude", "longitude")
OPTIONAL_COLUMNS = ("airway", "variation")


class NamedPoint(msgspec.Struct, frozen=True):
    """A position with a name; the magnetic variation is in degrees east, None where it is not known."""

    name: str
    position: Position
    variation_deg: float | None = None


class NamedPoints(msgspec.Struct, frozen=True):
    """Points by their names, and the names of the points of each airway in their order."""

    points: Mapping[str, NamedPoint]
    airways: Mapping[str, tuple[str, ...]]

    def along(self, airway: str, first: str, last: str) -> tuple[NamedPoint, ...]:
        """Return the points of an airway after `first` up to `last`; raises Refusal where they are not on it."""
        names = self.airways[airway]
        for name in (first, last):
            if names.count(name) != 1:
                raise Refusal("routes.point_of_airway", airway, name, points=printable_line(", ".join(names), 200))
        begin, end = names.index(first), names.index(last)
        chosen = names[begin + 1 : end + 1] if begin < end else names[end:begin][::-1]
        return tuple(self.points[name] for name in chosen)


def read_points(content: bytes) -> NamedPoints:
    """Return the points of a file; raises Refusal naming line and column."""
    header, rows, lines = csv_rows(content)
    names = [name.lower() for name in header]
    for name in names:
        if name not in COLUMNS + OPTIONAL_COLUMNS:
            raise Refusal(
                "routes.column_of_points", "columns", printable_line(name),
                columns=", ".join(COLUMNS + OPTIONAL_COLUMNS),
            )  # fmt: skip
    if len(set(names)) < len(names) or not set(COLUMNS) <= set(names):
        raise Refusal(
            "feeds.columns_of_format", "columns", printable_line(", ".join(header)), columns=", ".join(COLUMNS)
        )
    points: dict[str, NamedPoint] = {}
    airways: dict[str, list[str]] = {}
    for line, row in zip(lines, rows, strict=True):
        with Within(f"line {line}"):
            values = {name: value.strip() for name, value in zip(names, row, strict=True)}
            point = _point(values)
            known = points.setdefault(point.name, point)
            if not same_point(known.position, point.position) or known.variation_deg != point.variation_deg:
                raise Refusal("routes.one_place_of_name", "name", point.name)
            if values.get("airway"):
                airways.setdefault(values["airway"].upper(), []).append(point.name)
    return NamedPoints(points, {airway: tuple(found) for airway, found in airways.items()})


def _point(values: Mapping[str, str]) -> NamedPoint:
    name = values["name"].upper()
    if not name or not name.isprintable() or " " in name or len(name) > 64:
        raise Refusal("routes.name_of_point", "name", printable_line(name))
    position = Position(
        decimal_number(values["latitude"], "latitude"), decimal_number(values["longitude"], "longitude")
    )
    variation = values.get("variation", "")
    variation_deg = decimal_number(variation, "variation") if variation else None
    if variation_deg is not None and not -180.0 <= variation_deg <= 180.0:
        raise Refusal("routes.variation_in_degrees", "variation", variation)
    return NamedPoint(name, position, variation_deg)
