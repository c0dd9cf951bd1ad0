"""Hooks of the schema test: every second request is made one that a client would send, so that much is carried out.

What schemathesis makes up is nearly always refused: its times are of other centuries and its identifiers of nothing.
Here entities come and go, and answers with content are held against the schema as much as refusals are. How each
operation was answered is written to the file that SCHEMA_COUNTS names, when the run ends.
"""

from __future__ import annotations

import atexit
import json
import os
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import requests
import schemathesis

CHANCE = random.Random(1)
MOST_LEFT = 40
URL = "https://uss.example.com/utm"
counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
versions: defaultdict[str, dict[str, str]] = defaultdict(dict)
"""Of each kind, what is there: id to its newest version, as the answers said."""
made = 0


def kind_of(path: str) -> str:
    """The collection that a path is about, "" for one that has none."""
    kinds = ("operational_intent_references", "constraint_references", "identification_service_areas", "subscriptions")
    return next((kind for kind in kinds if kind in path), "")


def moment(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def time(minutes: float) -> dict[str, str]:
    return {"value": moment(minutes), "format": "RFC3339"}


def ring() -> list[dict[str, float]]:
    lat, lng = 40.0 + CHANCE.randrange(40) / 10.0, CHANCE.uniform(5.0, 6.0)
    return [{"lat": lat, "lng": lng}, {"lat": lat, "lng": lng + 0.02}, {"lat": lat + 0.01, "lng": lng + 0.01}]


def outline() -> dict[str, Any]:
    corners = ring()
    if CHANCE.random() < 0.5:
        return {"outline_polygon": {"vertices": corners}}
    return {"outline_circle": {"center": corners[0], "radius": {"value": CHANCE.uniform(1.0, 2000.0), "units": "M"}}}


def altitude(value: float) -> dict[str, Any]:
    return {"value": value, "reference": "W84", "units": "M"}


def volume() -> dict[str, Any]:
    low = CHANCE.uniform(0.0, 400.0)
    shape = {**outline(), "altitude_lower": altitude(low), "altitude_upper": altitude(low + 30.0)}
    return {"volume": shape, "time_start": time(CHANCE.uniform(1.0, 9.0)), "time_end": time(CHANCE.uniform(10.0, 60.0))}


def old_volume() -> dict[str, Any]:
    shape = {"footprint": {"vertices": ring()}, "altitude_lo": 0.0, "altitude_hi": 100.0}
    return {"spatial_volume": shape, "time_start": moment(1.0), "time_end": moment(50.0)}


def intent_body(*, update: bool) -> dict[str, Any]:
    volumes = [volume() for _ in range(CHANCE.randint(1, 3))]
    # With every OVN that was ever told most creates find a way; with none some are refused for their key.
    key = [*versions["operational_intent_references"].values(), *versions["constraint_references"].values()]
    state = CHANCE.choice(["Accepted", "Activated", "Nonconforming", "Contingent"]) if update else "Accepted"
    body: dict[str, Any] = {"extents": volumes, "state": state, "uss_base_url": URL}
    body["key"] = key if CHANCE.random() < 0.8 else []
    if update or CHANCE.random() < 0.5:
        body["new_subscription"] = {"uss_base_url": URL, "notify_for_constraints": CHANCE.random() < 0.5}
    return body


def body_of(kind: str, root: str, *, update: bool) -> dict[str, Any]:
    if kind == "operational_intent_references":
        return intent_body(update=update)
    if kind == "constraint_references":
        return {"extents": [volume()], "uss_base_url": URL}
    if root == "/v1":
        where = {"flights_url": f"{URL}/uss/flights"}
        if kind == "subscriptions":
            where = {"callbacks": {"identification_service_area_url": f"{URL}/uss/identification_service_areas"}}
        return {"extents": old_volume(), **where}
    body = {"extents": volume(), "uss_base_url": URL}
    if root == "/dss/v1":
        body |= {"notify_for_operational_intents": True, "notify_for_constraints": CHANCE.random() < 0.5}
    return body


def vacant() -> str:
    """A name of which there is nothing."""
    return str(UUID(int=CHANCE.getrandbits(128), version=4))


def there(kind: str, root: str, case: Any) -> str:
    """A name of something that is there; it is made when there is nothing."""
    if not versions[kind]:
        name = vacant()
        url = f"{case.operation.base_url}{case.operation.path.split(kind)[0]}{kind}/{name}"
        headers = {"Authorization": os.environ["SCHEMA_AUTHORIZATION"]}
        answer = requests.put(url, json=body_of(kind, root, update=False), headers=headers, timeout=30.0)
        remember(kind, "PUT", name, answer.status_code, answer.json())
    return CHANCE.choice([*versions[kind]] or [vacant()])


def remember(kind: str, method: str, name: str, status: int, document: dict[str, Any]) -> None:
    if status == 404 or (method == "DELETE" and status == 200):
        versions[kind].pop(name, None)
    for entity in document.values():
        if status in (200, 201) and method == "PUT" and isinstance(entity, dict) and entity.get("id") == name:
            versions[kind][name] = entity.get("ovn") or entity["version"]
            if len(versions[kind]) > MOST_LEFT:
                versions[kind].pop(next(iter(versions[kind])))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    global made  # noqa: PLW0603
    made += 1
    kind, path, method = kind_of(case.operation.path), case.operation.path, case.method
    if made % 2 or case.operation.method.upper() != method:
        return
    root = "/dss/v1" if path.startswith("/dss/v1") else "/v1" if path.startswith("/v1") else "/dss"
    if kind:
        sensible(case, kind, root)
    elif "uss_availability" in path and method == "PUT":
        case.path_parameters = {"uss_id": f"peer {made}"}
        case.body = {"old_version": "", "availability": CHANCE.choice(["Normal", "Down", "Unknown"])}
    elif path.endswith("/reports"):
        exchange = {"url": URL, "method": "GET", "recorder_role": "Client", "request_time": time(-1.0)}
        case.body = {"exchange": {**exchange, "request_source": "uss1"}}
    elif path.endswith("/validate_oauth"):
        case.query = {"owner": "uss1"}
    elif path.endswith("/heartbeat"):
        case.query = {"source": "test", "timestamp": moment(0.0), "next_heartbeat_expected_before": moment(9.0)}


def sensible(case: Any, kind: str, root: str) -> None:
    parameters = [part.strip("{}") for part in case.operation.path.split("/") if part.startswith("{")]
    if case.method == "POST":
        case.body = {"area_of_interest": volume()}
    elif not parameters:
        area = ",".join(f"{corner['lat']},{corner['lng']}" for corner in ring())
        case.query = {"area": area}
    else:
        create = case.method == "PUT" and len(parameters) == 1
        new = create and (len(versions[kind]) < MOST_LEFT or CHANCE.random() < 0.5)
        name = vacant() if new else there(kind, root, case)
        case.path_parameters = dict(zip(parameters, (name, versions[kind].get(name, "unknown")), strict=False))
        if case.method == "PUT":
            case.body = body_of(kind, root, update=not create)
            case.media_type = "application/json"


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    counts[f"{case.operation.method.upper()} {case.operation.path}"][response.status_code] += 1
    kind = kind_of(case.operation.path)
    parameters = [*(case.path_parameters or {}).values()]
    if kind and parameters and isinstance(parameters[0], str):
        try:
            document = response.json()
        except ValueError:
            return
        if isinstance(document, dict):
            remember(kind, case.method, parameters[0], response.status_code, document)


@atexit.register
def write_counts() -> None:
    told = {operation: dict(statuses) for operation, statuses in counts.items()}
    Path(os.environ["SCHEMA_COUNTS"]).write_text(json.dumps(told))
