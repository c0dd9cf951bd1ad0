"""What a party says of a zone. The same Struct is the message to the other side and what both journals keep of it.

Every one says who (the party, and the post that acted) and when (UTC). The encoded form is a promise: a field may be
added with a default, never renamed.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import ClassVar

import msgspec

from detente.airspace.plan import check_identifier
from detente.airspace.position import utc
from detente.airspace.refusal import Refusal
from detente.picture.measures import check_reason
from detente.room.activity import Activity, Ordinary
from detente.room.message import Message
from detente.zones.terms import ZoneTerms, check_zone_id

HIGHEST_NUMBER = 1_000_000
_VERSION = re.compile(r"[0-9a-f]{16}\Z")


class _ZoneMessage(Message, frozen=True):
    """Every message: the party that says it, when, which of its posts, and of which zone."""

    activity: ClassVar[Activity] = Ordinary.PLANNING

    party: str
    at: datetime
    by: str
    zone_id: str

    def __post_init__(self) -> None:
        check_identifier("party", self.party)
        check_identifier("by", self.by)
        check_zone_id(self.zone_id)
        msgspec.structs.force_setattr(self, "at", utc(self.at, "at"))
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name in ("version", "answers") and (value or name == "version") and not _VERSION.match(value):
                raise Refusal("zones.version_zone_hexadecimal_digits", name, value)
            if name == "number" and not 1 <= value <= HIGHEST_NUMBER:
                raise Refusal("zones.whole_number", name, value, most=HIGHEST_NUMBER)
            if name == "reason":
                check_reason(value)


class ZoneProposed(_ZoneMessage, frozen=True, tag="zone_proposed"):
    """The party proposes these terms: for a new zone, to move one, or, with `answers`, instead of another version.

    `number` is higher than that of every version that the party knows: of two agreed versions the higher one counts.
    """

    terms: ZoneTerms
    number: int
    answers: str = ""


class ZoneAccepted(_ZoneMessage, frozen=True, tag="zone_accepted"):
    """The party agrees to a version of the other side's."""

    version: str


class ZoneRefused(_ZoneMessage, frozen=True, tag="zone_refused"):
    """The party does not agree, or takes its own proposal back."""

    version: str
    reason: str


class ZoneReleased(_ZoneMessage, frozen=True, tag="zone_released"):
    """The party releases the zone, alone and for good."""

    reason: str


ZoneMessage = ZoneProposed | ZoneAccepted | ZoneRefused | ZoneReleased
