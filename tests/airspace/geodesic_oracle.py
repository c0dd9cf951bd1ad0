"""A slow and independent judge: geodesics by pyproj on dense samples, refined around the smallest ones.

It shares no code with the kernels: positions come from Geod.fwd, distances from Geod.inv, insideness from the sum of
bearings towards a densely sampled ring.
"""

from __future__ import annotations

import itertools

import numpy as np
from pyproj import Geod

from detente.airspace.plan import Circle, Polygon, Trajectory, Volume4D

GEOD = Geod(ellps="WGS84")


class Path:
    """A trajectory that can be asked where it is at any time; heights are readings in metres."""

    def __init__(self, trajectory: Trajectory) -> None:
        points = trajectory.waypoints
        self.times = np.array([w.time.timestamp() for w in points])
        self.heights = np.array([w.altitude.reading_m for w in points])
        self.latitudes = np.array([w.position.latitude_deg for w in points])
        self.longitudes = np.array([w.position.longitude_deg for w in points])
        if len(points) > 1:
            self.azimuths, _, self.lengths = GEOD.inv(
                self.longitudes[:-1], self.latitudes[:-1], self.longitudes[1:], self.latitudes[1:]
            )

    def at(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if len(self.times) == 1:
            return tuple(np.full(times.shape, v[0]) for v in (self.latitudes, self.longitudes, self.heights))
        leg = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, len(self.times) - 2)
        share = (times - self.times[leg]) / (self.times[leg + 1] - self.times[leg])
        longitude, latitude, _ = GEOD.fwd(
            self.longitudes[leg], self.latitudes[leg], self.azimuths[leg], self.lengths[leg] * share
        )
        return latitude, longitude, self.heights[leg] + share * (self.heights[leg + 1] - self.heights[leg])


def least(function, lowest: float, highest: float, samples: int = 1500, basins: int = 4) -> float:
    """The least value of a function of one parameter, refined around the lowest samples; inf where not feasible."""
    grid = np.linspace(lowest, highest, samples)
    values = function(grid)
    best = float(np.min(values))
    local = [
        k
        for k in range(samples)
        if np.isfinite(values[k])
        and values[k] <= values[max(k - 1, 0)]
        and values[k] <= values[min(k + 1, samples - 1)]
    ]
    step = (highest - lowest) / (samples - 1)
    for k in sorted(local, key=lambda k: values[k])[:basins]:
        centre, width = grid[k], step
        for _ in range(6):
            fine = np.linspace(max(lowest, centre - width), min(highest, centre + width), 81)
            refined = function(fine)
            centre = fine[int(np.argmin(refined))]
            width /= 20.0
            best = min(best, float(np.min(refined)))
    return best


def least_distance_m(first: Trajectory, second: Trajectory, vertical_m: float, time_s: float = 0.0) -> float:
    """The least geodesic distance of two trajectories at times no more than `time_s` apart and heights less than
    `vertical_m` apart; inf when there is none."""
    a, b = Path(first), Path(second)

    def at_offset(offset: float, times: np.ndarray) -> np.ndarray:
        later = times + offset
        la, oa, ha = a.at(times)
        lb, ob, hb = b.at(later)
        _, _, distance = GEOD.inv(oa, la, ob, lb)
        allowed = (np.abs(ha - hb) <= vertical_m) & (later >= b.times[0] - 1e-9) & (later <= b.times[-1] + 1e-9)
        return np.where(allowed, distance, np.inf)

    def over_times(offset: float) -> float:
        start, end = max(a.times[0], b.times[0] - offset), min(a.times[-1], b.times[-1] - offset)
        if start > end:
            return np.inf
        # Between two turns of either flight the distance is smooth, so samples there cannot hide a dip.
        turns = np.unique(np.clip(np.r_[a.times, b.times - offset, start, end], start, end))
        if len(turns) == 1:
            return float(at_offset(offset, turns)[0])
        samples = 60 if time_s else 300
        return min(
            least(lambda times: at_offset(offset, times), low, high, samples, basins=2)
            for low, high in itertools.pairwise(turns)
        )

    if time_s == 0.0:
        return over_times(0.0)
    lowest, highest, best = -time_s, time_s, np.inf
    for _ in range(4):
        offsets = np.linspace(lowest, highest, 25)
        values = [over_times(offset) for offset in offsets]
        k = int(np.argmin(values))
        best = min(best, values[k])
        width = (highest - lowest) / 12.0
        lowest, highest = max(-time_s, offsets[k] - width), min(time_s, offsets[k] + width)
    return best


class Area:
    """A circle or a polygon whose distance from points can be asked."""

    def __init__(self, volume: Volume4D, samples_per_edge: int = 400) -> None:
        area = volume.area
        self.radius = area.radius_m if isinstance(area, Circle) else 0.0
        if isinstance(area, Circle):
            self.latitudes = np.array([area.centre.latitude_deg])
            self.longitudes = np.array([area.centre.longitude_deg])
            self.corners = None
            return
        assert isinstance(area, Polygon)
        self.corners = area.vertices
        self.edges = []
        latitudes, longitudes = [], []
        for here, there in zip(area.vertices, (*area.vertices[1:], area.vertices[0]), strict=True):
            azimuth, _, length = GEOD.inv(
                here.longitude_deg, here.latitude_deg, there.longitude_deg, there.latitude_deg
            )
            self.edges.append((here.latitude_deg, here.longitude_deg, azimuth, length))
            along = np.linspace(0.0, length, samples_per_edge, endpoint=False)
            lon, lat, _ = GEOD.fwd(
                np.full_like(along, here.longitude_deg),
                np.full_like(along, here.latitude_deg),
                np.full_like(along, azimuth),
                along,
            )
            latitudes.append(lat)
            longitudes.append(lon)
        self.latitudes, self.longitudes = np.concatenate(latitudes), np.concatenate(longitudes)

    def contains(self, latitude: float, longitude: float) -> bool:
        if self.corners is None:
            return False
        n = len(self.latitudes)
        azimuth, _, _ = GEOD.inv(np.full(n, longitude), np.full(n, latitude), self.longitudes, self.latitudes)
        turn = np.diff(np.r_[azimuth, azimuth[0]])
        return bool(abs(np.sum((turn + 180.0) % 360.0 - 180.0)) > 180.0)

    def distance_m(self, latitude: float, longitude: float) -> float:
        """Distance in metres from a point to the area, 0 inside."""
        if self.contains(latitude, longitude):
            return 0.0
        if self.corners is None:
            _, _, distance = GEOD.inv(longitude, latitude, self.longitudes[0], self.latitudes[0])
            return max(0.0, distance - self.radius)

        def to_edge(edge):
            lat, lon, azimuth, length = edge

            def distance(along: np.ndarray) -> np.ndarray:
                n = len(along)
                elon, elat, _ = GEOD.fwd(np.full(n, lon), np.full(n, lat), np.full(n, azimuth), along)
                return GEOD.inv(np.full(n, longitude), np.full(n, latitude), elon, elat)[2]

            return least(distance, 0.0, length, samples=60, basins=1)

        return min(to_edge(edge) for edge in self.edges)
