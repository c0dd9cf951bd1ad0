"""Rotated keys on a link: what came before still verifies, and nobody but the key that signs now says which is next."""

from __future__ import annotations

import base64
from datetime import timedelta

import msgspec
import pytest
from link_parties import ACCORD, AT, OTHER_ACCORD, Side
from msgspec.structs import replace

from detente.airspace.refusal import Refusal
from detente.link.answer import RefusalReason, read_answer
from detente.link.card import make_card, read_card, write_card
from detente.link.certificate import succession
from detente.link.comparison import FindingKind, compare_copies, verify_transcript
from detente.link.copies import Copy
from detente.link.envelope import NO_PREVIOUS, Direction, seal_envelope
from detente.link.exhibit import check_exhibit, make_exhibit, write_exhibit
from detente.link.key_rotated import KeyRotatedMessage
from detente.link.links import MOST_OLD_KEYS
from detente.link.parcel import read_parcel, write_parcel
from detente.link.receipt import read_receipt, sign_receipt
from detente.link.session import RECEIPT_RECEIVED, SENT, Session
from detente.link.standing import sign_standing, standing_in
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.record.rotation import (
    KEY_ROTATED,
    MOST_ROTATIONS,
    prepare_rotation,
    read_rotation,
    read_rotations,
    sign_rotation,
)
from detente.record.verification import verify_journal
from detente.room.channel import CHANNEL_HASH, Channel
from detente.room.tagged import write_tagged


@pytest.fixture
def sides(tmp_path):
    north_key, south_key = NodeKey.generate(), NodeKey.generate()
    north = Side(tmp_path / "north.sqlite", north_key, south_key)
    south = Side(tmp_path / "south.sqlite", south_key, north_key)
    yield north, south
    north.journal.close()
    south.journal.close()


def rotation_of(key, new=None):
    new = new or NodeKey.generate()
    return sign_rotation(key, new, succession(key, new.public), AT)


def rotate(side):
    """Rotate the key of a side as its node does; the peer's object of the same key goes with it."""
    new = NodeKey.generate()
    rotation = prepare_rotation(side.key, new, succession(side.key, new.public), AT)
    side.journal.append([(KEY_ROTATED, rotation.text.encode())], AT)
    return rotation


def copy_of(key):
    """The same private key in other hands, which knows nothing of later rotations."""
    thief = NodeKey(key._private)
    thief.descend_from(key.first, key.rotations)
    return thief


def introduced(side, *rotations, key=None, number=None):
    """An envelope that says rotations, sealed by `key` whatever is true; it is not in the side's journal."""
    seal_key = key or side.key
    session = side.session
    held = session._sealed_number, session._sealed_hash, session._sealed_signer
    session._sealed_signer = seal_key.public
    sealed = session.seal(seal_key, [write_tagged(KeyRotatedMessage(tuple(r.text for r in rotations)))], AT)
    session._sealed_number, session._sealed_hash, session._sealed_signer = held
    return sealed[0]


def reason_of(judgement):
    return read_answer(judgement.answer).refused.reason


def deliver(sender, recipient, *envelopes):
    judgement = recipient.receive(*envelopes)
    receipts = [text.encode() for text in read_answer(judgement.answer).receipts]
    sender.record([(RECEIPT_RECEIVED, receipt) for receipt in receipts])
    return judgement


def test_a_chain_goes_on_under_the_new_key_and_what_was_before_still_verifies(sides):
    north, south = sides
    first = north.key.public
    waiting = north.send(b"one")
    rotate(north)
    rotate(north)
    after = north.send(b"two")
    assert [e.kind for e in after] == [KEY_ROTATED, "note"]
    judgement = deliver(north, south, *waiting, *after)
    assert (judgement.status, len(judgement.accepted)) == (200, 3)
    assert south.links.keys(first) == [first, *(read_rotation(text).new for text in north.key.rotations)]
    deliver(south, north, *south.send(b"back"))
    rotate(south)
    deliver(south, north, *south.send(b"back again"))
    for side in (north, south):
        side.restart()
        assert verify_journal(side.path, side.key.first).ok
        (transcript,) = Copy(side.path).read().transcripts
        assert verify_transcript(transcript) == []
    assert south.session.peer_signer == north.key.public
    assert north.session.own_signer == north.key.public
    assert deliver(north, south, *north.send(b"three")).status == 200
    assert compare_copies(Copy(north.path).read(), Copy(south.path).read()).equal


def test_an_exhibit_proves_a_message_of_any_key_of_the_line(sides):
    north, south = sides
    deliver(north, south, *north.send(b"one"))
    rotate(north)
    rotate(south)
    deliver(south, north, *south.send(b"back"))
    sent = north.send(b"two")
    deliver(north, south, *sent)
    (transcript,) = Copy(north.path).read().transcripts
    rotations = [text for way in transcript.directions for text in way.rotations()]
    whole = write_exhibit(make_exhibit(transcript.sent, sent[-1], rotations))
    assert check_exhibit(whole).envelope.body == b"two"
    with pytest.raises(Refusal):
        check_exhibit(write_exhibit(make_exhibit(transcript.sent, sent[-1])))


@pytest.mark.parametrize("wrong", ["old signature", "new signature", "stranger", "replayed", "own past", "no rotation"])
def test_a_rotation_that_the_present_key_did_not_sign_changes_nothing(sides, wrong):
    north, south = sides
    first = rotate(north)
    deliver(north, south, *north.send(b"one"))
    known, stranger = list(south.links.keys(north.key.first)), NodeKey.generate()
    stranger.descend_from(north.key.first, north.key.rotations)
    true = rotation_of(north.key)
    zeros = "signature " + "0" * 128
    rotation, key = {
        "old signature": (forged(true, true.text.split("signature ")[0] + zeros + "\n\n"), stranger),
        "new signature": (forged(true, true.text.replace(f"new {true.new.hex()}", f"new {'ab' * 32}")), stranger),
        "stranger": (rotation_of(stranger), stranger),
        "replayed": (first, north.key),
        "own past": (first, copy_of(stranger)),
        "no rotation": (None, north.key),
    }[wrong]
    envelope = introduced(north, rotation, key=key) if rotation is not None else empty(north)
    assert reason_of(south.receive(envelope)) is RefusalReason.UNKNOWN_SENDER
    assert south.links.keys(north.key.first) == known
    assert deliver(north, south, *north.send(b"two")).status == 200


def forged(rotation, text):
    return type(rotation)(*(getattr(rotation, f) for f in rotation.__struct_fields__[:-1]), text)


def empty(north):
    session = north.session
    held = session._sealed_number, session._sealed_hash, session._sealed_signer
    sealed = session.seal(north.key, [(KEY_ROTATED, b'{"message":"key_rotated","rotations":[]}')], AT)
    session._sealed_number, session._sealed_hash, session._sealed_signer = held
    return sealed[0]


def test_a_rotation_to_a_key_of_another_party_is_refused(sides):
    north, south = sides
    east = NodeKey.generate()
    south.links.open(east.public, OTHER_ACCORD)
    south.links.learn(east.public, [east.public])
    for taken in (east, south.key):
        rotation = rotation_of(north.key, taken)
        as_taken = copy_of(taken)
        as_taken.first = north.key.first
        south.links.learn(south.key.first, [south.key.first])
        assert reason_of(south.receive(introduced(north, rotation, key=as_taken))) is RefusalReason.WRONG_ROTATION
    assert south.links.keys(north.key.first) == [north.key.first]


def test_two_rotations_of_one_key_are_found_out_on_whichever_channels_they_come(sides):
    north, south = sides
    thief, south_stop = copy_of(north.key), CHANNEL_HASH[Channel.STOP]
    south.links.open(north.key.first, south_stop)
    rotate(north)
    deliver(north, south, *north.send(b"one"))
    stolen = NodeKey.generate()
    rotation = rotation_of(thief, stolen)
    stolen.descend_from(thief.first, (rotation.text,))
    other = Side(north.path.with_name("thief.sqlite"), thief, south.key, south_stop)
    other.key = stolen
    other.session._sealed_signer = thief.public
    envelope = other.session.seal(stolen, [], AT)
    judgement = south.receive(*envelope)
    assert reason_of(judgement) is RefusalReason.WRONG_ROTATION
    assert [kind for kind, _ in judgement.entries] == ["link_refused"]
    assert south.links.keys(north.key.first)[-1] == north.key.public
    other.journal.close()


def test_the_old_key_signs_nothing_any_more_but_a_stop_is_set_aside_to_be_shown(sides):
    north, south = sides
    thief = copy_of(north.key)
    stop = CHANNEL_HASH[Channel.STOP]
    for side, peer in ((north, south), (south, north)):
        side.links.open(peer.key.first, stop)
    deliver(north, south, *north.send(b"one"))
    rotate(north)
    north_stop = north.links.find(south.key.first, stop)
    sealed = north_stop.seal(north.key, [], AT)
    north.record([(SENT, envelope.raw) for envelope in sealed])
    deliver(north, south, *north.send(b"two"))
    south.receive(*sealed)
    for accord, aside in ((ACCORD, 0), (stop, 1)):
        session = north.links.find(south.key.first, accord)
        held = session._sealed_number, session._sealed_hash, session._sealed_signer
        session._sealed_signer = thief.public
        false = session.seal(thief, [("note", b"STOP")], AT)
        session._sealed_number, session._sealed_hash, session._sealed_signer = held
        judgement = south.receive(*false)
        assert reason_of(judgement) is RefusalReason.OLD_KEY
        assert len(judgement.aside) == aside


def test_a_receipt_of_the_old_key_counts_only_for_what_was_sent_before(sides):
    north, south = sides
    old = copy_of(south.key)
    one = north.send(b"one")
    rotate(south)
    deliver(south, north, *south.send(b"rotated"))
    two = north.send(b"two")
    for envelope, counts in ((one[-1], True), (two[-1], False)):
        direction = envelope.direction
        receipt = sign_receipt(old, direction, 1, envelope.number, envelope.hash, AT)
        assert receipt.is_signed_by([old.public])
        assert receipt.is_signed_by(north.session.receipt_keys(receipt, north.links.keys(south.key.first))) is counts
    new, _ = read_receipt(sign_receipt(south.key, two[-1].direction, 1, 2, two[-1].hash, AT).raw)
    assert new.is_signed_by(north.session.receipt_keys(new, north.links.keys(south.key.first)))


def test_a_receipt_comes_again_under_the_new_key_for_who_has_lost_that_it_had_sent_before(sides):
    north, south = sides
    sent = north.send(b"one")
    south.receive(*sent)  # the answer is lost
    rotate(south)
    south.send(b"rotated")
    judgement = south.receive(*sent)
    assert judgement.entries == ()
    (text,) = read_answer(judgement.answer).receipts
    receipt, _ = read_receipt(text.encode())
    assert receipt.is_signed_by([south.key.public])
    north.record([(RECEIPT_RECEIVED, receipt.raw)])
    (transcript,) = Copy(south.path).read().transcripts
    assert [one.signed for one in transcript.received.receipts] == [receipt.signed]


def test_who_has_lost_what_it_knew_of_our_keys_still_answers_what_it_holds(sides, tmp_path):
    north, south = sides
    deliver(north, south, *north.send(b"one"))
    rotate(north)
    deliver(north, south, *north.send(b"two"))
    south.journal.close()
    south.path = tmp_path / "again.sqlite"
    south.start()
    question = sign_standing(north.key, north.session, AT)
    assert reason_of(south.receive(question.raw)) is RefusalReason.UNKNOWN_SENDER
    judgement = south.receive(question.raw + "".join(north.key.rotations).encode())
    assert judgement.status == 200
    stranger = NodeKey.generate()
    stranger.descend_from(north.key.first, ())
    false = sign_standing(stranger, north.session, AT)
    assert reason_of(south.receive(false.raw + "".join(north.key.rotations).encode())) is RefusalReason.UNKNOWN_SENDER


@pytest.mark.parametrize("shows", ["nothing", "its rotations", "rotations of another"])
def test_who_only_names_a_paired_key_is_answered_as_for_an_unknown_one(sides, shows):
    north, south = sides
    rotate(north)
    deliver(north, south, *north.send(b"one"))
    unknown, other = rotated_key(), rotated_key()

    def answers(named):
        stranger, direction = NodeKey.generate(), Direction(named.first, south.key.first, ACCORD)
        stranger.descend_from(named.first, ())
        shown = {"nothing": (), "its rotations": named.rotations, "rotations of another": other.rotations}[shows]
        bodies = [sign_standing(stranger, Session(direction), AT).raw + "".join(shown).encode()]
        said = msgspec.json.encode({"message": KEY_ROTATED, "rotations": shown})
        for number, content in ((1, ("note", b"x")), (9, (KEY_ROTATED, said))):
            bodies.append(seal_envelope(stranger, direction, number, NO_PREVIOUS, AT, *content).raw)
        found = [south.receive(body) for body in bodies]
        assert {reason_of(one) for one in found} == {RefusalReason.UNKNOWN_SENDER}
        return [(one.status, one.answer) for one in found]

    assert answers(north.key) == answers(unknown)


def rotated_key():
    key = NodeKey.generate()
    new = NodeKey.generate()
    new.descend_from(key.first, (rotation_of(key, new).text,))
    return new


def test_old_keys_are_tried_a_few_times_and_for_a_stop_always(sides):
    north, south = sides
    keys = [north.key.first, *(NodeKey.generate().public for _ in range(2 * MOST_OLD_KEYS))]
    south.links.learn(north.key.first, keys)
    planning = Direction(north.key.first, south.key.first, ACCORD)
    stop = Direction(north.key.first, south.key.first, CHANNEL_HASH[Channel.STOP])
    newest = keys[-2 : -MOST_OLD_KEYS - 2 : -1]
    tried = [south.links.old_keys(planning, AT) for _ in range(20)]
    assert tried == [newest] * 8 + [[]] * 12
    assert [south.links.old_keys(stop, AT) for _ in range(20)] == [newest] * 20
    assert south.links.old_keys(planning, AT + timedelta(seconds=60)) == newest


def test_our_own_envelopes_of_both_keys_are_taken_back(sides):
    north, _ = sides
    sent = [*north.send(b"one")]
    rotate(north)
    sent += north.send(b"two")
    again = Session(north.session.outgoing)
    assert again.kept_with(sent) == 0
    again.go_on_after(sent)
    assert again.own_signer == north.key.public
    stranger = NodeKey.generate()
    stranger.descend_from(north.key.first, north.key.rotations)
    false = introduced(north, rotation_of(stranger), key=stranger)
    with pytest.raises(Refusal):
        again.kept_with([*sent, false])


def test_a_journal_that_was_set_back_to_before_a_rotation_goes_on_with_the_newer_key(tmp_path):
    key, path = NodeKey.generate(), tmp_path / "journal.sqlite"
    old = copy_of(key)
    with Journal.open(path, key) as journal:
        journal.append([("note", b"one")], AT)
    before = path.read_bytes()
    with Journal.open(path, key) as journal:
        new = NodeKey.generate()
        text = prepare_rotation(key, new, b"certificate", AT).text
        journal.append([(KEY_ROTATED, text.encode())], AT)
    for file in tmp_path.glob("journal.sqlite*"):
        file.unlink()
    path.write_bytes(before)
    with pytest.raises(Refusal) as refused:
        Journal.open(path, NodeKey(new._private))
    assert refused.value.code == "record.journal_node_key"
    again = NodeKey(new._private)
    again.descend_from(key.first, (text,))
    with Journal.open(path, again) as journal:
        journal.append([("note", b"two")], AT)
    found = verify_journal(path, key.first)
    assert (found.ok, found.head.number) == (True, 3)
    with pytest.raises(Refusal) as refused:
        Journal.open(path, old)
    assert refused.value.code == "record.journal_newer_node_key"


def test_a_card_shows_the_rotations_and_its_fingerprint_is_that_of_the_key_that_signs(sides):
    north, _ = sides
    before = make_card(north.key, "north", (), AT)
    rotate(north)
    card = make_card(north.key, "north", (), AT + timedelta(seconds=1))
    assert read_card(write_card(card)) == card
    assert (card.key, card.signing_key) == (before.key, north.key.public)
    assert card.fingerprint != before.fingerprint
    assert b"rotations" not in write_card(before)
    with pytest.raises(Refusal):
        read_card(write_card(card).replace(card.encryption_key.encode(), before.encryption_key.encode(), 1))


def test_a_parcel_that_was_sealed_before_the_rotation_still_opens(sides):
    north, south = sides
    card = make_card(north.key, "north", (), AT)
    parcel = write_parcel([e.raw for e in south.send(b"one")], south.key.first, card)
    rotate(north)
    assert read_parcel(parcel, north.key).envelopes[0].body == b"one"
    newer = write_parcel([e.raw for e in south.send(b"two")], south.key.first, make_card(north.key, "north", (), AT))
    assert read_parcel(newer, north.key).envelopes[0].body == b"two"


def test_a_key_is_rotated_so_often_and_no_more(sides):
    north, _ = sides
    texts = [rotate(north).text for _ in range(MOST_ROTATIONS + 1)]
    assert len(read_rotations(north.key.first, north.key.first, texts[:-1])) == MOST_ROTATIONS
    with pytest.raises(Refusal):
        read_rotations(north.key.first, north.key.first, texts)
    assert base64.b64encode(read_rotation(texts[0]).certificate).decode() in texts[0]


def test_a_transcript_with_a_rotation_that_does_not_go_on_is_broken(sides):
    north, south = sides
    rotate(north)
    deliver(north, south, *north.send(b"one"))
    (transcript,) = Copy(south.path).read().transcripts
    received = transcript.received
    other = write_tagged(KeyRotatedMessage((rotation_of(NodeKey.generate()).text,)))[1]
    false = replace(received, envelopes=(replace(received.envelopes[0], rotations=other), *received.envelopes[1:]))
    (finding, *_) = verify_transcript(replace(transcript, received=false))
    assert finding.kind is FindingKind.WRONG_ROTATION


def test_both_that_lost_the_rotations_of_the_other_tell_each_other_what_they_hold(sides):
    north, south = sides
    stolen, thief = copy_of(south.key), NodeKey.generate()
    for side in (north, south, south):
        rotate(side)
    question = sign_standing(north.key, north.session, AT)
    answer = read_answer(south.receive(question.raw, "".join(north.key.rotations).encode()).answer)

    def signer(shown):
        return north.links.signer_shown(south.key.first, shown)

    found = standing_in(answer, question, signer)
    assert found is not None
    assert found.is_signed_by(south.key.public)
    assert standing_in(replace(answer, standing=found.raw.decode()), question, signer) is None
    # Who knows one rotation believes no other of the same key.
    north.links.learn(south.key.first, [south.key.first, read_rotation(south.key.rotations[0]).new])
    assert standing_in(answer, question, signer) == found
    forged = sign_standing(thief, south.session, AT, answers=question.hash)
    shown = rotation_of(stolen, thief).text
    assert standing_in(replace(answer, standing=forged.raw.decode() + shown), question, signer) is None
