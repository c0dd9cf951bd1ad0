"""Which alerts stand: findings of each look made steady, bounded in number, the worst first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from enum import StrEnum

import msgspec

from detente.watch.alert import Alert, AlertKind
from detente.watch.finding import LEVELS, WatchFinding, number_of
from detente.watch.steadiness import Steadiness, SteadyLevel

MOST_SHOWN = 300
"""So many alerts stand at once; what more is found is counted."""
MOST_FOLLOWED = 5_000
"""So many matters are followed at once, the worst first."""
DUE_MOVES_S = 5.0
"""When the time of an alert moves by more, it has changed."""

STEADY = {
    AlertKind.SEPARATION: Steadiness(2, 3, 4.0, 5.0, ((8, 10), (6, 8))),
    AlertKind.WELL_CLEAR: Steadiness(2, 4, 4.0, 0.0),
    AlertKind.OWN_DEVIATION: Steadiness(2, 3, 4.0, 3.0),
    AlertKind.THEIR_DEVIATION: Steadiness(3, 5, 10.0, 10.0),
    AlertKind.AREA: Steadiness(2, 3, 4.0, 5.0),
    AlertKind.UNDECLARED: Steadiness(3, 5, 10.0, 10.0),
    AlertKind.TRACK_LOST: Steadiness(1, 1, 0.0, 0.0),
    AlertKind.FEED_SILENT: Steadiness(1, 1, 0.0, 0.0),
    AlertKind.INTEGRITY_FALLS: Steadiness(2, 3, 30.0, 30.0),
}
"""How steady each kind is made: what moves fast shows within two looks, what is about words takes its time.

A loss of separation far ahead is mostly somebody's turn or climb that is over after a report or two: it is told once it
was seen for longer. A loss that is there is told by the first look.
"""


class AlertNews(StrEnum):
    """What has become of an alert."""

    RAISED = "raised"
    CHANGED = "changed"
    ENDED = "ended"


class AlertChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One alert that was raised, has changed, or has ended; ended, it is as it stood last, at the time it ended."""

    news: AlertNews
    alert: Alert


class AlertBoard:
    """Folds the findings of each look into alerts that stand."""

    def __init__(self, steadiness: dict[AlertKind, Steadiness] | None = None) -> None:
        self._steadiness = STEADY | (steadiness or {})
        self._levels: dict[str, SteadyLevel] = {}
        self.standing: dict[str, Alert] = {}
        self.left_out = 0
        """How many matters would stand, were there room for them."""

    def steady(self, kind: AlertKind, steadiness: Steadiness) -> None:
        """How steady alerts of a kind are made from now on; what is followed already stays as it is."""
        self._steadiness[kind] = steadiness

    def take(
        self, now_s: float, findings: Iterable[WatchFinding], worth: Callable[[Alert], Alert] | None = None
    ) -> list[AlertChange]:
        """Take in the findings of one look, and return what has changed, the worst first.

        A matter that is found twice in a look counts as its worse finding. `worth` completes an alert that is raised or
        rises, as with a way out.
        """
        by_key: dict[str, WatchFinding] = {}
        for one in sorted(findings, key=lambda finding: finding.badness):
            by_key.setdefault(one.key, one)
        followed = dict(list(by_key.items())[:MOST_FOLLOWED])
        overflow = sum(1 for one in list(by_key.values())[MOST_FOLLOWED:] if one.level and one.key not in self.standing)
        shown: list[tuple[int, float, str]] = []
        for key in {**self._levels, **followed}:
            found = followed.get(key) or (by_key.get(key) if key in self.standing else None)
            level = self._look(key, found, now_s)
            if level:
                left_s = found.left_s if found is not None else self._left_s(key, now_s)
                shown.append((-level, left_s if key not in self.standing else left_s - KEEPS_PLACE_S, key))
        shown.sort()
        self.left_out = max(0, len(shown) - MOST_SHOWN) + overflow
        kept = [key for _, _, key in shown[:MOST_SHOWN]]
        changes = []
        for key in sorted(set(self.standing) - set(kept)):
            ended = msgspec.structs.replace(self.standing.pop(key), at_s=now_s)
            changes.append(AlertChange(AlertNews.ENDED, ended))
        return [*self._show(kept, by_key, now_s, worth), *changes]

    def _look(self, key: str, found: WatchFinding | None, now_s: float) -> int:
        steady = self._levels.get(key)
        if steady is None:
            assert found is not None
            steady = self._levels[key] = SteadyLevel(self._steadiness[found.kind])
        if found is None:
            level = steady.look(now_s, 0, rises=False)
        else:
            level = steady.look(now_s, found.level, found.kept, at_once=found.at_once, rises=found.rises)
        if steady.is_idle:
            del self._levels[key]
        return level

    def _show(
        self, keys: list[str], findings: dict[str, WatchFinding], now_s: float, worth: Callable[[Alert], Alert] | None
    ) -> list[AlertChange]:
        changes = []
        for key in keys:
            before, found = self.standing.get(key), findings.get(key)
            level = LEVELS[self._levels[key].level - 1]
            if found is None:
                if before is None:  # it was left out for want of room, and lingers unseen
                    continue
                after = msgspec.structs.replace(before, level=level)
            else:
                due_s = now_s + found.left_s if 0.0 < found.left_s < math.inf else None
                after = Alert(
                    key, found.kind, level, now_s, found.reason, found.tracks, found.sides, found.figures, due_s,
                    found.place, found.subject, before.way_out if before is not None else None, found.doubts,
                )  # fmt: skip
            rises = before is None or number_of(level) > number_of(before.level)
            if rises and worth is not None:
                after = worth(after)
            self.standing[key] = after
            if before is None:
                changes.append(AlertChange(AlertNews.RAISED, after))
            elif _differs(before, after):
                changes.append(AlertChange(AlertNews.CHANGED, after))
            else:  # what was told last is what a small change is measured against
                self.standing[key] = before
        return changes

    def _left_s(self, key: str, now_s: float) -> float:
        due_s = self.standing[key].due_s if key in self.standing else None
        return math.inf if due_s is None else due_s - now_s


KEEPS_PLACE_S = 30.0
"""An alert that stands leaves its place only to one that is more urgent by so much, so that places are not swapped."""


def _differs(before: Alert, after: Alert) -> bool:
    """Whether what people were told of an alert is no longer true enough."""
    if (before.level, before.reason, before.doubts, before.way_out, before.tracks, before.sides) != (
        after.level, after.reason, after.doubts, after.way_out, after.tracks, after.sides,
    ):  # fmt: skip
        return True
    if (before.due_s is None) != (after.due_s is None):
        return True
    return before.due_s is not None and after.due_s is not None and abs(after.due_s - before.due_s) > DUE_MOVES_S
