"""Connections on which a key is to be proven first: each has the place of a stranger from the moment it is accepted.

A server of asyncio tells nobody of a connection before TLS is agreed on it. Whoever opened thousands and said nothing
would take every descriptor of the process, those of the other listeners too, and none of the limits would see it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial

from detente.serving.connection import ClientConnection
from detente.serving.listener import Listener

HANDSHAKE_S = 5.0
"""Whoever has not proven a key by then, or does not say goodbye, is cut off."""
_ACCEPTED_A_TURN = 16
"""A handshake takes some 1.4 ms: after so many the other listeners have their turn."""
_WITHOUT_DESCRIPTORS_S = 0.1


class TlsAcceptor:
    """Takes connections from a listening socket and agrees on TLS; `protocol_of` gives what takes each from there."""

    def __init__(
        self,
        listening: socket.socket,
        tls: ssl.SSLContext,
        connections: Listener,
        protocol_of: Callable[[ClientConnection], asyncio.BaseProtocol],
    ) -> None:
        self._listening = listening
        self._tls = tls
        self._connections = connections
        self._protocol_of = protocol_of
        self._loop = asyncio.get_running_loop()
        self._is_closed = False
        listening.settimeout(0.0)
        self._go_on()

    def close(self) -> None:
        """Take no more connections."""
        self._is_closed = True
        self._loop.remove_reader(self._listening)

    def _go_on(self) -> None:
        if not self._is_closed:
            self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_A_TURN):
            try:
                opened, peer = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                # No descriptor is left: what waits is asked for again when one may be.
                self._loop.remove_reader(self._listening)
                self._loop.call_later(_WITHOUT_DESCRIPTORS_S, self._go_on)
                return
            opened.settimeout(0.0)
            connection = self._connections.connect()
            work = self._loop.create_task(self._agree(opened, connection))
            work.add_done_callback(partial(self._agreed, opened, connection))
            connection.accepted(_Handshake(work), peer)

    async def _agree(self, opened: socket.socket, connection: ClientConnection) -> None:
        await self._loop.connect_accepted_socket(
            partial(self._protocol_of, connection), opened,
            ssl=self._tls, ssl_handshake_timeout=HANDSHAKE_S, ssl_shutdown_timeout=HANDSHAKE_S,
        )  # fmt: skip

    def _agreed(self, opened: socket.socket, connection: ClientConnection, work: asyncio.Task[None]) -> None:
        if work.cancelled() or work.exception() is not None:
            opened.close()
            self._connections.lost(connection)


class _Handshake(asyncio.Transport):
    """Stands for the transport of a connection until TLS is agreed on it: it can only be broken off."""

    def __init__(self, work: asyncio.Task[None]) -> None:
        super().__init__()
        self._work = work

    def abort(self) -> None:
        self._work.cancel()

    def close(self) -> None:
        self._work.cancel()
