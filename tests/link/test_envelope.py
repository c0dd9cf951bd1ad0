import contextlib
import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from link_parties import ACCORD, AT, NORTH, SOUTH, STRANGER, TO_SOUTH

from detente.airspace.refusal import Refusal
from detente.link.envelope import MAX_BODY_BYTES, NO_PREVIOUS, Direction, read_envelope, seal_envelope
from detente.link.receipt import read_receipt, sign_receipt
from detente.record.keys import NodeKey

kinds = st.from_regex(r"[a-z][a-z0-9._-]{0,63}", fullmatch=True)
hashes = st.binary(min_size=32, max_size=32)
instants = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
numbers = st.integers(1, 10**15 - 1)


def an_envelope(body=b'{"hello":1}', number=1, previous=NO_PREVIOUS, kind="note"):
    return seal_envelope(NORTH, TO_SOUTH, number, previous, AT, kind, body)


def a_receipt(first=1, last=3):
    return sign_receipt(SOUTH, TO_SOUTH, first, last, b"\7" * 32, AT)


def test_the_bytes_are_the_documented_ones():
    envelope = an_envelope(b"hello")
    signed = (
        f"detente-envelope-1\nsender {NORTH.public.hex()}\nrecipient {SOUTH.public.hex()}\naccord {ACCORD}\n"
        f"number 1\nprevious {'0' * 64}\nsent-at 2025-06-01T12:00:00.000250Z\nkind note\nbody-length 5\n"
        f"body-sha256 {hashlib.sha256(b'hello').hexdigest()}\n"
    ).encode()
    signature = envelope.signature
    Ed25519PublicKey.from_public_bytes(NORTH.public).verify(signature, signed)
    assert envelope.raw == signed + b"signature " + signature.hex().encode() + b"\n\nhello\n"
    assert envelope.hash == hashlib.sha256(signed).digest()


def test_the_receipt_is_the_documented_bytes():
    receipt = a_receipt()
    signed = (
        f"detente-receipt-1\nmeaning delivered\nsender {NORTH.public.hex()}\nrecipient {SOUTH.public.hex()}\n"
        f"accord {ACCORD}\nfirst 1\nlast 3\nlast-hash {'07' * 32}\nreceived-at 2025-06-01T12:00:00.000250Z\n"
    ).encode()
    Ed25519PublicKey.from_public_bytes(SOUTH.public).verify(receipt.signature, signed)
    assert receipt.raw == signed + b"signature " + receipt.signature.hex().encode() + b"\n\n"


@given(number=numbers, previous=hashes, sent_at=instants, kind=kinds, body=st.binary(max_size=300))
def test_what_is_sealed_is_read_back_and_verifies(number, previous, sent_at, kind, body):
    sealed = seal_envelope(NORTH, TO_SOUTH, number, previous, sent_at, kind, body)
    envelope, end = read_envelope(b"before" + sealed.raw + b"after", 6)
    assert envelope == sealed
    assert end == 6 + len(sealed.raw)
    assert (envelope.number, envelope.previous, envelope.sent_at) == (number, previous, sent_at)
    assert (envelope.kind, envelope.body) == (kind, body)
    assert envelope.is_signed_by(envelope.direction.sender)


@given(first=st.integers(1, 10**9), more=st.integers(0, 10**6), last_hash=hashes, received_at=instants)
def test_what_is_receipted_is_read_back_and_verifies(first, more, last_hash, received_at):
    signed = sign_receipt(SOUTH, TO_SOUTH, first, first + more, last_hash, received_at)
    receipt, end = read_receipt(signed.raw + b"after")
    assert receipt == signed
    assert end == len(signed.raw)
    assert (receipt.first, receipt.last, receipt.last_hash) == (first, first + more, last_hash)
    assert receipt.received_at == received_at
    assert receipt.is_signed_by([receipt.direction.recipient])


def test_a_time_with_another_offset_is_the_same_envelope():
    moscow = AT.astimezone(timezone(timedelta(hours=3)))
    assert seal_envelope(NORTH, TO_SOUTH, 1, NO_PREVIOUS, moscow, "note", b"").raw == an_envelope(b"").raw


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_flipped_bit_is_never_accepted(place, bit):
    for raw, read, signed in (
        (an_envelope().raw, read_envelope, lambda e: e.is_signed_by(e.direction.sender)),
        (a_receipt().raw, read_receipt, lambda r: r.is_signed_by([r.direction.recipient])),
    ):
        damaged = bytearray(raw)
        damaged[place % len(raw)] ^= 1 << bit
        try:
            document, _ = read(bytes(damaged))
        except Refusal:
            continue
        assert not signed(document)


@given(cut=st.integers(1, 10_000))
def test_a_cut_document_is_refused(cut):
    for raw, read in ((an_envelope().raw, read_envelope), (a_receipt().raw, read_receipt)):
        with pytest.raises(Refusal):
            read(raw[: len(raw) - 1 - cut % (len(raw) - 1)])


@given(st.binary(max_size=2000))
def test_any_bytes_are_refused_and_nothing_else(data):
    for read in (read_envelope, read_receipt):
        with pytest.raises(Refusal):
            read(data)


@given(
    place=st.integers(0, 10_000),
    drop=st.integers(0, 80),
    insert=st.one_of(st.binary(max_size=80), st.sampled_from([b"\n", b"\r\n", b" ", b"0", b"9" * 5000, b"\0"])),
)
def test_damaged_lines_raise_refusals_only(place, drop, insert):
    for raw, read in ((an_envelope().raw, read_envelope), (a_receipt().raw, read_receipt)):
        start = place % len(raw)
        with contextlib.suppress(Refusal):
            read(raw[:start] + insert + raw[start + drop :])


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b"detente-envelope-1", b"detente-envelope-2", "detente-envelope-1"),
        (b"\nnumber 1\n", b"\nnumber 01\n", "detente-envelope-1.number"),
        (b"\nnumber 1\n", b"\nnumber +1\n", "detente-envelope-1.number"),
        (b"\nnumber 1\n", b"\nnumber 0\n", "detente-envelope-1.number"),
        (b"\nnumber 1\n", b"\nnumber " + b"9" * 16 + b"\n", "detente-envelope-1.number"),
        (b"\nnumber 1\n", b"\nnumber \xd9\xa1\n", "detente-envelope-1.number"),
        (b"\nkind note\n", b"\nkind Note\n", "detente-envelope-1.kind"),
        (b"\nkind note\n", b"\nkind note \n", "detente-envelope-1.kind"),
        (b"\nkind note\n", b"\nkind note\nkind note\n", "detente-envelope-1.body-length"),
        (b"T12:00:00.000250Z", b"T12:00:00Z", "detente-envelope-1.sent-at"),
        (b"T12:00:00.000250Z", b"T24:00:00.000250Z", "detente-envelope-1.sent-at"),
        (b"T12:00:00.000250Z", b"T12:00:00.000250+00:00", "detente-envelope-1.sent-at"),
        (b"2025-06-01T", b"2025-02-30T", "detente-envelope-1.sent-at"),
        (b"body-length 5", b"body-length 05", "detente-envelope-1.body-length"),
        (b"body-length 5", b"body-length 4", "detente-envelope-1.body"),
        (b"body-length 5", b"body-length 6", "detente-envelope-1.body"),
        (b"body-length 5", b"body-length 8388609", "detente-envelope-1.body-length"),
        (b"body-length 5", b"body-length 99999999", "detente-envelope-1.body-length"),
        (b"\n\nhello\n", b"\n\nhallo\n", "detente-envelope-1.body"),
        (b"\n\nhello\n", b"\nhello\n", "detente-envelope-1.end"),
        (ACCORD.encode(), ACCORD.upper().encode(), "detente-envelope-1.accord"),
    ],
)
def test_each_line_has_one_spelling_and_a_refusal_names_it(old, new, field):
    raw = an_envelope(b"hello").raw
    assert raw.count(old) == 1
    with pytest.raises(Refusal) as caught:
        read_envelope(raw.replace(old, new))
    assert caught.value.field == field


def test_a_receipt_that_ends_before_it_begins_is_refused():
    raw = a_receipt(5, 5).raw.replace(b"\nlast 5\n", b"\nlast 4\n")
    with pytest.raises(Refusal, match=r"detente-receipt-1\.last"):
        read_receipt(raw)


def test_a_receipt_means_delivered_and_nothing_else():
    raw = a_receipt().raw.replace(b"meaning delivered", b"meaning approved")
    with pytest.raises(Refusal, match=r"detente-receipt-1\.meaning"):
        read_receipt(raw)


def test_a_signature_of_one_kind_of_document_is_none_of_another():
    envelope, receipt = an_envelope(), a_receipt()
    for key, signature, message in (
        (NORTH.public, envelope.signature, receipt.signed),
        (SOUTH.public, receipt.signature, envelope.signed),
    ):
        with pytest.raises(InvalidSignature):
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    assert envelope.signed.split(b"\n")[0] != receipt.signed.split(b"\n")[0]


def test_another_key_cannot_sign():
    with pytest.raises(Refusal, match="sender"):
        seal_envelope(STRANGER, TO_SOUTH, 1, NO_PREVIOUS, AT, "note", b"")
    with pytest.raises(Refusal, match="recipient"):
        sign_receipt(STRANGER, TO_SOUTH, 1, 1, b"\0" * 32, AT)
    forged = seal_envelope(
        STRANGER, Direction(STRANGER.public, SOUTH.public, ACCORD), 1, NO_PREVIOUS, AT, "note", b""
    ).raw.replace(STRANGER.public.hex().encode(), NORTH.public.hex().encode())
    assert not read_envelope(forged)[0].is_signed_by(read_envelope(forged)[0].direction.sender)


def test_what_cannot_be_sealed_is_refused():
    with pytest.raises(Refusal, match="body"):
        an_envelope(bytes(MAX_BODY_BYTES + 1))
    with pytest.raises(Refusal, match="kind"):
        an_envelope(kind="Note\nsender")
    with pytest.raises(Refusal, match="sent_at"):
        seal_envelope(NORTH, TO_SOUTH, 1, NO_PREVIOUS, datetime(2025, 6, 1), "note", b"")  # noqa: DTZ001


def test_the_largest_body_is_carried():
    envelope = an_envelope(bytes(MAX_BODY_BYTES))
    assert read_envelope(envelope.raw)[0].body == bytes(MAX_BODY_BYTES)


def test_the_same_content_signed_again_has_the_same_hash():
    key = NodeKey.generate()
    direction = Direction(key.public, SOUTH.public, ACCORD)
    first, second = (seal_envelope(key, direction, 1, NO_PREVIOUS, AT, "note", b"x") for _ in range(2))
    assert first.hash == second.hash
