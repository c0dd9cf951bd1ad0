import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link_parties import AT, NORTH, OTHER_ACCORD, SOUTH, STRANGER, TO_SOUTH, two_sides

from detente.airspace.refusal import Refusal
from detente.link.answer import read_answer
from detente.link.comparison import FindingKind, compare_copies, compare_transcripts, signatures, verify_transcript
from detente.link.envelope import NO_PREVIOUS, Direction, read_envelope, seal_envelope
from detente.link.merkle import merkle_root
from detente.link.receipt import sign_receipt
from detente.link.session import LINK_EVIDENCE, RECEIPT_RECEIVED, RECEIVED, SENT
from detente.link.transcript import Holding, export_parts, holding_of_entries, read_export
from length import quickly


@pytest.fixture
def sides(tmp_path):
    with two_sides(tmp_path) as both:
        yield both


def deliver(sender, receiver, *bodies):
    sent = sender.send(*bodies)
    carry(sender, receiver)
    return sent


def carry(sender, receiver, *, lose_answer=False):
    """Carry everything that the sender has, as a file on a stick would be carried, and the receipts back."""
    answer = read_answer(receiver.receive(*(entry.body for entry in sender.entries(SENT))).answer)
    if lose_answer:
        return
    known = {entry.body for entry in sender.entries(RECEIPT_RECEIVED)}
    sender.record([(RECEIPT_RECEIVED, text.encode()) for text in answer.receipts if text.encode() not in known])


def copy_of(side):
    return holding_of(side).link_with(side.peer.public, side.accord)


def holding_of(side):
    return holding_of_entries(side.key.public, side.journal.read())


def export_of(side):
    return b"".join(export_parts(copy_of(side), lambda kind: side.journal.read(kind=kind)))


def kinds(findings):
    return [finding.kind for finding in findings]


def test_both_copies_of_a_settled_link_are_equal_and_so_are_their_exports(sides):
    north, south = sides
    deliver(north, south, b"one", b"two")
    deliver(south, north, b"back")
    deliver(north, south, b"three")
    first, second = copy_of(north), copy_of(south)
    assert verify_transcript(first) == verify_transcript(second) == []
    assert compare_transcripts(first, second) == compare_transcripts(second, first)
    assert compare_transcripts(first, second).equal
    assert compare_transcripts(first, second).in_flight == ()
    exports = [export_of(side).split(b"\n") for side in sides]
    assert exports[0][:1] + exports[0][3:] == exports[1][:1] + exports[1][3:]
    assert [exports[0][1], exports[0][2]] == [
        b"holder " + NORTH.public.hex().encode(),
        exports[1][1].replace(b"holder", b"peer"),
    ]


def test_the_root_is_over_the_envelopes_in_order(sides):
    north, south = sides
    sent = deliver(north, south, b"one", b"two", b"three")
    for copy in (copy_of(north), copy_of(south)):
        (one_way,) = (one_way for one_way in copy.directions if one_way.direction == TO_SOUTH)
        assert one_way.root == merkle_root([envelope.hash for envelope in sent])


def test_an_export_is_read_back(sides):
    north, south = sides
    deliver(north, south, b"one", b"detente-envelope-1\n\nsignature", b"")
    deliver(south, north, b"back")
    north.send(b"in flight")
    for side in sides:
        assert read_export(export_of(side)) == copy_of(side)


def test_an_export_without_a_document_is_an_empty_transcript():
    header = f"detente-transcript-1\nholder {'1' * 64}\npeer {'2' * 64}\naccord {'3' * 64}\n\n".encode()
    transcript = read_export(header)
    assert transcript.sent.envelopes == transcript.received.envelopes == ()
    assert verify_transcript(transcript) == []


def test_what_is_in_flight_is_no_difference(sides):
    north, south = sides
    deliver(north, south, b"one")
    north.send(b"two", b"three")
    south.send(b"back")
    comparison = compare_transcripts(copy_of(north), copy_of(south))
    assert comparison.equal
    found = {
        (finding.kind, finding.direction == TO_SOUTH, finding.first, finding.last) for finding in comparison.in_flight
    }
    assert found == {(FindingKind.IN_FLIGHT, True, 2, 3), (FindingKind.IN_FLIGHT, False, 1, 1)}


def test_a_receipt_in_flight_is_no_difference(sides):
    north, south = sides
    deliver(north, south, b"one")
    north.send(b"two")
    carry(north, south, lose_answer=True)
    comparison = compare_transcripts(copy_of(north), copy_of(south))
    assert comparison.equal
    assert [(f.kind, f.first, f.last) for f in comparison.in_flight] == [(FindingKind.RECEIPT_IN_FLIGHT, 2, 2)]


def test_another_content_is_the_first_difference_and_is_shown_in_both_copies(sides, tmp_path):
    north, south = sides
    one, _, _ = deliver(north, south, b"one", b"two", b"three")
    lie = seal_envelope(NORTH, TO_SOUTH, 2, one.hash, AT, "note", b"longer than two")
    after = seal_envelope(NORTH, TO_SOUTH, 3, lie.hash, AT, "note", b"three")
    north.journal.close()
    north.path = tmp_path / "rewritten.sqlite"
    north.start()
    north.record([(SENT, envelope.raw) for envelope in (one, lie, after)])
    comparison = compare_transcripts(copy_of(north), copy_of(south))
    (difference,) = comparison.differences
    assert (difference.kind, difference.first, difference.direction) == (FindingKind.OTHER_CONTENT, 2, TO_SOUTH)
    assert "15 B" in difference.first_copy
    assert lie.hash.hex()[:16] in difference.first_copy
    assert "3 B" in difference.second_copy
    (swapped,) = compare_transcripts(copy_of(south), copy_of(north)).differences
    assert (swapped.first_copy, swapped.second_copy) == (difference.second_copy, difference.first_copy)


def cut(transcript, *, sent=None, received=None, sent_receipts=None, received_receipts=None):
    """The transcript with only the first so many envelopes and receipts of each direction."""

    def shorter(one_way, envelopes, receipts):
        return msgspec.structs.replace(
            one_way, envelopes=one_way.envelopes[:envelopes], receipts=one_way.receipts[:receipts]
        )

    return msgspec.structs.replace(
        transcript,
        sent=shorter(transcript.sent, sent, sent_receipts),
        received=shorter(transcript.received, received, received_receipts),
    )


def test_what_the_recipient_signed_for_and_does_not_hold_is_a_difference(sides):
    north, south = sides
    deliver(north, south, b"one")
    deliver(north, south, b"two")
    comparison = compare_transcripts(copy_of(north), cut(copy_of(south), received=1, received_receipts=1))
    assert [(f.kind, f.first, f.last) for f in comparison.differences] == [(FindingKind.RECEIPTED_BUT_NOT_HELD, 2, 2)]


def test_what_the_sender_signed_and_does_not_hold_is_a_difference(sides):
    north, south = sides
    deliver(north, south, b"one")
    deliver(north, south, b"two")
    comparison = compare_transcripts(cut(copy_of(north), sent=1, sent_receipts=1), copy_of(south))
    assert [(f.kind, f.first, f.last) for f in comparison.differences] == [(FindingKind.HELD_BUT_NOT_SENT, 2, 2)]


def test_a_receipt_that_its_signer_does_not_hold_is_a_difference(sides):
    north, south = sides
    deliver(north, south, b"one")
    deliver(north, south, b"two")
    comparison = compare_transcripts(copy_of(north), cut(copy_of(south), received_receipts=1))
    assert [(f.kind, f.first, f.last) for f in comparison.differences] == [(FindingKind.RECEIPT_NOT_SIGNED, 2, 2)]


def test_two_receipts_for_one_envelope_are_a_difference(sides):
    north, south = sides
    (one,) = deliver(north, south, b"one")
    later = sign_receipt(SOUTH, TO_SOUTH, 1, 1, one.hash, AT.replace(hour=13))
    first = copy_of(north)
    forged = msgspec.structs.replace(first, sent=msgspec.structs.replace(first.sent, receipts=(later,)))
    assert verify_transcript(forged) == []
    (difference,) = compare_transcripts(forged, copy_of(south)).differences
    assert difference.kind is FindingKind.OTHER_RECEIPT
    assert "13:00:00" in difference.first_copy
    assert "12:00:00" in difference.second_copy


def test_two_copies_of_one_side_may_be_older_and_newer_but_not_different(sides):
    north, south = sides
    deliver(north, south, b"one")
    older = copy_of(north)
    deliver(north, south, b"two", b"three")
    comparison = compare_transcripts(older, copy_of(north))
    assert comparison.equal
    assert [(f.kind, f.first, f.last) for f in comparison.in_flight] == [(FindingKind.OLDER_COPY, 2, 3)]


def test_transcripts_of_other_links_are_not_compared(sides):
    north, south = sides
    deliver(north, south, b"one")
    first = copy_of(north)
    for other in (
        msgspec.structs.replace(first, holder=STRANGER.public),
        msgspec.structs.replace(first, accord=OTHER_ACCORD),
    ):
        assert kinds(compare_transcripts(first, other).differences) == [FindingKind.ANOTHER_LINK]


def rebuilt(transcript, envelopes=None, receipts=None):
    sent = transcript.sent
    sent = msgspec.structs.replace(
        sent,
        envelopes=sent.envelopes if envelopes is None else tuple(envelopes),
        receipts=sent.receipts if receipts is None else tuple(receipts),
    )
    return msgspec.structs.replace(transcript, sent=sent)


def lines_of(envelope):
    return read_export_of(envelope).sent.envelopes[0]


def read_export_of(*envelopes):
    direction = envelopes[0].direction
    header = (
        f"detente-transcript-1\nholder {direction.sender.hex()}\npeer {direction.recipient.hex()}\n"
        f"accord {direction.accord}\n\n"
    ).encode()
    return read_export(header + b"".join(envelope.raw for envelope in envelopes))


def test_verify_names_what_is_broken(sides):
    north, south = sides
    deliver(north, south, b"one")
    deliver(north, south, b"two")
    deliver(north, south, b"three")
    good = copy_of(north)
    one, two, three = good.sent.envelopes
    r1, r2, r3 = good.sent.receipts
    unchained = lines_of(seal_envelope(NORTH, TO_SOUTH, 2, NO_PREVIOUS, AT, "note", b"two"))
    unsigned = msgspec.structs.replace(two, signature=bytes(64))
    of_another = sign_receipt(SOUTH, TO_SOUTH, 2, 2, one.hash, AT)
    ahead = sign_receipt(SOUTH, TO_SOUTH, 4, 4, three.hash, AT)
    unsigned_receipt = msgspec.structs.replace(r2, signature=bytes(64))
    for broken, kind, first in (
        (rebuilt(good, (one, three), ()), FindingKind.WRONG_NUMBER, 2),
        (rebuilt(good, (two, three), ()), FindingKind.WRONG_NUMBER, 1),
        (rebuilt(good, (one, unchained), ()), FindingKind.BROKEN_CHAIN, 2),
        (rebuilt(good, (one, unsigned, three)), FindingKind.WRONG_SIGNATURE, 2),
        (rebuilt(good, None, (r1, r3)), FindingKind.RECEIPT_WRONG_RUN, 3),
        (rebuilt(good, None, (r1, r1, r2)), FindingKind.RECEIPT_WRONG_RUN, 1),
        (rebuilt(good, None, (r1, r2, r3, ahead)), FindingKind.RECEIPT_WRONG_RUN, 4),
        (rebuilt(good, None, (r1, of_another)), FindingKind.RECEIPT_OF_ANOTHER, 2),
        (rebuilt(good, None, (r1, unsigned_receipt)), FindingKind.RECEIPT_WRONG_SIGNATURE, 2),
    ):
        assert [(finding.kind, finding.first) for finding in verify_transcript(broken)] == [(kind, first)]
    assert verify_transcript(rebuilt(good, None, (r1, unsigned_receipt)), signatures(good)) != []
    assert verify_transcript(good, signatures(good)) == []


@settings(max_examples=quickly(200))
@given(st.integers(0, 100_000), st.integers(0, 7))
def test_one_flipped_bit_of_an_export_is_found(place, bit):
    sent, previous = [], NO_PREVIOUS
    for number in range(1, 4):
        envelope = seal_envelope(NORTH, TO_SOUTH, number, previous, AT, "note", b"body %d" % number)
        sent.append(envelope)
        previous = envelope.hash
    receipt = sign_receipt(SOUTH, TO_SOUTH, 1, 3, previous, AT)
    header = (
        f"detente-transcript-1\nholder {NORTH.public.hex()}\npeer {SOUTH.public.hex()}\naccord {TO_SOUTH.accord}\n\n"
    ).encode()
    export = header + b"".join(envelope.raw for envelope in sent) + receipt.raw
    assert verify_transcript(read_export(export)) == []
    damaged = bytearray(export)
    damaged[place % len(export)] ^= 1 << bit
    try:
        transcript = read_export(bytes(damaged))
    except Refusal:
        return
    assert verify_transcript(transcript) != []


@given(st.binary(max_size=500))
def test_any_file_is_a_transcript_or_a_refusal(data):
    header = f"detente-transcript-1\nholder {'1' * 64}\npeer {'2' * 64}\naccord {'3' * 64}\n\n".encode()
    with pytest.raises(Refusal):
        read_export(data)
    if data:
        with pytest.raises(Refusal, match="transcript, byte 236"):
            read_export(header + data)


def test_a_document_of_another_link_is_not_in_an_export():
    envelope = seal_envelope(
        STRANGER, Direction(STRANGER.public, SOUTH.public, "a" * 64), 1, NO_PREVIOUS, AT, "note", b""
    )
    header = f"detente-transcript-1\nholder {'1' * 64}\npeer {'2' * 64}\naccord {'3' * 64}\n\n".encode()
    with pytest.raises(Refusal, match="direction"):
        read_export(header + envelope.raw)


def test_evidence_is_counted_and_is_no_part_of_the_history(sides):
    north, south = sides
    deliver(north, south, b"one")
    south.receive(seal_envelope(NORTH, TO_SOUTH, 1, NO_PREVIOUS, AT, "note", b"other"))
    copy = copy_of(south)
    assert copy.contradictions == 1
    assert compare_transcripts(copy_of(north), copy).equal
    assert len(south.entries(LINK_EVIDENCE)) == 1


def test_several_links_are_several_transcripts(sides):
    north, south = sides
    deliver(north, south, b"one")
    other = north.links.open(STRANGER.public, OTHER_ACCORD)
    north.record([(SENT, e.raw) for e in other.seal(NORTH, [("note", b"x")], AT)])
    found = {(t.peer, t.accord): len(t.sent.envelopes) for t in holding_of(north).transcripts}
    assert found == {(SOUTH.public, north.accord): 1, (STRANGER.public, OTHER_ACCORD): 1}


def test_entries_of_two_journals_are_no_transcript(sides):
    north, south = sides
    deliver(north, south, b"one")
    with pytest.raises(Refusal, match="holder"):
        holding_of_entries(NORTH.public, [*north.journal.read(), *south.journal.read()])


@settings(max_examples=40)
@given(st.data())
def test_whatever_was_lost_on_the_way_the_copies_never_differ(tmp_path_factory, data):
    with two_sides(tmp_path_factory.mktemp("links")) as (north, south):
        for _ in range(data.draw(st.integers(1, 8))):
            sender, receiver = data.draw(st.permutations((north, south)))
            sender.send(*(b"%d" % n for n in range(data.draw(st.integers(0, 3)))))
            if sender.session.sent_number and data.draw(st.booleans()):
                carry(sender, receiver, lose_answer=data.draw(st.booleans()))
        comparison = compare_transcripts(copy_of(north), copy_of(south))
        assert comparison.equal
        assert verify_transcript(copy_of(north)) == verify_transcript(copy_of(south)) == []
        for sender, receiver in ((north, south), (south, north)):
            if sender.session.sent_number:
                carry(sender, receiver)
        settled = compare_transcripts(copy_of(north), copy_of(south))
        assert settled.equal
        assert settled.in_flight == ()
        held = [read_envelope(entry.body)[0].hash for entry in south.entries(RECEIVED)]
        assert held == [read_envelope(entry.body)[0].hash for entry in north.entries(SENT)]


def test_copies_are_compared_over_every_link_between_their_holders(sides):
    north, south = sides
    deliver(north, south, b"one")
    other_way = Direction(SOUTH.public, NORTH.public, OTHER_ACCORD)
    (sealed,) = (seal_envelope(SOUTH, other_way, 1, NO_PREVIOUS, AT, "note", b"not yet there"),)
    south.record([(SENT, sealed.raw)])
    elsewhere = seal_envelope(
        SOUTH, Direction(SOUTH.public, STRANGER.public, OTHER_ACCORD), 1, NO_PREVIOUS, AT, "note", b""
    )
    south.record([(SENT, elsewhere.raw)])
    comparison = compare_copies(holding_of(north), holding_of(south))
    assert comparison.equal
    assert comparison.equal_envelopes == 1
    assert [(f.kind, f.direction, f.first, f.last) for f in comparison.in_flight] == [
        (FindingKind.IN_FLIGHT, other_way, 1, 1)
    ]


def test_a_copy_that_is_itself_broken_is_not_equal(sides):
    north, south = sides
    deliver(north, south, b"one")
    good = copy_of(south)
    (envelope,) = good.received.envelopes
    unsigned = msgspec.structs.replace(
        good, received=msgspec.structs.replace(
            good.received, envelopes=(msgspec.structs.replace(envelope, signature=bytes(64)),)
        )
    )  # fmt: skip
    comparison = compare_copies(holding_of(north), Holding(SOUTH.public, (unsigned,)))
    assert not comparison.equal
    assert comparison.differences == ()
    assert [kinds(findings) for findings in comparison.broken] == [[], [FindingKind.WRONG_SIGNATURE]]


def test_copies_without_a_link_between_them_are_not_compared(sides):
    north, _ = sides
    with pytest.raises(Refusal, match="none in common"):
        compare_copies(holding_of(north), Holding(STRANGER.public, ()))
