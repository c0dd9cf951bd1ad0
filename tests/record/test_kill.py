"""kill -9 at random moments under load: nothing acknowledged is missing, the chain holds, a torn tail is said."""

from __future__ import annotations

import os
import random
import selectors
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.record.verification import verify_journal
from length import at_length

LONGEST_LIFE_S = 0.12
MAX_FILE_BYTES = 60_000_000


def run_and_kill(path: Path, key_path: Path, seed: int, life_s: float) -> tuple[str, dict[int, str]]:
    """Let the writer live for `life_s` under load, kill it, and return its first line and what it acknowledged."""
    command = [sys.executable, Path(__file__).with_name("kill_writer.py"), path, key_path, str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
        first = writer.stdout.readline().decode()
        if not first.startswith("ready"):
            pytest.fail(f"the writer did not open the journal: {writer.stderr.read().decode()}")
        os.set_blocking(writer.stdout.fileno(), False)
        said = bytearray()
        deadline_s = time.monotonic() + life_s
        with selectors.DefaultSelector() as selector:
            selector.register(writer.stdout, selectors.EVENT_READ)
            while (rest_s := deadline_s - time.monotonic()) > 0:
                if selector.select(rest_s):
                    said += writer.stdout.read() or b""
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        os.set_blocking(writer.stdout.fileno(), True)
        said += writer.stdout.read()
    lines = bytes(said).decode().split("\n")[:-1]
    return first, {int(line.split()[0]): line.split()[1] for line in lines}


def check_cycles(directory: Path, cycles: int) -> int:
    """Kill the writer `cycles` times on one journal; return how many kills left a torn tail."""
    path, key_path = directory / "journal.db", directory / "node.key"
    key = NodeKey.generate()
    key.save(key_path)
    generator = random.Random(cycles)
    acknowledged: dict[int, str] = {}
    expected_tail = 0
    head_after_kill = 0
    torn = acknowledged_ever = 0
    for cycle in range(cycles):
        life_s = generator.uniform(0, LONGEST_LIFE_S)
        first, said = run_and_kill(path, key_path, cycle, life_s)
        assert first.split()[:3] == ["ready", str(head_after_kill), str(expected_tail)], (
            "opening found what verify found"
        )
        assert ("torn tail was cut" in first) == (expected_tail > 0), "a torn tail is said"
        acknowledged.update(said)
        acknowledged_ever += len(said)
        known = None if not acknowledged else max(acknowledged)
        hashes: dict[int, str] = {}
        found = verify_with_hashes(path, key, hashes)
        assert found.ok, f"cycle {cycle}: {found.bad}"
        missing = {number for number, digest in acknowledged.items() if hashes.get(number) != digest}
        assert not missing, f"cycle {cycle}: acknowledged and missing or different: {sorted(missing)[:5]}"
        assert known is None or found.head.number >= known
        head_after_kill, expected_tail = found.head.number, found.unfinished_bytes
        torn += expected_tail > 0
        if path.stat().st_size > MAX_FILE_BYTES:
            shutil.rmtree(directory / "before", ignore_errors=True)
            (directory / "before").mkdir()
            for file in directory.glob("journal.db*"):
                file.rename(directory / "before" / file.name)
            acknowledged, expected_tail, head_after_kill = {}, 0, 0
    with Journal.open(path, key) as journal:
        assert journal.head.number == head_after_kill
    assert acknowledged_ever, "the writer was never under load"
    return torn


def verify_with_hashes(path: Path, key: NodeKey, hashes: dict[int, str]):
    class Hashes:
        def begin(self, genesis, signature) -> None:
            pass

        def row(self, row) -> None:
            hashes[row[0]] = row[4].hex()

        def end(self) -> None:
            pass

    return verify_journal(path, key.public, receiver=Hashes())


def test_killed_ten_times_under_load(tmp_path):
    check_cycles(tmp_path, 10)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_killed_again_and_again_under_load(tmp_path):
    check_cycles(tmp_path, at_length(400))
