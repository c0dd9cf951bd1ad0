"""What a party says in talks about an accord: the same Struct is the event, the message to the other side, and the ask.

Every one says who (the party, and the post that acted) and when (UTC). The encoded form is a promise: a field may be
added with a default, never renamed.
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from detente.accord.terms import MAX_TEXT_CHARACTERS
from detente.airspace.plan import check_identifier
from detente.airspace.position import utc
from detente.airspace.refusal import Refusal

LONGEST_REASON = 300
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_SIGNATURE = re.compile(r"[0-9a-f]{128}\Z")


class _Fact(msgspec.Struct, frozen=True, tag_field="fact", forbid_unknown_fields=True):
    """Every fact: the party that says it, when, and which of its posts."""

    party: str
    at: datetime
    by: str

    def __post_init__(self) -> None:
        check_identifier("party", self.party)
        check_identifier("by", self.by)
        msgspec.structs.force_setattr(self, "at", utc(self.at, "at"))
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name in ("accord_hash", "answers") and value and not _HASH.match(value):
                raise Refusal(name, value, "an accord's hash, 64 hexadecimal digits", "See `detente accord show`.")
            if name == "signature" and not _SIGNATURE.match(value) and (value or isinstance(self, AccordAuthorised)):
                raise Refusal(name, value, "an Ed25519 signature, 128 hexadecimal digits")
            if name == "reason" and not (1 <= len(value) <= LONGEST_REASON and value.isprintable()):
                raise Refusal(name, value, f"one line of 1 to {LONGEST_REASON} printable characters")
            if name == "serial" and not 1 <= value < 2**53:
                raise Refusal(name, value, "a whole number from 1")
            if name == "text" and len(value) > MAX_TEXT_CHARACTERS:
                raise Refusal(name, len(value), f"at most {MAX_TEXT_CHARACTERS:,} characters")


class AccordDrafted(_Fact, frozen=True, tag="accord_drafted"):
    """A text that the party works on; the other side is not told."""

    text: str


class AccordProposed(_Fact, frozen=True, tag="accord_proposed"):
    """The party proposes this text; `answers` is the hash of the proposal that it is a counter-proposal to."""

    text: str
    answers: str = ""


class AccordAuthorised(_Fact, frozen=True, tag="accord_authorised"):
    """The party's authority signed the accord's hash: `authorisation_bytes` of it, the party and `at`."""

    accord_hash: str
    signature: str


class AccordSuspended(_Fact, frozen=True, tag="accord_suspended"):
    """The party suspends the accord, alone. `serial` counts its suspensions and resumptions of this accord.

    `signature` is its authority's over `change_bytes`, or empty where a post acts that the terms let act.
    """

    accord_hash: str
    serial: int
    reason: str
    signature: str = ""


class AccordResumed(_Fact, frozen=True, tag="accord_resumed"):
    """The party takes its suspension back; nothing is negotiated again. `signature` as for a suspension."""

    accord_hash: str
    serial: int
    signature: str = ""


class AccordEnded(_Fact, frozen=True, tag="accord_ended"):
    """The party ends the accord for good, or takes back a proposal. `signature` as for a suspension."""

    accord_hash: str
    reason: str
    signature: str = ""


Change = AccordSuspended | AccordResumed | AccordEnded
"""What one party says alone of an accord that stands."""
Fact = AccordDrafted | AccordProposed | AccordAuthorised | AccordSuspended | AccordResumed | AccordEnded


def authorisation_bytes(accord_hash: str, party: str, at: datetime) -> bytes:
    """Return what a party's authority signs to authorise an accord."""
    moment = utc(at, "at").isoformat(timespec="microseconds")
    return f"detente-authorisation-1\naccord {accord_hash}\nparty {party}\nat {moment}\n".encode()


def change_bytes(fact: Change) -> bytes:
    """Return what a party's authority signs to suspend, to resume or to end an accord; an end has the serial 0."""
    what = {AccordSuspended: "suspend", AccordResumed: "resume", AccordEnded: "end"}[type(fact)]
    serial = 0 if isinstance(fact, AccordEnded) else fact.serial
    moment = fact.at.isoformat(timespec="microseconds")
    return (f"detente-change-1\n{what} {fact.accord_hash}\nserial {serial}\nparty {fact.party}\nat {moment}\n").encode()
