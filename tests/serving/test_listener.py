"""One listener with small limits, before a service that answers at once, in pieces, or when the test says so."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from detente.serving.exchange import Admitted, Exchange, answer_head
from detente.serving.limits import ListenerLimits
from detente.serving.listener import Listener, _place
from detente.serving.rejected import Rejected
from wire import HonestClient, Wire, chunk, chunked, many, request

HEAD = answer_head(200, [])
KIB = 1024


class Counting:
    """Answers with the body it was given. The header `Client` proves who asks; `/late` waits for `release`."""

    def __init__(self) -> None:
        self.late: list[Exchange] = []
        self.begun: list[Exchange] = []
        self.came, self.gone = threading.Event(), threading.Event()

    def admit(self, exchange: Exchange) -> Admitted:
        if exchange.path == b"/refused":
            raise Rejected(403, "path", "another")
        client = exchange.headers.get(b"client", b"").decode()
        return Admitted(client, 64 * KIB, self.look if exchange.path == b"/look" else None)

    def look(self, beginning: bytes) -> Admitted:
        return Admitted("looked at", 64 * KIB) if beginning.startswith(b"good") else Admitted("", 2 * KIB)

    def answer(self, exchange: Exchange) -> None:
        if exchange.path == b"/late":
            self.late.append(exchange)
            self.came.set()
        elif exchange.path == b"/endless":
            exchange.when_gone = self.gone.set
            exchange.begin(HEAD, is_endless=True)
            self.begun.append(exchange)
        elif exchange.path == b"/large":
            exchange.reply(HEAD, b"x" * (16 * KIB * KIB))
        else:
            exchange.reply(HEAD, bytes(exchange.body))

    def answered(self, exchange: Exchange, status: int, size_bytes: int, seconds: float) -> None:
        """Nothing is noted."""

    def refusal(self, rejected: Rejected) -> tuple[bytes, bytes]:
        return answer_head(rejected.status, []), rejected.field.encode()


class Served:
    """A listener that runs."""

    def __init__(self, loop: asyncio.AbstractEventLoop, service: Counting, listener: Listener, port: int) -> None:
        self.loop, self.service, self.listener, self.port = loop, service, listener, port

    def call(self, what: Any, *given: object) -> None:
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (what(*given), done.set()))
        assert done.wait(60.0)

    def later(self, seconds: float) -> None:
        """Let the listener look at all connections as if so many seconds had passed, once it has read what came."""
        for _ in range(10):  # turns of the loop, in which it accepts, begins to read, and reads
            self.call(lambda: None)
        at_s = self.loop.time() + seconds
        self.call(lambda: [one.look_at_clock(at_s) for one in self.listener._all()])

    def asks(self, *headers: str, path: str = "/", body: bytes = b"") -> int:
        with Wire(self.port) as wire:
            wire.send(request("POST", path, body, *headers))
            return wire.answer()[0]


@contextmanager
def serving(**limits: float) -> Iterator[Served]:
    loop, service, ready = asyncio.new_event_loop(), Counting(), threading.Event()
    over = asyncio.Event()
    found: list[Served] = []

    async def run() -> None:
        # Nothing ends for want of use, unless a test is about that.
        given = {"head_s": 600.0, "idle_s": 600.0, **limits}
        listener = Listener(service, ListenerLimits(**given), loop)  # type: ignore[arg-type]
        server = await loop.create_server(listener.connect, "127.0.0.1", 0)
        found.append(Served(loop, service, listener, server.sockets[0].getsockname()[1]))
        ready.set()
        await over.wait()
        server.close()
        await listener.leave(1.0)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert ready.wait(60.0)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def test_the_stranger_who_was_idle_for_longest_goes() -> None:
    with serving(strangers=3, strangers_of_address=8) as served, ExitStack() as stack:
        first, second, third = (stack.enter_context(Wire(served.port)) for _ in range(3))
        for wire in (first, second, third):
            wire.send(request("GET", "/"))
            assert wire.answer()[0] == 200
        fourth = stack.enter_context(Wire(served.port))
        assert first.is_closed()
        for wire in (fourth, second, third):
            wire.send(request("GET", "/"))
            assert wire.answer()[0] == 200


def test_one_address_has_its_share() -> None:
    with serving(strangers=100, strangers_of_address=2) as served, Wire(served.port) as first:
        with many(served.port, 2):
            assert first.is_closed()
        assert served.asks() == 200


def test_what_is_being_answered_stays() -> None:
    with serving(strangers=2, strangers_of_address=2) as served, Wire(served.port) as late:
        late.send(request("GET", "/late"))
        assert served.service.came.wait(60.0)
        with many(served.port, 20):
            assert served.asks() == 200
        served.call(served.service.late[0].reply, HEAD, b"")
        assert late.answer()[0] == 200


def test_known_clients_are_in_nobodys_way_when_all_places_are_taken() -> None:
    with serving(connections=4, local_connections=1, strangers=2) as served, ExitStack() as stack:
        wires = []
        for client in ("one",) * 5 + ("two",):
            wires.append(wire := stack.enter_context(Wire(served.port)))
            wire.send(request("GET", "/", b"", f"Client: {client}"))
            assert wire.answer()[0] == 200
        assert wires[0].is_closed()


def test_one_client_has_its_share() -> None:
    with serving(connections_of_client=1) as served, Wire(served.port) as first, Wire(served.port) as second:
        for wire in (first, second):
            wire.send(request("GET", "/", b"", "Client: one"))
            assert wire.answer()[0] == 200
        assert first.is_closed()


def test_an_event_stream_gives_way_where_all_places_are_taken() -> None:
    with serving(connections=2, local_connections=1) as served, ExitStack() as stack:
        streams = [stack.enter_context(Wire(served.port)) for _ in range(3)]
        for stream in streams:
            stream.send(request("GET", "/endless", b"", "Client: one"))
            assert stream.head()[0] == 200
        assert served.asks("Client: one") == 200
        assert streams[0].is_closed()
        assert served.asks("Client: one") == 200, "the place that was given up is enough"
        for exchange in served.service.begun[1:]:
            served.call(exchange.end)
        assert [stream.stream.read(5) for stream in streams[1:]] == [b"0\r\n\r\n"] * 2


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (b"", b""),
        (b"\r\n" * 100, b""),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"408"),
        (request("POST", "/", b"x" * 100)[:-1], b"408"),
        (chunked("POST", "/") + chunk(b"x") + b"0\r\nX: ", b"408"),
        (request("GET", "/") + b"GET", b"200"),
    ],
)
def test_what_does_not_come_is_not_waited_for(sent: bytes, says: bytes) -> None:
    with serving() as served, Wire(served.port) as wire:
        wire.send(sent)
        served.later(700.0)
        served.later(700.0)  # where something was said to it, it had time to read that
        assert says in wire.stream.read()


def test_a_body_may_take_its_time_as_long_as_it_comes() -> None:
    with serving(slowest_bytes_a_second=100) as served, Wire(served.port) as wire, Wire(served.port) as other:
        for one in (wire, other):
            one.send(request("POST", "/", b"x" * 60_000)[:-10])
        served.later(1000.0)
        wire.send(b"x" * 10)
        assert wire.answer()[0] == 200
        served.later(1300.0)
        assert other.answer()[0] == 408


def test_an_answer_that_is_not_read_ends_the_connection() -> None:
    with serving(write_s=0.1) as served, Wire(served.port) as wire:
        wire.send(request("GET", "/large"))
        served.call(lambda: None)
        with HonestClient(lambda: served.asks() == 200) as client:
            assert client.is_answered()
        while served.listener._count:
            served.call(lambda: None)


def test_an_answer_may_be_read_slowly_as_long_as_it_is_read() -> None:
    # With a small buffer of the client, what it reads beyond the server's buffer has left the server's hands.
    with (
        serving(write_s=600.0, slowest_bytes_a_second=KIB) as served,
        Wire(served.port, buffer_bytes=64 * KIB) as wire,
        Wire(served.port, buffer_bytes=64 * KIB) as other,
    ):
        for one in (wire, other):
            one.send(request("GET", "/large"))
            assert one.head()[0] == 200
        assert len(wire.stream.read(8 * KIB * KIB)) == 8 * KIB * KIB
        served.later(700.0)
        while served.listener._count > 1:
            served.call(lambda: None)
        assert len(wire.stream.read(8 * KIB * KIB)) == 8 * KIB * KIB
        wire.send(request("GET", "/"))
        assert wire.answer()[0] == 200


def test_unread_answers_are_bounded_in_all() -> None:
    with serving(bytes_in_hand=40 * KIB * KIB) as served, many(served.port, 8, request("GET", "/large")):
        with HonestClient(lambda: served.asks() == 200) as client:
            assert client.is_answered()
        while served.listener._bytes_in_hand > 40 * KIB * KIB:
            served.call(lambda: None)


def test_bodies_are_bounded_in_all_and_short_ones_always_find_room() -> None:
    large, short = b"x" * 60_000, b"x" * 10_000
    with serving(bytes_of_strangers=100 * KIB, bytes_of_client=150 * KIB, bytes_in_hand=300 * KIB) as served:

        def refused_in_the_end(*headers: str) -> None:
            while (status := served.asks(*headers, body=large)) == 200:
                pass
            assert status == 503

        half_sent = request("POST", "/", large)[:-10_000]
        with many(served.port, 20, half_sent):
            refused_in_the_end()
            assert served.asks(body=short) == 200
            assert served.asks("Client: one", body=large) == 200
            with many(served.port, 20, request("POST", "/", large, "Client: greedy")[:-10_000]):
                refused_in_the_end("Client: greedy")
                assert served.asks("Client: greedy", body=short) == 200
                assert served.asks("Client: one", body=large) == 200
        while served.listener._bytes_in_hand:
            served.call(lambda: None)
        assert not served.listener._bytes_of
        assert served.asks(body=large) == 200


def test_who_proves_himself_in_the_body_may_bring_more() -> None:
    with serving(strangers=1, strangers_of_address=1) as served, Wire(served.port) as wire:
        wire.send(request("POST", "/look", b"good" + b"x" * 50_000) + chunked("POST", "/look") + chunk(b"good"))
        assert wire.answer()[0] == 200
        assert served.asks(path="/look", body=b"bad" + b"x" * 50_000) == 413
        assert served.asks(path="/look", body=b"bad" + b"x" * 1_000) == 200
        assert served.asks(path="/look", body=b"bad") == 200
        wire.send(b"0\r\n\r\n")
        assert wire.answer() == (200, b"good")


def test_requests_sent_ahead_are_answered_in_turn() -> None:
    with serving() as served, Wire(served.port) as wire, Wire(served.port) as other:
        wire.send(request("GET", "/late") + request("POST", "/", b"second") * 500 + request("GET", "/refused"))
        assert served.service.came.wait(60.0)
        other.send(request("GET", "/"))
        assert other.answer()[0] == 200
        served.call(served.service.late[0].reply, HEAD, b"first")
        assert [wire.answer()[1] for _ in range(502)] == [b"first", *[b"second"] * 500, b"path"]


def test_what_comes_before_garbage_is_answered() -> None:
    with serving() as served, Wire(served.port) as wire:
        wire.send(request("GET", "/late") + request("POST", "/", b"second") + b"\0\0\0\0")
        assert served.service.came.wait(60.0)
        served.call(served.service.late[0].reply, HEAD, b"first")
        assert [wire.answer()[1] for _ in range(3)] == [b"first", b"second", b"request"]
        assert wire.is_closed()


@pytest.mark.parametrize(
    ("peer", "address", "is_local"),
    [
        (("127.0.0.1", 1), "127.0.0.1", True),
        (("203.0.113.9", 1), "203.0.113.9", False),
        (("::1", 1, 0, 0), "::", True),
        (("::ffff:127.0.0.9", 1, 0, 0), "127.0.0.9", True),
        (("2001:db8:1:2:3:4:5:6", 1, 0, 0), "2001:db8:1:2::", False),
        (("fe80::1%eth0", 1, 0, 2), "fe80::", False),
        (None, "", True),
        ("", "", True),
    ],
)
def test_what_counts_as_one_address(peer: Any, address: str, is_local: bool) -> None:
    assert _place(peer) == (address, is_local)


def test_a_stream_on_a_socket_file_is_over_as_soon_as_its_client_is_gone(tmp_path: Path) -> None:
    """Nothing need be written for that: between two heartbeats it would keep its place."""
    file = str(tmp_path / "socket")
    with serving() as served:
        opening = served.loop.create_unix_server(served.listener.connect, file)
        server = asyncio.run_coroutine_threadsafe(opening, served.loop).result(60.0)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(file)
            client.sendall(request("GET", "/endless"))
            said = b""
            # All of it: with anything unread the end would be an error, which is seen anyhow.
            while not said.endswith(b"\r\n\r\n"):
                said += client.recv(1024)
            assert not served.service.gone.is_set()
        assert served.service.gone.wait(60.0)
        served.call(server.close)
