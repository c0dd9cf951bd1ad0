"""What a party says about an accord. The same Struct is the message to the other side and what the journal keeps of it.

Every one says who (the party, and the post that acted) and when (UTC). The encoded form is a promise: a field may be
added with a default, never renamed.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import ClassVar

import msgspec

from detente.accord.terms import MAX_TEXT_CHARACTERS
from detente.airspace.plan import check_identifier
from detente.airspace.position import utc
from detente.airspace.refusal import Refusal
from detente.room.channel import Channel
from detente.room.message import Message

LONGEST_REASON = 300
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_SIGNATURE = re.compile(r"[0-9a-f]{128}\Z")


class _AccordMessage(Message, frozen=True):
    """Every one says which party says it, when, and which of its posts."""

    channel: ClassVar[Channel] = Channel.ACCORDS

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
                raise Refusal("accord.accord_hash_hexadecimal_digits", name, value)
            if name == "signature" and not _SIGNATURE.match(value) and (value or isinstance(self, AccordAuthorised)):
                raise Refusal("accord.ed25519_signature_hexadecimal_digits", name, value)
            if name == "reason" and not (1 <= len(value) <= LONGEST_REASON and value.isprintable()):
                raise Refusal("accord.one_line_printable_characters", name, value, most=LONGEST_REASON)
            if name == "serial" and not 1 <= value < 2**53:
                raise Refusal("accord.whole_number", name, value)
            if name == "text" and len(value) > MAX_TEXT_CHARACTERS:
                raise Refusal("accord.at_most_characters", name, len(value), most=MAX_TEXT_CHARACTERS)


class AccordDrafted(_AccordMessage, frozen=True, tag="accord_drafted"):
    """A text that the party works on; the other side is not told."""

    text: str


class AccordProposed(_AccordMessage, frozen=True, tag="accord_proposed"):
    """The party proposes this text; `answers` is the hash of the proposal that it is a counter-proposal to."""

    text: str
    answers: str = ""


class AccordAuthorised(_AccordMessage, frozen=True, tag="accord_authorised"):
    """The party's authority signed the accord's hash: `authorisation_bytes` of it, the party and `at`."""

    accord_hash: str
    signature: str


class AccordSuspended(_AccordMessage, frozen=True, tag="accord_suspended"):
    """The party suspends the accord, alone. `serial` counts its suspensions and resumptions of this accord.

    `signature` is its authority's over `change_bytes`, or empty where a post acts that the terms let act.
    """

    accord_hash: str
    serial: int
    reason: str
    signature: str = ""


class AccordResumed(_AccordMessage, frozen=True, tag="accord_resumed"):
    """The party takes its suspension back; nothing is negotiated again. `signature` as for a suspension."""

    accord_hash: str
    serial: int
    signature: str = ""


class AccordEnded(_AccordMessage, frozen=True, tag="accord_ended"):
    """The party ends the accord for good, or takes back a proposal. `signature` as for a suspension."""

    accord_hash: str
    reason: str
    signature: str = ""


Change = AccordSuspended | AccordResumed | AccordEnded
"""What one party says alone of an accord that stands."""
AccordMessage = AccordProposed | AccordAuthorised | Change
"""What one party says to the other."""
AccordAct = AccordDrafted | AccordMessage
"""What a party does: a draft is told to nobody."""


def authorisation_bytes(accord_hash: str, party: str, at: datetime) -> bytes:
    """Return what a party's authority signs to authorise an accord."""
    moment = utc(at, "at").isoformat(timespec="microseconds")
    return f"detente-authorisation-1\naccord {accord_hash}\nparty {party}\nat {moment}\n".encode()


def change_bytes(act: Change) -> bytes:
    """Return what a party's authority signs to suspend, to resume or to end an accord; an end has the serial 0."""
    what = {AccordSuspended: "suspend", AccordResumed: "resume", AccordEnded: "end"}[type(act)]
    serial = 0 if isinstance(act, AccordEnded) else act.serial
    moment = act.at.isoformat(timespec="microseconds")
    return (f"detente-change-1\n{what} {act.accord_hash}\nserial {serial}\nparty {act.party}\nat {moment}\n").encode()
