"""The line at work in the command loop.

While an accord is suspended, a message goes on where its terms keep what the code serves: what is not kept is refused
to our people before it is sent, and what a peer sends all the same is refused and kept on record. A STOP that has come
is always shown: no term makes it right not to hear it. Receipts and read-backs are word about what was let through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import msgspec

from detente.accord.provisions import SafetyFunction
from detente.line import commands, exchange
from detente.line.commands import LineCommand
from detente.line.decide import decide
from detente.line.events import LineCheckAsked, LineEvent
from detente.line.evolve import evolve
from detente.line.late_notices import late_calls
from detente.line.state import LineState
from detente.line.survival import function_of
from detente.node.desks.desk import Desk, Need, Saying
from detente.node.lanes import Lane
from detente.node.suspicion import alarm_of
from detente.picture.events import Event
from detente.picture.picture import Picture

_DECODER: msgspec.json.Decoder[LineEvent] = msgspec.json.Decoder(LineEvent)


class LineDesk(Desk):
    """Keeps the line; a STOP, and word about one, goes on a lane of its own (R9)."""

    entry_kind = "line"
    kinds = exchange.KINDS

    def __init__(self, line: LineState) -> None:
        self.line = line
        self.allows: Callable[[str, SafetyFunction], bool] = _everything

    def decide(self, command: LineCommand) -> list[LineEvent]:
        """See `Desk.decide`. The clock asks for no check where the accord has suspended them."""
        events = decide(self.line, command)
        if isinstance(command, commands.LineTick):
            return [event for event in events if not isinstance(event, LineCheckAsked) or self._checks(event.peer)]
        return events

    def needs(self, command: LineCommand) -> Need | None:
        """See `Desk.needs`."""
        match command:
            case commands.SendLineMessage(peer=peer, code=code, answers=answers):
                return Need(peer, function_of(code, self._code_of(peer, answers)))
            case commands.HearLineMessage(party=peer, message=message):
                function = function_of(message.code, self._code_of(peer, message.answers))
                return None if function is SafetyFunction.STOP else Need(peer, function)
            case commands.CheckLine(peer=peer) | commands.HearCheck(party=peer):
                return Need(peer, SafetyFunction.LINE_CHECKS)
            case _:
                return None

    def commands_after(self, event: Event, picture: Picture, peers: Sequence[str]) -> Iterator[LineCommand]:
        """See `Desk.commands_after`. A late notice rings."""
        yield from late_calls(event, picture, [peer for peer in peers if peer in self.line.open_lines])

    def commands_on_evidence(self, peer: str, kind: str, body: bytes, at: datetime) -> Iterator[LineCommand]:
        """See `Desk.commands_on_evidence`. What speaks against a peer is an alarm."""
        found = alarm_of(kind, body)
        if found is not None:
            yield commands.RaiseAlarm(at, peer, *found)

    def _checks(self, peer: str) -> bool:
        return self.allows(peer, SafetyFunction.LINE_CHECKS)

    def _code_of(self, peer: str, message_id: str | None) -> str | None:
        record = self.line.messages.get((peer, message_id or ""))
        return None if record is None else record.message.code

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


def _everything(_peer: str, _function: SafetyFunction) -> bool:
    return True
