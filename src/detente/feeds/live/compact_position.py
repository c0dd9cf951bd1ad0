"""Positions of ADS-B, which come in two halves: each message leaves out in which of many zones it is.

Two messages of both kinds, close in time, say the zone; from then on the last position does. A position is given once a
second one fits it, and whatever fits no known position begins another strand: two aircraft under one address, or a
forged one beside the true, stay apart. Halves of two aircraft make a position that nobody sent only where both begin
under one address, at one height, within the same ten seconds.

Source: RTCA DO-260B, A.1.7 (compact position reporting); ICAO Doc 9871.
"""

from __future__ import annotations

import math
from typing import NamedTuple

STEPS = 131_072.0
"""17 bits."""

AIRBORNE_ZONES_DEG = 360.0
SURFACE_ZONES_DEG = 90.0
PAIR_WITHIN_S = 10.0
KNOWN_FOR_S = 30.0
UNSURE_FOR_S = 10.0
MOST_STRANDS = 4
FASTEST_MPS = 1_000.0
SLACK_M = 1_500.0
"""How far a position may be off what the fastest aircraft can reach: late messages, and the grid of positions."""

SAME_HEIGHT_M = 100.0
FASTEST_CLIMB_MPS = 100.0
METRES_PER_DEGREE = 111_320.0
_POLAR_DEG = 87.0
_NZ = 15
_MOST_ZONES = 59


class Half(NamedTuple):
    """What one message says: which kind it is, where in its zone, each as a share of the zone, and how high."""

    is_odd: bool
    north: float
    east: float
    surface: bool
    at_s: float
    height_m: float | None = None


class Strand:
    """Positions that follow each other as those of one aircraft do."""

    __slots__ = ("confirmed", "last", "latitude_deg", "longitude_deg")

    def __init__(self, latitude_deg: float, longitude_deg: float, last: Half) -> None:
        self.latitude_deg = latitude_deg
        self.longitude_deg = longitude_deg
        self.last = last
        self.confirmed = False

    def follows(self, half: Half, fastest_mps: float) -> tuple[float, float] | None:
        """Return the position of a message where it can be this one's next."""
        apart_s = abs(half.at_s - self.last.at_s)
        if apart_s > (KNOWN_FOR_S if self.confirmed else UNSURE_FOR_S) or not _as_high(half, self.last):
            return None
        found = near(half, self.latitude_deg, self.longitude_deg)
        if found is None or self._distance_m(found) > SLACK_M + fastest_mps * apart_s:
            return None
        return found

    def _distance_m(self, found: tuple[float, float]) -> float:
        north_m = (found[0] - self.latitude_deg) * METRES_PER_DEGREE
        east_deg = (found[1] - self.longitude_deg + 180.0) % 360.0 - 180.0
        return math.hypot(north_m, east_deg * METRES_PER_DEGREE * math.cos(math.radians(found[0])))


class Strands:
    """The positions of one address.

    Args:
        reference_deg: latitude and longitude of the receiver, where it is known.
    """

    __slots__ = ("_reference_deg", "_strands", "_waiting")

    def __init__(self, reference_deg: tuple[float, float] | None = None) -> None:
        self._reference_deg = reference_deg
        self._strands: list[Strand] = []
        self._waiting: list[Half] = []

    def position(self, half: Half, fastest_mps: float = FASTEST_MPS) -> tuple[float, float] | None:
        """Return latitude and longitude in degrees (WGS 84) that a message says; None while that is not sure.

        `fastest_mps` is how fast the aircraft can be, by what is known of its speed.
        """
        for strand in self._strands:
            found = strand.follows(half, fastest_mps)
            if found is None:
                continue
            strand.latitude_deg, strand.longitude_deg = found
            strand.last = half
            if strand is not self._strands[0]:
                self._strands.remove(strand)
                self._strands.insert(0, strand)
            if not strand.confirmed:
                strand.confirmed = True
                self._waiting.clear()
            return found
        self._begin(half)
        return None

    def _begin(self, half: Half) -> None:
        """Let what fits nothing known begin strands: in the air with each half of the other kind.

        On the ground zones are so small that pairs do not say which it is: there it is near the receiver.
        """
        self._waiting = [one for one in self._waiting if abs(half.at_s - one.at_s) <= PAIR_WITHIN_S][-3:]
        self._strands = [one for one in self._strands if half.at_s - one.last.at_s <= KNOWN_FOR_S]
        if half.surface:
            if self._reference_deg is not None:
                self._add(near(half, *self._reference_deg), half)
            return
        for other in reversed(self._waiting):
            if other.is_odd != half.is_odd and _as_high(half, other):
                self._add(paired(half, other), half)
        self._waiting.append(half)

    def _add(self, found: tuple[float, float] | None, half: Half) -> None:
        if found is None:
            return
        self._strands.append(Strand(*found, half))
        if len(self._strands) > MOST_STRANDS:
            unconfirmed = [one for one in self._strands if not one.confirmed]
            self._strands.remove(unconfirmed[0] if unconfirmed else self._strands[-2])


def _as_high(half: Half, other: Half) -> bool:
    """Whether two messages can be of one aircraft by their heights."""
    if half.height_m is None or other.height_m is None:
        return True
    return abs(half.height_m - other.height_m) <= SAME_HEIGHT_M + FASTEST_CLIMB_MPS * abs(half.at_s - other.at_s)


def near(half: Half, latitude_deg: float, longitude_deg: float) -> tuple[float, float] | None:
    """Return the position of a message that is nearest to a known one; None where it is on no map."""
    size_deg = SURFACE_ZONES_DEG if half.surface else AIRBORNE_ZONES_DEG
    zone_deg = size_deg / (4 * _NZ - half.is_odd)
    index = math.floor(latitude_deg / zone_deg - half.north + 0.5)
    found_deg = zone_deg * (index + half.north)
    if not -90.0 <= found_deg <= 90.0:
        return None
    width_deg = size_deg / max(zones_at(found_deg) - half.is_odd, 1)
    index = math.floor(longitude_deg / width_deg - half.east + 0.5)
    return found_deg, _wrapped(width_deg * (index + half.east))


def paired(half: Half, other: Half) -> tuple[float, float] | None:
    """Return the position of an airborne message by another of the other kind; None where they do not fit."""
    even, odd = (other, half) if half.is_odd else (half, other)
    index = math.floor(59.0 * even.north - 60.0 * odd.north + 0.5)
    even_deg = AIRBORNE_ZONES_DEG / 60.0 * (index % 60 + even.north)
    odd_deg = AIRBORNE_ZONES_DEG / 59.0 * (index % 59 + odd.north)
    even_deg, odd_deg = (one - 360.0 if one >= 270.0 else one for one in (even_deg, odd_deg))
    found_deg = odd_deg if half.is_odd else even_deg
    if not (-90.0 <= even_deg <= 90.0 and -90.0 <= odd_deg <= 90.0) or zones_at(even_deg) != zones_at(odd_deg):
        return None
    zones = zones_at(found_deg)
    shift = math.floor(even.east * (zones - 1) - odd.east * zones + 0.5)
    count = max(zones - half.is_odd, 1)
    return found_deg, _wrapped(AIRBORNE_ZONES_DEG / count * (shift % count + half.east))


def zones_at(latitude_deg: float) -> int:
    """Return how many zones of longitude even messages have at a latitude (NL)."""
    latitude_deg = abs(latitude_deg)
    if latitude_deg >= _POLAR_DEG:
        return 2 if latitude_deg == _POLAR_DEG else 1
    part = (1.0 - math.cos(math.pi / (2.0 * _NZ))) / math.cos(math.radians(latitude_deg)) ** 2
    return min(math.floor(2.0 * math.pi / math.acos(1.0 - part)), _MOST_ZONES)


def _wrapped(longitude_deg: float) -> float:
    return (longitude_deg + 180.0) % 360.0 - 180.0
