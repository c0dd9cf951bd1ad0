"""One link as this node sees it: the envelopes sent, received and receipted. Pure, folded from the journal.

A session changes only by `absorb`, which takes what the journal holds; so the state after a restart is the state
before it. The only state ahead of the journal is the number of the envelopes that were sealed and are not yet written
to it (`seal`, `forget_unjournaled`).

A link is a pair of parties under one accord: an accord of another hash is another link, with its own numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.chains import ChainKept, EnvelopeChain, LeftMemoryError, ReceiptRuns, ReceiptRunsKept
from detente.link.envelope import ENVELOPE_FORM, NO_PREVIOUS, Direction, Envelope, read_envelope, seal_envelope
from detente.link.key_rotated import (
    ROTATED_KIND,
    KeyRotatedMessage,
    Signers,
    SignersKept,
    rotations_in,
    signer_of_next,
)
from detente.link.receipt import DeliveryReceipt, read_receipt
from detente.record.keys import NodeKey
from detente.record.rotation import keys_through, read_rotation
from detente.room.tagged import write_tagged

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


class LeftDocuments(Protocol):
    """Finds envelopes, and receipts for them, that are so old that only the journal holds them.

    Raises ArchivedRefusal when they are in a segment that is not here.
    """

    def envelope(self, kind: str, direction: Direction, number: int, entries: range) -> tuple[bytes, int]:
        """Return the hash and the entry number of an envelope, the last of its number among `entries` of a kind."""
        ...

    def receipt(self, kind: str, direction: Direction, number: int, entries: range) -> int:
        """Return the entry number of the first receipt that covers an envelope among `entries` of a kind."""
        ...


class SessionKept(msgspec.Struct, frozen=True):
    """A session as it is kept."""

    direction: tuple[bytes, bytes, str]
    sent: ChainKept
    received: ChainKept
    receipts_received: ReceiptRunsKept
    receipts_sent: ReceiptRunsKept
    contradictions: int
    heard_at: datetime | None
    void: list[bytes]
    own_signers: SignersKept
    peer_signers: SignersKept
    sent_before_rotations: list[int]
    began: int


class Session:
    """The state of one link.

    `outgoing` is the direction from this node to the peer; `heard_at` is when anything of the peer, an envelope or a
    receipt, was last written to the journal, None before the first; `began` is the number of the first journal entry
    that is of this link, 0 before it.
    """

    def __init__(self, outgoing: Direction, left: Callable[[], LeftDocuments | None] = lambda: None) -> None:
        """`left` gives what finds envelopes in the journal that have left the session."""
        self.outgoing = outgoing
        self.incoming = outgoing.reverse
        self._left = left
        self._sent = EnvelopeChain()
        self._received = EnvelopeChain()
        self._void: set[bytes] = set()
        self._receipts_received = ReceiptRuns()
        self._receipts_sent = ReceiptRuns()
        self._sealed_number = 0
        self._sealed_hash = NO_PREVIOUS
        self._own_signers = Signers(outgoing.sender)
        self._peer_signers = Signers(outgoing.recipient)
        self._sealed_signer = outgoing.sender
        self._sent_before_rotations: list[int] = []
        self.contradictions = 0
        self.heard_at: datetime | None = None
        self.began = 0

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
    def own_signer(self) -> bytes:
        """The key of ours that signed what was sealed last."""
        return self._sealed_signer

    @property
    def peer_signer(self) -> bytes:
        """The key of the peer that signs after the last envelope received in order."""
        return self._peer_signers.present

    @property
    def peer_signers(self) -> tuple[bytes, ...]:
        """The keys of the peer that signed what was received in order, one after the other."""
        return self._peer_signers.all

    def peer_signer_of(self, number: int) -> bytes:
        """Return the key of the peer that signed an envelope received in order."""
        return self._peer_signers.of(number)

    def receipt_keys(self, receipt: DeliveryReceipt, known: Sequence[bytes]) -> list[bytes]:
        """Return the keys with which the peer may have signed a receipt, of its `known` ones, in their order.

        A key of before a rotation signed only for what had been sent to it when we heard of the rotation.
        """
        keys = self._peer_signers.all
        former = [
            key for key, sent in zip(keys, self._sent_before_rotations, strict=False) if receipt.last <= sent
        ]  # fmt: skip
        later = known[known.index(keys[-1]) :] if keys[-1] in known else keys[-1:]
        return [*later, *former]

    @property
    def acknowledged_number(self) -> int:
        """The number up to which this node has signed receipts."""
        return self._receipts_sent.last

    def seal(self, key: NodeKey, messages: Sequence[tuple[str, bytes]], at: datetime) -> list[Envelope]:
        """Return the next envelopes, one for each (kind, body), numbered and chained.

        Where another key of ours signed the last one, an envelope goes before them that says which rotations lead from
        that to this one. The caller appends them to the journal as `sent`, in this order, and then absorbs the entries.
        Should the append fail, it calls `forget_unjournaled`, so that no number is ever used twice.
        Raises Refusal as `seal_envelope` does; the state is then unchanged.
        """
        number, previous = self._sealed_number, self._sealed_hash
        sealed = []
        for kind, body in (*self._introduced(key), *messages):
            number += 1
            envelope = seal_envelope(key, self.outgoing, number, previous, at, kind, body)
            previous = envelope.hash
            sealed.append(envelope)
        self._sealed_number, self._sealed_hash, self._sealed_signer = number, previous, key.public
        return sealed

    def _introduced(self, key: NodeKey) -> list[tuple[str, bytes]]:
        if self._sealed_signer == key.public:
            return []
        keys = keys_through(key.first, map(read_rotation, key.rotations))
        return [write_tagged(KeyRotatedMessage(key.rotations[keys.index(self._sealed_signer) :]))]

    def kept_with(self, given: Sequence[Envelope]) -> int:
        """Return the number up to which our own envelopes, given back by the peer, are those that we hold.

        `given` follow each other. Raises Refusal when they do not, are not ours, or do not go on from one that we hold,
        and for one that was void already: a peer could else give back two histories in turn for ever.
        """
        first = given[0].number
        if first > self._sent.last + 1 or given[0].previous != self.sent_hash(first - 1):
            raise Refusal("link.envelopes_go", "given_back", first, last=self._sent.last)
        signer = self._own_signers.of(first - 1)
        for number, (before, envelope) in enumerate(zip((None, *given), given, strict=False), start=first):
            signer = signer_of_next(envelope, signer)
            follows = envelope.number == number and (before is None or envelope.previous == before.hash)
            ours = envelope.direction == self.outgoing and envelope.hash not in self._void
            if not ours or not follows or not envelope.is_signed_by(signer):
                raise Refusal("link.our_own_envelopes_signed", "given_back", number)
        other = (e.number for e in given if e.number > self._sent.last or e.hash != self.sent_hash(e.number))
        kept = next(other, given[-1].number + 1) - 1
        if kept < given[-1].number and kept < self._sent.first and self._sent.first > 1:
            # The peer has receipted something else in their place, long ago.
            raise Refusal("link.envelopes_go", "given_back", kept + 1, last=self._sent.last)
        return kept

    def signed_for(self, receipts: Sequence[DeliveryReceipt], keys: Sequence[bytes]) -> int:
        """Return up to which of the peer's envelopes this node signed, by what it holds and by receipts given back.

        Those that none of its own `keys` signed count for nothing.
        """
        own = (r.last for r in receipts if r.direction == self.incoming and r.is_signed_by(keys))
        return max((self.acknowledged_number, *own))

    def go_on_after(self, given: Sequence[Envelope]) -> None:
        """Seal from now on after envelopes of ours that the peer gave back, which `kept_with` has looked at."""
        signer = self._own_signers.of(given[0].number - 1)
        for envelope in given:
            signer = signer_of_next(envelope, signer)
        self._sealed_number, self._sealed_hash, self._sealed_signer = given[-1].number, given[-1].hash, signer

    def forget_unjournaled(self) -> None:
        """Forget envelopes that were sealed and did not reach the journal."""
        self._sealed_number, self._sealed_hash = self._sent.last, self._sent.head
        self._sealed_signer = self._own_signers.present

    def sent_hash(self, number: int) -> bytes:
        """The hash of the envelope sent as `number`; 32 zero bytes for 0."""
        return self._at(SENT, number)[0]

    def received_hash_of(self, number: int) -> bytes:
        """The hash of the envelope received as `number`; 32 zero bytes for 0."""
        return self._at(RECEIVED, number)[0]

    def received_entry(self, number: int) -> int:
        """The journal's entry number of the envelope received as `number`."""
        return self._at(RECEIVED, number)[1]

    def sent_entry(self, number: int) -> int:
        """The journal's entry number of the envelope sent as `number`."""
        return self._at(SENT, number)[1]

    def peer_receipt_entries(self, number: int) -> list[int]:
        """The journal's entry numbers of the peer's receipts for what was sent after `number`; of old ones a few."""
        return self._receipts_received.entries_after(number)

    def receipt_entries(self) -> list[int]:
        """The journal's entry numbers of this node's receipts, in order; of old ones a few."""
        return self._receipts_sent.entries_after(0)

    def receipt_entry(self, number: int) -> int | None:
        """The journal's entry number of this node's receipt that covers incoming `number`, or None."""
        try:
            return self._receipts_sent.entry_covering(number)
        except LeftMemoryError as error:
            left = self._left()
            if left is None:
                raise
            return left.receipt(RECEIPT_SENT, self.incoming, number, error.entries)

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
        known = self.received_hash_of(number) if number <= received else pending[number - received - 1]
        return EnvelopeStanding.DUPLICATE if envelope.hash == known else EnvelopeStanding.EQUIVOCATION

    def receipt_standing(self, receipt: DeliveryReceipt) -> ReceiptStanding:
        """Return where a well-signed receipt for what this node sent stands."""
        if receipt.last > self._sent.last or receipt.last_hash != self.sent_hash(receipt.last):
            return ReceiptStanding.CONTRADICTION
        if receipt.last <= self._receipts_received.last:
            return ReceiptStanding.KNOWN
        return ReceiptStanding.NEW if receipt.first <= self._receipts_received.last + 1 else ReceiptStanding.GAP

    def has_left(self, number: int) -> bool:
        """Whether an incoming envelope was received so long ago that it must be looked for in the journal."""
        return self._received.has_left(number)

    def forget(self, entry_number: int) -> None:
        """Leave out what was delivered by this entry of the journal, but the last thousands, which peers ask for."""
        self._sent.forget(self._receipts_received.last_by(entry_number), entry_number)
        self._received.forget(self._receipts_sent.last_by(entry_number), entry_number)
        self._receipts_received.forget(self._sent.first, entry_number)
        self._receipts_sent.forget(self._received.first, entry_number)

    def keep(self) -> SessionKept:
        """Return the session as it is kept."""
        way = self.outgoing
        return SessionKept(
            (way.sender, way.recipient, way.accord), self._sent.keep(), self._received.keep(),
            self._receipts_received.keep(), self._receipts_sent.keep(), self.contradictions, self.heard_at,
            sorted(self._void), self._own_signers.keep(), self._peer_signers.keep(), list(self._sent_before_rotations),
            self.began,
        )  # fmt: skip

    def restore(self, kept: SessionKept) -> None:
        """Make an empty session what it was when it was kept."""
        self._sent.restore(kept.sent)
        self._received.restore(kept.received)
        self._receipts_received.restore(kept.receipts_received)
        self._receipts_sent.restore(kept.receipts_sent)
        self.contradictions, self.heard_at, self._void = kept.contradictions, kept.heard_at, set(kept.void)
        self._own_signers.restore(kept.own_signers)
        self._peer_signers.restore(kept.peer_signers)
        self._sent_before_rotations, self.began = list(kept.sent_before_rotations), kept.began
        self.forget_unjournaled()

    def _at(self, kind: str, number: int) -> tuple[bytes, int]:
        """The hash and the entry number of an envelope, from the journal where it has left the session."""
        chain, direction = (self._sent, self.outgoing) if kind == SENT else (self._received, self.incoming)
        try:
            return chain.at(number)
        except LeftMemoryError as error:
            left = self._left()
            if left is None:
                raise
            return left.envelope(kind, direction, number, error.entries)

    def absorb(self, kind: str, document: Envelope | DeliveryReceipt, entry_number: int) -> None:
        """Fold in the document of one journal entry of this link.

        Raises ValueError for an entry that cannot stand here, which an undamaged journal does not hold.
        """
        self.began = self.began or entry_number
        if kind == LINK_EVIDENCE:
            self.contradictions += 1
        elif isinstance(document, Envelope) and kind in (SENT, RECEIVED):
            chain = self._sent if kind == SENT else self._received
            in_step = (self._sealed_number, self._sealed_hash) == (self._sent.last, self._sent.head)
            if kind == SENT and 0 < document.number <= chain.last:
                # The peer gave back what we said before our journal was set back: what we said in its place is void.
                self._void |= chain.cut(document.number - 1) - {document.hash}
                self._own_signers.cut(document.number - 1)
            if document.number != chain.last + 1 or document.previous != chain.head:
                raise ValueError(f"journal entry {entry_number} does not continue the link's chain after {chain.last}")
            chain.add(document.hash, entry_number)
            if document.kind == ROTATED_KIND:
                self._go_over(kind, document)
            if in_step or self._sealed_number < self._sent.last:
                self.forget_unjournaled()
        elif isinstance(document, DeliveryReceipt) and kind in (RECEIPT_SENT, RECEIPT_RECEIVED):
            receipts = self._receipts_sent if kind == RECEIPT_SENT else self._receipts_received
            receipts.add(document.last, entry_number)
        else:
            raise ValueError(f"journal entry {entry_number} of kind {kind} holds another kind of document")

    def _go_over(self, kind: str, document: Envelope) -> None:
        signers = self._own_signers if kind == SENT else self._peer_signers
        for rotation in rotations_in(document.body, document.direction.sender, signers.present):
            signers.go_over(document.number, rotation.new)
            if kind == RECEIVED:
                self._sent_before_rotations.append(self._sent.last)


def read_document(body: bytes) -> Envelope | DeliveryReceipt:
    """Decode the body of a journal entry of a link; raises Refusal when it is neither an envelope nor a receipt."""
    document, end = read_envelope(body) if ENVELOPE_FORM.starts(body) else read_receipt(body)
    if end != len(body):
        raise Refusal("link.one_document_bytes", "document", f"{len(body):,} bytes", end=end)
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
