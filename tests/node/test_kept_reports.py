"""Kept reports: what was heard is there again, whole hours have a digest, and what is too old is gone."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from detente.airspace.refusal import Refusal
from detente.lookout import kept_reports
from detente.lookout.kept_reports import ReportKeeper, digest_of, read_kept
from detente.settings.configuration import WatchSettings
from detente.watch.sighting import Sighting, SightingSource

HOUR_S = 1_780_315_200.0
"""2026-06-01T12:00Z."""


def sighting(received_s: float, address: str = "abc123") -> Sighting:
    return Sighting(
        "north", SightingSource.ADSB, received_s - 0.5, received_s, 34.0, 20.0, address, callsign="DET1",
        pressure_altitude_m=3048.0, integrity_level=3, on_ground=False,
    )  # fmt: skip


def keeper(folder: Path, **settings: float) -> ReportKeeper:
    return ReportKeeper(folder, WatchSettings(leave_free_mb=64, **settings))  # type: ignore[arg-type]


def write(kept: ReportKeeper, reports: list[Sighting]) -> None:
    """Write these as a part of their own."""
    kept.take(reports)
    kept.write(kept.taken(HOUR_S))


def read(folder: Path, start_s: float = HOUR_S, end_s: float = HOUR_S + 7_200.0) -> list[Sighting]:
    return list(read_kept(folder, start_s, end_s))


def test_parts_and_hours_give_back_what_was_heard(tmp_path):
    kept, reports = keeper(tmp_path / "watch"), [sighting(HOUR_S + n) for n in range(0, 4_000, 10)]
    for first in range(0, 400, 37):
        write(kept, reports[first : first + 37])
    assert read(tmp_path / "watch") == reports
    hours = list(kept.close_hours(HOUR_S + 3_700.0))
    assert [(hour.file, hour.reports) for hour in hours] == [("2026-06-01T12.parquet", 360)]
    assert read(tmp_path / "watch") == reports
    assert read(tmp_path / "watch", HOUR_S + 100, HOUR_S + 200) == reports[10:20]
    (hour,) = hours
    assert digest_of(tmp_path / "watch" / hour.file) == (hour.sha256, hour.size_bytes)
    assert list(kept.known()) == hours
    assert list(kept.close_hours(HOUR_S + 3_700.0)) == []


def test_an_hour_whose_parts_were_not_removed_any_more_is_not_kept_twice(tmp_path, monkeypatch):
    kept = keeper(tmp_path)
    write(kept, [sighting(HOUR_S + n) for n in range(5)])
    with monkeypatch.context() as ended:

        def ends(_: Path) -> None:
            raise KeyboardInterrupt

        ended.setattr(kept_reports.shutil, "rmtree", ends)
        with pytest.raises(KeyboardInterrupt):
            list(kept.close_hours(HOUR_S + 3_600.0))
    assert list(keeper(tmp_path).close_hours(HOUR_S + 3_600.0)) == []
    assert len(read(tmp_path)) == 5
    assert [hour.reports for hour in keeper(tmp_path).known()] == [5]


def test_an_hour_that_comes_again_is_kept_beside_the_first(tmp_path):
    kept = keeper(tmp_path)
    for count in (5, 3):
        write(kept, [sighting(HOUR_S + n) for n in range(count)])
        assert [hour.reports for hour in kept.close_hours(HOUR_S + 3_600.0)] == [count]
    assert len(read(tmp_path)) == 8


def test_what_is_older_than_is_kept_is_removed(tmp_path):
    kept = keeper(tmp_path, keep_days=1.0)
    for hour in range(3):
        write(kept, [sighting(HOUR_S + 3_600 * hour)])
    assert len(list(kept.close_hours(HOUR_S + 3 * 3_600.0))) == 3
    assert list(kept.remove_old(HOUR_S + 86_400.0 + 2 * 3_600.0 + 5.0)) == [
        "2026-06-01T12.parquet", "2026-06-01T13.parquet",
    ]  # fmt: skip
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["2026-06-01T14.kept", "2026-06-01T14.parquet"]


def test_the_oldest_go_where_all_are_too_large(tmp_path, monkeypatch):
    kept = keeper(tmp_path, keep_days=1_000.0, most_mb=1)
    monkeypatch.setattr(kept_reports, "MEGABYTE", 12_000)
    for hour in range(4):
        write(kept, [sighting(HOUR_S + 3_600 * hour)])
    hours = list(kept.close_hours(HOUR_S + 4 * 3_600.0))
    removed = list(kept.remove_old(HOUR_S + 4 * 3_600.0))
    left = [hour for hour in hours if hour.file not in removed]
    assert removed == [hour.file for hour in hours[: len(removed)]]
    assert removed
    assert sum(hour.size_bytes for hour in left) <= 12_000 < sum(hour.size_bytes for hour in hours)


def test_a_part_that_the_end_of_the_machine_left_half_is_left_out(tmp_path):
    kept = keeper(tmp_path)
    for first in (0, 10):
        write(kept, [sighting(HOUR_S + first + n) for n in range(5)])
    (tmp_path / "2026-06-01T12.parts" / "000001.parquet").write_bytes(b"PAR1")
    assert [hour.reports for hour in kept.close_hours(HOUR_S + 3_600.0)] == [5]
    assert len(read(tmp_path)) == 5


def test_where_the_disk_has_no_space_reports_are_counted_and_not_kept(tmp_path):
    full = ReportKeeper(tmp_path, WatchSettings(leave_free_mb=100_000_000))
    write(full, [sighting(HOUR_S)])
    assert full.not_kept == 1
    assert read(tmp_path) == []


def test_what_waits_to_be_written_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_reports, "PART_REPORTS", 10)
    kept = keeper(tmp_path)
    kept.take([sighting(HOUR_S)] * 30)
    assert kept.is_due(HOUR_S)
    assert sum(batch.num_rows for batch in kept.taken(HOUR_S)) == 20
    assert kept.not_kept == 10


def test_reports_become_columns_as_they_come_and_stay_what_they_were(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_reports, "BATCH_REPORTS", 7)
    kept = keeper(tmp_path)
    reports = [sighting(HOUR_S + 3_590.0 + n, f"{n:06x}") for n in range(20)]
    for first in range(0, 20, 3):
        kept.take(reports[first : first + 3])
    batches = kept.taken(HOUR_S)
    assert [batch.num_rows for batch in batches] == [9, 9, 2]
    kept.write(batches)
    assert read(tmp_path) == reports
    assert len(list(tmp_path.glob("*.parts"))) == 2


def test_a_report_that_no_file_can_hold_takes_none_with_it_that_came_later(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_reports, "BATCH_REPORTS", 1)
    kept = keeper(tmp_path)
    with pytest.raises(ValueError, match="1000 too large"):
        kept.take([msgspec.structs.replace(sighting(HOUR_S), integrity_level=1_000)])
    write(kept, [sighting(HOUR_S + 1.0)])
    assert read(tmp_path) == [sighting(HOUR_S + 1.0)]


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "2026-06-01T12.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(Refusal) as refused:
        read(tmp_path)
    assert refused.value.code == "watch.file_of_reports"
    assert "2026-06-01T12.parquet" in refused.value.field
