"""ED-269, ED-318 and OpenAir: right values, and every part that is not read refused by its name."""

import copy
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from airspace_samples import ED269, ED318, OPENAIR
from format_samples import NOTAMS
from pyproj import Geod

from detente.airspace.altitude import AltitudeUnit, Ellipsoid, Ground, MeanSeaLevel, StandardPressure
from detente.airspace.compiled import Vocabulary, compile_plans
from detente.airspace.plan import Circle, Polygon, TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import DropReason
from detente.feeds.kml import KmlOptions
from detente.feeds.load import LoadOptions, load_plans
from detente.feeds.recognition import PlanFormat, plan_format

GEOD = Geod(ellps="WGS84")
JUNE = TimeWindow(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 6, 3, tzinfo=UTC))
HILL = KmlOptions(ground_elevation_m=600.0)
ASKED = LoadOptions(window=JUNE, kml=HILL)


@pytest.fixture
def load(tmp_path):
    """Read the content of a file; the volumes of each plan, and what was left out by its reason."""

    def read(content, options=ASKED):
        path = tmp_path / "file"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        found = load_plans(path, options)
        compile_plans(found.plans, Vocabulary())
        return {plan.plan_id: plan.intent for plan in found.plans}, {one.reason: one.count for one in found.dropped}

    return read


@pytest.fixture
def refused(load):
    """The line with which the content of a file is refused."""

    def read(content, options=ASKED):
        with pytest.raises(Refusal) as caught:
            load(content, options)
        return str(caught.value)

    return read


def hours(volumes):
    return sorted({f"{v.time.start:%d %H:%M}-{v.time.end:%d %H:%M}" for v in volumes})


def test_zones_of_ed269_have_their_areas_limits_and_hours(load):
    plans, dropped = load(json.dumps(ED269), LoadOptions())
    volumes = plans["LSX001"]
    # Monday and Tuesday, at the hours of the zone's own clock, two hours ahead of UTC.
    assert hours(volumes) == ["02 06:00-02 16:00", "03 06:00-03 16:00"]
    circle, polygon = volumes[0], volumes[2]
    assert (circle.area.centre, circle.area.radius_m) == (Position(46.5, 7.5), pytest.approx(2000.0, abs=0.01))
    assert (circle.altitude.upper.value, circle.altitude.upper.unit) == (3000, AltitudeUnit.FOOT)
    assert circle.altitude.lower.reference == MeanSeaLevel()
    assert circle.altitude.lower.reading_m == -500.0
    assert isinstance(polygon.area, Polygon)
    assert (polygon.altitude.lower.reading_m, polygon.altitude.upper.reading_m) == (500.0, 30_000.0)
    assert dropped == {}


def test_zones_of_ed318_have_their_layers_and_go_by_the_sun(load):
    plans, _ = load(json.dumps(ED318), LoadOptions())
    volumes = plans["LSX0002"]
    assert len(volumes) == 4
    # In Geneva (6.1 E) almanacs have 03:47 and 19:18 on 1 June, here 5 minutes earlier; three more on both sides.
    start, end = volumes[0].time.start, volumes[0].time.end
    assert datetime(2025, 6, 1, 3, 36, tzinfo=UTC) < start < datetime(2025, 6, 1, 3, 41, tzinfo=UTC)
    assert datetime(2025, 6, 1, 19, 14, tzinfo=UTC) < end < datetime(2025, 6, 1, 19, 19, tzinfo=UTC)
    assert volumes[0].altitude.upper.reference == Ellipsoid()
    assert volumes[0].altitude.upper.reading_m == 400.0
    assert volumes[2].area == Circle(Position(46.5, 7.5), 2000.0)
    assert volumes[2].altitude.lower.reading_m == pytest.approx(304.8)


def test_a_time_with_half_a_character_is_refused_as_a_time(refused):
    zone = copy.deepcopy(ED269)
    zone["UASZoneList"][0]["applicability"][0]["startDateTime"] = "2025-06-01T00\ud800"
    assert "applicability[0].startDateTime" in refused(json.dumps(zone))


def permanent(sample, **more):
    zone = copy.deepcopy(sample)
    zone["UASZoneList"][0]["applicability"] = [{"permanent": "YES", "startDateTime": None, **more}]
    return zone


def test_a_permanent_zone_holds_all_through_the_time_that_is_asked_about(load, refused):
    plans, _ = load(json.dumps(permanent(ED269)))
    assert {volume.time for volume in plans["LSX001"]} == {JUNE}
    assert "--window" in refused(json.dumps(permanent(ED269)), LoadOptions())
    weekly = permanent(ED269, schedule=[{"day": ["SUN"], "startTime": "22:00Z", "endTime": "02:00Z"}])
    plans, _ = load(json.dumps(weekly))
    assert hours(plans["LSX001"]) == ["01 22:00-02 02:00"]


def test_a_zone_of_another_time_is_left_out_and_counted(load):
    two = copy.deepcopy(ED269)
    two["UASZoneList"].append({**permanent(ED269)["UASZoneList"][0], "identifier": "LSX002"})
    july = LoadOptions(window=TimeWindow(datetime(2025, 7, 1, tzinfo=UTC), datetime(2025, 7, 2, tzinfo=UTC)))
    plans, dropped = load(json.dumps(two), july)
    assert (list(plans), dropped) == (["LSX002"], {DropReason.OUTSIDE_WINDOW: 1})


def changed(sample, path, value):
    """The sample with one member somewhere made another; None takes it out."""
    document = copy.deepcopy(sample)
    target = document
    for step in path[:-1]:
        target = target[step]
    if value is None:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return json.dumps(document)


ZONE = ("UASZoneList", 0)
LAYER = (*ZONE, "geometry", 0)
PERIOD = (*ZONE, "applicability", 0)
FEATURE = ("features", 0)
SHAPE = (*FEATURE, "geometry", "geometries", 0)
RING = [[7.5, 46.5], [7.6, 46.5], [7.6, 46.6], [7.5, 46.5]]
HOLE = [[7.55, 46.51], [7.56, 46.51], [7.56, 46.52], [7.55, 46.51]]
WRONG = {
    "a member of the file": (changed(ED269, ("extra",), 1), ["extra: 1", "UASZoneList"]),
    "a member of a zone": (changed(ED269, (*ZONE, "heights"), 1), ["UASZoneList[0]: heights"]),
    "a member of a layer": (changed(ED269, (*LAYER, "floor"), 1), ["'LSX001': geometry[0]: floor"]),
    "a member of a shape": (changed(ED269, (*LAYER, "horizontalProjection", "a"), 9), ["Projection: a"]),
    "a member of a period": (changed(ED269, (*PERIOD, "season"), 9), ["applicability[0]: season"]),
    "another unit": (changed(ED269, (*LAYER, "uomDimensions"), "NM"), ["uomDimensions: 'NM'", "metres or feet"]),
    "no unit": (changed(ED269, (*LAYER, "uomDimensions"), None), ["lowerLimit: unit"]),
    "no reference": (changed(ED269, (*LAYER, "upperVerticalReference"), None), ["upperLimit: reference", "AGL, AMSL"]),
    "no centre": (changed(ED269, (*LAYER, "horizontalProjection", "center"), None), ["centre[0]"]),
    "no radius": (changed(ED269, (*LAYER, "horizontalProjection", "radius"), None), ["radius: None", "a number"]),
    "a hole": (
        changed(ED269, (*ZONE, "geometry", 1, "horizontalProjection", "coordinates"), [RING, HOLE]),
        ["coordinates: '2 rings'", "one ring"],
    ),
    "a day in words": (changed(ED269, (*PERIOD, "schedule", 0, "day"), ["MONDAY"]), ["day: 'MONDAY'"]),
    "a local time": (changed(ED269, (*PERIOD, "schedule", 0, "endTime"), "18:00"), ["endTime: '18:00'", "offset"]),
    "two offsets": (changed(ED269, (*PERIOD, "schedule", 0, "endTime"), "18:00Z"), ["one offset"]),
    "an event and a time": (changed(ED269, (*PERIOD, "schedule", 0, "endEvent"), "SS"), ["endEvent: 'SS'"]),
    "a naive moment": (changed(ED269, (*PERIOD, "endDateTime"), "2025-06-08T00:00:00"), ["endDateTime", "offset"]),
    "a period backwards": (changed(ED269, (*PERIOD, "endDateTime"), "2025-05-08T00:00:00Z"), ["not before the start"]),
    "an end of what is permanent": (changed(ED269, (*PERIOD, "permanent"), "YES"), ["endDateTime", "permanent"]),
    "no area": (changed(ED269, (*ZONE, "geometry"), []), ["geometry", "with its areas"]),
    "no identifier": (changed(ED269, (*ZONE, "identifier"), None), ["identifier: None"]),
    "a member of a feature": (changed(ED318, (*FEATURE, "when"), 1), ["features[0]: when"]),
    "a member of properties": (changed(ED318, (*FEATURE, "properties", "when"), 1), ["properties: when"]),
    "a geometry that is a line": (changed(ED318, (*SHAPE, "type"), "LineString"), ["geometries[0].type: 'LineString'"]),
    "a point without extent": (changed(ED318, (*SHAPE, "type"), "Point"), ["geometries[0].extent: None"]),
    "an ellipse": (
        changed(ED318, (*FEATURE, "geometry", "geometries", 1, "extent", "subType"), "Ellipse"), ["subType: 'Ellipse'"],
    ),
    "no layer": (changed(ED318, (*SHAPE, "layer"), None), ["geometries[0].layer: None"]),
    "an open ring": (changed(ED318, (*SHAPE, "coordinates"), [[*RING[:3], [7.5, 46.51]]]), ["first position again"]),
    "a height in a position": (
        changed(ED318, (*SHAPE, "coordinates"), [[[*p, 9.0] for p in RING]]), ["two numbers, [longitude, latitude]"],
    ),
    "a record that is none": (OPENAIR.replace("DC 5.5", "DC 5.5\nDX 1"), ["line 22: DX"]),
    "a variable that is none": (OPENAIR.replace("V D=-", "V Q=1"), ["line 10: V: 'V Q=1'"]),
    "a second circle": (OPENAIR + "DC 6\n", ["line 22: DC", "once"]),
    "a circle and points": (OPENAIR + "DP 46:30:00 N 007:30:00 E\n", ["'Field'", "'several shapes'"]),
    "no shape": (OPENAIR.replace("DC 5.5\n", ""), ["'Field'", "'no shape'"]),
    "a limit twice": (OPENAIR.replace("AH FL95", "AL FL95"), ["line 6: AL: 'FL95'", "once"]),
    "no upper limit": (OPENAIR.replace("AH FL95\n", ""), ["'ED-R1 Lake'", "AH: None"]),
    "a limit without unit": (OPENAIR.replace("2500ft AMSL", "2500 AMSL"), ["line 5: AL: '2500 AMSL'", "unit"]),
    "a limit without reference": (OPENAIR.replace("2500ft AMSL", "2500ft"), ["line 5: AL: '2500ft'", "reference"]),
    "decimal degrees": (OPENAIR.replace("46:30:00 N 007:30:00 E", "46.5 N 7.5 E"), ["line 9: DP", "54:25:00 N"]),
    "sixty-one seconds": (OPENAIR.replace("46:50:60", "46:50:61"), ["latitude: '46:50:61'", "seconds up to 60"]),
    "sixty minutes": (OPENAIR.replace("46:50:60", "46:60:00"), ["latitude: '46:60:00'", "minutes below 60"]),
    "an arc with one end": (OPENAIR.replace("DB 46:30:00 N 007:32:00 E, ", "DB "), ["line 12: DB", "a comma between"]),
    "an arc without centre": (OPENAIR.replace("V X=46:30:00 N 007:40:00 E\n", ""), ["DB: V X=: None"]),
    "a second name": (OPENAIR.replace("AY TMO", "AN Other"), ["line 4: AN", "once"]),
    "an airspace that is not begun": (OPENAIR.replace("AC R\n", ""), ["line 2: AY", "AC"]),
    "times in words": (OPENAIR.replace("AA 2025-06-01T06:00Z/2025-06-01T18:00Z", "AA MON-FRI"), ["line 7: AA", "NONE"]),
    "a local time of day": (OPENAIR.replace("T18:00Z", "T18:00"), ["line 7: AA: end"]),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_or_not_read_is_named(refused, what):
    content, expected = WRONG[what]
    line = refused(content)
    for fragment in expected:
        assert fragment in line, line


def test_openair_has_arcs_circles_limits_and_times(load):
    plans, _ = load(OPENAIR, LoadOptions(kml=HILL))
    (lake,), (field,) = plans["ED-R1-Lake"], plans["Field"]
    assert hours([lake]) == ["01 06:00-01 18:00"]
    assert isinstance(lake.altitude.upper.reference, StandardPressure)
    assert lake.altitude.upper.value == 95
    assert lake.altitude.lower.reference == lake.altitude.upper.reference
    corners = {(round(p.latitude_deg, 6), round(p.longitude_deg, 6)) for p in lake.area.vertices}
    assert {(46.5, 7.5), (46.5, round(7 + 32 / 60, 6)), (46.675, 7.75)} <= corners
    # The arc goes against the clock from west to east: below its centre.
    lowest = min(lake.area.vertices, key=lambda p: p.latitude_deg)
    radius_m = GEOD.inv(7.0 + 32 / 60, 46.5, 7.0 + 40 / 60, 46.5)[2]
    assert GEOD.inv(lowest.longitude_deg, lowest.latitude_deg, 7.0 + 40 / 60, 46.5)[2] == pytest.approx(
        radius_m, abs=6.0
    )
    # Sixty seconds are a minute.
    assert (field.area.centre.latitude_deg, field.area.radius_m) == (pytest.approx(46.85), 5.5 * 1852.0)
    assert (field.altitude.lower.reading_m, field.altitude.upper.reading_m) == (-500.0, 1200.0)


def test_openair_without_times_needs_the_time_that_is_asked_about(load, refused):
    bare = OPENAIR.replace("AA 2025-06-01T06:00Z/2025-06-01T18:00Z\n", "")
    assert "--window" in refused(bare, LoadOptions())
    assert {volume.time for volume in load(bare)[0]["Field"]} == {JUNE}
    by_notam = OPENAIR.replace("2025-06-01T06:00Z/2025-06-01T18:00Z", "NONE")
    assert {volume.time for volume in load(by_notam)[0]["Field"]} == {JUNE}
    open_end = OPENAIR.replace("/2025-06-01T18:00Z", "/NONE")
    assert hours(load(open_end)[0]["Field"]) == ["01 06:00-03 00:00"]
    assert "--window" in refused(open_end, LoadOptions())


def test_openair_of_another_code_page_is_read(load):
    plans, _ = load(OPENAIR.replace("Lake", "Zürichsee").encode("latin-1"))
    assert "ED-R1-Z-richsee" in plans


def test_an_airway_of_openair_is_as_wide_as_it_says(load):
    airway = "AC G\nAN Way\nAL GND\nAH 500ft AGL\nV W=2\nDY 46:00:00 N 007:00:00 E\nDY 46:00:00 N 007:30:00 E\n"
    plans, _ = load(airway)
    (leg,) = plans["Way"]
    first, _, _, last = leg.area.vertices
    across_m = GEOD.inv(first.longitude_deg, first.latitude_deg, last.longitude_deg, last.latitude_deg)[2]
    assert across_m == pytest.approx(2 * 1852.0, rel=1e-3)
    assert leg.altitude.upper.reference == Ground(600.0, 10.0)


def test_a_notam_has_the_days_of_its_schedule_and_may_have_limits_on_two_references(load, refused):
    weekly = NOTAMS.replace("DAILY 0600-1100 1300-1800", "SUN 0600-1100 MON 1300-1800")
    plans, _ = load(weekly, LoadOptions())
    assert hours(plans["A0101-25"]) == ["01 06:00-01 11:00", "02 13:00-02 18:00"]
    plans, _ = load(NOTAMS.replace("F) SFC", "F) 900FT AMSL"), LoadOptions())
    altitude = plans["A0101-25"][0].altitude
    assert isinstance(altitude.lower.reference, StandardPressure)
    assert -700.0 < altitude.lower.reading_m - 900 * 0.3048 < -350.0
    assert "or give --window" in refused(NOTAMS.replace("C) 2506021800", "C) PERM"), LoadOptions())


@pytest.mark.parametrize("end", ["PERM", "2506011800 EST"])
def test_a_notam_whose_end_nobody_knows_holds_to_the_end_of_the_window(load, end):
    plans, _ = load(NOTAMS.replace("C) 2506021800", f"C) {end}").replace("D) DAILY 0600-1100 1300-1800\n", ""))
    assert hours(plans["A0101-25"]) == ["01 06:00-03 00:00"]


SHARED = Path(os.environ.get("DETENTE_SHARED", Path(__file__).parents[3] / "shared"))
AIRSPACE = SHARED / "data" / "airspace"
REFUSED = {
    "activation-times-invalid-with-none-none": "NONE", "activation-times-invalid": "not before the start",
    "ceiling-definitions-duplicate": "once", "insufficient-coordinates": "vertices", "invalid-coordinates": "position",
    "self-intersecting": "edges that cross", "without-ac": "AC", "circular-invalid": "edges that cross",
    "do-not-split-into-multipolygon": "edges that cross", "coordinate-seconds-60": "edges that cross",
}  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize("path", sorted((AIRSPACE / "openair").glob("*.txt")), ids=lambda path: path.stem)
def test_files_that_another_parser_is_tested_with(load, path):
    if path.stem in {"ignored-only", "license"}:
        with pytest.raises(Refusal, match="in one of the formats"):
            plan_format(path)
        return
    assert plan_format(path) is PlanFormat.OPENAIR
    if path.stem in REFUSED:
        with pytest.raises(Refusal, match=REFUSED[path.stem]):
            load(path.read_bytes())
        return
    always = TimeWindow(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 12, 31, tzinfo=UTC))
    ((_, volumes),) = load(path.read_bytes(), LoadOptions(window=always, kml=HILL))[0].items()
    result = path.with_name(f"{path.stem}-result.json")
    if result.exists():
        (feature,) = json.loads(result.read_text())["features"]
        if "geometry" not in feature:
            return
        longitudes, latitudes = zip(*feature["geometry"]["coordinates"][0], strict=True)
        theirs = abs(GEOD.polygon_area_perimeter(longitudes, latitudes)[0])
        ours = volumes[0].area.vertices
        area = abs(GEOD.polygon_area_perimeter([p.longitude_deg for p in ours], [p.latitude_deg for p in ours])[0])
        assert area == pytest.approx(theirs, rel=0.01)


@pytest.mark.shared
@pytest.mark.parametrize("path", sorted((AIRSPACE / "ed318" / "examples").glob("Example*.json")), ids=lambda p: p.stem)
def test_the_examples_of_the_standard_are_read(load, path):
    assert plan_format(path) is PlanFormat.ED318
    year = TimeWindow(datetime(2019, 6, 1, tzinfo=UTC), datetime(2019, 6, 3, tzinfo=UTC))
    plans, _ = load(path.read_bytes(), LoadOptions(window=year, kml=HILL))
    assert plans["ABC1234"][0].area == Circle(Position(50.122901, 2.636866), 3500.0)
    assert plans["ABC1234"][0].altitude.upper.reading_m == 150.0


SWISS = SHARED / "data" / "utm_interuss" / "uss_qualifier" / "test_data" / "che" / "geoawareness"


@pytest.mark.shared
@pytest.mark.parametrize("path", sorted(SWISS.glob("*.json")), ids=lambda path: Path(path).stem)
def test_the_samples_of_the_conformance_tests_are_read(load, path):
    plans, dropped = load(path.read_bytes())
    assert plans
    assert dropped == {}
