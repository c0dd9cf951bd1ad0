"""Every path, method and scope that the published interfaces ask of a DSS, and those that are ours.

`test_the_list_is_that_of_the_texts` holds the list against the texts of the shared folder.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

TEXTS = {
    "F3548-21": ("astm_f3548_21/utm.yaml", ""),
    "F3411-22a": ("astm_f3411/rid_v22a.yaml", "/rid/v2"),
    "F3411-19": ("astm_f3411/rid_v19_augmented.yaml", ""),
    "auxiliary": ("interuss/aux.yaml", ""),
    "versions": ("interuss/automated_testing/versioning/versioning.yaml", ""),
}
"""File and root of each interface."""


class Published(NamedTuple):
    """One operation. Of `scopes` one set must be held whole; with none, no token is asked for."""

    interface: str
    method: str
    path: str
    scopes: tuple[tuple[str, ...], ...]


def operations_of(interface: str, text: str) -> list[Published]:
    """What the text of an interface asks of a DSS: not what it asks of a USS."""
    document: dict[str, Any] = yaml.safe_load(text)
    root = TEXTS[interface][1]
    return [
        Published(interface, method.upper(), root + re.sub(r"\{[^}]*\}", "{}", path), scopes_of(document, operation))
        for path, operations in document["paths"].items()
        if "/uss/" not in path
        for method, operation in operations.items()
        if method in ("get", "put", "post", "delete")
    ]


def scopes_of(document: dict[str, Any], operation: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    listed = operation.get("security", document.get("security", []))
    return tuple(tuple(sorted(scopes)) for option in listed for scopes in option.values())


def published(specs: Path) -> list[Published]:
    """All operations of all interfaces."""
    return [
        operation
        for interface, (file, _) in TEXTS.items()
        for operation in operations_of(interface, (specs / file).read_text(encoding="utf-8"))
    ]


OPERATIONS = [
    Published(
        "F3548-21",
        "POST",
        "/dss/v1/operational_intent_references/query",
        (("utm.strategic_coordination",), ("utm.conformance_monitoring_sa",)),
    ),
    Published(
        "F3548-21",
        "GET",
        "/dss/v1/operational_intent_references/{}",
        (("utm.strategic_coordination",), ("utm.conformance_monitoring_sa",)),
    ),
    Published(
        "F3548-21",
        "PUT",
        "/dss/v1/operational_intent_references/{}",
        (
            ("utm.strategic_coordination",),
            ("utm.constraint_processing", "utm.strategic_coordination"),
            ("utm.conformance_monitoring_sa",),
        ),
    ),
    Published(
        "F3548-21",
        "PUT",
        "/dss/v1/operational_intent_references/{}/{}",
        (
            ("utm.strategic_coordination",),
            ("utm.constraint_processing", "utm.strategic_coordination"),
            ("utm.conformance_monitoring_sa",),
        ),
    ),
    Published(
        "F3548-21",
        "DELETE",
        "/dss/v1/operational_intent_references/{}/{}",
        (("utm.strategic_coordination",), ("utm.conformance_monitoring_sa",)),
    ),
    Published(
        "F3548-21",
        "POST",
        "/dss/v1/constraint_references/query",
        (("utm.constraint_management",), ("utm.constraint_processing",)),
    ),
    Published(
        "F3548-21",
        "GET",
        "/dss/v1/constraint_references/{}",
        (("utm.constraint_management",), ("utm.constraint_processing",)),
    ),
    Published("F3548-21", "PUT", "/dss/v1/constraint_references/{}", (("utm.constraint_management",),)),
    Published("F3548-21", "PUT", "/dss/v1/constraint_references/{}/{}", (("utm.constraint_management",),)),
    Published("F3548-21", "DELETE", "/dss/v1/constraint_references/{}/{}", (("utm.constraint_management",),)),
    Published(
        "F3548-21",
        "POST",
        "/dss/v1/subscriptions/query",
        (("utm.constraint_processing",), ("utm.strategic_coordination",)),
    ),
    Published(
        "F3548-21", "GET", "/dss/v1/subscriptions/{}", (("utm.constraint_processing",), ("utm.strategic_coordination",))
    ),
    Published(
        "F3548-21", "PUT", "/dss/v1/subscriptions/{}", (("utm.constraint_processing",), ("utm.strategic_coordination",))
    ),
    Published(
        "F3548-21",
        "PUT",
        "/dss/v1/subscriptions/{}/{}",
        (("utm.constraint_processing",), ("utm.strategic_coordination",)),
    ),
    Published(
        "F3548-21",
        "DELETE",
        "/dss/v1/subscriptions/{}/{}",
        (("utm.constraint_processing",), ("utm.strategic_coordination",)),
    ),
    Published(
        "F3548-21",
        "POST",
        "/dss/v1/reports",
        (
            ("utm.constraint_management",),
            ("utm.constraint_processing",),
            ("utm.strategic_coordination",),
            ("utm.conformance_monitoring_sa",),
            ("utm.availability_arbitration",),
        ),
    ),
    Published("F3548-21", "PUT", "/dss/v1/uss_availability/{}", (("utm.availability_arbitration",),)),
    Published(
        "F3548-21",
        "GET",
        "/dss/v1/uss_availability/{}",
        (("utm.availability_arbitration",), ("utm.strategic_coordination",), ("utm.conformance_monitoring_sa",)),
    ),
    Published("F3411-22a", "GET", "/rid/v2/dss/identification_service_areas", (("rid.display_provider",),)),
    Published(
        "F3411-22a",
        "GET",
        "/rid/v2/dss/identification_service_areas/{}",
        (("rid.display_provider",), ("rid.service_provider",)),
    ),
    Published("F3411-22a", "PUT", "/rid/v2/dss/identification_service_areas/{}", (("rid.service_provider",),)),
    Published("F3411-22a", "PUT", "/rid/v2/dss/identification_service_areas/{}/{}", (("rid.service_provider",),)),
    Published("F3411-22a", "DELETE", "/rid/v2/dss/identification_service_areas/{}/{}", (("rid.service_provider",),)),
    Published("F3411-22a", "GET", "/rid/v2/dss/subscriptions", (("rid.display_provider",),)),
    Published(
        "F3411-22a", "GET", "/rid/v2/dss/subscriptions/{}", (("rid.display_provider",), ("rid.service_provider",))
    ),
    Published("F3411-22a", "PUT", "/rid/v2/dss/subscriptions/{}", (("rid.display_provider",),)),
    Published("F3411-22a", "PUT", "/rid/v2/dss/subscriptions/{}/{}", (("rid.display_provider",),)),
    Published("F3411-22a", "DELETE", "/rid/v2/dss/subscriptions/{}/{}", (("rid.display_provider",),)),
    Published("F3411-19", "GET", "/v1/dss/identification_service_areas", (("dss.read.identification_service_areas",),)),
    Published(
        "F3411-19", "GET", "/v1/dss/identification_service_areas/{}", (("dss.read.identification_service_areas",),)
    ),
    Published(
        "F3411-19", "PUT", "/v1/dss/identification_service_areas/{}", (("dss.write.identification_service_areas",),)
    ),
    Published(
        "F3411-19", "PUT", "/v1/dss/identification_service_areas/{}/{}", (("dss.write.identification_service_areas",),)
    ),
    Published(
        "F3411-19",
        "DELETE",
        "/v1/dss/identification_service_areas/{}/{}",
        (("dss.write.identification_service_areas",),),
    ),
    Published("F3411-19", "GET", "/v1/dss/subscriptions", (("dss.read.identification_service_areas",),)),
    Published(
        "F3411-19",
        "GET",
        "/v1/dss/subscriptions/{}",
        (("dss.read.identification_service_areas", "dss.write.identification_service_areas"),),
    ),
    Published("F3411-19", "PUT", "/v1/dss/subscriptions/{}", (("dss.read.identification_service_areas",),)),
    Published("F3411-19", "PUT", "/v1/dss/subscriptions/{}/{}", (("dss.read.identification_service_areas",),)),
    Published("F3411-19", "DELETE", "/v1/dss/subscriptions/{}/{}", (("dss.read.identification_service_areas",),)),
    Published(
        "auxiliary",
        "GET",
        "/aux/v1/version",
        (
            (
                "dss.read.identification_service_areas",
                "dss.write.identification_service_areas",
                "interuss.pool_status.heartbeat.write",
                "interuss.pool_status.read",
            ),
        ),
    ),
    Published(
        "auxiliary",
        "GET",
        "/aux/v1/validate_oauth",
        (("dss.read.identification_service_areas",), ("dss.write.identification_service_areas",)),
    ),
    Published("auxiliary", "GET", "/aux/v1/pool", (("interuss.pool_status.read",),)),
    Published("auxiliary", "GET", "/aux/v1/pool/dss_instances", (("interuss.pool_status.read",),)),
    Published("auxiliary", "PUT", "/aux/v1/pool/dss_instances/heartbeat", (("interuss.pool_status.heartbeat.write",),)),
    Published(
        "auxiliary",
        "GET",
        "/aux/v1/configuration/accepted_ca_certs",
        (
            (
                "dss.read.identification_service_areas",
                "dss.write.identification_service_areas",
                "interuss.pool_status.heartbeat.write",
                "interuss.pool_status.read",
            ),
        ),
    ),
    Published(
        "auxiliary",
        "GET",
        "/aux/v1/configuration/ca_certs",
        (
            (
                "dss.read.identification_service_areas",
                "dss.write.identification_service_areas",
                "interuss.pool_status.heartbeat.write",
                "interuss.pool_status.read",
            ),
        ),
    ),
    Published("auxiliary", "GET", "/aux/v1/configuration/global_options", (("interuss.pool_status.read",),)),
    Published("versions", "GET", "/versions/{}", (("interuss.versioning.read_system_versions",),)),
]
OURS = [
    Published("ours", "GET", "/detente/v1/outcomes/{}", ((),)),
    Published(
        "ours", "POST", "/detente/v1/why/{}", (("utm.strategic_coordination",), ("utm.conformance_monitoring_sa",))
    ),
]
DIFFERENT = {
    # The text asks for every scope it knows at once; the suites ask without a token, as the reference lets them.
    ("GET", "/aux/v1/version"): (),
    ("GET", "/aux/v1/configuration/accepted_ca_certs"): (),
    ("GET", "/aux/v1/configuration/ca_certs"): (),
    # The text asks for both scopes, the suites come with one.
    ("GET", "/v1/dss/subscriptions/{}"): (
        ("dss.read.identification_service_areas",),
        ("dss.write.identification_service_areas",),
    ),
}
"""Where fewer scopes do than the text says."""


def asked(operation: Published) -> tuple[tuple[str, ...], ...]:
    """The scopes that this service asks for."""
    return DIFFERENT.get((operation.method, operation.path), operation.scopes)
