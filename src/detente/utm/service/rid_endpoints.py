"""The endpoints of F3411-22a and F3411-19 (USS to DSS): the same entities in the words of each version."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from detente.utm.answers import area_document, rid_subscription_document
from detente.utm.identifiers import check_rid_version, entity_id
from detente.utm.refused import Refused
from detente.utm.rid.records import (
    FLIGHTS_PATH,
    NOTIFICATIONS_PATH,
    DeleteArea,
    DeleteRidSubscription,
    PutArea,
    PutRidSubscription,
    Standard,
)
from detente.utm.service.endpoint import Call, Endpoint, Reply, any_scope, json_reply
from detente.utm.service.wire import (
    TOO_LARGE,
    TOO_LARGE_WITHOUT_413,
    V19PutAreaBody,
    V19PutSubscriptionBody,
    V22aPutBody,
    check_url,
    read_body,
    ring_of_area,
    volume_of_v19,
    volumes_of,
)
from detente.utm.space import Extents, Volume

_v22a_body = msgspec.json.Decoder(V22aPutBody)
_v19_area_body = msgspec.json.Decoder(V19PutAreaBody)
_v19_subscription_body = msgspec.json.Decoder(V19PutSubscriptionBody)


def _put_area(call: Call, standard: Standard) -> Reply:
    name = entity_id(call.parameters[0])
    url, extents = _area_body(call, standard)
    command = PutArea(call.now_us, call.bearer.subject, standard, name, _given_version(call), url, extents)
    return call.write(command, name)


def _get_area(call: Call, standard: Standard) -> Reply:
    name = entity_id(call.parameters[0])
    area = call.loop.read().rid.areas.get(name)
    if area is None:
        raise Refused(404, f"there is no identification service area {name}")
    return json_reply(200, {"service_area": area_document(area, standard)})


def _delete_area(call: Call, standard: Standard) -> Reply:
    name, version = entity_id(call.parameters[0]), check_rid_version(call.parameters[1])
    return call.write(DeleteArea(call.now_us, call.bearer.subject, standard, name, version), name)


def _search_areas(call: Call, standard: Standard) -> Reply:
    cells = _searched_cells(call)
    earliest_us, latest_us = call.time("earliest_time"), call.time("latest_time")
    if earliest_us is not None and latest_us is not None and latest_us < earliest_us:
        raise Refused(400, "latest_time must not be before earliest_time")
    state = call.loop.read().rid
    names = state.area_index.find_names(cells, start_us=max(earliest_us or 0, call.now_us), end_us=latest_us)
    return json_reply(200, {"service_areas": [area_document(state.areas[name], standard) for name in names]})


def _put_subscription(call: Call, standard: Standard) -> Reply:
    name = entity_id(call.parameters[0])
    url, extents = _subscription_body(call, standard)
    command = PutRidSubscription(call.now_us, call.bearer.subject, standard, name, _given_version(call), url, extents)
    return call.write(command, name)


def _get_subscription(call: Call, standard: Standard) -> Reply:
    state, name = call.loop.read().rid, entity_id(call.parameters[0])
    subscription = state.subscriptions.get(name)
    if subscription is None:
        raise Refused(404, f"there is no subscription {name}")
    return json_reply(200, {"subscription": rid_subscription_document(state, subscription, standard)})


def _delete_subscription(call: Call, standard: Standard) -> Reply:
    name, version = entity_id(call.parameters[0]), check_rid_version(call.parameters[1])
    return call.write(DeleteRidSubscription(call.now_us, call.bearer.subject, standard, name, version), name)


def _search_subscriptions(call: Call, standard: Standard) -> Reply:
    cells = _searched_cells(call)
    state = call.loop.read().rid
    names = state.subscription_index.find_names(cells, start_us=call.now_us)
    found = (state.subscriptions[name] for name in names)
    own = [rid_subscription_document(state, one, standard) for one in found if one.owner == call.bearer.subject]
    return json_reply(200, {"subscriptions": own})


def _area_body(call: Call, standard: Standard) -> tuple[str, Extents]:
    allow_http = call.settings.allow_http
    if standard is Standard.F3411_19:
        old = read_body(_v19_area_body, call.body)
        url = check_url(old.flights_url, allow_http=allow_http)
        return url, call.cover([volume_of_v19(old.extents)], TOO_LARGE_WITHOUT_413)
    body = read_body(_v22a_body, call.body)
    url = check_url(body.uss_base_url, allow_http=allow_http) + FLIGHTS_PATH
    return url, call.cover(volumes_of([body.extents]), TOO_LARGE_WITHOUT_413)


def _subscription_body(call: Call, standard: Standard) -> tuple[str, Extents]:
    allow_http = call.settings.allow_http
    if standard is Standard.F3411_19:
        old = read_body(_v19_subscription_body, call.body)
        url = check_url(old.callbacks.identification_service_area_url, allow_http=allow_http)
        return url, call.cover([volume_of_v19(old.extents)], TOO_LARGE_WITHOUT_413)
    body = read_body(_v22a_body, call.body)
    url = check_url(body.uss_base_url, allow_http=allow_http) + NOTIFICATIONS_PATH
    return url, call.cover(volumes_of([body.extents]), TOO_LARGE_WITHOUT_413)


def _searched_cells(call: Call) -> Sequence[int]:
    area = call.query("area")
    if not area:
        raise Refused(400, "area is needed: lat1,lng1,lat2,lng2,...")
    return call.cover([Volume(ring_of_area(area), None, None, None, None, None)], TOO_LARGE).cells


def _given_version(call: Call) -> str | None:
    return check_rid_version(call.parameters[1]) if len(call.parameters) > 1 else None


_READ, _WRITE = "dss.read.identification_service_areas", "dss.write.identification_service_areas"
_DISPLAY, _SERVICE = "rid.display_provider", "rid.service_provider"


def _endpoints(standard: Standard, root: str) -> list[Endpoint]:
    areas, subscriptions = f"{root}/identification_service_areas", f"{root}/subscriptions"
    if standard is Standard.F3411_19:
        searching, writing, subscribing = any_scope(_READ), any_scope(_WRITE), any_scope(_READ)
        getting, getting_subscription = any_scope(_READ), any_scope(_READ, _WRITE)
    else:
        searching, writing, subscribing = any_scope(_DISPLAY), any_scope(_SERVICE), any_scope(_DISPLAY)
        getting = getting_subscription = any_scope(_DISPLAY, _SERVICE)
    described = [
        ("GET", areas, searching, _search_areas),
        ("GET", f"{areas}/{{}}", getting, _get_area),
        ("PUT", f"{areas}/{{}}", writing, _put_area),
        ("PUT", f"{areas}/{{}}/{{}}", writing, _put_area),
        ("DELETE", f"{areas}/{{}}/{{}}", writing, _delete_area),
        ("GET", subscriptions, subscribing, _search_subscriptions),
        ("GET", f"{subscriptions}/{{}}", getting_subscription, _get_subscription),
        ("PUT", f"{subscriptions}/{{}}", subscribing, _put_subscription),
        ("PUT", f"{subscriptions}/{{}}/{{}}", subscribing, _put_subscription),
        ("DELETE", f"{subscriptions}/{{}}/{{}}", subscribing, _delete_subscription),
    ]
    return [
        Endpoint(method, path, scopes, partial(handler, standard=standard))
        for method, path, scopes, handler in described
    ]


RID_ENDPOINTS = [
    *_endpoints(Standard.F3411_22A, "/rid/v2/dss"),
    *_endpoints(Standard.F3411_19, "/v1/dss"),
]
