"""Which plans of a peer come near what is kept back from it, when that is told as coarsely as the budget's grain says.

It follows from the picture and from what is kept back, and is kept beside them so that a look costs little.
"""

from __future__ import annotations

from detente.accord.disclosure import disclosed
from detente.accord.provisions import DisclosureGrid, Level
from detente.airspace.plan import Plan
from detente.airspace.search import PlanIndex
from detente.picture.picture import Picture, PlanRecord

Grain = tuple[Level, DisclosureGrid]


class Nearness:
    """The plans of one peer that come near what is kept back from it.

    `grain` says how coarsely what is kept back is taken; minima are the widest that are agreed with the peer.
    """

    def __init__(self, picture: Picture, peer: str, grain: Grain) -> None:
        self._picture = picture
        self._peer = peer
        self._grain = grain
        self._index = PlanIndex()
        self._revisions: dict[str, int] = {}
        self._ours_near: dict[str, set[str]] = {}
        self._theirs_near: dict[str, set[str]] = {}
        self._touched: set[str] = set()
        self._looked_at: dict[str, int] = {}

    def keep_back(self, plan_id: str, record: PlanRecord | None) -> None:
        """Take in that a plan of ours is kept back as it stands now; with None, that it is not, or no longer."""
        if self._revisions.get(plan_id) == (None if record is None else record.revision):
            return
        if self._revisions.pop(plan_id, None) is not None:
            self._index.remove(plan_id)
        before, met = self._theirs_near.pop(plan_id, set()), set()
        form = None if record is None else disclosed(record.plan, *self._grain, "p")
        if record is not None and form is not None:
            self._revisions[plan_id] = record.revision
            self._index.insert(plan_id, form)
            met = self._theirs_near[plan_id] = self._met_by(form)
        for name in before - met:
            self._ours_near[name].discard(plan_id)
        for name in met - before:
            self._ours_near.setdefault(name, set()).add(plan_id)
        self._touched |= before ^ met

    def look_at(self, plan_id: str) -> None:
        """Take in that a plan of the peer's is new, has changed or is over."""
        record, accord = self._picture.plans.get((self._peer, plan_id)), self._picture.accord
        if record is not None and record.live and self._looked_at.get(plan_id) == record.revision:
            return
        self._looked_at.pop(plan_id, None)
        for ours in self._ours_near.pop(plan_id, ()):
            self._theirs_near[ours].discard(plan_id)
        if record is not None and record.live and accord is not None:
            met = self._index.encounters(record.plan, accord.minima_with(self._peer))
            self._looked_at[plan_id] = record.revision
            self._ours_near[plan_id] = {encounter.second_plan_id for encounter in met}
            for ours in self._ours_near[plan_id]:
                self._theirs_near[ours].add(plan_id)

    def has(self, plan_id: str) -> bool:
        """Whether a plan of the peer's comes near anything that is kept back."""
        return bool(self._ours_near.get(plan_id))

    def touched(self) -> set[str]:
        """Return the plans of the peer's that came near, or no longer do, as ours changed since the last call."""
        touched, self._touched = self._touched, set()
        return touched

    def _met_by(self, form: Plan) -> set[str]:
        index, accord = self._picture.indexes.get(self._peer), self._picture.accord
        if index is None or accord is None:
            return set()
        keys = (encounter.second_plan_id for encounter in index.encounters(form, accord.minima_with(self._peer)))
        return {key.partition("/")[2] for key in keys}
