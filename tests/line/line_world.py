"""Two or three lines in one process, with a clock that the test sets and a network that loses, delays and repeats.

A `Side` carries commands out as the command loop does: what the accords do not let go on is refused, then the room of
the command decides. Each side starts with an accord of its configuration; `World.sign` puts one in its place that can
be suspended.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import msgspec
from line_values import NOON

from detente.accord.accords import Accords
from detente.accord.life_cycle import Side as AccordSide
from detente.accord.messages import (
    AccordAct,
    AccordAuthorised,
    AccordProposed,
    AccordResumed,
    AccordSuspended,
)
from detente.accord.provisions import STANDARD_PROVISIONS, Suspension
from detente.accord.room import AccordRoom, ActOnAccord
from detente.accord.terms import Accord, AccordParty, accord_hash, format_accord
from detente.airspace.plan import TimeWindow
from detente.airspace.separation import Minima, MinimaTable
from detente.line.commands import (
    LineTick,
    OpenLine,
    ReadBackLineMessage,
    SendLineMessage,
    TakeLineMessage,
    TakeWatch,
)
from detente.line.events import LineEvent
from detente.line.parameters import LineLanguage, Parameter
from detente.line.read_back import Units
from detente.line.room import LineRoom
from detente.line.state import LineState, MessageRecord
from detente.line.terms import LineTerms, Rung
from detente.picture.picture import Picture
from detente.room.activity import SafetyFunction
from detente.room.channel import Channel
from detente.room.message import Heard
from detente.room.rooms import Rooms
from detente.room.tagged import tag_of

DUTY, SUPERVISOR, COMMANDER, MINISTRY = "duty_officer", "watch_supervisor", "commander", "ministry"
TERMS = LineTerms((Rung(DUTY, 0.0), Rung(SUPERVISOR, 30.0), Rung(COMMANDER, 60.0), Rung(MINISTRY, 120.0)), again_s=60.0)
"""Another post after 30, 60 and 120 seconds (R8)."""
ENGLISH = (LineLanguage.ENGLISH,)
KEYS = {"north": ("0a" * 32, "1a" * 32), "south": ("0b" * 32, "1b" * 32), "west": ("0c" * 32, "1c" * 32)}
"""The key of each party's node and of its authority."""
SIGNATURE = "5e" * 64
"""What every authority signs with here."""


def accord_between(*parties: str, signed: bool = False, **provisions: object) -> Accord:
    """An accord between these parties; one to be signed names their authorities."""
    named = tuple(AccordParty(name, KEYS[name][0], authority_key=KEYS[name][1] if signed else "") for name in parties)
    valid = TimeWindow(NOON - timedelta(days=1), NOON + timedelta(days=1))
    given = msgspec.structs.replace(STANDARD_PROVISIONS, **provisions)
    return Accord("a", 1, named, valid, MinimaTable(Minima(9260.0, 300.0, 0.0)), provisions=given)


def accords_of(party: str, configured: Accord) -> Accords:
    """The accords of one party of a configured accord, paired with all others."""
    own, *peers = (
        AccordSide(name, *KEYS[name]) for name in sorted((p.name for p in configured.parties), key=lambda n: n != party)
    )
    return Accords(own, peers, configured)


class Side:
    """One party's line and accords with the journal of the line's events. `clock_s` is how far its clock is ahead."""

    def __init__(self, world: World, party: str, clock_s: float = 0.0) -> None:
        self.world, self.party, self.clock_s = world, party, clock_s
        self.accords = accords_of(party, world.accord)
        self.events: list[LineEvent] = []
        self.restart()

    @property
    def line(self) -> LineState:
        return self.room.state

    @property
    def now(self) -> datetime:
        return self.world.now + timedelta(seconds=self.clock_s)

    def do(self, command: Any) -> list[Any]:
        """Carry a command of the line or of the accords out."""
        room = self.rooms.of_command(command)
        if (need := room.need_of(command)) is not None:
            self.accords.check(need, command.at)
        decided = room.decide(command)
        for event in decided:
            room.evolve(event)
            if room is self.room:
                self.events.append(event)
            for addressed in room.messages_of(event):
                self.world.post(self.party, addressed.peer, addressed.goes_on, addressed.message)
        return decided

    def restart(self, kept: int | None = None) -> None:
        """Forget everything but the first `kept` events of the line's journal."""
        self.events = self.events[:kept]
        self.room = LineRoom(LineState(), self.accords, Picture())
        self.rooms = Rooms([AccordRoom(self.accords, lambda *_: True), self.room])
        for event in self.events:
            self.room.evolve(event)

    def hear(self, peer: str, channel: Channel, kind: str, body: bytes) -> None:
        self.do(Heard(self.now, peer, self.rooms.read_message(channel, kind, body)))

    def tick(self) -> list[LineEvent]:
        return self.do(LineTick(self.now, self.party))

    def act(self, peer: str, act: AccordAct) -> None:
        self.do(ActOnAccord(self.now, peer, act))

    def send(self, peer: str, code: str, *parameters: Parameter, **more: str) -> MessageRecord:
        self.do(SendLineMessage(self.now, self.party, peer, code, parameters, **more))
        return self.line.messages[(peer, f"{self.party}:{self.line.peers[peer].sent}")]

    def take(self, peer: str, message_id: str, post: str = DUTY) -> None:
        self.do(TakeLineMessage(self.now, self.party, peer, message_id, post))

    def read_back(self, peer: str, message_id: str, heard: tuple[Parameter, ...] | None = None) -> None:
        self.do(ReadBackLineMessage(self.now, self.party, peer, message_id, DUTY, Units(), heard))

    def watch(self, post: str, shift: str = "day", languages: tuple[LineLanguage, ...] = ENGLISH) -> list[LineEvent]:
        return self.do(TakeWatch(self.now, self.party, post, shift, languages))

    def suspend(self, peer: str, serial: int = 1) -> None:
        self.act(peer, AccordSuspended(self.party, self.now, DUTY, self.world.signed, serial, "an aircraft was lost"))

    def resume(self, peer: str, serial: int = 2) -> None:
        self.act(peer, AccordResumed(self.party, self.now, DUTY, self.world.signed, serial))

    def found(self, kind: type[LineEvent]) -> list[LineEvent]:
        return [event for event in self.events if isinstance(event, kind)]


class World:
    """The clock, the sides, and what is on its way between them, in the order of each channel."""

    def __init__(self, parties: tuple[str, ...] = ("north", "south"), terms: LineTerms | None = None) -> None:
        self.now = NOON
        self.terms = terms or TERMS
        self.accord = accord_between(*parties)
        self.signed = ""
        self.sides = {party: Side(self, party) for party in parties}
        self.under_way: dict[tuple[str, str, Channel], list[tuple[datetime, str, bytes]]] = {}
        self.delay_s = 0.0
        self.cut = False
        for party, side in self.sides.items():
            side.do(OpenLine(NOON, party, {p: self.terms for p in parties if p != party}))

    def sign(self, keeps: tuple[SafetyFunction, ...] = Suspension().keeps) -> None:
        """Put an accord in force that both authorities signed, and that keeps this while it is suspended."""
        north, south = self.sides.values()
        text = accord_between(north.party, south.party, signed=True, suspension=Suspension(keeps=keeps))
        self.signed = accord_hash(text)
        north.act(south.party, AccordProposed(north.party, self.now, DUTY, format_accord(text)))
        self.carry()
        for side, peer in ((north, south), (south, north)):
            side.act(peer.party, AccordAuthorised(side.party, self.now, DUTY, self.signed, SIGNATURE))
        self.carry()

    def post(self, sender: str, peer: str, channel: Channel, message: Any) -> None:
        due = self.now + timedelta(seconds=self.delay_s)
        sent = (due, tag_of(message), msgspec.json.encode(message))
        self.under_way.setdefault((sender, peer, channel), []).append(sent)

    def carry(self, chance: random.Random | None = None) -> None:
        """Deliver what is due, in the order of its channel; with `chance`, some of it twice."""
        moved = not self.cut
        while moved:
            moved = False
            for (sender, peer, channel), queue in list(self.under_way.items()):
                while queue and queue[0][0] <= self.now:
                    _, kind, body = queue.pop(0)
                    for _ in range(2 if chance is not None and chance.random() < 0.3 else 1):
                        self.sides[peer].hear(sender, channel, kind, body)
                    moved = True

    def run(self, seconds: float, step_s: float = 1.0) -> None:
        """Let time pass, every side's clock ticking."""
        for _ in range(round(seconds / step_s)):
            self.now += timedelta(seconds=step_s)
            for side in self.sides.values():
                side.tick()
            self.carry()
