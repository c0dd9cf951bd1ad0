"""Flights of a file too long for memory: its reports lie on disk by the names of their aircraft, and are read in parts.

What becomes of a report depends on the other reports of its name and on nothing else, so the flights of each part,
put in order, are those of the whole file. The parts are temporary files without a name, which the system removes with
the process, however it ends.
"""

from __future__ import annotations

import errno
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from itertools import chain
from typing import Any

import numpy as np

from detente.airspace.refusal import Refusal
from detente.feeds.flights import Flights, TrackPart, together
from detente.feeds.track_columns import COLUMNS, MAX_REPORTS, TEXTS, TrackColumns, joined, words_of
from detente.feeds.tracks import TrackOptions, flights_of, part_of

IN_MEMORY_REPORTS = 1_000_000
"""A file of no more reports is never on disk."""

PARTS = 64
"""At `MAX_REPORTS` in a part, this is beyond a year of the busiest sky; as many files are open at a time."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

Progress = Callable[[int], None]


def flights_of_batches(
    batches: Iterator[TrackColumns],
    options: TrackOptions,
    progress: Progress | None = None,
    *,
    parts: int = PARTS,
    in_memory: int = IN_MEMORY_REPORTS,
) -> Flights:
    """Return the flights of a file that comes in batches, in the order of its rows; `flights_of` gives the same.

    No more is in memory than `in_memory` reports, or those of the names in one of `parts`, of which no part may have
    more than `MAX_REPORTS`, beside the flights that were found. `progress` is told how many reports were read.

    Raises Refusal where the disk for temporary files has no room.
    """
    if options.drop_ghosts or find_spec("pyarrow") is None:
        # A ghost is known by the flights of other names; without the extra no file comes in batches.
        return flights_of(joined(batches), options)
    held: list[TrackColumns] = []
    reports = 0
    for batch in batches:
        held.append(batch)
        reports += len(batch.time_s)
        if reports > in_memory:
            break
    else:
        return flights_of(joined(held), options)
    with _room(), ExitStack() as files:
        divided = _Parts([files.enter_context(tempfile.TemporaryFile()) for _ in range(parts)])
        for batch in chain((held.pop(0) for _ in range(len(held))), batches):
            divided.add(batch)
            if progress is not None:
                progress(divided.reports)
        return together(divided.flights(options))


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise Refusal("feeds.room_for_reports", "TMPDIR", tempfile.gettempdir()) from None


class _Parts:
    """Reports divided among files by the name under which each flies."""

    def __init__(self, files: list[Any]) -> None:
        import pyarrow  # noqa: PLC0415 - an extra, and slow to import
        import pyarrow.ipc  # noqa: PLC0415

        self._pyarrow = pyarrow
        self._files = files
        kinds = dict.fromkeys(TEXTS, pyarrow.string()) | {"on_ground": pyarrow.bool_()}
        self._schema = pyarrow.schema(
            [*((name, kinds.get(name, pyarrow.float64())) for name in COLUMNS), ("rows", pyarrow.int64())]
        )
        self._writers = [pyarrow.ipc.new_stream(pyarrow.PythonFile(file, "w"), self._schema) for file in files]
        self._first_row = 0
        self.reports = 0

    def add(self, batch: TrackColumns) -> None:
        """Write down the next reports of the file."""
        if not self.reports:
            self._first_row = batch.first_row
        names = [
            flight or address for flight, address in zip(batch.flight_id.tolist(), batch.icao24.tolist(), strict=True)
        ]
        part_of_name = {name: zlib.crc32(name.encode()) % len(self._files) for name in set(names)}
        parts = np.fromiter((part_of_name[name] for name in names), dtype=np.int32, count=len(names))
        order = np.argsort(parts, kind="stable")
        bounds = np.searchsorted(parts[order], np.arange(len(self._files) + 1))
        for number, writer in enumerate(self._writers):
            rows = order[bounds[number] : bounds[number + 1]]
            if len(rows):
                columns = [getattr(batch, name)[rows] for name in COLUMNS]
                writer.write_batch(self._pyarrow.record_batch([*columns, rows + self.reports], schema=self._schema))
        self.reports += len(names)

    def flights(self, options: TrackOptions) -> Iterator[TrackPart]:
        """Yield what the reports of each part give; there is nothing to add any more."""
        for file, writer in zip(self._files, self._writers, strict=True):
            writer.close()
            file.seek(0)
            table = self._pyarrow.ipc.open_stream(file).read_all()
            if table.num_rows > MAX_REPORTS:
                raise Refusal("feeds.fewer_reports_of_one", "rows", f"{table.num_rows:,}", most=MAX_REPORTS)
            if table.num_rows:
                yield part_of(self._columns(table), options)

    def _columns(self, table: Any) -> TrackColumns:  # noqa: ANN401 - pyarrow carries no types
        columns: dict[str, Any] = {
            name: words_of(table[name].dictionary_encode(), str) if name in TEXTS else table[name].to_numpy()
            for name in (*COLUMNS, "rows")
        }
        return TrackColumns(**columns, first_row=self._first_row)
