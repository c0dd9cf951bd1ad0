"""Looking names up: what hangs holds up nobody else, and what was found before serves while nothing is found."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from detente.link.looking_up import LookUp

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 8440))]
HANGING = 50


class NameServer:
    """Finds every name, but for those that begin with a word: their lookups hang until `released`, or fail."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.asked: list[str] = []
        self.hangs: str | tuple[str, ...] = "hanging"
        self.fails: str | tuple[str, ...] = "failing"

    def ask(self, host: str, *_: object, **__: object) -> list[Any]:
        self.asked.append(host)
        if host.startswith(self.hangs):
            self.released.wait()
        if host.startswith(self.fails):
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return FOUND


async def found(names: LookUp, host: str) -> list[str]:
    return [one["host"] for one in await names.resolve(host, 8440)]


def test_lookups_that_hang_hold_up_no_other() -> None:
    async def scenario(server: NameServer) -> None:
        names = LookUp(server.ask)
        waiting = [asyncio.ensure_future(found(names, f"hanging-{k}")) for k in range(HANGING)]
        assert await found(names, "other") == ["192.0.2.1"]
        assert not any(one.done() for one in waiting)
        server.released.set()
        assert await asyncio.gather(*waiting) == [["192.0.2.1"]] * HANGING

    asyncio.run(scenario(NameServer()))


def test_a_name_is_looked_up_once_at_a_time_whoever_gives_up() -> None:
    async def scenario(server: NameServer) -> None:
        names = LookUp(server.ask)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(found(names, "hanging"), 0.01)
        server.released.set()
        assert await found(names, "hanging") == ["192.0.2.1"]
        assert server.asked == ["hanging"]

    asyncio.run(scenario(NameServer()))


def test_what_was_found_before_serves_while_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detente.link.looking_up.KNOWN_AFTER_S", 0.01)

    async def scenario(server: NameServer) -> None:
        names = LookUp(server.ask)
        assert await found(names, "peer") == ["192.0.2.1"]
        server.fails = ("peer", "failing")
        assert await found(names, "peer") == ["192.0.2.1"]
        server.hangs = "peer"
        assert await found(names, "peer") == ["192.0.2.1"]
        server.released.set()
        with pytest.raises(OSError, match="no such name"):
            await found(names, "failing")

    asyncio.run(scenario(NameServer()))
