"""TLS 1.3 between nodes, both sides known by the key of their card, with certificates that renew themselves.

Who calls trusts one pin, that of the party it calls: OpenSSL breaks off with anybody else. Who is called lets
everybody prove a key first and only then looks whether it is a peer's, so that no answer and no delay tells a stranger
whom this node knows.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from detente.airspace.refusal import Refusal
from detente.link.address import in_clear, is_loopback
from detente.link.certificate import ShownCertificates, keys_shown, pin, root, show
from detente.record.keys import NodeKey


class LinkTls:
    """TLS of the node that has `key`. A certificate holds for `life`; `renew_if_due` is to be called from time to time.

    `present_key` gives the key that signs now for the party of a key. Connections that stand are not touched by a
    renewal; new ones show the new certificate.
    """

    def __init__(
        self, key: NodeKey, life: timedelta, at: datetime, present_key: Callable[[bytes], bytes] = lambda party: party
    ) -> None:
        self._key = key
        self._life = life
        self._present_key = present_key
        self.renew(at)
        # Its certificate is never shown: each connection takes that of the moment.
        self.listening = self._make_listening()
        self.listening.sni_callback = self._take_present

    def renew_if_due(self, at: datetime) -> bool:
        """Make a new certificate when half of the present one's time is over, or the clock was set; say whether."""
        if abs(at - self._made_at) < self._life / 2:
            return False
        self.renew(at)
        return True

    def calling(self, address: str, peer: bytes) -> ssl.SSLContext | bool:
        """Return how to call the party of the key `peer` at an address: its context, True on this machine in clear.

        Raises Refusal for an address in clear anywhere else.
        """
        if not in_clear(address):
            present = self._present_key(peer)
            if present not in self._calling:
                self._calling[present] = self._make_calling(present)
            return self._calling[present]
        if is_loopback(urlsplit(address).hostname or ""):
            return True
        raise Refusal("link.https_nothing_goes", "address", address)

    def renew(self, at: datetime) -> None:
        """Make a new certificate, of the key that signs now."""
        self._made_at = at
        self._shown = show(self._key, at, self._life)
        self._present = self._make_listening()
        self._calling: dict[bytes, ssl.SSLContext] = {}

    def _make_listening(self) -> ssl.SSLContext:
        context = _context(ssl.PROTOCOL_TLS_SERVER, root(), self._shown)
        # A connection that is taken up again would not ask anew whose it is.
        context.num_tickets = 0
        return context

    def _make_calling(self, peer: bytes) -> ssl.SSLContext:
        context = _context(ssl.PROTOCOL_TLS_CLIENT, pin(peer), self._shown)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context

    def _take_present(self, connection: ssl.SSLObject | ssl.SSLSocket, _: str | None, __: ssl.SSLContext) -> None:
        connection.context = self._present


def caller(connection: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the key of the party that called, proven by the handshake, and those that it came after by rotation.

    There is none when the caller proved none.
    """
    return keys_shown(_chain(connection))


def _chain(connection: ssl.SSLObject) -> list[bytes]:
    """The certificates (DER) that OpenSSL went through, the caller's own first."""
    if hasattr(connection, "get_verified_chain"):  # from Python 3.13 on
        return list(connection.get_verified_chain())
    found = connection._sslobj.get_verified_chain() or ()  # type: ignore[attr-defined]
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in found]


def _context(protocol: int, trusted: bytes, shown: ShownCertificates) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # A party is its key, whatever the host at which it is reached.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=trusted)
    # OpenSSL's wrapper reads files only; this one is memory, so that no key of the moment reaches a disk.
    file = os.memfd_create("detente-tls", os.MFD_CLOEXEC)
    try:
        os.write(file, shown.private_key + shown.certificates)
        context.load_cert_chain(f"/proc/self/fd/{file}")
    finally:
        os.close(file)
    return context
