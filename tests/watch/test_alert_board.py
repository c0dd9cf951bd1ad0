"""Alerts neither flicker nor pile up."""

from __future__ import annotations

import math

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from detente.watch.alert import AlertKind, AlertLevel, TrackSide
from detente.watch.alert_board import MOST_SHOWN, AlertBoard, AlertNews
from detente.watch.finding import WatchFinding
from detente.watch.steadiness import Steadiness, SteadyLevel

STEADY = {AlertKind.SEPARATION: Steadiness(2, 3, 4.0, 5.0)}


def found(key="separation:a|b", level=2, kept=None, left_s=60.0, **rest):
    return WatchFinding(
        key, AlertKind.SEPARATION, level, level if kept is None else kept, "separation_ahead", ("a", "b"),
        (TrackSide.OURS, TrackSide.THEIRS), left_s=left_s, **rest,
    )  # fmt: skip


def run(board, looks):
    """The news of looks a second apart; each is a list of findings."""
    return [[change.news for change in board.take(float(at), findings)] for at, findings in enumerate(looks)]


def test_it_shows_at_the_second_of_three_looks_and_ends_after_it_has_lingered():
    board = AlertBoard(STEADY)
    news = run(board, [[found()], [], [found()], *([[]] * 8)])
    assert news[:3] == [[], [], [AlertNews.RAISED]]
    assert sum(AlertNews.ENDED in one for one in news) == 1
    assert news[7] == [AlertNews.ENDED]
    assert board.standing == {}


def test_a_flickering_finding_makes_one_alert():
    board = AlertBoard(STEADY)
    news = run(board, [[found()] if at % 2 == 0 else [] for at in range(40)])
    assert [one for look in news for one in look].count(AlertNews.RAISED) == 1
    assert not any(AlertNews.ENDED in look for look in news)


def test_it_rises_at_once_when_found_twice_and_falls_later():
    board = AlertBoard(STEADY)
    news = run(board, [[found(level=1)]] * 2 + [[found(level=3)]] * 2 + [[found(level=1)]] * 8)
    assert news[1] == [AlertNews.RAISED]
    assert news[3] == [AlertNews.CHANGED]
    assert board.standing["separation:a|b"].level is AlertLevel.PREVENTIVE
    assert news[4] == news[5] == []


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.sampled_from([2, 3, 4]))
def test_whoever_looks_more_often_sees_what_one_look_a_second_sees(levels, often):
    once, more = SteadyLevel(Steadiness(2, 3, 4.0, 5.0)), SteadyLevel(Steadiness(2, 3, 4.0, 5.0))
    for second, level in enumerate(levels):
        shown = once.look(float(second), level)
        for part in range(often):
            assert more.look(second + part / often, level if part == 0 else 3 - level) == shown


def test_what_is_found_between_two_seconds_is_not_put_off_to_the_next():
    board = AlertBoard(STEADY)
    looks = [board.take(0.5 * at, [found()] if at >= 1 else []) for at in range(5)]
    assert [at for at, changes in enumerate(looks) if changes] == [3]


def test_what_is_shown_at_once_does_not_wait_for_the_next_look_that_counts():
    level = SteadyLevel(Steadiness(2, 3, 4.0, 5.0))
    assert level.look(0.0, 0) == 0
    assert level.look(0.5, 3) == 0
    assert level.look(0.6, 3, at_once=True) == 3


def test_what_is_far_ahead_is_told_when_it_was_seen_for_longer_and_what_is_now_at_once():
    slower = {AlertKind.SEPARATION: Steadiness(2, 3, 4.0, 5.0, ((8, 10), (6, 8)))}
    for level, looks in ((1, 8), (2, 6), (3, 2)):
        news = run(AlertBoard(slower), [[found(level=level)]] * 12)
        assert news.index([AlertNews.RAISED]) == looks - 1
    assert run(AlertBoard(slower), [[found(level=3, at_once=True)]]) == [[AlertNews.RAISED]]
    glimpsed = run(AlertBoard(slower), [[found(level=1)]] * 5 + [[]] * 12)
    assert not any(glimpsed)
    # One that shows already is not lost because it was seen too seldom at a lower level.
    board = AlertBoard(slower)
    news = run(board, [[found(level=3)]] * 2 + [[found(level=1)]] * 12)
    assert [one for look in news for one in look].count(AlertNews.RAISED) == 1
    assert not any(AlertNews.ENDED in look for look in news)
    assert board.standing["separation:a|b"].level is AlertLevel.PREVENTIVE


def test_an_alert_is_kept_at_wider_thresholds_than_it_begins():
    board = AlertBoard(STEADY)
    assert run(board, [[found(level=0, kept=2)]] * 4) == [[]] * 4
    news = run(board, [[found(left_s=0.0)]] * 2 + [[found(level=0, kept=2, left_s=0.0)]] * 30)
    assert [one for look in news for one in look] == [AlertNews.RAISED]


def test_small_changes_of_time_are_not_told_and_large_ones_are():
    board = AlertBoard(STEADY)
    news = run(board, [[found(left_s=60.0 - at + (0.4 if at % 2 else 0.0))] for at in range(10)])
    assert [one for look in news for one in look] == [AlertNews.RAISED]
    (change,) = board.take(10.0, [found(left_s=20.0)])
    assert change.news is AlertNews.CHANGED
    assert change.alert.due_s == 30.0


def test_changed_doubts_are_told():
    board = AlertBoard(STEADY)
    run(board, [[found()]] * 2)
    (change,) = board.take(2.0, [found(left_s=58.0, doubts=("low_integrity",))])
    assert (change.news, change.alert.doubts) == (AlertNews.CHANGED, ("low_integrity",))


def test_the_worst_stand_and_the_rest_is_counted():
    board = AlertBoard(STEADY)
    many = [found(f"separation:{k:04d}", level=1 + k % 3, left_s=10.0 + k) for k in range(MOST_SHOWN * 2)]
    for at in range(2):
        changes = board.take(float(at), many)
    assert len(board.standing) == len(changes) == MOST_SHOWN
    assert board.left_out == MOST_SHOWN
    assert changes[0].alert.key == "separation:0002"
    levels = {alert.level for alert in board.standing.values()}
    assert levels == {AlertLevel.WARNING, AlertLevel.CORRECTIVE}
    again = board.take(2.0, many)
    assert again == []


def test_what_is_left_out_ends_unseen():
    board = AlertBoard(STEADY)
    many = [found(f"separation:{k:04d}", level=3, left_s=0.0) for k in range(MOST_SHOWN)] + [found("separation:z", 1)]
    for at in range(3):
        board.take(float(at), many)
    news = [board.take(3.0 + at, many[:-1]) for at in range(10)]
    assert news == [[]] * 10
    assert board.left_out == 0


SECONDS = st.sampled_from([0.0, 3.0, 10.0])
LOOKS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


@given(LOOKS, st.integers(1, 4), st.integers(0, 3), SECONDS, SECONDS)
def test_a_level_never_shows_without_enough_looks(looks, needed, more, holds_s, lingers_s):
    steady = SteadyLevel(Steadiness(needed, needed + more, holds_s, lingers_s))
    history, shown, rose = [], 0, -math.inf
    for at, (level, kept) in enumerate(looks):
        before, shown = shown, steady.look(float(at), level, kept)
        history.append(max(level, min(kept, before)))
        if shown > before:
            last = history[-(needed + more) :]
            assert sum(one >= shown for one in last) >= needed
            rose = at
        if shown < before:
            assert at - rose >= holds_s


def test_the_same_findings_give_the_same_news_in_any_order():
    findings = [found(f"separation:{k}", level=1 + k % 3, left_s=float(k)) for k in range(20)]
    news = []
    for order in (findings, findings[::-1]):
        board = AlertBoard(STEADY)
        news.append([msgspec.json.encode(board.take(float(at), order)) for at in range(3)])
    assert news[0] == news[1]


def test_a_look_that_may_not_raise_an_alert_counts_for_the_next_that_may_and_keeps_what_shows():
    board = AlertBoard(STEADY)
    unheard, heard = found(rises=False, left_s=0.0), found(left_s=0.0)
    news = run(board, [[unheard]] * 5 + [[heard]] + [[unheard]] * 20)
    assert news[:5] == [[]] * 5
    assert news[5] == [AlertNews.RAISED]
    assert not any(news[6:])
    assert board.take(26.0, [found(level=3, rises=False, left_s=0.0)]) == []
    assert [change.news for change in board.take(27.0, [found(level=3, left_s=0.0)])] == [AlertNews.CHANGED]
    assert run(AlertBoard(STEADY), [[found(level=3, at_once=True, rises=False)]]) == [[AlertNews.RAISED]]


def test_nothing_is_raised_by_a_look_that_did_not_find_it():
    board = AlertBoard({AlertKind.SEPARATION: Steadiness(2, 4)})
    news = run(board, [[found(rises=False)], [found(rises=False)], [], [], []])
    assert not any(news)
