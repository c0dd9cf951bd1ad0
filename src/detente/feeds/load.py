"""Plans from any file that Détente reads: GeoJSON, KML, flown tracks as CSV or Parquet."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import Dropped
from detente.feeds.geojson import read_geojson
from detente.feeds.kml import KmlOptions, read_kml
from detente.feeds.source import UTF8_MARK, Within, printable_line, read_beginning, read_bytes
from detente.feeds.track_csv import read_csv_columns
from detente.feeds.track_parquet import read_parquet_columns
from detente.feeds.tracks import Flights, TrackOptions, flights_of


class PlanFormat(StrEnum):
    """The formats of plan files."""

    GEOJSON = "GeoJSON"
    KML = "KML"
    CSV = "CSV"
    PARQUET = "Parquet"


SUFFIXES = {
    ".geojson": PlanFormat.GEOJSON,
    ".json": PlanFormat.GEOJSON,
    ".kml": PlanFormat.KML,
    ".csv": PlanFormat.CSV,
    ".parquet": PlanFormat.PARQUET,
}


class LoadOptions(msgspec.Struct, frozen=True):
    """What some formats do not say; see `KmlOptions` and `TrackOptions`."""

    kml: KmlOptions = KmlOptions()
    tracks: TrackOptions = TrackOptions()


class LoadedPlans(NamedTuple):
    """The plans of a file, and how much of it is in none of them."""

    plans: tuple[Plan, ...]
    dropped: tuple[Dropped, ...]


def load_plans(path: Path, options: LoadOptions | None = None) -> LoadedPlans:
    """Return the plans of a file, at least one.

    Raises:
        Refusal: naming file, feature, field, value and mend; nothing else, whatever the file holds.
    """
    options = options or LoadOptions()
    with Within(printable_line(str(path), 120)), _collector_at_rest():
        match plan_format(path):
            case PlanFormat.GEOJSON:
                loaded = LoadedPlans(read_geojson(read_bytes(path)), ())
            case PlanFormat.KML:
                loaded = LoadedPlans(*read_kml(read_bytes(path), options.kml))
            case _:
                flights = load_flights(path, options.tracks)
                loaded = LoadedPlans(tuple(flight.plan for flight in flights.flights), flights.dropped)
        if not loaded.plans:
            left_out = ", ".join(f"{entry.count} {entry.reason}" for entry in loaded.dropped) or "nothing"
            raise Refusal("", f"no plan (left out: {left_out})", "at least one plan", "An empty plan hides conflicts.")
        return loaded


def load_flights(path: Path, options: TrackOptions | None = None) -> Flights:
    """Return the flights of a CSV or Parquet file of flown tracks; raises Refusal without the file's name."""
    parquet = plan_format(path) is PlanFormat.PARQUET
    return flights_of(read_parquet_columns(path) if parquet else read_csv_columns(path), options)


def plan_format(path: Path) -> PlanFormat:
    """Return the format of a file by its suffix, or by how it begins where the suffix says nothing; else Refusal."""
    known = SUFFIXES.get(path.suffix.lower())
    if known is not None:
        return known
    beginning = read_beginning(path)
    content = beginning.removeprefix(UTF8_MARK).lstrip()
    if content.startswith(b"PAR1"):
        return PlanFormat.PARQUET
    if content.startswith(b"{"):
        return PlanFormat.GEOJSON
    if content.startswith(b"<"):
        return PlanFormat.KML
    mend = "Unpack the .kmz first: it is a ZIP file with a .kml inside." if content.startswith(b"PK\3\4") else ""
    raise Refusal("", path.suffix or "no suffix", "a file named .geojson, .json, .kml, .csv or .parquet", mend)


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
