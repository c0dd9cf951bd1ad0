"""What comes of judging what a party sent: the answer, the entries of the journal, and how it is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

import msgspec

from detente.link.allowance import NONSENSE_FACTOR
from detente.link.answer import HTTP_STATUS, AnswerRefusal, DeliveryAnswer, RefusalReason, write_answer
from detente.link.envelope import Envelope
from detente.link.links import Links
from detente.link.receipt import DeliveryReceipt
from detente.link.session import LINK_EVIDENCE, LINK_REFUSED, RefusalRecord
from detente.link.standing import Standing
from detente.record.journal import Entry
from detente.record.segments import ArchivedRefusal

ReadEntry = Callable[[int], Entry]
"""Gives a journal entry by its number."""
OLD_KEY = "this is signed with a key that was rotated: put back the newer node.key, or look who has the old one"
FROM_A_STRANGER = "this is not signed by a party that is trusted here"
"""Said to whoever did not sign for a key, known here or not."""
_BY_PEER = frozenset(
    {
        RefusalReason.EQUIVOCATION,
        RefusalReason.WRONG_ACCORD,
        RefusalReason.TOO_MUCH,
        RefusalReason.OLD_KEY,
        RefusalReason.WRONG_ROTATION,
    }
)
"""Reasons that only a peer's own signature can cause."""


class Judgement(msgspec.Struct, frozen=True):
    """The result of a batch. The caller appends `entries` (kind, body), in order, before it gives `answer`.

    `accepted` are the new envelopes, in order; they are the first `len(accepted)` of `entries`. `aside` are well-signed
    envelopes on the channel of STOP that do not continue its chain: a STOP among them is shown all the same (R9).
    `asked` is what the peer said that it holds, where that is what came, and `given_back` are receipts of this node
    that came with it.
    """

    status: int
    answer: bytes
    entries: tuple[tuple[str, bytes], ...] = ()
    accepted: tuple[Envelope, ...] = ()
    aside: tuple[Envelope, ...] = ()
    asked: Standing | None = None
    given_back: tuple[DeliveryReceipt, ...] = ()


class BatchRefused(Exception):  # noqa: N818 - it carries an answer, it is not an error of the program
    """What is judged is refused, from `envelope` on where there is one."""

    def __init__(self, reason: RefusalReason, detail: str, envelope: Envelope | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.envelope = envelope


def judgement_of(
    links: Links,
    body: bytes,
    at: datetime,
    refused: BatchRefused | None,
    accepted: tuple[Envelope, ...] = (),
    entries: list[tuple[str, bytes]] | None = None,
    receipts: list[bytes] | None = None,
    next_number: int | None = None,
) -> Judgement:
    """Return the judgement with its answer, and with what the journal keeps of a refusal."""
    entries = entries or []
    answer_refusal = None
    status = 200
    if refused is not None:
        status = HTTP_STATUS[refused.reason]
        number = refused.envelope.number if refused.envelope else None
        # Whoever cannot sign for a key is not told whether it is known here; the journal says it.
        by_stranger = refused.reason is RefusalReason.WRONG_SIGNATURE
        reason = RefusalReason.UNKNOWN_SENDER if by_stranger else refused.reason
        answer_refusal = AnswerRefusal(reason, refused.detail, number)
        entries = entries + _refusal_entries(links, body, at, refused)
    answer = DeliveryAnswer(next_number, tuple(receipt.decode() for receipt in receipts or ()), answer_refusal)
    return Judgement(status, write_answer(answer), tuple(entries), accepted)


def _refusal_entries(links: Links, body: bytes, at: datetime, refused: BatchRefused) -> list[tuple[str, bytes]]:
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


def in_archive(gone: ArchivedRefusal) -> BatchRefused:
    """Return what a party is answered that asks for what is in a segment that was moved away."""
    return BatchRefused(RefusalReason.GAP, f"{gone.field} are in an archive of this party: have them brought back")
