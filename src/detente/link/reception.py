"""Receiving a batch of envelopes: bytes in, journal entries and answer bytes out, whatever carried them.

`judge_batch` decides and changes nothing; who calls it makes the entries durable, in one batch with the events that
follow from them, folds them in, and then answers. One batch of a link is received after the other: the caller
serialises.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.answer import (
    MAX_BATCH_BYTES,
    MAX_BATCH_ENVELOPES,
    DeliveryAnswer,
    RefusalReason,
    read_answer,
    write_answer,
)
from detente.link.envelope import Envelope, read_envelope
from detente.link.judgement import (
    FROM_A_STRANGER,
    OLD_KEY,
    BatchRefused,
    Judgement,
    ReadEntry,
    in_archive,
    judgement_of,
)
from detente.link.key_rotated import ROTATED_KIND, rotations_in
from detente.link.links import Links
from detente.link.receipt import sign_receipt, signed_by_now
from detente.link.session import RECEIPT_SENT, RECEIVED, EnvelopeStanding, Session
from detente.link.standing import STANDING_FORM
from detente.link.standing_asked import judge_question
from detente.record.keys import NodeKey
from detente.record.segments import ArchivedRefusal
from detente.room.channel import Channel, channel_of

PART_ENVELOPES, PART_BYTES = 16, 64 * 1024
ENVELOPE_START = b"detente-envelope-1\n"
"""How an envelope begins: to count them."""
_ASIDE = frozenset({RefusalReason.GAP, RefusalReason.EQUIVOCATION, RefusalReason.OLD_KEY})


def judge_batch(links: Links, key: NodeKey, body: bytes, at: datetime, read_entry: ReadEntry) -> Judgement:
    """Judge a batch: concatenated envelopes of one direction of one link, received at `at`.

    In order: accepted. Held already: the same receipt again, under the key that signs now. Anything else is refused,
    and what follows it in the batch is not looked at; a batch that is not wholly in the one form is refused whole.
    Instead of envelopes a party may say what it holds, and is told what is held here. `read_entry` gives a journal
    entry by its number. Never raises for what `body` holds.
    """
    if STANDING_FORM.starts(body):
        return judge_question(links, key, body, at, read_entry)
    accepted: list[Envelope] = []
    pending: list[bytes] = []
    signers: list[bytes] = []
    held_receipts: dict[int, bytes] = {}
    duplicates_without_receipt = 0
    session: Session | None = None
    refused: BatchRefused | None = None
    envelopes: list[Envelope] = []
    try:
        envelopes = _envelopes(body)
        for envelope in envelopes:
            session, signer = _session_for(links, envelope, session, signers, at)
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
    except BatchRefused as caught:
        refused = caught
    except ArchivedRefusal as gone:
        refused = in_archive(gone)
    aside = tuple(_aside(links, envelopes[len(accepted) :], at, refused))
    if session is None:
        return msgspec.structs.replace(judgement_of(links, body, at, refused), aside=aside)
    receipts = list(held_receipts.values())
    entries = [(RECEIVED, envelope.raw) for envelope in accepted]
    last = session.received_number + len(accepted)
    if accepted or duplicates_without_receipt:
        head = accepted[-1].hash if accepted else session.received_hash
        receipt = sign_receipt(key, session.incoming, session.acknowledged_number + 1, last, head, at)
        receipts.append(receipt.raw)
        entries.append((RECEIPT_SENT, receipt.raw))
    judgement = judgement_of(links, body, at, refused, tuple(accepted), entries, receipts, last + 1)
    return msgspec.structs.replace(judgement, aside=aside)


def _aside(links: Links, rest: Sequence[Envelope], at: datetime, refused: BatchRefused | None) -> Iterator[Envelope]:
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
        keys = [links.keys(envelope.direction.sender)[-1], *links.old_keys(envelope.direction, at)]
        if not any(map(envelope.is_signed_by, keys)):
            return
        if meter.admits(at):
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
    except BatchRefused:
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
        raise BatchRefused(RefusalReason.TOO_LARGE, f"a batch is at most {MAX_BATCH_BYTES:,} bytes")
    envelopes: list[Envelope] = []
    offset = 0
    while offset < len(body):
        if len(envelopes) == MAX_BATCH_ENVELOPES:
            raise BatchRefused(RefusalReason.TOO_LARGE, f"a batch is at most {MAX_BATCH_ENVELOPES} envelopes")
        try:
            envelope, offset = read_envelope(body, offset)
        except Refusal as refusal:
            raise BatchRefused(RefusalReason.MALFORMED, str(refusal)) from None
        envelopes.append(envelope)
    if not envelopes:
        raise BatchRefused(RefusalReason.MALFORMED, "a batch holds at least one envelope")
    return envelopes


def _session_for(
    links: Links, envelope: Envelope, session: Session | None, signers: Sequence[bytes], at: datetime
) -> tuple[Session, bytes]:
    """Return the link of an envelope, and the key that signed it; `signers` are those of the ones before it."""
    direction = envelope.direction
    if direction.recipient != links.own:
        raise BatchRefused(RefusalReason.WRONG_RECIPIENT, "this envelope is for another party", envelope)
    known = links.find(direction.sender, direction.accord)
    # The signature first, whoever is named: how long it takes must not tell whether the key is known here.
    signer = _signer_of(links, envelope, known, signers)
    if not envelope.is_signed_by(signer):
        if known is not None and any(map(envelope.is_signed_by, links.old_keys(direction, at))):
            raise BatchRefused(RefusalReason.OLD_KEY, OLD_KEY, envelope)
        raise BatchRefused(RefusalReason.WRONG_SIGNATURE, FROM_A_STRANGER, envelope)
    if not links.knows(direction.sender):
        raise BatchRefused(RefusalReason.UNKNOWN_SENDER, FROM_A_STRANGER, envelope)
    if known is None:
        raise BatchRefused(RefusalReason.WRONG_ACCORD, "this accord is not in force here with this sender", envelope)
    if session not in (None, known):
        raise BatchRefused(RefusalReason.MALFORMED, "a batch is of one link", envelope)
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
    except Refusal:
        raise BatchRefused(RefusalReason.WRONG_SIGNATURE, FROM_A_STRANGER, envelope) from None
    if known is not None:
        try:
            links.check_rotations(party, rotations)
        except Refusal as refusal:
            raise BatchRefused(RefusalReason.WRONG_ROTATION, str(refusal), envelope) from None
    return rotations[-1].new


def _admit(links: Links, envelope: Envelope, at: datetime) -> None:
    meter = links.meter(envelope.direction)
    if not meter.admits(at):
        raise BatchRefused(RefusalReason.TOO_MUCH, "more than this link may bring: send it later", envelope)
    meter.charge(len(envelope.raw))


def _out_of_order(standing: EnvelopeStanding, envelope: Envelope, last: int) -> BatchRefused:
    if standing is EnvelopeStanding.GAP:
        return BatchRefused(RefusalReason.GAP, f"{envelope.number} came, {last + 1} is expected", envelope)
    detail = (
        f"{envelope.number} contradicts what its sender signed before: this node holds another history up to {last}"
    )
    return BatchRefused(RefusalReason.EQUIVOCATION, detail, envelope)
