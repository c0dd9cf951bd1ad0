"""Whatever plans are written in, their own reader gives the same plans back; a drawing that was moved is refused."""

import json
from datetime import timedelta

import pytest
from feed_samples import START, plan_lists
from format_samples import CONTENTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from route_samples import OPTIONS, SAMPLES
from test_hostile_files import damaged
from test_hostile_files import load as load_or_refuse

from detente.airspace.altitude import Altitude, AltitudeUnit, Ellipsoid
from detente.airspace.plan import Containment, Plan, Trajectory, Waypoint
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.geojson import read_geojson, write_geojson
from detente.feeds.load import LoadOptions, load_plans
from detente.feeds.recognition import PlanFormat, plan_format
from detente.feeds.write import WRITERS

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ALL = {**CONTENTS, **{name: content for name, (content, _) in SAMPLES.items()}}


@pytest.fixture
def plans(tmp_path):
    """One file's plans: trajectories on several references, circles, areas."""
    (tmp_path / "events.cot").write_bytes(SAMPLES["events.cot"][0])
    (tmp_path / "filed.txt").write_bytes(SAMPLES["filed.txt"][0])
    (tmp_path / "notams.txt").write_bytes(CONTENTS["notams.txt"])
    return tuple(
        plan
        for name in ("events.cot", "filed.txt", "notams.txt")
        for plan in load_plans(tmp_path / name, OPTIONS).plans
    )


@pytest.mark.parametrize("written", WRITERS)
@QUICK
@given(plans=plan_lists.filter(bool))
def test_any_plans_are_the_same_plans_again(tmp_path, written, plans):
    path = tmp_path / "file"
    path.write_bytes(WRITERS[written](plans))
    assert plan_format(path) is written
    assert load_plans(path, LoadOptions()).plans == plans


@pytest.mark.parametrize("written", WRITERS)
@pytest.mark.parametrize("name", ALL)
def test_what_every_reader_made_is_the_same_in_every_format(tmp_path, name, written):
    (tmp_path / name).write_bytes(ALL[name])
    plans = load_plans(tmp_path / name, OPTIONS).plans
    (tmp_path / "file").write_bytes(WRITERS[written](plans))
    assert load_plans(tmp_path / "file", LoadOptions()).plans == plans


@pytest.mark.parametrize("written", WRITERS)
def test_a_trajectory_of_thousands_of_waypoints_is_the_same_again(tmp_path, written):
    waypoints = tuple(
        Waypoint(Position(46.0 + n / 1e5, 7.0 + n / 3e4), Altitude(1000.0 + n / 7, AltitudeUnit.METRE, Ellipsoid()),
                 START + timedelta(seconds=n / 3))
        for n in range(5_000)
    )  # fmt: skip
    plans = (Plan("LONG", Trajectory(waypoints, Containment(1.0, 2.0, 3.0))),)
    (tmp_path / "file").write_bytes(WRITERS[written](plans))
    assert load_plans(tmp_path / "file", LoadOptions()).plans == plans


MOVED = {
    "a waypoint": (PlanFormat.KML, "<gx:coord>7.5 46.5 1200.5", "<gx:coord>7.5 46.5001 1200.5"),
    "a time": (PlanFormat.KML, "<when>2025-06-01T14:30:00Z", "<when>2025-06-01T14:31:00Z"),
    "a height": (PlanFormat.KML, "7.5 46.5 1200.5", "7.5 46.5 900"),
    "a corner": (PlanFormat.KML, "7.5,46.6,500.0", "7.5,46.7,500.0"),
    "the span of an area": (PlanFormat.KML, "<begin>2025-06-01T14:00:00Z", "<begin>2025-06-01T13:00:00Z"),
    "a point of a route": (PlanFormat.COT, 'point="46.6,7.6,1300.0"', 'point="46.6,7.7,1300.0"'),
    "a radius": (PlanFormat.COT, 'major="2010.5" minor="2010.5"', 'major="3000" minor="3000"'),
    "a stale time": (PlanFormat.COT, 'stale="2025-06-01T18:00:00Z"', 'stale="2025-06-02T18:00:00Z"'),
}


@pytest.mark.parametrize("what", MOVED)
def test_a_drawing_that_was_moved_since_is_refused(tmp_path, plans, what):
    written, old, new = MOVED[what]
    content = WRITERS[written](plans).decode()
    assert old in content
    (tmp_path / "file").write_text(content.replace(old, new, 1))
    with pytest.raises(Refusal) as caught:
        load_plans(tmp_path / "file")
    assert "nobody knows which is meant" in str(caught.value)


def test_what_only_looks_otherwise_is_the_same_drawing(tmp_path, plans):
    kml = (
        WRITERS[PlanFormat.KML](plans).decode().replace("</altitudeMode>", "</altitudeMode><tessellate>1</tessellate>")
    )
    (tmp_path / "a.kml").write_text(kml.replace("7.5 46.5 1200.5", "7.50000000 46.50000001 1200.5000"))
    assert load_plans(tmp_path / "a.kml").plans == plans
    events = WRITERS[PlanFormat.COT](plans).decode()
    (tmp_path / "a.cot").write_text(events.replace("<contact", "<archive/><remarks>ours</remarks><contact"))
    assert load_plans(tmp_path / "a.cot").plans == plans


def test_a_carried_plan_takes_no_name_of_another(tmp_path, plans):
    kml = WRITERS[PlanFormat.KML](plans[:1]).decode()
    track = kml[kml.index("<gx:Track>") : kml.index("</Placemark>")]
    other = f"<Placemark><name>{plans[0].plan_id}</name>{track}</Placemark></Document>"
    (tmp_path / "a.kml").write_text(kml.replace("</Document>", other))
    with pytest.raises(Refusal, match="no other plan"):
        load_plans(tmp_path / "a.kml")


WRONG = {
    "another system": (PlanFormat.GEOPARQUET, b'"encoding": "WKB"', b'"encoding": "WKX"', "well-known binary"),
    "a column that nobody reads": (PlanFormat.PLAN_CSV, b"radius_m", b"radius_f", "columns: 'radius_f'"),
    "three numbers": (PlanFormat.PLAN_CSV, b"LINESTRING (7.5 46.5,", b"LINESTRING Z (7.5 46.5 3,", "wkt"),
    "no geometry": (PlanFormat.PLAN_CSV, b"POLYGON", b"POLYGUN", "well-known text"),
    "NaN": (PlanFormat.PLAN_CSV, b",2010.5,", b",NaN,", "radius_m: 'NaN'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_in_a_table_is_named(tmp_path, plans, what):
    written, old, new, expected = WRONG[what]
    content = WRITERS[written](plans)
    assert old in content
    (tmp_path / "file").write_bytes(content.replace(old, new, 1))
    with pytest.raises(Refusal) as caught:
        load_plans(tmp_path / "file")
    assert expected in str(caught.value)


@pytest.mark.parametrize("written", WRITERS)
@QUICK
@given(data=st.data())
def test_damaged_written_files(tmp_path, written, data):
    plans = read_geojson(write_geojson(EXAMPLE))
    load_or_refuse(tmp_path, "file", data.draw(damaged(WRITERS[written](plans))), OPTIONS)


def example():
    """Two plans, of volumes and of a trajectory."""
    from feed_samples import collection, trajectory_feature, volume_feature

    return read_geojson(collection(volume_feature(), trajectory_feature()))


EXAMPLE = example()


def test_other_programs_read_the_tables(tmp_path, plans):
    geometries = [json.loads(line.rstrip(b",\n"))["geometry"] for line in write_geojson(plans).splitlines()[1:-1]]
    import pyarrow.parquet as pq
    import shapely

    (tmp_path / "plans.parquet").write_bytes(WRITERS[PlanFormat.GEOPARQUET](plans))
    table = pq.read_table(tmp_path / "plans.parquet")
    assert json.loads(table.schema.metadata[b"geo"])["primary_column"] == "geometry"
    read = [shapely.from_wkb(cell) for cell in table["geometry"].to_pylist()]
    assert [shape.geom_type for shape in read] == [geometry["type"] for geometry in geometries]
