"""One rule of plausibility for every reader: wrong units are named, what is high on purpose is read."""

from datetime import timedelta

import pytest
from feed_samples import START

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel, StandardPressure
from detente.airspace.plan import Circle, Containment, Plan, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.feeds.load import load_plans
from detente.feeds.plausibility import check_plan

METRE, FOOT, LEVEL = AltitudeUnit.METRE, AltitudeUnit.FOOT, AltitudeUnit.FLIGHT_LEVEL
HERE = Position(47.0, 8.0)


def volume(lower, upper, unit) -> Plan:
    reference = StandardPressure() if unit is LEVEL else MeanSeaLevel()
    band = AltitudeBand(Altitude(lower, unit, reference), Altitude(upper, unit, reference))
    return Plan("v", (Volume4D(Circle(HERE, 1_000.0), band, TimeWindow(START, START + timedelta(hours=1))),))


def leg(heights, unit=METRE, seconds=10.0, east_deg=0.001, along_s=0.0) -> Plan:
    waypoints = tuple(
        Waypoint(
            Position(47.0, 8.0 + n * east_deg),
            Altitude(height, unit, MeanSeaLevel()),
            START + timedelta(seconds=n * seconds),
        )
        for n, height in enumerate(heights)
    )
    return Plan("t", Trajectory(waypoints, Containment(0.0, 0.0, along_s)))


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (volume(30_000, 35_000, METRE), "altitude.lower"),
        (volume(25_000, 35_000, METRE), "altitude.upper"),
        (volume(90_000, 95_000, FOOT), "altitude.lower"),
        (leg([35_000, 35_000]), "waypoints[0].altitude"),
        (leg([500, 27_000]), "waypoints[1].altitude"),
        (leg([500, 10_000]), "waypoints[1].altitude"),
        (leg([500, 500], east_deg=1.0), "waypoints[1]"),
    ],
)
def test_what_no_aircraft_does_is_named(plan, field):
    with pytest.raises(Refusal) as caught:
        check_plan(plan)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "plan",
    [
        volume(0, 100_000, METRE),
        volume(16_000, 100_000, METRE),
        volume(660, 999, LEVEL),
        volume(18_000, 25_000, METRE),
        leg([25_900, 25_900]),
        leg([500, 3_500]),
        leg([500, 20_000], along_s=60.0),
    ],
)
def test_what_is_high_or_steep_on_purpose_is_read(plan):
    check_plan(plan)


def test_the_rule_holds_for_kml_as_for_geojson(tmp_path):
    path = tmp_path / "plan.kml"
    path.write_text(
        '<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2"><Placemark>'
        "<name>high</name><gx:Track><altitudeMode>absolute</altitudeMode>"
        "<when>2025-06-01T14:00:00Z</when><when>2025-06-01T14:10:00Z</when>"
        "<gx:coord>36.0 33.0 33000</gx:coord><gx:coord>36.5 33.2 33000</gx:coord></gx:Track></Placemark></kml>"
    )
    with pytest.raises(Refusal, match="no higher than 26,000 m"):
        load_plans(path)
