"""What peers tell of their aircraft: shown beside our own, alerted against ours, and never believed over them."""

from __future__ import annotations

import math
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.accord.standard_minima import STANDARD_MINIMA
from detente.airspace.position import from_posix_s
from detente.airspace.separation import MinimaTable
from detente.lookout.lookout import Lookout, Seen
from detente.lookout.peer_watch import MOST_PEER_ALERTS
from detente.lookout.told_situation import ToldSituation, encode_situation
from detente.watch.alert import AlertKind, TrackSide
from detente.watch.messages import MOST_TOLD_TRACKS, ToldTrack, TracksReported
from detente.watch.sighting import Sighting, SightingSource
from length import quickly

BEGAN_S = 1_780_315_200.0


def sighting(at_s: float, address: str, latitude_deg: float, longitude_deg: float) -> Sighting:
    return Sighting(
        "tower", SightingSource.ADSB, at_s, at_s, latitude_deg, longitude_deg, address, pressure_altitude_m=3_000.0,
        ground_speed_mps=0.0, track_deg=90.0, vertical_speed_mps=0.0, horizontal_error_m=30.0, vertical_error_m=30.0,
        velocity_error_mps=1.0, integrity_m=200.0, integrity_level=3,
    )  # fmt: skip


def told(number: int, latitude_deg: float, longitude_deg: float, address: str = "", height_m: float = 3_000.0,
         speed_mps: float = 0.0) -> ToldTrack:  # fmt: skip
    return ToldTrack(
        f"t{number}", 0.0, latitude_deg, longitude_deg, 50.0, speed_mps, 90.0, 0.0, 2.0, height_m,
        vertical_error_m=30.0, address=address,
    )  # fmt: skip


def lookout() -> Lookout:
    out = Lookout(frozenset())
    minima = MinimaTable(STANDARD_MINIMA[0].minima)
    out.told(encode_situation(ToldSituation("north", minima, frozenset({"aaaaa1"}), tells_tracks=True)))
    return out


def looked(out: Lookout, tracks: tuple[ToldTrack, ...], seconds: range = range(6)) -> Seen:
    """What is seen while ours stands at 34 N 20 E, a stranger at 36 N, and a peer tells these."""
    seen = Seen((), {}, ())
    for second in seconds:
        at_s = BEGAN_S + second
        if tracks:
            out.hear({"south": (at_s, TracksReported(from_posix_s(at_s), tracks))})
        out.take([sighting(at_s, "aaaaa1", 34.0, 20.0), sighting(at_s, "ccccc1", 36.0, 20.0)])
        seen = out.look(at_s + 0.5)
    return seen


def test_a_peers_aircraft_that_no_sensor_of_ours_shows_is_shown_as_the_peers_and_alerted():
    seen = looked(lookout(), (told(1, 34.0, 20.01),))
    (theirs,) = (track for track in seen.tracks if track.feeds == ("peer:south",))
    assert seen.sides[theirs.track_id] is TrackSide.THEIRS
    assert theirs.identities == ("south:t1",)
    (alert,) = (one for one in seen.alerts if theirs.track_id in one.tracks and one.kind is AlertKind.SEPARATION)
    assert alert.sides == (TrackSide.OURS, TrackSide.THEIRS)


def test_an_aircraft_that_our_sensors_show_is_one_track_and_stays_as_they_see_it():
    alone = looked(lookout(), ())
    both = looked(lookout(), (told(1, 36.0, 20.0004),))
    assert both.tracks == alone.tracks


def test_where_an_aircraft_was_told_is_less_sure_every_second_and_gone_after_a_minute():
    out = lookout()
    at_s = BEGAN_S
    out.hear({"south": (at_s, TracksReported(from_posix_s(at_s), (told(1, 34.0, 21.0, speed_mps=200.0),)))})
    errors = {}
    for second in range(62):
        seen = out.look(at_s + second)
        errors[second] = [(t.horizontal_error_m, t.longitude_deg, t.doubts) for t in seen.tracks]
    assert errors[1][0][0] < errors[10][0][0] < errors[30][0][0]
    # 200 m/s eastwards at 34 N.
    assert errors[10][0][1] == pytest.approx(21.0 + 2_000.0 / 92_400.0, abs=2e-4)
    assert errors[10][0][2] == ()
    assert errors[30][0][2] == ("coasted",)
    assert errors[61] == []


def test_a_peer_does_not_give_one_of_ours_away():
    """It says that an aircraft with our address, or one where ours is, is its own: ours stays ours, and both show."""
    seen = looked(lookout(), (told(1, 34.0, 20.0, "aaaaa1"), told(2, 36.0, 20.0, "aaaaa1")))
    assert [seen.sides[t.track_id] for t in seen.tracks if "aaaaa1" in t.addresses] == [TrackSide.OURS]
    assert any(t.identities == ("south:t1",) for t in seen.tracks)


anywhere = st.builds(
    lambda north, east, height_m, speed, address: told(1, 34.0 + north, 20.0 + east, address, height_m, speed),
    st.sampled_from([0.0, 0.01, 1.0, 2.0, -3.0]), st.sampled_from([0.0, 0.005, 0.02, 5.0]),
    st.sampled_from([0.0, 3_000.0, 3_200.0]), st.sampled_from([0.0, 250.0]), st.sampled_from(["", "aaaaa1", "ccccc1"]),
)  # fmt: skip


@settings(max_examples=quickly(60), deadline=None)
@given(tracks=st.lists(anywhere, max_size=6))
def test_whatever_a_peer_tells_our_own_tracks_and_alerts_are_the_same(tracks: list[ToldTrack]):
    numbered = tuple(msgspec.structs.replace(one, told_id=f"t{n}") for n, one in enumerate(tracks, start=1))
    alone, both = looked(lookout(), ()), looked(lookout(), numbered)
    assert [t for t in both.tracks if t.feeds != ("peer:south",)] == list(alone.tracks)
    assert [a for a in both.alerts if not any(t.startswith("peer:") for t in a.tracks)] == list(alone.alerts)
    assert {k: v for k, v in both.sides.items() if not k.startswith("peer:")} == alone.sides


def test_a_peer_that_tells_of_very_many_raises_no_more_than_its_share():
    many = tuple(told(n, 34.0, 20.001 + n * 1e-5) for n in range(MOST_TOLD_TRACKS))
    seen = looked(lookout(), many, range(8))
    assert len(seen.tracks) == MOST_TOLD_TRACKS + 2
    assert 0 < len([a for a in seen.alerts if a.sides == (TrackSide.OURS, TrackSide.THEIRS)]) <= MOST_PEER_ALERTS


def test_a_report_from_another_time_is_not_shown():
    out = lookout()
    for ahead_s in (-3_600.0, 3_600.0):
        report = TracksReported(from_posix_s(BEGAN_S) + timedelta(seconds=ahead_s), (told(1, 34.0, 20.01),))
        out.hear({"south": (BEGAN_S, report)})
        assert not any(t.feeds == ("peer:south",) for t in out.look(BEGAN_S).tracks)


def test_only_our_own_tracks_go_to_the_node_to_be_told_and_only_where_some_are():
    out = lookout()
    seen = looked(out, (told(1, 34.5, 20.0),))
    assert [t.addresses for t in out.told_of_ours(seen)] == [("aaaaa1",)]
    quiet = Lookout(frozenset())
    quiet.told(encode_situation(ToldSituation("north", MinimaTable(STANDARD_MINIMA[0].minima), frozenset({"aaaaa1"}))))
    assert quiet.told_of_ours(looked(quiet, ())) == ()


def test_how_a_peers_picture_differs_is_estimated_from_aircraft_that_both_see():
    """Four strangers on four courses; the peer has each 300 m further east, 20 m higher, and is 1 s late."""
    out = lookout()

    def east_deg(latitude_deg: float) -> float:
        return 1.0 / (111_195.0 * math.cos(math.radians(latitude_deg)))

    courses = {f"bbbbb{n}": 90.0 * n for n in range(4)}

    def places(at_s: float) -> dict[str, tuple[float, float]]:
        flown_deg = 200.0 * (at_s - BEGAN_S) / 111_195.0
        north = {0.0: (1.0, 0.0), 90.0: (0.0, 1.0), 180.0: (-1.0, 0.0), 270.0: (0.0, -1.0)}
        return {name: (40.0 + n + north[courses[name]][0] * flown_deg, 30.0 + north[courses[name]][1] * flown_deg
                       / math.cos(math.radians(40.0 + n))) for n, name in enumerate(courses)}  # fmt: skip

    for second in range(60):
        at_s = BEGAN_S + second
        out.take([
            msgspec.structs.replace(sighting(at_s, name, *place), ground_speed_mps=200.0, track_deg=courses[name])
            for name, place in places(at_s).items()
        ])  # fmt: skip
        if second % 5 == 0:
            tracks = tuple(
                msgspec.structs.replace(
                    told(n + 1, latitude_deg, longitude_deg + 300.0 * east_deg(latitude_deg), name, 3_020.0, 200.0),
                    track_deg=courses[name],
                )
                for n, (name, (latitude_deg, longitude_deg)) in enumerate(places(at_s + 1.0).items())
            )  # fmt: skip
            out.hear({"south": (at_s, TracksReported(from_posix_s(at_s), tracks))})
        out.look(at_s + 0.2)
    (found,) = out.registration
    assert (found.party, found.aircraft) == ("south", 4)
    assert found.east_m == pytest.approx(300.0, abs=30.0)
    assert found.north_m == pytest.approx(0.0, abs=30.0)
    assert found.clock_s == pytest.approx(1.0, abs=0.15)
    assert found.height_m == pytest.approx(20.0, abs=5.0)
