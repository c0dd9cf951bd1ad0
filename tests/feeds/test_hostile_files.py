"""Whatever a file holds, a plan list or a Refusal on one line comes out, and nothing else."""

import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feed_samples import CSV, KML, collection, trajectory_feature, volume_feature
from format_samples import CONTENTS as OTHER_FORMATS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detente.airspace.refusal import Refusal
from detente.feeds.kml import KmlOptions
from detente.feeds.load import LoadOptions, load_plans
from detente.feeds.recognition import PlanFormat
from length import at_length, quickly

QUICK = settings(max_examples=quickly(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LONG = settings(QUICK, max_examples=at_length(2500))
OPTIONS = LoadOptions(kml=KmlOptions(ground_elevation_m=100.0), utc_offset=timedelta(hours=2))

GEOJSON = collection(volume_feature(), trajectory_feature())


def parquet() -> bytes:
    moments = pa.array([datetime(2025, 6, 1, 14, 0, 4 * n, tzinfo=UTC) for n in range(4)], pa.timestamp("us", tz="UTC"))
    columns = {
        "timestamp": moments,
        "icao24": ["abc123", "abc123", "~2b0001", "~2b0001"],
        "flight_id": ["abc123_01", None, "x", "x"],
        "latitude": [36.5, 36.5, None, 36.5],
        "longitude": [-121.5, -121.49, -121.48, -121.47],
        "altitude": pa.array([5000, 5025, 5050, None], pa.float32()),
        "onground": [False, None, False, True],
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


CONTENTS = {
    "plans.geojson": GEOJSON,
    "plans.kml": KML.encode(),
    "tracks.csv": CSV.encode(),
    "tracks.parquet": parquet(),
    "trace.json.gz": gzip.compress(OTHER_FORMATS["trace_full_4b1234.json"], mtime=0),
    **OTHER_FORMATS,
}

WORDS = st.sampled_from(
    [
        " ",
        "nan",
        "inf",
        "1e309",
        "-1e300",
        "0x10",
        "1_0",
        "90",
        "-180",
        "180.0001",
        "2025-06-01T14:00:00",
        "2025-W23-1",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "true",
        "1",
        "~",
        "٣",
        "\N{ZERO WIDTH SPACE}5",
        "x" * 300,
        "=1+1",
    ]
)

NASTY_BYTES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"NaN", b"1e999", b"-", b'"', b"<", b"&a;", b"]]>", b"\x1b[2J"]
    ),
    st.sampled_from([b"9" * 5000, b"[" * 3000, b"<a>" * 200, b"2025-06-01T25:61:00Z", b"-0", b"1e-400", b"\\ud800"]),
)


@st.composite
def damaged(draw, content: bytes) -> bytes:
    """The content with some pieces cut, doubled, replaced or put elsewhere."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 40)))
        piece = content[start:end]
        match draw(st.integers(0, 4)):
            case 0:
                content = content[:start] + content[end:]
            case 1:
                content = content[:end] + piece + content[end:]
            case 2:
                content = content[:start] + draw(NASTY_BYTES) + content[end:]
            case 3:
                target = draw(st.integers(0, len(content)))
                content = content[:target] + piece + content[target:]
            case _:
                flipped = bytes(byte ^ draw(st.integers(1, 255)) for byte in piece[:3])
                content = content[:start] + flipped + content[start + len(flipped) :]
    return content


def load(folder: Path, name: str, content: bytes, options: LoadOptions = OPTIONS) -> None:
    """Read it; anything but plans or a Refusal with one printable line fails the test by itself."""
    path = folder / name
    path.write_bytes(content)
    refused, plans = "", ()
    try:
        plans = load_plans(path, options).plans
    except Refusal as refusal:
        refused = str(refusal)
    assert bool(plans) != bool(refused)
    for plan in plans:
        assert plan.time.start <= plan.time.end
    if refused:
        assert name in refused
        assert refused.isprintable(), repr(refused)
        assert len(refused) < 1500


@pytest.mark.parametrize("name", CONTENTS)
@QUICK
@given(data=st.data())
def test_damaged_files(tmp_path, name, data):
    load(tmp_path, name, data.draw(damaged(CONTENTS[name])))


@pytest.mark.parametrize("insisted", PlanFormat)
@settings(QUICK, max_examples=40)
@given(content=st.one_of(st.binary(max_size=60), st.sampled_from(list(CONTENTS.values())), st.text().map(str.encode)))
def test_any_content_as_any_format(tmp_path, insisted, content):
    load(tmp_path, "file", content, msgspec.structs.replace(OPTIONS, plan_format=insisted))


REPORTS = ["aircraft.json", "trace_full_4b1234.json", "states.json", "zones_ed269.json", "zones_ed318.json"]


@QUICK
@given(data=st.data())
def test_altered_reports(tmp_path, data):
    """A value somewhere in a file of reports has become something else."""
    name = data.draw(st.sampled_from(REPORTS))
    content = json.dumps(altered(json.loads(OTHER_FORMATS[name]), data.draw)).encode()
    load(tmp_path, name, content)


@QUICK
@given(data=st.data())
def test_altered_lines(tmp_path, data):
    """A field somewhere in a file of lines has become something else."""
    name = data.draw(
        st.sampled_from(["opensky.csv", "fr24.csv", "log.sbs", "flight.igc", "notams.txt", "airspace.txt", "order.aco"])
    )
    lines = OTHER_FORMATS[name].decode().split("\n")
    separator = "/" if name == "order.aco" else ","
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        fields = lines[at].split(separator)
        fields[data.draw(st.integers(0, len(fields) - 1))] = data.draw(WORDS | st.text(max_size=10))
        lines[at] = separator.join(fields)
    load(tmp_path, name, "\n".join(lines).encode("utf-8", "surrogatepass"))


@pytest.mark.long
@pytest.mark.parametrize("name", CONTENTS)
@LONG
@given(data=st.data())
def test_damaged_files_at_length(tmp_path, name, data):
    load(tmp_path, name, data.draw(damaged(CONTENTS[name])))


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(10**308), 2**63, 0, -1]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["", "Point", "2025-06-01T14:00:00Z", "FL", "standard", "\x1b]0;x\x07", "x" * 10_000]),
)
JSON_VALUES = st.recursive(
    LEAVES, lambda v: st.one_of(st.lists(v, max_size=4), st.dictionaries(st.text(max_size=9), v))
)


def altered(document, draw):
    """The document in which some member somewhere has become something else, or is gone."""
    for _ in range(draw(st.integers(1, 3))):
        target = document
        while True:
            if isinstance(target, dict) and target:
                key = draw(st.sampled_from(sorted(target)))
            elif isinstance(target, list) and target:
                key = draw(st.integers(0, len(target) - 1))
            else:
                break
            if isinstance(target[key], dict | list) and draw(st.integers(0, 5)):
                target = target[key]
                continue
            match draw(st.integers(0, 3)):
                case 0:
                    del target[key]
                case 1 if isinstance(target, dict):
                    target[draw(st.text(max_size=12))] = draw(JSON_VALUES)
                case _:
                    target[key] = draw(JSON_VALUES)
            break
    return document


@st.composite
def altered_documents(draw) -> bytes:
    """A valid file of plans, altered."""
    return json.dumps(altered(json.loads(GEOJSON), draw)).encode()


@QUICK
@given(content=altered_documents())
def test_altered_geojson(tmp_path, content):
    load(tmp_path, "plans.geojson", content)


@pytest.mark.long
@LONG
@given(content=altered_documents())
def test_altered_geojson_at_length(tmp_path, content):
    load(tmp_path, "plans.geojson", content)


@QUICK
@given(data=st.data())
def test_altered_csv(tmp_path, data):
    rows = [line.split(",") for line in CSV.splitlines()]
    for _ in range(data.draw(st.integers(1, 5))):
        row = data.draw(st.integers(0, len(rows) - 1))
        rows[row][data.draw(st.integers(0, 7))] = data.draw(WORDS | st.text(max_size=10))
    load(tmp_path, "tracks.csv", "\n".join(",".join(row) for row in rows).encode("utf-8", "surrogatepass"))


@QUICK
@given(data=st.data())
def test_altered_kml(tmp_path, data):
    content = KML
    pieces = [
        "2025-06-01T14:00:00Z",
        "36.2",
        "33.4,900",
        "absolute",
        "TimeSpan",
        "coordinates",
        "when",
        "Polygon",
        "1<",
        "gx:",
    ]
    for _ in range(data.draw(st.integers(1, 4))):
        new = data.draw(
            WORDS | st.text(max_size=10) | st.sampled_from(["relativeToGround", "Track", "MultiGeometry", "Folder"])
        )
        content = content.replace(data.draw(st.sampled_from(pieces)), new, data.draw(st.integers(1, 3)))
    load(tmp_path, "plans.kml", content.encode("utf-8", "surrogatepass"))
