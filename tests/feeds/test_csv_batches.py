"""CSV read in batches, against the reader that goes row by row: the same columns, and the same refusals."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detente.airspace.refusal import Refusal
from detente.feeds import csv_batches
from detente.feeds.track_columns import joined
from detente.feeds.track_csv import PARSERS, csv_columns, read_row_by_row

pytest.importorskip("pyarrow")

HEADER = ["timestamp", "icao24", "latitude", "longitude", "altitude", "callsign", "onground", "other"]
moments = st.integers(86_400, 7_258_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
stamps = st.one_of(
    moments.map(lambda one: f"{one:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0")),
    moments.map(lambda one: f"{one:%Y-%m-%dT%H:%M:%S}.25Z"),
    st.sampled_from(["2026-06-01T14:00:00+02:00", " 2026-06-01T14:00:00Z", "2026-06-01 14:00:00Z"]),
)
wrong_stamps = st.sampled_from(
    [
        "2026-02-29T14:00:00Z",
        "2026-06-01T24:00:00Z",
        "2026-06-01T14:00:60Z",
        "2026-13-01T14:00:00Z",
        "",
        "20260601T140000Z",
    ]
)
numbers = st.one_of(
    st.floats(-89.0, 89.0).map(str), st.integers(-89, 89).map(str), st.just("1e1"), st.just("+5.5"), st.just(".5"),
    st.sampled_from(["", "NaN", "null", "nan ", " 7 ", "5."]),
)  # fmt: skip
wrong_numbers = st.sampled_from(["inf", "1_0", "46 N", "0x1", "1e999", "--5", "12,5", "٥"])
heights = st.one_of(numbers, st.sampled_from(["ground", "Ground", "35000"]))
names = st.sampled_from(["4b1234", "4B1234", "~4b1234", "SWR1", "", "null", "é", 'q"q', "=1"])
truths = st.sampled_from(["true", "False", "0", "1", "", "null"])


def rows(stamp, number, height, truth=truths):
    return st.lists(st.tuples(stamp, names, number, number, height, names, truth, names), min_size=1, max_size=6)


def outcome(read, path):
    try:
        return read(path)
    except Refusal as refusal:
        return str(refusal)


def same(one, other) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name.endswith(("_s", "_deg", "_ft")))
        for name in ("time_s", "latitude_deg", "longitude_deg", "altitude_ft", "track_deg", "on_ground", "icao24",
                     "callsign", "flight_id")
    )  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.one_of(
        rows(stamps, numbers, heights),
        rows(st.one_of(stamps, wrong_stamps), st.one_of(numbers, wrong_numbers), heights),
        rows(stamps, numbers, heights, st.sampled_from(["maybe", "true"])),
    ),
    st.sampled_from(["\n", "\r\n", "\n\n", "\r"]),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.sampled_from([b"", b"\0", b"\xff", b"a,b\n"]),
)
def test_both_readers_give_the_same_columns_or_the_same_refusal(tmp_path, table, ending, delimiter, mark, wrong):
    lines = [delimiter.join(row) for row in [HEADER, *table]]
    path = tmp_path / "reports.csv"
    path.write_bytes(mark + (ending.join(lines) + ending).encode() + wrong)
    assert same(outcome(lambda path: joined(csv_columns(path)), path), outcome(read_row_by_row, path))
    packed = tmp_path / "reports.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert same(outcome(lambda path: joined(csv_columns(path)), packed), outcome(read_row_by_row, packed))


@given(st.lists(moments, min_size=1))
def test_plain_times_are_those_of_the_calendar(times):
    stamps = np.array([list(f"{one:%Y-%m-%dT%H:%M:%SZ}".encode()) for one in times], dtype=np.uint8)
    found = csv_batches._fixed_times(stamps)
    assert found.tolist() == [one.timestamp() for one in times]


def test_an_ordinary_file_is_read_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_batches, "BLOCK_BYTES", 4_096)
    begin = datetime(2026, 6, 1, tzinfo=UTC)
    lines = ["timestamp,icao24,latitude,longitude,altitude,callsign"]
    for number in range(2_000):
        time = begin + timedelta(seconds=number)
        altitude = "ground" if number < 5 else "" if number == 7 else str(1_000 + number)
        lines.append(
            f"{time:%Y-%m-%dT%H:%M:%SZ},4B{number % 7:04x},{46.0 + number / 1e4},8.5,{altitude},SWR{number % 3}"
        )
    path = tmp_path / "reports.csv"
    path.write_text("\r\n".join(lines) + "\r\n")
    quick = joined(csv_batches.csv_batches(path, PARSERS))
    assert same(quick, read_row_by_row(path))
    assert int(quick.on_ground.sum()) == 5
