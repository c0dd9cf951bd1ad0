"""Pairs that are not, or will not be, well clear of each other, by the logic that the situation names."""

from __future__ import annotations

import math

import numpy as np

from detente.watch.alert import AlertKind
from detente.watch.finding import WatchFinding, doubts_of, number_of
from detente.watch.live_tracks import LiveTracks
from detente.watch.pairs import relative_motion, straight_pairs
from detente.watch.separation import MOST_PAIRS, altitudes_of, pair_key
from detente.watch.track import TrackDoubt
from detente.watch.well_clear import ClearLogic


def not_well_clear(live: LiveTracks, logic: ClearLogic, *, own_pairs: bool) -> tuple[list[WatchFinding], int]:
    """What is found, the soonest first, and how many pairs more there were than MOST_PAIRS.

    The volumes are those of aircraft that fly straight, as their standards say. A pair that will be within the modified
    tau is within the distance no later than that tau after it, so the search looks that much farther ahead, and that
    much higher.
    """
    distance_m, height_m, early_s, tau_s = logic.reach()
    steepest = float(np.abs(live.climb_mps).max(initial=0.0))
    first, second = straight_pairs(
        live, distance_m, min(20_000.0 - 2.0, height_m + 2.0 * steepest * tau_s), early_s + tau_s, own_pairs=own_pairs
    )
    if not len(first):
        return [], 0
    motion, known = relative_motion(live, first, second)
    own_altitude = np.where(np.isfinite(live.pressure_m[first]), live.pressure_m[first], 0.0)
    found, kept, due_s = logic.urgency(motion, own_altitude)
    near = np.flatnonzero(kept)
    order = near[np.lexsort((second[near], first[near], due_s[near], -found[near]))]
    findings = []
    for k in order[:MOST_PAIRS].tolist():
        a, b = int(first[k]), int(second[k])
        numbers = [number_of(logic.level_of(n)) if n else 0 for n in (int(found[k]), int(kept[k]))]
        doubts = doubts_of(live.tracks[a].doubts, live.tracks[b].doubts, () if known[k] else (TrackDoubt.NO_HEIGHT,))
        if not known[k]:
            numbers = [min(number, 2) for number in numbers]
        figures: dict[str, float | str] = {"now_distance_m": math.hypot(motion[k, 0], motion[k, 1])}
        if known[k]:
            figures["now_height_m"] = abs(float(motion[k, 2]))
        figures |= altitudes_of(live, a, b)
        left_s = float(due_s[k])
        findings.append(
            WatchFinding(
                pair_key(AlertKind.WELL_CLEAR, live, a, b),
                AlertKind.WELL_CLEAR,
                numbers[0],
                numbers[1],
                _reason(left_s, known=bool(known[k])),
                (live.tracks[a].track_id, live.tracks[b].track_id),
                live.sides_of(a, b),
                figures,
                left_s,
                live.place_of(a),
                logic.value,
                doubts,
            )
        )  # fmt: skip
    return findings, max(0, len(order) - MOST_PAIRS)


def _reason(left_s: float, *, known: bool) -> str:
    if not known:
        return "well_clear_no_height"
    return "not_well_clear" if left_s <= 0.0 else "well_clear_ahead"
