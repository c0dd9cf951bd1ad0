from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st

from detente.airspace.refusal import Refusal
from detente.record.keys import NodeKey, spoken_fingerprint, verify


def test_a_saved_key_loads_as_the_same_key(tmp_path):
    key = NodeKey.generate()
    key.save(tmp_path / "node.key")
    loaded = NodeKey.load(tmp_path / "node.key")
    assert loaded.public == key.public
    assert verify(key.public, loaded.sign(b"message"), b"message")


def test_a_key_file_is_for_its_owner_alone_and_never_overwritten(tmp_path):
    path = tmp_path / "node.key"
    key = NodeKey.generate()
    key.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refusal, match="never overwritten"):
        NodeKey.generate().save(path)
    assert NodeKey.load(path).public == key.public
    path.chmod(0o640)
    with pytest.raises(Refusal, match="chmod 600"):
        NodeKey.load(path)


def test_the_key_file_is_plain_pkcs_8(tmp_path):
    NodeKey.generate().save(tmp_path / "node.key")
    private = load_pem_private_key((tmp_path / "node.key").read_bytes(), password=None)
    assert isinstance(private, Ed25519PrivateKey)
    assert (tmp_path / "node.key").read_text().startswith("-----BEGIN PRIVATE KEY-----\n")


def other_content() -> dict[str, bytes]:
    pem = (Encoding.PEM, PrivateFormat.PKCS8)
    return {
        "empty": b"",
        "text": b"not a key\n",
        "binary": bytes(range(256)),
        "curve": generate_private_key(SECP256R1()).private_bytes(*pem, NoEncryption()),
        "encrypted": Ed25519PrivateKey.generate().private_bytes(*pem, BestAvailableEncryption(b"secret")),
    }


@pytest.mark.parametrize("name", other_content())
def test_what_is_no_key_is_refused(tmp_path, name):
    path = tmp_path / "node.key"
    path.write_bytes(other_content()[name])
    path.chmod(0o600)
    with pytest.raises(Refusal, match="passphrase" if name == "encrypted" else "Ed25519"):
        NodeKey.load(path)


def test_missing_places_are_refused(tmp_path):
    with pytest.raises(Refusal, match="No such file"):
        NodeKey.load(tmp_path / "none")
    with pytest.raises(Refusal, match="directory"):
        NodeKey.load(tmp_path)
    with pytest.raises(Refusal, match="No such file"):
        NodeKey.generate().save(tmp_path / "none" / "node.key")


def test_rfc_8032_vector_verifies():
    # RFC 8032, section 7.1, test 2.
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert verify(public, signature, bytes([0x72]))
    assert not verify(public, signature, bytes([0x73]))


@given(st.binary(max_size=70), st.binary(max_size=70), st.binary(max_size=20))
def test_anything_malformed_is_no_signature(public, signature, message):
    assert not verify(public, signature, message)


def test_the_fingerprint_is_pinned_short_and_speakable():
    assert spoken_fingerprint(bytes(32)) == "ZQXZ-EJXS-EKBW-BYSV-WD3G"
    signs = set("".join(spoken_fingerprint(bytes([place]) * 32) for place in range(256)))
    assert signs == set("0123456789ABCDEFGHJKMNPQRSTVWXYZ-")


@given(st.binary(min_size=32, max_size=32), st.integers(0, 255))
def test_a_key_that_differs_in_one_bit_has_another_fingerprint(public, bit):
    other = bytearray(public)
    other[bit // 8] ^= 1 << bit % 8
    assert spoken_fingerprint(public) != spoken_fingerprint(bytes(other))
