"""The room of the picture: plans, notices, conflicts and measures, decided and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from detente.accord.accords import Accords
from detente.picture import past
from detente.picture.adoption import adoption
from detente.picture.commands import AdoptAccord, PictureCommand
from detente.picture.decide import decide
from detente.picture.decide_plans import know_again
from detente.picture.events import PictureEvent
from detente.picture.evolve import evolve
from detente.picture.messages import (
    NoticeAmendedMessage,
    NoticeGivenMessage,
    PlanAmendedMessage,
    PlanDeclaredMessage,
    PlanningMessage,
    command_of,
    messages_of,
)
from detente.picture.notices import Notice, NoticeState
from detente.picture.past import PictureKept
from detente.picture.picture import Picture
from detente.picture.work import takes_long, work_of
from detente.room.channel import Channel
from detente.room.message import Addressed, Heard, Message
from detente.room.room import Room
from detente.room.work import Work


class PictureRoom(Room[Picture, PictureCommand, PictureEvent]):
    """Keeps the picture under the accords that stand."""

    name = "event"
    commands = PictureCommand
    events = PictureEvent
    messages = PlanningMessage
    kept = PictureKept
    own_channel = Channel.PLANNING

    def __init__(self, state: Picture, accords: Accords) -> None:
        super().__init__(state)
        self._accords = accords

    def decide(self, command: PictureCommand | Heard[PlanningMessage]) -> list[PictureEvent]:
        """Return the events that a command or a peer's message leads to; raises Refusal."""
        return decide(self.state, _asked(command))

    def may_take_long(self, command: PictureCommand | Heard[PlanningMessage]) -> bool:
        """See `Room.may_take_long`; raises Refusal for impossible geometry."""
        return takes_long(self.state, _asked(command))

    def work_of(self, command: PictureCommand | Heard[PlanningMessage]) -> Work:
        """See `Room.work_of`."""
        return work_of(self.state, _asked(command))

    def evolve(self, event: PictureEvent) -> None:
        """Fold an event in."""
        evolve(self.state, event)

    def keep(self) -> bytes:
        """See `Room.keep`."""
        return msgspec.msgpack.encode(past.kept(self.state))

    def restore(self, kept: bytes) -> Callable[[], None]:
        """See `Room.restore`."""
        read = msgspec.msgpack.decode(kept, type=PictureKept)
        return lambda: past.restore(self.state, read)

    def forget(self, before: datetime) -> None:
        """See `Room.forget`."""
        past.forget(self.state, before)

    def messages_of(self, event: PictureEvent) -> Iterator[Addressed]:
        """Yield what each peer must hear of an event of our own party."""
        return messages_of(event, self.state)

    def said_before(self, at: datetime, peer: str, message: Message) -> list[PictureEvent]:  # noqa: ARG002
        """Do again what we had said that we did: what a peer holds for planned must not be missing here."""
        assert isinstance(message, PlanningMessage)
        if isinstance(message, PlanDeclaredMessage | PlanAmendedMessage):
            is_new = isinstance(message, PlanDeclaredMessage)
            return know_again(self.state, at, message.plan, message.revision, is_new=is_new)
        if isinstance(message, NoticeGivenMessage) and self._is_in_force(message.notice):
            # Said again, under another accord, it was newer words.
            message = NoticeAmendedMessage(message.notice)
        return self.decide(Heard(at, self.state.party, message))

    def _is_in_force(self, notice: Notice) -> bool:
        held = self.state.notices.get((self.state.party, notice.notice_id))
        return held is not None and held.state is NoticeState.IN_FORCE

    def when_standing_changes(self, at: datetime) -> Iterator[AdoptAccord]:
        """Work under the accords that stand now."""
        command = adoption(self._accords, at, self.state.accord)
        if command is not None:
            yield command


def _asked(command: PictureCommand | Heard[PlanningMessage]) -> PictureCommand:
    return command_of(command) if isinstance(command, Heard) else command
