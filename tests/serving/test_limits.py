"""The limits as the reference has them, and as many connections as files may be open."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from detente.serving.limits import FEWEST_CONNECTIONS, OWN_DESCRIPTORS, ListenerLimits

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "connections.md"
FITTED = """
import json, msgspec
from detente.serving.limits import ListenerLimits, fitted
print(json.dumps(msgspec.to_builtins(fitted(ListenerLimits())[0])))
"""


def test_the_reference_has_the_limits_that_the_program_has() -> None:
    text, limits = " ".join(PAGE.read_text(encoding="utf-8").split()), ListenerLimits()
    needed = limits.connections + limits.local_connections + OWN_DESCRIPTORS
    for said in (
        f"| connections in all | {limits.connections:,} |",
        f"| {limits.local_connections} |",
        f"| connections of strangers | {limits.strangers} |",
        f"(from one /64 of IPv6) | {limits.strangers_of_address} |",
        f"| connections of one known client | {limits.connections_of_client} | 64 |",
        f"{limits.head_bytes // 1024} KiB, {limits.headers} headers",
        f"| {limits.bytes_in_hand // 1024**2} MiB (",
        f"| bodies of one known client together | {limits.bytes_of_client // 1024**2} MiB (",
        f"| bodies of all strangers together | {limits.bytes_of_strangers // 1024**2} MiB |",
        f"a second for each {limits.slowest_bytes_a_second // 1024} KiB",
        f"| request line and headers | {limits.head_s:.0f} s |",
        f"| idle between requests | {limits.idle_s:.0f} s |",
        f"does not read | {limits.write_s:.0f} s, and a second",
        f"under {needed:,}, fewer",
        f"Under {OWN_DESCRIPTORS + 2 * FEWEST_CONNECTIONS} it does not start",
    ):
        assert said in text, said


def fitted_under(files: str) -> subprocess.CompletedProcess[str]:
    """What fits under limits of open files: soft and hard."""
    command = f"ulimit {files}; exec {sys.executable} -c '{FITTED}'"
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("files", "connections", "is_said"), [("-Sn 256", 2048, False), ("-n 1024", 608, True), ("-n 448", 32, True)]
)
def test_as_many_connections_as_files_may_be_open(files: str, connections: int, *, is_said: bool) -> None:
    done = fitted_under(files)
    said, last = done.stdout.splitlines()[:-1], done.stdout.splitlines()[-1]
    limits = msgspec.convert(json.loads(last), ListenerLimits)
    assert limits.connections == connections
    assert limits.strangers <= connections
    assert ("LimitNOFILE" in " ".join(said)) == is_said


def test_with_too_few_files_nothing_starts() -> None:
    done = fitted_under("-n 447")
    assert done.returncode != 0
    assert "a limit of at least 448" in done.stderr
