from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.airspace.refusal import Refusal
from detente.record.chain import Genesis, entry_hash, head_message, joined, kind_field


def by_the_book(*fields: bytes) -> bytes:
    """docs/reference/journal.md, written down once more."""
    return b"".join(len(field).to_bytes(8, "big") + field for field in fields)


@given(
    st.binary(min_size=32, max_size=32),
    st.integers(1, 2**63 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.from_regex(r"[a-z][a-z0-9._-]{0,63}", fullmatch=True),
    st.binary(max_size=200),
)
def test_an_entry_is_hashed_as_documented(previous, number, at_us, kind, body):
    numbers = number.to_bytes(8, "big"), at_us.to_bytes(8, "big", signed=True)
    expected = hashlib.sha256(by_the_book(b"detente journal 1 entry", previous, *numbers, kind.encode(), body)).digest()
    assert entry_hash(previous, number, at_us, kind_field(kind), body) == expected


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32), st.integers(0, 2**62))
def test_a_genesis_is_hashed_as_documented(journal_id, public_key, created_at_us):
    fields = by_the_book(b"detente journal 1 genesis", journal_id, public_key, created_at_us.to_bytes(8, "big"))
    assert Genesis(journal_id, public_key, created_at_us).hash == hashlib.sha256(fields).digest()


def test_a_head_is_signed_as_documented():
    expected = by_the_book(b"detente journal 1 head", (3).to_bytes(8, "big"), (6).to_bytes(8, "big"), b"h" * 32)
    assert head_message(3, 6, b"h" * 32) == expected


@given(st.lists(st.binary(max_size=12), max_size=4), st.lists(st.binary(max_size=12), max_size=4))
def test_two_sequences_of_fields_never_give_the_same_bytes(first, second):
    assert (joined(first) == joined(second)) == (first == second)


def test_the_hashes_are_pinned():
    genesis = Genesis(bytes(16), bytes(range(32)), 1_748_788_200_123_456)
    assert genesis.hash.hex() == "88ad7a4c034b0dd855911e27a6ab0f6078086be3a895331a23316474628a1b03"
    first = entry_hash(genesis.hash, 1, 1_748_788_200_123_456, kind_field("event"), b"body")
    assert first.hex() == "932307bc80344dfa8c272b2b697a4353c65e623b52a8c982b7b2695663dcdb52"


@pytest.mark.parametrize("kind", ["", "Event", "1st", "a b", "é", "a" * 65, "a\n", "event\x00"])
def test_a_kind_is_a_lower_case_word(kind):
    with pytest.raises(Refusal, match="kind"):
        kind_field(kind)
