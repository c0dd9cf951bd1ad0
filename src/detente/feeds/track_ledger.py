"""Which reports of a file were left out and why, by the name of their aircraft."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detente.airspace.position import Position, from_posix_s
from detente.feeds.dropped import Doubtful, DropReason, Stretch
from detente.feeds.source import printable_line
from detente.feeds.track_columns import TrackColumns

STRETCH_S = 600.0
"""Reports left out further apart than this are told one by one."""

FEWEST_LEFT_OUT = 10
"""Fewer reports than this make no aircraft doubtful."""

AT_A_TIME = 100_000
"""Reports whose names are in hand as Python's objects, which take eight times as much."""


class ReportLedger:
    """Holds every report to one name, and takes down what is left out.

    Attributes:
        names: the names in the file: a `flight_id`, or an address where there is none.
        numbers: for each report, which of the names is its own.
        nameless: for each report, whether it has none.
    """

    def __init__(self, columns: TrackColumns) -> None:
        """Find the names."""
        self._columns = columns
        self._left_out: dict[DropReason, list[NDArray[np.intp]]] = {}
        found: dict[str, int] = {}
        self.numbers = np.empty(len(columns.time_s), dtype=np.int32)
        for begin in range(0, len(self.numbers), AT_A_TIME):
            some = slice(begin, begin + AT_A_TIME)
            # `or` for the address where there is no flight_id; as lists, because a loop over objects of numpy is slow.
            keys = zip(columns.flight_id[some].tolist(), columns.icao24[some].tolist(), strict=True)
            self.numbers[some] = [found.setdefault(flight or address, len(found)) for flight, address in keys]
        self.names = tuple(found)
        first = np.zeros(len(found), dtype=np.intp)
        # Of several writes to one place the last one counts: that of the first report.
        first[self.numbers[::-1]] = np.arange(len(self.numbers))[::-1]
        self._first_rows = [columns.row(report) for report in first.tolist()]
        self.nameless = self.numbers == found.get("", -1)

    def leave_out(self, reason: DropReason, rows: NDArray[np.intp]) -> None:
        """Take down that these reports are left out, or their altitude where that is the reason."""
        if len(rows):
            self._left_out.setdefault(reason, []).append(rows)

    def dropped(self) -> dict[DropReason, list[tuple[int, Stretch]]]:
        """Return what was left out for each reason, by name and time, with the first row of each name."""
        return {reason: list(self._stretches(np.concatenate(rows))) for reason, rows in self._left_out.items()}

    def doubtful(self) -> list[tuple[int, Doubtful]]:
        """Return the names of which reports were left out that were wrong or incomplete, with how many of how many.

        Likewise with the first row of each.
        """
        wrong = [rows for reason, parts in self._left_out.items() if reason.implausible for rows in parts]
        if not wrong:
            return []
        counts = np.bincount(self.numbers[np.concatenate(wrong)], minlength=len(self.names))
        totals = np.bincount(self.numbers, minlength=len(self.names))
        return [
            (self._first_rows[number], Doubtful(self._name(number), int(counts[number]), int(totals[number])))
            for number in np.flatnonzero(counts >= FEWEST_LEFT_OUT).tolist()
        ]

    def _stretches(self, rows: NDArray[np.intp]) -> Iterator[tuple[int, Stretch]]:
        times, numbers = self._columns.time_s[rows], self.numbers[rows]
        order = np.lexsort((times, numbers))
        rows, times, numbers = rows[order], times[order], numbers[order]
        cuts = np.flatnonzero((np.diff(numbers) != 0) | (np.diff(times) > STRETCH_S)) + 1
        bounds = [0, *cuts.tolist(), len(rows)]
        for begin, end in pairwise(bounds):
            number = int(numbers[begin])
            yield (
                self._first_rows[number],
                Stretch(
                    flight=self._name(number),
                    reports=end - begin,
                    start=from_posix_s(float(times[begin])),
                    end=from_posix_s(float(times[end - 1])),
                    position=self._position(int(rows[begin])),
                ),
            )

    def _name(self, number: int) -> str:
        return printable_line(self.names[number])

    def _position(self, row: int) -> Position | None:
        latitude, longitude = float(self._columns.latitude_deg[row]), float(self._columns.longitude_deg[row])
        return None if np.isnan(latitude) or np.isnan(longitude) else Position(latitude, longitude)
