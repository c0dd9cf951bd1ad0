"""What a peer is told of our plans where anything is held back: no more than accord and own policy allow.

A plan is told under a number of its own for this peer, with revisions that count what this peer was told: neither its
name nor changes that do not show in the told form can be seen. Every telling is kept in the journal under the kind
`told`, with the clause that allowed it. Plans that are told in a coarse form are settled by people: a measure would
tell the plan itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from detente.accord.disclosure import (
    Clause,
    OwnPolicy,
    clause_for,
    disclosed,
    disclosed_bytes,
)
from detente.accord.provisions import Level
from detente.accord.terms import Accord, Disclosure
from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.disclosure.answers import ConflictAnswers
from detente.disclosure.ledger import Ledger, Telling, ToldPlan
from detente.picture.messages import (
    ConflictAnswerMessage,
    PlanActivatedMessage,
    PlanAmendedMessage,
    PlanDeclaredMessage,
    PlanningMessage,
    PlanWithdrawnMessage,
)
from detente.picture.notices import Notice
from detente.picture.picture import Picture, PlanRecord, PlanState
from detente.room.tagged import tag_of

MatchedWith = Callable[[str, datetime], Collection[str]]
LedgerMessage = tuple[Telling, PlanningMessage]
MATCHED = "accord: matching, told"
"""The clause under which a plan is told that a private match found in conflict."""


class RestrictedPlans:
    """What peers must still be told of our plans, by the ledger of what they were told.

    `matched_with` gives our plans that a private match found in conflict with a peer's, at a time, where the accord
    tells those as they are: under their own names and revisions, as between parties that tell everything, so that
    measures can settle.
    """

    def __init__(
        self, ledger: Ledger, policy: OwnPolicy, picture: Picture, matched_with: MatchedWith, answers: ConflictAnswers
    ) -> None:
        self._ledger = ledger
        self._answers = answers
        self._policy = policy
        self._picture = picture
        self._matched_with = matched_with

    def due(
        self, accord: tuple[Accord, str], peer: str, at: datetime, only: Iterable[str] | None = None,
        measures: Mapping[str, str] | None = None, known: Collection[str] | None = None,
    ) -> Iterator[LedgerMessage]:  # fmt: skip
        """Yield what `peer` must be told now, of the plans named in `only` or of all; each is folded in at once.

        The order and the numbers follow from the told forms alone, never from the plans' names; those that a match
        found come last. `measures` are those agreed with the peer that plans now follow, by plan. `known` are the ids
        of our plans that the peer holds, where that may be other than it was told; None where it is the same.
        """
        terms, accord_hash = accord
        picture = self._picture
        held = self._ledger.plans.get(peer, {})
        matched = self._matched_with(peer, at)
        nearness = self._answers.nearness(accord, peer, at)
        open_ones: list[PlanRecord] = []
        asked = set(only) if only is not None else {*held, *(n for p, n in picture.plans if p == picture.party)}
        wanted: list[tuple[bytes, PlanRecord, Clause]] = []
        gone: list[tuple[ToldPlan, str, Clause]] = []
        for plan_id in sorted(asked):
            record = picture.plans.get((picture.party, plan_id))
            clause, form, is_open = Clause(Level.NOTHING, "the plan is over"), None, False
            if record is not None and record.live:
                clause = clause_for(terms, self._policy, record.plan, at, picture.party, peer)
                is_open = plan_id in matched and self._may_open(terms, record.plan, at, picture.party, peer)
                form = disclosed(record.plan, clause.level, terms.provisions.disclosure_grid, "p")
            if nearness is not None:
                nearness.keep_back(plan_id, record if clause.level is Level.CONFLICT and not is_open else None)
            if is_open and record is not None:
                open_ones.append(record)
                continue
            if form is not None and record is not None:
                wanted.append((disclosed_bytes(form), record, clause))
            elif plan_id in held:
                gone.append((held[plan_id], plan_id, clause))
        for entry, plan_id, clause in sorted(gone, key=lambda row: (len(row[0].told_id), row[0].told_id)):
            yield self._told(
                Telling(
                    peer, accord_hash, "plan_withdrawn", plan_id, entry.told_id, entry.revision, clause.level,
                    clause.because,
                ),
                PlanWithdrawnMessage(entry.told_id),
            )  # fmt: skip
        for form_bytes, record, clause in sorted(wanted, key=lambda row: row[0]):
            yield from self._declared(peer, accord_hash, record, clause, form_bytes, known)
        for record in open_ones:
            yield from self._opened(peer, accord_hash, record, (measures or {}).get(record.plan.plan_id), known)

    def no_longer_told(self, peer: str, known: Collection[str]) -> Iterator[PlanWithdrawnMessage]:
        """Yield for those of `known`, ids of ours that a peer holds, that the ledger says it was told are over.

        Their end was lost on the way, as with a link that was closed. What was told before our journal was set back
        holds until its time is over: we know no more which plan it was.
        """
        held = {told.told_id for told in self._ledger.plans.get(peer, {}).values()}
        for told_id in sorted(set(known) - held - self._ledger.said_before(peer), key=lambda one: (len(one), one)):
            yield PlanWithdrawnMessage(told_id)

    def _may_open(self, terms: Accord, plan: Plan, at: datetime, own: str, peer: str) -> bool:
        """Whether our own policy lets a matched plan be told; no name may stand for two plans."""
        taken = {held.told_id for name, held in self._ledger.plans.get(peer, {}).items() if name != plan.plan_id}
        unlimited = msgspec.structs.replace(
            terms, disclosure=Disclosure.FULL,
            provisions=msgspec.structs.replace(terms.provisions, disclosure_rules=()),
        )  # fmt: skip
        allowed = clause_for(unlimited, self._policy, plan, at, own, peer).level is Level.TRAJECTORY
        return allowed and plan.plan_id not in taken

    def _opened(
        self, peer: str, accord_hash: str, record: PlanRecord, measure_id: str | None, known: Collection[str] | None
    ) -> Iterator[LedgerMessage]:
        plan_id, revision = record.plan.plan_id, record.revision
        held = self._ledger.plan(peer, plan_id)

        def telling(message: PlanningMessage, told_id: str = plan_id, digest: str = "") -> LedgerMessage:
            kind = tag_of(message)
            said = Telling(
                peer, accord_hash, kind, plan_id, told_id, revision, Level.TRAJECTORY, MATCHED, digest
            )  # fmt: skip
            return self._told(said, message)

        if held is not None and held.told_id != plan_id:
            yield telling(PlanWithdrawnMessage(held.told_id), held.told_id)
            held = None
        digest = hashlib.sha256(disclosed_bytes(record.plan)).hexdigest()
        if held is None or _must_be_told_anew(held, accord_hash, known):
            yield telling(PlanDeclaredMessage(record.plan, revision), digest=digest)
        elif held.revision != revision:
            yield telling(PlanAmendedMessage(record.plan, revision, measure_id), digest=digest)
        if record.state is PlanState.ACTIVE and not self._ledger.plans[peer][plan_id].active:
            yield telling(PlanActivatedMessage(plan_id))

    def _declared(
        self, peer: str, accord_hash: str, record: PlanRecord, clause: Clause, form_bytes: bytes,
        known: Collection[str] | None,
    ) -> Iterator[LedgerMessage]:  # fmt: skip
        plan_id, digest = record.plan.plan_id, hashlib.sha256(form_bytes).hexdigest()
        held = self._ledger.plan(peer, plan_id)
        told_id = held.told_id if held else self._ledger.next_id(peer)
        form = msgspec.structs.replace(msgspec.json.decode(form_bytes, type=Plan), plan_id=told_id)
        changed = held is None or held.form_sha256 != digest
        is_anew = held is None or _must_be_told_anew(held, accord_hash, known)
        if changed or is_anew:
            revision = 1 if held is None else held.revision + changed
            message = PlanDeclaredMessage(form, revision) if is_anew else PlanAmendedMessage(form, revision)
            telling = Telling(
                peer, accord_hash, tag_of(message), plan_id, told_id, revision, clause.level,
                clause.because, digest,
            )  # fmt: skip
            yield self._told(telling, message)
        now = self._ledger.plans[peer][plan_id]
        if record.state is PlanState.ACTIVE and not now.active:
            telling = Telling(
                peer, accord_hash, "plan_activated", plan_id, told_id, now.revision, clause.level, clause.because
            )
            yield self._told(telling, PlanActivatedMessage(told_id))

    def in_our_words(self, peer: str, message: ConflictAnswerMessage) -> ConflictAnswerMessage:
        """Return what a peer answers for a plan that it knows under an id and revision of its own, in our own words.

        Raises Refusal for a plan that it was not told of.
        """
        for plan_id, told in self._ledger.plans.get(peer, {}).items():
            record = self._picture.plans.get((self._picture.party, plan_id))
            if told.told_id == message.plan_id and record is not None:
                # A form that is told again and again unchanged stands for every revision that it was made from.
                revision = record.revision if told.revision == message.revision else 0
                return ConflictAnswerMessage(plan_id, revision, message.conflict)
        raise Refusal("disclosure.plan_peer_told", "plan_id", message.plan_id)

    def _told(self, telling: Telling, message: PlanningMessage) -> LedgerMessage:
        self._ledger.fold(telling)
        return telling, message

    def notice_as_told(self, peer: str, notice: Notice) -> Notice:
        """Return a notice with the id under which a peer was told its plan, or without one."""
        told = None if notice.plan_id is None else self._ledger.plan(peer, notice.plan_id)
        return msgspec.structs.replace(notice, plan_id=None if told is None else told.told_id)


def _must_be_told_anew(held: ToldPlan, accord_hash: str, known: Collection[str] | None) -> bool:
    """Whether a peer does not hold a plan that it was told: under another accord, or it was lost on the way."""
    return held.accord_hash != accord_hash or (known is not None and held.told_id not in known)
