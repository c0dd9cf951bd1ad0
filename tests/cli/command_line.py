"""Runs the `detente` command in this process, as its entry point does."""

from __future__ import annotations

import functools
import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest
import typer.main

from detente.cli.main import main

typer.main.get_command = functools.cache(typer.main.get_command)  # it takes most of the time of a command


def run_detente(*arguments: object, language: str = "en") -> subprocess.CompletedProcess[str]:
    """Return exit code, standard output and standard error of ``detente ARGUMENTS``."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    code = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        patch.setenv("DETENTE_LANGUAGE", language)
        patch.setattr(sys, "argv", ["detente", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    output, errors = (stream.buffer.getvalue().decode() for stream in streams)
    return subprocess.CompletedProcess(arguments, code, output, errors)
