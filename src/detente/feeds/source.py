"""Read files that may be hostile or broken: bounded, and every complaint a Refusal that says where in the file."""

from __future__ import annotations

import gzip
import io
import json
import math
import re
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec

from detente.airspace.refusal import Refusal
from detente.room.decoding import refusal_of

MAX_TEXT_BYTES = 128 * 2**20
"""A GeoJSON, KML or CSV file beyond this is refused before it is read: 100,000 volumes take about half of it."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

GZIP_MARK = b"\x1f\x8b"
UTF8_MARK = b"\xef\xbb\xbf"
OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff")

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z", re.ASCII)
_UNFIT = re.compile(r"[^A-Za-z0-9._:~-]+")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\.\.\.)\]")

T = TypeVar("T")


class Within:
    """A context that puts `place` before the field of a Refusal raised inside, with control characters made visible."""

    __slots__ = ("place",)

    def __init__(self, place: str) -> None:
        self.place = place

    def __enter__(self) -> None:
        """Enter; there is nothing to set up."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise the Refusal again with its place."""
        if isinstance(error, Refusal):
            raise placed(self.place, error) from None


def placed(place: str, refusal: Refusal) -> Refusal:
    """Return `refusal` with `place` before its field."""
    where = f"{place}: {refusal.field}" if refusal.field else place
    return refusal.at(printable_line(where, 400))


def printable_line(text: str, longest: int = 80) -> str:
    """Return `text` on one line, without control characters, no longer than `longest`."""
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."


def identifier_of(text: str) -> str:
    """Return `text` in the letters of an identifier, no longer than 50; nothing where none of its letters is one."""
    return _UNFIT.sub("-", text[:200]).strip("-._:~")[:50]


def brief(value: object) -> object:
    """Return `value`, or in place of a list or an object what it is, so that a complaint about it stays short."""
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return "an object" if isinstance(value, dict) else value


def read_bytes(path: Path, limit_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """Return the content of an ordinary file of no more than `limit_bytes`; raises Refusal for anything else.

    A file packed with gzip is unpacked, and the limit holds for what comes out.
    """
    content = read_beginning(path, limit_bytes + 1)
    if len(content) <= limit_bytes and content.startswith(GZIP_MARK):
        content = unpacked(content, limit_bytes + 1, complete=True)
    if len(content) > limit_bytes:
        raise Refusal("feeds.at_most_bytes", "", f"over {limit_bytes:,} bytes", limit_bytes=limit_bytes)
    return content


def unpacked(content: bytes, count: int, *, complete: bool) -> bytes:
    """Return the first `count` bytes that gzip packed into `content`; raises Refusal for damage.

    `complete` asks for the end too: a file that was cut is refused, although some of it can be read.
    """
    found = bytearray()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            while len(found) < count and (piece := stream.read1(min(count - len(found), 2**20))):
                found += piece
    except EOFError:
        if complete:
            raise Refusal("feeds.gzip_whole", "", "cut off") from None
    except (zlib.error, OSError) as error:
        raise Refusal("feeds.gzip_whole", "", printable_line(str(error))) from None
    return bytes(found)


def read_beginning(path: Path, count: int = 512) -> bytes:
    """Return the first `count` bytes of an ordinary file; raises Refusal for a pipe, which may never end."""
    if not path.is_file():
        raise Refusal("feeds.file_readable", "", "not a file" if path.exists() else "no such file")
    try:
        with path.open("rb") as stream:
            return stream.read(count)
    except OSError as error:
        raise Refusal("feeds.file_readable", "", error.strerror or type(error).__name__) from None


def decode_text(content: bytes, *, allow_mark: bool) -> str:
    """Return UTF-8 as text; raises Refusal naming the offset of the first byte that is not UTF-8.

    `allow_mark` lets a byte order mark pass that says UTF-8, as spreadsheets write it.
    """
    if content.startswith(OTHER_MARKS):
        raise Refusal("feeds.utf8_not_utf16", "byte 0", content[:2].hex(" "))
    if content.startswith(UTF8_MARK):
        if not allow_mark:
            raise Refusal("feeds.utf8_without_byte_order_mark", "byte 0", UTF8_MARK.hex(" "))
        content = content[len(UTF8_MARK) :]
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        bad = content[error.start : error.start + 8].hex(" ")
        raise Refusal("feeds.utf8", f"byte {error.start:,}", bad) from None


def decode_json(content: bytes) -> Any:  # noqa: ANN401 - JSON is anything until it is converted
    """Return the value of strict JSON; raises Refusal for NaN, a name repeated in an object, or endless nesting."""
    text = decode_text(content, allow_mark=False)
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        excerpt = text[error.pos : error.pos + 30]
        raise Refusal(
            "feeds.json_readable", f"line {error.lineno}, column {error.colno}", excerpt, msg=error.msg
        ) from None
    except RecursionError:
        raise Refusal("feeds.json_documented_schema", "", "nested too deeply") from None
    except Refusal:
        raise
    except ValueError as error:
        raise Refusal("feeds.numbers_ordinary_length", "", printable_line(str(error))) from None


def convert(raw: object, kind: type[T] | Any, place: str) -> T:  # noqa: ANN401 - a union of types is not a type
    """Return `raw` (decoded JSON) as a value of `kind`; raises Refusal with `place`, the field's path and its value."""
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        refusal = refusal_of(error, place, kind)
        value = refusal.value if isinstance(error.__cause__, Refusal) else _value_at(raw, str(error), refusal.value)
        field = refusal.field if refusal.field.startswith(place) else f"{place}.{refusal.field}"
        raise Refusal(refusal.code, field, value, **refusal.parameters) from None
    except OverflowError:
        raise Refusal("feeds.times_between_years", place, "a date out of range") from None
    except RecursionError:
        raise Refusal("feeds.documented_schema", place, "nested too deeply") from None
    except UnicodeEncodeError as error:
        raise Refusal("feeds.text_without_half_characters", place, error.object[error.start : error.end]) from None


def decimal_number(text: str, field: str) -> float:
    """Return a plain decimal number; raises Refusal for anything else, such as "nan", "1_000" or "36 40 N"."""
    if len(text) > 400 or not _NUMBER.match(text):
        raise Refusal("feeds.decimal_number", field, printable_line(text))
    value = float(text)
    if not math.isfinite(value):
        raise Refusal("feeds.number_ordinary_size", field, printable_line(text))
    return value


def json_number(raw: object, field: str) -> float:
    """Return a JSON number as a float; raises Refusal for anything else and for one that no float can hold."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise Refusal("feeds.number", field, brief(raw))
    try:
        return float(raw)
    except OverflowError:
        raise Refusal("feeds.number_ordinary_size", field, f"a whole number of {len(str(raw))} digits") from None


def instant(text: str, field: str) -> datetime:
    """Return a date and time of RFC 3339, as UTC; raises Refusal for a local time or a date alone (R29).

    The parser is that of JSON, so that what one format refuses no other takes.
    """
    try:
        moment = msgspec.convert(text, datetime)
    except (msgspec.ValidationError, UnicodeEncodeError):
        # JSON may say half a character, which msgspec cannot take.
        raise Refusal("feeds.date_time", field, printable_line(text)) from None
    if moment.tzinfo is None:
        raise Refusal("feeds.date_time_with_offset", field, printable_line(text))
    return plausible_instant(moment, field)


def plausible_instant(moment: datetime, field: str) -> datetime:
    """Return `moment` in UTC if it lies between the years 1970 and 2200; raises Refusal otherwise."""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        moment = datetime.max.replace(tzinfo=UTC)
    if not EARLIEST <= moment < LATEST:
        raise Refusal("feeds.time_between_years", field, moment.isoformat())
    return moment


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise Refusal("feeds.every_name_once_object", printable_line(name), "given twice")
            seen.add(name)
    return members


def _no_constant(name: str) -> NoReturn:
    raise Refusal("feeds.json_every_number_finite", "", name)


def _value_at(raw: object, message: str, otherwise: object) -> object:
    """Follow the path at the end of msgspec's message, such as `$.altitude.lower`, down into `raw`."""
    _, separator, path = message.rpartition(" - at `$")
    if not separator:
        return raw if "Expected" in message and not isinstance(raw, dict | list) else otherwise
    value = raw
    for name, index in _STEP.findall(path.rstrip("`")):
        if index.isdigit() and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        elif name and isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return otherwise
    return otherwise if isinstance(value, dict | list) else value
