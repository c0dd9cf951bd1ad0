"""BaseStation lines (SBS, port 30003) as they come: positions, with velocity and callsign of the same aircraft.

A line has no checksum: a changed digit that leaves a plausible line is not found out. Times are of a clock of unknown
zone, and often left empty: they count only where the feed's settings say the offset from UTC.
"""

from __future__ import annotations

from dataclasses import dataclass

from detente.airspace.altitude import FOOT_M
from detente.airspace.refusal import Refusal
from detente.feeds.live.decoding import LineDecoder, Remembered, check_figure, check_sighting, plain_name
from detente.feeds.reports import address
from detente.feeds.sbs import FIELDS, MESSAGES, OTHER_MESSAGES, WITH_POSITION, WITHOUT_POSITION, SbsField
from detente.feeds.source import decimal_number, instant, printable_line
from detente.watch.sighting import Sighting, SightingSource

KNOT_MPS = 1852.0 / 3600.0
VELOCITY_HOLDS_S = 10.0
"""How old a velocity may be that goes with a position."""


@dataclass(slots=True)
class _Known:
    callsign: str = ""
    speed_mps: float | None = None
    track_deg: float | None = None
    climb_mps: float | None = None
    velocity_s: float = 0.0


class SbsLines(LineDecoder):
    """Decodes lines of BaseStation.

    Args:
        feed: the feed's name.
        utc_offset: as "+02:00", of the times in the lines; empty where they are not to be trusted.
    """

    def __init__(self, feed: str, utc_offset: str = "") -> None:
        super().__init__()
        self._feed = feed
        self._utc_offset = utc_offset
        self._known: Remembered[str, _Known] = Remembered()

    def line(self, line: bytes, received_s: float) -> Sighting | None:
        """Return the sighting of a message with a position; raises Refusal naming the field."""
        try:
            row = [value.strip() for value in line.decode("ascii").split(",")]
        except UnicodeDecodeError:
            raise Refusal("feeds_live.message_of_kind", "line", "not ASCII") from None
        if row[0] in OTHER_MESSAGES:
            self.tally.unused += 1
            return None
        if row[0] not in MESSAGES or len(row) < 2 or row[1] not in WITH_POSITION | WITHOUT_POSITION:
            raise Refusal("feeds.kind_of_message", "", printable_line(",".join(row[:2])))
        if len(row) != FIELDS:
            raise Refusal("feeds.fields_header", "", f"{len(row)} fields", count=FIELDS)
        icao24 = address(row[SbsField.ADDRESS], "address")
        known = self._known.get(icao24) or _Known()
        self._known.keep(icao24, known)
        self._note(known, row, received_s)
        if not (row[SbsField.LATITUDE] and row[SbsField.LONGITUDE]):
            return None
        fresh = received_s - known.velocity_s <= VELOCITY_HOLDS_S
        altitude_ft = _number(row[SbsField.ALTITUDE], "altitude")
        on_ground = row[SbsField.ON_GROUND]
        if on_ground not in {"", "0", "1", "-1"}:
            raise Refusal("feeds.true_or_false", "ground", printable_line(on_ground))
        return check_sighting(
            Sighting(
                feed=self._feed,
                source=SightingSource.MLAT if row[0] == "MLAT" else SightingSource.ADSB,
                at_s=self._at_s(row, received_s),
                received_s=received_s,
                latitude_deg=decimal_number(row[SbsField.LATITUDE], "latitude"),
                longitude_deg=decimal_number(row[SbsField.LONGITUDE], "longitude"),
                address=icao24,
                callsign=known.callsign,
                pressure_altitude_m=None if altitude_ft is None else altitude_ft * FOOT_M,
                ground_speed_mps=known.speed_mps if fresh else None,
                track_deg=known.track_deg if fresh else None,
                vertical_speed_mps=known.climb_mps if fresh else None,
                on_ground=on_ground in {"1", "-1"},
            )
        )

    def _note(self, known: _Known, row: list[str], received_s: float) -> None:
        known.callsign = plain_name(row[SbsField.CALLSIGN]) or known.callsign
        speed_kt = _number(row[SbsField.SPEED], "speed")
        track_deg = _number(row[SbsField.TRACK], "track")
        climb_ft_min = _number(row[SbsField.CLIMB], "vertical rate")
        if speed_kt is None or track_deg is None:
            return
        speed_mps, climb_mps = speed_kt * KNOT_MPS, None if climb_ft_min is None else climb_ft_min * FOOT_M / 60.0
        # Checked here: what is remembered would spoil the positions that follow.
        check_figure("ground_speed_mps", speed_mps)
        check_figure("vertical_speed_mps", climb_mps)
        known.speed_mps, known.track_deg, known.climb_mps = speed_mps, track_deg % 360.0, climb_mps
        known.velocity_s = received_s

    def _at_s(self, row: list[str], received_s: float) -> float:
        date, time = row[SbsField.DATE], row[SbsField.TIME]
        if not (self._utc_offset and date and time):
            return received_s
        return instant(f"{date.replace('/', '-')}T{time}{self._utc_offset}", "time").timestamp()


def _number(text: str, field: str) -> float | None:
    return decimal_number(text, field) if text else None
