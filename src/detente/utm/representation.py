"""The DSS airspace representation: everything the service knows, folded from the decisions in the journal. Pure."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from detente.utm.answers import WriteAnswer, encode, is_removal, subject_answer
from detente.utm.auxiliary.heartbeats import (
    HeartbeatRecorded,
    Heartbeats,
    PutHeartbeat,
    decide_heartbeat,
    evolve_heartbeat,
)
from detente.utm.dss.commands import DssCommand, PutIntent
from detente.utm.dss.decide import decide_dss
from detente.utm.dss.events import AvailabilitySet, DssEvent
from detente.utm.dss.evolve import evolve_dss, expire_dss
from detente.utm.dss.state import DssState
from detente.utm.moments import MINUTE_US
from detente.utm.refused import Refused
from detente.utm.rid.decide import decide_rid
from detente.utm.rid.records import (
    AreaRemoved,
    AreaWritten,
    DeleteArea,
    DeleteRidSubscription,
    PutArea,
    PutRidSubscription,
    RidCommand,
    RidEvent,
    RidSubscriptionRemoved,
    RidSubscriptionWritten,
)
from detente.utm.rid.state import RidState, evolve_rid, expire_rid

ServiceCommand = DssCommand | RidCommand | PutHeartbeat
ServiceEvent = DssEvent | RidEvent | HeartbeatRecorded
_RID_COMMANDS = (PutArea, DeleteArea, PutRidSubscription, DeleteRidSubscription)
_RID_EVENTS = (AreaWritten, AreaRemoved, RidSubscriptionWritten, RidSubscriptionRemoved)
OUTCOMES_KEPT_US = 60 * MINUTE_US
MOST_OUTCOMES = 100_000
LONGEST_ANSWER_KEPT = 16_384


class Policy(msgspec.Struct, frozen=True):
    """The operator's settings that change decisions. They do not change the fold, so replay is the same."""

    exact: bool = False


class RecordedRefusal(msgspec.Struct, frozen=True):
    """The answer to a request that was not carried out, and the request without its key."""

    status: int
    message: str
    missing_intents: tuple[str, ...]
    missing_constraints: tuple[str, ...]
    command: ServiceCommand


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of the journal: the request of a client at `at_us` and its result, all or nothing.

    `subject` is the id of the entity. A decision has events or a refusal.
    """

    at_us: int
    by: str
    subject: str
    request_id: str = ""
    fingerprint: str = ""
    events: tuple[ServiceEvent, ...] = ()
    refusal: RecordedRefusal | None = None


class WriteOutcome(msgspec.Struct, frozen=True, gc=False):
    """The result of a write that carried a request id, for a client that never received the answer.

    `fingerprint` tells a retry from another request. `document` and `told` are the answer, empty where it was long.
    """

    at_us: int
    fingerprint: str
    status: int
    subject: str
    what: str
    version: str
    document: bytes
    told: bytes | None


class Representation:
    """Everything that the journal says, by id, by place and by time."""

    def __init__(self) -> None:
        self.now_us = 0
        self.dss = DssState()
        self.rid = RidState()
        self.heartbeats = Heartbeats()
        self.outcomes: OrderedDict[tuple[str, str], WriteOutcome] = OrderedDict()


def decide(state: Representation, command: ServiceCommand, policy: Policy) -> list[ServiceEvent]:
    """The events that carry out `command`. Raises Refused with nothing changed."""
    if isinstance(command, _RID_COMMANDS):
        return [*decide_rid(state.rid, command)]
    if isinstance(command, PutHeartbeat):
        return [*decide_heartbeat(state.heartbeats, command)]
    return [*decide_dss(state.dss, command, exact=policy.exact)]


def evolve(state: Representation, decision: Decision, *, answering: bool = False) -> WriteAnswer | None:
    """Fold one decision in. Returns the answer to the client when `answering`, with the subscribers it must notify."""
    advance_time(state, decision.at_us)
    answer: WriteAnswer | None = None
    subscribers = b"[]"
    must_answer = answering or bool(decision.request_id)
    main = _main_event(decision) if must_answer and decision.events else None
    for event in decision.events:
        if event is main and is_removal(event):
            answer = _answer(state, event, decision)
        notified = _fold(state, event, decision.at_us)
        if notified != b"[]":
            subscribers = notified
    if main is not None:
        if answer is None:
            answer = _answer(state, main, decision)
        if answer.subscribers is not None:
            answer = answer._replace(subscribers=subscribers)
        if decision.request_id:
            _remember(state, decision, main, answer)
    return answer


def advance_time(state: Representation, now_us: int) -> None:
    """Move the time forward; searches no longer find what has ended."""
    if now_us <= state.now_us:
        return
    state.now_us = now_us
    expire_dss(state.dss, now_us)
    expire_rid(state.rid, now_us)


def recorded_refusal(refused: Refused, command: ServiceCommand) -> RecordedRefusal:
    """Return a refusal in the form that the journal holds."""
    if isinstance(command, PutIntent):
        command = msgspec.structs.replace(command, key=frozenset())
    return RecordedRefusal(
        refused.status, refused.message, refused.missing_intents, refused.missing_constraints, command
    )


def _fold(state: Representation, event: ServiceEvent, at_us: int) -> bytes:
    if isinstance(event, _RID_EVENTS):
        return evolve_rid(state.rid, event, at_us)
    if isinstance(event, HeartbeatRecorded):
        return evolve_heartbeat(state.heartbeats, event)
    return evolve_dss(state.dss, event, at_us)


def _main_event(decision: Decision) -> ServiceEvent:
    """The event about the entity that was asked for; the others are what it brought with it."""
    return next((event for event in decision.events if subject_of(event) == decision.subject), decision.events[-1])


def subject_of(event: ServiceEvent) -> str:
    """The id of what an event is about."""
    if isinstance(event, AvailabilitySet):
        return event.uss
    return event.instance if isinstance(event, HeartbeatRecorded) else event.id


def _answer(state: Representation, event: ServiceEvent, decision: Decision) -> WriteAnswer:
    return subject_answer(state.dss, state.rid, state.heartbeats, event, decision.by, decision.at_us)


def _remember(state: Representation, decision: Decision, main: ServiceEvent, answer: WriteAnswer) -> None:
    document = encode(answer.document)
    subscribers = answer.subscribers
    if len(document) + len(subscribers or b"") > LONGEST_ANSWER_KEPT:
        document, subscribers = b"", None if subscribers is None else b""
    outcomes = state.outcomes
    outcomes.pop((decision.by, decision.request_id), None)
    outcomes[decision.by, decision.request_id] = WriteOutcome(
        decision.at_us,
        decision.fingerprint,
        answer.status,
        decision.subject,
        str(main.__struct_config__.tag),
        str(getattr(main, "ovn", "") or getattr(main, "version", "")),
        document,
        subscribers,
    )
    while outcomes:
        oldest = next(iter(outcomes.values()))
        if len(outcomes) <= MOST_OUTCOMES and oldest.at_us >= decision.at_us - OUTCOMES_KEPT_US:
            break
        outcomes.popitem(last=False)
