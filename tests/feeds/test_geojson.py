"""GeoJSON plans: an exact round trip, and a refusal that names feature, field and value for whatever is wrong."""

import json
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from feed_samples import START, collection, plan_lists, trajectory_feature, volume_feature
from hypothesis import given

from detente.airspace.altitude import Altitude, AltitudeUnit, StandardPressure
from detente.airspace.plan import Trajectory
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds import geojson
from detente.feeds.feature_pieces import feature_pieces
from detente.feeds.geojson import read_geojson, write_geojson
from detente.feeds.geojson_schema import json_schema

CARRIED_SCHEMA = Path(geojson.__file__).with_name("plans-geojson.schema.json")


@given(plan_lists)
def test_what_is_written_is_read_back_equal_and_fits_the_schema(plans):
    content = write_geojson(plans)
    assert read_geojson(content) == plans
    jsonschema.Draft202012Validator(json.loads(CARRIED_SCHEMA.read_text())).validate(json.loads(content))


def test_the_carried_schema_is_the_one_that_the_types_make():
    assert json.loads(CARRIED_SCHEMA.read_text()) == json.loads(json.dumps(json_schema()))


def test_a_trajectory_is_read_as_it_stands():
    (plan,) = read_geojson(collection(trajectory_feature(properties__name="for people", **{"properties__x-note": 1})))
    assert isinstance(plan.intent, Trajectory)
    second = plan.intent.waypoints[1]
    assert second.position == Position(33.2, 36.5)
    assert second.altitude == Altitude(110.0, AltitudeUnit.FLIGHT_LEVEL, StandardPressure())
    assert second.time == START + timedelta(minutes=10)


def test_times_with_another_offset_are_the_same_instants():
    moscow = ["2025-06-01T17:00:00+03:00", "2025-06-01T17:10:00+03:00", "2025-06-01T17:20:00+03:00"]
    assert read_geojson(collection(trajectory_feature(properties__times=moscow))) == read_geojson(
        collection(trajectory_feature())
    )


RING = [[36.2, 33.4], [36.4, 33.4], [36.4, 33.6], [36.2, 33.4]]
EAST = [[longitude + 1.0, latitude] for longitude, latitude in RING]


def test_each_polygon_of_a_multipolygon_is_a_volume_of_the_plan():
    both = volume_feature(geometry={"type": "MultiPolygon", "coordinates": [[RING], [EAST]]})
    (plan,) = read_geojson(collection(both))
    assert [volume.area.vertices[0].longitude_deg for volume in plan.intent] == [36.2, 37.2]
    assert read_geojson(write_geojson((plan,))) == (plan,)
    halves = [{**both, "properties": {**both["properties"], "part": part, "parts": 2}} for part in (2, 1)]
    assert len(read_geojson(collection(*halves))[0].intent) == 4


def test_a_repeated_vertex_is_harmless():
    ring = [RING[0], RING[0], RING[1], RING[2], RING[2], RING[0]]
    assert read_geojson(collection(volume_feature(geometry__coordinates=[ring]))) == read_geojson(
        collection(volume_feature(geometry__coordinates=[RING]))
    )
    pole = [[-180, 80], [180, 80], [90, 80], [0, 80], [-180, 80]]
    vertices = read_geojson(collection(volume_feature(geometry__coordinates=[pole])))[0].intent[0].area.vertices
    assert len(vertices) == 3


def test_members_that_say_nothing_of_airspace_are_left_alone():
    feature = volume_feature(id="7", bbox=[36, 33, 37, 34])
    document = json.loads(collection({**feature, "x-mine": {"a": 1}})) | {"name": "layer", "bbox": [36, 33, 37, 34]}
    assert read_geojson(json.dumps(document).encode()) == read_geojson(collection(volume_feature()))


def test_volumes_of_one_plan_come_together_by_their_parts():
    second = volume_feature(properties__part=2, properties__parts=2, properties__time__end="2025-06-01T16:00:00Z")
    first = volume_feature(properties__part=1, properties__parts=2)
    (plan,) = read_geojson(collection(second, first))
    assert [volume.time.end.hour for volume in plan.intent] == [15, 16]


BOTH = [trajectory_feature(), volume_feature()]
NOT_CLOSED = [[36.2, 33.4], [36.4, 33.4], [36.4, 33.6], [36.2, 33.5]]
HOLE = [[36.25, 33.45], [36.3, 33.45], [36.3, 33.5], [36.25, 33.45]]
CRS = {"type": "name", "properties": {"name": "EPSG:28404"}}

REFUSED = {
    "altitude without unit": (
        [volume_feature(properties__altitude__lower__unit=...)],
        ["features[0] 'RELIEF-7'", "properties.altitude.lower.unit", "Add it"],
    ),
    "altitude without reference": (
        [volume_feature(properties__altitude__upper__reference=...)],
        ["properties.altitude.upper.reference"],
    ),
    "bare altitude": ([volume_feature(properties__altitude__lower=500)], ["properties.altitude.lower", "500"]),
    "unit unknown": (
        [volume_feature(properties__altitude__lower__unit="yd")],
        ["altitude.lower.unit", "'yd'", "m, ft, FL", "Check its spelling"],
    ),
    "a leap second": (
        [volume_feature(properties__time__start="2016-12-31T23:59:60Z")],
        ["properties.time.start", "23:59:60Z", "a date and time with its offset"],
    ),
    "flight level on QNH": ([volume_feature(properties__altitude__lower__unit="FL")], ["altitude.lower.unit", "'FL'"]),
    "limits swapped": ([volume_feature(properties__altitude__lower__value=9000)], ["altitude.upper", "Swap"]),
    "reference unknown": (
        [volume_feature(properties__altitude__lower__reference__kind="agl")],
        ["altitude.lower.reference.kind", "agl"],
    ),
    "QNH in inches": (
        [volume_feature(properties__altitude__lower__reference__pressure_hpa=29.92)],
        ["pressure_hpa", "29.92", "hectopascal"],
    ),
    "two references in a band": (
        [volume_feature(properties__altitude__upper__reference__pressure_hpa=1010)],
        ["upper.reference", "Convert one limit"],
    ),
    "altitude beyond the air": (
        [volume_feature(properties__altitude__upper__value=1e9)],
        ["upper.value", "Check the unit"],
    ),
    "number as text": ([volume_feature(properties__altitude__upper__value="3000")], ["upper.value", "'3000'"]),
    "local time": (
        [volume_feature(properties__time__start="2025-06-01T14:00:00")],
        ["properties.time.start", "2025-06-01T14:00:00", "offset from UTC"],
    ),
    "date alone": ([volume_feature(properties__time__start="2025-06-01")], ["properties.time.start", "2025-06-01"]),
    "time as number": ([volume_feature(properties__time__start=1748786400)], ["properties.time.start", "1748786400"]),
    "date order of another country": (
        [volume_feature(properties__time__start="01.06.2025 14:00Z")],
        ["properties.time.start", "01.06.2025"],
    ),
    "end before start": ([volume_feature(properties__time__end="2025-06-01T13:00:00Z")], ["time.end", "not before"]),
    "year one": (
        [volume_feature(properties__time__start="0001-01-01T00:00:00+03:00")],
        ["properties.time.start", "years 2 and 9998"],
    ),
    "year 2500": (
        [volume_feature(properties__time__end="2500-01-01T00:00:00Z")],
        ["properties.time.end", "1970 and 2200"],
    ),
    "year 9999": (
        [volume_feature(properties__time__end="9999-12-31T23:59:59Z")],
        ["properties.time.end", "years 2 and 9998"],
    ),
    "latitude and longitude swapped": (
        [volume_feature(geometry__coordinates__0__1=[33.4, 136.4])],
        ["geometry.coordinates[0][1]", "latitude", "136.4", "swapped"],
    ),
    "longitude beyond 180": (
        [volume_feature(geometry__coordinates__0__1=[190, 3])],
        ["coordinates[0][1]", "190", "longitude"],
    ),
    "altitude among the coordinates": (
        [volume_feature(geometry__coordinates__0__1=[36.4, 33.4, 500])],
        ["coordinates[0][1]", "a list of 3", "goes into the properties"],
    ),
    "coordinates as text": (
        [volume_feature(geometry__coordinates__0__1=["36 24.0", "33 24"])],
        ["coordinates[0][1]", "33 24"],
    ),
    "ring not closed": ([volume_feature(geometry__coordinates=[NOT_CLOSED])], ["coordinates[0]", "Close the ring"]),
    "hole": (
        [volume_feature(geometry__coordinates=[volume_feature()["geometry"]["coordinates"][0], HOLE])],
        ["geometry.coordinates", "2 rings", "holes"],
    ),
    "no geometry": ([volume_feature(geometry=None)], ["geometry", "None"]),
    "GeometryCollection": (
        [volume_feature(geometry={"type": "GeometryCollection", "geometries": []})],
        ["geometry: geometries"],
    ),
    "a member nobody knows": ([volume_feature(heights=[1, 2])], ["features[0]", "heights", "would go unread"]),
    "a list of kinds": ([volume_feature(geometry__type=["Polygon"])], ["geometry.type", "a list of 1"]),
    "a MultiPolygon of nothing": (
        [volume_feature(geometry={"type": "MultiPolygon", "coordinates": []})],
        ["a list of polygons"],
    ),
    "a hole in a MultiPolygon": (
        [volume_feature(geometry={"type": "MultiPolygon", "coordinates": [[RING, RING]]})],
        ["geometry.coordinates[0]", "2 rings"],
    ),
    "point without radius": (
        [volume_feature(geometry={"type": "Point", "coordinates": [36.2, 33.4]})],
        ["properties.radius_m", "None"],
    ),
    "radius of the world": (
        [volume_feature(geometry={"type": "Point", "coordinates": [36.2, 33.4]}, properties__radius_m=1e8)],
        ["properties", "radius_m", "100000000"],
    ),
    "no plan_id": ([volume_feature(properties__plan_id=...)], ["features[0]", "properties.plan_id"]),
    "plan_id with an escape sequence": (
        [volume_feature(properties__plan_id="\x1b[2Jx\n")],
        ["features[0]", "plan_id", "letters, digits"],
    ),
    "misspelt property": (
        [volume_feature(properties__aircraft_clas="drone")],
        ["properties.aircraft_clas", "check its spelling"],
    ),
    "plan_id twice": (
        [volume_feature(), trajectory_feature(), volume_feature()],
        ["features[2]", "RELIEF-7", "no other plan"],
    ),
    "plan_id of a trajectory twice": (
        [trajectory_feature(), trajectory_feature()],
        ["features[1] 'N104'", "no other plan"],
    ),
    "a part missing": ([volume_feature(properties__part=1, properties__parts=3)], ["features[0]", "part 2 of 3"]),
    "a part twice": (
        [volume_feature(properties__part=1, properties__parts=2)] * 2,
        ["features[1]", "properties.part", "every part once"],
    ),
    "parts of two classes": (
        [
            volume_feature(properties__part=1, properties__parts=2),
            volume_feature(properties__part=2, properties__parts=2, properties__aircraft_class="drone"),
        ],
        ["features[1]", "'crewed'"],
    ),
    "times too few": ([trajectory_feature(properties__times__2=...)], ["properties.times", "2 entries", "3 positions"]),
    "times out of order": (
        [trajectory_feature(properties__times__2="2025-06-01T14:05:00Z")],
        ["waypoints[2].time", "Sort the waypoints"],
    ),
    "faster than any aircraft": (
        [trajectory_feature(geometry__coordinates__2=[-37.0, 33.5])],
        ["waypoints[2]", "m/s", "swapped"],
    ),
    "no containment": ([trajectory_feature(properties__containment=...)], ["properties.containment", "Add it"]),
    "neither unit nor units": (
        [trajectory_feature(properties__altitudes__unit=...)],
        ["altitudes.unit", "either unit or units"],
    ),
    "other datum": ([*BOTH, volume_feature(crs=CRS)], ["features[2]", "EPSG:28404", "ogr2ogr"]),
    "feature that is a number": ([7], ["features[0]", "7"]),
    "not a feature": ([volume_feature(type="Polygon")], ["features[0] 'RELIEF-7'", "type", "Polygon"]),
    "nothing of a plan": ([volume_feature(properties={"name": "zone"})], ["features[0]", "properties.kind"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_named(name):
    features, expected = REFUSED[name]
    with pytest.raises(Refusal) as caught:
        read_geojson(collection(*features))
    message = str(caught.value)
    for fragment in expected:
        assert fragment in message, message
    assert message.isprintable()


RAW = {
    "empty": (b"", ["line 1", "JSON"]),
    "not JSON": (b'{"type": FeatureCollection}', ["line 1, column 10"]),
    "an array": (b"[]", ["type", "list", "FeatureCollection"]),
    "NaN": (collection(volume_feature(geometry__coordinates__0__1=[float("nan"), 33.4])), ["NaN", "finite"]),
    "Infinity": (collection(volume_feature(properties__altitude__upper__value=float("inf"))), ["Infinity"]),
    "1e999": (collection(volume_feature()).replace(b"36.4", b"1e999", 1), ["longitude", "inf"]),
    "integer of a thousand digits": (collection(volume_feature()).replace(b"36.4", b"9" * 1000, 1), ["1000 digits"]),
    "integer of a million digits": (
        collection(volume_feature()).replace(b"36.4", b"9" * 1_000_000, 1),
        ["ordinary length"],
    ),
    "name given twice": (collection(volume_feature()).replace(b'"unit"', b'"value": 5, "unit"', 1), ["value", "twice"]),
    "nested without end": (b"[" * 1_000_000, ["nested too deeply"]),
    "nested without end inside a plan": (
        collection(volume_feature()).replace(b'"RELIEF-7"', b"[" * 200_000 + b"]" * 200_000),
        ["nested too deeply"],
    ),
    "nested to the edge": (
        collection(volume_feature()).replace(b'"RELIEF-7"', b"[" * 900 + b"]" * 900),
        ["properties.plan_id"],
    ),
    "bad UTF-8": (collection(volume_feature()).replace(b"RELIEF", b"REL\xc3EF"), ["byte ", "c3 45 46", "UTF-8"]),
    "UTF-16": (collection(volume_feature()).decode().encode("utf-16"), ["byte 0", "UTF-16"]),
    "byte order mark": (b"\xef\xbb\xbf" + collection(volume_feature()), ["byte 0", "byte order mark"]),
    "lone surrogate": (collection(volume_feature(properties__plan_id="\ud800")), ["plan_id", "\\ud800"]),
}


@pytest.mark.parametrize("name", RAW)
def test_what_is_not_even_a_feature_is_named(name):
    content, expected = RAW[name]
    with pytest.raises(Refusal) as caught:
        read_geojson(content)
    for fragment in expected:
        assert fragment in str(caught.value), str(caught.value)


def test_too_many_features_are_refused_before_they_are_read(monkeypatch):
    monkeypatch.setattr(geojson, "MAX_FEATURES", 3)
    with pytest.raises(Refusal, match="at most 3 features"):
        read_geojson(collection(*[{}] * 4))


def test_features_cut_out_of_a_file_are_those_of_the_file_decoded_whole():
    content = collection(volume_feature(), trajectory_feature())
    reordered = json.loads(content)
    reordered = json.dumps({"features": reordered["features"], "type": reordered["type"]}).encode()
    assert feature_pieces(content) is not None
    assert feature_pieces(reordered) is None
    assert read_geojson(content) == read_geojson(reordered) == read_geojson(content.replace(b",", b" ,\r\n\t"))


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        (b"}]}", b'}],"features":[]}', "features"),
        (b"}]}", b'}],"type":"Feature"}', "type"),
        (b"}]}", b"}]} {}", "JSON"),
        (b'"RELIEF-7"', b'"RELIEF-7","plan_id":"OTHER"', "plan_id"),
        (b'"RELIEF-7"', b"NaN", "JSON"),
    ],
)
def test_cutting_a_file_into_features_hides_nothing_of_it(before, after, named):
    content = b"".join(collection(volume_feature()).split(b"\n"))
    assert before in content
    with pytest.raises(Refusal, match=named):
        read_geojson(content.replace(before, after))
