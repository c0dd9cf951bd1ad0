"""The endpoints of F3548-21 (USS to DSS), version 1.0.0 of the interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec

from detente.utm.answers import (
    Document,
    availability_document,
    constraint_document,
    encode,
    intent_document,
    subscription_document,
)
from detente.utm.dss.commands import (
    DeleteConstraint,
    DeleteIntent,
    DeleteSubscription,
    DssCommand,
    MakeReport,
    NewSubscription,
    PutConstraint,
    PutIntent,
    PutSubscription,
    SetAvailability,
)
from detente.utm.dss.records import DOWN, NORMAL, UNKNOWN, Subscription
from detente.utm.dss.state import DssState
from detente.utm.identifiers import entity_id
from detente.utm.index import CellIndex
from detente.utm.refused import Refused
from detente.utm.service.endpoint import Call, Endpoint, Reply, any_scope, fresh_uuid, json_reply
from detente.utm.service.wire import (
    LONGEST_REPORT,
    STATES,
    TOO_LARGE,
    TOO_LARGE_WITHOUT_413,
    AvailabilityBody,
    PutConstraintBody,
    PutIntentBody,
    PutSubscriptionBody,
    QueryBody,
    ReportBody,
    check_url,
    read_body,
    volumes_of,
)
from detente.utm.space import Extents

COORDINATION = "utm.strategic_coordination"
MONITORING = "utm.conformance_monitoring_sa"
MANAGEMENT = "utm.constraint_management"
PROCESSING = "utm.constraint_processing"
ARBITRATION = "utm.availability_arbitration"

_intent_body = msgspec.json.Decoder(PutIntentBody)
_constraint_body = msgspec.json.Decoder(PutConstraintBody)
_subscription_body = msgspec.json.Decoder(PutSubscriptionBody)
_query_body = msgspec.json.Decoder(QueryBody)
_availability_body = msgspec.json.Decoder(AvailabilityBody)
_report_body = msgspec.json.Decoder(ReportBody)
_availabilities = {state.lower(): state for state in (UNKNOWN, NORMAL, DOWN)}


def _put_intent(call: Call) -> Reply:
    name, ovn = entity_id(call.parameters[0]), _given_version(call)
    command = read_put_intent(call, name, ovn)
    return call.write(command, name)


def read_put_intent(call: Call, name: str, ovn: str | None) -> PutIntent:
    """The command of a request to create or update an operational intent. Raises Refused (400 or 413)."""
    body = read_body(_intent_body, call.body)
    if body.state not in STATES:
        raise Refused(400, f"the state {body.state[:40]!r} is none of {', '.join(sorted(STATES))}")
    extents = _ended_later(call, call.cover(volumes_of(body.extents), TOO_LARGE))
    if extents.lower_m is None or extents.upper_m is None:
        raise Refused(400, "every volume of an operational intent needs altitude_lower and altitude_upper")
    new = body.new_subscription
    return PutIntent(
        call.now_us,
        call.bearer.subject,
        name,
        ovn,
        body.state,
        check_url(body.uss_base_url, allow_http=call.settings.allow_http),
        extents,
        body.key or frozenset(),
        entity_id(body.subscription_id) if body.subscription_id else None,
        NewSubscription(
            fresh_uuid(),
            check_url(new.uss_base_url, allow_http=call.settings.allow_http),
            bool(new.notify_for_constraints),
        )
        if new is not None
        else None,
        body.requested_ovn_suffix,
        may_coordinate=COORDINATION in call.bearer.scopes,
        may_monitor=MONITORING in call.bearer.scopes,
    )


class _Kind(NamedTuple):
    """What is got, queried and deleted alike: its name, where it is held and found, how it is shown and deleted."""

    name: str
    held: Callable[[DssState], Mapping[str, Any]]
    found_by: Callable[[DssState], CellIndex]
    field: str
    document: Callable[[DssState, Any, str], Document]
    delete: Callable[[int, str, str, str], DssCommand]


def _get(call: Call, kind: _Kind) -> Reply:
    state, name = call.loop.read().dss, entity_id(call.parameters[0])
    entity = kind.held(state).get(name)
    if entity is None:
        raise Refused(404, f"there is no {kind.name} {name}")
    return json_reply(200, {kind.field: kind.document(state, entity, call.bearer.subject)})


def _delete(call: Call, kind: _Kind) -> Reply:
    name, version = entity_id(call.parameters[0]), _version(call)
    return call.write(kind.delete(call.now_us, call.bearer.subject, name, version), name)


def _query(call: Call, kind: _Kind) -> Reply:
    extents, state = _area(call), call.loop.read().dss
    names = kind.found_by(state).find_names(
        extents.cells, extents.lower_m, extents.upper_m, _from_now(call, extents), extents.end_us
    )
    held, asker = kind.held(state), call.bearer.subject
    return json_reply(200, {f"{kind.field}s": [kind.document(state, held[name], asker) for name in names]})


def _put_constraint(call: Call) -> Reply:
    name, ovn = entity_id(call.parameters[0]), _given_version(call)
    body = read_body(_constraint_body, call.body)
    extents = _ended_later(call, call.cover(volumes_of(body.extents), TOO_LARGE))
    url = check_url(body.uss_base_url, allow_http=call.settings.allow_http)
    return call.write(PutConstraint(call.now_us, call.bearer.subject, name, ovn, url, extents), name)


def _put_subscription(call: Call) -> Reply:
    name, version = entity_id(call.parameters[0]), _given_version(call)
    body = read_body(_subscription_body, call.body)
    command = PutSubscription(
        call.now_us,
        call.bearer.subject,
        name,
        version,
        check_url(body.uss_base_url, allow_http=call.settings.allow_http),
        call.cover(volumes_of([body.extents]), TOO_LARGE_WITHOUT_413),
        for_intents=bool(body.notify_for_operational_intents),
        for_constraints=bool(body.notify_for_constraints),
    )
    if command.for_intents and COORDINATION not in call.bearer.scopes:
        raise Refused(403, f"notifications for operational intents need the scope {COORDINATION}")
    return call.write(command, name)


def _own_subscription_document(state: DssState, subscription: Subscription, asker: str) -> Document:
    if subscription.manager != asker:
        raise Refused(403, f"the subscription belongs to {subscription.manager}")
    return subscription_document(state, subscription)


def _query_subscriptions(call: Call) -> Reply:
    extents = _area(call)
    state = call.loop.read().dss
    names = state.subscription_index.find_names(extents.cells, None, None, _from_now(call, extents), extents.end_us)
    found = (state.subscriptions[name] for name in names)
    own = [subscription_document(state, one) for one in found if one.manager == call.bearer.subject]
    return json_reply(200, {"subscriptions": own})


def _make_report(call: Call) -> Reply:
    if len(call.body) > LONGEST_REPORT:
        raise Refused(413, f"a report may be {LONGEST_REPORT} bytes long at most")
    report = read_body(_report_body, call.body)
    exchange = msgspec.structs.replace(report.exchange, request_source=report.exchange.request_source or "")
    name = fresh_uuid()
    text = encode({"exchange": exchange}).decode()
    return call.write(MakeReport(call.now_us, call.bearer.subject, name, text), name)


def _get_availability(call: Call) -> Reply:
    return json_reply(200, availability_document(call.loop.read().dss, _uss(call)))


def _set_availability(call: Call) -> Reply:
    uss = _uss(call)
    body = read_body(_availability_body, call.body)
    availability = _availabilities.get(body.availability.lower())
    if availability is None:
        raise Refused(400, f"the availability {body.availability[:40]!r} is none of Unknown, Normal, Down")
    command = SetAvailability(call.now_us, call.bearer.subject, uss, availability, body.old_version or "")
    return call.write(command, uss)


def _ended_later(call: Call, extents: Extents) -> Extents:
    if extents.start_us is None or extents.end_us is None:
        raise Refused(400, "every volume needs time_start and time_end")
    if extents.end_us < call.now_us:
        raise Refused(400, "what has ended already cannot be declared")
    return extents


def _area(call: Call) -> Extents:
    body = read_body(_query_body, call.body)
    if body.area_of_interest is None:
        raise Refused(400, "area_of_interest is needed")
    return call.cover(volumes_of([body.area_of_interest]), TOO_LARGE)


def _from_now(call: Call, extents: Extents) -> int:
    return max(extents.start_us or 0, call.now_us)


def _version(call: Call) -> str:
    if not call.parameters[1]:
        raise Refused(400, "the version at the end of the path is empty")
    return call.parameters[1]


def _given_version(call: Call) -> str | None:
    return _version(call) if len(call.parameters) > 1 else None


def _uss(call: Call) -> str:
    if not call.parameters[0] or len(call.parameters[0]) > 256:
        raise Refused(400, "the USS at the end of the path has 1 to 256 characters")
    return call.parameters[0]


_INTENT = _Kind(
    "operational intent", lambda state: state.intents, lambda state: state.intent_index,
    "operational_intent_reference", intent_document, DeleteIntent,
)  # fmt: skip
_CONSTRAINT = _Kind(
    "constraint", lambda state: state.constraints, lambda state: state.constraint_index,
    "constraint_reference", constraint_document, DeleteConstraint,
)  # fmt: skip
_SUBSCRIPTION = _Kind(
    "subscription", lambda state: state.subscriptions, lambda state: state.subscription_index,
    "subscription", _own_subscription_document, DeleteSubscription,
)  # fmt: skip
_INTENTS, _CONSTRAINTS, _SUBSCRIPTIONS = (
    f"/dss/v1/{kind}" for kind in ("operational_intent_references", "constraint_references", "subscriptions")
)
_PLANNING, _CONSTRAINT_READING = any_scope(COORDINATION, MONITORING), any_scope(MANAGEMENT, PROCESSING)
_MANAGING, _SUBSCRIBING = any_scope(MANAGEMENT), any_scope(COORDINATION, PROCESSING)
DSS_ENDPOINTS = [
    Endpoint("POST", f"{_INTENTS}/query", _PLANNING, partial(_query, kind=_INTENT)),
    Endpoint("GET", f"{_INTENTS}/{{}}", _PLANNING, partial(_get, kind=_INTENT)),
    Endpoint("PUT", f"{_INTENTS}/{{}}", _PLANNING, _put_intent),
    Endpoint("PUT", f"{_INTENTS}/{{}}/{{}}", _PLANNING, _put_intent),
    Endpoint("DELETE", f"{_INTENTS}/{{}}/{{}}", _PLANNING, partial(_delete, kind=_INTENT)),
    Endpoint("POST", f"{_CONSTRAINTS}/query", _CONSTRAINT_READING, partial(_query, kind=_CONSTRAINT)),
    Endpoint("GET", f"{_CONSTRAINTS}/{{}}", _CONSTRAINT_READING, partial(_get, kind=_CONSTRAINT)),
    Endpoint("PUT", f"{_CONSTRAINTS}/{{}}", _MANAGING, _put_constraint),
    Endpoint("PUT", f"{_CONSTRAINTS}/{{}}/{{}}", _MANAGING, _put_constraint),
    Endpoint("DELETE", f"{_CONSTRAINTS}/{{}}/{{}}", _MANAGING, partial(_delete, kind=_CONSTRAINT)),
    Endpoint("POST", f"{_SUBSCRIPTIONS}/query", _SUBSCRIBING, _query_subscriptions),
    Endpoint("GET", f"{_SUBSCRIPTIONS}/{{}}", _SUBSCRIBING, partial(_get, kind=_SUBSCRIPTION)),
    Endpoint("PUT", f"{_SUBSCRIPTIONS}/{{}}", _SUBSCRIBING, _put_subscription),
    Endpoint("PUT", f"{_SUBSCRIPTIONS}/{{}}/{{}}", _SUBSCRIBING, _put_subscription),
    Endpoint("DELETE", f"{_SUBSCRIPTIONS}/{{}}/{{}}", _SUBSCRIBING, partial(_delete, kind=_SUBSCRIPTION)),
    Endpoint(
        "POST",
        "/dss/v1/reports",
        any_scope(MANAGEMENT, PROCESSING, COORDINATION, MONITORING, ARBITRATION),
        _make_report,
    ),
    Endpoint("GET", "/dss/v1/uss_availability/{}", any_scope(ARBITRATION, COORDINATION, MONITORING), _get_availability),
    Endpoint("PUT", "/dss/v1/uss_availability/{}", any_scope(ARBITRATION), _set_availability),
]
