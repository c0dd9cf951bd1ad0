"""The whole watch: what each look finds of a situation, and what it says."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from watch_samples import START, START_S, moved, place, pressure, situation, track

from detente.accord.provisions import AccordArea
from detente.airspace.altitude import AltitudeBand
from detente.airspace.plan import Circle, Containment, Plan, Polygon, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.language import Language
from detente.picture.notices import Meaning, Notice
from detente.watch.alert import AlertKind, AlertLevel, TrackSide
from detente.watch.alert_board import AlertNews
from detente.watch.boundary import Boundary
from detente.watch.conformance import ConformanceRecord
from detente.watch.live_watch import LiveWatch
from detente.watch.sentences import alert_text
from detente.watch.situation import FeedSilence, WatchedArea, areas_of
from detente.watch.track import TrackDoubt
from detente.watch.well_clear import ClearLogic

BAND = AltitudeBand(pressure(0.0), pressure(15_000.0))
HOURS = TimeWindow(START - timedelta(hours=1), START + timedelta(hours=1))


def volume(latitude, longitude, radius_m=10_000.0, time=HOURS):
    return Volume4D(Circle(place(latitude, longitude), radius_m), BAND, time)


def notice(party, meaning, where, name="n"):
    return Notice(name, party, meaning, where, START - timedelta(hours=2))


def fly(tracks, told, seconds=6, watch=None, change=None):
    """Look each second; all news, in order."""
    watch = watch or LiveWatch()
    news = []
    for second in range(seconds):
        now = [moved(one, float(second)) for one in tracks]
        if change is not None:
            now = change(second, now)
        news += [(second, one) for one in watch.look(START_S + second, now, told).changes]
    return watch, news


def kinds(news):
    return [(second, one.news.value, one.alert.kind.value, one.alert.reason) for second, one in news]


def said(alert, at_s=START_S):
    for language in Language:
        words = alert_text(language, alert, at_s)
        assert words.why
        assert "{" not in "".join([words.why, words.time_left, words.way_out, *words.heights])
    return alert_text(Language.ENGLISH, alert, at_s)


def head_on():
    return [track("a", 36.0, course=0.0), track("b", 36.3, course=180.0, altitude=10_100.0)]


def test_two_that_meet_are_told_with_a_way_out_and_read_well():
    watch, news = fly(head_on(), situation())
    assert kinds(news) == [(5, "raised", "separation", "separation_ahead")]
    alert = news[0][1].alert
    assert alert.key == "separation:a|b"
    assert alert.sides == (TrackSide.OURS, TrackSide.THEIRS)
    assert alert.level is AlertLevel.CORRECTIVE
    assert alert.way_out is not None
    assert alert.way_out.track_id == "a"
    words = said(alert, START_S + 5)
    assert words.why == (
        "a and b will come inside the minima: as near as 0.00 NM (0 m) and 328 ft (100 m) in height; "
        "required 3.02 NM (5.58 km) or 1,000 ft (305 m)."
    )
    assert words.time_left == "in 1 min 04 s"
    assert words.heights == ("FL 328, 32,808 ft (10,000 m)", "FL 331, 33,136 ft (10,100 m)")
    assert words.way_out.startswith("a turns ")
    assert list(watch.board.standing) == ["separation:a|b"]


def test_a_loss_that_is_there_is_told_by_the_first_look_unless_a_track_cannot_be_believed():
    inside = [track("a", course=0.0), track("b", 36.03, course=0.0)]
    _, news = fly(inside, situation(), 1)
    assert kinds(news) == [(0, "raised", "separation", "separation_lost")]
    assert news[0][1].alert.level is AlertLevel.WARNING
    jumped = msgspec.structs.replace(inside[1], doubts=(TrackDoubt.JUMPED,))
    assert kinds(fly([inside[0], jumped], situation(), 2)[1]) == [(1, "raised", "separation", "separation_lost")]


def test_the_order_of_the_tracks_changes_nothing():
    def reversed_(second, tracks):
        return tracks[::-1]

    straight, turned = fly(head_on(), situation())[1], fly(head_on(), situation(), change=reversed_)[1]
    assert msgspec.json.encode(straight) == msgspec.json.encode(turned)


def test_an_alert_ends_when_both_are_clear_and_not_while_one_cannot_be_believed():
    def turns_away(second, tracks):
        if second < 8:
            return tracks
        doubts = (TrackDoubt.LOW_INTEGRITY,) if second < 18 else ()
        return [tracks[0], msgspec.structs.replace(tracks[1], track_deg=0.0, doubts=doubts)]

    _, news = fly(head_on(), situation(), 30, change=turns_away)
    assert [(second, one.news, one.alert.reason) for second, one in news] == [
        (5, AlertNews.RAISED, "separation_ahead"),
        (8, AlertNews.CHANGED, "separation_unsure"),
        (23, AlertNews.ENDED, "separation_unsure"),
    ]
    assert news[1][1].alert.doubts == ("low_integrity",)
    assert said(news[1][1].alert).doubts == ("integrity too low for separation",)


def test_a_doubtful_track_raises_with_its_doubts():
    ghost = msgspec.structs.replace(head_on()[1], doubts=(TrackDoubt.MAYBE_GHOST,))
    _, news = fly([head_on()[0], ghost], situation())
    assert news[0][1].alert.doubts == ("maybe_ghost",)


@pytest.mark.parametrize("logic", list(ClearLogic))
def test_not_well_clear_by_each_logic(logic):
    tracks = [track("a", 36.0, course=0.0, speed=50.0), track("b", 36.012, course=180.0, speed=50.0)]
    _, news = fly(tracks, situation(clear_logic=logic))
    alerts = [one.alert for _, one in news if one.alert.kind is AlertKind.WELL_CLEAR]
    assert alerts
    assert alerts[-1].level is (AlertLevel.PREVENTIVE if logic is ClearLogic.CYLINDER else AlertLevel.WARNING)
    assert alerts[-1].subject == logic.value
    said(alerts[-1])
    away = [tracks[0], track("b", 38.0, course=0.0, speed=50.0)]
    assert fly(away, situation(clear_logic=logic))[1] == []


def plan_ahead(lateral=1_000.0):
    waypoints = (Waypoint(place(36.0, -121.0), pressure(10_000.0), START - timedelta(seconds=60)),
                 Waypoint(place(37.0, -121.0), pressure(10_000.0), START + timedelta(seconds=500)))  # fmt: skip
    return Plan("p1", Trajectory(waypoints, Containment(lateral, 150.0, 20.0)))


def on_plan(**rest):
    return track("a", 36.0 + 60.0 / 560.0, course=0.0, speed=198.2, **rest)


def test_an_aircraft_inside_its_plan_is_no_deviation_and_one_outside_is_held_against_it():
    told = situation(plans={"a": plan_ahead()})
    assert fly([on_plan()], told)[1] == []
    assert fly([on_plan(longitude=-120.98, error=900.0)], told)[1] == []
    watch = LiveWatch()
    first = watch.look(START_S, [on_plan(longitude=-120.98)], told)
    second = watch.look(START_S + 1, [moved(on_plan(longitude=-120.98), 1.0)], told)
    assert first.changes == ()
    (change,) = second.changes
    assert (change.news, change.alert.kind, change.alert.subject) == (AlertNews.RAISED, AlertKind.OWN_DEVIATION, "p1")
    assert "is outside its plan p1" in said(change.alert).why
    back = [watch.look(START_S + at, [moved(on_plan(), float(at))], told) for at in range(2, 12)]
    ended = [look for look in back if look.changes]
    assert [change.news for look in ended for change in look.changes] == [AlertNews.ENDED]


def test_the_day_counts_time_inside_and_excursions():
    record = ConformanceRecord()
    for second in range(300):
        outside = 50 <= second < 65 or 100 <= second < 170 or 200 <= second < 205
        record.take(START_S + second, {"p1": not outside, "p2": True})
    day = record.days["2025-06-01"]
    assert day.flown_s == 2 * 299.0
    assert day.inside_s == 2 * 299.0 - 90.0
    assert (day.over_10s, day.over_60s) == (2, 1)
    record.take(START_S + 1_000.0, {"p1": False})
    assert record.days["2025-06-01"].flown_s == 2 * 299.0


def test_areas_bind_whom_they_are_meant_for():
    notices = (notice("south", Meaning.KEEP_OUT, volume(36.3, -121.0), "k"),
               notice("north", Meaning.CALL_BEFORE_ENTERING, volume(36.3, -121.0), "c"),
               notice("south", Meaning.CLOSED_TO_ALL, volume(36.3, -121.0), "x"))  # fmt: skip
    bound = {area.area_id: area.binds for area in areas_of("north", notices)}
    assert bound == {
        "south:k": (TrackSide.OURS,),
        "north:c": (TrackSide.THEIRS, TrackSide.UNKNOWN),
        "south:x": tuple(TrackSide),
    }


def test_who_will_enter_an_area_is_told_and_who_is_in_it():
    told = situation(notices=(notice("south", Meaning.KEEP_OUT, volume(36.3, -121.0)),))
    _, news = fly([track("a", 36.0, course=0.0)], told)
    assert kinds(news) == [(1, "raised", "area", "area_ahead")]
    alert = news[0][1].alert
    assert alert.due_s == pytest.approx(START_S + (0.3 * 110_970.0 - 10_000.0 - 20.0) / 200.0, abs=2.0)
    assert said(alert).why == "a will enter the area south:n: keep out."
    _, news = fly([track("a", 36.25, course=180.0)], told)
    assert kinds(news) == [(1, "raised", "area", "area_inside")]
    later = TimeWindow(START + timedelta(minutes=20), START + timedelta(hours=1))
    told = situation(notices=(notice("south", Meaning.KEEP_OUT, volume(36.3, -121.0, time=later)),))
    assert fly([track("a", 36.0, course=0.0)], told)[1] == []
    geofence = WatchedArea("fence", Meaning.CLOSED_TO_ALL, volume(36.3, -121.0), (TrackSide.OURS,))
    assert len(fly([track("a", 36.25), track("b", 36.31, altitude=2_000.0)], situation(areas=(geofence,)))[1]) == 1


def test_more_paths_than_are_held_at_once_all_have_their_turn(monkeypatch):
    monkeypatch.setattr("detente.watch.area_watch.AT_ONCE", 3)
    names = [f"a{k}" for k in range(10)]
    tracks = [track(name, 36.25 + k / 1_000, course=0.0, altitude=1_000.0 * k) for k, name in enumerate(names)]
    told = situation(ours=names, notices=(notice("south", Meaning.KEEP_OUT, volume(36.3, -121.0)),))
    _, news = fly(tracks, told, 7)
    assert {one.alert.tracks[0] for _, one in news} == set(names)


def test_boundaries_by_side_with_errors_and_buffer():
    line = Boundary("b1", (place(36.3, -123.0), place(36.3, -119.0)), "south", "north", 5_000.0)
    # Who follows the line eastward has north at the left hand.
    line = msgspec.structs.replace(line, left="north", right="south")
    told = situation(boundaries=(line,))
    near = track("a", 36.345, course=90.0, error=20.0)
    for one, reason in (
        (track("a", 36.5, course=180.0), "boundary_ahead"), (near, "boundary_buffer"),
        (msgspec.structs.replace(near, latitude_deg=36.25), "boundary_crossed"),
        (msgspec.structs.replace(near, horizontal_error_m=9_000.0), "boundary_unsure"),
    ):  # fmt: skip
        _, news = fly([one], told, 3)
        assert [line[3] for line in kinds(news)] == [reason], reason
        said(news[0][1].alert)
    assert fly([track("a", 37.3, course=0.0)], told, 3)[1] == []
    theirs = fly([track("b", 36.4, course=90.0)], told, 3)[1]
    assert [line[3] for line in kinds(theirs)] == ["boundary_crossed"]


def test_an_agreed_zone_is_consent_to_cross_a_boundary_within_it_and_a_notice_is_not():
    line = Boundary("b1", (place(36.3, -123.0), place(36.3, -119.0)), "north", "south", 1_000.0)
    across = [track("a", 36.25, course=90.0)]
    ahead = [track("a", 36.45, course=180.0)]
    here = notice("north", Meaning.OUR_AIRCRAFT_HERE, volume(36.3, -121.0, 15_000.0))
    agreed = msgspec.structs.replace(here, agreed_with="south")
    theirs = msgspec.structs.replace(agreed, party="south", agreed_with="north")
    elsewhere = msgspec.structs.replace(agreed, volume=volume(36.3, -119.5))
    for notices, told in (((here,), True), ((agreed,), False), ((theirs,), True), ((elsewhere,), True)):
        for tracks in (across, ahead):
            news = fly(tracks, situation(boundaries=(line,), notices=notices), 3)[1]
            assert ("area" in {one.alert.kind for _, one in news}) is told, notices
    # Two parties beyond the line: consent to one is none to the other.
    over = [track("b", 36.35, course=90.0)]
    for party, told in (("south", False), ("west", True)):
        sky = situation(boundaries=(line,), notices=(theirs,), party_of={"b": party})
        assert ("area" in {one.alert.kind for _, one in fly(over, sky, 3)[1]}) is told


def test_who_is_declared_and_who_is_not():
    here = notice("south", Meaning.OUR_AIRCRAFT_HERE, volume(36.3, -121.0))
    nothing = notice("south", Meaning.NOTHING_OF_OURS_HERE, volume(38.0, -121.0), "z")
    told = situation(notices=(here, nothing))
    assert fly([track("b", 36.3)], told)[1] == []
    for latitude, reason in ((37.0, "outside_what_was_told"), (38.0, "where_nothing_was_said")):
        assert [line[2:] for line in kinds(fly([track("b", latitude)], told)[1])] == [("their_deviation", reason)]
    near = [track("a", 37.0, altitude=9_500.0), track("u", 37.05)]
    assert ("undeclared", "undeclared_near") in [line[2:] for line in kinds(fly(near, told)[1])]
    assert fly([track("a", 37.0), track("u", 39.0)], told)[1] == []
    square = Polygon((place(38.5, -122.0), place(39.5, -122.0), place(39.5, -120.0), place(38.5, -120.0)))
    area = AccordArea(polygon=square, altitude=BAND)
    _, news = fly([track("a", 37.0), track("u", 39.0)], situation(notices=(here,), accord_areas=(area,)))
    assert kinds(news) == [(2, "raised", "undeclared", "undeclared_in_area")]
    said(news[0][1].alert)
    assert fly([track("u", 38.45)], situation(accord_areas=(area,)))[1] == []
    assert fly(near, situation(told_plans=(Plan("q", (volume(37.0, -121.0),)),)))[1] == []
    theirs = [near[0], track("b", 37.05)]
    assert [line[2:] for line in kinds(fly(theirs, situation())[1])] == [("undeclared", "undeclared_near")]
    assert fly(theirs, situation(theirs_untold=True, notices=(here,)))[1] == []
    assert fly(near, situation(theirs_untold=True))[1] != []
    planned = {"a": Plan("p", (volume(39.0, -121.0),))}
    assert fly([track("u", 39.0)], situation(accord_areas=(area,), plans=planned))[1] == []


def test_who_disappears_in_flight_is_told_and_who_lands_is_not():
    def goes(second, tracks):
        return [] if second >= 40 else tracks

    def lands(second, tracks):
        return [msgspec.structs.replace(one, on_ground=True) for one in tracks] if second >= 40 else tracks

    _, news = fly([track("a")], situation(), 45, change=goes)
    assert kinds(news) == [(40, "raised", "track_lost", "track_lost")]
    assert news[0][1].alert.level is AlertLevel.WARNING
    said(news[0][1].alert)
    assert fly([track("a")], situation(), 45, change=lands)[1] == []
    assert fly([track("u")], situation(), 45, change=goes)[1] == []
    watch, _ = fly([track("a")], situation(), 45, change=goes)
    again = watch.look(START_S + 46, [moved(track("a"), 46.0)], situation())
    assert [one.news for one in again.changes] == [AlertNews.ENDED]


def test_feeds_that_are_silent():
    feeds = (FeedSilence("adsb", START_S - 20.0, 1.0), FeedSilence("radar", START_S - 6.0, 4.0))
    (change,) = LiveWatch().look(START_S, [], situation(feeds=feeds)).changes
    assert (change.alert.subject, change.alert.level) == ("adsb", AlertLevel.CORRECTIVE)
    assert said(change.alert).why == "The feed adsb is silent for 20 s; it is expected every 1 s."
    dead = (feeds[0], FeedSilence("radar", None, 4.0))
    changes = LiveWatch().look(START_S, [], situation(feeds=dead)).changes
    assert [one.alert.level for one in changes] == [AlertLevel.WARNING] * 2
    assert said(changes[1].alert).why.startswith("The feed radar was never heard")


def test_many_integrities_that_fall_at_once_are_one_alert():
    tracks = [track(f"u{k}", 36.1 + k / 20, altitude=1_000.0 * k, course=90.0) for k in range(8)]

    def jammed(second, now):
        low = {"u1", "u2", "u3", "u4", "u5"} if second >= 3 else set()
        return [msgspec.structs.replace(t, doubts=(TrackDoubt.LOW_INTEGRITY,)) if t.track_id in low else t for t in now]

    _, news = fly(tracks, situation(), 6, change=jammed)
    assert kinds(news) == [(4, "raised", "integrity_falls", "integrity_falls")]
    assert said(news[0][1].alert).why.startswith("5 of 8 aircraft")

    def always_low(second, now):
        return jammed(3, now)

    assert fly(tracks, situation(), 6, change=always_low)[1] == []


def test_no_track_makes_no_alert_and_impossible_ones_are_counted():
    news = LiveWatch().look(START_S, [], situation())
    assert (news.changes, news.left_out, news.unusable) == ((), 0, 0)
    assert LiveWatch().look(START_S, [track("a", altitude=1e7)], situation()).unusable == 1
