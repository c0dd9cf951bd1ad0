"""Position reports of a large CSV file, read in batches by pyarrow where it is installed: the quick way of `track_csv`.

Whatever a batch holds that is not plainly a report leads back to the reader that goes row by row: it says what is
wrong, or reads what is only unusual. So both give the same columns, and refuse the same files.
"""

from __future__ import annotations

import codecs
import gzip
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from detente.airspace.arrays import Floats
from detente.airspace.refusal import Refusal
from detente.feeds.csv_rows import delimiter_of
from detente.feeds.report_values import column_names
from detente.feeds.source import GZIP_MARK, UTF8_MARK, read_beginning
from detente.feeds.track_columns import OPTIONAL, REQUIRED, TEXTS, Texts, TrackColumns, check_header

MAX_CSV_BYTES = 64 * 2**30
"""A CSV file beyond this is refused; a thousand million reports fit."""
MOST_WORDS = 100_000
"""So many different words of a column are kept, so that what says the same is one object."""
BLOCK_BYTES = 8 * 2**20
PLAIN = "[^0-9eE+.-]"
"""Whatever of a number is none of these signs is looked at word by word."""
ABSENT = {"track_deg": np.array(np.nan), **{name: np.array("", dtype=object) for name in TEXTS}}
"""What stands in every row of a column that a file may lack; it takes no memory a row."""
MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
DIGIT_PLACES = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
SIGNS = {4: "-", 7: "-", 10: "T", 13: ":", 16: ":", 19: "Z"}
STAMP_LENGTH = 20

Parse = Callable[[str, str], Any]


class UnusualError(Exception):
    """The file is to be read row by row; says what is unusual in it."""


def csv_batches(path: Path, parsers: dict[str, Parse]) -> Iterator[TrackColumns]:
    """Yield the reports of a CSV file in the order of its rows; raises UnusualError where it must be read row by row.

    `parsers` reads a word of a column that is no plain number, by the column's name, as the row-by-row reader does.
    """
    try:
        import pyarrow  # noqa: PLC0415 - an extra, and slow to import
        import pyarrow.csv  # noqa: PLC0415
    except ImportError:
        raise UnusualError("without pyarrow") from None
    reports = 0
    try:
        for columns in _read(path, parsers, pyarrow):
            count = len(columns["time_s"])
            columns |= {name: np.broadcast_to(value, count) for name, value in ABSENT.items() if name not in columns}
            yield TrackColumns(**columns, first_row=2 + reports)
            reports += count
    except (pyarrow.ArrowException, Refusal, UnicodeDecodeError, EOFError, OSError, ValueError) as error:
        raise UnusualError(str(error)) from None
    if not reports:
        raise UnusualError("no rows")


def _read(path: Path, parsers: dict[str, Parse], pyarrow: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - the module
    if path.stat().st_size > MAX_CSV_BYTES or not path.is_file():
        raise UnusualError(f"over {MAX_CSV_BYTES:,} bytes")
    packed = read_beginning(path, 2) == GZIP_MARK
    with gzip.open(path) if packed else path.open("rb") as stream:
        watched = _Watched(stream)
        names = watched.header()
        used = {index: name for index, name in enumerate(names) if name in REQUIRED + OPTIONAL}
        words: dict[str, dict[str, str]] = {name: {} for name in TEXTS}
        for batch in _batches(watched, len(names), used, pyarrow):
            yield _columns_of(batch, parsers, words, pyarrow)
            # So that names which differ on every row take no more memory than those of one batch.
            if any(len(known) > MOST_WORDS for known in words.values()):
                words = {name: {} for name in TEXTS}


class _Watched(io.BytesIO):
    """A file of which every byte is looked at on its way: plain text of UTF-8 without quotes passes."""

    def __init__(self, stream: BinaryIO | gzip.GzipFile) -> None:
        super().__init__()
        self._stream = stream
        self._before = b""
        self._seen = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.delimiter = ","

    def header(self) -> list[str]:
        """The names on the first line, as `track_columns` spells them."""
        first = self._stream.readline(2**16)
        self._look_at(first)
        if not first.endswith(b"\n"):
            raise UnusualError("no header line")
        line = first.removeprefix(UTF8_MARK).decode("utf-8").rstrip("\r\n")
        self.delimiter = delimiter_of(line)
        names = column_names([name.strip() for name in line.split(self.delimiter)])
        check_header(names)
        return names

    def read(self, size: int | None = -1) -> bytes:
        block = self._stream.read(size if size is not None and size > 0 else BLOCK_BYTES)
        self._look_at(block)
        return block

    def _look_at(self, block: bytes) -> None:
        self._seen += len(block)
        if b'"' in block or b"\0" in block or self._seen > MAX_CSV_BYTES:
            raise UnusualError(f"over {MAX_CSV_BYTES:,} bytes" if self._seen > MAX_CSV_BYTES else "a quotation mark")
        whole = self._before + block
        self._before = b"\r" if block.endswith(b"\r") else b""
        if b"\r" in whole and whole.count(b"\r") - len(self._before) != whole.count(b"\r\n"):
            raise UnusualError("a line that ends with a carriage return alone")
        if not block.isascii() or not block:
            self._decoder.decode(block, final=not block)


def _batches(watched: _Watched, columns: int, used: dict[int, str], pyarrow: Any) -> Iterator[Any]:  # noqa: ANN401
    numbered = [str(index) for index in range(columns)]
    text = pyarrow.string()
    reader = pyarrow.csv.open_csv(
        watched,
        read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=numbered),
        parse_options=pyarrow.csv.ParseOptions(delimiter=watched.delimiter, quote_char=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={
                str(index): pyarrow.dictionary(pyarrow.int32(), text) if name in TEXTS else text
                for index, name in used.items()
            },
            include_columns=[str(index) for index in used], strings_can_be_null=False,
        ),
    )  # fmt: skip
    for batch in reader:
        yield batch.rename_columns(list(used.values()))


def _columns_of(
    batch: Any,  # noqa: ANN401 - pyarrow carries no types
    parsers: dict[str, Parse],
    words: dict[str, dict[str, str]],
    pyarrow: Any,  # noqa: ANN401
) -> dict[str, Any]:
    names = batch.schema.names

    def numbers(name: str) -> Floats:
        return _numbers(batch[name], name, parsers[name], pyarrow)

    def texts(name: str) -> Texts:
        column = batch[name]
        known = words[name]
        found = np.empty(len(column.dictionary) + 1, dtype=object)
        for place, word in enumerate(column.dictionary.to_pylist()):
            if word not in known:
                known[word] = parsers[name](word, name)
            found[place] = known[word]
        return np.asarray(found[column.indices.to_numpy(zero_copy_only=False)])

    on_ground = np.array(_each(batch["altitude"], "ground", parsers), dtype=np.bool_)
    if "onground" in names:
        on_ground |= np.array(_each(batch["onground"], "onground", parsers), dtype=np.bool_)
    columns = {
        "time_s": _times(batch["timestamp"], parsers["timestamp"]),
        "latitude_deg": numbers("latitude"),
        "longitude_deg": numbers("longitude"),
        "altitude_ft": numbers("altitude"),
        "on_ground": on_ground,
    }
    if "track" in names:
        columns["track_deg"] = numbers("track")
    return columns | {name: texts(name) for name in TEXTS if name in names}


def _each(column: Any, name: str, parsers: dict[str, Parse]) -> list[Any]:  # noqa: ANN401
    """Each word of a column read once, however often it is there."""
    coded = column.dictionary_encode()
    found = np.array([parsers[name](word, name) for word in coded.dictionary.to_pylist()], dtype=object)
    return list(found[coded.indices.to_numpy(zero_copy_only=False)])


def _numbers(column: Any, name: str, parse: Parse, pyarrow: Any) -> Floats:  # noqa: ANN401
    compute = pyarrow.compute
    odd = compute.or_(compute.equal(column, ""), compute.match_substring_regex(column, PLAIN))
    plain = compute.if_else(odd, None, column).cast(pyarrow.float64())
    values = np.array(plain.to_numpy(zero_copy_only=False), dtype=np.float64)
    rows = np.flatnonzero(odd.to_numpy(zero_copy_only=False))
    if not np.isfinite(np.delete(values, rows)).all():
        raise UnusualError(f"{name}: a number of no ordinary size")
    if len(rows):
        values[rows] = _each(column.take(pyarrow.array(rows)), name, {name: parse})
    return values


def _times(column: Any, parse: Parse) -> Floats:  # noqa: ANN401
    """Seconds since 1970; times like 2025-06-01T14:00:00Z all at once, any other one by one."""
    rows = len(column)
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + rows + 1]
    if rows and (np.diff(ends) == STAMP_LENGTH).all():
        stamps = np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]].reshape(rows, STAMP_LENGTH)
        found = _fixed_times(stamps)
        if found is not None:
            return found
    return np.array(_each(column, "timestamp", {"timestamp": parse}), dtype=np.float64)


def _fixed_times(stamps: np.ndarray[Any, np.dtype[np.uint8]]) -> Floats | None:
    digits = stamps[:, DIGIT_PLACES].astype(np.int64) - ord("0")
    signs = all((stamps[:, place] == ord(sign)).all() for place, sign in SIGNS.items())
    if not signs or digits.min() < 0 or digits.max() > 9:
        return None
    year = digits[:, :4] @ np.array([1000, 100, 10, 1])
    month, day, hour, minute, second = (
        10 * digits[:, place] + digits[:, place + 1] for place in range(4, 14, 2)
    )  # fmt: skip
    if not ((month >= 1) & (month <= 12) & (year >= 1)).all():
        return None
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    last = MONTH_DAYS[month - 1] + (leap & (month == 2))
    if not ((day >= 1) & (day <= last) & (hour < 24) & (minute < 60) & (second < 60)).all():
        return None
    # Days from the civil calendar, years beginning in March so that the leap day is the last.
    shifted = year - (month <= 2)
    of_era = shifted % 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = shifted // 400 * 146_097 + 365 * of_era + of_era // 4 - of_era // 100 + of_year - 719_468
    return np.asarray(((days * 24 + hour) * 60 + minute) * 60 + second, dtype=np.float64)
