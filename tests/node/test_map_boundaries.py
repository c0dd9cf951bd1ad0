"""Boundaries on the party's own map: over HTTP and by command, kept in the node's directory, told to nobody."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from parties import Party, two_parties

from detente.settings import map_boundaries

FIR = {
    "type": "Feature",
    "properties": {"name": "HARBOUR FIR"},
    "geometry": {"type": "Polygon", "coordinates": [[[19.0, 33.0], [21.0, 33.0], [21.0, 35.0], [19.0, 33.0]]]},
}
FILE = json.dumps({"type": "FeatureCollection", "features": [FIR]}).encode()


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path_factory.mktemp("map") / Path("nodes")) as found:
        yield found


def test_what_is_added_is_shown_replaced_and_removed_and_no_peer_hears_of_it(parties):
    north, south = parties
    before = north.get("/status")["journal_number"]
    answer = north.ask("POST", "/map/boundaries?file=../../east.geojson", FILE)
    assert answer.status == 200, answer.body
    assert answer.json == {"name": "east", "lines": 1, "points": 4, "left_out": {}}
    (kept,) = north.get("/map/boundaries")
    assert kept == {"name": "east", "lines": [{"name": "HARBOUR FIR", "points": FIR["geometry"]["coordinates"][0]}]}
    again = FILE.replace(b"HARBOUR", b"OTHER")
    north.ask("POST", "/map/boundaries?file=x&name=east", again)
    assert [one["lines"][0]["name"] for one in north.get("/map/boundaries")] == ["OTHER FIR"]
    assert south.get("/map/boundaries") == []
    assert north.get("/status")["journal_number"] == before
    assert north.post("/map/boundaries/east/remove") == {"name": "east"}
    assert north.get("/map/boundaries") == []


def test_a_command_does_the_same_and_a_backup_holds_it(parties, tmp_path):
    north, _ = parties
    file = tmp_path / "west.geojson"
    file.write_bytes(FILE)
    added = north.cli("map", "add", str(file), "--name", "fir")
    assert "fir is on the map: 1 lines of 4 points" in added.stdout, added.stderr
    assert [one["name"] for one in north.get("/map/boundaries")] == ["fir"]
    assert json.loads(north.cli("map", "list", "--json").stdout) == [{"name": "fir", "lines": 1, "points": 4}]
    made = north.cli("backup", "--out", str(tmp_path / "north.tar"))
    assert made.returncode == 0, made.stderr
    with tarfile.open(tmp_path / "north.tar") as backup:
        assert "map/fir.json" in backup.getnames()
    assert "fir n'est plus sur la carte" in north.cli("map", "remove", "fir", language="fr").stdout
    gone = north.cli("map", "remove", "fir")
    assert gone.returncode != 0
    assert "detente map list" in gone.stderr


@pytest.mark.parametrize(
    ("query", "body", "code"),
    [
        ("file=a.geojson", b"{}", "feeds_airspace.geometry_of_lines"),
        ("file=a.kml", b"<kml><Placemark>", "feeds.well_formed_xml"),
        ("file=a.geojson&name=../key", FILE, "airspace.identifier"),
        ("file=a.geojson&name=", FILE, "airspace.identifier"),
    ],
)
def test_what_cannot_be_shown_is_refused_and_nothing_is_kept(parties, query, body, code):
    answer = parties[0].ask("POST", f"/map/boundaries?{query}", body)
    assert (answer.status, answer.json["code"]) == (400, code), answer.body
    assert b"/tmp" not in answer.body
    assert parties[0].get("/map/boundaries") == []


def test_an_observer_sees_boundaries_and_changes_none(parties):
    north, _ = parties
    token = north.session("walker", "observer")
    assert north.ask("GET", "/map/boundaries", token=token).status == 200
    assert north.ask("POST", "/map/boundaries?file=a.geojson", FILE, token=token).status == 403
    assert north.ask("POST", "/map/boundaries/a/remove", b"{}", token=token).status == 403


def test_a_file_that_somebody_broke_is_named(parties):
    north, _ = parties
    folder = north.path / map_boundaries.BOUNDARIES_FOLDER
    folder.mkdir(exist_ok=True)
    broken = folder / "broken.json"
    broken.write_text("{")
    answer = north.ask("GET", "/map/boundaries")
    broken.unlink()
    assert (answer.status, answer.json["code"]) == (400, "node.boundary_file_readable")
    assert "broken.json" in answer.json["field"]
