"""Bytes as requests: httptools parses, and everything that it keeps, drops or skips is counted here."""

from __future__ import annotations

from typing import Protocol

import httptools

from detente.serving.exchange import Exchange
from detente.serving.head import add_line, body_length, path_and_query
from detente.serving.limits import ListenerLimits
from detente.serving.rejected import Rejected

_PIECE = 4 * 1024
"""So much is parsed at a time: so few requests can be there before the first of them is answered."""
_HEAD_END = b"\r\n\r\n"
_MOST_SPLITS = 64
"""So often a body in chunks is looked at for its end; a request that is sent ahead behind it is then refused."""


class Reader(Protocol):
    """Who is told what has come."""

    def new_request(self) -> Exchange:
        """A request begins. Raises Rejected."""

    def head_came(self, asked: Exchange) -> None:
        """The head of a request is there, and sound; where it has no body, the request is whole."""

    def body_came(self, asked: Exchange, part: bytes) -> None:
        """A part of the body is there."""

    def request_came(self, asked: Exchange) -> None:
        """The request is whole."""


class RequestParser:
    """Parses the requests of one connection.

    Attributes:
        keeps_alive: whether, by its head, more may follow the newest request on this connection.
    """

    def __init__(self, reader: Reader, limits: ListenerLimits) -> None:
        self.keeps_alive = True
        self._reader = reader
        self._limits = limits
        self._most_head_bytes = limits.head_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._newest: Exchange | None = None
        self._wire_bytes = 0
        self._head_bytes = 0
        self._first_line, self._is_line_whole = b"", False
        self._tail = b""
        self._splits = 0

    @property
    def piece_bytes(self) -> int:
        """How much to feed at a time: all that is known to be one body."""
        asked = self._newest
        return _PIECE if asked is None or asked.length is None else max(_PIECE, asked.length - asked.size)

    def feed(self, piece: memoryview) -> bool:
        """Parse a piece of what has come; whether more may follow. Raises Rejected for what cannot be read.

        The parser passes over spaces in the first line and says nothing of them, so that line is kept here as it came:
        for that each request is parsed apart from the one that was sent ahead of it.
        """
        while piece:
            end = self._request_end(piece)
            if not self._feed(piece[:end]):
                return False
            piece = piece[end:]
        return True

    def _request_end(self, piece: memoryview) -> int:
        """How much of a piece is of one request at the most; the next may begin there."""
        asked = self._newest
        is_in_body = asked is not None and bool(asked.method) and not asked.is_whole
        if asked is not None and is_in_body and asked.length is not None:
            self._tail = b""
            return asked.length - asked.size
        if is_in_body and self._splits == _MOST_SPLITS:
            return len(piece)
        came = bytes(piece[:_PIECE])
        at = (self._tail + came).find(_HEAD_END)
        end = len(came) if at < 0 else at + len(_HEAD_END) - len(self._tail)
        self._tail = (self._tail + came[:end])[1 - len(_HEAD_END) :]
        if not is_in_body:
            self._keep_first_line(came[:end])
        elif at >= 0:
            self._splits += 1
        return end

    def _keep_first_line(self, came: bytes) -> None:
        """Keep the first line of the request that has begun, or begins; empty lines may stand before it."""
        if self._newest is not None and self._newest.is_whole and self._is_line_whole:
            self._first_line, self._is_line_whole = b"", False
        if not self._is_line_whole:
            self._first_line = (self._first_line + came).lstrip(b"\r\n")
            line, newline, _ = self._first_line.partition(b"\n")
            self._first_line, self._is_line_whole = line + newline, bool(newline)

    def _feed(self, piece: memoryview) -> bool:
        self._wire_bytes += len(piece)
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserUpgrade:
            # It was answered in HTTP/1.1, which is all that is spoken here; what follows is in another protocol.
            return False
        except httptools.HttpParserError:
            raise Rejected(400, "request", "HTTP/1.1, as RFC 9112 has it") from None
        self._count_wire()
        return True

    def on_message_begin(self) -> None:
        """Called by the parser: a request begins."""
        self._newest = self._reader.new_request()
        self._splits = 0
        self._wire_bytes = self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Called by the parser, with a part of the target."""
        assert self._newest is not None
        self._newest.target += url
        self._head_bytes += len(url)
        if self._head_bytes > self._most_head_bytes:
            raise self._too_long()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser: a header; or a line of a trailer, which is counted with the body and never heard."""
        asked = self._newest
        assert asked is not None
        if asked.method:
            return
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._most_head_bytes:
            raise self._too_long()
        name = name.lower()
        if name in asked.headers:
            add_line(asked.headers, name, value)
        else:
            asked.headers[name] = value

    def on_headers_complete(self) -> None:
        """Called by the parser: the body follows."""
        asked = self._newest
        assert asked is not None
        if len(asked.headers) > self._limits.headers:
            raise Rejected(431, "headers", f"at most {self._limits.headers} headers")
        asked.version = self._parser.get_http_version()
        self._check_first_line(asked)
        asked.path, asked.query = path_and_query(asked.version, asked.target, asked.headers)
        asked.length = body_length(asked.version, asked.headers)
        asked.is_whole = asked.length == 0
        method = self._parser.get_method().decode("ascii")
        asked.is_head = method == "HEAD"
        asked.method = "GET" if asked.is_head else method
        self.keeps_alive = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        self._reader.head_came(asked)

    def on_body(self, body: bytes) -> None:
        """Called by the parser: a part of the body."""
        asked = self._newest
        assert asked is not None
        asked.size += len(body)
        self._reader.body_came(asked, body)

    def on_message_complete(self) -> None:
        """Called by the parser: the request is whole."""
        asked = self._newest
        assert asked is not None
        if not asked.is_whole:
            asked.is_whole = True
            self._reader.request_came(asked)

    def _check_first_line(self, asked: Exchange) -> None:
        """Refuse a first line with other spaces in it than one before and one after the target: others may split it."""
        method = self._parser.get_method()
        if self._first_line != b"%b %b HTTP/%b\r\n" % (method, asked.target, asked.version.encode()):
            raise Rejected(400, "request", "a first line of method, target and version, with one space between")

    def _too_long(self) -> Rejected:
        return Rejected(431, "headers", f"a head of at most {self._limits.head_bytes} bytes")

    def _count_wire(self) -> None:
        """Count what the parser tells nobody of: a line without an end, what frames chunks, trailers."""
        asked = self._newest
        if asked is None or asked.is_whole:
            return
        if not asked.method:
            if self._wire_bytes > self._limits.head_bytes:
                raise self._too_long()
        elif self._wire_bytes - asked.size > 2 * self._limits.head_bytes + asked.size // 2:
            raise Rejected(400, "body", "chunks that are longer than what frames them, and a short trailer")
