"""What can happen to F3548 entities: the journal's words."""

from __future__ import annotations

import msgspec

from detente.utm.space import Extents


class _Event(msgspec.Struct, frozen=True, tag_field="event"):
    pass


class IntentWritten(_Event, frozen=True, tag="intent written"):
    """An operational intent was created (version 1) or replaced; subscribers over old and new extents are notified."""

    id: str
    manager: str
    version: int
    ovn: str
    state: str
    uss_base_url: str
    subscription_id: str
    extents: Extents


class IntentRemoved(_Event, frozen=True, tag="intent removed"):
    """An operational intent was deleted; subscribers over its extents are notified."""

    id: str


class ConstraintWritten(_Event, frozen=True, tag="constraint written"):
    """A constraint was created (version 1) or replaced; subscribers over old and new extents are notified."""

    id: str
    manager: str
    version: int
    ovn: str
    uss_base_url: str
    extents: Extents


class ConstraintRemoved(_Event, frozen=True, tag="constraint removed"):
    """A constraint was deleted; subscribers over its extents are notified."""

    id: str


class SubscriptionWritten(_Event, frozen=True, tag="subscription written"):
    """A subscription was created or replaced; its notification index goes on."""

    id: str
    manager: str
    version: str
    implicit: bool
    for_intents: bool
    for_constraints: bool
    uss_base_url: str
    extents: Extents


class SubscriptionRemoved(_Event, frozen=True, tag="subscription removed"):
    """A subscription was deleted, or it was implicit and its last operational intent went."""

    id: str


class AvailabilitySet(_Event, frozen=True, tag="availability set"):
    """An arbitrator declared a USS Normal, Down or Unknown."""

    uss: str
    availability: str
    version: str


class ReportMade(_Event, frozen=True, tag="report made"):
    """A USS reported an exchange with a peer; the text is kept as it came."""

    id: str
    exchange: str


DssEvent = (
    IntentWritten
    | IntentRemoved
    | ConstraintWritten
    | ConstraintRemoved
    | SubscriptionWritten
    | SubscriptionRemoved
    | AvailabilitySet
    | ReportMade
)
