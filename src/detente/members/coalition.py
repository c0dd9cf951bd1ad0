"""Who the members are, and which of them was told and acknowledged what, when and by which post.

Members are known to this node alone: a peer is told when every member has acknowledged a matter, and neither who they
are nor how many (R4).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from detente.airspace.plan import check_identifier
from detente.airspace.refusal import Refusal
from detente.members.matters import Matter

MOST_MEMBERS = 100
MOST_HEARD = 10_000


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a member was told of a matter and by which post of ours; when it acknowledged, and who of it, if it did."""

    member: str
    told_at: datetime
    told_by: str
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""


class Coalition:
    """The members of one party and what became of each matter. Changed by `evolve` alone.

    Attributes:
        party: whose members they are.
        members: when each joined, by name.
        told: by matter and member; of former members too.
        complete: matters that every member had acknowledged, and when that was so.
        heard: matters of ours that a peer's members have all acknowledged, and when it said so.
    """

    def __init__(self, party: str) -> None:
        self.party = party
        self.members: dict[str, datetime] = {}
        self.told: dict[Matter, dict[str, Told]] = {}
        self.complete: dict[Matter, datetime] = {}
        self.heard: dict[Matter, datetime] = {}

    def lacking(self, matter: Matter) -> tuple[str, ...]:
        """Return the members that have not acknowledged a matter."""
        told = self.told.get(matter, {})
        return tuple(m for m in sorted(self.members) if m not in told or told[m].acknowledged_at is None)


class _Event(msgspec.Struct, frozen=True, tag_field="event", forbid_unknown_fields=True):
    at: datetime


class MemberJoined(_Event, frozen=True, tag="member_joined"):
    """The node speaks for this member from now on."""

    member: str
    by: str


class MemberLeft(_Event, frozen=True, tag="member_left"):
    """The node no longer speaks for this member."""

    member: str
    by: str


class MemberTold(_Event, frozen=True, tag="member_told"):
    """A post of ours told a member of a matter."""

    matter: Matter
    member: str
    by: str


class MemberAcknowledged(_Event, frozen=True, tag="member_acknowledged"):
    """A member acknowledged a matter; `by` is the post of ours that heard it, `who` the post of the member's."""

    matter: Matter
    member: str
    by: str
    who: str


class AllMembersInformed(_Event, frozen=True, tag="all_members_informed"):
    """Every member has acknowledged a matter. `say` is whether the accord has its other party told so."""

    matter: Matter
    say: bool


class PeerInformedMembers(_Event, frozen=True, tag="peer_informed_members"):
    """A peer says that all its members have acknowledged a matter of ours."""

    matter: Matter


MembersEvent = MemberJoined | MemberLeft | MemberTold | MemberAcknowledged | AllMembersInformed | PeerInformedMembers


class _Command(msgspec.Struct, frozen=True, tag_field="command", forbid_unknown_fields=True):
    at: datetime


class AddMember(_Command, frozen=True, tag="add_member"):
    """Speak for a member. `parties` are the names of paired parties, which are no members."""

    member: str
    by: str
    parties: tuple[str, ...]


class RemoveMember(_Command, frozen=True, tag="remove_member"):
    """Speak for a member no longer. `open_matters` and `said_to` as for an acknowledgement."""

    member: str
    by: str
    open_matters: tuple[Matter, ...]
    said_to: tuple[str, ...]


class TellMember(_Command, frozen=True, tag="tell_member"):
    """A member was told of a matter."""

    matter: Matter
    member: str
    by: str


class AcknowledgeMember(_Command, frozen=True, tag="acknowledge_member"):
    """A member acknowledged a matter that it was told of. `said_to` are the peers that the accord has told so."""

    matter: Matter
    member: str
    by: str
    who: str
    said_to: tuple[str, ...]


class HearInformed(_Command, frozen=True, tag="hear_informed"):
    """A peer says that all its members have acknowledged a matter."""

    matter: Matter


MembersCommand = AddMember | RemoveMember | TellMember | AcknowledgeMember | HearInformed


def decide(coalition: Coalition, command: MembersCommand) -> list[MembersEvent]:
    """Return the events that a command leads to; what is already so gives none. Raises Refusal, nothing changed."""
    at = command.at
    match command:
        case AddMember(member=member, by=by, parties=parties):
            check_identifier("member", member)
            check_identifier("by", by)
            if member in (coalition.party, *parties):
                raise Refusal("member", member, "no party with a node of its own", "Agree an accord with it instead.")
            if member in coalition.members:
                return []
            if len(coalition.members) >= MOST_MEMBERS:
                raise Refusal("member", member, f"at most {MOST_MEMBERS} members")
            return [MemberJoined(at, member, by)]
        case RemoveMember(member=member, by=by, open_matters=matters, said_to=said_to):
            _known(coalition, member)
            check_identifier("by", by)
            left = [m for m in matters if coalition.lacking(m) == (member,) and m in coalition.told]
            informed = [e for m in left if len(coalition.members) > 1 for e in _informed(coalition, at, m, said_to)]
            return [MemberLeft(at, member, by), *informed]
        case TellMember(matter=matter, member=member, by=by):
            _known(coalition, member)
            check_identifier("by", by)
            return [] if member in coalition.told.get(matter, {}) else [MemberTold(at, matter, member, by)]
        case AcknowledgeMember(matter=matter, member=member, by=by, who=who, said_to=said_to):
            _known(coalition, member)
            check_identifier("by", by)
            check_identifier("who", who)
            told = coalition.told.get(matter, {}).get(member)
            if told is None:
                raise Refusal("matter", matter.name, f"a matter that {member} was told of", "Tell it first.")
            if told.acknowledged_at is not None:
                return []
            events: list[MembersEvent] = [MemberAcknowledged(at, matter, member, by, who)]
            if coalition.lacking(matter) == (member,):
                events += _informed(coalition, at, matter, said_to)
            return events
        case HearInformed(matter=matter):
            if matter in coalition.heard:
                return []
            if sum(1 for held in coalition.heard if held.peer == matter.peer) >= MOST_HEARD:
                raise Refusal("matter", matter.name, f"at most {MOST_HEARD:,} matters")
            return [PeerInformedMembers(at, matter)]


def evolve(coalition: Coalition, event: MembersEvent) -> None:
    """Fold one decided event in."""
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


def _informed(coalition: Coalition, at: datetime, matter: Matter, said_to: Iterable[str]) -> list[AllMembersInformed]:
    """What to keep when a matter is complete: it is said to the peer once, whoever joins later."""
    if matter in coalition.complete:
        return []
    return [AllMembersInformed(at, matter, matter.peer in said_to)]


def _known(coalition: Coalition, member: str) -> None:
    if member not in coalition.members:
        known = ", ".join(sorted(coalition.members)) or "(none)"
        raise Refusal("member", member, f"a member: {known}", "Add it: detente member add.")
