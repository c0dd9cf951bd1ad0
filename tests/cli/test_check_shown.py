"""What detente check shows: what was compared, one number for one conflict, the choice of a large result, own words."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from command_line import run_detente

from detente.airspace.altitude import AltitudeUnit, StandardPressure
from detente.airspace.passes import compare
from detente.airspace.separation import Minima, MinimaTable
from detente.cli.check_choice import Choice
from detente.cli.check_compared import compared
from detente.cli.check_map import map_caption
from detente.cli.check_output import Checked
from detente.cli.main import COMMANDS
from detente.cli.plan_reading import PlanReading
from detente.cli.planned_heights import PlannedHeight, in_words
from detente.feeds.load import load_plans
from detente.language import Language, figures

SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
OURS, THEIRS = SAMPLES / "ours.geojson", SAMPLES / "theirs.geojson"


def feature(plan_id: str, south: float, minute: int, *, level: float = 100.0, reference: dict | None = None) -> dict:
    return {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": [[8.0, south], [8.5, south + 0.01]]},
        "properties": {
            "kind": "trajectory", "plan_id": plan_id,
            "times": [f"2031-06-01T{10 + minute // 60:02d}:{minute % 60:02d}:00Z",
                      f"2031-06-01T{10 + (minute + 5) // 60:02d}:{(minute + 5) % 60:02d}:00Z"],
            "altitudes": {"reference": reference or {"kind": "standard"}, "unit": "FL" if reference is None else "m",
                          "values": [level, level]},
            "containment": {"lateral_m": 0, "vertical_m": 0, "along_time_s": 0},
        },
    }  # fmt: skip


def write(path: Path, features: list[dict]) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.fixture(name="many")
def many_conflicts(tmp_path) -> tuple[Path, Path]:
    """Seventy pairs, one every ten minutes, each a little farther apart than the one before."""
    ours = [feature(f"A{n:02d}", 46.0, 10 * n) for n in range(70)]
    theirs = [feature(f"B{n:02d}", 46.0 + 0.0005 * (n + 1), 10 * n) for n in range(70)]
    return write(tmp_path / "a.geojson", ours), write(tmp_path / "b.geojson", theirs)


def test_what_was_compared_is_told_before_the_result():
    done = run_detente("check", OURS, THEIRS)
    table, _, result = done.stdout.partition("2 conflicts")
    assert result
    assert "FL 090 (9,000 ft, 2,743 m) – FL 110 (11,000 ft, 3,353 m)" in table
    assert "2025-06-01 13:59:30Z" in table
    assert "at no common time: 0" in table
    assert "All our plans are past" in table
    found = json.loads(run_detente("check", OURS, THEIRS, "--json").stdout)["compared"]
    assert found["doubts"] == ["ours_past", "theirs_past"]
    assert not found["nothing_compared"]
    assert found["theirs"]["extent"]["end"] == "2025-06-02T08:00:00Z"
    assert found["ours"]["plans"] == 3


def exchange(path: Path, to: Path) -> Path:
    document = json.loads(path.read_text())
    for one in document["features"]:
        geometry = one["geometry"]
        if geometry["type"] == "Point":
            geometry["coordinates"] = geometry["coordinates"][::-1]
        elif geometry["type"] == "LineString":
            geometry["coordinates"] = [point[::-1] for point in geometry["coordinates"]]
        else:
            geometry["coordinates"] = [[point[::-1] for point in ring] for ring in geometry["coordinates"]]
    to.write_text(json.dumps(document))
    return to


@pytest.mark.parametrize("wrong", ["ours", "theirs"])
def test_exchanged_coordinates_are_no_finding_that_there_is_no_conflict(wrong, tmp_path, many):
    files = {"ours": many[0], "theirs": many[1]}
    files[wrong] = exchange(files[wrong], tmp_path / "exchanged.geojson")
    done = run_detente("check", *files.values())
    assert done.returncode == 11
    assert "NOTHING COMPARED" in done.stdout
    assert "WARNING: no plan of one file can meet any of the other" in done.stderr
    assert f"are they exchanged in {'our' if wrong == 'ours' else 'their'} file?" in done.stderr
    found = json.loads(run_detente("check", *files.values(), "--json").stdout)["compared"]
    assert found["nothing_compared"]
    assert f"{wrong}_exchanged" in found["doubts"]
    assert found["ours"]["alone_in_place"] == found["ours"]["plans"]
    quiet = run_detente("check", *files.values(), "--quiet")
    assert (quiet.returncode, quiet.stdout) == (11, "")
    assert "WARNING" in quiet.stderr


def test_apart_in_height_alone_is_no_conflict_and_exit_code_0(tmp_path):
    ours = write(tmp_path / "a.geojson", [feature("A", 46.0, 0)])
    theirs = write(tmp_path / "b.geojson", [feature("B", 46.0, 0, level=300.0)])
    done = run_detente("check", ours, theirs)
    assert (done.returncode, done.stderr) == (0, "")
    assert "No conflict: 1 plan of ours" in done.stdout


def table_numbers(text: str) -> dict[str, int]:
    """The number of each of our plans in the table."""
    rows = [line.split() for line in text.splitlines()]
    return {row[1]: int(row[0]) for row in rows if len(row) > 1 and row[0].isdigit() and row[1].startswith("A")}


def test_a_conflict_has_one_number_wherever_it_is_shown(tmp_path, many):
    table = table_numbers(run_detente("check", *many).stdout)
    plotted = run_detente("check", *many, "--plot", tmp_path / "map.png")
    out = tmp_path / "all.csv"
    whole = json.loads(run_detente("check", *many, "--json", "--out", out).stdout)
    numbers = {one["first_plan_id"]: one["number"] for one in whole["conflicts"]}
    assert numbers == {f"A{n:02d}": n + 1 for n in range(70)}
    assert table == {name: number for name, number in numbers.items() if number <= 50}
    assert table_numbers(plotted.stdout) == table
    features = json.loads(run_detente("check", *many, "--geojson").stdout)["features"]
    assert {one["properties"]["first_plan_id"]: one["properties"]["number"] for one in features} == numbers
    with out.open(newline="") as stream:
        assert {row["ours"]: int(row["number"]) for row in csv.DictReader(stream)} == numbers
    assert "The worst 50 of 70 conflicts are shown" in plotted.stdout


def test_a_choice_keeps_the_numbers_and_the_exit_code(many):
    def chosen(*options: str) -> list[int]:
        done = run_detente("check", *many, "--json", *options)
        assert done.returncode == 1
        document = json.loads(done.stdout)
        assert document["found"] == 70
        return [one["number"] for one in document["conflicts"]]

    assert chosen("--worst", "3") == [1, 2, 3]
    assert chosen("--from", "2031-06-01T21:30Z") == [70]
    assert chosen("--from", "2031-06-01T10:05:00Z", "--to", "2031-06-01T10:20:00Z") == [1, 2, 3]
    assert chosen("--area", "45,7 47,9", "--worst", "2") == [1, 2]
    assert chosen("--area", "46.1,7 47,9") == []
    assert chosen("--area", "45,7 45,9 47,9 47,7", "--to", "2031-06-01T10:00Z") == [1]
    shown = run_detente("check", *many, "--worst", "2").stdout
    assert list(table_numbers(shown)) == ["A00", "A01"]
    assert "2 of 70 conflicts are shown, as asked." in shown


def test_a_large_result_is_counted_by_plan_and_hour(many):
    done = run_detente("check", *many)
    assert "2031-06-01 10:00Z" in done.stdout
    assert "Plans of theirs with the most conflicts" in done.stdout
    counts = json.loads(run_detente("check", *many, "--json").stdout)["counts"]
    assert sum(counts["hours"].values()) == 70
    assert counts["hours"]["2031-06-01T10:00:00Z"] == 6
    assert counts["ours"]["A07"] == 1


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--worst", "0"), "--worst"),
        (("--from", "14:00"), "--from"),
        (("--from", "2031-06-01T14:00Z", "--to", "2031-06-01T13:00Z"), "--to"),
        (("--area", "45,7"), "--area"),
        (("--area", "45,7 47,9 45,9 47,7"), "--area"),
        (("--out", "conflicts.xlsx"), "--out"),
    ],
)
def test_a_choice_that_cannot_be_read_is_refused(options, word):
    done = run_detente("check", OURS, THEIRS, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr


def test_parquet_holds_what_csv_holds_and_no_file_is_overwritten(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table, plain = tmp_path / "c.parquet", tmp_path / "c.csv"
    for out in (table, plain):
        assert run_detente("check", OURS, THEIRS, "--out", out).returncode == 1
    rows = parquet.read_table(table).to_pylist()
    with plain.open(newline="") as stream:
        read = list(csv.DictReader(stream))
    assert [row["ours"] for row in rows] == [row["ours"] for row in read] == ["SURVEY-2", "RELIEF-7"]
    assert rows[1]["start_without_containment"] > rows[1]["start"]
    assert float(read[1]["horizontal_m"]) == rows[1]["horizontal_m"]
    assert read[1]["start"].endswith("Z")
    again = run_detente("check", OURS, THEIRS, "--out", plain)
    assert again.returncode == 2
    assert "--out" in again.stderr


def test_heights_are_in_the_planners_words_and_times_beside_those_without_containment(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    done = run_detente("check", OURS, THEIRS)
    assert "ours 14:13:17Z FL 110 (11,000 ft, 3,353 m)" in done.stdout
    assert "theirs 14:12:15Z 3,292 m (10,800 ft) on standard pressure" in done.stdout
    assert "500 ft (152 m) – 2,500 ft (762 m) on QNH 1003 hPa" in done.stdout
    assert "above the ellipsoid" in done.stdout
    assert "without containment 14:12:01Z – 14:13:53Z" in done.stdout
    french = run_detente("check", OURS, THEIRS, language="fr")
    assert "sans tolérance" in french.stdout
    (_, second) = json.loads(run_detente("check", OURS, THEIRS, "--json").stdout)["conflicts"]
    assert second["first_planned"]["unit"] == "FL"
    assert second["without_containment"]["start"] > second["start"]


def test_paths_that_keep_the_minima_themselves_say_so(tmp_path):
    wide = feature("A", 46.0, 0)
    wide["properties"]["containment"]["lateral_m"] = 8_000
    ours = write(tmp_path / "a.geojson", [wide])
    theirs = write(tmp_path / "b.geojson", [feature("B", 46.12, 0)])
    done = run_detente("check", ours, theirs)
    assert done.returncode == 1
    assert "without containment never" in done.stdout
    (found,) = json.loads(run_detente("check", ours, theirs, "--json").stdout)["conflicts"]
    assert found["without_containment"] is None


@pytest.mark.parametrize("language", Language)
def test_the_map_says_what_it_shows(many, tmp_path, language):
    reading = PlanReading().options_of_each(2)
    sides = tuple(load_plans(path, options) for path, options in zip(many, reading, strict=True))
    table = MinimaTable(default=Minima(9260.0, 304.8))
    sets = compare(sides[0].plans, sides[1].plans, table)
    side_plans = sides[0].plans, sides[1].plans
    checked = Checked(
        many, sides, table.default, compared(sets, side_plans, table.default, datetime.now(UTC)), len(sets.passes),
        Choice(worst=65).of(sets.passes),
    )  # fmt: skip
    caption = map_caption(checked, language)
    assert "a.geojson" in caption.title
    assert "65" in caption.title
    words = " ".join(caption.below)
    assert "9" in words
    assert "2031-06-01" in words
    assert "70" in words
    assert caption.worst[0].startswith("1   A00 / B00, 10:0")
    assert len(caption.worst) == 8


def test_a_level_below_10000_ft_is_feet_on_the_map_and_as_planned_in_the_table():
    low = PlannedHeight(90.0, 95.0, AltitudeUnit.FLIGHT_LEVEL, StandardPressure())
    assert in_words(low, Language.ENGLISH).startswith("FL 090")
    assert in_words(low, Language.ENGLISH, below_levels=True).startswith("9,000 ft (2,743 m) – 9,500 ft")
    assert (
        figures.altitude(Language.ENGLISH, 3000.0, standard_pressure=True) == "9,843 ft (3,000 m) on standard pressure"
    )
    assert figures.altitude(Language.ENGLISH, 3048.0, standard_pressure=True).startswith("FL 100")


@pytest.mark.parametrize(
    "command", [("plan", "import"), ("match", "run"), ("match", "late"), ("details", "commit"), ("check",)]
)
def test_every_command_that_reads_plan_files_takes_the_same_options(command):
    assert command[0] in COMMANDS
    words = run_detente(*command, "--help").stdout
    for option in ("--as", "--utc-offset", "--containment", "--ground-elevation"):
        assert option in words
