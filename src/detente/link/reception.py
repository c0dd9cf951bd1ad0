"""Receiving a batch of envelopes: bytes in, journal entries and answer bytes out, whatever carried them.

`judge_batch` decides and changes nothing; `receive_batch` makes it durable and answers. A node that wants its own
events in the same durable batch as the envelopes they follow from calls `judge_batch`, appends, and absorbs.
One batch of a link is received after the other: the caller serialises.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.allowance import NONSENSE_FACTOR
from detente.link.answer import (
    HTTP_STATUS,
    MAX_BATCH_BYTES,
    MAX_BATCH_ENVELOPES,
    AnswerRefusal,
    DeliveryAnswer,
    RefusalReason,
    write_answer,
)
from detente.link.envelope import Envelope, read_envelope
from detente.link.links import Links
from detente.link.receipt import sign_receipt
from detente.link.session import (
    LINK_EVIDENCE,
    LINK_REFUSED,
    RECEIPT_SENT,
    RECEIVED,
    EnvelopeStanding,
    RefusalRecord,
    Session,
)
from detente.record.journal import Entry, Journal
from detente.record.keys import NodeKey

ReadEntry = Callable[[int], Entry]


_BY_PEER = frozenset({RefusalReason.EQUIVOCATION, RefusalReason.WRONG_ACCORD, RefusalReason.TOO_MUCH})
"""Reasons that only a peer's own signature can cause."""


class Judgement(msgspec.Struct, frozen=True):
    """The result of a batch. The caller appends `entries` (kind, body), in order, before it gives `answer`.

    `accepted` are the new envelopes, in order; they are the first `len(accepted)` of `entries`.
    """

    status: int
    answer: bytes
    entries: tuple[tuple[str, bytes], ...] = ()
    accepted: tuple[Envelope, ...] = ()


class _Refused(Exception):  # noqa: N818 - it carries an answer, it is not an error of the program
    def __init__(self, reason: RefusalReason, detail: str, envelope: Envelope | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.envelope = envelope


def judge_batch(links: Links, key: NodeKey, body: bytes, at: datetime, read_entry: ReadEntry) -> Judgement:
    """Judge a batch: concatenated envelopes of one direction of one link, received at `at`.

    In order: accepted. Held already: the same receipt again. Anything else is refused, and what follows it in the
    batch is not looked at; a batch that is not wholly in the one form is refused whole. `read_entry` gives a journal
    entry by its number. Never raises for what `body` holds.
    """
    accepted: list[Envelope] = []
    pending: list[bytes] = []
    receipt_entries: dict[int, None] = {}
    duplicates_without_receipt = 0
    session: Session | None = None
    refused: _Refused | None = None
    try:
        for envelope in _envelopes(body):
            session = _session_for(links, envelope, session)
            standing = session.standing(envelope, pending)
            if standing is EnvelopeStanding.IN_ORDER:
                _admit(links, envelope, at)
                accepted.append(envelope)
                pending.append(envelope.hash)
            elif standing is EnvelopeStanding.DUPLICATE:
                entry_number = session.receipt_entry(envelope.number)
                if entry_number is not None:
                    receipt_entries[entry_number] = None
                else:
                    duplicates_without_receipt += 1
            else:
                raise _out_of_order(standing, envelope, session.received_number + len(accepted))
    except _Refused as caught:
        refused = caught
    if session is None:
        return _answer(links, body, at, refused)
    receipts = [read_entry(number).body for number in receipt_entries]
    entries = [(RECEIVED, envelope.raw) for envelope in accepted]
    last = session.received_number + len(accepted)
    if accepted or duplicates_without_receipt:
        head = accepted[-1].hash if accepted else session.received_hash
        receipt = sign_receipt(key, session.incoming, session.acknowledged_number + 1, last, head, at)
        receipts.append(receipt.raw)
        entries.append((RECEIPT_SENT, receipt.raw))
    return _answer(links, body, at, refused, tuple(accepted), entries, receipts, last + 1)


def receive_batch(links: Links, key: NodeKey, journal: Journal, body: bytes, at: datetime) -> Judgement:
    """Judge a batch, append what follows to the journal, fold it in, and return the judgement with the answer.

    What the answer acknowledges is durable when this returns.
    """
    judgement = judge_batch(links, key, body, at, lambda number: next(journal.read(first=number)))
    if judgement.entries:
        links.absorb(journal.append(judgement.entries, at))
    return judgement


def _envelopes(body: bytes) -> list[Envelope]:
    if len(body) > MAX_BATCH_BYTES:
        raise _Refused(RefusalReason.TOO_LARGE, f"a batch is at most {MAX_BATCH_BYTES:,} bytes")
    envelopes: list[Envelope] = []
    offset = 0
    while offset < len(body):
        if len(envelopes) == MAX_BATCH_ENVELOPES:
            raise _Refused(RefusalReason.TOO_LARGE, f"a batch is at most {MAX_BATCH_ENVELOPES} envelopes")
        try:
            envelope, offset = read_envelope(body, offset)
        except Refusal as refusal:
            raise _Refused(RefusalReason.MALFORMED, str(refusal)) from None
        envelopes.append(envelope)
    if not envelopes:
        raise _Refused(RefusalReason.MALFORMED, "a batch holds at least one envelope")
    return envelopes


def _session_for(links: Links, envelope: Envelope, session: Session | None) -> Session:
    direction = envelope.direction
    if direction.recipient != links.own:
        raise _Refused(RefusalReason.WRONG_RECIPIENT, "this envelope is for another party", envelope)
    if not links.knows(direction.sender):
        raise _Refused(RefusalReason.UNKNOWN_SENDER, "no party is trusted here under this key", envelope)
    if not envelope.is_signed_by_sender():
        raise _Refused(RefusalReason.WRONG_SIGNATURE, "the signature is not the sender's over this envelope", envelope)
    known = links.find(direction.sender, direction.accord)
    if known is None:
        raise _Refused(RefusalReason.WRONG_ACCORD, "this accord is not in force here with this sender", envelope)
    if session not in (None, known):
        raise _Refused(RefusalReason.MALFORMED, "a batch is of one link", envelope)
    return known


def _admit(links: Links, envelope: Envelope, at: datetime) -> None:
    meter = links.meter(envelope.direction)
    if not meter.admits(at):
        raise _Refused(RefusalReason.TOO_MUCH, "more than this link may bring: send it later", envelope)
    meter.charge(len(envelope.raw))


def _out_of_order(standing: EnvelopeStanding, envelope: Envelope, last: int) -> _Refused:
    if standing is EnvelopeStanding.GAP:
        return _Refused(RefusalReason.GAP, f"{envelope.number} came, {last + 1} is expected", envelope)
    detail = (
        f"{envelope.number} contradicts what its sender signed before: this node holds another history up to {last}"
    )
    return _Refused(RefusalReason.EQUIVOCATION, detail, envelope)


def _answer(
    links: Links,
    body: bytes,
    at: datetime,
    refused: _Refused | None,
    accepted: tuple[Envelope, ...] = (),
    entries: list[tuple[str, bytes]] | None = None,
    receipts: list[bytes] | None = None,
    next_number: int | None = None,
) -> Judgement:
    entries = entries or []
    answer_refusal = None
    status = 200
    if refused is not None:
        status = HTTP_STATUS[refused.reason]
        number = refused.envelope.number if refused.envelope else None
        answer_refusal = AnswerRefusal(refused.reason, refused.detail, number)
        entries = entries + _refusal_entries(links, body, at, refused)
    answer = DeliveryAnswer(next_number, tuple(receipt.decode() for receipt in receipts or ()), answer_refusal)
    return Judgement(status, write_answer(answer), tuple(entries), accepted)


def _refusal_entries(links: Links, body: bytes, at: datetime, refused: _Refused) -> list[tuple[str, bytes]]:
    if refused.reason is RefusalReason.GAP:
        return []
    by_peer = refused.reason in _BY_PEER and refused.envelope is not None
    sender = refused.envelope.direction.sender if refused.envelope else b""
    suppressed = (links.budget_of(sender) if by_peer else links.stranger_budget).spend(at)
    if suppressed is None:
        return []
    envelope = refused.envelope
    what = envelope.raw if envelope else body
    record = RefusalRecord(
        reason=refused.reason,
        detail=refused.detail,
        sha256=hashlib.sha256(what).hexdigest(),
        length_bytes=len(what),
        sender=envelope.direction.sender.hex() if envelope else None,
        number=envelope.number if envelope else None,
        suppressed=suppressed,
    )
    entries = [(LINK_REFUSED, msgspec.json.encode(record))]
    if envelope is not None and refused.reason is RefusalReason.EQUIVOCATION:
        meter = links.meter(envelope.direction)
        if meter.admits(at):
            meter.charge(len(envelope.raw), NONSENSE_FACTOR)
            entries.append((LINK_EVIDENCE, envelope.raw))
    return entries
