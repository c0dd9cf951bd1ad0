"""What `detente check` says of what it did not use: which reports, of which flight, when, where and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detente.cli.tables import screen_width, table_lines
from detente.feeds.dropped import Stretch
from detente.feeds.load import LoadedPlans
from detente.feeds.source import printable_line
from detente.language import Language, counted, figures, text

MOST_ROWS = 20
"""More rows than this are counted; JSON has them all."""

COLUMNS = ("flight", "reports", "when", "where", "why")


def left_out_lines(file: Path, side: LoadedPlans, language: Language) -> list[str]:
    """Lines on what was left out of one file: counts by reason, then a table of the stretches that matter."""
    name = printable_line(str(file), 120)
    lines = [
        f"{name}: {counted(language, f'left_out.{entry.reason}', entry.count)}"
        + (f" ({', '.join(entry.names)})" if entry.names else "")
        for entry in side.dropped
    ]
    rows = [
        _row(stretch, text(language, f"check.left_out.{entry.reason}"), language)
        for entry in side.dropped
        if entry.reason.implausible
        for stretch in entry.stretches
    ]
    rows += [
        _row(stretch, text(language, "check.left_out.unheard"), language)
        for flight in side.flights
        for stretch in flight.unheard
    ]
    rows += [
        _row(stretch, text(language, "check.left_out.aside"), language)
        for flight in side.flights
        for stretch in flight.aside
    ]
    rows += [
        _row(stretch, text(language, "check.left_out.lost"), language)
        for flight in side.flights
        for stretch in flight.lost
    ]
    if rows:
        headings = [text(language, f"check.left_out.column.{column}") for column in COLUMNS]
        title = text(language, "check.left_out.title", file=name)
        lines += table_lines(headings, rows[:MOST_ROWS], screen_width(), title)
    if len(rows) > MOST_ROWS:
        lines.append(counted(language, "check.left_out.more", len(rows) - MOST_ROWS))
    return lines


def too_much_left_out(side: LoadedPlans, most_share: float) -> list[tuple[str, int, int]]:
    """The flights, or as "" the file, of which more than `most_share` was wrong or incomplete: how many of how many."""
    wrong = sum(entry.count for entry in side.dropped if entry.reason.implausible)
    whole = [("", wrong, side.reports)] if wrong > most_share * side.reports else []
    return whole + [
        (doubt.flight, doubt.left_out, doubt.reports)
        for doubt in side.doubtful
        if doubt.left_out > most_share * doubt.reports
    ]


def too_much_lines(file: Path, found: Sequence[tuple[str, int, int]], language: Language) -> list[str]:
    """Lines that name what `too_much_left_out` found in a file."""
    name = printable_line(str(file), 120)
    shown = [
        text(
            language, "check.left_out.too_much", file=name, flight=f"{flight}: " if flight else "",
            left_out=figures.number(language, left_out), reports=figures.number(language, reports),
        )
        for flight, left_out, reports in found[:MOST_ROWS]
    ]  # fmt: skip
    if len(found) > MOST_ROWS:
        shown.append(counted(language, "check.left_out.more", len(found) - MOST_ROWS))
    return shown


def left_out_document(side: LoadedPlans) -> dict[str, Any]:
    """What was left out of one file as JSON: counts by reason, names where there are any, and every stretch."""
    document: dict[str, Any] = {"left_out": {entry.reason: entry.count for entry in side.dropped}}
    if names := {entry.reason: entry.names for entry in side.dropped if entry.names}:
        document["left_out_names"] = names
    stretches = [{"reason": entry.reason, **_members(s)} for entry in side.dropped for s in entry.stretches]
    for flight in side.flights:
        stretches += [{"reason": "unheard", **_members(s)} for s in flight.unheard]
        stretches += [{"reason": "aside", **_members(s)} for s in flight.aside]
        stretches += [{"reason": "lost", **_members(s)} for s in flight.lost]
    if stretches:
        document["left_out_stretches"] = stretches
    return document


def _members(stretch: Stretch) -> dict[str, Any]:
    return {name: getattr(stretch, name) for name in stretch.__struct_fields__}


def _row(stretch: Stretch, why: str, language: Language) -> tuple[str, ...]:
    when = figures.utc_time(stretch.start)
    if stretch.end > stretch.start:
        when += f" – {figures.utc_clock(stretch.end)}"
    place = stretch.position
    where = figures.position(place.latitude_deg, place.longitude_deg) if place else "–"
    return stretch.flight, figures.number(language, stretch.reports), when, where, why
