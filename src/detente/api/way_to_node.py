"""The way from a command to the node beside it: through the node's own socket file, where there is one."""

from __future__ import annotations

import http.client
import socket
import urllib.request
from pathlib import Path
from typing import Any

from detente.settings.address import socket_path


def way_to_node(directory: Path, url: str, file: str) -> tuple[str, urllib.request.OpenerDirector]:
    """Return the URL to ask and what opens it; `url` is where the node listens for people, `file` its socket file.

    No proxy of the environment stands between.
    """
    if has_socket(directory, file):
        through = _SocketFile(directory, file)
        return "http://localhost", urllib.request.build_opener(urllib.request.ProxyHandler({}), through)
    return url, urllib.request.build_opener(urllib.request.ProxyHandler({}))


def has_socket(directory: Path, file: str) -> bool:
    """Whether there is this socket file of a node: through it its owner needs no token."""
    return (directory / file).is_socket()


class _SocketFile(urllib.request.HTTPHandler):
    """Opens every URL through the socket file of a directory."""

    def __init__(self, directory: Path, file: str) -> None:
        super().__init__()
        self._directory = directory
        self._file = file

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Open a URL."""

        def connection(host: str, /, *, timeout: float = 0.0, **_: Any) -> http.client.HTTPConnection:  # noqa: ANN401
            return _SocketConnection(host, self._directory, self._file, timeout)

        return self.do_open(connection, request)


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, host: str, directory: Path, file: str, timeout_s: float) -> None:
        super().__init__(host, timeout=timeout_s)
        self._directory = directory
        self._file = file

    def connect(self) -> None:
        """Connect through the file."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        with socket_path(self._directory, self._file) as path:
            self.sock.connect(path)
