"""No peer starves another nor fills the disk: what is over its allowance is refused, kept by nobody, and sent later."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link_parties import AT, NORTH, SOUTH, STRANGER, Side

from detente.link.allowance import NONSENSE_FACTOR, Allowance, Meter
from detente.link.answer import RefusalReason, read_answer
from detente.link.envelope import NO_PREVIOUS, seal_envelope
from detente.link.links import RefusalBudget
from detente.link.session import LINK_EVIDENCE, LINK_REFUSED, RECEIVED
from length import quickly

SMALL = Allowance(10.0, 1.0, 100_000.0, 1_000.0)


@pytest.fixture
def sides(tmp_path):
    north = Side(tmp_path / "north.sqlite", NORTH, SOUTH)
    south = Side.__new__(Side)
    south.allowance = SMALL
    south.__init__(tmp_path / "south.sqlite", SOUTH, NORTH)
    yield north, south
    north.journal.close()
    south.journal.close()


def test_what_is_too_much_is_refused_unkept_and_accepted_later(sides):
    north, south = sides
    sent = north.send(*(b"%d" % number for number in range(14)))
    judgement = south.receive(*sent)
    answer = read_answer(judgement.answer)
    assert judgement.status == 429
    assert (answer.refused.reason, answer.refused.number, answer.next_number) == (RefusalReason.TOO_MUCH, 11, 11)
    assert len(answer.receipts) == 1, "what came before it is held"
    assert len(south.entries(RECEIVED)) == 10
    for _ in range(300):
        south.receive(*sent[10:])
    assert len(south.entries(RECEIVED)) == 10
    assert len(south.entries(LINK_REFUSED)) <= RefusalBudget().burst
    later = south.receive(*sent[10:], at=AT + timedelta(seconds=5))
    assert later.status == 200
    assert south.session.received_number == 14


def test_one_peers_flood_leaves_another_its_own(sides):
    north, south = sides
    other = south.links.open(STRANGER.public, south.accord, SMALL)
    south.receive(*north.send(*(b"%d" % number for number in range(14))))
    envelope = seal_envelope(STRANGER, other.incoming, 1, NO_PREVIOUS, AT, "note", b"")
    assert south.receive(envelope).status == 200
    for _ in range(100):
        south.links.budget_of(NORTH.public).spend(AT)
    forged = seal_envelope(STRANGER, other.incoming, 1, NO_PREVIOUS, AT, "note", b"another")
    assert read_answer(south.receive(forged).answer).refused.reason is RefusalReason.EQUIVOCATION
    assert len(south.entries(LINK_EVIDENCE)) == 1, "evidence against the other is kept all the same"


def test_nonsense_costs_a_hundred_times_as_much(sides):
    north, south = sides
    (envelope,) = north.send(b"nonsense")
    south.receive(envelope)
    south.links.charge_nonsense(envelope)
    (second,) = north.send(b"more")
    assert south.receive(second).status == 429
    assert south.receive(second, at=AT + timedelta(seconds=NONSENSE_FACTOR)).status == 200


def test_evidence_too_is_bounded_by_size(sides):
    north, south = sides
    south.receive(*north.send(b"one"))
    for number in range(30):
        lie = seal_envelope(NORTH, south.session.incoming, 1, NO_PREVIOUS, AT, "note", bytes([number]) * 50_000)
        assert south.receive(lie).status == 409
    assert len(south.entries(LINK_EVIDENCE)) == 1


@settings(max_examples=quickly(200), deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(0, 50_000)), min_size=1, max_size=200))
def test_over_any_time_no_more_comes_than_the_burst_and_the_rate(asked):
    """The bound that the disk relies on, against a plain count."""
    meter, at, taken, size, largest = Meter(SMALL), AT, 0, 0, 0
    for wait_s, length in asked:
        at += timedelta(seconds=wait_s)
        if meter.admits(at):
            meter.charge(length)
            taken, size, largest = taken + 1, size + length, max(largest, length)
        elapsed_s = (at - AT).total_seconds()
        assert taken <= SMALL.envelopes + elapsed_s * SMALL.envelopes_per_s + 1e-6
        assert size <= SMALL.size_bytes + elapsed_s * SMALL.bytes_per_s + largest + 1e-6


def test_work_is_charged_and_comes_back_with_time():
    meter = Meter(Allowance(10.0, 1.0, 1e6, 1e3, work=1_000.0, work_per_s=100.0))
    assert meter.admits(AT)
    meter.charge_work(1_500)
    assert not meter.admits(AT + timedelta(seconds=5)), "as much as was taken too much has to come back"
    assert meter.admits(AT + timedelta(seconds=6))
