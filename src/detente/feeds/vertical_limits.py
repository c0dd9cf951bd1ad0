"""Lower and upper limits of airspace as files have them, on two references at times, made one band (R27).

Surface and unlimited go by the reference of the other limit. Where both limits have a reference and they differ, the
band is put on one of them and made as much larger as the conversion may be wrong: what lies between a pressure level
and a height changes with the weather, and the band holds whatever the weather is.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from detente.airspace.altimetry import heights_array
from detente.airspace.altitude import (
    FOOT_M,
    Altitude,
    AltitudeBand,
    AltitudeReference,
    AltitudeUnit,
    Ellipsoid,
    Ground,
    MeanSeaLevel,
    StandardPressure,
)
from detente.airspace.refusal import Refusal

SURFACE_M = {MeanSeaLevel: -500.0, StandardPressure: -1_500.0, Ground: 0.0, Ellipsoid: -620.0}
"""Below all ground, whatever the weather: on standard pressure the lowest ground may read this low."""

UNLIMITED_M = 30_000.0
"""Above every aircraft, on any reference."""

_NEAR = (0.0, 0.0)
"""Where heights are converted: between mean sea level and pressure the place makes no difference."""


class GroundElevation(NamedTuple):
    """What heights above ground are measured from: elevation above mean sea level, and how far it may be wrong."""

    elevation_m: float
    error_m: float


class VerticalLimit(NamedTuple):
    """A reading on a reference, or, without a reference, one end of the sky: the surface, or `unlimited`."""

    value: float = 0.0
    unit: AltitudeUnit = AltitudeUnit.METRE
    reference: AltitudeReference | None = None
    unlimited: bool = False

    def altitude(self) -> Altitude:
        """Return the reading of a limit that has a reference."""
        assert self.reference is not None
        return Altitude(self.value, self.unit, self.reference)


SURFACE = VerticalLimit()
UNLIMITED = VerticalLimit(unlimited=True)


def flight_level(number: float) -> VerticalLimit:
    """Return the limit at a flight level."""
    return VerticalLimit(number, AltitudeUnit.FLIGHT_LEVEL, StandardPressure())


def above_sea(value: float, unit: AltitudeUnit) -> VerticalLimit:
    """Return the limit at a height above mean sea level."""
    return VerticalLimit(value, unit, MeanSeaLevel())


def above_ground(
    value: float, unit: AltitudeUnit, ground: GroundElevation | None, field: str, shown: str
) -> VerticalLimit:
    """Return the limit at a height above ground; zero is the surface.

    Raises Refusal naming `field` and the height as it was written where nobody knows the ground.
    """
    if value == 0.0:
        return SURFACE
    if ground is None:
        raise Refusal("feeds.elevation_of_ground", field, shown)
    return VerticalLimit(value, unit, Ground(ground.elevation_m, ground.error_m))


def band_between(lower: VerticalLimit, upper: VerticalLimit, field: str) -> AltitudeBand:
    """Return the band between two limits, as much larger as putting both on one reference asks.

    Raises Refusal naming `field` for an upper limit below the lower one, for an upper limit at the surface, and for
    one limit above the ellipsoid and the other on anything else.
    """
    if lower.unlimited or (upper.reference is None and not upper.unlimited):
        raise Refusal("feeds_airspace.upper_limit_above_lower", field, "unlimited" if lower.unlimited else "surface")
    if lower.reference is not None and upper.reference is not None and lower.reference != upper.reference:
        if isinstance(lower.reference, Ellipsoid) or isinstance(upper.reference, Ellipsoid):
            raise Refusal("feeds_airspace.limits_one_reference", field, f"{lower.reference} to {upper.reference}")
        lower, upper = _together(lower, upper)
    reference = lower.reference or upper.reference or MeanSeaLevel()
    metric = AltitudeUnit.METRE in {one.unit for one in (lower, upper) if one.reference is not None} or (
        lower.reference is None and upper.reference is None
    )
    return AltitudeBand(
        lower.altitude() if lower.reference is not None else _end(SURFACE_M[type(reference)], reference, metric=True),
        upper.altitude() if upper.reference is not None else _end(UNLIMITED_M, reference, metric=metric),
    )


def above_sea_m(altitude: Altitude, latitude_deg: float, longitude_deg: float) -> tuple[float, float]:
    """Return the lowest and the highest that an altitude may be above mean sea level at a place, in metres."""
    here = heights_array(altitude.reading_m, altitude.reference, latitude_deg, longitude_deg)
    sea = heights_array(0.0, MeanSeaLevel(), latitude_deg, longitude_deg)
    height_m = float(here.ellipsoid_m - sea.ellipsoid_m)
    error_m = 0.0 if isinstance(altitude.reference, MeanSeaLevel) else float(here.ellipsoid_error_m)
    return height_m - error_m, height_m + error_m


def _end(reading_m: float, reference: AltitudeReference, *, metric: bool) -> Altitude:
    if metric:
        return Altitude(reading_m, AltitudeUnit.METRE, reference)
    return Altitude(reading_m / FOOT_M, AltitudeUnit.FOOT, reference)


def _together(lower: VerticalLimit, upper: VerticalLimit) -> tuple[VerticalLimit, VerticalLimit]:
    """Both on the reference of the upper limit, heights above ground first made heights above mean sea level."""
    low, high = _off_the_ground(lower, -1.0), _off_the_ground(upper, 1.0)
    if low.reference == high.reference:
        return low, high
    if isinstance(high.reference, StandardPressure):
        reading_m = _pressure_reading_m(low.altitude().reading_m)
    else:
        reading_m = _height_m(low.altitude().reading_m, widened=-1.0)
    feet = math.floor(reading_m / FOOT_M)
    return VerticalLimit(feet, AltitudeUnit.FOOT, high.reference), high


def _off_the_ground(limit: VerticalLimit, outwards: float) -> VerticalLimit:
    """A height above ground as one above mean sea level, as much further out as the ground may be wrong."""
    if not isinstance(limit.reference, Ground):
        return limit
    ground = limit.reference
    height_m = limit.altitude().reading_m + ground.elevation_m + outwards * ground.elevation_error_m
    return above_sea(height_m, AltitudeUnit.METRE)


def _height_m(reading_m: float, *, widened: float) -> float:
    """The height above mean sea level of a reading on standard pressure, off by as many bounds of its error."""
    above = heights_array(reading_m, StandardPressure(), *_NEAR)
    sea = heights_array(0.0, MeanSeaLevel(), *_NEAR)
    return float(above.ellipsoid_m - sea.ellipsoid_m + widened * above.ellipsoid_error_m)


def _pressure_reading_m(height_m: float) -> float:
    """The lowest reading on standard pressure that an altimeter may show at a height above mean sea level."""
    low, high = -5_000.0, 60_000.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _height_m(middle, widened=1.0) < height_m else (low, middle)
    return low
