"""Runs `detente` commands as forks of one process that has done the imports: real processes that start quickly."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

from forked_command import ForkedCommand


class ForkedProcess(ForkedCommand):
    """A command that runs; used as a `subprocess.Popen` is."""

    stdout: IO[str] | None = None

    def watch(self) -> None:
        """Wait for its end in a thread, so that `poll` and `wait` know of it."""
        self._ended = threading.Event()

        def wait() -> None:
            self.end()
            self._ended.set()

        threading.Thread(target=wait, daemon=True).start()

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; raises subprocess.TimeoutExpired."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("detente", timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


SHARED_SERVER = "TEST_FORK_SERVER"
"""The variable with the place of the server that all workers of a session share."""


@functools.cache
def server() -> str:
    """The place of this session's server, which is started when it is first asked for."""
    shared = os.environ.get(SHARED_SERVER)
    if shared:
        return shared
    path = str(Path(tempfile.mkdtemp(prefix="detente-fork-")) / "socket")
    script = Path(__file__).with_name("fork_server.py")
    write_program(path)
    process = subprocess.Popen(
        [sys.executable, str(script), path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()

    def leave() -> None:
        process.communicate()
        shutil.rmtree(Path(path).parent)

    atexit.register(leave)
    return path


def start(*arguments: str, errors: int | IO[str] = 2, script: Path | None = None) -> ForkedProcess:
    """Start a command, or a program with these arguments; what it says is on its `stdout`, its errors go to a file."""
    reading, writing = os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        given = [nothing, writing, errors if isinstance(errors, int) else errors.fileno()]
        process = ForkedProcess(server(), list(arguments), dict(os.environ), given, str(script or ""))
    finally:
        os.close(writing)
        os.close(nothing)
    process.stdout = os.fdopen(reading, encoding="utf-8")
    process.watch()
    return process


def write_program(path: str) -> None:
    """Write, beside the server's place, a program that is called as `detente` is and runs its commands as forks."""
    place = Path(path).with_name("detente")
    script = Path(__file__).resolve().with_name("forked_command.py")
    place.write_text(f'#!/bin/sh\nDETENTE_FORK_SERVER={path} exec {sys.executable} -I -S {script} "$@"\n')
    place.chmod(0o755)


def program() -> Path:
    """A program that is called as `detente` is, and runs its commands as forks."""
    return Path(server()).with_name("detente")
