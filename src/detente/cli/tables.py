"""Tables for people: ids stay whole on a narrow screen, and what a peer wrote is text, never markup."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_WHOLE = 32
"""A first column up to so many characters wide is not broken, so that an id is copied with one gesture."""


def print_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    piped_width: int,
    title: str = "",
    width: int | None = None,
) -> None:
    """Print rows under headings, as wide as the screen; in a file or a pipe `piped_width` characters.

    A cell that does not fit goes on in the next line; nothing is left out. `width` stands in for the screen's.
    """
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    columns = [Column(Text(heading), overflow="fold") for heading in headings]
    columns[0].no_wrap = max((len(row[0]) for row in rows), default=0) <= LONGEST_WHOLE
    table = Table(*columns, title=Text(title) if title else None, title_justify="left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    # A table in a file or a pipe is not cut to the width of a screen that is not there.
    Console(width=width or (None if console.is_terminal else piped_width)).print(table)
