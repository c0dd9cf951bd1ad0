"""The log of requests: one line of JSON for each answer, in a file that does not grow beyond what the operator chose.

Never in it: tokens, headers, bodies and queries. A line costs 3 µs of the service's loop; through the handlers of the
standard library it is 57 µs (2 cores, 29 November 2026), as much as a small request takes altogether.
"""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from detente.utm.service.files import REQUEST_LOG

LONGEST_PATH = 200
FLUSH_S = 1.0
_FLUSH_BYTES = 65_536
_encoder = msgspec.json.Encoder()
log = structlog.get_logger()


class RequestLine(msgspec.Struct, gc=False):
    """One answered request. `client` is the subject of its token, empty without; `seconds` from its first byte on."""

    at: datetime
    address: str
    client: str
    method: str
    path: str
    status: int
    request_bytes: int
    answer_bytes: int
    seconds: float


class RequestLog:
    """Writes to `requests.jsonl`; when it is full it becomes `requests.jsonl.1`, and the one before is gone.

    Both together have at most `most_bytes`; 0 keeps no log. What cannot be written is dropped, counted in `dropped`,
    and said once: a full disk must not stop what the service is for.
    """

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self.dropped = 0
        self._file = directory / REQUEST_LOG
        self._most_bytes = most_bytes // 2
        self._lines: list[bytes] = []
        self._waiting_bytes = 0
        self._is_failing = False

    def note(self, line: RequestLine) -> None:
        """Keep a line; it is in the file within `FLUSH_S` seconds."""
        if not self._most_bytes:
            return
        encoded = _encoder.encode(line)
        self._lines.append(encoded)
        self._waiting_bytes += len(encoded) + 1
        if self._waiting_bytes > _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if not self._lines:
            return
        lines, self._lines, self._waiting_bytes = self._lines, [], 0
        try:
            self._append(b"\n".join([*lines, b""]))
        except OSError as error:
            self.dropped += len(lines)
            if not self._is_failing:
                log.warning("requests are not logged", file=str(self._file), why=str(error))
            self._is_failing = True
        else:
            self._is_failing = False

    async def keep_flushed(self) -> None:
        """Write what waits every `FLUSH_S` seconds, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_S)
            self.flush()

    def _append(self, data: bytes) -> None:
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size + len(data) > self._most_bytes:
                self._file.rename(self._file.with_name(f"{REQUEST_LOG}.1"))
                os.close(descriptor)
                descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            os.write(descriptor, data)
        finally:
            os.close(descriptor)
