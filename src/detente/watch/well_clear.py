"""Well clear: volumes in distance and time around an aircraft, and how urgent it is that one will be entered.

The thresholds of DO-365A and B, of ASTM F3442, of a plain cylinder and of TCAS II are here as published; the logic
takes any others. Sensor uncertainty is not mitigated as DO-365B's SUM does: the caller widens, or says it (`errors`).
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec
import numpy as np

from detente.airspace.altitude import FOOT_M, check_range
from detente.airspace.arrays import Floats, Integers
from detente.watch import tcas
from detente.watch import well_clear_kernels as kernels
from detente.watch.alert import AlertLevel
from detente.watch.steadiness import Steadiness

NAUTICAL_MILE = 1852.0


class ClearVolume(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must not be entered: DMOD and HMD (`distance_m`, both the same), TAUMOD, ZTHR, time to one height (TCOA)."""

    distance_m: float
    height_m: float
    tau_s: float = 0.0
    coaltitude_s: float = 0.0

    def __post_init__(self) -> None:
        check_range("distance_m", self.distance_m, 0.0, 200_000.0, "metres")
        check_range("height_m", self.height_m, 0.0, 20_000.0, "metres")
        check_range("tau_s", self.tau_s, 0.0, 600.0, "seconds")
        check_range("coaltitude_s", self.coaltitude_s, 0.0, 600.0, "seconds")


class AlertRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The level that shows when `volume` will be entered within `alerting_s`, or `early_s` once it shows already."""

    level: AlertLevel
    volume: ClearVolume
    alerting_s: float
    early_s: float

    def __post_init__(self) -> None:
        check_range("alerting_s", self.alerting_s, 0.0, 3_600.0, "seconds")
        check_range("early_s", self.early_s, self.alerting_s, 3_600.0, "seconds, no less than alerting_s")


class WellClearRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of one kind of encounter, from the least urgent level to the most, and how steady an alert is."""

    rules: tuple[AlertRule, ...]
    steadiness: Steadiness = Steadiness()


def _rules(distance_m: float, heights_ft: tuple[float, float, float], tau_s: float, alerting_s: tuple[float, ...],
           early_s: tuple[float, ...]) -> WellClearRules:  # fmt: skip
    return WellClearRules(
        tuple(
            AlertRule(level, ClearVolume(distance_m, height_ft * FOOT_M, tau_s), alerting, early)
            for level, height_ft, alerting, early in zip(AlertLevel, heights_ft, alerting_s, early_s, strict=True)
        )
    )


DO_365B_EN_ROUTE = _rules(0.66 * NAUTICAL_MILE, (700.0, 450.0, 450.0), 35.0, (55.0, 55.0, 25.0), (75.0, 75.0, 55.0))
"""Phase I: 0.66 NM and 35 s, 450 ft (700 ft for the preventive volume)."""
DO_365B_TERMINAL = _rules(1_500.0 * FOOT_M, (450.0, 450.0, 450.0), 0.0, (45.0, 45.0, 45.0), (75.0, 75.0, 75.0))
"""Phase II: 1,500 ft and 450 ft."""
DO_365B_NON_COOPERATIVE = _rules(2_200.0 * FOOT_M, (450.0, 450.0, 450.0), 0.0, (55.0, 55.0, 25.0), (110.0, 110.0, 90.0))
"""2,200 ft and 450 ft."""
CYLINDER_EN_ROUTE = WellClearRules(
    (AlertRule(AlertLevel.PREVENTIVE, ClearVolume(5.0 * NAUTICAL_MILE, 1_000.0 * FOOT_M), 180.0, 180.0),),
    Steadiness(1, 1, 0.0),
)
"""A plain cylinder of 5 NM and 1,000 ft, 180 s ahead."""
F3442_SMALL = WellClearRules(
    (
        AlertRule(AlertLevel.PREVENTIVE, ClearVolume(2_000.0 * FOOT_M, 250.0 * FOOT_M), 60.0, 75.0),
        AlertRule(AlertLevel.CORRECTIVE, ClearVolume(2_000.0 * FOOT_M, 250.0 * FOOT_M), 30.0, 45.0),
        AlertRule(AlertLevel.WARNING, ClearVolume(500.0 * FOOT_M, 100.0 * FOOT_M), 15.0, 25.0),
    )
)
"""A small uncrewed aircraft after ASTM F3442: well clear is 2,000 ft and 250 ft, a near collision 500 ft and 100 ft.

The standard sets the volumes; the times of alerting are ours, for an aircraft that turns within seconds."""


def urgency(motion: Floats, rules: WellClearRules) -> tuple[Integers, Integers, Floats]:
    """How urgent each pair is: the number of the rule that holds (0 none), the one that would keep an alert, and when.

    Args:
        motion: shape [n, 6]: the second aircraft as the first sees it, metres east, north and up, metres per second.
        rules: from the least urgent to the most.

    Returns:
        arrays of shape [n]: numbers of rules from 1; seconds until the volume of the rule that holds (or would keep
        an alert) is entered, 0 inside it.
    """
    found, kept = np.zeros(len(motion), np.int64), np.zeros(len(motion), np.int64)
    due_s = np.full(len(motion), math.inf)
    for number, rule in enumerate(rules.rules, start=1):
        volume = rule.volume
        times = kernels.times_not_well_clear(
            motion, volume.distance_m, volume.tau_s, volume.height_m, volume.coaltitude_s
        )
        start, end = np.maximum(times[:, 0], 0.0), times[:, 1]
        keeps = (start <= rule.early_s) & (start <= end)
        found[keeps & (start <= rule.alerting_s)] = number
        kept[keeps] = number
        due_s[keeps] = start[keeps]
    return found, kept, due_s


class ClearLogic(StrEnum):
    """Which published logic says when two aircraft are not well clear."""

    EN_ROUTE = "do365b_en_route"
    TERMINAL = "do365b_terminal"
    NON_COOPERATIVE = "do365b_non_cooperative"
    SMALL = "f3442"
    CYLINDER = "cylinder"
    TCAS = "tcas_ii"

    @property
    def steadiness(self) -> Steadiness:
        """How steady its alerts are made."""
        return AT_ONCE if self is ClearLogic.TCAS else RULES[self].steadiness

    def level_of(self, number: int) -> AlertLevel:
        """The level of a rule's number; TCAS II has traffic advisories, here corrective, and resolution advisories."""
        if self is ClearLogic.TCAS:
            return (AlertLevel.CORRECTIVE, AlertLevel.WARNING)[number - 1]
        return RULES[self].rules[number - 1].level

    def reach(self) -> tuple[float, float, float, float]:
        """The widest distance_m and height_m, the longest early_s, and the longest tau_s or coaltitude_s."""
        if self is ClearLogic.TCAS:
            return tcas.WIDEST_M, tcas.HIGHEST_M, 0.0, tcas.LONGEST_S
        rules = RULES[self].rules
        volumes = [rule.volume for rule in rules]
        return (
            max(v.distance_m for v in volumes), max(v.height_m for v in volumes), max(r.early_s for r in rules),
            max(max(v.tau_s, v.coaltitude_s) for v in volumes),
        )  # fmt: skip

    def urgency(self, motion: Floats, own_altitude_m: Floats) -> tuple[Integers, Integers, Floats]:
        """As `urgency`, by this logic; TCAS II goes by the own aircraft's altitude and looks at this instant only."""
        if self is ClearLogic.TCAS:
            found = tcas.advisories(motion, own_altitude_m)
            return found, found, np.where(found > 0, 0.0, math.inf)
        return urgency(motion, RULES[self])


AT_ONCE = Steadiness(1, 1, 0.0)
RULES = {
    ClearLogic.EN_ROUTE: DO_365B_EN_ROUTE,
    ClearLogic.TERMINAL: DO_365B_TERMINAL,
    ClearLogic.NON_COOPERATIVE: DO_365B_NON_COOPERATIVE,
    ClearLogic.SMALL: F3442_SMALL,
    ClearLogic.CYLINDER: CYLINDER_EN_ROUTE,
}
