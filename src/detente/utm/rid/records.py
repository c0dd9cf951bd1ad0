"""Remote identification entities as commands bring them, as the journal says they happened, and as they are held.

One table serves F3411-19 and F3411-22a. URLs are kept as F3411-19 writes them, whole; F3411-22a shows their base.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from detente.utm.dss.records import Occupied
from detente.utm.space import Extents

FLIGHTS_PATH = "/uss/flights"
NOTIFICATIONS_PATH = "/uss/identification_service_areas"


class Standard(StrEnum):
    """The version of the standard that a client speaks."""

    F3411_19 = "F3411-19"
    F3411_22A = "F3411-22a"


class Area(msgspec.Struct, frozen=True, gc=False):
    """An identification service area."""

    id: str
    owner: str
    version: str
    flights_url: str
    occupied: Occupied


class RidSubscription(msgspec.Struct, frozen=True, gc=False):
    """A subscription to identification service areas; how often it was notified is in the index."""

    id: str
    owner: str
    version: str
    notifications_url: str
    occupied: Occupied


class _Command(msgspec.Struct, frozen=True, tag_field="command"):
    at_us: int
    by: str


class PutArea(_Command, frozen=True, tag="put identification service area"):
    """Create an area, or replace `version` of it. The extents may lack a start."""

    standard: Standard
    id: str
    version: str | None
    flights_url: str
    extents: Extents


class DeleteArea(_Command, frozen=True, tag="delete identification service area"):
    """Delete `version` of an area."""

    standard: Standard
    id: str
    version: str


class PutRidSubscription(_Command, frozen=True, tag="put remote identification subscription"):
    """Create a subscription, or replace `version` of it. The extents may lack times."""

    standard: Standard
    id: str
    version: str | None
    notifications_url: str
    extents: Extents


class DeleteRidSubscription(_Command, frozen=True, tag="delete remote identification subscription"):
    """Delete `version` of a subscription."""

    standard: Standard
    id: str
    version: str


RidCommand = PutArea | DeleteArea | PutRidSubscription | DeleteRidSubscription


class _Event(msgspec.Struct, frozen=True, tag_field="event"):
    pass


class AreaWritten(_Event, frozen=True, tag="identification service area written"):
    """An area was created or replaced; subscribers over old and new extents are notified."""

    standard: Standard
    id: str
    owner: str
    version: str
    flights_url: str
    extents: Extents


class AreaRemoved(_Event, frozen=True, tag="identification service area removed"):
    """An area was deleted; subscribers over it are notified."""

    standard: Standard
    id: str


class RidSubscriptionWritten(_Event, frozen=True, tag="remote identification subscription written"):
    """A subscription was created or replaced; its notification index goes on."""

    standard: Standard
    id: str
    owner: str
    version: str
    notifications_url: str
    extents: Extents


class RidSubscriptionRemoved(_Event, frozen=True, tag="remote identification subscription removed"):
    """A subscription was deleted."""

    standard: Standard
    id: str


RidEvent = AreaWritten | AreaRemoved | RidSubscriptionWritten | RidSubscriptionRemoved
