"""The map of a flown stretch: who flew where, planned against flown for those that deviated, and the alerts."""

from __future__ import annotations

import numpy as np

from detente.plots.flown_stretch import FlownPath, FlownStretch
from detente.plots.graticule import Page
from detente.plots.map import draw_edges, draw_ground
from detente.plots.scene import DETAIL, LABEL_RADIUS, Scene, free_place, map_scene
from detente.plots.svg import Drawing
from detente.plots.window import Metres, window_around
from detente.watch.alert import TrackSide

UNDECLARED = "undeclared"
CLASSES = {TrackSide.OURS: "ours", TrackSide.THEIRS: "theirs", TrackSide.UNKNOWN: UNDECLARED}
NAME_UNITS, NAME_WIDE = 12.0, 60.0


def flown_map(stretch: FlownStretch, width: float) -> str:
    """The map as an `svg` element; each number links to `#alert-NUMBER`. There must be a path."""
    everything = [np.array(path.flown) for path in stretch.paths]
    scene = map_scene((), (), (), width, window=window_around(everything, least_aspect=1.15, most_aspect=2.0))
    drawing = Drawing(scene.width, scene.height, "map flown")
    draw_ground(drawing, scene)
    for side in (TrackSide.THEIRS, TrackSide.OURS):
        drawing.begin(f"path {CLASSES[side]}")
        for path in stretch.paths:
            if path.side is side and path.deviation is None:
                drawing.path(_pieces(scene, path.flown), "", title=path.name)
        drawing.end()
    for place in scene.places:
        drawing.circle(place.x, place.y, 1.6, "place")
        drawing.text(place.x + 5.0, place.y + 3.5, place.name, "place city" if place.is_city else "place")
    named: list[tuple[float, float]] = []
    for path in stretch.paths:
        if path.deviation is not None:
            _deviating(drawing, scene, path, named)
    _numbers(drawing, scene, stretch)
    draw_edges(drawing, scene)
    return drawing.markup()


def _deviating(drawing: Drawing, scene: Scene, path: FlownPath, named: list[tuple[float, float]]) -> None:
    """Draw an aircraft that did what was not said; its name goes where none of those already `named` stands."""
    side = CLASSES[path.side]
    drawing.path(_pieces(scene, path.planned), f"line after {side}")
    drawing.path(_pieces(scene, path.flown[max(0, len(path.heard) - 1) :]), f"line unheard {side}")
    heard = _pieces(scene, path.heard)
    drawing.path(heard, f"line {side}", title=path.name)
    if heard:
        x, y = heard[0][0].tolist()
        drawing.circle(x, y, 3.0, f"aircraft {side}")
        name = path.name.partition(".")[0]
        anchor = "end" if x > scene.width - 90.0 else "start"
        aside = -NAME_UNITS if anchor == "end" else NAME_UNITS
        down = max(16.0, y + 4.0)
        while any(abs(x - other_x) < NAME_WIDE and abs(down - other_y) < NAME_UNITS for other_x, other_y in named):
            down += NAME_UNITS
        named.append((x, down))
        drawing.text(x + aside, down, name, f"flight {side}", text_anchor=anchor)


def _numbers(drawing: Drawing, scene: Scene, stretch: FlownStretch) -> None:
    if not stretch.alerts:
        return
    page = Page(scene.window, scene.width)
    points = page.units(scene.window.project(np.array([alert.place for alert in stretch.alerts])))
    taken = np.empty((0, 2))
    for alert, (x, y) in zip(stretch.alerts, points.tolist(), strict=True):
        label = free_place(x, y, taken, scene.width, scene.height)
        taken = np.vstack((taken, label))
        drawing.line(x, y, *label, "leader")
        drawing.circle(x, y, 2.2, "spot")
        css_class = "number" if alert.deviation is None else "number left"
        link = drawing.add("a", css_class, "", href=f"#alert-{alert.number}", tabindex="-1")
        drawing.inside(link)
        drawing.circle(*label, LABEL_RADIUS, "")
        drawing.text(label[0], label[1] + 4.0, str(alert.number), text_anchor="middle")
        drawing.end()


def _pieces(scene: Scene, places: tuple[tuple[float, float], ...]) -> list[Metres]:
    if len(places) < 2:
        return []
    page = Page(scene.window, scene.width)
    clipped = scene.window.clip([np.array(places)], DETAIL / page.units_per_m)
    return [page.units(piece) for piece in clipped]
