"""A load generator for a DSS: raw HTTP/1.1 over asyncio streams of its own, cheap enough not to be the bottleneck.

Requests are sent at the times of a schedule, whatever the answers do (open loop), and a latency counts from the time
at which the request was due: an answer that comes late makes those behind it late too, as it would for clients.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

ENOUGH = 2048
"""How much of an answer is kept for who looks at it: head and first fields."""
Request = tuple[bytes, bytes, Callable[[int, bytes], None] | None]
"""Request line and headers without length, body, and who looks at the status and the beginning of the answer."""


@dataclass
class Measured:
    """What came of a run."""

    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    due_s: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    bytes_out: int = 0
    bytes_in: int = 0

    @property
    def rate(self) -> float:
        return sum(count for status, count in self.statuses.items() if status < 400) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        return float(np.percentile(self.latencies_s, percent)) * 1000.0 if self.latencies_s else float("nan")

    def row(self) -> str:
        refused = {status: count for status, count in sorted(self.statuses.items()) if status >= 400}
        quantiles = " | ".join(f"{self.percentile_ms(percent):.1f}" for percent in (50, 95, 99, 100))
        return f"{self.rate:,.0f} | {quantiles} | {refused or 'none'}"


class Connection(asyncio.Protocol):
    """One connection with one request under way."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[tuple[int, bytes, int]] | None = None
        self._beginning = b""
        self._left = -1
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._beginning += data
            end = self._beginning.find(b"\r\n\r\n")
            if end < 0:
                return
            at = self._beginning.lower().find(b"content-length:", 0, end)
            length = int(self._beginning[at + 15 : self._beginning.find(b"\r", at)])
            self._size = end + 4 + length
            self._left = self._size - len(self._beginning)
        else:
            self._left -= len(data)
            if len(self._beginning) < ENOUGH:
                self._beginning += data[:ENOUGH]
        if self._left <= 0 and self.answer is not None:
            beginning, self._beginning, self._left = self._beginning, b"", -1
            answer, self.answer = self.answer, None
            if not answer.done():
                answer.set_result((int(beginning[9:12]), beginning, self._size))

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(ConnectionError("the server hung up"))

    async def ask(self, head: bytes, body: bytes) -> tuple[int, bytes, int]:
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.writelines((head, b"content-length: %d\r\n\r\n" % len(body), body))  # type: ignore[attr-defined]
        return await self.answer


class Load:
    """Connections to one server."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._idle: list[Connection] = []

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.transport.is_closing():
                return connection
        _, connection = await asyncio.get_running_loop().create_connection(Connection, self.host, self.port)
        return connection

    async def one(self, request: Request) -> tuple[int, bytes]:
        head, body, look = request
        connection = await self._connection()
        status, beginning, _ = await connection.ask(head, body)
        self._idle.append(connection)
        if look is not None:
            look(status, beginning)
        return status, beginning

    async def run(
        self, requests: Iterator[Request], rate: float, seconds: float, most_under_way: int = 200
    ) -> Measured:
        """Send at `rate` a second for `seconds`. At most `most_under_way` wait at once; then requests go out late."""
        measured = Measured()
        slots = asyncio.Semaphore(most_under_way)
        under_way: set[asyncio.Task[None]] = set()
        started = time.perf_counter()
        count = int(rate * seconds)
        for number in range(count):
            due = started + number / rate
            ahead = due - time.perf_counter()
            if ahead > 0.0:
                await asyncio.sleep(ahead)
            await slots.acquire()
            task = asyncio.create_task(self._timed(next(requests), due, started, measured, slots))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if under_way:
            await asyncio.wait(under_way)
        measured.seconds = time.perf_counter() - started
        return measured

    async def run_closed(self, requests: Iterator[Request], clients: int, seconds: float) -> Measured:
        """`clients` clients, each asking again as soon as it is answered."""
        measured = Measured()
        started = time.perf_counter()
        slots = asyncio.Semaphore(clients)

        async def client() -> None:
            while time.perf_counter() < started + seconds:
                await slots.acquire()
                await self._timed(next(requests), time.perf_counter(), started, measured, slots)

        await asyncio.gather(*(client() for _ in range(clients)))
        measured.seconds = time.perf_counter() - started
        return measured

    async def _timed(
        self, request: Request, due: float, started: float, measured: Measured, slots: asyncio.Semaphore
    ) -> None:
        head, body, look = request
        try:
            connection = await self._connection()
            status, beginning, size = await connection.ask(head, body)
            self._idle.append(connection)
        except (ConnectionError, RuntimeError):
            status, beginning, size = 599, b"", 0
        finally:
            slots.release()
        measured.latencies_s.append(time.perf_counter() - due)
        measured.due_s.append(due - started)
        measured.statuses[status] = measured.statuses.get(status, 0) + 1
        measured.bytes_out += len(body)
        measured.bytes_in += size
        if look is not None:
            look(status, beginning)


class _Stub(asyncio.Protocol):
    """Answers every request with the same bytes: what is measured against it is the generator."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._left = -1
        self._head = b""

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            at = self._head.find(b"content-length: ")
            length = int(self._head[at + 16 : self._head.find(b"\r", at)])
            self._left = end + 4 + length - len(self._head)
            self._head = b""
        else:
            self._left -= len(data)
        if self._left <= 0:
            self._left = -1
            self._transport.write(self._answer)  # type: ignore[attr-defined]


async def _serve_stub(port: int, answer_bytes: int) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % answer_bytes
    answer = head + b" " * answer_bytes
    server = await asyncio.get_running_loop().create_server(lambda: _Stub(answer), "127.0.0.1", port)
    await server.serve_forever()


def stub(port: int, answer_bytes: int) -> None:
    """Run the stub server, in a process of its own."""
    import uvloop

    uvloop.run(_serve_stub(port, answer_bytes))
