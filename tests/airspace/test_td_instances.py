"""Conflict instances of an independent published generator (Pelegrin and Cerulli, 2021), future conflicts only.

Its world is a plane without end, up to 1,500 NM wide, seen for all time. The instances are laid on the equator in a
small scale, so that the ellipsoid is as flat as their plane: lengths, speeds and minima shrink alike, times stay.
"""

import csv
from pathlib import Path

import numpy as np
import pytest
from oracle_states import on_ellipsoid, rows_by_pair, straight_plans
from plan_strategies import START

from detente.airspace.search import encounters_within
from detente.airspace.separation import Minima, MinimaTable
from detente.airspace.tactical import Plane, Traffic, detect

FOLDER = Path(__file__).parent.parent / "data" / "td_instances"
INSTANCES = sorted(path.name.removesuffix(".aircraft.csv") for path in FOLDER.glob("*.aircraft.csv"))
NM_M, KNOT_MPS, HOUR_S = 1852.0, 1852.0 / 3600.0, 3600.0
SEPARATION_NM = 5.0
SPHERE_M = 6_371_000.0


def read(name: str) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    tables = []
    for part in ("aircraft", "expected_conflicts"):
        with (FOLDER / f"{name}.{part}.csv").open(encoding="utf-8") as file:
            tables.append([{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)])
    aircraft, conflicts = tables
    return aircraft, [row for row in conflicts if row["future"] == 1]


def laid_on_the_equator(aircraft: list[dict[str, float]], scale: float, hurry: float, plane: Plane) -> Traffic:
    """The instance in a small scale; with `hurry` everything also happens so many times faster."""
    north_m, east_m = (scale * NM_M * np.array([row[axis] for row in aircraft]) for axis in ("y_nm", "x_nm"))
    if plane is Plane.FLAT:
        latitude, longitude = np.degrees(north_m / SPHERE_M), np.degrees(east_m / SPHERE_M)
    else:
        latitude, longitude = on_ellipsoid(north_m, east_m)
    vx, vy = (np.array([row[axis] for row in aircraft]) for axis in ("vx_kt", "vy_kt"))
    speed = scale * hurry * KNOT_MPS * np.hypot(vx, vy)
    level = np.zeros(len(aircraft))
    return Traffic(latitude, longitude, level, speed, np.degrees(np.arctan2(vx, vy)), level)


def pair_of(row: dict[str, float]) -> frozenset[str]:
    return frozenset((str(int(row["ac1"])), str(int(row["ac2"]))))


def test_all_instances_are_here():
    assert len(INSTANCES) == 8
    assert sum(len(read(name)[1]) for name in INSTANCES) == 45 + 276 + 16 + 5 + 4 + 19 + 11 + 61


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("name", INSTANCES)
def test_states(name, plane):
    """The last conflict is 51 hours ahead: half a minute's walk in this scale, and 31 minutes with this hurry."""
    scale, hurry = 1e-5, 100.0
    aircraft, expected = read(name)
    names = [str(int(row["ac"])) for row in aircraft]
    traffic = laid_on_the_equator(aircraft, scale, hurry, plane)
    found = detect(traffic, scale * SEPARATION_NM * NM_M, 300.0, 60.0 * HOUR_S / hurry, plane)
    rows = rows_by_pair(found, names)
    assert rows.keys() == {pair_of(row) for row in expected}
    for row in expected:
        k = rows[pair_of(row)]
        assert found.closest_m[k] / (scale * NM_M) == pytest.approx(row["dmin_nm"], abs=2e-4)
        assert found.closest_s[k] * hurry / HOUR_S == pytest.approx(row["t_cpa_h"], abs=2e-4)
        assert (found.exit_s[k] - found.entry_s[k]) * hurry / HOUR_S <= row["duration_h"] + 2e-4


@pytest.mark.parametrize("name", INSTANCES)
def test_plans_of_straight_legs(name):
    """The same as plans of four hours, in a larger scale: the predicate counts up to 1 cm outside the minima as inside.

    So no conflict that has begun by then may be missing, and one may be added only where the pass is that close.
    """
    scale, horizon_h = 2e-3, 4.0
    give_nm = 0.011 / (scale * NM_M)
    aircraft, expected = read(name)
    names = [str(int(row["ac"])) for row in aircraft]
    traffic = laid_on_the_equator(aircraft, scale, 1.0, Plane.TANGENT)
    table = MinimaTable(default=Minima(scale * SEPARATION_NM * NM_M, 300.0))
    met = {
        frozenset((one.first_plan_id, one.second_plan_id)): one
        for one in encounters_within(straight_plans(traffic, names, horizon_h * HOUR_S), table)
    }
    by_pair = {pair_of(row): row for row in expected}
    begun = {pair for pair, row in by_pair.items() if row["t_cpa_h"] - 0.5 * row["duration_h"] < horizon_h - 1e-3}
    assert begun
    assert begun <= met.keys()
    for pair, one in met.items():
        if pair not in by_pair:
            assert one.horizontal_m / (scale * NM_M) == pytest.approx(SEPARATION_NM, abs=2 * give_nm)
        elif by_pair[pair]["t_cpa_h"] < horizon_h:
            row = by_pair[pair]
            assert one.horizontal_m / (scale * NM_M) == pytest.approx(row["dmin_nm"], abs=2 * give_nm)
            closest_h = (one.closest_first_time - START).total_seconds() / HOUR_S
            assert closest_h == pytest.approx(row["t_cpa_h"], abs=2e-3)
