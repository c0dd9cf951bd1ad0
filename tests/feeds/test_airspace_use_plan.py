"""Airspace use plans: each reservation at its levels and times, and what is not known refused by its name."""

import copy
import json
from datetime import UTC, datetime, timedelta

import pytest
from airspace_samples import USE_PLAN

from detente.airspace.altitude import Altitude, AltitudeUnit, MeanSeaLevel, StandardPressure
from detente.airspace.plan import TimeWindow
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import DropReason
from detente.feeds.load import LoadOptions, load_plans

DAY = datetime(2025, 6, 1, tzinfo=UTC)


@pytest.fixture
def load(tmp_path):
    """Read a use plan; its plans, and what was left out by its reason."""

    def read(document, options=None):
        path = tmp_path / "uup.json"
        path.write_text(json.dumps(document))
        found = load_plans(path, options)
        return found.plans, {one.reason: one.count for one in found.dropped}

    return read


def changed(**members):
    """The sample with members of its first reservation changed; None takes one out."""
    document = copy.deepcopy(USE_PLAN)
    held = document[0]["properties"]["airspaceReservations"][0]
    for name, value in members.items():
        held[name] = value
    return document


def test_each_reservation_is_a_volume_at_its_own_levels_and_times(load):
    (high, low), dropped = load(USE_PLAN)
    assert [high.plan_id, low.plan_id] == ["EPTS9", "EPTS9~2"]
    (first,), (second,) = high.intent, low.intent
    assert first.altitude.lower == Altitude(95, AltitudeUnit.FLIGHT_LEVEL, StandardPressure())
    assert first.altitude.upper == Altitude(315, AltitudeUnit.FLIGHT_LEVEL, StandardPressure())
    assert first.time == TimeWindow(DAY + timedelta(hours=10), DAY + timedelta(hours=20))
    assert second.altitude.upper == Altitude(6100, AltitudeUnit.FOOT, MeanSeaLevel())
    assert second.altitude.lower.reading_m < -400.0
    assert second.time == TimeWindow(DAY + timedelta(hours=8), DAY + timedelta(hours=16))
    assert dropped == {DropReason.INACTIVE: 1}
    assert load({"type": "FeatureCollection", "features": USE_PLAN})[0] == (high, low)


def test_times_are_those_of_the_zone_that_the_plan_gives(load):
    (one, _), _ = load(changed(startDate="2025-06-01T12:00:00+02:00"))
    assert one.intent[0].time.start == DAY + timedelta(hours=10)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"startDate": "2025-06-01 10:00:00"}, "startDate"),
        ({"startDate": "2025-06-01T21:00:00Z"}, "airspaceReservations[0]"),
        ({"endDate": None}, "endDate"),
        ({"reservationStatus": "CANCELLED"}, "reservationStatus"),
        ({"reservationStatus": None}, "reservationStatus"),
        ({"altitudeUnit": "M"}, "altitudeUnit"),
        ({"lowerAltitude": "95"}, "lowerAltitude"),
        ({"upperAltitude": "F0315"}, "upperAltitude"),
        ({"upperAltitude": "F035"}, "airspaceReservations[0]: upper"),
        ({"upperAltitude": None}, "upperAltitude"),
        ({"validity": "weekdays"}, "validity"),
    ],
)
def test_what_is_not_known_of_a_reservation_is_refused_by_its_name(load, members, named):
    with pytest.raises(Refusal, match="EPTS9") as refused:
        load(changed(**members))
    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("member", "value", "named"),
    [
        ("activeH24", True, "activeH24"),
        ("designator", " ", "designator"),
        ("sector", "A", "sector"),
        ("airspaceReservations", {"startDate": "x"}, "airspaceReservations"),
    ],
)
def test_what_is_not_known_of_an_area_is_refused_by_its_name(load, member, value, named):
    document = copy.deepcopy(USE_PLAN)
    document[0]["properties"][member] = value
    with pytest.raises(Refusal) as refused:
        load(document)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        {"type": "Point", "coordinates": [7.5, 46.5]},
        {"type": "LineString", "coordinates": [[7.5, 46.5], [7.6, 46.5]]},
        {"type": "Polygon", "coordinates": [[[7, 46], [8, 46], [8, 47], [7, 46]], [[7.5, 46.1], [7.6, 46.1],
                                                                               [7.6, 46.2], [7.5, 46.1]]]},
    ],
)  # fmt: skip
def test_a_reserved_area_without_an_outline_that_is_read_is_refused(load, geometry):
    document = copy.deepcopy(USE_PLAN)
    document[0]["geometry"] = geometry
    with pytest.raises(Refusal, match="geometry"):
        load(document)


def test_a_reservation_of_another_time_is_left_out_and_counted(load):
    (one,), dropped = load(USE_PLAN, LoadOptions(window=TimeWindow(DAY + timedelta(hours=17), DAY + timedelta(days=1))))
    assert one.intent[0].altitude.upper.value == 315
    assert dropped == {DropReason.INACTIVE: 1, DropReason.OUTSIDE_WINDOW: 1}
