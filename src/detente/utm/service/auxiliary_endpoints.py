"""The endpoints of the auxiliary interface (version 1.1.0) and of the versioning interface (0.1.2), and ours.

Ours: outcomes of requests, and why a key is needed.
"""

from __future__ import annotations

from detente.utm.answers import Document, heartbeat_document
from detente.utm.auxiliary.heartbeats import PutHeartbeat
from detente.utm.dss.commands import PutIntent
from detente.utm.dss.parts import PartComparison
from detente.utm.dss.records import Constraint, OperationalIntent
from detente.utm.dss.relevance import SharedPart, overlap, relevant_constraints, relevant_intents
from detente.utm.identifiers import entity_id
from detente.utm.moments import rfc3339
from detente.utm.refused import Refused
from detente.utm.service.dss_endpoints import COORDINATION, MONITORING, read_put_intent
from detente.utm.service.endpoint import Call, Endpoint, Reply, any_scope, json_reply

VERSIONS_READ = "interuss.versioning.read_system_versions"
POOL_READ, HEARTBEAT_WRITE = "interuss.pool_status.read", "interuss.pool_status.heartbeat.write"
_RID_READ, _RID_WRITE = "dss.read.identification_service_areas", "dss.write.identification_service_areas"


def _version(call: Call) -> Reply:
    return json_reply(200, {"version": call.settings.version})


def _system_version(call: Call) -> Reply:
    # Whatever system is meant, this service is the part of it that answers here, as in the reference.
    return json_reply(200, {"system_identity": call.parameters[0], "system_version": call.settings.version})


def _validate_oauth(call: Call) -> Reply:
    owner = call.query("owner")
    if owner and owner != call.bearer.subject:
        raise Refused(403, f"the token is of {call.bearer.subject}, not of {owner[:80]}")
    return json_reply(200, {})


def _pool(call: Call) -> Reply:
    return json_reply(200, {"dar_id": call.settings.pool})


def _instances(call: Call) -> Reply:
    known = call.loop.read().heartbeats.newest
    documents = [heartbeat_document(beat) for beat in known.values()]
    if call.settings.instance not in known:
        documents.append({"id": call.settings.instance, "public_endpoint": call.settings.public_endpoint})
    return json_reply(200, {"dss_instances": documents})


def _heartbeat(call: Call) -> Reply:
    source = call.query("source")
    if not source:
        raise Refused(400, "source is needed: what triggered the heartbeat")
    beat_us, next_us = call.time("timestamp"), call.time("next_heartbeat_expected_before")
    settings = call.settings
    command = PutHeartbeat(
        call.now_us,
        call.bearer.subject,
        settings.instance,
        settings.public_endpoint,
        source[:256],
        call.now_us if beat_us is None else beat_us,
        next_us,
    )
    if next_us is not None and next_us < command.beat_us:
        raise Refused(400, "next_heartbeat_expected_before must not be before the heartbeat")
    return call.write(command, settings.instance)


def _no_certificates(call: Call) -> Reply:  # noqa: ARG001
    # Instances talk to no store over TLS here, so that there is no authority to accept.
    return json_reply(200, {"CAs": []})


def _options(call: Call) -> Reply:  # noqa: ARG001
    options = {"scd_global_lock": False, "scd_hash_lock": False, "time_based_notification_index": False}
    return json_reply(200, options)


def _outcome(call: Call) -> Reply:
    outcome = call.loop.read().outcomes.get((call.bearer.subject, call.parameters[0]))
    if outcome is None:
        raise Refused(404, "no write with this request id was carried out within the last hour")
    document = {
        "request_id": call.parameters[0],
        "at": rfc3339(outcome.at_us),
        "status": outcome.status,
        "what": outcome.what,
        "id": outcome.subject,
        "version": outcome.version,
    }
    return json_reply(200, document)


def _why(call: Call) -> Reply:
    state = call.loop.read().dss
    name = entity_id(call.parameters[0])
    command = read_put_intent(call, name, None)
    exact = PartComparison(command.extents) if call.loop.policy.exact else None
    shown = PartComparison(command.extents)
    intents = [_required(command, entity, shown) for entity in relevant_intents(state, command, exact)]
    constraints = [_required(command, entity, shown) for entity in relevant_constraints(state, command, exact)]
    return json_reply(200, {"operational_intents": intents, "constraints": constraints})


def _required(command: PutIntent, entity: OperationalIntent | Constraint, shown: PartComparison) -> Document:
    shared = overlap(command.extents, entity.occupied, shown)
    return {
        "id": entity.id,
        "manager": entity.manager,
        "uss_base_url": entity.uss_base_url,
        "in_key": entity.ovn in command.key,
        "cells": shared.cells,
        "altitude_lower_m": shared.lower_m,
        "altitude_upper_m": shared.upper_m,
        "time_start": rfc3339(shared.start_us),
        "time_end": rfc3339(shared.end_us),
        "volumes_that_share_a_point": [_part_document(part) for part in shared.parts],
        "all_volumes_compared": shared.are_all_parts,
    }


def _part_document(part: SharedPart) -> Document:
    return {
        "yours": part.yours,
        "theirs": part.theirs,
        "altitude_lower_m": part.lower_m,
        "altitude_upper_m": part.upper_m,
        "time_start": rfc3339(part.start_us),
        "time_end": rfc3339(part.end_us),
    }


AUXILIARY_ENDPOINTS = [
    Endpoint("GET", "/aux/v1/version", (), _version),
    Endpoint("GET", "/aux/v1/validate_oauth", any_scope(_RID_READ, _RID_WRITE), _validate_oauth),
    Endpoint("GET", "/aux/v1/pool", any_scope(POOL_READ), _pool),
    Endpoint("GET", "/aux/v1/pool/dss_instances", any_scope(POOL_READ), _instances),
    Endpoint("PUT", "/aux/v1/pool/dss_instances/heartbeat", any_scope(HEARTBEAT_WRITE), _heartbeat),
    Endpoint("GET", "/aux/v1/configuration/accepted_ca_certs", (), _no_certificates),
    Endpoint("GET", "/aux/v1/configuration/ca_certs", (), _no_certificates),
    Endpoint("GET", "/aux/v1/configuration/global_options", any_scope(POOL_READ), _options),
    Endpoint("GET", "/versions/{}", any_scope(VERSIONS_READ), _system_version),
    Endpoint("GET", "/detente/v1/outcomes/{}", (frozenset(),), _outcome),
    Endpoint("POST", "/detente/v1/why/{}", any_scope(COORDINATION, MONITORING), _why),
]
