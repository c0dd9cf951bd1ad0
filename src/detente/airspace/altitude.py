"""Altitudes that say their unit and their reference (R27).

A number alone is never an altitude: 300 m is 984 ft, and QFE and QNH at Damascus read 2,021 ft apart.
Conversion between references is in `altimetry.py`.
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from detente.airspace.refusal import Refusal

FOOT_M = 0.3048


class AltitudeUnit(StrEnum):
    """Metre, foot, or flight level (hundreds of feet on standard pressure)."""

    METRE = "m"
    FOOT = "ft"
    FLIGHT_LEVEL = "FL"


class Ellipsoid(msgspec.Struct, frozen=True, gc=False, tag_field="kind", tag="ellipsoid", forbid_unknown_fields=True):
    """Height above the WGS 84 ellipsoid, as GNSS gives it (W84 of ASTM F3548-21)."""


class MeanSeaLevel(
    msgspec.Struct, frozen=True, gc=False, tag_field="kind", tag="mean_sea_level", forbid_unknown_fields=True
):
    """Height above mean sea level (the EGM96 geoid)."""


class Ground(msgspec.Struct, frozen=True, gc=False, tag_field="kind", tag="ground", forbid_unknown_fields=True):
    """Height above ground whose elevation above mean sea level is given, with how far it may be wrong."""

    elevation_m: float
    elevation_error_m: float = 10.0

    def __post_init__(self) -> None:
        check_range("elevation_m", self.elevation_m, -500.0, 9000.0, "metres above mean sea level")
        check_range("elevation_error_m", self.elevation_error_m, 0.0, 1000.0, "metres")


class StandardPressure(
    msgspec.Struct, frozen=True, gc=False, tag_field="kind", tag="standard", forbid_unknown_fields=True
):
    """Pressure altitude: the altimeter set to 1013.25 hPa."""


class Qnh(msgspec.Struct, frozen=True, gc=False, tag_field="kind", tag="qnh", forbid_unknown_fields=True):
    """Altimeter set to this QNH, so that it reads the field's elevation on the field."""

    pressure_hpa: float

    def __post_init__(self) -> None:
        check_range("pressure_hpa", self.pressure_hpa, 870.0, 1090.0, "hectopascal", "airspace.pressure")


class Qfe(msgspec.Struct, frozen=True, gc=False, tag_field="kind", tag="qfe", forbid_unknown_fields=True):
    """Altimeter set to this QFE, so that it reads zero on the field, whose elevation is given."""

    pressure_hpa: float
    field_elevation_m: float

    def __post_init__(self) -> None:
        check_range("pressure_hpa", self.pressure_hpa, 400.0, 1090.0, "hectopascal", "airspace.pressure")
        check_range("field_elevation_m", self.field_elevation_m, -500.0, 6000.0, "metres above mean sea level")


AltitudeReference = Ellipsoid | MeanSeaLevel | Ground | StandardPressure | Qnh | Qfe


class Altitude(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A reading, its unit and its reference; none of the three has a default."""

    value: float
    unit: AltitudeUnit
    reference: AltitudeReference

    def __post_init__(self) -> None:
        if self.unit is AltitudeUnit.FLIGHT_LEVEL and not isinstance(self.reference, StandardPressure):
            raise Refusal("airspace.metres_or_feet", "unit", "FL")
        if not math.isfinite(self.value) or not -2_000.0 <= self.reading_m <= 100_000.0:
            raise Refusal("airspace.altitude_in_range", "value", self.value)

    @property
    def reading_m(self) -> float:
        """The reading in metres, still on its own reference."""
        return self.value * UNIT_M[self.unit]


class AltitudeBand(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The closed band between two altitudes; both are on the same reference."""

    lower: Altitude
    upper: Altitude

    def __post_init__(self) -> None:
        if self.lower.reference != self.upper.reference:
            raise Refusal(
                "airspace.reference_lower_limit", "upper.reference", self.upper.reference,
                reference=str(self.lower.reference),
            )  # fmt: skip
        if self.lower.reading_m > self.upper.reading_m:
            raise Refusal("airspace.upper_limit_not_below", "upper", self.upper.value)


UNIT_M = {AltitudeUnit.METRE: 1.0, AltitudeUnit.FOOT: FOOT_M, AltitudeUnit.FLIGHT_LEVEL: 100.0 * FOOT_M}


def check_range(
    field: str, value: float, lowest: float, highest: float, unit: str, code: str = "airspace.in_range"
) -> None:
    """Raise Refusal of `code` unless `value` is finite and within [lowest, highest] `unit`."""
    if not (math.isfinite(value) and lowest <= value <= highest):
        raise Refusal(code, field, value, lowest=lowest, highest=highest, unit=unit)
