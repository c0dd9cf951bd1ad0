"""Rows of text files with a header line, whichever of comma, semicolon and tab stands between the values."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

from detente.airspace.refusal import Refusal
from detente.feeds.source import MAX_TEXT_BYTES, decode_text, printable_line
from detente.feeds.track_columns import MAX_REPORTS

DELIMITERS = ",;\t"
csv.field_size_limit(MAX_TEXT_BYTES)
"""A field may be as long as a file: the times of a long trajectory are one."""


class CsvRows(NamedTuple):
    """A header's names, the rows below it, and the line on which each row ends."""

    header: list[str]
    rows: list[list[str]]
    lines: list[int]


def csv_rows(content: bytes) -> CsvRows:
    """Return the rows of a CSV file in UTF-8; raises Refusal naming the line."""
    text = decode_text(content, allow_mark=True)
    if "\0" in text:
        raise Refusal("feeds.text", f"character {text.index(chr(0)):,}", "a zero byte")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter_of(text.partition("\n")[0]))
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        for row in reader:
            if len(rows) >= MAX_REPORTS:
                raise Refusal("feeds.fewer_rows", f"line {reader.line_num}", f"over {MAX_REPORTS:,} rows")
            if not row:
                continue
            if len(row) != len(header):
                raise Refusal("feeds.fields_header", f"line {reader.line_num}", f"{len(row)} fields", count=len(header))
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise Refusal("feeds.comma_separated_values", f"line {reader.line_num}", printable_line(str(error))) from None
    return CsvRows(header, rows, lines)


def delimiter_of(header: str) -> str:
    """Return what stands between the names of a header line: the one of `DELIMITERS` that is there most often."""
    return max(DELIMITERS, key=header.count)


def header_names(content: bytes) -> Sequence[str]:
    """Return the names on the first line of what may be a CSV file, in small letters; none where it is no text."""
    first = content.partition(b"\n")[0].decode("utf-8", "replace")
    return [name.strip().strip('"').lower() for name in first.split(delimiter_of(first))]
