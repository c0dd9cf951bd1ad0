"""What a client asks of the F3548 service. Time, identity and fresh identifiers come in with the command."""

from __future__ import annotations

import msgspec

from detente.utm.space import Extents


class _Command(msgspec.Struct, frozen=True, tag_field="command"):
    at_us: int
    by: str


class NewSubscription(msgspec.Struct, frozen=True):
    """Make an implicit subscription with this id for the operational intent."""

    id: str
    uss_base_url: str
    for_constraints: bool


class PutIntent(_Command, frozen=True, tag="put operational intent"):
    """Create an operational intent, or replace the version `ovn`. `key` holds the OVNs that the client knows."""

    id: str
    ovn: str | None
    state: str
    uss_base_url: str
    extents: Extents
    key: frozenset[str]
    subscription_id: str | None
    new_subscription: NewSubscription | None
    requested_suffix: str | None
    may_coordinate: bool
    may_monitor: bool


class DeleteIntent(_Command, frozen=True, tag="delete operational intent"):
    """Delete the version `ovn` of an operational intent."""

    id: str
    ovn: str


class PutConstraint(_Command, frozen=True, tag="put constraint"):
    """Create a constraint, or replace the version `ovn`."""

    id: str
    ovn: str | None
    uss_base_url: str
    extents: Extents


class DeleteConstraint(_Command, frozen=True, tag="delete constraint"):
    """Delete the version `ovn` of a constraint."""

    id: str
    ovn: str


class PutSubscription(_Command, frozen=True, tag="put subscription"):
    """Create a subscription, or replace `version` of it. The extents may lack times."""

    id: str
    version: str | None
    uss_base_url: str
    extents: Extents
    for_intents: bool
    for_constraints: bool


class DeleteSubscription(_Command, frozen=True, tag="delete subscription"):
    """Delete `version` of a subscription."""

    id: str
    version: str


class SetAvailability(_Command, frozen=True, tag="set availability"):
    """Declare a USS Normal, Down or Unknown; `old_version` is the one the arbitrator has seen, empty for the first."""

    uss: str
    availability: str
    old_version: str


class MakeReport(_Command, frozen=True, tag="make report"):
    """Keep a report on an exchange with a peer."""

    id: str
    exchange: str


DssCommand = (
    PutIntent
    | DeleteIntent
    | PutConstraint
    | DeleteConstraint
    | PutSubscription
    | DeleteSubscription
    | SetAvailability
    | MakeReport
)
