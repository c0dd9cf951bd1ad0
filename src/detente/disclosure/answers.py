"""What a peer is answered for its plans: whether something that we keep back is in conflict with them, no more.

How exactly, and when, follows from the accord's budget and our own (`DisclosureBudget`). Whether an answer is exact
depends on what the grain of the budget shows and on what was answered before, never on the exact answer itself: so
that how it is answered tells nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from detente.accord.disclosure import OwnPolicy, answers_conflicts, clause_for
from detente.accord.provisions import DisclosureBudget, Level
from detente.accord.terms import Accord
from detente.airspace.plan import Plan
from detente.airspace.position import posix_s
from detente.disclosure.ledger import Ledger, Telling
from detente.disclosure.nearness import Nearness
from detente.disclosure.probing import Probe, chain_of, extent_of, signs_of
from detente.picture.messages import ConflictAnswerMessage
from detente.picture.picture import Picture, PlanRecord, PlanState

SLACK_S = 30.0
"""So much sooner an answer is given than the lead asks, since the node looks at what is due only every few seconds."""
NEAR = "the budget: near what is kept back"
"""Why a plan is answered with a conflict although nothing that is known to conflict was looked at exactly."""


class AnswerAccount(msgspec.Struct, frozen=True):
    """What a peer was told by answers, each of which tells one bit at the most.

    Attributes:
        told: how many answers it was given in all.
        exact: how many exact ones within the last epoch of the budget, the first of them `exact_since` (UTC).
        exact_left: how many more it may get now.
    """

    peer: str
    told: int
    exact: int
    exact_left: int
    exact_since: datetime | None = None


class ConflictAnswers:
    """Answers to peers, by the ledger of what they were answered. Batches begin anew when the node starts."""

    def __init__(self, ledger: Ledger, policy: OwnPolicy, picture: Picture) -> None:
        self._ledger = ledger
        self._policy = policy
        self._picture = picture
        self._batches: dict[str, int] = {}
        self._nearness: dict[str, tuple[str, Nearness]] = {}

    def nearness(self, accord: tuple[Accord, str], peer: str, at: datetime) -> Nearness | None:
        """Return what comes near what is kept back from `peer`; None where no answers are given.

        It is made anew under another accord, and after a start.
        """
        terms, accord_hash = accord
        if not answers_conflicts(terms, self._policy, self._picture.party, peer):
            return None
        made_under, nearness = self._nearness.get(peer, ("", None))
        if nearness is None or made_under != accord_hash:
            grain = min((budget.grain for budget in self._policy.budgets(terms)), key=lambda level: level.openness)
            nearness = Nearness(self._picture, peer, (grain, terms.provisions.disclosure_grid))
            self._nearness[peer] = accord_hash, nearness
            for (party, name), record in sorted(self._picture.plans.items()):
                if party == self._picture.party:
                    nearness.keep_back(name, record if self._is_kept_back(terms, peer, record, at) else None)
        return nearness

    def due(
        self, accord: tuple[Accord, str], peer: str, at: datetime, only: set[str] | None = None
    ) -> Iterator[tuple[Telling, ConflictAnswerMessage]]:
        """Yield the answers that `peer` must get now for its plans named in `only`, or for all; each is folded in.

        Every live plan of the peer gets one for each revision, and another when it changes. What we keep to ourselves
        without even an answer has no part in it.
        """
        nearness = self.nearness(accord, peer, at)
        if nearness is None:
            return
        terms = accord[0]
        picture = self._picture
        budgets = self._policy.budgets(terms)
        opens = self._opens(budgets, peer, at, looks_at_all=only is None)
        names = {name for party, name in picture.plans if party == peer} if only is None else set(only)
        if only is not None:
            for name in only:
                nearness.look_at(name)
            names |= nearness.touched()
        records = [picture.plans[(peer, name)] for name in names if (peer, name) in picture.plans]
        soon = timedelta(seconds=budgets[0].lead_s + SLACK_S)
        old = timedelta(seconds=max(budget.age_s for budget in budgets))
        for record in sorted((r for r in records if r.live), key=lambda r: (r.plan.time.start, r.plan.plan_id)):
            has_stood = at - record.changed_at >= old
            if record.plan.time.start - at <= soon or (opens and has_stood):
                yield from self._answer(accord, record, budgets, at, nearness, hurried=not has_stood)

    def _opens(self, budgets: Iterable[DisclosureBudget], peer: str, at: datetime, *, looks_at_all: bool) -> bool:
        """Whether answers that may wait leave now: once in every batch, and never when a plan of ours changes."""
        batch_s = max(budget.batch_s for budget in budgets)
        if not batch_s:
            return True
        if not looks_at_all:
            return False
        number = math.floor(posix_s(at) / batch_s)
        before = self._batches.get(peer, number)
        self._batches[peer] = number
        return number != before

    def _answer(
        self, accord: tuple[Accord, str], record: PlanRecord, budgets: tuple[DisclosureBudget, ...], at: datetime,
        nearness: Nearness, *, hurried: bool,
    ) -> Iterator[tuple[Telling, ConflictAnswerMessage]]:  # fmt: skip
        (terms, accord_hash), peer, plan = accord, record.party, record.plan
        held = self._ledger.answers.get(peer, {}).get(plan.plan_id)
        if held is not None and (held.accord_hash, held.revision) != (accord_hash, record.revision):
            held = None
        because = self._conflict_with(terms, record, at)
        conflict = because is not None
        near = conflict or nearness.has(plan.plan_id)
        epoch = timedelta(seconds=max(budget.epoch_s for budget in budgets))
        stands = held is not None and held.is_exact and at - held.at < epoch and held.conflict == conflict
        asks = near and (held is None or not held.near or (held.is_exact and not stands))
        exact = asks and self._left(peer, plan, budgets, at) > 0
        told = conflict if exact or stands or not near else True
        if held is not None and told == held.conflict and not exact and (held.near or not near):
            return
        probe = self._probe(record, budgets, at, exact=exact, hurried=hurried) if asks and held is None else None
        telling = Telling(
            peer, accord_hash, "conflict_answer", plan.plan_id, plan.plan_id, record.revision, Level.CONFLICT,
            because or (NEAR if told else "no conflict"), conflict=told, at=at, near=near, exact=exact, probe=probe,
        )  # fmt: skip
        self._ledger.fold(telling)
        yield telling, ConflictAnswerMessage(plan.plan_id, record.revision, told)

    def _left(self, peer: str, plan: Plan | None, budgets: Iterable[DisclosureBudget], at: datetime) -> int:
        """How many exact answers a peer may still get now; for one of its plans, or for all."""
        left = []
        for budget in budgets:
            since = at - timedelta(seconds=budget.epoch_s)
            left.append(budget.exact_answers - len(self._ledger.exact_since(peer, since)))
            if plan is not None:
                hours = max(1, math.ceil((plan.time.end - plan.time.start).total_seconds() / 3_600.0))
                given = self._ledger.exact_since(peer, since, plan.plan_id)
                left.append(hours * budget.exact_answers_per_plan_hour - len(given))
        return max(0, min(left))

    def _probe(
        self, record: PlanRecord, budgets: Iterable[DisclosureBudget], at: datetime, *, exact: bool, hurried: bool
    ) -> Probe:
        peer, before = record.party, self._ledger.probes_lately(record.party, at)
        extent = extent_of(record.plan)
        probe = Probe(at, record.plan.plan_id, extent, chain_of(extent, before))
        left = self._left(peer, None, budgets, at)
        signs = signs_of(
            probe, before, lambda name: self._is_withdrawn(peer, name), spent=left <= exact, hurried=hurried
        )  # fmt: skip
        return Probe(at, probe.plan_id, extent, probe.chain, signs)

    def account(self, accord: Accord, peer: str, at: datetime) -> AnswerAccount | None:
        """Return what a peer was told by answers, or None where none are given and none were."""
        told = self._ledger.answers_told.get(peer, 0)
        if not told and not answers_conflicts(accord, self._policy, self._picture.party, peer):
            return None
        budgets = self._policy.budgets(accord)
        epoch = timedelta(seconds=max(budget.epoch_s for budget in budgets))
        given = self._ledger.exact_since(peer, at - epoch)
        return AnswerAccount(peer, told, len(given), self._left(peer, None, budgets, at), min(given, default=None))

    def _is_withdrawn(self, peer: str, name: str) -> bool:
        held = self._picture.plans.get((peer, name))
        return held is not None and held.state is PlanState.WITHDRAWN

    def _conflict_with(self, terms: Accord, record: PlanRecord, at: datetime) -> str | None:
        """The clause by which a plan of ours is kept back that conflicts with this plan of a peer's, or None."""
        picture, peer = self._picture, record.party
        for conflict_id in sorted(picture.conflicts_of.get((peer, record.plan.plan_id), ())):
            ours = picture.conflicts[conflict_id].conflict.other(peer)
            kept = picture.plans[(ours.party, ours.plan_id)]
            if self._is_kept_back(terms, peer, kept, at):
                return clause_for(terms, self._policy, kept.plan, at, picture.party, peer).because
        return None

    def _is_kept_back(self, terms: Accord, peer: str, record: PlanRecord, at: datetime) -> bool:
        """Whether a plan of ours is one of which `peer` is told only whether there is a conflict."""
        if not record.live or self._ledger.tells_openly(peer, record.plan.plan_id):
            return False
        return clause_for(terms, self._policy, record.plan, at, record.party, peer).level is Level.CONFLICT
