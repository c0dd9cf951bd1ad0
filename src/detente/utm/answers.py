"""What clients are answered, in the words of each interface."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from detente.utm.auxiliary.heartbeats import HeartbeatRecorded, Heartbeats
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
from detente.utm.dss.records import UNKNOWN, Constraint, OperationalIntent, Subscription
from detente.utm.dss.state import DssState
from detente.utm.identifiers import MASKED_OVN, NO_SUBSCRIPTION
from detente.utm.moments import rfc3339
from detente.utm.rid.records import (
    FLIGHTS_PATH,
    NOTIFICATIONS_PATH,
    Area,
    AreaRemoved,
    AreaWritten,
    RidSubscription,
    RidSubscriptionRemoved,
    RidSubscriptionWritten,
    Standard,
)
from detente.utm.rid.state import RidState

Document = dict[str, Any]
_REMOVALS = (IntentRemoved, ConstraintRemoved, SubscriptionRemoved, AreaRemoved, RidSubscriptionRemoved)


class WriteAnswer(NamedTuple):
    """The answer to a client's write. `subscribers` is JSON; None where the interface names no subscribers."""

    status: int
    document: Document
    subscribers: bytes | None

    def body(self) -> bytes:
        """The answer as JSON."""
        if self.subscribers is None:
            return encode(self.document)
        return with_subscribers(self.document, self.subscribers)


encode = msgspec.json.Encoder().encode


def time_document(at_us: int) -> Document:
    """A time with the name of its format."""
    return {"value": rfc3339(at_us), "format": "RFC3339"}


def intent_document(state: DssState, intent: OperationalIntent, asker: str) -> Document:
    """An OperationalIntentReference; the OVN is for its manager alone."""
    return {
        "id": intent.id,
        "manager": intent.manager,
        "uss_availability": availability_of(state, intent.manager),
        "version": intent.version,
        "state": intent.state,
        "ovn": intent.ovn if intent.manager == asker else MASKED_OVN,
        "time_start": time_document(intent.occupied.start_us),
        "time_end": time_document(intent.occupied.end_us),
        "uss_base_url": intent.uss_base_url,
        "subscription_id": intent.subscription_id or NO_SUBSCRIPTION,
    }


def constraint_document(state: DssState, constraint: Constraint, asker: str) -> Document:
    """A ConstraintReference; the OVN is for its manager alone."""
    return {
        "id": constraint.id,
        "manager": constraint.manager,
        "uss_availability": availability_of(state, constraint.manager),
        "version": constraint.version,
        "ovn": constraint.ovn if constraint.manager == asker else MASKED_OVN,
        "time_start": time_document(constraint.occupied.start_us),
        "time_end": time_document(constraint.occupied.end_us),
        "uss_base_url": constraint.uss_base_url,
    }


def subscription_document(state: DssState, subscription: Subscription) -> Document:
    """A Subscription of F3548-21."""
    return {
        "id": subscription.id,
        "version": subscription.version,
        "notification_index": state.subscription_index.notification_index(subscription.id),
        "time_start": time_document(subscription.occupied.start_us),
        "time_end": time_document(subscription.occupied.end_us),
        "uss_base_url": subscription.uss_base_url,
        "notify_for_operational_intents": subscription.for_intents,
        "notify_for_constraints": subscription.for_constraints,
        "implicit_subscription": subscription.implicit,
        "dependent_operational_intents": state.dependents.of(subscription.id),
    }


def availability_of(state: DssState, uss: str) -> str:
    """What an arbitrator last said of a USS; Unknown when none did."""
    availability = state.availability.get(uss)
    return availability.state if availability is not None else UNKNOWN


def availability_document(state: DssState, uss: str) -> Document:
    """A UssAvailabilityStatusResponse."""
    availability = state.availability.get(uss)
    return {
        "version": availability.version if availability is not None else "",
        "status": {"uss": uss, "availability": availability_of(state, uss)},
    }


def area_document(area: Area, standard: Standard) -> Document:
    """An IdentificationServiceArea in the words of the standard that the client speaks."""
    document: Document = {"id": area.id, "owner": area.owner, "version": area.version}
    if standard is Standard.F3411_19:
        document["flights_url"] = area.flights_url
        document["time_start"] = rfc3339(area.occupied.start_us)
        document["time_end"] = rfc3339(area.occupied.end_us)
    else:
        document["uss_base_url"] = area.flights_url.removesuffix(FLIGHTS_PATH)
        document["time_start"] = time_document(area.occupied.start_us)
        document["time_end"] = time_document(area.occupied.end_us)
    return document


def rid_subscription_document(state: RidState, subscription: RidSubscription, standard: Standard) -> Document:
    """A Subscription of F3411 in the words of the standard that the client speaks."""
    url, occupied = subscription.notifications_url, subscription.occupied
    document: Document = {
        "id": subscription.id,
        "owner": subscription.owner,
        "version": subscription.version,
        "notification_index": state.subscription_index.notification_index(subscription.id),
    }
    if standard is Standard.F3411_19:
        # The published text requires `url` without describing it; it can but be where notifications go.
        document["url"] = url
        document["callbacks"] = {"identification_service_area_url": url}
        document["time_start"], document["time_end"] = rfc3339(occupied.start_us), rfc3339(occupied.end_us)
    else:
        document["uss_base_url"] = url.removesuffix(NOTIFICATIONS_PATH)
        document["time_start"] = time_document(occupied.start_us)
        document["time_end"] = time_document(occupied.end_us)
    return document


def heartbeat_document(beat: HeartbeatRecorded) -> Document:
    """A DSSInstance with its newest heartbeat."""
    heartbeat: Document = {"timestamp": rfc3339(beat.beat_us), "source": beat.source, "index": beat.index}
    if beat.reporter:
        heartbeat["reporter"] = beat.reporter
    if beat.next_before_us is not None:
        heartbeat["next_heartbeat_expected_before"] = rfc3339(beat.next_before_us)
    return {"id": beat.instance, "public_endpoint": beat.endpoint, "most_recent_heartbeat": heartbeat}


def with_subscribers(document: Document, subscribers: bytes) -> bytes:
    """A document as JSON with the subscribers to notify, which are JSON already."""
    return encode(document)[:-1] + b',"subscribers":' + subscribers + b"}"


def is_removal(event: object) -> bool:
    """Whether `event` takes its subject away, so that its document must be drawn before it is folded."""
    return isinstance(event, _REMOVALS)


def subject_answer(
    dss: DssState, rid: RidState, heartbeats: Heartbeats, event: object, by: str, now_us: int
) -> WriteAnswer:
    """The answer to the write that led to `event`, but for the subscribers: empty where there may be some."""
    match event:
        case IntentWritten() | IntentRemoved():
            document = {"operational_intent_reference": intent_document(dss, dss.intents[event.id], by)}
            return WriteAnswer(201 if getattr(event, "version", 0) == 1 else 200, document, b"[]")
        case ConstraintWritten() | ConstraintRemoved():
            document = {"constraint_reference": constraint_document(dss, dss.constraints[event.id], by)}
            return WriteAnswer(201 if getattr(event, "version", 0) == 1 else 200, document, b"[]")
        case SubscriptionWritten():
            return WriteAnswer(200, _subscription_with_references(dss, dss.subscriptions[event.id], now_us), None)
        case SubscriptionRemoved():
            return WriteAnswer(200, {"subscription": subscription_document(dss, dss.subscriptions[event.id])}, None)
        case AvailabilitySet():
            return WriteAnswer(200, availability_document(dss, event.uss), None)
        case ReportMade():
            report = msgspec.json.decode(event.exchange)
            return WriteAnswer(201, {**report, "report_id": event.id}, None)
        case HeartbeatRecorded():
            beats = [heartbeat_document(beat) for beat in heartbeats.newest.values()]
            return WriteAnswer(201, {"dss_instances": beats}, None)
        case _:
            return _rid_answer(rid, event, now_us)


def _rid_answer(rid: RidState, event: object, now_us: int) -> WriteAnswer:
    match event:
        case AreaWritten() | AreaRemoved():
            return WriteAnswer(200, {"service_area": area_document(rid.areas[event.id], event.standard)}, b"[]")
        case RidSubscriptionWritten():
            subscription = rid.subscriptions[event.id]
            area_names = rid.area_index.find_names(
                subscription.occupied.cells,
                start_us=max(subscription.occupied.start_us, now_us),
                end_us=subscription.occupied.end_us,
            )
            document = {
                "subscription": rid_subscription_document(rid, subscription, event.standard),
                "service_areas": [area_document(rid.areas[name], event.standard) for name in area_names],
            }
            return WriteAnswer(200, document, None)
        case RidSubscriptionRemoved():
            subscription = rid.subscriptions[event.id]
            document = {"subscription": rid_subscription_document(rid, subscription, event.standard)}
            return WriteAnswer(200, document, None)
        case _:
            raise TypeError(f"no event with an answer: {type(event).__name__}")


def _subscription_with_references(dss: DssState, subscription: Subscription, now_us: int) -> Document:
    document: Document = {"subscription": subscription_document(dss, subscription)}
    occupied = subscription.occupied
    cells, start_us = occupied.cells, max(occupied.start_us, now_us)
    if subscription.for_intents:
        names = dss.intent_index.find_names(cells, occupied.lower_m, occupied.upper_m, start_us, occupied.end_us)
        document["operational_intent_references"] = [
            intent_document(dss, dss.intents[name], subscription.manager) for name in names
        ]
    if subscription.for_constraints:
        names = dss.constraint_index.find_names(cells, occupied.lower_m, occupied.upper_m, start_us, occupied.end_us)
        document["constraint_references"] = [
            constraint_document(dss, dss.constraints[name], subscription.manager) for name in names
        ]
    return document
