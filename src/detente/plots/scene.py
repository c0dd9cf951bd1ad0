"""What a map shows, laid out in user units from its top left corner; `map.py` writes it as SVG, `map_png.py` as PNG."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from detente.airspace.plan import Plan, Trajectory
from detente.airspace.position import posix_s
from detente.airspace.separation import Encounter
from detente.language.figures import NAUTICAL_MILE_M
from detente.plots.basemap import world
from detente.plots.graticule import Page, Tick, graticule_lines
from detente.plots.sampling import SampledPath, drawn_lines
from detente.plots.window import MapWindow, Metres, window_around

DETAIL = 0.35
"""Bends smaller than this many user units are left out."""
LABEL_RADIUS = 9.5
NUMBERED_MOST = 60
"""Conflicts beyond the worst so many get a mark without a number, because a map full of numbers is read by nobody."""


class Spot(msgspec.Struct, frozen=True):
    """A conflict to mark: where the first plan is closest, its number by severity, and whether it is left."""

    number: int
    encounter: Encounter
    left: bool = False


class DrawnPath(msgspec.Struct, frozen=True):
    """Pieces of one plan's path, with what is shown when hovering."""

    pieces: list[Metres]
    title: str


class Mark(msgspec.Struct, frozen=True):
    """A conflict on the map: where it is, and where its number stands (beside it when the place is taken)."""

    spot: Spot
    x: float
    y: float
    label_x: float
    label_y: float
    numbered: bool


class ScaleBar(msgspec.Struct, frozen=True):
    """Lengths of the two bars in user units and what they measure."""

    nautical_miles: float
    nautical_units: float
    kilometres: float
    kilometre_units: float


class Scene(msgspec.Struct, frozen=True):
    """Everything on a map, in drawing order, in user units."""

    width: float
    height: float
    window: MapWindow
    land: list[list[Metres]]
    coast: list[Metres]
    borders: list[Metres]
    graticule: list[Metres]
    left_ticks: list[Tick]
    bottom_ticks: list[Tick]
    paths: tuple[list[DrawnPath], list[DrawnPath]]
    stretches: tuple[list[Metres], list[Metres]]
    marks: list[Mark]
    scale: ScaleBar


def map_scene(
    ours: Sequence[Plan], theirs: Sequence[Plan], spots: Sequence[Spot], width: float, *, least_aspect: float = 1.15
) -> Scene:
    """Lay out a map `width` user units wide around all plans.

    Args:
        ours: plans of the first party; encounters' `first_plan_id` are among them.
        theirs: plans of the second party, likewise `second_plan_id`.
        spots: conflicts to mark, worst first.
        width: of the picture in user units; the height follows from what is shown.
        least_aspect: the least width over height.
    """
    drawn = tuple([(plan, drawn_lines(plan)) for plan in side] for side in (ours, theirs))
    everything = [line for side in drawn for _, lines in side for line in lines]
    window = window_around(everything, least_aspect=least_aspect, most_aspect=2.0)
    page = Page(window, width)
    tolerance_m = DETAIL / page.units_per_m
    basemap = world()
    paths = tuple(
        [
            DrawnPath([page.units(piece) for piece in window.clip(lines, tolerance_m)], plan.plan_id)
            for plan, lines in side
        ]
        for side in drawn
    )
    by_id = tuple({plan.plan_id: plan for plan in side} for side in (ours, theirs))
    graticule, left_ticks, bottom_ticks = graticule_lines(page)
    return Scene(
        width=width,
        height=page.height,
        window=window,
        land=[[page.units(ring) for ring in rings] for rings in window.land(basemap, tolerance_m)],
        coast=[page.units(p) for p in window.clip(basemap.coast(window.centre, window.radius_m), tolerance_m)],
        borders=[page.units(p) for p in window.clip(basemap.borders(window.centre, window.radius_m), tolerance_m)],
        graticule=graticule,
        left_ticks=left_ticks,
        bottom_ticks=bottom_ticks,
        paths=(paths[0], paths[1]),
        stretches=(
            [p for spot in spots for p in _stretch(page, by_id[0].get(spot.encounter.first_plan_id), spot.encounter)],
            [p for spot in spots for p in _stretch(page, by_id[1].get(spot.encounter.second_plan_id), spot.encounter)],
        ),
        marks=_marks(page, spots),
        scale=scale_bar(page.units_per_m, width / 4.0),
    )


def scale_bar(units_per_m: float, most_units: float) -> ScaleBar:
    """The longest round lengths, in NM and in km, that are at most `most_units` long."""
    most_m = most_units / units_per_m
    miles, kilometres = _round_length(most_m / NAUTICAL_MILE_M), _round_length(most_m / 1000.0)
    return ScaleBar(
        miles, miles * NAUTICAL_MILE_M * units_per_m, kilometres, kilometres * 1000.0 * units_per_m
    )  # fmt: skip


def _stretch(page: Page, plan: Plan | None, encounter: Encounter) -> list[Metres]:
    """The part of a path during which separation is lost; nothing for volumes, whose outlines are on the map."""
    if plan is None or not isinstance(plan.intent, Trajectory):
        return []
    course = SampledPath(plan.intent, encounter.altitude_frame)
    start_s, end_s = max(posix_s(encounter.start), course.start_s), min(posix_s(encounter.end), course.end_s)
    if start_s > end_s:
        return []
    places = course.place(np.linspace(start_s, end_s, 40))
    return [page.units(piece) for piece in page.window.clip([places], DETAIL / page.units_per_m)]


def _marks(page: Page, spots: Sequence[Spot]) -> list[Mark]:
    """Places for the numbers: on the spot when it is free, else as near beside it as there is room."""
    if not spots:
        return []
    places = np.array([
        (s.encounter.closest_first_position.longitude_deg, s.encounter.closest_first_position.latitude_deg)
        for s in spots
    ])  # fmt: skip
    points = page.units(page.window.project(places))
    taken = np.empty((0, 2))
    marks: list[Mark] = []
    for spot, (x, y) in zip(spots, points.tolist(), strict=True):
        numbered = spot.number <= NUMBERED_MOST
        label = _free_place(x, y, taken, page.width, page.height) if numbered else (x, y)
        if numbered:
            taken = np.vstack((taken, label))
        marks.append(Mark(spot, x, y, label[0], label[1], numbered))
    return marks


def _free_place(x: float, y: float, taken: NDArray[np.float64], width: float, height: float) -> tuple[float, float]:
    room = 2.0 * LABEL_RADIUS + 2.0
    best, best_clear = (x, y), -1.0
    for ring in range(6):
        distance = ring * (LABEL_RADIUS + 5.0)
        for step in range(12 if ring else 1):
            bearing = math.radians(30.0 * step - 60.0)
            at = (x + distance * math.cos(bearing), y + distance * math.sin(bearing))
            if not (room < at[0] < width - room and room < at[1] < height - room):
                continue
            clear = float(np.hypot(*(taken - at).T).min()) if len(taken) else math.inf
            if clear >= room:
                return at
            if clear > best_clear:
                best, best_clear = at, clear
    return best


def _round_length(most: float) -> float:
    """The largest of ... 0.5, 1, 2, 5, 10 ... that is at most `most`."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(lead * power for lead in (1.0, 2.0, 5.0) if lead * power <= most * (1.0 + 1e-9))
