"""Whatever bytes come in: every parser answers with what was meant or with a Refusal, and never with anything else."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link_parties import ACCORD, AT, NORTH, SOUTH, TO_SOUTH

from detente.accord.accords import Accords
from detente.accord.life_cycle import Side
from detente.accord.terms import Accord, AccordParty, canonical_bytes, format_accord, parse_accord
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.separation import Minima, MinimaTable
from detente.details.commitment import CommitmentOpening, read_opening, write_opening
from detente.line.messages import LineMessage
from detente.line.peer_messages import CodedMessage
from detente.line.room import LineRoom
from detente.line.state import LineState
from detente.link.answer import read_answer, write_answer
from detente.link.card import make_card, read_card, write_card
from detente.link.envelope import NO_PREVIOUS, read_envelope, seal_envelope
from detente.link.exhibit import check_exhibit, make_exhibit, write_exhibit
from detente.link.links import Links
from detente.link.parcel import as_mail, read_parcel, write_parcel
from detente.link.receipt import read_receipt, sign_receipt
from detente.link.reception import judge_batch
from detente.link.session import RECEIPT_SENT, RECEIVED, Session
from detente.link.standing import read_standing, sign_standing
from detente.link.transcript import export_parts, holding_of_entries, read_export
from detente.picture.picture import Picture
from detente.record.journal import Entry
from detente.room.channel import Channel
from detente.room.rooms import Rooms
from detente.room.tagged import write_tagged
from length import at_length

ACCORDS = Accords(Side("south", SOUTH.public.hex()), [Side("north", NORTH.public.hex())], None)
ROOMS = Rooms((LineRoom(LineState(), ACCORDS, Picture()),))
KIND, BODY = write_tagged(CodedMessage(LineMessage("north", "south", 1, "radio_check", AT)))
FIRST = seal_envelope(NORTH, TO_SOUTH, 1, NO_PREVIOUS, AT, KIND, BODY)
SECOND = seal_envelope(NORTH, TO_SOUTH, 2, FIRST.hash, AT, KIND, BODY)
RECEIPT = sign_receipt(SOUTH, TO_SOUTH, 1, 2, SECOND.hash, AT)
CARD = make_card(SOUTH, "south", ("http://127.0.0.1:1",), AT)
PLAIN = FIRST.raw + SECOND.raw
WINDOW = TimeWindow(AT, AT + timedelta(days=1))
BAND = AltitudeBand(*(Altitude(m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (0.0, 100.0)))
PLAN = Plan("p", (Volume4D(Circle(Position(34.0, 20.0), 5000.0), BAND, WINDOW),))
TERMS = Accord(
    "strait", 1, tuple(AccordParty(n, k.public.hex()) for n, k in (("north", NORTH), ("south", SOUTH))),
    WINDOW, MinimaTable(Minima(9260.0, 304.8, 0.0)),
)  # fmt: skip
EXTREMES = (b"0", b"-1", b"999999999999999", b"1e400", b"NaN", b"\xff", b"\x00", b"\r\n", b"[" * 500, b"{" * 500, b'"',
            b"\xed\xa0\x80", b"18446744073709551616", b" " * 100)  # fmt: skip


def envelopes(data: bytes) -> None:
    offset = 0
    while offset < len(data):
        envelope, end = read_envelope(data, offset)
        assert envelope.raw == data[offset:end]
        offset = end


def batch(data: bytes) -> None:
    links = Links(SOUTH.public)
    links.open(NORTH.public, ACCORD)
    judgement = judge_batch(links, SOUTH, data, AT, lambda _: pytest.fail("there is no entry"))
    answer = read_answer(judgement.answer)
    accepted = b"".join(envelope.raw for envelope in judgement.accepted)
    assert PLAIN.startswith(accepted), "nothing is accepted but what was signed, in its order"
    assert (answer.refused is None) == (judgement.status == 200)


def opened_parcel(data: bytes) -> None:
    """The form inside, as somebody who may seal for us could write it."""
    parcel = read_parcel(write_parcel([data], NORTH.public, CARD), SOUTH)
    assert b"".join(document.raw for document in (*parcel.envelopes, *parcel.receipts)) is not None
    b"".join(parcel.batches())


def accord(data: bytes) -> None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    terms = parse_accord(text)
    again = parse_accord(format_accord(terms))
    assert canonical_bytes(again) == canonical_bytes(terms)


def receipt(data: bytes) -> None:
    found, end = read_receipt(data)
    assert found.raw == data[:end]


ENTRIES = [
    Entry(number, AT, kind, body, b"")
    for number, (kind, body) in enumerate(
        ((RECEIVED, FIRST.raw), (RECEIVED, SECOND.raw), (RECEIPT_SENT, RECEIPT.raw)), start=1
    )
]
COPY = holding_of_entries(SOUTH.public, ENTRIES).transcripts[0]
EXPORT = b"".join(export_parts(COPY, lambda kind: [entry for entry in ENTRIES if entry.kind == kind]))
FULL = 'disclosure = "full"\n'
PROVISIONS = """free_text = true
lead_times = { default = "24 h", keep_out = "routine" }
line_checks = { every = "8 h", clock_alarm = "5 s" }
escalation = [ { post = "watch", within = "30 s" }, { post = "senior", within = "60 s" } ]
suspension = { keeps = ["stop", "safety_of_flight"] }
radio = { check_every = "7 d", channels = [ { use = "working", frequency = "130.0 MHz", language = "en" } ] }
datum = { name = "field", position = { latitude_deg = 35.3, longitude_deg = 40.1 } }
"""
ACCORD_TEXT = format_accord(TERMS).replace(FULL, FULL + PROVISIONS, 1)


STANDING = sign_standing(NORTH, Session(TO_SOUTH), AT)


PARSERS: dict[str, tuple[Callable[[bytes], object], tuple[bytes, ...]]] = {
    "envelope": (envelopes, (PLAIN, FIRST.raw)),
    "batch": (batch, (PLAIN, FIRST.raw, SECOND.raw)),
    "receipt": (receipt, (RECEIPT.raw,)),
    "standing": (read_standing, (STANDING.raw,)),
    "question": (batch, (STANDING.raw, STANDING.raw + RECEIPT.raw)),
    "parcel": (
        lambda data: read_parcel(data, SOUTH),
        (write_parcel([PLAIN], NORTH.public, CARD), as_mail(write_parcel([], NORTH.public, CARD), "n", "s", AT)),
    ),
    "opened parcel": (opened_parcel, (PLAIN, PLAIN + sign_receipt(NORTH, TO_SOUTH.reverse, 1, 1, FIRST.hash, AT).raw)),
    "accord": (accord, (format_accord(TERMS).encode(), ACCORD_TEXT.encode())),
    "card": (read_card, (write_card(CARD),)),
    "answer": (read_answer, (write_answer(read_answer(b'{"next_number":3}')),)),
    "opening": (read_opening, (write_opening(CommitmentOpening("5a" * 32, PLAN)),)),
    "line message": (lambda data: ROOMS.read_message(Channel.LINE, KIND, data), (BODY,)),
    "exhibit": (check_exhibit, (write_exhibit(make_exhibit(COPY.received, FIRST)),)),
    "export": (read_export, (EXPORT,)),
}  # fmt: skip


def mutated(seeds: tuple[bytes, ...], chance: random.Random) -> bytes:
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        place = chance.randrange(len(data) + 1)
        end = min(len(data), place + chance.choice((1, 2, 8, 64)))
        match chance.randrange(6):
            case 0 if data:
                data[place % len(data)] ^= 1 << chance.randrange(8)
            case 1:
                data[place:place] = chance.choice(EXTREMES)
            case 2:
                del data[place:end]
            case 3:
                data[place:end] = chance.choice(EXTREMES)
            case 4:
                data[place:place] = data[place:end] * chance.choice((1, 50))
            case _:
                other = chance.choice(seeds)
                start = chance.randrange(len(other) + 1)
                data[place:end] = other[start : start + chance.choice((1, 64, 4096))]
    return bytes(data)


def check(name: str, data: bytes) -> None:
    parse, _ = PARSERS[name]
    refused: Refusal | None = None
    try:
        parse(data)
    except Refusal as refusal:
        refused = refusal
    if refused is not None:
        assert refused.field
        assert len(str(refused)) < 10_000, "a refusal is a line, not a dump of what came"


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_meant_is_read(name: str) -> None:
    parse, seeds = PARSERS[name]
    for seed in seeds:
        parse(seed)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), data=st.binary(max_size=300))
def test_anything_is_read_or_refused(name: str, seed: int, data: bytes) -> None:
    check(name, data)
    check(name, mutated(PARSERS[name][1], random.Random(seed)))


@pytest.mark.long
@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=at_length(1_000), deadline=None)
@given(seed=st.integers(0, 2**64))
def test_anything_is_read_or_refused_long(name: str, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(3):
        check(name, mutated(PARSERS[name][1], chance))
