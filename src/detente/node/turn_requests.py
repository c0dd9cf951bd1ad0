"""What waits for a turn of the command loop, and what answers it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from detente.link.envelope import Envelope
from detente.link.judgement import Judgement
from detente.link.receipt import DeliveryReceipt
from detente.link.session import Session
from detente.node.pipeline import Pipeline
from detente.node.stages import Stages
from detente.node.taking_back import find_lost, take_back
from detente.people.records import ActingPerson
from detente.room.room import command_name
from detente.room.rooms import AnyRoom, Rooms

T = TypeVar("T")


class Outcome(msgspec.Struct, frozen=True):
    """What a command led to: its events, and the number of the journal's last entry once they were durable."""

    events: tuple[Any, ...]
    journal_number: int


class TurnRequest(ABC, Generic[T]):
    """What waits for a turn. A failure, or the outcome once the turn is durable, answers it.

    `by` is the person who asks, None for a peer or a clock; `kept_as` is what the journal calls that person's act.
    """

    kept_as: str = ""

    is_alone: ClassVar[bool] = False
    """Whether it is the only one of its turn: it reads in the journal what a turn before it has written."""

    only_reads: ClassVar[bool] = False
    """Whether it changes nothing, so that a turn of such requests alone is news to nobody."""

    def __init__(self, by: ActingPerson | None = None) -> None:
        self.by = by
        self.answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.failure: Exception | None = None

    @abstractmethod
    def stages(self, pipeline: Pipeline) -> Stages[None]:
        """Do what is asked; raises Refusal."""

    def kept_stages(self, pipeline: Pipeline) -> Stages[None]:
        """Do what is asked, and keep in the journal whose act it was; raises Refusal."""
        stages = self.stages(pipeline)
        return stages if self.by is None else pipeline.keep_act(self.by, self.kept_as, stages)

    @abstractmethod
    def outcome(self, journal_number: int) -> T:
        """Return the answer, once what was done is durable."""

    def rooms(self, rooms: Rooms) -> Iterable[AnyRoom]:
        """Return the rooms that an urgent request is about."""
        return (room for room in rooms if room.reads_rooms)


class Deciding(TurnRequest[Outcome]):
    """A command of any room; its events answer it."""

    def __init__(self, command: Any, by: ActingPerson | None = None) -> None:  # noqa: ANN401 - a command of any room
        super().__init__(by)
        self.command = command
        self.kept_as = command_name(command)
        self.events: tuple[Any, ...] = ()

    def stages(self, pipeline: Pipeline) -> Stages[None]:
        """Decide the command, and what follows from it; raises Refusal."""
        self.events = tuple((yield from pipeline.decide(self.command)))

    def outcome(self, journal_number: int) -> Outcome:
        """Return the events."""
        return Outcome(self.events, journal_number)

    def rooms(self, rooms: Rooms) -> Iterable[AnyRoom]:
        """Return the room of the command."""
        return (rooms.of_command(self.command),)


class Receiving(TurnRequest[Judgement]):
    """A batch of envelopes; its judgement answers it."""

    kept_as = "take_in_parcel"

    def __init__(self, body: bytes, by: ActingPerson | None = None) -> None:
        super().__init__(by)
        self.body = body
        self.judgement: Judgement | None = None

    def stages(self, pipeline: Pipeline) -> Stages[None]:
        """Judge the batch and hear what is accepted."""
        self.judgement = yield from pipeline.judge(self.body)
        for envelope in self.judgement.accepted:
            yield from pipeline.hear(envelope)
        for envelope in self.judgement.aside:
            yield from pipeline.hear_aside(envelope)
        yield from find_lost(pipeline, self.judgement)

    def outcome(self, journal_number: int) -> Judgement:  # noqa: ARG002
        """Return the judgement."""
        assert self.judgement is not None
        return self.judgement


class TakingBack(TurnRequest[bool]):
    """Our own envelopes that a peer gave back; whether any was missing answers it."""

    is_alone = True

    def __init__(self, session: Session, given: Sequence[Envelope], receipts: Sequence[DeliveryReceipt]) -> None:
        super().__init__()
        self.session = session
        self.given = given
        self.receipts = receipts
        self.taken = False

    def stages(self, pipeline: Pipeline) -> Stages[None]:
        """Take them back; raises Refusal for what is not ours."""
        self.taken = yield from take_back(pipeline, self.session, self.given, self.receipts)

    def rooms(self, rooms: Rooms) -> Iterable[AnyRoom]:
        """Return every room: what is taken back may be about any."""
        return rooms

    def outcome(self, journal_number: int) -> bool:  # noqa: ARG002
        """Return whether any was missing."""
        return self.taken


class Doing(TurnRequest[None]):
    """Something within a turn that has no answer but that it is done."""

    kept_as = Receiving.kept_as

    def __init__(self, action: Callable[[Pipeline], Stages[None]], by: ActingPerson | None = None) -> None:
        super().__init__(by)
        self.action = action

    def stages(self, pipeline: Pipeline) -> Stages[None]:
        """Do it."""
        return self.action(pipeline)

    def outcome(self, journal_number: int) -> None:
        """Return nothing."""


class WorkingOut(TurnRequest[T]):
    """Something that only reads, beside the loop."""

    only_reads = True

    def __init__(self, view: Callable[[], T]) -> None:
        super().__init__()
        self._view = view
        self._found: T

    def stages(self, pipeline: Pipeline) -> Stages[None]:  # noqa: ARG002
        """Call the view beside the loop."""
        try:
            self._found = yield self._view
        except Exception as error:  # noqa: BLE001 - it belongs to who asked, and has changed nothing
            self.failure = error

    def outcome(self, journal_number: int) -> T:  # noqa: ARG002
        """Return what the view gave."""
        return self._found
