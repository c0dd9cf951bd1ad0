"""One record of an ASTERIX category as a sighting: ADS-B (021), radar plot (048), system track (062).

Errors of a system track are standard deviations, told here as what holds 95 %: 2.45 of them in the plane, 1.96 in one
direction. A radar says nothing of its own: its plots get what Eurocontrol asks of any (ESASSP, volume 1: 0.08 degrees
and 70 m, standard deviations).
"""

from __future__ import annotations

import math

from detente.airspace.altitude import FOOT_M
from detente.airspace.geodesy import GEOD
from detente.feeds.live.accuracy import (
    HORIZONTAL_ERROR_M,
    IN_ONE_DIRECTION,
    IN_THE_PLANE,
    VELOCITY_ERROR_MPS,
    VERTICAL_ERROR_M,
)
from detente.feeds.live.asterix_items import Fields, times
from detente.feeds.live.decoding import plain_name, velocity_of
from detente.watch.sighting import Sighting, SightingSource

RadarPlaces = dict[tuple[int, int], tuple[float, float, float]]
"""Latitude, longitude in degrees and metres above the ellipsoid of each radar, by SAC and SIC."""

NAUTICAL_MILE_M = 1852.0
LEVEL_M = 100.0 * FOOT_M
METRES_PER_DEGREE = 111_320.0
RADAR_AZIMUTH_DEG = 0.08
RADAR_RANGE_M = 70.0
EARTH_M = 6_371_000.0
MOST_PLACES = 1_000

_CATEGORIES = {
    1: "A1", 2: "A2", 3: "A3", 4: "A4", 5: "A5", 6: "A6", 10: "A7", 11: "B1", 12: "B2", 13: "B6", 14: "B7",
    15: "B4", 16: "B3", 20: "C1", 21: "C2", 22: "C3", 23: "C4", 24: "C5",
}  # fmt: skip
"""Emitter categories of 021/020 in the words of ADS-B."""


def adsb_report(said: Fields, feed: str, received_s: float, places: RadarPlaces) -> Sighting | None:  # noqa: ARG001
    """Return the sighting of category 021; None for what is simulated, a test, or has no position."""
    if said.whole("040", "SIM") or said.whole("040", "TST"):
        return None
    item = "131" if said.whole("131") is not None else "130"
    latitude_deg, longitude_deg = said.number("°", item, "LAT"), said.number("°", item, "LON")
    address = said.whole("080")
    if latitude_deg is None or longitude_deg is None or address is None:
        return None
    kind = said.whole("040", "ATP") or 0
    geometric_ft_min = said.number("ft/min", "157", "GVR")
    climb_ft_min = said.number("ft/min", "155", "BVR")
    return Sighting(
        feed, SightingSource.ADSB, said.at_s(received_s, "071", "073", "077"), received_s, latitude_deg, longitude_deg,
        address=f"{'' if kind in {0, 2} else '~'}{address:06x}",
        callsign=plain_name(said.text("170")),
        pressure_altitude_m=times(said.number("FL", "145"), LEVEL_M),
        geometric_altitude_m=times(said.number("ft", "140"), FOOT_M),
        ground_speed_mps=times(said.number("NM/s", "160", "GS"), NAUTICAL_MILE_M),
        track_deg=said.number("°", "160", "TA"),
        vertical_speed_mps=times(geometric_ft_min if climb_ft_min is None else climb_ft_min, FOOT_M / 60.0),
        horizontal_error_m=HORIZONTAL_ERROR_M.get(said.whole("090", "NACP") or 0),
        vertical_error_m=VERTICAL_ERROR_M.get(said.whole("090", "GVA") or 0),
        velocity_error_mps=VELOCITY_ERROR_MPS.get(said.whole("090", "NUCRNACV") or 0),
        integrity_m=_PROTECTION_M.get(said.whole("090", "PIC") or 0),
        integrity_level=said.whole("090", "SIL"),
        on_ground=bool(said.whole("040", "GBS")),
        category=_CATEGORIES.get(said.whole("020") or 0, ""),
    )  # fmt: skip


_PROTECTION_M = {
    1: 20 * NAUTICAL_MILE_M, 2: 10 * NAUTICAL_MILE_M, 3: 8 * NAUTICAL_MILE_M, 4: 4 * NAUTICAL_MILE_M,
    5: 2 * NAUTICAL_MILE_M, 6: NAUTICAL_MILE_M, 7: 0.6 * NAUTICAL_MILE_M, 8: 0.5 * NAUTICAL_MILE_M,
    9: 0.3 * NAUTICAL_MILE_M, 10: 0.2 * NAUTICAL_MILE_M, 11: 0.1 * NAUTICAL_MILE_M, 12: 75.0, 13: 25.0, 14: 7.5,
}  # fmt: skip
"""By PIC of 021/090: the containment radius."""


def system_track(said: Fields, feed: str, received_s: float, places: RadarPlaces) -> Sighting | None:  # noqa: ARG001
    """Return the sighting of category 062; None for a track that is simulated, extrapolated, or at its end."""
    if any(said.whole("080", part) for part in ("SIM", "TSE", "CST")):
        return None
    latitude_deg, longitude_deg = said.number("°", "105", "LAT"), said.number("°", "105", "LON")
    number = said.whole("040")
    if latitude_deg is None or longitude_deg is None or number is None:
        return None
    east_mps, north_mps = said.number("m/s", "185", "VX"), said.number("m/s", "185", "VY")
    speed_mps, track_deg = (None, None) if east_mps is None or north_mps is None else velocity_of(east_mps, north_mps)
    level = said.number("FL", "136")
    if level is None and said.whole("135", "QNH") == 0:
        level = said.number("FL", "135", "CTB")
    address = said.whole("380", "ADR")
    sac, sic = said.source_code()
    return Sighting(
        feed, SightingSource.FUSED, said.at_s(received_s, "070"), received_s, latitude_deg, longitude_deg,
        address="" if not address else f"{address:06x}",
        identity=f"{sac}/{sic}/{number}",
        callsign=plain_name(said.text("380", "ID") or said.text("245", "CHR")),
        pressure_altitude_m=times(level, LEVEL_M),
        geometric_altitude_m=times(said.number("ft", "130"), FOOT_M),
        ground_speed_mps=speed_mps,
        track_deg=track_deg,
        vertical_speed_mps=times(said.number("ft/min", "220"), FOOT_M / 60.0),
        horizontal_error_m=_error_in_plane_m(said, latitude_deg),
        vertical_error_m=times(said.number("ft", "500", "AGA"), FOOT_M * IN_ONE_DIRECTION),
        velocity_error_mps=_larger(said.number("m/s", "500", "ATV", "X"), said.number("m/s", "500", "ATV", "Y")),
    )  # fmt: skip


def _error_in_plane_m(said: Fields, latitude_deg: float) -> float | None:
    along_m = _larger(said.number("m", "500", "APC", "X"), said.number("m", "500", "APC", "Y"))
    if along_m is not None:
        return along_m
    north_deg, east_deg = said.number("°", "500", "APW", "LAT"), said.number("°", "500", "APW", "LON")
    east_m = times(east_deg, METRES_PER_DEGREE * math.cos(math.radians(latitude_deg)))
    return _larger(times(north_deg, METRES_PER_DEGREE), east_m)


def _larger(one: float | None, other: float | None) -> float | None:
    """Return what holds 95 % of errors with these two standard deviations."""
    return None if one is None or other is None else IN_THE_PLANE * max(abs(one), abs(other))


def plot(said: Fields, feed: str, received_s: float, places: RadarPlaces) -> Sighting | None:
    """Return the sighting of category 048; None where nobody knows where the radar stands, or it was a test."""
    if said.whole("020", "SIM") or said.whole("020", "TST"):
        return None
    code = said.source_code()
    slant_nm, azimuth_deg = said.number("NM", "040", "RHO"), said.number("°", "040", "THETA")
    address, number = said.whole("220"), said.whole("161", "TRN")
    if code not in places or slant_nm is None or azimuth_deg is None or (address is None and number is None):
        return None
    level = said.number("FL", "090", "FL") if said.whole("090", "V") == 0 else None
    latitude_deg, longitude_deg, radar_m = places[code]
    slant_m = slant_nm * NAUTICAL_MILE_M
    distance_m = over_ground_m(slant_m, radar_m, radar_m if level is None else level * LEVEL_M)
    there = GEOD.fwd(longitude_deg, latitude_deg, azimuth_deg, distance_m)
    across_m = distance_m * math.radians(RADAR_AZIMUTH_DEG)
    return Sighting(
        feed, SightingSource.RADAR, said.at_s(received_s, "140"), received_s, float(there[1]), float(there[0]),
        address="" if not address else f"{address:06x}",
        identity="" if number is None else f"{code[0]}/{code[1]}/{number}",
        callsign=plain_name(said.text("240")),
        pressure_altitude_m=times(level, LEVEL_M),
        ground_speed_mps=times(said.number("NM/s", "200", "GSP"), NAUTICAL_MILE_M),
        track_deg=said.number("°", "200", "HDG"),
        horizontal_error_m=IN_THE_PLANE * max(across_m, RADAR_RANGE_M),
        on_ground=said.whole("230", "STAT") in {1, 3},
    )  # fmt: skip


def over_ground_m(slant_m: float, radar_m: float, aircraft_m: float) -> float:
    """Return the distance over ground of what is seen at a slant range; all in metres, over a sphere.

    What is said to be higher than the range reaches is above the radar.
    """
    one, other = EARTH_M + radar_m, EARTH_M + aircraft_m
    cosine = (one * one + other * other - slant_m * slant_m) / (2.0 * one * other)
    return EARTH_M * math.acos(min(max(cosine, -1.0), 1.0))


def radar_place(said: Fields, feed: str, received_s: float, places: RadarPlaces) -> None:  # noqa: ARG001
    """Note where a radar stands, by category 034, unless it is known."""
    place = (said.number("°", "120", "LAT"), said.number("°", "120", "LON"), said.number("m", "120", "HGT"))
    if None not in place and len(places) < MOST_PLACES:
        places.setdefault(said.source_code(), place)  # type: ignore[arg-type]
