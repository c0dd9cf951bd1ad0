"""Which entities a new operational intent must prove that it knows, and why."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, Ellipsoid
from detente.airspace.plan import Circle, Plan, Polygon, TimeWindow
from detente.airspace.plan import Volume4D as PlanVolume
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounter
from detente.airspace.separation import Minima
from detente.utm.dss.commands import PutIntent
from detente.utm.dss.records import ACCEPTED, Constraint, Occupied, OperationalIntent
from detente.utm.dss.state import DssState
from detente.utm.moments import SECOND_US
from detente.utm.space import Extents, Volume

SHARED_POINT = Minima(0.0, 0.0, 0.0)
LOWEST_M, HIGHEST_M = -8_000.0, 100_000.0
"""The interface's own bounds of heights; they stand for a volume without one."""


class SharedPart(msgspec.Struct, frozen=True):
    """Two volumes that share a point, by index in the new extents and in the other, and the heights and times of both.

    Heights are metres above the WGS84 ellipsoid; None is unbounded.
    """

    yours: int
    theirs: int
    lower_m: float | None
    upper_m: float | None
    start_us: int
    end_us: int


class Overlap(msgspec.Struct, frozen=True):
    """The part of two extents that they share: a box of cells, heights and times; and, part by part, the volumes."""

    cells: tuple[str, ...]
    lower_m: float | None
    upper_m: float | None
    start_us: int
    end_us: int
    parts: tuple[SharedPart, ...]


def relevant_intents(state: DssState, command: PutIntent, *, exact: bool) -> list[OperationalIntent]:
    """The live operational intents whose OVN the key of `command` must hold.

    Those that share a cell, heights and times, but not those that a USS which is down had only accepted. With `exact`
    only those of them whose declared volumes share a point with the new ones.
    """
    extents = command.extents
    assert extents.start_us is not None
    names = state.intent_index.find_names(
        extents.cells, extents.lower_m, extents.upper_m, max(extents.start_us, command.at_us), extents.end_us
    )
    intents = [state.intents[name] for name in names if name != command.id]
    if state.down:
        intents = [intent for intent in intents if intent.state != ACCEPTED or intent.manager not in state.down]
    if exact:
        intents = [intent for intent in intents if shared_parts(extents, intent.occupied)]
    return intents


def relevant_constraints(state: DssState, command: PutIntent, *, exact: bool) -> list[Constraint]:
    """The live constraints whose OVN the key must hold when the client processes constraints."""
    extents = command.extents
    assert extents.start_us is not None
    names = state.constraint_index.find_names(
        extents.cells, extents.lower_m, extents.upper_m, max(extents.start_us, command.at_us), extents.end_us
    )
    constraints = [state.constraints[name] for name in names]
    if exact:
        constraints = [constraint for constraint in constraints if shared_parts(extents, constraint.occupied)]
    return constraints


def overlap(extents: Extents, other: Occupied) -> Overlap:
    """What `extents` and another's share."""
    assert extents.start_us is not None
    assert extents.end_us is not None
    return Overlap(
        tuple(f"{cell:08x}" for cell in sorted({*extents.cells} & {*other.cells})),
        _highest(extents.lower_m, other.lower_m),
        _lowest(extents.upper_m, other.upper_m),
        max(extents.start_us, other.start_us),
        min(extents.end_us, other.end_us),
        tuple(shared_parts(extents, other)),
    )


def shared_parts(extents: Extents, other: Occupied) -> list[SharedPart]:
    """Which volumes share a point with which of the other's, exactly: latitude, longitude, height and time."""
    mine = [(volume, _plan(volume, extents.start_us, extents.end_us)) for volume in extents.volumes]
    theirs = [(volume, _plan(volume, other.start_us, other.end_us)) for volume in other.volumes]
    return [
        SharedPart(
            k,
            m,
            _highest(first.lower_m, second.lower_m),
            _lowest(first.upper_m, second.upper_m),
            max(_known(first.start_us, extents.start_us), _known(second.start_us, other.start_us)),
            min(_known(first.end_us, extents.end_us), _known(second.end_us, other.end_us)),
        )
        for k, (first, first_plan) in enumerate(mine)
        for m, (second, second_plan) in enumerate(theirs)
        if _share(first_plan, second_plan)
    ]


def _known(at_us: int | None, else_us: int | None) -> int:
    known = else_us if at_us is None else at_us
    assert known is not None
    return known


def _highest(first_m: float | None, second_m: float | None) -> float | None:
    return max((height for height in (first_m, second_m) if height is not None), default=None)


def _lowest(first_m: float | None, second_m: float | None) -> float | None:
    return min((height for height in (first_m, second_m) if height is not None), default=None)


def _share(first: Plan | None, second: Plan | None) -> bool:
    if first is None or second is None:
        return True
    try:
        return encounter(first, second, SHARED_POINT) is not None
    except Refusal:
        # The airspace room holds stricter views of what a plan is; what it cannot judge stays relevant.
        return True


def _plan(volume: Volume, start_us: int | None, end_us: int | None) -> Plan | None:
    start, end = _known(volume.start_us, start_us), _known(volume.end_us, end_us)
    lower = LOWEST_M if volume.lower_m is None else volume.lower_m
    upper = HIGHEST_M if volume.upper_m is None else volume.upper_m
    places = tuple(Position(latitude, longitude) for latitude, longitude in volume.ring)
    try:
        outline = Polygon(places) if volume.radius_m is None else Circle(places[0], volume.radius_m)
        band = AltitudeBand(_ellipsoid(lower), _ellipsoid(upper))
        return Plan("volume", (PlanVolume(outline, band, TimeWindow(_moment(start), _moment(end))),))
    except Refusal:
        return None


def _ellipsoid(height_m: float) -> Altitude:
    return Altitude(height_m, AltitudeUnit.METRE, Ellipsoid())


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / SECOND_US, UTC)
