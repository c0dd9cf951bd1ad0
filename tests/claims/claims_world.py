"""Two or three parties' claims in one process, with a clock that the test sets and a carrier that may be stopped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from detente.accord.provisions import SafetyFunction
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.separation import Minima, MinimaTable
from detente.claims import commands
from detente.claims.claims import Incident, IncidentClass, Request, RequestedAction, SeenHere, Statement
from detente.claims.commands import ClaimsCommand, OpenClaims
from detente.claims.decide import decide
from detente.claims.events import ClaimsEvent
from detente.claims.evolve import evolve
from detente.claims.exchange import claims_of, command_of, read_claim, write_claim
from detente.claims.state import ClaimsState
from detente.claims.terms import ClaimsTerms
from detente.picture import evolve as picture_evolve
from detente.picture.commands import AdoptAccord, Command, GiveNotice
from detente.picture.decide import decide as picture_decide
from detente.picture.notices import Meaning, Notice
from detente.picture.observations import Observation
from detente.picture.picture import Picture

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
HOUR_S = 3_600.0
TERMS = ClaimsTerms(HOUR_S, 3 * HOUR_S, 5.0, free_text=True)
ACCORD = "a" * 64
EVIDENCE = "e1" * 32
NAMES = ("north", "south", "west")


def metres(value: float) -> Altitude:
    return Altitude(float(value), AltitudeUnit.METRE, MeanSeaLevel())


def volume(east_deg: float = 0.0, radius_m: float = 10_000.0, start_s: float = 0.0, end_s: float = 3_600.0) -> Volume4D:
    """Around a point of the Mediterranean, 1,000 to 4,000 m."""
    window = TimeWindow(NOON + timedelta(seconds=start_s), NOON + timedelta(seconds=end_s))
    return Volume4D(
        Circle(Position(34.0, 20.0 + east_deg), radius_m), AltitudeBand(metres(1_000), metres(4_000)), window
    )


def seen(party: str, name: str = "o1", east_deg: float = 0.0, error_m: float = 500.0) -> Observation:
    return Observation(
        name, party, Position(34.0, 20.0 + east_deg), error_m, metres(2_000), 100.0, NOON + timedelta(minutes=10), 5.0,
        EVIDENCE,
    )  # fmt: skip


class Side:
    """One party: its claims, its picture, and the journal of its events."""

    def __init__(self, world: World, name: str, peers: tuple[str, ...]) -> None:
        self.world, self.name, self.peers = world, name, peers
        self.claims, self.picture = ClaimsState(), Picture()
        self.events: list[ClaimsEvent] = []
        self.refused: list[Refusal] = []
        self.kept = frozenset(SafetyFunction)
        self.planning = True
        self.plan(AdoptAccord(
            NOON, name, ACCORD, "test", (name, *peers), MinimaTable(Minima(9_260.0, 304.8, 0.0)),
            TimeWindow(NOON - timedelta(days=30), NOON + timedelta(days=30)),
        ))  # fmt: skip

    def allows(self, _: str, function: SafetyFunction | None) -> bool:
        return self.planning if function is None else function in self.kept

    def plan(self, command: Command) -> None:
        for event in picture_decide(self.picture, command):
            picture_evolve.evolve(self.picture, event)

    def do(self, command: ClaimsCommand) -> list[ClaimsEvent]:
        decided = decide(self.claims, self.picture, command, self.allows)
        for event in decided:
            evolve(self.claims, event)
            self.events.append(event)
            for peer, claim in claims_of(event, self.name):
                self.world.carry(self.name, peer, *write_claim(claim))
        return decided

    def hear(self, sender: str, kind: str, body: bytes) -> None:
        try:
            self.do(command_of(read_claim(kind, body), sender, self.world.now))
        except Refusal as refusal:
            self.refused.append(refusal)

    def replayed(self) -> ClaimsState:
        """The claims as a restart finds them."""
        claims = ClaimsState()
        for event in msgspec.json.decode(msgspec.json.encode(self.events), type=list[ClaimsEvent]):
            evolve(claims, event)
        return claims

    def gives(
        self, notice_id: str, meaning: Meaning = Meaning.OUR_AIRCRAFT_HERE, where: Volume4D | None = None
    ) -> None:
        """Give a notice that everybody knows at once."""
        notice = Notice(notice_id, self.name, meaning, where or volume(), self.world.now)
        for side in self.world.sides.values():
            if side is self or self.name in side.peers:
                side.plan(GiveNotice(self.world.now, self.name, notice))

    def observes(self, name: str = "o1", east_deg: float = 0.0, error_m: float = 500.0) -> None:
        self.do(commands.MakeObservation(self.world.now, self.name, seen(self.name, name, east_deg, error_m)))

    def asks(self, peer: str, request_id: str, observation_id: str, party: str = "") -> None:
        about = SeenHere(party or self.name, observation_id)
        request = Request(request_id, self.name, about, self.world.now, ACCORD)
        self.do(commands.AskRequest(self.world.now, self.name, peer, request))

    def reports(self, peer: str, incident_id: str, kind: IncidentClass = IncidentClass.UNSAFE_APPROACH) -> None:
        incident = Incident(
            incident_id, self.name, kind, volume(), (EVIDENCE,), RequestedAction.INVESTIGATE, self.world.now, ACCORD
        )
        self.do(commands.ReportIncident(self.world.now, self.name, peer, incident))

    def states(self, peer: str, opener: str, occurrence_id: str, words: str) -> None:
        statement = Statement(opener, occurrence_id, self.name, 1, self.world.now, words)
        self.do(commands.MakeStatement(self.world.now, self.name, peer, statement))

    def ticks(self) -> list[ClaimsEvent]:
        return self.do(commands.ClaimsTick(self.world.now, self.name))


class World:
    """Parties in a line: each has an accord with its neighbour. `held` keeps what is sent until `deliver`."""

    def __init__(self, count: int = 2, terms: ClaimsTerms = TERMS) -> None:
        self.now = NOON
        self.sides: dict[str, Side] = {}
        self.sent: list[tuple[str, str, str, bytes]] = []
        self.said: list[tuple[datetime, str, str, bytes]] = []
        self.held = False
        self.tampering: Callable[[str, bytes], tuple[str, bytes]] = lambda kind, body: (kind, body)
        names = NAMES[:count]
        for number, name in enumerate(names):
            peers = tuple(names[n] for n in (number - 1, number + 1) if 0 <= n < count)
            self.sides[name] = Side(self, name, peers)
        for side in self.sides.values():
            side.do(OpenClaims(self.now, side.name, dict.fromkeys(side.peers, (ACCORD, terms))))

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self.sides.values())

    def carry(self, sender: str, peer: str, kind: str, body: bytes) -> None:
        self.sent.append((sender, peer, kind, body))
        self.said.append((self.now, sender, kind, body))
        if not self.held:
            self.deliver()

    def deliver(self) -> None:
        while self.sent:
            sender, peer, kind, body = self.sent.pop(0)
            self.sides[peer].hear(sender, *self.tampering(kind, body))

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
