"""The transcript of a link: what both parties signed, from a journal file or from an exported file, without a node.

An export is the exact envelopes and receipts, in one order that both sides share: when nothing is in flight, the
exports of both sides differ in their second and third lines only, which say whose copy it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.envelope import ENVELOPE_FORM, Direction, Envelope, read_envelope
from detente.link.key_rotated import ROTATED_KIND, rotations_in, texts_in
from detente.link.merkle import merkle_root
from detente.link.receipt import DeliveryReceipt, read_receipt
from detente.link.session import (
    LINK_EVIDENCE,
    LINK_KINDS,
    LINK_REFUSED,
    RECEIPT_RECEIVED,
    RECEIPT_SENT,
    RECEIVED,
    SENT,
    read_document,
)
from detente.record.journal import Entry
from detente.record.lines import HEX_32

EXPORT_MAGIC = b"detente-transcript-1\n"
_EXPORT_HEADER = re.compile(
    EXPORT_MAGIC + b"holder (%s)\npeer (%s)\naccord (%s)\n\n" % (HEX_32, HEX_32, HEX_32), re.ASCII
)


class EnvelopeLines(msgspec.Struct, frozen=True):
    """An envelope without its body, which its lines hold the hash of, but for the `rotations` of one that has some."""

    number: int
    hash: bytes
    previous: bytes
    sent_at: datetime
    kind: str
    body_length: int
    signed: bytes
    signature: bytes
    rotations: bytes = b""


class OneWay(msgspec.Struct, frozen=True):
    """One direction of a transcript: its envelopes by number, and the recipient's receipts for them."""

    direction: Direction
    envelopes: tuple[EnvelopeLines, ...] = ()
    receipts: tuple[DeliveryReceipt, ...] = ()

    @property
    def root(self) -> bytes:
        """Merkle root over the hashes of the envelopes (RFC 9162): equal roots are equal histories."""
        return merkle_root([envelope.hash for envelope in self.envelopes])

    def signer_after(self, number: int, present: bytes) -> bytes:
        """Return the key that must have signed envelope `number`, where the `present` one signed that before.

        The first is signed by the key that the sender is known by, or says its rotations. Raises Refusal for rotations
        that do not lead on from there.
        """
        said = self.envelopes[number - 1].rotations
        return rotations_in(said, self.direction.sender, present)[-1].new if said else present

    def signers(self) -> list[bytes]:
        """Return the key that must have signed each envelope; raises Refusal as `signer_after` does."""
        found = [self.direction.sender]
        for number in range(1, len(self.envelopes) + 1):
            found.append(self.signer_after(number, found[-1]))
        return found[1:]

    def rotations(self) -> list[str]:
        """Return the exact rotations that the sender has said here, in order."""
        return [text for envelope in self.envelopes if envelope.rotations for text in texts_in(envelope.rotations)]

    @property
    def receipted_number(self) -> int:
        """The number up to which the recipient signed receipts."""
        return max((receipt.last for receipt in self.receipts), default=0)


class Transcript(msgspec.Struct, frozen=True):
    """One party's copy of a link. `holder` and `peer` are public keys, `accord` is the accord's hash."""

    holder: bytes
    peer: bytes
    accord: str
    sent: OneWay
    received: OneWay
    contradictions: int = 0

    @property
    def directions(self) -> tuple[OneWay, OneWay]:
        """Both directions, in the order that both parties' exports share: the lower sender's key first."""
        first, second = sorted((self.sent, self.received), key=lambda one_way: one_way.direction.sender)
        return first, second


class Holding(msgspec.Struct, frozen=True):
    """All transcripts of one party (public key): one for each of its links."""

    holder: bytes
    transcripts: tuple[Transcript, ...]

    def link_with(self, peer: bytes, accord: str) -> Transcript:
        """Return the transcript of one link; empty when nothing went over it."""
        matching = (t for t in self.transcripts if t.peer == peer and t.accord == accord)
        return next(matching, None) or _empty(Direction(self.holder, peer, accord))


class _Gathering:
    """Documents of one holder, sorted into links."""

    def __init__(self, holder: bytes, *, from_journal: bool) -> None:
        self.holder = holder
        self.from_journal = from_journal
        self.envelopes: dict[Direction, list[EnvelopeLines]] = {}
        self.receipts: dict[Direction, list[DeliveryReceipt]] = {}
        self.contradictions: dict[Direction, int] = {}

    def add(self, document: Envelope | DeliveryReceipt, kind: str) -> None:
        direction = document.direction
        if kind == LINK_EVIDENCE:
            self.contradictions[direction] = self.contradictions.get(direction, 0) + 1
            return
        own = direction.sender if kind in (SENT, RECEIPT_RECEIVED) else direction.recipient
        if own != self.holder:
            raise Refusal("link.documents_one_party", "holder", own.hex(), holder=self.holder.hex())
        if isinstance(document, Envelope):
            held = self.envelopes.setdefault(direction, [])
            if kind == SENT and document.number <= len(held) and self.from_journal:
                # The peer gave back what its sender said before: what was signed in its place is void.
                del held[document.number - 1 :]
            held.append(_lines_of(document))
        else:
            self.receipts.setdefault(direction, []).append(document)

    def transcripts(self) -> tuple[Transcript, ...]:
        outgoing = {
            direction if direction.sender == self.holder else direction.reverse
            for direction in (*self.envelopes, *self.receipts)
        }
        return tuple(self._transcript(direction) for direction in sorted(outgoing, key=_order))

    def _transcript(self, outgoing: Direction) -> Transcript:
        sent, received = self._one_way(outgoing), self._one_way(outgoing.reverse)
        contradictions = self.contradictions.get(outgoing, 0) + self.contradictions.get(outgoing.reverse, 0)
        return Transcript(outgoing.sender, outgoing.recipient, outgoing.accord, sent, received, contradictions)

    def _one_way(self, direction: Direction) -> OneWay:
        return OneWay(direction, tuple(self.envelopes.get(direction, ())), tuple(self.receipts.get(direction, ())))


def holding_of_entries(holder: bytes, entries: Iterable[Entry]) -> Holding:
    """Return what the journal of the key `holder` holds. Raises Refusal for an entry that is not of its links."""
    gathering = _Gathering(holder, from_journal=True)
    for entry in entries:
        if entry.kind in LINK_KINDS and entry.kind != LINK_REFUSED:
            gathering.add(read_document(entry.body), entry.kind)
    return Holding(holder, gathering.transcripts())


def export_parts(transcript: Transcript, entries: Callable[[str], Iterable[Entry]]) -> Iterator[bytes]:
    """Yield the parts of the export of `transcript`; `entries` gives the journal's entries of one kind, in order."""
    header = f"holder {transcript.holder.hex()}\npeer {transcript.peer.hex()}\naccord {transcript.accord}\n\n"
    yield EXPORT_MAGIC + header.encode()
    for one_way in transcript.directions:
        own = one_way.direction.sender == transcript.holder
        valid = {envelope.hash for envelope in one_way.envelopes}
        for kind in (SENT, RECEIPT_RECEIVED) if own else (RECEIVED, RECEIPT_SENT):
            for entry in entries(kind):
                document = read_document(entry.body)
                if document.direction == one_way.direction and (kind != SENT or document.hash in valid):
                    yield entry.body


def is_export(start: bytes) -> bool:
    """Return whether a file that begins with `start` is an exported transcript."""
    return start.startswith(EXPORT_MAGIC)


def read_export(data: bytes) -> Transcript:
    """Decode an exported transcript. Nothing in it is verified yet. Raises Refusal with the place of what is not."""
    header = _EXPORT_HEADER.match(data)
    if header is None:
        raise Refusal("link.first_lines_exported_transcript", "transcript", data[:60])
    holder, peer = bytes.fromhex(header[1].decode()), bytes.fromhex(header[2].decode())
    outgoing = Direction(holder, peer, header[3].decode())
    gathering = _Gathering(holder, from_journal=False)
    offset = header.end()
    while offset < len(data):
        try:
            document, end = _read_next(data, offset, outgoing)
        except Refusal as refusal:
            place = f"transcript, byte {offset:,}: {refusal.field}"
            raise refusal.at(place) from None
        gathering.add(document, _kind_in(document, holder))
        offset = end
    return next(iter(gathering.transcripts()), None) or _empty(outgoing)


def _read_next(data: bytes, offset: int, outgoing: Direction) -> tuple[Envelope | DeliveryReceipt, int]:
    read = read_envelope if ENVELOPE_FORM.starts(data, offset) else read_receipt
    document, end = read(data, offset)
    if document.direction not in (outgoing, outgoing.reverse):
        raise Refusal("link.document_link_first_lines", "direction", document.direction.sender.hex())
    return document, end


def _kind_in(document: Envelope | DeliveryReceipt, holder: bytes) -> str:
    own = document.direction.sender == holder
    if isinstance(document, Envelope):
        return SENT if own else RECEIVED
    return RECEIPT_RECEIVED if own else RECEIPT_SENT


def _empty(outgoing: Direction) -> Transcript:
    return Transcript(outgoing.sender, outgoing.recipient, outgoing.accord, OneWay(outgoing), OneWay(outgoing.reverse))


def _order(direction: Direction) -> tuple[bytes, bytes, str]:
    return direction.sender, direction.recipient, direction.accord


def _lines_of(envelope: Envelope) -> EnvelopeLines:
    return EnvelopeLines(
        envelope.number, envelope.hash, envelope.previous, envelope.sent_at, envelope.kind, len(envelope.body),
        envelope.signed, envelope.signature, envelope.body if envelope.kind == ROTATED_KIND else b"",
    )  # fmt: skip
