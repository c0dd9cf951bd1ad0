"""Who is looked at exactly this time, when not everybody can be: whoever has waited longest."""

from __future__ import annotations

from collections.abc import Sequence


class Turns:
    """Takes at most so many at a time; every one that stays a candidate has its turn within a few looks."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._looked_s: dict[str, float] = {}

    def take(self, now_s: float, names: Sequence[str]) -> list[int]:
        """Places in `names` of those whose turn it is; who is no candidate any more is forgotten."""
        known = self._looked_s
        order = sorted(range(len(names)), key=lambda place: (known.get(names[place], -1.0), names[place]))
        chosen = sorted(order[: self._at_once])
        self._looked_s = {name: known[name] for name in names if name in known}
        for place in chosen:
            self._looked_s[names[place]] = now_s
        return chosen
