"""The node's program as `node.program` puts it together, without HTTP: what runs in one life of a station."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from detente.claims.state import ClaimsState
from detente.details.details import Details
from detente.disclosure.disclosing import Disclosing
from detente.line.state import LineState
from detente.link.carrier import OpenCarrier
from detente.link.links import Links
from detente.members.coalition import Coalition
from detente.node import loop as loop_module
from detente.node.accord_keeping import AccordKeeping, keeps
from detente.node.accords import Accords
from detente.node.admission import TOO_MANY, Admission
from detente.node.claims_keeping import keep_claims, open_claims
from detente.node.desks.claims import ClaimsDesk
from detente.node.desks.desk import Desks
from detente.node.desks.details import DetailsDesk
from detente.node.desks.line import LineDesk
from detente.node.desks.matching import MatchingDesk
from detente.node.desks.members import MembersDesk
from detente.node.desks.zones import ZonesDesk, keep_zones
from detente.node.horizon_keeping import keep_horizons
from detente.node.line_keeping import keep_line, open_line
from detente.node.loop import CommandLoop, NodeStopped, replay
from detente.node.metrics import Metrics
from detente.node.outbox import Outbox
from detente.picture.commands import ExpireNotices
from detente.picture.picture import Picture
from detente.record.group_commit import Commit
from detente.record.journal import Journal
from detente.zones.talks import Zones

if TYPE_CHECKING:
    from station import Station

HOUSEKEEPING_S = 5.0
LONGEST_WAIT_S = 10.0

# In virtual time a turn takes no time: nobody waits for the interpreter, and the real clock must not be asked.
loop_module.LONGEST_BREATH_S = float("inf")


class Rooms:
    """Every room of one node, empty or replayed from a journal."""

    def __init__(self, station: Station) -> None:
        self.picture, self.links = Picture(), Links(station.key.public)
        self.desks = Desks((
            LineDesk(LineState()), ClaimsDesk(ClaimsState(), self.picture),
            MatchingDesk(station.name, station.key.public),
            ZonesDesk(Zones(), self.picture), MembersDesk(Coalition(station.name)),
            DetailsDesk(station.name, self.picture),
        ))  # fmt: skip
        self.accords = Accords(station.card, station.authority.public.hex(), station.trusted, station.accord)
        self.disclosing = Disclosing()

    @property
    def line(self) -> LineState:
        return self.desks.of_type(LineDesk).line

    @property
    def zones(self) -> Zones:
        return self.desks.of_type(ZonesDesk).zones

    @property
    def claims(self) -> ClaimsState:
        return self.desks.of_type(ClaimsDesk).claims

    @property
    def members(self) -> Coalition:
        return self.desks.of_type(MembersDesk).coalition

    @property
    def details(self) -> Details:
        return self.desks.of_type(DetailsDesk).details

    def replay(self, journal: Journal) -> None:
        """Fold a whole journal in."""
        replay(journal, self.picture, self.links, self.desks, lambda entry: keeps(entry, self.accords, self.disclosing))


class NodeParts:
    """One node's program at work."""

    def __init__(
        self, station: Station, journal: Journal, commit: Commit, open_carrier: OpenCarrier,
        fraction: Callable[[], float],
    ) -> None:  # fmt: skip
        self.station = station
        self.journal = journal
        self.rooms = Rooms(station)
        self.rooms.replay(journal)
        self._commit = commit
        self._open_carrier = open_carrier
        self._fraction = fraction
        self.loop: CommandLoop
        self.outbox: Outbox
        self.admission: Admission

    @property
    def picture(self) -> Picture:
        return self.rooms.picture

    @property
    def line(self) -> LineState:
        return self.rooms.line

    @property
    def zones(self) -> Zones:
        return self.rooms.zones

    @property
    def claims(self) -> ClaimsState:
        return self.rooms.claims

    @property
    def members(self) -> Coalition:
        return self.rooms.members

    @property
    def details(self) -> Details:
        return self.rooms.details

    async def do(self, command: object, *, urgent: bool = False) -> Any:
        """Carry out a command of any room; returns when what follows is durable. Raises Refusal."""
        module = type(command).__module__
        if module == "detente.details.details":
            return await self.loop.decide_at(self.rooms.desks.of_type(DetailsDesk), command)
        for desk in self.rooms.desks:
            if module.split(".")[1] == type(desk).__module__.rpartition(".")[2]:
                return await self.loop.decide_at(desk, command, urgent=urgent)
        if module.startswith("detente.accord"):
            raise TypeError(command)
        return await self.loop.decide(command)

    async def say(self, peer: str, fact: Any) -> Any:
        """Say a fact about the accords with a peer."""
        return await self.loop.say(peer, fact)

    async def receive(self, body: bytes) -> tuple[int, bytes]:
        """Take in a batch as the route of envelopes does."""
        with self.admission.place(body) as admitted:
            if not admitted:
                return 429, TOO_MANY
            judgement = await self.loop.receive(body)
        if judgement.accepted:
            sender = judgement.accepted[0].direction.sender
            peer = self.loop.peers.with_key(sender)
            talkers = self.loop.keeping.talkers.values()
            talker = next((one for one in talkers if one.key == sender), None)
            if found := peer or talker:
                self.outbox.heard_from(found.name)
        return judgement.status, judgement.answer

    async def serve(self) -> list[BaseException]:
        """Run until something of it ends; return what ended it."""
        rooms, desks = self.rooms, self.rooms.desks
        loop = self.loop = CommandLoop(
            rooms.picture,
            rooms.links,
            self.journal,
            self._commit,
            self.station.key,
            self.station.clock,
            Metrics(),
            desks,
        )
        self.outbox = Outbox(loop, LONGEST_WAIT_S, 0.0, open_carrier=self._open_carrier, fraction=self._fraction)
        self.admission = Admission(rooms.links)
        writer = asyncio.create_task(loop.run(), name="command loop")
        keeping = loop.keeping = AccordKeeping(
            rooms.accords, rooms.disclosing, rooms.picture, rooms.links, self.journal, loop.hands()
        )
        try:
            await loop.begin_accords()
            desks.of_type(MatchingDesk).accord_with = keeping.in_force_with
            rooms.disclosing.matched_with = desks.of_type(MatchingDesk).told_plans
            desks.of_type(LineDesk).allows = keeping.allows
            if rooms.picture.accord is not None and keeping.terms_by_peer():
                await open_line(loop, desks.of_type(LineDesk), self.station.name, keeping.terms_by_peer())
                await open_claims(loop, self.station.name)
        except NodeStopped:
            await asyncio.wait((writer,))
        work = [
            asyncio.create_task(part, name=name)
            for name, part in (
                ("outbox", self.outbox.run()), ("housekeeping", self._housekeeping()),
                ("line", keep_line(loop, desks.of_type(LineDesk))), ("claims", keep_claims(loop)),
                ("horizons", keep_horizons(loop)), ("zones", keep_zones(loop)), ("accords", self._follow_accords()),
            )
        ]  # fmt: skip
        done, _ = await asyncio.wait((writer, *work), return_when=asyncio.FIRST_COMPLETED)
        return [task.exception() or RuntimeError(f"{task.get_name()} came to an end") for task in done]

    async def _housekeeping(self) -> None:
        with contextlib.suppress(NodeStopped):
            while True:
                await self.loop.follow_accords()
                if self.picture.accord is not None and self.picture.notices:
                    await self.loop.decide(ExpireNotices(self.station.clock()))
                await asyncio.sleep(HOUSEKEEPING_S)

    async def _follow_accords(self) -> None:
        keeping, loop = self.loop.keeping, self.loop
        news = asyncio.Event()
        loop.after_turn.append(news.set)
        with contextlib.suppress(NodeStopped):
            while True:
                before = keeping.peers
                while keeping.peers is before:
                    news.clear()
                    await news.wait()
                if lines := keeping.terms_by_peer():
                    await open_line(loop, self.rooms.desks.of_type(LineDesk), self.station.name, lines)
                    await open_claims(loop, self.station.name)
