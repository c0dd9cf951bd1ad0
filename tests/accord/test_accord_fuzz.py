"""Whatever is handed in as an accord: terms, or a Refusal, and never anything else (R45)."""

from __future__ import annotations

import tomllib
from datetime import UTC
from typing import Any

import msgspec
import pytest
import tomli_w
from accord_samples import FULL, NORTH, SHORT, SOUTH
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detente.accord.accords import Accords
from detente.accord.difference import differences
from detente.accord.life_cycle import Side
from detente.accord.room import AccordRoom
from detente.accord.terms import Accord, accord_hash, canonical_bytes, format_accord, parse_accord
from detente.airspace.refusal import Refusal
from detente.record.keys import verify
from detente.room.channel import Channel
from detente.room.rooms import Rooms
from length import at_length, quickly

ROOMS = Rooms((AccordRoom(Accords(Side("north", NORTH), [], None), verify),))
LONG = at_length(2000)
SAMPLE = parse_accord(SHORT)
WORDS = [
    "name", "version", "parties", "valid", "start", "minima", "default", "by_class", "classes", "horizontal", "area",
    "polygon", "vertices", "altitude", "lower", "unit", "reference", "kind", "horizons", "lead_times", "suspension",
    "keeps", "posts", "escalation", "within", "matching", "radio", "channels", "frequency", "phrase_table", "datum",
    "position", "latitude_deg", "coalition", "authority_key", "public_key", "disclosure_rules", "level", "free_text",
]  # fmt: skip
scalars = st.one_of(
    st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.sampled_from(WORDS),
    st.sampled_from(["5 NM", "1000 ft", "0 s", "-1 s", "1e9 m", "9" * 400 + " m", "stop", "FL", NORTH, SOUTH]),
    st.datetimes(timezones=st.just(UTC)), st.dates(), st.times(),
)  # fmt: skip
keys = st.one_of(st.sampled_from(WORDS), st.text(min_size=1, max_size=8))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
documents = st.dictionaries(keys, values, max_size=12)


def judged(text: str) -> Accord | None:
    """Parse; nothing but a Refusal may come of it. What is accepted is read again from its own text as it is."""
    try:
        accord = parse_accord(text)
    except Refusal:
        return None
    again = parse_accord(format_accord(accord))
    assert canonical_bytes(again) == canonical_bytes(accord)
    assert accord_hash(again) == accord_hash(accord)
    differences(SAMPLE, accord)
    return accord


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [place]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        found += places(one, (*place, name))
    return found


def mutated(document: dict[str, Any], place: tuple[Any, ...], how: str, value: object) -> dict[str, Any]:
    changed: Any = tomllib.loads(tomli_w.dumps(document))
    if not place:
        return changed | ({"x": value} if how == "add" else {})
    holder = changed
    for step in place[:-1]:
        holder = holder[step]
    last = place[-1]
    if how == "drop":
        del holder[last]
    elif how == "twice" and isinstance(holder, list):
        holder.append(holder[last])
    elif how == "add" and isinstance(holder[last], dict):
        holder[last]["x"] = value
    else:
        holder[last] = value
    return changed


def check_random(document: dict[str, Any]) -> None:
    try:
        text = tomli_w.dumps(document)
    except (ValueError, TypeError, OverflowError):
        return
    judged(text)


def check_mutated(text: str, data: st.DataObject) -> None:
    document = tomllib.loads(text)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(places(document)))
        how = data.draw(st.sampled_from(["replace", "drop", "twice", "add"]))
        try:
            document = mutated(document, place, how, data.draw(values))
        except (ValueError, TypeError, OverflowError):
            return
    judged(tomli_w.dumps(document))


def check_bytes(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(at, min(len(text), at + 40)))
    judged(text[:at] + data.draw(st.text(max_size=20)) + text[end:])


_RULES = settings(deadline=None, suppress_health_check=list(HealthCheck))


@given(documents)
@settings(_RULES, max_examples=quickly(50))
def test_any_document_is_terms_or_a_refusal(document: dict[str, Any]) -> None:
    check_random(document)


@given(st.sampled_from([SHORT, FULL]), st.data())
@settings(_RULES, max_examples=quickly(50))
def test_any_change_of_a_valid_accord_is_terms_or_a_refusal(text: str, data: st.DataObject) -> None:
    check_mutated(text, data)


@given(st.sampled_from([SHORT, FULL]), st.data())
@settings(_RULES, max_examples=quickly(200))
def test_any_change_of_the_text_is_terms_or_a_refusal(text: str, data: st.DataObject) -> None:
    check_bytes(text, data)


@given(st.sampled_from(["accord_proposed", "accord_suspended", "accord_ended", "x"]), st.binary(max_size=200))
@settings(_RULES, max_examples=quickly(100))
def test_any_body_of_an_accord_message_is_one_or_a_refusal(kind: str, body: bytes) -> None:
    half = msgspec.json.encode({"message": kind, "at": body.hex()})
    for raw in (body, b'{"message":"' + kind.encode() + b'",' + body, half):
        with pytest.raises(Refusal):
            ROOMS.read_message(Channel.ACCORDS, kind, raw)


@pytest.mark.long
@given(documents)
@settings(_RULES, max_examples=LONG)
def test_any_document_at_length(document: dict[str, Any]) -> None:
    check_random(document)


@pytest.mark.long
@given(st.sampled_from([SHORT, FULL]), st.data())
@settings(_RULES, max_examples=LONG)
def test_any_change_of_a_valid_accord_at_length(text: str, data: st.DataObject) -> None:
    check_mutated(text, data)


@pytest.mark.long
@given(st.sampled_from([SHORT, FULL]), st.data())
@settings(_RULES, max_examples=LONG)
def test_any_change_of_the_text_at_length(text: str, data: st.DataObject) -> None:
    check_bytes(text, data)


@pytest.mark.parametrize(
    "text",
    [
        "", "\x00", "[" * 100_000, "a.b." * 200_000 + "c = 1", '"a".' * 200_000 + "c = 1",
        "[" + "a." * 200_000 + "b]", 'name = "' + "x" * 10**6, "name = 1\n" * 3,
        SHORT.replace('"5 NM"', '"' + "9" * 300 + ' NM"'), SHORT.replace("version = 1", "version = " + "9" * 5000),
        SHORT.replace("2025-06-01T00:00:00Z", "0001-01-01T00:00:00+23:59"), SHORT.replace("2025", "9999"),
    ],
)  # fmt: skip
def test_extremes_are_refused_or_read(text: str) -> None:
    judged(text)
