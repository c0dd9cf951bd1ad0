"""A track: one aircraft as all feeds together show it, at one time."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from detente.watch.sighting import SightingSource


class TrackDoubt(StrEnum):
    """Why a track is not to be believed as it stands."""

    COASTED = "coasted"
    LOW_INTEGRITY = "low_integrity"
    SHARED_ADDRESS = "shared_address"
    JUMPED = "jumped"
    STALE = "stale"
    TIME_SHIFTED = "time_shifted"
    MAYBE_GHOST = "maybe_ghost"
    NO_HEIGHT = "no_height"


class Track(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One aircraft at `at_s`, predicted to that time from what was last heard.

    Attributes:
        track_id: names the track as long as it lives, never used again.
        at_s: the time of all that follows, seconds since 1970-01-01 UTC.
        position_s: when its position was last heard.
        addresses, identities: all that its feeds name it by.
        pressure_altitude_m, geometric_altitude_m: on standard pressure; above the WGS 84 ellipsoid. None where unknown.
        turn_deg_s: rate of turn, clockwise; 0 for straight.
        horizontal_error_m, vertical_error_m: 95 % of errors are smaller, grown since `position_s`; the vertical one is
            of the pressure altitude, or of the geometric one where there is no other, or 30,000 m where there is none.
        geometric_error_m: 95 % of errors of the geometric altitude are smaller; None without one.
        feeds, sources: which it was heard by within its last updates.
        doubts: why it is not to be believed as it stands; empty when it is.
    """

    track_id: str
    at_s: float
    position_s: float
    latitude_deg: float
    longitude_deg: float
    ground_speed_mps: float
    track_deg: float
    vertical_speed_mps: float
    turn_deg_s: float
    horizontal_error_m: float
    vertical_error_m: float
    velocity_error_mps: float
    pressure_altitude_m: float | None = None
    geometric_altitude_m: float | None = None
    geometric_error_m: float | None = None
    addresses: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    callsign: str = ""
    category: str = ""
    on_ground: bool = False
    feeds: tuple[str, ...] = ()
    sources: tuple[SightingSource, ...] = ()
    doubts: tuple[TrackDoubt, ...] = ()
