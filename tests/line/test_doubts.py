"""What looks like a mistake waits for a second person; flight safety goes out with its doubts; a STOP always."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_values import NOON, SEA_LEVEL
from line_world import DUTY, TERMS, World

from detente.accord.provisions import AccordArea
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit
from detente.airspace.plan import Polygon, TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.line.commands import SendLineMessage
from detente.line.events import LineMessageSent
from detente.line.location import distance_and_bearing
from detente.line.messages import Doubt
from detente.line.parameters import Block, Height, Length, LengthUnit, Moment, Parameter, Place, Window
from detente.line.place_names import NamedPlace, nearest
from length import quickly

PLACES = st.tuples(st.floats(-80, 80), st.floats(-179, 179))


def band(lower_m: float, upper_m: float) -> AltitudeBand:
    return AltitudeBand(*(Altitude(value, AltitudeUnit.METRE, SEA_LEVEL) for value in (lower_m, upper_m)))


RING = Polygon((Position(34.0, 38.0), Position(34.0, 42.0), Position(37.0, 42.0), Position(37.0, 38.0)))
TERMS_WITH_AREA = msgspec.structs.replace(TERMS, area=AccordArea(polygon=RING, altitude=band(0.0, 12_000.0)))


def keep_out(
    lat: float = 35.3, lon: float = 40.1, radius_km: float = 9.0, top_m: float = 3_000.0, start_h: float = 1.0
) -> tuple[Parameter, ...]:
    start = NOON + timedelta(hours=start_h)
    return (
        Parameter("where", Place(Position(lat, lon))),
        Parameter("radius", Length(radius_km, LengthUnit.KILOMETRE)),
        Parameter("block", Block(band(top_m - 500.0, top_m))),
        Parameter("window", Window(TimeWindow(start, start + timedelta(hours=1)))),
    )


@pytest.mark.parametrize(
    ("parameters", "doubt"),
    [
        (keep_out(lat=40.1, lon=35.3), Doubt.OUTSIDE_AREA),
        (keep_out(lon=42.01), Doubt.OUTSIDE_AREA),
        (keep_out(radius_km=55.0), Doubt.LARGE),
        (keep_out(top_m=13_000.0), Doubt.OUTSIDE_HEIGHTS),
        (keep_out(start_h=-5.0), Doubt.STALE),
        (keep_out(start_h=24.0 * 365), Doubt.FAR_AHEAD),
    ],
)
def test_what_looks_like_a_mistake_is_named_and_a_second_post_may_confirm_it(
    parameters: tuple[Parameter, ...], doubt: Doubt
) -> None:
    north = World(terms=TERMS_WITH_AREA).sides["north"]
    with pytest.raises(Refusal, match="second person") as refused:
        north.send("south", "keep_out", *parameters)
    assert refused.value.field == "confirmed_by"
    assert refused.value.value == doubt
    with pytest.raises(Refusal, match="a post of the ladder"):
        north.do(SendLineMessage(NOON, "north", "south", "keep_out", parameters, confirmed_by="janitor"))
    north.do(SendLineMessage(NOON, "north", "south", "keep_out", parameters, confirmed_by=DUTY))
    (sent,) = north.found(LineMessageSent)
    assert isinstance(sent, LineMessageSent)
    assert (sent.doubts, sent.confirmed_by) == ((doubt,), DUTY)


def test_the_same_again_is_asked_about_and_what_is_plain_is_not() -> None:
    north = World(terms=TERMS_WITH_AREA).sides["north"]
    north.send("south", "keep_out", *keep_out())
    with pytest.raises(Refusal, match="said_already"):
        north.send("south", "keep_out", *keep_out())
    north.send("south", "keep_out", *keep_out(radius_km=9.1))
    assert [event.doubts for event in north.found(LineMessageSent)] == [(), ()]  # type: ignore[union-attr]


def test_flight_safety_goes_out_with_its_doubts_and_a_stop_has_none() -> None:
    north = World(terms=TERMS_WITH_AREA).sides["north"]
    outside = Parameter("where", Place(Position(50.0, 10.0)))
    height = Parameter("height", Height(Altitude(3_000.0, AltitudeUnit.METRE, SEA_LEVEL)))
    old = Parameter("when", Moment(NOON - timedelta(days=365)))
    north.send("south", "aircraft_near_you", outside, height, old)
    far = (outside, Parameter("radius", Length(500.0, LengthUnit.KILOMETRE)))
    north.send("south", "stop_here", *far)
    north.send("south", "stop_here", *far)
    doubts = [event.doubts for event in north.found(LineMessageSent)]  # type: ignore[union-attr]
    assert doubts == [(Doubt.OUTSIDE_AREA, Doubt.STALE), (), ()]


def test_a_name_is_held_against_the_figures_and_never_sent() -> None:
    """ "North" was said, and Latakia was meant."""
    north = World(terms=TERMS_WITH_AREA).sides["north"]
    named = {"where": NamedPlace("Latakia", Position(35.52, 35.79))}
    with pytest.raises(Refusal, match="name_elsewhere"):
        north.do(SendLineMessage(NOON, "north", "south", "keep_out", keep_out(), named=named))
    here = {"where": NamedPlace("field", Position(35.3, 40.2))}
    north.do(SendLineMessage(NOON, "north", "south", "keep_out", keep_out(), named=here))
    (sent,) = north.found(LineMessageSent)
    assert b"field" not in msgspec.json.encode(sent)


@settings(max_examples=quickly(50), deadline=None)
@given(st.lists(PLACES, max_size=8), PLACES)
def test_the_nearest_name_is_the_nearest(degrees: list[tuple[float, float]], asked: tuple[float, float]) -> None:
    lat, lon = asked
    places = [NamedPlace(f"p{n}", Position(*place)) for n, place in enumerate(degrees)]
    found = nearest(places, Position(lat, lon))
    distances = [distance_and_bearing(place.position, Position(lat, lon))[0] for place in places]
    assert (found is None) == (not places)
    if found is not None:
        assert found[1] == min(distances)
