"""Two sides of a run: what each learns, what crosses the wire, and what a crash in the middle changes."""

import hashlib
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from match_parties import EPOCH, KEYS, RUN, TABLE, TERMS, circle, flight, play, side_of, world

from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.matching import ristretto
from detente.matching.grid import pack, token_bytes
from detente.matching.hash_to_group import hash_to_group
from detente.matching.masking import domain_of
from detente.matching.messages import HEADER_BYTES, BreachError
from detente.matching.quantise import Epoch
from detente.record.keys import SIGNATURE_BYTES, NodeKey

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


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32))
def test_each_side_learns_its_own_conflicts_and_no_more(seed):
    check_worlds(seed)


@pytest.mark.long
@settings(max_examples=150, deadline=None)
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


def shapes(sent):
    return [(raw[8], len(raw)) for raw in sent]


def test_worlds_with_the_same_result_look_the_same_on_the_wire():
    """The peer's world is the same; ours differs in everything that does not meet it, in number and in kind."""
    theirs = [circle("theirs", *HERE)]
    meets = circle("meets", *HERE)
    worlds = [
        [meets],
        [meets, *(circle(f"far-{k}", 40.0 + k, 10.0) for k in range(20))],
        [meets, flight("far", [(10.0, 10.0), (10.2, 10.1), (10.4, 10.1)]), circle("near", 36.9, -121.5, 30_000)],
    ]
    views = []
    for plans in worlds:
        first, second = side_of(0, plans, hashlib.sha256(repr(len(views)).encode()).digest()), side_of(1, theirs)
        sent = play(first, second)
        views.append((shapes(sent[0]), shapes(sent[1]), second.revealed))
    # The same opened part, under another name and salt and at another place of the same tree.
    for ours, peers, seen in views[1:]:
        assert [kind for kind, _ in ours] == [kind for kind, _ in views[0][0]]
        assert [size for _, size in ours[:-1]] == [size for _, size in views[0][0][:-1]]
        assert abs(ours[-1][1] - views[0][0][-1][1]) <= 2  # the digits of the leaf's number
        assert peers == views[0][1]
        assert (seen.matched_tokens, seen.flagged, len(seen.theirs)) == (
            views[0][2].matched_tokens, views[0][2].flagged, len(views[0][2].theirs)
        )  # fmt: skip


def test_a_world_without_common_tokens_shows_nothing_but_sizes():
    views = []
    for plans in ([], [circle("far", 50.0, 50.0)], world(9, 0)):
        first, second = side_of(0, plans), side_of(1, [circle("theirs", -50.0, 50.0)])
        sent = play(first, second)
        assert (second.revealed.matched_tokens, second.revealed.theirs) == (0, ())
        views.append((shapes(sent[0]), shapes(sent[1])))
    assert views[0] == views[1] == views[2]


def body_of(raw):
    return raw[HEADER_BYTES:-SIGNATURE_BYTES]


def test_a_dictionary_of_the_whole_region_finds_nothing_in_a_recorded_run():
    ours = [circle("ours", *HERE)]
    first, second = side_of(0, ours), side_of(1, world(4, 1))
    sent = play(first, second)
    masked = {row.tobytes() for row in ristretto.elements(body_of(sent[0][1]))}
    recorded = b"".join(raw for messages in sent for raw in messages[:4])
    tokens = first.shown[0].tokens.tokens
    dictionary = np.unique(np.concatenate([tokens, tokens + 1, [pack(0, 1400, c, 10, 72) for c in range(500, 2500)]]))
    hashed = hash_to_group([b"\x00" + t for t in token_bytes(dictionary)], domain_of(first.session))
    assert set(tokens.tolist()) <= set(dictionary.tolist())
    for row in hashed:
        assert row.tobytes() not in masked
        assert row.tobytes()[:10] not in recorded
    for token in token_bytes(tokens):
        assert token not in recorded
    # With the key it finds every one of them: the dictionary is the right one.
    with_key = {row.tobytes() for row in ristretto.multiply(first.secret, hashed)}
    assert len(with_key & masked) == len(tokens)


def test_masked_elements_look_random_whatever_is_behind_them():
    crowded = [circle(f"c{k}", 36.0 + 0.1 * k, -121.5, after_s=600.0 * k) for k in range(7)]
    for plans in ([], crowded):
        points = []
        for k in range(4):
            first, second = side_of(0, plans, bytes([100 + k]) * 32), side_of(1, [])
            points.append(ristretto.elements(body_of(play(first, second)[0][1])))
        data = np.concatenate(points)
        # Every byte but the first and the last of an encoding is uniform; 255 degrees of freedom, five deviations.
        for column in range(1, 31):
            counts = np.bincount(data[:, column], minlength=256)
            expected = len(data) / 256
            assert ((counts - expected) ** 2 / expected).sum() < 255 + 6 * np.sqrt(2 * 255)
        # Nothing of one run is in another, though the plans are the same.
        assert len({row.tobytes() for row in data}) == len(data)


def test_tokens_and_dummies_are_spread_alike_over_a_list():
    plans = [circle(f"c{k}", 36.0 + 0.1 * k, -121.5, after_s=600.0 * k) for k in range(8)]
    places = []
    for k in range(4):
        first, second = side_of(0, plans, bytes([100 + k]) * 32), side_of(1, [])
        play(first, second)
        places.append(np.flatnonzero(first.shown[0].masked.behind >= 0) / 2**TERMS.first_log2)
    joined = np.concatenate(places)
    deviation = 1.0 / np.sqrt(12.0 * len(joined))
    assert abs(joined.mean() - 0.5) < 5 * deviation


@pytest.mark.parametrize("after", [0, 2, 5, 8])
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
    small = replace(RUN, terms=msgspec.structs.replace(TERMS, first_log2=8, canaries=250))
    with pytest.raises(Refusal, match="tokens"):
        side_of(0, [circle("c", *HERE)], run=small)
    parts = replace(RUN, terms=msgspec.structs.replace(TERMS, parts_log2=4))
    with pytest.raises(Refusal, match="17 volumes and legs"):
        side_of(0, [circle(f"c{k}", 36.0 + 0.1 * k, -121.5) for k in range(17)], run=parts)


def test_a_stranger_has_no_part_in_a_run():
    with pytest.raises(Refusal, match="one of the two parties"):
        side_of(0, [], key=NodeKey.generate())
    assert RUN.role_of(KEYS[0].public) is RUN.role_of(KEYS[1].public).other
