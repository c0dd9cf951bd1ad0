"""A peer that masks its questions under another scalar than the key it committed to: found before any answer."""

import contextlib
from dataclasses import replace

import msgspec
import pytest
from cheats import ProbingLists
from match_parties import RUN, TERMS, circle, late_run, play, side_of

from detente.accord.matching_terms import FineGrid
from detente.airspace.refusal import Refusal
from detente.matching.checks import found_share, spot_count
from detente.matching.evidence import list_was_proven
from detente.matching.messages import HEADER_BYTES, BreachError, MessageKind, sign_message
from detente.matching.quantise import Role, covered_parts, parts_of, quantise
from detente.record.keys import SIGNATURE_BYTES

HERE = (36.5, -121.5)
OURS = [circle("ours", *HERE, radius_m=100.0), circle("quiet", 36.9, -121.5, radius_m=100.0)]
SMALL = msgspec.structs.replace(
    TERMS, first_log2=9, second_log2=9, late_log2=8, spot_points=2, spot_one_in=128, spot_least=1, answers_least=16,
    fine=(FineGrid(cell_dm=50_000, bin_seconds=60, first_log2=8, second_log2=8),),
)  # fmt: skip


def sides(terms, seed, ours=OURS, theirs=()):
    run = replace(RUN, terms=terms)
    seeds = b"%032d" % seed, b"%032d" % (seed + 1)
    return side_of(0, ours, run=run, seed=seeds[0]), side_of(1, list(theirs), run=run, seed=seeds[1])


def asked_about(cheat, plans=OURS):
    return quantise(plans, cheat.role, RUN.epoch, cheat.run.terms, RUN.minima).tokens


def cheated(honest, cheat):
    """Whether the honest side found it out."""
    with contextlib.suppress(BreachError):
        play(honest, cheat)
    return honest.breach is not None and honest.breach.fault == "proof"


def found_by_proof(honest, cheat):
    """Whether the cheat is found out when its rows are to be proven; what follows is left out."""
    while honest.sending is None or honest.sending.kind is not MessageKind.ANSWERS:
        for sender, receiver in ((honest, cheat), (cheat, honest)):
            raw = sender.next_message()
            if raw is not None:
                with contextlib.suppress(BreachError):
                    receiver.receive(raw)
            if honest.breach is not None:
                return honest.breach.fault == "proof"
    return False


def test_questions_under_another_scalar_are_found_before_anything_is_answered():
    honest, cheat = sides(msgspec.structs.replace(SMALL, spot_one_in=1), 1)
    cheat._lists = lists = ProbingLists(cheat, asked_about(cheat))
    assert cheated(honest, cheat)
    assert lists.learnt is None
    sent = [line.kind for line in honest.transcript if line.sent]
    assert sent == ["commit", "masked", "coin", "proof"]
    # All that proves it is signed: both lists, the coin and the proof that does not hold.
    assert [line.kind for line in honest.transcript if not line.sent] == ["commit", "masked", "coin"]


def told_of(side, sent):
    return {step.name: raw for step, raw in zip(side.steps, sent, strict=False)}


def test_anybody_can_check_the_evidence_and_nobody_can_be_framed():
    honest, cheat = sides(msgspec.structs.replace(SMALL, spot_one_in=1, spot_points=2), 11)
    cheat._lists = ProbingLists(cheat, asked_about(cheat))
    sent = ([], [])
    with contextlib.suppress(BreachError):
        play(honest, cheat, sent)
    ours, theirs = told_of(honest, sent[0]), told_of(cheat, sent[1])
    assert not list_was_proven(honest.run, cheat.key.public, theirs, ours)
    # The honest side's own proof, which it sent too, holds; the cheat cannot show it with another coin of its own.
    assert list_was_proven(honest.run, honest.key.public, ours, theirs)
    body = theirs["3-coin"][HEADER_BYTES:-SIGNATURE_BYTES]
    other = sign_message(cheat.key, MessageKind.COIN, 0, 0, honest.run.identity, cheat.session, bytes(32) + body[32:])
    with pytest.raises(Refusal, match="proofs for other messages"):
        list_was_proven(honest.run, honest.key.public, ours, {**theirs, "3-coin": other})
    for name in ("2-masked", "4-proof"):
        with pytest.raises(Refusal, match=name):
            list_was_proven(honest.run, cheat.key.public, {**theirs, name: b""}, ours)
    with pytest.raises(Refusal, match="2-masked"):
        list_was_proven(honest.run, cheat.key.public, {**theirs, "2-masked": theirs["3-coin"]}, ours)


def test_without_checks_they_would_map_the_schedule():
    """What one question tells when its row is not chosen, which is why rows are chosen by the other party's coin."""
    honest, cheat = sides(SMALL, 3)
    probes = asked_about(cheat)
    cheat._lists = lists = ProbingLists(cheat, probes)
    honest._lists._take_proof = lambda step, body: None
    play(honest, cheat)
    shown = honest.rounds[0].own[0].tokens
    assert lists.learnt == set(probes.tolist()) & set(shown.tolist())
    assert lists.learnt
    assert (honest.breach, honest.revealed.opened) == (None, 0)


def test_questions_under_another_scalar_in_a_late_run_are_found():
    honest, cheat = sides(msgspec.structs.replace(SMALL, spot_one_in=1), 5)
    cheat._lists = lists = ProbingLists(cheat, asked_about(cheat), chapter=1)
    play(honest, cheat)
    with pytest.raises(BreachError, match="proof"):
        late_run(honest, cheat, [])
    assert lists.learnt is None
    assert honest.breach.fault == "proof"


def test_zooming_in_where_nothing_is_in_common_cannot_be_proven():
    """In a fine round every label is inside a token in common: a question elsewhere is in no block, under any key."""
    honest, cheat = sides(msgspec.structs.replace(SMALL, spot_one_in=1), 7)
    fine, _ = covered_parts(parts_of(OURS), cheat.role, RUN.epoch, cheat.run.terms, RUN.minima, 1)
    lists = cheat._lists
    honest_look = lists._masked

    def masked(step, tokens):
        made = honest_look(step, fine.tokens if step.grid else tokens)
        if step.grid:
            lists.shown = fine.tokens
        return made

    lists._masked = masked
    for side in (honest, cheat):
        assert side.rounds[1].universe.tolist() == []
    with pytest.raises((IndexError, ValueError)):
        play(honest, cheat)  # its own half cannot make the proof
    assert [step.kind.name for step in (honest.awaited or honest.sending,)] == ["PROOF"]
    with pytest.raises(ValueError, match="nobody may show"):
        lists._labels(cheat.steps[5], cheat.role).blocks_of_tokens(fine.tokens[:1])


def test_questions_under_another_scalar_in_a_fine_round_are_found():
    honest, cheat = sides(msgspec.structs.replace(SMALL, spot_one_in=1), 9, theirs=[circle("t", 36.55, -121.5)])
    fine, _ = covered_parts(parts_of(OURS), cheat.role, RUN.epoch, cheat.run.terms, RUN.minima, 1)
    cheat._lists = lists = ProbingLists(cheat, fine.tokens, grid=1)
    assert cheated(honest, cheat)
    assert lists.learnt is None
    assert honest.revealed is None


SHARES = [(0, 120), (1, 20), (0, 20)]
"""In the run or a late one, so many questions; whether as many are found as computed, `prove.py` asks of 1,000 runs."""
SHARE_TERMS = msgspec.structs.replace(SMALL, first_log2=8, second_log2=8, late_log2=7, answers_least=1, fine=())
# Places that nobody is at: what matters is only how many rows are under another scalar.
NOWHERE = [circle(f"x{k}", HERE[0] + 0.7 * k, HERE[1], radius_m=30_000.0) for k in range(4)]


def is_found(chapter, probes, number):
    """Whether in run `number` so many questions in a chapter are found out."""
    honest, cheat = sides(SHARE_TERMS, 2 * number, ours=[], theirs=[])
    places = asked_about(cheat, NOWHERE)[:probes]
    assert len(places) == probes
    cheat._lists = ProbingLists(cheat, places, chapter=chapter)
    if chapter:
        play(honest, cheat)
        for side in (honest, cheat):
            side.begin_late(quantise([], side.role, side.run.epoch, side.run.terms, side.run.minima))
    return found_by_proof(honest, cheat)


def share_computed(chapter, probes):
    """The share of runs in which so many questions are found, by the formula."""
    capacity = replace(RUN, terms=SHARE_TERMS).capacity(Role.SECOND, chapter)
    return found_share(probes, capacity, spot_count(SHARE_TERMS, capacity))


@pytest.mark.long
@pytest.mark.parametrize(("chapter", "probes"), SHARES)
def test_the_share_that_is_found_is_the_one_computed(chapter, probes):
    """As many runs are found out as the formula says, within five deviations, because they are few."""
    runs, expected = 50, share_computed(chapter, probes)
    found = sum(is_found(chapter, probes, number) for number in range(runs))
    assert abs(found / runs - expected) < 5 * (expected * (1 - expected) / runs) ** 0.5
