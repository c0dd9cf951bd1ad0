"""Spot checks alone: a proof holds for a row under the committed key and for nothing else; published vectors."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.accord.matching_terms import CREWED_MATCHING
from detente.matching import ristretto
from detente.matching.checks import answer_count, chosen_rows, coin_share, found_share, spot_count
from detente.matching.hash_to_group import hash_to_group
from detente.matching.masking import ListName, domain_of, dummy_messages, secret_scalar, token_messages
from detente.matching.permutation import Permutation
from detente.matching.quantise import Role
from detente.matching.spot_proof import blocks_of_proof, prove_key, prove_rows, row_proof_bytes, verify_key, verify_rows

PROTOCOL = Path(__file__).parents[2] / "docs" / "reference" / "matching-protocol.md"
SEED = bytes(range(32))
KEY = secret_scalar(SEED)
PUBLIC = ristretto.multiply_base(KEY)
OTHER = ristretto.scalar_from_uniform(bytes(range(1, 65)))
ROWS, MEMBERS = 3, 4
RINGS = hash_to_group([b"%d" % number for number in range(ROWS * MEMBERS)], b"domain")
TRUE = np.array([0, 3, 1])
POINTS = ristretto.multiply(KEY, RINGS[np.arange(ROWS) * MEMBERS + TRUE])
BLOCKS = np.array([5, 1 << 56, 7])


def proof(points=POINTS, key=KEY, context=b"context", seed=SEED, true=TRUE):
    return prove_rows(key, PUBLIC, context, points, BLOCKS, RINGS, true, seed)


def test_a_proof_holds_for_what_it_is_about_and_for_nothing_else():
    made = proof()
    assert len(made) == ROWS * row_proof_bytes(MEMBERS)
    assert blocks_of_proof(made, ROWS, MEMBERS).tolist() == BLOCKS.tolist()
    assert verify_rows(PUBLIC, b"context", POINTS, RINGS, made) == -1
    assert verify_rows(PUBLIC, b"other", POINTS, RINGS, made) == 0
    assert verify_rows(ristretto.multiply_base(OTHER), b"context", POINTS, RINGS, made) == 0
    assert verify_rows(PUBLIC, b"context", POINTS[[0, 2, 1]], RINGS, made) == 1
    assert verify_rows(PUBLIC, b"context", POINTS, RINGS[::-1].copy(), made) == 0
    assert verify_rows(PUBLIC, b"context", POINTS, RINGS, made[:-1]) == 0
    assert verify_rows(PUBLIC, b"context", POINTS[:0], RINGS[:0], b"") == -1


@pytest.mark.parametrize("key", [KEY, OTHER])
def test_a_row_under_another_scalar_cannot_be_proven(key):
    """Neither with the committed key nor with its own; nor a multiple of a point that is not in the ring."""
    for strange in (ristretto.multiply(OTHER, RINGS[7:8]), ristretto.multiply(KEY, RINGS[0:1])):
        points = POINTS.copy()
        points[1] = strange[0]
        assert verify_rows(PUBLIC, b"context", points, RINGS, proof(points, key)) in (0, 1)
    assert verify_rows(PUBLIC, b"context", POINTS, RINGS, proof(key=OTHER)) == 0
    assert verify_rows(PUBLIC, b"context", POINTS, RINGS, proof(true=np.array([0, 3, 2]))) == 2


@settings(max_examples=25, deadline=None)
@given(st.integers(0, ROWS * row_proof_bytes(MEMBERS) - 1), st.integers(0, 255))
def test_a_proof_with_one_other_byte_is_refused(place, value):
    made = bytearray(proof())
    same = made[place] == value
    made[place] = value
    assert (verify_rows(PUBLIC, b"context", POINTS, RINGS, bytes(made)) == -1) is same


def test_a_scalar_above_the_order_is_refused():
    made = bytearray(proof())
    value = int.from_bytes(made[8:40], "little") + ristretto.ORDER
    made[8:40] = value.to_bytes(32, "little")
    assert verify_rows(PUBLIC, b"context", POINTS, RINGS, bytes(made)) == 0


def test_two_coins_have_no_nonce_in_common():
    """One nonce under two challenges gives the key away: every scalar is another when anything in the statement is."""
    made = [proof(), proof(context=b"another coin"), proof(seed=bytes(32)), proof(POINTS[[0, 2, 1]])]
    scalars = [
        {row[at : at + 32] for row in (one[k * len(one) // ROWS : (k + 1) * len(one) // ROWS] for k in range(ROWS))
         for at in range(8, len(row), 32)}
        for one in made
    ]  # fmt: skip
    assert len(set.union(*scalars)) == sum(map(len, scalars)) == 4 * ROWS * 2 * MEMBERS


def test_the_key_behind_a_public_element_is_proven():
    made = prove_key(KEY, PUBLIC, b"context", SEED)
    assert verify_key(PUBLIC, b"context", made)
    assert not verify_key(PUBLIC, b"other", made)
    assert not verify_key(ristretto.multiply_base(OTHER), b"context", made)
    assert not verify_key(PUBLIC, b"context", made[:-1])
    assert not verify_key(PUBLIC, b"context", made[:32] + b"\xff" * 32)


def test_rows_are_chosen_evenly_and_by_everything_that_is_fixed():
    assert chosen_rows(b"c", b"s", 4, 9).tolist() == [0, 1, 2, 3]
    counts = np.zeros(64)
    for number in range(2_000):
        counts[chosen_rows(b"context", b"%d" % number, 64, 8)] += 1
    assert abs(counts - 250).max() < 6 * (250 * 7 / 8) ** 0.5
    assert chosen_rows(b"a", b"s", 10**4, 8).tolist() != chosen_rows(b"b", b"s", 10**4, 8).tolist()


def test_late_and_fine_lists_are_checked_at_no_lower_rate():
    rates = [spot_count(CREWED_MATCHING, 1 << log2) / (1 << log2) for log2 in range(20, 5, -1)]
    assert rates == sorted(rates)
    assert spot_count(CREWED_MATCHING, 1 << 19) == 1_024
    assert answer_count(CREWED_MATCHING, 1 << 11) == 1 << 11
    assert found_share(0, 100, 10) == 0.0
    assert found_share(1, 100, 10) == pytest.approx(0.1)
    assert found_share(95, 100, 10) == 1.0
    assert found_share(256, 1 << 19, 1_024) == pytest.approx(0.39, abs=0.005)


def test_the_vectors_of_the_protocol():
    points = hash_to_group(
        token_messages(np.array([5, 6]), 1) + dummy_messages(np.array([7, 8]), ListName(Role.SECOND, 3, 1)),
        domain_of(bytes(32)),
    )
    third = ristretto.multiply(KEY, points[2:3])
    made = prove_rows(KEY, PUBLIC, b"context", third, np.array([9]), points, np.array([2]), SEED)
    assert verify_rows(PUBLIC, b"context", third, points, made) == -1
    vectors = [
        KEY.hex(), PUBLIC.hex(), *(point.tobytes().hex() for point in points), hashlib.sha256(made).hexdigest(),
        coin_share(SEED, b"rows", bytes(32)).hex(), prove_key(KEY, PUBLIC, b"context", SEED).hex(),
        ", ".join(map(str, chosen_rows(b"context", bytes(32), 1_000, 8).tolist())),
        ", ".join(map(str, Permutation(1_000_003, bytes(33)).forward(np.arange(5)).tolist())),
    ]  # fmt: skip
    text = PROTOCOL.read_text(encoding="utf-8")
    for vector in vectors:
        assert vector in text
