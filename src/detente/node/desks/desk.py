"""Desks: rooms at work in the command loop, beside the picture.

A desk keeps the state of one room. It decides commands of that room, folds their events, says on a lane what the peers
must hear of them, and understands what peers say. The loop makes everything durable; a desk does no I/O.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from detente.accord.provisions import SafetyFunction
from detente.airspace.refusal import Refusal
from detente.node.lanes import Lane
from detente.picture.commands import Command
from detente.picture.events import Event
from detente.picture.picture import Picture


class Saying(NamedTuple):
    """What a peer must hear of an event: on which lane, and the envelope's kind and body."""

    peer: str
    lane: Lane
    kind: str
    body: bytes


class Need(NamedTuple):
    """A command is carried out only while this goes on with `peer`: a safety function, or planning for None (R32)."""

    peer: str
    function: SafetyFunction | None


class Desk(ABC):
    """One room at work. Commands and events are structs of the room, tagged with a name of their own."""

    entry_kind: str
    """The kind of the journal's entries that hold the events of this desk."""

    kinds: frozenset[str]
    """The kinds of envelope that are for this desk."""

    @abstractmethod
    def decide(self, command: Any) -> list[Any]:  # noqa: ANN401 - the structs of the desk's room
        """Return the events that a command leads to; raises Refusal with nothing changed."""

    @abstractmethod
    def evolve(self, event: Any) -> None:  # noqa: ANN401
        """Fold an event in."""

    @abstractmethod
    def encode(self, event: Any) -> bytes:  # noqa: ANN401
        """Return the body of the journal entry of an event."""

    @abstractmethod
    def fold(self, body: bytes) -> None:
        """Fold one journal entry of this desk in, at replay."""

    @abstractmethod
    def sayings(self, event: Any) -> Iterable[Saying]:  # noqa: ANN401
        """Yield what peers must hear of an event that was just folded in."""

    @abstractmethod
    def command_of(self, peer: str, kind: str, body: bytes, at: datetime) -> Any:  # noqa: ANN401
        """Return the command that what `peer` said, heard at `at`, asks for; raises Refusal when it is none."""

    def commands_after(self, event: Event, picture: Picture, peers: Sequence[str]) -> Iterable[Any]:  # noqa: ARG002
        """Yield commands of this desk that follow from an event of the picture, of which `peers` were told."""
        return ()

    def commands_on_evidence(self, peer: str, kind: str, body: bytes, at: datetime) -> Iterable[Any]:  # noqa: ARG002
        """Yield commands of this desk that follow from what the journal keeps of a link's faults, by its entry kind."""
        return ()

    def picture_commands(self, event: Any, at: datetime) -> Iterable[Command]:  # noqa: ANN401, ARG002
        """Yield commands of the picture that follow from an event that was just folded in."""
        return ()

    def needs(self, command: Any) -> Need | None:  # noqa: ANN401, ARG002
        """Return what must be going on with which peer for a command to be carried out; None for one that always is."""
        return None


D = TypeVar("D", bound=Desk)


class Desks:
    """The desks of one node, found by what is for them."""

    def __init__(self, desks: Iterable[Desk] = ()) -> None:
        self._desks = tuple(desks)
        self._by_kind = {kind: desk for desk in self._desks for kind in desk.kinds}
        self._by_entry_kind = {desk.entry_kind: desk for desk in self._desks}

    def __iter__(self) -> Iterator[Desk]:
        return iter(self._desks)

    def of_type(self, wanted: type[D]) -> D:
        """Return the desk of this type, which must be there."""
        return next(desk for desk in self._desks if isinstance(desk, wanted))

    def of_message(self, kind: str) -> Desk:
        """Return the desk that an envelope of this kind is for; raises Refusal when there is none."""
        desk = self._by_kind.get(kind)
        if desk is None:
            raise Refusal("envelope.kind", kind, "a message of a lane: planning has a link of its own")
        return desk

    def of_entry(self, entry_kind: str) -> Desk | None:
        """Return the desk whose events the journal holds under this kind, or None."""
        return self._by_entry_kind.get(entry_kind)
