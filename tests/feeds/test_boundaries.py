"""Boundaries for the map, read from each kind of file that may hold some."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from detente.airspace.refusal import Refusal
from detente.feeds import boundaries
from detente.feeds.boundaries import BoundaryLine, read_boundaries

AT = datetime(2026, 11, 30, tzinfo=UTC)
RING = [[30.0, 35.0], [32.0, 35.0], [32.0, 36.5], [30.0, 35.0]]
CORNERS = tuple((longitude, latitude) for longitude, latitude in RING)


def read(folder: Path, content: str, name: str = "boundaries.txt") -> tuple[BoundaryLine, ...]:
    file = folder / name
    file.write_text(content, encoding="utf-8")
    return read_boundaries(file, AT).lines


def geojson(*features: tuple[object, object]) -> str:
    rows = [{"type": "Feature", "properties": properties, "geometry": geometry} for properties, geometry in features]
    return json.dumps({"type": "FeatureCollection", "features": rows})


def test_geojson_needs_no_more_than_a_geometry(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        geojson(
            ({"id": "LCCC", "oceanic": "0"}, {"type": "MultiPolygon", "coordinates": [[RING], [RING[:3]]]}),
            ({"NAME": "Border"}, {"type": "LineString", "coordinates": [[*RING[0], 12.5], RING[1]]}),
            (None, {"type": "MultiLineString", "coordinates": [RING[:2]]}),
            ({"name": "a town"}, {"type": "Point", "coordinates": RING[0]}),
            ({"name": "nowhere"}, None),
        ),
    )
    assert found == (
        BoundaryLine("LCCC", CORNERS),
        BoundaryLine("Border", CORNERS[:2]),
        BoundaryLine("", CORNERS[:2]),
    )


def test_kml_needs_neither_height_nor_time(tmp_path: Path) -> None:
    drawn = "<coordinates>30,35 32,35 32,36.5 30,35</coordinates>"
    found = read(
        tmp_path,
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><Placemark><name>Nicosia FIR</name><Polygon>'
        f"<outerBoundaryIs><LinearRing>{drawn}</LinearRing></outerBoundaryIs></Polygon></Placemark></Folder>"
        "<Placemark><name>border</name><LineString><coordinates>30,35 32,35</coordinates></LineString></Placemark>"
        "</Document></kml>",
    )
    assert found == (BoundaryLine("Nicosia FIR", CORNERS), BoundaryLine("border", CORNERS[:2]))


def test_openair_is_read_by_its_own_reader_and_a_circle_goes_all_around(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "AC D\nAN LTAA\nAL GND\nAH FL245\nDP 35:00:00 N 030:00:00 E\nDP 35:00:00 N 032:00:00 E\n"
        "DP 36:30:00 N 032:00:00 E\n\nAC D\nAN ROUND\nAL GND\nAH FL100\nV X=35:00:00 N 030:00:00 E\nDC 10\n",
    )
    assert [line.name for line in found] == ["LTAA", "ROUND"]
    assert set(found[0].points) == set(CORNERS)
    longitudes, latitudes = zip(*found[1].points, strict=True)
    assert found[1].points[0] == found[1].points[-1]
    assert (min(latitudes), max(latitudes)) == pytest.approx((35.0 - 1 / 6, 35.0 + 1 / 6), abs=1e-3)
    assert (min(longitudes), max(longitudes)) == pytest.approx((29.797, 30.203), abs=1e-3)


def test_a_name_of_a_stranger_is_one_line_of_bounded_length(tmp_path: Path) -> None:
    (line,) = read(tmp_path, geojson(({"name": "A\n\u202eB" + "x" * 500}, {"type": "LineString", "coordinates": RING})))
    assert line.name.startswith("A \\u202eBx")
    assert len(line.name) == boundaries.LONGEST_NAME


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (geojson(), "feeds_airspace.at_least_one_line"),
        (geojson(({}, {"type": "Surface", "coordinates": []})), "feeds_airspace.geometry_of_lines"),
        (geojson(({}, {"type": "LineString", "coordinates": [[1, 2]]})), "feeds_airspace.positions_of_line"),
        (geojson(({}, {"type": "Polygon", "coordinates": [[[1, 2], [1, 200]]]})), "airspace.degrees_north"),
        (geojson(({}, {"type": "Polygon", "coordinates": [[[1, 2], ["x", 2]]]})), "feeds.number"),
        (geojson(({}, {"type": "MultiPolygon", "coordinates": [3]})), "feeds.list_of_polygons"),
        ("[1]", "feeds.json_object"),
        ('{"type": "FeatureCollection", "features": {}}', "feeds.list_features"),
        ("QGC WPL 110\n", "feeds_airspace.format_with_boundaries"),
        ("<kml><Placemark><LineString/></Placemark></kml>", "feeds.positions_longitude_latitude_altitude"),
    ],
)
def test_what_holds_no_lines_is_refused_with_its_place(tmp_path: Path, content: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(tmp_path, content)
    assert refused.value.code == code
    assert "boundaries.txt" in refused.value.field


def test_more_than_a_map_draws_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundaries, "MOST_POINTS", 3)
    with pytest.raises(Refusal) as refused:
        read(tmp_path, geojson(({}, {"type": "Polygon", "coordinates": [RING]})))
    assert refused.value.code == "feeds_airspace.at_most_lines"
