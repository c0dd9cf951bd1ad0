import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.link.merkle import inclusion_proof, merkle_root, verify_inclusion

leaf_lists = st.lists(st.binary(min_size=32, max_size=32), max_size=40)


def root_by_definition(leaves):
    """RFC 9162, 2.1.1, as it is written there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + root_by_definition(leaves[:split]) + root_by_definition(leaves[split:])).digest()


def proof_by_definition(leaves, index):
    """RFC 9162, 2.1.3.1, as it is written there."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*proof_by_definition(leaves[:split], index), root_by_definition(leaves[split:])]
    return [*proof_by_definition(leaves[split:], index - split), root_by_definition(leaves[:split])]


@given(leaf_lists)
def test_root_is_the_one_defined(leaves):
    assert merkle_root(leaves) == root_by_definition(leaves)


@given(leaf_lists.filter(bool), st.data())
def test_every_leaf_is_proved_and_nothing_else(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = inclusion_proof(leaves, index)
    root = merkle_root(leaves)
    assert proof == proof_by_definition(leaves, index)
    assert verify_inclusion(leaves[index], index, len(leaves), proof, root)
    assert not verify_inclusion(hashlib.sha256(leaves[index]).digest(), index, len(leaves), proof, root)
    assert not verify_inclusion(leaves[index], index, len(leaves), [*proof, root], root)
    assert not verify_inclusion(leaves[index], len(leaves), len(leaves), proof, root)
    other = data.draw(st.integers(0, len(leaves) - 1))
    if leaves[other] != leaves[index]:
        assert not verify_inclusion(leaves[other], index, len(leaves), proof, root)
    if proof:
        assert not verify_inclusion(leaves[index], index, len(leaves), proof[:-1], root)
        place = data.draw(st.integers(0, len(proof) - 1))
        forged = [*proof[:place], bytes(32), *proof[place + 1 :]]
        assert forged == proof or not verify_inclusion(leaves[index], index, len(leaves), forged, root)


def test_the_known_root_of_certificate_transparency():
    # The test vector of the reference implementation: eight leaves of growing size.
    leaves = [
        bytes.fromhex(text)
        for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
    ]
    assert merkle_root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@pytest.mark.parametrize("index", [-1, 3])
def test_a_leaf_outside_has_no_proof(index):
    with pytest.raises(IndexError):
        inclusion_proof([bytes(32)] * 3, index)
