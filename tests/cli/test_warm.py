"""Kernels compiled ahead: what is not is said before the silence, and `detente warm` says what it did."""

from __future__ import annotations

import os
import subprocess
import sys

from command_line import run_detente


def cold_words(**environment: str) -> str:
    code = "from detente.cli.cold import say_if_cold; say_if_cold(matching=True, watch=True)"
    settings = {**os.environ, "DETENTE_LANGUAGE": "en", **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], env=settings, capture_output=True, text=True, timeout=240, check=True
    )
    assert done.stdout == ""
    return done.stderr


def test_a_machine_where_nothing_is_compiled_is_told_before_the_silence(tmp_path):
    assert "`detente warm` does it ahead" in cold_words(NUMBA_CACHE_DIR=str(tmp_path))
    assert cold_words() == ""


def test_warm_names_every_room():
    done = run_detente("warm")
    assert done.returncode == 0
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["airspace", "matching", "utm", "watch"]
