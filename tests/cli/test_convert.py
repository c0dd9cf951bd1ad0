"""detente convert, and what is said beside files of routes, as a user runs them."""

import subprocess
from pathlib import Path

import pytest

import forked
from detente.airspace.refusal import Refusal
from detente.cli.plan_reading import PlanReading
from detente.feeds.load import load_plans

SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
MISSION, OURS = SAMPLES / "survey.plan", SAMPLES / "ours.geojson"
BESIDE = ("--start", "2025-06-01T14:30Z", "--climb", "2m/s")


def detente(*arguments, **environment) -> subprocess.CompletedProcess[str]:
    settings = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment}
    return subprocess.run(
        [forked.program(), *map(str, arguments)], capture_output=True, text=True, env=settings, timeout=240, check=False
    )


def beside(**typed):
    """What was typed, and nothing else."""
    return PlanReading(**typed)


def test_a_mission_is_written_as_kml_and_read_back(tmp_path):
    done = detente("convert", MISSION, "--to", "KML", "--out", tmp_path / "mission.kml", *BESIDE)
    assert (done.returncode, done.stdout) == (0, "")
    assert "1 geofence left out" in done.stderr
    (options,) = beside(start="2025-06-01T14:30Z", climb="2m/s").options_of_each(1)
    assert load_plans(tmp_path / "mission.kml").plans == load_plans(MISSION, options).plans
    again = detente("convert", MISSION, "--to", "kml", "--out", tmp_path / "mission.kml", *BESIDE)
    assert again.returncode == 2
    assert "--out" in again.stderr


def test_what_is_missing_and_what_is_unknown_is_exit_code_2_in_both_languages():
    done = detente("convert", MISSION, "--to", "shapefile", *BESIDE)
    assert (done.returncode, "geojson, kml, cot, plans-csv, geoparquet" in done.stderr) == (2, True)
    done = detente("check", MISSION, OURS, LANG="fr_FR.UTF-8")
    assert done.returncode == 2
    assert "donnez-le avec --climb 500ft/min" in done.stderr
    done = detente("check", MISSION, OURS, "--climb", "2m/s")
    assert "give it with --start 2025-06-01T14:30Z" in done.stderr


def test_options_may_be_said_for_each_of_two_files():
    ours, theirs = beside(start="2025-06-01T14:30Z,2025-06-02T10:00Z", speed=",50kt", height="FL095").options_of_each(2)
    assert (ours.routes.start.day, theirs.routes.start.day) == (1, 2)
    assert (ours.routes.speed_m_s, theirs.routes.speed_m_s) == (None, pytest.approx(50 * 1852 / 3600))
    assert ours.routes.altitude == theirs.routes.altitude


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"start": "2025-06-01T14:30Z,,"}, "--start"),
        ({"start": "2025-06-01T14:30"}, "--start"),
        ({"start": "tomorrow"}, "--start"),
        ({"speed": "120"}, "kt, km/h, m/s"),
        ({"speed": "0kt"}, "more than zero"),
        ({"climb": "500ft"}, "ft/min"),
        ({"height": "3000ft"}, "--height"),
        ({"heights": "FL100"}, "--heights"),
        ({"points": Path("absent.csv")}, "absent.csv"),
    ],
)
def test_what_is_typed_wrong_is_named(typed, expected):
    with pytest.raises(Refusal) as caught:
        beside(**typed).options_of_each(2)
    assert expected in str(caught.value)
