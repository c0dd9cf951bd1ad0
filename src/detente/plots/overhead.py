"""One conflict seen from above: both paths around the closest approach, and the circle that neither should enter."""

from __future__ import annotations

import math

import numpy as np

from detente.airspace.geodesy import GEOD
from detente.airspace.position import Position, posix_s
from detente.language.figures import distance_nm
from detente.plots.basemap import Degrees, world
from detente.plots.bilingual import phrase, worded
from detente.plots.contents import ReportConflict
from detente.plots.graticule import Page
from detente.plots.map import SIDES, draw_scale
from detente.plots.sampling import Areas, SampledPath, presence, shown_times
from detente.plots.scene import scale_bar
from detente.plots.svg import Drawing
from detente.plots.window import Metres, window_around

SIZE = 392.0
OVERHEAD_DETAIL = 0.25
FARTHEST = 2.5
"""Up to so many required distances away, a changed path is brought into the picture."""


def conflict_overhead(conflict: ReportConflict) -> str:
    """The square view from above as an `svg` element, north up."""
    return _Overhead(conflict).drawing.markup()


class _Overhead:
    def __init__(self, conflict: ReportConflict) -> None:
        encounter = conflict.encounter
        self.encounter = encounter
        frame = encounter.altitude_frame
        self.before = [presence(plan, frame) for plan in (conflict.first, conflict.second)]
        self.after = [
            presence(then, frame) if then != plan else None
            for plan, then in ((conflict.first, conflict.first_after), (conflict.second, conflict.second_after))
        ]
        start_s, end_s = posix_s(encounter.start), posix_s(encounter.end)
        self.lost_s = np.linspace(start_s, end_s, 81)
        self.times_s = shown_times(start_s, end_s, 601)
        ring = _ring(encounter.closest_first_position, encounter.required_horizontal_m)
        close = [ring, _points(encounter.closest_first_position, encounter.closest_second_position)]
        close += [self._place(side) for side in self.after if isinstance(side, SampledPath)]
        window = window_around(close, least_aspect=1.0, most_aspect=1.0, margin=0.05, least_m=60.0)
        self.page = Page(window, SIZE)
        self.drawing = Drawing(SIZE, SIZE, "overhead")
        self._ground()
        self.drawing.path(self._lines([ring]), "required")
        for name, side, then in zip(SIDES, self.before, self.after, strict=True):
            if then:
                self._way(then, f"line {name} after")
            self._way(side, f"line {name} before")
            self._stretch(side, name)
        self._closest()
        self._frame()

    def _place(self, side: SampledPath) -> Degrees:
        """Where a changed aircraft is at the moment that was the closest, unless that is far out of the picture."""
        place = side.place(np.array([posix_s(self.encounter.closest_first_time)]))
        here = self.encounter.closest_first_position
        if np.isnan(place).any():
            return np.empty((0, 2))
        away_m = GEOD.inv(here.longitude_deg, here.latitude_deg, place[0, 0], place[0, 1])[2]
        return place if away_m < FARTHEST * self.encounter.required_horizontal_m else np.empty((0, 2))

    def _ground(self) -> None:
        window, tolerance_m = self.page.window, OVERHEAD_DETAIL / self.page.units_per_m
        basemap = world()
        self.drawing.rectangle(0.0, 0.0, SIZE, SIZE, "sea")
        land = window.land(basemap, tolerance_m)
        self.drawing.path([self.page.units(ring) for rings in land for ring in rings], "land", closed=True)
        self.drawing.path(self._lines(basemap.borders(window.centre, window.radius_m)), "border")
        self.drawing.path(self._lines(basemap.coast(window.centre, window.radius_m)), "coast")

    def _lines(self, lines: list[Degrees]) -> list[Metres]:
        return [
            self.page.units(piece) for piece in self.page.window.clip(lines, OVERHEAD_DETAIL / self.page.units_per_m)
        ]

    def _way(self, side: SampledPath | Areas, css_class: str) -> None:
        if isinstance(side, Areas):
            self.drawing.path(self._lines(side.outlines), css_class)
            return
        places = side.place(self.times_s)
        places = places[~np.isnan(places[:, 0])]
        lines = self._lines([places]) if len(places) > 1 else []
        self.drawing.path(lines, css_class)
        if lines:
            self._arrow(lines[-1], css_class)

    def _stretch(self, side: SampledPath | Areas, name: str) -> None:
        if isinstance(side, SampledPath):
            places = side.place(self.lost_s)
            self.drawing.path(self._lines([places[~np.isnan(places[:, 0])]]), f"stretch {name}")

    def _arrow(self, line: Metres, css_class: str) -> None:
        """A head at the end of a way, pointing where it goes."""
        x, y = line[-1]
        back = line[max(0, len(line) - 2)]
        if math.hypot(x - back[0], y - back[1]) < 0.5:
            return
        bearing = math.atan2(y - back[1], x - back[0])
        corners = [
            (x + reach * math.cos(bearing + turn), y + reach * math.sin(bearing + turn))
            for reach, turn in ((0.0, 0.0), (11.0, math.pi - 0.42), (11.0, math.pi + 0.42))
        ]
        self.drawing.path([np.array(corners)], css_class.replace("line", "head"), closed=True)

    def _closest(self) -> None:
        places = _points(self.encounter.closest_first_position, self.encounter.closest_second_position)
        (x1, y1), (x2, y2) = self.page.units(self.page.window.project(places)).tolist()
        self.drawing.line(x1, y1, x2, y2, "leader")
        for name, x, y in zip(SIDES, (x1, x2), (y1, y2), strict=True):
            self.drawing.circle(x, y, 4.5, f"aircraft {name}")
        radius = self.encounter.required_horizontal_m * self.page.units_per_m
        words = worded(lambda language: distance_nm(language, self.encounter.required_horizontal_m))
        self.drawing.text(
            x1,
            max(16.0, y1 - radius + 16.0),
            phrase("overhead.circle", distance=words),
            "measure-label",
            text_anchor="middle",
        )

    def _frame(self) -> None:
        draw_scale(self.drawing, scale_bar(self.page.units_per_m, SIZE / 3.5), SIZE - 14.0, SIZE - 28.0)
        self.drawing.rectangle(0.5, 0.5, SIZE - 1.0, SIZE - 1.0, "frame")


def _points(*positions: Position) -> Degrees:
    return np.array([(p.longitude_deg, p.latitude_deg) for p in positions])


def _ring(centre: Position, radius_m: float) -> Degrees:
    bearings = np.linspace(0.0, 360.0, 121)
    ones = np.ones(121)
    longitudes, latitudes, _ = GEOD.fwd(
        centre.longitude_deg * ones, centre.latitude_deg * ones, bearings, max(radius_m, 20.0) * ones
    )
    return np.column_stack((longitudes, latitudes))
