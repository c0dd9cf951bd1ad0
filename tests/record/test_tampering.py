"""Whatever is changed in a journal by someone without its key, verification names the first bad entry."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_cases import FIRST_OF_BATCH, copy_journal, make_journal, rehash, rows_of, tamper

from detente.airspace.refusal import Refusal
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.record.verification import BadEntry, JournalFault, verify_journal
from length import at_length, quickly

COLUMNS = ("at_us", "kind", "body", "hash")


@pytest.fixture(scope="module")
def key() -> NodeKey:
    return NodeKey.generate()


@pytest.fixture(scope="module")
def original(tmp_path_factory, key):
    path = tmp_path_factory.mktemp("original") / "journal.db"
    make_journal(path, key)
    tamper(path)
    return path


@pytest.fixture
def copy(original, tmp_path):
    return copy_journal(original, tmp_path / "copy.db")


def found_bad(path) -> BadEntry:
    bad = verify_journal(path).bad
    assert bad is not None, "the change went unseen"
    return bad


def first_bad(path) -> int:
    return found_bad(path).number


def encoded(value) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(8, "big", signed=True)
    return value.encode() if isinstance(value, str) else value


def decoded(column: str, data: bytes):
    return int.from_bytes(data, "big", signed=True) if column in ("at_us", "number", "created_at_us") else data


def flips(data: bytes, every_bit: bool):
    for place in range(len(data)):
        for bit in range(8) if every_bit else (random.Random(place).randrange(8),):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            yield bytes(changed)


def check_every_field(path, every_bit: bool) -> int:
    """Flip bits of every stored byte, one at a time; return how many were flipped."""
    count = 0
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")

        def try_flips(update: str, column: str, value, expected: tuple[int, ...], *where) -> None:
            nonlocal count
            for changed in flips(encoded(value), every_bit):
                connection.execute(update, (decoded(column, changed), *where))
                bad = found_bad(path)
                assert bad.number in expected, f"{column} of {where} as {changed!r}: {bad}"
                count += 1
                connection.execute(update, (value, *where))

        for number, *values, signature in rows_of(path):
            for column, value in zip(COLUMNS, values, strict=True):
                placeholder = "CAST(? AS TEXT)" if column == "kind" else "?"
                update = f"UPDATE entry SET {column} = {placeholder} WHERE number = ?"
                try_flips(update, column, value, (number,), number)
            if signature is not None:
                update = "UPDATE entry SET signature = ? WHERE number = ?"
                try_flips(update, "signature", signature, (FIRST_OF_BATCH[number],), number)
        genesis = connection.execute("SELECT * FROM journal").fetchone()
        for column, value in zip(("journal_id", "public_key", "created_at_us", "signature"), genesis, strict=True):
            try_flips(f"UPDATE journal SET {column} = ?", column, value, (0,))
    assert verify_journal(path).ok, "after every flip was taken back"
    return count


def test_a_flipped_bit_in_any_byte_of_any_field_is_named(copy):
    assert check_every_field(copy, every_bit=False) > 700


@pytest.mark.long
def test_every_flipped_bit_of_every_field_is_named(copy):
    assert check_every_field(copy, every_bit=True) > 5600


@pytest.mark.parametrize("number", range(1, 8))
@pytest.mark.parametrize("other", [-9, 0, 3, 4, 8, 99, 2**62])
def test_a_renumbered_entry_is_named(copy, number, other):
    if other in range(1, 8):
        tamper(copy, f"DELETE FROM entry WHERE number = {other}") if other != number else None
    tamper(copy, f"UPDATE entry SET number = {other} WHERE number = {number}")
    if number == other:
        assert verify_journal(copy).ok
    else:
        # A row before the first, or in the place of a later one, is met before or after its own place.
        assert first_bad(copy) == (1 if other < 1 else min(number, other))


@pytest.mark.parametrize("number", range(1, 8))
def test_a_dropped_entry_is_named(copy, number):
    tamper(copy, f"DELETE FROM entry WHERE number = {number}")
    if number == 7:
        assert verify_journal(copy).ok, "the newest batch alone leaves no trace in the file"
    else:
        assert first_bad(copy) == number


@pytest.mark.parametrize("number", range(1, 7))
def test_entries_dropped_and_closed_up_are_named(copy, number):
    """Delete one, move the later ones up, compute the chain anew: only the signatures remain to say so."""
    tamper(
        copy,
        f"DELETE FROM entry WHERE number = {number}",
        f"UPDATE entry SET number = -number WHERE number > {number}",
        "UPDATE entry SET number = -number - 1 WHERE number < 0",
    )
    assert first_bad(copy) == number
    if number > 1:
        rehash(copy, number)
        assert first_bad(copy) in {FIRST_OF_BATCH[number], number}


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 3), (4, 5), (1, 7), (6, 7)])
def test_reordered_entries_are_named(copy, first, second):
    tamper(
        copy,
        f"UPDATE entry SET number = -1 WHERE number = {first}",
        f"UPDATE entry SET number = {first} WHERE number = {second}",
        f"UPDATE entry SET number = {second} WHERE number = -1",
    )
    assert first_bad(copy) == first


@pytest.mark.parametrize("number", range(1, 8))
@pytest.mark.parametrize("place", [4, 8])
def test_a_duplicated_entry_is_named(copy, number, place):
    tamper(
        copy,
        f"UPDATE entry SET number = -number WHERE number >= {place}",
        "UPDATE entry SET number = 1 - number WHERE number < 0",
        f"INSERT INTO entry SELECT {place}, at_us, kind, body, hash, signature FROM entry "
        f"WHERE number = {number if number < place else number + 1}",
    )
    assert first_bad(copy) == (place if place != number else place + 1)


@pytest.mark.parametrize("place", range(1, 9))
@pytest.mark.parametrize("signature", ["NULL", "zeroblob(64)", "(SELECT signature FROM entry WHERE number = 2)"])
def test_an_inserted_forgery_is_named(copy, place, signature):
    tamper(
        copy,
        f"UPDATE entry SET number = -number WHERE number >= {place}",
        "UPDATE entry SET number = 1 - number WHERE number < 0",
        f"INSERT INTO entry VALUES ({place}, 0, 'event', x'00', zeroblob(32), {signature})",
    )
    assert first_bad(copy) == place
    if place > 1:
        rehash(copy, place)
        assert first_bad(copy) in {place, FIRST_OF_BATCH.get(place, 8)}


@pytest.mark.parametrize("count", [1, 3])
def test_appended_unsigned_entries_with_a_right_hash_are_named(copy, count):
    for number in range(8, 8 + count):
        tamper(copy, f"INSERT INTO entry VALUES ({number}, 0, 'event', x'00', zeroblob(32), NULL)")
        rehash(copy, number)
    assert found_bad(copy) == BadEntry(8, 8, JournalFault.UNSIGNED)


@pytest.mark.parametrize("number", range(2, 8))
def test_a_changed_entry_with_the_chain_computed_anew_is_named_by_its_batch(copy, number):
    tamper(copy, f"UPDATE entry SET body = x'666f72676564' WHERE number = {number}")
    rehash(copy, number)
    bad = found_bad(copy)
    assert bad.fault is JournalFault.NOT_SIGNED_BY_KEY
    assert bad.number == FIRST_OF_BATCH[number]
    assert bad.number <= number <= bad.last


@pytest.mark.parametrize(("number", "other"), [(2, 3), (3, 2), (7, 6), (6, 7)])
def test_a_signature_from_another_head_is_named(copy, number, other):
    tamper(
        copy,
        f"UPDATE entry SET signature = (SELECT signature FROM entry WHERE number = {other}) WHERE number = {number}",
    )
    assert first_bad(copy) == FIRST_OF_BATCH[number]


@pytest.mark.parametrize("number", [2, 3, 6])
def test_a_removed_signature_is_named_although_later_heads_cover_it(copy, number):
    tamper(copy, f"UPDATE entry SET signature = NULL WHERE number = {number}")
    assert first_bad(copy) == FIRST_OF_BATCH[number]


@pytest.mark.parametrize(("number", "first"), [(1, 1), (4, 4), (5, 4)])
def test_an_added_signature_is_named(copy, number, first):
    tamper(copy, f"UPDATE entry SET signature = zeroblob(64) WHERE number = {number}")
    assert first_bad(copy) == first


@pytest.mark.parametrize("same_key", [True, False])
@pytest.mark.parametrize("number", range(1, 8))
def test_an_entry_of_another_journal_is_named(copy, key, tmp_path, number, same_key):
    other = tmp_path / "other.db"
    make_journal(other, key if same_key else NodeKey.generate())
    tamper(
        copy,
        ("ATTACH ? AS other", (str(other),)),
        f"REPLACE INTO entry SELECT * FROM other.entry WHERE number = {number}",
    )
    assert first_bad(copy) == number


@pytest.mark.parametrize("same_key", [True, False])
def test_the_tail_of_another_journal_is_named(copy, key, tmp_path, same_key):
    other = tmp_path / "other.db"
    make_journal(other, key if same_key else NodeKey.generate())
    tamper(
        copy,
        ("ATTACH ? AS other", (str(other),)),
        "REPLACE INTO entry SELECT * FROM other.entry WHERE number > 3",
    )
    assert first_bad(copy) == 4


def test_the_genesis_of_another_journal_is_named(copy, key, tmp_path):
    other = tmp_path / "other.db"
    make_journal(other, key)
    tamper(
        copy,
        ("ATTACH ? AS other", (str(other),)),
        "DELETE FROM journal",
        "INSERT INTO journal SELECT * FROM other.journal",
    )
    assert first_bad(copy) == 1


def test_a_journal_made_anew_by_another_key_is_known_by_the_key_alone(tmp_path, key):
    forged = tmp_path / "forged.db"
    make_journal(forged)
    assert verify_journal(forged).ok, "it is a sound journal, of somebody"
    bad = verify_journal(forged, key.public).bad
    assert (bad.number, bad.fault) == (0, JournalFault.ANOTHER_KEY)


@pytest.mark.parametrize(
    "change",
    [
        "SET body = CAST(body AS TEXT)",
        "SET kind = CAST(kind AS BLOB)",
        "SET kind = upper(kind)",
        "SET kind = CAST(x'ff' AS TEXT)",
        "SET at_us = CAST(at_us AS TEXT) || 'x'",
        "SET at_us = 9e18",
        "SET hash = CAST('h' AS TEXT)",
        "SET hash = x''",
        "SET body = zeroblob(17000000)",
    ],
)
def test_a_field_of_another_type_is_named(copy, change):
    tamper(copy, f"UPDATE entry {change} WHERE number = 5")
    assert first_bad(copy) == 5


@given(st.data())
@settings(max_examples=quickly(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_several_changes_at_once_name_the_first(tmp_path_factory, original, data):
    path = copy_journal(original, tmp_path_factory.mktemp("several") / "copy.db")
    numbers = data.draw(st.sets(st.integers(1, 7), min_size=1))
    for number in numbers:
        column = data.draw(st.sampled_from(["body", "hash", "at_us"]))
        tamper(
            path,
            f"UPDATE entry SET {column} = {'1' if column == 'at_us' else 'randomblob(32)'} WHERE number = {number}",
        )
    assert first_bad(path) == min(numbers)


def check_flipped_file(original, target, flips) -> tuple[int, int]:
    """Flip bits anywhere in the file: it is refused, or found bad, or holds the very same entries."""
    whole = original.read_bytes()
    expected, head = rows_of(original), verify_journal(original).head
    refused = bad = 0
    for place, bit in flips:
        changed = bytearray(whole)
        changed[place % len(whole)] ^= 1 << bit
        target.write_bytes(changed)
        try:
            found = verify_journal(target)
        except Refusal:
            refused += 1
            continue
        if found.ok:
            assert found.head == head, f"byte {place % len(whole)} bit {bit} lost entries unseen"
            assert rows_of(target) == expected, f"byte {place % len(whole)} bit {bit} changed entries unseen"
        else:
            bad += 1
    return refused, bad


@pytest.mark.long
def test_a_flipped_bit_anywhere_in_the_file_never_changes_entries_unseen(original, tmp_path):
    generator = random.Random(2015)
    flips = [(generator.randrange(2**40), generator.randrange(8)) for _ in range(1500)]
    refused, bad = check_flipped_file(original, tmp_path / "flipped.db", flips)
    assert refused > 0
    assert bad > 0


@pytest.mark.long
def test_every_byte_of_the_file_flipped_never_changes_entries_unseen(original, tmp_path):
    flips = [(place, bit) for place in range(original.stat().st_size) for bit in (0, 3, 7)]
    check_flipped_file(original, tmp_path / "flipped.db", flips[:: len(flips) // at_length(len(flips))])


@pytest.mark.parametrize(
    "statement", ["UPDATE entry SET body = x'00' WHERE number = 3", "DELETE FROM entry WHERE number = 5"]
)
def test_opening_refuses_what_is_bad_below_a_signed_head_and_leaves_the_file(copy, key, statement):
    tamper(copy, statement, "PRAGMA journal_mode = WAL")
    for leftover in copy.parent.glob("copy.db-*"):
        leftover.unlink()
    before = copy.read_bytes()
    with pytest.raises(Refusal, match=r"entry [35]: .*"):
        Journal.open(copy, key)
    assert copy.read_bytes() == before
    assert not list(copy.parent.glob("copy.db-*"))


def test_a_file_cut_short_is_never_sound_unless_whole(original, tmp_path):
    whole = original.read_bytes()
    target = tmp_path / "short.db"
    for size in range(0, len(whole), 97):
        target.write_bytes(whole[:size])
        try:
            assert not verify_journal(target).ok, f"{size} of {len(whole)} bytes"
        except Refusal:
            continue
    shutil.copyfile(original, target)
    assert verify_journal(target).ok
