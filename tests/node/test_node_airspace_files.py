"""Files of airspace as notices and zones of two real nodes, and what goes out of them for others."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from parties import TODAY, Party, two_parties

from detente.feeds.load import load_plans

OPENAIR = f"""AC R
AN Lake
AL GND
AH FL95
AA {TODAY + timedelta(hours=1):%Y-%m-%dT%H:%MZ}/{TODAY + timedelta(hours=3):%Y-%m-%dT%H:%MZ}
V X=34:00:00 N 020:00:00 E
DC 5
AC R
AN Field
AL 2000ft AMSL
AH 5000ft AMSL
AA {TODAY + timedelta(hours=1):%Y-%m-%dT%H:%MZ}/{TODAY + timedelta(hours=3):%Y-%m-%dT%H:%MZ}
DP 34:00:00 N 021:00:00 E
DP 34:00:00 N 021:10:00 E
DP 34:10:00 N 021:10:00 E
"""


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path_factory.mktemp("airspace-files")) as pair:
        yield pair


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("file") / "airspace.txt"
    path.write_text(OPENAIR)
    return str(path)


def typed(party: Party, *words: str, code: int = 0) -> str:
    done = party.cli(*words)
    assert done.returncode == code, done.stdout + done.stderr
    return str(done.stdout if code == 0 else done.stderr)


@pytest.mark.long
def test_every_volume_of_a_file_is_a_notice_and_goes_out_again(
    parties: tuple[Party, Party], file: str, tmp_path: Path
) -> None:
    north, south = parties
    broken = tmp_path / "broken.txt"
    corner = "DP 34:10:00 N 021:10:00 E\n"
    broken.write_text(OPENAIR.replace(corner, corner.replace("021:10", "021:00") + corner))
    past = tmp_path / "past.txt"
    past.write_text(OPENAIR.replace(f"{TODAY:%Y-}", f"{TODAY.year - 1}-"))
    assert "not over" in typed(north, "notice", "import", str(past), "--meaning", "keep_out", code=2)
    assert "Field" in typed(north, "notice", "import", str(broken), "--meaning", "keep_out", code=2)
    assert typed(north, "notice", "list", "--quiet") == ""
    assert "2 notices given, 0 amended" in typed(north, "notice", "import", file, "--meaning", "keep_out")
    assert "0 notices given, 2 amended" in typed(north, "notice", "import", file, "--meaning", "closed_to_all")
    south.until(lambda: "closed to all" in typed(south, "notice", "list"), "the notices arrive")
    text = typed(north, "export", "notices", "--to", "notam", "--fir", "LGGG")
    assert text.count("NOTAMN\nQ) LGGG/QRTCA/") == 2
    assert not {"NORTH", "CLOSED", "LAKE"} & set(text.replace("\n", " ").split())
    out = tmp_path / "out.xml"
    typed(north, "export", "notices", "--to", "aixm", "--out", str(out))
    (first, second) = (plan.intent[0] for plan in load_plans(out).plans)  # type: ignore[index] # they are volumes
    assert {getattr(first.area, "radius_m", None), getattr(second.area, "radius_m", None)} == {5 * 1852.0, None}
    assert "does not exist" in typed(north, "export", "notices", "--to", "aixm", "--out", str(out), code=2)
    # What a party told us is not ours to publish.
    assert "not ours to publish" in typed(south, "export", "notices", "--to", "notam", "--owner", "north", code=2)
    assert "at least one" in typed(south, "export", "notices", "--to", "notam", code=2)
    rows = list(csv.DictReader(io.StringIO(typed(south, "export", "notices", "--to", "csv"))))
    assert {(row["name"], row["party"], row["meaning"]) for row in rows} == {
        ("north:Lake", "north", "closed_to_all"), ("north:Field", "north", "closed_to_all"),
    }  # fmt: skip


@pytest.mark.long
def test_an_airspace_of_a_file_is_proposed_as_a_zone(parties: tuple[Party, Party], file: str) -> None:
    north, south = parties
    error = typed(north, "zone", "propose", "z1", "--peer", "south", "--meaning", "keep_out", "--file", file, code=2)
    assert "the file has Lake, Field" in error
    typed(
        north, "zone", "propose", "z1", "--peer", "south", "--meaning", "keep_out", "--file", file,
        "--airspace", "lake", "--heights", "FL100..FL120",
    )  # fmt: skip
    south.until(lambda: "z1" in typed(south, "zone", "list"), "the zone arrives")
    typed(south, "zone", "accept", "z1", "--peer", "north")
    north.until(lambda: "agreed" in typed(north, "zone", "list"), "the zone is agreed")
    document = json.loads(typed(north, "export", "zones", "--to", "geojson"))
    (feature,) = document["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [20.0, 34.0]}
    assert feature["properties"]["radius_m"] == 5 * 1852.0
    assert feature["properties"]["altitude"]["upper"]["value"] == 120
    assert feature["properties"]["x-zone"] == "z1"
    assert "<name>south:z1</name>" in typed(north, "export", "zones", "--to", "kml")


@pytest.mark.long
def test_conflicts_go_out_with_both_names_and_are_not_published(parties: tuple[Party, Party], tmp_path: Path) -> None:
    north, south = parties
    for number, party in enumerate((north, south)):
        path = tmp_path / f"{party.name}.txt"
        path.write_text(OPENAIR.replace("AN Lake", f"AN Hill{number}"))
        typed(party, "plan", "import", str(path))
    north.until(lambda: "Hill1" in typed(north, "conflicts"), "the conflict is found")
    rows = list(csv.DictReader(io.StringIO(typed(north, "export", "conflicts", "--to", "csv"))))
    assert {row["first_party"] for row in rows} == {"north"}
    assert {(row["first_plan"], row["second_plan"]) for row in rows} >= {("Hill0", "Hill1")}
    points = json.loads(typed(north, "export", "conflicts", "--to", "geojson"))
    assert points["features"][0]["geometry"]["type"] == "Point"
    assert "not published" in typed(north, "export", "conflicts", "--to", "notam", code=2)
    assert "NOTAMN" in typed(north, "export", "plans", "--to", "notam")
    assert "one of plans" in typed(north, "export", "aircraft", "--to", "csv", code=2)
    assert "one of notam" in typed(north, "export", "plans", "--to", "shp", code=2)
