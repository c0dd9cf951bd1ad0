"""Which entities a new operational intent must prove that it knows, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from detente.utm.dss.commands import PutIntent
from detente.utm.dss.parts import PartComparison, known
from detente.utm.dss.records import ACCEPTED, Constraint, Occupied, OperationalIntent
from detente.utm.dss.state import DssState
from detente.utm.index import CellIndex
from detente.utm.space import Extents

E = TypeVar("E", OperationalIntent, Constraint)


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
    """The part of two extents that they share: a box of cells, heights and times; and, part by part, the volumes.

    `are_all_parts` is false where there were too many volumes to compare them all.
    """

    cells: tuple[str, ...]
    lower_m: float | None
    upper_m: float | None
    start_us: int
    end_us: int
    parts: tuple[SharedPart, ...]
    are_all_parts: bool


def relevant_intents(state: DssState, command: PutIntent, comparison: PartComparison | None) -> list[OperationalIntent]:
    """The live operational intents whose OVN the key of `command` must hold.

    Those that share a cell, heights and times, but not those that a USS which is down had only accepted. With
    `comparison` only those of them whose declared volumes share a point with the new ones, or had to go uncompared.
    """
    touching = _touching(state.intent_index, state.intents, command, comparison)
    down = state.down
    return [
        intent
        for intent in touching
        if intent.id != command.id and (intent.state != ACCEPTED or intent.manager not in down)
    ]


def relevant_constraints(state: DssState, command: PutIntent, comparison: PartComparison | None) -> list[Constraint]:
    """The live constraints whose OVN the key must hold when the client processes constraints."""
    return list(_touching(state.constraint_index, state.constraints, command, comparison))


def _touching(
    index: CellIndex, held: Mapping[str, E], command: PutIntent, comparison: PartComparison | None
) -> Iterator[E]:
    extents = command.extents
    assert extents.start_us is not None
    names = index.find_names(
        extents.cells, extents.lower_m, extents.upper_m, max(extents.start_us, command.at_us), extents.end_us
    )
    for name in names:
        if comparison is None or _may_share(held[name].occupied, comparison):
            yield held[name]


def _may_share(other: Occupied, comparison: PartComparison) -> bool:
    return next(comparison.shared_pairs(other), None) is not None or comparison.is_over


def overlap(extents: Extents, other: Occupied, comparison: PartComparison) -> Overlap:
    """What `extents` and another's share; its parts as far as they are compared."""
    assert extents.start_us is not None
    assert extents.end_us is not None
    return Overlap(
        tuple(f"{cell:08x}" for cell in sorted({*extents.cells} & {*other.cells})),
        _highest(extents.lower_m, other.lower_m),
        _lowest(extents.upper_m, other.upper_m),
        max(extents.start_us, other.start_us),
        min(extents.end_us, other.end_us),
        tuple(_shared_parts(extents, other, comparison)),
        not comparison.is_over,
    )


def _shared_parts(extents: Extents, other: Occupied, comparison: PartComparison) -> Iterator[SharedPart]:
    mine, theirs = extents.volumes, other.volumes
    for k, m in comparison.shared_pairs(other):
        first, second = mine[k], theirs[m]
        yield SharedPart(
            k,
            m,
            _highest(first.lower_m, second.lower_m),
            _lowest(first.upper_m, second.upper_m),
            max(known(first.start_us, extents.start_us), known(second.start_us, other.start_us)),
            min(known(first.end_us, extents.end_us), known(second.end_us, other.end_us)),
        )


def _highest(first_m: float | None, second_m: float | None) -> float | None:
    return max((height for height in (first_m, second_m) if height is not None), default=None)


def _lowest(first_m: float | None, second_m: float | None) -> float | None:
    return min((height for height in (first_m, second_m) if height is not None), default=None)
