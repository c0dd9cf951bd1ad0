"""Late plans against the other side's day: found, proven, capped, and shown only once."""

import pytest
from match_parties import KEYS, RUN, TABLE, TERMS, circle, flight, play, side_of, world

from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.matching import ristretto
from detente.matching.late import answer_late, late_message, late_reveal, take_late_answer, take_late_reveal
from detente.matching.messages import HEADER_BYTES, BreachError, MessageKind, sign_message
from detente.matching.quantise import quantise
from detente.record.keys import SIGNATURE_BYTES

HERE = (36.5, -121.5)


def tokens_of(side, plans):
    return quantise(plans, side.role, RUN.epoch, RUN.terms, RUN.minima)


def late_run(late, other, plans):
    number = len(late.shown)
    asked = late_message(late, tokens_of(late, plans))
    take_late_answer(late, answer_late(other, asked))
    opened = late_reveal(late, late.role, number)
    back = late_reveal(other, late.role, number)
    take_late_reveal(other, opened, late.role, number)
    take_late_reveal(late, back, late.role, number)
    return asked


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
    first, second = day([], [])
    late_run(first, second, [circle("x", *HERE, radius_m=100.0)])
    assert first.revealed.encounters == ()
    late_run(second, first, [circle("y", *HERE, radius_m=100.0)])
    for side, name in ((first, "x"), (second, "y")):
        assert [e.first_plan_id for e in side.revealed.encounters] == [name]


def test_what_was_shown_before_is_found_without_being_shown_again():
    """The late plan lies where one of ours met theirs already: every common token is an old one."""
    first, second = day([circle("a", *HERE)], [circle("b", *HERE)])
    late_run(first, second, [circle("again", *HERE)])
    assert {e.first_plan_id for e in first.revealed.encounters} == {"a", "again"}
    assert len(second.revealed.theirs) == 2
    late_run(second, first, [circle("wide", *HERE, radius_m=12_000.0)])
    assert [len(side.revealed.theirs) for side in (first, second)] == [2, 2]
    assert sorted(e.first_plan_id for e in second.revealed.encounters) == ["b", "b", "wide", "wide"]


def test_a_series_of_late_plans_agrees_with_the_exact_search():
    ours, theirs = world(11, 0, 3), world(11, 1, 3)
    first, second = day(ours[:2], theirs[:2])
    late_run(first, second, ours[2:])
    late_run(second, first, theirs[2:])
    expected = encounters_between(ours, theirs, TABLE)
    assert {e.first_plan_id for e in first.revealed.encounters} == {e.first_plan_id for e in expected}
    assert {e.first_plan_id for e in second.revealed.encounters} == {e.second_plan_id for e in expected}


def test_late_messages_of_different_plans_have_one_size():
    sizes = set()
    for plans in ([], [circle("c", *HERE)], [flight("f", [HERE, (36.6, -121.5)])]):
        first, second = day([], [])
        asked = late_message(first, tokens_of(first, plans))
        sizes.add((len(asked), len(answer_late(second, asked))))
    assert len(sizes) == 1


def test_late_runs_are_capped_on_both_sides():
    first, second = day([], [])
    for _ in range(TERMS.late_runs):
        late_run(first, second, [])
    with pytest.raises(Refusal, match="at most 3"):
        late_message(first, tokens_of(first, []))
    points = ristretto.multiply_base((9).to_bytes(32, "little")) * (1 << TERMS.late_log2)
    body = (TERMS.late_runs + 1).to_bytes(4, "big") + bytes(32) + points
    with pytest.raises(BreachError, match="cap"):
        answer_late(second, sign_message(KEYS[0], MessageKind.LATE, RUN.identity, second.session, body))


def test_answers_under_another_key_are_refused_whatever_they_hide():
    first, second = day([circle("a", *HERE)], [circle("b", 36.9, -121.5)])
    answer = answer_late(second, late_message(first, tokens_of(first, [circle("late", 36.9, -121.5, radius_m=500.0)])))
    body = bytearray(answer[HEADER_BYTES:-SIGNATURE_BYTES])
    body[:32] = ristretto.multiply_base((5).to_bytes(32, "little"))
    with pytest.raises(BreachError, match="proof"):
        take_late_answer(
            first, sign_message(KEYS[1], MessageKind.LATE_ANSWER, RUN.identity, first.session, bytes(body))
        )
    with pytest.raises(BreachError, match="proof"):
        take_late_answer(first, answer)


def test_an_element_that_was_shown_before_is_refused():
    first, second = day([circle("a", *HERE)], [])
    points = first.shown[0].masked.points[: 1 << TERMS.late_log2].tobytes()
    body = (1).to_bytes(4, "big") + bytes(32) + points
    with pytest.raises(BreachError, match="repeated_element"):
        answer_late(second, sign_message(KEYS[0], MessageKind.LATE, RUN.identity, second.session, body))


def test_a_late_run_needs_a_complete_run_of_the_same_session():
    first, second = side_of(0, []), side_of(1, [])
    with pytest.raises(ValueError, match="after the run"):
        late_message(first, tokens_of(first, []))
    with pytest.raises(BreachError, match="stage"):
        answer_late(second, sign_message(KEYS[0], MessageKind.LATE, RUN.identity, bytes(32), b""))
    first, second = day([], [])
    with pytest.raises(BreachError, match="other_session"):
        answer_late(second, sign_message(KEYS[0], MessageKind.LATE, RUN.identity, bytes(32), b""))
