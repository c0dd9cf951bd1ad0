"""What strangers do to a node while STOPs pass: connections without a token, at every TCP listener."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from detente.link.answer import ENVELOPES_PATH
from detente.link.directory import NodeDirectory
from detente.settings.address import address_of

CROWD = 1_000
FEW = 60


class Strangers:
    """Connections without a token at every TCP listener of a node: of its people, of its peers, and of their STOP.

    `begin` is what each says first, one after the other, `more` what it goes on with. Who is cut off comes again.
    """

    def __init__(self, folder: Path, count: int, begin: tuple[bytes, ...] = (b"",), more: bytes = b"") -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        card = NodeDirectory(folder).card()
        addresses = (address_of(folder) or "", *card.addresses, *card.stop_addresses)
        ports = [urlsplit(address).port or 0 for address in addresses]
        self._more = more
        self._places = [(port, begin[k % len(begin)]) for k in range(count) for port in ports]
        self._held: list[socket.socket | None] = [None] * len(self._places)

    def rounds(self) -> Iterator[None]:
        """Go on; a round is once over all of them."""
        while True:
            for number, (port, begin) in enumerate(self._places):
                held = self._held[number]
                if held is None or not self._goes_on(held):
                    self._held[number] = self._come(port, begin)
            time.sleep(0.02)
            yield

    def _come(self, port: int, begin: bytes) -> socket.socket | None:
        come = socket.socket()
        try:
            come.settimeout(1.0)
            come.connect(("127.0.0.1", port))
            come.settimeout(0.0)
            come.send(begin)
        except OSError:
            come.close()
            return None
        return come

    def _goes_on(self, held: socket.socket) -> bool:
        """Say more; False where the node has answered, or cut it off."""
        try:
            held.recv(65_536)
        except BlockingIOError:
            with suppress(BlockingIOError):
                held.send(self._more)
            return True
        except OSError:
            pass
        held.close()
        return False


def idle_strangers(folder: Path) -> Iterator[None]:
    """A thousand connections at each listener that say nothing."""
    return Strangers(folder, CROWD).rounds()


def half_sent_bodies(folder: Path) -> Iterator[None]:
    """Sixty bodies at each listener that are sent and never end, half of them in chunks."""
    lines = f"POST {ENVELOPES_PATH} HTTP/1.1\r\nHost: localhost\r\n"
    begin = (
        f"{lines}Content-Length: 9000000\r\n\r\ndetente-envelope-1\n".encode(),
        f"{lines}Transfer-Encoding: chunked\r\n\r\n895440\r\ndetente-envelope-1\n".encode(),
    )
    return Strangers(folder, FEW, begin, b" " * 65_536).rounds()


def endless_headers(folder: Path) -> Iterator[None]:
    """A header at each of sixty connections that never ends."""
    return Strangers(folder, FEW, (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",), b"a" * 65_536).rounds()


def trickling_heads(folder: Path) -> Iterator[None]:
    """A head that comes byte by byte, at a thousand connections of each listener."""
    return Strangers(folder, CROWD, (b"GET /healthy HTTP/1.1\r\nHost: localhost\r\nX: ",), b"a").rounds()
