"""The head of a request, judged before anything of its body is taken: version, target, Host, headers given once.

Whoever reads a request differently from a proxy before it, or from a second reader behind it, can be led to act on
another request than the one that was checked (RFC 9112, section 11). So what can be read in two ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import httptools

from detente.serving.rejected import Rejected

LISTS = frozenset(
    b"accept accept-charset accept-encoding accept-language baggage cache-control connection forwarded if-match "
    b"if-none-match keep-alive pragma te tracestate trailer upgrade via warning x-forwarded-for x-forwarded-host "
    b"x-forwarded-proto".split()
)
"""The headers that are lists, which may come in several lines (RFC 9110, section 5.3). Any other comes once."""
_VERSIONS = frozenset(("1.0", "1.1"))
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_LONGEST_LENGTH = 15


def add_line(headers: dict[bytes, bytes], name: bytes, value: bytes) -> None:
    """Add one more line of a header, under its name in lower case. Raises Rejected (400) for one that comes once."""
    if name not in LISTS:
        shown = name[:40].decode("latin-1")
        raise Rejected(400, shown, "this header once: with two it is not clear which one counts", "Send one.")
    headers[name] += b", " + value


def body_length(version: str, headers: Mapping[bytes, bytes]) -> int | None:
    """The length of the body that follows, None for one in chunks. Raises Rejected (400, 411 or 501)."""
    coding, length = headers.get(b"transfer-encoding"), headers.get(b"content-length")
    if coding is not None:
        if version == "1.0" or length is not None:
            raise Rejected(400, "Transfer-Encoding", "HTTP/1.1, and no Content-Length beside it")
        if coding.lower() != b"chunked":
            raise Rejected(501, "Transfer-Encoding", "chunked, and no other coding")
        return None
    if length is None:
        return 0
    if not length.isdigit() or len(length) > _LONGEST_LENGTH:
        raise Rejected(400, "Content-Length", "a whole number of bytes")
    return int(length)


def path_and_query(version: str, target: bytes, headers: Mapping[bytes, bytes]) -> tuple[bytes, bytes]:
    """The path, as it was written, and the query of a request. Raises Rejected (400 or 505).

    A request of HTTP/1.1 names its host, in one way (RFC 9112, section 3.2).
    """
    if version not in _VERSIONS:
        raise Rejected(505, "version", "HTTP/1.1 or HTTP/1.0")
    host = headers.get(b"host")
    if host is None and version != "1.0":
        raise Rejected(400, "Host", "the host that is asked, in every request of HTTP/1.1")
    if host is not None and _HOST.fullmatch(host) is None:
        raise Rejected(400, "Host", "a host name or address, and a port where it has one")
    if target.startswith(b"/"):
        path, _, query = target.partition(b"?")
        return path.partition(b"#")[0], query.partition(b"#")[0]
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        raise Rejected(400, "target", "a path, or a URL of http or https") from None
    if url.schema not in (b"http", b"https") or not url.host or url.userinfo:
        raise Rejected(400, "target", "a path, or a URL of http or https")
    authority = target.partition(b"://")[2].partition(b"/")[0].partition(b"?")[0]
    if authority.lower() != (host or b"").lower():
        raise Rejected(400, "Host", "the host that the target names")
    return url.path or b"/", url.query or b""
