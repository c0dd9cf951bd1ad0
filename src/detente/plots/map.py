"""The map as SVG: coast, borders, graticule, both sides' paths, conflicts numbered by severity."""

from __future__ import annotations

from collections.abc import Callable

from detente.language.figures import number
from detente.plots.bilingual import worded
from detente.plots.scene import LABEL_RADIUS, Mark, ScaleBar, Scene, Spot
from detente.plots.svg import Drawing

SIDES = ("ours", "theirs")
"""Classes of the style sheet for the first and the second party."""
FEW = 60
"""Up to so many plans paths are drawn strongly; more of them are thin and let one another through."""


def conflict_map(scene: Scene, describe: Callable[[Spot], str]) -> str:
    """The map as an `svg` element; each number links to `#conflict-NUMBER`, `describe` is shown when hovering on it."""
    drawing = Drawing(scene.width, scene.height, "map")
    draw_ground(drawing, scene)
    few = " few" if sum(len(lines) for lines in scene.paths) <= FEW else ""
    for side, lines in zip(SIDES, scene.paths, strict=True):
        drawing.begin(f"path {side}{few}")
        for line in lines:
            drawing.path(line.pieces, "", title=line.title)
        drawing.end()
    for side, stretches in zip(SIDES, scene.stretches, strict=True):
        drawing.path(stretches, f"stretch {side}")
    for mark in scene.marks:
        drawing.line(mark.x, mark.y, mark.label_x, mark.label_y, "leader")
        drawing.circle(mark.x, mark.y, 2.2, "spot left" if mark.spot.left else "spot")
    # The worst is drawn last, on top.
    for mark in reversed(scene.marks):
        _number(drawing, mark, describe(mark.spot))
    for place in scene.places:
        drawing.circle(place.x, place.y, 1.6, "place")
        drawing.text(place.x + 5.0, place.y + 3.5, place.name, "place city" if place.is_city else "place")
    draw_edges(drawing, scene)
    return drawing.markup()


def draw_ground(drawing: Drawing, scene: Scene) -> None:
    """Sea, land, graticule, borders and coast."""
    drawing.rectangle(0.0, 0.0, scene.width, scene.height, "sea")
    drawing.path([ring for rings in scene.land for ring in rings], "land", closed=True)
    drawing.path(scene.graticule, "graticule")
    drawing.path(scene.borders, "border")
    drawing.path(scene.coast, "coast")


def draw_edges(drawing: Drawing, scene: Scene) -> None:
    """Graticule labels, scale bar and frame."""
    for tick in scene.left_ticks:
        if 20.0 < tick.y < scene.height - 34.0:
            drawing.text(5.0, tick.y - 4.0, tick.label, "degrees")
    for tick in scene.bottom_ticks:
        if 20.0 < tick.x < scene.width - 60.0:
            drawing.text(tick.x + 4.0, scene.height - 6.0, tick.label, "degrees")
    draw_scale(drawing, scene.scale, scene.width - 18.0, scene.height - 44.0)
    drawing.rectangle(0.5, 0.5, scene.width - 1.0, scene.height - 1.0, "frame")


def draw_scale(drawing: Drawing, scale: ScaleBar, right: float, y: float) -> None:
    """Two bars that end at `right`: nautical miles above `y`, kilometres below."""
    widest = max(scale.nautical_units, scale.kilometre_units)
    drawing.rectangle(right - widest - 8.0, y - 24.0, widest + 16.0, 44.0, "plate")
    left = right - widest
    for units, length, unit, rise, label_y in (
        (scale.nautical_units, scale.nautical_miles, "NM", -5.0, -9.0),
        (scale.kilometre_units, scale.kilometres, "km", 5.0, 15.0),
    ):
        decimals = max(0, len(f"{length:g}".partition(".")[2]))
        drawing.add(
            "path", "scale",
            d=f"M{left:.1f} {y + rise:.1f}V{y:.1f}H{left + units:.1f}V{y + rise:.1f}",
        )  # fmt: skip
        words = worded(lambda language, n=length, d=decimals, u=unit: f"{number(language, n, d)} {u}")  # type: ignore[misc]
        drawing.text(left + units / 2.0, y + label_y, words, "scale-label", text_anchor="middle")


def _number(drawing: Drawing, mark: Mark, title: str) -> None:
    if not mark.numbered:
        drawing.circle(mark.x, mark.y, 4.0, "ring left" if mark.spot.left else "ring", title)
        return
    link = drawing.add(
        "a", "number left" if mark.spot.left else "number", title, href=f"#conflict-{mark.spot.number}", tabindex="-1"
    )
    drawing.inside(link)
    x, y, r = mark.label_x, mark.label_y, LABEL_RADIUS
    if mark.spot.left:
        drawing.add(
            "path",
            d=f"M{x:.1f} {y - r - 3:.1f}l{r + 3:.1f} {r + 3:.1f}l{-r - 3:.1f} {r + 3:.1f}l{-r - 3:.1f} {-r - 3:.1f}Z",
        )
    else:
        drawing.circle(x, y, r, "")
    drawing.text(x, y + 4.0, str(mark.spot.number), text_anchor="middle")
    drawing.end()
