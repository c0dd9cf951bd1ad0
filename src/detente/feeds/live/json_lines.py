"""A feed that anybody can write: one report as a JSON object on each line, in a stream or a datagram.

Its members are those of a sighting that a feed can know; docs/reference/feeds.md describes them.
"""

from __future__ import annotations

import re

import msgspec

from detente.airspace.refusal import Refusal
from detente.feeds.live.decoding import LineDecoder, check_sighting, plain_name, shape_refusal
from detente.feeds.reports import address
from detente.watch.sighting import Sighting, SightingSource

_CATEGORY = re.compile(r"(?:[A-D][0-7])?\Z", re.ASCII)


class ReportLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line: a sighting without the feed's name and the time of arrival, which are added here."""

    latitude_deg: float
    longitude_deg: float
    at_s: float | None = None
    source: SightingSource = SightingSource.OTHER
    address: str = ""
    identity: str = ""
    callsign: str = ""
    pressure_altitude_m: float | None = None
    geometric_altitude_m: float | None = None
    ground_speed_mps: float | None = None
    track_deg: float | None = None
    vertical_speed_mps: float | None = None
    horizontal_error_m: float | None = None
    vertical_error_m: float | None = None
    velocity_error_mps: float | None = None
    integrity_m: float | None = None
    integrity_level: int | None = None
    on_ground: bool = False
    category: str = ""


class JsonLines(LineDecoder):
    """Decodes lines of JSON."""

    def __init__(self, feed: str) -> None:
        super().__init__()
        self._feed = feed
        self._decoder = msgspec.json.Decoder(ReportLine)

    def line(self, line: bytes, received_s: float) -> Sighting:
        """Return the sighting of a line; raises Refusal naming the member."""
        try:
            said = self._decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise shape_refusal(error, "line") from None
        except (UnicodeDecodeError, RecursionError):
            raise Refusal("feeds_live.message_of_kind", "line", "not UTF-8, or nested too deeply") from None
        if not _CATEGORY.match(said.category):
            raise Refusal("feeds_live.emitter_category", "category", plain_name(said.category))
        return check_sighting(
            Sighting(
                self._feed, said.source, received_s if said.at_s is None else said.at_s, received_s,
                said.latitude_deg, said.longitude_deg,
                address(said.address, "address") if said.address else "",
                plain_name(said.identity), plain_name(said.callsign),
                said.pressure_altitude_m, said.geometric_altitude_m,
                said.ground_speed_mps, said.track_deg, said.vertical_speed_mps,
                said.horizontal_error_m, said.vertical_error_m, said.velocity_error_mps,
                said.integrity_m, said.integrity_level, said.on_ground, said.category,
            )
        )  # fmt: skip


def report_line(sighting: Sighting) -> bytes:
    """Return a sighting as a line with its end."""
    said = ReportLine(**{name: getattr(sighting, name) for name in ReportLine.__struct_fields__})
    return msgspec.json.encode(said) + b"\n"
