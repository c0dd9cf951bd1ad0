"""What the links' faults say of a peer: the alarm that a person must look at (R38, R45)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from detente.details.details import DetailsEvent, DetailsRefused
from detente.line.alarms import AlarmKind
from detente.link.answer import RefusalReason
from detente.link.envelope import ENVELOPE_FORM, Envelope
from detente.link.session import LINK_EVIDENCE, LINK_REFUSED, RefusalRecord, read_document
from detente.link.transport import PEER_SET_BACK

DETAILS = "details"
"""The kind of the journal's entries that hold events of details behind notices."""
KINDS = frozenset({LINK_EVIDENCE, LINK_REFUSED, DETAILS})
_ALARMS = {RefusalReason.TOO_MUCH: AlarmKind.FLOODING, PEER_SET_BACK: AlarmKind.SET_BACK}


_DETAILS: msgspec.json.Decoder[DetailsEvent] = msgspec.json.Decoder(DetailsEvent)


def peer_of(kind: str, body: bytes, own: bytes, named: Callable[[bytes], str | None]) -> str | None:
    """Return the peer that an entry of `KINDS` speaks against, or None; `named` gives a name by public key."""
    if kind == DETAILS:
        event = _DETAILS.decode(body)
        return event.party if isinstance(event, DetailsRefused) else None
    if kind == LINK_EVIDENCE:
        direction = read_document(body).direction
        return named(direction.sender if direction.sender != own else direction.recipient)
    sender = msgspec.json.decode(body, type=RefusalRecord).sender
    return None if sender is None else named(bytes.fromhex(sender))


def alarm_of(kind: str, body: bytes) -> tuple[AlarmKind, str] | None:
    """Return the alarm for an entry of `KINDS`, and its detail in words; None where a person need not look."""
    if kind == DETAILS:
        event = _DETAILS.decode(body)
        assert isinstance(event, DetailsRefused)
        return AlarmKind.WRONG_OPENING, f"notice {event.notice_id}"
    if kind == LINK_REFUSED:
        record = msgspec.json.decode(body, type=RefusalRecord)
        found = _ALARMS.get(record.reason)
        return None if found is None else (found, record.detail)
    if ENVELOPE_FORM.starts(body):
        envelope = read_document(body)
        assert isinstance(envelope, Envelope)
        return AlarmKind.TWO_HISTORIES, f"it signed another envelope {envelope.number} than it did before"
    return AlarmKind.FALSE_RECEIPT, "it signed a receipt for an envelope that was never sent"
