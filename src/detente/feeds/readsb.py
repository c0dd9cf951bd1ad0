"""Position reports as readsb and tar1090 write them: `aircraft.json` (one moment) and traces (`globe_history`).

Source: README-json.md of readsb. `alt_baro` is feet on standard pressure; an altitude that the file marks as geometric
is on another reference, and its report has none. Members that say nothing of where and when are left alone.
"""

from __future__ import annotations

import math
from typing import Any

from detente.airspace.refusal import Refusal
from detente.feeds.report_values import GROUND
from detente.feeds.reports import UNKNOWN, Reports, address
from detente.feeds.source import Within, brief, json_number
from detente.feeds.track_columns import TrackColumns

GEOMETRIC_ALTITUDE = 8
"""The bit of a trace's flags that says that the altitude is not barometric."""

MILLISECONDS_FROM = 1e11
"""A `now` beyond this is in milliseconds, as some services write it: in seconds it would be the year 5138."""


def read_aircraft(document: dict[str, Any]) -> TrackColumns:
    """Return the reports of an `aircraft.json`; raises Refusal naming the aircraft and the member."""
    now_s = json_number(document.get("now"), "now")
    now_s = now_s / 1000.0 if now_s > MILLISECONDS_FROM else now_s
    listed = [name for name in ("aircraft", "ac") if name in document]
    if len(listed) != 1 or not isinstance(document[listed[0]], list):
        raise Refusal("feeds.one_list_of_aircraft", "aircraft", ", ".join(listed))
    reports = Reports()
    for index, aircraft in enumerate(document[listed[0]]):
        with Within(f"{listed[0]}[{index}]"):
            if not isinstance(aircraft, dict):
                raise Refusal("feeds.one_list_of_aircraft", "", brief(aircraft))
            _add_aircraft(reports, aircraft, now_s)
    return reports.columns()


def read_trace(document: dict[str, Any]) -> TrackColumns:
    """Return the reports of a trace of one aircraft; raises Refusal naming the entry and its place."""
    icao24 = address(document.get("icao"), "icao")
    start_s = json_number(document.get("timestamp"), "timestamp")
    trace = document.get("trace")
    if not isinstance(trace, list):
        raise Refusal("feeds.entries_of_trace", "trace", brief(trace))
    reports = Reports()
    callsign = ""
    for index, entry in enumerate(trace):
        with Within(f"trace[{index}]"):
            if not isinstance(entry, list) or len(entry) < 9:
                raise Refusal("feeds.entries_of_trace", "", brief(entry))
            details = entry[8] if isinstance(entry[8], dict) else {}
            callsign = _text(details.get("flight")) or callsign
            flags = entry[6]
            if isinstance(flags, bool) or not isinstance(flags, int):
                raise Refusal("feeds.entries_of_trace", "[6]", brief(flags))
            altitude_ft, on_ground = _altitude(entry[3], "[3]")
            reports.add(
                start_s + json_number(entry[0], "[0]"),
                _optional(entry[1], "[1]"),
                _optional(entry[2], "[2]"),
                UNKNOWN if flags & GEOMETRIC_ALTITUDE else altitude_ft,
                track_deg=UNKNOWN if on_ground else _optional(entry[5], "[5]"),
                on_ground=on_ground,
                icao24=icao24,
                callsign=callsign,
            )
    return reports.columns()


def _add_aircraft(reports: Reports, aircraft: dict[str, Any], now_s: float) -> None:
    icao24 = address(aircraft.get("hex"), "hex")
    with Within(repr(icao24)):
        # The first dump1090 called it `altitude`.
        barometric = "altitude" if "alt_baro" not in aircraft else "alt_baro"
        altitude_ft, on_ground = _altitude(aircraft.get(barometric), barometric)
        latitude_deg, longitude_deg = _optional(aircraft.get("lat"), "lat"), _optional(aircraft.get("lon"), "lon")
        # Without a position nothing is said of a place; without its age nobody knows when the aircraft was there.
        positioned = not (math.isnan(latitude_deg) or math.isnan(longitude_deg))
        age_s = json_number(aircraft.get("seen_pos"), "seen_pos") if positioned else 0.0
        reports.add(
            now_s - age_s,
            latitude_deg,
            longitude_deg,
            altitude_ft,
            track_deg=_optional(aircraft.get("track"), "track"),
            on_ground=on_ground,
            icao24=icao24,
            callsign=_text(aircraft.get("flight")),
        )


def _altitude(raw: object, field: str) -> tuple[float, bool]:
    return (UNKNOWN, True) if raw == GROUND else (_optional(raw, field), False)


def _optional(raw: object, field: str) -> float:
    return UNKNOWN if raw is None else json_number(raw, field)


def _text(raw: object) -> str:
    return raw.strip() if isinstance(raw, str) else ""
