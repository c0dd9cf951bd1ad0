"""Two or three parties' claims in one process, with a clock that the test sets and a carrier that may be stopped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from detente.accord import life_cycle
from detente.accord.accords import Accords
from detente.accord.life_cycle import Side as Party
from detente.accord.messages import AccordAuthorised, AccordProposed, AccordSuspended
from detente.accord.terms import accord_hash, parse_accord
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.claims import commands
from detente.claims.claims import Incident, IncidentClass, Request, RequestedAction, SeenHere, Statement
from detente.claims.commands import ClaimsCommand
from detente.claims.events import ClaimsEvent
from detente.claims.peer_messages import Claim
from detente.claims.room import ClaimsRoom
from detente.claims.state import ClaimsState
from detente.claims.terms import terms_of
from detente.picture.commands import GiveNotice, PictureCommand
from detente.picture.notices import Meaning, Notice
from detente.picture.observations import Observation
from detente.picture.picture import Picture
from detente.picture.room import PictureRoom
from detente.room.activity import SafetyFunction
from detente.room.channel import Channel
from detente.room.message import Heard, Message
from detente.room.rooms import Rooms
from detente.room.tagged import write_tagged

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
HOUR_S = 3_600.0
EVIDENCE = "e1" * 32
NAMES = ("north", "south", "west")
SIGNATURE = "00" * 64


def agreed(one: str, other: str, *, free_text: bool = True, keeps: tuple[SafetyFunction, ...] = ()) -> str:
    """The text of an accord that both authorities sign; a request is due in 1 h, an incident in 3 h."""
    parties = "".join(
        f'[[parties]]\nname = "{name}"\npublic_key = "{key(name)}"\nauthority_key = "{key(name, 9)}"\n'
        for name in sorted((one, other))
    )
    kept = ", ".join(f'"{function}"' for function in keeps)
    return (
        f'name = "test"\nversion = 1\ndisclosure = "full"\nfree_text = {str(free_text).lower()}\n'
        "[valid]\nstart = 2025-05-01T00:00:00Z\nend = 2025-12-31T00:00:00Z\n"
        f'{parties}[minima.default]\nhorizontal = "5 NM"\nvertical = "1000 ft"\n'
        f'[reporting]\nrequest_answer = "1 h"\nincident_answer = "3 h"\n[suspension]\nkeeps = [{kept}]\n'
    )


def key(name: str, kind: int = 0) -> str:
    """A key that nothing checks, of a node or (9) of an authority."""
    return f"{kind}{NAMES.index(name)}" * 32


_ACCORD = parse_accord(agreed("north", "south", keeps=tuple(SafetyFunction)))
ACCORD, TERMS = accord_hash(_ACCORD), terms_of(_ACCORD)


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
    """One party: its accords, its picture, the room of its claims, and the journal of its events."""

    def __init__(self, world: World, name: str, texts: dict[str, str]) -> None:
        self.world, self.name, self.peers = world, name, tuple(texts)
        self.accords = Accords(Party(name, key(name)), [Party(peer, key(peer)) for peer in texts], None)
        self.picture = Picture()
        self.room = ClaimsRoom(ClaimsState(), self.accords, self.picture)
        self.events: list[ClaimsEvent] = []
        self.refused: list[Refusal] = []
        self._planning = PictureRoom(self.picture, self.accords)
        self._rooms = Rooms([self.room])
        for peer, text in texts.items():
            talks, agreed_hash = self.accords.talks[peer], accord_hash(parse_accord(text))
            life_cycle.evolve(talks, AccordProposed(name, NOON, "watch", text))
            for party in (name, peer):
                life_cycle.evolve(talks, AccordAuthorised(party, NOON, "chief", agreed_hash, SIGNATURE))
        for command in self._planning.when_standing_changes(NOON):
            self.plan(command)
        for opening in self.room.when_standing_changes(NOON):
            self.do(opening)

    @property
    def claims(self) -> ClaimsState:
        return self.room.state

    def suspends(self, peer: str) -> None:
        """Suspend the accord; the peer has not heard of it yet."""
        suspended = AccordSuspended(self.name, self.world.now, "watch", self.claims.accords[peer], 1, "an incident")
        life_cycle.evolve(self.accords.talks[peer], suspended)

    def plan(self, command: PictureCommand) -> None:
        for event in self._planning.decide(command):
            self._planning.evolve(event)

    def do(self, command: ClaimsCommand | Heard[Claim]) -> list[ClaimsEvent]:
        """As the loop does: the need is checked, the events are folded, and what may leave is sent."""
        if (need := self.room.need_of(command)) is not None:
            self.accords.check(need, command.at)
        decided = self.room.decide(command)
        for event in decided:
            self.room.evolve(event)
            self.events.append(event)
            for peer, message, _ in self.room.messages_of(event):
                assert self.accords.allows(peer, message.activity, command.at)
                self.world.carry(self.name, peer, *write_tagged(message))
        return decided

    def read(self, kind: str, body: bytes) -> Message:
        return self._rooms.read_message(Channel.ROOMS, kind, body)

    def hear(self, sender: str, kind: str, body: bytes) -> None:
        try:
            self.do(Heard(self.world.now, sender, self.read(kind, body)))  # type: ignore[arg-type]
        except Refusal as refusal:
            self.refused.append(refusal)

    def replayed(self) -> ClaimsState:
        """The claims as a restart finds them."""
        again = ClaimsRoom(ClaimsState(), self.accords, self.picture)
        for event in self.events:
            again.evolve(again.decode(again.encode(event)))
        return again.state

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
        request = Request(request_id, self.name, about, self.world.now, self.claims.accords.get(peer, ACCORD))
        self.do(commands.AskRequest(self.world.now, self.name, peer, request))

    def reports(self, peer: str, incident_id: str, kind: IncidentClass = IncidentClass.UNSAFE_APPROACH) -> None:
        incident = Incident(
            incident_id, self.name, kind, volume(), (EVIDENCE,), RequestedAction.INVESTIGATE, self.world.now,
            self.claims.accords[peer],
        )  # fmt: skip
        self.do(commands.ReportIncident(self.world.now, self.name, peer, incident))

    def states(self, peer: str, opener: str, occurrence_id: str, words: str) -> None:
        statement = Statement(opener, occurrence_id, self.name, 1, self.world.now, words)
        self.do(commands.MakeStatement(self.world.now, self.name, peer, statement))

    def ticks(self) -> list[ClaimsEvent]:
        return self.do(commands.ClaimsTick(self.world.now, self.name))


class World:
    """Parties in a line: each has an accord with its neighbour. `held` keeps what is sent until `deliver`."""

    def __init__(
        self, count: int = 2, *, free_text: bool = True, keeps: tuple[SafetyFunction, ...] = tuple(SafetyFunction)
    ) -> None:
        self.now = NOON
        self.sides: dict[str, Side] = {}
        self.sent: list[tuple[str, str, str, bytes]] = []
        self.carried: list[tuple[datetime, str, str, bytes]] = []
        self.held = False
        self.tampering: Callable[[str, bytes], tuple[str, bytes]] = lambda kind, body: (kind, body)
        names = NAMES[:count]
        for number, name in enumerate(names):
            peers = [names[n] for n in (number - 1, number + 1) if 0 <= n < count]
            texts = {peer: agreed(name, peer, free_text=free_text, keeps=keeps) for peer in peers}
            self.sides[name] = Side(self, name, texts)

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self.sides.values())

    def carry(self, sender: str, peer: str, kind: str, body: bytes) -> None:
        self.sent.append((sender, peer, kind, body))
        self.carried.append((self.now, sender, kind, body))
        if not self.held:
            self.deliver()

    def deliver(self) -> None:
        while self.sent:
            sender, peer, kind, body = self.sent.pop(0)
            self.sides[peer].hear(sender, *self.tampering(kind, body))

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
