"""One conflict over time: altitude of both aircraft above, their horizontal distance below, the loss shaded."""

from __future__ import annotations

import numpy as np

from detente.airspace.altitude import FOOT_M
from detente.airspace.position import posix_s
from detente.airspace.separation import AltitudeFrame, Minima
from detente.language.figures import NAUTICAL_MILE_M, distance_nm, duration, height, number
from detente.plots.axes import Panel, round_ticks, time_ticks
from detente.plots.bilingual import Worded, phrase, same, worded
from detente.plots.contents import ReportConflict
from detente.plots.map import SIDES
from detente.plots.sampling import Areas, SampledPath, presence, separation, shown_times
from detente.plots.svg import Drawing

WIDTH, LEFT, RIGHT = 700.0, 62.0, 58.0
ALTITUDE_TOP, ALTITUDE_HEIGHT, GAP, DISTANCE_HEIGHT, BELOW = 30.0, 190.0, 40.0, 110.0, 26.0
SAMPLES = 361


def conflict_profile(conflict: ReportConflict, minima: Minima) -> str:
    """The plot of one conflict as an `svg` element, before its measures (full lines) and after them (dashed).

    `minima` are the accord's for this pair: the vertical one is drawn to scale beside the closest approach.
    """
    return _Profile(conflict, minima).drawing.markup()


class _Profile:
    def __init__(self, conflict: ReportConflict, minima: Minima) -> None:
        self.encounter = conflict.encounter
        self.minima = minima
        frame = self.encounter.altitude_frame
        self.before = [presence(plan, frame) for plan in (conflict.first, conflict.second)]
        changed = (conflict.first_after != conflict.first, conflict.second_after != conflict.second)
        after = [presence(plan, frame) for plan in (conflict.first_after, conflict.second_after)]
        self.after = [then if moved else None for then, moved in zip(after, changed, strict=True)]
        self.both_after = after if any(changed) else None
        self.start_s, self.end_s = posix_s(self.encounter.start), posix_s(self.encounter.end)
        self.times_s = shown_times(self.start_s, self.end_s, SAMPLES)
        self.drawing = Drawing(
            WIDTH, ALTITUDE_TOP + ALTITUDE_HEIGHT + GAP + DISTANCE_HEIGHT + BELOW, "profile"
        )  # fmt: skip
        altitude, distance = self._altitude_panel(), self._distance_panel()
        for panel in (altitude, distance):
            self._ground(panel)
        self._altitudes(altitude)
        self._distances(distance)
        self._times(distance)

    def _altitude_panel(self) -> Panel:
        low, high = np.inf, -np.inf
        for side in (*self.before, *(side for side in self.after if side)):
            bottom, top = side.band(self.times_s)
            if not np.isnan(bottom).all():
                low = min(low, float(np.nanmin(bottom)) - side.vertical_m)
                high = max(high, float(np.nanmax(top)) + side.vertical_m)
        spare = max(0.0, 2.2 * self.encounter.required_vertical_m - (high - low)) / 2.0
        pad = 0.06 * (high - low + 2.0 * spare)
        return self._panel(ALTITUDE_TOP, ALTITUDE_HEIGHT, (low - spare - pad, high + spare + pad))

    def _distance_panel(self) -> Panel:
        self.distance_m, self.vertical_m = separation(self.before[0], self.before[1], self.times_s)
        self.distance_after_m = (
            separation(self.both_after[0], self.both_after[1], self.times_s)[0] if self.both_after else None
        )
        seen = [curve for curve in (self.distance_m, self.distance_after_m) if curve is not None]
        largest = max((float(np.nanmax(c)) for c in seen if not np.isnan(c).all()), default=0.0)
        required_m = max(self.encounter.required_horizontal_m, 1.0)
        return self._panel(
            ALTITUDE_TOP + ALTITUDE_HEIGHT + GAP, DISTANCE_HEIGHT,
            (0.0, min(max(1.25 * required_m, 1.05 * largest), 2.5 * required_m)),
        )  # fmt: skip

    def _panel(self, top: float, height_units: float, y_range: tuple[float, float]) -> Panel:
        span = (float(self.times_s[0]), float(self.times_s[-1]))
        return Panel(LEFT, top, WIDTH - LEFT - RIGHT, height_units, span, y_range)

    def _ground(self, panel: Panel) -> None:
        self.drawing.rectangle(panel.left, panel.top, panel.width, panel.height, "panel")
        left, right = panel.x(self.start_s), panel.x(self.end_s)
        self.drawing.rectangle(left, panel.top, max(right - left, 1.5), panel.height, "lost")

    def _altitudes(self, panel: Panel) -> None:
        low, high = panel.y_range
        for feet in round_ticks(low / FOOT_M, high / FOOT_M, 6):
            self._tick(panel, feet * FOOT_M, _figure(feet), right=False)
        for metres in round_ticks(low, high, 6):
            self._tick(panel, metres, _figure(metres), right=True)
        top = panel.top - 9.0
        self.drawing.text(LEFT - 8.0, top, same("ft"), "unit", text_anchor="end")
        self.drawing.text(panel.right + 8.0, top, same("m"), "unit")
        self.drawing.text(LEFT, top, phrase(f"profile.altitude.{self._reference()}"), "caption")
        lasting = worded(lambda language: duration(language, self.end_s - self.start_s))
        self.drawing.text(panel.right, top, phrase("profile.lost", duration=lasting), "lost-label", text_anchor="end")
        for name, side, then in zip(SIDES, self.before, self.after, strict=True):
            self._altitude(panel, side, f"{name} before")
            if then:
                self._altitude(panel, then, f"{name} after")
        self._vertical_minimum(panel)

    def _altitude(self, panel: Panel, side: SampledPath | Areas, css_class: str) -> None:
        low, high = side.band(self.times_s)
        bands = panel.band(self.times_s, low - side.vertical_m, high + side.vertical_m)
        self.drawing.path(bands, f"containment {css_class}", closed=True)
        for edge in (low,) if isinstance(side, SampledPath) else (low, high):
            self.drawing.path(panel.curve(self.times_s, edge), f"line {css_class}")

    def _vertical_minimum(self, panel: Panel) -> None:
        """The minimum as a measure standing on the lower aircraft's containment, where the two are closest."""
        x = panel.x(posix_s(self.encounter.closest_first_time))
        heights_m = (self.encounter.closest_first_altitude_m, self.encounter.closest_second_altitude_m)
        lower = 0 if heights_m[0] <= heights_m[1] else 1
        foot_m = heights_m[lower] + self.before[lower].vertical_m
        bottom, top = panel.y(foot_m), panel.y(foot_m + self.minima.vertical_m)
        self.drawing.add("path", "measure", d=f"M{x - 5:.1f} {top:.1f}h10m-5 0V{bottom:.1f}m-5 0h10")
        words = phrase("profile.minimum", minimum=worded(lambda language: height(language, self.minima.vertical_m)))
        beside = x + 9.0 < panel.right - 150.0
        self.drawing.text(
            x + 9.0 if beside else x - 9.0, (top + bottom) / 2.0 + 4.0, words, "measure-label",
            text_anchor="start" if beside else "end",
        )  # fmt: skip

    def _distances(self, panel: Panel) -> None:
        low, high = panel.y_range
        for miles in round_ticks(low, high / NAUTICAL_MILE_M, 5):
            self._tick(panel, miles * NAUTICAL_MILE_M, _figure(miles), right=False)
        for kilometres in round_ticks(low, high / 1000.0, 5):
            self._tick(panel, kilometres * 1000.0, _figure(kilometres), right=True)
        top = panel.top - 9.0
        self.drawing.text(LEFT - 8.0, top, same("NM"), "unit", text_anchor="end")
        self.drawing.text(panel.right + 8.0, top, same("km"), "unit")
        self.drawing.text(LEFT, top, phrase("profile.distance"), "caption")
        required_m = self.encounter.required_horizontal_m
        level = panel.y(required_m)
        # Only while the heights are also too close is a short distance a conflict: shaded there and nowhere else.
        lost = (self.distance_m < required_m) & (self.vertical_m < self.encounter.required_vertical_m)
        short = np.where(lost, self.distance_m, np.nan)
        self.drawing.path(panel.band(self.times_s, short, np.full_like(short, required_m)), "shortfall", closed=True)
        self.drawing.line(panel.left, level, panel.right, level, "minimum")
        self.drawing.path(panel.curve(self.times_s, self.distance_m), "line distance before")
        if self.distance_after_m is not None:
            self.drawing.path(panel.curve(self.times_s, self.distance_after_m), "line distance after")
        needed = worded(lambda language: distance_nm(language, required_m))
        self.drawing.text(
            panel.right - 6.0,
            level - 5.0,
            phrase("profile.required", distance=needed),
            "measure-label",
            text_anchor="end",
        )
        x, y = panel.x(posix_s(self.encounter.closest_first_time)), panel.y(self.encounter.horizontal_m)
        self.drawing.circle(x, y, 3.2, "closest")

    def _times(self, panel: Panel) -> None:
        for time, label in time_ticks(*panel.x_range, 7):
            x = panel.x(time)
            self.drawing.line(x, panel.bottom, x, panel.bottom + 5.0, "tick")
            if panel.left + 12.0 < x < panel.right + 12.0:
                self.drawing.text(x, panel.bottom + 18.0, label, "figure", text_anchor="middle")

    def _tick(self, panel: Panel, value: float, label: Worded, *, right: bool) -> None:
        y = panel.y(value)
        if right:
            self.drawing.line(panel.right, y, panel.right + 4.0, y, "tick")
            self.drawing.text(panel.right + 8.0, y + 4.0, label, "figure")
        else:
            self.drawing.line(panel.left, y, panel.right, y, "grid")
            self.drawing.text(panel.left - 8.0, y + 4.0, label, "figure", text_anchor="end")

    def _reference(self) -> str:
        """The word of the phrase table for what the altitudes are above."""
        if self.encounter.altitude_frame is AltitudeFrame.AS_PLANNED:
            return self.before[0].reference_name
        return self.encounter.altitude_frame.value


def _figure(value: float) -> Worded:
    decimals = len(f"{round(value, 3):g}".partition(".")[2])
    return worded(lambda language: number(language, value, decimals))
