"""The reports of live feeds, kept by the hour in the folder `watch` beside the journal, as Parquet files.

Within an hour they are written in parts of half a minute, each a whole file: what ends without warning loses no more
than the last part. When the hour is over, its parts become one file, whose digest the journal keeps. A note beside each
file holds the digest until the journal has it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import structlog

from detente.airspace.refusal import Refusal
from detente.record.keys import sync_directory
from detente.settings.configuration import MEGABYTE, WatchSettings
from detente.watch.records import KeptHour
from detente.watch.sighting import Sighting

if TYPE_CHECKING:
    import pyarrow as pa

WATCH_FOLDER = "watch"
PART_S = 30.0
PART_REPORTS = 200_000
"""A part is written when it is as old, or as large, as this."""
BATCH_REPORTS = 8_192
"""So many wait as they came; then they become columns, which take a fifth of the memory and are written at once."""
HOUR_S = 3_600.0
DAY_S = 86_400.0
_HOUR = "%Y-%m-%dT%H"
_FILE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d)(?:-\d+)?\.parquet\Z", re.ASCII)
_NOTE = ".kept"
_PARTS = ".parts"
_READ_BYTES = 1 << 20

log = structlog.get_logger()


class ReportKeeper:
    """Keeps reports in a folder.

    It raises OSError when the folder cannot be written, and ValueError for reports that no file can hold.

    `not_kept` counts the reports for which the disk had no space.
    """

    def __init__(self, folder: Path, settings: WatchSettings) -> None:
        self._folder = folder
        self._settings = settings
        self._waiting: list[Sighting] = []
        self._batches: list[pa.RecordBatch] = []
        self._batched = 0
        self._since_s: float | None = None
        self.not_kept = 0

    def take(self, sightings: Sequence[Sighting]) -> None:
        """Keep these too."""
        room = 2 * PART_REPORTS - self._batched - len(self._waiting)
        self._waiting += sightings[:room]
        self.not_kept += max(0, len(sightings) - room)
        if len(self._waiting) >= BATCH_REPORTS:
            self._make_batch()

    def is_due(self, now_s: float) -> bool:
        """Whether something is to be done by `now_s`, seconds since 1970-01-01 UTC: at first what was left undone."""
        return (
            self._since_s is None
            or now_s - self._since_s >= PART_S
            or self._batched + len(self._waiting) >= PART_REPORTS
            or now_s < self._since_s
        )

    def taken(self, now_s: float) -> list[pa.RecordBatch]:
        """Return what waits to be written, which is the caller's from now on."""
        self._make_batch()
        waiting, self._batches, self._batched, self._since_s = self._batches, [], 0, now_s
        return waiting

    def write(self, batches: Sequence[pa.RecordBatch]) -> None:
        """Write these as a part of each hour in which they were heard; may take long."""
        by_hour: dict[str, list[pa.RecordBatch]] = {}
        for batch in batches:
            for hour, reports in _by_hour(batch):
                by_hour.setdefault(hour, []).append(reports)
        for hour, parts in sorted(by_hour.items()):
            if not self._has_space():
                self.not_kept += sum(part.num_rows for part in parts)
                continue
            folder = self._folder / f"{hour}{_PARTS}"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = 1 + max((int(part.stem) for part in _parts(folder)), default=0)
            _write_part(folder / f"{number:06d}.parquet", parts)

    def _make_batch(self) -> None:
        reports, self._waiting = self._waiting, []
        if reports:
            self._batches.append(_batch_of(reports))
            self._batched += len(reports)

    def close_hours(self, now_s: float, *, all_hours: bool = False) -> Iterator[KeptHour]:
        """Make one file of the parts of each hour that is over, and yield what it holds; may take long."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for folder in sorted(self._folder.glob(f"*{_PARTS}")):
            if all_hours or folder.stem < _hour(now_s):
                found = _closed(folder)
                if found is not None:
                    yield found

    def known(self) -> Iterator[KeptHour]:
        """Yield what the files hold that are there, by their notes."""
        for note in sorted(self._folder.glob(f"*{_NOTE}")):
            with suppress(OSError, msgspec.MsgspecError):
                yield msgspec.json.decode(note.read_bytes(), type=KeptHour)

    def remove_old(self, now_s: float) -> Iterator[str]:
        """Remove the files of what is older than is kept, and the oldest where all are too large; yield their names."""
        files = [file for file in sorted(self._folder.glob("*.parquet")) if _FILE.match(file.name)]
        sizes = [file.stat().st_size for file in files]
        whole, most = sum(sizes), self._settings.most_mb * MEGABYTE
        oldest = _hour(now_s - self._settings.keep_days * DAY_S)
        for file, size in zip(files, sizes, strict=True):
            if file.name[: len(oldest)] < oldest or (most and whole > most):
                file.unlink()
                file.with_suffix(_NOTE).unlink(missing_ok=True)
                whole -= size
                yield file.name

    def _has_space(self) -> bool:
        free = shutil.disk_usage(self._folder if self._folder.exists() else self._folder.parent).free
        return free >= self._settings.leave_free_mb * MEGABYTE


def check_parquet() -> None:
    """Raise Refusal where reports can be neither kept nor read: the extra `parquet` is not installed."""
    if find_spec("pyarrow") is None:
        raise Refusal("watch.extra_parquet", "reports", "pyarrow is not installed")


def read_kept(folder: Path, start_s: float, end_s: float) -> Iterator[Sighting]:
    """Yield the kept reports that were heard from `start_s` up to `end_s`, as they were heard.

    `folder` is that of the watch. Raises Refusal for a file that is none of reports, and without the extra `parquet`.
    """
    check_parquet()
    first, last = _hour(start_s), _hour(end_s)
    found = [
        file
        for file in (*folder.glob("*.parquet"), *folder.glob(f"*{_PARTS}/*.parquet"))
        if first <= _hour_of(file) <= last
    ]
    for file in sorted(found, key=lambda file: (_hour_of(file), file.name)):
        yield from _read_file(file, start_s, end_s)


def digest_of(file: Path) -> tuple[str, int]:
    """Return the SHA-256 of a file, hexadecimal, and its size in bytes; raises OSError."""
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while data := stream.read(_READ_BYTES):
            digest.update(data)
            size += len(data)
    return digest.hexdigest(), size


def _hour(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime(_HOUR)


def _hour_of(file: Path) -> str:
    return (file.parent.name if file.parent.name.endswith(_PARTS) else file.name)[:13]


def _parts(folder: Path) -> list[Path]:
    return sorted(part for part in folder.glob("*.parquet") if part.stem.isdigit())


def _schema() -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415 - an extra

    texts = {"feed", "source", "address", "identity", "callsign", "category"}
    kinds = {"integrity_level": pa.int8(), "on_ground": pa.bool_()}
    return pa.schema([
        pa.field(name, pa.string() if name in texts else kinds.get(name, pa.float64()))
        for name in Sighting.__struct_fields__
    ])  # fmt: skip


def _batch_of(reports: Sequence[Sighting]) -> pa.RecordBatch:
    """Reports as columns."""
    import pyarrow as pa  # noqa: PLC0415

    schema = _schema()
    columns = zip(*map(msgspec.structs.astuple, reports), strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _by_hour(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The reports of each hour in which some were heard, as they were heard."""
    import pyarrow as pa  # noqa: PLC0415

    hours = np.floor_divide(batch.column("received_s").to_numpy(), HOUR_S)
    for number in np.unique(hours).tolist():
        yield _hour(number * HOUR_S), batch.filter(pa.array(hours == number))


def _write_part(file: Path, batches: Sequence[pa.RecordBatch]) -> None:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    temporary = file.with_suffix(".new")
    pq.write_table(pa.Table.from_batches(batches), temporary, compression="zstd")
    temporary.chmod(0o600)
    temporary.replace(file)


def _is_whole(part: Path) -> bool:
    """Whether a part can be read; one of which the machine's end left half is said and left out."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        pq.read_metadata(part)
    except (OSError, ValueError) as error:
        log.error("a part of kept reports is broken and left out", file=str(part), why=str(error))
        return False
    return True


def _closed(folder: Path) -> KeptHour | None:
    """Make one file of the parts of an hour, durable, before they are removed; None when there were none."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    parts = [part for part in _parts(folder) if _is_whole(part)]
    hour, reports = folder.stem, sum(pq.read_metadata(part).num_rows for part in parts)
    made = folder.parent / f"{hour}.parquet"
    if not reports or (made.exists() and pq.read_metadata(made).num_rows == reports):
        # What is there was made of these parts, and they were not removed any more.
        shutil.rmtree(folder)
        return None
    number = 1
    while made.exists():
        # The clock was set back into an hour that was over.
        number += 1
        made = folder.parent / f"{hour}-{number}.parquet"
    temporary = made.with_suffix(".new")
    with pq.ParquetWriter(temporary, _schema(), compression="zstd") as writer:
        for part in parts:
            writer.write_table(pq.read_table(part, schema=_schema()))
    temporary.chmod(0o600)
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    sha256, size_bytes = digest_of(temporary)
    kept = KeptHour(made.name, reports, size_bytes, sha256)
    note = made.with_suffix(_NOTE)
    note.write_bytes(msgspec.json.encode(kept))
    note.chmod(0o600)
    temporary.replace(made)
    sync_directory(folder.parent)
    shutil.rmtree(folder)
    return kept


def _read_file(file: Path, start_s: float, end_s: float) -> Iterator[Sighting]:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(file) as opened:
            names = list(Sighting.__struct_fields__)
            place = names.index("received_s")
            for group in range(opened.num_row_groups):
                statistics = opened.metadata.row_group(group).column(place).statistics
                if statistics is not None and not (statistics.min < end_s and statistics.max >= start_s):
                    continue
                table = opened.read_row_group(group, columns=names)
                columns: list[list[Any]] = [table.column(name).to_pylist() for name in names]
                for row in zip(*columns, strict=True):
                    if start_s <= row[place] < end_s:
                        yield msgspec.convert(dict(zip(names, row, strict=True)), Sighting)
    except (pa.ArrowException, KeyError, OSError, msgspec.ValidationError) as error:
        raise Refusal("watch.file_of_reports", str(file), str(error)[:200]) from None
