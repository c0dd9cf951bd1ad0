"""What the HTTP routes stand on: the loop, the outbox and the rest of one running node."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from copy import copy
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from detente.accord.accords import Accords
from detente.accord.warnings import AccordWarning, accord_warnings
from detente.airspace.refusal import Refusal, RefusalParameter
from detente.api.access import Access, Caller
from detente.api.challenges import Challenges
from detente.api.failures import Failures
from detente.api.views import ChannelView, PeerView, Status
from detente.claims.room import ClaimsRoom
from detente.claims.state import ClaimsState
from detente.line.delivery import MessageDelivery, delivery_of, stops_undelivered, stops_without_person
from detente.line.hand_over import open_alarms, radio_overdue
from detente.line.room import LineRoom
from detente.line.state import LineState, MessageRecord
from detente.link.card import Card
from detente.link.directory import NodeDirectory
from detente.node.admission import Admission
from detente.node.carrying import Carrying
from detente.node.disclosed_report import Disclosed, read_disclosed
from detente.node.disk_space import DiskSpace
from detente.node.key_rotation import KeyRotator
from detente.node.line_numbers import LineNumbers
from detente.node.loop import CommandLoop
from detente.node.metrics import Metrics
from detente.node.opened_parts import RunParts, read_parts
from detente.node.outbox import Outbox
from detente.node.readings import Readings, WatchReadings, heard_at, lacks, readings, silence_allowed_s
from detente.node.reloading import Reloader
from detente.node.side_tasks import SideTasks
from detente.node.turn_requests import Outcome
from detente.people.records import ActingPerson, People
from detente.people.room import PeopleRoom
from detente.picture.picture import Picture, picture_bytes
from detente.room.channel import Channel
from detente.room.exercise import is_exercise
from detente.room.refused import RefusedRoom
from detente.room.room import Room, State
from detente.room.tagged import tag_of
from detente.settings.configuration import Configuration
from detente.settings.map_boundaries import boundaries_mark
from detente.tasks.matching_work import MatchingWork
from detente.tasks.settlement import turn_of
from detente.tasks.watch_readings import watch_readings
from detente.tasks.watching import Watching
from detente.watch.room import WatchRoom

T = TypeVar("T")


class Service:
    """One running node, as its HTTP routes see it."""

    def __init__(
        self,
        configuration: Configuration,
        card: Card,
        loop: CommandLoop,
        outbox: Outbox,
        matching: MatchingWork,
        access: Access,
        metrics: Metrics,
        directory: NodeDirectory,
        space: DiskSpace,
        url: str,
        rotator: KeyRotator,
        reloader: Reloader,
        watching: Watching,
        side_tasks: SideTasks,
        line_numbers: LineNumbers,
    ) -> None:
        self.configuration = configuration
        self.card = card
        self.loop = loop
        self.outbox = outbox
        self.matching = matching
        self.access = access
        self.metrics = metrics
        self.failures = Failures(metrics, loop.clock)
        self.challenges = Challenges()
        self.url = url
        self._directory = directory
        self._started_at = loop.clock()
        self.space = space
        self.rotator = rotator
        self.reloader = reloader
        self.watching = watching
        self.side_tasks = side_tasks
        self.line_numbers = line_numbers
        self.carrying = Carrying(loop)
        self.admission = Admission(loop.links)
        self.journal_reading = asyncio.Semaphore(1)
        self.file_reading = asyncio.Semaphore(1)
        self._caller: Caller | None = None
        self._post = ""

    def asked_by(self, caller: Caller) -> Service:
        """Return the same for one request of a caller: what is done through it is kept as that person's act."""
        service = copy(self)
        service._caller = caller
        return service

    @property
    def caller(self) -> Caller:
        """Who asks; to be read on routes that need a role."""
        assert self._caller is not None
        return self._caller

    @property
    def by(self) -> ActingPerson:
        """The person who acts, at the post that was said, or else at the first of his."""
        caller = self.caller
        assert caller.role is not None
        post = self._post or next(iter(caller.posts), "")
        return ActingPerson(caller.name, post, caller.role, caller.way, caller.session)

    def post(self, said: str, usual: str = "watch") -> str:
        """Return the post that acts: as it is said, else the first of the person's, else the `usual` one.

        Raises Refusal (403) for a post that is not the person's. The owner of the node's directory may act at any.
        """
        posts = self.caller.posts
        if self.caller.session and said and said not in posts:
            raise refused(403, "api.post_of_yours", "post", said, name=self.caller.name, posts=", ".join(posts))
        self._post = said or next(iter(posts), usual)
        return self._post

    def check_second_person(self, post: str | None) -> None:
        """Raise Refusal (403) where the post at which a second person is said to have looked is the first one's own."""
        if post is not None and post in self.caller.posts:
            raise refused(403, "api.post_of_second_person", "confirmed_by", post, name=self.caller.name)

    def still_lets_in(self) -> bool:
        """Whether who asks would still be let in: what takes long looks again before it tells more."""
        return self.access.still(self.caller)

    def work_by(self, configuration: Configuration) -> None:
        """Work by another configuration from now on."""
        self.configuration = configuration

    @property
    def party(self) -> str:
        """The party whose node this is."""
        return self.card.name

    @property
    def directory(self) -> Path:
        """The node's directory."""
        return self._directory.path

    @property
    def journal_file(self) -> Path:
        """The journal's file, to be read beside the loop; one at a time, within `journal_reading`."""
        return self._directory.journal_path

    @property
    def accords(self) -> Accords:
        """The accords as they stand; to be read within `loop.read`."""
        return self.loop.accords

    @property
    def picture(self) -> Picture:
        """The picture as it stands; to be read within `loop.read`."""
        return self.loop.picture

    @property
    def line(self) -> LineState:
        """The line as it stands; to be read within `loop.read`."""
        return self.state_of(LineRoom)

    @property
    def people(self) -> People:
        """Persons and their sessions as they stand; to be read within `loop.read`."""
        return self.state_of(PeopleRoom)

    @property
    def claims(self) -> ClaimsState:
        """Claims as they stand; to be read within `loop.read`."""
        return self.state_of(ClaimsRoom)

    def state_of(self, room: type[Room[State, Any, Any]]) -> State:
        """Return the state of a room; to be read within `loop.read`."""
        state: State = self.loop.rooms.of_type(room).state
        return state

    def now(self) -> datetime:
        """The time, UTC."""
        return self.loop.clock()

    def readings(self) -> Readings:
        """Return what those who run the node watch beside its rooms; to be read within `loop.read`."""
        found, space = readings(self.loop, self.line, self.claims, self._directory, self._started_at), self.space.look()
        disk = msgspec.structs.replace(found.disk, free_bytes=space.free_bytes, total_bytes=space.whole_bytes)
        return msgspec.structs.replace(found, disk=disk)

    def watch_readings(self) -> WatchReadings:
        """Return what those who run the node look at of its watch; to be read within `loop.read`."""
        return watch_readings(self.loop.rooms.of_type(WatchRoom), self.watching, self.now())

    def disclosed(self, peer: str) -> list[Disclosed]:
        """Return every message that `peer` was sent, read from the journal's file: not on the loop's thread."""
        card = self._directory.trust.find(peer)
        if card is None:
            raise not_found("api.paired_peer", "peer", peer)
        return read_disclosed(self._directory, card)

    def parts_of_run(self, run: str) -> RunParts:
        """Return what a private match opened, read from the journal's file: not on the loop's thread."""
        return read_parts(self._directory, run)

    async def lacks(self) -> tuple[str, ...]:
        """Return what the node lacks to take a command now; nothing where it is ready."""
        return await lacks(self.loop)

    async def do(self, command: Any, size_bytes: int = 0, *, urgent: bool = False) -> Outcome:  # noqa: ANN401
        """Carry out a command of the person who asks, of this size as it came; see `CommandLoop.decide`.

        Raises Refusal too when the disk is full.
        """
        self.loop.check_space(command, size_bytes)
        return await self.loop.decide(command, urgent=urgent, by=self.by)

    async def read(self, view: Callable[[Picture], T]) -> T:
        """Return a view of the picture in which everything is durable."""
        return await self.loop.read(lambda: view(self.picture))

    async def work_out(self, view: Callable[[Picture], T]) -> T:
        """Return a view of the picture that takes long; see `CommandLoop.work_out`."""
        return await self.loop.work_out(lambda: view(self.picture))

    def accord_warnings(self) -> tuple[AccordWarning, ...]:
        """What people must be warned of about the accords now."""
        return tuple(accord_warnings(self.accords, self.now()))

    def delivery(self, record: MessageRecord) -> MessageDelivery | None:
        """Return where a message of ours stands, None for a peer's; to be read within `loop.read`."""
        if not record.is_ours:
            return None
        channel = Channel.STOP if record.message.is_stop else Channel.LINE
        return delivery_of(record, self.outbox.obstacle(record.peer, channel))

    def peers(self) -> tuple[PeerView, ...]:
        """Return every other party of the accord."""
        refused, lines = self.state_of(RefusedRoom).counts, self.line.open_lines
        views = [PeerView(name, paired=False) for name in self.accords.unpaired]
        for peer in self.loop.peers:
            if peer.planning is None:
                continue
            view = PeerView(
                peer.name,
                paired=True,
                addresses=peer.addresses,
                stop_addresses=peer.card.stop_addresses,
                public_key=peer.key.hex(),
                fingerprint=peer.card.fingerprint,
                rotations=len(peer.card.rotations),
                messages_refused=refused.get(peer.name, 0),
                heard_at=heard_at(peer),
                silence_allowed_s=silence_allowed_s(lines[peer.name]) if peer.name in lines else None,
                channels={
                    str(channel): ChannelView(
                        session.sent_number,
                        session.receipted_number,
                        session.received_number,
                        self.outbox.status(peer.name, channel),
                    )
                    for channel, session in peer.sessions.items()
                },
            )
            views.append(view)
        return tuple(sorted(views, key=lambda view: view.name))

    async def status(self, *, digest: bool = False) -> Status:
        """Return the node in numbers; with `digest`, the SHA-256 of the whole picture too."""
        return await self.read(lambda picture: self._status(picture, digest=digest))

    def _status(self, picture: Picture, *, digest: bool) -> Status:
        measures: dict[str, int] = {}
        for record in picture.measures.values():
            measures[record.state] = measures.get(record.state, 0) + 1
        left = sum(turn_of(record) is None for record in picture.conflicts.values())
        sessions = [session for peer in self.loop.peers for session in peer.sessions.values()]
        waiting = sum(session.sent_number - session.receipted_number for session in sessions)
        line = self.line
        alone = stops_without_person(line)
        delivered = not waiting and not line.undelivered and not alone
        return Status(
            party=self.party,
            accord_hash=picture.accord.accord_hash if picture.accord else "",
            plans={party: len(index) for party, index in sorted(picture.indexes.items())},
            conflicts_open=len(picture.conflicts),
            conflicts_left=left,
            conflicts_cleared=len(picture.cleared),
            measures=measures,
            envelopes_waiting=waiting,
            settled=delivered and not picture.measures_of and left == len(picture.conflicts),
            journal_number=self.loop.journal.head.number,
            picture_sha256=hashlib.sha256(picture_bytes(picture)).hexdigest() if digest else "",
            radio_overdue=radio_overdue(line),
            alarms=open_alarms(line),
            stops_undelivered=stops_undelivered(line),
            stops_without_person=alone,
            accord_warnings=self.accord_warnings(),
            disk=self.space.look(),
            exercise=is_exercise(self.party),
            answers=tuple(self.loop.disclosure.accounts(self.now())),
            watch=self.watch_readings(),
            failing_tasks=self.side_tasks.failing(),
            boundaries=boundaries_mark(self.directory),
        )


def tags(outcome: Outcome) -> tuple[str, ...]:
    """Return the tags of what a command led to."""
    return tuple(tag_of(event) for event in outcome.events)


def not_found(code: str, field: str, value: str, /, **parameters: RefusalParameter) -> Refusal:
    """Return the Refusal for something asked for by an id that nothing has; it is answered with 404."""
    return refused(404, code, field, value, **parameters)


def refused(status: int, code: str, field: str, value: str, /, **parameters: RefusalParameter) -> Refusal:
    """Return a Refusal that is answered with another status than 400."""
    refusal = Refusal(code, field, value, **parameters)
    refusal.add_note(str(status))
    return refusal
