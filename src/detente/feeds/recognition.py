"""Which format a file is in, by what stands in it: a suffix is only somebody's word."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

from detente.airspace.refusal import Refusal
from detente.feeds import flightaware, flightradar24, opensky, plan_csv
from detente.feeds.csv_rows import header_names
from detente.feeds.geoparquet import PARQUET_MARK, has_geometry
from detente.feeds.report_values import column_names
from detente.feeds.source import GZIP_MARK, UTF8_MARK, read_beginning, unpacked
from detente.feeds.track_columns import REQUIRED

BEGINNING_BYTES = 65_536
"""How much of a file is looked at; a header or the first members of an object stand well within it."""


class PlanFormat(StrEnum):
    """The formats of plan files; the value is what a user says to insist on one."""

    GEOJSON = "geojson"
    KML = "kml"
    KMZ = "kmz"
    GPX = "gpx"
    IGC = "igc"
    CSV = "csv"
    PARQUET = "parquet"
    READSB_AIRCRAFT = "readsb-aircraft"
    READSB_TRACE = "readsb-trace"
    OPENSKY_CSV = "opensky-csv"
    OPENSKY_STATES = "opensky-states"
    SBS = "sbs"
    FLIGHTRADAR24 = "flightradar24"
    NOTAM = "notam"
    QGROUNDCONTROL = "qgroundcontrol"
    MAVLINK_TEXT = "mavlink-text"
    GARMIN = "garmin-fpl"
    ICAO_PLAN = "icao-fpl"
    FLIGHTAWARE = "flightaware"
    COT = "cot"
    PLAN_CSV = "plans-csv"
    GEOPARQUET = "geoparquet"
    ED269 = "ed269"
    ED318 = "ed318"
    OPENAIR = "openair"
    CONTROL_ORDER = "aco"
    AIXM = "aixm"
    AIRSPACE_USE_PLAN = "aup"


FOREIGN_BEGINNINGS = (
    (rb"SQLite format 3\0", "an SQLite database, such as a GeoPackage"),
    (rb"fgb\x03", "FlatGeobuf"),
    (rb"\x00\x00\x27\x0a", "a shapefile"),
    (rb"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (rb"%PDF", "a PDF"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8", "a picture"),
    (
        rb"(?i:(?:draft |updated |european )*airspace use plan\b|(?:draft )?[eu]?uup\b|(?:draft )?e?aup\b)",
        "an airspace use plan as text, which names areas without saying where they are; the JSON of PANSA says it",
    ),
)
"""Formats that are known and not read, by how they begin."""

FOREIGN_ROOTS = {
    "AIXM-Snapshot": "AIXM 4.5",
    "osm": "OpenStreetMap data",
    "html": "a web page",
    "HTML": "a web page",
    "FeatureCollection": "GML",
    "TrainingCenterDatabase": "a Garmin training log (.tcx)",
    "svg": "a picture",
}
"""Formats of XML that are known and not read, by their first element."""

ROOTS = {
    "AIXMBasicMessage": PlanFormat.AIXM,
    "gpx": PlanFormat.GPX,
    "flight-plan": PlanFormat.GARMIN,
    "event": PlanFormat.COT,
    "events": PlanFormat.COT,
}
"""Formats of XML that are read, by their first element; any other element may be KML."""

FOREIGN_JSON = (
    ('"type":"Topology"', "TopoJSON"),
    ('"geometryType":"esri', "Esri JSON"),
)
"""Formats of JSON that are known and not read, by a member that no other has."""

ED318 = ('"layer":{', '"extent":{', '"upperReference":', '"zoneAuthority":', '"limitedApplicability":')
"""Members that features of ED-318 have and plans have not."""

_OPENAIR = re.compile(rb"(?:\*[^\n]*\n|\s)*(?:AC|AN|AY|AH|AL|SP|SB|TO|TC) [^\n]{1,40}(?:\n|\Z)")
_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)", re.ASCII)
_ICAO_MESSAGE = re.compile(rb"\((?:FPL|CHG|CNL|DLA|DEP|ARR|CPL|EST|SPL)[-A-Z0-9/]", re.ASCII)
_IGC = re.compile(rb"A[A-Z0-9]{3}.*\r?\n(?:[A-Z].*\r?\n)*?H[FOP]", re.ASCII)


def plan_format(path: Path) -> PlanFormat:
    """Return the format of a file; raises Refusal naming what it is, where that is known."""
    beginning = read_beginning(path, BEGINNING_BYTES)
    if beginning.startswith(GZIP_MARK):
        beginning = unpacked(beginning, BEGINNING_BYTES, complete=False)
    content = beginning.removeprefix(UTF8_MARK).lstrip()
    for pattern, name in FOREIGN_BEGINNINGS:
        if re.match(pattern, content):
            raise Refusal("feeds.format_that_is_read", "", f"this is {name}")
    if content.startswith(PARQUET_MARK):
        return PlanFormat.GEOPARQUET if has_geometry(path) else PlanFormat.PARQUET
    if content.startswith(b"PK\3\4"):
        return _archive(content)
    if content.startswith((b"{", b"[")):
        return _json(content.decode("utf-8", "replace"))
    if content.startswith(b"<"):
        return _xml(content)
    return _lines(content) or _by_suffix(path)


def _archive(content: bytes) -> PlanFormat:
    if b"[Content_Types].xml" in content[:4096] or b"mimetypeapplication/vnd.oasis" in content[:256]:
        raise Refusal("feeds.format_that_is_read", "", "this is a spreadsheet or document")
    return PlanFormat.KMZ


def _json(text: str) -> PlanFormat:
    """The format by the members that an object begins with; blanks between them say nothing."""
    close = "".join(text.split())
    if '"UASZoneList":' in close or '"horizontalProjection":' in close:
        return PlanFormat.ED269
    if '"airspaceReservations":' in close and '"plan_id":' not in close:
        return PlanFormat.AIRSPACE_USE_PLAN
    if '"type":"FeatureCollection"' in close:
        return PlanFormat.ED318 if '"plan_id":' not in close and any(m in close for m in ED318) else PlanFormat.GEOJSON
    for mark, name in FOREIGN_JSON:
        if mark in close:
            raise Refusal("feeds.format_that_is_read", "", f"this is {name}")
    if '"fileType":"Plan"' in close:
        return PlanFormat.QGROUNDCONTROL
    if '"update_type":' in close and '"positions":[' in close:
        return PlanFormat.FLIGHTAWARE
    if '"trace":[' in close and '"icao":' in close:
        return PlanFormat.READSB_TRACE
    if '"now":' in close and ('"aircraft":[' in close or '"ac":[' in close):
        return PlanFormat.READSB_AIRCRAFT
    if '"states":' in close and '"time":' in close:
        return PlanFormat.OPENSKY_STATES
    return PlanFormat.GEOJSON


def _xml(content: bytes) -> PlanFormat:
    for opening, closing in ((b"<?", b"?>"), (b"<!--", b"-->")) * 4:
        if content.startswith(opening):
            content = content[content.find(closing) + len(closing) :].lstrip()
    root = _ROOT.match(content)
    name = root[1].decode("ascii") if root else ""
    if name in FOREIGN_ROOTS:
        raise Refusal("feeds.format_that_is_read", "", f"this is {FOREIGN_ROOTS[name]}")
    return ROOTS.get(name, PlanFormat.KML)


def _lines(content: bytes) -> PlanFormat | None:
    """The format of a text file by its first line, None where that says nothing."""
    if re.match(rb"(?:(?:MSG|MLAT),[1-8]|(?:SEL|ID|AIR|STA|CLK) ?),", content):
        return PlanFormat.SBS
    if re.match(rb"\(?[A-Z]\d{4}/\d\d NOTAM[NRC]\s", content):
        return PlanFormat.NOTAM
    if _IGC.match(content):
        return PlanFormat.IGC
    if content.startswith(b"QGC WPL"):
        return PlanFormat.MAVLINK_TEXT
    if _ICAO_MESSAGE.match(content):
        return PlanFormat.ICAO_PLAN
    if re.search(rb"(?:\A|\n)\s*MSGID/ACO\b|(?:\A|\n)\s*ACMID/", content):
        return PlanFormat.CONTROL_ORDER
    if _OPENAIR.match(content):
        return PlanFormat.OPENAIR
    names = set(header_names(content))
    if names >= {"plan_id", "kind", plan_csv.GEOMETRY_COLUMN}:
        return PlanFormat.PLAN_CSV
    if names >= {"outline_wkt", "lower_unit", "upper_unit"}:
        raise Refusal(
            "feeds.format_that_is_read",
            "",
            "this is a table that detente export wrote for spreadsheets: use its geojson",
        )
    if names >= set(flightradar24.COLUMNS):
        return PlanFormat.FLIGHTRADAR24
    if flightaware.is_track_log(names) or flightaware.is_service_track(names):
        return PlanFormat.FLIGHTAWARE
    if names >= set(opensky.COLUMNS):
        return PlanFormat.OPENSKY_CSV
    if len(set(column_names(sorted(names))) & set(REQUIRED)) > 1:
        return PlanFormat.CSV
    return None


SUFFIXES = {
    ".geojson": PlanFormat.GEOJSON,
    ".json": PlanFormat.GEOJSON,
    ".kml": PlanFormat.KML,
    ".gpx": PlanFormat.GPX,
    ".igc": PlanFormat.IGC,
    ".csv": PlanFormat.CSV,
    ".parquet": PlanFormat.PARQUET,
    ".sbs": PlanFormat.SBS,
    ".plan": PlanFormat.QGROUNDCONTROL,
    ".waypoints": PlanFormat.MAVLINK_TEXT,
    ".fpl": PlanFormat.GARMIN,
    ".cot": PlanFormat.COT,
}
"""Where the content says nothing, the reader of the suffix says what it expected."""


def _by_suffix(path: Path) -> PlanFormat:
    known = SUFFIXES.get(path.suffix.lower())
    if known is None:
        raise Refusal(
            "feeds.known_format", "", path.suffix or "no suffix", formats=", ".join(one.value for one in PlanFormat)
        )
    return known
