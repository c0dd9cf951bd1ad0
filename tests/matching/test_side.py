"""Two sides of a run: what each learns, what crosses the wire, and what a crash in the middle changes."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from match_parties import EPOCH, KEYS, RUN, TABLE, TERMS, circle, flight, play, side_of, world

from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.matching.messages import NO_SESSION, BreachError, MessageKind, read_match_message, sign_message
from detente.matching.quantise import Epoch
from detente.record.keys import NodeKey
from length import at_length

HERE = (36.5, -121.5)


def check_worlds(seed):
    ours, theirs = world(seed, 0), world(seed, 1)
    first, second = side_of(0, ours), side_of(1, theirs)
    play(first, second)
    expected = encounters_between(ours, theirs, TABLE)
    for side, plans, conflicting in (
        (first, ours, {e.first_plan_id for e in expected}),
        (second, theirs, {e.second_plan_id for e in expected}),
    ):
        seen = side.revealed
        assert {e.first_plan_id for e in seen.encounters} == conflicting
        assert conflicting <= set(seen.flagged) <= {plan.plan_id for plan in plans}
        assert set(seen.cleared) == set(seen.flagged) - conflicting
    assert first.revealed.matched_tokens == second.revealed.matched_tokens
    assert first.revealed.opened == len(second.revealed.theirs)
    assert second.revealed.opened == len(first.revealed.theirs)
    return len(expected)


@settings(max_examples=2, deadline=None)
@given(st.integers(0, 2**32))
def test_each_side_learns_its_own_conflicts_and_no_more(seed):
    check_worlds(seed)


@pytest.mark.long
@settings(max_examples=at_length(50), deadline=None)
@given(st.integers(0, 2**32))
def test_each_side_learns_its_own_conflicts_and_no_more_at_length(seed):
    check_worlds(seed)


def test_names_of_plans_are_not_told_and_parts_of_one_plan_are_told_apart_from_others():
    ours = [flight("secret-name", [HERE, (36.6, -121.5), (36.7, -121.5)])]
    first, second = side_of(0, ours), side_of(1, [circle("theirs", 36.6, -121.5, radius_m=20_000.0)])
    sent = play(first, second)
    assert b"secret-name" not in b"".join(sent[0])
    assert len(second.revealed.theirs) == 2
    assert len({piece.plan_id for piece in second.revealed.theirs}) == 1


@pytest.mark.parametrize("after", [2, 5])
def test_a_side_built_again_after_a_crash_sends_the_same_bytes(after):
    """Killed after any message: what it sends then is what it sent before, or what it would have sent."""
    ours, theirs = world(5, 0), world(5, 1)
    undisturbed = play(side_of(0, ours), side_of(1, theirs))
    first, second = side_of(0, ours), side_of(1, theirs)
    received, sent, steps = [], [], 0
    while not (first.complete and second.complete):
        if steps == after:
            first = side_of(0, ours)
            again = []
            for raw in [None, *received]:
                if raw is not None:
                    first.receive(raw)
                again += [m for m in [first.next_message()] if m is not None]
            assert again[: len(sent)] == sent
            for raw in again[len(sent) :]:
                second.receive(raw)
            sent = again
        else:
            raw = first.next_message()
            if raw is not None:
                sent.append(raw)
                second.receive(raw)
        raw = second.next_message()
        if raw is not None:
            received.append(raw)
            first.receive(raw)
        steps += 1
    assert sent == undisturbed[0]
    assert received == undisturbed[1]


def test_the_same_message_twice_changes_nothing_and_another_of_its_kind_ends_the_run():
    first, second = side_of(0, world(1, 0)), side_of(1, world(1, 1))
    commit = second.next_message()
    first.receive(commit)
    first.receive(commit)
    other = side_of(1, world(1, 1), b"x" * 32).next_message()
    with pytest.raises(BreachError, match="equivocation"):
        first.receive(other)


@pytest.mark.parametrize("stage", range(4))
def test_a_message_of_an_earlier_run_is_refused(stage):
    old = play(side_of(0, world(1, 0)), side_of(1, world(1, 1)))[1]
    for run, seed in ((replace(RUN, epoch=Epoch(EPOCH.number + 1, 86_400)), None), (RUN, b"n" * 32)):
        first, second = side_of(0, world(1, 0), seed, run), side_of(1, world(1, 1), b"m" * 32, run)
        for _ in range(stage):
            mine, yours = first.next_message(), second.next_message()
            second.receive(mine)
            first.receive(yours)
        first.next_message()
        if stage == 0 and run is RUN:
            continue  # an old commitment alone is harmless: all that follows depends on ours, which is fresh
        with pytest.raises(BreachError, match=r"other_run|other_session"):
            first.receive(old[stage])


def test_too_many_tokens_or_parts_are_refused_before_anything_is_sent():
    small = replace(RUN, terms=msgspec.structs.replace(TERMS, first_log2=8))
    with pytest.raises(Refusal, match="tokens"):
        side_of(0, [circle("c", *HERE, radius_m=100_000.0)], run=small)
    parts = replace(RUN, terms=msgspec.structs.replace(TERMS, parts_log2=4))
    with pytest.raises(Refusal, match="17 volumes and legs"):
        side_of(0, [circle(f"c{k}", 36.0 + 0.1 * k, -121.5) for k in range(17)], run=parts)


def test_a_stranger_has_no_part_in_a_run():
    with pytest.raises(Refusal, match="one of the two parties"):
        side_of(0, [], key=NodeKey.generate())
    assert RUN.role_of(KEYS[0].public) is RUN.role_of(KEYS[1].public).other


def test_a_message_of_a_rotated_key_is_known_by_the_first_one():
    first, second = NodeKey.generate(), NodeKey.generate()
    second.descend_from(first.public, ("the rotation",))
    raw = sign_message(second, MessageKind.COMMIT, 0, 0, RUN.identity, NO_SESSION, b"body")
    assert read_match_message(raw, first.public, RUN.identity, (first.public, second.public)).sender == first.public
    for keys in ((), (first.public,), (NodeKey.generate().public,)):
        with pytest.raises(BreachError, match="signature"):
            read_match_message(raw, first.public, RUN.identity, keys)
