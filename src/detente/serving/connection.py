"""One client's connection: whole requests are answered in order, each answer is one write.

A request is decided in the event that brought its last byte, and its answer is written in the event that made it
durable: no task, queue or future stands between, which for small requests cost more than what was asked. Nothing more
is parsed while a request is answered or the client leaves an answer unread.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, cast

from detente.serving.exchange import LOOK_BYTES, Admitted, Exchange
from detente.serving.reading import RequestParser
from detente.serving.rejected import Rejected

if TYPE_CHECKING:
    from detente.serving.listener import Listener

KEPT_FREE = 16 * 1024
"""So much of every body is taken whatever else is in hand: a STOP is shorter."""
MOST_A_TURN = 8
"""So many requests of one connection are answered before others have their turn."""
_CLOSE = b"connection: close\r\n"


class ClientConnection(asyncio.BufferedProtocol):
    """One client's connection.

    Attributes:
        address: where the client is; for IPv6 its network.
        is_local: it is on this machine.
        user: the number of its account, where it came through a socket file, as the system says.
        client: who it is, once that was proved; empty for a stranger.
        since_s: since when it does what it does.
        is_counted: the listener still counts it.
        is_ended: the client sends no more.
    """

    def __init__(self, listener: Listener) -> None:
        self.address, self.is_local, self.client = "", False, ""
        self.user: int | None = None
        self.since_s = listener.loop.time()
        self.is_counted = True
        self._listener = listener
        self._service = listener.service
        self._limits = listener.limits
        self._loop = listener.loop
        self._parser = RequestParser(self, listener.limits)
        self._waiting: deque[Exchange] = deque()
        self._answering: Exchange | None = None
        self._unread = bytearray()
        self._unsent_bytes = 0
        self._last_words: Rejected | None = None
        self._writable: asyncio.Future[None] | None = None
        self._has_place = False
        self._is_advancing = False
        self._is_parsing = False
        self._is_reading = True
        self._is_writable = True
        self.is_ended = False
        self._is_resting = False
        self._answered_this_turn = 0
        self._is_deaf = False
        self._is_lingering = False
        self._has_asked = False

    def accepted(self, handshake: asyncio.Transport, peer: tuple[str, int]) -> None:
        """Take a place, before anything is agreed with the client: `handshake` is what may be broken off."""
        self._transport = handshake
        self._has_place = True
        self._listener.arrived(self, peer)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio: the client has connected."""
        # uvloop's transports are no asyncio.Transport by name.
        self._transport = cast("asyncio.Transport", transport)
        self.since_s = self._loop.time()
        self.user = _user_of(transport.get_extra_info("socket"))
        if not self._has_place:
            self._listener.arrived(self, transport.get_extra_info("peername"))
        elif not self.is_counted:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Called by asyncio: what was given to the service is carried out, and its answer dropped."""
        self._listener.lost(self)
        self._count_unsent(0)
        self._forget_waiting()
        self._wake()
        answering, self._answering = self._answering, None
        if answering is not None:
            answering.is_gone = True
            if answering.when_gone is not None:
                answering.when_gone()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Called by asyncio: where to put what has come. It is used up before anybody else's comes."""
        return self._listener.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Called by asyncio: something has come."""
        if self._is_deaf:
            return
        self._answered_this_turn = 0
        if self._unread:
            self._unread += self._listener.buffer[:nbytes]
        else:
            self._parse(self._listener.buffer[:nbytes])

    def eof_received(self) -> bool:
        """Called by asyncio: the client sends no more. It may still read: what has an end is answered first."""
        self.is_ended = True
        is_due = (self._is_held or bool(self._unread)) and not (self._answering and self._answering.is_over_at_end)
        return is_due and self._transport.get_extra_info("sslcontext") is None

    def pause_writing(self) -> None:
        """Called by asyncio: the client reads slowly. Its next request waits; what it leaves unread is counted."""
        self._is_writable = False
        self.since_s = self._loop.time()
        self._count_unsent(self._transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Called by asyncio: the client reads again."""
        self._is_writable = True
        self.since_s = self._loop.time()
        self._count_unsent(0)
        self._wake()
        self._advance()

    def new_request(self) -> Exchange:
        """Called by the parser: a request begins."""
        asked = Exchange(self, self._loop.time())
        self._waiting.append(asked)
        return asked

    def head_came(self, asked: Exchange) -> None:
        """Called by the parser: the body follows."""
        expects_word = b"expect" in asked.headers and asked.expects_word
        # A client that waits for a word before it sends its body may send none when it is refused.
        asked.keep_alive = self._parser.keeps_alive and not expects_word
        self._advance()
        if expects_word and asked.admitted is not None and not asked.is_whole and not self._is_held:
            asked.keep_alive = self._parser.keeps_alive
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def body_came(self, asked: Exchange, part: bytes) -> None:
        """Called by the parser: a part of the body."""
        if asked.is_refused or asked is self._answering:
            return
        if not asked.body:
            asked.body = part
        else:
            if isinstance(asked.body, bytes):
                asked.body = bytearray(asked.body)
            asked.body += part
        if asked.admitted is not None:
            self._check_body(asked, asked.admitted)

    def request_came(self, asked: Exchange) -> None:  # noqa: ARG002
        """Called by the parser: the request is whole."""
        self._advance()

    @property
    def is_idle(self) -> bool:
        """Nothing is being answered, or the client does not read the answer: it may be closed for another's sake."""
        return self._answering is None or not self._is_writable

    @property
    def is_following(self) -> bool:
        """Events are sent as they happen."""
        return self._answering is not None and self._answering.is_endless

    @property
    def is_stalled(self) -> bool:
        """The client leaves an answer unread."""
        return bool(self._unsent_bytes)

    def close_when_idle(self) -> None:
        """Close, now or after the answer that is due."""
        if not self._waiting and self._answering is None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def look_at_clock(self, now_s: float) -> None:
        """Break off what takes too long: a request on its way, an answer that is not read, a connection without use."""
        limits, waited_s = self._limits, now_s - self.since_s
        if not self._is_writable:
            read_bytes = self._unsent_bytes - self._transport.get_write_buffer_size()
            longest_s = limits.write_s + read_bytes / limits.slowest_bytes_a_second
        elif self._is_held:
            return
        elif self._is_deaf:
            longest_s = limits.linger_s
        elif self._waiting:
            asked = self._waiting[0]
            waited_s = now_s - asked.begun_s
            longest_s = limits.head_s + asked.size / limits.slowest_bytes_a_second
            if waited_s > longest_s:
                self._break_off(Rejected(408, "request", f"a whole request within {longest_s:.0f} seconds"))
            return
        else:
            longest_s = limits.idle_s if self._has_asked else limits.head_s
        if waited_s > longest_s:
            self._transport.abort()

    def send_whole(self, exchange: Exchange, head: bytes, body: bytes) -> None:
        """Send an answer that is there in full."""
        if self._listener.is_leaving:
            exchange.keep_alive = False
        end = b"" if exchange.keep_alive else _CLOSE
        whole = b"%bcontent-length: %d\r\n%b\r\n" % (head, len(body), end)
        self._transport.writelines((whole,) if exchange.is_head or not body else (whole, body))
        self._service.answered(exchange, int(head[9:12]), len(body), self._loop.time() - exchange.begun_s)
        self.end_answer(exchange)

    def send_part(self, data: bytes) -> None:
        """Send a piece of an answer."""
        self._transport.write(data)

    def end_answer(self, exchange: Exchange) -> None:
        """The answer is sent: the next request may be answered, or the connection is closed."""
        self._listener.give_back(exchange)
        if exchange.is_gone:
            return
        self.since_s = self._loop.time()
        if exchange is self._answering:
            self._answering = None
        if not exchange.is_whole:
            # Of a known client's request the rest is dropped as it comes; a stranger's connection ends.
            exchange.is_refused = True
            if not exchange.keep_alive or not self.client:
                self._linger()
        elif not exchange.keep_alive or self._listener.is_leaving:
            self._transport.close()
        else:
            for asked in self._waiting:
                asked.begun_s = self.since_s
        self._advance()

    async def until_writable(self) -> None:
        """Wait until the client has read most of what was sent, or is gone."""
        if not self._is_writable and not self._transport.is_closing():
            if self._writable is None:
                self._writable = self._loop.create_future()
            await asyncio.shield(self._writable)

    @property
    def _is_held(self) -> bool:
        return self._answering is not None or not self._is_writable or self._is_resting

    @property
    def _is_over(self) -> bool:
        return self._is_lingering or self._transport.is_closing()

    def _parse(self, data: memoryview) -> None:
        """Parse what has come, until an answer is due: what is left waits unparsed."""
        self._is_parsing = True
        while data and not self._is_deaf and not self._is_over:
            if self._is_held:
                # Only now: the end of a client to whom events are sent is seen by reading.
                self._unread += data
                self._is_reading = False
                self._transport.pause_reading()
                break
            size = self._parser.piece_bytes
            piece, data = data[:size], data[size:]
            try:
                self._is_deaf = not self._parser.feed(piece)
            except Rejected as rejected:
                self._break_off(rejected)
        self._is_parsing = False
        self._go_on_reading()

    def _go_on_reading(self) -> None:
        if self._is_parsing or self._is_held or self._transport.is_closing():
            return
        if self._unread and not self._is_deaf:
            unread, self._unread = self._unread, bytearray()
            self._parse(memoryview(unread))
        elif self.is_ended:
            self._transport.close()
        elif not self._is_reading:
            self._is_reading = True
            self._transport.resume_reading()

    def _advance(self) -> None:
        """Let in what has come, and answer what is whole, one request after the other."""
        if self._is_advancing:
            return
        self._is_advancing = True
        while self._waiting and not self._is_held and not self._is_over:
            asked = self._waiting[0]
            if asked.admitted is None and not asked.is_refused and asked.method:
                self._admit(asked)
            if asked.is_refused:
                if not asked.is_whole:
                    break
                self._waiting.popleft()
                continue
            admitted = asked.admitted
            if admitted is None or (admitted.most_bytes and not asked.is_whole):
                break
            if admitted.look is not None:
                self._check_body(asked, admitted)
                continue
            if self._answered_this_turn == MOST_A_TURN:
                self._is_resting = True
                self._loop.call_soon(self._rested)
                break
            self._answered_this_turn += 1
            self._waiting.popleft()
            self._answering = asked
            self._has_asked = True
            self._service.answer(asked)
        self._is_advancing = False
        is_due = bool(self._waiting) and self._waiting[0].is_whole
        if self._last_words is not None and not self._is_held and not is_due:
            self._say_last_words(self._last_words)
        self._go_on_reading()

    def _rested(self) -> None:
        self._is_resting = False
        self._answered_this_turn = 0
        self._advance()

    def _admit(self, asked: Exchange) -> None:
        try:
            admitted = asked.admitted = self._service.admit(asked)
        except Rejected as rejected:
            self._refuse(asked, rejected)
            return
        self._meet(admitted)
        if asked.length != 0:
            self._check_body(asked, admitted)

    def _meet(self, admitted: Admitted) -> None:
        if admitted.client != self.client and admitted.client:
            self._listener.met(self, admitted.client)

    def _check_body(self, asked: Exchange, admitted: Admitted) -> None:
        """Look at who sends the body, and count it."""
        try:
            if admitted.look is not None and (asked.is_whole or len(asked.body) >= LOOK_BYTES):
                admitted = asked.admitted = admitted.look(bytes(asked.body[:LOOK_BYTES]))._replace(look=None)
                self._meet(admitted)
            if admitted.look is None:
                self._count_body(asked, admitted.most_bytes)
        except Rejected as rejected:
            self._refuse(asked, rejected)

    def _count_body(self, asked: Exchange, most_bytes: int) -> None:
        size = len(asked.body)
        if not most_bytes:
            asked.body = b""
        elif max(size, asked.length or 0) > most_bytes:
            raise Rejected(413, "body", f"at most {most_bytes} bytes", "Send less at a time.")
        elif size - KEPT_FREE > asked.charged:
            self._listener.charge(asked, size - KEPT_FREE)

    def _refuse(self, asked: Exchange, rejected: Rejected) -> None:
        self._forget(asked)
        asked.is_refused = True
        asked.keep_alive = asked.keep_alive and (asked.is_whole or bool(self.client))
        asked.reply(*self._service.refusal(rejected))

    def _forget(self, asked: Exchange) -> None:
        asked.body = b""
        self._listener.give_back(asked)

    def _forget_waiting(self) -> None:
        while self._waiting:
            self._forget(self._waiting.popleft())

    def _break_off(self, rejected: Rejected) -> None:
        """Refuse what cannot be read, or does not come, after what came before it is answered."""
        self._is_deaf = True
        self._last_words = rejected
        self._advance()

    def _say_last_words(self, words: Rejected) -> None:
        """Say why nothing more is read; nothing more where that request was refused before."""
        self._last_words = None
        is_answered = bool(self._waiting) and self._waiting[0].is_refused
        self._forget_waiting()
        if self._is_over:
            return
        if is_answered:
            self._linger()
            return
        last = Exchange(self, self._loop.time())
        last.keep_alive = False
        last.reply(*self._service.refusal(words))

    def _linger(self) -> None:
        """Close, but drop for a while what the client still sends: else it might never read why."""
        self._is_deaf = self._is_lingering = True
        self._unread.clear()
        self._forget_waiting()
        if self.is_ended or not self._transport.can_write_eof():
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.write_eof()

    def _count_unsent(self, size: int) -> None:
        before, self._unsent_bytes = self._unsent_bytes, size
        self._listener.count_unsent(size - before)

    def _wake(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)


def _user_of(opened: socket.socket | None) -> int | None:
    """The account that opened the other end of a socket file (Linux: SO_PEERCRED, unix(7)); None for other sockets."""
    if opened is None or opened.family != socket.AF_UNIX:
        return None
    credentials = struct.Struct("3i")
    user: int = credentials.unpack(opened.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size))[1]
    return user
