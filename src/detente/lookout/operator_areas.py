"""The operator's geofences and boundaries as the watch takes them, read from the files that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

import structlog

from detente.airspace.plan import TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.airspace_volumes import AirspaceOptions
from detente.feeds.load import AIRSPACE_READERS
from detente.feeds.recognition import plan_format
from detente.feeds.source import Within, printable_line, read_bytes
from detente.feeds.vertical_limits import GroundElevation
from detente.settings.configuration import WatchSettings
from detente.settings.map_boundaries import boundary_sets
from detente.settings.watched_areas import BoundarySettings, GeofenceSettings
from detente.watch.boundary import Boundary, LineDatum, boundary_hash
from detente.watch.situation import WatchedArea

READ_EVERY = timedelta(days=1)
HELD_FOR = timedelta(days=28)
"""A file is asked about so long: a cycle of aeronautical information. It is read again every day, so none runs out."""
LARGEST_FILE_BYTES = 32 * 2**20
MOST_AREAS = 5_000
BEFORE, AHEAD = timedelta(minutes=15), timedelta(hours=1)
"""What is over for longer, or begins later, is not told."""

log = structlog.get_logger()


class OperatorAreas:
    """What the settings of one node name; the files are read at once, and Refusal raised for one that cannot be."""

    def __init__(self, directory: Path, settings: WatchSettings, at: datetime) -> None:
        self._directory = directory
        self._geofences = settings.geofences
        self.boundaries = tuple(_boundary(directory, number, one) for number, one in enumerate(settings.boundaries))
        self._read_at = at
        self._areas = self._read(at)

    def refresh(self, at: datetime) -> None:
        """Read the files again where that was a day ago; it may take long.

        A file that can be read no more is said in the log, and what was read before goes on to hold.
        """
        if abs(at - self._read_at) >= READ_EVERY:
            self._read_at = at
            try:
                self._areas = self._read(at)
            except Refusal as refusal:
                log.error("the geofences are not read again", why=str(refusal))

    def areas(self, at: datetime) -> tuple[WatchedArea, ...]:
        """Return the areas that hold about a time (UTC)."""
        return tuple(
            one for one in self._areas if one.volume.time.start <= at + AHEAD and one.volume.time.end >= at - BEFORE
        )

    def _read(self, at: datetime) -> list[WatchedArea]:
        found = [area for number, one in enumerate(self._geofences) for area in self._areas_of(number, one, at)]
        if len(found) > MOST_AREAS:
            raise Refusal("watch.at_most_geofences", "watch.geofences", len(found), most=MOST_AREAS)
        return found

    def _areas_of(self, number: int, geofence: GeofenceSettings, at: datetime) -> Iterator[WatchedArea]:
        path = self._directory / geofence.file
        ground = None
        if geofence.ground_elevation_m is not None:
            ground = GroundElevation(geofence.ground_elevation_m, geofence.ground_error_m)
        with Within(f"watch.geofences[{number}] {printable_line(geofence.file, 120)}"):
            kind = plan_format(path)
            if kind not in AIRSPACE_READERS:
                raise Refusal("feeds_airspace.format_with_boundaries", "", kind.value)
            options = AirspaceOptions(ground, TimeWindow(at - READ_EVERY, at + HELD_FOR))
            plans, _ = AIRSPACE_READERS[kind](read_bytes(path, LARGEST_FILE_BYTES), options)
            for plan in plans:
                for k, volume in enumerate(plan.intent if isinstance(plan.intent, tuple) else ()):
                    # One name for each volume, and for each file, so that no area takes another's place.
                    area_id = f"{plan.plan_id[:50]}:{number}.{k}"
                    yield WatchedArea(area_id, geofence.meaning, volume, geofence.binds)


def _boundary(directory: Path, number: int, said: BoundarySettings) -> Boundary:
    """The line of the settings, or of the map that they name.

    Raises Refusal for one that is none, or is not what both sides have said.
    """
    with Within(f"watch.boundaries[{number}]"):
        if said.datum not in tuple(LineDatum):
            raise Refusal("watch.datum_of_line", "datum", said.datum, datums=", ".join(LineDatum))
        points = tuple(Position(*point) for point in said.points or _line_of_map(directory, said))
        line = Boundary(said.boundary_id, points, said.left, said.right, said.buffer_m, LineDatum(said.datum))
        found = boundary_hash(line)
        if said.sha256 not in {"", found}:
            raise Refusal("watch.boundary_as_agreed", "sha256", said.sha256, found=found)
        return line


def _line_of_map(directory: Path, said: BoundarySettings) -> Iterator[tuple[float, float]]:
    """Latitudes and longitudes of a line of the map; raises Refusal unless just one line has this name."""
    sets = {one.name: one for one in boundary_sets(directory)}
    if said.map_set not in sets:
        raise Refusal("node.boundaries_on_map", "map_set", said.map_set, known=", ".join(sets) or "none yet")
    lines = [line for line in sets[said.map_set].lines if line.name == said.map_line]
    if len(lines) != 1:
        raise Refusal("watch.one_line_of_map", "map_line", said.map_line, count=len(lines))
    # A line of a map may say a point twice, which is no piece of a boundary.
    points = [point for point, _ in groupby(lines[0].points)]
    return ((latitude_deg, longitude_deg) for longitude_deg, latitude_deg in points)
