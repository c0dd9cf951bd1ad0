"""Flown tracks as plans: one trajectory for each flight, and every report that is in none by name.

The path is simplified: the flown path, from report to report, is never further from the plan's nominal path at the same
time than the containment of that leg. Altitudes stay on standard pressure, as they were reported.
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
from detente.airspace.plan import Containment, Plan, Trajectory, Waypoint, check_identifier
from detente.airspace.position import Position, from_posix_s
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import DropReason, Stretch
from detente.feeds.flights import Flight, Flights, TrackPart, together
from detente.feeds.path_simplification import knots
from detente.feeds.plausibility import HEIGHT_JITTER_M, HIGHEST_M, height_excess_m, position_excess_m
from detente.feeds.source import Within, printable_line
from detente.feeds.track_chains import chains_of_positions, makes_a_flight
from detente.feeds.track_columns import TrackColumns
from detente.feeds.track_containment import HeardReports, Silence, leg_containments, silences
from detente.feeds.track_excursions import excursions
from detente.feeds.track_frozen import frozen
from detente.feeds.track_ghosts import Ghosts
from detente.feeds.track_ground import too_fast_for_ground
from detente.feeds.track_heights import believed_spans
from detente.feeds.track_ledger import ReportLedger

ORIGIN_DEG = 1e-6
"""Receivers write 0, 0 for a position that they do not know."""


class TrackOptions(msgspec.Struct, frozen=True):
    """How reports become plans.

    Attributes:
        gap_s: silence that ends a flight; the reports after it are another one.
        silence_s: a shorter silence than this is bridged; a longer one widens the containment of its leg.
        lateral_m: how far the simplified path may be from the flown one.
        vertical_m: likewise in altitude; less than the step of readings, so that what is level stays level.
        containment: no leg's is less than this, whatever simplifying cost.
        drop_ghosts: leave out a "~" track that lies on another of the same file (`track_ghosts`).
    """

    gap_s: float = 600.0
    silence_s: float = 120.0
    lateral_m: float = 100.0
    vertical_m: float = 20.0 * FOOT_M
    containment: Containment = Containment(0.0, 0.0, 0.0)
    drop_ghosts: bool = False

    def __post_init__(self) -> None:
        if not (self.gap_s > 0.0 and self.silence_s > 0.0 and self.lateral_m >= 1.0 and self.vertical_m >= 1.0):
            raise Refusal("feeds.gap_above_zero_tolerances", "options", str(self))


class _Rows(NamedTuple):
    """The reports of one flight, by increasing time; numbers index the file's columns.

    `height_m` is theirs, between readings that are believed where their own is not.
    """

    name: str
    rows: NDArray[np.intp]
    height_m: Floats
    believed: NDArray[np.bool_]

    def only(self, chosen: NDArray[np.bool_]) -> _Rows:
        return _Rows(self.name, self.rows[chosen], self.height_m[chosen], self.believed[chosen])


def flights_of(columns: TrackColumns, options: TrackOptions | None = None) -> Flights:
    """Return one trajectory a flight.

    A flight is the reports with one `flight_id`, or of one `icao24`, up to a gap, that one aircraft could have made:
    two aircraft under one name are two flights. Reports on the ground, without position or altitude, at a repeated
    time, and such as no aircraft could make are left out and named. The plan's identifier is the flight's, with
    "other~" for a leading "~".
    """
    return together([part_of(columns, options or TrackOptions())])


def part_of(columns: TrackColumns, options: TrackOptions) -> TrackPart:
    """Return what the reports of some of a file's names give, which are all those of these names."""
    ledger = ReportLedger(columns)
    flown: set[int] = set()
    groups = _groups(columns, options, ledger, flown)
    if options.drop_ghosts:
        held = list(groups)
        ghosts = Ghosts(columns, [group.rows for group in held if not _is_ghost_address(columns, group)])
        groups = (_without_ghosts(columns, group, ghosts, ledger) for group in held)
    flights = []
    # One after the other, so that what is known of a flight's reports is let go of with it.
    for group in groups:
        if len(group.rows):
            with Within(f"flight {printable_line(repr(group.name))}"):
                flights.append(_flight(columns, group, options))
    _leave_out_placeless(columns, flown, ledger)
    return TrackPart(flights, len(columns.time_s), ledger.dropped(), ledger.doubtful())


def _is_ghost_address(columns: TrackColumns, group: _Rows) -> bool:
    return bool(len(group.rows)) and str(columns.icao24[group.rows[0]]).startswith("~")


def _without_ghosts(columns: TrackColumns, group: _Rows, ghosts: Ghosts, ledger: ReportLedger) -> _Rows:
    if not _is_ghost_address(columns, group):
        return group
    ghostly = ghosts.explained(group.rows)
    ledger.leave_out(DropReason.GHOST, group.rows[ghostly])
    return group.only(~ghostly)


def _leave_out_placeless(columns: TrackColumns, flown: set[int], ledger: ReportLedger) -> None:
    """Tell reports without position between others of a flight from an aircraft of which no position is known."""
    placeless = np.flatnonzero(np.isnan(columns.latitude_deg) | np.isnan(columns.longitude_deg))
    of_flight = (
        np.isin(ledger.numbers[placeless], np.array(sorted(flown), dtype=np.int32)) | columns.on_ground[placeless]
    )
    ledger.leave_out(DropReason.NO_POSITION, placeless[of_flight])
    ledger.leave_out(DropReason.NEVER_PLACED, placeless[~of_flight])


def _airborne(columns: TrackColumns, ledger: ReportLedger) -> NDArray[np.intp]:
    placeless = np.isnan(columns.latitude_deg) | np.isnan(columns.longitude_deg)
    grounded = columns.on_ground & ~placeless
    for rows in _by_name(
        columns, ledger, np.flatnonzero(~placeless & np.isin(ledger.numbers, ledger.numbers[grounded]))
    ):
        said = rows[columns.on_ground[rows]]
        grounded[said] = ~too_fast_for_ground(
            columns.time_s[rows], columns.latitude_deg[rows], columns.longitude_deg[rows], columns.on_ground[rows]
        )
    unknown = (np.abs(columns.latitude_deg) < ORIGIN_DEG) & (np.abs(columns.longitude_deg) < ORIGIN_DEG) & ~grounded
    ledger.leave_out(DropReason.ON_GROUND, np.flatnonzero(grounded))
    ledger.leave_out(DropReason.NULL_POSITION, np.flatnonzero(unknown))
    return np.flatnonzero(~(placeless | grounded | unknown))


def _by_name(columns: TrackColumns, ledger: ReportLedger, rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """The rows of each name by time; of two reports at one time the one with an altitude comes first, and is kept."""
    rows = rows[np.lexsort((np.isnan(columns.altitude_ft[rows]), columns.time_s[rows], ledger.numbers[rows]))]
    cuts = np.flatnonzero(np.diff(ledger.numbers[rows])) + 1
    return np.split(rows, cuts) if len(rows) else []


def _groups(columns: TrackColumns, options: TrackOptions, ledger: ReportLedger, flown: set[int]) -> Iterator[_Rows]:
    """Yield the reports of each flight: names apart, then aircraft and gaps, then heights.

    The numbers of names with any go into `flown`.
    """
    rows = _airborne(columns, ledger)
    nameless = np.flatnonzero(ledger.nameless[rows])
    if nameless.size:
        raise Refusal("feeds.address_or_flight_id", f"row {columns.row(int(rows[nameless[0]]))}: icao24", "")
    for named in _by_name(columns, ledger, rows):
        by_address = columns.flight_id[named[0]] == ""
        name = ledger.names[ledger.numbers[named[0]]]
        name = f"other{name}" if name.startswith("~") else name
        for serial, part in enumerate(_flights_under_one_name(columns, named, options, ledger), start=1):
            if len(part.rows):
                flown.add(int(ledger.numbers[named[0]]))
            if by_address:
                yield part._replace(name=f"{name}_{serial:02d}")
            else:
                yield part._replace(name=f"{name}.{serial}" if serial > 1 else name)


def _flights_under_one_name(
    columns: TrackColumns, named: NDArray[np.intp], options: TrackOptions, ledger: ReportLedger
) -> Iterator[_Rows]:
    chains = chains_of_positions(
        columns.time_s[named], columns.latitude_deg[named], columns.longitude_deg[named], options.gap_s
    )
    most = max(len(chain) for chain in chains)
    for chain in chains:
        rows = named[chain]
        if not makes_a_flight(len(rows), most):
            ledger.leave_out(DropReason.TOO_FAST, rows)
            continue
        rows, others = _one_at_a_time(columns, rows, ledger)
        if makes_a_flight(len(others), len(rows)):
            yield from _flights_under_one_name(columns, others, options, ledger)
        else:
            ledger.leave_out(DropReason.TOO_STEEP, others)
        still = frozen(columns.time_s[rows], columns.latitude_deg[rows], columns.longitude_deg[rows])
        ledger.leave_out(DropReason.FROZEN, rows[still])
        yield from _with_heights(columns, rows[~still], ledger)


def _one_at_a_time(
    columns: TrackColumns, rows: NDArray[np.intp], ledger: ReportLedger
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first report of each time, and those beside it that are of another height: of another aircraft."""
    moments = np.round(columns.time_s[rows] * 1e6)
    first = np.concatenate([[True], np.diff(moments) != 0])
    kept = np.flatnonzero(first)[np.cumsum(first) - 1]
    heights_m = columns.altitude_ft[rows] * FOOT_M
    other = ~first & (np.abs(heights_m - heights_m[kept]) > HEIGHT_JITTER_M)
    ledger.leave_out(DropReason.REPEATED_TIME, rows[~first & ~other])
    return rows[first], rows[other]


def _with_heights(columns: TrackColumns, rows: NDArray[np.intp], ledger: ReportLedger) -> Iterator[_Rows]:
    """Yield the flights of a chain, heights that are not believed filled in from those that are.

    Where the readings jump and stay, the second flight is what they say from there on, if they are right.
    """
    times = columns.time_s[rows]
    readings_m = columns.altitude_ft[rows] * FOOT_M
    too_high = readings_m > HIGHEST_M
    ledger.leave_out(DropReason.TOO_HIGH, rows[too_high])
    readings_m = np.where(too_high, np.nan, readings_m)
    spans = believed_spans(times, readings_m)
    if not spans:
        ledger.leave_out(DropReason.NO_ALTITUDE, rows[~too_high])
        return
    ledger.leave_out(DropReason.TOO_STEEP, rows[~np.isnan(readings_m) & ~spans[0].believed])
    for span in spans:
        inside = slice(span.begin, span.end)
        known = np.flatnonzero(span.believed)
        height_m = readings_m[inside].copy()
        unsure = ~span.believed
        height_m[unsure] = np.interp(times[inside][unsure], times[inside][known], height_m[known])
        part = _Rows("", rows[inside], height_m, span.believed)
        fitting = _fitting(columns, part)
        ledger.leave_out(DropReason.TOO_FAST, part.rows[~fitting])
        yield part.only(fitting)


def _fitting(columns: TrackColumns, part: _Rows) -> NDArray[np.bool_]:
    """Which reports fit the one before them; those between two that now follow each other may have been left out."""
    times = columns.time_s[part.rows]
    latitudes, longitudes = columns.latitude_deg[part.rows], columns.longitude_deg[part.rows]

    def misfits(first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.bool_]:
        seconds = times[second] - times[first]
        far = position_excess_m(latitudes[first], longitudes[first], latitudes[second], longitudes[second], seconds)
        steep = height_excess_m(part.height_m[first], part.height_m[second], seconds)
        return np.asarray((far > 0.0) | (steep > 0.0))

    rows = np.arange(len(part.rows))
    kept = np.ones(len(rows), dtype=np.bool_)
    for row in (np.flatnonzero(misfits(rows[:-1], rows[1:])) + 1).tolist():
        last = row - 1
        while not kept[last]:
            last -= 1
        following = row
        while following < len(rows) and misfits(rows[last : last + 1], rows[following : following + 1])[0]:
            kept[following] = False
            following += 1
    return kept


def _flight(columns: TrackColumns, group: _Rows, options: TrackOptions) -> Flight:
    check_identifier("flight_id", group.name)
    rows = group.rows
    heard = HeardReports(
        columns.time_s[rows], columns.latitude_deg[rows], columns.longitude_deg[rows], group.height_m, group.believed
    )
    unheard, aside = silences(heard, options.silence_s), excursions(heard)
    unsure = [*unheard, *(one.beside for one in aside)]
    chosen = _knots(heard, unsure, options)
    legs = leg_containments(heard, chosen, unsure, options.containment)
    reference = StandardPressure()
    waypoints = tuple(
        Waypoint(
            Position(float(heard.latitude_deg[row]), float(heard.longitude_deg[row])),
            Altitude(_feet(columns, group, row), AltitudeUnit.FOOT, reference),
            from_posix_s(float(heard.time_s[row])),
        )
        for row in chosen.tolist()
    )
    whole = Containment(
        max(leg.lateral_m for leg in legs), max(leg.vertical_m for leg in legs), options.containment.along_time_s
    )
    trajectory = Trajectory(waypoints, whole, legs if len(set(legs)) > 1 else ())
    callsigns = [name for name in columns.callsign[rows] if name]
    callsign = Counter(callsigns).most_common(1)[0][0] if callsigns else ""
    return Flight(
        Plan(group.name, trajectory), str(columns.icao24[rows[0]]), callsign,
        tuple(dict.fromkeys(
            _stretch(group.name, heard, silence) for silence in unheard if silence.seconds(heard) > options.silence_s
        )),
        aside=tuple(dict.fromkeys(_stretch_of_rows(group.name, heard, one.begin, one.end - 1) for one in aside)),
    )  # fmt: skip


def _knots(heard: HeardReports, unheard: list[Silence], options: TrackOptions) -> NDArray[np.intp]:
    """Return the reports that become waypoints; no leg between them is one that no aircraft could fly."""
    ends = np.array(sorted({row for silence in unheard for row in (silence.first, silence.last)}), dtype=np.intp)
    chosen = knots(
        heard.time_s, heard.latitude_deg, heard.longitude_deg, heard.height_m,
        max(options.lateral_m, options.containment.lateral_m), max(options.vertical_m, options.containment.vertical_m),
        ends,
    )  # fmt: skip
    first, last = chosen[:-1], chosen[1:]
    seconds = heard.time_s[last] - heard.time_s[first]
    far = position_excess_m(
        heard.latitude_deg[first],
        heard.longitude_deg[first],
        heard.latitude_deg[last],
        heard.longitude_deg[last],
        seconds,
    )
    steep = height_excess_m(heard.height_m[first], heard.height_m[last], seconds)
    between = [np.arange(first[leg], last[leg]) for leg in np.flatnonzero((far > 0.0) | (steep > 0.0)).tolist()]
    return np.unique(np.concatenate([chosen, *between]))


def _feet(columns: TrackColumns, group: _Rows, row: int) -> float:
    """The reading itself, to the last digit, or one between readings."""
    if group.believed[row]:
        return float(columns.altitude_ft[group.rows[row]])
    return float(group.height_m[row]) / FOOT_M


def _stretch(name: str, heard: HeardReports, silence: Silence) -> Stretch:
    stretch = _stretch_of_rows(name, heard, silence.first, silence.last)
    return msgspec.structs.replace(stretch, reports=max(silence.last - silence.first - 1, 0))


def _stretch_of_rows(name: str, heard: HeardReports, first: int, last: int) -> Stretch:
    return Stretch(
        flight=name,
        reports=last - first + 1,
        start=from_posix_s(float(heard.time_s[first])),
        end=from_posix_s(float(heard.time_s[last])),
        position=Position(float(heard.latitude_deg[first]), float(heard.longitude_deg[first])),
    )
