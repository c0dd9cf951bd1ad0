"""Position reports gathered one by one, each checked where it stands in its file, as the columns that make flights."""

from __future__ import annotations

import re

import numpy as np

from detente.airspace.refusal import Refusal
from detente.feeds.source import EARLIEST, LATEST, printable_line
from detente.feeds.track_columns import MAX_REPORTS, Texts, TrackColumns, short_text

ADDRESS = re.compile(r"~?[0-9a-f]{6}\Z")
UNKNOWN = float("nan")

_LIMITS = (
    ("time", EARLIEST.timestamp(), LATEST.timestamp(), "feeds.time_of_report"),
    ("latitude", -90.0, 90.0, "feeds.latitude_of_report"),
    ("longitude", -180.0, 180.0, "feeds.longitude_of_report"),
    ("altitude", -6_000.0, 200_000.0, "feeds.altitude_of_report"),
)


class Reports:
    """Reports in the order of the file; what is not known is NaN or empty."""

    def __init__(self) -> None:
        self._numbers: list[tuple[float, float, float, float, float]] = []
        self._on_ground: list[bool] = []
        self._names: list[tuple[str, str, str]] = []

    def add(
        self,
        time_s: float,
        latitude_deg: float,
        longitude_deg: float,
        altitude_ft: float,
        *,
        track_deg: float = UNKNOWN,
        on_ground: bool = False,
        icao24: str = "",
        callsign: str = "",
        flight_id: str = "",
    ) -> None:
        """Take in one report; raises Refusal naming the field that no aircraft can have.

        Altitude in feet on standard pressure, time in seconds since 1970. An address or a flight's name is needed.
        """
        for (field, lowest, highest, code), value in zip(
            _LIMITS, (time_s, latitude_deg, longitude_deg, altitude_ft), strict=True
        ):
            if value < lowest or value > highest:
                raise Refusal(code, field, value)
        if len(self._numbers) >= MAX_REPORTS:
            raise Refusal("feeds.fewer_rows", "", f"over {MAX_REPORTS:,} reports")
        if not (icao24 or flight_id):
            raise Refusal("feeds.address_or_flight_id", "icao24", "")
        self._numbers.append((time_s, latitude_deg, longitude_deg, altitude_ft, track_deg))
        self._on_ground.append(on_ground)
        self._names.append((icao24, short_text(callsign, "callsign"), flight_id))

    def columns(self) -> TrackColumns:
        """Return the reports as columns."""
        numbers = np.array(self._numbers, dtype=np.float64).reshape(-1, 5)
        return TrackColumns(
            time_s=numbers[:, 0],
            latitude_deg=numbers[:, 1],
            longitude_deg=numbers[:, 2],
            altitude_ft=numbers[:, 3],
            track_deg=numbers[:, 4],
            on_ground=np.array(self._on_ground, dtype=np.bool_),
            icao24=self._texts(0),
            callsign=self._texts(1),
            flight_id=self._texts(2),
        )

    def _texts(self, place: int) -> Texts:
        array = np.empty(len(self._names), dtype=object)
        array[:] = [names[place] for names in self._names]
        return array


def address(text: object, field: str) -> str:
    """Return an aircraft's address in small letters; raises Refusal for anything but six hexadecimal digits.

    A "~" before them says that the address is not the aircraft's own.
    """
    lowered = text.strip().lower() if isinstance(text, str) else ""
    if not ADDRESS.match(lowered):
        raise Refusal("feeds.address_of_aircraft", field, printable_line(text) if isinstance(text, str) else text)
    return lowered
