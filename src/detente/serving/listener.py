"""All connections of one listener: who may stay when it is full, what is in hand, and who is too slow.

Strangers share a few connections among themselves. Whoever comes is let in, and the stranger who has been idle for the
longest goes: so those who only sit there are in nobody's way, whoever asks something is answered, and what a known
client holds, strangers cannot take. Where all places are taken and nobody is idle the oldest event stream goes: who
follows it takes it up again where it was cut, and whoever comes may bring a STOP.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections import Counter
from collections.abc import Iterable

from detente.serving.connection import ClientConnection
from detente.serving.exchange import Answering, Exchange
from detente.serving.limits import ListenerLimits
from detente.serving.rejected import Rejected

_SWEEP_S = 1.0
_READ_BYTES = 64 * 1024


class Listener:
    """The connections of one listener, which `service` answers within `limits`.

    Attributes:
        buffer: where what comes is put, for the moment in which it is read.
        is_leaving: connections are closed as they become idle.
    """

    def __init__(self, service: Answering, limits: ListenerLimits, loop: asyncio.AbstractEventLoop) -> None:
        self.service = service
        self.limits = limits
        self.loop = loop
        self.buffer = memoryview(bytearray(_READ_BYTES))
        self.is_leaving = False
        self._strangers: dict[ClientConnection, None] = {}
        self._known: dict[str, dict[ClientConnection, None]] = {}
        self._count = 0
        self._bytes_in_hand = 0
        self._bytes_of: Counter[str] = Counter()
        self._last = asyncio.Event()
        self._timer = loop.call_later(_SWEEP_S, self._sweep)

    def connect(self) -> ClientConnection:
        """Return the protocol for a new connection."""
        return ClientConnection(self)

    def arrived(self, connection: ClientConnection, peer: tuple[str, int] | None) -> None:
        """Take a connection in; where there is no place left, another goes for it, or it goes itself."""
        connection.address, connection.is_local = _place(peer)
        self._strangers[connection] = None
        self._count += 1
        if self.is_leaving:
            self._end(connection)
            return
        others = [one for one in self._strangers if one is not connection]
        of_address = [one for one in others if one.address == connection.address]
        limits = self.limits
        if len(of_address) >= limits.strangers_of_address:
            self._make_room(connection, of_address)
        elif len(others) >= limits.strangers:
            self._make_room(connection, _of_most(others))
        most = limits.connections + (limits.local_connections if connection.is_local else 0)
        if self._count > most:
            self._make_room(connection, others, *sorted(self._known.values(), key=len, reverse=True), streams_too=True)

    def met(self, connection: ClientConnection, client: str) -> None:
        """A connection has shown whose it is."""
        self._leave_place(connection)
        connection.client = client
        of_client = self._known.setdefault(client, {})
        if len(of_client) >= self.limits.connections_of_client:
            self._make_room(connection, of_client)
        of_client[connection] = None

    def lost(self, connection: ClientConnection) -> None:
        """Forget a connection that was closed."""
        self._leave_place(connection)
        if connection.is_counted:
            connection.is_counted = False
            self._count -= 1
        if self.is_leaving and not self._count:
            self._last.set()

    def charge(self, exchange: Exchange, size: int) -> None:
        """Count the body of a request as `size` bytes in hand. Raises Rejected (503) when that is too much."""
        client = exchange.admitted.client if exchange.admitted is not None else ""
        limits, more = self.limits, size - exchange.charged
        most = limits.bytes_of_client if client else limits.bytes_of_strangers
        if self._bytes_in_hand + more > limits.bytes_in_hand or self._bytes_of[client] + more > most:
            raise _busy()
        self._bytes_in_hand += more
        self._bytes_of[client] += more
        exchange.charged, exchange.charged_to = size, client

    def give_back(self, exchange: Exchange) -> None:
        """The body of a request is no longer in hand."""
        if exchange.charged:
            self._bytes_in_hand -= exchange.charged
            self._bytes_of[exchange.charged_to] -= exchange.charged
            if not self._bytes_of[exchange.charged_to]:
                del self._bytes_of[exchange.charged_to]
            exchange.charged = 0

    def count_unsent(self, more: int) -> None:
        """Count answers that are not read; when it is too much, those go who have not read for the longest."""
        self._bytes_in_hand += more
        if more > 0 and self._bytes_in_hand > self.limits.bytes_in_hand:
            stalled = [one for one in self._all() if one.is_stalled]
            if stalled:
                self._end(min(stalled, key=lambda one: one.since_s))

    async def leave(self, within_s: float) -> None:
        """Close every connection, once what it asked is answered, or after `within_s` seconds."""
        self.is_leaving = True
        self._timer.cancel()
        for connection in self._all():
            connection.close_when_idle()
        with contextlib.suppress(TimeoutError):
            if self._count:
                await asyncio.wait_for(self._last.wait(), within_s)
        for connection in self._all():
            connection.abort()

    def _all(self) -> list[ClientConnection]:
        return [*self._strangers, *(one for of_client in self._known.values() for one in of_client)]

    def _leave_place(self, connection: ClientConnection) -> None:
        if not connection.client:
            self._strangers.pop(connection, None)
            return
        of_client = self._known.get(connection.client, {})
        of_client.pop(connection, None)
        if not of_client:
            self._known.pop(connection.client, None)

    def _make_room(
        self, newcomer: ClientConnection, *groups: Iterable[ClientConnection], streams_too: bool = False
    ) -> None:
        """End the one that has been idle for the longest in the first group that has one; the newcomer if none has.

        With `streams_too` the oldest event stream goes before the newcomer does.
        """
        others = [[one for one in group if one is not newcomer] for group in groups]
        idle = [[one for one in group if one.is_idle] for group in others]
        following = [[one for one in group if one.is_following] for group in others if streams_too]
        given_up = next((group for group in (*idle, *following) if group), [newcomer])
        self._end(min(given_up, key=lambda one: one.since_s))

    def _end(self, connection: ClientConnection) -> None:
        # It is gone from here at once: many may come before the event loop has closed it.
        self.lost(connection)
        connection.abort()

    def _sweep(self) -> None:
        now_s = self.loop.time()
        for connection in self._all():
            connection.look_at_clock(now_s)
        self._timer = self.loop.call_later(_SWEEP_S, self._sweep)


def _of_most(connections: list[ClientConnection]) -> list[ClientConnection]:
    """Those of the address that has most."""
    most = Counter(one.address for one in connections).most_common(1)[0][0]
    return [one for one in connections if one.address == most]


def _place(peer: tuple[str, int] | None) -> tuple[str, bool]:
    """The address that counts for a client, and whether it is on this machine. Without any it is a local socket."""
    if not peer:
        return "", True
    address = ipaddress.ip_address(peer[0].partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            network = ipaddress.IPv6Network((address, 64), strict=False)
            return str(network.network_address), address.is_loopback
        address = address.ipv4_mapped
    return str(address), address.is_loopback


def _busy() -> Rejected:
    return Rejected(503, "service", "less on its way at once; nothing was done", "Try again in a moment.")
