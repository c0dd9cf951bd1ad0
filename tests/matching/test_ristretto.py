"""The group against its published vectors: RFC 9496 (A.1 to A.3), RFC 9380 (K.3), RFC 9497 (A.1)."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.matching import ristretto
from detente.matching.equality_proof import prove_equality, verify_equality
from detente.matching.hash_to_group import expand_message, hash_to_group, hash_to_scalar

# RFC 9496, A.1: 1 to 5 and 15 times the generator.
MULTIPLES = {
    1: "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
    2: "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
    3: "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
    4: "da80862773358b466ffadfe0b3293ab3d9fd53c5ea6c955358f568322daf6a57",
    5: "e882b131016b52c1d3337080187cf768423efccbb517bb495ab812c4160ff44e",
    6: "f64746d3c92b13050ed8d80236a7f0007c3b3f962f5ba793d19a601ebb1df403",
    7: "44f53520926ec81fbd5a387845beb7df85a96a24ece18738bdcfa6a7822a176d",
    8: "903293d8f2287ebe10e2374dc1a53e0bc887e592699f02d077d5263cdd55601c",
    15: "e0c418f7c8d9c4cdd7395b93ea124f3ad99021bb681dfc3302a9d99a2e53e64e",
}
# RFC 9496, A.2: encodings that are refused.
INVALID = [
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "32888462f8b486c68ad7dd9610be5192bbeaf3b443951ac1a8118419d9fa097b",
    "227142501b9d4355ccba290404bde41575b037693cef1f438c47f8fbf35d1165",
    "5c37cc491da847cfeb9281d407efc41e15144c876e0170b499a96a22ed31e01e",
    "445425117cb8c90edcbc7c1cc0e74f747f2c1efa5630a967c64f287792a48a4b",
    "8a2e1d30050198c65a54483123960ccc38aef6848e1ec8f5f780e8523769ba32",
]
# RFC 9496, A.3.
FROM_UNIFORM = {
    "5d1be09e3d0c82fc538112490e35701979d99e06ca3e2b5b54bffe8b4dc772c1"
    "4d98b696a1bbfb5ca32c436cc61c16563790306c79eaca7705668b47dffe5bb6":
        "3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46",
    "f116b34b8f17ceb56e8732a60d913dd10cce47a6d53bee9204be8b44f6678b27"
    "0102a56902e2488c46120e9276cfe54638286b9e4b3cdb470b542d46c2068d38":
        "f26e5b6f7d362d2d2a94c5d0e7602cb4773c95a2e5c31a64f133189fa76ed61b",
    "8422e1bbdaab52938b81fd602effb6f89110e1e57208ad12d9ad767e2e25510c"
    "27140775f9337088b982d83d7fcf0b2fa1edffe51952cbe7365e95c86eaf325c":
        "006ccd2a9e6867e6a2c5cea83d3302cc9de128dd2a9a57dd8ee7b9d7ffe02826",
}  # fmt: skip
# RFC 9380, K.3.
EXPANDED = {
    (b"", 32): "6b9a7312411d92f921c6f68ca0b6380730a1a4d982c507211a90964c394179ba",
    (b"abc", 32): "0da749f12fbe5483eb066a5f595055679b976e93abe9be6f0f6318bce7aca8dc",
    (b"abcdef0123456789", 32): "087e45a86e2939ee8b91100af1583c4938e0f5fc6c9db4b107b83346bc967f58",
    (b"", 128):
        "41b037d1734a5f8df225dd8c7de38f851efdb45c372887be655212d07251b921b052b62eaed99b46f72f2ef4cc96bfaf"
        "254ebbbec091e1a3b9e4fb5e5b619d2e0c5414800a1d882b62bb5cd1778f098b8eb6cb399d5d9d18f5d5842cf5d13d7e"
        "b00a7cff859b605da678b318bd0e65ebff70bec88c753b159a805d2c89c55961",
}  # fmt: skip
EXPAND_DOMAIN = b"QUUX-V01-CS02-with-expander-SHA512-256"
# RFC 9497, A.1.1 (OPRF) and A.1.2 (VOPRF).
BLIND = bytes.fromhex("64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706")
OTHER_BLIND = bytes.fromhex("222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e")
INPUTS = (b"\x00", b"\x5a" * 17)
OPRF_KEY = "5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e"
OPRF = [
    (
        "609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c",
        "7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e",
    ),
    (
        "da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418",
        "b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25",
    ),
]
VOPRF_KEY = "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909"
VOPRF_PUBLIC = "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e"
VOPRF = [
    (
        ["863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945"],
        ["aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e"],
        (
            "ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd066d4346421d17bf5117a2a1ff0fcb2a759f58a539dfbe85"
            "7a40bce4cf49ec600d"
        ),
        "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e",
    ),
    (
        ["cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c"],
        ["60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468"],
        (
            "401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a67154fabf031fd936051dec80b0b6ae29c9503493dde73"
            "93b722eafdf5a50b02"
        ),
        "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e",
    ),
    (
        [
            "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
            "90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654",
        ],
        [
            "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
            "cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a",
        ],
        (
            "cc203910175d786927eeb44ea847328047892ddf8590e723c37205cb74600b0a5ab5337c8eb4ceae0494c2cf89529dcf94572ed267473d"
            "567aeed6ab873dee08"
        ),
        "419c4f4f5052c53c45f3da494d2b67b220d02118e0857cdbcf037f9ea84bbe0c",
    ),
]


def scalar(value: int) -> bytes:
    return (value % ristretto.ORDER).to_bytes(32, "little")


def rows(*encodings: str) -> np.ndarray:
    return ristretto.elements(b"".join(bytes.fromhex(one) for one in encodings))


@pytest.mark.parametrize("factor", sorted(MULTIPLES))
def test_multiples_of_the_generator(factor):
    assert ristretto.multiply_base(scalar(factor)).hex() == MULTIPLES[factor]
    assert ristretto.multiply(scalar(factor), rows(MULTIPLES[1])).tobytes().hex() == MULTIPLES[factor]


def test_sums():
    assert ristretto.total(rows(MULTIPLES[1], MULTIPLES[2], MULTIPLES[5])).hex() == MULTIPLES[8]
    assert ristretto.total(rows()) == bytes(32)


def test_many_elements_are_added_up_in_slices_to_the_same_sum() -> None:
    count = 2 * ristretto.ELEMENTS_SUMMED_AT_A_TIME + 3
    many = ristretto.from_uniform(np.random.default_rng(7).integers(0, 256, (count, 64), dtype=np.uint8))
    one_by_one = many[0].tobytes()
    for row in many[1:]:
        one_by_one = ristretto.add_points(one_by_one, row.tobytes())
    assert ristretto.total(many) == one_by_one
    many[-1] = 255
    with pytest.raises(ValueError, match="not an element"):
        ristretto.total(many)


@pytest.mark.parametrize("encoding", INVALID)
def test_an_encoding_that_is_no_element_is_refused(encoding):
    points = rows(MULTIPLES[1], encoding, MULTIPLES[2])
    assert ristretto.first_invalid(points) == 1
    with pytest.raises(ristretto.InvalidElementError) as caught:
        ristretto.multiply(scalar(3), points)
    assert caught.value.row == 1
    with pytest.raises(ristretto.InvalidElementError):
        ristretto.multiply_each([scalar(3)] * 3, points)
    with pytest.raises(ValueError, match="element"):
        ristretto.add_points(bytes.fromhex(encoding), bytes.fromhex(MULTIPLES[1]))


def test_the_identity_is_refused_and_never_made():
    points = rows(MULTIPLES[1], "00" * 32)
    assert ristretto.first_invalid(points) == 1
    assert ristretto.first_invalid(rows(MULTIPLES[1])) == -1
    with pytest.raises(ristretto.InvalidElementError):
        ristretto.multiply(scalar(2), points)
    with pytest.raises(ristretto.InvalidElementError):
        ristretto.multiply(scalar(0), rows(MULTIPLES[1]))
    with pytest.raises(ValueError, match="zero"):
        ristretto.multiply_base(scalar(0))


def test_elements_from_uniform_bytes():
    uniform = np.frombuffer(bytes.fromhex("".join(FROM_UNIFORM)), dtype=np.uint8).reshape(-1, 64)
    assert [row.tobytes().hex() for row in ristretto.from_uniform(uniform)] == list(FROM_UNIFORM.values())


def test_many_elements_in_slices_are_the_same_as_one_by_one():
    uniform = np.frombuffer(hashlib.shake_256(b"many").digest(64 * 1500), dtype=np.uint8).reshape(-1, 64)
    points = ristretto.from_uniform(uniform)
    products = ristretto.multiply(scalar(77), points)
    for row in (0, 511, 512, 1499):
        assert ristretto.from_uniform(uniform[row : row + 1]).tobytes() == points[row].tobytes()
        assert ristretto.multiply(scalar(77), points[row : row + 1]).tobytes() == products[row].tobytes()


@pytest.mark.parametrize(("message", "length"), sorted(EXPANDED))
def test_expanded_messages(message, length):
    assert expand_message(message, EXPAND_DOMAIN, length).hex() == EXPANDED[message, length]


@pytest.mark.parametrize(
    ("mode", "key"), [(b"\x00", OPRF_KEY), (b"\x01", VOPRF_KEY)],
)  # fmt: skip
def test_key_derived_from_the_seed_of_rfc_9497(mode, key):
    derived = b"\xa3" * 32 + len(b"test key").to_bytes(2, "big") + b"test key" + b"\x00"
    assert hash_to_scalar(derived, b"DeriveKeyPairOPRFV1-" + mode + b"-ristretto255-SHA512").hex() == key


@pytest.mark.parametrize("number", [0, 1])
def test_blinding_and_evaluation_of_rfc_9497(number):
    hashed = hash_to_group([INPUTS[number]], b"HashToGroup-OPRFV1-\x00-ristretto255-SHA512")
    blinded = ristretto.multiply(BLIND, hashed)
    evaluated = ristretto.multiply(bytes.fromhex(OPRF_KEY), blinded)
    assert (blinded.tobytes().hex(), evaluated.tobytes().hex()) == OPRF[number]


def test_batches_hash_as_one_message_does():
    messages = [number.to_bytes(4, "big") for number in range(9_000)]
    many = hash_to_group(messages, b"domain")
    for number in (0, 4_095, 4_096, 8_999):
        uniform = np.frombuffer(expand_message(messages[number], b"domain"), dtype=np.uint8).reshape(1, 64)
        assert ristretto.from_uniform(uniform).tobytes() == many[number].tobytes()
    assert hash_to_group([], b"domain").shape == (0, 32)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_proofs_of_rfc_9497(number):
    inputs, outputs, proof, random = VOPRF[number]
    a, b, public = rows(*inputs), rows(*outputs), bytes.fromhex(VOPRF_PUBLIC)
    assert ristretto.multiply(bytes.fromhex(VOPRF_KEY), a).tobytes() == b.tobytes()
    assert prove_equality(bytes.fromhex(VOPRF_KEY), public, a, b, bytes.fromhex(random)).hex() == proof
    assert verify_equality(public, a, b, bytes.fromhex(proof))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 63), st.integers(0, 255))
def test_a_proof_with_one_other_byte_is_refused(place, value):
    inputs, outputs, proof, _ = VOPRF[2]
    changed = bytearray.fromhex(proof)
    same = changed[place] == value
    changed[place] = value
    assert verify_equality(bytes.fromhex(VOPRF_PUBLIC), rows(*inputs), rows(*outputs), bytes(changed)) is same


def test_a_proof_of_other_elements_is_refused():
    inputs, outputs, proof, _ = VOPRF[2]
    public, proven = bytes.fromhex(VOPRF_PUBLIC), bytes.fromhex(proof)
    assert not verify_equality(public, rows(*inputs), rows(*reversed(outputs)), proven)
    assert not verify_equality(bytes.fromhex(MULTIPLES[2]), rows(*inputs), rows(*outputs), proven)
    assert not verify_equality(public, rows(inputs[0], INVALID[0]), rows(*outputs), proven)
    assert not verify_equality(public, rows(*inputs), rows(*outputs), proven[:63])
    assert not verify_equality(public, rows(), rows(), proven)
    above = proven[:32] + (int.from_bytes(proven[32:], "little") + ristretto.ORDER).to_bytes(32, "little")
    assert not verify_equality(public, rows(*inputs), rows(*outputs), above)


@pytest.mark.parametrize("domain", [b"", bytes(256)])
def test_a_domain_of_a_wrong_length_is_an_error(domain):
    with pytest.raises(ValueError, match="255"):
        expand_message(b"", domain)
    with pytest.raises(ValueError, match="255"):
        hash_to_group([b""], domain)
