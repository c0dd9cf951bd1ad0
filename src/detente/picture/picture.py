"""The picture: what is planned, told, in conflict and agreed, folded from the journal's events.

It is changed by `evolve` alone. Everything in it follows from the events, the search indexes too, which are kept beside
the records and are no part of `picture_bytes`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec

from detente.accord.provisions import Horizon
from detente.airspace.compiled import Vocabulary
from detente.airspace.plan import Plan, TimeWindow
from detente.airspace.search import PlanIndex
from detente.airspace.separation import Encounter, MinimaTable
from detente.picture.conflicts import ClearedConflict, ConflictAnswer, ConflictRecord
from detente.picture.horizons import Watched, WatchQueue
from detente.picture.measures import MeasureRecord
from detente.picture.notices import NoticeRecord
from detente.picture.pair_terms import HorizonTerms, PairTerms


class PlanState(StrEnum):
    """Where a plan is in its life; DECLARED and ACTIVE plans hold their airspace."""

    DECLARED = "declared"
    ACTIVE = "active"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


class PlanRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A party's plan as it stands. Withdrawn and ended plans stay, so that their revisions go on counting."""

    party: str
    plan: Plan
    revision: int
    state: PlanState
    declared_at: datetime
    changed_at: datetime

    @property
    def live(self) -> bool:
        """Whether the plan holds its airspace."""
        return self.state in (PlanState.DECLARED, PlanState.ACTIVE)


class AccordInForce(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the picture needs of the accord."""

    accord_hash: str
    name: str
    parties: tuple[str, ...]
    minima: MinimaTable
    valid: TimeWindow
    notice_lead_s: float
    pairs: tuple[PairTerms, ...] = ()

    def minima_with(self, peer: str) -> MinimaTable:
        """Return the minima that are agreed with one peer, the widest where each horizon has its own."""
        return next((pair.minima for pair in self.pairs if pair.peer == peer), self.minima)

    def horizons_with(self, peer: str) -> HorizonTerms | None:
        """Return the minima of each horizon that are agreed with one peer; None where all have the same."""
        return next((pair.horizons for pair in self.pairs if pair.peer == peer), None)

    def lead_time_s(self, meaning: str, peer: str | None) -> float:
        """Return how long before its window a notice is due: for `peer`, or, for None, the longest of all peers."""
        asked = [pair for pair in self.pairs if peer in (None, pair.peer)]
        given = [lead_s for pair in asked for kind, lead_s in pair.lead_times_s if kind == meaning]
        return max(given, default=self.notice_lead_s)


class PictureSnapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole picture as plain records, in a fixed order."""

    party: str
    accord: AccordInForce | None
    former_accords: tuple[str, ...]
    plans: tuple[PlanRecord, ...]
    notices: tuple[NoticeRecord, ...]
    conflicts: tuple[ConflictRecord, ...]
    cleared: tuple[ClearedConflict, ...]
    measures: tuple[MeasureRecord, ...]
    answers: tuple[ConflictAnswer, ...] = ()
    watched: tuple[Watched, ...] = ()


class Picture:
    """One node's picture. Empty, it belongs to nobody: the first accord says for which party it is kept.

    Attributes:
        party: the party whose picture it is; empty before the first accord.
        accord: the accord in force, None before the first.
        former_accords: hashes of the accords that were in force before.
        plans: by (party, plan_id).
        notices: by (party, notice_id).
        conflicts: the open ones, by conflict_id.
        conflicts_of: ids of the open conflicts of a plan, by (party, plan_id).
        cleared: conflicts that are over, by conflict_id.
        answers: what each peer last said of a live plan of ours, by (peer, plan_id).
        watched: pairs that come close and are judged again when their next horizon begins.
        measures: by measure_id.
        measures_of: ids of the outstanding measures that would change a plan, by (party, plan_id).
        vocabulary: what the indexes compile plans with.
        indexes: the live plans of each party, each under its `index_key`.
        classes: the classes of aircraft that each party ever used; every search has to tell them apart.
        pending: what outstanding measures would make of plans, by party, each under its `pending_key`.
        left_before: what was over before this time has left the picture; None before the first time.
        left_revisions: the highest revision of a plan that has left, by party.
        left_notices: the ids of our own notices that have left.
    """

    def __init__(self) -> None:
        self.party = ""
        self.accord: AccordInForce | None = None
        self.former_accords: tuple[str, ...] = ()
        self.plans: dict[tuple[str, str], PlanRecord] = {}
        self.notices: dict[tuple[str, str], NoticeRecord] = {}
        self.conflicts: dict[str, ConflictRecord] = {}
        self.conflicts_of: dict[tuple[str, str], set[str]] = {}
        self.cleared: dict[str, ClearedConflict] = {}
        self.answers: dict[tuple[str, str], ConflictAnswer] = {}
        self.watched = WatchQueue()
        self.measures: dict[str, MeasureRecord] = {}
        self.measures_of: dict[tuple[str, str], set[str]] = {}
        self.vocabulary = Vocabulary()
        self.indexes: dict[str, PlanIndex] = {}
        self._puts_off = False
        self.classes: dict[str, set[str]] = {}
        self.pending: dict[str, PlanIndex] = {}
        self.left_before: datetime | None = None
        self.left_revisions: dict[str, int] = {}
        self.left_notices: set[str] = set()

    @property
    def peers(self) -> tuple[str, ...]:
        """The other parties of the accord in force."""
        return () if self.accord is None else tuple(p for p in self.accord.parties if p != self.party)

    def opponents(self, party: str) -> tuple[str, ...]:
        """Return the parties whose plans those of `party` are held against here: all peers, or only ours for a peer's.

        What one peer told us is never held against another's plans: that is their matter, not ours to tell.
        """
        if self.accord is None or party not in self.accord.parties:
            return ()
        return self.peers if party == self.party else (self.party,)

    def index_of(self, party: str) -> PlanIndex:
        """Return the index of a party's live plans, made when there is none."""
        return self.indexes.setdefault(party, PlanIndex(self.vocabulary, puts_off=self._puts_off))

    def work(self, party: str, plan: Plan) -> int:
        """Return how much work it is to hold a plan of `party` against all others; see `PlanIndex.work`."""
        if self.accord is None:
            return 0
        others = [(other, self.indexes[other]) for other in self.opponents(party) if other in self.indexes]
        return sum(
            index.work(plan, self.accord.minima_with(other if party == self.party else party))
            for other, index in others
        )

    def encounters(
        self,
        party: str,
        plan: Plan,
        accord: AccordInForce | None = None,
        comes_first: Callable[[PlanRecord], bool] | None = None,
        horizon: Horizon | None = None,
    ) -> list[tuple[PlanRecord, Encounter]]:
        """Return every live plan, with the encounter, that `plan` of `party` comes too close to.

        The encounter's first plan is `plan`, unless the other `comes_first`. `accord` is the one in force unless said;
        with a `horizon` its minima are judged by, and peers whose terms have none for it are left out.
        Raises Refusal for impossible geometry.
        """
        accord = accord or self.accord
        if accord is None:
            return []
        before = None if comes_first is None else lambda key: comes_first(self._plan_under(key))
        found: list[tuple[PlanRecord, Encounter]] = []
        if not any(other in self.indexes for other in self.opponents(party)):
            # Nothing to compare it with; its geometry is checked all the same.
            self.vocabulary.compiled(plan)
        for other in self.opponents(party):
            if other in self.indexes:
                peer = other if party == self.party else party
                terms = accord.horizons_with(peer)
                if horizon is not None and terms is None:
                    continue
                table = accord.minima_with(peer) if horizon is None or terms is None else terms.table(horizon)
                for encounter in self.indexes[other].encounters(plan, table, before):
                    turned = encounter.second_plan_id == plan.plan_id
                    record = self._plan_under(encounter.first_plan_id if turned else encounter.second_plan_id)
                    change = {"first_plan_id" if turned else "second_plan_id": record.plan.plan_id}
                    found.append((record, msgspec.structs.replace(encounter, **change)))
        return found

    def _plan_under(self, key: str) -> PlanRecord:
        party, _, plan_id = key.partition("/")
        return self.plans[(party, plan_id)]

    def pending_encounters(self, party: str, plan: Plan) -> list[MeasureRecord]:
        """Return every outstanding measure whose result `plan` of `party` would come too close to."""
        if self.accord is None:
            return []
        found: dict[str, MeasureRecord] = {}
        for other in self.opponents(party):
            if other in self.pending:
                table = self.accord.minima_with(other if party == self.party else party)
                for encounter in self.pending[other].encounters(plan, table):
                    measure_id = encounter.second_plan_id.split("/")[1]
                    found[measure_id] = self.measures[measure_id]
        return list(found.values())

    def free(self, measure_id: str, key: tuple[str, str]) -> None:
        """A measure holds nothing for this plan any more."""
        if measure_id in self.measures_of.get(key, ()):
            self.measures_of[key].discard(measure_id)
            if not self.measures_of[key]:
                del self.measures_of[key]
            party, plan_id = key
            self.pending[party].remove(pending_key(measure_id, plan_id))

    def put_off_searches(self) -> None:
        """Compile no plan before `settle_searches`: in years of a journal most plans are over."""
        self._puts_off = True

    def settle_searches(self) -> None:
        """Compile the plans that live."""
        self._puts_off = False
        for index in self.indexes.values():
            index.settle()

    def snapshot(self) -> PictureSnapshot:
        """Return the whole picture as plain records, in a fixed order."""
        return PictureSnapshot(
            party=self.party,
            accord=self.accord,
            former_accords=self.former_accords,
            plans=tuple(self.plans[key] for key in sorted(self.plans)),
            notices=tuple(self.notices[key] for key in sorted(self.notices)),
            conflicts=tuple(self.conflicts[key] for key in sorted(self.conflicts)),
            cleared=tuple(self.cleared[key] for key in sorted(self.cleared)),
            measures=tuple(self.measures[key] for key in sorted(self.measures)),
            answers=tuple(self.answers[key] for key in sorted(self.answers)),
            watched=tuple(self.watched.pairs[key] for key in sorted(self.watched.pairs)),
        )


def index_key(party: str, plan_id: str) -> str:
    """Return the key of a plan in the indexes: no two parties' plans share one."""
    return f"{party}/{plan_id}"


def pending_key(measure_id: str, plan_id: str) -> str:
    """Return the key of what an outstanding measure would make of a plan; no plan's `index_key` is like it."""
    return f"/{measure_id}/{plan_id}"


def picture_bytes(picture: Picture) -> bytes:
    """Return the picture's canonical bytes: equal for equal pictures, whatever way each came about."""
    return msgspec.json.encode(picture.snapshot(), order="deterministic")
