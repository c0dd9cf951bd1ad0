"""Every message of every room of a node: its tag is its own, and it is read on its own channel and on no other."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any, get_args

import msgspec
import pytest
from msgspec import inspect
from one_node import KEYS, node_state
from parties import TODAY, area_plan

from detente.airspace.plan import Plan, Volume4D
from detente.airspace.refusal import Refusal
from detente.link.card import Card, make_card
from detente.room.activity import Ordinary, SafetyFunction
from detente.room.channel import Channel
from detente.room.message import Addressed, Heard, Message
from detente.room.past import PAST
from detente.room.room import members_of, message_kind
from detente.room.tagged import tag_of, write_tagged

STATE = node_state()
CHANNELS = {
    "accord": {Channel.ACCORDS}, "card": {Channel.ACCORDS}, "event": {Channel.PLANNING},
    "line": {Channel.LINE, Channel.STOP},
}  # fmt: skip
"""Where the messages of these rooms may come; those of all others come on the channel that rooms share."""
ANYWHERE = {"set_back", "key_rotated"}
NEVER_SPEAKS = {"people", PAST}
"""No peer hears of persons."""
ALWAYS = {
    "accord_proposed", "accord_authorised", "accord_suspended", "accord_resumed", "accord_ended", "details_given",
    "humanitarian_notified", "humanitarian_withdrawn", "humanitarian_receipt",
    "line_message", "line_receipt", "line_taken", "line_called", "line_read_back_judged", "line_check_answer",
    "line_check_result", "line_radio_report", "members_informed", "claim_not_taken", "match_message", "match_done",
    "match_aborted", "match_flown", "not_taken", "set_back", "card_renewed", "key_revoked", "key_rotated",
}  # fmt: skip
"""What leaves whether an accord is in force or not: accords, what answers, and what its room lets pass or not."""
MESSAGES = [(room, kind) for room in STATE.rooms for kind in members_of(room.messages)]
NAMES = [tag_of(kind) for _, kind in MESSAGES]

VALUES: dict[str, Any] = {
    "accord_hash": "ab" * 32, "sha256": hashlib.sha256(b"{}").hexdigest(), "document": "{}", "salt": "5a" * 32,
    "signature": "ab" * 64, "version": "ab" * 8, "start": "2025-06-01T12:00:00Z", "end": "2025-06-01T13:00:00Z",
    "code": "radio_check", "frequency_khz": 130_000, "volumes": [msgspec.to_builtins(area_plan("p").intent[0])],
    "rotations": ["a"],
}  # fmt: skip
"""What a field of this name holds, where its type does not say enough."""
WHOLE: dict[type, Any] = {
    Plan: area_plan("p"), Volume4D: area_plan("p").intent[0],
    Card: make_card(KEYS["south"], "south", (), TODAY),
}  # fmt: skip


def smallest(kind: inspect.Type, name: str = "") -> Any:
    """The JSON of a value of a type with no field that can be left out."""
    match kind:
        case _ if name in VALUES:
            return VALUES[name]
        case inspect.StructType(cls=cls) if cls in WHOLE:
            return msgspec.to_builtins(WHOLE[cls])
        case inspect.StructType(cls=cls, fields=fields, tag_field=tag_field, tag=tag):
            needed = {field.encode_name: smallest(field.type, field.name) for field in fields if field.required}
            if cls.__name__ == "Statement":
                needed["words"] = "we were there"
            return needed | ({} if tag_field is None else {tag_field: tag})
        case inspect.EnumType(cls=cls):
            return next(iter(cls)).value
        case inspect.UnionType(types=types):
            return smallest(types[0])
        case inspect.StrType():
            return "ab" * 32 if name.endswith("sha256") else "a"
        case inspect.DateTimeType():
            return "2025-06-01T12:00:00Z"
        case inspect.BoolType():
            return True
        case inspect.IntType() | inspect.FloatType():
            return 1
        case inspect.VarTupleType(item_type=item):
            return [smallest(item, name)] if name.endswith("sha256") else []
    raise AssertionError(f"{name}: say what a {kind} may hold")


def body_of(kind: type) -> bytes:
    return msgspec.json.encode(smallest(inspect.type_info(kind)))


def test_every_message_has_a_tag_of_its_own_a_channel_and_an_activity() -> None:
    assert [tag for tag, count in Counter(NAMES).items() if count > 1] == []
    assert {room.name for room, _ in MESSAGES} == {room.name for room in STATE.rooms} - NEVER_SPEAKS
    for room, kind in MESSAGES:
        assert issubclass(kind, Message), kind
        assert kind.__struct_config__.tag_field == "message", kind
        assert kind.channel in CHANNELS.get(room.name, {Channel.ROOMS}), kind
        assert isinstance(kind.activity, get_args(Ordinary | SafetyFunction)), kind
    assert {tag_of(kind) for _, kind in MESSAGES if kind.activity is Ordinary.ALWAYS} == ALWAYS
    planning = {room.name for room, kind in MESSAGES if kind.activity is Ordinary.PLANNING}
    assert planning == {"event", "zone", "matching", "watch"}


@pytest.mark.parametrize(("room", "kind"), MESSAGES, ids=NAMES)
def test_a_message_is_read_where_it_may_come_and_refused_elsewhere(room: Any, kind: Any) -> None:
    tag, body = tag_of(kind), body_of(kind)
    allowed = set(Channel) if tag in ANYWHERE else CHANNELS.get(room.name, {Channel.ROOMS})
    for channel in Channel:
        if channel in allowed:
            message = STATE.rooms.read_message(channel, tag, body)
            assert (type(message), message_kind(message)) == (kind, tag)
            assert STATE.rooms.read_message(channel, *write_tagged(message)) == message
            assert STATE.rooms.of_command(Heard(TODAY, "south", message)) is room
            assert isinstance(message.subject, str)
            assert Addressed("south", message).goes_on in allowed
        else:
            with pytest.raises(Refusal, match=f"the channel of {tag}") as refused:
                STATE.rooms.read_message(channel, tag, body)
            assert refused.value.field == "envelope.accord"


@pytest.mark.parametrize(("room", "kind"), MESSAGES, ids=NAMES)
def test_a_body_is_read_as_its_own_kind_alone(room: Any, kind: Any) -> None:
    """Neither an envelope's kind nor a field that the message has not can pass something off as something else."""
    tag, body = tag_of(kind), body_of(kind)
    for other in {*NAMES, *(tag_of(event) for event in members_of(room.events)), ""} - {tag}:
        with pytest.raises(Refusal):
            STATE.rooms.read_message(kind.channel, other, body)
    for wrong in ({**msgspec.json.decode(body), "one_more": 1}, {"message": tag, "": 1}, [], {}):
        with pytest.raises(Refusal) as refused:
            STATE.rooms.read_message(kind.channel, tag, msgspec.json.encode(wrong))
        assert refused.value.field
