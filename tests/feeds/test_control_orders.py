"""Airspace control orders: right shapes, levels and times, and whatever is not read refused by its name."""

from datetime import UTC, datetime

import numpy as np
import pytest
from airspace_samples import CONTROL_ORDER
from pyproj import Geod, Proj
from shapely.geometry import LineString, Point
from shapely.geometry import Polygon as Flat
from shapely.ops import unary_union

from detente.airspace.altitude import StandardPressure
from detente.airspace.compiled import Vocabulary, compile_plans
from detente.airspace.plan import Circle, TimeWindow
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import DropReason
from detente.feeds.kml import KmlOptions
from detente.feeds.load import LoadOptions, load_plans

GEOD = Geod(ellps="WGS84")
NO_YEAR = CONTROL_ORDER.replace("JUN2025", "JUN")
JUNE = LoadOptions(window=TimeWindow(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 6, 4, tzinfo=UTC)))


@pytest.fixture
def load(tmp_path):
    """Read an order; the volumes of each measure, and what was left out by its reason."""

    def read(content, options=None):
        path = tmp_path / "order.txt"
        path.write_text(content)
        found = load_plans(path, options)
        compile_plans(found.plans, Vocabulary())
        return {plan.plan_id: plan.intent for plan in found.plans}, {one.reason: one.count for one in found.dropped}

    return read


@pytest.fixture
def refused(load):
    """The line with which an order is refused."""

    def read(content, options=None):
        with pytest.raises(Refusal) as caught:
            load(content, options)
        return str(caught.value)

    return read


def hours(volumes):
    return sorted({f"{v.time.start:%y%m%d %H%M}-{v.time.end:%y%m%d %H%M}" for v in volumes})


PLANE = Proj(proj="aeqd", lat_0=46.5, lon_0=7.5, ellps="WGS84")


def flat(area):
    """An area on a plane about the sample, near enough for a few metres."""
    if isinstance(area, Circle):
        return Point(PLANE(area.centre.longitude_deg, area.centre.latitude_deg)).buffer(area.radius_m, 64)
    return Flat([PLANE(p.longitude_deg, p.latitude_deg) for p in area.vertices])


def test_a_polygon_has_its_corners_once_and_sixty_seconds_are_a_minute(load):
    (lake,) = load(CONTROL_ORDER)[0]["LAKE-ONE"]
    corners = [(round(p.latitude_deg, 6), round(p.longitude_deg, 6)) for p in lake.area.vertices]
    assert corners == [(46.5, 7.5), (46.516667, 7.666667), (46.666667, 7.666667)]
    assert hours([lake]) == ["250601 0600-250601 1800"]
    # 2,500 ft above the sea, on an altimeter set to standard on the day of the highest pressure.
    assert isinstance(lake.altitude.lower.reference, StandardPressure)
    assert 850 < lake.altitude.lower.value < 1200
    assert lake.altitude.upper.value == 95


def test_a_disc_holds_again_on_each_day_until_the_order_ends(load):
    disc = load(CONTROL_ORDER)[0]["DISC"]
    centre, radius_m = disc[0].area.centre, disc[0].area.radius_m
    assert (round(centre.latitude_deg, 9), round(centre.longitude_deg, 9), radius_m) == (46.833333333, 7.0, 18520.0)
    assert hours(disc) == ["250601 0600-250601 0800", "250602 0600-250602 0800"]
    assert (disc[0].altitude.lower.value, disc[0].altitude.upper.value) == (100, 200)
    weekend = CONTROL_ORDER.replace("/DAILY/UFN", "/WEEKENDS/9 DAYS").replace("022359ZJUN2025", "302359ZJUN2025")
    # 1, 7 and 8 June 2025 are a Sunday, a Saturday and a Sunday.
    assert [text[:6] for text in hours(load(weekend)[0]["DISC"])] == ["250601", "250607", "250608"]


def test_a_corridor_may_go_by_the_names_of_its_control_points(load):
    lane = load(CONTROL_ORDER)[0]["LANE"]
    assert hours(lane) == ["250601 0000-250602 2359"]
    line = LineString([PLANE(7.0, 46.0), PLANE(8.0, 46.0), PLANE(8.0, 46.5)])
    whole = unary_union([flat(volume.area) for volume in lane])
    wanted = line.buffer(2 * 1852.0, cap_style="flat")
    assert whole.symmetric_difference(wanted).area < 0.01 * wanted.area


def test_an_orbit_to_the_left_lies_left_of_its_line(load):
    race = load(CONTROL_ORDER)[0]["RACE"]
    whole = unary_union([flat(volume.area) for volume in race])
    middle = PLANE(7.5, 46.0)
    north, south = whole.bounds[3] - middle[1], whole.bounds[1] - middle[1]
    assert north == pytest.approx(20 * 1852.0, rel=0.02)
    assert abs(south) < 0.03 * north
    ends = whole.bounds[2] - whole.bounds[0]
    length_m = GEOD.inv(7.0, 46.0, 8.0, 46.0)[2]
    assert ends == pytest.approx(length_m + 20 * 1852.0, rel=0.01)


def test_a_fan_lies_between_its_bearings_and_radii(load):
    (fan,) = load(CONTROL_ORDER)[0]["FAN"]
    area = flat(fan.area)
    for bearing, distance_nm, inside in ((0, 10, True), (301, 19, True), (59, 6, True), (0, 4, False), (90, 10, False),
                                         (298, 10, False), (0, 21, False)):  # fmt: skip
        longitude, latitude, _ = GEOD.fwd(7.0, 47.0, bearing, distance_nm * 1852.0)
        assert area.covers(Point(PLANE(longitude, latitude))) is inside, (bearing, distance_nm)


def test_a_polygon_with_an_arc_has_both(load):
    (horn,) = load(CONTROL_ORDER)[0]["HORN"]
    distances = np.array([GEOD.inv(9.0, 47.0, p.longitude_deg, p.latitude_deg)[2] for p in horn.area.vertices])
    assert distances.max() == pytest.approx(GEOD.inv(9.0, 47.0, 9.0, 46.5)[2], abs=1.0)
    bearings = {round(GEOD.inv(9.0, 47.0, p.longitude_deg, p.latitude_deg)[0]) % 360 for p in horn.area.vertices}
    assert {330, 160, 180} <= bearings
    assert 90 in {one // 10 * 10 for one in bearings}
    assert 250 not in {one // 10 * 10 for one in bearings}


def test_points_and_deleted_measures_are_counted(load):
    plans, dropped = load(CONTROL_ORDER)
    assert list(plans) == ["LAKE-ONE", "DISC", "LANE", "RACE", "FAN", "HORN"]
    assert dropped == {DropReason.NO_AREA: 1, DropReason.DELETED: 1}


def test_an_order_without_year_is_of_the_year_that_is_asked_about(load, refused):
    assert "--window" in refused(NO_YEAR)
    assert load(NO_YEAR, JUNE)[0] == load(CONTROL_ORDER, JUNE)[0]
    turn = NO_YEAR.replace("010000ZJUN/022359ZJUN", "310000ZDEC/012359ZJAN")
    turn = turn.replace("010600ZJUN/011800ZJUN", "312200ZDEC/010200ZJAN").replace(
        "010600ZJUN/010800ZJUN", "312300ZDEC/010100ZJAN"
    )
    winter = LoadOptions(window=TimeWindow(datetime(2025, 12, 30, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)))
    plans, _ = load(turn, winter)
    assert hours(plans["LAKE-ONE"]) == ["251231 2200-260101 0200"]
    assert hours(plans["LANE"]) == ["251231 0000-260101 2359"]


def test_a_measure_until_further_notice_holds_to_the_end_of_the_order_or_of_what_is_asked_about(load, refused):
    further = CONTROL_ORDER.replace("010600ZJUN/011800ZJUN", "010600ZJUN/UFN")
    assert hours(load(further)[0]["LAKE-ONE"]) == ["250601 0600-250602 2359"]
    endless = further.replace("022359ZJUN2025", "UFN")
    assert "--window" in refused(endless)
    assert hours(load(endless, JUNE)[0]["LAKE-ONE"]) == ["250601 0600-250604 0000"]


def test_heights_above_ground_need_the_ground(load, refused):
    low = CONTROL_ORDER.replace("BRFL:MSL-FL050", "BRRA:GL-005AGL")
    assert "EFFLEVEL: '005AGL'" in refused(low)
    hill = LoadOptions(kml=KmlOptions(ground_elevation_m=600.0))
    (fan,) = load(low, hill)[0]["FAN"]
    assert (fan.altitude.lower.reading_m, fan.altitude.upper.reading_m) == (0.0, pytest.approx(152.4))


WRONG = {
    "a set that is none": ("NARR/FREE", "ASHAPE/FREE", ["'LAKE ONE': set 11: ASHAPE"]),
    "a line": ("CIRCLE/LATS:465000N0070000E/10NM", "GEOLINE/4600N00700E/4600N00800E", ["width"]),
    "another datum": ("GEODATUM/WGE", "GEODATUM/EUR-M", ["set 4: GEODATUM", "'EUR-M'", "WGS 84"]),
    "a local time of a period": ("010600ZJUN/011800ZJUN", "010600BJUN/011800BJUN", ["APERIOD: start: '010600BJUN'"]),
    "a 31st of June": ("010600ZJUN/011800ZJUN", "310600ZJUN/011800ZJUL", ["start: '310600ZJUN'"]),
    "a frequency in words": ("/DAILY/", "/AS REQUIRED/", ["frequency: 'AS REQUIRED'"]),
    "a mode that is none": ("APERIOD/DISCRETE", "APERIOD/SOMETIME", ["APERIOD: 'SOMETIME"]),
    "a radius without unit": ("/10NM//", "/10//", ["CIRCLE: distance"]),
    "a position that was cut": ("LATM:4640N00740E", "LATM:4640N0740E", ["POLYGON: field 3", "LATM:4640N0740E"]),
    "sixty-one seconds": ("463060N", "463061N", ["'46:30:61'", "seconds up to 60"]),
    "a point that nobody named": ("CORRIDOR/4NM/ALPHA", "CORRIDOR/4NM/BRAVO", ["CORRIDOR: field 1: 'BRAVO'"]),
    "a level in metres": ("FLFL:FL210-FL250", "RARA:1000M-2000M", ["EFFLEVEL: '1000M'", "hundreds of feet"]),
    "four digits": ("RAFL:025AMSL-FL095", "RAFL:2500AMSL-FL095", ["EFFLEVEL: '2500AMSL'"]),
    "no level": ("EFFLEVEL/RAFL:025AMSL-FL095//\n", "", ["'LAKE ONE': EFFLEVEL: None"]),
    "two levels": ("EFFLEVEL/RAFL:025AMSL-FL095//\n", "EFFLEVEL/FLFL:FL010-FL020//\n" * 2, ["EFFLEVEL: 2", "once"]),
    "no shape": ("CIRCLE/LATS:465000N0070000E/10NM//\n", "", ["'DISC': None", "one shape"]),
    "two shapes": ("EFFLEVEL/FLFL:FL100-FL200//\n", "APOINT/4600N00700E//\nEFFLEVEL/FLFL:FL100-FL200//\n",
                   ["'CIRCLE, APOINT'"]),
    "a magnetic bearing": ("/300T/", "/300M/", ["RADARC: ", "distances"]),
    "radii the wrong way round": ("/5NM/20NM", "/20NM/5NM", ["RADARC"]),
    "a side that is none": ("/20NM/L", "/20NM/X", ["alignment: 'X'"]),
    "a status that is none": ("ACSTAT/DELETE", "ACSTAT/RENEW", ["ACSTAT: 'RENEW'"]),
    "words without an end before a measure": ("FREE TEXT ABOUT IT//", "FREE TEXT ABOUT IT", ["11: 'ACMID/", "//"]),
    "words without an end before a shape": (
        "EFFLEVEL/FLFL:FL100-FL200//", "AMPN/HIGH\nEFFLEVEL/FLFL:FL100-FL200//", ["'EFFLEVEL/", "end of the set"],
    ),
    "words between sets": ("NARR/FREE TEXT ABOUT IT//", "NARR/FREE TEXT ABOUT IT// AND MORE ", ["set 12", "AND MORE"]),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_or_not_read_is_named(refused, what):
    old, new, expected = WRONG[what]
    assert old in CONTROL_ORDER
    line = refused(CONTROL_ORDER.replace(old, new, 1))
    for fragment in expected:
        assert fragment in line, line


def test_an_order_that_was_cut_is_refused(refused):
    cut = CONTROL_ORDER.rstrip()[:-2]
    assert "with // at its end" in refused(cut)


def test_positions_are_wgs84_and_south_and_west_are_negative(load):
    south = CONTROL_ORDER.replace("CIRCLE/LATS:465000N0070000E", "CIRCLE/LATS:465000S0070000W")
    centre = load(south)[0]["DISC"][0].area.centre
    assert (centre.latitude_deg, centre.longitude_deg) == pytest.approx((-46.8333333333, -7.0))
