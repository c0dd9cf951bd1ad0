"""NASA's DAIDALUS with its plain cylinder detector (CD3D: 5 NM, 1,000 ft, 180 s), second by second.

The reference works on a sphere on which a minute of arc is a nautical mile; the encounters are carried to the ellipsoid
with their metres. What is left is its projection onto the own aircraft's plane: each check states its tolerance.
"""

import csv
import math
import os
from pathlib import Path

import numpy as np
import pytest
from oracle_states import distance_until, on_ellipsoid, straight_plans

from detente.airspace.search import encounter
from detente.airspace.separation import Minima
from detente.airspace.tactical import Traffic, detect

pytestmark = pytest.mark.shared

SCENARIOS = ("H1", "C1_0_120", "H0_0_120", "MultiAircraft")
HORIZONTAL_M, VERTICAL_M, LOOK_AHEAD_S = 5 * 1852.0, 1000 * 0.3048, 180.0
NM_M, FOOT_M, KNOT_MPS, FPM_MPS = 1852.0, 0.3048, 1852.0 / 3600.0, 0.3048 / 60.0
SPHERE_M = 1852.0 * 60.0 * 180.0 / math.pi
EVERYTHING_M = 190_000.0


def folder() -> Path:
    default = Path(__file__).resolve().parents[3] / "shared"
    path = Path(os.environ.get("DETENTE_SHARED", default)) / "data" / "daidalus"
    assert path.is_dir(), f"{path} is missing: set DETENTE_SHARED to the folder that holds data/daidalus"
    return path


def states(name: str) -> dict[float, dict[str, dict[str, float]]]:
    """For each second, each aircraft's latitude, longitude (degrees), altitude, speed, track, climb (SI)."""
    lines = [line for line in (folder() / "scenarios" / f"{name}.daa").read_text().splitlines() if line[:1] != "#"]
    head, units = (line.replace(",", " ").split() for line in lines[:2])
    scale = 1e-3 if units[head.index("time")] == "[ms]" else 1.0
    result: dict[float, dict[str, dict[str, float]]] = {}
    for line in lines[2:]:
        cells = dict(zip(head, line.replace(",", " ").split(), strict=False))
        if "vx" in cells:
            vx, vy = float(cells["vx"]), float(cells["vy"])
            speed, track, climb = math.hypot(vx, vy), math.degrees(math.atan2(vx, vy)), float(cells["vz"])
        else:
            speed, track, climb = float(cells["gs"]), float(cells["trk"]), float(cells["vs"])
        result.setdefault(round(float(cells["time"]) * scale, 6), {})[cells["NAME"]] = {
            "latitude": float(cells["lat"]), "longitude": float(cells["lon"]), "altitude": float(cells["alt"]) * FOOT_M,
            "speed": speed * KNOT_MPS, "track": track, "climb": climb * FPM_MPS,
        }  # fmt: skip
    return result


def expected(name: str) -> list[dict[str, str]]:
    with (folder() / "expected_reference_run" / f"{name}.CD3D.csv").open() as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file)]
    return [dict(zip(rows[0], row, strict=False)) for row in rows[2:]]


def pair(own: dict[str, float], other: dict[str, float]) -> Traffic:
    """Own aircraft and traffic on the ellipsoid, metres north and east kept as the reference projects them."""
    latitude, longitude = own["latitude"], own["longitude"]
    north_m = SPHERE_M * math.radians(other["latitude"] - latitude)
    east_m = SPHERE_M * math.radians(other["longitude"] - longitude) * math.cos(math.radians(latitude))
    there = on_ellipsoid(north_m, east_m, latitude, longitude)
    return Traffic(
        np.array([latitude, there[0]]), np.array([longitude, there[1]]),
        *(np.array([own[key], other[key]]) for key in ("altitude", "speed", "track", "climb")),
    )  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_closest_approach_and_alerts(name):
    by_time, rows = states(name), expected(name)
    assert len(rows) > 100
    alerts = 0
    for row in rows:
        at = by_time[round(float(row["Time"]), 6)]
        traffic = pair(at[row["Ownship"]], at[row["Traffic"]])
        whole = detect(traffic, EVERYTHING_M, 19_000.0, LOOK_AHEAD_S)
        assert len(whole) == 1
        far = float(row["Horizontal Separation"]) * NM_M
        # 0.3 % and 10 m: convergence of the meridians over the distance apart, which the reference's plane leaves out.
        assert whole.distance_m[0] == pytest.approx(far, rel=3e-3, abs=10)
        height = abs(traffic.altitude_m[1] - traffic.altitude_m[0])
        assert height == pytest.approx(float(row["Vertical Separation"]) * FOOT_M, abs=0.01)
        closest_s = float(row["Projected TCPA"])
        assert max(0.0, whole.closest_s[0]) == pytest.approx(closest_s, rel=3e-3, abs=0.1)
        # Its HMD is the smallest horizontal distance within the look-ahead; 40 m of it are the own plane's distortion.
        projected_m = float(row["Projected HMD"]) * NM_M
        assert distance_until(whole, 0, LOOK_AHEAD_S) == pytest.approx(projected_m, rel=3e-3, abs=40)

        inside = detect(traffic, HORIZONTAL_M, VERTICAL_M, LOOK_AHEAD_S)
        entry = row["Time to Volume of Alert(1)"]
        assert len(inside) == int(row["Alert Level"]) == (entry != "infty"), row
        if len(inside):
            alerts += 1
            assert inside.entry_s[0] == pytest.approx(float(entry), rel=5e-3, abs=0.2)
    assert alerts == sum(int(row["Alert Level"]) for row in rows) > 0


@pytest.mark.parametrize("name", SCENARIOS)
def test_plans_flown_from_the_states(name):
    """Every tenth second: two straight legs of 180 s meet when the reference alerts, as close as it projects."""
    by_time = states(name)
    for row in expected(name)[::10]:
        at = by_time[round(float(row["Time"]), 6)]
        ours, theirs = straight_plans(pair(at[row["Ownship"]], at[row["Traffic"]]), ["own", "traffic"], LOOK_AHEAD_S)
        met = encounter(ours, theirs, Minima(HORIZONTAL_M, VERTICAL_M))
        assert (met is not None) == (row["Alert Level"] == "1"), row
        if met is not None and float(row["Vertical Separation"]) == 0.0 == float(row["Vertical Closure Rate"]):
            projected_m = float(row["Projected HMD"]) * NM_M
            assert met.horizontal_m == pytest.approx(projected_m, rel=3e-3, abs=40)
