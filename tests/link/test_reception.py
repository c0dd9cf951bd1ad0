import hashlib
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link_parties import ACCORD, AT, NORTH, OTHER_ACCORD, SOUTH, STRANGER, TO_SOUTH, two_sides

from detente.link.answer import MAX_BATCH_BYTES, MAX_BATCH_ENVELOPES, RefusalReason, read_answer
from detente.link.envelope import NO_PREVIOUS, Direction, read_envelope, seal_envelope
from detente.link.links import RefusalBudget
from detente.link.receipt import read_receipt
from detente.link.reception import PART_BYTES, joined, judge_batch, parts_of
from detente.link.session import (
    LINK_EVIDENCE,
    LINK_REFUSED,
    RECEIPT_SENT,
    RECEIVED,
    RefusalRecord,
)
from length import quickly
from receiving import receive_batch


@pytest.fixture
def sides(tmp_path):
    with two_sides(tmp_path) as both:
        yield both


def answer_of(judgement):
    return read_answer(judgement.answer)


def receipts_of(judgement):
    return [read_receipt(text.encode())[0] for text in answer_of(judgement).receipts]


def state_of(side):
    session = side.session
    return (session.sent_number, session.receipted_number, session.received_number, session.received_hash)


def refusals(side):
    return [msgspec.json.decode(entry.body, type=RefusalRecord) for entry in side.entries(LINK_REFUSED)]


def forged(number, previous, body=b"other", *, key=NORTH, direction=TO_SOUTH):
    return seal_envelope(key, direction, number, previous, AT, "note", body)


def test_in_order_is_accepted_kept_exactly_and_receipted(sides):
    north, south = sides
    sent = north.send(b"one", b"two", b"three")
    later = AT + timedelta(seconds=2)
    judgement = south.receive(*sent, at=later)
    assert judgement.status == 200
    assert judgement.accepted == tuple(sent)
    assert [entry.body for entry in south.entries(RECEIVED)] == [envelope.raw for envelope in sent]
    (receipt,) = receipts_of(judgement)
    assert receipt.is_signed_by([receipt.direction.recipient])
    assert (receipt.direction, receipt.first, receipt.last) == (TO_SOUTH, 1, 3)
    assert (receipt.last_hash, receipt.received_at) == (sent[2].hash, later)
    assert [entry.body for entry in south.entries(RECEIPT_SENT)] == [receipt.raw]
    assert answer_of(judgement).next_number == 4
    assert answer_of(judgement).refused is None


def test_received_and_receipt_are_one_durable_batch(sides):
    north, south = sides
    judgement = south.receive(*north.send(b"one", b"two"))
    assert [kind for kind, _ in judgement.entries] == [RECEIVED, RECEIVED, RECEIPT_SENT]


def test_judging_changes_nothing(sides):
    north, south = sides
    sent = north.send(b"one")
    before = state_of(south)
    judgement = judge_batch(south.links, SOUTH, sent[0].raw, AT, lambda number: pytest.fail("nothing to read"))
    assert judgement.accepted == tuple(sent)
    assert state_of(south) == before
    assert south.entries(RECEIVED) == []


def test_a_duplicate_gets_the_same_receipt_again_and_no_entry(sides):
    north, south = sides
    sent = north.send(b"one", b"two")
    first = south.receive(*sent, at=AT)
    for again in (south.receive(*sent, at=AT + timedelta(hours=1)), south.receive(sent[1])):
        assert again.status == 200
        assert again.accepted == ()
        assert again.entries == ()
        assert answer_of(again).receipts == answer_of(first).receipts
    assert len(south.entries(RECEIVED, RECEIPT_SENT)) == 3


def test_a_batch_of_old_and_new_accepts_the_new(sides):
    north, south = sides
    old = north.send(b"one", b"two")
    south.receive(*old)
    new = north.send(b"three")
    judgement = south.receive(old[1], *new, old[0], *new)
    assert judgement.accepted == tuple(new)
    assert [(receipt.first, receipt.last) for receipt in receipts_of(judgement)] == [(1, 2), (3, 3)]


def test_a_gap_is_refused_with_what_is_expected_and_resending_heals_it(sides):
    north, south = sides
    one, two, three = north.send(b"one", b"two", b"three")
    south.receive(one)
    judgement = south.receive(three)
    assert judgement.status == 409
    assert answer_of(judgement).refused.reason is RefusalReason.GAP
    assert answer_of(judgement).next_number == 2
    assert judgement.entries == ()
    assert south.receive(two, three).accepted == (two, three)


def test_the_good_beginning_of_a_batch_with_a_gap_is_kept(sides):
    north, south = sides
    one, two, _, four = north.send(b"one", b"two", b"three", b"four")
    judgement = south.receive(one, two, four)
    assert judgement.accepted == (one, two)
    assert [(receipt.first, receipt.last) for receipt in receipts_of(judgement)] == [(1, 2)]
    assert answer_of(judgement).next_number == 3


def test_another_content_under_a_held_number_is_refused_and_kept_as_evidence(sides):
    north, south = sides
    sent = north.send(b"one", b"two")
    south.receive(*sent)
    lie = forged(2, sent[0].hash)
    before = state_of(south)
    judgement = south.receive(lie)
    assert judgement.status == 409
    assert answer_of(judgement).refused.reason is RefusalReason.EQUIVOCATION
    assert answer_of(judgement).refused.number == 2
    assert state_of(south) == before
    (evidence,) = south.entries(LINK_EVIDENCE)
    assert evidence.body == lie.raw
    assert read_envelope(evidence.body)[0].is_signed_by(read_envelope(evidence.body)[0].direction.sender)
    assert [record.reason for record in refusals(south)] == ["equivocation"]
    assert south.session.contradictions == 1
    south.restart()
    assert south.session.contradictions == 1
    assert south.receive(*north.send(b"three")).status == 200


def test_two_histories_are_caught_at_the_next_message(sides):
    north, south = sides
    sent = north.send(b"one", b"two")
    south.receive(*sent)
    other_two = forged(2, sent[0].hash)
    judgement = south.receive(forged(3, other_two.hash))
    assert answer_of(judgement).refused.reason is RefusalReason.EQUIVOCATION
    assert len(south.entries(LINK_EVIDENCE)) == 1


def test_equivocation_inside_one_batch_is_caught(sides):
    north, south = sides
    one, two, three = north.send(b"one", b"two", b"three")
    lie = forged(2, one.hash)
    judgement = south.receive(one, two, three, lie)
    assert judgement.accepted == (one, two, three)
    assert answer_of(judgement).refused.reason is RefusalReason.EQUIVOCATION
    assert [entry.body for entry in south.entries(LINK_EVIDENCE)] == [lie.raw]


@pytest.mark.parametrize(
    ("make", "reason", "status"),
    [
        (
            lambda: forged(1, NO_PREVIOUS, direction=Direction(NORTH.public, STRANGER.public, ACCORD)).raw,
            "wrong_recipient",
            421,
        ),
        (
            lambda: (
                forged(1, NO_PREVIOUS, key=STRANGER, direction=Direction(STRANGER.public, SOUTH.public, ACCORD)).raw
            ),
            "unknown_sender",
            403,
        ),
        (
            lambda: forged(1, NO_PREVIOUS, direction=Direction(NORTH.public, SOUTH.public, OTHER_ACCORD)).raw,
            "wrong_accord",
            409,
        ),
        (
            lambda: forged(
                1, NO_PREVIOUS, key=STRANGER, direction=Direction(STRANGER.public, SOUTH.public, ACCORD)
            ).raw.replace(STRANGER.public.hex().encode(), NORTH.public.hex().encode()),
            "wrong_signature",
            403,
        ),
        (lambda: b"GET / HTTP/1.1\r\n\r\n", "malformed", 400),
        (lambda: b"", "malformed", 400),
        (lambda: forged(1, NO_PREVIOUS).raw + b"\n", "malformed", 400),
        (lambda: bytes(MAX_BATCH_BYTES + 1), "too_large", 413),
        (lambda: forged(1, NO_PREVIOUS).raw * (MAX_BATCH_ENVELOPES + 1), "too_large", 413),
    ],
)
def test_what_is_not_for_this_link_is_refused_recorded_and_changes_nothing(sides, make, reason, status):
    north, south = sides
    body = make()
    before = state_of(south)
    judgement = south.receive(body)
    assert judgement.status == status
    assert judgement.accepted == ()
    told = "unknown_sender" if reason == "wrong_signature" else reason
    assert answer_of(judgement).refused.reason == told
    assert answer_of(judgement).receipts == ()
    assert state_of(south) == before
    assert south.entries(RECEIVED, RECEIPT_SENT, LINK_EVIDENCE) == []
    (record,) = refusals(south)
    assert record.reason == reason
    assert record.sha256 == hashlib.sha256(body).hexdigest()
    assert record.length_bytes == len(body)
    assert south.receive(*north.send(b"one")).status == 200


def test_a_stranger_is_not_told_whether_a_key_is_known_here(sides):
    _, south = sides
    other = Direction(STRANGER.public, SOUTH.public, ACCORD)
    of_nobody = forged(1, NO_PREVIOUS, key=STRANGER, direction=other).raw
    in_norths_name = of_nobody.replace(STRANGER.public.hex().encode(), NORTH.public.hex().encode())
    answers = {(found.status, found.answer) for found in map(south.receive, (of_nobody, in_norths_name))}
    assert len(answers) == 1
    assert [record.reason for record in refusals(south)] == ["unknown_sender", "wrong_signature"]


def test_an_envelope_with_its_own_way_back_is_not_for_here(sides):
    _, south = sides
    sent = south.send(b"mine")
    assert answer_of(south.receive(*sent)).refused.reason is RefusalReason.WRONG_RECIPIENT


def test_a_malformed_end_refuses_the_whole_batch(sides):
    north, south = sides
    (one,) = north.send(b"one")
    judgement = south.receive(one.raw + b"garbage")
    assert judgement.accepted == ()
    assert answer_of(judgement).refused.reason is RefusalReason.MALFORMED


def test_a_closed_link_accepts_nothing_and_keeps_its_history(sides):
    north, south = sides
    south.receive(*north.send(b"one"))
    south.links.close(NORTH.public, ACCORD)
    judgement = south.receive(*north.send(b"two"))
    assert answer_of(judgement).refused.reason is RefusalReason.UNKNOWN_SENDER
    assert south.session.received_number == 1


def test_two_accords_are_two_links(sides):
    north, south = sides
    for side in sides:
        side.second = side.links.open(side.peer.public, OTHER_ACCORD)
    south.receive(*north.send(b"one", b"two"))
    (other,) = north.second.seal(NORTH, [("note", b"under the other accord")], AT)
    assert other.number == 1
    assert south.receive(other).status == 200
    assert (south.session.received_number, south.second.received_number) == (2, 1)
    (third,) = north.send(b"three")
    mixed = south.receive(third, other)
    assert answer_of(mixed).refused.reason is RefusalReason.MALFORMED
    assert mixed.accepted == (third,)


def test_a_flood_is_recorded_up_to_the_budget_and_counted(sides):
    north, south = sides
    south.links.stranger_budget = RefusalBudget(burst=3, refill_s=60.0)
    for number in range(50):
        assert south.receive(b"garbage %d" % number).status == 400
    assert len(refusals(south)) == 3
    south.receive(b"garbage after a minute", at=AT + timedelta(seconds=61))
    assert [record.suppressed for record in refusals(south)] == [0, 0, 0, 47]
    sent = north.send(b"one")
    south.receive(*sent)
    south.receive(forged(1, NO_PREVIOUS))
    assert len(south.entries(LINK_EVIDENCE)) == 1


def test_a_lying_peer_cannot_fill_the_journal_either(sides):
    north, south = sides
    south.links._peer_budgets[NORTH.public] = RefusalBudget(burst=5, refill_s=60.0)
    south.receive(*north.send(b"one"))
    for number in range(40):
        south.receive(forged(1, NO_PREVIOUS, b"lie %d" % number))
    assert len(south.entries(LINK_EVIDENCE)) == 5


def test_a_received_envelope_without_its_receipt_is_receipted_when_it_comes_again(sides):
    north, south = sides
    sent = north.send(b"one", b"two")
    south.record([(RECEIVED, envelope.raw) for envelope in sent])
    judgement = south.receive(*sent)
    (receipt,) = receipts_of(judgement)
    assert (receipt.first, receipt.last, receipt.last_hash) == (1, 2, sent[1].hash)
    assert answer_of(south.receive(sent[0])).receipts == (receipt.raw.decode(),)


def test_the_state_after_a_restart_is_the_state_before_it(sides):
    north, south = sides
    first = south.receive(*north.send(b"one", b"two"))
    north.receive(*south.send(b"back"))
    for side in sides:
        before = state_of(side)
        side.restart()
        assert state_of(side) == before
    again = south.receive(*(entry.body for entry in north.entries("sent")))
    assert answer_of(again).receipts == answer_of(first).receipts
    (three,) = north.send(b"three")
    assert three.number == 3
    assert south.receive(three).accepted == (three,)


def test_numbers_sealed_but_not_journaled_are_used_again_only_when_said(sides):
    north, _ = sides
    north.send(b"one")
    (lost,) = north.session.seal(NORTH, [("note", b"never journaled")], AT)
    (after,) = north.session.seal(NORTH, [("note", b"in flight")], AT)
    assert (lost.number, after.number, after.previous) == (2, 3, lost.hash)
    north.session.forget_unjournaled()
    (two,) = north.send(b"two")
    assert two.number == 2


def test_a_journal_that_contradicts_itself_is_not_folded(sides):
    _, south = sides
    with pytest.raises(ValueError, match="does not continue"):
        south.record([(RECEIVED, forged(2, bytes(32)).raw)])
    with pytest.raises(ValueError, match="another kind"):
        south.record([(RECEIPT_SENT, forged(1, NO_PREVIOUS).raw)])


@settings(max_examples=quickly(60))
@given(st.data())
def test_any_carrier_delivers_once_and_in_order(tmp_path_factory, data):
    """Batches cut, repeated, reordered and damaged: what is accepted is a beginning of what was sent, in order."""
    with two_sides(tmp_path_factory.mktemp("links")) as (north, south):
        sent = north.send(*(b"%d" % number for number in range(8)))
        accepted = []
        for _ in range(data.draw(st.integers(0, 12))):
            picked = data.draw(st.lists(st.sampled_from(sent), max_size=6))
            body = b"".join(envelope.raw for envelope in picked)
            if body and data.draw(st.booleans()):
                place = data.draw(st.integers(0, len(body) - 1))
                body = body[:place] + data.draw(st.binary(max_size=3)) + body[place + data.draw(st.integers(0, 3)) :]
            judgement = south.receive(body)
            accepted.extend(judgement.accepted)
            covered = {n for receipt in receipts_of(judgement) for n in range(receipt.first, receipt.last + 1)}
            assert {envelope.number for envelope in judgement.accepted} <= covered
            assert all(number <= len(accepted) for number in covered)
            if data.draw(st.integers(0, 4)) == 0:
                south.restart()
            assert accepted == sent[: len(accepted)]
            assert south.session.received_number == len(accepted)
        south.receive(*sent)
        assert [entry.body for entry in south.entries(RECEIVED)] == [envelope.raw for envelope in sent]


@settings(max_examples=quickly(200))
@given(st.binary(max_size=400))
def test_no_bytes_bring_the_receiver_down(data):
    from detente.link.links import Links

    links = Links(SOUTH.public)
    links.open(NORTH.public, ACCORD)
    judgement = judge_batch(links, SOUTH, data, AT, lambda number: pytest.fail("nothing to read"))
    assert 400 <= judgement.status < 500
    assert read_answer(judgement.answer).refused is not None


def judged_in_parts(side, body):
    """As a node does it: each part is durable before the next is judged."""
    judgements = []
    for part in parts_of(body):
        judgements.append(receive_batch(side.links, side.key, side.journal, part, AT))
        if judgements[-1].status != 200:
            break
    return joined(judgements)


def test_a_large_batch_is_judged_in_parts_and_answered_as_one(sides):
    north, south = sides
    sent = north.send(*(b"x" * size for size in [10] * 70 + [PART_BYTES, 10]))
    body = b"".join(envelope.raw for envelope in sent)
    parts = parts_of(body)
    assert b"".join(parts) == body
    assert [part.count(b"detente-envelope-1\n") for part in parts] == [16, 16, 16, 16, 6, 1, 1]
    judgement = judged_in_parts(south, body)
    assert judgement.status == 200
    assert judgement.accepted == tuple(sent)
    assert answer_of(judgement).next_number == 73
    firsts = [(receipt.first, receipt.last) for receipt in receipts_of(judgement)]
    assert firsts == [(1, 16), (17, 32), (33, 48), (49, 64), (65, 70), (71, 71), (72, 72)]


def test_what_follows_a_refused_part_is_not_looked_at(sides):
    north, south = sides
    sent = north.send(*(b"%d" % number for number in range(80)))
    del sent[40]
    judgement = judged_in_parts(south, b"".join(envelope.raw for envelope in sent))
    assert (judgement.status, len(judgement.accepted)) == (409, 40)
    assert answer_of(judgement).refused.reason is RefusalReason.GAP
    assert answer_of(judgement).next_number == 41


def test_a_batch_that_is_not_wholly_in_the_one_form_stays_whole(sides):
    north, _ = sides
    body = b"".join(envelope.raw for envelope in north.send(*[b"x"] * 80)) + b"garbage"
    assert parts_of(body) == [body]
