"""Read files that may be hostile or broken: bounded, and every complaint a Refusal that says where in the file."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec

from detente.accord.decoding import refusal_of
from detente.airspace.refusal import Refusal

MAX_TEXT_BYTES = 128 * 2**20
"""A GeoJSON, KML or CSV file beyond this is refused before it is read: 100,000 volumes take about half of it."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

UTF8_MARK = b"\xef\xbb\xbf"
OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff")

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z", re.ASCII)
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\.\.\.)\]")

T = TypeVar("T")


class Within:
    """A context that puts `place` before the field of a Refusal raised inside, with control characters made visible."""

    __slots__ = ("place",)

    def __init__(self, place: str) -> None:
        self.place = place

    def __enter__(self) -> None:
        """Nothing is held."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise the Refusal again with its place."""
        if isinstance(error, Refusal):
            raise placed(self.place, error) from None


def placed(place: str, refusal: Refusal) -> Refusal:
    """Return `refusal` with `place` before its field."""
    where = f"{place}: {refusal.field}" if refusal.field else place
    return Refusal(printable_line(where, 400), refusal.value, refusal.expected, refusal.mend)


def printable_line(text: str, longest: int = 80) -> str:
    """Return `text` on one line, without control characters, no longer than `longest`."""
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."


def brief(value: object) -> object:
    """Return `value`, or in place of a list or an object what it is, so that a complaint about it stays short."""
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return "an object" if isinstance(value, dict) else value


def read_bytes(path: Path, limit_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """Return the content of an ordinary file of no more than `limit_bytes`; raises Refusal for anything else."""
    content = read_beginning(path, limit_bytes + 1)
    if len(content) > limit_bytes:
        raise Refusal("", f"over {limit_bytes:,} bytes", f"at most {limit_bytes:,} bytes", "Split the file.")
    return content


def read_beginning(path: Path, count: int = 512) -> bytes:
    """Return the first `count` bytes of an ordinary file; raises Refusal for a pipe, which may never end."""
    if not path.is_file():
        raise Refusal("", "not a file" if path.exists() else "no such file", "a file that can be read")
    try:
        with path.open("rb") as stream:
            return stream.read(count)
    except OSError as error:
        raise Refusal("", error.strerror or type(error).__name__, "a file that can be read") from None


def decode_text(content: bytes, *, allow_mark: bool) -> str:
    """Return UTF-8 as text; raises Refusal naming the offset of the first byte that is not UTF-8.

    `allow_mark` lets a byte order mark pass that says UTF-8, as spreadsheets write it.
    """
    if content.startswith(OTHER_MARKS):
        raise Refusal("byte 0", content[:2].hex(" "), "UTF-8", "This is UTF-16: save the file as UTF-8.")
    if content.startswith(UTF8_MARK):
        if not allow_mark:
            raise Refusal("byte 0", UTF8_MARK.hex(" "), "UTF-8 without byte order mark", "Save it without the mark.")
        content = content[len(UTF8_MARK) :]
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        bad = content[error.start : error.start + 8].hex(" ")
        raise Refusal(f"byte {error.start:,}", bad, "UTF-8", "Save the file as UTF-8.") from None


def decode_json(content: bytes) -> Any:  # noqa: ANN401 - JSON is anything until it is converted
    """Return the value of strict JSON; raises Refusal for NaN, a name repeated in an object, or endless nesting."""
    text = decode_text(content, allow_mark=False)
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        excerpt = text[error.pos : error.pos + 30]
        raise Refusal(f"line {error.lineno}, column {error.colno}", excerpt, f"JSON ({error.msg})") from None
    except RecursionError:
        raise Refusal("", "nested too deeply", "JSON of the documented schema") from None
    except Refusal:
        raise
    except ValueError as error:
        raise Refusal("", printable_line(str(error)), "numbers of ordinary length") from None


def convert(raw: object, kind: type[T] | Any, place: str) -> T:  # noqa: ANN401 - a union of types is not a type
    """Return `raw` (decoded JSON) as a value of `kind`; raises Refusal with `place`, the field's path and its value."""
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        refusal = refusal_of(error, place, kind)
        value = refusal.value if isinstance(error.__cause__, Refusal) else _value_at(raw, str(error), refusal.value)
        field = refusal.field if refusal.field.startswith(place) else f"{place}.{refusal.field}"
        raise Refusal(field, value, refusal.expected, refusal.mend) from None
    except OverflowError:
        raise Refusal(place, "a date out of range", "times between the years 1970 and 2200") from None
    except RecursionError:
        raise Refusal(place, "nested too deeply", "the documented schema") from None
    except UnicodeEncodeError as error:
        raise Refusal(place, error.object[error.start : error.end], "text without half characters") from None


def decimal_number(text: str, field: str) -> float:
    """Return a plain decimal number; raises Refusal for anything else, such as "nan", "1_000" or "36 40 N"."""
    if len(text) > 400 or not _NUMBER.match(text):
        raise Refusal(
            field, printable_line(text), "a decimal number", "Degrees are decimal, without letters or minutes."
        )
    value = float(text)
    if not math.isfinite(value):
        raise Refusal(field, printable_line(text), "a number of ordinary size")
    return value


def json_number(raw: object, field: str) -> float:
    """Return a JSON number as a float; raises Refusal for anything else and for one that no float can hold."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise Refusal(field, brief(raw), "a number")
    try:
        return float(raw)
    except OverflowError:
        raise Refusal(field, f"a whole number of {len(str(raw))} digits", "a number of ordinary size") from None


def instant(text: str, field: str) -> datetime:
    """Return an ISO 8601 date and time with offset, as UTC; raises Refusal for a local time or a date alone (R29)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(field, printable_line(text), "a date and time", 'Write it as "2025-06-01T14:30:00Z".') from None
    if moment.tzinfo is None or len(text) < len("2025-06-01T14Z"):
        raise Refusal(
            field,
            printable_line(text),
            "a date and time with its offset from UTC",
            'Write it as "2025-06-01T14:30:00Z".',
        )
    return plausible_instant(moment, field)


def plausible_instant(moment: datetime, field: str) -> datetime:
    """Return `moment` in UTC if it lies between the years 1970 and 2200; raises Refusal otherwise."""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        moment = datetime.max.replace(tzinfo=UTC)
    if not EARLIEST <= moment < LATEST:
        raise Refusal(field, moment.isoformat(), "a time between the years 1970 and 2200", "Check the year.")
    return moment


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise Refusal(
                    printable_line(name),
                    "given twice",
                    "every name once in an object",
                    "Two readers could differ: drop one.",
                )
            seen.add(name)
    return members


def _no_constant(name: str) -> NoReturn:
    raise Refusal("", name, "JSON, in which every number is finite", "Leave the value out, or put the number.")


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
