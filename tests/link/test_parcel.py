"""Parcels: the same envelopes as a file and as a mail, and nothing that is cut or foreign passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link_parties import AT, NORTH, SOUTH, TO_SOUTH

from detente.airspace.refusal import Refusal
from detente.link.envelope import NO_PREVIOUS, Envelope, seal_envelope
from detente.link.parcel import MAGIC, as_mail, read_parcel, write_parcel
from detente.link.receipt import sign_receipt


def sealed(count: int) -> list[Envelope]:
    found: list[Envelope] = []
    for number in range(1, count + 1):
        previous = found[-1].hash if found else NO_PREVIOUS
        found.append(seal_envelope(NORTH, TO_SOUTH, number, previous, AT, "note", bytes([number % 256, 0, 13, 10, 46])))
    return found


ENVELOPES = sealed(600)
RECEIPT = sign_receipt(SOUTH, TO_SOUTH, 1, 600, ENVELOPES[-1].hash, AT)
PARCEL = write_parcel([*(envelope.raw for envelope in ENVELOPES), RECEIPT.raw])


@pytest.mark.parametrize("form", ["file", "mail", "mail with other line ends"])
def test_what_is_carried_is_what_was_sealed(form: str) -> None:
    data = PARCEL if form == "file" else as_mail(PARCEL, "north", "south", AT)
    if form.endswith("ends"):
        data = data.replace(b"\r\n", b"\n")
    parcel = read_parcel(data)
    assert [envelope.raw for envelope in parcel.envelopes] == [envelope.raw for envelope in ENVELOPES]
    assert [receipt.raw for receipt in parcel.receipts] == [RECEIPT.raw]
    assert b"".join(parcel.batches()) == b"".join(envelope.raw for envelope in ENVELOPES)
    assert len(parcel.batches()) == 3


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.integers(1, len(PARCEL) - 1).map(lambda end: PARCEL[:end]))
def test_what_is_no_parcel_or_is_cut_is_refused_or_holds_what_came_before_the_cut(data: bytes) -> None:
    try:
        parcel = read_parcel(data)
    except Refusal:
        return
    held = [document.raw for document in (*parcel.envelopes, *parcel.receipts)]
    assert MAGIC + b"".join(held) == data
