"""A closed link still answers what it holds, bounded; nobody makes us take back what is not ours, or for ever."""

import asyncio
import base64
from types import SimpleNamespace

import pytest
from link_parties import ACCORD, AT, NORTH, OTHER_ACCORD, SOUTH, TO_SOUTH, two_sides

from detente.airspace.refusal import Refusal
from detente.link.allowance import Allowance
from detente.link.answer import DeliveryAnswer, RefusalReason, read_answer
from detente.link.envelope import NO_PREVIOUS, seal_envelope
from detente.link.own_history import learn
from detente.link.session import SENT, Session
from detente.link.standing import Standing, read_standing, sign_standing


@pytest.fixture
def sides(tmp_path):
    with two_sides(tmp_path) as (north, south):
        yield north, south


class Memory:
    """What is taken back is folded into the session alone."""

    def standing(self, session, sent):
        return sign_standing(NORTH, session, AT, sent=sent)

    def rotations(self):
        return b""

    def peer_key(self, session, shown):
        assert not shown
        return session.outgoing.recipient

    async def take_back(self, session, given, receipts):
        if not given:
            return False
        try:
            kept = session.kept_with(given)
        except Refusal:
            return False
        for envelope in given:
            if envelope.number > kept:
                session.absorb(SENT, envelope, 100 + envelope.number)
        return kept < given[-1].number


def replace_accord(side, peer):
    side.links.open(peer.public, OTHER_ACCORD)
    side.links.close(peer.public, ACCORD)


def learnt(session, peer, answers=None):
    """What the one who asks learns of a link, in at most 50 questions."""
    asked = []

    async def exchange(body):
        asked.append(body)
        assert len(asked) < 50, "it asks for ever"
        return answers(body) if answers else read_answer(peer.receive(body).answer)

    return asyncio.run(learn(session, Memory(), exchange))


def forked(first):
    """North, put back, has said another thing in the place of the second."""
    session = Session(TO_SOUTH)
    session.absorb(SENT, first, 1)
    (void,) = session.seal(NORTH, [("note", b"other")], AT)
    session.absorb(SENT, void, 2)
    return session, void


def test_what_was_said_on_a_closed_link_is_given_back(sides):
    north, south = sides
    first, *rest = north.send(b"one", b"two", b"three")
    south.receive(first, *rest)
    replace_accord(south, NORTH)
    session, _ = forked(first)
    theirs = learnt(session, south)
    assert isinstance(theirs, Standing)
    assert (session.sent_number, session.sent_hash(3)) == (3, rest[-1].hash)
    (more,) = north.send(b"four")
    refused = read_answer(south.receive(more).answer).refused
    assert refused is not None
    assert refused.reason is RefusalReason.WRONG_ACCORD, "nothing more is taken in"
    assert south.session.received_number == 3


def test_of_a_link_that_never_was_nothing_is_said(sides):
    _, south = sides
    answer = learnt(Session(TO_SOUTH.__class__(NORTH.public, SOUTH.public, OTHER_ACCORD)), south)
    assert not isinstance(answer, Standing)
    assert answer.refused.reason is RefusalReason.WRONG_ACCORD
    assert list(south.links) == [south.session], "a question makes no session"


def test_questions_about_closed_links_are_charged_together(sides, monkeypatch):
    monkeypatch.setattr("detente.link.links.CLOSED_ALLOWANCE", Allowance(3.0, 0.001, 1e6, 1e3))
    north, south = sides
    south.receive(*north.send(b"one"))
    for accord in (ACCORD, OTHER_ACCORD):
        south.links.open(NORTH.public, accord)
    south.links.open(NORTH.public, "c3" * 32)
    for accord in (ACCORD, OTHER_ACCORD):
        south.links.close(NORTH.public, accord)
    reasons = []
    for accord in (ACCORD, OTHER_ACCORD, ACCORD, OTHER_ACCORD, ACCORD):
        asked = sign_standing(NORTH, Session(TO_SOUTH.__class__(NORTH.public, SOUTH.public, accord)), AT)
        answer = read_answer(south.receive(asked.raw).answer)
        reasons.append(answer.refused and answer.refused.reason)
    assert reasons == [None, None, RefusalReason.TOO_MUCH, RefusalReason.TOO_MUCH, RefusalReason.TOO_MUCH]


def giving(envelopes, received):
    """A peer that answers every question with these envelopes, and says that it holds so many."""
    holds = SimpleNamespace(
        outgoing=TO_SOUTH.reverse, sent_number=0, sent_hash=lambda _: NO_PREVIOUS, received_number=received,
        received_hash=bytes(31) + b"x",
    )  # fmt: skip

    def answers(body):
        question, _ = read_standing(body)
        texts = tuple(base64.b64encode(envelope.raw).decode() for envelope in envelopes)
        said = sign_standing(SOUTH, holds, AT, answers=question.hash)
        return DeliveryAnswer(received + 1, standing=said.raw.decode(), given_back=texts)

    return answers


@pytest.mark.parametrize("number", [2, 3, 50])
def test_what_is_not_ours_is_asked_for_no_further(sides, number):
    north, south = sides
    (first,) = north.send(b"one")
    south.receive(first)
    forged = seal_envelope(SOUTH, TO_SOUTH.reverse, number, first.hash, AT, "note", b"forged")
    session = Session(TO_SOUTH)
    session.absorb(SENT, first, 1)
    theirs = learnt(session, south, giving([forged], received=number + 10))
    assert isinstance(theirs, Standing)
    assert session.sent_number == 1


def test_of_two_histories_none_is_taken_back_a_second_time(sides):
    north, south = sides
    first, second = north.send(b"one", b"two")
    session, void = forked(first)
    for given in (second, void, second):
        learnt(session, south, giving([given], received=2))
    assert session.sent_hash(2) == second.hash
    with pytest.raises(Refusal, match="given_back"):
        session.kept_with([void])
