"""A real `detente dss` process to talk to over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import forked
from detente.utm.access.development import development_token
from ports import free_port

COORDINATION = "utm.strategic_coordination"
URL = "https://uss.example.com/utm"


class DssProcess:
    """One process over one directory, until `stop` or `kill`."""

    def __init__(self, directory: Path, *options: str, before: tuple[str, ...] = (), port: int = 0) -> None:
        """`before` is what stands before the command: another that runs it."""
        self.directory = directory
        self.port = port or free_port()
        ours = ("dss", "--dir", str(directory), "--port", str(self.port), *options)
        self.process: subprocess.Popen[bytes] | forked.ForkedProcess
        if before:
            command = [*before, sys.executable, "-m", "detente", *ours]
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        else:
            self.process = forked.start(*ours)
        deadline = time.monotonic() + 120.0
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthy", timeout=120.0):
                    return
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.kill()
                    raise
                time.sleep(0.05)

    def token(self, *scopes: str, subject: str = "uss1", audience: str = "localhost") -> str:
        return development_token(self.directory, subject, scopes or (COORDINATION,), audience, time.time())

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        status, answer, _ = self.exchange(method, path, body, token, headers)
        return status, answer

    def exchange(
        self,
        method: str,
        path: str,
        body: object = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any, dict[str, str]]:
        """As `ask`, with the headers of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120.0)
        with contextlib.closing(connection):
            given = dict(headers or {})
            if token is not None:
                given["Authorization"] = f"Bearer {token}"
            data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, given)
            answer = connection.getresponse()
            text = answer.read()
            document = json.loads(text) if text[:1] in b"{[" and text else text
            return answer.status, document, {name.lower(): value for name, value in answer.getheaders()}

    def stop(self) -> None:
        self.process.terminate()
        self._ended()

    def kill(self) -> None:
        self.process.kill()
        self._ended()

    def _ended(self) -> None:
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextlib.contextmanager
def running(directory: Path, *options: str, before: tuple[str, ...] = ()) -> Iterator[DssProcess]:
    process = DssProcess(directory, *options, before=before)
    try:
        yield process
    finally:
        process.stop()


def moment(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def extents(
    latitude: float = 50.0, longitude: float = 8.0, heights: tuple[float, float] = (50.0, 100.0)
) -> dict[str, Any]:
    return {
        "volume": {
            "outline_circle": {
                "center": {"lat": latitude, "lng": longitude},
                "radius": {"value": 100.0, "units": "M"},
            },
            "altitude_lower": {"value": heights[0], "reference": "W84", "units": "M"},
            "altitude_upper": {"value": heights[1], "reference": "W84", "units": "M"},
        },
        "time_start": {"value": moment(5.0), "format": "RFC3339"},
        "time_end": {"value": moment(1800.0), "format": "RFC3339"},
    }


def intent(*volumes: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"extents": list(volumes) or [extents()], "state": "Accepted", "uss_base_url": URL, "key": []} | more


def intent_path(name: str | None = None) -> str:
    return f"/dss/v1/operational_intent_references/{name or uuid4()}"
