"""Aircraft that are in, or will enter, an area that binds them: zones, notices, geofences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats
from detente.airspace.compiled import Vocabulary
from detente.airspace.ellipsoid_kernels import surface_points
from detente.airspace.plan import Circle, Plan, Polygon
from detente.airspace.position import from_posix_s, posix_s
from detente.airspace.search import PlanIndex
from detente.airspace.separation import Encounter
from detente.picture.notices import Meaning
from detente.picture.observations import TOUCHING
from detente.watch.alert import AlertKind, AlertPlace
from detente.watch.area_kernels import may_reach
from detente.watch.finding import WatchFinding, doubts_of
from detente.watch.live_tracks import SIDES, LiveTracks
from detente.watch.observed import path_plan
from detente.watch.prediction import Prediction
from detente.watch.separation import KEEPS_LONGER_S, level_in
from detente.watch.situation import LevelTimes, Situation, WatchedArea, areas_of
from detente.watch.turns import Turns

AT_ONCE = 150
"""So many paths are held against the areas exactly in one look; with more, the others keep what was found before."""
LEVELS_MOST = {Meaning.CALL_BEFORE_ENTERING: 2}
"""The most urgent level of an area's meaning, where it is not a warning."""


class AreaWatch:
    """Holds the paths of aircraft against areas, some each time, and remembers what was found of each."""

    def __init__(self) -> None:
        self._turns = Turns(AT_ONCE)
        self._found: dict[str, list[tuple[WatchedArea, Encounter]]] = {}
        self._told: tuple[object, object] = (None, None)
        self._areas: dict[str, WatchedArea] = {}
        self._index = PlanIndex(Vocabulary())
        self._centres, self._radii_m = np.empty((0, 3)), np.empty(0)
        self._binds = np.empty((0, len(SIDES)), dtype=np.bool_)

    def look(self, live: LiveTracks, prediction: Prediction, situation: Situation, now_s: float) -> list[WatchFinding]:
        """What is found now; of an aircraft whose turn it is not, what was found at its last one."""
        self._prepare(situation)
        if not self._areas or not len(live):
            return []
        reach_m = live.speed_mps * prediction.steps * prediction.step_s + live.error_m
        here = np.ascontiguousarray(prediction.points[:, 0])
        rows = np.flatnonzero(may_reach(here, reach_m, self._binds, self._centres, self._radii_m, live.side)).tolist()
        names = [live.tracks[row].track_id for row in rows]
        moment = from_posix_s(now_s)
        found = {name: self._found[name] for name in names if name in self._found}
        for place in self._turns.take(now_s, names):
            met = self._index.encounters(path_plan(live, prediction, rows[place], moment), TOUCHING)
            side = SIDES[live.side[rows[place]]]
            areas = [(self._areas[one.second_plan_id], one) for one in met]
            found[names[place]] = [(area, one) for area, one in areas if side in area.binds]
        self._found = found
        times = situation.times
        return [
            _finding(live, row, area, met, now_s, times)
            for row, name in zip(rows, names, strict=True)
            for area, met in found.get(name, [])
            if posix_s(met.end) > now_s
        ]

    def _prepare(self, situation: Situation) -> None:
        told = (situation.notices, situation.areas)
        if all(a is b for a, b in zip(self._told, told, strict=True)):
            return
        self._told = told
        areas = [*situation.areas, *areas_of(situation.party, situation.notices)]
        self._areas = {area.area_id: area for area in areas}
        self._index = PlanIndex(Vocabulary())
        for area in self._areas.values():
            self._index.insert(area.area_id, Plan(area.area_id, (area.volume,)))
        discs = [disc_of(area.volume.area) for area in self._areas.values()]
        self._centres = np.array([centre for centre, _ in discs]).reshape(-1, 3)
        self._radii_m = np.array([radius_m for _, radius_m in discs])
        self._binds = _binding(list(self._areas.values()))


def _binding(areas: list[WatchedArea]) -> NDArray[np.bool_]:
    return np.array([[side in area.binds for side in SIDES] for area in areas], dtype=np.bool_).reshape(-1, len(SIDES))


def disc_of(shape: Circle | Polygon) -> tuple[Floats, float]:
    """The middle of an area, Earth-centred, and how far from it anything in it is at most, in metres."""
    corners = (shape.centre,) if isinstance(shape, Circle) else shape.vertices
    points = surface_points(np.array([p.latitude_deg for p in corners]), np.array([p.longitude_deg for p in corners]))
    if isinstance(shape, Circle):
        return points[0], shape.radius_m
    middle = points.mean(axis=0)
    longest_m = np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1).max()
    # An edge bulges above its chord by its length squared over eight radii of the Earth.
    return middle, float(np.linalg.norm(points - middle, axis=1).max() + longest_m**2 / 5e7)


def _finding(
    live: LiveTracks, row: int, area: WatchedArea, met: Encounter, now_s: float, times: LevelTimes
) -> WatchFinding:
    track = live.tracks[row]
    left_s = max(0.0, posix_s(met.start) - now_s)
    most = LEVELS_MOST.get(area.meaning, 3)
    inside = left_s <= 0.0
    point = met.closest_first_position
    figures: dict[str, float | str] = {"meaning": area.meaning.value, "area": area.area_id}
    if track.pressure_altitude_m is not None:
        figures["first_altitude_m"] = track.pressure_altitude_m
    place = live.place_of(row) if inside else AlertPlace(
        point.latitude_deg, point.longitude_deg, track.pressure_altitude_m
    )  # fmt: skip
    return WatchFinding(
        f"{AlertKind.AREA}:{area.area_id}|{track.track_id}", AlertKind.AREA, min(most, level_in(times, left_s)),
        min(most, level_in(times, max(0.0, left_s - KEEPS_LONGER_S))), "area_inside" if inside else "area_ahead",
        (track.track_id,), live.sides_of(row), figures, left_s, place, area.area_id, doubts_of(track.doubts),
    )  # fmt: skip
