"""`detente check` as a user runs it: 20,000 plans against 20,000 beside an analyst's script; 5 and 10 million reports.

Each run is a process of its own, of which wall time, processor time and peak memory are measured. Run: make bench-check
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from continent import Flights
from results import write_section

PLANS, REPORTS = 20_000, (5_000_000, 10_000_000)
REPORT_FLIGHTS, INTERVAL_S, OWN_PLANS = 18_000, 5.0, 200
WANTED_S, WANTED_MB, WANTED_REPORTS_S = 15.0, 600.0, 60.0
HERE = Path(__file__).parent
CONFLICTS = 1


@dataclass(frozen=True)
class Run:
    """What one process took and printed."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    printed: str


def run(*command: object) -> Run:
    """Run a program to its end."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen([str(word) for word in command], stdout=printed, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall_s = time.monotonic() - began
        if process.returncode not in (0, CONFLICTS):
            raise RuntimeError(f"{command[0]} ended with {process.returncode}")
        printed.seek(0)
        text = printed.read().decode()
    return Run(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3, text)


def row(name: str, one: Run, found: str) -> str:
    """One row of the table."""
    return f"| {name} | {one.wall_s:.1f} | {one.cpu_s:.1f} | {one.peak_mb:,.0f} | {found} |"


def main() -> None:
    """Make the files, run both, and write the section."""
    load = os.getloadavg()[0]
    detente = Path(sys.executable).with_name("detente")
    run(detente, "warm")
    with tempfile.TemporaryDirectory() as made:
        ours, theirs, own = (Path(made) / f"{name}.geojson" for name in ("ours", "theirs", "own"))
        heard = Path(made) / "heard.csv"
        for seed, file in ((1, ours), (2, theirs)):
            Flights(PLANS, seed).write_geojson(file)
        ours_mb = ours.stat().st_size / 1e6
        check = run(detente, "check", ours, theirs, "--quiet")
        analyst = run(sys.executable, HERE / "check_analyst.py", ours, theirs)
        Flights(OWN_PLANS, 4).write_geojson(own)
        tracks = []
        for wanted in REPORTS:
            reports = Flights(REPORT_FLIGHTS, 3).write_reports(heard, INTERVAL_S, wanted)
            heard_mb = heard.stat().st_size / 1e6
            one = run(detente, "check", own, heard, "--quiet")
            name = f"`detente check`, {reports:,} reports ({heard_mb:.0f} MB)"
            tracks.append(row(name, one, f"{len(set(one.printed.splitlines())):,}"))
            heard.unlink()
    found = {tuple(line.split()) for line in check.printed.splitlines()}
    pairs = {tuple(pair) for pair in json.loads(analyst.printed)["pairs"]}
    write_section(
        "check",
        f"""
{PLANS:,} plans of flights against {PLANS:,} over one day and most of a continent (`bench/continent.py`), GeoJSON of
{ours_mb:.0f} MB each, minima 5 NM and 1,000 ft; then position reports as CSV against
{OWN_PLANS} plans. The kernels were compiled before.
Each run is a process from its start to its end, everything read, compared and printed. The load of
other programs was {load:.1f} when this began, so that a process gets a share of the cores: processor time says more.

| what | wall s | processor s | peak MB | pairs in conflict |
|---|---|---|---|---|
{row("`detente check`, plans", check, f"{len(found):,}")}
{row("the analyst's script (shapely, a flat map)", analyst, f"{len(pairs):,}")}
{chr(10).join(tracks)}

- Wanted on two quiet cores: {WANTED_S:.0f} s and {WANTED_MB:.0f} MB for the plans,
  {WANTED_REPORTS_S:.0f} s for five million reports.
- Processor time of the analyst's script over ours: {analyst.cpu_s / check.cpu_s:.2f}.
- The script finds {len(pairs - found):,} pairs that Détente does not, and misses {len(found - pairs):,} that it
  finds: a flat map and straight legs in degrees are off by hundreds of metres on long legs.
""",
    )


if __name__ == "__main__":
    main()
