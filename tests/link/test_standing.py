"""What a party holds of a link, said and signed: what is given back is its own, and nobody else has it."""

import base64

import pytest
from link_parties import ACCORD, AT, NORTH, SOUTH, STRANGER, TO_SOUTH, two_sides

from detente.airspace.refusal import Refusal
from detente.link.answer import MAX_GIVEN_BACK_BYTES, RefusalReason, read_answer
from detente.link.envelope import NO_PREVIOUS, read_envelope, seal_envelope
from detente.link.session import RECEIPT_RECEIVED, RECEIPT_SENT, SENT, Session
from detente.link.standing import read_standing, sign_standing


@pytest.fixture
def sides(tmp_path):
    with two_sides(tmp_path) as (north, south):
        yield north, south


def asks(side, session, other, **more):
    """What the other side answers, and the envelopes that it gives back."""
    judgement = other.receive(sign_standing(side.key, session, AT, **more).raw)
    answer = read_answer(judgement.answer)
    return answer, [read_envelope(base64.b64decode(text))[0] for text in answer.given_back]


def test_a_standing_is_read_as_it_was_signed(sides):
    north, _ = sides
    north.send(b"one", b"two")
    standing = sign_standing(NORTH, north.session, AT)
    again, end = read_standing(standing.raw)
    assert (again, end) == (standing, len(standing.raw))
    assert (again.direction, again.sent, again.sent_hash) == (TO_SOUTH, 2, north.session.sent_hash(2))
    assert (again.received, again.received_hash) == (0, NO_PREVIOUS)
    assert again.is_signed_by(again.direction.sender)
    changed, _ = read_standing(standing.raw.replace(b"\nsent 2\n", b"\nsent 1\n"))
    assert not changed.is_signed_by(changed.direction.sender)


def test_who_lost_what_it_said_is_given_it_back_under_its_own_signature(sides):
    north, south = sides
    sent = north.send(b"one", b"two", b"three")
    south.receive(*sent)
    empty = Session(TO_SOUTH)
    answer, given = asks(north, empty, south)
    assert [envelope.raw for envelope in given] == [envelope.raw for envelope in sent]
    assert answer.next_number == 4
    theirs, _ = read_standing(answer.standing.encode())
    assert (theirs.direction, theirs.received, theirs.received_hash) == (TO_SOUTH.reverse, 3, sent[-1].hash)
    assert empty.kept_with(given) == 0
    assert north.session.kept_with(given) == 3
    assert asks(north, north.session, south)[1] == [], "who holds it all is given nothing"
    assert south.entries("link_refused") == []


def test_what_was_receipted_long_ago_is_not_taken_back_for_another_history(sides, monkeypatch):
    """Else one envelope that a peer gives back would make a journal that no start can read."""
    monkeypatch.setattr("detente.link.chains.KEPT_ENVELOPES", 2)
    north, south = sides
    sent = north.send(*(b"%d" % number for number in range(10)))
    south.receive(*sent)
    north.record([(RECEIPT_RECEIVED, entry.body) for entry in south.entries(RECEIPT_SENT)])
    assert north.session.receipted_number == 10
    north.links.left = Looked(north.journal)
    north.session.forget(north.journal.head.number + 1)
    assert [north.session.sent_hash(number) for number in range(1, 11)] == [envelope.hash for envelope in sent]
    assert north.session.kept_with(sent[:3]) == 3
    for number in (1, 2, 8, 9):
        before = sent[number - 2].hash if number > 1 else NO_PREVIOUS
        other = seal_envelope(NORTH, TO_SOUTH, number, before, AT, "note", b"another history")
        with pytest.raises(Refusal):
            north.session.kept_with([other])
    assert north.session.kept_with([seal_envelope(NORTH, TO_SOUTH, 10, sent[8].hash, AT, "note", b"the last")]) == 9


class Looked:
    """Looks in a journal for what has left a session."""

    def __init__(self, journal):
        self._journal = journal

    def envelope(self, kind, direction, number, entries):
        for entry in self._journal.read(entries.start, kind):
            envelope, _ = read_envelope(entry.body)
            if envelope.number == number and envelope.direction == direction:
                assert entry.number in entries
                return envelope.hash, entry.number
        raise AssertionError(number)


def test_of_two_histories_what_is_given_back_takes_the_place_of_what_was_not_received(sides):
    north, south = sides
    first, *rest = north.send(b"one", b"two", b"three")
    south.receive(first, *rest)
    forked = Session(TO_SOUTH)
    forked.absorb(SENT, first, 1)
    void = forked.seal(NORTH, [("note", b"other")], AT)
    forked.absorb(SENT, void[0], 2)
    assert asks(north, forked, south)[1] == [], "south does not hold what north names"
    _, given = asks(north, forked, south, sent=1)
    assert forked.kept_with(given) == 1
    forked.go_on_after(given)
    (next_one,) = forked.seal(NORTH, [("note", b"again")], AT)
    for number, envelope in enumerate((*given, next_one), start=3):
        forked.absorb(SENT, envelope, number)
    assert (forked.sent_number, forked.sent_hash(3)) == (4, rest[-1].hash)
    assert read_answer(south.receive(next_one).answer).refused is None


@pytest.mark.parametrize("whose", ["stranger", "peer", "changed", "gap", "not next"])
def test_what_is_not_ours_or_does_not_follow_is_not_taken_back(sides, whose):
    north, _ = sides
    one, two, three = north.send(b"one", b"two", b"three")
    session = Session(TO_SOUTH)
    session.absorb(SENT, one, 1)
    forged, _ = read_envelope(two.raw.replace(b"\nsignature " + two.signature.hex()[:4].encode(), b"\nsignature 0000"))
    given = {
        "stranger": [seal_envelope(STRANGER, TO_SOUTH.__class__(STRANGER.public, SOUTH.public, ACCORD), 2, one.hash,
                                   AT, "note", b"x")],
        "peer": [seal_envelope(SOUTH, TO_SOUTH.reverse, 2, one.hash, AT, "note", b"x")],
        "changed": [forged],
        "gap": [three],
        "not next": [two, two],
    }[whose]  # fmt: skip
    with pytest.raises(Refusal, match="given_back"):
        session.kept_with(given)


def test_strangers_and_other_words_are_refused(sides):
    north, south = sides
    south.receive(*north.send(b"one"))
    stranger = Session(TO_SOUTH.__class__(STRANGER.public, SOUTH.public, ACCORD))
    other = Session(TO_SOUTH.__class__(NORTH.public, SOUTH.public, "b2" * 32))
    standing = sign_standing(NORTH, Session(TO_SOUTH), AT).raw
    forged = standing.replace(b"\nreceived 0\n", b"\nreceived 1\n")
    for body, reason in (
        (sign_standing(STRANGER, stranger, AT).raw, RefusalReason.UNKNOWN_SENDER),
        (sign_standing(NORTH, other, AT).raw, RefusalReason.WRONG_ACCORD),
        (forged, RefusalReason.UNKNOWN_SENDER),
        (standing + b"more", RefusalReason.MALFORMED),
        (standing[:-10], RefusalReason.MALFORMED),
    ):
        answer = read_answer(south.receive(body).answer)
        assert answer.refused is not None
        assert answer.refused.reason is reason
        assert answer.given_back == ()


@pytest.mark.long
def test_much_is_given_back_in_parts_and_counts_against_the_allowance(sides):
    north, south = sides
    body = b"x" * (3 * 1024 * 1024)
    for envelope in north.send(body, body, body, body):
        south.receive(envelope)
    _, given = asks(north, Session(TO_SOUTH), south)
    assert [envelope.number for envelope in given] == [1, 2]
    assert sum(len(envelope.raw) for envelope in given) <= MAX_GIVEN_BACK_BYTES
    answers = [asks(north, Session(TO_SOUTH), south)[0] for _ in range(60)]
    refused = [answer.refused.reason for answer in answers if answer.refused is not None]
    assert refused
    assert set(refused) == {RefusalReason.TOO_MUCH}
