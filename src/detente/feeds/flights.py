"""Flights of a file of position reports, put together from its parts, and what became of the reports in none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import NamedTuple, TypeVar

from detente.airspace.geodesy import GEOD
from detente.airspace.plan import Plan, Trajectory, Waypoint
from detente.feeds.dropped import Doubtful, Dropped, DropReason, Stretch

T = TypeVar("T")

AIRBORNE_M_S = 50.0
"""What has come on so fast on the whole between two flights has not landed."""


class Flight(NamedTuple):
    """A flight's plan with what is known of its aircraft, and when it was not heard.

    `unheard` is within the plan, and widens it; `lost` is before it, since the aircraft's last flight: in no plan.
    `aside` are reports in the plan that are doubted, and widen it.
    """

    plan: Plan
    icao24: str
    callsign: str
    unheard: tuple[Stretch, ...] = ()
    lost: tuple[Stretch, ...] = ()
    aside: tuple[Stretch, ...] = ()


class Flights(NamedTuple):
    """The flights of a file in the order of their first reports, and the reports that are in none.

    `reports` is how many the file has, `doubtful` the names of which a good share had to be left out.
    """

    flights: tuple[Flight, ...]
    dropped: tuple[Dropped, ...]
    reports: int = 0
    doubtful: tuple[Doubtful, ...] = ()


class TrackPart(NamedTuple):
    """What the reports of some of a file's names give: flights in any order, how many reports, and what was left out.

    With that stands the first row of each name, by which the parts of a file are put together.
    """

    flights: list[Flight]
    reports: int
    dropped: dict[DropReason, list[tuple[int, Stretch]]]
    doubtful: list[tuple[int, Doubtful]]


def together(parts: Iterable[TrackPart]) -> Flights:
    """Return the flights of a file from its parts, of which no two have reports of one name, in any order."""
    flights: list[Flight] = []
    reports = 0
    dropped: dict[DropReason, list[tuple[int, Stretch]]] = {}
    doubtful: list[tuple[int, Doubtful]] = []
    for part in parts:
        flights += part.flights
        reports += part.reports
        doubtful += part.doubtful
        for reason, stretches in part.dropped.items():
            dropped.setdefault(reason, []).extend(stretches)
    flights.sort(key=lambda flight: (flight.plan.time.start, flight.plan.plan_id))
    return Flights(
        tuple(_with_losses(flights)),
        tuple(
            Dropped(reason, sum(one.reports for _, one in dropped[reason]), _by_first_row(dropped[reason]))
            for reason in DropReason
            if reason in dropped
        ),
        reports,
        _by_first_row(doubtful),
    )


def _by_first_row(found: list[tuple[int, T]]) -> tuple[T, ...]:
    return tuple(one for _, one in sorted(found, key=itemgetter(0)))


def _with_losses(flights: list[Flight]) -> Iterator[Flight]:
    """Yield the flights, each with the time since the last one of its aircraft if it flew on meanwhile, unheard."""
    before: dict[str, Waypoint] = {}
    for flight in flights:
        assert isinstance(flight.plan.intent, Trajectory)
        waypoints = flight.plan.intent.waypoints
        last = before.get(flight.icao24) if flight.icao24 else None
        before[flight.icao24] = waypoints[-1]
        if last is not None and (seconds := (waypoints[0].time - last.time).total_seconds()) > 0.0:
            ends = [last.position, waypoints[0].position]
            metres = GEOD.line_length([p.longitude_deg for p in ends], [p.latitude_deg for p in ends])
            if metres >= AIRBORNE_M_S * seconds:
                lost = Stretch(flight.plan.plan_id, 0, last.time, waypoints[0].time, last.position)
                yield flight._replace(lost=(lost,))
                continue
        yield flight
