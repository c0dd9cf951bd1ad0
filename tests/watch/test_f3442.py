"""The encounters of openutm's F3442 scenarios, flown as their files say without their simulator.

Ours flies its line at the pace of their simulator (0.004 of the line each second); intruders fly straight from where
they are made through their points at the speed asked for. Not driven: what their bus, logs and latencies are checked
for, intruders that their Bayesian generator makes anew each time, and the speeds that BlueSky's models change.
"""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
from watch_samples import START_S, situation, track

from detente.airspace.geodesy import GEOD
from detente.airspace.separation import Minima, MinimaTable
from detente.watch.alert import AlertKind
from detente.watch.finding import number_of
from detente.watch.live_watch import LiveWatch
from detente.watch.well_clear import ClearLogic

pytestmark = pytest.mark.shared

SECONDS = 250
SMALL = MinimaTable(Minima(150.0, 30.0))


def folder() -> Path:
    default = Path(__file__).resolve().parents[3] / "shared"
    path = Path(os.environ.get("DETENTE_SHARED", default)) / "data" / "daa_f3442_openutm" / "config" / "edmonton"
    assert path.is_dir(), f"{path} is missing: set DETENTE_SHARED to the folder that holds data/daa_f3442_openutm"
    return path


def along(points, pace_mps, height, name, start_s=0.0):
    """A track for each second on a line of (longitude, latitude) points, None before it begins and after it ends."""
    lon, lat = np.array(points, dtype=float).T
    course, _, length = GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    ends = np.concatenate([[0.0], np.cumsum(length)])
    states = []
    for second in range(SECONDS):
        gone = (second - start_s) * pace_mps
        if gone < 0.0 or gone >= ends[-1]:
            states.append(None)
            continue
        leg = int(np.searchsorted(ends, gone, side="right") - 1)
        x, y, _ = GEOD.fwd(lon[leg], lat[leg], course[leg], gone - ends[leg])
        states.append(
            track(name, y, x, speed=pace_mps, course=course[leg] % 360.0, altitude=height, at_s=START_S + second,
                  error=5.0, height_error=3.0)
        )  # fmt: skip
    return states


def ownship(file: str, name: str):
    shape = json.loads((folder() / file).read_text())["features"][0]["geometry"]["coordinates"]
    lon, lat = np.array(shape, dtype=float).T
    return along(shape, GEOD.line_length(lon, lat) * 0.004, 120.0, name)


def intruders(file: str):
    made, ways = {}, {}
    for line in (folder() / file).read_text().splitlines():
        if found := re.match(r"(\d+):(\d+):([\d.]+)>CRE (\w+),\w+,(.*)", line):
            h, m, s, name, rest = found.groups()
            lat, lon, _, feet, knots = map(float, rest.split(","))
            made[name] = (3600 * int(h) + 60 * int(m) + float(s), feet * 0.3048, knots * 1852 / 3600)
            ways[name] = [(lon, lat)]
        elif found := re.match(r"[\d:.]+>(\w+) ADDWPT ([-\d.]+),([-\d.]+)", line):
            ways[found[1]].append((float(found[3]), float(found[2])))
    return [along(ways[name], speed, height, name, start) for name, (start, height, speed) in made.items()]


def levels(ours, others):
    """For each of ours and each intruder, the levels that showed, in order."""
    names = {state.track_id for flight in ours for state in flight if state}
    told = situation(minima=SMALL, clear_logic=ClearLogic.SMALL)
    told = type(told)("north", SMALL, ours=frozenset(names), clear_logic=ClearLogic.SMALL)
    watch, shown = LiveWatch(), {}
    for second in range(SECONDS):
        tracks = [flight[second] for flight in (*ours, *others) if flight[second] is not None]
        for change in watch.look(START_S + second, tracks, told).changes:
            if change.alert.kind is AlertKind.WELL_CLEAR and change.news != "ended":
                seen = shown.setdefault(change.alert.tracks, [])
                if not seen or seen[-1] != number_of(change.alert.level):
                    seen.append(number_of(change.alert.level))
    return shown


def test_a1_head_on_shows_every_level_in_order():
    shown = levels([ownship("trajectory_a1_head_on_ownship.json", "own")], intruders("bluesky_a1_head_on.scn"))
    assert list(shown) == [("own", "INTA1")]
    assert shown["own", "INTA1"][:3] == [1, 2, 3]


def test_b1_shows_every_level_for_both_intruders():
    shown = levels(
        [ownship("trajectory_b1_multi_intruder_ownship.json", "own")], intruders("bluesky_b1_multi_intruder.scn")
    )
    assert {pair[1] for pair in shown} == {"INTB1A", "INTB1B"}
    assert all({1, 2, 3} <= set(seen) for seen in shown.values()), shown


def test_c1_one_intruder_makes_an_alert_for_each_of_two_of_ours():
    ours = [ownship(f"trajectory_c1_ownship_{name}.json", name) for name in ("alpha", "bravo")]
    shown = levels(ours, intruders("bluesky_c1_shared_intruder.scn"))
    assert set(shown) == {("alpha", "INTC1"), ("bravo", "INTC1")}
    assert all(1 in seen for seen in shown.values()), shown


def test_cap10_each_of_ten_is_told_of_the_intruders_that_pass_it():
    ours = [ownship(f"cap10/trajectory_cap_ownship_{number:02d}.json", f"own{number}") for number in range(1, 11)]
    others = intruders("cap10/bluesky_cap10_intruders.scn")
    shown = levels(ours, others)
    for flight in ours:
        for other in others:
            both = [(a, b) for a, b in zip(flight, other, strict=True) if a and b]
            near = [
                GEOD.inv(a.longitude_deg, a.latitude_deg, b.longitude_deg, b.latitude_deg)[2] for a, b in both
            ]  # fmt: skip
            apart_m = [abs(a.pressure_altitude_m - b.pressure_altitude_m) for a, b in both]
            if near and min(near) < 500 * 0.3048 and max(apart_m) < 30:
                assert 3 in shown[both[0][0].track_id, both[0][1].track_id], (both[0], math.ceil(min(near)))
