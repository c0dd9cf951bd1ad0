"""Limits on two references become one band that holds whatever the weather is."""

from datetime import UTC, datetime

import pytest

from detente.airspace.altimetry import heights_array
from detente.airspace.altitude import AltitudeUnit, Ellipsoid, Ground, MeanSeaLevel, StandardPressure
from detente.airspace.plan import Circle, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.plausibility import check_volume
from detente.feeds.vertical_limits import (
    SURFACE,
    UNLIMITED,
    GroundElevation,
    VerticalLimit,
    above_ground,
    above_sea,
    band_between,
    flight_level,
)

FOOT, METRE = AltitudeUnit.FOOT, AltitudeUnit.METRE
HILL = GroundElevation(600.0, 50.0)


def test_limits_on_one_reference_stay_as_they_were_written():
    band = band_between(above_sea(2500, FOOT), above_sea(1500, METRE), "")
    assert (band.lower.value, band.lower.unit, band.upper.value, band.upper.unit) == (2500, FOOT, 1500, METRE)
    band = band_between(flight_level(95), flight_level(660), "")
    assert (band.lower.value, band.upper.value) == (95, 660)


@pytest.mark.parametrize("upper", [flight_level(100), above_sea(3000, METRE), above_ground(300, METRE, HILL, "", "")])
def test_the_surface_is_on_the_reference_of_the_other_limit(upper):
    band = band_between(SURFACE, upper, "")
    assert band.lower.reference == band.upper.reference == upper.reference
    assert band.lower.reading_m <= 0.0


def test_above_flight_level_660_without_limit_is_no_mistake_of_feet():
    band = band_between(flight_level(660), UNLIMITED, "")
    noon = datetime(2025, 6, 1, 12, tzinfo=UTC)
    check_volume(Volume4D(Circle(Position(46.5, 7.5), 1000.0), band, TimeWindow(noon, noon)))
    assert band.upper.reading_m == pytest.approx(30_000.0)


def truly_m(altitude):
    """Between which heights above mean sea level a reading is, after `altimetry`."""
    heights = heights_array(altitude.reading_m, altitude.reference, 46.5, 7.5)
    sea = heights_array(0.0, MeanSeaLevel(), 46.5, 7.5)
    above = heights.ellipsoid_m - sea.ellipsoid_m
    return above - heights.ellipsoid_error_m, above + heights.ellipsoid_error_m


def test_from_above_ground_to_a_flight_level_begins_below_what_any_altimeter_may_show():
    band = band_between(above_ground(1000, FOOT, HILL, "", ""), flight_level(195), "")
    assert band.upper.value == 195
    assert isinstance(band.lower.reference, StandardPressure)
    floor_m = 600.0 - 50.0 + 304.8
    # With the sea-level pressure 50 hPa higher than standard, the altimeter reads about 400 m too low.
    assert floor_m - 600.0 < band.lower.reading_m < floor_m - 350.0
    assert truly_m(band.lower)[1] <= floor_m + 1.0


def test_from_a_flight_level_to_a_height_begins_at_the_lowest_the_level_may_be():
    band = band_between(flight_level(65), above_sea(10_000, FOOT), "")
    assert band.lower.reference == MeanSeaLevel()
    lowest_m = truly_m(flight_level(65).altitude())[0]
    assert lowest_m - 1.0 <= band.lower.reading_m <= lowest_m + 0.1
    assert band.upper.value == 10_000


def test_heights_above_ground_and_above_the_sea_meet_above_the_sea():
    band = band_between(above_ground(100, METRE, HILL, "", ""), above_sea(2000, METRE), "")
    assert (band.lower.reading_m, band.upper.reading_m) == (pytest.approx(650.0, abs=0.31), 2000.0)
    band = band_between(above_sea(500, METRE), above_ground(100, METRE, HILL, "", ""), "")
    assert (band.lower.reading_m, band.upper.reading_m) == (pytest.approx(500.0, abs=0.31), 750.0)


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (UNLIMITED, UNLIMITED, "an upper limit above the lower one"),
        (SURFACE, SURFACE, "an upper limit above the lower one"),
        (above_sea(100, METRE), SURFACE, "an upper limit above the lower one"),
        (above_sea(100, METRE), VerticalLimit(200, METRE, Ellipsoid()), "both limits on one reference"),
        (above_sea(300, METRE), above_sea(200, METRE), "an upper limit that is not below the lower"),
        (flight_level(300), above_sea(2000, METRE), "an upper limit that is not below the lower"),
    ],
)
def test_limits_that_are_no_band_are_refused(lower, upper, expected):
    with pytest.raises(Refusal, match=expected):
        band_between(lower, upper, "G")


def test_heights_above_a_ground_that_nobody_knows_are_refused():
    with pytest.raises(Refusal, match=r"AL: '500ft AGL'; expected the elevation of the ground"):
        above_ground(500, FOOT, None, "AL", "500ft AGL")
    assert above_ground(0, FOOT, None, "AL", "") == SURFACE
    assert band_between(SURFACE, above_ground(1, FOOT, HILL, "", ""), "").upper.reference == Ground(600.0, 50.0)
