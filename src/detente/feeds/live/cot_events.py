"""Cursor on Target events as they come: XML (event schema 2.0), and the protobuf of TAK (protocol version 1).

An aircraft is an event of a type that begins with a, has any affiliation, and goes on with A; every other event is
counted. Heights are above the ellipsoid. Errors are standard deviations by the schema, told here as what holds 95 %; 0
and 9999999 say nothing. An event has no checksum.

Sources: MITRE, CoT base event schema (public release); TAK protocol of the ATAK-CIV source, `commoncommo/protobuf`.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from detente.airspace.refusal import Refusal
from detente.feeds.cursor_on_target import UNKNOWN_VALUE
from detente.feeds.live.accuracy import IN_ONE_DIRECTION, IN_THE_PLANE
from detente.feeds.live.cot_out import OWN_UID
from detente.feeds.live.decoding import Tally, check_sighting, plain_name
from detente.feeds.source import decimal_number, instant, printable_line
from detente.feeds.xml_tree import parse_xml
from detente.watch.sighting import Sighting, SightingSource

LONGEST_EVENT = 65_536
PROTOBUF = 0xBF
MESH = b"\xbf\x01\xbf"
LONGEST_COUNT = 4
"""Bytes of the length before a protobuf event in a stream: longer ones are beyond `LONGEST_EVENT`."""

_END = re.compile(rb"</event\s*>")
_BEFORE = re.compile(rb"\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?=<event)")
_AIRCRAFT = re.compile(r"a-[^-]{1,8}-A(?:-|\Z)")
_ADDRESS_IN_UID = re.compile(r"ICAO[-.]?([0-9A-Fa-f]{6})\Z")


class _Event(NamedTuple):
    """What an event says, in whatever form it came; numbers that it does not say are NaN."""

    uid: str
    kind: str
    at_s: float
    latitude_deg: float
    longitude_deg: float
    height_m: float
    circular_m: float
    linear_m: float
    callsign: str
    speed_mps: float
    course_deg: float


class CotEvents:
    """Decodes a stream of events, or one datagram at a time."""

    def __init__(self, feed: str) -> None:
        self.tally = Tally()
        self._feed = feed
        self._left = b""

    def take(self, data: bytes, received_s: float) -> list[Sighting]:
        """Take in the next bytes; what is not whole waits for the rest, an event of a mesh for its datagram's end."""
        self._left += data
        found: list[Sighting] = []
        while (left := self._left.lstrip()) and not left.startswith(MESH):
            self._left = left
            took = self._protobuf(received_s, found) if self._left[0] == PROTOBUF else self._xml(received_s, found)
            if not took:
                break
        if len(self._left) > LONGEST_EVENT:
            self.tally.wrong(Refusal("feeds_live.line_length", "event", len(self._left), most=LONGEST_EVENT))
            self._left = b""
        return found

    def finish(self, received_s: float) -> list[Sighting]:
        """Take in what is left: an event of a mesh, or one that was cut off."""
        left, self._left = self._left, b""
        found: list[Sighting] = []
        if left.lstrip().startswith(MESH):
            self._one(_of_protobuf, left.lstrip()[len(MESH) :], received_s, found)
        elif left.strip():
            self.tally.wrong(_no_event(left))
        return found

    def _xml(self, received_s: float, found: list[Sighting]) -> bool:
        """Take the next XML event out of what is left; return whether there was one, or bytes that are none."""
        end = _END.search(self._left)
        begin = self._left.find(b"<event")
        protobuf = self._left.find(bytes([PROTOBUF]))
        if begin < 0 <= protobuf:
            # What no event begins with cannot be one: go on where another form begins.
            self.tally.wrong(_no_event(self._left))
            self._left = self._left[protobuf:]
            return True
        if end is None:
            return False
        raw, self._left = self._left[: end.end()], self._left[end.end() :]
        before = _BEFORE.match(raw)
        if before is None:
            self.tally.wrong(_no_event(raw))
            begin = raw.find(b"<event")
            if begin < 0:
                return True
            raw = raw[begin:]
        self._one(_of_xml, raw.strip(), received_s, found)
        return True

    def _protobuf(self, received_s: float, found: list[Sighting]) -> bool:
        """Take the next protobuf event out of what is left; return whether it was there."""
        length, place = 0, 1
        while True:
            if place > LONGEST_COUNT or length > LONGEST_EVENT:
                self.tally.wrong(_no_event(self._left))
                self._left = self._left[1:]
                return True
            if place >= len(self._left):
                return False
            length |= (self._left[place] & 0x7F) << 7 * (place - 1)
            place += 1
            if not self._left[place - 1] & 0x80:
                break
        if length > LONGEST_EVENT:
            self.tally.wrong(_no_event(self._left))
            self._left = self._left[1:]
            return True
        if len(self._left) < place + length:
            return False
        raw, self._left = self._left[place : place + length], self._left[place + length :]
        self._one(_of_protobuf, raw, received_s, found)
        return True

    def _one(self, read: Any, raw: bytes, received_s: float, found: list[Sighting]) -> None:  # noqa: ANN401
        try:
            event = read(raw)
            if not _AIRCRAFT.match(event.kind) or event.uid.startswith(OWN_UID):
                self.tally.unused += 1
            else:
                found.append(self._sighting(event, received_s))
            self.tally.messages += 1
        except Refusal as error:
            self.tally.wrong(error)

    def _sighting(self, event: _Event, received_s: float) -> Sighting:
        named = _ADDRESS_IN_UID.match(event.uid)
        return check_sighting(
            Sighting(
                feed=self._feed,
                source=SightingSource.OTHER,
                at_s=event.at_s,
                received_s=received_s,
                latitude_deg=event.latitude_deg,
                longitude_deg=event.longitude_deg,
                address=named[1].lower() if named else "",
                identity=plain_name(event.uid),
                callsign=plain_name(event.callsign),
                geometric_altitude_m=event.height_m if abs(event.height_m) < UNKNOWN_VALUE else None,
                ground_speed_mps=_known(event.speed_mps),
                track_deg=_known(event.course_deg % 360.0),
                horizontal_error_m=_error_m(event.circular_m, IN_THE_PLANE),
                vertical_error_m=_error_m(event.linear_m, IN_ONE_DIRECTION),
            )
        )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) and value < UNKNOWN_VALUE else None


def _error_m(deviation_m: float, share: float) -> float | None:
    return deviation_m * share if 0.0 < deviation_m < UNKNOWN_VALUE else None


def _of_xml(raw: bytes) -> _Event:
    event = parse_xml(raw, frozenset())
    point = event.child("point")
    if event.name != "event" or point is None:
        raise Refusal("routes.point_of_event", "point", None)
    said, detail = event.attributes, event.child("detail")
    contact = None if detail is None else detail.child("contact")
    track = None if detail is None else detail.child("track")
    motion = {} if track is None else track.attributes
    latitude_deg, longitude_deg, height_m, circular_m, linear_m = (
        _number(point.attributes, name) for name in ("lat", "lon", "hae", "ce", "le")
    )
    return _Event(
        said.get("uid", ""), said.get("type", ""), instant(said.get("time", ""), "time").timestamp(),
        latitude_deg, longitude_deg, height_m, circular_m, linear_m,
        "" if contact is None else contact.attributes.get("callsign", ""),
        _number(motion, "speed"), _number(motion, "course"),
    )  # fmt: skip


def _number(attributes: dict[str, str], name: str) -> float:
    text = attributes.get(name, "").strip()
    return decimal_number(text, name) if text and text.lower() != "nan" else math.nan


def _of_protobuf(raw: bytes) -> _Event:
    try:
        from google.protobuf.message import DecodeError  # noqa: PLC0415
        from takproto.proto import TakMessage  # noqa: PLC0415
    except ImportError:
        raise Refusal("feeds_live.extra", "event", "TAK protobuf", extra="tak") from None
    try:
        said = TakMessage.FromString(raw).cotEvent
    except (DecodeError, UnicodeDecodeError, RecursionError):
        raise _no_event(raw) from None
    if not said.uid or not said.type:
        raise _no_event(raw)
    motion = said.detail.track if said.detail.HasField("track") else None
    return _Event(
        said.uid, said.type, _moment_s(said.sendTime), said.lat, said.lon, said.hae, said.ce, said.le,
        said.detail.contact.callsign,
        math.nan if motion is None else motion.speed,
        math.nan if motion is None else motion.course,
    )  # fmt: skip


def _moment_s(milliseconds: int) -> float:
    """Return a time in milliseconds since 1970 as seconds; raises Refusal for one that no event has."""
    if not 0 < milliseconds < 7_258_118_400_000:
        raise Refusal("feeds.time_between_years", "sendTime", milliseconds)
    return milliseconds / 1000.0


def _no_event(raw: bytes) -> Refusal:
    return Refusal("feeds_live.message_of_kind", "event", printable_line(raw[:60].decode("latin-1")))
