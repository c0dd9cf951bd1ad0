"""Eight lanes at a time against Python's integers and against libsodium, one by one."""

import ctypes
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from detente.matching import field_vectors as field
from detente.matching import ristretto, ristretto_kernels, ristretto_self_test
from detente.matching.sodium import sodium

PRIME = field.PRIME
REDUCED = [2**bits + 2**17 for bits in field.LIMB_BITS]
DIFFERENCE = [most + 2 ** (bits + 1) for most, bits in zip(REDUCED, field.LIMB_BITS, strict=True)]
"""The largest limbs that a reduced vector may have, and the difference of two."""


def value(limbs) -> list[int]:
    return [sum(int(limbs[i, lane]) << field.LIMB_SHIFTS[i] for i in range(10)) % PRIME for lane in range(8)]


def vectors(most):
    """Vectors with every limb anywhere up to its largest, and often at the largest or zero."""
    limb = [st.one_of(st.sampled_from([0, 1, top]), st.integers(0, top)) for top in most]
    lane = st.tuples(*limb)
    return st.lists(lane, min_size=8, max_size=8).map(lambda lanes: np.array(lanes, dtype=np.uint64).T.copy())


def at(array) -> int:
    return int(array.ctypes.data)


def is_reduced(limbs) -> bool:
    return all(int(limbs[i].max()) <= REDUCED[i] for i in range(10))


@settings(max_examples=60, deadline=None)
@given(vectors(DIFFERENCE), vectors(DIFFERENCE))
def test_products_and_squares_of_the_largest_limbs(first, second):
    result = np.empty_like(first)
    field.multiply(at(result), at(first), at(second))
    assert value(result) == [a * b % PRIME for a, b in zip(value(first), value(second), strict=True)]
    assert is_reduced(result)
    field.square(at(result), at(first), 3)
    assert value(result) == [pow(a, 8, PRIME) for a in value(first)]
    assert is_reduced(result)
    field.subtract_reduced(at(result), at(first), at(second))
    assert value(result) == [(a - b) % PRIME for a, b in zip(value(first), value(second), strict=True)]
    assert is_reduced(result)


@settings(max_examples=60, deadline=None)
@given(vectors(REDUCED), vectors(REDUCED))
def test_sums_differences_and_canonical_numbers(first, second):
    result = np.empty_like(first)
    field.add(at(result), at(first), at(second))
    assert value(result) == [(a + b) % PRIME for a, b in zip(value(first), value(second), strict=True)]
    field.subtract(at(result), at(first), at(second))
    assert value(result) == [(a - b) % PRIME for a, b in zip(value(first), value(second), strict=True)]
    assert all(int(result[i].max()) <= DIFFERENCE[i] for i in range(10))
    for number in (first, result):
        canonical = np.empty_like(number)
        field.canonical(at(canonical), at(number))
        whole = [sum(int(canonical[i, lane]) << field.LIMB_SHIFTS[i] for i in range(10)) for lane in range(8)]
        assert whole == value(number)
        mask = np.empty(8, dtype=np.int64)
        field.odd(at(mask), at(number))
        assert mask.tolist() == [-(one & 1) for one in whole]
        field.equal(at(mask), at(canonical), at(number))
        assert (mask == -1).all()


@pytest.mark.parametrize("number", [0, 1, 18, 19, 20, PRIME - 1, PRIME, PRIME + 1, PRIME + 18, 2**255 - 1, 2**255])
def test_numbers_about_the_prime_are_written_in_one_way(number):
    limbs = np.zeros((10, 8), dtype=np.uint64)
    left = number
    for i, bits in enumerate(field.LIMB_BITS):
        limbs[i] = left if i == 9 else left % 2**bits
        left >>= bits
    field.canonical(at(limbs), at(limbs))
    assert [sum(int(limbs[i, 0]) << field.LIMB_SHIFTS[i] for i in range(10))] == [number % PRIME]


@pytest.mark.parametrize(
    "kernel", [field.multiply, field.choose, field.choose_entry, field.canonical, field.odd, field.equal],
)  # fmt: skip
def test_the_machine_code_of_what_touches_secrets_does_not_branch(kernel):
    again = njit(kernel.nopython_signatures[0])(kernel.py_func)
    assembly = next(iter(again.inspect_asm().values()))
    label = rf"^_ZN7detente8matching13field_vectors\S*{kernel.py_func.__name__}\S*:$"
    begin = re.search(label, assembly, re.MULTILINE)
    assert begin is not None
    body = assembly[begin.end() : assembly.index(".Lfunc_end", begin.end())]
    assert len(body.splitlines()) > 10
    assert not re.findall(r"^\s+(?:j|b\.|cb|tb)[a-z]*\s", body, re.MULTILINE)


def scalars() -> st.SearchStrategy[bytes]:
    edges = [0, 1, 2, 7, 8, 9, 15, 16, 2**252, ristretto.ORDER - 1, ristretto.ORDER, ristretto.ORDER + 1, 2**255 - 1]
    whole = [int("88" * 32, 16), int("78" * 32, 16), int("f7" * 32, 16) % 2**255]
    number = st.one_of(st.sampled_from(edges + whole), st.integers(0, 2**255 - 1))
    return number.map(lambda one: one.to_bytes(32, "little"))


def of_sodium(name: str, *arguments: bytes) -> bytes | None:
    """What libsodium answers, or None where it refuses."""
    result = ctypes.create_string_buffer(32)
    return None if sodium["crypto_" + name](result, *arguments) else result.raw


def some_points(count: int, seed: int):
    return ristretto.from_uniform(np.random.default_rng(seed).integers(0, 256, (count, 64), dtype=np.uint8))


@settings(max_examples=60, deadline=None)
@given(st.lists(scalars(), min_size=1, max_size=19), st.integers(0, 2**32))
def test_each_product_is_that_of_libsodium(keys, seed):
    points = some_points(len(keys), seed)
    expected = [of_sodium("scalarmult_ristretto255", key, row.tobytes()) for key, row in zip(keys, points, strict=True)]
    bad = [row for row, one in enumerate(expected) if one is None]
    if bad:
        with pytest.raises(ristretto.InvalidElementError) as caught:
            ristretto.multiply_each(keys, points)
        assert caught.value.row == bad[0]
    else:
        assert [row.tobytes() for row in ristretto.multiply_each(keys, points)] == expected


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(1, 7), st.integers(1, 5), st.integers(0, 2**32))
def test_each_combination_is_that_of_libsodium(data, members, images, seed):
    count = members * images
    drawn = st.lists(scalars().filter(any), min_size=count, max_size=count)
    answers, challenges = data.draw(drawn), data.draw(drawn)
    bases, shared = some_points(count, seed), some_points(images, seed + 1)
    if data.draw(st.booleans()):
        bases[0] = shared[0]
        challenges[0] = answers[0]
    result = None
    expected = []
    for row in range(count):
        first = of_sodium("scalarmult_ristretto255", answers[row], bases[row].tobytes())
        second = of_sodium("scalarmult_ristretto255", challenges[row], shared[row // members].tobytes())
        expected.append(None if first is None or second is None else of_sodium("core_ristretto255_sub", first, second))
    if None in expected:
        return
    keys = [np.frombuffer(b"".join(one), dtype=np.uint8).reshape(-1, 32) for one in (answers, challenges)]
    result = ristretto.combine(keys[0], bases, keys[1], shared, members)
    assert [row.tobytes() for row in result] == expected


def test_a_combination_without_a_scalar_or_an_element_is_refused_by_its_row():
    points, keys = some_points(11, 5), np.full((11, 32), 7, dtype=np.uint8)
    for place in range(4):
        given_arrays = [keys.copy(), points.copy(), keys.copy(), points.copy()]
        given_arrays[place][9] = 0
        with pytest.raises(ristretto.InvalidElementError) as caught:
            ristretto.combine(*given_arrays, 1)
        assert caught.value.row == 9
    for place in (1, 3):
        given_arrays = [keys.copy(), points.copy(), keys.copy(), points.copy()]
        given_arrays[place][8] = 255
        with pytest.raises(ristretto.InvalidElementError) as caught:
            ristretto.combine(*given_arrays, 1)
        assert caught.value.row == 8


def encodings():
    """Bytes that are at times an element: small numbers, near the prime, and others, some with the top bit."""
    number = st.one_of(st.integers(0, 400), st.integers(PRIME - 40, PRIME + 40), st.integers(0, 2**256 - 1))
    halved = number.map(lambda one: one & ~1)
    return st.one_of(number, halved, halved.map(lambda one: one | 2**255)).map(lambda one: one.to_bytes(32, "little"))


@settings(max_examples=120, deadline=None)
@given(encodings(), st.integers(0, 20), st.integers(0, 20))
def test_bytes_are_elements_where_libsodium_says_so(data, row, more):
    points = some_points(row + 1 + more, row)
    points[row] = np.frombuffer(data, dtype=np.uint8)
    # libsodium 1.0.18 does not look at the highest bit; RFC 9496, 4.3.1, refuses it.
    expected = None if data[31] > 127 else of_sodium("scalarmult_ristretto255", b"\x01" + bytes(31), data)
    assert (ristretto.first_invalid(points) == row) == (expected is None)
    if expected is None:
        with pytest.raises(ristretto.InvalidElementError) as caught:
            ristretto.multiply(b"\x01" + bytes(31), points)
        assert caught.value.row == row
    else:
        assert ristretto.multiply(b"\x01" + bytes(31), points)[row].tobytes() == expected == data


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(min_size=64, max_size=64), min_size=1, max_size=9))
def test_each_mapped_string_and_sum_is_that_of_libsodium(strings):
    uniform = np.frombuffer(b"".join(strings), dtype=np.uint8).reshape(-1, 64)
    points = ristretto.from_uniform(uniform)
    assert [row.tobytes() for row in points] == [of_sodium("core_ristretto255_from_hash", one) for one in strings]
    others = points[::-1].copy()
    sums = ristretto.add_each(points, others)
    assert [row.tobytes() for row in sums] == [
        of_sodium("core_ristretto255_add", first.tobytes(), second.tobytes())
        for first, second in zip(points, others, strict=True)
    ]


@pytest.mark.parametrize("name", ["map_rows", "multiply_rows", "add_each_row", "combine_rows"])
def test_a_machine_that_computes_wrongly_is_noticed_before_a_result_is_used(name, monkeypatch):
    kernel = getattr(ristretto_kernels, name)

    def wrong(result, *arguments):
        kernel(result, *arguments)
        result[3, 5] ^= 4
        return -1

    monkeypatch.setattr(ristretto_kernels, name, wrong)
    ristretto._kernels.cache_clear()
    with pytest.raises(ristretto_self_test.WrongArithmeticError, match="differs from libsodium"):
        ristretto.multiply(b"\x02" + bytes(31), np.full((1, 32), 1, dtype=np.uint8))
    monkeypatch.undo()
    ristretto_self_test.check_arithmetic()
