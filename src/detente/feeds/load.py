"""Plans from any file that Détente reads, whatever its format; docs/reference/formats.md lists them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from detente.airspace.altitude import Ground
from detente.airspace.plan import Plan, TimeWindow
from detente.airspace.refusal import Refusal
from detente.feeds.airspace_use_plan import read_airspace_use_plan
from detente.feeds.airspace_volumes import AirspaceOptions
from detente.feeds.aixm import read_aixm
from detente.feeds.control_order import read_control_order
from detente.feeds.cursor_on_target import read_cursor_on_target
from detente.feeds.dropped import Doubtful, Dropped
from detente.feeds.flightaware import read_flightaware
from detente.feeds.flightradar24 import read_flightradar24
from detente.feeds.flights import Flight, Flights
from detente.feeds.garmin import read_garmin
from detente.feeds.geojson import read_geojson
from detente.feeds.geoparquet import read_geoparquet
from detente.feeds.gpx import read_gpx
from detente.feeds.icao_plan import read_icao_plans
from detente.feeds.igc import read_igc
from detente.feeds.kml import KmlOptions, read_kml
from detente.feeds.kmz import kml_of
from detente.feeds.mavlink_text import read_mavlink_text
from detente.feeds.notam import read_notams
from detente.feeds.openair import read_openair
from detente.feeds.opensky import read_history, read_states
from detente.feeds.plan_csv import read_plan_csv
from detente.feeds.plausibility import check_plan
from detente.feeds.qgroundcontrol import read_qgroundcontrol
from detente.feeds.readsb import read_aircraft, read_trace
from detente.feeds.recognition import PlanFormat, plan_format
from detente.feeds.routes import RouteOptions
from detente.feeds.sbs import read_sbs
from detente.feeds.source import Within, brief, decode_json, identifier_of, printable_line, read_bytes
from detente.feeds.track_columns import TrackColumns, joined
from detente.feeds.track_csv import csv_columns
from detente.feeds.track_parquet import parquet_columns
from detente.feeds.track_partition import Progress, flights_of_batches
from detente.feeds.tracks import TrackOptions, flights_of
from detente.feeds.uas_zones import read_ed269, read_ed318
from detente.feeds.vertical_limits import GroundElevation


class LoadOptions(msgspec.Struct, frozen=True):
    """Settings for what some formats do not say; see `KmlOptions` and `TrackOptions`.

    Attributes:
        plan_format: the format to read the file as, whatever it looks like; None finds out.
        utc_offset: of the times of a format that has no zone; None refuses it.
        kml: for KML and KMZ; GPX and routes take the containment, missions and airspace the elevation of the ground.
        tracks: for reports that become flights.
        routes: for routes and missions.
        window: the time that is asked about, for files of airspace; see `AirspaceOptions`.
    """

    plan_format: PlanFormat | None = None
    utc_offset: timedelta | None = None
    kml: KmlOptions = KmlOptions()
    tracks: TrackOptions = TrackOptions()
    routes: RouteOptions = RouteOptions()
    window: TimeWindow | None = None


class LoadedPlans(NamedTuple):
    """The plans of a file, and how much of it is in none of them.

    Of tracks also the flights, the number of reports, and the aircraft of which a good share was left out.
    """

    plans: tuple[Plan, ...]
    dropped: tuple[Dropped, ...]
    flights: tuple[Flight, ...] = ()
    reports: int = 0
    doubtful: tuple[Doubtful, ...] = ()


def load_plans(
    path: Path, options: LoadOptions | None = None, *, name: str = "", progress: Progress | None = None
) -> LoadedPlans:
    """Return the plans of a file, at least one; `name` is what its user calls it, its path when not said.

    `progress` is told how many reports were read of a file that is too long for memory.

    Raises:
        Refusal: naming file, feature, field, value and mend; nothing else, whatever the file holds.
    """
    options = options or LoadOptions()
    with Within(printable_line(name or str(path), 120)), _collector_at_rest():
        found = options.plan_format or plan_format(path)
        match found:
            case PlanFormat.GEOJSON:
                loaded = LoadedPlans(read_geojson(read_bytes(path)), ())
            case PlanFormat.KML:
                loaded = LoadedPlans(*read_kml(read_bytes(path), options.kml, options.routes))
            case PlanFormat.KMZ:
                loaded = LoadedPlans(*read_kml(kml_of(read_bytes(path)), options.kml, options.routes))
            case PlanFormat.GPX:
                loaded = LoadedPlans(*read_gpx(read_bytes(path), _beside_routes(options)))
            case _ if found in AIRSPACE_READERS:
                loaded = LoadedPlans(*AIRSPACE_READERS[found](read_bytes(path), _airspace_options(options)))
            case PlanFormat.FLIGHTAWARE:
                columns, dropped = read_flightaware(
                    read_bytes(path), options.utc_offset, options.routes, identifier_of(path.stem) or "flight"
                )
                loaded = _of_flights(flights_of(columns, options.tracks), dropped)
            case PlanFormat() if (route := _route(path, found, options)) is not None:
                loaded = route
            case _:
                batches = _batches(path, found, options.utc_offset)
                loaded = _of_flights(flights_of_batches(batches, options.tracks, progress))
        if not loaded.plans:
            left_out = ", ".join(f"{entry.count} {entry.reason}" for entry in loaded.dropped) or "nothing"
            raise Refusal("feeds.at_least_one_plan", "", f"no plan (left out: {left_out})")
        if found is not PlanFormat.GEOJSON:
            # GeoJSON is held against the rule as it is read, where the feature is known.
            for plan in loaded.plans:
                with Within(f"plan {plan.plan_id}"):
                    check_plan(plan)
        return loaded


def _of_flights(flights: Flights, others: tuple[Dropped, ...] = ()) -> LoadedPlans:
    plans = tuple(flight.plan for flight in flights.flights)
    return LoadedPlans(plans, flights.dropped + others, flights.flights, flights.reports, flights.doubtful)


def _route(path: Path, found: PlanFormat, options: LoadOptions) -> LoadedPlans | None:
    """The plans of a file of routes, missions or plans as a table; None for a file of anything else."""
    beside = _beside_routes(options)
    name = identifier_of(path.stem) or "mission"
    match found:
        case PlanFormat.QGROUNDCONTROL:
            return LoadedPlans(*read_qgroundcontrol(read_bytes(path), beside, name))
        case PlanFormat.MAVLINK_TEXT:
            return LoadedPlans(read_mavlink_text(read_bytes(path), beside, name), ())
        case PlanFormat.GARMIN:
            return LoadedPlans(*read_garmin(read_bytes(path), beside))
        case PlanFormat.ICAO_PLAN:
            return LoadedPlans(*read_icao_plans(read_bytes(path), beside))
        case PlanFormat.COT:
            return LoadedPlans(*read_cursor_on_target(read_bytes(path), beside))
        case PlanFormat.PLAN_CSV:
            return LoadedPlans(read_plan_csv(read_bytes(path)), ())
        case PlanFormat.GEOPARQUET:
            return LoadedPlans(read_geoparquet(path), ())
        case _:
            return None


def _beside_routes(options: LoadOptions) -> RouteOptions:
    """The settings for routes, with the containment and the ground that all formats share."""
    elevation_m = options.kml.ground_elevation_m
    return msgspec.structs.replace(
        options.routes,
        containment=options.kml.containment,
        ground=Ground(elevation_m, options.kml.ground_elevation_error_m) if elevation_m is not None else None,
    )


AIRSPACE_READERS = {
    PlanFormat.NOTAM: read_notams,
    PlanFormat.ED269: read_ed269,
    PlanFormat.ED318: read_ed318,
    PlanFormat.OPENAIR: read_openair,
    PlanFormat.CONTROL_ORDER: read_control_order,
    PlanFormat.AIXM: read_aixm,
    PlanFormat.AIRSPACE_USE_PLAN: read_airspace_use_plan,
}
"""What reads files of airspace, each from the content and the same options."""


def _airspace_options(options: LoadOptions) -> AirspaceOptions:
    elevation_m, error_m = options.kml.ground_elevation_m, options.kml.ground_elevation_error_m
    ground = None if elevation_m is None else GroundElevation(elevation_m, error_m)
    return AirspaceOptions(ground, options.window)


def load_flights(path: Path, options: TrackOptions | None = None) -> Flights:
    """Return the flights of a file of position reports; raises Refusal without the file's name."""
    return flights_of_batches(_batches(path, plan_format(path), None), options or TrackOptions())


def load_reports(path: Path, utc_offset: timedelta | None = None) -> TrackColumns:
    """Return the position reports of a file as they stand in it; raises Refusal without the file's name."""
    return joined(_batches(path, plan_format(path), utc_offset))


def _batches(path: Path, found: PlanFormat, utc_offset: timedelta | None) -> Iterator[TrackColumns]:
    """The reports of a file in one of the formats that hold reports; those that may be long come in pieces."""
    match found:
        case PlanFormat.PARQUET:
            return parquet_columns(path)
        case PlanFormat.READSB_AIRCRAFT:
            columns = read_aircraft(_object(path))
        case PlanFormat.READSB_TRACE:
            columns = read_trace(_object(path))
        case PlanFormat.OPENSKY_STATES:
            columns = read_states(_object(path))
        case PlanFormat.OPENSKY_CSV:
            columns = read_history(read_bytes(path))
        case PlanFormat.SBS:
            columns = read_sbs(read_bytes(path), utc_offset)
        case PlanFormat.FLIGHTRADAR24:
            columns = read_flightradar24(read_bytes(path))
        case PlanFormat.IGC:
            columns = read_igc(read_bytes(path))
        case _:
            return csv_columns(path)
    return iter((columns,))


def _object(path: Path) -> dict[str, Any]:
    document = decode_json(read_bytes(path))
    if not isinstance(document, dict):
        raise Refusal("feeds.json_object", "", brief(document))
    return document


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Keep the garbage collector from going through every plan again and again while they are made.

    Reading makes no cycles; with the collector at work, 100,000 volumes take twice as long.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
