"""Runs `detente` commands as forks of one process that has done the imports: real processes that start quickly.

As a program it is a `detente` command for pages and tests, told by DETENTE_FORK_SERVER where the server listens.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO


class ForkedProcess:
    """A command that runs; used as a `subprocess.Popen` is."""

    def __init__(
        self, path: str, arguments: list[str], environment: dict[str, str], directory: str, descriptors: list[int]
    ) -> None:
        self.stdout: IO[str] | None = None
        self.returncode: int | None = None
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(path)
        request = {"arguments": arguments, "environment": environment, "directory": directory}
        socket.send_fds(self._connection, [json.dumps(request).encode()], descriptors)
        self._lines = self._connection.makefile()
        self.pid = int(self._lines.readline())
        self._ended = threading.Event()

    def end(self) -> int:
        """Wait until it has ended, without a limit."""
        line = self._lines.readline()
        self.returncode = int(line) if line.strip() else -signal.SIGKILL
        self._lines.close()
        self._connection.close()
        self._ended.set()
        return self.returncode

    def watch(self) -> None:
        """Wait for its end in a thread, so that `poll` and `wait` know of it."""
        threading.Thread(target=self.end, daemon=True).start()

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; raises subprocess.TimeoutExpired."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("detente", timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


@functools.cache
def server() -> str:
    """The place of this session's server, which is started when it is first asked for."""
    path = str(Path(tempfile.mkdtemp(prefix="detente-fork-")) / "socket")
    script = str(Path(__file__).with_name("fork_server.py"))
    process = subprocess.Popen(
        [sys.executable, script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()

    def leave() -> None:
        process.communicate()
        shutil.rmtree(Path(path).parent)

    atexit.register(leave)
    return path


def start(*arguments: str, errors: IO[str]) -> ForkedProcess:
    """Start a command; what it says is on its `stdout`, its errors go to a file."""
    reading, writing = os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        given = [nothing, writing, errors.fileno()]
        process = ForkedProcess(server(), list(arguments), dict(os.environ), str(Path.cwd()), given)
    finally:
        os.close(writing)
        os.close(nothing)
    process.stdout = os.fdopen(reading, encoding="utf-8")
    process.watch()
    return process


@functools.cache
def program() -> Path:
    """A program that is called as `detente` is, and runs its commands as forks."""
    place = Path(server()).with_name("detente")
    script = Path(__file__).resolve()
    place.write_text(f'#!/bin/sh\nDETENTE_FORK_SERVER={server()} exec {sys.executable} -I -S {script} "$@"\n')
    place.chmod(0o755)
    return place


def main() -> int:
    """Be the command: hand on the arguments, the streams and the signals."""
    path = os.environ.pop("DETENTE_FORK_SERVER")
    process = ForkedProcess(path, sys.argv[1:], dict(os.environ), str(Path.cwd()), [0, 1, 2])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda given, _: process.send_signal(given))
    return process.end()


if __name__ == "__main__":
    code = main()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
