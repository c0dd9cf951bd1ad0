"""Throws damaged files at one reader after the other: a line that refuses, or plans that read again are the same.

Every input is made from the reader's name and a number, so that one can be made again:
python tests/feeds/fuzz_readers.py --reader kml --from 4711 --count 1. Run all: make fuzz-readers.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import gzip
import io
import json
import random
import re
import resource
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from feed_samples import CSV, KML, collection, trajectory_feature, volume_feature
from format_samples import CONTENTS
from route_samples import OPTIONS as ROUTE_OPTIONS
from route_samples import SAMPLES as ROUTES

from detente.airspace.compiled import Vocabulary, compile_plans
from detente.airspace.plan import Plan, TimeWindow
from detente.airspace.refusal import Refusal
from detente.feeds.geojson import read_geojson, write_geojson
from detente.feeds.load import load_plans
from detente.feeds.recognition import PlanFormat
from detente.feeds.write import WRITERS

OPTIONS = msgspec.structs.replace(
    ROUTE_OPTIONS, window=TimeWindow(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 6, 3, tzinfo=UTC))
)
LONGEST_REFUSAL, LONGEST_S = 1_500, 20.0
PACKED_ONE_IN, UNNAMED_ONE_IN, COMPILED_ONE_IN = 50, 8, 20
BYTES_ONE_IN = 4
"""Every so many inputs: packed with gzip; the format found out and not said; plans compiled too; bytes flipped."""

PIECE = re.compile(rb"[A-Za-z]+|[0-9]+(?:\.[0-9]+)?|.", re.DOTALL)
NASTY = (
    b"", b" ", b"0", b"-0", b"-1", b"1e309", b"1e-400", b"-1e300", b"NaN", b"nan", b"inf", b"Infinity", b"null",
    b"true", b"9" * 400, b"9223372036854775808", b"0x10", b"1_0", b"90", b"-90", b"90.0000001", b"180", b"-180",
    b"360", b"59", b"60", b"24", b"25", b"31", b"99", b"2025-06-01T14:00:00", b"2025-06-01T25:61:00Z", b"2025-W23-1",
    b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59-23:59", b"2025-02-29", b"~", b"/", b"//", b"-", b"--", b"\xd9\xa3",
    b"\xe2\x80\x8b5", b"\xc2\xa0", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b"\t", b'"', b"'",
    b"<", b">", b"&a;", b"&amp;", b"]]>", b"<![CDATA[", b"<!--", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"\x1b[2J",
    b"[" * 3000, b"<a>" * 200, b"(", b")", b"{}", b"[]", b"\\ud800", b"\\u0000", b"x" * 300, b"=1+1", b"FT", b"M",
    b"FL", b"GND", b"UNL", b"SFC", b"AGL", b"AMSL", b"NM", b"km", b"urn:ogc:def:crs:EPSG::4326", b"EPSG:3857",
)  # fmt: skip
LEAVES = (None, True, False, 0, -1, 1, 1.5, 10**400, 2**63, -(10**308), 1e-300, "", "x", "Point", "FL", [], {}, [[]])

Maker = Callable[[random.Random], bytes]


def text(*samples: bytes) -> Maker:
    """Samples of text with words, numbers and signs changed, cut, doubled or put elsewhere, or bytes flipped."""
    words = [[piece for piece in PIECE.findall(sample) if len(piece) > 1] for sample in samples]

    def make(dice: random.Random) -> bytes:
        which = dice.randrange(len(samples))
        if dice.randrange(BYTES_ONE_IN) == 0:
            return flipped(samples[which], dice)
        pieces = PIECE.findall(samples[which])
        for _ in range(dice.choice((1, 1, 1, 2, 2, 3, 5))):
            at = dice.randrange(len(pieces) + 1)
            end = min(len(pieces), at + dice.choice((1, 1, 1, 2, 4, 12, 60)))
            numbers = [n for n, piece in enumerate(pieces) if piece[:1].isdigit()]
            match dice.randrange(9):
                case 0:
                    del pieces[at:end]
                case 1:
                    pieces[end:end] = pieces[at:end]
                case 2:
                    pieces[at : at + 1] = [dice.choice(NASTY)]
                case 3 if words[which]:
                    pieces[at : at + 1] = [dice.choice(words[which])]
                case 4:
                    target = dice.randrange(len(pieces) + 1)
                    pieces[target:target] = pieces[at:end]
                case 5 if numbers:
                    pieces[dice.choice(numbers)] = number(dice)
                case _ if numbers:
                    at = dice.choice(numbers)
                    digit = dice.randrange(len(pieces[at]))
                    pieces[at] = pieces[at][:digit] + b"%d" % dice.randrange(10) + pieces[at][digit + 1 :]
        return b"".join(pieces)

    return make


def number(dice: random.Random) -> bytes:
    """A number of any size, as text."""
    scale = dice.choice((1, 10, 90, 180, 360, 1_000, 60_000, 1e6, 1e9, 1e12, 1e30))
    value = dice.uniform(-scale, scale)
    return f"{value:.{dice.randrange(9)}f}".encode() if dice.randrange(3) else str(int(value)).encode()


def flipped(content: bytes, dice: random.Random) -> bytes:
    """The content with bytes changed, cut or doubled."""
    found = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        at = dice.randrange(len(found) + 1)
        end = min(len(found), at + dice.randrange(1, 40))
        match dice.randrange(4):
            case 0:
                del found[at:end]
            case 1:
                found[end:end] = found[at:end]
            case 2:
                found[at:at] = dice.choice(NASTY)
            case _:
                found[at : at + 1] = bytes([dice.randrange(256)])
    return bytes(found)


def objects(*samples: bytes) -> Maker:
    """JSON in which members became something else, are gone or new; or changed as text."""
    as_text = text(*samples)
    documents = [json.loads(sample) for sample in samples]

    def make(dice: random.Random) -> bytes:
        if dice.randrange(3) == 0:
            return as_text(dice)
        document = json.loads(json.dumps(dice.choice(documents)))
        for _ in range(dice.choice((1, 1, 2, 3))):
            change_member(document, dice)
        return json.dumps(document).encode()

    return make


def change_member(document: object, dice: random.Random) -> None:
    """Change one member somewhere."""
    target = document
    while True:
        keys = list(target) if isinstance(target, dict) else list(range(len(target)))
        if not keys:
            return
        key = dice.choice(keys)
        held = target[key]
        if isinstance(held, dict | list) and dice.randrange(6):
            target = held
            continue
        match dice.randrange(6):
            case 0:
                del target[key]
            case 1 if isinstance(target, dict):
                target[dice.choice((*keys, "x-own", "type", "crs", "é"))] = copy.deepcopy(held)
            case 1 | 2 if isinstance(target, list):
                target.insert(dice.randrange(len(target) + 1), copy.deepcopy(held))
            case 3 if isinstance(held, float | int):
                target[key] = json.loads(number(dice))
            case 4 if isinstance(held, str) and held:
                target[key] = text(held.encode())(dice).decode("utf-8", "replace")
            case _:
                target[key] = dice.choice(LEAVES)
        return


def archives(*samples: bytes) -> Maker:
    """KMZ archives of changed KML, with other members, names and ways of packing; or bytes of one flipped."""
    inside = text(*samples)

    def make(dice: random.Random) -> bytes:
        packed = io.BytesIO()
        names = dice.sample(("doc.kml", "x/doc.kml", "../doc.kml", "other.kml", "DOC.KML", "doc.kml", "a.png"), 2)
        with zipfile.ZipFile(packed, "w", dice.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
            for name in dict.fromkeys(["doc.kml", *names] if dice.randrange(4) else names):
                archive.writestr(zipfile.ZipInfo(name), inside(dice))
        return flipped(packed.getvalue(), dice) if dice.randrange(3) == 0 else packed.getvalue()

    return make


def tables(content: bytes, *others: bytes) -> Maker:
    """Parquet with cells, kinds and names of columns changed, written in another way; or bytes of one flipped."""
    sample = pq.read_table(io.BytesIO(content))
    kinds = (pa.string(), pa.float32(), pa.float64(), pa.int64(), pa.int8(), pa.bool_(), pa.binary(), pa.large_string(),
             pa.timestamp("ns", tz="UTC"), pa.timestamp("s"), pa.timestamp("ms", tz="Europe/Paris"),
             pa.decimal128(12, 3), pa.date32(), pa.dictionary(pa.int32(), pa.string()))  # fmt: skip

    def changed(dice: random.Random) -> pa.Table:
        table = sample
        for _ in range(dice.choice((1, 1, 2, 3))):
            at = dice.randrange(table.num_columns)
            name, column = table.column_names[at], table.column(at)
            match dice.randrange(6):
                case 0:
                    table = table.drop_columns([name])
                case 1:
                    table = table.append_column(dice.choice((name, name.upper(), "x-own", "unit")), column)
                case 2:
                    table = pa.concat_tables([table, table.slice(dice.randrange(table.num_rows or 1))])
                case 3:
                    table = table.set_column(at, name, column.cast(dice.choice(kinds), safe=False))
                case 4:
                    values = column.to_pylist()
                    if values:
                        put(values, dice)
                    table = table.set_column(at, name, pa.array(values, column.type, from_pandas=False))
                case _:
                    table = table.rename_columns(
                        [
                            dice.choice((n.title(), n + "_", n)) if k == at else n
                            for k, n in enumerate(table.column_names)
                        ]
                    )
            if not table.num_columns:
                return sample
        return table

    def make(dice: random.Random) -> bytes:
        if dice.randrange(3) == 0:
            return flipped(dice.choice((content, *others)), dice)
        sink = io.BytesIO()
        try:
            pq.write_table(
                changed(dice), sink, compression=dice.choice(("snappy", "gzip", "zstd", "none")),
                use_dictionary=bool(dice.randrange(2)), row_group_size=dice.choice((1, 3, 1_000)),
                use_deprecated_int96_timestamps=dice.randrange(8) == 0, data_page_version=dice.choice(("1.0", "2.0")),
            )  # fmt: skip
        except (pa.ArrowException, ValueError, TypeError, KeyError, OverflowError):
            return flipped(content, dice)
        return sink.getvalue()

    return make


def put(values: list[object], dice: random.Random) -> None:
    """Change one value into another of its kind, or into nothing."""
    at = dice.randrange(len(values))
    match values[at]:
        case str() as word:
            values[at] = dice.choice(
                (None, "", word * 40, text(word.encode() or b"x")(dice).decode("utf-8", "replace"))
            )
        case bytes() as word:
            values[at] = dice.choice((None, b"", flipped(word, dice)))
        case bool() | None:
            values[at] = None
        case float() | int():
            values[at] = dice.choice((None, float("nan"), float("inf"), float(number(dice))))
        case datetime():
            values[at] = dice.choice((None, datetime(1, 1, 1, tzinfo=UTC), datetime(2261, 1, 1, tzinfo=UTC), values[0]))


def report_table() -> bytes:
    """The sample of reports, as Parquet."""
    table = pa.csv.read_csv(io.BytesIO(CSV.encode()))
    stamps = table["timestamp"].cast(pa.timestamp("us", tz="UTC"))
    sink = io.BytesIO()
    pq.write_table(table.set_column(0, "timestamp", stamps), sink)
    return sink.getvalue()


def makers() -> dict[PlanFormat, Maker]:
    """What makes the inputs of each reader."""
    geojson = collection(volume_feature(), trajectory_feature())
    plans = read_geojson(geojson)
    route: dict[PlanFormat, list[bytes]] = {}
    for content, name in ROUTES.values():
        route.setdefault(name, []).append(content)
    kml = [KML.encode(), WRITERS[PlanFormat.KML](plans)] if PlanFormat.KML in WRITERS else [KML.encode()]
    notams = [CONTENTS["notams.txt"]]
    zones = [CONTENTS["zones_ed318.json"], *([WRITERS[PlanFormat.ED318](plans)] if PlanFormat.ED318 in WRITERS else [])]
    return {
        PlanFormat.GEOJSON: objects(geojson),
        PlanFormat.KML: text(*kml),
        PlanFormat.KMZ: archives(*kml),
        PlanFormat.GPX: text(CONTENTS["track.gpx"]),
        PlanFormat.IGC: text(CONTENTS["flight.igc"]),
        PlanFormat.CSV: text(CSV.encode(), CSV.replace(",", ";").encode()),
        PlanFormat.PARQUET: tables(report_table()),
        PlanFormat.READSB_AIRCRAFT: objects(CONTENTS["aircraft.json"]),
        PlanFormat.READSB_TRACE: objects(CONTENTS["trace_full_4b1234.json"]),
        PlanFormat.OPENSKY_CSV: text(CONTENTS["opensky.csv"]),
        PlanFormat.OPENSKY_STATES: objects(CONTENTS["states.json"]),
        PlanFormat.SBS: text(CONTENTS["log.sbs"]),
        PlanFormat.FLIGHTRADAR24: text(CONTENTS["fr24.csv"]),
        PlanFormat.NOTAM: text(*notams),
        PlanFormat.QGROUNDCONTROL: objects(*route[PlanFormat.QGROUNDCONTROL]),
        PlanFormat.MAVLINK_TEXT: text(*route[PlanFormat.MAVLINK_TEXT]),
        PlanFormat.GARMIN: text(*route[PlanFormat.GARMIN]),
        PlanFormat.ICAO_PLAN: text(*route[PlanFormat.ICAO_PLAN]),
        PlanFormat.FLIGHTAWARE: text(*route[PlanFormat.FLIGHTAWARE]),
        PlanFormat.COT: text(*route[PlanFormat.COT]),
        PlanFormat.PLAN_CSV: text(WRITERS[PlanFormat.PLAN_CSV](plans)),
        PlanFormat.GEOPARQUET: tables(WRITERS[PlanFormat.GEOPARQUET](plans)),
        PlanFormat.ED269: objects(CONTENTS["zones_ed269.json"]),
        PlanFormat.ED318: objects(*zones),
        PlanFormat.OPENAIR: text(CONTENTS["airspace.txt"]),
        PlanFormat.CONTROL_ORDER: text(CONTENTS["order.aco"]),
        PlanFormat.AIXM: text(CONTENTS["airspace.xml"]),
        PlanFormat.AIRSPACE_USE_PLAN: objects(CONTENTS["uup.json"]),
    }


class Fault(Exception):  # noqa: N818 - it is what a reader did, not an error of this program
    """A reader did something else than to refuse in a line or to read plans."""


def read(path: Path, options: object, *, compiles: bool) -> tuple[Plan, ...]:
    """Return the plans of a file, none where it is refused; raises Fault for anything else."""
    try:
        plans = load_plans(path, options).plans
    except Refusal as refusal:
        line = str(refusal)
        if not line.isprintable() or len(line) >= LONGEST_REFUSAL or path.name not in line:
            raise Fault(f"a refusal that is no line: {line!r}") from None
        return ()
    if not plans:
        raise Fault("no plans and no refusal")
    if read_geojson(write_geojson(plans)) != plans:
        raise Fault("what was read is not the same when it is written as GeoJSON and read again")
    if compiles:
        with contextlib.suppress(Refusal):
            compile_plans(plans, Vocabulary())
    return plans


def run(name: PlanFormat, make: Maker, first: int, count: int, folder: Path) -> str:
    """Throw `count` inputs at a reader and say in a line what came of it; raises Fault at the first one."""
    path = folder / "input"
    accepted = packed = 0
    slowest_s, slowest = 0.0, first
    began = time.process_time()
    for serial in range(first, first + count):
        dice = random.Random(f"{name}:{serial}")
        content = make(dice)
        if dice.randrange(PACKED_ONE_IN) == 0:
            content, packed = gzip.compress(content, 1, mtime=0), packed + 1
        path.write_bytes(content)
        options = OPTIONS if dice.randrange(UNNAMED_ONE_IN) == 0 else msgspec.structs.replace(OPTIONS, plan_format=name)
        start = time.process_time()
        try:
            accepted += bool(read(path, options, compiles=dice.randrange(COMPILED_ONE_IN) == 0))
        except Exception:
            kept = Path(f"fuzz-{name}-{serial}")
            kept.write_bytes(content)
            print(f"{name} {serial}: kept as {kept}")
            raise
        took = time.process_time() - start
        if took > slowest_s:
            slowest_s, slowest = took, serial
        if took > LONGEST_S:
            raise Fault(f"{name} {serial}: {took:.0f} s for {len(content):,} bytes")
    took = time.process_time() - began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return (
        f"{name}: {count:,} inputs from {first:,}, {accepted:,} read, {count - accepted:,} refused, {packed:,} packed; "
        f"{took:.0f} s, slowest {slowest_s * 1e3:.0f} ms (number {slowest:,}), {peak_mb:.0f} MB"
    )


def main() -> int:
    """Run what the command line asks for; 1 where a reader did what it must not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", type=PlanFormat, action="append", help="only this one; may be given again")
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100_000)
    asked = parser.parse_args()
    known = makers()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.reader or known:
            try:
                print(run(name, known[name], asked.first, asked.count, Path(folder)), flush=True)
            except Exception:  # noqa: BLE001 - whatever a reader did, the next one has its turn
                failed += 1
                traceback.print_exc()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
