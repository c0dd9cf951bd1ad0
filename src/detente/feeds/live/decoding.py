"""What all decoders of feeds share: what they are asked, what they count, lines of bytes, checked sightings."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Generic, Protocol, TypeVar

import msgspec

from detente.airspace.refusal import Refusal
from detente.feeds.source import EARLIEST, LATEST, printable_line
from detente.watch.sighting import Sighting

LONGEST_LINE = 16_384
"""Bytes; no line of any feed is as long."""

LONGEST_NAME = 64
MOST_REMEMBERED = 20_000
"""Aircraft of which a decoder remembers something: more than fly over a continent at once."""

_RANGES: dict[str, tuple[float, float, str]] = {
    "latitude_deg": (-90.0, 90.0, "degrees"),
    "longitude_deg": (-180.0, 180.0, "degrees"),
    "at_s": (EARLIEST.timestamp(), LATEST.timestamp(), "seconds since 1970"),
    "pressure_altitude_m": (-2_000.0, 60_000.0, "metres"),
    "geometric_altitude_m": (-2_000.0, 60_000.0, "metres"),
    "ground_speed_mps": (0.0, 2_500.0, "metres per second"),
    "track_deg": (0.0, 360.0, "degrees"),
    "vertical_speed_mps": (-500.0, 500.0, "metres per second"),
    "horizontal_error_m": (0.0, 1e7, "metres"),
    "vertical_error_m": (0.0, 1e5, "metres"),
    "velocity_error_mps": (0.0, 1e4, "metres per second"),
    "integrity_m": (0.0, 1e7, "metres"),
    "integrity_level": (0, 3, ""),
}

RememberedKey = TypeVar("RememberedKey")
RememberedValue = TypeVar("RememberedValue")


class Tally:
    """What a decoder counted since it began.

    Attributes:
        messages: rightly formed messages, of any use or none.
        errors: messages that are not, and runs of bytes that belong to none.
        unused: those of `messages` of a kind that says nothing of an aircraft's place, and is not read.
        last_error: why the last of `errors` was none.
    """

    __slots__ = ("errors", "last_error", "messages", "unused")

    def __init__(self) -> None:
        self.messages = 0
        self.errors = 0
        self.unused = 0
        self.last_error: Refusal | None = None

    def wrong(self, error: Refusal, count: int = 1) -> None:
        """Count an error."""
        self.errors += count
        self.last_error = error


class Decoder(Protocol):
    """Bytes of one connection as sightings. It raises nothing, whatever the bytes are."""

    tally: Tally

    def take(self, data: bytes, received_s: float) -> list[Sighting]:
        """Take in the next bytes of a stream, or one datagram."""

    def finish(self, received_s: float) -> list[Sighting]:
        """Take in what is left when the stream has ended."""


class Remembered(OrderedDict[RememberedKey, RememberedValue], Generic[RememberedKey, RememberedValue]):
    """What is remembered of at most `MOST_REMEMBERED` aircraft: the one not heard for longest goes first."""

    def keep(self, key: RememberedKey, value: RememberedValue) -> None:
        """Remember `value`."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > MOST_REMEMBERED:
            self.popitem(last=False)


class LineDecoder:
    """A decoder of lines: what a format does with one line is `line`, which may raise Refusal."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._begun = b""
        self._too_long = False

    def take(self, data: bytes, received_s: float) -> list[Sighting]:
        """Take in the next bytes; the last line waits for its end."""
        *lines, self._begun = (self._begun + data).split(b"\n")
        found: list[Sighting] = []
        for line in lines:
            if self._too_long:
                self._too_long = False
            else:
                self._one(line, received_s, found)
        if len(self._begun) > LONGEST_LINE:
            if not self._too_long:
                self.tally.wrong(Refusal("feeds_live.line_length", "line", len(self._begun), most=LONGEST_LINE))
            self._begun, self._too_long = b"", True
        return found

    def finish(self, received_s: float) -> list[Sighting]:
        """Take in a last line without its end."""
        left, self._begun = self._begun, b""
        found: list[Sighting] = []
        if not self._too_long:
            self._one(left, received_s, found)
        self._too_long = False
        return found

    def _one(self, line: bytes, received_s: float, found: list[Sighting]) -> None:
        line = line.strip()
        if not line:
            return
        try:
            _check_length(line)
            sighting = self.line(line, received_s)
        except Refusal as error:
            self.tally.wrong(error)
            return
        self.tally.messages += 1
        if sighting is not None:
            found.append(sighting)

    def line(self, line: bytes, received_s: float) -> Sighting | None:
        """Return the sighting that a line is, or None; raises Refusal for a line that is none of the format."""
        raise NotImplementedError


def _check_length(line: bytes) -> None:
    if len(line) > LONGEST_LINE:
        raise Refusal("feeds_live.line_length", "line", len(line), most=LONGEST_LINE)


def check_sighting(sighting: Sighting) -> Sighting:
    """Return the sighting; raises Refusal for what no aircraft can do or no feed can say."""
    for name, (lowest, highest, _) in _RANGES.items():
        value = getattr(sighting, name)
        if value is not None and not lowest <= value <= highest:
            check_figure(name, value)
    if not (sighting.address or sighting.identity):
        raise Refusal("feeds_live.address_or_identity", "address", "")
    return sighting


def check_figure(name: str, value: float | None) -> None:
    """Raise Refusal where a member of a sighting cannot have this value; not a number is none."""
    lowest, highest, unit = _RANGES[name]
    if value is not None and not lowest <= value <= highest:
        raise Refusal("airspace.in_range", name, value, lowest=lowest, highest=highest, unit=unit)


def plain_name(text: str) -> str:
    """Return a name as a feed gave it, on one line and no longer than any name, without the blanks around it."""
    return printable_line(text.strip(), LONGEST_NAME)


def velocity_of(east_mps: float, north_mps: float) -> tuple[float, float]:
    """Return ground speed in m/s and track in degrees, clockwise from true north, of a velocity."""
    track_deg = math.degrees(math.atan2(east_mps, north_mps)) % 360.0
    return math.hypot(east_mps, north_mps), 0.0 if track_deg == 360.0 else track_deg


def shape_refusal(error: msgspec.MsgspecError, field: str) -> Refusal:
    """Return what a decoder of JSON complained of."""
    return Refusal("feeds_live.message_of_kind", field, printable_line(str(error), 120))
