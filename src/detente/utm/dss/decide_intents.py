"""Decide what becomes of a request to write or delete an operational intent (F3548-21, 4.4 and annex A)."""

from __future__ import annotations

from detente.utm.dss.commands import DeleteIntent, PutIntent
from detente.utm.dss.events import DssEvent, IntentRemoved, IntentWritten, SubscriptionRemoved, SubscriptionWritten
from detente.utm.dss.parts import PartComparison
from detente.utm.dss.records import ACCEPTED, ACTIVATED, CONTINGENT, NONCONFORMING, OperationalIntent, Subscription
from detente.utm.dss.relevance import relevant_constraints, relevant_intents
from detente.utm.dss.state import DssState
from detente.utm.identifiers import opaque_version, requested_ovn
from detente.utm.moments import MINUTE_US
from detente.utm.refused import Refused
from detente.utm.space import Extents

DECONFLICTED = (ACCEPTED, ACTIVATED)
OFF_NOMINAL = (NONCONFORMING, CONTINGENT)
COVERAGE_SLACK_US = 5 * MINUTE_US
"""A subscription may start this much after an operational intent that depends on it."""


def decide_put_intent(state: DssState, command: PutIntent, *, exact: bool) -> list[DssEvent]:
    """The events of a create or update. Raises Refused 400, 403, 409 or 412."""
    _check_form(command)
    ovn = (
        requested_ovn(command.id, command.requested_suffix, command.at_us)
        if command.requested_suffix is not None
        else opaque_version(command.id, command.at_us)
    )
    old = _current(state, command)
    if old is not None and old.ovn == ovn:
        raise Refused(400, "requested_ovn_suffix is that of the current version; a new version needs a new one")
    if command.state in DECONFLICTED and command.by in state.down:
        raise Refused(412, f"{command.by} is marked as Down; it may not have operational intents {command.state}")
    events: list[DssEvent] = []
    subscription_id, for_constraints = _attach(state, command, events)
    if command.state in DECONFLICTED:
        _check_key(state, command, for_constraints=for_constraints, exact=exact)
    if old is not None and old.subscription_id and old.subscription_id != subscription_id:
        events.extend(_released(state, old))
    version = old.version + 1 if old is not None else 1
    events.append(
        IntentWritten(
            command.id, command.by, version, ovn, command.state, command.uss_base_url, subscription_id, command.extents
        )
    )
    return events


def decide_delete_intent(state: DssState, command: DeleteIntent) -> list[DssEvent]:
    """The events of a deletion. Raises Refused 403, 404, 409 or 412."""
    old = state.intents.get(command.id)
    if old is None:
        raise Refused(404, f"there is no operational intent {command.id}")
    _check_owner(old, command.by)
    _check_ovn(old, command.ovn)
    if command.by in state.down:
        raise Refused(412, f"{command.by} is marked as Down; it may not delete operational intents")
    # The implicit subscription goes after the change is told, so that its own manager hears of it too.
    return [IntentRemoved(command.id), *_released(state, old)]


def covers(subscription: Extents, intent: Extents) -> bool:
    """Whether extents of a subscription hold those of an operational intent, but for some minutes at the start."""
    assert intent.start_us is not None
    assert intent.end_us is not None
    if subscription.start_us is not None and subscription.start_us > intent.start_us + COVERAGE_SLACK_US:
        return False
    if subscription.end_us is not None and subscription.end_us < intent.end_us:
        return False
    if subscription.lower_m is not None and (intent.lower_m is None or subscription.lower_m > intent.lower_m):
        return False
    if subscription.upper_m is not None and (intent.upper_m is None or subscription.upper_m < intent.upper_m):
        return False
    return {*intent.cells} <= {*subscription.cells}


def extents_of(entity: OperationalIntent | Subscription) -> Extents:
    """What an entity occupies, unpacked."""
    occupied = entity.occupied
    return Extents(
        tuple(occupied.cells), occupied.lower_m, occupied.upper_m, occupied.start_us, occupied.end_us, occupied.volumes
    )


def _check_form(command: PutIntent) -> None:
    if command.state in OFF_NOMINAL and not command.may_monitor:
        raise Refused(403, f"the state {command.state} needs the scope utm.conformance_monitoring_sa")
    if command.state in DECONFLICTED and not command.may_coordinate:
        raise Refused(403, f"the state {command.state} needs the scope utm.strategic_coordination")
    if command.ovn is None and command.state != ACCEPTED:
        raise Refused(400, "the first version of an operational intent must be Accepted")
    if command.subscription_id and command.new_subscription:
        raise Refused(400, "give subscription_id or new_subscription, not both")
    if command.state != ACCEPTED and not command.subscription_id and not command.new_subscription:
        raise Refused(400, f"the state {command.state} needs a subscription_id or a new_subscription")


def _current(state: DssState, command: PutIntent) -> OperationalIntent | None:
    old = state.intents.get(command.id)
    if command.ovn is None:
        if old is not None:
            raise Refused(409, f"an operational intent {command.id} exists already; give its OVN to update it")
        return None
    if old is None:
        raise Refused(400, f"there is no operational intent {command.id} to update")
    _check_owner(old, command.by)
    _check_ovn(old, command.ovn)
    return old


def _check_owner(old: OperationalIntent, by: str) -> None:
    if old.manager != by:
        raise Refused(403, f"the operational intent belongs to {old.manager}, not to {by}")


def _check_ovn(old: OperationalIntent, ovn: str) -> None:
    if old.ovn != ovn:
        raise Refused(409, "the OVN is not that of the current version; get the operational intent and try again")


def _attach(state: DssState, command: PutIntent, events: list[DssEvent]) -> tuple[str, bool]:
    """The subscription of the new version and whether it notifies for constraints; adds what must happen to it."""
    if command.new_subscription is not None:
        new_subscription = command.new_subscription
        events.append(
            SubscriptionWritten(
                new_subscription.id,
                command.by,
                opaque_version(new_subscription.id, command.at_us),
                implicit=True,
                for_intents=True,
                for_constraints=new_subscription.for_constraints,
                uss_base_url=new_subscription.uss_base_url,
                extents=_without_volumes(command.extents),
            )
        )
        return new_subscription.id, new_subscription.for_constraints
    if not command.subscription_id:
        return "", False
    subscription = state.subscriptions.get(command.subscription_id)
    if subscription is None:
        raise Refused(400, f"there is no subscription {command.subscription_id}")
    if subscription.manager != command.by:
        raise Refused(403, f"the subscription belongs to {subscription.manager}, not to {command.by}")
    if not subscription.for_intents:
        raise Refused(400, "the subscription does not notify for operational intents")
    extents = extents_of(subscription)
    if not covers(extents, command.extents):
        if not subscription.implicit:
            raise Refused(400, "the subscription does not cover the operational intent")
        events.append(
            SubscriptionWritten(
                subscription.id,
                subscription.manager,
                opaque_version(subscription.id, command.at_us),
                implicit=True,
                for_intents=subscription.for_intents,
                for_constraints=subscription.for_constraints,
                uss_base_url=subscription.uss_base_url,
                extents=_extended(extents, command.extents),
            )
        )
    return subscription.id, subscription.for_constraints


def _check_key(state: DssState, command: PutIntent, *, for_constraints: bool, exact: bool) -> None:
    key = command.key
    comparison = PartComparison(command.extents) if exact else None
    intents = [entity.id for entity in relevant_intents(state, command, comparison) if entity.ovn not in key]
    constraints: list[str] = []
    if for_constraints:
        constraints = [
            entity.id for entity in relevant_constraints(state, command, comparison) if entity.ovn not in key
        ]
    if intents or constraints:
        raise Refused(
            409,
            f"the key lacks the current OVN of {len(intents)} operational intents and {len(constraints)} constraints",
            tuple(intents),
            tuple(constraints),
        )


def _released(state: DssState, old: OperationalIntent) -> list[DssEvent]:
    subscription = state.subscriptions.get(old.subscription_id)
    if subscription is not None and subscription.implicit and not state.dependents.besides(subscription.id, old.id):
        return [SubscriptionRemoved(subscription.id)]
    return []


def _without_volumes(extents: Extents) -> Extents:
    return Extents(extents.cells, extents.lower_m, extents.upper_m, extents.start_us, extents.end_us, ())


def _extended(current: Extents, more: Extents) -> Extents:
    assert current.start_us is not None
    assert current.end_us is not None
    assert more.start_us is not None
    assert more.end_us is not None
    return Extents(
        tuple(sorted({*current.cells, *more.cells})),
        None if current.lower_m is None or more.lower_m is None else min(current.lower_m, more.lower_m),
        None if current.upper_m is None or more.upper_m is None else max(current.upper_m, more.upper_m),
        min(current.start_us, more.start_us),
        max(current.end_us, more.end_us),
        (),
    )
