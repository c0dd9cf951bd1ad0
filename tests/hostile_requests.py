"""What clients send who mean no good, or know no better: for both servers, with what they must be answered."""

from __future__ import annotations

HOST = "Host: localhost"


def lines(*given: str) -> bytes:
    return "\r\n".join([*given, "", ""]).encode("latin-1")


def head(*headers: str, first: str = "GET /healthy HTTP/1.1") -> bytes:
    return lines(first, *headers)


UNREADABLE: dict[str, tuple[bytes, int]] = {
    "no host": (head(), 400),
    "two hosts": (head(HOST, "Host: elsewhere"), 400),
    "the same host twice": (head(HOST, HOST), 400),
    "an empty host": (head("Host:"), 400),
    "a host that is none": (head("Host: local host"), 400),
    "a host with a path": (head("Host: localhost/healthy"), 400),
    "another host in the target": (head(HOST, first="GET http://elsewhere/healthy HTTP/1.1"), 400),
    "a host in the target alone": (head(first="GET http://elsewhere/healthy HTTP/1.0"), 400),
    "credentials in the target": (head(HOST, first="GET http://me@localhost/healthy HTTP/1.1"), 400),
    "another scheme": (head(HOST, first="GET ftp://localhost/healthy HTTP/1.1"), 400),
    "no target": (head(HOST, first="OPTIONS * HTTP/1.1"), 400),
    "a tunnel": (head(HOST, first="CONNECT localhost:80 HTTP/1.1"), 400),
    "two tokens": (head(HOST, "Authorization: Bearer a", "authorization: Bearer b"), 400),
    "two types": (head(HOST, "Content-Type: a/b", "Content-Type: c/d"), 400),
    "two lengths": (head(HOST, "Content-Length: 1", "Content-Length: 2"), 400),
    "a length twice": (head(HOST, "Content-Length: 1", "Content-Length: 1"), 400),
    "lengths in a list": (head(HOST, "Content-Length: 1, 1"), 400),
    "a signed length": (head(HOST, "Content-Length: +1"), 400),
    "no length": (head(HOST, "Content-Length:"), 400),
    "an absurd length": (head(HOST, f"Content-Length: {'9' * 18}"), 400),
    "length and chunks": (head(HOST, "Content-Length: 1", "Transfer-Encoding: chunked"), 400),
    "chunks and length": (head(HOST, "Transfer-Encoding: chunked", "Content-Length: 1"), 400),
    "chunks twice": (head(HOST, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400),
    "chunks in HTTP/1.0": (head(HOST, "Transfer-Encoding: chunked", first="GET /healthy HTTP/1.0"), 400),
    "another coding": (head(HOST, "Transfer-Encoding: gzip, chunked"), 501),
    "two words to wait for": (head(HOST, "Expect: 100-continue", "Expect: 100-continue"), 400),
    "two cookies": (head(HOST, "Cookie: a=1", "Cookie: b=2"), 400),
    "two numbers of a request": (head(HOST, "Idempotency-Key: 1", "Idempotency-Key: 2"), 400),
    "two places to go on": (head(HOST, "Last-Event-ID: 1", "Last-Event-ID: 2"), 400),
    "two spaces before the target": (head(HOST, first="GET  /healthy HTTP/1.1"), 400),
    "two spaces after the target": (head(HOST, first="GET /healthy  HTTP/1.1"), 400),
    "a space at the end of the first line": (head(HOST, first="GET /healthy HTTP/1.1 "), 400),
    "a space before the method": (head(HOST, first=" GET /healthy HTTP/1.1"), 400),
    "a tab before the target": (head(HOST, first="GET\t/healthy HTTP/1.1"), 400),
    "a tab before the version": (head(HOST, first="GET /healthy\tHTTP/1.1"), 400),
    "a folded line": (head(HOST, "Accept: a", "  b"), 400),
    "a space before the colon": (head("Host : localhost"), 400),
    "a nothing in a value": (head(HOST, "Accept: a\0b"), 400),
    "line feeds alone": (b"GET /healthy HTTP/1.1\nHost: localhost\n\n", 400),
    "another version": (head(HOST, first="GET /healthy HTTP/2.0"), 505),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "many headers": (head(HOST, *(f"X-{number}: 1" for number in range(200))), 431),
    "a long header": (head(HOST, "X: " + "a" * 70_000), 431),
    "a long name": (head(HOST, "a" * 70_000 + ": X"), 431),
    "a long target": (head(HOST, first=f"GET /{'a' * 70_000} HTTP/1.1"), 431),
    "a line without an end": (b"GET /healthy HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 3_000_000, 431),
    "a target without an end": (b"GET /" + b"a" * 3_000_000, 431),
    "the words that begin HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0", 400),
    "a nothing in the target": (head(HOST, first="GET /heal\0thy HTTP/1.1"), 400),
    "a nothing in a name": (head(HOST, "X\0Y: a"), 400),
    "a return in a value": (head(HOST, "Accept: a\rb"), 400),
    "a line feed before a header": (b"GET /healthy HTTP/1.1\r\nHost: localhost\nX: a\r\n\r\n", 400),
    "no version": (head(HOST, first="GET /healthy"), 400),
    "an octal length": (head(HOST, "Content-Length: 0x10"), 400),
    "a length that overflows": (head(HOST, f"Content-Length: {2**64 + 1}"), 400),
    "chunks in disguise": (head(HOST, "Transfer-Encoding: xchunked"), 501),
    "chunks by another name and a length": (head(HOST, "Transfer-Encoding: identity", "Content-Length: 1"), 400),
    "chunks behind a tab": (head(HOST, "Transfer-Encoding:\x0bchunked"), 400),
}
"""By name: what is sent, and the status that it must have. After it the connection is closed."""

GOOD: dict[str, bytes] = {
    "an old client": lines("GET /healthy HTTP/1.0"),
    "a target with its host": head(HOST, first="GET http://localhost/healthy HTTP/1.1"),
    "an address": head("Host: [::1]:8440"),
    "a list in several lines": head(HOST, "Accept: a/b", "Accept: c/d", "X-Forwarded-For: a", "X-Forwarded-For: b"),
    "empty lines before": b"\r\n\r\n" + head(HOST),
}
"""What must be answered with 200 all the same."""

UPGRADES: dict[str, bytes] = {
    "to HTTP/2": head(HOST, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
    "to a socket": head(HOST, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
}
"""What asks for another protocol is answered in HTTP/1.1, with 200, and what follows is not read as anything."""

HIDDEN = head(HOST, first="GET /hidden HTTP/1.1")


FRAMINGS: dict[str, bytes] = {
    "an extension without an end": b"1;" + b"x" * 200_000,
    "very many extensions": b"1;a=b\r\n \r\n" * 100_000,
    "very many small chunks": b"1\r\n \r\n" * 100_000,
    "a size that overflows": b"1" + b"0" * 16 + b"\r\n" + HIDDEN,
    "a size of very many digits": b"0" * 100_000 + b"1\r\n",
    "a negative size": b"-1\r\n" + HIDDEN,
    "a size in another notation": b"0x1\r\n \r\n0\r\n\r\n",
    "no size": b"\r\n \r\n0\r\n\r\n",
    "more than was said": b"1\r\n  \r\n0\r\n\r\n",
    "a line feed alone behind a size": b"1\n \r\n0\r\n\r\n",
    "a line feed alone behind a chunk": b"1\r\n \n0\r\n\r\n",
    "a nothing in an extension": b"1;a\0b\r\n \r\n0\r\n\r\n",
    "a trailer without an end": b"0\r\nX: " + b"a" * 200_000,
    "very many trailers": b"0\r\n" + b"X: a\r\n" * 50_000,
    "a trailer that is folded": b"0\r\nX: a\r\n b\r\n\r\n",
}
"""What frames a body in chunks and is refused, with 400 where it is not for what comes before; then all is closed."""


def cuts(whole: bytes, most: int) -> list[bytes]:
    """The beginnings of a request, of at most so many lengths: where a client may end its side."""
    step = max(1, len(whole) // most)
    return [whole[:end] for end in range(0, len(whole), step)]
