"""Flight logs in the format of the International Gliding Commission (FAI, Technical Specification, Appendix A).

Each B record is a position with the pressure altitude in metres on 1013.25 hPa. The GNSS altitude beside it is on
another reference and left alone, so a log of a recorder without pressure sensor is refused. Times are UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from detente.airspace.altitude import FOOT_M
from detente.airspace.refusal import Refusal
from detente.feeds.reports import UNKNOWN, Reports
from detente.feeds.source import Within, identifier_of, plausible_instant, printable_line
from detente.feeds.track_columns import TrackColumns

OTHER_RECORDS = frozenset("ACDEFGIJKLMNOP")
"""Recorder, task, differential, events, satellites, security, extensions, comments: none is a position."""

_FIX = re.compile(
    r"B(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})([NS])(\d{3})(\d\d)(\d{3})([EW])([AV])(-\d{4}|\d{5})(-\d{4}|\d{5})",
    re.ASCII,
)
_DATE = re.compile(r"H[FOP]DTE(?:DATE)?:?\s*(\d\d)(\d\d)(\d\d)", re.ASCII)
_DATUM = re.compile(r"H[FOP]DTM(.*)")
_GLIDER = re.compile(r"H[FOP]GID[^:]*:(.*)")
_PRESSURE = re.compile(r"H[FOP]ALP[^:]*:(.*)")
_FIRST_TWO_DIGIT_YEAR = 80
"""Two digits of a year from here are of the last century: no recorder is older."""


def read_igc(content: bytes) -> TrackColumns:
    """Return the positions of a log; raises Refusal naming the line."""
    log = _Log()
    # A log is in ASCII; names in its header are in whatever the recorder's maker chose.
    for number, line in enumerate(content.decode("latin-1").split("\n"), start=1):
        with Within(f"line {number}"):
            log.take(line.rstrip())
    if log.fixes and not log.with_pressure:
        raise Refusal("feeds.pressure_altitudes", "B records", "pressure altitude 0 in all of them")
    reports = Reports()
    for number, time, latitude_deg, longitude_deg, altitude_m in log.fixes:
        with Within(f"line {number}"):
            reports.add(
                time.timestamp(), latitude_deg, longitude_deg, altitude_m / FOOT_M, flight_id=log.glider or "glider"
            )
    return reports.columns()


class _Log:
    def __init__(self) -> None:
        self.date: datetime | None = None
        self.before = timedelta(0)
        self.glider = ""
        self.fixes: list[tuple[int, datetime, float, float, float]] = []
        self.with_pressure = False
        self._number = 0

    def take(self, line: str) -> None:
        """Take in one record."""
        self._number += 1
        kind = line[:1]
        if kind == "B":
            self._fix(line)
        elif kind == "H":
            self._header(line)
        elif kind and kind not in OTHER_RECORDS:
            raise Refusal("feeds.igc_record", "", printable_line(line, 40))

    def _header(self, line: str) -> None:
        if date := _DATE.match(line):
            day, month, year = (int(text) for text in date.groups())
            try:
                found = datetime(year + (1900 if year >= _FIRST_TWO_DIGIT_YEAR else 2000), month, day, tzinfo=UTC)
            except ValueError:
                raise Refusal("feeds.igc_date", "date", printable_line(line)) from None
            if self.date is not None and found != self.date:
                raise Refusal("feeds.one_date", "date", printable_line(line))
            self.date = found
        elif line[2:5] == "DTE":
            raise Refusal("feeds.igc_date", "date", printable_line(line))
        elif datum := _DATUM.match(line):
            if not re.search(r"WGS.{0,3}84", datum[1].upper().replace("1984", "84")):
                raise Refusal("feeds.wgs84", "datum", printable_line(datum[1]))
        elif glider := _GLIDER.match(line):
            self.glider = identifier_of(glider[1])
        elif (pressure := _PRESSURE.match(line)) and "ISA" not in pressure[1].upper():
            raise Refusal("feeds.pressure_altitudes", "altitude", printable_line(pressure[1]))

    def _fix(self, line: str) -> None:
        found = _FIX.match(line)
        if found is None:
            raise Refusal("feeds.igc_fix", "", printable_line(line))
        if self.date is None:
            raise Refusal("feeds.igc_date", "date", None)
        hours, minutes, seconds = (int(text) for text in found.groups()[:3])
        if hours > 23 or minutes > 59 or seconds > 59:
            raise Refusal("feeds.igc_fix", "time", printable_line(line))
        clock = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if self.fixes and self.before - clock > timedelta(hours=12):
            self.date += timedelta(days=1)
        elif self.fixes and clock < self.before:
            raise Refusal("feeds.igc_in_order", "time", printable_line(line))
        self.before = clock
        time = plausible_instant(self.date + clock, "time")
        latitude_deg = _degrees(found[4], found[5], found[6], -1.0 if found[7] == "S" else 1.0)
        longitude_deg = _degrees(found[8], found[9], found[10], -1.0 if found[11] == "W" else 1.0)
        # V: the recorder had no satellites for a position in three dimensions.
        known = 1.0 if found[12] == "A" else UNKNOWN
        altitude_m = float(found[13])
        self.with_pressure = self.with_pressure or altitude_m != 0.0
        self.fixes.append((self._number, time, latitude_deg * known, longitude_deg * known, altitude_m))


def _degrees(degrees: str, minutes: str, thousandths: str, sign: float) -> float:
    if int(minutes) > 59:
        raise Refusal("feeds.igc_fix", "position", f"{minutes} minutes")
    return sign * (int(degrees) + (int(minutes) + int(thousandths) / 1000.0) / 60.0)
