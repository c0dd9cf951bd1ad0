"""Tables for people: as wide as the screen, nothing cut, and text of a peer cannot control the terminal.

A figure stays in one piece with its unit, and a time with its date. Where the columns do not fit side by side, each row
is written as lines of "heading: cell" instead.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from detente.cli.wording import echo
from detente.record.printable import printable

WITHOUT_SCREEN = 200
"""How wide a table is in a file or a pipe, unless COLUMNS says it."""
GAP = "  "
_UNIT = re.compile(
    r"(?<=\d) (?=(?:NM|km|m|ft|s|min|h|hPa|MHz|%)(?![A-Za-z]))|(?<=FL) (?=\d)|(?<=QNH) |(?<=QFE) "
    r"|(?<=\d{4}-\d\d-\d\d) (?=\d\d:)"
)
_SIGNS = re.compile("[^\n \u00a0\u202f]+")
_HELD = "\N{FIGURE SPACE}"


def screen_width() -> int:
    """Return how many characters are in a line: COLUMNS, the terminal's, or many where nobody looks."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return max(20, shutil.get_terminal_size().columns)
    return WITHOUT_SCREEN


def print_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    width: int | None = None,
) -> None:
    """Print rows under headings, within `width` or else the screen's; what does not fit goes on in the next line."""
    for line in table_lines(headings, rows, width or screen_width(), title):
        echo(line)


def table_lines(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int, title: str = "") -> Iterator[str]:
    """Yield the lines of a table."""
    if title:
        yield from textwrap.wrap(printable(title), width)
    cells = [[_held(cell) for cell in row] for row in (headings, *rows)]
    widths = _widths(cells, width - len(GAP) * (len(headings) - 1))
    if widths is None:
        yield from _as_records(cells, width)
        return
    for number, row in enumerate(cells):
        yield from _side_by_side(row, widths)
        if number == 0:
            yield GAP.join("-" * column for column in widths)
        elif len(cells) > number + 1 and any(len(_wrapped(c, w)) > 1 for c, w in zip(row, widths, strict=True)):
            yield ""


def _held(cell: str) -> str:
    """Return a cell safe for a terminal, each figure held to its unit."""
    return _UNIT.sub(_HELD, _SIGNS.sub(lambda found: printable(found[0]), cell))


def _widths(cells: Sequence[Sequence[str]], space: int) -> list[int] | None:
    """Return how wide each column may be, none narrower than its longest word; None when they do not fit."""
    columns = list(zip(*cells, strict=True))
    least = [max(len(word) for cell in column for word in re.split("[ \n]", cell)) for column in columns]
    wanted = [max(len(line) for cell in column for line in cell.split("\n")) for column in columns]
    if sum(least) > space:
        return None
    while sum(wanted) > space:
        # The column with most to give loses first.
        widest = max(range(len(wanted)), key=lambda number: wanted[number] - least[number])
        wanted[widest] -= 1
    return wanted


def _side_by_side(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    parts = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    for line in zip_longest(*parts, fillvalue=""):
        joined = GAP.join(f"{part:<{width}}" for part, width in zip(line, widths, strict=True))
        yield joined.replace(_HELD, " ").rstrip()


def _as_records(cells: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    headings, *rows = cells
    for number, row in enumerate(rows):
        if number:
            yield ""
        for heading, cell in zip(headings, row, strict=True):
            first, *rest = _wrapped(f"{heading}: {cell}" if heading else cell, width - len(GAP)) or [""]
            yield first.replace(_HELD, " ")
            yield from (GAP + line.replace(_HELD, " ") for line in rest)


def _wrapped(cell: str, width: int) -> list[str]:
    """Return the lines of a cell; a word that is too long stays whole."""
    lines = [
        textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""] for line in cell.split("\n")
    ]
    return [part for parts in lines for part in parts]
