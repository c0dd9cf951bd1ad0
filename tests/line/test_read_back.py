"""No wrong figure passes a read-back: shifts, units, references, swapped coordinates, hours (R11)."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_values import NOON, REFERENCES, STANDARD, coded
from pyproj import Geod

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit
from detente.airspace.plan import TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.line.location import SURELY_CAUGHT_M
from detente.line.parameters import Block, Length, LengthUnit, Parameter, Place, Window
from detente.line.phrases import phrase_table
from detente.line.read_back import ReadBack, Units, WordReading, differences, read_back
from detente.line.terms import Datum
from length import quickly

GEOD = Geod(ellps="WGS84")
TABLE = phrase_table()
UNITS = [Units(height, length) for height in (AltitudeUnit.METRE, AltitudeUnit.FOOT) for length in list(LengthUnit)[1:]]
DATUMS = [Datum("zero", Position(0.0, 0.0)), Datum("field", Position(35.3, 40.1)), Datum("pole", Position(90.0, 0.0))]
Area = tuple[Parameter, ...]


@settings(max_examples=quickly(300), deadline=None)
@given(coded(), st.sampled_from(UNITS), st.sampled_from(DATUMS))
def test_what_was_understood_is_never_refused(message: tuple[str, Area], units: Units, datum: Datum) -> None:
    code, parameters = message
    given_back = read_back(code, parameters, units, datum)
    assert msgspec.json.decode(msgspec.json.encode(given_back), type=ReadBack) == given_back
    assert differences(code, parameters, given_back, datum) == ()


def random_area(chance: random.Random) -> Area:
    position = Position(math.degrees(math.asin(chance.uniform(-0.99, 0.99))), chance.uniform(-180.0, 180.0))
    reference = chance.choice(REFERENCES)
    unit = chance.choice((AltitudeUnit.METRE, AltitudeUnit.FOOT))
    lower = Altitude(float(chance.randrange(100, 12_000)), unit, reference)
    upper = Altitude(lower.value + chance.randrange(100, 3_000), unit, reference)
    start = NOON + timedelta(seconds=chance.randrange(0, 10**8))
    window = TimeWindow(start, start + timedelta(seconds=chance.randrange(60, 86_400)))
    radius = Length(chance.randrange(5, 900) / 10.0, chance.choice(list(LengthUnit)[1:]))
    values = {"where": Place(position), "radius": radius, "block": Block(AltitudeBand(lower, upper))}
    named = [Parameter(name, value) for name, value in values.items()]
    return TABLE.checked("keep_out", (*named, Parameter("window", Window(window))))


def replaced(area: Area, name: str, value: object) -> Area:
    return TABLE.checked("keep_out", tuple(Parameter(p.name, value) if p.name == name else p for p in area))


def place(area: Area) -> Position:
    value = area[0].value
    assert isinstance(value, Place)
    return value.position


def moved(area: Area, bearing_deg: float, distance_m: float) -> Area:
    here = place(area)
    longitude, latitude, _ = GEOD.fwd(here.longitude_deg, here.latitude_deg, bearing_deg, distance_m)
    return replaced(area, "where", Place(Position(latitude, longitude)))


def a_shift(area: Area, chance: random.Random) -> Area:
    return moved(area, chance.uniform(0.0, 360.0), 1000.0 * 20.0 ** chance.random())


def nine_kilometres(area: Area, chance: random.Random) -> Area:
    return moved(area, chance.uniform(0.0, 360.0), 9000.0)


def swapped(area: Area, _: random.Random) -> Area:
    here = place(area)
    return replaced(area, "where", Place(Position(here.longitude_deg / 2.0, here.latitude_deg)))


def swapped_whole(area: Area, _: random.Random) -> Area:
    here = place(area)
    return replaced(area, "where", Place(Position(here.longitude_deg, here.latitude_deg)))


def minutes_as_decimals(area: Area, _: random.Random) -> Area:
    here = place(area)
    whole = math.trunc(here.latitude_deg)
    return replaced(area, "where", Place(Position(whole + (here.latitude_deg - whole) * 0.6, here.longitude_deg)))


def wrong_height_unit(area: Area, _: random.Random) -> Area:
    band = area[2].value.band
    other = AltitudeUnit.FOOT if band.lower.unit is AltitudeUnit.METRE else AltitudeUnit.METRE
    limits = (Altitude(limit.value, other, limit.reference) for limit in (band.lower, band.upper))
    return replaced(area, "block", Block(AltitudeBand(*limits)))


def wrong_reference(area: Area, chance: random.Random) -> Area:
    band = area[2].value.band
    other = chance.choice([reference for reference in REFERENCES if reference != band.lower.reference])
    limits = (Altitude(limit.value, limit.unit, other) for limit in (band.lower, band.upper))
    return replaced(area, "block", Block(AltitudeBand(*limits)))


def wrong_length_unit(area: Area, _: random.Random) -> Area:
    radius = area[1].value
    other = LengthUnit.NAUTICAL_MILE if radius.unit is LengthUnit.KILOMETRE else LengthUnit.KILOMETRE
    return replaced(area, "radius", Length(radius.value, other))


def wrong_hour(area: Area, chance: random.Random) -> Area:
    window = area[3].value.window
    hours = timedelta(hours=chance.choice((-3, -2, -1, 1, 2, 3)))
    return replaced(area, "window", Window(TimeWindow(window.start + hours, window.end + hours)))


ERRORS: dict[str, Callable[[Area, random.Random], Area]] = {
    "where:shift": a_shift, "where:nine_km": nine_kilometres, "where:half_swapped": swapped,
    "where:swapped": swapped_whole, "where:minutes": minutes_as_decimals, "block:unit": wrong_height_unit,
    "block:reference": wrong_reference, "radius:unit": wrong_length_unit, "window:hour": wrong_hour,
}  # fmt: skip


def undetected(count: int, seed: int) -> tuple[Counter[str], list[tuple[str, Area]]]:
    """Inject `count` errors that move a place by 1 km or more, or change a unit, a reference or a time."""
    chance = random.Random(seed)
    injected: Counter[str] = Counter()
    passed: list[tuple[str, Area]] = []
    while injected.total() < count:
        meant, name = random_area(chance), chance.choice(list(ERRORS))
        try:
            held = ERRORS[name](meant, chance)
        except Refusal:  # no place at all, as a longitude of 120 degrees for a latitude: refused before any read-back
            continue
        here, there = place(meant), place(held)
        shift_m = GEOD.inv(here.longitude_deg, here.latitude_deg, there.longitude_deg, there.latitude_deg)[2]
        if name.startswith("where") and shift_m < 1000.0 - 2 * SURELY_CAUGHT_M:
            continue
        injected[name] += 1
        datum = chance.choice(DATUMS)
        found = differences("keep_out", meant, read_back("keep_out", held, chance.choice(UNITS), datum), datum)
        wrong = name.partition(":")[0]
        if not any(difference.name.partition(".")[0] == wrong for difference in found):
            passed.append((name, meant))
    return injected, passed


def test_no_wrong_figure_passes() -> None:
    injected, passed = undetected(1000, seed=1)
    assert set(injected) == set(ERRORS)
    assert not passed


@pytest.mark.long
def test_none_of_ten_thousand_wrong_figures_passes() -> None:
    injected, passed = undetected(10_000, seed=20160917)
    assert injected.total() == 10_000
    assert min(injected.values()) > 500
    assert not passed


@settings(max_examples=quickly(300), deadline=None)
@given(st.randoms(use_true_random=False), st.floats(0.0, 360.0), st.floats(SURELY_CAUGHT_M, 500.0))
def test_every_shift_longer_than_half_a_cell_is_caught(
    chance: random.Random, bearing_deg: float, distance_m: float
) -> None:
    meant = random_area(chance)
    held = moved(meant, bearing_deg, distance_m)
    assert differences("keep_out", meant, read_back("keep_out", held, Units(), DATUMS[0]), DATUMS[0])


def test_a_second_a_metre_and_a_letter_are_caught() -> None:
    meant = random_area(random.Random(7))
    given_back = read_back("keep_out", meant, Units(), DATUMS[1])
    readings = {reading.name: reading for reading in given_back.readings}
    for name, change in (
        ("block.lower", {"value": readings["block.lower"].value + 1}),
        ("block.upper", {"reference": STANDARD if readings["block.upper"].reference != STANDARD else REFERENCES[0]}),
        ("window.end", {"time": readings["window.end"].time + timedelta(seconds=1)}),
        ("radius", {"unit": LengthUnit.NAUTICAL_MILE}),
        ("where", {"code": readings["where"].code[:-1] + "?"}),
        ("where", {"bearing_tenths": (readings["where"].bearing_tenths + 1800) % 3600}),
    ):
        wrong = {**readings, name: msgspec.structs.replace(readings[name], **change)}
        found = differences("keep_out", meant, ReadBack("keep_out", Units(), tuple(wrong.values())), DATUMS[1])
        assert [difference.name for difference in found] == [name]


def test_what_is_left_out_said_twice_or_added_is_caught() -> None:
    meant = random_area(random.Random(8))
    right = read_back("keep_out", meant, Units(), DATUMS[1])
    for readings in (right.readings[1:], (*right.readings, right.readings[0]), (*right.readings, WordReading("x", ""))):
        assert differences("keep_out", meant, ReadBack("keep_out", Units(), readings), DATUMS[1])
    assert differences("keep_out", meant, ReadBack("closed_to_all", Units(), right.readings), DATUMS[1])
