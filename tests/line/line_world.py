"""Two or three lines in one process, with a clock that the test sets and a network that loses, delays and repeats."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import msgspec
from line_values import NOON

from detente.line.commands import (
    LineCommand,
    LineTick,
    OpenLine,
    ReadBackLineMessage,
    SendLineMessage,
    TakeLineMessage,
    TakeWatch,
)
from detente.line.decide import decide
from detente.line.events import LineEvent
from detente.line.evolve import evolve
from detente.line.exchange import Said, command_of, said_of
from detente.line.parameters import LineLanguage, Parameter
from detente.line.read_back import Units
from detente.line.state import LineState, MessageRecord
from detente.line.terms import LineTerms, Rung

DUTY, SUPERVISOR, COMMANDER, MINISTRY = "duty_officer", "watch_supervisor", "commander", "ministry"
TERMS = LineTerms((Rung(DUTY, 0.0), Rung(SUPERVISOR, 30.0), Rung(COMMANDER, 60.0), Rung(MINISTRY, 120.0)), again_s=60.0)
"""Another post after 30, 60 and 120 seconds (R8)."""
ENGLISH = (LineLanguage.ENGLISH,)


class Side:
    """One party's line with its journal of events. `clock_s` is how far its clock is ahead."""

    def __init__(self, world: World, party: str, clock_s: float = 0.0) -> None:
        self.world, self.party, self.clock_s = world, party, clock_s
        self.line = LineState()
        self.events: list[LineEvent] = []

    @property
    def now(self) -> datetime:
        return self.world.now + timedelta(seconds=self.clock_s)

    def do(self, command: LineCommand) -> list[LineEvent]:
        decided = decide(self.line, command)
        for event in decided:
            evolve(self.line, event)
            self.events.append(event)
            for peer, said in said_of(event, self.line):
                self.world.post(self.party, peer, said)
        return decided

    def restart(self, kept: int | None = None) -> None:
        """Forget everything but the first `kept` events of the journal."""
        self.events = self.events[:kept]
        self.line = LineState()
        for event in self.events:
            evolve(self.line, event)

    def tick(self) -> list[LineEvent]:
        return self.do(LineTick(self.now, self.party))

    def send(self, peer: str, code: str, *parameters: Parameter, **more: str) -> MessageRecord:
        self.do(SendLineMessage(self.now, self.party, peer, code, parameters, **more))
        return self.line.messages[(peer, f"{self.party}:{self.line.peers[peer].sent}")]

    def take(self, peer: str, message_id: str, post: str = DUTY) -> None:
        self.do(TakeLineMessage(self.now, self.party, peer, message_id, post))

    def read_back(self, peer: str, message_id: str, heard: tuple[Parameter, ...] | None = None) -> None:
        self.do(ReadBackLineMessage(self.now, self.party, peer, message_id, DUTY, Units(), heard))

    def watch(self, post: str, shift: str = "day", languages: tuple[LineLanguage, ...] = ENGLISH) -> list[LineEvent]:
        return self.do(TakeWatch(self.now, self.party, post, shift, languages))

    def found(self, kind: type[LineEvent]) -> list[LineEvent]:
        return [event for event in self.events if isinstance(event, kind)]


class World:
    """The clock, the sides, and what is on its way between them, in the order of each direction."""

    def __init__(self, parties: tuple[str, ...] = ("north", "south"), terms: LineTerms | None = None) -> None:
        self.now = NOON
        self.terms = terms or TERMS
        self.sides = {party: Side(self, party) for party in parties}
        self.under_way: dict[tuple[str, str], list[tuple[datetime, bytes]]] = {}
        self.delay_s = 0.0
        self.cut = False
        for party, side in self.sides.items():
            side.do(OpenLine(NOON, party, {p: self.terms for p in parties if p != party}))

    def post(self, sender: str, peer: str, said: Said) -> None:
        due = self.now + timedelta(seconds=self.delay_s)
        self.under_way.setdefault((sender, peer), []).append((due, msgspec.json.encode(said)))

    def carry(self, chance: random.Random | None = None) -> None:
        """Deliver what is due, in the order of its direction; with `chance`, some of it twice."""
        moved = not self.cut
        while moved:
            moved = False
            for (sender, peer), queue in list(self.under_way.items()):
                while queue and queue[0][0] <= self.now:
                    _, body = queue.pop(0)
                    for _ in range(2 if chance is not None and chance.random() < 0.3 else 1):
                        side = self.sides[peer]
                        said = msgspec.json.decode(body, type=Said)
                        side.do(command_of(said, sender, side.now))
                    moved = True

    def run(self, seconds: float, step_s: float = 1.0) -> None:
        """Let time pass, every side's clock ticking."""
        for _ in range(round(seconds / step_s)):
            self.now += timedelta(seconds=step_s)
            for side in self.sides.values():
                side.tick()
            self.carry()
