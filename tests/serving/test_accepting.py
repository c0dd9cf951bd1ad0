"""Connections over TLS have their place from the moment they are accepted, not only once a key is proven."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from test_listener import Counting

from detente.link.tls import LinkTls
from detente.record.keys import NodeKey
from detente.serving import accepting
from detente.serving.accepting import TlsAcceptor
from detente.serving.limits import ListenerLimits
from detente.serving.listener import Listener
from wire import request

KEY = NodeKey.generate()
TLS = LinkTls(KEY, timedelta(days=1), datetime.now(UTC))
PATIENCE_S = 60.0


async def answered(port: int) -> bytes:
    """The first bytes that come back to somebody who proves a key."""
    context = TLS.calling(f"https://127.0.0.1:{port}", KEY.public)
    assert isinstance(context, ssl.SSLContext)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(request("GET", "/"))
    found = await reader.readuntil(b"\r\n")
    writer.close()
    return found


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n"])
def test_who_proves_no_key_holds_no_more_than_a_strangers_place(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody goes because of the time it takes.
    monkeypatch.setattr(accepting, "HANDSHAKE_S", 3_600.0)
    limits = ListenerLimits(strangers=8, strangers_of_address=4, head_s=3_600.0)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        connections = Listener(Counting(), limits, loop)
        with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as stack:
            port = listening.getsockname()[1]
            acceptor = TlsAcceptor(listening, TLS.listening, connections, lambda connection: connection)
            silent = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(40)]
            for one in silent:
                one.setblocking(False)
                await loop.sock_sendall(one, said)
            async with asyncio.timeout(PATIENCE_S):
                for one in silent[:36]:
                    await ended(one)
                assert await answered(port) == b"HTTP/1.1 200 OK\r\n"
            acceptor.close()
            await connections.leave(0.0)

    asyncio.run(scenario())


async def ended(one: socket.socket) -> None:
    """Wait until the other side has closed, whatever it said before."""
    try:
        while await asyncio.get_running_loop().sock_recv(one, 4096):
            pass
    except ConnectionError:
        pass
