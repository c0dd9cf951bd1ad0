"""Columns of Parquet as other programs write them: decimals, the oldest timestamps, other spellings of the names."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detente.airspace.refusal import Refusal
from detente.feeds.load import load_plans

MOMENTS = [datetime(2025, 6, 1, 14, tzinfo=UTC) + timedelta(seconds=4 * n) for n in range(3)]


def written(path, names=None, **changes):
    """A file of three reports; a column may be another, and all may have other names."""
    columns = {
        "timestamp": pa.array(MOMENTS, pa.timestamp("us", tz="UTC")),
        "icao24": pa.array(["abc123"] * 3),
        "latitude": pa.array([36.5, 36.5, 36.5]),
        "longitude": pa.array([-121.5, -121.49, -121.48]),
        "altitude": pa.array([5000.0, 5000.0, 5000.0]),
    }
    table = pa.table(columns | changes)
    return table.rename_columns(names or table.column_names), path


def plans(table, path, **options):
    pq.write_table(table, path, **options)
    return load_plans(path).plans


@pytest.fixture
def usual(tmp_path):
    return plans(*written(tmp_path / "usual.parquet"))


def test_decimals_are_numbers(tmp_path, usual):
    kind = pa.decimal128(12, 4)
    changes = {
        "latitude": pa.array([Decimal("36.5")] * 3, kind),
        "altitude": pa.array([Decimal(5000)] * 3, pa.decimal128(9, 0)),
    }
    assert plans(*written(tmp_path / "t.parquet", **changes)) == usual


def test_the_oldest_timestamps_are_instants_in_utc(tmp_path, usual):
    table, path = written(tmp_path / "t.parquet")
    assert plans(table, path, use_deprecated_int96_timestamps=True, store_schema=False) == usual
    assert pq.ParquetFile(path).schema.column(0).physical_type == "INT96"


def test_a_timestamp_without_zone_is_still_a_local_time(tmp_path):
    local = pa.array([moment.replace(tzinfo=None) for moment in MOMENTS], pa.timestamp("us"))
    with pytest.raises(Refusal, match="time zone"):
        plans(*written(tmp_path / "t.parquet", timestamp=local))


def test_names_in_other_letters_are_the_same_columns(tmp_path, usual):
    names = ["Timestamp", "ICAO24", "Latitude", "LONGITUDE", "altitude"]
    assert plans(*written(tmp_path / "t.parquet", names)) == usual


def test_a_column_that_says_what_others_mean_is_refused(tmp_path):
    with pytest.raises(Refusal, match="'altitude_unit'"):
        plans(*written(tmp_path / "t.parquet", altitude_unit=pa.array(["m"] * 3)))


@pytest.mark.parametrize("address", [None, "", "NaN", "null"])
def test_an_address_that_is_none_joins_nobody(tmp_path, address):
    with pytest.raises(Refusal, match="icao24"):
        plans(*written(tmp_path / "t.parquet", icao24=pa.array(["abc123", address, "abc123"])))
