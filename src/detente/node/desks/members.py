"""Members of a coalition at work in the command loop (R4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.accord.tagged import read_json
from detente.line.state import LineState
from detente.members.coalition import (
    AllMembersInformed,
    Coalition,
    HearInformed,
    MembersCommand,
    MembersEvent,
    decide,
    evolve,
)
from detente.members.matters import Matter, MatterKind, notice_reference
from detente.node.accord_keeping import AccordKeeping
from detente.node.desks.desk import Desk, Saying
from detente.node.lanes import Lane
from detente.picture.notices import NoticeState
from detente.picture.picture import Picture


class MembersInformed(
    msgspec.Struct, frozen=True, tag_field="message", tag="members_informed", forbid_unknown_fields=True
):
    """Every member for which the sender speaks has acknowledged this matter of the recipient's."""

    kind: MatterKind
    reference: str


_EVENTS: msgspec.json.Decoder[MembersEvent] = msgspec.json.Decoder(MembersEvent)
_INFORMED = msgspec.json.Decoder(MembersInformed)


class MembersDesk(Desk):
    """Keeps who was told what. Nothing of it leaves but that all were, where the accord asks for it."""

    entry_kind = "member"
    kinds = frozenset({"members_informed"})

    def __init__(self, coalition: Coalition) -> None:
        self.coalition = coalition

    def decide(self, command: MembersCommand) -> list[MembersEvent]:
        """See `Desk.decide`."""
        return decide(self.coalition, command)

    def evolve(self, event: MembersEvent) -> None:
        """See `Desk.evolve`."""
        evolve(self.coalition, event)

    def encode(self, event: MembersEvent) -> bytes:
        """See `Desk.encode`."""
        return msgspec.json.encode(event)

    def fold(self, body: bytes) -> None:
        """See `Desk.fold`."""
        evolve(self.coalition, _EVENTS.decode(body))

    def sayings(self, event: MembersEvent) -> Iterator[Saying]:
        """See `Desk.sayings`."""
        if isinstance(event, AllMembersInformed) and event.say:
            said = MembersInformed(event.matter.kind, event.matter.reference)
            yield Saying(event.matter.peer, Lane.DESKS, "members_informed", msgspec.json.encode(said))

    def command_of(self, peer: str, kind: str, body: bytes, at: datetime) -> MembersCommand:
        """See `Desk.command_of`."""
        said = read_json(_INFORMED, body, kind)
        return HearInformed(at, Matter(said.kind, peer, said.reference))


def matters_of(picture: Picture, line: LineState, keeping: AccordKeeping, at: datetime) -> Iterator[Matter]:
    """Yield what members have to be told now: the accords that stand, peers' notices in force, STOPs heard."""
    for peer in keeping.peers:
        found = keeping.accords.current(peer.name, at)
        if found is not None:
            yield Matter(MatterKind.ACCORD, peer.name, found[1])
    for (party, _), record in sorted(picture.notices.items()):
        if record.state is NoticeState.IN_FORCE and party != picture.party:
            yield Matter(MatterKind.NOTICE, party, notice_reference(record.notice))
    for record_of_line in line.messages.values():
        if record_of_line.message.is_stop and not record_of_line.is_ours:
            yield Matter(MatterKind.STOP, record_of_line.peer, record_of_line.message.message_id)


def said_to(keeping: AccordKeeping) -> tuple[str, ...]:
    """Return the peers whose accord says that our party speaks for a coalition: they are told when all know."""
    own = keeping.accords.own.name
    terms = keeping.terms_by_peer()
    return tuple(name for name, accord in terms.items() if (party := accord.party(own)) is not None and party.coalition)
