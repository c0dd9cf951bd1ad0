"""Parcels: the same envelopes as a file and as a mail, for the recipient's eyes alone, and nothing changed passes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link_parties import AT, NORTH, SOUTH, STRANGER, TO_SOUTH

from detente.airspace.refusal import Refusal
from detente.link.card import make_card
from detente.link.envelope import NO_PREVIOUS, Direction, Envelope, seal_envelope
from detente.link.parcel import PARCEL_MAGIC, SMALLEST_CONTENT_BYTES, as_mail, padded, read_parcel, write_parcel
from detente.link.receipt import sign_receipt
from length import quickly

CARD = make_card(SOUTH, "south", (), AT)


def sealed(count: int) -> list[Envelope]:
    found: list[Envelope] = []
    for number in range(1, count + 1):
        previous = found[-1].hash if found else NO_PREVIOUS
        found.append(seal_envelope(NORTH, TO_SOUTH, number, previous, AT, "note", bytes([number % 256, 0, 13, 10, 46])))
    return found


ENVELOPES = sealed(600)
RECEIPT = sign_receipt(NORTH, TO_SOUTH.reverse, 1, 600, ENVELOPES[-1].hash, AT)
PARCEL = write_parcel([*(envelope.raw for envelope in ENVELOPES), RECEIPT.raw], NORTH.public, CARD)
SMALL = write_parcel([ENVELOPES[0].raw], NORTH.public, CARD)


@pytest.mark.parametrize("form", ["file", "mail", "mail with other line ends"])
def test_what_is_carried_is_what_was_sealed(form: str) -> None:
    data = PARCEL if form == "file" else as_mail(PARCEL, "north", "south", AT)
    if form.endswith("ends"):
        data = data.replace(b"\r\n", b"\n")
    parcel = read_parcel(data, SOUTH)
    assert parcel.sender == NORTH.public
    assert [envelope.raw for envelope in parcel.envelopes] == [envelope.raw for envelope in ENVELOPES]
    assert [receipt.raw for receipt in parcel.receipts] == [RECEIPT.raw]
    assert b"".join(parcel.batches()) == b"".join(envelope.raw for envelope in ENVELOPES)
    assert len(parcel.batches()) == 3


def test_who_finds_the_stick_learns_sender_recipient_and_padded_size_only() -> None:
    other = write_parcel([ENVELOPES[0].raw, ENVELOPES[1].raw], NORTH.public, CARD)
    empty = write_parcel([], NORTH.public, CARD)
    assert len(SMALL) == len(other) == len(empty) > SMALLEST_CONTENT_BYTES
    header = PARCEL_MAGIC + f"sender {NORTH.public.hex()}\nrecipient {SOUTH.public.hex()}\n\n".encode()
    for parcel in (SMALL, other, empty, PARCEL):
        assert parcel.startswith(header)
        for word in (b"envelope", b"note", ENVELOPES[0].signature.hex().encode(), TO_SOUTH.accord.encode()):
            assert word not in parcel[len(header) :]
    again = write_parcel([ENVELOPES[0].raw], NORTH.public, CARD)
    assert not any(SMALL[len(header) + k : len(header) + k + 16] in again for k in range(0, 4096, 16)), (
        "a key each time"
    )
    for key in (NORTH, STRANGER):
        with pytest.raises(Refusal, match="our own key"):
            read_parcel(SMALL, key)
    readdressed = SMALL.replace(SOUTH.public.hex().encode(), STRANGER.public.hex().encode())
    with pytest.raises(Refusal, match="as it was sealed"):
        read_parcel(readdressed, STRANGER)


@pytest.mark.parametrize("length", [0, 1, 16 * 1024, 16 * 1024 + 1, 10**6, 10**6 + 1, 123_456_789])
def test_padding_never_shortens_and_costs_an_eighth_at_most(length: int) -> None:
    assert max(length, SMALLEST_CONTENT_BYTES) <= padded(length) <= max(length, SMALLEST_CONTENT_BYTES) * 1.12 + 1
    assert padded(padded(length)) == padded(length)


def check_refused(data: bytes) -> None:
    with pytest.raises(Refusal):
        read_parcel(data, SOUTH)


@settings(max_examples=quickly(300), deadline=None)
@given(st.integers(0, 8 * len(SMALL) - 1), st.integers(0, 2**32))
def test_a_bit_changed_anywhere_is_refused(bit: int, seed: int) -> None:
    changed = bytearray(SMALL)
    changed[bit // 8] ^= 1 << bit % 8
    check_refused(bytes(changed))
    chance = random.Random(seed)
    for _ in range(chance.randrange(1, 9)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    if bytes(changed) != SMALL:
        check_refused(bytes(changed))


@pytest.mark.long
def test_every_single_bit_is_covered() -> None:
    """The header and the encapsulated key bit by bit, the ciphertext by a bit of each byte."""
    for place in range(len(SMALL)):
        bits = range(8) if place < 260 or place > len(SMALL) - 17 else (place % 8,)
        for bit in bits:
            changed = bytearray(SMALL)
            changed[place] ^= 1 << bit
            check_refused(bytes(changed))


@settings(max_examples=quickly(200), deadline=None)
@given(st.binary(max_size=200) | st.integers(0, len(SMALL) - 1).map(lambda end: SMALL[:end]) | st.just(SMALL + b"\0"))
def test_what_is_no_parcel_or_is_cut_is_refused(data: bytes) -> None:
    check_refused(data)
    check_refused(PARCEL_MAGIC + data)


def test_nothing_of_a_third_party_rides_along() -> None:
    direction = Direction(STRANGER.public, SOUTH.public, TO_SOUTH.accord)
    foreign = seal_envelope(STRANGER, direction, 1, NO_PREVIOUS, AT, "note", b"")
    for documents in ([ENVELOPES[0].raw, foreign.raw], [b"nonsense"], [ENVELOPES[0].raw[:-1]]):
        check_refused(write_parcel(documents, NORTH.public, CARD))


def test_a_card_whose_key_seals_nothing_is_refused() -> None:
    card = make_card(SOUTH, "south", (), AT)
    weak = card.__class__(card.format, card.name, card.public_key, "00" * 32, (), AT, card.signature)
    with pytest.raises(Refusal, match="for which can be sealed"):
        write_parcel([], NORTH.public, weak)
