"""What a node knows as CSV, KML and GeoJSON, with its names: for the party's own programs, not for publication."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape  # writes alone; nothing is parsed with it

import msgspec

from detente.airspace.altitude import MeanSeaLevel
from detente.airspace.plan import Circle, Plan, Volume4D
from detente.airspace.position import Position
from detente.feeds.geojson import write_geojson
from detente.feeds.published import Published, limits_of, middle_of, ring_of
from detente.feeds.vertical_limits import above_sea_m

VOLUME_COLUMNS = (
    "name", "part", "start", "end", "lower", "lower_unit", "upper", "upper_unit", "reference", "centre_latitude",
    "centre_longitude", "radius_m", "outline_wkt",
)  # fmt: skip


def csv_of_volumes(published: Sequence[Published]) -> bytes:
    """Return a table with a row for each volume; what is said of each stands in columns of its own."""
    said = tuple(dict.fromkeys(key for one in published for key in one.said))
    rows = ({**one.said, **row} for one in published for row in _rows(one))
    return csv_of_rows((*VOLUME_COLUMNS[:2], *said, *VOLUME_COLUMNS[2:]), rows)


def csv_of_rows(columns: Sequence[str], rows: Iterator[Mapping[str, object]]) -> bytes:
    """Return a table; a value that a spreadsheet would take as a formula is set off with an apostrophe."""
    sink = io.StringIO()
    writer = csv.DictWriter(sink, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return sink.getvalue().encode()


def kml_of_volumes(published: Sequence[Published]) -> bytes:
    """Return KML with a placemark for each volume, drawn from its upper limit down to the ground."""
    marks = "\n".join(_placemark(one, volume) for one in published for volume in one.volumes)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>\n'
        f"{marks}\n</Document></kml>\n"
    ).encode()


def geojson_of_volumes(published: Sequence[Published]) -> bytes:
    """Return plans as GeoJSON, what is said of each in properties that begin with "x-"."""
    document = msgspec.json.decode(write_geojson([Plan(one.name, one.volumes) for one in published]))
    said = {one.name: one.said for one in published}
    for feature in document["features"]:
        feature["properties"] |= {f"x-{key}": value for key, value in said[feature["properties"]["plan_id"]].items()}
    return msgspec.json.encode(document) + b"\n"


def points_as_geojson(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows with a latitude and a longitude as points of GeoJSON."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [row["longitude"], row["latitude"]]},
            "properties": dict(row),
        }
        for row in rows
    ]
    return msgspec.json.encode({"type": "FeatureCollection", "features": features}) + b"\n"


def points_as_kml(rows: Sequence[Mapping[str, Any]], name: str) -> bytes:
    """Return rows with a latitude and a longitude as placemarks, called by their column `name`."""
    marks = "\n".join(
        f"<Placemark><name>{escape(str(row[name]))}</name>"
        f"<description>{escape('; '.join(f'{key}: {value}' for key, value in row.items()))}</description>"
        f"<Point><coordinates>{row['longitude']},{row['latitude']}</coordinates></Point></Placemark>"
        for row in rows
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>\n'
        f"{marks}\n</Document></kml>\n"
    ).encode()


def _rows(one: Published) -> Iterator[dict[str, object]]:
    for part, volume in enumerate(one.volumes, start=1):
        lower, upper = volume.altitude.lower, volume.altitude.upper
        row: dict[str, object] = {
            "name": one.name, "part": part, "start": volume.time.start.isoformat(), "end": volume.time.end.isoformat(),
            "lower": lower.value, "lower_unit": str(lower.unit), "upper": upper.value, "upper_unit": str(upper.unit),
            "reference": msgspec.json.encode(lower.reference).decode(), "outline_wkt": _wkt(volume),
        }  # fmt: skip
        if isinstance(volume.area, Circle):
            centre = volume.area.centre
            row |= {
                "centre_latitude": centre.latitude_deg, "centre_longitude": centre.longitude_deg,
                "radius_m": volume.area.radius_m,
            }  # fmt: skip
        yield row


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def _wkt(volume: Volume4D) -> str:
    ring = ring_of(volume.area)
    return f"POLYGON (({', '.join(_words(place, ' ') for place in (*ring, ring[0]))}))"


def _words(position: Position, between: str) -> str:
    return f"{position.longitude_deg:.8f}{between}{position.latitude_deg:.8f}"


def _placemark(one: Published, volume: Volume4D) -> str:
    at = middle_of(volume.area)
    upper = volume.altitude.upper
    height_m = (
        upper.reading_m
        if isinstance(upper.reference, MeanSeaLevel)
        else above_sea_m(upper, at.latitude_deg, at.longitude_deg)[1]
    )
    ring = ring_of(volume.area)
    places = " ".join(f"{_words(place, ',')},{height_m:.1f}" for place in (*ring, ring[0]))
    lower, highest = limits_of(volume)
    about = "; ".join([*(f"{key}: {value}" for key, value in one.said.items()), f"{lower.notam} - {highest.notam}"])
    return (
        f"<Placemark><name>{escape(one.name)}</name><description>{escape(about)}</description>"
        f"<TimeSpan><begin>{volume.time.start.isoformat()}</begin><end>{volume.time.end.isoformat()}</end></TimeSpan>"
        "<Polygon><extrude>1</extrude><altitudeMode>absolute</altitudeMode><outerBoundaryIs><LinearRing><coordinates>"
        f"{places}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
    )
