"""The rows of the table `entry` in order, and exactly which of them cannot be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from detente.record.printable import printable
from detente.record.storage import SQLITE_ERRORS

Row = tuple[int, int, str, bytes, bytes, bytes | None]
"""Number, time in microseconds since 1970, kind, body, hash, and the signature of the batch that ends here or None."""
LAST_ENTRY_NUMBER = 2**63 - 1
_COLUMNS = "SELECT number, at_us, kind, body, hash, signature FROM entry"
_SELECT_ROWS = f"{_COLUMNS} WHERE number BETWEEN ? AND ? ORDER BY number"
_SELECT_ROW = f"{_COLUMNS} WHERE number = ?"


class UnreadableRowError(Exception):
    """SQLite cannot read the row that should be `number`; `detail` is what it says."""

    def __init__(self, number: int, detail: str) -> None:
        self.number = number
        self.detail = printable(detail)
        super().__init__(f"entry {number}: {self.detail}")


def stored_rows(connection: sqlite3.Connection, first: int, last: int) -> Iterator[Row]:
    """Yield the rows with numbers `first` to `last` as they are stored; in a hostile file a field may be of any type.

    Raises UnreadableRowError.
    """
    number = max(first, 1) - 1
    try:
        for row in connection.execute(_SELECT_ROWS, (first, last)):
            yield row
            number = row[0]
    except SQLITE_ERRORS as error:
        # Python's cursor reads one row ahead, and an error there loses the row before it: look at them one by one.
        yield from _singly(connection, number + 1, last, str(error))


def _singly(connection: sqlite3.Connection, number: int, last: int, complaint: str) -> Iterator[Row]:
    while True:
        try:
            row = connection.execute(_SELECT_ROW, (number,)).fetchone() if number <= last else None
        except SQLITE_ERRORS as error:
            raise UnreadableRowError(number, str(error)) from None
        if row is None:
            raise UnreadableRowError(number, complaint)
        yield row
        number += 1
