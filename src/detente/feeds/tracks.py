"""Flown tracks as plans: one trajectory for each flight, and a count of every report that is in none.

The path is simplified: the flown path, from report to report, is never further from the plan's nominal path at the same
time than the plan's containment. Altitudes stay on standard pressure, as they were reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detente.airspace.altitude import FOOT_M, Altitude, AltitudeUnit, StandardPressure
from detente.airspace.arrays import Floats
from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Containment, Plan, Trajectory, Waypoint, check_identifier
from detente.airspace.position import Position, from_posix_s
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import Dropped, DropReason, dropped_in_order
from detente.feeds.path_simplification import knots
from detente.feeds.plausibility import FASTEST_M_S
from detente.feeds.source import Within, printable_line
from detente.feeds.track_columns import TrackColumns
from detente.feeds.track_ghosts import Ghosts

JITTER_M = 1_000.0
"""Two reports further apart than `FASTEST_M_S` allows and this much more are not both of the same aircraft."""


class TrackOptions(msgspec.Struct, frozen=True):
    """How reports become plans.

    Attributes:
        gap_s: silence that ends a flight; the reports after it are another one.
        lateral_m: how far the simplified path may be from the flown one, and the plan's lateral containment.
        vertical_m: likewise in altitude.
    """

    gap_s: float = 600.0
    lateral_m: float = 100.0
    vertical_m: float = 50.0 * FOOT_M

    def __post_init__(self) -> None:
        if not (self.gap_s > 0.0 and self.lateral_m >= 1.0 and self.vertical_m >= 1.0):
            raise Refusal("options", str(self), "a gap above zero and tolerances of at least a metre")


class Flight(NamedTuple):
    """A flight's plan with what is known of its aircraft."""

    plan: Plan
    icao24: str
    callsign: str


class Flights(NamedTuple):
    """The flights of a file in the order of their first reports, and the reports that are in none."""

    flights: tuple[Flight, ...]
    dropped: tuple[Dropped, ...]


class _Rows(NamedTuple):
    """The reports of one flight, by increasing time; numbers index the file's columns."""

    name: str
    rows: NDArray[np.intp]


def flights_of(columns: TrackColumns, options: TrackOptions | None = None) -> Flights:
    """Return one trajectory a flight.

    A flight is the reports with one `flight_id`, or of one `icao24`, up to a gap. Reports on the ground, without
    position or altitude, at a repeated time, impossibly far from their neighbours, or of a ghost (`track_ghosts`) are
    dropped. The plan's identifier is the flight's, with "other~" for a leading "~".
    """
    options = options or TrackOptions()
    dropped: Counter[DropReason] = Counter()
    airborne = _airborne(columns, dropped)
    groups = [
        _Rows(group.name, plausible)
        for group in _groups(columns, airborne, options.gap_s, dropped)
        for plausible in [_without_jumps(columns, group.rows)]
        if _counted(dropped, DropReason.TOO_FAST, len(group.rows) - len(plausible))
    ]
    ghosts = Ghosts(columns, [group.rows for group in groups if not _is_ghost_address(columns, group)])
    flights = []
    for group in groups:
        rows = group.rows
        if _is_ghost_address(columns, group):
            ghostly = ghosts.explained(rows)
            dropped[DropReason.GHOST] += int(ghostly.sum())
            rows = rows[~ghostly]
        if not len(rows):
            continue
        with Within(f"flight {printable_line(repr(group.name))}"):
            flights.append(_flight(columns, _Rows(group.name, rows), options))
    flights.sort(key=lambda flight: (flight.plan.time.start, flight.plan.plan_id))
    return Flights(tuple(flights), dropped_in_order(dropped))


def _counted(dropped: Counter[DropReason], reason: DropReason, count: int) -> bool:
    dropped[reason] += count
    return True


def _is_ghost_address(columns: TrackColumns, group: _Rows) -> bool:
    return str(columns.icao24[group.rows[0]]).startswith("~")


def _airborne(columns: TrackColumns, dropped: Counter[DropReason]) -> NDArray[np.intp]:
    placeless = np.isnan(columns.latitude_deg) | np.isnan(columns.longitude_deg)
    grounded = columns.on_ground & ~placeless
    without_altitude = np.isnan(columns.altitude_ft) & ~placeless & ~grounded
    dropped[DropReason.NO_POSITION] = int(placeless.sum())
    dropped[DropReason.ON_GROUND] = int(grounded.sum())
    dropped[DropReason.NO_ALTITUDE] = int(without_altitude.sum())
    return np.flatnonzero(~(placeless | grounded | without_altitude))


def _groups(
    columns: TrackColumns, rows_used: NDArray[np.intp], gap_s: float, dropped: Counter[DropReason]
) -> Iterator[_Rows]:
    keys = columns.flight_id[rows_used]
    addressed = keys == ""
    keys[addressed] = columns.icao24[rows_used][addressed]
    nameless = np.flatnonzero(keys == "")
    if nameless.size:
        raise Refusal(f"row {rows_used[nameless[0]] + 2}: icao24", "", "an address, or a flight_id")
    names, numbers = np.unique(keys.astype(str), return_inverse=True)
    times = columns.time_s[rows_used]
    order = np.lexsort((times, numbers))
    times, numbers, rows, by_address = times[order], numbers[order], rows_used[order], addressed[order]
    repeated = (np.diff(numbers) == 0) & (np.diff(np.round(times * 1e6)) == 0)
    dropped[DropReason.REPEATED_TIME] += int(repeated.sum())
    first = np.concatenate([[True], ~repeated]) if len(times) else np.zeros(0, dtype=np.bool_)
    times, numbers, rows, by_address = times[first], numbers[first], rows[first], by_address[first]
    cuts = np.flatnonzero((np.diff(numbers) != 0) | (np.diff(times) > gap_s)) + 1
    serials: Counter[int] = Counter()
    for part in np.split(np.arange(len(rows)), cuts) if len(rows) else []:
        number = int(numbers[part[0]])
        serials[number] += 1
        serial = serials[number]
        name = str(names[number])
        name = f"other{name}" if name.startswith("~") else name
        if by_address[part[0]]:
            name = f"{name}_{serial:02d}"
        elif serial > 1:
            name = f"{name}.{serial}"
        yield _Rows(name, rows[part])


def _without_jumps(columns: TrackColumns, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Leave out, one by one, the reports without which the flight makes no impossible jump."""
    for _ in range(len(rows)):
        bad = np.flatnonzero(_excess_m(columns, rows[:-1], rows[1:]) > 0.0)
        if not bad.size:
            break
        at = int(bad[0])
        # Of the two that do not fit together the one goes that fits its other neighbour worse.
        before = _excess_m(columns, rows[at - 1 : at], rows[at + 1 : at + 2]) if at > 0 else np.zeros(1)
        after = _excess_m(columns, rows[at : at + 1], rows[at + 2 : at + 3]) if at + 2 < len(rows) else np.zeros(1)
        rows = np.delete(rows, at if before[0] < after[0] else at + 1)
    return rows


def _excess_m(columns: TrackColumns, first: NDArray[np.intp], second: NDArray[np.intp]) -> Floats:
    """How much further apart two reports each are than any aircraft could fly between them."""
    distance = GEOD.inv(
        columns.longitude_deg[first], columns.latitude_deg[first],
        columns.longitude_deg[second], columns.latitude_deg[second],
    )[2]  # fmt: skip
    seconds = columns.time_s[second] - columns.time_s[first]
    return np.asarray(distance) - FASTEST_M_S * seconds - JITTER_M


def _flight(columns: TrackColumns, group: _Rows, options: TrackOptions) -> Flight:
    check_identifier("flight_id", group.name)
    rows = group.rows
    chosen = rows[
        knots(
            columns.time_s[rows], columns.latitude_deg[rows], columns.longitude_deg[rows],
            columns.altitude_ft[rows] * FOOT_M, options.lateral_m, options.vertical_m,
        )
    ]  # fmt: skip
    reference = StandardPressure()
    waypoints = tuple(
        Waypoint(
            Position(float(columns.latitude_deg[row]), float(columns.longitude_deg[row])),
            Altitude(float(columns.altitude_ft[row]), AltitudeUnit.FOOT, reference),
            from_posix_s(float(columns.time_s[row])),
        )
        for row in chosen
    )
    trajectory = Trajectory(waypoints, Containment(options.lateral_m, options.vertical_m, 0.0))
    callsigns = [name for name in columns.callsign[rows] if name]
    callsign = Counter(callsigns).most_common(1)[0][0] if callsigns else ""
    return Flight(Plan(group.name, trajectory), str(columns.icao24[rows[0]]), callsign)
