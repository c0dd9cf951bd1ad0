"""The conflicts of `detente check` as rows of plain values, for CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detente.airspace.refusal import Refusal
from detente.cli.check_choice import NumberedPass
from detente.cli.wording import write_output
from detente.feeds.same_aircraft import SameAircraft

SUFFIXES = (".csv", ".parquet")


def check_suffix(out: Path) -> None:
    """Raise Refusal unless the name says one of the formats."""
    if out.suffix.lower() not in SUFFIXES:
        raise Refusal("cli.table_suffix", "--out", str(out), suffixes=", ".join(SUFFIXES))


def write_conflicts(out: Path, conflicts: Sequence[NumberedPass], perhaps: Sequence[SameAircraft | None]) -> None:
    """Write a new file, CSV or Parquet as its name says; lengths in metres, times in UTC, degrees on WGS 84."""
    rows = [_row(conflict, reason) for conflict, reason in zip(conflicts, perhaps, strict=True)]
    if out.suffix.lower() == ".csv":
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_plain(value) for value in row] for row in rows)
        write_output([stream.getvalue().encode()], out)
        return
    write_output([_parquet(rows)], out)


COLUMNS = (
    "number", "ours", "theirs", "start", "end", "start_without_containment", "end_without_containment",
    "our_closest_time", "their_closest_time", "our_latitude_deg", "our_longitude_deg", "their_latitude_deg",
    "their_longitude_deg", "our_altitude_m", "their_altitude_m", "altitude_frame", "horizontal_m",
    "required_horizontal_m", "vertical_m", "required_vertical_m", "required_time_s", "kept_share",
    "may_be_same_aircraft",
)  # fmt: skip


def _row(conflict: NumberedPass, reason: SameAircraft | None) -> list[Any]:
    one, found = conflict.found.encounter, conflict.found
    nominal = found.nominal or (None, None)
    ours, theirs = one.closest_first_position, one.closest_second_position
    return [
        conflict.number, one.first_plan_id, one.second_plan_id, one.start, one.end, *nominal,
        one.closest_first_time, one.closest_second_time, ours.latitude_deg, ours.longitude_deg, theirs.latitude_deg,
        theirs.longitude_deg, one.closest_first_altitude_m, one.closest_second_altitude_m, str(one.altitude_frame),
        one.horizontal_m, one.required_horizontal_m, one.vertical_m, one.required_vertical_m, one.required_time_s,
        found.kept, None if reason is None else str(reason),
    ]  # fmt: skip


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z")
    return "" if value is None else value


def _parquet(rows: Sequence[Sequence[Any]]) -> bytes:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise Refusal("feeds.package_pyarrow", "--out", "Parquet") from None
    moment = pyarrow.timestamp("us", tz="UTC")
    kinds = {
        "number": pyarrow.int64(), "ours": pyarrow.string(), "theirs": pyarrow.string(),
        "altitude_frame": pyarrow.string(), "may_be_same_aircraft": pyarrow.string(),
        **{name: moment for name in COLUMNS if name.startswith(("start", "end")) or name.endswith("_time")},
    }  # fmt: skip
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    arrays = [
        pyarrow.array(values, type=kinds.get(name, pyarrow.float64()))
        for name, values in zip(COLUMNS, columns, strict=True)
    ]
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(arrays, names=list(COLUMNS)), sink, compression="zstd")
    return bytes(sink.getvalue())
