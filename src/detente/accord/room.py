"""The room of accords: what our own people and the peers say about them is decided, kept and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from detente.accord import life_cycle
from detente.accord.accords import Accords
from detente.accord.life_cycle import Verify
from detente.accord.messages import (
    AccordAct,
    AccordDrafted,
    AccordMessage,
    AccordProposed,
    AccordResumed,
    AccordSuspended,
)
from detente.airspace.refusal import Refusal
from detente.room.message import Addressed, Heard, Message
from detente.room.room import Room
from detente.room.work import Work

LIGHT_CHARACTERS = 20_000
"""A text of an accord of so many is read in some tens of milliseconds."""
WORK_OF_CHARACTER = 25


class ActOnAccord(msgspec.Struct, frozen=True, tag_field="command", tag="act_on_accord"):
    """Our own people do this about an accord with `peer`."""

    at: datetime
    peer: str
    act: AccordAct


class AccordActed(msgspec.Struct, frozen=True, tag_field="event", tag="accord_acted", forbid_unknown_fields=True):
    """One side did this about an accord with `peer`."""

    peer: str
    act: AccordAct


class _ActsKept(msgspec.Struct, frozen=True):
    acts: list[tuple[str, AccordAct]]
    left: set[tuple[str, str]] = set()


class AccordRoom(Room[Accords, ActOnAccord, AccordActed]):
    """Keeps the accords. `verify` checks an authority's Ed25519 signature."""

    name = "accord"
    commands = ActOnAccord
    events = AccordActed
    messages = AccordMessage
    kept = _ActsKept
    changes_standing = True

    def __init__(self, state: Accords, verify: Verify) -> None:
        super().__init__(state)
        self._verify = verify

    def decide(self, command: ActOnAccord | Heard[AccordMessage]) -> list[AccordActed]:
        """Return what is kept; raises Refusal for what that side may not say."""
        act: AccordAct
        if isinstance(command, Heard):
            peer, party, act = command.party, command.party, command.message
        else:
            peer, party, act = command.peer, self.state.party, command.act
        if act.party != party:
            raise Refusal("accord.who_says_it", "party", act.party, party=party)
        talks = self.state.talks.get(peer)
        if talks is None:
            known = ", ".join(sorted(self.state.talks)) or "(none)"
            raise Refusal("accord.one_paired_party", "peer", peer, known=known)
        configured = self.state.configured_hash
        if configured and getattr(act, "accord_hash", "") == configured:
            raise Refusal("accord.accord_both_sides_authorities", "accord_hash", configured)
        if self.state.has_left(peer, act):
            if party == self.state.party:
                raise Refusal("accord.not_long_over", "accord_hash", getattr(act, "accord_hash", "") or "(of the text)")
            return []
        return [AccordActed(peer, kept) for kept in life_cycle.decide(talks, act, self._verify)]

    def may_take_long(self, command: ActOnAccord | Heard[AccordMessage]) -> bool:
        """See `Room.may_take_long`: reading a long text of an accord does."""
        return _characters(command) > LIGHT_CHARACTERS

    def work_of(self, command: ActOnAccord | Heard[AccordMessage]) -> Work:
        """See `Room.work_of`: a text is read, and written in its one form."""
        work = WORK_OF_CHARACTER * _characters(command)
        return Work(work, work)

    def said_before(self, at: datetime, peer: str, message: Message) -> list[AccordActed]:  # noqa: ARG002
        """Do again what our authority and our posts had said to `peer` of an accord, which may come later itself."""
        assert isinstance(message, AccordMessage)
        if self.state.has_left(peer, message):
            return []
        return [AccordActed(peer, kept) for kept in life_cycle.said_before(self.state.talks[peer], message)]

    def evolve(self, event: AccordActed) -> None:
        """Fold one event in. Of a party that is no longer paired it is kept, should it be paired again.

        Of what a party says of suspending an accord its last word is kept: a peer may take it back and say it again.
        """
        act, talks = event.act, self.state.talks.get(event.peer)
        if self.state.has_left(event.peer, act):
            return  # earlier releases wrote such acts down: they have no effect
        if isinstance(act, AccordSuspended | AccordResumed) and talks is not None:
            before = talks.said_by(act.accord_hash, act.party)
            if before is not None:
                self.state.acts.remove((event.peer, before))
        self.state.acts.append((event.peer, event.act))
        if event.peer in self.state.talks:
            life_cycle.evolve(self.state.talks[event.peer], event.act)
        else:
            self.state.had_others = True

    def forget(self, before: datetime) -> None:
        """See `Room.forget`: an accord is over when it has ended, has expired or another has taken its place."""
        self.state.forget(before)

    def restore(self, kept: bytes) -> Callable[[], None]:
        """See `Room.restore`: who is paired may have changed since."""
        read = msgspec.msgpack.decode(kept, type=_ActsKept)

        def make() -> None:
            self.state.left = read.left
            for peer, act in read.acts:
                self.evolve(AccordActed(peer, act))

        return make

    def messages_of(self, event: AccordActed) -> Iterator[Addressed]:
        """Yield our own acts for the peer, but for drafts."""
        if event.act.party == self.state.party and not isinstance(event.act, AccordDrafted):
            yield Addressed(event.peer, event.act)


def _characters(command: ActOnAccord | Heard[AccordMessage]) -> int:
    act = command.message if isinstance(command, Heard) else command.act
    return len(act.text) if isinstance(act, AccordDrafted | AccordProposed) else 0
