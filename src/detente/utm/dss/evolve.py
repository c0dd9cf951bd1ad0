"""Fold events into the F3548 state. What is written here happens again, the same, whenever the journal is replayed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

from detente.utm.dss.events import (
    AvailabilitySet,
    ConstraintRemoved,
    ConstraintWritten,
    IntentRemoved,
    IntentWritten,
    ReportMade,
    SubscriptionRemoved,
    SubscriptionWritten,
)
from detente.utm.dss.records import (
    DOWN,
    Availability,
    Constraint,
    Occupied,
    OperationalIntent,
    Subscription,
    pack_extents,
)
from detente.utm.dss.state import FOR_CONSTRAINTS, FOR_INTENTS, DssState
from detente.utm.holdings import NOBODY, enter_listener, expire_entities, notify_subscribers, taken_out

_URL_FIELD = "uss_base_url"


def evolve_dss(state: DssState, event: object, at_us: int) -> bytes:
    """Fold in one event that happened at `at_us`; return, as JSON, the subscribers that the client must now notify."""
    return _evolve(event, state, at_us)


@singledispatch
def _evolve(event: object, state: DssState, at_us: int) -> bytes:  # noqa: ARG001
    raise TypeError(f"no F3548 event: {type(event).__name__}")


@_evolve.register
def _(event: IntentWritten, state: DssState, at_us: int) -> bytes:
    occupied = pack_extents(event.extents)
    old = state.intents.get(event.id)
    if old is not None:
        _drop_intent(state, old)
    state.intents[event.id] = OperationalIntent(
        event.id,
        event.manager,
        event.version,
        event.ovn,
        event.state,
        event.uss_base_url,
        event.subscription_id,
        occupied,
    )
    state.intent_index.insert(
        event.id, event.extents.cells, occupied.lower_m, occupied.upper_m, occupied.start_us, occupied.end_us
    )
    state.due_intents.enter(event.id, occupied.end_us)
    if event.subscription_id:
        state.dependents.add(event.subscription_id, event.id)
    return _notify(state, at_us, event.extents.cells, occupied, old.occupied if old else None, FOR_INTENTS)


@_evolve.register
def _(event: IntentRemoved, state: DssState, at_us: int) -> bytes:
    old = state.intents.pop(event.id)
    _drop_intent(state, old)
    return _notify(state, at_us, old.occupied.cells, old.occupied, None, FOR_INTENTS)


@_evolve.register
def _(event: ConstraintWritten, state: DssState, at_us: int) -> bytes:
    occupied = pack_extents(event.extents)
    old = state.constraints.get(event.id)
    if old is not None:
        state.constraint_index.remove(old.id, old.occupied.cells)
    state.constraints[event.id] = Constraint(
        event.id, event.manager, event.version, event.ovn, event.uss_base_url, occupied
    )
    state.constraint_index.insert(
        event.id, event.extents.cells, occupied.lower_m, occupied.upper_m, occupied.start_us, occupied.end_us
    )
    state.due_constraints.enter(event.id, occupied.end_us)
    return _notify(state, at_us, event.extents.cells, occupied, old.occupied if old else None, FOR_CONSTRAINTS)


@_evolve.register
def _(event: ConstraintRemoved, state: DssState, at_us: int) -> bytes:
    old = state.constraints.pop(event.id)
    state.constraint_index.remove(old.id, old.occupied.cells)
    return _notify(state, at_us, old.occupied.cells, old.occupied, None, FOR_CONSTRAINTS)


@_evolve.register
def _(event: SubscriptionWritten, state: DssState, at_us: int) -> bytes:  # noqa: ARG001
    occupied = pack_extents(event.extents)
    notified = taken_out(state.subscription_index, state.subscriptions.get(event.id))
    enter_subscription(
        state,
        Subscription(
            event.id,
            event.manager,
            event.version,
            event.implicit,
            event.for_intents,
            event.for_constraints,
            event.uss_base_url,
            occupied,
        ),
        event.extents.cells,
        notified,
    )
    return NOBODY


def enter_subscription(state: DssState, subscription: Subscription, cells: Sequence[int], notified: int) -> None:
    """Put a subscription that is not there into the state, with how often it was notified."""
    state.subscriptions[subscription.id] = subscription
    enter_listener(
        state.subscription_index,
        state.due_subscriptions,
        subscription,
        cells,
        subscription.uss_base_url,
        subscription.manager,
        notified,
        subscription.for_intents * FOR_INTENTS | subscription.for_constraints * FOR_CONSTRAINTS,
    )


@_evolve.register
def _(event: SubscriptionRemoved, state: DssState, at_us: int) -> bytes:  # noqa: ARG001
    _drop_subscription(state, event.id)
    return NOBODY


@_evolve.register
def _(event: AvailabilitySet, state: DssState, at_us: int) -> bytes:  # noqa: ARG001
    state.availability[event.uss] = Availability(event.availability, event.version)
    if event.availability == DOWN:
        state.down.add(event.uss)
    else:
        state.down.discard(event.uss)
    return NOBODY


@_evolve.register
def _(event: ReportMade, state: DssState, at_us: int) -> bytes:  # noqa: ARG001
    state.reports += 1
    return NOBODY


def expire_dss(state: DssState, now_us: int) -> None:
    """Take what has ended out of the search, and what ended long ago out of the state."""
    for intent in expire_entities(state.intents, state.intent_index, state.due_intents, now_us):
        if intent.subscription_id:
            state.dependents.discard(intent.subscription_id, intent.id)
        subscription = state.subscriptions.get(intent.subscription_id)
        if subscription is not None and subscription.implicit and not state.dependents.of(subscription.id):
            _drop_subscription(state, subscription.id)
    expire_entities(state.constraints, state.constraint_index, state.due_constraints, now_us)
    # A subscription covered its operational intents, so that they went before it.
    expire_entities(state.subscriptions, state.subscription_index, state.due_subscriptions, now_us)


def _drop_intent(state: DssState, intent: OperationalIntent) -> None:
    state.intent_index.remove(intent.id, intent.occupied.cells)
    if intent.subscription_id:
        state.dependents.discard(intent.subscription_id, intent.id)


def _drop_subscription(state: DssState, name: str) -> None:
    old = state.subscriptions.pop(name)
    state.subscription_index.remove(name, old.occupied.cells)


def _notify(state: DssState, at_us: int, cells: Sequence[int], new: Occupied, old: Occupied | None, kind: int) -> bytes:
    start_us, end_us = new.start_us, new.end_us
    if old is not None:
        start_us, end_us = min(start_us, old.start_us), max(end_us, old.end_us)
    # A subscription that ended before now hears of nothing, even if the change reaches back.
    return notify_subscribers(
        state.subscription_index, cells, old, max(start_us, at_us), end_us, _URL_FIELD, kinds=kind
    )
