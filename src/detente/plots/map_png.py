"""The map as a PNG file, for `detente check --plot`; needs matplotlib (`detente[plots]`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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
from detente.airspace.separation import Encounter
from detente.language import Language, counted, text
from detente.language.figures import number
from detente.plots.contents import severity
from detente.plots.map import FEW
from detente.plots.scene import LABEL_RADIUS, ScaleBar, Scene, Spot, map_scene
from detente.plots.window import Metres

IMAGE_WIDTH = 1100.0
DPI = 160
UNIT_PT = 72.0 / 100.0
"""A user unit is a hundredth of an inch."""
INK, QUIET, PAPER, SEA, LAND, COAST, BORDER, GRATICULE = (
    "#15202b", "#55636f", "#ffffff", "#e9f0f5", "#fcfbf7", "#74848f", "#a08a6c", "#c3ced7",
)  # fmt: skip
SIDE_COLOURS = ("#0067a5", "#d55e00")
HEAD, FOOT = 40.0, 8.0


def conflict_map_png(
    path: Path,
    ours: Sequence[Plan],
    theirs: Sequence[Plan],
    encounters: Sequence[Encounter],
    language: Language = Language.ENGLISH,
    names: tuple[str, str] | None = None,
) -> None:
    """Write a map of both sides' plans and the conflicts between them, numbered by severity.

    Args:
        path: file to write, replaced when it is there; OSError when it cannot be.
        ours: plans of the first side, drawn in blue; `first_plan_id` of the encounters are among them.
        theirs: plans of the second side, drawn in orange, likewise `second_plan_id`.
        encounters: what the search found, in any order.
        language: of the few words on it.
        names: what the two sides are called; "ours" and "theirs" when not given.
    """
    scene = map_scene(ours, theirs, ranked_spots(ours, theirs, encounters), IMAGE_WIDTH)
    height = scene.height + HEAD + FOOT
    figure = Figure(figsize=(IMAGE_WIDTH / 100.0, height / 100.0), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, FOOT / height, 1.0, scene.height / height))
    axes.set_axis_off()
    axes.set_xlim(0.0, scene.width)
    axes.set_ylim(scene.height, 0.0)
    _ground(axes, scene)
    _plans(axes, scene)
    _marks(axes, scene)
    _edges(axes, scene, language)
    called = names or _words(language)
    handles = [
        Line2D([], [], color=colour, linewidth=3.0, label=name)
        for colour, name in zip(SIDE_COLOURS, called, strict=True)
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=2,
        frameon=False,
        fontsize=9.0,
        handlelength=1.4,
    )
    figure.text(
        0.985, 1.0 - 0.5 * HEAD / height, counted(language, "map.conflicts", len(encounters)),
        ha="right", va="center", fontsize=9.0, color=INK,
    )  # fmt: skip
    figure.savefig(path, format="png", metadata={"Software": "Détente"})


def ranked_spots(ours: Sequence[Plan], theirs: Sequence[Plan], encounters: Sequence[Encounter]) -> list[Spot]:
    """Encounters as spots, the worst first and numbered 1."""
    first, second = ({plan.plan_id: plan for plan in side} for side in (ours, theirs))
    ranked = sorted(
        encounters,
        key=lambda e: (
            round(severity(e, first[e.first_plan_id], second[e.second_plan_id]), 6),
            e.start,
            e.first_plan_id,
            e.second_plan_id,
        ),
    )
    return [Spot(place, encounter) for place, encounter in enumerate(ranked, start=1)]


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
    for colour, lines in zip(SIDE_COLOURS, scene.paths, strict=True):
        pieces = [piece for line in lines for piece in line.pieces]
        axes.add_collection(
            LineCollection(pieces, colors=colour, linewidths=1.1 if few else 0.7, alpha=0.85 if few else 0.45)
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


def _edges(axes: Axes, scene: Scene, language: Language) -> None:
    halo = [patheffects.withStroke(linewidth=2.0, foreground=PAPER)]
    for tick in scene.left_ticks:
        if 20.0 < tick.y < scene.height - 34.0:
            axes.text(5.0, tick.y - 4.0, tick.label, fontsize=7.0, color=QUIET, path_effects=halo, zorder=6.0)
    for tick in scene.bottom_ticks:
        if 20.0 < tick.x < scene.width - 60.0:
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
