"""Convert altitudes between references, each conversion with the bound of its error (R27).

References form two families. Within a family conversion needs no weather: pressure (standard, QNH, QFE) by the
altimeter's own formula, geometric (ellipsoid, mean sea level, ground) by the geoid. From pressure to the ellipsoid the
weather is unknown, and the stated bounds of it widen the result.

Two altitudes on the same reference are compared as read; of one family, on `family_m` widened by both
`family_error_m`; otherwise on `ellipsoid_m` widened by both `ellipsoid_error_m`.

What the bounds of weather assume, and so what they do not cover: sea-level pressure within `UNKNOWN_QNH_HPA` of
standard where no QNH is given; a given QNH or QFE that is the true one of that place and time, rounded down; air
temperature at every level within `ISA_DEVIATION_C` of the standard atmosphere; an altimeter without error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from detente.airspace.altitude import AltitudeReference, Ellipsoid, Ground, MeanSeaLevel, Qfe, Qnh, StandardPressure
from detente.airspace.arrays import Floats
from detente.airspace.geoid import GEOID_ERROR_M, geoid_height_m

# The standard atmosphere (ICAO Doc 7488, ISO 2533).
STANDARD_PRESSURE_HPA = 1013.25
SEA_LEVEL_K = 288.15
LAPSE_K_PER_M = 0.0065
TROPOPAUSE_M = 11_000.0
TROPOPAUSE_K = SEA_LEVEL_K - LAPSE_K_PER_M * TROPOPAUSE_M
GAS_OVER_GRAVITY_M_PER_K = 287.05287 / 9.80665
EXPONENT = LAPSE_K_PER_M * GAS_OVER_GRAVITY_M_PER_K
GEOPOTENTIAL_RADIUS_M = 6_356_766.0

SETTING_ERROR_HPA = 0.5
"""A setting is given in whole hectopascals, so it is up to this far from the one in the altimeter."""

ANNOUNCED_ERROR_HPA = 1.0
"""A QNH or QFE is announced rounded down to a whole hectopascal (ICAO Annex 3, 4.7), so the true one is up to this much
higher."""

UNKNOWN_QNH_HPA = 50.0
"""How far sea-level pressure may be from standard where no QNH is given: 963.25 to 1063.25 hPa."""

ISA_DEVIATION_C = 20.0
"""How far the air may be from the standard atmosphere's temperature, at every level."""

TEMPERATURE_SHARE_PER_C = 0.004
"""ICAO Doc 8168: true height changes 4 % for every 10 degrees Celsius off the standard atmosphere."""

GRAVITY_SHARE = 0.0028
"""Gravity at the poles and at the equator is within this share of the standard 9.80665 m/s2 (9.8322 and 9.7803)."""


class FrameHeights(NamedTuple):
    """Readings in the three frames in which altitudes are compared, in metres: arrays of one shape.

    Attributes:
        native_m: the reading, on its own reference.
        family_m: the height in its family's frame: standard-pressure altitude, or height above the WGS 84 ellipsoid.
        family_error_m: bound of the error of `family_m`; 0 when nothing was converted.
        ellipsoid_m: height above the WGS 84 ellipsoid.
        ellipsoid_error_m: bound of the error of `ellipsoid_m`; 0 when nothing was converted.
    """

    native_m: Floats
    family_m: Floats
    family_error_m: Floats
    ellipsoid_m: Floats
    ellipsoid_error_m: Floats


def is_pressure(reference: AltitudeReference) -> bool:
    """Whether the reference belongs to the pressure family (standard, QNH, QFE) rather than the geometric one."""
    return isinstance(reference, StandardPressure | Qnh | Qfe)


def pressure_altitude_m(pressure_hpa: float) -> float:
    """Height in the standard atmosphere of a pressure from 227 to 1100 hPa, as every altimeter has it built in."""
    return float(SEA_LEVEL_K / LAPSE_K_PER_M * (1.0 - (pressure_hpa / STANDARD_PRESSURE_HPA) ** EXPONENT))


def heights_array(
    readings_m: ArrayLike, reference: AltitudeReference, latitudes_deg: ArrayLike, longitudes_deg: ArrayLike
) -> FrameHeights:
    """Convert many readings on one reference.

    Args:
        readings_m: readings in metres on `reference`, any shape.
        reference: the reference of all of them.
        latitudes_deg: where each was or will be read, the same shape.
        longitudes_deg: likewise.

    Returns:
        Them in all frames, each an array of that shape.
    """
    reading = np.asarray(readings_m, dtype=np.float64)
    if isinstance(reference, Ellipsoid):
        none = np.zeros_like(reading)
        return FrameHeights(reading, reading, none, reading, none)
    geoid = geoid_height_m(latitudes_deg, longitudes_deg)
    if isinstance(reference, MeanSeaLevel):
        error = np.full_like(reading, GEOID_ERROR_M)
        above = reading + geoid
        return FrameHeights(reading, above, error, above, error)
    if isinstance(reference, Ground):
        error = np.full_like(reading, GEOID_ERROR_M + reference.elevation_error_m)
        above = reading + reference.elevation_m + geoid
        return FrameHeights(reading, above, error, above, error)
    return _pressure_heights(reading, reference, geoid)


def _pressure_heights(reading: Floats, reference: StandardPressure | Qnh | Qfe, geoid: Floats) -> FrameHeights:
    """Standard-pressure altitude by the altimeter's formula; height above the ellipsoid by the bounds of weather."""
    if isinstance(reference, StandardPressure):
        setting_hpa, datum_m, family_error = STANDARD_PRESSURE_HPA, 0.0, 0.0
        lowest_hpa, highest_hpa = setting_hpa - UNKNOWN_QNH_HPA, setting_hpa + UNKNOWN_QNH_HPA
    else:
        setting_hpa = reference.pressure_hpa
        datum_m = reference.field_elevation_m if isinstance(reference, Qfe) else 0.0
        family_error = _layer_m(setting_hpa - SETTING_ERROR_HPA, setting_hpa)
        lowest_hpa = setting_hpa - SETTING_ERROR_HPA
        highest_hpa = setting_hpa + ANNOUNCED_ERROR_HPA
    standard = reading + pressure_altitude_m(setting_hpa)
    setting_error = max(_layer_m(lowest_hpa, setting_hpa), _layer_m(setting_hpa, highest_hpa))
    # Only the air between the level where the setting is true and the aircraft can be warmer or colder than standard.
    log_pressure = _log_pressure_ratio(standard)
    layer = np.maximum(
        np.abs(np.log(lowest_hpa / STANDARD_PRESSURE_HPA) - log_pressure),
        np.abs(np.log(highest_hpa / STANDARD_PRESSURE_HPA) - log_pressure),
    )
    reach = np.abs(reading) + setting_error
    temperature_error = np.maximum(
        ISA_DEVIATION_C * GAS_OVER_GRAVITY_M_PER_K * layer, ISA_DEVIATION_C * TEMPERATURE_SHARE_PER_C * reach
    )
    potential = reading + datum_m
    highest = np.abs(potential) + setting_error + temperature_error
    # Heights of the standard atmosphere are geopotential: they assume the same gravity everywhere.
    geometric = potential * GEOPOTENTIAL_RADIUS_M / (GEOPOTENTIAL_RADIUS_M - potential)
    gravity_error = GRAVITY_SHARE * highest
    curvature_error = 2.0 * (highest / GEOPOTENTIAL_RADIUS_M) * (setting_error + temperature_error + gravity_error)
    ellipsoid_error = setting_error + temperature_error + gravity_error + curvature_error + GEOID_ERROR_M
    return FrameHeights(reading, standard, np.full_like(reading, family_error), geometric + geoid, ellipsoid_error)


def _layer_m(lower_hpa: float, upper_hpa: float) -> float:
    """Thickness in the standard atmosphere between two pressures, the second not lower than the first."""
    return pressure_altitude_m(lower_hpa) - pressure_altitude_m(upper_hpa)


def _log_pressure_ratio(standard_m: Floats) -> Floats:
    """Natural logarithm of the pressure at a standard-pressure altitude over 1013.25 hPa.

    Above 20 km the standard atmosphere warms and this does not, which overstates the air below: safe for a bound.
    """
    within = np.minimum(standard_m, TROPOPAUSE_M)
    above = np.maximum(standard_m - TROPOPAUSE_M, 0.0)
    troposphere = np.log1p(-within * LAPSE_K_PER_M / SEA_LEVEL_K) / EXPONENT
    return np.asarray(troposphere - above / (TROPOPAUSE_K * GAS_OVER_GRAVITY_M_PER_K))
