"""detente check as a user runs it: a process, its exit code, its output and its one line of complaint."""

import json
import subprocess
from pathlib import Path

import pytest

import forked
from detente.airspace.altitude import Ground, MeanSeaLevel, Qfe, Qnh, StandardPressure
from detente.airspace.refusal import Refusal
from detente.airspace.separation import AltitudeFrame, Minima
from detente.cli import check_output, quantities
from detente.language import Language

SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
OURS, THEIRS = SAMPLES / "ours.geojson", SAMPLES / "theirs.geojson"


def detente(*arguments, **environment) -> subprocess.CompletedProcess[str]:
    settings = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment}
    return subprocess.run(
        [forked.program(), "check", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=settings,
        timeout=240,
        check=False,
    )


def test_conflicts_are_shown_with_both_units_and_exit_code_1():
    done = detente(OURS, THEIRS)
    assert (done.returncode, done.stderr) == (1, "")
    for words in (
        "2 conflicts: 3 plans of ours",
        "Minima: 5.00 NM (9.26 km), 1,000 ft (305 m), 0 s.",
        "RELIEF-7",
        "PATROL-1",
        "2025-06-01 14:11:46Z",
        "0.00 NM (0 m), needed 5.81 NM (10.8 km)",
        "200 ft (60 m), needed 1,525 ft (465 m)",
        "ours 14:13:17Z FL 110 (11,000 ft, 3,353 m)",
        "above the ellipsoid",
    ):
        assert words in done.stdout
    assert "CARGO-3" not in done.stdout


def test_the_table_reads_in_french_by_option_or_environment():
    by_option = detente(OURS, THEIRS, "--language", "fr", "--minima", "1NM,300ft,2min")
    by_environment = detente(OURS, THEIRS, "--minima", "1NM,300ft,2min", LANG="fr_FR.UTF-8")
    assert by_option.stdout == by_environment.stdout
    assert "requis 1,81 NM (3,35 km)" in by_option.stdout
    assert "à nous" in by_option.stdout


def test_dates_that_never_meet_are_no_finding_that_there_is_no_conflict(tmp_path):
    quiet = detente(OURS, THEIRS, "--minima", "10m,10m,0s")
    assert quiet.returncode == 1  # SURVEY-2 and ZONE-A share airspace whatever the minima
    (tmp_path / "later.geojson").write_text(THEIRS.read_text().replace("2025-06-0", "2025-07-0"))
    done = detente(OURS, tmp_path / "later.geojson")
    assert done.returncode == 11
    assert "NOTHING COMPARED: 3 plans of ours" in done.stdout
    assert "No conflict" not in done.stdout
    assert "29 days apart: are the dates right?" in done.stderr


def test_json_holds_every_encounter_and_what_was_left_out():
    done = detente(OURS, SAMPLES / "theirs.kml", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    pairs = {(c["first_plan_id"], c["second_plan_id"]) for c in found["conflicts"]}
    assert pairs == {("RELIEF-7", "PATROL-1"), ("SURVEY-2", "ZONE-A")}
    assert found["minima"] == {"horizontal_m": 9260.0, "vertical_m": 304.8, "time_s": 0.0}
    assert found["theirs"]["left_out"] == {"point": 1}
    assert "theirs.kml: 1 point left out" in done.stderr
    assert all(c["horizontal_m"] < c["required_horizontal_m"] for c in found["conflicts"])


def test_geojson_is_a_feature_for_each_conflict():
    done = detente(OURS, SAMPLES / "flown.csv", "--geojson")
    assert done.returncode == 1
    (feature,) = json.loads(done.stdout)["features"]
    assert feature["geometry"]["type"] in {"Point", "LineString"}
    assert feature["properties"]["second_plan_id"] == "4b1803_01"
    assert "flown.csv: 1 report left out: on the ground" in done.stderr


BOWTIE = [[34.0, 35.0], [35.0, 36.0], [35.0, 35.0], [34.0, 36.0], [34.0, 35.0]]


def crossed_ring() -> str:
    document = json.loads(THEIRS.read_text())
    document["features"][1]["geometry"]["coordinates"] = [BOWTIE]
    return json.dumps(document)


HOSTILE = {
    "bare-altitude.geojson": (
        lambda: OURS.read_text().replace('"unit": "ft", ', "", 1),
        ["features[2] 'SURVEY-2'", "properties.altitude.lower.unit", "Add it"],
    ),
    "crossed-ring.geojson": (crossed_ring, ["ZONE-A", "cross"]),
    "entities.kml": (lambda: '<!DOCTYPE kml [<!ENTITY a "a">]><kml>&a;</kml>', ["line 1", "DOCTYPE"]),
    "above-ground.kml": (
        lambda: (SAMPLES / "theirs.kml").read_text().replace("absolute", "relativeToGround"),
        ["Exercise area A", "--ground-elevation"],
    ),
    "local-time.csv": (
        lambda: (SAMPLES / "flown.csv").read_text().replace("14:10:00Z", "14:10:00", 1),
        ["row 3: timestamp", "2025-06-01T14:10:00", "offset from UTC"],
    ),
    "noise.parquet": (lambda: "PAR1 and nothing else", ["Parquet file that can be read"]),
    "\x1b[2Jnasty\nname.geojson": (lambda: "[" * 100_000, ["\\x1b[2Jnasty\\nname.geojson", "nested too deeply"]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_broken_or_hostile_file_is_one_line_and_exit_code_2(name, tmp_path):
    make, expected = HOSTILE[name]
    (tmp_path / name).write_text(make())
    done = detente(OURS, tmp_path / name)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("detente: ")
    assert line.isprintable()
    assert "Traceback" not in line
    for words in expected:
        assert words in line, line


def test_a_missing_file_an_unknown_format_and_bare_minima_are_exit_code_2(tmp_path):
    for arguments, words in (
        ((OURS, tmp_path / "absent.geojson"), "no such file"),
        ((OURS, THEIRS, "--minima", "5,1000ft"), "say the unit"),
        ((OURS, THEIRS, "--format", "xml"), "--format"),
    ):
        done = detente(*arguments)
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_a_map_that_cannot_be_written_is_exit_code_2_and_one_that_can_is_a_picture(tmp_path):
    refused = detente(OURS, THEIRS, "--plot", tmp_path / "absent" / "map.png")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "absent" in refused.stderr
    done = detente(OURS, THEIRS, "--plot", tmp_path / "map.png")
    assert done.returncode == 1
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("text", "minima"),
    [
        ("5NM,1000ft,0s", Minima(9260.0, 304.8, 0.0)),
        ("10 km, 300 m, 2 min", Minima(10_000.0, 300.0, 120.0)),
        ("0.5nmi,500ft", Minima(926.0, 152.4, 0.0)),
        ("1500ft,0.3km,90s", Minima(457.2, 300.0, 90.0)),
    ],
)
def test_minima_are_read_in_any_unit(text, minima):
    read = quantities.minima(text)
    assert (read.horizontal_m, read.vertical_m, read.time_s) == pytest.approx(
        (minima.horizontal_m, minima.vertical_m, minima.time_s)
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5,1000ft,0s", "say the unit"),
        ("5nm,1000ft,0s", "Write NM"),
        ("5NM,FL10,0s", "a number and a unit"),
        ("5NM,10FL,0s", "1000ft"),
        ("5NM", "horizontal, vertical and time"),
        ("5,5NM,1000ft,0s", "Decimals take a dot"),
        ("5NM,1000ft,1h", "s, min"),
        ("-5NM,1000ft,0s", "horizontal_m"),
        ("nanNM,1000ft,0s", "a number and a unit"),
        ("1e9NM,1000ft", "a number and a unit"),
        ("999999999NM,1000ft", "horizontal_m"),
        ("٥NM,1000ft", "a number and a unit"),
        ("5NM,1000ft,0s,", "horizontal, vertical and time"),
        ("", "horizontal, vertical and time"),
    ],
)
def test_minima_that_could_mean_anything_else_are_refused(text, words):
    with pytest.raises(Refusal) as caught:
        quantities.minima(text)
    assert words in str(caught.value)


def test_containment_and_elevation_take_units():
    assert quantities.containment("100m,100ft,1min").vertical_m == pytest.approx(30.48)
    assert quantities.elevation_m("2021ft") == pytest.approx(616.0, abs=0.01)
    for refused in ("100m", "100m,30m"):
        with pytest.raises(Refusal):
            quantities.containment(refused)
    with pytest.raises(Refusal):
        quantities.elevation_m("616")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("frame", "reference", "words"),
    [
        (AltitudeFrame.AS_PLANNED, StandardPressure(), ["FL 100", "3"]),
        (AltitudeFrame.STANDARD_PRESSURE, Qnh(1003.0), ["FL 100"]),
        (AltitudeFrame.AS_PLANNED, Qnh(1003.0), ["QNH 1003 hPa"]),
        (AltitudeFrame.AS_PLANNED, Qfe(941.0, 616.0), ["QFE 941 hPa", "616 m"]),
        (AltitudeFrame.AS_PLANNED, MeanSeaLevel(), ["048 m"]),
        (AltitudeFrame.AS_PLANNED, Ground(616.0), ["616 m"]),
        (AltitudeFrame.ELLIPSOID, StandardPressure(), ["ellipso"]),
    ],
)
def test_an_altitude_says_what_it_is_measured_from(language, frame, reference, words):
    written = check_output.altitude(language, 3048.0, frame, reference)
    for word in words:
        assert word in written


def test_a_user_insists_on_a_format_and_says_the_offset_of_times_without_zone(tmp_path):
    fields = "2025/06/01,16:11:40.000,2025/06/01,16:11:40.000,,10990,,,35.898,33.79,,,0,0,0,0"
    heard = tmp_path / "heard.txt"
    heard.write_text(f"MSG,3,1,1,4B1234,1,{fields}\n")
    asked = detente(OURS, heard)
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "--utc-offset" in asked.stderr
    assert detente(OURS, heard, "--utc-offset", "+02:00").returncode == 1
    assert detente(OURS, heard, "--utc-offset", "-05:00").returncode == 11
    insisted = detente(OURS, heard, "--as", "geojson,csv")
    assert insisted.returncode == 2
    assert "one column timestamp" in insisted.stderr
    for option, word in (("--as", "shapefile"), ("--as", "kml,kml,kml"), ("--utc-offset", "CEST")):
        wrong = detente(OURS, heard, option, word)
        assert (wrong.returncode, wrong.stdout) == (2, "")
        assert word in wrong.stderr
