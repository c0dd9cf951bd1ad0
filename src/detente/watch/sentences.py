"""An alert as people read it: why in one sentence, time left, where, both heights in feet and metres, the way out."""

from __future__ import annotations

from typing import NamedTuple

from detente.language import Language
from detente.language.figures import altitude, distance, duration, height, number, position
from detente.language.wording import text
from detente.watch.alert import Alert, WayOut

KNOT_MPS = 1852.0 / 3600.0


class AlertText(NamedTuple):
    """The parts of an alert in one language; what it has not is empty."""

    why: str
    time_left: str
    where: str
    heights: tuple[str, ...]
    way_out: str
    doubts: tuple[str, ...]


def alert_text(language: Language, alert: Alert, now_s: float) -> AlertText:
    """Return an alert in a reader's language; `now_s` is seconds since 1970-01-01 UTC."""
    shown = {name.removesuffix("_m").removesuffix("_s"): _shown(language, name, value)
             for name, value in alert.figures.items()}  # fmt: skip
    names = dict(zip(("first", "second"), alert.tracks, strict=False))
    left_s = max(0.0, alert.due_s - now_s) if alert.due_s is not None else 0.0
    left = text(language, "watch.left.ahead", duration=duration(language, float(round(left_s))))
    place = alert.place
    return AlertText(
        text(language, f"watch.why.{alert.reason}", **shown, **names, subject=alert.subject),
        text(language, "watch.left.now") if alert.due_s is None else left,
        position(place.latitude_deg, place.longitude_deg) if place is not None else "",
        tuple(
            _shown(language, f"{which}_{reference}_m", alert.figures[f"{which}_{reference}_m"])
            for which in names
            for reference in ("altitude", "ellipsoid")
            if f"{which}_{reference}_m" in alert.figures
        ),
        _way(language, alert.way_out) if alert.way_out is not None else "",
        tuple(text(language, f"watch.doubt.{doubt}") for doubt in alert.doubts),
    )


def _shown(language: Language, name: str, value: float | str) -> str:
    """A figure by the end of its name, which says what it measures; distances and heights are rounded down."""
    if isinstance(value, str):
        return text(language, f"watch.meaning.{value}") if name == "meaning" else value
    if name.endswith("_distance_m"):
        return distance(language, value, down=not name.startswith(("minimum", "error", "buffer")))
    if name.endswith("_height_m"):
        return height(language, value, down=not name.startswith(("minimum", "error")))
    if name.endswith(("_altitude_m", "_ellipsoid_m")):
        return altitude(language, value, standard_pressure=name.endswith("_altitude_m"))
    return duration(language, value) if name.endswith("_s") else number(language, value)


def _way(language: Language, way: WayOut) -> str:
    if way.turn_deg is not None:
        key = "watch.way.right" if way.turn_deg > 0.0 else "watch.way.left"
        return text(language, key, track=way.track_id, degrees=number(language, abs(way.turn_deg)))
    if way.climb_m is not None:
        key = "watch.way.up" if way.climb_m > 0.0 else "watch.way.down"
        return text(language, key, track=way.track_id, height=height(language, abs(way.climb_m)))
    mps = way.speed_mps or 0.0
    knots, kmh = number(language, abs(mps) / KNOT_MPS), number(language, abs(mps) * 3.6)
    key = "watch.way.faster" if mps > 0.0 else "watch.way.slower"
    return text(language, key, track=way.track_id, speed=f"{knots} kt ({kmh} km/h)")
