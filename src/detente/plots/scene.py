"""What a map shows, laid out in user units from its top left corner; `map.py` writes it as SVG, `map_png.py` as PNG."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from detente.airspace.arrays import Floats
from detente.airspace.plan import Plan, Trajectory
from detente.airspace.position import posix_s
from detente.airspace.separation import Encounter
from detente.language.figures import NAUTICAL_MILE_M
from detente.plots.basemap import world
from detente.plots.graticule import Page, Tick, graticule_lines
from detente.plots.places import PlaceName, place_names
from detente.plots.sampling import SampledPath, drawn_lines
from detente.plots.window import MapWindow, Metres, window_around

DETAIL = 0.35
"""Bends smaller than this many user units are left out."""
LABEL_RADIUS = 9.5
CROWD_UNITS = 24.0
"""Conflicts nearer than this to the worst of a crowd belong to it."""
FEWEST_IN_CROWD, FEWEST_IN_INSET = 4, 4
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
    """A conflict on the map: where it is, and where its number stands (beside it when the place is taken).

    Of a crowd only the worst has its number on the map; `others` says how many more are as near.
    """

    spot: Spot
    x: float
    y: float
    label_x: float
    label_y: float
    numbered: bool
    others: int = 0


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
    places: list[PlaceName]


def map_scene(
    ours: Sequence[Plan],
    theirs: Sequence[Plan],
    spots: Sequence[Spot],
    width: float,
    *,
    least_aspect: float = 1.15,
    window: MapWindow | None = None,
    gathers: bool = False,
) -> Scene:
    """Lay out a map `width` user units wide around all plans, or of a window.

    Args:
        ours: plans of the first party; encounters' `first_plan_id` are among them.
        theirs: plans of the second party, likewise `second_plan_id`.
        spots: conflicts to mark, worst first.
        width: of the picture in user units; the height follows from what is shown.
        least_aspect: the least width over height.
        window: what is shown; everything when not given.
        gathers: whether a crowd of conflicts has one mark.
    """
    drawn = tuple([(plan, drawn_lines(plan)) for plan in side] for side in (ours, theirs))
    everything = [line for side in drawn for _, lines in side for line in lines]
    if window is None:
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
    marks = _gathered(_marks(page, spots)) if gathers else _marks(page, spots)
    scale = scale_bar(page.units_per_m, width / 4.0)
    below = max(scale.nautical_units, scale.kilometre_units) + 30.0
    kept_free = [(page.width - below, page.height - 80.0, page.width, page.height)]
    kept_free += [
        (m.label_x - LABEL_RADIUS, m.label_y - LABEL_RADIUS, m.label_x + LABEL_RADIUS, m.label_y + LABEL_RADIUS)
        for m in marks
        if m.numbered
    ]
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
        marks=marks,
        scale=scale,
        places=place_names(page, kept_free),
    )


def single_marks(scene: Scene, spots: Sequence[Spot]) -> list[Mark]:
    """Return the marks of a scene's conflicts as they are when none are gathered."""
    return _marks(Page(scene.window, scene.width), spots)


def crowd_window(marks: Sequence[Mark]) -> tuple[MapWindow, list[Spot]] | None:
    """Return a window around the greatest crowd of a map, and its conflicts; None where no crowd is worth one.

    The marks are those of a scene that does not gather.
    """
    crowds = _crowds(marks)
    if not crowds or len(crowds[0]) < FEWEST_IN_INSET:
        return None
    spots = [mark.spot for mark in crowds[0]]
    places = [
        np.array([(place.longitude_deg, place.latitude_deg)])
        for spot in spots
        for place in (spot.encounter.closest_first_position, spot.encounter.closest_second_position)
    ]
    return window_around(places, least_aspect=1.2, most_aspect=1.2, margin=0.15, least_m=2_000.0), spots


def _crowds(marks: Sequence[Mark]) -> list[list[Mark]]:
    """Marks that would lie over one another, together, each crowd in the order of numbers; the greatest crowd first."""
    crowds: list[list[Mark]] = []
    centres = np.empty((0, 2))
    for mark in marks:
        away = np.hypot(centres[:, 0] - mark.x, centres[:, 1] - mark.y)
        near = int(np.argmin(away)) if len(away) else -1
        if near >= 0 and away[near] < CROWD_UNITS:
            crowds[near].append(mark)
        else:
            crowds.append([mark])
            centres = np.vstack((centres, (mark.x, mark.y)))
    return sorted(crowds, key=lambda crowd: -len(crowd))


def _gathered(marks: Sequence[Mark]) -> list[Mark]:
    """One mark for each crowd, at its worst conflict; the others of it are dots without a number."""
    found: list[Mark] = []
    for crowd in _crowds(marks):
        if len(crowd) < FEWEST_IN_CROWD:
            found += crowd
            continue
        worst = crowd[0]
        found.append(msgspec.structs.replace(worst, others=len(crowd) - 1, numbered=True))
        found += [msgspec.structs.replace(mark, numbered=False, label_x=mark.x, label_y=mark.y) for mark in crowd[1:]]
    return sorted(found, key=lambda mark: mark.spot.number)


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
        label = free_place(x, y, taken, page.width, page.height) if numbered else (x, y)
        if numbered:
            taken = np.vstack((taken, label))
        marks.append(Mark(spot, x, y, label[0], label[1], numbered))
    return marks


def free_place(x: float, y: float, taken: Floats, width: float, height: float) -> tuple[float, float]:
    """The place nearest to a point where a number has room between those taken, of shape [n, 2]; in user units."""
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
