"""Conversion of altitudes: published values, round trips, and bounds that hold in simulated weather."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from detente.airspace.altimetry import (
    ISA_DEVIATION_C,
    UNKNOWN_QNH_HPA,
    heights_array,
    is_pressure,
    pressure_altitude_m,
)
from detente.airspace.altitude import (
    FOOT_M,
    Altitude,
    AltitudeUnit,
    Ellipsoid,
    Ground,
    MeanSeaLevel,
    Qfe,
    Qnh,
    StandardPressure,
)
from detente.airspace.geoid import GEOID_ERROR_M, GEOID_SLOPE, geoid_height_m
from detente.airspace.position import Position


def heights(altitude, place):
    return heights_array(altitude.reading_m, altitude.reference, place.latitude_deg, place.longitude_deg)


GEOD = Geod(ellps="WGS84")
DAMASCUS = Position(33.4115, 36.5156)
LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)
REFERENCES = st.one_of(
    st.just(Ellipsoid()),
    st.just(MeanSeaLevel()),
    st.just(StandardPressure()),
    st.builds(Ground, st.floats(-400, 8800), st.floats(0, 100)),
    st.builds(Qnh, st.floats(870, 1090)),
    st.builds(Qfe, st.floats(500, 1090), st.floats(-400, 5000)),
)


def metres(value: float, reference) -> Altitude:
    return Altitude(value, AltitudeUnit.METRE, reference)


@pytest.mark.parametrize(("qnh_hpa", "difference_ft"), [(995, -502), (1003, -281), (1035, 589)])
def test_altimeter_on_qnh_against_standard(qnh_hpa, difference_ft):
    # The same air pressure: reading on QNH minus reading on 1013.25.
    found = heights(metres(0.0, Qnh(qnh_hpa)), DAMASCUS)
    assert round((found.native_m - found.family_m) / FOOT_M) == difference_ft


def test_qfe_and_qnh_at_damascus_differ_by_the_field_elevation():
    qnh_hpa = 1013.25
    qfe_hpa = 1013.25 * (1 - 0.0065 * 616 / 288.15) ** (1 / 0.190263)
    on_qfe = heights(metres(0.0, Qfe(qfe_hpa, 616)), DAMASCUS)
    on_qnh = heights(metres(616.0, Qnh(qnh_hpa)), DAMASCUS)
    assert on_qfe.family_m == pytest.approx(on_qnh.family_m, abs=0.1)
    assert on_qfe.ellipsoid_m == pytest.approx(on_qnh.ellipsoid_m, abs=0.1)
    assert round((on_qnh.native_m - on_qfe.native_m) / FOOT_M) == 2021


def test_flight_level_330_and_10100_metres_are_136_feet_apart():
    level = heights(Altitude(330, AltitudeUnit.FLIGHT_LEVEL, StandardPressure()), DAMASCUS)
    metric = heights(metres(10_100, StandardPressure()), DAMASCUS)
    assert (metric.family_m - level.family_m) / FOOT_M == pytest.approx(136, abs=1)


@pytest.mark.parametrize(
    ("pressure_hpa", "altitude_m"),
    [(1013.25, 0.0), (898.746, 1000.0), (540.199, 5000.0), (226.321, 11_000.0)],  # tables of ICAO Doc 7488
)
def test_standard_atmosphere_tables(pressure_hpa, altitude_m):
    assert pressure_altitude_m(pressure_hpa) == pytest.approx(altitude_m, abs=0.1)


@pytest.mark.parametrize(
    ("latitude_deg", "longitude_deg", "height_m"),
    # The values NGA publishes to check an implementation of EGM96, and both poles.
    [
        (38.6281550, -90.2208450, -31.628),
        (-14.6212170, -54.9788860, -2.969),
        (46.8743190, 102.4487290, -43.575),
        (-23.6174460, 133.8747120, 15.871),
        (38.6254730, -0.0005000, 50.066),
        (-0.4667440, 0.0023000, 17.329),
        (90.0, 12.0, 13.606),
        (-90.0, -170.0, -29.534),
    ],
)
def test_geoid_known_values(latitude_deg, longitude_deg, height_m):
    assert abs(float(geoid_height_m(latitude_deg, longitude_deg)) - height_m) < GEOID_ERROR_M


def test_geoid_is_the_same_on_both_sides_of_the_antimeridian():
    latitudes = np.linspace(-90, 90, 721)
    east = geoid_height_m(latitudes, np.full(721, 180.0))
    assert np.array_equal(east, geoid_height_m(latitudes, np.full(721, -180.0)))
    assert np.abs(east - geoid_height_m(latitudes, np.full(721, 179.999))).max() < 0.1


def test_the_geoid_is_nowhere_steeper_than_stated():
    # Inside a cell the interpolation is as steep as some mean of its edges, and rows meet at the poles.
    latitudes = np.linspace(-90, 90, 361)
    node_m = geoid_height_m(*np.meshgrid(latitudes, np.linspace(-180, 180, 721), indexing="ij"))
    across_m = GEOD.inv(np.zeros(359), latitudes[1:-1], np.full(359, 0.5), latitudes[1:-1])[2]
    up_m = GEOD.inv(np.zeros(360), latitudes[:-1], np.zeros(360), latitudes[1:])[2]
    eastward = np.abs(np.diff(node_m[1:-1], axis=1)) / np.asarray(across_m)[:, None]
    eastward = np.concatenate([eastward[:1], eastward, eastward[-1:]])
    northward = np.abs(np.diff(node_m, axis=0)) / np.asarray(up_m)[:, None]
    steepest = np.hypot(np.maximum(eastward[:-1], eastward[1:]), np.maximum(northward[:, :-1], northward[:, 1:])).max()
    assert 0.95 * GEOID_SLOPE < steepest < GEOID_SLOPE


@given(st.floats(-500, 20_000), LATITUDES, LONGITUDES)
def test_nothing_is_widened_where_nothing_was_converted(value_m, latitude, longitude):
    place = Position(latitude, longitude)
    standard = heights(metres(value_m, StandardPressure()), place)
    assert (standard.family_m, standard.family_error_m) == (value_m, 0.0)
    ellipsoid = heights(metres(value_m, Ellipsoid()), place)
    assert ellipsoid == (value_m, value_m, 0.0, value_m, 0.0)


@given(st.floats(-500, 20_000), REFERENCES, LATITUDES, LONGITUDES)
def test_readings_round_trip_and_errors_are_finite(value_m, reference, latitude, longitude):
    found = heights(metres(value_m, reference), Position(latitude, longitude))
    if is_pressure(reference):
        setting = getattr(reference, "pressure_hpa", 1013.25)
        back_m = found.family_m - pressure_altitude_m(setting)
    else:
        geoid = 0.0 if isinstance(reference, Ellipsoid) else float(geoid_height_m(latitude, longitude))
        back_m = found.family_m - geoid - getattr(reference, "elevation_m", 0.0)
    assert back_m == pytest.approx(value_m, abs=1e-6)
    assert found.native_m == value_m
    assert 0.0 <= found.family_error_m <= found.ellipsoid_error_m < 5000.0


@given(st.floats(-500, 20_000), st.floats(0.01, 5000), REFERENCES, LATITUDES, LONGITUDES)
def test_a_higher_reading_is_higher_in_every_frame(value_m, more_m, reference, latitude, longitude):
    place = Position(latitude, longitude)
    lower, upper = heights(metres(value_m, reference), place), heights(metres(value_m + more_m, reference), place)
    assert upper.family_m > lower.family_m
    assert upper.ellipsoid_m > lower.ellipsoid_m


@given(st.lists(st.tuples(st.floats(-500, 20_000), LATITUDES, LONGITUDES), min_size=1, max_size=5), REFERENCES)
def test_arrays_agree_with_single_readings(rows, reference):
    values, latitudes, longitudes = np.array(rows).T
    columns = heights_array(values, reference, latitudes, longitudes)
    for number, (value, latitude, longitude) in enumerate(rows):
        single = heights(metres(value, reference), Position(latitude, longitude))
        assert [column[number] for column in columns] == pytest.approx([float(one) for one in single], abs=1e-9)


def climb(start_m, start_hpa, end_hpa, deviations_c, latitude):
    """Integrate the hydrostatic equation upward from a height and its pressure: geometric height of `end_hpa`.

    `deviations_c` are temperatures off standard, at equal steps of the logarithm of pressure. Gravity is that of the
    WGS 84 ellipsoid at the latitude, less with height.
    """
    steps = 2_000
    logs = np.linspace(np.log(start_hpa), np.log(end_hpa), steps + 1)
    middle = (logs[1:] + logs[:-1]) / 2
    standard_m = 288.15 / 0.0065 * (1 - (np.exp(middle) / 1013.25) ** 0.1902632)
    kelvin = np.where(standard_m < 11_000, 288.15 - 0.0065 * standard_m, 216.65)
    kelvin = kelvin + np.interp(np.linspace(0, 1, steps), np.linspace(0, 1, len(deviations_c)), deviations_c)
    sine_squared = np.sin(np.radians(latitude)) ** 2
    surface = 9.7803253359 * (1 + 0.00193185265241 * sine_squared) / np.sqrt(1 - 0.00669437999013 * sine_squared)
    height = start_m
    for step_kelvin, step in zip(kelvin, np.diff(logs), strict=True):
        gravity = surface * (6_371_000 / (6_371_000 + height)) ** 2
        height -= 287.05287 * step_kelvin / gravity * step
    return height


@given(
    st.sampled_from(["standard", "qnh", "qfe"]),
    st.floats(-1, 1),
    st.floats(60, 1000),
    st.lists(st.floats(-ISA_DEVIATION_C, ISA_DEVIATION_C), min_size=1, max_size=5),
    st.floats(0, 2500),
    st.floats(-1, 1),
    LATITUDES,
    LONGITUDES,
)
def test_true_height_is_within_the_error_in_any_weather_within_the_stated_bounds(
    kind, pressure_share, aircraft_hpa, deviations_c, field_m, geoid_share, latitude, longitude
):
    sea_level_hpa = 1013.25 + pressure_share * UNKNOWN_QNH_HPA
    if kind == "qfe":
        at_field_hpa = 1013.25 * (1 - 0.0065 * field_m / 288.15) ** 5.2558797 + pressure_share * 30.0
        aircraft_hpa = min(aircraft_hpa, at_field_hpa + 80.0)  # not deep under the field
        true_m = climb(field_m, at_field_hpa, aircraft_hpa, deviations_c, latitude)
        reference = Qfe(float(np.floor(at_field_hpa)), field_m)
        setting_hpa = reference.pressure_hpa
    else:
        true_m = climb(0.0, sea_level_hpa, aircraft_hpa, deviations_c, latitude)
        reference = StandardPressure() if kind == "standard" else Qnh(float(np.floor(sea_level_hpa)))
        setting_hpa = 1013.25 if kind == "standard" else reference.pressure_hpa
    # An altimeter: a pressure gauge with the standard atmosphere on its dial, up to the tropopause and above it.
    tropopause_hpa = 226.32
    if aircraft_hpa >= tropopause_hpa:
        dial_m = pressure_altitude_m(aircraft_hpa)
    else:
        dial_m = 11_000.0 + 287.05287 / 9.80665 * 216.65 * float(np.log(tropopause_hpa / aircraft_hpa))
    reading_m = dial_m - pressure_altitude_m(setting_hpa)
    found = heights(metres(reading_m, reference), Position(latitude, longitude))
    true_geoid_m = float(geoid_height_m(latitude, longitude)) + geoid_share * GEOID_ERROR_M
    assert abs(true_m + true_geoid_m - found.ellipsoid_m) <= found.ellipsoid_error_m + 0.5


def test_the_bound_is_not_much_wider_than_the_worst_weather():
    # FL330 in the hottest, highest-pressure air that is still within the stated bounds.
    true_m = climb(0.0, 1013.25 + UNKNOWN_QNH_HPA, 261.9, [ISA_DEVIATION_C], 0.0)
    found = heights(Altitude(330, AltitudeUnit.FLIGHT_LEVEL, StandardPressure()), Position(0.0, -150.0))
    above_geoid_m = found.ellipsoid_m - float(geoid_height_m(0.0, -150.0))
    assert 0.9 < (true_m - above_geoid_m) / found.ellipsoid_error_m < 1.0
