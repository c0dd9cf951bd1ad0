"""Aircraft of others against what was told: who is explained by nothing, and who is where he said that he is not.

Notices that say "our aircraft here" explain, and so do plans; an aircraft is unexplained when no place that its errors
leave open touches one of them, as in `picture.observations`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from detente.airspace.ellipsoid_kernels import surface_points
from detente.airspace.plan import Plan, TimeWindow, Volume4D
from detente.airspace.position import from_posix_s
from detente.picture.notices import Meaning
from detente.picture.observations import EXPLAINING
from detente.watch.alert import AlertKind
from detente.watch.area_watch import disc_of
from detente.watch.finding import WatchFinding, doubts_of
from detente.watch.live_tracks import OURS, THEIRS, LiveTracks
from detente.watch.observed import PlaceSearch, place_plan
from detente.watch.pairs import HIGHEST_M, MARGIN_M, relative_motion, straight_pairs
from detente.watch.situation import Situation
from detente.watch.turns import Turns

NEAR_TIMES = 3.0
"""Near ours is within so many times the minima."""
EXPLAINS, NOTHING, AREA = "explains", "nothing", "area"
ALWAYS = TimeWindow(datetime(1970, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC))
AT_ONCE = 400
"""So many aircraft are looked at exactly in one look; with more, each keeps what was found of it until its turn."""


class DeclaredWatch:
    """Looks at the aircraft of others, some each time, and remembers what was found of each."""

    def __init__(self) -> None:
        self._turns = Turns(AT_ONCE)
        self._found: dict[str, tuple[str, str]] = {}
        self._told: tuple[object, ...] = (None,) * 4
        self._search = PlaceSearch(())
        self._names: list[tuple[str, str]] = []
        self._they_told = self._untold = False

    def look(self, live: LiveTracks, situation: Situation, now_s: float) -> list[WatchFinding]:
        """What is found of the aircraft of others now."""
        self._prepare(situation)
        rows, near = self._candidates(live, situation)
        names = [live.tracks[row].track_id for row in rows]
        chosen = self._turns.take(now_s, names)
        moment = from_posix_s(now_s)
        places = [place_plan(live.tracks[rows[place]], moment) for place in chosen]
        touched: dict[int, list[tuple[str, str]]] = {}
        for place, standing in zip(*(part.tolist() for part in self._search.touching(places)), strict=True):
            touched.setdefault(place, []).append(self._names[standing])
        found = {name: self._found[name] for name in names if name in self._found}
        for number, place in enumerate(chosen):
            found[names[place]] = self._judged(
                int(live.side[rows[place]]), touched.get(number, []), near=bool(near[rows[place]])
            )
        self._found = found
        return [
            _finding(live, row, *found[name])
            for row, name in zip(rows, names, strict=True)
            if found.get(name, ("", ""))[0]
        ]

    def _prepare(self, situation: Situation) -> None:
        """Compile what was told anew when it has changed."""
        self._untold = situation.theirs_untold
        told = (situation.notices, situation.plans, situation.told_plans, situation.accord_areas)
        if all(a is b for a, b in zip(self._told, told, strict=True)):
            return
        self._told = told
        notices = [
            notice
            for notice in situation.notices
            if notice.meaning in EXPLAINING
            or (notice.meaning is Meaning.NOTHING_OF_OURS_HERE and notice.party != situation.party)
        ]
        self._names = [
            (EXPLAINS if notice.meaning in EXPLAINING else NOTHING, f"{notice.party}:{notice.notice_id}")
            for notice in notices
        ]
        standing = [Plan("told", (notice.volume,)) for notice in notices]
        self._they_told = any(notice.party != situation.party for notice in notices)
        for plan in (*situation.plans.values(), *situation.told_plans):
            self._names.append((EXPLAINS, plan.plan_id))
            standing.append(plan)
        for area in situation.accord_areas:
            self._names.append((AREA, "accord"))
            standing.append(Plan("area", (Volume4D(area.polygon, area.altitude, ALWAYS),)))
        self._search = PlaceSearch(standing)

    def _candidates(self, live: LiveTracks, situation: Situation) -> tuple[list[int], NDArray[np.bool_]]:
        """Rows of others near ours or perhaps in the accord's area, and which of them are near ours.

        Without an area, theirs are looked at everywhere once they have told something that explains aircraft.
        """
        minima = situation.minima.default
        near, in_disc = np.zeros(len(live), dtype=np.bool_), np.zeros(len(live), dtype=np.bool_)
        if minima.horizontal_m > 0.0 and (live.side == OURS).any():
            apart_m = NEAR_TIMES * minima.horizontal_m + MARGIN_M
            height_m = min(HIGHEST_M, NEAR_TIMES * minima.vertical_m)
            first, second = straight_pairs(live, apart_m, height_m, 0.0, own_pairs=False)
            motion, known = relative_motion(live, first, second)
            close = (np.hypot(motion[:, 0], motion[:, 1]) <= apart_m) & (
                (np.abs(motion[:, 2]) <= height_m) | (known == 0)
            )
            near[second[close]] = True
        here = surface_points(live.latitude_deg, live.longitude_deg) if situation.accord_areas else np.empty((0, 3))
        for area in situation.accord_areas:
            middle, reach_m = disc_of(area.polygon)
            away_m = np.linalg.norm(here - middle, axis=1)
            in_disc |= away_m <= reach_m + live.error_m
        everywhere = self._they_told and not situation.accord_areas
        looked_at = near | in_disc | ((live.side == THEIRS) & everywhere)
        return np.flatnonzero((live.side != OURS) & looked_at).tolist(), near

    def _judged(self, side: int, touched: list[tuple[str, str]], *, near: bool) -> tuple[str, str]:
        """The reason of what is found of an aircraft, and the notice it is about; two empty words for nothing."""
        for kind, name in touched:
            if kind == NOTHING and side == THEIRS:
                return "where_nothing_was_said", name
        if any(kind == EXPLAINS for kind, _ in touched):
            return "", ""
        if side == THEIRS and self._untold:
            return "", ""
        if side == THEIRS and self._they_told:
            return "outside_what_was_told", ""
        if near:
            return "undeclared_near", ""
        return ("undeclared_in_area", "") if any(kind == AREA for kind, _ in touched) else ("", "")


def _finding(live: LiveTracks, row: int, reason: str, subject: str) -> WatchFinding:
    track = live.tracks[row]
    kind = AlertKind.UNDECLARED if reason.startswith("undeclared") else AlertKind.THEIR_DEVIATION
    level = 1 if reason == "undeclared_in_area" else 2
    return WatchFinding(
        f"{kind}:{track.track_id}", kind, level, level, reason, (track.track_id,), live.sides_of(row),
        {"error_distance_m": float(live.error_m[row])}, place=live.place_of(row), subject=subject,
        doubts=doubts_of(track.doubts),
    )  # fmt: skip
