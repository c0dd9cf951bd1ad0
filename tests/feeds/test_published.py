"""What goes out comes back: as large as it was or larger, and for publication without a name or a purpose (R47)."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from detente.airspace.altitude import (
    Altitude,
    AltitudeBand,
    AltitudeUnit,
    Ellipsoid,
    Ground,
    MeanSeaLevel,
    Qnh,
    StandardPressure,
)
from detente.airspace.compiled import Vocabulary, compile_plans
from detente.airspace.plan import Circle, Containment, Plan, Polygon, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounter
from detente.airspace.separation import Minima
from detente.feeds.kml import KmlOptions
from detente.feeds.load import LoadOptions, load_plans
from detente.feeds.published import Published, all_volumes, ring_of, volumes_of
from detente.feeds.published_notam import published_notams
from detente.feeds.published_tables import csv_of_rows, csv_of_volumes, geojson_of_volumes, kml_of_volumes
from detente.feeds.published_zones import published_aixm, published_ed318

GEOD = Geod(ellps="WGS84")
HILL = LoadOptions(kml=KmlOptions(ground_elevation_m=100.0, ground_elevation_error_m=10.0))
NOON = datetime(2025, 6, 1, 12, 0, 30, tzinfo=UTC)
LEVELS = AltitudeBand(
    Altitude(95, AltitudeUnit.FLIGHT_LEVEL, StandardPressure()),
    Altitude(195, AltitudeUnit.FLIGHT_LEVEL, StandardPressure()),
)
SQUARE = Polygon((Position(46.0, 7.0), Position(46.0, 9.0), Position(47.0, 9.0), Position(47.0, 7.0)))
WINDOW = TimeWindow(NOON, NOON + timedelta(hours=2))
SECRET = Published(
    "north:relief-7", {"party": "north", "meaning": "keep_out"},
    (Volume4D(SQUARE, LEVELS, WINDOW), Volume4D(Circle(Position(-33.9, -70.2), 9_000.0), LEVELS, WINDOW)),
)  # fmt: skip


@pytest.fixture
def read(tmp_path):
    """Read what was written with our own readers, whatever the file is called."""

    def again(content):
        path = tmp_path / "out"
        path.write_bytes(content)
        plans = load_plans(path, HILL).plans
        compile_plans(plans, Vocabulary())
        return [volume for plan in plans for volume in plan.intent]

    return again


def bands(reference, unit=AltitudeUnit.METRE):
    return AltitudeBand(Altitude(1000, unit, reference), Altitude(2000, unit, reference))


@pytest.mark.parametrize("write", [published_notams, published_ed318, published_aixm])
def test_no_name_and_no_purpose_goes_out_for_publication(write):
    text = write(all_volumes([SECRET])).decode().lower()
    for word in ("north", "relief", "keep", "meaning", "party", "detente"):
        assert word not in text


def test_aixm_comes_back_as_it_was(read):
    assert sorted(read(published_aixm(all_volumes([SECRET]))), key=repr) == sorted(SECRET.volumes, key=repr)


def test_ed318_holds_what_went_out(read):
    square, circle = sorted(read(published_ed318(all_volumes([SECRET]))), key=lambda one: isinstance(one.area, Circle))
    assert circle.area == SECRET.volumes[1].area
    assert set(SQUARE.vertices) <= set(square.area.vertices)
    assert square.time == WINDOW
    # Flight levels go out as heights above the sea that hold them in any weather.
    assert square.altitude.lower.reference == MeanSeaLevel()
    assert square.altitude.lower.reading_m < 95 * 30.48 - 350.0
    assert square.altitude.upper.reading_m > 195 * 30.48 + 350.0


def test_notams_hold_what_went_out(read):
    text = published_notams(all_volumes([SECRET]), "lsas")
    assert text.decode().splitlines()[:3] == [
        "(X0001/25 NOTAMN",
        "Q) LSAS/QRTCA/IV/BO/W/095/195/3354S07012W005",
        "A) LSAS B) 2506011200 C) 2506011401",
    ]
    assert "E) AIRSPACE RESERVED WITHIN RADIUS 4.9NM OF 335400S 0701200W.\nF) FL095 G) FL195)" in text.decode()
    assert (
        "460000N 0070000E - 460000N 0090000E - 470000N 0090000E - 470000N 0070000E - 460000N 0070000E." in text.decode()
    )
    for volume in read(text):
        assert volume.time.start <= NOON
        assert volume.time.end >= WINDOW.end
        assert (volume.altitude.lower.value, volume.altitude.upper.value) == (95, 195)
        area = SQUARE if volume.area.centre.latitude_deg > 0 else SECRET.volumes[1].area
        for corner in ring_of(area):
            centre = volume.area.centre
            assert GEOD.inv(
                centre.longitude_deg, centre.latitude_deg, corner.longitude_deg, corner.latitude_deg
            )[2] <= volume.area.radius_m  # fmt: skip


@pytest.mark.parametrize(
    ("band", "lower", "upper"),
    [
        (bands(MeanSeaLevel()), "3280FT AMSL", "6562FT AMSL"),
        (bands(Ground(100.0)), "3280FT AGL", "6562FT AGL"),
        (bands(Qnh(1003.0), AltitudeUnit.FOOT), "1000FT AMSL", "2000FT AMSL"),
        (bands(StandardPressure()), "FL032", "FL066"),
        (AltitudeBand(*(Altitude(m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (-500, 40_000))),
         "SFC", "UNL"),
    ],
)  # fmt: skip
def test_limits_are_rounded_outwards(band, lower, upper):
    text = published_notams([Volume4D(SQUARE, band, WINDOW)]).decode()
    assert f"F) {lower} G) {upper})" in text


def test_heights_above_the_ellipsoid_go_out_above_the_sea():
    text = published_notams([Volume4D(SQUARE, bands(Ellipsoid()), WINDOW)]).decode()
    lower = int(text.split("F) ")[1].split("FT")[0])
    # The geoid is about 50 m above the ellipsoid in the Alps.
    assert lower * 0.3048 == pytest.approx(950.0, abs=5.0)


@settings(max_examples=30, deadline=None)
@given(st.floats(-70, 70), st.floats(-179, 179), st.floats(200, 300_000))
def test_the_circle_of_the_q_line_holds_every_circle(latitude, longitude, radius_m):
    area = Circle(Position(latitude, longitude), radius_m)
    line = published_notams([Volume4D(area, LEVELS, WINDOW)]).decode().splitlines()[1][-14:]
    north = (int(line[:2]) + int(line[2:4]) / 60) * (1 if line[4] == "N" else -1)
    east = (int(line[5:8]) + int(line[8:10]) / 60) * (1 if line[10] == "E" else -1)
    between_m = GEOD.inv(longitude, latitude, east, north)[2]
    assert between_m + radius_m <= int(line[11:]) * 1852.0 + 1.0


def test_a_region_that_is_none_and_an_area_too_large_are_refused():
    with pytest.raises(Refusal, match="four letters"):
        published_notams(SECRET.volumes, "L1")
    with pytest.raises(Refusal, match="998 NM"):
        published_notams([Volume4D(Circle(Position(0.0, 0.0), 2_000_000.0), LEVELS, WINDOW)])


def test_a_flight_goes_out_as_what_holds_it():
    waypoints = (
        Waypoint(Position(46.0, 7.0), Altitude(100, AltitudeUnit.FLIGHT_LEVEL, StandardPressure()), NOON),
        Waypoint(Position(46.0, 8.0), Altitude(120, AltitudeUnit.FLIGHT_LEVEL, StandardPressure()), WINDOW.end),
    )
    plan = Plan("f", Trajectory(waypoints, Containment(1_000.0, 100.0, 60.0)))
    volumes = volumes_of(plan)
    assert [type(one.area) for one in volumes] == [Circle, Circle, Polygon]
    assert {one.time for one in volumes} == {TimeWindow(NOON - timedelta(minutes=1), WINDOW.end + timedelta(minutes=1))}
    assert volumes[0].altitude.lower.reading_m == pytest.approx(3048.0 - 100.0)
    assert volumes[0].altitude.upper.reading_m == pytest.approx(3657.6 + 100.0)


def test_tables_have_the_names_and_numbers(read):
    rows = list(csv.DictReader(io.StringIO(csv_of_volumes([SECRET]).decode())))
    assert [(row["name"], row["part"], row["party"], row["meaning"]) for row in rows] == [
        ("north:relief-7", "1", "north", "keep_out"), ("north:relief-7", "2", "north", "keep_out"),
    ]  # fmt: skip
    assert rows[1]["radius_m"] == "9000.0"
    assert rows[0]["outline_wkt"].startswith("POLYGON ((7.00000000 46.00000000, 9.00000000 46.00000000")
    assert (rows[0]["lower"], rows[0]["lower_unit"], rows[0]["reference"]) == ("95", "FL", '{"kind":"standard"}')
    document = json.loads(geojson_of_volumes([SECRET]))
    assert document["features"][0]["properties"]["x-meaning"] == "keep_out"
    assert read(geojson_of_volumes([SECRET])) == list(SECRET.volumes)
    flat = read(kml_of_volumes([SECRET]))
    assert [one.time for one in flat] == [WINDOW, WINDOW]
    assert all(one.altitude.upper.reading_m > 195 * 30.48 for one in flat)


def test_a_table_for_spreadsheets_is_named_when_it_is_given_as_plans(read):
    with pytest.raises(Refusal, match="detente export wrote for spreadsheets: use its geojson"):
        read(csv_of_volumes([SECRET]))


SAME_AGAIN = {"geojson": lambda: geojson_of_volumes([SECRET]), "aixm": lambda: published_aixm(SECRET.volumes)}
LARGER = {
    "kml": lambda: kml_of_volumes([SECRET]),
    "ed318": lambda: published_ed318(SECRET.volumes),
    "notam": lambda: published_notams(SECRET.volumes),
}


@pytest.mark.parametrize("written", [*SAME_AGAIN, *LARGER])
def test_what_went_out_is_read_again_as_the_same_or_larger(read, written):
    again = read({**SAME_AGAIN, **LARGER}[written]())
    if written in SAME_AGAIN:
        assert again == list(SECRET.volumes)
    for before, after in zip(SECRET.volumes, again, strict=True):
        assert after.time.start <= before.time.start
        assert after.time.end >= before.time.end
        meets = Plan("inside", (before,)), Plan("outside", (after,))
        found = encounter(*meets, Minima(1.0, 1.0, 0.0))
        assert found is not None
        assert (found.start, found.end) == (before.time.start, before.time.end)


def test_no_cell_is_a_formula():
    table = csv_of_rows(("a", "b"), iter([{"a": "=1+1", "b": -1.5}])).decode()
    assert table == "a,b\n'=1+1,-1.5\n"
