"""Where a node listens: for the commands beside it, for its people and programs, and apart from both for its peers.

Each has its own socket and server, and the peers their own routes: what one is flooded with takes no place of another.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
import structlog

from detente.airspace.refusal import Refusal
from detente.api.application import NodeApplication, link_application, people_application, stop_application
from detente.api.asgi import AsgiService
from detente.api.door import STOP_BATCH_BYTES, Door, OwnStopDoor, PeersDoor, StopDoor, refusal
from detente.api.hosts import KnownHosts
from detente.api.service import Service
from detente.link.address import in_clear, is_loopback, port_in
from detente.link.card import Card
from detente.link.directory import port_for_people
from detente.link.links import RefusalBudget
from detente.link.tls import LinkTls, caller
from detente.node.peers import Peers
from detente.serving.accepting import TlsAcceptor
from detente.serving.connection import ClientConnection
from detente.serving.limits import BACKLOG, ListenerLimits, fitted
from detente.serving.listener import Listener
from detente.settings.address import SOCKET_FILE, STOP_SOCKET_FILE, socket_path
from detente.settings.configuration import MEGABYTE, Configuration, HttpSettings

log = structlog.get_logger()


class ListenerServer:
    """Serves one listener, within `limits`. `wrap` is put around what takes each connection."""

    def __init__(
        self,
        service: AsgiService,
        limits: ListenerLimits,
        listener: socket.socket,
        tls: ssl.SSLContext | None = None,
        wrap: Callable[[ClientConnection, Listener], asyncio.BaseProtocol] | None = None,
    ) -> None:
        self._service = service
        self._limits = limits
        self._listener = listener
        self._tls = tls
        self._wrap = wrap

    async def start(self) -> None:
        """Take connections from the listener."""
        loop = asyncio.get_running_loop()
        self._connections = Listener(self._service, self._limits, loop)
        self._server: TlsAcceptor | asyncio.Server
        if self._tls is not None:
            self._server = TlsAcceptor(self._listener, self._tls, self._connections, self._protocol)
            return
        serve = loop.create_unix_server if self._listener.family == socket.AF_UNIX else loop.create_server
        self._server = await serve(
            lambda: self._protocol(self._connections.connect()), sock=self._listener, backlog=BACKLOG
        )

    async def leave(self, within_s: float) -> None:
        """Take no more connections, and end those that are open once they are answered, or after `within_s`."""
        self._server.close()
        await self._connections.leave(within_s)

    def _protocol(self, connection: ClientConnection) -> asyncio.BaseProtocol:
        return connection if self._wrap is None else self._wrap(connection, self._connections)


class _PeersOnly(asyncio.Protocol):
    """Lets only those further who have proven a paired key. To anybody else it says nothing at all."""

    def __init__(
        self, connection: ClientConnection, connections: Listener, peers: Peers, to_log: RefusalBudget
    ) -> None:
        self._connection = connection
        self._connections = connections
        self._peers = peers
        self._to_log = to_log

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hand over to who serves peers, or break off."""
        keys = caller(transport.get_extra_info("ssl_object"))
        peer = self._peers.that_shows(keys)
        if peer is None:
            transport.abort()
            self._connections.lost(self._connection)
            not_logged = self._to_log.spend(datetime.now(UTC))
            if not_logged is not None:
                log.info("a stranger called", key=keys[0].hex() if keys else "", not_logged=not_logged)
            return
        transport.set_protocol(self._connection)
        self._connection.connection_made(transport)
        self._connections.met(self._connection, f"peer {peer.key.hex()}")


class Listeners(NamedTuple):
    """The sockets of one node, bound, each None where nobody can call.

    `commands` is for the commands beside the node, `own_stop` for their STOP alone, `people` for its people, with
    `people_tls` where they are elsewhere, `peers` for the peers, `stop` for their STOP alone; `peers_in_clear` says
    that they are on this machine. `url` is that for people.
    """

    commands: socket.socket
    own_stop: socket.socket
    people: socket.socket | None
    people_tls: ssl.SSLContext | None
    peers: socket.socket | None
    stop: socket.socket | None
    peers_in_clear: bool
    url: str

    def called_by(self, http: HttpSettings) -> str:
        """Return the URL by which people call the node: with the first of its names, where it has one."""
        if not (self.url and http.names):
            return self.url
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{http.names[0]}:{parts.port}"

    def servers(self, service: Service, tls: LinkTls) -> list[ListenerServer]:
        """Return the servers of the node's own commands, its people and programs, and its peers, each where one calls.

        Raises Refusal where too few files may be open for them.
        """
        door, http = Door(service).admit, service.configuration.http
        largest_mb = http.largest_body_mb
        commands, own_stop, people, peers, stop = fitted(*_limits(largest_mb * MEGABYTE))
        own = KnownHosts(NodeApplication(people_application(largest_mb), service), http.names)
        found = [
            ListenerServer(AsgiService(own, door, refusal), commands, self.commands),
            ListenerServer(AsgiService(own, OwnStopDoor(service).admit, refusal), own_stop, self.own_stop),
        ]
        if self.people is not None:
            scheme = "https" if self.people_tls else "http"
            found.append(ListenerServer(AsgiService(own, door, refusal, scheme), people, self.people, self.people_tls))
        to_log = RefusalBudget(burst=8)

        def peers_only(connection: ClientConnection, connections: Listener) -> asyncio.BaseProtocol:
            return _PeersOnly(connection, connections, service.loop.peers, to_log)

        with_tls = (None, None) if self.peers_in_clear else (tls.listening, peers_only)
        if self.peers is not None:
            application = NodeApplication(link_application(largest_mb), service)
            link = AsgiService(application, PeersDoor(service).admit, refusal)
            found.append(ListenerServer(link, peers, self.peers, *with_tls))
        if self.stop is not None:
            application = NodeApplication(stop_application(largest_mb), service)
            urgent = AsgiService(application, StopDoor(service).admit, refusal)
            found.append(ListenerServer(urgent, stop, self.stop, *with_tls))
        return found


def _limits(body_bytes: int) -> tuple[ListenerLimits, ...]:
    """The limits of the listeners for commands and their STOP, for people, for peers and their STOP.

    One body of the owner's always finds room.
    """
    usual = ListenerLimits()
    own = ListenerLimits(
        connections=512,
        connections_of_client=64,
        bytes_of_client=max(usual.bytes_of_client, body_bytes),
        bytes_in_hand=max(usual.bytes_in_hand, 2 * body_bytes),
    )
    commands, peers = msgspec.structs.replace(own, connections=128), ListenerLimits(connections_of_client=64)
    return commands, _OWN_STOP_LIMITS, own, peers, _STOP_LIMITS


_STOP_LIMITS = ListenerLimits(
    connections=64, local_connections=16, strangers=32, strangers_of_address=16, connections_of_client=8,
    bytes_in_hand=8 * STOP_BATCH_BYTES, bytes_of_client=STOP_BATCH_BYTES, bytes_of_strangers=STOP_BATCH_BYTES,
)  # fmt: skip
"""A peer needs one connection for STOP."""
_OWN_STOP_LIMITS = ListenerLimits(
    connections=64, local_connections=16, strangers=32, strangers_of_address=32, connections_of_client=64,
    bytes_in_hand=MEGABYTE, bytes_of_client=MEGABYTE, bytes_of_strangers=MEGABYTE,
)  # fmt: skip
"""`detente line stop` needs one for each peer, for some seconds."""


@contextlib.contextmanager
def listening(configuration: Configuration, card: Card, folder: Path) -> Iterator[Listeners]:
    """Listen for commands, people and peers while the context lasts.

    Raises Refusal where the node cannot listen, or must not: see the settings, and `detente.link.address`.
    """
    http, link = configuration.http, configuration.link
    called_at = _called_at(link.host, link.port, card.addresses)
    stop_at = _called_at(link.host, link.stop_port, card.stop_addresses)
    addresses = (*card.addresses, *card.stop_addresses)
    clear = bool(addresses) and all(in_clear(address) for address in addresses)
    if clear and not is_loopback(link.host):
        raise Refusal("api.machine_itself_card_says", "detente.toml: link.host", link.host)
    if called_at and http.host and http.port == called_at[1]:
        raise Refusal(
            "api.another_port_than_peers", "detente.toml: http.port", http.port, called_at=called_at[1],
            called_at_2=port_for_people(called_at[1]),
        )  # fmt: skip
    tls = _own_tls(http, folder)
    with contextlib.ExitStack() as stack:
        people = stack.enter_context(_port("http", http.host, http.port)) if http.host else None
        peers = stack.enter_context(_port("link", *called_at)) if called_at else None
        stop = stack.enter_context(_port("link.stop_port", *stop_at)) if stop_at else None
        commands = stack.enter_context(_socket_file(folder, SOCKET_FILE))
        own_stop = stack.enter_context(_socket_file(folder, STOP_SOCKET_FILE))
        scheme = "https" if tls else "http"
        url = f"{scheme}://{_in_url(http.host)}:{people.getsockname()[1]}" if people else ""
        yield Listeners(commands, own_stop, people, tls, peers, stop, clear, url)


def _called_at(host: str, port: int, addresses: tuple[str, ...]) -> tuple[str, int] | None:
    """Host and port where peers call; None for a party that is reached by files alone, or has no address for STOP."""
    return (host, port or port_in(addresses[0])) if port or addresses else None


def _own_tls(http: HttpSettings, folder: Path) -> ssl.SSLContext | None:
    if not http.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(
            folder / http.certificate, folder / http.private_key, password=""
        )  # it is not asked for
    except OSError as error:
        raise Refusal(
            "api.certificate_private_key_pem", "detente.toml: http.certificate", http.certificate,
            strerror=error.strerror or str(error),
        ) from None  # fmt: skip
    return context


@contextlib.contextmanager
def _port(section: str, host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        raise Refusal(
            "api.address_where_node_listen", f"detente.toml: {section}", f"{host}:{port}",
            strerror=error.strerror or str(error),
        ) from None  # fmt: skip
    with listener:
        yield listener


@contextlib.contextmanager
def _socket_file(folder: Path, name: str) -> Iterator[socket.socket]:
    """A file through which only its owner may call. One that is there is from a node that was killed."""
    file = folder / name
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            if file.is_socket():
                file.unlink()
            with socket_path(folder, name) as path:
                listener.bind(path)
            file.chmod(0o600)
            listener.listen(BACKLOG)
        except OSError as error:
            raise Refusal(
                "api.place_for_socket_commands", "--dir", str(file), strerror=error.strerror or str(error)
            ) from None
        try:
            yield listener
        finally:
            file.unlink(missing_ok=True)


def _in_url(host: str) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - what a link must say instead
    return f"[{reachable}]" if ":" in reachable and not reachable.startswith("[") else reachable
