"""BlueSky's own scenarios: the conflicts that two independent means expect, found by states and by plans.

Expected are the pairs of BlueSky's state-based detector and of a great-circle check that steps by 0.5 s; they agree.
"""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from oracle_states import distance_until, on_ellipsoid, rows_by_pair, straight_plans
from plan_strategies import START

from detente.airspace.search import encounters_within
from detente.airspace.separation import Minima, MinimaTable
from detente.airspace.tactical import Plane, Traffic, detect

FOLDER = Path(__file__).parent.parent / "data" / "bluesky_scenarios"
SCENARIOS = sorted(path.name.removesuffix(".expected.json") for path in FOLDER.glob("*.expected.json"))
LOOK_AHEADS_S = (300, 1200)
ZONE_M, HALF_HEIGHT_M = 9260.0, 304.8
SPHERE_M = 6_371_000.0
STEP_S = 0.5
FIELDS = ("lat_deg", "lon_deg", "alt_m", "gs_mps", "track_deg", "vs_mps")


def read(name: str) -> tuple[list[str], Traffic, dict]:
    with (FOLDER / f"{name}.state.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = [np.array([float(row[field]) for row in rows]) for field in FIELDS]
    expected = json.loads((FOLDER / f"{name}.expected.json").read_text(encoding="utf-8"))
    assert expected["protected_zone_m"] == ZONE_M
    assert expected["protected_half_height_m"] == HALF_HEIGHT_M
    assert expected["agree"] is True
    return [row["id"] for row in rows], Traffic(*columns), expected


def carried_over(traffic: Traffic, shift_deg: float = 0.0) -> Traffic:
    """The scenario on the ellipsoid, its metres kept: all of them lie within two degrees of the equator."""
    assert np.abs(traffic.latitude_deg).max() < 2.0
    north_m = SPHERE_M * np.radians(traffic.latitude_deg)
    latitude, longitude = on_ellipsoid(north_m, SPHERE_M * np.radians(traffic.longitude_deg), 0.0, shift_deg)
    return Traffic(
        latitude, longitude, traffic.altitude_m, traffic.ground_speed_mps, traffic.track_deg, traffic.vertical_speed_mps
    )


def by_pair(expected: dict, means: str, look_ahead_s: int) -> dict[frozenset[str], dict]:
    return {frozenset((row["a"], row["b"])): row for row in expected[means][str(look_ahead_s)]}


def stepping_error_m(row: dict, traffic: Traffic) -> float:
    """How much less than the stepped distance the true one may be: half a step at the greatest closing speed."""
    closing_m = float(2.0 * traffic.ground_speed_mps.max()) * 0.5 * STEP_S
    return row["dmin_m"] - np.sqrt(max(0.0, row["dmin_m"] ** 2 - closing_m**2))


def test_all_scored_scenarios_are_here():
    assert len(SCENARIOS) == 20


@pytest.mark.parametrize("look_ahead_s", LOOK_AHEADS_S)
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_flat_plane_says_what_bluesky_says(name, look_ahead_s):
    ids, traffic, expected = read(name)
    pairs = by_pair(expected, "bluesky_statebased", look_ahead_s)
    found = detect(traffic, ZONE_M, HALF_HEIGHT_M, look_ahead_s, Plane.FLAT)
    rows = rows_by_pair(found, ids)
    assert rows.keys() == pairs.keys()
    for pair, row in rows.items():
        # Printed to 0.1 m and 0.01 s.
        assert found.closest_m[row] == pytest.approx(pairs[pair]["dcpa_m"], abs=0.06)
        assert found.closest_s[row] == pytest.approx(pairs[pair]["tcpa_s"], abs=0.006)
        assert found.entry_s[row] == pytest.approx(pairs[pair]["t_los_entry_s"], abs=0.006)


@pytest.mark.parametrize("shift_deg", [0.0, 180.0])
@pytest.mark.parametrize("look_ahead_s", LOOK_AHEADS_S)
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_tangent_plane_says_what_great_circles_say(name, look_ahead_s, shift_deg):
    """Also with the scenario carried to the antimeridian, where BlueSky's compiled detector misses what crosses."""
    ids, traffic, expected = read(name)
    pairs = by_pair(expected, "great_circle_check", look_ahead_s)
    traffic = carried_over(traffic, shift_deg)
    found = detect(traffic, ZONE_M, HALF_HEIGHT_M, look_ahead_s)
    rows = rows_by_pair(found, ids)
    assert rows.keys() == pairs.keys()
    for pair, row in rows.items():
        hidden_m = stepping_error_m(pairs[pair], traffic)
        difference_m = pairs[pair]["dmin_m"] - distance_until(found, row, look_ahead_s)
        assert -10.0 <= difference_m <= 10.0 + hidden_m
        assert -0.2 <= pairs[pair]["t_first_los_s"] - found.entry_s[row] <= 0.2 + STEP_S


@pytest.mark.parametrize("shift_deg", [0.0, 180.0])
@pytest.mark.parametrize("look_ahead_s", LOOK_AHEADS_S)
@pytest.mark.parametrize("name", SCENARIOS)
def test_plans_of_straight_legs_meet_as_great_circles_do(name, look_ahead_s, shift_deg):
    ids, traffic, expected = read(name)
    pairs = by_pair(expected, "great_circle_check", look_ahead_s)
    traffic = carried_over(traffic, shift_deg)
    table = MinimaTable(default=Minima(ZONE_M, HALF_HEIGHT_M))
    met = encounters_within(straight_plans(traffic, ids, float(look_ahead_s)), table)
    assert {frozenset((one.first_plan_id, one.second_plan_id)) for one in met} == pairs.keys()
    for one in met:
        row = pairs[frozenset((one.first_plan_id, one.second_plan_id))]
        assert -2.0 <= row["dmin_m"] - one.horizontal_m <= 2.0 + stepping_error_m(row, traffic)
        assert -0.1 <= row["t_first_los_s"] - (one.start - START).total_seconds() <= 0.1 + STEP_S
