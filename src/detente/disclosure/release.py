"""What may leave: everything that goes to a peer passes here, whichever room it comes from.

A message leaves only while what it needs goes on with the peer. Of plans and notices a peer is told no more than accord
and own policy allow, and the ledger keeps what it was told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from detente.accord.accords import Accords
from detente.accord.disclosure import OwnPolicy, is_open
from detente.accord.provisions import Level
from detente.accord.terms import Accord
from detente.disclosure.answers import AnswerAccount, ConflictAnswers
from detente.disclosure.catching_up import KnownToPeer, missing_notices, missing_plans
from detente.disclosure.ledger import SAID_BEFORE, Ledger, LedgerKept, Telling
from detente.disclosure.live_tracks import NO_LIMIT, LiveLimit, limit_of, within
from detente.disclosure.restricted import MatchedWith, RestrictedPlans
from detente.line.alarms import AlarmKind
from detente.line.commands import RaiseAlarm
from detente.picture.events import (
    ConflictCleared,
    ConflictFound,
    PlanActivated,
    PlanAmended,
    PlanDeclared,
    PlanEnded,
    PlanWithdrawn,
)
from detente.picture.messages import (
    ConflictAnswerMessage,
    MeasureAcceptedMessage,
    MeasureProposedMessage,
    MeasureRefusedMessage,
    NoMeasureFoundMessage,
    NoticeAmendedMessage,
    NoticeCancelledMessage,
    NoticeGivenMessage,
    PlanAmendedMessage,
    PlanDeclaredMessage,
)
from detente.picture.picture import Picture
from detente.room.channel import Channel
from detente.room.message import Addressed, Message
from detente.room.room import message_kind
from detente.watch.messages import NearReported, TracksReported

_LEDGER: msgspec.json.Decoder[Telling] = msgspec.json.Decoder(Telling)


class Released(NamedTuple):
    """A message that may leave, on a channel; `telling` is what the ledger keeps of it where anything is held back.

    `alarms` are commands that follow: people must look at what the peer asks.
    """

    peer: str
    message: Message
    channel: Channel
    telling: Telling | None = None
    alarms: tuple[RaiseAlarm, ...] = ()


class DisclosureFilter:
    """Decides what each peer hears, by the accords, our own policy, the picture and what the peer was told before."""

    def __init__(self, accords: Accords, policy: OwnPolicy, picture: Picture, matched_with: MatchedWith) -> None:
        self._accords = accords
        self._policy = policy
        self._picture = picture
        self._ledger = Ledger()
        self._answers = ConflictAnswers(self._ledger, policy, picture)
        self._plans = RestrictedPlans(self._ledger, policy, picture, matched_with, self._answers)

    def fold(self, body: bytes) -> None:
        """Fold one journal entry of the ledger in."""
        self._ledger.fold(_LEDGER.decode(body))

    def keep(self) -> bytes:
        """Return the ledger as bytes from which `restore` makes it again."""
        return msgspec.msgpack.encode(self._ledger.keep())

    def restore(self, kept: bytes) -> Callable[[], None]:
        """Read what `keep` gave, and return what makes the empty ledger that; raises msgspec.MsgspecError."""
        read = msgspec.msgpack.decode(kept, type=LedgerKept)
        return lambda: self._ledger.restore(read)

    def forget(self, before: datetime) -> None:
        """Leave out of the ledger what was over before a time; the picture has left it out already."""
        plans = self._picture.plans
        self._ledger.forget(before, lambda peer, name: (peer, name) in plans)

    def release(self, at: datetime, events: Sequence[object], messages: Iterable[Addressed]) -> Iterator[Released]:
        """Yield what may leave of the messages that one command's events give rise to, and what these events make due.

        Where anything is held back, plans are told for all of a command's events at once: one after another, their
        order would tell the plans' names, and a conflict that ends while another begins would tell that a plan has
        changed.
        """
        measures: dict[str, dict[str, str]] = {}
        for addressed in messages:
            peer, message = addressed.peer, addressed.message
            if not self._accords.allows(peer, message.activity, at):
                continue
            allowed: Message | None = message
            if message.channel is Channel.PLANNING and self.holds_back(peer, at):
                if isinstance(message, PlanAmendedMessage) and message.measure_id is not None:
                    measures.setdefault(peer, {})[message.plan.plan_id] = message.measure_id
                if not self._is_about_matched(peer, message, at):
                    allowed = self._in_part(peer, message)
            if isinstance(message, NearReported | TracksReported):
                yield from self._live(at, peer, message)
            elif allowed is not None:
                yield Released(peer, allowed, addressed.goes_on)
        own = {name for event in events for name in _plans_changed(event, self._picture.party)}
        for peer in self._accords.talks:
            theirs = {name for event in events for name in self._plans_met(event, peer)}
            if (own or theirs) and self._accords.may_plan(peer, at) and self.holds_back(peer, at):
                if own:
                    yield from self._due(at, peer, own, measures.get(peer))
                yield from self._answers_due(at, peer, theirs)

    def live_limit(self, peer: str, at: datetime) -> LiveLimit:
        """Return how much a peer may be told now of where our aircraft are."""
        found = self._accords.current(peer, at)
        return NO_LIMIT if found is None else limit_of(found[0], self._policy)

    def _live(self, at: datetime, peer: str, message: NearReported | TracksReported) -> Iterator[Released]:
        """What may leave of a report of where our aircraft are: what was made for it passes as it is."""
        found = self._accords.current(peer, at)
        limit = self.live_limit(peer, at)
        allowed = within(message, limit)
        if found is None or allowed is None:
            return
        count = len(allowed.near if isinstance(allowed, NearReported) else allowed.tracks)
        telling = Telling(
            peer, found[1], message_kind(allowed), "", "", 0, Level.NOTHING, limit.because, at=at,
            live=limit.level, count=count,
        )  # fmt: skip
        yield Released(peer, allowed, allowed.channel, telling)

    def due(self, at: datetime, peer: str) -> Iterator[Released]:
        """Yield what time has made due to a peer from whom something is held back."""
        if self._accords.may_plan(peer, at) and self.holds_back(peer, at):
            yield from self._due(at, peer, None, None)
            yield from self._answers_due(at, peer, None)

    def catch_up(self, at: datetime, peer: str, known: KnownToPeer) -> Iterator[Released]:
        """Yield what a peer must still hear when planning begins or goes on again; `known` is what it holds of ours."""
        if not self._accords.may_plan(peer, at):
            return
        if self.holds_back(peer, at):
            for over in self._plans.no_longer_told(peer, known.plans):
                yield Released(peer, over, Channel.PLANNING)
            yield from self._due(at, peer, None, None, known.plans)
            yield from self._answers_due(at, peer, None)
            notices = missing_notices(self._picture, known, lambda notice: self._plans.notice_as_told(peer, notice))
        else:
            yield from (Released(peer, m, Channel.PLANNING) for m in missing_plans(self._picture, known))
            notices = missing_notices(self._picture, known, lambda notice: notice)
        yield from (Released(peer, message, Channel.PLANNING) for message in notices)

    def said_before(self, at: datetime, peer: str, message: Message) -> Telling | None:
        """Keep in the ledger that `peer` was told a plan before our journal was set back; return what is kept.

        It holds there until it is over, whatever plan it was: no other may be told under its id.
        """
        found = self._accords.latest(peer, at)
        if found is None or not isinstance(message, PlanDeclaredMessage):
            return None
        plan_id = message.plan.plan_id
        telling = Telling(
            peer, found[1], SAID_BEFORE, "", plan_id, message.revision, Level.NOTHING,
            "told before our journal was set back",
        )  # fmt: skip
        self._ledger.fold(telling)
        return telling

    def accounts(self, at: datetime) -> Iterator[AnswerAccount]:
        """Yield what each peer was told by answers, where answers are given or were."""
        for peer in sorted(self._accords.talks):
            found = self._accords.latest(peer, at)
            if found is not None and (account := self._answers.account(found[0], peer, at)) is not None:
                yield account

    def understood(self, at: datetime, peer: str, message: Message) -> Message:
        """Return what a peer says in our own words; raises Refusal for a plan that it was not told of."""
        if isinstance(message, ConflictAnswerMessage) and self.holds_back(peer, at):
            return self._plans.in_our_words(peer, message)
        return message

    def holds_back(self, peer: str, at: datetime) -> bool:
        """Whether accord or own policy may keep anything from `peer`."""
        found = self._accords.latest(peer, at)
        return found is not None and not is_open(found[0], self._policy)

    def held_back_under(self, peer: str, accord: str, at: datetime) -> bool:
        """Whether anything may have been kept from `peer` under an accord that stands or stood, by its hash."""
        if self.holds_back(peer, at) or (peer, accord) in self._accords.left:
            return True
        stood = self._accords.with_hash(peer, accord)
        return stood is not None and not is_open(stood, self._policy)

    def may_settle(self, conflict_id: str, at: datetime) -> bool:
        """Whether measures may be exchanged about a conflict.

        Planning goes on with its other party, and nothing is held back from it, or a match opened our plan to it.
        """
        record = self._picture.conflicts.get(conflict_id) or self._picture.cleared.get(conflict_id)
        if record is None:
            return False
        peer, own = record.conflict.other(self._picture.party).party, record.conflict.of(self._picture.party)
        return self.tells_openly(peer, own.plan_id, at) and self._accords.may_plan(peer, at)

    def tells_openly(self, peer: str, plan_id: str, at: datetime) -> bool:
        """Whether `peer` is told a plan of ours as it is, so that a measure may change it."""
        return not self.holds_back(peer, at) or self._ledger.tells_openly(peer, plan_id)

    def _in_part(self, peer: str, message: Message) -> Message | None:
        """What a peer from whom something is held back hears of a message that is not about a matched plan."""
        if isinstance(message, NoticeGivenMessage | NoticeAmendedMessage):
            return msgspec.structs.replace(message, notice=self._plans.notice_as_told(peer, message.notice))
        return message if isinstance(message, NoticeCancelledMessage) else None

    def _is_about_matched(self, peer: str, message: Message, at: datetime) -> bool:
        """Whether a message is about a measure for a conflict that both sides have opened their plans of."""
        match message:
            case MeasureProposedMessage(measure=measure):
                # Another plan that the measure changes may be one that the peer is not told of.
                return self.may_settle(measure.conflict_id, at) and all(
                    self._ledger.tells_openly(peer, shift.plan.plan_id) for shift in measure.also
                )
            case MeasureAcceptedMessage(measure_id=measure_id) | MeasureRefusedMessage(measure_id=measure_id):
                return self.may_settle(self._picture.measures[measure_id].measure.conflict_id, at)
            case NoMeasureFoundMessage(conflict_id=conflict_id):
                return self.may_settle(conflict_id, at)
            case _:
                return False

    def _due(
        self, at: datetime, peer: str, only: Iterable[str] | None, measures: dict[str, str] | None,
        known: Collection[str] | None = None,
    ) -> Iterator[Released]:  # fmt: skip
        for telling, message in self._plans.due(self._latest(peer, at), peer, at, only, measures, known):
            yield Released(peer, message, Channel.PLANNING, telling)

    def _answers_due(self, at: datetime, peer: str, only: set[str] | None) -> Iterator[Released]:
        for telling, message in self._answers.due(self._latest(peer, at), peer, at, only):
            signs = () if telling.probe is None else telling.probe.signs
            alarms = tuple(RaiseAlarm(at, peer, AlarmKind(sign.value), f"plan {telling.plan_id}") for sign in signs)
            yield Released(peer, message, Channel.PLANNING, telling, alarms)

    def _latest(self, peer: str, at: datetime) -> tuple[Accord, str]:
        found = self._accords.latest(peer, at)
        assert found is not None  # it is what holds something back
        return found

    def _plans_met(self, event: object, peer: str) -> Iterator[str]:
        """The ids of the plans of a peer that an event is about."""
        match event:
            case PlanDeclared(party=party, plan=plan) | PlanAmended(party=party, plan=plan) if party == peer:
                yield plan.plan_id
            case ConflictFound(conflict=conflict):
                yield from (each.plan_id for each in (conflict.first, conflict.second) if each.party == peer)
            case ConflictCleared(conflict_id=conflict_id):
                both = self._picture.cleared.get(conflict_id) or self._picture.conflicts.get(conflict_id)
                assert both is not None
                plans = (both.conflict.first, both.conflict.second)
                yield from (each.plan_id for each in plans if each.party == peer)
            case _:
                return


def _plans_changed(event: object, own: str) -> Iterator[str]:
    """The ids of the plans of our own that an event changed."""
    match event:
        case PlanDeclared(party=party, plan=plan) | PlanAmended(party=party, plan=plan) if party == own:
            yield plan.plan_id
        case (
            PlanWithdrawn(party=party, plan_id=plan_id)
            | PlanActivated(party=party, plan_id=plan_id)
            | PlanEnded(party=party, plan_id=plan_id)
        ) if party == own:
            yield plan_id
        case _:
            return
