"""A command that the fork server runs. As a program it is a `detente` command for pages and tests.

It imports next to nothing, because it is started for every command; DETENTE_FORK_SERVER tells it where the server is.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys


class ForkedCommand:
    """A command, or with `script` a Python program, that runs in a process of its own: `pid`."""

    def __init__(
        self, path: str, arguments: list[str], environment: dict[str, str], descriptors: list[int], script: str = ""
    ) -> None:
        self.returncode: int | None = None
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(path)
        request = {
            "arguments": arguments, "environment": environment, "directory": os.getcwd(), "script": script,  # noqa: PTH109
        }  # fmt: skip
        socket.send_fds(self._connection, [json.dumps(request).encode()], descriptors)
        self._lines = self._connection.makefile()
        self.pid = int(self._lines.readline())

    def end(self) -> int:
        """Wait until it has ended, without a limit."""
        line = self._lines.readline()
        self.returncode = int(line) if line.strip() else -signal.SIGKILL
        self._lines.close()
        self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)


def main() -> int:
    """Be the command: hand on the arguments, the streams and the signals."""
    path = os.environ.pop("DETENTE_FORK_SERVER")
    command = ForkedCommand(path, sys.argv[1:], dict(os.environ), [0, 1, 2])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda given, _: command.send_signal(given))
    return command.end()


if __name__ == "__main__":
    code = main()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
