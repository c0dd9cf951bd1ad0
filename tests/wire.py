"""Bare connections to a server of ours: whatever bytes a test likes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Self

PATIENCE_S = 120.0


class Wire:
    """A bare connection. With `buffer_bytes` so much waits to be read at most, or twice that."""

    def __init__(self, port: int, buffer_bytes: int = 0) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE_S)
        if buffer_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.socket.connect(("127.0.0.1", port))
        self.stream = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def head(self) -> tuple[int, dict[str, str]]:
        status = int(self.stream.readline().split()[1])
        headers = {}
        while (line := self.stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers

    def answer(self) -> tuple[int, bytes]:
        status, headers = self.head()
        return status, self.stream.read(int(headers["content-length"]))

    def push(self, data: bytes) -> None:
        """Send much from a thread of its own, while the answers are read; the server may close before it has all."""

        def work() -> None:
            with contextlib.suppress(OSError):
                self.socket.sendall(data)

        threading.Thread(target=work, daemon=True).start()

    def until_closed(self) -> None:
        """Read whatever comes until the server has closed."""
        with contextlib.suppress(ConnectionResetError):
            while self.stream.read(65_536):
                pass

    def is_closed(self) -> bool:
        try:
            return self.stream.read(1) == b""
        except ConnectionResetError:
            return True


def request(method: str, target: str, body: bytes = b"", *more: str, version: str = "1.1") -> bytes:
    lines = [f"{method} {target} HTTP/{version}", "Host: localhost", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(method: str, target: str, *more: str) -> bytes:
    """The head of a request whose body comes in chunks."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@contextlib.contextmanager
def many(port: int, count: int, first: bytes = b"") -> Iterator[list[socket.socket]]:
    """Many connections, over each of which the same was sent; whatever becomes of them."""
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            sockets.append(one := socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S))
            one.setblocking(False)
            push(one, first)
        yield sockets
    finally:
        for one in sockets:
            one.close()


def push(one: socket.socket, data: bytes) -> int:
    """Send what can be sent without waiting; return how much that was. The server may have closed."""
    try:
        return one.send(data)
    except BlockingIOError:
        return 0
    except (ConnectionError, OSError):
        return 0


class HonestClient:
    """Asks the same again and again, over a connection of its own each time, while something else goes on."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._over = threading.Event()
        self._answered = threading.Semaphore(0)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def is_answered(self, times: int = 3) -> bool:
        """Wait until so many of its requests, begun from now on, were answered as they should be."""
        while self._answered.acquire(blocking=False):
            pass
        # The first may have been on its way before.
        return all(self._answered.acquire(timeout=PATIENCE_S) for _ in range(times + 1)) and self._failure is None

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                assert self._ask(), "an honest client was refused"
                self._answered.release()
        except BaseException as failure:  # noqa: BLE001 - raised again where the test waits
            self._failure = failure
            for _ in range(100):
                self._answered.release()


def resident_bytes(pid: int) -> int:
    """How much memory a process holds."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:  # noqa: PTH123 - no file
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024
