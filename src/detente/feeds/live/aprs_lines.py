"""Lines of the Open Glider Network, in APRS: FLARM, OGN trackers and what else its receivers hear.

Heights are above mean sea level, and told here above the ellipsoid. An aircraft that asks not to be tracked is left
out, as the network's rules ask. A line has no checksum.

SightingSource: the network's description of its APRS messages (glidernet, "OGN APRS protocol").
"""

from __future__ import annotations

import re

from detente.airspace.altitude import FOOT_M
from detente.airspace.geoid import geoid_height_m
from detente.airspace.refusal import Refusal
from detente.feeds.live.accuracy import IN_ONE_DIRECTION, IN_THE_PLANE
from detente.feeds.live.asterix_items import DAY_S
from detente.feeds.live.decoding import LineDecoder, check_sighting
from detente.feeds.live.sbs_lines import KNOT_MPS
from detente.feeds.source import printable_line
from detente.watch.sighting import Sighting, SightingSource

_POSITION = re.compile(
    r"(?P<name>[A-Za-z0-9-]{3,9})>(?P<path>[A-Za-z0-9,*-]{1,100}):/(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)"
    r"(?P<second>[0-5]\d)h(?P<south>\d{2})(?P<south_min>[0-5]\d\.\d{2})(?P<ns>[NS]).(?P<west>\d{3})"
    r"(?P<west_min>[0-5]\d\.\d{2})(?P<ew>[EW]).(?:(?P<track>\d{3})/(?P<speed>\d{3}))?(?:/A=(?P<feet>-?\d{5,6}))?"
    r"(?P<rest>(?: .{0,300})?)\Z",
    re.ASCII,
)
_OTHER = re.compile(r"#|[A-Za-z0-9-]{3,9}>[A-Za-z0-9,*-]{1,100}:[/>]", re.ASCII)
_MORE_DIGITS = re.compile(r" !W(\d)(\d)!", re.ASCII)
_IDENTITY = re.compile(r" id([0-9A-F]{2})([0-9A-F]{6})\b", re.ASCII)
_CLIMB = re.compile(r" ([+-]\d{3,5})fpm\b", re.ASCII)
_LEVEL = re.compile(r" FL(\d{3}\.\d{2})\b", re.ASCII)
_ACCURACY = re.compile(r" gps(\d{1,3})x(\d{1,3})\b", re.ASCII)

_NO_TRACKING = 0x40
_OWN_ADDRESS = 1
_CATEGORIES = {1: "B1", 2: "A1", 3: "A7", 4: "B3", 5: "A1", 6: "B4", 7: "B4", 8: "A1", 9: "A3", 11: "B2", 12: "B2",
               13: "B6"}  # fmt: skip


class AprsLines(LineDecoder):
    """Decodes lines of an APRS server."""

    def __init__(self, feed: str) -> None:
        super().__init__()
        self._feed = feed

    def line(self, line: bytes, received_s: float) -> Sighting | None:
        """Return the sighting of an aircraft's position; raises Refusal for a line that is none of APRS."""
        text = line.decode("latin-1")
        found = _POSITION.match(text)
        identity = _IDENTITY.search(found["rest"]) if found is not None else None
        if found is None or identity is None:
            if not _OTHER.match(text):
                raise Refusal("feeds_live.message_of_kind", "line", printable_line(text))
            self.tally.unused += 1
            return None
        flags = int(identity[1], 16)
        if flags & _NO_TRACKING:
            self.tally.unused += 1
            return None
        latitude_deg, longitude_deg = _place(found)
        rest = found["rest"]
        climb, level, accuracy = _CLIMB.search(rest), _LEVEL.search(rest), _ACCURACY.search(rest)
        height_m = None
        if found["feet"] is not None:
            height_m = int(found["feet"]) * FOOT_M + float(geoid_height_m(latitude_deg, longitude_deg))
        return check_sighting(
            Sighting(
                feed=self._feed,
                source=SightingSource.ADSB if found["path"].startswith("OGADSB") else SightingSource.FLARM,
                at_s=_time_s(found, received_s),
                received_s=received_s,
                latitude_deg=latitude_deg,
                longitude_deg=longitude_deg,
                address=f"{'' if flags & 3 == _OWN_ADDRESS else '~'}{identity[2].lower()}",
                identity=found["name"],
                pressure_altitude_m=None if level is None else float(level[1]) * 100.0 * FOOT_M,
                geometric_altitude_m=height_m,
                ground_speed_mps=None if found["speed"] is None else int(found["speed"]) * KNOT_MPS,
                # 000 says that the track is not known, 360 that it is north.
                track_deg=int(found["track"]) % 360.0 if int(found["track"] or 0) else None,
                vertical_speed_mps=None if climb is None else int(climb[1]) * FOOT_M / 60.0,
                horizontal_error_m=None if accuracy is None else int(accuracy[1]) * IN_THE_PLANE,
                vertical_error_m=None if accuracy is None else int(accuracy[2]) * IN_ONE_DIRECTION,
                category=_CATEGORIES.get(flags >> 2 & 0xF, ""),
            )
        )


def _place(found: re.Match[str]) -> tuple[float, float]:
    more = _MORE_DIGITS.search(found["rest"])
    south_min, west_min = float(found["south_min"]), float(found["west_min"])
    if more is not None:
        south_min += int(more[1]) / 1000.0
        west_min += int(more[2]) / 1000.0
    latitude_deg, longitude_deg = int(found["south"]) + south_min / 60.0, int(found["west"]) + west_min / 60.0
    if latitude_deg > 90.0 or longitude_deg > 180.0:
        raise Refusal("feeds.latitude_of_report", "position", printable_line(found[0][:60]))
    return -latitude_deg if found["ns"] == "S" else latitude_deg, -longitude_deg if found[
        "ew"
    ] == "W" else longitude_deg


def _time_s(found: re.Match[str], received_s: float) -> float:
    """Return the time of day in a line, of the day on which it is nearest to the arrival."""
    time_of_day_s = int(found["hour"]) * 3600.0 + int(found["minute"]) * 60.0 + int(found["second"])
    return received_s + (time_of_day_s - received_s + DAY_S / 2.0) % DAY_S - DAY_S / 2.0
