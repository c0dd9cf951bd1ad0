"""Telling a peer no more of our plans than accord and own policy allow, and keeping account of what was told.

Where anything is held back, a plan is told under a number of its own for this peer, with revisions that count what this
peer was told: neither its name nor changes that do not show in the told form can be seen. Every telling is kept in the
journal under the kind `told`, with the clause that allowed it. Plans that are told in a coarse form are settled by
people: a measure would tell the plan itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from detente.accord.disclosure import (
    OPEN_POLICY,
    Clause,
    OwnPolicy,
    answers_conflicts,
    clause_for,
    disclosed,
    disclosed_bytes,
    is_open,
)
from detente.accord.provisions import Level
from detente.accord.tagged import tag_of
from detente.accord.terms import Accord, Disclosure
from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.picture import events, messages
from detente.picture.commands import Command, HearConflictAnswer
from detente.picture.messages import Message
from detente.picture.picture import Picture, PlanRecord, PlanState

MATCHED = "accord: matching, told"
"""The clause under which a plan is told that a private match found in conflict."""
TOLD = "told"
"""The kind of the journal's entries that say what a peer was told of a plan, and under which clause."""


class Telling(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One telling: which plan, under which id and revision, how much of it, why; `form_sha256` is empty for the end.

    An answer is about a plan of the peer's, and `conflict` is what it says.
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


class _Held(msgspec.Struct):
    told_id: str
    revision: int
    form_sha256: str
    active: bool = False
    accord_hash: str = ""


class Disclosing:
    """What each peer was told where not everything is told. Changed by `fold` alone.

    `matched_with` gives our plans that a private match found in conflict with a peer's, where the accord tells those as
    they are: under their own names and revisions, as between parties that tell everything, so that measures can settle.
    """

    def __init__(self, policy: OwnPolicy = OPEN_POLICY) -> None:
        self.policy = policy
        self.matched_with: Callable[[str], Collection[str]] = _nothing
        self._held: dict[str, dict[str, _Held]] = {}
        self._count: dict[str, int] = {}
        self._answered: dict[str, dict[str, tuple[str, int, bool]]] = {}

    def restricts(self, accord: Accord) -> bool:
        """Whether anything may be held back under this accord."""
        return not is_open(accord, self.policy)

    def fold(self, body: bytes) -> None:
        """Fold one journal entry of the kind `told` in."""
        telling = msgspec.json.decode(body, type=Telling)
        if telling.conflict is not None:
            answer = (telling.accord_hash, telling.revision, telling.conflict)
            self._answered.setdefault(telling.peer, {})[telling.plan_id] = answer
            return
        held = self._held.setdefault(telling.peer, {})
        if telling.message == "plan_withdrawn":
            held.pop(telling.plan_id, None)
        elif telling.message == "plan_activated":
            held[telling.plan_id].active = True
        else:
            before = held.get(telling.plan_id)
            if before is None:
                self._count[telling.peer] = self._count.get(telling.peer, 0) + 1
            held[telling.plan_id] = _Held(
                telling.told_id, telling.revision, telling.form_sha256,
                active=telling.message == "plan_amended" and before is not None and before.active,
                accord_hash=telling.accord_hash,
            )  # fmt: skip

    def due(
        self, picture: Picture, accord: tuple[Accord, str], peer: str, at: datetime, only: Iterable[str] | None = None,
        measures: Mapping[str, str] | None = None,
    ) -> Iterator[tuple[Telling, Message]]:  # fmt: skip
        """Yield what `peer` must be told now, of the plans named in `only` or of all; each is folded in at once.

        The order and the numbers follow from the told forms alone, never from the plans' names; those that a match
        found come last. `measures` are those agreed with the peer that plans now follow, by plan.
        """
        terms, accord_hash = accord
        held = self._held.get(peer, {})
        matched = self.matched_with(peer)
        open_ones: list[PlanRecord] = []
        asked = set(only) if only is not None else {*held, *(n for p, n in picture.plans if p == picture.party)}
        wanted: list[tuple[bytes, PlanRecord, Clause]] = []
        gone: list[tuple[_Held, str, Clause]] = []
        for plan_id in sorted(asked):
            record = picture.plans.get((picture.party, plan_id))
            clause, form = Clause(Level.NOTHING, "the plan is over"), None
            if record is not None and record.live:
                clause = clause_for(terms, self.policy, record.plan, at, picture.party, peer)
                if plan_id in matched and self._may_open(terms, record.plan, at, picture.party, peer):
                    open_ones.append(record)
                    continue
                form = disclosed(record.plan, clause.level, terms.provisions.disclosure_grid, "p")
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
                messages.PlanWithdrawn(entry.told_id),
            )  # fmt: skip
        for form_bytes, record, clause in sorted(wanted, key=lambda row: row[0]):
            yield from self._declared(peer, accord_hash, record, clause, form_bytes)
        for record in open_ones:
            yield from self._opened(peer, accord_hash, record, (measures or {}).get(record.plan.plan_id))

    def tells_openly(self, peer: str, plan_id: str) -> bool:
        """Whether `peer` was told a plan of ours as it is, because a match found it in conflict."""
        held = self._held.get(peer, {}).get(plan_id)
        return held is not None and held.told_id == plan_id

    def _may_open(self, terms: Accord, plan: Plan, at: datetime, own: str, peer: str) -> bool:
        """Whether our own policy lets a matched plan be told; no name may stand for two plans."""
        taken = {held.told_id for name, held in self._held.get(peer, {}).items() if name != plan.plan_id}
        unlimited = msgspec.structs.replace(
            terms, disclosure=Disclosure.FULL,
            provisions=msgspec.structs.replace(terms.provisions, disclosure_rules=()),
        )  # fmt: skip
        allowed = clause_for(unlimited, self.policy, plan, at, own, peer).level is Level.TRAJECTORY
        return allowed and plan.plan_id not in taken

    def _opened(
        self, peer: str, accord_hash: str, record: PlanRecord, measure_id: str | None
    ) -> Iterator[tuple[Telling, Message]]:
        plan_id, revision = record.plan.plan_id, record.revision
        held = self._held.get(peer, {}).get(plan_id)

        def telling(message: Message, told_id: str = plan_id, digest: str = "") -> tuple[Telling, Message]:
            kind = tag_of(message)
            said = Telling(
                peer, accord_hash, kind, plan_id, told_id, revision, Level.TRAJECTORY, MATCHED, digest
            )  # fmt: skip
            return self._told(said, message)

        if held is not None and held.told_id != plan_id:
            yield telling(messages.PlanWithdrawn(held.told_id), held.told_id)
            held = None
        digest = hashlib.sha256(disclosed_bytes(record.plan)).hexdigest()
        if held is None or held.accord_hash != accord_hash:
            yield telling(messages.PlanDeclared(record.plan, revision), digest=digest)
        elif held.revision != revision:
            yield telling(messages.PlanAmended(record.plan, revision, measure_id), digest=digest)
        if record.state is PlanState.ACTIVE and not self._held[peer][plan_id].active:
            yield telling(messages.PlanActivated(plan_id))

    def _declared(
        self, peer: str, accord_hash: str, record: PlanRecord, clause: Clause, form_bytes: bytes
    ) -> Iterator[tuple[Telling, Message]]:
        plan_id, digest = record.plan.plan_id, hashlib.sha256(form_bytes).hexdigest()
        held = self._held.get(peer, {}).get(plan_id)
        told_id = held.told_id if held else self._next_id(peer)
        form = msgspec.structs.replace(msgspec.json.decode(form_bytes, type=Plan), plan_id=told_id)
        changed = held is None or held.form_sha256 != digest
        if changed or (held is not None and held.accord_hash != accord_hash):
            revision = 1 if held is None else held.revision + changed
            under_another = held is None or held.accord_hash != accord_hash
            message = messages.PlanDeclared(form, revision) if under_another else messages.PlanAmended(form, revision)
            telling = Telling(
                peer, accord_hash, tag_of(message), plan_id, told_id, revision, clause.level,
                clause.because, digest,
            )  # fmt: skip
            yield self._told(telling, message)
        now = self._held[peer][plan_id]
        if record.state is PlanState.ACTIVE and not now.active:
            telling = Telling(
                peer, accord_hash, "plan_activated", plan_id, told_id, now.revision, clause.level, clause.because
            )
            yield self._told(telling, messages.PlanActivated(told_id))

    def _next_id(self, peer: str) -> str:
        taken = {held.told_id for held in self._held.get(peer, {}).values()}
        number = self._count.get(peer, 0) + 1
        while f"p{number}" in taken:
            number += 1
        return f"p{number}"

    def answers_due(
        self, picture: Picture, accord: tuple[Accord, str], peer: str, at: datetime, only: Iterable[str] | None = None
    ) -> Iterator[tuple[Telling, Message]]:
        """Yield the answers that `peer` must still get for its plans named in `only`, or for all; each is folded in.

        Every live plan of the peer gets one for each revision, and another when it changes. What we keep to ourselves
        without even an answer has no part in it.
        """
        terms, accord_hash = accord
        if not answers_conflicts(terms, self.policy, picture.party, peer):
            return
        answered = self._answered.get(peer, {})
        names = {name for party, name in picture.plans if party == peer} if only is None else set(only)
        for name in sorted(names):
            record = picture.plans.get((peer, name))
            if record is None or not record.live:
                continue
            because = self._kept_back(picture, terms, peer, name, at)
            answer = (accord_hash, record.revision, because is not None)
            if answered.get(name) == answer:
                continue
            telling = Telling(
                peer, accord_hash, "conflict_answer", name, name, record.revision, Level.CONFLICT,
                because or "no conflict", conflict=because is not None,
            )  # fmt: skip
            yield self._told(telling, messages.ConflictAnswer(name, record.revision, because is not None))

    def _kept_back(self, picture: Picture, terms: Accord, peer: str, name: str, at: datetime) -> str | None:
        """The clause by which a plan of ours is kept back that conflicts with this plan of the peer's, or None."""
        for conflict_id in sorted(picture.conflicts_of.get((peer, name), ())):
            ours = picture.conflicts[conflict_id].conflict.other(peer)
            plan = picture.plans[(ours.party, ours.plan_id)].plan
            clause = clause_for(terms, self.policy, plan, at, picture.party, peer)
            if clause.level is Level.CONFLICT and not self.tells_openly(peer, ours.plan_id):
                return clause.because
        return None

    def in_our_words(self, picture: Picture, command: Command) -> Command:
        """Return what a peer asks for, of a plan that it knows under an id and revision of its own, in our own words.

        Raises Refusal for a plan that it was not told of.
        """
        if not isinstance(command, HearConflictAnswer):
            return command
        for plan_id, held in self._held.get(command.party, {}).items():
            record = picture.plans.get((picture.party, plan_id))
            if held.told_id == command.plan_id and record is not None:
                # A form that is told again and again unchanged stands for every revision that it was made from.
                revision = record.revision if held.revision == command.revision else 0
                return msgspec.structs.replace(command, plan_id=plan_id, revision=revision)
        raise Refusal("plan_id", command.plan_id, "a plan that the peer was told of")

    def _told(self, telling: Telling, message: Message) -> tuple[Telling, Message]:
        self.fold(msgspec.json.encode(telling))
        return telling, message

    def told_id(self, peer: str, plan_id: str) -> str | None:
        """Return the id under which a peer knows a plan of ours, or None."""
        held = self._held.get(peer, {}).get(plan_id)
        return None if held is None else held.told_id

    def of_other_event(self, message: Message, peer: str) -> Message | None:
        """Return what a peer may hear of a message that is not about a plan: notices, by the ids it was told."""
        if isinstance(message, messages.NoticeGiven | messages.NoticeAmended):
            notice = message.notice
            plan_id = None if notice.plan_id is None else self.told_id(peer, notice.plan_id)
            return msgspec.structs.replace(message, notice=msgspec.structs.replace(notice, plan_id=plan_id))
        return message if isinstance(message, messages.NoticeCancelled) else None


def _nothing(_peer: str) -> Collection[str]:
    return ()


def plan_of(event: events.Event, own: str) -> str | None:
    """Return the id of our own plan that an event changed, or None."""
    match event:
        case events.PlanDeclared(party=party, plan=plan) | events.PlanAmended(party=party, plan=plan) if party == own:
            return plan.plan_id
        case (
            events.PlanWithdrawn(party=party, plan_id=plan_id)
            | events.PlanActivated(party=party, plan_id=plan_id)
            | events.PlanEnded(party=party, plan_id=plan_id)
        ) if party == own:
            return plan_id
        case _:
            return None
