"""The simulator finds faults: each of `mutations`, put into a copy of the source, is found, and its seed is printed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mutations import MUTATIONS

import detente

SOURCE = Path(detente.__file__).parent
SIMULATOR = Path(__file__).with_name("run.py")
MOST_SEEDS = 40


@pytest.mark.long
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.breaks)
def test_the_fault_is_found(mutation, tmp_path):
    copy = tmp_path / "detente"
    shutil.copytree(SOURCE, copy)
    broken = copy / mutation.file
    text = broken.read_text()
    assert text.count(mutation.before) == 1, f"{mutation.file} no longer holds what is to be broken"
    broken.write_text(text.replace(mutation.before, mutation.after))
    seeds = ("--seeds", str(MOST_SEEDS), "--from", str(mutation.first or mutation.every), "--step", str(mutation.every))
    command = [sys.executable, SIMULATOR, *seeds, "--processes", "1", "--until-broken"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=800)
    found = re.search(r"seed (\d+) breaks a promise", ran.stdout)
    assert found, f"not found in {MOST_SEEDS} seeds: {ran.stdout[-500:]} {ran.stderr[-2000:]}"
    error = next((line for line in reversed(ran.stdout.splitlines()) if "Error" in line), "")
    print(f"{mutation.breaks}\n    found by seed {found[1]}: {error[:200]}")
