"""An alert: what the watch found, how urgent it is, why, and how much time is left."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class AlertKind(StrEnum):
    """What was found."""

    SEPARATION = "separation"
    WELL_CLEAR = "well_clear"
    OWN_DEVIATION = "own_deviation"
    THEIR_DEVIATION = "their_deviation"
    AREA = "area"
    UNDECLARED = "undeclared"
    TRACK_LOST = "track_lost"
    FEED_SILENT = "feed_silent"
    INTEGRITY_FALLS = "integrity_falls"


class AlertLevel(StrEnum):
    """How urgent: look, do something, do it now (DO-365B: preventive, corrective, warning)."""

    PREVENTIVE = "preventive"
    CORRECTIVE = "corrective"
    WARNING = "warning"


class TrackSide(StrEnum):
    """Whose aircraft a track is."""

    OURS = "ours"
    THEIRS = "theirs"
    UNKNOWN = "unknown"


class AlertPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where it is, or will be, at the worst: WGS 84 and standard pressure."""

    latitude_deg: float
    longitude_deg: float
    pressure_altitude_m: float | None = None


class WayOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The cheapest change of one aircraft that clears an alert against all the other traffic.

    One of the changes is set: a turn (clockwise), a change of height, a change of ground speed.
    """

    track_id: str
    turn_deg: float | None = None
    climb_m: float | None = None
    speed_mps: float | None = None


class Alert(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the watch says at one time about one matter.

    Attributes:
        key: names the matter: equal as long as it is the same one (kind, and the tracks, plan, zone or feed).
        at_s: seconds since 1970-01-01 UTC.
        tracks: the tracks it is about, ours first; `sides` says whose each is.
        reason: the code of the sentence that says why, with `figures` (numbers with their unit in the name, and names)
            as its parameters.
        due_s: when separation is lost, or a boundary crossed; None when it is so already or has no such time.
        subject: the id of the plan, notice, zone or feed that it is about; empty without.
        doubts: why it may be wrong, in the words of `Doubt`.
    """

    key: str
    kind: AlertKind
    level: AlertLevel
    at_s: float
    reason: str
    tracks: tuple[str, ...] = ()
    sides: tuple[TrackSide, ...] = ()
    figures: dict[str, float | str] = {}
    due_s: float | None = None
    place: AlertPlace | None = None
    subject: str = ""
    way_out: WayOut | None = None
    doubts: tuple[str, ...] = ()
