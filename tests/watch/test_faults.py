"""Faults put into feeds are seen for what they are."""

from __future__ import annotations

from flights import START_S, flight, watched

from detente.watch.faults import FaultInjector, FeedFault
from detente.watch.track import TrackDoubt


def shown(*faults, **rest):
    injector = FaultInjector()
    injector.set({"adsb": faults})
    return list(injector.applied(tuple(flight("4b1234", seconds=30, **rest))))


def test_a_feed_without_faults_shows_what_it_saw():
    injector = FaultInjector()
    injector.set({"adsb": (FeedFault.SILENT,), "other": ()})
    seen = tuple(flight("4b1234", feed="other", seconds=5))
    assert injector.applied(seen) == seen
    assert injector.applied(tuple(flight("4b1234", seconds=5))) == ()
    injector.set({})
    assert injector.applied(seen) is seen


def test_a_height_sticks_where_it_was_and_is_free_again():
    climbing = [one for step in range(10) for one in flight("4b1234", begin=step, seconds=1, height=1_000.0 + step)]
    injector = FaultInjector()
    injector.set({"adsb": (FeedFault.STUCK_HEIGHT,)})
    assert {one.pressure_altitude_m for one in injector.applied(tuple(climbing))} == {1_000.0}
    injector.set({"adsb": (FeedFault.STUCK_HEIGHT,)})
    assert {one.pressure_altitude_m for one in injector.applied(tuple(climbing[5:]))} == {1_005.0}


def test_integrity_that_is_lost_and_an_address_that_is_doubled_are_doubts():
    *_, (_, (track,)) = watched(shown(FeedFault.INTEGRITY_LOST, integrity_m=50.0, integrity_level=3))
    assert TrackDoubt.LOW_INTEGRITY in track.doubts
    *_, (_, tracks) = watched(shown(FeedFault.DOUBLED_ADDRESS))
    assert [TrackDoubt.SHARED_ADDRESS in one.doubts for one in tracks] == [True, True]


def test_positions_shift_by_the_same():
    moved = shown(FeedFault.SHIFTED)
    pairs = zip(moved, flight("4b1234", seconds=30), strict=True)
    assert {round(one.latitude_deg - was.latitude_deg, 6) for one, was in pairs} == {0.05}
    assert moved[0].at_s == START_S
