"""Commitments and their openings at work in the command loop (R39)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from detente.accord.tagged import read_json
from detente.details.commitment import CommitmentOpening
from detente.details.details import (
    Details,
    DetailsCommand,
    DetailsEvent,
    DetailsGiven,
    HearDetails,
    SeeCommitment,
    decide,
    evolve,
)
from detente.node.desks.desk import Desk, Saying
from detente.node.lanes import Lane
from detente.node.suspicion import DETAILS
from detente.picture.events import Event, NoticeAmended, NoticeGiven
from detente.picture.picture import Picture

_DECODER: msgspec.json.Decoder[DetailsEvent] = msgspec.json.Decoder(DetailsEvent)


class DetailsOpening(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="message", tag="details_given"):
    """What a peer says: the opening of its notice's commitment."""

    notice_id: str
    opening: CommitmentOpening


_OPENING: msgspec.json.Decoder[DetailsOpening] = msgspec.json.Decoder(DetailsOpening)


class DetailsDesk(Desk):
    """Keeps details; opening them is always possible, also while planning is suspended."""

    entry_kind = DETAILS
    kinds = frozenset({"details_given"})

    def __init__(self, own: str, picture: Picture) -> None:
        self.details = Details()
        self._own = own
        self._picture = picture

    def decide(self, command: DetailsCommand) -> list[DetailsEvent]:
        """See `Desk.decide`."""
        return decide(self.details, self._own, dict.fromkeys(self._picture.peers), command)

    def evolve(self, event: DetailsEvent) -> None:
        """See `Desk.evolve`."""
        evolve(self.details, event, self._own)

    def encode(self, event: DetailsEvent) -> bytes:
        """See `Desk.encode`."""
        return msgspec.json.encode(event)

    def fold(self, body: bytes) -> None:
        """See `Desk.fold`."""
        self.evolve(_DECODER.decode(body))

    def sayings(self, event: DetailsEvent) -> Iterator[Saying]:
        """See `Desk.sayings`."""
        if isinstance(event, DetailsGiven):
            body = msgspec.json.encode(DetailsOpening(event.notice_id, event.opening))
            yield Saying(event.peer, Lane.DESKS, "details_given", body)

    def command_of(self, peer: str, kind: str, body: bytes, at: datetime) -> DetailsCommand:
        """See `Desk.command_of`."""
        said = read_json(_OPENING, body, kind)
        return HearDetails(at, peer, said.notice_id, said.opening)

    def commands_after(self, event: Event, picture: Picture, peers: Sequence[str]) -> Iterator[DetailsCommand]:  # noqa: ARG002
        """See `Desk.commands_after`. What a notice commits to is kept, whatever becomes of the notice."""
        if isinstance(event, NoticeGiven | NoticeAmended) and event.notice.commitment is not None:
            notice = event.notice
            yield SeeCommitment(event.at, notice.party, notice.notice_id, event.notice.commitment)
