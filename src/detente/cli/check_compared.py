"""What `detente check` compared: both sides' extent, which plans can meet nothing, and what speaks against the answer.

Exchanged coordinates and last year's file make files that never meet: nothing is compared then, and that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from detente.airspace.extent import (
    Extent,
    HeightSpan,
    PlanReach,
    alone_in_place,
    alone_in_time,
    exchanged,
    extent,
)
from detente.airspace.passes import ComparedSets
from detente.airspace.plan import Plan
from detente.airspace.separation import Minima
from detente.cli.tables import screen_width, table_lines
from detente.feeds.source import printable_line
from detente.language import Language, counted, figures, text

SIDES = ("ours", "theirs")
COLUMNS = ("side", "plans", "place", "heights", "time", "alone")


class AnswerDoubt(StrEnum):
    """Why an answer may mean nothing."""

    NEVER_AT_THE_SAME_TIME = "never_at_the_same_time"
    NOWHERE_NEAR = "nowhere_near"
    OURS_EXCHANGED = "ours_exchanged"
    THEIRS_EXCHANGED = "theirs_exchanged"
    OURS_PAST = "ours_past"
    THEIRS_PAST = "theirs_past"


class ComparedSide(NamedTuple):
    """One file as it was compared: how many plans, their extent, and how many can meet nothing of the other file."""

    plans: int
    extent: Extent
    alone_in_time: int
    alone_in_place: int


class Compared(NamedTuple):
    """Both files as they were compared, and what speaks against the answer."""

    sides: tuple[ComparedSide, ComparedSide]
    doubts: tuple[AnswerDoubt, ...]

    @property
    def nothing(self) -> bool:
        """Whether no plan of one file can meet any of the other."""
        return bool({AnswerDoubt.NEVER_AT_THE_SAME_TIME, AnswerDoubt.NOWHERE_NEAR} & set(self.doubts))


def compared(
    sets: ComparedSets, plans: tuple[Sequence[Plan], Sequence[Plan]], minima: Minima, now: datetime
) -> Compared:
    """Return what was compared; `now` is the time before which plans are past."""
    reaches = sets.first, sets.second
    ours, theirs = (
        ComparedSide(
            len(side), extent(side, own),
            int(alone_in_time(own, other, minima).sum()), int(alone_in_place(own, other, minima).sum()),
        )
        for side, own, other in zip(plans, reaches, reaches[::-1], strict=True)
    )  # fmt: skip
    return Compared((ours, theirs), tuple(_doubts((ours, theirs), reaches, minima, now)))


def _doubts(
    sides: tuple[ComparedSide, ComparedSide], reaches: tuple[PlanReach, PlanReach], minima: Minima, now: datetime
) -> list[AnswerDoubt]:
    found = []
    if any(side.alone_in_time == side.plans for side in sides):
        found.append(AnswerDoubt.NEVER_AT_THE_SAME_TIME)
    if any(side.alone_in_place == side.plans for side in sides):
        found.append(AnswerDoubt.NOWHERE_NEAR)
        turned = exchanged(reaches[0]), exchanged(reaches[1])
        if turned[0] is not None and not alone_in_place(turned[0], reaches[1], minima).all():
            found.append(AnswerDoubt.OURS_EXCHANGED)
        if turned[1] is not None and not alone_in_place(turned[1], reaches[0], minima).all():
            found.append(AnswerDoubt.THEIRS_EXCHANGED)
    past = [side.extent.end < now for side in sides]
    return found + [
        doubt for doubt, so in zip((AnswerDoubt.OURS_PAST, AnswerDoubt.THEIRS_PAST), past, strict=True) if so
    ]


def compared_lines(found: Compared, files: tuple[Path, Path], language: Language) -> list[str]:
    """Return a table of what was compared."""
    rows = [
        (
            f"{text(language, f'map.{name}')}\n{printable_line(str(file), 120)}",
            figures.number(language, side.plans),
            _place(side.extent),
            "\n".join(_heights(span, language) for span in side.extent.heights),
            f"{figures.utc_time(side.extent.start)}\n{figures.utc_time(side.extent.end)}",
            text(
                language, "check.compared.alone", time=figures.number(language, side.alone_in_time),
                place=figures.number(language, side.alone_in_place),
            ).replace("; ", "\n"),
        )
        for name, file, side in zip(SIDES, files, found.sides, strict=True)
    ]  # fmt: skip
    headings = [text(language, f"check.compared.column.{column}") for column in COLUMNS]
    return list(table_lines(headings, rows, screen_width(), text(language, "check.compared.title")))


def doubt_lines(found: Compared, language: Language) -> list[str]:
    """Return a sentence for each doubt, the loudest first; that plans are past is one where they meet nothing."""
    (ours, theirs) = (side.extent for side in found.sides)
    apart = max(theirs.start - ours.end, ours.start - theirs.end)
    lines = [
        text(
            language, f"check.doubt.{doubt}",
            start=figures.utc_time(ours.start), end=figures.utc_time(ours.end),
            their_start=figures.utc_time(theirs.start), their_end=figures.utc_time(theirs.end),
            apart=counted(language, "check.days", apart.days) if apart.days else
            figures.duration(language, max(apart.total_seconds(), 0.0)),
            place=_place(ours).replace("\n", ", "), their_place=_place(theirs).replace("\n", ", "),
        )
        for doubt in found.doubts
    ]  # fmt: skip
    return [text(language, "check.doubt.nothing"), *lines] if found.nothing else lines


def compared_document(found: Compared) -> dict[str, Any]:
    """Return what was compared as JSON."""
    return {
        **{
            name: {
                "plans": side.plans,
                "extent": msgspec.to_builtins(side.extent),
                "alone_in_time": side.alone_in_time,
                "alone_in_place": side.alone_in_place,
            }
            for name, side in zip(SIDES, found.sides, strict=True)
        },
        "nothing_compared": found.nothing,
        "doubts": list(found.doubts),
    }


def _place(extent: Extent) -> str:
    """Two corners, south-west and north-east."""
    return "\n".join((figures.position(extent.south, extent.west), figures.position(extent.north, extent.east)))


def _heights(span: HeightSpan, language: Language) -> str:
    written = figures.reading(language, span.lowest, span.unit)
    if span.highest > span.lowest:
        written += f" – {figures.reading(language, span.highest, span.unit)}"
    return text(language, f"check.compared.reference.{span.reference}", heights=written)


def extent_line(found: Extent, language: Language) -> str:
    """Return the extent of one file in a line."""
    heights = ", ".join(_heights(span, language) for span in found.heights)
    times = f"{figures.utc_time(found.start)} – {figures.utc_time(found.end)}"
    return "; ".join((_place(found).replace("\n", " – "), heights, times))
