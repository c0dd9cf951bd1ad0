"""Claims at work in the command loop: observations, requests, incidents, statements, joint statistics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.accord.provisions import SafetyFunction
from detente.claims import exchange
from detente.claims.commands import ClaimsCommand
from detente.claims.decide import decide
from detente.claims.events import ClaimsEvent
from detente.claims.evolve import evolve
from detente.claims.state import ClaimsState
from detente.claims.taking import Allows
from detente.node.desks.desk import Desk, Saying
from detente.node.lanes import Lane
from detente.picture.picture import Picture

_DECODER: msgspec.json.Decoder[ClaimsEvent] = msgspec.json.Decoder(ClaimsEvent)


def _nothing_goes_on(_: str, __: SafetyFunction | None) -> bool:
    return False


class ClaimsDesk(Desk):
    """Keeps claims. They are judged by the picture; `allows` says what goes on while an accord is suspended."""

    entry_kind = "claims"
    kinds = exchange.KINDS

    def __init__(self, claims: ClaimsState, picture: Picture) -> None:
        self.claims = claims
        self.allows: Allows = _nothing_goes_on
        self._picture = picture

    def decide(self, command: ClaimsCommand) -> list[ClaimsEvent]:
        """See `Desk.decide`."""
        return decide(self.claims, self._picture, command, self.allows)

    def evolve(self, event: ClaimsEvent) -> None:
        """See `Desk.evolve`."""
        evolve(self.claims, event)

    def encode(self, event: ClaimsEvent) -> bytes:
        """See `Desk.encode`."""
        return msgspec.json.encode(event)

    def fold(self, body: bytes) -> None:
        """See `Desk.fold`."""
        evolve(self.claims, _DECODER.decode(body))

    def sayings(self, event: ClaimsEvent) -> Iterator[Saying]:
        """See `Desk.sayings`."""
        for peer, claim in exchange.claims_of(event, self.claims.party):
            yield Saying(peer, Lane.DESKS, *exchange.write_claim(claim))

    def command_of(self, peer: str, kind: str, body: bytes, at: datetime) -> ClaimsCommand:
        """See `Desk.command_of`."""
        return exchange.command_of(exchange.read_claim(kind, body), peer, at)
