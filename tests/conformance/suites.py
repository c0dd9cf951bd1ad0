"""Run the InterUSS suites against a real `detente dss` process: `make conformance`.

SUITES names the harness; without it, it is the folder `conformance` in DETENTE_SHARED, or in ../shared. Every suite
runs twice, as it is and with OVN_REQUEST=1, POOL_INFO=1 and STRICT=1. The counts are printed and kept in
docs/conformance.md.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "conformance.md"
SUITE_NAMES = ("prober", "scd-dss", "rid-dss-v22a", "rid-dss-v19", "dss-all")
STRICTER = {"OVN_REQUEST": "1", "POOL_INFO": "1", "STRICT": "1"}
BEGIN, END = "<!-- begin counts -->", "<!-- end counts -->"
Row = tuple[str, str, int, int]


def harness() -> Path:
    """The folder of the suites; a SystemExit that says what to do when there is none."""
    shared = Path(os.environ.get("DETENTE_SHARED", ROOT.parent / "shared"))
    folder = Path(os.environ.get("SUITES", shared / "conformance"))
    if not (folder / "run.sh").exists():
        sys.exit(f"no conformance harness in {folder}: name its folder with SUITES=DIR")
    return folder


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start_service(directory: Path, port: int, key: Path) -> subprocess.Popen[bytes]:
    """Start `detente dss` and return once it answers."""
    command = [sys.executable, "-m", "detente", "dss", "--dir", str(directory), "--port", str(port)]
    command += ["--public-key", str(key), "--allow-http-base-urls", "--pool", "conformance"]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://localhost:{port}/healthy", timeout=5):
                return process
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    process.kill()
    process.wait()
    raise TimeoutError("detente dss did not answer")


def run_suite(folder: Path, suite: str, url: str, out: Path, variables: dict[str, str]) -> tuple[int, int, str]:
    """Run one suite; return passed, failed, and what it printed."""
    environment = {**os.environ, "OUT": str(out), **variables}
    finished = subprocess.run(
        [str(folder / "run.sh"), suite, url], env=environment, capture_output=True, text=True, check=False
    )
    printed = finished.stdout + finished.stderr
    counts = re.search(rf"^{re.escape(suite)}: (\d+) passed, (\d+) failed$", printed, re.MULTILINE)
    if counts is None:
        return 0, 1, printed
    return int(counts[1]), int(counts[2]), printed


def run_all(suites: tuple[str, ...] = SUITE_NAMES) -> list[Row]:
    """Run the suites in both ways, each way against a service of its own."""
    folder = harness()
    rows: list[Row] = []
    for way, variables in (("default", {}), ("OVN_REQUEST, POOL_INFO, STRICT", STRICTER)):
        with tempfile.TemporaryDirectory(prefix="detente-conformance-") as kept:
            port = free_port()
            process = start_service(Path(kept) / "dss", port, folder / "auth_public_key.pem")
            try:
                for suite in suites:
                    passed, failed, printed = run_suite(
                        folder, suite, f"http://localhost:{port}", Path(kept) / "out", variables
                    )
                    print(f"{suite} ({way}): {passed} passed, {failed} failed", flush=True)
                    if failed:
                        print(printed, flush=True)
                    rows.append((suite, way, passed, failed))
            finally:
                process.terminate()
                process.wait()
    return rows


def version_of_suites(folder: Path) -> str:
    pinned = (folder / "requirements.txt").read_text(encoding="utf-8")
    found = re.search(r"^interuss[-_]monitoring==([\w.]+)", pinned, re.MULTILINE)
    return found[1] if found else "unknown"


def write_counts(rows: list[Row]) -> None:
    """Keep the counts in docs/conformance.md."""
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [
        BEGIN,
        f"`make conformance`, {moment}, interuss-monitoring {version_of_suites(harness())}:",
        "",
        "| suite | variables | passed | failed |",
        "|---|---|---|---|",
        *(f"| {suite} | {way} | {passed:,} | {failed} |" for suite, way, passed, failed in rows),
        END,
    ]
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN, 1)
    PAGE.write_text(head + "\n".join(lines) + rest.split(END, 1)[1], encoding="utf-8")


if __name__ == "__main__":
    results = run_all()
    write_counts(results)
    sys.exit(1 if any(failed for *_, failed in results) else 0)
