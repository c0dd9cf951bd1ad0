"""The demo on a day of one's own: which plans are of the day, whose they are, and the terms that they need."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

import forked
from detente.accord.matching_terms import AltitudeFamilies
from detente.airspace.refusal import Refusal
from detente.feeds.load import LoadOptions
from detente.rehearsal.own_day import own_day


def run_detente(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [forked.program(), *map(str, arguments)], capture_output=True, text=True, timeout=800, check=False
    )


def plan(plan_id: str, day: int, hour: int, *, north: float = 0.0, kind: str = "standard") -> dict:
    return {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": [[8.0, 46.0 + north], [9.0, 46.0 + north]]},
        "properties": {
            "kind": "trajectory", "plan_id": plan_id,
            "times": [f"2026-03-{day:02d}T{hour:02d}:00:00Z", f"2026-03-{day:02d}T{hour:02d}:30:00Z"],
            "altitudes": {"reference": {"kind": kind}, "unit": "ft", "values": [10_000, 10_000]},
            "containment": {"lateral_m": 100, "vertical_m": 20, "along_time_s": 0},
        },
    }  # fmt: skip


def write(path: Path, *plans: dict) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(plans)}))
    return path


def test_two_files_are_the_two_parties_on_the_day_of_most(tmp_path):
    ours = write(tmp_path / "a.geojson", plan("A1", 2, 10), plan("A2", 2, 11), plan("A3", 3, 10))
    theirs = write(tmp_path / "b.geojson", plan("B1", 2, 10), plan("B2", 2, 11))
    found = own_day([ours, theirs], LoadOptions(), ("North", "South"))
    assert (found.names, found.day) == (("North", "South"), datetime(2026, 3, 2, tzinfo=UTC))
    assert [[one.plan_id for one in side] for side in found.plans] == [["A1", "A2"], ["B1", "B2"]]
    assert found.other_days == 1
    assert found.matching.altitudes is AltitudeFamilies.PRESSURE
    mixed = write(tmp_path / "c.geojson", plan("C1", 2, 10, kind="mean_sea_level"))
    assert own_day([ours, mixed], LoadOptions(), None).matching.altitudes is AltitudeFamilies.BOTH


def test_the_flights_of_one_file_are_divided_by_callsign(tmp_path):
    rows = ["timestamp,icao24,latitude,longitude,altitude,callsign"]
    for address, callsign, north in (("4b1234", "SWR123", 0.0), ("4b9999", "HBABC", 0.5)):
        rows += [
            f"2026-03-02T10:{minute:02d}:00Z,{address},{46.0 + north},{8.0 + 0.1 * minute:.2f},10000,{callsign}"
            for minute in range(10)
        ]
    (tmp_path / "day.csv").write_text("\n".join(rows) + "\n")
    found = own_day([tmp_path / "day.csv"], LoadOptions(), None)
    assert [[one.plan_id for one in side] for side in found.plans] == [["SWR123.4b1234_01"], ["HBABC.4b9999_01"]]


def test_what_cannot_be_a_day_of_two_parties_is_refused(tmp_path):
    ours = write(tmp_path / "a.geojson", plan("A1", 2, 10), plan("A2", 2, 11))
    later = write(tmp_path / "b.geojson", plan("B1", 5, 10))
    for files, code in (([ours], "flights_of_both"), ([ours, later], "both_on_one_day"), ([], "one_or_two_files")):
        with pytest.raises(Refusal) as caught:
            own_day(files, LoadOptions(), None)
        assert caught.value.code == f"rehearsal.{code}"


@pytest.mark.parametrize("names", ["North", "North,north", "North,South,West", "No rth,South"])
def test_names_of_parties_are_two_that_differ(names, tmp_path):
    ours = write(tmp_path / "a.geojson", plan("A1", 2, 10))
    done = run_detente("demo", "--out", tmp_path / "out", "--data", ours, "--data", ours, "--parties", names)
    assert done.returncode == 2
    assert "--parties" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_the_demo_runs_on_ones_own_day(tmp_path):
    ours = write(tmp_path / "a.geojson", plan("A1", 2, 10), plan("A2", 2, 14, north=0.5))
    theirs = write(tmp_path / "b.geojson", plan("B1", 2, 10, north=0.01), plan("B2", 2, 18))
    out = tmp_path / "out"
    done = run_detente("demo", "--out", out, "--data", ours, "--data", theirs, "--parties", "North,South")
    assert done.returncode == 0, done.stderr
    assert (out / "north" / "journal.sqlite").exists()
    assert "plans of North" in done.stdout
    assert (out / "report.html").exists()
