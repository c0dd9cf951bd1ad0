"""The remote identification part of the airspace representation, and how events are folded into it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from detente.utm.dss.records import Occupied, pack_extents
from detente.utm.due import Due
from detente.utm.holdings import NOBODY, enter_listener, expire_entities, notify_subscribers, taken_out
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

_NAME = re.compile(rb'("subscription_id":("[^"]*"))')


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
            occupied = pack_extents(event.extents)
            old = state.areas.get(event.id)
            if old is not None:
                state.area_index.remove(old.id, old.occupied.cells)
            enter_area(state, Area(event.id, event.owner, event.version, event.flights_url, occupied))
            return _notify(state, event.standard, event.extents.cells, old.occupied if old else None, at_us)
        case AreaRemoved():
            area = state.areas.pop(event.id)
            state.area_index.remove(area.id, area.occupied.cells)
            return _notify(state, event.standard, area.occupied.cells, None, at_us)
        case RidSubscriptionWritten():
            notified = taken_out(state.subscription_index, state.subscriptions.get(event.id))
            subscription = RidSubscription(
                event.id, event.owner, event.version, event.notifications_url, pack_extents(event.extents)
            )
            enter_rid_subscription(state, subscription, notified)
            return NOBODY
        case RidSubscriptionRemoved():
            gone = state.subscriptions.pop(event.id)
            state.subscription_index.remove(gone.id, gone.occupied.cells)
            return NOBODY


def enter_area(state: RidState, area: Area) -> None:
    """Put an area that is not in the index into the state."""
    occupied: Occupied = area.occupied
    state.areas[area.id] = area
    state.area_index.insert(area.id, occupied.cells, None, None, occupied.start_us, occupied.end_us)
    state.due_areas.enter(area.id, occupied.end_us)


def enter_rid_subscription(state: RidState, subscription: RidSubscription, notified: int) -> None:
    """Put a subscription that is not in the index into the state, with how often it was notified."""
    state.subscriptions[subscription.id] = subscription
    enter_listener(
        state.subscription_index,
        state.due_subscriptions,
        subscription,
        subscription.occupied.cells,
        subscription.notifications_url,
        subscription.owner,
        notified,
    )


def expire_rid(state: RidState, now_us: int) -> None:
    """Take what has ended out of the search, and what ended long ago out of the state."""
    expire_entities(state.areas, state.area_index, state.due_areas, now_us)
    expire_entities(state.subscriptions, state.subscription_index, state.due_subscriptions, now_us)


def _notify(state: RidState, standard: Standard, cells: Sequence[int], old: Occupied | None, at_us: int) -> bytes:
    suffix = NOTIFICATIONS_PATH if standard is Standard.F3411_22A else ""
    subscribers = notify_subscribers(state.subscription_index, cells, old, at_us, None, "url", without_suffix=suffix)
    if standard is Standard.F3411_22A:
        return subscribers
    # The text of F3411-19 requires `subscription` without describing it, and describes `subscription_id`.
    return _NAME.sub(rb'\1,"subscription":\2', subscribers)
