"""Which addresses peers may be reached at: over TLS anywhere, in clear only on the machine itself."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from detente.airspace.refusal import Refusal

LOCAL_NAME = "localhost"


def is_loopback(host: str) -> bool:
    """Whether a host, as in a URL, is this machine and no other. Names are not looked up: only one of them is."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == LOCAL_NAME


def in_clear(address: str) -> bool:
    """Whether an address says that nothing is to be encrypted."""
    return urlsplit(address).scheme == "http"


def port_in(address: str) -> int:
    """Return the port of an address: what it says, or that of its scheme."""
    return urlsplit(address).port or (80 if in_clear(address) else 443)


def check_reachable(addresses: Sequence[str], stop_addresses: Sequence[str]) -> None:
    """Raise Refusal when anything would cross a network in clear, or only some of a card's addresses are for TLS."""
    for field, urls in (("addresses", addresses), ("stop_addresses", stop_addresses)):
        for number, address in enumerate(urls):
            if in_clear(address) and not is_loopback(urlsplit(address).hostname or ""):
                raise Refusal("link.https_url_only_machine", f"{field}[{number}]", address)
    if len({in_clear(address) for address in (*addresses, *stop_addresses)}) > 1:
        raise Refusal("link.all_them_https", "addresses", ", ".join((*addresses, *stop_addresses)))
