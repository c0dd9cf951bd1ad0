"""What each side learnt, as maps side by side: "what they told us" and "what they know of us", drawn on one ground."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from detente.airspace.plan import Plan
from detente.plots.contents import Knowledge, ReportContents
from detente.plots.graticule import Page
from detente.plots.map import SIDES, draw_edges, draw_ground
from detente.plots.sampling import drawn_lines
from detente.plots.scene import DETAIL, Scene, map_scene
from detente.plots.svg import Drawing

WIDTH = 540.0


class LearntMaps(msgspec.Struct, frozen=True):
    """The two maps of one party as `svg` elements, and the counts beside them.

    Attributes:
        told_us: what the other told it: only that is drawn, because it knows of nothing else.
        known_of_us: its own plans, with what the other knows of them; the others faintly.
        plans: how many plans it has.
        told_as_is, told_in_part: of the other's plans.
        known_as_is, known_in_part: of its own.
    """

    told_us: str
    known_of_us: str
    plans: int
    told_as_is: int
    told_in_part: int
    known_as_is: int
    known_in_part: int

    @property
    def unknown(self) -> int:
        """How many of its plans the other knows nothing of."""
        return self.plans - self.known_as_is - self.known_in_part


def learnt_maps(contents: ReportContents) -> list[LearntMaps]:
    """The maps of both parties; none where nothing was matched privately."""
    if contents.learnt is None:
        return []
    first, second = (party.plans for party in contents.parties)
    ground = map_scene(first, second, (), WIDTH)
    maps = []
    for number, party in enumerate(contents.parties):
        of_other, of_own = contents.learnt[number], contents.learnt[1 - number]
        plans = party.plans
        maps.append(
            LearntMaps(
                told_us=_map(ground, (), of_other, SIDES[1 - number]),
                known_of_us=_map(ground, plans, of_own, SIDES[number]),
                plans=len(plans),
                told_as_is=len(of_other.told), told_in_part=of_other.in_part,
                known_as_is=len(of_own.told), known_in_part=of_own.in_part,
            )
        )  # fmt: skip
    return maps


def _map(ground: Scene, untold: Sequence[Plan], known: Knowledge, side: str) -> str:
    drawing = Drawing(ground.width, ground.height, "map learnt")
    draw_ground(drawing, ground)
    _draw(drawing, ground, untold, "untold")
    _draw(drawing, ground, known.told, f"told {side}")
    _draw(drawing, ground, known.parts, f"part {side}")
    draw_edges(drawing, ground)
    return drawing.markup()


def _draw(drawing: Drawing, ground: Scene, plans: Iterable[Plan], css_class: str) -> None:
    page = Page(ground.window, ground.width)
    drawing.begin(css_class)
    for plan in plans:
        pieces = ground.window.clip(drawn_lines(plan), DETAIL / page.units_per_m)
        drawing.path([page.units(piece) for piece in pieces], "", title=plan.plan_id)
    drawing.end()
