"""Late plans against the other side's day: found, proven, capped, and shown only once."""

import pytest
from match_parties import KEYS, RUN, TABLE, TERMS, circle, flight, late_run, play, side_of, world

from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.matching.messages import BreachError, MessageKind, sign_message
from detente.matching.quantise import quantise

HERE = (36.5, -121.5)


def tokens_of(side, plans):
    return quantise(plans, side.role, RUN.epoch, RUN.terms, RUN.minima)


def day(ours, theirs):
    first, second = side_of(0, ours), side_of(1, theirs)
    play(first, second)
    return first, second


@pytest.mark.parametrize("late", [0, 1])
def test_a_late_plan_is_found_by_both_sides(late):
    sides = day([circle("a", *HERE)], [circle("b", 36.9, -121.5)])
    assert all(side.revealed.encounters == () for side in sides)
    plan = circle("late", 36.9 if late == 0 else 36.5, -121.5, radius_m=500.0)
    late_run(sides[late], sides[1 - late], [plan])
    assert [e.first_plan_id for e in sides[late].revealed.encounters] == ["late"]
    assert [e.first_plan_id for e in sides[1 - late].revealed.encounters] == ["b" if late == 0 else "a"]


def test_late_plans_of_both_sides_are_held_against_each_other():
    """In one late run, and in one after the other."""
    first, second = day([], [])
    late_run(first, second, [circle("x", *HERE, radius_m=100.0)], [circle("z", *HERE, radius_m=100.0)])
    assert {e.first_plan_id for e in first.revealed.encounters} == {"x"}
    late_run(second, first, [circle("y", *HERE, radius_m=100.0)])
    for side, names in ((first, {"x"}), (second, {"y", "z"})):
        assert {e.first_plan_id for e in side.revealed.encounters} == names


def test_what_was_shown_before_is_found_without_being_shown_again():
    """The late plan lies where one of ours met theirs already: every common token is an old one."""
    first, second = day([circle("a", *HERE)], [circle("b", *HERE)])
    late_run(first, second, [circle("again", *HERE)])
    assert {e.first_plan_id for e in first.revealed.encounters} == {"a", "again"}
    assert len(second.revealed.theirs) == 2
    late_run(second, first, [circle("wide", *HERE, radius_m=12_000.0)])
    assert [len(side.revealed.theirs) for side in (first, second)] == [2, 2]
    assert sorted(e.first_plan_id for e in second.revealed.encounters) == ["b", "b", "wide", "wide"]


def test_a_late_plan_in_an_old_cell_is_found_though_nothing_finer_was_in_common_there():
    """Both show the cell and its ten minutes in the run, at different minutes; then late plans come in between."""
    first, second = day([circle("a", *HERE, radius_m=100.0)], [circle("b", *HERE, radius_m=100.0, after_s=400.0)])
    assert first.revealed.matched_tokens > 0
    assert first.revealed.opened == second.revealed.opened == 0
    late_run(first, second, [circle("middle", *HERE, radius_m=100.0, after_s=250.0)])
    assert {e.first_plan_id for e in first.revealed.encounters} == {"middle"}
    late_run(second, first, [circle("other", *HERE, radius_m=100.0, after_s=250.0)])
    assert {e.first_plan_id for e in first.revealed.encounters} == {"a", "middle"}
    assert {e.first_plan_id for e in second.revealed.encounters} == {"b", "other"}


def test_a_series_of_late_plans_agrees_with_the_exact_search():
    ours, theirs = world(11, 0, 3), world(11, 1, 3)
    first, second = day(ours[:2], theirs[:2])
    late_run(first, second, ours[2:])
    late_run(second, first, theirs[2:])
    expected = encounters_between(ours, theirs, TABLE)
    assert {e.first_plan_id for e in first.revealed.encounters} == {e.first_plan_id for e in expected}
    assert {e.first_plan_id for e in second.revealed.encounters} == {e.second_plan_id for e in expected}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(8))
def test_plans_that_come_in_any_order_agree_with_the_exact_search(seed):
    ours, theirs = world(100 + seed, 0, 9), world(100 + seed, 1, 9)
    first, second = day(ours[:3], theirs[:3])
    late_run(first, second, ours[3:6], theirs[3:5])
    late_run(second, first, theirs[5:], ours[6:])
    expected = encounters_between(ours, theirs, TABLE)
    assert {e.first_plan_id for e in first.revealed.encounters} == {e.first_plan_id for e in expected}
    assert {e.first_plan_id for e in second.revealed.encounters} == {e.second_plan_id for e in expected}


def test_late_messages_of_different_plans_have_one_size():
    sizes = set()
    for plans in ([], [circle("c", *HERE)], [flight("f", [HERE, (36.6, -121.5)])]):
        sides = day([], [])
        sent = late_run(*sides, plans)
        sizes.add(tuple(tuple(len(raw) for raw in messages) for messages in sent))
    assert len(sizes) == 1


def test_late_runs_are_capped_on_both_sides():
    first, second = day([], [])
    for _ in range(TERMS.late_runs):
        late_run(first, second, [])
    with pytest.raises(Refusal, match="at most 3"):
        first.begin_late(tokens_of(first, []))
    with pytest.raises(BreachError, match="stage"):
        second.receive(sign_message(KEYS[0], MessageKind.LATE, 4, 0, RUN.identity, second.session, bytes(32)))


def test_a_late_run_needs_a_complete_run_of_the_same_session():
    first, second = side_of(0, []), side_of(1, [])
    with pytest.raises(Refusal, match="one at a time"):
        first.begin_late(tokens_of(first, []))
    with pytest.raises(BreachError, match="stage"):
        second.receive(sign_message(KEYS[0], MessageKind.LATE, 1, 0, RUN.identity, bytes(32), bytes(32)))
    first, second = day([], [])
    second.begin_late(tokens_of(second, []))
    with pytest.raises(BreachError, match="other_session"):
        second.receive(sign_message(KEYS[0], MessageKind.LATE, 1, 0, RUN.identity, bytes(32), bytes(32)))
