"""Addresses of the peers' names: looked up in threads of their own, and kept for when no name server answers.

The event loop's own lookups share a few threads. One party whose name server says nothing would take them all for as
long as the system waits, half a minute and more, and no other name could be looked up meanwhile, for a STOP neither.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

KNOWN_AFTER_S = 0.5
"""How long a lookup may take before what was found by the last one is used. Keys are proven there, whoever answers."""

_Name = tuple[str, int, int]
"""Host, port and family of addresses."""


class LookUp(AbstractResolver):
    """Looks names up, each once at a time. `ask` is that of the system."""

    def __init__(self, ask: Callable[..., list[tuple[Any, ...]]] = socket.getaddrinfo) -> None:
        self._ask = ask
        self._known: dict[_Name, list[ResolveResult]] = {}
        self._under_way: dict[_Name, asyncio.Future[list[ResolveResult]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host, those that were found before where none are found now. Raises OSError."""
        name = (host, port, family)
        found = self._under_way.get(name) or self._begin(name)
        known = self._known.get(name)
        await asyncio.wait({found}, timeout=None if known is None else KNOWN_AFTER_S)
        if known is not None and (not found.done() or found.exception() is not None):
            return known
        return found.result()

    async def close(self) -> None:
        """Called by the client at its end: a lookup that still waits keeps nobody."""

    def _begin(self, name: _Name) -> asyncio.Future[list[ResolveResult]]:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[ResolveResult]] = loop.create_future()
        self._under_way[name] = found

        def take(answer: list[ResolveResult] | OSError) -> None:
            del self._under_way[name]
            if isinstance(answer, OSError):
                found.set_exception(answer)
                found.exception()
            else:
                self._known[name] = answer
                found.set_result(answer)

        def ask() -> None:
            try:
                answer: list[ResolveResult] | OSError = self._addresses(name)
            except (OSError, UnicodeError) as error:
                answer = error if isinstance(error, OSError) else OSError(f"no name of a host: {error}")
            # The program may have ended meanwhile.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(take, answer)

        threading.Thread(target=ask, name=f"lookup of {name[0]}", daemon=True).start()
        return found

    def _addresses(self, name: _Name) -> list[ResolveResult]:
        host, port, family = name
        told = self._ask(host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG)
        return [
            ResolveResult(
                hostname=host, host=address[0], port=address[1], family=kind, proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in told
        ]  # fmt: skip
