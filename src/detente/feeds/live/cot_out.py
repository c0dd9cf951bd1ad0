"""Tracks as Cursor on Target events, for a TAK client. What may be sent to whom is decided by whoever calls."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.sax.saxutils import quoteattr

from detente.feeds.cursor_on_target import UNKNOWN_VALUE
from detente.feeds.live.accuracy import IN_ONE_DIRECTION, IN_THE_PLANE
from detente.watch.alert import TrackSide
from detente.watch.track import Track, TrackDoubt

OWN_UID = "detente."
"""How the names of our events begin: those that come back to us are not taken for somebody else's."""

STALE_AFTER_S = 15.0
_TYPES = {TrackSide.OURS: "a-f-A", TrackSide.THEIRS: "a-n-A", TrackSide.UNKNOWN: "a-u-A"}
"""Ours are friendly, theirs neutral, the others unknown: Détente calls nobody hostile."""


def track_event(track: Track, side: TrackSide, party: str) -> bytes:
    """Return a track as an event of XML.

    The callsign ends with a question mark where the track is doubted, and the remarks say why. Without a geometric
    height the event says none, because a pressure altitude is none.

    Args:
        track: at its time; the event is stale `STALE_AFTER_S` later.
        side: whose aircraft it is.
        party: our name, a part of the event's name.
    """
    stale_s = track.position_s + STALE_AFTER_S
    height_m = UNKNOWN_VALUE if track.geometric_altitude_m is None else track.geometric_altitude_m
    name = track.callsign or next(iter(track.addresses), track.track_id)
    remarks = ", ".join(track.doubts)
    if track.pressure_altitude_m is not None:
        remarks = f"FL{track.pressure_altitude_m / 30.48:03.0f}" + (f"; {remarks}" if remarks else "")
    linear_m = track.vertical_error_m / IN_ONE_DIRECTION if track.geometric_altitude_m is not None else UNKNOWN_VALUE
    uid = quoteattr(f"{OWN_UID}{party}.{track.track_id}")
    how = "m-p" if TrackDoubt.COASTED in track.doubts else "m-f"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<event version="2.0" uid={uid} '
        f'type="{_TYPES[side]}" time="{_moment(track.at_s)}" start="{_moment(track.at_s)}" '
        f'stale="{_moment(max(stale_s, track.at_s))}" how="{how}">'
        f'<point lat="{track.latitude_deg:.7f}" lon="{track.longitude_deg:.7f}" hae="{height_m:.1f}" '
        f'ce="{track.horizontal_error_m / IN_THE_PLANE:.1f}" le="{linear_m:.1f}"/>'
        f"<detail><contact callsign={quoteattr(name + ('?' if track.doubts else ''))}/>"
        f'<track course="{track.track_deg:.1f}" speed="{track.ground_speed_mps:.1f}"/>'
        f"<remarks>{_text(remarks)}</remarks></detail></event>\n"
    ).encode()


def _moment(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(remarks: str) -> str:
    return remarks.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
