"""TLS of feeds: who vouches for the other side, and the certificate by which we are known."""

from __future__ import annotations

import ssl

from detente.airspace.refusal import Refusal
from detente.feeds.live.settings import FeedOptions
from detente.feeds.source import printable_line


def calling_tls(options: FeedOptions) -> ssl.SSLContext:
    """Return how we call: the other side must prove its name to `authority`, or to those whom this machine trusts."""
    try:
        context = ssl.create_default_context(cafile=options.authority or None)
        if options.certificate:
            context.load_cert_chain(options.certificate, options.private_key or None)
    except (OSError, ssl.SSLError) as error:
        raise _unfit(options, error) from None
    return context


def listening_tls(options: FeedOptions) -> ssl.SSLContext | None:
    """Return how we are called, where a certificate is set: with an `authority`, only by those for whom it vouches."""
    if not options.certificate:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=options.authority or None)
        context.load_cert_chain(options.certificate, options.private_key or None)
    except (OSError, ssl.SSLError) as error:
        raise _unfit(options, error) from None
    if options.authority:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _unfit(options: FeedOptions, error: OSError) -> Refusal:
    files = ", ".join(filter(None, (options.certificate, options.private_key, options.authority)))
    reason = printable_line(error.strerror or str(error))
    return Refusal("feeds_live.tls_files", "options.certificate", files, reason=reason)
