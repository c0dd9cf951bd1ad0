"""Receiving a batch of envelopes: bytes in, journal entries and answer bytes out, whatever carried them.

`judge_batch` decides and changes nothing; who calls it makes the entries durable, in one batch with the events that
follow from them, folds them in, and then answers. One batch of a link is received after the other: the caller
serialises.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.allowance import NONSENSE_FACTOR
from detente.link.answer import (
    HTTP_STATUS,
    MAX_BATCH_BYTES,
    MAX_BATCH_ENVELOPES,
    MAX_GIVEN_BACK_BYTES,
    MOST_RECEIPTS_GIVEN_BACK,
    AnswerRefusal,
    DeliveryAnswer,
    RefusalReason,
    read_answer,
    write_answer,
)
from detente.link.envelope import Envelope, read_envelope
from detente.link.key_rotated import ROTATED_KIND, rotations_in
from detente.link.links import Links
from detente.link.receipt import DeliveryReceipt, read_receipt, sign_receipt, signed_by_now
from detente.link.session import (
    LINK_EVIDENCE,
    LINK_REFUSED,
    RECEIPT_SENT,
    RECEIVED,
    EnvelopeStanding,
    RefusalRecord,
    Session,
)
from detente.link.standing import STANDING_FORM, Standing, read_standing, sign_standing
from detente.record.journal import Entry
from detente.record.keys import NodeKey
from detente.record.rotation import MOST_ROTATIONS, ROTATION_FORM, read_rotations
from detente.record.segments import ArchivedRefusal
from detente.room.channel import Channel, channel_of

ReadEntry = Callable[[int], Entry]
PART_ENVELOPES, PART_BYTES = 16, 64 * 1024
ENVELOPE_START = b"detente-envelope-1\n"
"""How an envelope begins: to count them."""


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
_ASIDE = frozenset({RefusalReason.GAP, RefusalReason.EQUIVOCATION, RefusalReason.OLD_KEY})
_OLD_KEY = "this is signed with a key that was rotated: put back the newer node.key, or look who has the old one"
_FROM_A_STRANGER = "this is not signed by a party that is trusted here"


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


class _Refused(Exception):  # noqa: N818 - it carries an answer, it is not an error of the program
    def __init__(self, reason: RefusalReason, detail: str, envelope: Envelope | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.envelope = envelope


def judge_batch(links: Links, key: NodeKey, body: bytes, at: datetime, read_entry: ReadEntry) -> Judgement:
    """Judge a batch: concatenated envelopes of one direction of one link, received at `at`.

    In order: accepted. Held already: the same receipt again, under the key that signs now. Anything else is refused,
    and what follows it in the batch is not looked at; a batch that is not wholly in the one form is refused whole.
    Instead of envelopes a party may say what it holds, and is told what is held here. `read_entry` gives a journal
    entry by its number. Never raises for what `body` holds.
    """
    if STANDING_FORM.starts(body):
        return _judge_question(links, key, body, at, read_entry)
    accepted: list[Envelope] = []
    pending: list[bytes] = []
    signers: list[bytes] = []
    held_receipts: dict[int, bytes] = {}
    duplicates_without_receipt = 0
    session: Session | None = None
    refused: _Refused | None = None
    envelopes: list[Envelope] = []
    try:
        envelopes = _envelopes(body)
        for envelope in envelopes:
            session, signer = _session_for(links, envelope, session, signers)
            if session.has_left(envelope.number):
                # It is looked for in the journal, which costs more than what is remembered.
                _admit(links, envelope, at)
            standing = session.standing(envelope, pending)
            if standing is EnvelopeStanding.IN_ORDER:
                _admit(links, envelope, at)
                accepted.append(envelope)
                pending.append(envelope.hash)
                signers.append(signer)
            elif standing is EnvelopeStanding.DUPLICATE:
                entry_number = session.receipt_entry(envelope.number)
                if entry_number is not None:
                    if entry_number not in held_receipts:
                        held_receipts[entry_number] = signed_by_now(key, read_entry(entry_number).body)
                else:
                    duplicates_without_receipt += 1
            else:
                raise _out_of_order(standing, envelope, session.received_number + len(accepted))
    except _Refused as caught:
        refused = caught
    except ArchivedRefusal as gone:
        refused = _not_here(gone)
    aside = tuple(_aside(links, envelopes[len(accepted) :], at, refused))
    if session is None:
        return msgspec.structs.replace(_answer(links, body, at, refused), aside=aside)
    receipts = list(held_receipts.values())
    entries = [(RECEIVED, envelope.raw) for envelope in accepted]
    last = session.received_number + len(accepted)
    if accepted or duplicates_without_receipt:
        head = accepted[-1].hash if accepted else session.received_hash
        receipt = sign_receipt(key, session.incoming, session.acknowledged_number + 1, last, head, at)
        receipts.append(receipt.raw)
        entries.append((RECEIPT_SENT, receipt.raw))
    judgement = _answer(links, body, at, refused, tuple(accepted), entries, receipts, last + 1)
    return msgspec.structs.replace(judgement, aside=aside)


def _judge_question(links: Links, key: NodeKey, body: bytes, at: datetime, read_entry: ReadEntry) -> Judgement:
    """Answer a party that says what it holds: with what is held here, and with its own envelopes that it lacks."""
    try:
        asked, end = read_standing(body)
        shown, rotations_end = _rotations_shown(body, end)
        session = _session_asked(links, asked, shown, at)
        receipts = tuple(_receipts_given_back(body, rotations_end))
        given = _given_back(links, session, asked, at, read_entry)
        theirs = [read_entry(number).body.decode() for number in session.peer_receipt_entries(asked.received)]
    except ArchivedRefusal as gone:
        return _answer(links, body, at, _not_here(gone))
    except Refusal as refusal:
        return _answer(links, body, at, _Refused(RefusalReason.MALFORMED, str(refusal)))
    except _Refused as refused:
        return _answer(links, body, at, refused)
    ours = sign_standing(key, session, at, answers=asked.hash)
    texts = tuple(base64.b64encode(raw).decode() for raw in given)
    answer = DeliveryAnswer(
        session.received_number + 1, tuple(theirs[:MOST_RECEIPTS_GIVEN_BACK]), None, ours.raw.decode(), texts
    )
    return Judgement(200, write_answer(answer), asked=asked, given_back=receipts)


def _not_here(gone: ArchivedRefusal) -> _Refused:
    """What a party is answered that asks for what is in a segment that was moved away."""
    return _Refused(RefusalReason.GAP, f"{gone.field} are in an archive of this party: have them brought back")


def _receipts_given_back(body: bytes, offset: int) -> Iterator[DeliveryReceipt]:
    for _ in range(MOST_RECEIPTS_GIVEN_BACK):
        if offset == len(body):
            return
        receipt, offset = read_receipt(body, offset)
        yield receipt
    if offset < len(body):
        raise _Refused(RefusalReason.TOO_LARGE, f"at most {MOST_RECEIPTS_GIVEN_BACK:,} receipts go with a standing")


def _rotations_shown(body: bytes, offset: int) -> tuple[list[str], int]:
    """Return the texts of the rotations that a party shows with its question, and the offset after them."""
    texts: list[str] = []
    while ROTATION_FORM.starts(body, offset) and len(texts) < MOST_ROTATIONS:
        _, _, end = ROTATION_FORM.read(body, offset)
        texts.append(body[offset:end].decode())
        offset = end
    return texts, offset


def _session_asked(links: Links, asked: Standing, shown: Sequence[str], at: datetime) -> Session:
    direction = asked.direction
    if direction.recipient != links.own:
        raise _Refused(RefusalReason.WRONG_RECIPIENT, "this is for another party")
    if not links.knows(direction.sender):
        raise _Refused(RefusalReason.UNKNOWN_SENDER, "no party is trusted here under this key")
    known = links.keys(direction.sender)
    if not asked.is_signed_by(known[-1]):
        if any(map(asked.is_signed_by, known[:-1])):
            raise _Refused(RefusalReason.OLD_KEY, _OLD_KEY)
        # It may have lost what it has told us of its keys, or we what it has told.
        rotations = read_rotations(direction.sender, direction.sender, shown)
        links.check_rotations(direction.sender, rotations)
        if not rotations or not asked.is_signed_by(rotations[-1].new):
            raise _Refused(RefusalReason.WRONG_SIGNATURE, "the signature is not the sender's")
    session = links.find(direction.sender, direction.accord)
    if session is not None:
        return session
    # What was said under an accord that was replaced remains said: who lost it must be able to learn it.
    session = links.find_closed(direction.sender, direction.accord)
    if session is None:
        raise _Refused(RefusalReason.WRONG_ACCORD, "this accord is not in force here with this sender")
    meter = links.closed_meter(direction.sender)
    if not meter.admits(at):
        raise _Refused(RefusalReason.TOO_MUCH, "more than a party may ask of closed links: ask later")
    meter.charge(len(asked.raw))
    return session


def _given_back(links: Links, session: Session, asked: Standing, at: datetime, read_entry: ReadEntry) -> list[bytes]:
    """Return the sender's own envelopes after the one it named, where that is one that is held here."""
    given: list[bytes] = []
    if asked.sent >= session.received_number or session.received_hash_of(asked.sent) != asked.sent_hash:
        return given
    is_open = links.find(asked.direction.sender, asked.direction.accord) is not None
    meter, size = links.meter(session.incoming) if is_open else links.closed_meter(asked.direction.sender), 0
    for number in range(asked.sent + 1, session.received_number + 1):
        raw = read_entry(session.received_entry(number)).body
        size += len(raw)
        if given and (len(given) == MAX_BATCH_ENVELOPES or size > MAX_GIVEN_BACK_BYTES):
            break
        if not meter.admits(at):
            raise _Refused(RefusalReason.TOO_MUCH, "more than this link may ask for: ask later")
        meter.charge(len(raw))
        given.append(raw)
    return given


def _aside(links: Links, rest: Sequence[Envelope], at: datetime, refused: _Refused | None) -> Iterator[Envelope]:
    """Yield what came on the channel of STOP and does not continue its chain, as far as the allowance goes."""
    if refused is None or refused.reason not in _ASIDE:
        return
    for envelope in rest:
        if channel_of(envelope.direction.accord) is not Channel.STOP or links.find(
            envelope.direction.sender, envelope.direction.accord
        ) is None:  # fmt: skip
            return
        meter = links.meter(envelope.direction)
        # Also with a key that was rotated: a node that was put back from a backup of before must be able to say STOP.
        keys = links.keys(envelope.direction.sender)
        if any(map(envelope.is_signed_by, reversed(keys))) and meter.admits(at):
            meter.charge(len(envelope.raw))
            yield envelope


def parts_of(body: bytes) -> list[bytes]:
    """Cut a batch into parts that are judged one after the other, so that what is more urgent comes between.

    What is not wholly in the one form, or is not of one link, stays whole: it is refused as that.
    """
    if len(body) <= PART_BYTES and body.count(ENVELOPE_START) <= PART_ENVELOPES:
        return [body]
    try:
        envelopes = _envelopes(body)
    except _Refused:
        return [body]
    if any(envelope.direction != envelopes[0].direction for envelope in envelopes):
        return [body]
    parts: list[list[bytes]] = [[]]
    for envelope in envelopes:
        size_bytes = sum(len(raw) for raw in parts[-1])
        if parts[-1] and (len(parts[-1]) == PART_ENVELOPES or size_bytes + len(envelope.raw) > PART_BYTES):
            parts.append([])
        parts[-1].append(envelope.raw)
    return [b"".join(part) for part in parts]


def joined(judgements: Sequence[Judgement]) -> Judgement:
    """Return the judgement of a batch from those of its parts; after the first that was refused there is none."""
    if len(judgements) == 1:
        return judgements[0]
    answers = [read_answer(judgement.answer) for judgement in judgements]
    receipts = tuple(receipt for answer in answers for receipt in answer.receipts)
    last = answers[-1]
    return Judgement(
        judgements[-1].status,
        write_answer(DeliveryAnswer(last.next_number, receipts, last.refused)),
        tuple(entry for judgement in judgements for entry in judgement.entries),
        tuple(envelope for judgement in judgements for envelope in judgement.accepted),
    )


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


def _session_for(
    links: Links, envelope: Envelope, session: Session | None, signers: Sequence[bytes]
) -> tuple[Session, bytes]:
    """Return the link of an envelope, and the key that signed it; `signers` are those of the ones before it."""
    direction = envelope.direction
    if direction.recipient != links.own:
        raise _Refused(RefusalReason.WRONG_RECIPIENT, "this envelope is for another party", envelope)
    known = links.find(direction.sender, direction.accord)
    # The signature first, whoever is named: how long it takes must not tell whether the key is known here.
    signer = _signer_of(links, envelope, known, signers)
    if not envelope.is_signed_by(signer):
        if known is not None and any(map(envelope.is_signed_by, links.keys(direction.sender)[:-1])):
            raise _Refused(RefusalReason.OLD_KEY, _OLD_KEY, envelope)
        raise _Refused(RefusalReason.WRONG_SIGNATURE, _FROM_A_STRANGER, envelope)
    if not links.knows(direction.sender):
        raise _Refused(RefusalReason.UNKNOWN_SENDER, _FROM_A_STRANGER, envelope)
    if known is None:
        raise _Refused(RefusalReason.WRONG_ACCORD, "this accord is not in force here with this sender", envelope)
    if session not in (None, known):
        raise _Refused(RefusalReason.MALFORMED, "a batch is of one link", envelope)
    return known, signer


def _signer_of(links: Links, envelope: Envelope, known: Session | None, signers: Sequence[bytes]) -> bytes:
    """Return the key that must have signed an envelope; `signers` are those of the ones before it in its batch."""
    party = envelope.direction.sender
    received = 0 if known is None else known.received_number
    if known is not None and envelope.number <= received:
        return known.peer_signer_of(envelope.number)
    if envelope.number <= received + len(signers):
        return signers[envelope.number - received - 1]
    present = signers[-1] if signers else party if known is None else known.peer_signer
    if envelope.kind != ROTATED_KIND:
        return present
    try:
        rotations = rotations_in(envelope.body, party, present)
    except Refusal as refusal:
        raise _Refused(RefusalReason.WRONG_SIGNATURE, str(refusal), envelope) from None
    if known is not None:
        try:
            links.check_rotations(party, rotations)
        except Refusal as refusal:
            raise _Refused(RefusalReason.WRONG_ROTATION, str(refusal), envelope) from None
    return rotations[-1].new


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
        # Whoever cannot sign for a key is not told whether it is known here; the journal says it.
        by_stranger = refused.reason is RefusalReason.WRONG_SIGNATURE
        reason = RefusalReason.UNKNOWN_SENDER if by_stranger else refused.reason
        answer_refusal = AnswerRefusal(reason, refused.detail, number)
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
