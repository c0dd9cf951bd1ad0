"""Where a plan is over time, sampled for drawing. What is in conflict is decided in `airspace`, never here."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from detente.airspace.altimetry import heights_array
from detente.airspace.altitude import AltitudeReference, Ellipsoid, Ground, MeanSeaLevel, Qfe, Qnh, StandardPressure
from detente.airspace.arrays import Floats
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Circle, Plan, Polygon, Trajectory, Volume4D
from detente.airspace.position import posix_s
from detente.airspace.separation import AltitudeFrame
from detente.plots.basemap import Degrees

LONGEST_STRAIGHT_M = 40_000.0
"""Longer legs and edges get points in between, so that they are drawn as the geodesics they are."""
CIRCLE_POINTS = 72
LEAST_MARGIN_S = 90.0


class SampledPath:
    """A trajectory as arrays, altitudes in metres on one frame; NaN outside its time."""

    def __init__(self, trajectory: Trajectory, frame: AltitudeFrame) -> None:
        """Convert the waypoints' altitudes to `frame`."""
        waypoints = trajectory.waypoints
        self.vertical_m = trajectory.containment.vertical_m
        self.reference_name = reference_name(waypoints[0].altitude.reference)
        self.times_s = np.array([posix_s(w.time) for w in waypoints])
        self.places = np.array([(w.position.longitude_deg, w.position.latitude_deg) for w in waypoints])
        readings = np.array([w.altitude.reading_m for w in waypoints])
        self.altitudes_m = on_frame(readings, waypoints[0].altitude.reference, self.places, frame)

    @property
    def start_s(self) -> float:
        """First instant, seconds since 1970."""
        return float(self.times_s[0])

    @property
    def end_s(self) -> float:
        """Last instant, seconds since 1970."""
        return float(self.times_s[-1])

    def place(self, times_s: Floats) -> Degrees:
        """Longitude and latitude in degrees at each time; rows of NaN outside the course."""
        places = np.full((len(times_s), 2), np.nan)
        inside = (times_s >= self.start_s) & (times_s <= self.end_s)
        if len(self.times_s) == 1:
            places[inside] = self.places[0]
            return places
        times = times_s[inside]
        leg = np.clip(np.searchsorted(self.times_s, times, side="right") - 1, 0, len(self.times_s) - 2)
        share = (times - self.times_s[leg]) / (self.times_s[leg + 1] - self.times_s[leg])
        azimuths, lengths_m = self._legs
        longitudes, latitudes, _ = GEOD.fwd(
            self.places[leg, 0], self.places[leg, 1], azimuths[leg], lengths_m[leg] * share
        )
        places[inside] = np.column_stack((longitudes, latitudes))
        return places

    def band(self, times_s: Floats) -> tuple[Floats, Floats]:
        """Lower and upper altitude in metres at each time, without containment: both are the nominal altitude."""
        nominal = np.interp(times_s, self.times_s, self.altitudes_m, left=np.nan, right=np.nan)
        return nominal, nominal

    def shapes(self, times_s: Floats, project: Callable[[Degrees], Floats]) -> NDArray[np.object_]:
        """A point of the plane for each time; None outside the course."""
        places = self.place(times_s)
        flat = project(np.nan_to_num(places))
        shapes = np.asarray(shapely.points(flat), dtype=object)
        shapes[np.isnan(places[:, 0])] = None
        return shapes

    @cached_property
    def _legs(self) -> tuple[Floats, Floats]:
        azimuths, _, lengths_m = GEOD.inv(
            self.places[:-1, 0], self.places[:-1, 1], self.places[1:, 0], self.places[1:, 1]
        )
        return np.asarray(azimuths), np.asarray(lengths_m)


class Areas:
    """A plan's volumes as outlines with bands in metres on one frame and times."""

    def __init__(self, volumes: tuple[Volume4D, ...], frame: AltitudeFrame) -> None:
        """Convert the bands to `frame` at each area's first point."""
        self.vertical_m = 0.0
        self.reference_name = reference_name(volumes[0].altitude.lower.reference)
        self.outlines = [outline(volume.area) for volume in volumes]
        self.windows_s = np.array([(posix_s(v.time.start), posix_s(v.time.end)) for v in volumes])
        self.bands_m = np.array([
            on_frame(
                np.array([v.altitude.lower.reading_m, v.altitude.upper.reading_m]), v.altitude.lower.reference,
                np.repeat(line[:1], 2, axis=0), frame,
            )
            for v, line in zip(volumes, self.outlines, strict=True)
        ])  # fmt: skip

    @property
    def start_s(self) -> float:
        """First instant, seconds since 1970."""
        return float(self.windows_s[:, 0].min())

    @property
    def end_s(self) -> float:
        """Last instant, seconds since 1970."""
        return float(self.windows_s[:, 1].max())

    def band(self, times_s: Floats) -> tuple[Floats, Floats]:
        """Lower and upper altitude in metres of all volumes that are active at each time."""
        active = self._active(times_s)
        low = np.where(active, self.bands_m[:, 0], np.inf).min(axis=1)
        high = np.where(active, self.bands_m[:, 1], -np.inf).max(axis=1)
        none = ~active.any(axis=1)
        low[none], high[none] = np.nan, np.nan
        return low, high

    def shapes(self, times_s: Floats, project: Callable[[Degrees], Floats]) -> NDArray[np.object_]:
        """The union of the active areas in the plane for each time; None where no volume is active."""
        flat = [shapely.make_valid(shapely.Polygon(project(line))) for line in self.outlines]
        shapes = np.full(len(times_s), None, dtype=object)
        active = self._active(times_s)
        patterns, which = np.unique(active, axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            if pattern.any():
                union = shapely.union_all([shape for shape, on in zip(flat, pattern, strict=True) if on])
                shapes[which == number] = union
        return shapes

    def _active(self, times_s: Floats) -> NDArray[np.bool_]:
        times = times_s[:, None]
        return np.asarray((times >= self.windows_s[:, 0]) & (times <= self.windows_s[:, 1]))


def presence(plan: Plan, frame: AltitudeFrame) -> SampledPath | Areas:
    """A plan ready for sampling, altitudes on `frame`."""
    if isinstance(plan.intent, Trajectory):
        return SampledPath(plan.intent, frame)
    return Areas(plan.intent, frame)


def separation(first: SampledPath | Areas, second: SampledPath | Areas, times_s: Floats) -> tuple[Floats, Floats]:
    """Horizontal and vertical distance in metres at each time, between nominal points or edges; NaN unless both are."""
    if isinstance(first, SampledPath) and isinstance(second, SampledPath):
        a, b = first.place(times_s), second.place(times_s)
        both = ~np.isnan(a[:, 0]) & ~np.isnan(b[:, 0])
        horizontal_m = np.full(len(times_s), np.nan)
        horizontal_m[both] = GEOD.inv(a[both, 0], a[both, 1], b[both, 0], b[both, 1])[2]
    else:
        centre = (first.places if isinstance(first, SampledPath) else first.outlines[0])[0]
        plane = pyproj.Proj(proj="aeqd", lat_0=centre[1], lon_0=centre[0], ellps="WGS84", units="m")

        def project(points: Degrees) -> Floats:
            return np.column_stack(plane(points[:, 0], points[:, 1])).astype(np.float64)

        horizontal_m = np.asarray(shapely.distance(first.shapes(times_s, project), second.shapes(times_s, project)))
    low_a, high_a = first.band(times_s)
    low_b, high_b = second.band(times_s)
    vertical_m = np.maximum(0.0, np.maximum(low_a - high_b, low_b - high_a))
    return horizontal_m, vertical_m


def shown_times(start_s: float, end_s: float, count: int) -> Floats:
    """Times of a plot of one conflict, in seconds since 1970: its span, and some of what is before and after."""
    margin_s = max(LEAST_MARGIN_S, 0.5 * (end_s - start_s))
    return np.linspace(start_s - margin_s, end_s + margin_s, count)


def on_frame(readings_m: Floats, reference: AltitudeReference, places: Degrees, frame: AltitudeFrame) -> Floats:
    """Readings in metres on `reference` at `places`, converted to `frame`."""
    if frame is AltitudeFrame.AS_PLANNED:
        return readings_m
    columns = heights_array(readings_m, reference, places[:, 1], places[:, 0])
    return columns[1] if frame is AltitudeFrame.STANDARD_PRESSURE else columns[3]


def reference_name(reference: AltitudeReference) -> str:
    """What altitudes are read above, as in the tables `profile.altitude` and `report.reference` of the languages."""
    names: dict[type, str] = {
        StandardPressure: "standard_pressure", Ellipsoid: "ellipsoid", MeanSeaLevel: "mean_sea_level", Ground: "ground",
        Qnh: "qnh", Qfe: "qfe",
    }  # fmt: skip
    return names[type(reference)]


def outline(area: Circle | Polygon) -> Degrees:
    """A closed ring around an area, edges along geodesics, as rows of longitude and latitude in degrees."""
    if isinstance(area, Circle):
        azimuths = np.linspace(0.0, 360.0, CIRCLE_POINTS + 1)
        longitudes, latitudes, _ = GEOD.fwd(
            np.full_like(azimuths, area.centre.longitude_deg), np.full_like(azimuths, area.centre.latitude_deg),
            azimuths, np.full_like(azimuths, max(area.radius_m, 1.0)),
        )  # fmt: skip
        return np.column_stack((longitudes, latitudes))
    ring = [(v.longitude_deg, v.latitude_deg) for v in (*area.vertices, area.vertices[0])]
    return densified(np.array(ring))


def densified(points: Degrees) -> Degrees:
    """The same line with points added along geodesics, so that none is more than LONGEST_STRAIGHT_M from the next."""
    if len(points) < 2:
        return points
    _, _, lengths_m = GEOD.inv(points[:-1, 0], points[:-1, 1], points[1:, 0], points[1:, 1])
    counts = np.asarray(lengths_m) // LONGEST_STRAIGHT_M
    if not counts.any():
        return points
    pieces: list[Degrees] = []
    for number, count in enumerate(counts.astype(int)):
        pieces.append(points[number : number + 1])
        if count:
            between = GEOD.npts(
                points[number, 0], points[number, 1], points[number + 1, 0], points[number + 1, 1], int(count)
            )
            pieces.append(np.array(between).reshape(-1, 2))
    return np.concatenate([*pieces, points[-1:]])


def drawn_lines(plan: Plan) -> list[Degrees]:
    """What a map shows of a plan: its path, or the outlines of its volumes (each once)."""
    if isinstance(plan.intent, Trajectory):
        places = [(w.position.longitude_deg, w.position.latitude_deg) for w in plan.intent.waypoints]
        return [densified(np.array(places))]
    return [outline(area) for area in dict.fromkeys(volume.area for volume in plan.intent)]
