"""The remote identification part of the airspace representation, and how events are folded into it."""

from __future__ import annotations

from collections.abc import Sequence

from detente.utm.dss.records import Occupied, pack
from detente.utm.dss.state import KEPT_AFTER_END_US
from detente.utm.due import Due, due_at
from detente.utm.index import CellIndex, SubscriptionIndex
from detente.utm.rid.records import (
    NOTIFICATIONS_PATH,
    Area,
    AreaRemoved,
    AreaWritten,
    RidEvent,
    RidSubscription,
    RidSubscriptionRemoved,
    RidSubscriptionWritten,
    Standard,
)


class RidState:
    """Identification service areas and the subscriptions to them."""

    def __init__(self) -> None:
        self.areas: dict[str, Area] = {}
        self.subscriptions: dict[str, RidSubscription] = {}
        self.area_index = CellIndex()
        self.subscription_index = SubscriptionIndex()
        self.due_areas = Due()
        self.due_subscriptions = Due()


def evolve_rid(state: RidState, event: RidEvent, at_us: int) -> bytes:
    """Fold in one event that happened at `at_us`; return, as JSON, the subscribers that the client must now notify."""
    match event:
        case AreaWritten():
            occupied = pack(event.extents)
            old = state.areas.get(event.id)
            if old is not None:
                state.area_index.remove(old.id, old.occupied.cells)
            enter_area(state, Area(event.id, event.owner, event.version, event.flights_url, occupied))
            cells: Sequence[int] = event.extents.cells
            if old is not None:
                cells = list({*cells, *old.occupied.cells})
            return _notify(state, event.standard, cells, at_us)
        case AreaRemoved():
            area = state.areas.pop(event.id)
            state.area_index.remove(area.id, area.occupied.cells)
            return _notify(state, event.standard, area.occupied.cells, at_us)
        case RidSubscriptionWritten():
            before = state.subscriptions.get(event.id)
            notified = 0
            if before is not None:
                notified = state.subscription_index.notification_index(event.id)
                state.subscription_index.remove(event.id, before.occupied.cells)
            subscription = RidSubscription(
                event.id, event.owner, event.version, event.notifications_url, pack(event.extents)
            )
            enter_rid_subscription(state, subscription, notified)
            return b"[]"
        case RidSubscriptionRemoved():
            gone = state.subscriptions.pop(event.id)
            state.subscription_index.remove(gone.id, gone.occupied.cells)
            return b"[]"


def enter_area(state: RidState, area: Area) -> None:
    """Put an area that is not in the index into the state."""
    occupied: Occupied = area.occupied
    state.areas[area.id] = area
    state.area_index.insert(area.id, occupied.cells, None, None, occupied.start_us, occupied.end_us)
    state.due_areas.enter(area.id, occupied.end_us)


def enter_rid_subscription(state: RidState, subscription: RidSubscription, notified: int) -> None:
    """Put a subscription that is not in the index into the state, with how often it was notified."""
    occupied = subscription.occupied
    state.subscriptions[subscription.id] = subscription
    slot = state.subscription_index.insert(
        subscription.id, occupied.cells, None, None, occupied.start_us, occupied.end_us
    )
    state.subscription_index.describe(slot, subscription.notifications_url, subscription.owner, notified)
    state.due_subscriptions.enter(subscription.id, occupied.end_us)


def expire_rid(state: RidState, now_us: int) -> None:
    """Take what has ended out of the search, and what ended long ago out of the state."""
    for name in state.due_areas.take(now_us):
        area = state.areas.get(name)
        if area is None or area.occupied.end_us >= now_us:
            continue
        gone_us = area.occupied.end_us + KEPT_AFTER_END_US
        if due_at(gone_us) > now_us:
            state.area_index.withdraw(name, area.occupied.cells)
            state.due_areas.enter(name, gone_us)
        else:
            del state.areas[name]
            state.area_index.remove(name, area.occupied.cells)
    for name in state.due_subscriptions.take(now_us):
        subscription = state.subscriptions.get(name)
        if subscription is None or subscription.occupied.end_us >= now_us:
            continue
        gone_us = subscription.occupied.end_us + KEPT_AFTER_END_US
        if due_at(gone_us) > now_us:
            state.subscription_index.withdraw(name, subscription.occupied.cells)
            state.due_subscriptions.enter(name, gone_us)
        else:
            del state.subscriptions[name]
            state.subscription_index.remove(name, subscription.occupied.cells)


def _notify(state: RidState, standard: Standard, cells: Sequence[int], at_us: int) -> bytes:
    slots = state.subscription_index.find(cells, start_us=at_us)
    suffix = NOTIFICATIONS_PATH if standard is Standard.F3411_22A else ""
    return state.subscription_index.notify(slots, "url", suffix)
