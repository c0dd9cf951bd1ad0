"""The ledger of what each peer was told where not everything is told, folded from the journal."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from detente.accord.provisions import Level, LiveLevel
from detente.disclosure.probing import MOST_WATCHED, WATCHED_FOR, Probe

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
TOLD = "told"
"""The kind of the journal's entries that say what a peer was told of a plan, and under which clause."""


SAID_BEFORE = "said_before"
"""The message of a telling that only takes an id: our journal was set back, and the peer knows a plan of ours by it."""
MOST_DIGITS = 16
LONGEST_EPOCH = timedelta(days=366)
"""The longest that a budget of exact answers can be for (`DisclosureBudget.epoch_s`)."""


class Telling(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One telling: which plan, under which id and revision, how much of it, why; `form_sha256` is empty for the end.

    An answer is about a plan of the peer's, and `conflict` is what it says, told `at` (UTC). `near` when the plan comes
    near what is kept back, `exact` when it is one of the exact answers of the budget, `probe` for a plan that comes
    near and is answered for the first time as it stands.

    A report of where our aircraft are now is of no plan: `live` is its level, and `count` how many aircraft it is of.
    """

    peer: str
    accord_hash: str
    message: str
    plan_id: str
    told_id: str
    revision: int
    level: Level
    because: str
    form_sha256: str = ""
    conflict: bool | None = None
    at: datetime | None = None
    near: bool = False
    exact: bool = False
    probe: Probe | None = None
    live: LiveLevel | None = None
    count: int = 0

    @property
    def told_number(self) -> int:
        """The number in the id under which the peer was told the plan; 0 where it is none of ours."""
        number = self.told_id.removeprefix("p")
        return int(number) if number.isascii() and number.isdigit() and len(number) < MOST_DIGITS else 0


class Answered(msgspec.Struct, frozen=True):
    """What a peer was last answered for one of its plans. Those of a journal from before budgets are of no time."""

    accord_hash: str
    revision: int
    conflict: bool
    at: datetime
    near: bool
    is_exact: bool


class ToldPlan(msgspec.Struct):
    """A plan of ours as a peer knows it."""

    told_id: str
    revision: int
    form_sha256: str
    active: bool = False
    accord_hash: str = ""


class LedgerKept(msgspec.Struct, frozen=True):
    """The ledger as it is kept."""

    plans: dict[str, dict[str, ToldPlan]]
    answers: dict[str, dict[str, Answered]]
    answers_told: dict[str, int]
    exact: list[tuple[tuple[str, str | None], list[datetime]]]
    probes: dict[str, list[Probe]]
    count: dict[str, int]
    said_before: dict[str, list[str]] = {}


class Ledger:
    """What each peer was told. Changed by `fold` alone.

    Attributes:
        plans: our plans as each peer knows them, by peer and plan id.
        answers: what each peer was last answered for a plan of its own, by peer and plan id.
        answers_told: how many answers each peer was given in all: each tells one bit at the most.
    """

    def __init__(self) -> None:
        self.plans: dict[str, dict[str, ToldPlan]] = {}
        self.answers: dict[str, dict[str, Answered]] = {}
        self.answers_told: dict[str, int] = {}
        self._exact: dict[tuple[str, str | None], list[datetime]] = {}
        self._probes: dict[str, list[Probe]] = {}
        self._count: dict[str, int] = {}
        self._said_before: dict[str, list[str]] = {}

    def fold(self, telling: Telling) -> None:
        """Fold one telling in."""
        if telling.live is not None:
            # The room of the watch holds what a peer is told now; what was told before is in the journal.
            return
        if telling.conflict is not None:
            self._fold_answer(telling, conflict=telling.conflict)
            return
        if telling.message == SAID_BEFORE:
            self._count[telling.peer] = max(self._count.get(telling.peer, 0), telling.told_number)
            self._said_before.setdefault(telling.peer, []).append(telling.told_id)
            return
        plans = self.plans.setdefault(telling.peer, {})
        if telling.message == "plan_withdrawn":
            plans.pop(telling.plan_id, None)
        elif telling.message == "plan_activated":
            plans[telling.plan_id].active = True
        else:
            before = plans.get(telling.plan_id)
            if before is None:
                self._count[telling.peer] = self._count.get(telling.peer, 0) + 1
            plans[telling.plan_id] = ToldPlan(
                telling.told_id, telling.revision, telling.form_sha256,
                active=telling.message == "plan_amended" and before is not None and before.active,
                accord_hash=telling.accord_hash,
            )  # fmt: skip

    def _fold_answer(self, telling: Telling, *, conflict: bool) -> None:
        at, peer = telling.at or LONG_AGO, telling.peer
        self.answers.setdefault(peer, {})[telling.plan_id] = Answered(
            telling.accord_hash, telling.revision, conflict, at, telling.near, telling.exact
        )
        self.answers_told[peer] = self.answers_told.get(peer, 0) + 1
        if telling.exact:
            for key in ((peer, None), (peer, telling.plan_id)):
                given = self._exact.setdefault(key, [])
                given.append(max([at, *given[-1:]]))
        if telling.probe is not None:
            self._probes[peer] = [*self.probes_lately(peer, at), telling.probe][-MOST_WATCHED:]

    def forget(self, before: datetime, is_known: Callable[[str, str], bool]) -> None:
        """Leave out answers of before a time for plans that are not known any more (peer, plan id).

        Exact answers count against budgets of up to a year; they are kept for so long.
        """
        for peer, answers in self.answers.items():
            over = [name for name, answer in answers.items() if answer.at < before and not is_known(peer, name)]
            for name in over:
                del answers[name]
        for key, given in list(self._exact.items()):
            lately = given[bisect_right(given, before - LONGEST_EPOCH) :]
            if lately:
                self._exact[key] = lately
            else:
                del self._exact[key]

    def keep(self) -> LedgerKept:
        """Return the ledger as it is kept."""
        exact = list(self._exact.items())
        return LedgerKept(
            self.plans, self.answers, self.answers_told, exact, self._probes, self._count, self._said_before
        )

    def restore(self, kept: LedgerKept) -> None:
        """Make an empty ledger what it was when it was kept."""
        self.plans, self.answers, self.answers_told = kept.plans, kept.answers, kept.answers_told
        self._exact, self._probes, self._count = dict(kept.exact), kept.probes, kept.count
        self._said_before = kept.said_before

    def exact_since(self, peer: str, moment: datetime, plan_id: str | None = None) -> Sequence[datetime]:
        """Return when, after a moment, a peer got exact answers, from the first; for one of its plans, or for all."""
        given = self._exact.get((peer, plan_id), [])
        return given[bisect_right(given, moment) :]

    def probes_lately(self, peer: str, at: datetime) -> Sequence[Probe]:
        """Return the questions of a peer's near what is kept back that count for the signs of probing."""
        return [probe for probe in self._probes.get(peer, ()) if at - probe.at < WATCHED_FOR]

    def plan(self, peer: str, plan_id: str) -> ToldPlan | None:
        """Return a plan of ours as a peer knows it, or None."""
        return self.plans.get(peer, {}).get(plan_id)

    def tells_openly(self, peer: str, plan_id: str) -> bool:
        """Whether `peer` was told a plan of ours as it is, because a match found it in conflict."""
        told = self.plan(peer, plan_id)
        return told is not None and told.told_id == plan_id

    def said_before(self, peer: str) -> set[str]:
        """Return the ids of plans that a peer was told before our journal was set back."""
        return set(self._said_before.get(peer, ()))

    def next_id(self, peer: str) -> str:
        """Return the id under which a peer is told the next plan."""
        taken = {told.told_id for told in self.plans.get(peer, {}).values()}
        number = self._count.get(peer, 0) + 1
        while f"p{number}" in taken:
            number += 1
        return f"p{number}"
