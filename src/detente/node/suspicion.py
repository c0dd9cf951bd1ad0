"""What the links' faults say of a peer: the alarm that a person must look at (R38, R45)."""

from __future__ import annotations

import msgspec

from detente.line.alarms import AlarmKind
from detente.link.answer import RefusalReason
from detente.link.envelope import FORM, Envelope
from detente.link.session import LINK_EVIDENCE, LINK_REFUSED, RefusalRecord, read_document
from detente.link.transport import PEER_SET_BACK

KINDS = frozenset({LINK_EVIDENCE, LINK_REFUSED})
_ALARMS = {RefusalReason.TOO_MUCH: AlarmKind.FLOODING, PEER_SET_BACK: AlarmKind.SET_BACK}


def peer_key(kind: str, body: bytes, own: bytes) -> bytes | None:
    """Return the public key of the peer that an entry of `KINDS` speaks against, or None where it names none."""
    if kind == LINK_EVIDENCE:
        direction = read_document(body).direction
        return direction.sender if direction.sender != own else direction.recipient
    sender = msgspec.json.decode(body, type=RefusalRecord).sender
    return None if sender is None else bytes.fromhex(sender)


def alarm_of(kind: str, body: bytes) -> tuple[AlarmKind, str] | None:
    """Return the alarm for an entry of `KINDS`, and its detail in words; None where a person need not look."""
    if kind == LINK_REFUSED:
        record = msgspec.json.decode(body, type=RefusalRecord)
        found = _ALARMS.get(record.reason)
        return None if found is None else (found, record.detail)
    if FORM.starts(body):
        envelope = read_document(body)
        assert isinstance(envelope, Envelope)
        return AlarmKind.TWO_HISTORIES, f"it signed another envelope {envelope.number} than it did before"
    return AlarmKind.FALSE_RECEIPT, "it signed a receipt for an envelope that was never sent"
