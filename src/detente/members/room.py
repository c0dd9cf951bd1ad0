"""The room of members: who they are, who was told what, and that a peer hears when all know (R4).

Nothing of it leaves but that every member has acknowledged a matter, where the accord asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from detente.accord.accords import Accords
from detente.airspace.plan import check_identifier
from detente.airspace.refusal import Refusal
from detente.line.state import LineState
from detente.members.coalition import (
    AcknowledgeMember,
    AddMember,
    AllMembersInformed,
    Coalition,
    MemberAcknowledged,
    MemberJoined,
    MemberLeft,
    MembersCommand,
    MembersEvent,
    MembersInformed,
    MemberTold,
    PeerInformedMembers,
    RemoveMember,
    TellMember,
    Told,
)
from detente.members.matters import Matter, MatterKind, references
from detente.picture.picture import Picture
from detente.room.message import Addressed, Heard
from detente.room.room import Room


class _CoalitionKept(msgspec.Struct, frozen=True):
    """A coalition as it is kept: what is by matter is in pairs."""

    members: dict[str, datetime]
    told: list[tuple[Matter, dict[str, Told]]]
    complete: list[tuple[Matter, datetime]]
    heard: list[tuple[Matter, datetime]]


MOST_MEMBERS = 100
MOST_HEARD = 10_000


class MembersRoom(Room[Coalition, MembersCommand, MembersEvent]):
    """Keeps who was told what. The accord with a peer says whether it hears that all were."""

    name = "member"
    commands = MembersCommand
    events = MembersEvent
    messages = MembersInformed
    kept = _CoalitionKept

    def __init__(self, state: Coalition, accords: Accords, picture: Picture, line: LineState) -> None:
        super().__init__(state)
        self._accords = accords
        self._picture = picture
        self._line = line

    def keep(self) -> bytes:
        """See `Room.keep`."""
        held = self.state
        told, complete, heard = list(held.told.items()), list(held.complete.items()), list(held.heard.items())
        return msgspec.msgpack.encode(_CoalitionKept(held.members, told, complete, heard))

    def restore(self, kept: bytes) -> Callable[[], None]:
        """See `Room.restore`."""
        read = msgspec.msgpack.decode(kept, type=_CoalitionKept)

        def make() -> None:
            self.state.members, self.state.told = read.members, dict(read.told)
            self.state.complete, self.state.heard = dict(read.complete), dict(read.heard)

        return make

    def decide(self, command: MembersCommand | Heard[MembersInformed]) -> list[MembersEvent]:
        """Return the events that a command leads to; what is already so gives none."""
        if isinstance(command, Heard):
            return self._hear(command)
        check_identifier("by", command.by)
        if isinstance(command, AddMember):
            return self._add(command)
        told = self.state.told
        if command.member not in self.state.members:
            known = ", ".join(sorted(self.state.members)) or "(none)"
            raise Refusal("members.member_known", "member", command.member, known=known)
        match command:
            case RemoveMember(at=at, member=member, by=by, open_matters=matters):
                left = [m for m in matters if self.state.lacking(m) == (member,) and m in told]
                informed = [e for m in left if len(self.state.members) > 1 for e in self._informed(at, m)]
                return [MemberLeft(at, member, by), *informed]
            case TellMember(at=at, matter=matter, member=member, by=by):
                return [] if member in told.get(matter, {}) else [MemberTold(at, matter, member, by)]
            case AcknowledgeMember(at=at, matter=matter, member=member, by=by, who=who):
                check_identifier("who", who)
                held = told.get(matter, {}).get(member)
                if held is None:
                    raise Refusal("members.matter_told", "matter", matter.name, member=member)
                if held.acknowledged_at is not None:
                    return []
                informed = self._informed(at, matter) if self.state.lacking(matter) == (member,) else []
                return [MemberAcknowledged(at, matter, member, by, who), *informed]

    def evolve(self, event: MembersEvent) -> None:
        """Fold one decided event in."""
        coalition = self.state
        match event:
            case MemberJoined(at=at, member=member):
                coalition.members[member] = at
            case MemberLeft(member=member):
                coalition.members.pop(member, None)
            case MemberTold(at=at, matter=matter, member=member, by=by):
                coalition.told.setdefault(matter, {})[member] = Told(member, at, by)
            case MemberAcknowledged(at=at, matter=matter, member=member, who=who):
                held = coalition.told[matter]
                held[member] = msgspec.structs.replace(held[member], acknowledged_at=at, acknowledged_by=who)
            case AllMembersInformed(at=at, matter=matter):
                coalition.complete[matter] = at
            case PeerInformedMembers(at=at, matter=matter):
                coalition.heard[matter] = at

    def forget(self, before: datetime) -> None:
        """See `Room.forget`: an accord, notice or STOP that has left its own room leaves with it."""
        coalition, current, left = self.state, references(self._picture, self._line), self._accords.left

        def is_past(matter: Matter, last: datetime) -> bool:
            if matter.kind is MatterKind.ACCORD:
                return (matter.peer, matter.reference) in left and last < before
            return matter.reference not in current and last < before

        past = {
            matter for matter, told in coalition.told.items() if is_past(matter, max(map(_last_word, told.values())))
        }
        coalition.told = {matter: told for matter, told in coalition.told.items() if matter not in past}
        coalition.complete = {matter: at for matter, at in coalition.complete.items() if matter not in past}
        coalition.heard = {matter: at for matter, at in coalition.heard.items() if not is_past(matter, at)}

    def messages_of(self, event: MembersEvent) -> Iterator[Addressed]:
        """Yield that all members know a matter, for the peer whose it is, where the accord says so."""
        if isinstance(event, AllMembersInformed) and event.say:
            yield Addressed(event.matter.peer, MembersInformed(event.matter.kind, event.matter.reference))

    def _add(self, command: AddMember) -> list[MembersEvent]:
        member, members = command.member, self.state.members
        check_identifier("member", member)
        if member == self._accords.party or member in self._accords.talks:
            raise Refusal("members.no_party_with_node", "member", member)
        if member in members:
            return []
        if len(members) >= MOST_MEMBERS:
            raise Refusal("members.at_most_members", "member", member, most=MOST_MEMBERS)
        return [MemberJoined(command.at, member, command.by)]

    def _hear(self, command: Heard[MembersInformed]) -> list[MembersEvent]:
        matter = Matter(command.message.kind, command.party, command.message.reference)
        if matter in self.state.heard:
            return []
        if sum(held.peer == matter.peer for held in self.state.heard) >= MOST_HEARD:
            raise Refusal("members.at_most_matters", "matter", matter.name, most=MOST_HEARD)
        return [PeerInformedMembers(command.at, matter)]

    def _informed(self, at: datetime, matter: Matter) -> list[AllMembersInformed]:
        """What to keep when a matter is complete: it is told to the peer once, whoever joins later."""
        if matter in self.state.complete:
            return []
        latest = self._accords.latest(matter.peer, at)
        ours = None if latest is None else latest[0].party(self._accords.party)
        return [AllMembersInformed(at, matter, ours is not None and ours.coalition)]


def _last_word(told: Told) -> datetime:
    return told.acknowledged_at or told.told_at
