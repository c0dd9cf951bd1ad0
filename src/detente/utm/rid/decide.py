"""Decide what becomes of a request to write or delete an identification service area or a subscription to them."""

from __future__ import annotations

import msgspec

from detente.utm.identifiers import rid_version
from detente.utm.refused import Refused
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
from detente.utm.rid.state import RidState
from detente.utm.windows import EARLIEST_START_US, subscription_window

MOST_SUBSCRIPTIONS_IN_A_CELL = 10
"""Of one owner (F3411-22a NetDSSMaxSubscriptionPerArea)."""
_STALE = "the version is not the current one; get the entity and try again"


def decide_rid(state: RidState, command: RidCommand) -> list[RidEvent]:
    """The events that carry out `command`. Raises Refused with nothing changed."""
    match command:
        case PutArea():
            return _decide_put_area(state, command)
        case DeleteArea():
            area = state.areas.get(command.id)
            if area is None:
                raise Refused(404, f"there is no identification service area {command.id}")
            _check_version(area.version, command.version)
            _check_owner(area.owner, command.by)
            return [AreaRemoved(command.standard, command.id)]
        case PutRidSubscription():
            return _decide_put_subscription(state, command)
        case DeleteRidSubscription():
            subscription = state.subscriptions.get(command.id)
            if subscription is None:
                raise Refused(404, f"there is no subscription {command.id}")
            _check_version(subscription.version, command.version)
            _check_owner(subscription.owner, command.by)
            return [RidSubscriptionRemoved(command.standard, command.id)]


def _decide_put_area(state: RidState, command: PutArea) -> list[RidEvent]:
    old = state.areas.get(command.id)
    if command.version is None:
        if old is not None:
            raise Refused(409, f"an identification service area {command.id} exists already; give its version")
    else:
        if old is None:
            raise Refused(400, f"there is no identification service area {command.id} to update")
        _check_owner(old.owner, command.by)
        _check_version(old.version, command.version)
    start_us, end_us = command.extents.start_us, command.extents.end_us
    if start_us is None:
        start_us = old.occupied.start_us if old is not None else command.at_us
    elif start_us < command.at_us - EARLIEST_START_US and (old is None or start_us != old.occupied.start_us):
        raise Refused(400, "an identification service area may not start in the past")
    if end_us is None:
        raise Refused(400, "an identification service area needs an end time")
    if end_us < command.at_us:
        raise Refused(400, "an identification service area may not end in the past")
    if end_us < start_us:
        raise Refused(400, "an identification service area may not end before it starts")
    extents = msgspec.structs.replace(command.extents, start_us=start_us, end_us=end_us)
    version = rid_version(command.at_us)
    return [AreaWritten(command.standard, command.id, command.by, version, command.flights_url, extents)]


def _decide_put_subscription(state: RidState, command: PutRidSubscription) -> list[RidEvent]:
    old = state.subscriptions.get(command.id)
    if command.version is not None:
        if old is None:
            raise Refused(400, f"there is no subscription {command.id} to update")
        _check_version(old.version, command.version)
        _check_owner(old.owner, command.by)
    extents = subscription_window(command.extents, old.occupied if old else None, command.at_us)
    # The suites want a bad window told before a version that is missing.
    if command.version is None and old is not None:
        raise Refused(409, f"a subscription {command.id} exists already; give its version")
    most = state.subscription_index.most_in_a_cell(
        command.extents.cells, command.by, command.at_us, command.id if old is not None else ""
    )
    if most >= MOST_SUBSCRIPTIONS_IN_A_CELL:
        raise Refused(429, f"{command.by} has {most} subscriptions in this area already; combine them")
    version = rid_version(command.at_us)
    return [
        RidSubscriptionWritten(command.standard, command.id, command.by, version, command.notifications_url, extents)
    ]


def _check_owner(owner: str, by: str) -> None:
    if owner != by:
        raise Refused(403, f"it belongs to {owner}, not to {by}")


def _check_version(current: str, given: str) -> None:
    if current != given:
        raise Refused(409, _STALE)
