"""Strategies for the values of line messages, over the whole Earth and every reference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from detente.airspace.altitude import (
    Altitude,
    AltitudeBand,
    AltitudeReference,
    AltitudeUnit,
    Ellipsoid,
    Ground,
    MeanSeaLevel,
    Qfe,
    Qnh,
    StandardPressure,
)
from detente.airspace.plan import TimeWindow
from detente.airspace.position import Position
from detente.line.parameters import (
    Bearing,
    Block,
    Duration,
    Frequency,
    Height,
    Length,
    LengthUnit,
    LineLanguage,
    Moment,
    Parameter,
    Place,
    Reference,
    Spoken,
    Value,
    Window,
)
from detente.line.phrases import phrase_table

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
ELLIPSOID, SEA_LEVEL, STANDARD = Ellipsoid(), MeanSeaLevel(), StandardPressure()
QNH, QFE, GROUND = Qnh(1003.0), Qfe(941.0, 616.0), Ground(250.0, 10.0)
REFERENCES: tuple[AltitudeReference, ...] = (ELLIPSOID, SEA_LEVEL, STANDARD, QNH, QFE, GROUND)

positions = st.builds(Position, st.floats(-89.9, 89.9), st.floats(-180.0, 180.0))
moments = st.integers(0, 500_000_000_000_000).map(lambda us: NOON + timedelta(microseconds=us))
windows = st.builds(lambda start, s: TimeWindow(start, start + timedelta(seconds=s)), moments, st.floats(0, 1e6))


@st.composite
def altitudes(draw: st.DrawFn) -> Altitude:
    reference = draw(st.sampled_from(REFERENCES))
    units = [AltitudeUnit.METRE, AltitudeUnit.FOOT]
    if reference == STANDARD:
        units.append(AltitudeUnit.FLIGHT_LEVEL)
    unit = draw(st.sampled_from(units))
    highest = {AltitudeUnit.METRE: 15_000.0, AltitudeUnit.FOOT: 50_000.0, AltitudeUnit.FLIGHT_LEVEL: 600.0}[unit]
    return Altitude(draw(st.floats(0.0, highest)), unit, reference)


@st.composite
def bands(draw: st.DrawFn) -> AltitudeBand:
    lower = draw(altitudes())
    return AltitudeBand(lower, Altitude(lower.value * 1.5 + 10.0, lower.unit, lower.reference))


VALUES: dict[str, st.SearchStrategy[Value]] = {
    "place": st.builds(Place, positions),
    "height": st.builds(Height, altitudes()),
    "block": st.builds(Block, bands()),
    "moment": st.builds(Moment, moments),
    "window": st.builds(Window, windows),
    "length": st.builds(Length, st.floats(0.1, 500.0), st.sampled_from(LengthUnit)),
    "bearing": st.builds(Bearing, st.integers(0, 359)),
    "frequency": st.builds(Frequency, st.integers(2_000, 400_000)),
    "duration": st.builds(Duration, st.integers(0, 366 * 86_400)),
    "reference": st.builds(Reference, st.from_regex(r"[a-z]{1,8}[:-][1-9][0-9]{0,3}", fullmatch=True)),
    "language": st.builds(Spoken, st.sampled_from(LineLanguage)),
}


@st.composite
def coded(draw: st.DrawFn) -> tuple[str, tuple[Parameter, ...]]:
    """A code with parameters that can be said."""
    table = phrase_table()
    name = draw(st.sampled_from(list(table.codes)))
    kinds = table.codes[name].parameters
    return name, table.checked(name, tuple(Parameter(n, draw(VALUES[k])) for n, k in kinds.items()))
