"""The line at work in the command loop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.line import exchange
from detente.line.commands import LineCommand
from detente.line.decide import decide
from detente.line.events import LineEvent
from detente.line.evolve import evolve
from detente.line.state import LineState
from detente.node.desks import Desk, Saying
from detente.node.lanes import Lane

_DECODER: msgspec.json.Decoder[LineEvent] = msgspec.json.Decoder(LineEvent)


class LineDesk(Desk):
    """Keeps the line; a STOP, and word about one, goes on a lane of its own (R9)."""

    entry_kind = "line"
    kinds = exchange.KINDS

    def __init__(self, line: LineState) -> None:
        self.line = line

    def decide(self, command: LineCommand) -> list[LineEvent]:
        """See `Desk.decide`."""
        return decide(self.line, command)

    def evolve(self, event: LineEvent) -> None:
        """See `Desk.evolve`."""
        evolve(self.line, event)

    def encode(self, event: LineEvent) -> bytes:
        """See `Desk.encode`."""
        return msgspec.json.encode(event)

    def fold(self, body: bytes) -> None:
        """See `Desk.fold`."""
        evolve(self.line, _DECODER.decode(body))

    def sayings(self, event: LineEvent) -> Iterator[Saying]:
        """See `Desk.sayings`."""
        for peer, said in exchange.said_of(event, self.line):
            lane = Lane.STOP if exchange.is_urgent(said, self.line, peer) else Lane.LINE
            yield Saying(peer, lane, *exchange.write_said(said))

    def command_of(self, peer: str, kind: str, body: bytes, at: datetime) -> LineCommand:
        """See `Desk.command_of`."""
        return exchange.command_of(exchange.read_said(kind, body), peer, at)
