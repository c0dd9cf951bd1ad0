"""Where a feed comes from, as people write it: `host:port`, an address with its way of carrying, or a file."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

from detente.airspace.refusal import Refusal

LONGEST_WHERE = 2_000


class Carriage(StrEnum):
    """How the bytes of a feed come."""

    TCP = "tcp"
    TLS = "tls"
    LISTEN = "listen"
    UDP = "udp"
    HTTP = "http"
    FILE = "file"
    STANDARD_INPUT = "-"


NETWORK = frozenset({Carriage.TCP, Carriage.TLS, Carriage.LISTEN, Carriage.UDP})

_AT_PORT = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.%\w]{1,80})\]|(?P<host>[A-Za-z0-9._-]{0,253})):(?P<port>\d{1,5})\Z", re.ASCII
)
_WAY = re.compile(r"(?P<way>tcp|tls|listen|udp|https?|file)://(?P<rest>.+)\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Where:
    """Where a feed comes from.

    Attributes:
        carriage: how its bytes come.
        host, port: where to connect to or to listen; empty and 0 for files and HTTP. An empty host is every address
            of this machine where something listens.
        path: the file, or the whole address of HTTP.
    """

    carriage: Carriage
    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def is_multicast(self) -> bool:
        """Whether the host is an address of a multicast group."""
        try:
            return ipaddress.ip_address(self.host).is_multicast
        except ValueError:
            return False


def where_of(text: str, usual: Carriage) -> Where:
    """Return what `text` says; `usual` is how a plain `host:port` is meant. Raises Refusal for what nobody can reach.

    `tcp://`, `tls://` and `udp://` come before `host:port`; `listen://` waits for those who connect; `http://` and
    `https://` are asked again and again; `file://`, or a path, is a file; `-` is standard input.
    """
    if not text or len(text) > LONGEST_WHERE or not text.isprintable():
        raise Refusal("feeds_live.where", "where", text[:80])
    if text == "-":
        return Where(Carriage.STANDARD_INPUT)
    way = _WAY.match(text)
    if way is None:
        return _at_port(text, usual) if _AT_PORT.match(text) else Where(Carriage.FILE, path=text)
    if way["way"] in {"http", "https"}:
        return Where(Carriage.HTTP, path=text)
    if way["way"] == "file":
        return Where(Carriage.FILE, path=way["rest"])
    return _at_port(way["rest"], Carriage(way["way"]))


def _at_port(text: str, carriage: Carriage) -> Where:
    found = _AT_PORT.match(text)
    if carriage not in NETWORK or found is None or not int(found["port"]) <= 65_535:
        raise Refusal("feeds_live.where", "where", text[:80])
    host, port = found["six"] or found["host"] or "", int(found["port"])
    if carriage in {Carriage.TCP, Carriage.TLS} and not (host and port):
        raise Refusal("feeds_live.where", "where", text[:80])
    return Where(carriage, host, port)
