"""Long files: what is read in parts from the disk is what the whole file gives, in the same order."""

from __future__ import annotations

import csv
import io
import resource
import tempfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_track_chains import START_S

from detente.airspace.refusal import Refusal
from detente.feeds.load import load_plans
from detente.feeds.track_columns import COLUMNS, TEXTS, TrackColumns, joined
from detente.feeds.track_csv import csv_columns
from detente.feeds.track_partition import flights_of_batches
from detente.feeds.tracks import TrackOptions, flights_of

pytest.importorskip("pyarrow")

NAMES = [("4b1234", ""), ("4b1234", "SWR1"), ("~4b1234", ""), ("", "SWR2"), ("4b9999", ""), ("", "")]
reports = st.tuples(
    st.integers(0, 60).map(lambda number: START_S + 30.0 * number),
    st.sampled_from([47.0, 47.02, 0.0, 51.0, float("nan")]),
    st.sampled_from([8.0, 8.03, 0.0, float("nan")]),
    st.sampled_from([30_000.0, 30_100.0, 60_000.0, 95_000.0, float("nan")]),
    st.booleans(),
    st.sampled_from(NAMES),
)


def columns(rows) -> TrackColumns:
    def texts(values):
        array = np.empty(len(rows), dtype=object)
        array[:] = values
        return array

    numbers = np.array([row[:4] for row in rows], dtype=np.float64).reshape(-1, 4)
    return TrackColumns(
        *numbers.T, np.full(len(rows), np.nan), np.array([row[4] for row in rows], dtype=np.bool_),
        texts([row[5][0] for row in rows]), texts(["X"] * len(rows)), texts([row[5][1] for row in rows]),
    )  # fmt: skip


def in_batches(whole: TrackColumns, size: int):
    for begin in range(0, len(whole.time_s), size):
        some = {name: getattr(whole, name)[begin : begin + size] for name in COLUMNS}
        yield TrackColumns(**some, first_row=whole.first_row + begin)


def outcome(read):
    try:
        return read()
    except Refusal as refusal:
        return str(refusal)


def moving(name, count, north_deg=0.0, wrong=()):
    return [
        (
            START_S + 10.0 * number,
            47.0 + north_deg + (2.0 if number in wrong else 0.0),
            8.0 + 0.03 * number,
            float("nan") if number % 7 == 5 else 30_000.0,
            False,
            name,
        )
        for number in range(count)
    ]


FLOWN = [
    *moving(NAMES[0], 60, wrong=(5, 6)),
    *moving(NAMES[2], 40, 0.5, range(20)),
    *moving(NAMES[3], 30, 1.0),
    *moving(NAMES[1], 30, -1.0, (2, 9, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24)),
    (START_S, float("nan"), float("nan"), 1_000.0, False, NAMES[4]),
]


@settings(deadline=None)
@given(
    st.one_of(st.permutations(FLOWN), st.lists(reports, min_size=1, max_size=60)),
    st.integers(1, 70),
    st.integers(1, 9),
    st.integers(0, 30),
)
def test_parts_give_what_the_whole_file_gives_in_any_order_of_its_reports(rows, size, parts, in_memory):
    whole = columns(rows)
    expected = outcome(lambda: flights_of(whole))
    found = outcome(
        lambda: flights_of_batches(in_batches(whole, size), TrackOptions(), parts=parts, in_memory=in_memory)
    )
    assert found == expected


def test_a_long_file_lies_on_disk_under_no_name_and_its_progress_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told = []

    def progress(count):
        told.append(count)
        assert list(tmp_path.iterdir()) == []

    whole = columns(FLOWN)
    found = flights_of_batches(in_batches(whole, 50), TrackOptions(), progress, parts=3, in_memory=60)
    assert found == flights_of(whole)
    assert told == [50, 100, 150, len(FLOWN)]


def test_a_disk_without_room_is_refused_by_its_name():
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(Refusal) as refused:
            flights_of_batches(in_batches(columns(FLOWN), 50), TrackOptions(), parts=3, in_memory=60)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.value.code == "feeds.room_for_reports"
    assert refused.value.value == tempfile.gettempdir()


def test_a_row_is_named_by_its_number_in_the_file_from_whichever_part(tmp_path):
    rows = [*moving(NAMES[0], 40), *moving(NAMES[5], 40)]
    with pytest.raises(Refusal, match=r"row 42: icao24"):
        flights_of_batches(in_batches(columns(rows), 7), TrackOptions(), parts=5, in_memory=0)


def table(rows) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["timestamp", "icao24", "latitude", "longitude", "altitude"])
    for time_s, latitude, longitude, altitude, _, (icao24, _) in rows:
        stamp = np.datetime64(int(time_s), "s").astype(str) + "Z"
        writer.writerow([stamp, icao24, latitude, longitude, altitude])
    return stream.getvalue()


def test_a_table_that_turns_unusual_after_some_batches_is_read_on_row_by_row(tmp_path, monkeypatch):
    monkeypatch.setattr("detente.feeds.csv_batches.BLOCK_BYTES", 1_024)
    plain = table(moving(NAMES[0], 2_000))
    lines = plain.splitlines()
    lines[1_900] = lines[1_900].replace(NAMES[0][0], f'"{NAMES[0][0]}"')
    (tmp_path / "plain.csv").write_text(plain)
    (tmp_path / "quoted.csv").write_text("\n".join(lines) + "\n")
    batches = list(csv_columns(tmp_path / "quoted.csv"))
    assert len(batches) > 1
    assert [batch.first_row for batch in batches] == np.cumsum([2, *(len(b.time_s) for b in batches[:-1])]).tolist()
    one, other = joined(batches), joined(csv_columns(tmp_path / "plain.csv"))
    for name in COLUMNS:
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name not in (*TEXTS, "on_ground"))


def test_a_long_table_that_is_not_plain_is_refused_with_what_to_put_right(tmp_path, monkeypatch):
    monkeypatch.setattr("detente.feeds.csv_batches.BLOCK_BYTES", 1_024)
    monkeypatch.setattr("detente.feeds.track_csv.MAX_TEXT_BYTES", 2_000)
    lines = table(moving(NAMES[0], 60)).splitlines()
    lines[50] += ",5"
    path = tmp_path / "long.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(Refusal) as refused:
        load_plans(path)
    assert refused.value.code == "feeds.long_table_plain"
    assert "columns" in str(refused.value.value)
