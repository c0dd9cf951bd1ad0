"""The node's program as `api.program` puts it together, without HTTP: what runs in one life of a station."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from detente.accord.disclosure import OPEN_POLICY
from detente.accord.messages import AccordAct
from detente.accord.room import ActOnAccord
from detente.claims.room import ClaimsRoom
from detente.claims.state import ClaimsState
from detente.details.details import Details
from detente.details.room import DetailsRoom
from detente.line.room import LineRoom
from detente.line.state import LineState
from detente.link import chains
from detente.link.cards import RenewCard
from detente.link.carrier import OpenCarrier
from detente.link.tls import LinkTls
from detente.members.coalition import Coalition
from detente.members.room import MembersRoom
from detente.node import claims_clock, horizon_clock, line_clock, past_clock, zones_clock
from detente.node import loop as loop_module
from detente.node.admission import TOO_MANY, Admission
from detente.node.claims_clock import keep_claims
from detente.node.cutting import Prepared, prepare
from detente.node.horizon_clock import keep_horizons
from detente.node.key_rotation import KeyRotator, renewed_card
from detente.node.line_clock import keep_line
from detente.node.loop import CommandLoop, NodeStopped
from detente.node.metrics import Metrics
from detente.node.outbox import Outbox
from detente.node.past_clock import keep_past
from detente.node.snapshots import started
from detente.node.state import NodeState
from detente.node.turn_requests import Outcome
from detente.node.zones_clock import keep_zones
from detente.people.records import ActingPerson, ActingWay, PersonRole
from detente.picture import work
from detente.picture.commands import ExpireNotices
from detente.picture.picture import Picture
from detente.record.group_commit import Commit
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.record.segments import StoredJournal
from detente.room import past
from detente.zones.room import ZonesRoom
from detente.zones.talks import Zones

if TYPE_CHECKING:
    from station import Station

HOUSEKEEPING_S = 5.0
LONGEST_WAIT_S = 10.0
BESIDE_IN_WRITES = 40
CERTIFICATE_LIFE = timedelta(hours=1)
ADMINISTRATOR = ActingPerson("owner", "command", PersonRole.ADMINISTRATOR, ActingWay.SOCKET)

# In virtual time a turn takes no time: nobody waits for the interpreter, and the real clock must not be asked.
loop_module.LONGEST_BREATH_S = loop_module.LONGEST_TURN_S = float("inf")
# Almost every decision about plans is one that may take long, so that STOPs come between.
work.LIGHT_WORK = 0

# At a look at which nothing is due nothing happens, and what is due is found at the next: far within every patience of
# the checks. Thousands of looks a run at nothing were a fifth of what a run cost.
line_clock.TICK_S, claims_clock.TICK_S, zones_clock.TICK_S, horizon_clock.STEP_S = 1.0, 3.0, 3.0, 3.0
past_clock.LOOK_S, past_clock.TRY_AGAIN_S, past_clock.LEFT_EVERY = 2.0, 10.0, timedelta(seconds=15)
past.SHORTEST_HORIZON = timedelta(seconds=10)
past.UNANSWERED = timedelta(seconds=15)
# So short a memory that sessions have to look for envelopes in the journal.
chains.KEPT_ENVELOPES, chains.MARKED_EVERY, chains.RUNS_THINNED_TO = 4, 3, 2


class PastSettings(NamedTuple):
    """`JournalSettings` of a node that forgets within minutes."""

    horizon_days: float
    segment_entries: int


def empty_state(station: Station) -> NodeState:
    """The state of a station's node before its journal is folded in."""
    return NodeState(station.card, station.authority.public.hex(), station.trusted, station.accord, OPEN_POLICY)


class NodeParts:
    """One node's program at work."""

    def __init__(
        self, station: Station, journal: Journal, key: NodeKey, commit: Commit, open_carrier: OpenCarrier,
        fraction: Callable[[], float],
    ) -> None:  # fmt: skip
        self.station = station
        self.journal = journal
        self.state, self.folded = started(lambda: empty_state(station), journal.path, journal.base, journal.read)
        self._key = key
        self._commit = commit
        self._open_carrier = open_carrier
        self._fraction = fraction
        self.loop: CommandLoop
        self.outbox: Outbox
        self.admission: Admission

    @property
    def picture(self) -> Picture:
        return self.state.picture

    @property
    def line(self) -> LineState:
        return self.state.rooms.of_type(LineRoom).state

    @property
    def zones(self) -> Zones:
        return self.state.rooms.of_type(ZonesRoom).state

    @property
    def claims(self) -> ClaimsState:
        return self.state.rooms.of_type(ClaimsRoom).state

    @property
    def members(self) -> Coalition:
        return self.state.rooms.of_type(MembersRoom).state

    @property
    def details(self) -> Details:
        return self.state.rooms.of_type(DetailsRoom).state

    async def do(self, command: Any, *, urgent: bool = False) -> Any:
        """Carry out a command of any room; returns when what follows is durable. Raises Refusal."""
        return await self.loop.decide(command, urgent=urgent)

    async def act_on_accord(self, peer: str, act: AccordAct) -> Any:
        """Do something about the accords with a peer."""
        return await self.do(ActOnAccord(self.station.clock(), peer, act))

    async def rotate_key(self) -> Outcome:
        """Let a new key sign in the place of ours."""
        tls = LinkTls(self._key, CERTIFICATE_LIFE, self.station.clock())
        await KeyRotator(self.loop, self.station.files, tls, self.station.make_key).rotate(ADMINISTRATOR)
        return Outcome((), self.journal.head.number)

    async def receive(self, body: bytes) -> tuple[int, bytes]:
        """Take in a batch as the route of envelopes does."""
        with self.admission.place(body) as admitted:
            if not admitted:
                return 429, TOO_MANY
            judgement = await self.loop.receive(body)
        self.outbox.received(judgement)
        return judgement.status, judgement.answer

    async def _beside(self, work: Callable[[], Any]) -> Any:
        """A thread in virtual time: it takes as long as some writes to a disk that is not slow; the rest goes on."""
        await asyncio.sleep(BESIDE_IN_WRITES * self.station.usual_write_s())
        try:
            return work()
        finally:
            if self.station.disk.is_off:
                self.station.has_crashed()

    async def _prepare(self, until: int) -> Prepared:
        """What a process of its own does, from the journal's files alone."""
        return await self._beside(lambda: prepare(
            lambda: empty_state(self.station), self.journal.path, self.journal.base,
            StoredJournal(self.journal.path).read, until, self.station.past.segment_entries,
            self.station.clock(),
        ))  # fmt: skip

    async def serve(self) -> list[BaseException]:
        """Run until something of it ends; return what ended it."""
        loop = self.loop = CommandLoop(
            self.state, self.journal, self._commit, self._key, self.station.clock, Metrics(), self._beside
        )
        self.outbox = Outbox(loop, LONGEST_WAIT_S, 0.0, open_carrier=self._open_carrier, fraction=self._fraction)
        self.admission = Admission(loop.links)
        writer = asyncio.create_task(loop.run(), name="command loop")
        try:
            await loop.begin()
            card = renewed_card(self.station.files, self._key, self.station.clock())
            if card is not None:
                await loop.decide(RenewCard(self.station.clock(), card))
        except NodeStopped:
            await asyncio.wait((writer,))
        work = [
            asyncio.create_task(part, name=name)
            for name, part in (
                ("outbox", self.outbox.run()), ("housekeeping", self._housekeeping()),
                ("line", keep_line(loop)), ("claims", keep_claims(loop)),
                ("horizons", keep_horizons(loop)), ("zones", keep_zones(loop)),
                ("past", keep_past(loop, self.station.past, self._prepare, self._beside)),
            )
        ]  # fmt: skip
        done, _ = await asyncio.wait((writer, *work), return_when=asyncio.FIRST_COMPLETED)
        return [
            task.exception() or RuntimeError(f"{task.get_name()} came to an end")
            for task in (writer, *work)
            if task in done
        ]

    async def _housekeeping(self) -> None:
        with contextlib.suppress(NodeStopped):
            while True:
                await self.loop.follow()
                expire = ExpireNotices(self.station.clock())
                if self.picture.accord is not None and self.loop.rooms.of_command(expire).decide(expire):
                    await self.loop.decide(expire)
                await asyncio.sleep(HOUSEKEEPING_S)
