"""Who the members are, and which of them was told and acknowledged what, when and by which post.

Members are known to this node alone: a peer is told when every member has acknowledged a matter, and neither who they
are nor how many (R4).
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.members.matters import Matter, MatterKind
from detente.room.message import Message


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a member was told of a matter and by which post of ours; when it acknowledged, and who of it, if it did."""

    member: str
    told_at: datetime
    told_by: str
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""


class Coalition:
    """The members of our party and what became of each matter. Changed by the room's `evolve` alone.

    Attributes:
        members: when each joined, by name.
        told: by matter and member; of former members too.
        complete: matters that every member had acknowledged, and when that was so.
        heard: matters of ours that a peer's members have all acknowledged, and when it said so.
    """

    def __init__(self) -> None:
        self.members: dict[str, datetime] = {}
        self.told: dict[Matter, dict[str, Told]] = {}
        self.complete: dict[Matter, datetime] = {}
        self.heard: dict[Matter, datetime] = {}

    def lacking(self, matter: Matter) -> tuple[str, ...]:
        """Return the members that have not acknowledged a matter."""
        told = self.told.get(matter, {})
        return tuple(m for m in sorted(self.members) if m not in told or told[m].acknowledged_at is None)


class MembersInformed(Message, frozen=True, tag="members_informed"):
    """Every member for which the sender speaks has acknowledged this matter of the recipient's."""

    kind: MatterKind
    reference: str

    @property
    def subject(self) -> str:
        """What the recipient knows the matter by."""
        return self.reference[:40]


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
    """Speak for a member."""

    member: str
    by: str


class RemoveMember(_Command, frozen=True, tag="remove_member"):
    """Speak for a member no longer. `open_matters` are those that members have to be told of now."""

    member: str
    by: str
    open_matters: tuple[Matter, ...]


class TellMember(_Command, frozen=True, tag="tell_member"):
    """A member was told of a matter."""

    matter: Matter
    member: str
    by: str


class AcknowledgeMember(_Command, frozen=True, tag="acknowledge_member"):
    """A member acknowledged a matter that it was told of."""

    matter: Matter
    member: str
    by: str
    who: str


MembersCommand = AddMember | RemoveMember | TellMember | AcknowledgeMember
