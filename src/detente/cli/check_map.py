"""What is written around the map of `detente check`: whose plans, which minima, when, what the numbers add up to."""

from __future__ import annotations

from detente.cli.check_choice import NumberedPass
from detente.cli.check_output import Checked
from detente.cli.planned_heights import in_words, planned_height
from detente.feeds.source import printable_line
from detente.language import Language, counted, figures, text
from detente.plots.map_png import Caption
from detente.plots.scene import NUMBERED_MOST

MOST_LISTED = 8


def map_caption(checked: Checked, language: Language) -> Caption:
    """Return the words around the map."""
    conflicts, minima = checked.conflicts, checked.minima
    ours, theirs = (printable_line(file.name, 40) for file in checked.files)
    kept = ", ".join((
        figures.distance(language, minima.horizontal_m), figures.height(language, minima.vertical_m),
        figures.duration(language, minima.time_s),
    ))  # fmt: skip
    found = [one.found.encounter for one in conflicts]
    title = text(
        language, "check.map.title", found=counted(language, "check.found", len(conflicts)), ours=ours, theirs=theirs
    )
    lines = [text(language, "check.map.minima", minima=kept)]
    if found:
        start, end = min(one.start for one in found), max(one.end for one in found)
        lines[0] += " " + text(
            language, "check.map.when", start=figures.utc_time(start), end=figures.utc_time(end),
            ours=figures.number(language, len({one.first_plan_id for one in found})),
            theirs=figures.number(language, len({one.second_plan_id for one in found})),
        )  # fmt: skip
        lines.append(_numbers(checked, language))
    worst = tuple(_line(checked, one, language) for one in conflicts[:MOST_LISTED])
    return Caption(title, tuple(lines), worst)


def _numbers(checked: Checked, language: Language) -> str:
    """What the numbers mean, and how many conflicts have none on the map."""
    words = text(language, "check.map.numbers")
    left = len([one for one in checked.conflicts if one.number > NUMBERED_MOST])
    if left:
        words += " " + counted(language, "check.map.dots", left)
    if len(checked.conflicts) < checked.found:
        shown, found = len(checked.conflicts), counted(language, "check.found", checked.found)
        words += " " + text(language, "check.chosen", shown=figures.number(language, shown), found=found)
    return words


def _line(checked: Checked, conflict: NumberedPass, language: Language) -> str:
    encounter = conflict.found.encounter
    heights = [
        in_words(planned_height(plan, time), language, below_levels=True)
        for side, plan_id, time in (
            (0, encounter.first_plan_id, encounter.closest_first_time),
            (1, encounter.second_plan_id, encounter.closest_second_time),
        )
        for plan in checked.sides[side].plans
        if plan.plan_id == plan_id
    ]
    return text(
        language, "check.map.line", number=conflict.number, ours=encounter.first_plan_id,
        theirs=encounter.second_plan_id, time=figures.utc_clock(encounter.closest_first_time),
        horizontal=figures.distance(language, encounter.horizontal_m, down=True),
        vertical=figures.height(language, encounter.vertical_m, down=True), our_height=heights[0],
        their_height=heights[1],
    )  # fmt: skip
