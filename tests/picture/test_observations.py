"""A verdict is never more certain than the observation; what no notice explains is undeclared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel, StandardPressure
from detente.airspace.plan import Circle, Plan, Polygon, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.picture.notices import Meaning, Notice, NoticeRecord, NoticeState
from detente.picture.observations import TOUCHING, Observation, Verdict, is_undeclared, verdict

WGS84 = Geod(ellps="WGS84")
NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
CENTRE = Position(34.0, 20.0)
HOUR = TimeWindow(NOON, NOON + timedelta(hours=1))


def sea(metres: float) -> Altitude:
    return Altitude(metres, AltitudeUnit.METRE, MeanSeaLevel())


def moved(position: Position, azimuth: float, distance_m: float) -> Position:
    longitude, latitude, _ = WGS84.fwd(position.longitude_deg, position.latitude_deg, azimuth, distance_m)
    return Position(float(latitude), float(longitude))


AREAS = [Circle(CENTRE, 10_000.0), Polygon(tuple(moved(CENTRE, azimuth, 14_000.0) for azimuth in (10, 130, 200, 300)))]
areas = st.sampled_from(AREAS)


def volume_of(area: Circle | Polygon) -> Volume4D:
    return Volume4D(area, AltitudeBand(sea(1000.0), sea(3000.0)), HOUR)


def seen(
    place: Position, metres: float, minute: float, error_m: float, height_error_m: float, error_s: float
) -> Observation:
    at = NOON + timedelta(minutes=minute)
    return Observation("o1", "south", place, error_m, sea(metres), height_error_m, at, error_s, "ab" * 32)


def holds(volume: Volume4D, place: Position, metres: float, moment: datetime) -> bool:
    point = Volume4D(Circle(place, 0.0), AltitudeBand(sea(metres), sea(metres)), TimeWindow(moment, moment))
    return bool(encounters_between([Plan("p", (point,))], [Plan("v", (volume,))], TOUCHING))


@given(
    areas, st.floats(0, 360), st.floats(0, 30_000), st.floats(500, 3500), st.floats(-10, 70),
    st.floats(0, 9_000), st.floats(0, 400), st.floats(0, 600), st.data(),
)  # fmt: skip
def test_a_verdict_holds_for_every_place_that_is_left_open(
    area, azimuth, away_m, metres, minute, error_m, height_error_m, error_s, data
) -> None:
    observation = seen(moved(CENTRE, azimuth, away_m), metres, minute, error_m, height_error_m, error_s)
    found = verdict(observation, volume_of(area))
    if found is Verdict.CANNOT_TELL:
        return
    # Any truth that the observation leaves open agrees with the verdict; a millimetre from the edge of the errors.
    place = moved(
        observation.position, data.draw(st.floats(0, 360)), max(0, error_m - 0.01) * data.draw(st.floats(0, 1))
    )
    height_m = metres + height_error_m * data.draw(st.floats(-0.999, 0.999))
    moment = observation.time + timedelta(seconds=error_s * data.draw(st.floats(-0.999, 0.999)))
    assert holds(volume_of(area), place, height_m, moment) == (found is Verdict.INSIDE)


@pytest.mark.parametrize("area", AREAS)
def test_each_verdict_is_given(area) -> None:
    volume = volume_of(area)
    assert verdict(seen(CENTRE, 2000, 30, 500, 100, 5), volume) is Verdict.INSIDE
    assert verdict(seen(moved(CENTRE, 0, 40_000), 2000, 30, 500, 100, 5), volume) is Verdict.OUTSIDE
    assert verdict(seen(moved(CENTRE, 0, 10_000), 2000, 30, 9_000, 100, 5), volume) is Verdict.CANNOT_TELL
    assert verdict(seen(CENTRE, 2000, 30, 500, 1500, 5), volume) is Verdict.CANNOT_TELL
    assert verdict(seen(CENTRE, 2000, 59.9, 500, 100, 60), volume) is Verdict.CANNOT_TELL
    assert verdict(seen(CENTRE, 2000, 90, 500, 100, 60), volume) is Verdict.OUTSIDE


def test_another_reference_is_never_surely_inside() -> None:
    flown = Altitude(2000.0, AltitudeUnit.METRE, StandardPressure())
    observation = Observation("o1", "south", CENTRE, 10.0, flown, 10.0, NOON + timedelta(minutes=30), 1.0, "ab" * 32)
    assert verdict(observation, volume_of(AREAS[0])) is Verdict.CANNOT_TELL


def test_only_a_notice_in_force_that_says_so_explains() -> None:
    observation = seen(CENTRE, 2000, 30, 500, 100, 5)

    def record(meaning: Meaning, state: NoticeState) -> NoticeRecord:
        return NoticeRecord(Notice("n1", "north", meaning, volume_of(AREAS[0]), NOON), 1, state, 0.0, NOON)

    here = record(Meaning.OUR_AIRCRAFT_HERE, NoticeState.IN_FORCE)
    assert not is_undeclared(observation, [here], [])
    assert is_undeclared(observation, [record(Meaning.OUR_AIRCRAFT_HERE, NoticeState.CANCELLED)], [])
    assert is_undeclared(observation, [record(Meaning.NOTHING_OF_OURS_HERE, NoticeState.IN_FORCE)], [])
    assert not is_undeclared(observation, [], [Plan("p", (volume_of(AREAS[1]),))])
    assert is_undeclared(observation, [], [])


def test_an_observation_without_its_evidence_is_refused() -> None:
    with pytest.raises(Refusal, match="evidence_sha256"):
        Observation("o1", "south", CENTRE, 10.0, sea(1.0), 10.0, NOON, 1.0, "")
