"""Messages, receipts, STOP, posts and hand-over between two lines, by a clock that the test sets."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from line_values import NOON, SEA_LEVEL
from line_world import COMMANDER, DUTY, MINISTRY, SUPERVISOR, TERMS, World

from detente.airspace.altitude import Altitude, AltitudeUnit
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.line.commands import DisplayLineMessage, LeaveWatch, PassOnLineMessage, SendLineMessage
from detente.line.decide import MOST_CALLS_A_TICK, decide
from detente.line.delivery import (
    DeliveryStanding,
    Hindrance,
    MessageDelivery,
    Obstacle,
    delivery_of,
    stops_without_person,
)
from detente.line.events import (
    LineDeliveryOverdue,
    LineMessageTaken,
    LinePostsCalled,
    LineReadBackJudged,
    LineWatchLeft,
    LineWatchTaken,
)
from detente.line.messages import LineMessage, Receipt, ReceiptKind
from detente.line.parameters import Height, Moment, Parameter, Place, Reference
from detente.line.peer_messages import CodedMessage, ReadBackJudgedMessage, ReceiptMessage
from detente.line.terms import LineTerms, Rung
from detente.room.activity import SafetyFunction
from detente.room.message import Heard

WHERE = Parameter("where", Place(Position(35.33, 40.14)))
NINE_KM_OFF = Parameter("where", Place(Position(35.41, 40.14)))
HEIGHT = Parameter("height", Height(Altitude(10_000.0, AltitudeUnit.FOOT, SEA_LEVEL)))
WHEN = Parameter("when", Moment(NOON))


def test_four_receipts_come_back_each_with_its_time_and_post() -> None:
    world = World()
    north, south = world.sides.values()
    south.watch(DUTY)
    sent = north.send("south", "aircraft_near_you", WHERE, HEIGHT, WHEN)
    world.run(3)
    south.do(DisplayLineMessage(south.now, "south", "north", "north:1", DUTY))
    world.run(3)
    south.take("north", "north:1")
    south.read_back("north", "north:1")
    world.run(3)
    south.do(PassOnLineMessage(south.now, "south", "north", "north:1", DUTY, "sector east controllers"))
    world.carry()
    record = north.line.messages[sent.key]
    kinds = [receipt.kind for receipt in record.receipts]
    assert kinds == list(ReceiptKind)
    times = [receipt.at for receipt in record.receipts]
    assert times == sorted(times)
    assert [receipt.post for receipt in record.receipts] == [None, DUTY, DUTY, DUTY]
    assert record.understood
    assert record.taken_by == DUTY
    assert south.line.messages[("north", "north:1")].receipts == record.receipts
    assert south.line.messages[("north", "north:1")].understood


def test_a_peer_keeps_so_many_messages_and_receipts_at_the_most_and_a_stop_is_never_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("detente.line.decide_messages.MOST_HEARD", 3)
    world = World()
    north, south = world.sides.values()
    for _ in range(4):
        north.send("south", "aircraft_near_you", WHERE, HEIGHT, WHEN)
    with pytest.raises(Refusal, match="at most 3 messages"):
        world.carry()
    assert [key for key in south.line.messages if key[0] == "north"] == [("north", f"north:{n}") for n in (1, 2, 3)]
    north.send("south", "stop")
    south.send("north", "aircraft_near_you", WHERE, HEIGHT, WHEN)
    world.carry()
    assert ("north", "north:5") in south.line.messages
    assert ("south", "south:1") in north.line.messages
    for second in range(100):
        receipt = Receipt(ReceiptKind.DISPLAYED, north.now + timedelta(seconds=second), DUTY)
        try:
            north.do(Heard(north.now, "south", ReceiptMessage("north:1", receipt)))
        except Refusal as refusal:
            assert "at most 64 receipts" in str(refusal)  # noqa: PT017 - how many were taken is what is asked
            break
    assert len(north.line.messages[("south", "north:1")].receipts) == 64


def test_nine_kilometres_off_is_caught_on_both_sides_and_rings_again() -> None:
    world = World()
    north, south = world.sides.values()
    south.watch(DUTY)
    north.send("south", "aircraft_near_you", WHERE, HEIGHT, WHEN)
    world.run(2)
    south.take("north", "north:1")
    south.read_back("north", "north:1", (NINE_KM_OFF, HEIGHT, WHEN))
    world.run(2)
    ours = north.line.messages[("south", "north:1")]
    theirs = south.line.messages[("north", "north:1")]
    assert ours.differences == theirs.differences
    assert [difference.name for difference in ours.differences or ()] == ["where"]
    assert theirs.taken_by is None
    assert theirs.key in south.line.waiting
    south.take("north", "north:1")
    south.read_back("north", "north:1", (WHERE, HEIGHT, WHEN))
    world.run(2)
    assert north.line.messages[("south", "north:1")].understood
    assert south.line.messages[("north", "north:1")].understood
    assert not south.line.waiting


@pytest.mark.parametrize("absent_for_s", [0, 20, 45])
def test_a_stop_reaches_a_person_in_less_than_a_minute_with_the_primary_post_absent(absent_for_s: int) -> None:
    """The duty officer is signed in and away. Every post is called at once; whoever comes first takes it."""
    world = World()
    north, south = world.sides.values()
    for post in (DUTY, SUPERVISOR, COMMANDER):
        south.watch(post)
    north.send("south", "stop")
    world.run(1)
    assert south.line.messages[("north", "north:1")].step == len(world.terms.ladder) - 1
    world.run(absent_for_s)
    south.take("north", "north:1", SUPERVISOR)
    world.run(1)
    (taken,) = south.found(LineMessageTaken)
    (heard,) = north.found(LineMessageTaken)
    assert taken.to_human_s < 60.0
    assert heard.to_human_s < 60.0
    assert heard.post == SUPERVISOR
    record = north.line.messages[("south", "north:1")]
    assert record.to_human_s == heard.to_human_s


def test_any_other_message_climbs_the_ladder_by_the_accords_deadlines_and_the_sender_sees_it() -> None:
    world = World()
    north, south = world.sides.values()
    for post in (DUTY, SUPERVISOR, COMMANDER, MINISTRY):
        south.watch(post)
    north.send("south", "aircraft_near_you", WHERE, HEIGHT, WHEN)
    seen = {}
    for second in range(1, 200):
        world.run(1)
        seen.setdefault(north.line.messages[("south", "north:1")].step, second)
    assert list(seen) == [0, 1, 2, 3]
    assert [seen[step] - seen[0] for step in (1, 2, 3)] == [30, 60, 120]
    called = [(event.step, event.again) for event in south.found(LinePostsCalled)]
    assert called == [(0, 0), (1, 0), (2, 0), (3, 0), (3, 1)]
    south.take("north", "north:1", MINISTRY)
    world.run(200)
    assert len(south.found(LinePostsCalled)) == 5


def test_a_primary_known_to_be_absent_is_not_waited_for() -> None:
    world = World()
    north, south = world.sides.values()
    south.watch(SUPERVISOR)
    north.send("south", "radio_check")
    world.run(1)
    assert south.line.messages[("north", "north:1")].step == 1
    nobody = World()
    nobody.sides["north"].send("south", "radio_check")
    nobody.run(1)
    assert nobody.sides["south"].line.messages[("north", "north:1")].step == 3


def test_a_sender_whose_message_does_not_arrive_is_told_to_use_another_carrier() -> None:
    world = World()
    north, south = world.sides.values()
    world.cut = True
    north.send("south", "radio_check")
    world.run(29)
    assert not north.found(LineDeliveryOverdue)
    world.run(90)
    assert len(north.found(LineDeliveryOverdue)) == 1
    assert north.line.messages[("south", "north:1")].overdue
    world.cut = False
    world.run(1)
    assert south.line.messages[("north", "north:1")].has(ReceiptKind.DELIVERED)
    assert not north.line.undelivered


def test_a_stop_alarms_its_sender_until_a_person_of_the_other_side_has_it() -> None:
    world = World()
    north, south = world.sides.values()
    world.cut = True
    record = north.send("south", "stop")

    def alarms() -> list[float]:
        return [(event.at - record.since).total_seconds() for event in north.found(LineDeliveryOverdue)]

    world.run(29)
    assert alarms() == [5.0], "not delivered"
    world.cut = False
    world.run(140)
    assert alarms() == [5.0, 30.0, 90.0, 150.0], "delivered, and nobody has it"
    north.restart()
    assert stops_without_person(north.line) == ("south north:1",)
    south.take("north", "north:1")
    world.run(200)
    assert len(alarms()) == 4, "a person has it"
    assert not stops_without_person(north.line)


def test_a_stop_that_is_delivered_at_once_alarms_nobody_before_the_first_deadline() -> None:
    world = World()
    north, _ = world.sides.values()
    north.send("south", "stop")
    world.run(29)
    assert not north.found(LineDeliveryOverdue)
    world.run(1)
    assert len(north.found(LineDeliveryOverdue)) == 1


def test_one_standing_of_a_message_from_its_sending_to_a_person() -> None:
    world = World()
    north, south = world.sides.values()
    world.cut, away = True, Obstacle(Hindrance.AWAY, "connection refused")

    def delivery() -> MessageDelivery:
        return delivery_of(north.line.messages[("south", "north:1")], away)

    north.send("south", "stop")
    assert delivery() == MessageDelivery(DeliveryStanding.NOT_DELIVERED, Hindrance.AWAY, "connection refused")
    world.cut = False
    world.run(2)
    assert delivery() == MessageDelivery(DeliveryStanding.DELIVERED, seconds=1.0)
    south.do(DisplayLineMessage(south.now, "south", "north", "north:1", DUTY))
    world.run(1)
    assert delivery() == MessageDelivery(DeliveryStanding.SHOWN, post=DUTY, seconds=1.0)
    south.take("north", "north:1", SUPERVISOR)
    world.run(1)
    assert delivery() == MessageDelivery(DeliveryStanding.WITH_A_PERSON, post=SUPERVISOR, seconds=4.0)


ENTERING = (Parameter("reference", Reference("zone-1")), WHEN)


def test_stop_safety_and_the_line_go_on_while_the_accord_is_suspended() -> None:
    world = World()
    world.sign()
    north, south = world.sides.values()
    north.suspend("south")
    world.run(1)
    for side, peer in ((north, "south"), (south, "north")):
        with pytest.raises(Refusal, match="suspended by north"):
            side.send(peer, "entering", *ENTERING)
        for code in ("stop", "stop_lifted", "radio_check"):
            side.send(peer, code)
        side.send(peer, "assistance_requested", WHERE)
    north.resume("south")
    world.run(1)
    south.send("north", "entering", *ENTERING)


def test_a_suspension_that_keeps_only_stop_lets_nothing_else_through_and_no_check_is_asked() -> None:
    world = World()
    world.sign((SafetyFunction.STOP,))
    north, south = world.sides.values()
    south.suspend("north")
    world.run(1)
    north.watch(DUTY)
    for code, parameters in (("radio_check", ()), ("assistance_requested", (WHERE,))):
        with pytest.raises(Refusal, match="goes on is: stop"):
            north.send("south", code, *parameters)
    sent = LineMessage("north", "south", 1, "radio_check", NOON)
    with pytest.raises(Refusal, match="goes on is: stop"):
        south.do(Heard(south.now, "north", CodedMessage(sent)))
    north.send("south", "stop")
    world.run(1)
    assert south.line.messages[("north", "north:1")].message.is_stop
    assert north.line.peers["south"].asked == 0
    south.resume("north")
    world.run(2)
    assert north.line.peers["south"].asked == 1


def test_a_stop_that_has_come_is_shown_whatever_the_accord_says() -> None:
    world = World()
    world.sign(())
    north, south = world.sides.values()
    with pytest.raises(Refusal, match="an accord that we have suspended"):
        south.send("north", "planning_suspended")
    south.suspend("north")
    north.send("south", "stop")
    world.carry()
    assert south.line.messages[("north", "north:1")].message.is_stop


def test_the_line_says_of_the_accord_only_what_is_so_and_changes_nothing_by_it() -> None:
    world = World()
    world.sign((SafetyFunction.STOP,))
    north, south = world.sides.values()
    with pytest.raises(Refusal, match="accord suspend"):
        north.send("south", "planning_suspended")
    north.suspend("south")
    world.run(1)
    with pytest.raises(Refusal, match="accord suspend"):
        south.send("north", "planning_suspended")
    with pytest.raises(Refusal, match="accord resume"):
        north.send("south", "planning_resumed")
    north.send("south", "planning_suspended")
    world.run(1)
    north.resume("south")
    world.run(1)
    untrue = LineMessage("north", "south", 2, "planning_suspended", NOON)
    south.do(Heard(south.now, "north", CodedMessage(untrue)))
    assert south.line.messages[("north", "north:2")].message == untrue
    south.send("north", "entering", *ENTERING)


def test_free_text_is_off_unless_the_accord_allows_it() -> None:
    world = World()
    with pytest.raises(Refusal, match="no free text"):
        world.sides["north"].send("south", "radio_check", free_text="hello")
    open_world = World(terms=msgspec.structs.replace(TERMS, free_text=True))
    assert open_world.sides["north"].send("south", "radio_check", free_text="hello").message.free_text == "hello"
    for text in ("", "x" * 141, "two\nlines"):
        with pytest.raises(Refusal):
            open_world.sides["north"].send("south", "radio_check", free_text=text)


def test_an_answer_fits_its_question() -> None:
    world = World()
    north, south = world.sides.values()
    north.send("south", "radio_check")
    world.run(1)
    with pytest.raises(Refusal, match="we_hear_you"):
        south.send("north", "stop_lifted", answers="north:1")
    with pytest.raises(Refusal, match="a message of north"):
        south.send("north", "we_hear_you", answers="north:2")
    south.send("north", "we_hear_you", answers="north:1")
    world.run(1)
    assert north.line.messages[("south", "south:1")].message.answers == "north:1"


def test_what_one_party_is_told_says_nothing_of_a_third() -> None:
    world = World(("north", "south", "west"))
    north = world.sides["north"]
    for _ in range(5):
        north.send("west", "radio_check")
    north.send("south", "radio_check")
    world.run(1)
    assert list(world.sides["south"].line.messages) == [("north", "north:1")]


def test_a_shift_hands_over_what_is_open() -> None:
    world = World()
    north, south = world.sides.values()
    south.watch(DUTY, "day")
    world.run(5)
    north.send("south", "stop")
    north.send("south", "aircraft_near_you", WHERE, HEIGHT, WHEN)
    north.send("south", "aircraft_near_you", NINE_KM_OFF, HEIGHT, WHEN)
    world.run(7)
    south.take("north", "north:1")
    south.take("north", "north:2")
    south.read_back("north", "north:2", (NINE_KM_OFF, HEIGHT, WHEN))
    world.run(1)
    south.send("north", "we_hear_you")
    world.cut = True
    assert south.watch(DUTY, "day") == []
    (taken,) = south.watch(DUTY, "night")
    assert isinstance(taken, LineWatchTaken)
    left = taken.hand_over
    assert left is not None
    assert (left.shift, left.sent, left.heard, left.stops) == ("day", 1, 3, 1)
    assert left.longest_to_first_human_s == 6.0
    assert left.unanswered == ("north north:2", "north north:3")
    assert left.not_understood == ("north north:2",)
    assert left.not_read_back == ("north north:3",)
    assert left.undelivered == ("north south:1",)
    (gone,) = south.do(LeaveWatch(south.now, "south", DUTY))
    assert isinstance(gone, LineWatchLeft)
    assert gone.hand_over.shift == "night"
    assert south.do(LeaveWatch(south.now, "south", DUTY)) == []


def test_nobody_speaks_for_another_and_no_post_is_invented() -> None:
    world = World()
    north, south = world.sides.values()
    north.send("south", "stop")
    world.run(1)
    with pytest.raises(Refusal, match="a post of the ladder"):
        south.take("north", "north:1", "janitor")
    with pytest.raises(Refusal, match="a message of north"):
        south.take("north", "north:9")
    with pytest.raises(Refusal, match="a message of south"):
        north.take("south", "north:1")
    with pytest.raises(Refusal, match="a post of a ladder"):
        south.watch("janitor")
    with pytest.raises(Refusal, match="a paired party"):
        north.send("west", "stop")
    with pytest.raises(Refusal, match="a party with an accord"):
        decide(north.line, SendLineMessage(NOON, "north", "west", "stop"))


def test_one_number_never_bears_two_messages() -> None:
    world = World()
    north, south = world.sides.values()
    north.send("south", "stop")
    world.run(1)
    other = LineMessage("north", "south", 1, "stop_lifted", NOON)
    with pytest.raises(Refusal, match="one number bears two messages"):
        south.do(Heard(south.now, "north", CodedMessage(other)))


def test_a_read_back_of_what_was_not_read_back_is_not_judged() -> None:
    world = World()
    north, south = world.sides.values()
    north.send("south", "radio_check")
    world.run(1)
    with pytest.raises(Refusal, match="that we read back"):
        south.do(Heard(south.now, "north", ReadBackJudgedMessage("north:1", ())))
    assert not south.found(LineReadBackJudged)


@pytest.mark.parametrize(
    ("ladder", "field"),
    [
        ((), "ladder"),
        ((Rung("a", 5.0),), "ladder[0].after"),
        ((Rung("a", 0.0), Rung("a", 5.0)), "ladder[1]"),
        ((Rung("a", 0.0), Rung("b", 9.0), Rung("c", 5.0)), "ladder[2]"),
    ],
)
def test_a_ladder_that_cannot_be_climbed_is_refused(ladder: tuple[Rung, ...], field: str) -> None:
    with pytest.raises(Refusal) as refused:
        LineTerms(ladder)
    assert refused.value.field == field


def test_deadlines_are_the_accords_own() -> None:
    world = World(terms=LineTerms((Rung("tower", 0.0), Rung("chief", 5.0))))
    north, south = world.sides.values()
    south.watch("tower")
    north.send("south", "radio_check")
    world.run(1)
    assert south.line.messages[("north", "north:1")].step == 0
    world.run(5)
    assert south.line.messages[("north", "north:1")].step == 1
    assert south.now - NOON == timedelta(seconds=6)


def test_a_flood_of_messages_is_called_for_a_few_at_a_time_and_a_stop_at_once() -> None:
    world = World()
    north, south = world.sides["north"], world.sides["south"]
    for _ in range(3 * MOST_CALLS_A_TICK):
        south.send("north", "radio_check")
    south.send("north", "stop")
    world.carry()
    world.now += timedelta(seconds=181.0)
    ticks = [[event for event in north.tick() if isinstance(event, LinePostsCalled)] for _ in range(5)]
    stop = f"south:{3 * MOST_CALLS_A_TICK + 1}"
    assert stop in [event.message_id for event in ticks[0]], "it waits behind none of them"
    assert max(len(tick) for tick in ticks) <= MOST_CALLS_A_TICK + 1
    called = [event.message_id for tick in ticks for event in tick]
    assert len(set(called)) == len(called) == 3 * MOST_CALLS_A_TICK + 1, "each once"
