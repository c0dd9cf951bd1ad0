"""Alert levels second by second as NASA's DAIDALUS gives them, for each of its configurations that we have."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from daidalus import FOOT_M, NM_M, SCENARIOS, expected, folder, seen_from, states

from detente.watch.alert import AlertLevel
from detente.watch.finding import LEVELS, number_of
from detente.watch.steadiness import Steadiness, SteadyLevel
from detente.watch.well_clear import (
    CYLINDER_EN_ROUTE,
    DO_365B_EN_ROUTE,
    AlertRule,
    ClearLogic,
    ClearVolume,
    WellClearRules,
    urgency,
)
from detente.watch.well_clear_kernels import times_not_well_clear

pytestmark = pytest.mark.shared

UNIT = {"[ft]": FOOT_M, "[nmi]": NM_M, "[s]": 1.0}
CONFIGURATIONS = ("CD3D", "DO_365B_no_SUM", "DO_365B_SUM", "Buffered_DWC_SC_228_nom_b")


def configuration(name: str) -> dict[str, str]:
    lines = (folder() / "configurations" / f"{name}.conf").read_text().splitlines()
    return dict(tuple(part.strip() for part in line.split("=", 1)) for line in lines if "=" in line)


def quantity(text: str) -> float:
    value, unit = text.split()
    return float(value) * UNIT[unit]


def rules_of(name: str) -> WellClearRules:
    """The rules of the first alerter of a configuration, as its file says them."""
    said = configuration(name)
    alerter = said["alerters"].split(",")[0]
    rules = []
    for number in (1, 2, 3):
        if f"{alerter}_alert_{number}_region" not in said:
            break
        prefix = f"{alerter}_det_{number}_"
        if f"{prefix}D" in said:
            volume = ClearVolume(quantity(said[f"{prefix}D"]), quantity(said[f"{prefix}H"]))
        else:
            sizes = [quantity(said[f"{prefix}WCV_{size}"]) for size in ("DTHR", "ZTHR", "TTHR", "TCOA")]
            volume = ClearVolume(*sizes)
        times = [quantity(said[f"{alerter}_alert_{number}_{when}alerting_time"]) for when in ("", "early_")]
        rules.append(AlertRule(LEVELS[number - 1], volume, *times))
    needed, among = int(said["alerting_m"]), int(said["alerting_n"])
    steadiness = Steadiness(needed, among, quantity(said["persistence_time"])) if needed else Steadiness(1, 1, 0.0)
    return WellClearRules(tuple(rules), steadiness)


def test_our_rules_are_those_of_the_configurations():
    ours, theirs = DO_365B_EN_ROUTE, rules_of("DO_365B_no_SUM")
    assert ours.steadiness == theirs.steadiness
    for rule, said in zip(ours.rules, theirs.rules, strict=True):
        assert rule.level is said.level
        assert msgspec.structs.astuple(rule.volume) == pytest.approx(msgspec.structs.astuple(said.volume))
        assert (rule.alerting_s, rule.early_s) == (said.alerting_s, said.early_s)
    assert rules_of("CD3D").rules[0].volume == CYLINDER_EN_ROUTE.rules[0].volume


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_levels_are_the_references_at_every_second(name):
    """No second differs; the time to the volume differs by no more than the last digit that the reference writes."""
    rules, seconds, equal = rules_of(name), 0, 0
    for scenario in SCENARIOS:
        at, memory = states(scenario), {}
        for row in expected(scenario, name):
            time_s, traffic = round(float(row["Time"]), 6), row["Traffic"]
            motion = seen_from(at[time_s][row["Ownship"]], at[time_s][traffic])[None]
            found, _, _ = urgency(motion, rules)
            steady = memory.setdefault(traffic, SteadyLevel(rules.steadiness))
            seconds += 1
            equal += steady.look(time_s, int(found[0])) == int(row["Alert Level"])
            for number, rule in enumerate(rules.rules, start=1):
                said = float(row[f"Time to Volume of Alert({number})"].replace("infty", "inf"))
                v = rule.volume
                start, end = times_not_well_clear(motion, v.distance_m, v.tau_s, v.height_m, v.coaltitude_s)[0]
                within = start <= end and end >= 0.0 and start <= 180.0
                assert (max(0.0, start) if within else np.inf) == pytest.approx(said, abs=2e-6), (scenario, row)
    print(f"{name}: {equal} of {seconds} seconds equal ({100 * equal / seconds:.2f} %)")
    assert seconds == 649
    assert equal == seconds


def test_what_tcas_would_advise_is_the_references_at_every_second():
    seconds = equal = advised = 0
    for scenario in SCENARIOS:
        at = states(scenario)
        for row in expected(scenario, "TCAS3D"):
            own = at[round(float(row["Time"]), 6)][row["Ownship"]]
            other = at[round(float(row["Time"]), 6)][row["Traffic"]]
            found, _, _ = ClearLogic.TCAS.urgency(seen_from(own, other)[None], np.array([own[2]]))
            seconds += 1
            equal += int(found[0]) == int(row["Alert Level"])
            advised += int(found[0]) > 0
    print(f"TCAS3D: {equal} of {seconds} seconds equal ({100 * equal / seconds:.2f} %)")
    assert equal == seconds == 649
    assert advised > 100
    assert number_of(ClearLogic.TCAS.level_of(2)) == number_of(AlertLevel.WARNING)
