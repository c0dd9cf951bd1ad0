"""One link as this node sees it: the envelopes sent, received and receipted. Pure, folded from the journal.

A session changes only by `absorb`, which takes what the journal holds; so the state after a restart is the state
before it. The only state ahead of the journal is the number of the envelopes that were sealed and are not yet written
to it (`seal`, `forget_unjournaled`).

A link is a pair of parties under one accord: an accord of another hash is another link, with its own numbers.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.envelope import ENVELOPE_FORM, NO_PREVIOUS, Direction, Envelope, read_envelope, seal_envelope
from detente.link.receipt import DeliveryReceipt, read_receipt
from detente.record.keys import NodeKey

SENT = "sent"
RECEIVED = "received"
RECEIPT_SENT = "receipt_sent"
RECEIPT_RECEIVED = "receipt_received"
LINK_REFUSED = "link_refused"
LINK_EVIDENCE = "link_evidence"
LINK_KINDS = frozenset({SENT, RECEIVED, RECEIPT_SENT, RECEIPT_RECEIVED, LINK_REFUSED, LINK_EVIDENCE})
"""The kinds of journal entry that belong to links. The body is the exact bytes of an envelope or a receipt; of
`link_refused`, the JSON of a `RefusalRecord`; of `link_evidence`, an envelope or a receipt by which the peer
contradicts what it signed before."""


class EnvelopeStanding(StrEnum):
    """Where a well-signed envelope stands in its chain."""

    IN_ORDER = "in_order"
    DUPLICATE = "duplicate"
    GAP = "gap"
    EQUIVOCATION = "equivocation"


class ReceiptStanding(StrEnum):
    """Where a well-signed receipt stands: new, already covered, past what is covered, or of what was never sent."""

    NEW = "new"
    KNOWN = "known"
    GAP = "gap"
    CONTRADICTION = "contradiction"


class _Receipts:
    """Runs of receipted numbers and the journal entry of the receipt that covers each run."""

    def __init__(self) -> None:
        self._lasts = array("Q")
        self._entries = array("Q")

    @property
    def last(self) -> int:
        return self._lasts[-1] if self._lasts else 0

    def add(self, last: int, entry_number: int) -> None:
        if last > self.last:
            self._lasts.append(last)
            self._entries.append(entry_number)

    def entry_covering(self, number: int) -> int | None:
        place = bisect_left(self._lasts, number)
        return self._entries[place] if place < len(self._lasts) else None


class _Chain:
    """The hashes of envelopes 1 to n and the journal entries that hold them: 40 bytes an envelope."""

    def __init__(self) -> None:
        self._hashes = bytearray()
        self._entries = array("Q")

    @property
    def last(self) -> int:
        return len(self._entries)

    @property
    def head(self) -> bytes:
        return self.hash_of(self.last)

    def hash_of(self, number: int) -> bytes:
        return bytes(self._hashes[32 * (number - 1) : 32 * number]) if number else NO_PREVIOUS

    def add(self, envelope_hash: bytes, entry_number: int) -> None:
        self._hashes += envelope_hash
        self._entries.append(entry_number)

    def entry_of(self, number: int) -> int:
        return self._entries[number - 1]


class Session:
    """The state of one link. `outgoing` is the direction from this node to the peer."""

    def __init__(self, outgoing: Direction) -> None:
        self.outgoing = outgoing
        self.incoming = outgoing.reverse
        self._sent = _Chain()
        self._received = _Chain()
        self._receipts_received = _Receipts()
        self._receipts_sent = _Receipts()
        self._sealed_number = 0
        self._sealed_hash = NO_PREVIOUS
        self.contradictions = 0

    @property
    def sent_number(self) -> int:
        """The number of the last envelope that the journal holds as sent."""
        return self._sent.last

    @property
    def receipted_number(self) -> int:
        """The number up to which the peer's receipts are held."""
        return self._receipts_received.last

    @property
    def received_number(self) -> int:
        """The number of the last envelope received in order."""
        return self._received.last

    @property
    def received_hash(self) -> bytes:
        """The hash of the last envelope received in order; 32 zero bytes before the first."""
        return self._received.head

    @property
    def acknowledged_number(self) -> int:
        """The number up to which this node has signed receipts."""
        return self._receipts_sent.last

    def seal(self, key: NodeKey, messages: Sequence[tuple[str, bytes]], at: datetime) -> list[Envelope]:
        """Return the next envelopes, one for each (kind, body), numbered and chained.

        The caller appends them to the journal as `sent`, in this order, and then absorbs the entries. Should the append
        fail, it calls `forget_unjournaled`, so that no number is ever used twice.
        Raises Refusal as `seal_envelope` does; the state is then unchanged.
        """
        number, previous = self._sealed_number, self._sealed_hash
        sealed = []
        for kind, body in messages:
            number += 1
            envelope = seal_envelope(key, self.outgoing, number, previous, at, kind, body)
            previous = envelope.hash
            sealed.append(envelope)
        self._sealed_number, self._sealed_hash = number, previous
        return sealed

    def forget_unjournaled(self) -> None:
        """Forget envelopes that were sealed and did not reach the journal."""
        self._sealed_number, self._sealed_hash = self._sent.last, self._sent.head

    def sent_entry(self, number: int) -> int:
        """The journal's entry number of the envelope sent as `number`."""
        return self._sent.entry_of(number)

    def receipt_entry(self, number: int) -> int | None:
        """The journal's entry number of this node's receipt that covers incoming `number`, or None."""
        return self._receipts_sent.entry_covering(number)

    def standing(self, envelope: Envelope, pending: Sequence[bytes] = ()) -> EnvelopeStanding:
        """Return where an incoming, well-signed envelope stands in the chain.

        Equivocation is another content under a number that is held, or a next envelope that continues another history.
        `pending` are the hashes of envelopes of the same batch that were found in order and are not yet absorbed.
        """
        received = self._received.last
        last = received + len(pending)
        if envelope.number > last + 1:
            return EnvelopeStanding.GAP
        if envelope.number == last + 1:
            head = pending[-1] if pending else self._received.head
            return EnvelopeStanding.IN_ORDER if envelope.previous == head else EnvelopeStanding.EQUIVOCATION
        number = envelope.number
        known = self._received.hash_of(number) if number <= received else pending[number - received - 1]
        return EnvelopeStanding.DUPLICATE if envelope.hash == known else EnvelopeStanding.EQUIVOCATION

    def receipt_standing(self, receipt: DeliveryReceipt) -> ReceiptStanding:
        """Return where a well-signed receipt for what this node sent stands."""
        if receipt.last > self._sent.last or receipt.last_hash != self._sent.hash_of(receipt.last):
            return ReceiptStanding.CONTRADICTION
        if receipt.last <= self._receipts_received.last:
            return ReceiptStanding.KNOWN
        return ReceiptStanding.NEW if receipt.first <= self._receipts_received.last + 1 else ReceiptStanding.GAP

    def absorb(self, kind: str, document: Envelope | DeliveryReceipt, entry_number: int) -> None:
        """Fold in the document of one journal entry of this link.

        Raises ValueError for an entry that cannot stand here, which an undamaged journal does not hold.
        """
        if kind == LINK_EVIDENCE:
            self.contradictions += 1
        elif isinstance(document, Envelope) and kind in (SENT, RECEIVED):
            chain = self._sent if kind == SENT else self._received
            if document.number != chain.last + 1 or document.previous != chain.head:
                raise ValueError(f"journal entry {entry_number} does not continue the link's chain after {chain.last}")
            chain.add(document.hash, entry_number)
            if self._sealed_number < self._sent.last:
                self.forget_unjournaled()
        elif isinstance(document, DeliveryReceipt) and kind in (RECEIPT_SENT, RECEIPT_RECEIVED):
            receipts = self._receipts_sent if kind == RECEIPT_SENT else self._receipts_received
            receipts.add(document.last, entry_number)
        else:
            raise ValueError(f"journal entry {entry_number} of kind {kind} holds another kind of document")


def read_document(body: bytes) -> Envelope | DeliveryReceipt:
    """Decode the body of a journal entry of a link; raises Refusal when it is neither an envelope nor a receipt."""
    document, end = read_envelope(body) if ENVELOPE_FORM.starts(body) else read_receipt(body)
    if end != len(body):
        raise Refusal("document", f"{len(body):,} bytes", f"one document of {end:,} bytes")
    return document


class RefusalRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of a `link_refused` entry: why something from outside was refused, and what it was.

    `suppressed` counts the refusals before this one that were not recorded, so that a flood cannot fill the disk.
    """

    reason: str
    detail: str
    sha256: str
    length_bytes: int
    sender: str | None = None
    number: int | None = None
    suppressed: int = 0
