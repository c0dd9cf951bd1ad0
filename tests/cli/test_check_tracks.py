"""detente check on tracks that went wrong, each made by hand after what people who feed and convert tracks have met."""

import json
from pathlib import Path

import pytest
from command_line import run_detente

CASES = Path(__file__).parents[1] / "data" / "track_cases"


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    """Tables wrap at COLUMNS, which parallel runs set."""
    monkeypatch.setenv("COLUMNS", "200")


def check(ours, theirs, minima, *options):
    done = run_detente("check", CASES / ours, CASES / theirs, "--minima", minima, "--json", *options)
    return done, json.loads(done.stdout)


def intervals(found) -> list[tuple[str, str]]:
    return [(c["start"][11:19], c["end"][11:19]) for c in found["conflicts"]]


@pytest.mark.parametrize(
    ("ours", "theirs", "clean", "minima", "left_out"),
    [
        ("own-geneva.geojson", "dup-icao.csv", "dup-icao-b-only.csv", "1NM,500ft,0s", {}),
        ("own-null.geojson", "null-island.csv", "null-island-clean.csv", "1NM,500ft,0s", {"null_position": 2}),
        ("own-spike-low.geojson", "alt-spike.csv", "alt-spike-clean.csv", "500m,500ft,0s", {"too_steep": 1}),
        ("stuck_b.csv", "stuck_a.csv", "stuck_a_ok.csv", "5NM,1000ft,0s", {"too_steep": 150}),
    ],
)
def test_wrong_reports_hide_no_conflict(ours, theirs, clean, minima, left_out):
    done, found = check(ours, theirs, minima)
    expected = check(ours, clean, minima)[1]
    assert done.returncode == 1
    assert intervals(found) == intervals(expected) != []
    assert found["theirs"]["left_out"] == left_out


def test_two_aircraft_under_one_address_are_two_flights():
    _, found = check("own-geneva.geojson", "dup-icao.csv", "1NM,500ft,0s")
    assert found["theirs"]["plans"] == 2
    assert [c["second_plan_id"] for c in found["conflicts"]] == ["a8c0de_02"]


def test_a_wrong_altitude_makes_no_conflict():
    done, found = check("own-spike-high.geojson", "alt-spike.csv", "500m,500ft,0s")
    assert (done.returncode, found["conflicts"]) == (0, [])


def test_what_was_left_out_is_named_with_flight_times_place_and_reason():
    done, found = check("own-null.geojson", "null-island.csv", "1NM,500ft,0s")
    (stretch,) = found["theirs"]["left_out_stretches"]
    assert stretch == {
        "reason": "null_position",
        "flight": "4b1234",
        "reports": 2,
        "start": "2026-06-01T14:00:00Z",
        "end": "2026-06-01T14:00:02Z",
        "position": {"latitude_deg": 0.0, "longitude_deg": 0.0},
    }
    for words in ("4b1234", "2026-06-01 14:00:00Z – 14:00:02Z", "00°00.00′N 000°00.00′E", "at 0, 0"):
        assert words in done.stderr


def test_a_height_that_is_not_known_for_minutes_widens_the_leg_and_says_so():
    done, found = check("stuck_b.csv", "stuck_a.csv", "5NM,1000ft,0s")
    (conflict,) = found["conflicts"]
    assert conflict["required_vertical_m"] > 304.8 + 500.0
    assert "150 of 300 reports were wrong or incomplete" in done.stderr
    assert {s["reason"] for s in found["theirs"]["left_out_stretches"]} == {"too_steep", "unheard"}


def test_flight_levels_a_thousand_feet_apart_are_apart_unless_a_containment_is_given():
    assert check("lev_a.csv", "lev_b.csv", "5NM,1000ft,0s")[0].returncode == 0
    assert check("lev_a.csv", "lev_b.csv", "5NM,1000ft,0s", "--containment", "0m,0m,0s")[0].returncode == 0
    done, found = check("lev_a.csv", "lev_b.csv", "5NM,1000ft,0s", "--containment", "100m,50ft,0s")
    assert done.returncode == 1
    assert found["conflicts"][0]["required_vertical_m"] == pytest.approx(304.8 + 2 * 15.24)


def test_every_separate_pass_has_its_own_closest_approach():
    _, found = check("p_a.csv", "p_b.csv", "5NM,1000ft,0s")
    assert [c["closest_first_time"][11:16] for c in found["conflicts"]] == ["12:15", "12:44", "13:14"]
    assert all(c["horizontal_m"] < 100.0 for c in found["conflicts"])
    starts_and_ends = [moment for interval in intervals(found) for moment in interval]
    assert starts_and_ends == sorted(starts_and_ends)


def test_a_ghost_and_its_aircraft_in_two_files_are_marked_and_kept():
    done, found = check("gh_a.csv", "gh_b.csv", "0.5NM,500ft,0s")
    assert done.returncode == 1
    assert found["conflicts"][0]["may_be_same_aircraft"] == "rebroadcast"
    table = run_detente("check", CASES / "gh_a.csv", CASES / "gh_b.csv", "--minima", "0.5NM,500ft,0s").stdout
    assert "perhaps one aircraft: a rebroadcast track (~) lies on the other" in table


def test_the_same_aircraft_heard_by_both_sides_is_marked():
    _, found = check("stuck_a_ok.csv", "stuck_a_ok.csv", "0.5NM,500ft,0s")
    assert found["conflicts"][0]["may_be_same_aircraft"] == "same_address"
    _, found = check("p_a.csv", "p_b.csv", "5NM,1000ft,0s")
    assert all("may_be_same_aircraft" not in conflict for conflict in found["conflicts"])


def test_no_conflict_is_not_said_of_a_file_of_which_too_much_was_left_out(tmp_path):
    lines = (CASES / "stuck_a.csv").read_text().splitlines()
    later = "\n".join([lines[0], *(line.replace("2025-06-01T12", "2025-06-01T20") for line in lines[1:])])
    (tmp_path / "later.csv").write_text(later)
    done = run_detente("check", CASES / "stuck_b.csv", tmp_path / "later.csv")
    assert done.returncode == 10
    assert "aaaaaa: 150 of 300 reports were wrong or incomplete" in done.stderr
    allowed = run_detente("check", CASES / "stuck_b.csv", tmp_path / "later.csv", "--most-left-out", "60%")
    assert allowed.returncode == 11  # eight hours later


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pq-icao-null.parquet", "row 2: icao24"),
        ("csv-iso-variants.csv", "row 2: timestamp: '20260601T140000Z'"),
        ("feet-as-m.geojson", "give its unit as ft"),
        ("climb.geojson", "no higher than 26,000 m"),
    ],
)
def test_what_is_implausible_or_unreadable_is_named(name, words):
    done = run_detente("check", CASES / "own-null.geojson", CASES / name)
    assert done.returncode == 2
    assert words in done.stderr


def test_an_address_in_either_case_is_one_aircraft():
    _, found = check("own-null.geojson", "mixedcase.csv", "5NM,1000ft,0s")
    assert found["theirs"]["plans"] == 1


@pytest.mark.parametrize("share", ["10", "ten%", "101%", "-1%", "%"])
def test_a_share_is_written_in_hundredths(share):
    done = run_detente("check", CASES / "p_a.csv", CASES / "p_b.csv", "--most-left-out", share)
    assert done.returncode == 2
    assert "--most-left-out" in done.stderr


def test_a_report_far_aside_between_sparse_ones_is_named_and_hides_no_conflict(tmp_path):
    """One of the reports, 30 s apart, of an aircraft that flies east is 9 km north; another crosses where it was."""
    head = "timestamp,icao24,latitude,longitude,altitude\n"
    times = [f"2026-06-01T14:{30 * n // 60:02d}:{30 * n % 60:02d}Z" for n in range(20)]
    rows = [f"{at},4b0001,{0.081 if n == 9 else 0.0:.3f},{0.062 * n + 0.1:.3f},30000" for n, at in enumerate(times)]
    crossing = [f"{at},4b0002,{0.054 * (n - 9):.3f},0.658,30000" for n, at in enumerate(times)]
    for name, lines in (("ours.csv", crossing), ("theirs.csv", rows)):
        (tmp_path / name).write_text(head + "\n".join(lines) + "\n")
    done, found = check(tmp_path / "ours.csv", tmp_path / "theirs.csv", "1NM,500ft,0s")
    assert done.returncode == 1
    (stretch,) = found["theirs"]["left_out_stretches"]
    assert (stretch["reason"], stretch["reports"], stretch["start"]) == ("aside", 1, "2026-06-01T14:04:30Z")
    assert "doubtful, far aside" in done.stderr
