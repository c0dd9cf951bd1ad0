"""Feeds over UDP: datagrams to this machine, or to a multicast group that it joins."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import struct
from collections import deque

from detente.feeds.live.running import RunningFeed
from detente.feeds.live.where import Where

MOST_DATAGRAMS = 10_000
"""Datagrams that wait for their turn; beyond it the oldest go, and are counted."""

AT_ONCE = 64
"""Datagrams that are decoded before other feeds have their turn."""

KERNEL_BUFFER_BYTES = 4 * 2**20


class _Received(asyncio.DatagramProtocol):
    """Puts datagrams in a row."""

    def __init__(self, feed: RunningFeed) -> None:
        self._feed = feed
        self.waiting: deque[bytes] = deque()
        self.any = asyncio.Event()
        self.error: OSError | None = None

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - as asyncio calls it
        if len(self.waiting) >= MOST_DATAGRAMS:
            self.waiting.popleft()
            self._feed.dropped += 1
        self.waiting.append(data)
        self.any.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.error = exc if isinstance(exc, OSError) else OSError("the socket was closed")
        self.any.set()


async def hear_udp(feed: RunningFeed, where: Where) -> None:
    """Hear datagrams; never returns, and raises OSError where the address or the group cannot be had."""
    receiver = udp_socket(where, feed.settings.options.interface)
    try:
        transport, received = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Received(feed), sock=receiver
        )
    except BaseException:
        receiver.close()
        raise
    feed.listens_at(receiver.getsockname()[1])
    decoder = feed.new_decoder()
    try:
        while True:
            await received.any.wait()
            if received.error is not None:
                raise received.error
            for _ in range(min(len(received.waiting), AT_ONCE)):
                feed.hear_datagram(decoder, received.waiting.popleft())
            if not received.waiting:
                received.any.clear()
            await asyncio.sleep(0)
    finally:
        transport.close()


def udp_socket(where: Where, interface: str) -> socket.socket:
    """Return a socket bound to an address of this machine, or to a group that it has joined on `interface`."""
    resolved = socket.getaddrinfo(where.host or "0.0.0.0", where.port, type=socket.SOCK_DGRAM)[0]  # noqa: S104
    family, address = resolved[0], resolved[4]
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)  # noqa: FBT003 - the socket takes no names
        with contextlib.suppress(OSError):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BUFFER_BYTES)
        if where.is_multicast:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        if where.is_multicast:
            _join(made, where.host, interface)
    except BaseException:
        made.close()
        raise
    return made


def _join(made: socket.socket, group: str, interface: str) -> None:
    packed = ipaddress.ip_address(group).packed
    if made.family == socket.AF_INET6:
        index = socket.if_nametoindex(interface) if interface else 0
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, packed + struct.pack("@I", index))
        return
    own = ipaddress.IPv4Address(interface or "0.0.0.0").packed  # noqa: S104 - the system chooses
    made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, packed + own)
