"""Sightings as rows of numbers: checked, put in order, and with an error for each quantity."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from operator import attrgetter

import numpy as np
from msgspec import structs

from detente.airspace.arrays import Floats, Integers
from detente.airspace.ellipsoid_kernels import surface_points
from detente.watch import accuracy
from detente.watch import track_kernels as kernels
from detente.watch.sighting import Sighting


class NotUsed(StrEnum):
    """Why a sighting moved no track."""

    NO_POSITION = "no_position"
    IMPOSSIBLE_SPEED = "impossible_speed"
    FUTURE = "future"
    OLD = "old"
    OLDER_THAN_KNOWN = "older_than_known"
    REPEATED = "repeated"
    NO_ROOM = "no_room"
    TOO_MANY = "too_many"


FUTURE_S = 2.0
"""How far the time of a sighting may lie after it was heard: clocks of a network differ by less."""
OLD_S = 15.0
"""How old a sighting may be when it is heard: longer than the slowest radar turns, 12 s."""
SPEED_LIMIT_MPS = 1_100.0
"""No aircraft that shares airspace is faster: Mach 3.7 where it is coldest."""
NO_ADDRESSES = ("000000", "~000000")
FEED_END = "\0"
"""Stands between the feed and the identity in a name that is true within a feed alone."""
NAME_LENGTH_MAX = 64
"""A longer address or identity is no name; the sighting is used without it."""

_NUMBERS = (
    "at_s", "received_s", "latitude_deg", "longitude_deg", "pressure_altitude_m", "geometric_altitude_m",
    "ground_speed_mps", "track_deg", "vertical_speed_mps", "horizontal_error_m", "vertical_error_m",
    "velocity_error_mps", "integrity_m", "integrity_level", "on_ground",
)  # fmt: skip
_numbers_of = attrgetter(*_NUMBERS)
_order_of = attrgetter("at_s", "feed", "source", "address", "identity", "latitude_deg", "longitude_deg")
_NO_NUMBER = math.nan
_PLACE_OF = {source: place for place, source in enumerate(accuracy.USUAL_ERRORS)}
_USUAL = np.array(list(accuracy.USUAL_ERRORS.values()), dtype=np.float64)


def in_order(sightings: Sequence[Sighting]) -> list[Sighting]:
    """The sightings by time, and by their content where times are equal: how they arrived does not matter."""
    keys = list(map(_order_of, sightings))
    if len(set(keys)) == len(keys):
        return [sightings[i] for i in sorted(range(len(keys)), key=keys.__getitem__)]
    return sorted(sightings, key=lambda one: (*_order_of(one), repr(one)))


def rows_of(sightings: Sequence[Sighting]) -> tuple[Floats, list[NotUsed | None]]:
    """Rows, shape [n, SIGHTING_COLUMNS], and for each sighting why it cannot be used, or None."""
    given = np.array([_numbers_of(one) for one in sightings], dtype=np.float64).reshape(-1, len(_NUMBERS))
    column = dict(zip(_NUMBERS, given.T, strict=True))
    wrong = _faults(column)
    sane = np.array([fault is None for fault in wrong], dtype=bool)
    rows = np.full((len(sightings), kernels.SIGHTING_COLUMNS), _NO_NUMBER)
    latitude, longitude = np.where(sane, column["latitude_deg"], 0.0), np.where(sane, column["longitude_deg"], 0.0)
    rows[:, kernels.S_AT] = column["at_s"]
    rows[:, kernels.S_LATITUDE], rows[:, kernels.S_LONGITUDE] = latitude, longitude
    rows[:, kernels.S_POINT : kernels.S_POINT + 3] = surface_points(latitude, longitude)
    usual = _USUAL[np.array([_PLACE_OF[one.source] for one in sightings], dtype=np.int64)]
    horizontal = _said_or(column["horizontal_error_m"], usual[:, 0]) / accuracy.RADIAL_95
    velocity = _said_or(column["velocity_error_mps"], usual[:, 1]) / accuracy.RADIAL_95
    rows[:, kernels.S_POSITION_VARIANCE] = horizontal**2
    rows[:, kernels.S_VELOCITY_VARIANCE] = np.maximum(velocity, 0.3) ** 2
    rows[:, kernels.S_TIME_VARIANCE] = (usual[:, 2] / accuracy.RADIAL_95) ** 2
    pressure, geometric = column["pressure_altitude_m"], column["geometric_altitude_m"]
    said = column["vertical_error_m"]
    rows[:, kernels.S_PRESSURE] = _within(pressure, -1_000.0, 60_000.0)
    rows[:, kernels.S_GEOMETRIC] = _within(geometric, -1_000.0, 60_000.0)
    # What is said of vertical error (GVA, a radar's own) is of the geometric altitude where there is one.
    of_pressure = np.where(np.isnan(geometric), said, _NO_NUMBER)
    rows[:, kernels.S_PRESSURE_VARIANCE] = (_said_or(of_pressure, accuracy.PRESSURE_ERROR_M) / accuracy.LINEAR_95) ** 2
    rows[:, kernels.S_GEOMETRIC_VARIANCE] = (_said_or(said, accuracy.GEOMETRIC_ERROR_M) / accuracy.LINEAR_95) ** 2
    rows[:, kernels.S_CLIMB] = _within(column["vertical_speed_mps"], -600.0, 600.0)
    rows[:, kernels.S_SPEED] = column["ground_speed_mps"]
    rows[:, kernels.S_TRACK] = _within(column["track_deg"], -360.0, 720.0)
    rows[:, kernels.S_ON_GROUND] = column["on_ground"]
    low = (column["integrity_m"] >= accuracy.INTEGRITY_LIMIT_M) | (
        column["integrity_level"] < accuracy.INTEGRITY_LEVEL_MIN
    )
    is_said = ~(np.isnan(column["integrity_m"]) & np.isnan(column["integrity_level"]))
    rows[:, kernels.S_INTEGRITY] = np.where(low, -1.0, np.where(is_said, 1.0, 0.0))
    kernels.fill_velocities(rows)
    return rows, wrong


def _faults(column: dict[str, Floats]) -> list[NotUsed | None]:
    latitude, longitude, at = column["latitude_deg"], column["longitude_deg"], column["at_s"]
    inside = (np.abs(latitude) <= 90.0) & (longitude >= -180.0) & (longitude <= 360.0) & (np.abs(at) < 1e11)
    # Exactly 0, 0 is what a program writes that has no position.
    placed = inside & np.isfinite(column["received_s"]) & ~((latitude == 0.0) & (longitude == 0.0))
    speed, age = column["ground_speed_mps"], column["received_s"] - at
    fault: list[NotUsed | None] = [None] * len(at)
    for mask, why in (
        (age > OLD_S, NotUsed.OLD),
        (age < -FUTURE_S, NotUsed.FUTURE),
        ((speed < 0.0) | (speed > SPEED_LIMIT_MPS), NotUsed.IMPOSSIBLE_SPEED),
        (~placed, NotUsed.NO_POSITION),
    ):
        for row in np.flatnonzero(mask):
            fault[row] = why
    return fault


def _said_or(said: Floats, usual: Floats | float) -> Floats:
    """What is said of an error where it can be true, at least 1 mm; else what is usual."""
    return np.where((said >= 0.0) & (said < 1e6), np.maximum(said, 1e-3), usual)


def _within(values: Floats, lowest: float, highest: float) -> Floats:
    return np.where((values >= lowest) & (values <= highest), values, _NO_NUMBER)


def slices_of(at_s: Floats) -> Integers:
    """The second each sighting falls in: what is compared with the tracks at once."""
    return np.floor(np.clip(np.nan_to_num(at_s), -1e12, 1e12)).astype(np.int64)


def names_of(one: Sighting) -> tuple[str, ...]:
    """What a sighting names its aircraft by: its address, true for all feeds; its identity, true within its feed."""
    address, identity = one.address, one.identity
    if not identity:
        return (address,) if address and address not in NO_ADDRESSES and len(address) <= NAME_LENGTH_MAX else ()
    names = names_of(structs.replace(one, identity="")) if address else ()
    return (*names, f"{one.feed}{FEED_END}{identity}") if len(identity) <= NAME_LENGTH_MAX else names


def scans_of(
    ordered: Sequence[Sighting], rows: Floats, faults: Sequence[NotUsed | None], names: Sequence[tuple[str, ...]]
) -> Iterator[tuple[int, list[int]]]:
    """Seconds, and places of the usable sightings assigned at once: of one second, one sensor, one of each name."""
    usable = np.flatnonzero(np.array([fault is None for fault in faults], dtype=bool))
    if not len(usable):
        return
    kinds = [(ordered[i].feed, ordered[i].source) for i in usable.tolist()]
    places = {kind: place for place, kind in enumerate(sorted(set(kinds)))}
    sensor = np.array([places[kind] for kind in kinds], np.int64)
    second = slices_of(rows[usable, kernels.S_AT])
    # How often a sensor has shown a name before within the second: what is named by nothing never comes again.
    known: dict[str, int] = {}
    named = np.array([known.setdefault(names[i][0], len(known)) if names[i] else -1 for i in usable.tolist()],
                     np.int64)  # fmt: skip
    again = _before_in_group(second, sensor, named)
    again[named < 0] = 0
    order = np.lexsort((sensor, again, second))
    keys = np.stack([second, again, sensor], axis=1)[order]
    begins = np.flatnonzero(np.any(keys[1:] != keys[:-1], axis=1)) + 1
    for scan in np.split(order, begins):
        yield int(second[scan[0]]), usable[scan].tolist()


def _before_in_group(*columns: Integers) -> Integers:
    """How many rows of equal columns stand before each row."""
    order = np.lexsort(columns)
    keys = np.stack(columns, axis=1)[order]
    begins = np.concatenate([[True], np.any(keys[1:] != keys[:-1], axis=1)])
    first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    before = np.empty(len(order), np.int64)
    before[order] = np.arange(len(order)) - first
    return before
