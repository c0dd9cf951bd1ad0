"""By which names a node may be called: another site's page must not reach it by a name of its own (DNS rebinding)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec
from litestar.types import ASGIApp, Receive, Scope, Send

from detente.airspace.refusal import Refusal
from detente.api.views import problem_of
from detente.link.address import is_loopback


class KnownHosts:
    """Answers what is asked by an address, by this machine's name, or by one of `names`; to anything else, 421."""

    def __init__(self, application: ASGIApp, names: Iterable[str]) -> None:
        self._application = application
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a request."""
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        # Without any it is of HTTP/1.0, which no browser speaks: with 1.1 the listener refuses it.
        if not hosts or (len(hosts) == 1 and self._is_known(hosts[0])):
            await self._application(scope, receive, send)
            return
        refusal = Refusal("api.one_header_names_node", "Host", ", ".join(hosts))
        body = msgspec.json.encode(problem_of(refusal))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 421, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _is_known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return is_loopback(name) or name in self._names or is_address(name)


def is_address(name: str) -> bool:
    """Whether this is an address: nobody else can let one point here."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
