"""Voice codes: what is said is typed, and what a voice does to it is caught; a whole exchange without a network."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_values import NOON, SEA_LEVEL, coded
from line_world import DUTY, SUPERVISOR, World

from detente.airspace.altitude import Altitude, AltitudeUnit
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.line.check_digits import ALPHABET
from detente.line.commands import HeardByVoice
from detente.line.messages import Carrier, LineMessage, Receipt, ReceiptKind
from detente.line.parameters import Height, Moment, Parameter, Place
from detente.line.peer_messages import CodedMessage, ReadBackJudgedMessage, ReceiptMessage, SpokenMessage, TakenMessage
from detente.line.read_back import Units, read_back
from detente.line.terms import Datum
from detente.line.voice import read_voice_code, voice_code
from detente.room.message import Heard
from length import quickly

DATUM = Datum("field", Position(35.3, 40.1))
WHERE = Parameter("where", Place(Position(35.33, 40.14)))
HEIGHT = Parameter("height", Height(Altitude(10_000.0, AltitudeUnit.FOOT, SEA_LEVEL)))
WHEN = Parameter("when", Moment(NOON))


@st.composite
def spoken(draw: st.DrawFn) -> SpokenMessage:
    code, parameters = draw(coded())
    number = draw(st.integers(1, 9_999))
    match draw(st.integers(0, 3)):
        case 0:
            answers = draw(st.sampled_from([None, "south:7"]))
            return CodedMessage(LineMessage("north", "south", number, code, NOON, parameters, answers))
        case 1:
            return TakenMessage(f"south:{number}", draw(st.sampled_from([DUTY, SUPERVISOR])))
        case 2:
            return ReadBackJudgedMessage(f"north:{number}", ())
        case _:
            units = draw(st.sampled_from([Units(), Units(AltitudeUnit.FOOT)]))
            given_back = read_back(code, parameters, units, DATUM)
            return ReceiptMessage(f"south:{number}", Receipt(ReceiptKind.READ_BACK, NOON, DUTY, given_back))


@settings(max_examples=quickly(300), deadline=None)
@given(spoken())
def test_what_is_said_is_what_is_typed(message: SpokenMessage) -> None:
    code = voice_code(message)
    assert code
    assert read_voice_code(code.lower().replace("-", " "), "north", "south") == message


@settings(max_examples=quickly(100), deadline=None)
@given(spoken(), st.randoms(use_true_random=False))
def test_one_wrong_character_or_two_exchanged_are_caught(message: SpokenMessage, chance: random.Random) -> None:
    code = voice_code(message).replace("-", "")
    for place in range(len(code)):
        other = chance.choice([character for character in ALPHABET if character != code[place]])
        with pytest.raises(Refusal, match="again"):
            read_voice_code(code[:place] + other + code[place + 1 :], "north", "south")
        if place + 1 < len(code) and code[place] != code[place + 1]:
            exchanged = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
            with pytest.raises(Refusal, match="again"):
                read_voice_code(exchanged, "north", "south")


def test_a_stop_is_three_groups_and_what_has_no_code_says_so() -> None:
    stop = voice_code(CodedMessage(LineMessage("north", "south", 12, "stop", NOON)))
    assert len(stop.split("-")) <= 3
    assert voice_code(CodedMessage(LineMessage("north", "south", 1, "stop", NOON, free_text="hello"))) == ""
    assert voice_code(ReceiptMessage("south:1", Receipt(ReceiptKind.DELIVERED, NOON))) == ""


@settings(max_examples=quickly(300), deadline=None)
@given(st.text(max_size=60) | st.text(ALPHABET, max_size=80))
def test_what_is_no_code_is_refused_and_nothing_else_happens(text: str) -> None:
    try:
        read_voice_code(text, "north", "south")
    except Refusal:
        return


def test_a_whole_exchange_by_voice_and_its_envelopes_confirm_it_later() -> None:
    """Everything is cut. Two officers read codes to each other: message, somebody has it, read-back, judgement."""
    world = World()
    world.cut = True
    north, south = world.sides.values()
    south.watch(DUTY)
    record = north.send("south", "aircraft_near_you", WHERE, HEIGHT, WHEN)

    def tell(sender: str, message: SpokenMessage) -> None:
        recipient = world.sides["south" if sender == "north" else "north"]
        heard = read_voice_code(voice_code(message), sender, recipient.party)
        recipient.do(HeardByVoice(recipient.now, sender, heard))

    tell("north", CodedMessage(record.message))
    held = south.line.messages[("north", "north:1")]
    assert held.carrier is Carrier.VOICE
    assert held.message == record.message
    assert held.step == 0
    south.take("north", "north:1")
    tell("south", TakenMessage("north:1", DUTY))
    assert north.line.messages[record.key].taken_by == DUTY
    south.read_back("north", "north:1")
    receipt = south.line.messages[("north", "north:1")].receipts[-1]
    tell("south", ReceiptMessage("north:1", receipt))
    assert north.line.messages[record.key].understood
    tell("north", ReadBackJudgedMessage("north:1", ()))
    assert south.line.messages[("north", "north:1")].understood
    world.cut = False
    world.run(2)
    assert south.line.messages[("north", "north:1")].carrier is Carrier.ENVELOPE
    assert south.line.messages[("north", "north:1")].understood
    taken = [event for event in north.events if type(event).__name__ == "LineMessageTaken"]
    assert len(taken) == 1


def test_an_envelope_that_says_otherwise_than_the_voice_is_refused() -> None:
    world = World()
    _, south = world.sides.values()
    spoken_stop = CodedMessage(LineMessage("north", "south", 1, "stop", NOON))
    south.do(HeardByVoice(NOON, "north", spoken_stop))
    with pytest.raises(Refusal, match="came by voice"):
        south.do(Heard(NOON, "north", CodedMessage(LineMessage("north", "south", 1, "stop_lifted", NOON))))
