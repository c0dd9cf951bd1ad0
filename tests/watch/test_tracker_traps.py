"""What real receivers and hostile ones send: each trap from a capture, or from a case made after one."""

from __future__ import annotations

import itertools

import pytest
from flights import START_S, at_end, case, distance_m, flight, recorded, watched
from msgspec import structs

from detente.watch.sighting import Sighting, SightingSource
from detente.watch.sighting_rows import NotUsed
from detente.watch.track import TrackDoubt
from detente.watch.tracker import Tracker


def test_two_aircraft_with_one_address_are_two_tracks_and_said_to_share_it():
    tracks = at_end(case("dup-icao.csv"))
    assert len(tracks) == 2
    for track in tracks:
        assert track.addresses == ("a8c0de",)
        assert TrackDoubt.SHARED_ADDRESS in track.doubts
    assert {round(track.pressure_altitude_m / 0.3048, -2) for track in tracks} == {30_000.0, 20_000.0}


def test_a_receivers_null_position_begins_nothing():
    tracker = Tracker()
    (track,) = at_end(case("null-island.csv"), tracker=tracker)
    assert distance_m(track, case("null-island.csv")[-1]) < 500.0
    assert track.track_id == "t1"


def test_a_spike_of_height_is_not_followed():
    for _, tracks in watched(case("alt-spike.csv")):
        for track in tracks:
            assert track.pressure_altitude_m == pytest.approx(10_000.0 * 0.3048, abs=10.0)


def test_a_stuck_height_is_not_believed_and_said_to_be_unknown():
    stuck, right = case("stuck_a.csv"), case("stuck_a_ok.csv")
    wrong = {
        one.at_s
        for one, other in zip(stuck, right, strict=True)
        if one.pressure_altitude_m != other.pressure_altitude_m
    }
    assert len(wrong) > 100
    unknown = 0
    for now_s, tracks in watched(stuck):
        for track in tracks:
            if track.pressure_altitude_m is None:
                assert TrackDoubt.NO_HEIGHT in track.doubts
                unknown += 1
            else:
                assert track.pressure_altitude_m < 28_000.0 * 0.3048, now_s
    assert unknown > 60
    assert track.pressure_altitude_m == pytest.approx(27_000.0 * 0.3048, abs=10.0)


def test_a_ghost_of_tis_b_beside_its_aircraft_is_no_aircraft():
    (track,) = at_end(case("gh_a.csv"), case("gh_b.csv"))
    assert track.addresses == ("a84b86", "~2b12b3")


@pytest.mark.parametrize(("own", "ghost"), [("ab1b2d", "~2b0d0d"), ("ad8267", "~2b1fcc"), ("a9da33", "~2b00e1")])
def test_recorded_ghosts_are_of_the_aircraft_that_they_follow(own, ghost):
    shown = recorded(ghost)
    both = [one for one in recorded(own, ghost) if -120.0 <= one.at_s - shown[0].at_s <= 120.0]
    named = [track for _, tracks in watched(both) for track in tracks if ghost in track.addresses]
    assert named
    assert any(own in track.addresses for track in named)


def test_a_recorded_pair_in_formation_stays_two_aircraft():
    """aa0415 and ab0a19 fly 60 m apart for minutes."""
    together = 0
    for _, tracks in watched(recorded("aa0415", "ab0a19")):
        for track in tracks:
            assert len([name for name in track.addresses if not name.startswith("~")]) == 1
        alive = [track for track in tracks if TrackDoubt.COASTED not in track.doubts]
        assert len({track.addresses for track in alive}) == len(alive)
        together += len(alive) == 2
    assert together > 60


def test_an_address_of_zeros_names_nobody():
    tracks = at_end(flight("000000"), flight("000000", latitude=50.2))
    assert len(tracks) == 2
    assert all(track.addresses == () and TrackDoubt.SHARED_ADDRESS not in track.doubts for track in tracks)


def moved(sightings: list[Sighting], north_deg: float) -> list[Sighting]:
    return [structs.replace(one, latitude_deg=one.latitude_deg + north_deg) for one in sightings]


def a_recorded_flight() -> list[Sighting]:
    """Five minutes of the flight of the recorded day with the most reports, no two more than 20 s apart."""
    sightings = recorded("a1f3a1_05")
    return [one for one in sightings if one.at_s - sightings[0].at_s < 300.0]


def test_a_spoofed_jump_of_a_recorded_flight_moves_nothing_and_is_named():
    flown = a_recorded_flight()
    clean = dict(watched(flown))
    at = len(flown) // 2
    lie = moved(flown[at : at + 1], 0.3)
    named = 0
    for now_s, tracks in watched(
        flown, [structs.replace(lie[0], received_s=lie[0].at_s + 0.2, at_s=lie[0].at_s + 0.2)]
    ):
        assert [(t.latitude_deg, t.longitude_deg, t.track_id) for t in tracks] == [
            (t.latitude_deg, t.longitude_deg, t.track_id) for t in clean[now_s]
        ]
        named += any(TrackDoubt.JUMPED in track.doubts for track in tracks)
    assert 20 <= named - sum(any(TrackDoubt.JUMPED in t.doubts for t in tracks) for tracks in clean.values()) <= 40


@pytest.mark.parametrize("as_if_now", [False, True])
def test_a_replayed_part_of_a_recorded_flight_moves_nothing(as_if_now):
    """Its first half is sent again during the second, with its own times or as if it were now."""
    flown = a_recorded_flight()
    later = flown[len(flown) // 2].at_s - flown[0].at_s
    clean = dict(watched(flown))
    again = [
        structs.replace(one, received_s=one.at_s + later, at_s=one.at_s + later if as_if_now else one.at_s)
        for one in flown
        if one.at_s + later < flown[-1].at_s
    ]
    doubts = set()
    for now_s, tracks in watched(flown, again):
        shown = {(track.track_id, track.latitude_deg, track.longitude_deg) for track in tracks}
        assert shown >= {(track.track_id, track.latitude_deg, track.longitude_deg) for track in clean[now_s]}
        doubts |= {doubt for track in tracks if track.track_id == "t1" for doubt in track.doubts}
    assert doubts >= ({TrackDoubt.JUMPED, TrackDoubt.SHARED_ADDRESS} if as_if_now else {TrackDoubt.STALE})


def test_messages_from_the_future_and_from_long_ago_are_named():
    flown = flight("4b1234", seconds=30)
    for shift_s, doubt in ((30.0, TrackDoubt.TIME_SHIFTED), (-40.0, TrackDoubt.STALE)):
        shifted = [structs.replace(one, at_s=one.at_s + shift_s) for one in flight("4b1234", feed="liar", seconds=30)]
        (track,) = at_end(flown, shifted)
        assert doubt in track.doubts
        assert distance_m(track, flight("4b1234", seconds=32)[30]) < 60.0


def test_what_is_older_than_known_and_what_comes_twice_moves_nothing():
    flown = flight("4b1234", seconds=20)
    tracker = Tracker()
    tracker.take(flown, START_S + 20)
    before = tracker.tracks(START_S + 20)
    again = tracker.take([flown[-1], flown[10]], START_S + 20)
    assert again.used == 0
    assert dict(again.not_used) == {NotUsed.REPEATED: 1, NotUsed.OLDER_THAN_KNOWN: 1}
    (track,) = tracker.tracks(START_S + 20)
    assert TrackDoubt.TIME_SHIFTED in track.doubts
    assert structs.replace(track, doubts=()) == before[0]


def test_a_position_that_stands_still_while_its_aircraft_flies_is_stale():
    """As an aircraft.json shows one that is heard no more: the same place, said to be new every second."""
    flown = flight("4b1234", seconds=20)
    frozen = [structs.replace(flown[-1], at_s=START_S + k, received_s=START_S + k) for k in range(20, 60)]
    for now_s, tracks in watched(flown, frozen):
        if now_s > START_S + 32:
            assert {TrackDoubt.COASTED, TrackDoubt.STALE} <= set(tracks[0].doubts)
            assert tracks[0].position_s == START_S + 19
    assert len(tracks) == 1


def test_a_hovering_aircraft_is_not_stale():
    still = [
        Sighting(
            "rid",
            SightingSource.REMOTE_ID,
            START_S + k,
            START_S + k,
            50.0,
            8.0,
            identity="drone",
            ground_speed_mps=0.0,
            track_deg=0.0,
            geometric_altitude_m=200.0,
        )
        for k in range(40)
    ]
    (track,) = at_end(still)
    assert track.doubts == ()
    assert track.position_s == START_S + 39


def test_a_recorded_flight_without_its_gaps_is_one_track():
    flown = a_recorded_flight()
    gaps = [b.at_s - a.at_s for a, b in itertools.pairwise(flown)]
    assert max(gaps) <= 20.0
    names = {track.track_id for _, tracks in watched(flown) for track in tracks}
    assert names == {"t1"}
