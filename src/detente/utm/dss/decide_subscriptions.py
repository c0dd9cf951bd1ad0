"""Decide what becomes of a request to write or delete a subscription (F3548-21)."""

from __future__ import annotations

from detente.utm.dss.commands import DeleteSubscription, PutSubscription
from detente.utm.dss.decide_intents import covers, extents_of
from detente.utm.dss.events import DssEvent, SubscriptionRemoved, SubscriptionWritten
from detente.utm.dss.state import DssState
from detente.utm.identifiers import opaque_version
from detente.utm.refused import Refused
from detente.utm.windows import subscription_window


def decide_put_subscription(state: DssState, command: PutSubscription) -> list[DssEvent]:
    """The events of a create or update. Raises Refused 400, 403 or 409."""
    if not (command.for_intents or command.for_constraints):
        raise Refused(400, "a subscription must notify for operational intents, for constraints or for both")
    old = state.subscriptions.get(command.id)
    if command.version is None:
        if old is not None:
            raise Refused(409, f"a subscription {command.id} exists already; give its version to update it")
    else:
        if old is None:
            raise Refused(400, f"there is no subscription {command.id} to update")
        if old.version != command.version:
            raise Refused(409, "the version is not the current one; get the subscription and try again")
        if old.manager != command.by:
            raise Refused(403, f"the subscription belongs to {old.manager}, not to {command.by}")
    extents = subscription_window(command.extents, old.occupied if old else None, command.at_us)
    for intent_id in state.dependents.of(command.id):
        if not command.for_intents:
            raise Refused(400, f"the operational intent {intent_id} needs notifications for operational intents")
        if not covers(extents, extents_of(state.intents[intent_id])):
            raise Refused(400, f"the subscription would no longer cover the operational intent {intent_id}")
    return [
        SubscriptionWritten(
            command.id,
            command.by,
            opaque_version(command.id, command.at_us),
            implicit=False,
            for_intents=command.for_intents,
            for_constraints=command.for_constraints,
            uss_base_url=command.uss_base_url,
            extents=extents,
        )
    ]


def decide_delete_subscription(state: DssState, command: DeleteSubscription) -> list[DssEvent]:
    """The events of a deletion. Raises Refused 400, 403, 404 or 409."""
    old = state.subscriptions.get(command.id)
    if old is None:
        raise Refused(404, f"there is no subscription {command.id}")
    if old.manager != command.by:
        raise Refused(403, f"the subscription belongs to {old.manager}, not to {command.by}")
    if old.version != command.version:
        raise Refused(409, "the version is not the current one; get the subscription and try again")
    dependents = state.dependents.of(command.id)
    if dependents:
        raise Refused(400, f"{len(dependents)} operational intents depend on the subscription, {dependents[0]} first")
    return [SubscriptionRemoved(command.id)]
