"""A program that brings reports: lines of JSON over TCP to whoever connects, as an adapter in ten lines would."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from parties import Party

METRES_A_DEGREE = 92_400.0
"""Of longitude, at 34 degrees north."""


class FeedSource:
    """Listens at a port of 127.0.0.1 and sends every line to every connection."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections: list[socket.socket] = []
        self._came = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._came:
                self.connections.append(connection)
                self._came.notify_all()

    def connected(self, count: int = 1) -> None:
        """Wait until so many have connected since the beginning."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.connections) >= count, 120.0)

    def send(self, reports: Iterable[dict[str, Any]]) -> None:
        """Send reports to everybody who is still there."""
        data = b"".join(json.dumps(report).encode() + b"\n" for report in reports)
        for connection in self.connections:
            try:
                connection.sendall(data)
            except OSError:
                continue

    def close(self) -> None:
        for one in (self._listener, *self.connections):
            one.close()


def flying(address: str, latitude_deg: float = 34.0, longitude_deg: float = 20.0, **more: Any) -> dict[str, Any]:
    """A report of one aircraft now."""
    return {
        "address": address, "latitude_deg": latitude_deg, "longitude_deg": longitude_deg, "at_s": time.time(),
        "source": "adsb", "pressure_altitude_m": 3_000.0, "ground_speed_mps": 200.0, "track_deg": 90.0,
        "vertical_speed_mps": 0.0, "horizontal_error_m": 30.0, "vertical_error_m": 30.0, "integrity_m": 200.0,
        "integrity_level": 3, **more,
    }  # fmt: skip


def cruising(address: str, latitude_deg: float = 34.0) -> dict[str, Any]:
    """A report of one aircraft that flies east as fast as it says, wherever it is by now."""
    return flying(address, latitude_deg, 20.0 + 200.0 * (time.time() % 3_600.0) / METRES_A_DEGREE)


def feeds_toml(*feeds: tuple[str, str, bool]) -> str:
    """The file of feeds of JSON lines: name, where from, whether all of it is ours."""
    return "\n".join(
        f'[[feed]]\nname = "{name}"\nkind = "json"\nwhere = "{where}"\nours = {str(ours).lower()}\n'
        for name, where, ours in feeds
    )


def watch_process(party: Party) -> int:
    """The id of the watching process of a party's node; 0 while there is none."""
    assert party.process is not None
    children = Path(f"/proc/{party.process.pid}/task/{party.process.pid}/children")
    for child in children.read_text().split():
        with suppress(OSError):
            if b"detente.lookout.process" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    return 0
