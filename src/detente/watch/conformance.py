"""Our aircraft against their plans: surely outside, by the predicate that claims use too (R25)."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np

from detente.airspace.altitude import StandardPressure
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Trajectory
from detente.airspace.position import from_posix_s
from detente.watch.alert import AlertKind
from detente.watch.finding import WatchFinding, doubts_of
from detente.watch.live_tracks import LiveTracks
from detente.watch.observed import PlaceSearch, place_plan
from detente.watch.prediction import route_of
from detente.watch.records import ConformanceDay


def own_conformance(live: LiveTracks, now_s: float) -> tuple[dict[int, bool], list[WatchFinding]]:
    """Whether each of our aircraft that has a plan may be inside it, by row, and what is found of those that are not.

    An aircraft is outside when no place that its errors leave open touches its plan, containment included. Those
    surely inside by the nominal place alone are not looked at further; the exact predicate decides on the rest.
    """
    inside: dict[int, bool] = {}
    asked, away = [], {}
    for row, plan in live.plans.items():
        if isinstance(plan.intent, Trajectory):
            away[row] = _away(live, row, plan.intent, now_s)
            lateral_m, vertical_m = plan.intent.containment.lateral_m, plan.intent.containment.vertical_m
            aside_m, above_m = away[row]
            if aside_m + live.error_m[row] <= lateral_m and abs(above_m) + live.height_error_m[row] <= vertical_m:
                inside[row] = not plan.intent.leg_containments or _exact(live, [row], from_posix_s(now_s))[row]
                continue
        asked.append(row)
    inside |= _exact(live, asked, from_posix_s(now_s))
    findings = []
    for row in sorted(row for row, is_inside in inside.items() if not is_inside):
        track, plan = live.tracks[row], live.plans[row]
        figures: dict[str, float | str] = {"plan": plan.plan_id, "error_distance_m": float(live.error_m[row])}
        aside_m, above_m = away.get(row, (math.nan, math.nan))
        if math.isfinite(aside_m):
            figures["away_distance_m"] = aside_m
        if math.isfinite(above_m):
            figures["away_height_m"] = abs(above_m)
        findings.append(
            WatchFinding(
                f"{AlertKind.OWN_DEVIATION}:{plan.plan_id}",
                AlertKind.OWN_DEVIATION,
                2,
                2,
                "outside_own_plan",
                (track.track_id,),
                live.sides_of(row),
                figures,
                place=live.place_of(row),
                subject=plan.plan_id,
                doubts=doubts_of(track.doubts),
            )
        )  # fmt: skip
    return inside, findings


def _away(live: LiveTracks, row: int, trajectory: Trajectory, now_s: float) -> tuple[float, float]:
    """How far an aircraft is from where its plan has it now: aside in metres, and above; not a number where unknown.

    Heights are compared on standard pressure only; on any other reference the exact predicate decides.
    """
    longitude, latitude, height, _ = route_of(trajectory).at(np.array([now_s]))
    _, _, aside_m = GEOD.inv(longitude[0], latitude[0], live.longitude_deg[row], live.latitude_deg[row])
    if not isinstance(trajectory.waypoints[0].altitude.reference, StandardPressure):
        return float(aside_m), math.nan
    return float(aside_m), float(live.pressure_m[row] - height[0])


def _exact(live: LiveTracks, rows: list[int], moment: datetime) -> dict[int, bool]:
    """Whether each of some aircraft may be inside its plan."""
    if not rows:
        return {}
    search = PlaceSearch([live.plans[row] for row in rows])
    places, plans = search.touching([place_plan(live.tracks[row], moment) for row in rows])
    touched = set(places[places == plans].tolist())
    return {row: number in touched for number, row in enumerate(rows)}


DAYS_HELD = 2
LONGEST_GAP_S = 10.0
"""Between two looks farther apart nobody knows where an aircraft was; such time is not counted."""


class ConformanceRecord:
    """Folds where each of our aircraft was, look by look, into figures for each day."""

    def __init__(self) -> None:
        self.days: dict[str, ConformanceDay] = {}
        self._last_s: dict[str, float] = {}
        self._left_s: dict[str, float] = {}

    def take(self, now_s: float, inside: dict[str, bool]) -> None:
        """Take in whether each aircraft may be inside its plan now; who is not named does not fly."""
        if not inside and not self._last_s:
            return
        day = self.days.get(name := f"{from_posix_s(now_s):%Y-%m-%d}") or ConformanceDay(name)
        flown, kept, over_10, over_60 = day.flown_s, day.inside_s, day.over_10s, day.over_60s
        for one, is_inside in inside.items():
            before_s = self._last_s.get(one)
            gap_s = now_s - before_s if before_s is not None else math.inf
            if gap_s > LONGEST_GAP_S:
                self._left_s.pop(one, None)
                gap_s = 0.0
            flown += gap_s
            if is_inside:
                kept += gap_s
                self._left_s.pop(one, None)
                continue
            left_s = self._left_s.setdefault(one, now_s)
            was_s, is_s = now_s - gap_s - left_s, now_s - left_s
            over_10 += was_s < 10.0 <= is_s
            over_60 += was_s < 60.0 <= is_s
        self._last_s = dict.fromkeys(inside, now_s)
        self._left_s = {one: since for one, since in self._left_s.items() if one in inside}
        self.days[name] = ConformanceDay(name, flown, kept, over_10, over_60)
        # The day before is still to be told when it has ended.
        for old in sorted(self.days)[:-DAYS_HELD]:
            del self.days[old]
