"""Zones: both sides come to the same whatever the mail; a version counts when both are for it; nobody is waited for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from detente.accord.provisions import DEFAULT_ESCALATION
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Polygon, TimeWindow
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.picture.commands import KeepZone
from detente.picture.notices import Meaning
from detente.room.activity import Need, Ordinary
from detente.room.channel import Channel
from detente.room.message import Heard
from detente.room.rooms import Rooms
from detente.room.tagged import write_tagged
from detente.zones.messages import ZoneAccepted, ZoneMessage, ZoneProposed, ZoneRefused, ZoneReleased
from detente.zones.room import ZonesRoom
from detente.zones.talks import (
    SayZone,
    ZoneEvent,
    ZonePostCalled,
    Zones,
    ZoneStanding,
    ZoneTick,
    next_number,
    overdue_s,
    posts_called,
)
from detente.zones.terms import ZoneTerms, notices_of, version_of
from length import at_length


def shared(zones: Zones) -> list[object]:
    """What both parties know: equal on both sides once all mail is delivered."""
    return [
        (
            zone_id,
            sorted((msgspec.structs.replace(one, step=-1) for one in record.versions), key=lambda one: one.version),
            sorted(record.releases, key=lambda release: release.party),
        )
        for (_, zone_id), record in sorted(zones.records.items(), key=lambda item: item[0][1])
    ]


SIDES = ("north", "south")
NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
BAND = AltitudeBand(*(Altitude(m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (0.0, 6000.0)))


def other(side: str) -> str:
    return SIDES[1 - SIDES.index(side)]


def zone(east_deg: float = 0.0, owner: str = "north", meaning: Meaning = Meaning.KEEP_OUT, **rings: float) -> ZoneTerms:
    window = TimeWindow(NOON, NOON + timedelta(hours=2))
    return ZoneTerms(owner, meaning, Circle(Position(34.0, 20.0 + east_deg), 9260.0), BAND, window, **rings)


class Agreed:
    """Accords under which everybody is called by the ladder that stands when an accord says nothing."""

    def __init__(self, party: str) -> None:
        self.party = party

    def latest(self, _peer: str, _at: datetime) -> tuple[SimpleNamespace, str]:
        return SimpleNamespace(provisions=SimpleNamespace(escalation=DEFAULT_ESCALATION)), "ab" * 32


class Table:
    """Two parties and the mail between them, which keeps its order."""

    def __init__(self) -> None:
        self.rooms = {side: ZonesRoom(Zones(), Agreed(side)) for side in SIDES}  # type: ignore[arg-type]
        self.mail: dict[str, deque[tuple[str, bytes]]] = {side: deque() for side in SIDES}
        self.now = NOON

    @property
    def zones(self) -> dict[str, Zones]:
        return {side: room.state for side, room in self.rooms.items()}

    def do(self, side: str, command: object) -> list[ZoneEvent]:
        room = self.rooms[side]
        events = room.decide(command)  # type: ignore[arg-type]
        for event in events:
            room.evolve(room.decode(room.encode(event)))
            for addressed in room.messages_of(event):
                self.mail[addressed.peer].append(write_tagged(addressed.message))
        return events

    def say(self, message: ZoneMessage) -> None:
        self.do(message.party, SayZone(self.now, other(message.party), message))

    def deliver(self, side: str, count: int = 10**6) -> None:
        while self.mail[side] and count:
            message = Rooms([self.rooms[side]]).read_message(Channel.ROOMS, *self.mail[side].popleft())
            self.do(side, Heard(self.now, other(side), message))
            count -= 1

    def deliver_all(self) -> None:
        for side in SIDES:
            self.deliver(side)

    def record(self, side: str, zone_id: str = "z"):
        return self.zones[side].records.get((other(side), zone_id))

    def propose(self, side: str, terms: ZoneTerms, answers: str = "", zone_id: str = "z") -> str:
        number = next_number(self.record(side, zone_id))
        self.say(ZoneProposed(side, self.now, "watch", zone_id, terms, number, answers))
        return version_of(zone_id, terms)

    def accept(self, side: str, version: str, zone_id: str = "z") -> None:
        self.say(ZoneAccepted(side, self.now, "watch", zone_id, version))

    def standings(self, zone_id: str = "z") -> set[ZoneStanding]:
        return {self.record(side, zone_id).standing(self.now) for side in SIDES}


def test_a_zone_is_proposed_countered_agreed_moved_and_released() -> None:
    table = Table()
    first = table.propose("north", zone())
    table.deliver_all()
    assert table.standings() == {ZoneStanding.PROPOSED}
    second = table.propose("south", zone(0.1), answers=first)
    table.deliver_all()
    assert table.standings() == {ZoneStanding.COUNTERED}
    with pytest.raises(Refusal, match="version"):
        table.accept("south", second)
    with pytest.raises(Refusal, match="version"):
        table.accept("south", first)
    table.accept("north", second)
    table.deliver_all()
    assert table.standings() == {ZoneStanding.AGREED}
    moved = table.propose("south", zone(0.3))
    table.deliver_all()
    assert {table.record(side).agreed.version for side in SIDES} == {second}, "it stays until the move is agreed"
    table.accept("north", moved)
    table.deliver_all()
    assert {table.record(side).agreed.version for side in SIDES} == {moved}
    table.say(ZoneReleased("north", NOON, "watch", "z", "the exercise is over"))
    table.deliver_all()
    assert table.standings() == {ZoneStanding.RELEASED}
    with pytest.raises(Refusal, match="zone_id"):
        table.propose("south", zone(0.5))


def test_moves_that_cross_on_their_way_end_alike() -> None:
    table = Table()
    agreed = table.propose("north", zone())
    table.deliver_all()
    table.accept("south", agreed)
    table.deliver_all()
    one, two = table.propose("north", zone(0.1)), table.propose("south", zone(0.2))
    table.deliver_all()
    table.accept("north", two)
    table.accept("south", one)
    table.deliver_all()
    assert {table.record(side).agreed.version for side in SIDES} == {max(one, two)}
    assert shared(table.zones["north"]) == shared(table.zones["south"])


def test_a_proposal_that_nobody_answers_rings_the_next_post_and_is_overdue_on_both_sides() -> None:
    table = Table()
    version = table.propose("north", zone())
    table.deliver_all()
    called: dict[str, list[str]] = {side: [] for side in SIDES}
    for seconds in range(0, 400, 10):
        table.now = NOON + timedelta(seconds=seconds)
        for side in SIDES:
            for event in table.do(side, ZoneTick(table.now)):
                assert isinstance(event, ZonePostCalled)
                called[side].append(event.post)
    assert called["north"] == called["south"] == ["watch", "senior", "command"]
    assert posts_called(DEFAULT_ESCALATION, NOON, NOON + timedelta(seconds=31)) == ("watch", "senior")
    assert overdue_s(DEFAULT_ESCALATION, NOON, NOON + timedelta(seconds=209)) == 0.0
    assert overdue_s(DEFAULT_ESCALATION, NOON, NOON + timedelta(seconds=240)) == 30.0
    table.accept("south", version)
    table.deliver_all()
    assert table.do("north", ZoneTick(table.now)) == []


def test_the_proposals_of_one_party_hold_so_much_at_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides refuse alike: what a party has said itself counts, whichever zones and versions it is in."""
    monkeypatch.setattr("detente.zones.room.MOST_HELD", 38)
    table = Table()
    square = Polygon(tuple(Position(34.0 + lat, 20.0 + lon) for lat, lon in ((0, 0), (0, 0.1), (0.1, 0.1), (0.1, 0))))
    table.propose("north", msgspec.structs.replace(zone(), area=square))
    first = table.propose("south", zone(0.2), zone_id="y")
    table.propose("north", zone(0.1))
    table.deliver_all()
    table.accept("north", first, zone_id="y")
    with pytest.raises(Refusal, match="at most 38 vertices"):
        table.propose("north", msgspec.structs.replace(zone(0.3), area=square), zone_id="x")
    over = ZoneProposed("north", NOON, "watch", "x", msgspec.structs.replace(zone(0.3), area=square), 1)
    with pytest.raises(Refusal, match="at most 38 vertices"):
        table.do("south", Heard(NOON, "north", over))
    table.propose("north", zone(0.3), zone_id="x")
    table.propose("south", zone(0.3), zone_id="x2")
    table.deliver_all()
    assert shared(table.zones["north"]) == shared(table.zones["south"])


def test_rings_say_where_to_make_contact_and_where_to_hold() -> None:
    """12, 7 and 5 nautical miles about one point (R23)."""
    terms = zone(meaning=Meaning.CLOSED_TO_ALL, contact_at_m=22_224.0, hold_outside_m=12_964.0)
    notices = list(notices_of("fire", terms, SIDES))
    radii = {n.notice_id.rpartition(":")[2]: (n.volume.area.radius_m, n.meaning) for n in notices}
    assert radii == {
        "area": (9260.0, Meaning.CLOSED_TO_ALL),
        "hold": (12_964.0, Meaning.CALL_BEFORE_ENTERING),
        "contact": (22_224.0, Meaning.CALL_BEFORE_ENTERING),
    }
    assert {n.agreed_with for n in notices} == {"south"}
    for bad in ({"hold_outside_m": 9000.0}, {"contact_at_m": 12_000.0, "hold_outside_m": 13_000.0}):
        with pytest.raises(Refusal, match="_m"):
            zone(**bad)
    triangle = Polygon((Position(34.0, 20.0), Position(34.0, 21.0), Position(35.0, 20.0)))
    with pytest.raises(Refusal, match="no centre"):
        msgspec.structs.replace(terms, area=triangle)


def test_an_agreed_zone_counts_as_notices_until_it_is_released() -> None:
    table = Table()
    version = table.propose("north", zone())
    table.deliver_all()
    room = table.rooms["south"]
    message = ZoneAccepted("south", NOON, "watch", "z", version)
    assert room.need_of(SayZone(NOON, "north", message)) == Need("north", Ordinary.PLANNING)
    assert room.need_of(Heard(NOON, "north", message)) is None, (
        "what a peer said before it heard of a suspension counts"
    )
    (agreed,) = table.do("south", SayZone(NOON, "north", message))
    (keeps,) = room.reactions(agreed)
    assert keeps == KeepZone(NOON, "z:", "north", tuple(notices_of("z", zone(), SIDES)))
    (released,) = table.do("south", SayZone(NOON, "north", ZoneReleased("south", NOON, "watch", "z", "over")))
    assert list(room.reactions(released)) == [KeepZone(NOON, "z:", "north", ())]


@pytest.mark.parametrize(
    "change",
    [
        {"owner": "east"},
        {"time": TimeWindow(NOON - timedelta(hours=2), NOON - timedelta(hours=1))},
    ],
)
def test_a_zone_of_somebody_else_or_of_the_past_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Refusal):
        Table().propose("north", msgspec.structs.replace(zone(), **change))


@pytest.mark.parametrize(
    "message",
    [
        ZoneAccepted("south", NOON, "watch", "z", "ab" * 8),
        ZoneRefused("south", NOON, "watch", "unknown", "ab" * 8, "no"),
        ZoneReleased("south", NOON, "watch", "unknown", "no"),
        ZoneProposed("south", NOON, "watch", "y", zone(owner="east"), 1),
        ZoneProposed("north", NOON, "watch", "y", zone(), 1),
    ],
)
def test_what_a_peer_may_not_say_changes_nothing(message: ZoneMessage) -> None:
    table = Table()
    table.propose("north", zone())
    before = shared(table.zones["north"])
    with pytest.raises(Refusal):
        table.do("north", Heard(NOON, "south", message))
    assert shared(table.zones["north"]) == before


sides = st.sampled_from(SIDES)
ids = st.sampled_from(["y", "z"])
places = st.sampled_from([0.0, 0.1, 0.2])


class TwoParties(RuleBasedStateMachine):
    """Each side says what it likes; letters arrive in order, at any time later."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Table()

    def attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Refusal:
            return

    def pending(self, side: str, zone_id: str) -> list[str]:
        record = self.table.record(side, zone_id)
        return [] if record is None else [found.version for found in record.versions]

    @rule(side=sides, zone_id=ids, place=places, answer=st.booleans())
    def propose(self, side: str, zone_id: str, place: float, answer: bool) -> None:
        known = self.pending(side, zone_id)
        self.attempt(lambda: self.table.propose(side, zone(place), known[-1] if answer and known else "", zone_id))

    @rule(side=sides, zone_id=ids, which=st.integers(0, 3), agree=st.booleans())
    def answer(self, side: str, zone_id: str, which: int, agree: bool) -> None:
        known = self.pending(side, zone_id)
        if not known:
            return
        version = known[which % len(known)]
        message = (
            ZoneAccepted(side, self.table.now, "watch", zone_id, version)
            if agree
            else ZoneRefused(side, self.table.now, "watch", zone_id, version, "not there")
        )
        self.attempt(lambda: self.table.say(message))

    @rule(side=sides, zone_id=ids, rarely=st.integers(0, 4))
    def release(self, side: str, zone_id: str, rarely: int) -> None:
        if not rarely:
            self.attempt(lambda: self.table.say(ZoneReleased(side, self.table.now, "watch", zone_id, "over")))

    @rule(side=sides, count=st.integers(1, 3))
    def deliver(self, side: str, count: int) -> None:
        self.table.deliver(side, count)

    @rule(seconds=st.sampled_from([1, 60, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.table.now += timedelta(seconds=seconds)

    @invariant()
    def what_counts_was_agreed_by_both(self) -> None:
        for zones in self.table.zones.values():
            for record in zones.records.values():
                if record.agreed is not None:
                    assert {word.party for word in record.agreed.words if word.agrees} == set(SIDES)

    def teardown(self) -> None:
        self.table.deliver_all()
        north, south = self.table.zones["north"], self.table.zones["south"]
        assert shared(north) == shared(south)
        for (_, zone_id), record in north.records.items():
            theirs = south.records[("north", zone_id)]
            assert record.standing(self.table.now) is theirs.standing(self.table.now)
            assert (record.agreed and record.agreed.version) == (theirs.agreed and theirs.agreed.version)


def test_both_sides_come_to_the_same() -> None:
    steps = settings(max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(TwoParties, settings=steps)


@pytest.mark.long
def test_both_sides_come_to_the_same_at_length() -> None:
    examples = at_length(400)
    steps = settings(
        max_examples=examples, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(TwoParties, settings=steps)


def test_a_zone_that_is_over_leaves_and_its_id_is_not_used_again() -> None:
    table = Table()
    table.propose("north", zone(), zone_id="past")
    long = TimeWindow(NOON, NOON + timedelta(days=20))
    table.propose("north", msgspec.structs.replace(zone(), time=long), zone_id="current")
    table.deliver_all()
    for side in SIDES:
        table.rooms[side].forget(NOON + timedelta(hours=2))
        assert table.record(side, "past") is not None, "not before its window is over"
        table.rooms[side].forget(NOON + timedelta(hours=3))
        assert table.record(side, "past") is None
        assert table.record(side, "current") is not None
        with pytest.raises(Refusal, match="not over"):
            table.propose(side, zone(0.5), zone_id="past")
        assert table.rooms[side].restore(table.rooms[side].keep())() is None
        assert table.zones[side].left == {(other(side), "past")}
