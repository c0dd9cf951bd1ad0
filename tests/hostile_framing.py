"""What any server of ours must stand, whoever may bring a body there; a second client is answered meanwhile."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from hostile_requests import FRAMINGS, HIDDEN, HOST, UPGRADES, cuts, head
from wire import HonestClient, Wire, chunk, chunked, request

SENT_AHEAD = 5_000
_HEALTHY = head(HOST)


class Target:
    """A route that takes a body: its port, method, path, the headers of who may bring one, and a body that it takes.

    `healthy` is the status of `GET /healthy` there.
    """

    def __init__(self, port: int, method: str, path: str, headers: Iterable[str], body: bytes, healthy: int) -> None:
        self.port, self.method, self.path = port, method, path
        self.headers, self.body, self.healthy = tuple(headers), body, healthy

    def chunked(self) -> bytes:
        return chunked(self.method, self.path, *self.headers)

    def request(self, body: bytes) -> bytes:
        return request(self.method, self.path, body, *self.headers)

    def taken(self) -> int:
        """The status with which the body is answered when nothing is wrong with how it comes."""
        with Wire(self.port) as wire:
            wire.send(self.request(self.body))
            return wire.answer()[0]


def check_chunks(target: Target, honest: HonestClient) -> None:
    """Chunks that are none are refused; none of what stands behind them is answered."""
    with honest:
        for name, framing in FRAMINGS.items():
            with Wire(target.port) as wire:
                wire.push(target.chunked() + framing + HIDDEN)
                status, _ = wire.answer()
                assert status in (400, 413, 421), (name, status)
                assert wire.is_closed(), name
        assert honest.is_answered()


def check_lengths(target: Target, honest: HonestClient) -> None:
    """A body that is longer than was said is the next request, and none; one that is shorter never comes."""
    whole, expected = target.request(target.body), target.taken()
    with honest:
        with Wire(target.port) as wire:
            wire.send(whole + b"more than was said\r\n\r\n")
            assert [wire.answer()[0], wire.answer()[0]] == [expected, 400]
            assert wire.is_closed()
        with Wire(target.port) as wire:
            wire.send(whole[:-1])
            wire.socket.shutdown(socket.SHUT_WR)
            assert wire.is_closed(), "nothing is done of a body that did not come"
        with Wire(target.port) as wire:
            pieces = b"".join(chunk(target.body[k : k + 1]) for k in range(len(target.body)))
            wire.send(target.chunked() + pieces + b"0\r\n\r\n")
            assert wire.answer()[0] == expected, "in the smallest of chunks"
        assert honest.is_answered()


def check_half_closed(target: Target, honest: HonestClient) -> None:
    """Who ends its side in the middle of a request is done with; nobody else waits."""
    with honest:
        for whole in (target.request(target.body), target.chunked() + chunk(target.body) + b"0\r\n\r\n"):
            for begun in cuts(whole, 60):
                with Wire(target.port) as wire:
                    wire.send(begun)
                    wire.socket.shutdown(socket.SHUT_WR)
                    wire.until_closed()
        assert honest.is_answered()


def check_sent_ahead(target: Target, honest: HonestClient) -> None:
    """Thousands of requests, one behind the other, are answered in their order; nobody else waits for them."""
    with honest, Wire(target.port) as wire:
        wire.push(_HEALTHY * SENT_AHEAD)
        for _ in range(SENT_AHEAD):
            assert wire.answer()[0] == target.healthy
        assert honest.is_answered()


def check_upgrades(target: Target) -> None:
    """Nothing but HTTP/1.1 is spoken, and what comes behind an upgrade is no request."""
    for name, asked in UPGRADES.items():
        with Wire(target.port) as wire:
            wire.send(asked + HIDDEN)
            assert wire.answer()[0] == target.healthy, name
            assert wire.is_closed(), name


def check_word_before_a_body(target: Target) -> None:
    """Who waits for a word before his body has it."""
    expected = target.taken()
    with Wire(target.port) as wire:
        head_alone = request(target.method, target.path, target.body, *target.headers, "Expect: 100-continue")
        wire.send(head_alone[: -len(target.body)])
        assert wire.head()[0] == 100
        wire.send(target.body)
        assert wire.answer()[0] == expected


def check_too_large_a_body(target: Target) -> None:
    """Who waits for a word before a body that is too large is refused at once."""
    with Wire(target.port) as wire:
        wire.send(
            head(
                HOST, *target.headers, "Expect: 100-continue", "Content-Length: 999999999999",
                first=f"{target.method} {target.path} HTTP/1.1",
            )
        )  # fmt: skip
        assert wire.answer()[0] == 413
        assert wire.is_closed()
