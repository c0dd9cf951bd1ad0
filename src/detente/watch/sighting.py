"""A sighting: where one feed says that one aircraft was at one time, with what it says of its accuracy.

Feeds make sightings, the tracker takes them in. What a feed does not say is None or empty; nothing is made up.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class SightingSource(StrEnum):
    """How the position was found."""

    ADSB = "adsb"
    ADSR = "adsr"
    TISB = "tisb"
    MLAT = "mlat"
    RADAR = "radar"
    FUSED = "fused"
    REMOTE_ID = "remote_id"
    FLARM = "flarm"
    OWN_REPORT = "own_report"
    OTHER = "other"


class Sighting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One report of one aircraft.

    Attributes:
        feed: the name of the feed.
        at_s: when the aircraft was there, seconds since 1970-01-01 UTC.
        received_s: when it was heard here, seconds since 1970-01-01 UTC.
        address: the 24-bit address in small hexadecimal letters, with `~` before one that is not ICAO's; empty without.
        identity: what else the feed names the aircraft by (a radar's track number, an operator's id, a UID).
        latitude_deg, longitude_deg: WGS 84.
        pressure_altitude_m: on standard pressure (1013.25 hPa).
        geometric_altitude_m: above the WGS 84 ellipsoid.
        track_deg: over ground, clockwise from true north.
        horizontal_error_m, vertical_error_m, velocity_error_mps: 95 % of errors are smaller; None where not said.
        integrity_m: radius outside which the position is at most as often as the integrity level says (NIC).
        integrity_level: SIL, 0 to 3.
        category: the emitter category, as A3.
    """

    feed: str
    source: SightingSource
    at_s: float
    received_s: float
    latitude_deg: float
    longitude_deg: float
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
