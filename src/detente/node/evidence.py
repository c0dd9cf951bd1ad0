"""What the journal's evidence of the links says against a peer (R38, R45)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from detente.link.answer import RefusalReason
from detente.link.envelope import ENVELOPE_FORM, Envelope
from detente.link.session import LINK_EVIDENCE, LINK_REFUSED, RefusalRecord, read_document
from detente.link.transport import PEER_SET_BACK
from detente.room.link_faults import LinkFault, LinkFaultKind

_KINDS = {
    RefusalReason.TOO_MUCH: LinkFaultKind.FLOODING,
    RefusalReason.OLD_KEY: LinkFaultKind.OLD_KEY,
    RefusalReason.WRONG_ROTATION: LinkFaultKind.WRONG_ROTATION,
    PEER_SET_BACK: LinkFaultKind.SET_BACK,
}


def fault_of(
    kind: str, body: bytes, own: bytes, named: Callable[[bytes], str | None], at: datetime
) -> LinkFault | None:
    """Return the fault of a peer that an entry of the links shows, or None.

    `own` is our public key (32 bytes); `named` gives a peer's name by its public key.
    """
    if kind == LINK_EVIDENCE:
        return _fault_in_evidence(body, own, named, at)
    if kind == LINK_REFUSED:
        record = msgspec.json.decode(body, type=RefusalRecord)
        peer = None if record.sender is None else named(bytes.fromhex(record.sender))
        found = _KINDS.get(record.reason)
        return None if peer is None or found is None else LinkFault(at, peer, found, record.detail)
    return None


def _fault_in_evidence(body: bytes, own: bytes, named: Callable[[bytes], str | None], at: datetime) -> LinkFault | None:
    document = read_document(body)
    direction = document.direction
    peer = named(direction.sender if direction.sender != own else direction.recipient)
    if peer is None:
        return None
    if ENVELOPE_FORM.starts(body):
        assert isinstance(document, Envelope)
        detail = f"it signed another envelope {document.number} than it did before"
        return LinkFault(at, peer, LinkFaultKind.TWO_HISTORIES, detail)
    return LinkFault(at, peer, LinkFaultKind.FALSE_RECEIPT, "it signed a receipt for an envelope that was never sent")
