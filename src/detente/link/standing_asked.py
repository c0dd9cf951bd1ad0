"""A party says what it holds of a link, and is told what is held here, with its own envelopes that it lacks."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime

from detente.airspace.refusal import Refusal
from detente.link.answer import (
    MAX_BATCH_ENVELOPES,
    MAX_GIVEN_BACK_BYTES,
    MOST_RECEIPTS_GIVEN_BACK,
    DeliveryAnswer,
    RefusalReason,
    write_answer,
)
from detente.link.judgement import (
    FROM_A_STRANGER,
    OLD_KEY,
    BatchRefused,
    Judgement,
    ReadEntry,
    in_archive,
    judgement_of,
)
from detente.link.links import Links
from detente.link.receipt import DeliveryReceipt, read_receipt
from detente.link.session import Session
from detente.link.standing import Standing, read_standing, rotations_shown, sign_standing
from detente.record.keys import NodeKey
from detente.record.rotation import read_rotations
from detente.record.segments import ArchivedRefusal


def judge_question(links: Links, key: NodeKey, body: bytes, at: datetime, read_entry: ReadEntry) -> Judgement:
    """Answer a party that says what it holds: with what is held here, and with its own envelopes that it lacks."""
    try:
        asked, end = read_standing(body)
        shown, rotations_end = rotations_shown(body, end)
        session = _session_asked(links, asked, shown, at)
        receipts = tuple(_receipts_given_back(body, rotations_end))
        given = _given_back(links, session, asked, at, read_entry)
        theirs = [read_entry(number).body.decode() for number in session.peer_receipt_entries(asked.received)]
    except ArchivedRefusal as gone:
        return judgement_of(links, body, at, in_archive(gone))
    except Refusal as refusal:
        return judgement_of(links, body, at, BatchRefused(RefusalReason.MALFORMED, str(refusal)))
    except BatchRefused as refused:
        return judgement_of(links, body, at, refused)
    ours = sign_standing(key, session, at, answers=asked.hash)
    texts = tuple(base64.b64encode(raw).decode() for raw in given)
    shown_back = "".join((ours.raw.decode(), *key.rotations))
    answer = DeliveryAnswer(
        session.received_number + 1, tuple(theirs[:MOST_RECEIPTS_GIVEN_BACK]), None, shown_back, texts
    )
    return Judgement(200, write_answer(answer), asked=asked, given_back=receipts)


def _receipts_given_back(body: bytes, offset: int) -> Iterator[DeliveryReceipt]:
    for _ in range(MOST_RECEIPTS_GIVEN_BACK):
        if offset == len(body):
            return
        receipt, offset = read_receipt(body, offset)
        yield receipt
    if offset < len(body):
        raise BatchRefused(RefusalReason.TOO_LARGE, f"at most {MOST_RECEIPTS_GIVEN_BACK:,} receipts go with a standing")


def _session_asked(links: Links, asked: Standing, shown: Sequence[str], at: datetime) -> Session:
    direction = asked.direction
    if direction.recipient != links.own:
        raise BatchRefused(RefusalReason.WRONG_RECIPIENT, "this is for another party")
    _check_signature(links, asked, shown, at)
    session = links.find(direction.sender, direction.accord)
    if session is not None:
        return session
    # What was said under an accord that was replaced remains said: who lost it must be able to learn it.
    session = links.find_closed(direction.sender, direction.accord)
    if session is None:
        raise BatchRefused(RefusalReason.WRONG_ACCORD, "this accord is not in force here with this sender")
    meter = links.closed_meter(direction.sender)
    if not meter.admits(at):
        raise BatchRefused(RefusalReason.TOO_MUCH, "more than a party may ask of closed links: ask later")
    meter.charge(len(asked.raw))
    return session


def _check_signature(links: Links, asked: Standing, shown: Sequence[str], at: datetime) -> None:
    """Raise BatchRefused unless a known party signed. Whoever did not must not learn which keys are known here."""
    party = asked.direction.sender
    is_known = links.knows(party)
    if asked.is_signed_by(links.keys(party)[-1] if is_known else party):
        if not is_known:
            raise BatchRefused(RefusalReason.UNKNOWN_SENDER, FROM_A_STRANGER)
        return
    if is_known and any(map(asked.is_signed_by, links.old_keys(asked.direction, at))):
        raise BatchRefused(RefusalReason.OLD_KEY, OLD_KEY)
    signer = party
    with suppress(Refusal):
        if is_known:
            signer = links.signer_shown(party, shown)
        else:
            # It must take as long.
            read_rotations(party, party, shown)
    is_signed = asked.is_signed_by(signer)
    if not (is_known and is_signed):
        raise BatchRefused(RefusalReason.WRONG_SIGNATURE, FROM_A_STRANGER)


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
            raise BatchRefused(RefusalReason.TOO_MUCH, "more than this link may ask for: ask later")
        meter.charge(len(raw))
        given.append(raw)
    return given
