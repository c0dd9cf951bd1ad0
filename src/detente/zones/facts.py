"""What a party says of a zone: the same Struct is the message to the other side and what both journals keep.

Every one says who (the party, and the post that acted) and when (UTC). The encoded form is a promise: a field may be
added with a default, never renamed.
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from detente.accord.tagged import read_tagged, tags_of, write_tagged
from detente.airspace.plan import check_identifier
from detente.airspace.position import utc
from detente.airspace.refusal import Refusal
from detente.picture.measures import check_reason
from detente.zones.terms import ZoneTerms, check_zone_id

HIGHEST_NUMBER = 1_000_000
_VERSION = re.compile(r"[0-9a-f]{16}\Z")


class _Fact(msgspec.Struct, frozen=True, tag_field="message", forbid_unknown_fields=True):
    """Every fact: the party that says it, when, which of its posts, and of which zone."""

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
                raise Refusal(name, value, "a version of a zone, 16 hexadecimal digits", "See: detente zone list.")
            if name == "number" and not 1 <= value <= HIGHEST_NUMBER:
                raise Refusal(name, value, f"a whole number from 1 to {HIGHEST_NUMBER:,}")
            if name == "reason":
                check_reason(value)


class ZoneProposed(_Fact, frozen=True, tag="zone_proposed"):
    """The party proposes these terms: for a new zone, to move one, or, with `answers`, instead of another version.

    `number` is higher than that of every version that the party knows: of two agreed versions the higher one counts.
    """

    terms: ZoneTerms
    number: int
    answers: str = ""


class ZoneAccepted(_Fact, frozen=True, tag="zone_accepted"):
    """The party agrees to a version of the other side's."""

    version: str


class ZoneRefused(_Fact, frozen=True, tag="zone_refused"):
    """The party does not agree, or takes its own proposal back."""

    version: str
    reason: str


class ZoneReleased(_Fact, frozen=True, tag="zone_released"):
    """The party releases the zone, alone and for good."""

    reason: str


ZoneFact = ZoneProposed | ZoneAccepted | ZoneRefused | ZoneReleased

_DECODER: msgspec.json.Decoder[ZoneFact] = msgspec.json.Decoder(ZoneFact)
KINDS = tags_of(ZoneFact)
"""The kinds of envelope that zones use."""


def write_fact(fact: ZoneFact) -> tuple[str, bytes]:
    """Return the envelope's kind and body for a fact."""
    return write_tagged(fact)


def read_fact(kind: str, body: bytes, party: str) -> ZoneFact:
    """Return the fact in an envelope of `party`; raises Refusal naming the field when it is none that it may say."""
    fact = read_tagged(_DECODER, kind, body, "zone")
    if fact.party != party:
        raise Refusal("party", fact.party, f"{party}, who says it")
    return fact
