"""The map as a PNG file, for `detente check --plot`; needs matplotlib (`detente[plots]`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.path import Path as Outline

from detente.airspace.plan import Plan
from detente.language import Language, counted, text
from detente.language.figures import number
from detente.plots.graticule import Page
from detente.plots.map import FEW
from detente.plots.scene import LABEL_RADIUS, ScaleBar, Scene, Spot, crowd_window, map_scene, single_marks
from detente.plots.window import Metres

IMAGE_WIDTH = 1100.0
DPI = 160
UNIT_PT = 72.0 / 100.0
"""A user unit is a hundredth of an inch."""
INK, QUIET, PAPER, SEA, LAND, COAST, BORDER, GRATICULE = (
    "#15202b", "#55636f", "#ffffff", "#e9f0f5", "#fcfbf7", "#74848f", "#a08a6c", "#c3ced7",
)  # fmt: skip
SIDE_COLOURS = ("#0067a5", "#d55e00")
HEAD, FOOT, LINE = 74.0, 10.0, 17.0
"""Heights in user units: of the title with what is below it, of the foot, and of a line of the list."""
INSET_WIDTH, INSET_GAP = 360.0, 14.0


class Caption(NamedTuple):
    """What is written around a map: a title, a line or two below it, and lines on the worst conflicts."""

    title: str
    below: tuple[str, ...] = ()
    worst: tuple[str, ...] = ()


def conflict_map_png(
    path: Path,
    ours: Sequence[Plan],
    theirs: Sequence[Plan],
    spots: Sequence[Spot],
    language: Language = Language.ENGLISH,
    caption: Caption | None = None,
) -> None:
    """Write a map of both sides' plans and the conflicts between them under their numbers, the greatest crowd larger.

    Args:
        path: file to write, replaced when it is there; OSError when it cannot be.
        ours: plans of the first side, drawn in blue; `first_plan_id` of the conflicts are among them.
        theirs: plans of the second side, drawn in orange, likewise `second_plan_id`.
        spots: the conflicts under their numbers, the worst first.
        language: of the few words on it.
        caption: what is written around it; the number of conflicts alone when not given.
    """
    caption = caption or Caption(counted(language, "map.conflicts", len(spots)))
    scene = map_scene(ours, theirs, spots, IMAGE_WIDTH, gathers=True)
    inset = _inset(ours, theirs, spots, scene)
    foot = FOOT + LINE * (len(caption.worst) + 1 if caption.worst else 0)
    height = scene.height + HEAD + foot
    figure = Figure(figsize=(IMAGE_WIDTH / 100.0, height / 100.0), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, foot / height, 1.0, scene.height / height))
    _draw(axes, scene, language)
    if inset is not None:
        _draw_inset(figure, axes, scene, inset, (foot, height), language)
    _write(figure, caption, (foot, height), language)
    figure.savefig(path, format="png", metadata={"Software": "Détente"})


def _draw(axes: Axes, scene: Scene, language: Language) -> None:
    axes.set_axis_off()
    axes.set_xlim(0.0, scene.width)
    axes.set_ylim(scene.height, 0.0)
    _ground(axes, scene)
    _names(axes, scene)
    _plans(axes, scene)
    _marks(axes, scene)
    _edges(axes, scene, language)


def _inset(ours: Sequence[Plan], theirs: Sequence[Plan], spots: Sequence[Spot], scene: Scene) -> Scene | None:
    """The greatest crowd, if there is one that is a small part of the map."""
    found = crowd_window(single_marks(scene, spots))
    if found is None:
        return None
    window, crowd = found
    if window.half_width_m > 0.25 * scene.window.half_width_m:
        return None
    return map_scene(ours, theirs, crowd, INSET_WIDTH, window=window)


def _draw_inset(
    figure: Figure, axes: Axes, scene: Scene, inset: Scene, foot_and_height: tuple[float, float], language: Language
) -> None:
    """Draw the crowd in the corner in which it hides the fewest conflicts, and its frame on the map."""
    foot, height = foot_and_height
    centre = np.array([(inset.window.centre.longitude_deg, inset.window.centre.latitude_deg)])
    page = Page(scene.window, scene.width)
    x, y = page.units(scene.window.project(centre))[0].tolist()
    half = np.array((inset.window.half_width_m, inset.window.half_height_m)) * page.units_per_m
    right, bottom = scene.width - inset.width - INSET_GAP, scene.height - inset.height - INSET_GAP
    corners = [(left, top) for top in (INSET_GAP, bottom) for left in (INSET_GAP, right)][:3]

    def hidden(corner: tuple[float, float]) -> tuple[int, int]:
        def inside(x: float, y: float) -> bool:
            across = corner[0] - 20.0 < x < corner[0] + inset.width + 20.0
            return across and corner[1] - 20.0 < y < corner[1] + inset.height + 20.0

        return sum(inside(m.x, m.y) for m in scene.marks), sum(inside(p.x, p.y) for p in scene.places)

    left, top = min(corners, key=hidden)
    _frame(axes, (x - half[0], y - half[1]), 2.0 * half[0], 2.0 * half[1], 0.9)
    near_x, near_y = min(max(x, left), left + inset.width), min(max(y, top), top + inset.height)
    axes.plot([x, near_x], [y, near_y], color=INK, linewidth=0.7, zorder=6.4)
    low = foot + scene.height - top - inset.height
    inner = figure.add_axes(
        (left / scene.width, low / height, inset.width / scene.width, inset.height / height), zorder=5.0
    )
    _draw(inner, inset, language)
    _frame(inner, (0.0, 0.0), inset.width, inset.height, 2.0)


def _frame(axes: Axes, corner: tuple[float, float], width: float, height: float, thickness: float) -> None:
    axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=INK, linewidth=thickness, zorder=6.5))


def _write(figure: Figure, caption: Caption, foot_and_height: tuple[float, float], language: Language) -> None:
    """Write the title and what is below it, which side has which colour, and the worst conflicts."""
    foot, height = foot_and_height
    figure.text(0.014, 1.0 - 22.0 / height, caption.title, fontsize=12.0, fontweight="bold", color=INK, va="center")
    for row, line in enumerate(caption.below):
        at = 1.0 - (42.0 + 16.0 * row) / height
        figure.text(0.014, at, line, fontsize=8.2, color=QUIET, va="center")
    handles = [
        Line2D([], [], color=colour, linewidth=3.0, label=name)
        for colour, name in zip(SIDE_COLOURS, _words(language), strict=True)
    ]
    figure.legend(
        handles=handles, loc="upper right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=9.0,
        handlelength=1.4,
    )  # fmt: skip
    for row, line in enumerate(caption.worst):
        at = (foot - LINE * (row + 1)) / height
        figure.text(0.014, at, line, fontsize=7.8, color=INK, va="center")


def _names(axes: Axes, scene: Scene) -> None:
    halo = [patheffects.withStroke(linewidth=2.0, foreground=PAPER)]
    for place in scene.places:
        marker = "s" if place.is_city else "o"
        axes.plot([place.x], [place.y], marker, color=QUIET, markersize=2.4, zorder=2.4)
        axes.text(
            place.x + 5.0, place.y, place.name, fontsize=6.6, color=QUIET, va="center_baseline", path_effects=halo,
            fontstyle="italic" if place.is_city else "normal", zorder=2.5,
        )  # fmt: skip


def _ground(axes: Axes, scene: Scene) -> None:
    axes.add_patch(Rectangle((0.0, 0.0), scene.width, scene.height, facecolor=SEA))
    outlines = [
        Outline.make_compound_path(*(Outline(_closed(ring), closed=True) for ring in rings)) for rings in scene.land
    ]
    axes.add_collection(PathCollection(outlines, facecolors=LAND, edgecolors="none"))
    axes.add_collection(LineCollection(scene.graticule, colors=GRATICULE, linewidths=0.5))
    axes.add_collection(
        LineCollection(scene.borders, colors=BORDER, linewidths=0.9, linestyles=(0, (6, 2.5, 1.5, 2.5)))
    )
    axes.add_collection(LineCollection(scene.coast, colors=COAST, linewidths=0.9))


def _plans(axes: Axes, scene: Scene) -> None:
    few = sum(len(lines) for lines in scene.paths) <= FEW
    met = [mark.spot.encounter for mark in scene.marks]
    sides = {one.first_plan_id for one in met}, {one.second_plan_id for one in met}
    for colour, lines, in_conflict in zip(SIDE_COLOURS, scene.paths, sides, strict=True):
        for chosen, alpha in ((False, 0.16), (True, 0.6)):
            pieces = [piece for line in lines if (line.title in in_conflict) is chosen for piece in line.pieces]
            axes.add_collection(
                LineCollection(pieces, colors=colour, linewidths=1.1 if few else 0.7, alpha=0.85 if few else alpha)
            )
    for colour, stretches in zip(SIDE_COLOURS, scene.stretches, strict=True):
        axes.add_collection(LineCollection(stretches, colors=colour, linewidths=2.3, capstyle="round"))


def _marks(axes: Axes, scene: Scene) -> None:
    if not scene.marks:
        return
    leaders = [np.array(((m.x, m.y), (m.label_x, m.label_y))) for m in scene.marks]
    axes.add_collection(LineCollection(leaders, colors=INK, linewidths=0.7, zorder=3.0))
    axes.plot([m.x for m in scene.marks], [m.y for m in scene.marks], "o", color=INK, markersize=2.6, zorder=3.1)
    # The worst is drawn last, on top.
    for place, mark in enumerate(reversed(scene.marks)):
        if not mark.numbered:
            continue
        level = 4.0 + 0.01 * place
        axes.plot(
            [mark.label_x], [mark.label_y], "o", color=INK, markersize=2.0 * LABEL_RADIUS * UNIT_PT,
            markeredgecolor=PAPER, markeredgewidth=1.0, zorder=level,
        )  # fmt: skip
        axes.text(
            mark.label_x, mark.label_y, str(mark.spot.number), color=PAPER, fontsize=7.4, fontweight="bold",
            ha="center", va="center_baseline", zorder=level + 0.005,
        )  # fmt: skip
        if mark.others:
            axes.text(
                mark.label_x + LABEL_RADIUS + 2.0, mark.label_y, f"+{mark.others}", color=INK, fontsize=7.4,
                fontweight="bold", va="center_baseline", zorder=level + 0.005,
                path_effects=[patheffects.withStroke(linewidth=2.5, foreground=PAPER)],
            )  # fmt: skip


def _edges(axes: Axes, scene: Scene, language: Language) -> None:
    halo = [patheffects.withStroke(linewidth=2.0, foreground=PAPER)]
    for tick in scene.left_ticks:
        if 20.0 < tick.y < scene.height - 34.0:
            axes.text(5.0, tick.y - 4.0, tick.label, fontsize=7.0, color=QUIET, path_effects=halo, zorder=6.0)
    written_to = 20.0
    for tick in scene.bottom_ticks:
        if written_to < tick.x < scene.width - 60.0:
            written_to = tick.x + 60.0
            axes.text(
                tick.x + 4.0, scene.height - 6.0, tick.label, fontsize=7.0, color=QUIET, path_effects=halo, zorder=6.0
            )
    _scale(axes, scene.scale, scene.width - 18.0, scene.height - 44.0, language)
    frame = Rectangle((0.0, 0.0), scene.width, scene.height, edgecolor=COAST, fill=False, linewidth=1.0, zorder=7.0)
    axes.add_patch(frame)


def _scale(axes: Axes, scale: ScaleBar, right: float, y: float, language: Language) -> None:
    halo = [patheffects.withStroke(linewidth=2.5, foreground=PAPER)]
    left = right - max(scale.nautical_units, scale.kilometre_units)
    for units, length, unit, rise, label_y in (
        (scale.nautical_units, scale.nautical_miles, "NM", -5.0, -9.0),
        (scale.kilometre_units, scale.kilometres, "km", 5.0, 17.0),
    ):
        axes.plot(
            [left, left, left + units, left + units], [y + rise, y, y, y + rise], color=INK, linewidth=1.0,
            path_effects=halo, zorder=6.0,
        )  # fmt: skip
        decimals = len(f"{length:g}".partition(".")[2])
        axes.text(
            left + units / 2.0, y + label_y, f"{number(language, length, decimals)} {unit}", fontsize=7.0, color=INK,
            ha="center", path_effects=halo, zorder=6.0,
        )  # fmt: skip


def _words(language: Language) -> tuple[str, str]:
    return text(language, "map.ours"), text(language, "map.theirs")


def _closed(ring: Metres) -> Metres:
    return ring if np.array_equal(ring[0], ring[-1]) else np.concatenate([ring, ring[:1]])
