"""What has left a session's memory is where it says: held against chains and runs that forget nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from detente.link import chains
from detente.link.chains import ChainKept, EnvelopeChain, LeftMemoryError, ReceiptRuns

T = TypeVar("T")
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "receipt", "forget", "keep"]), st.integers(1, 60)), min_size=5, max_size=40
)


@given(STEPS)
def test_a_chain_says_where_everything_is(steps: list[tuple[str, int]]) -> None:
    chain, runs = EnvelopeChain(), ReceiptRuns()
    held: list[tuple[bytes, int]] = []
    receipts: list[tuple[int, int]] = []
    entry = 0
    for what, count in steps:
        if what == "add":
            for _ in range(count * 200):
                entry += 1 + count % 3
                held.append((len(held).to_bytes(32), entry))
                chain.add(*held[-1])
        elif what == "receipt" and held:
            entry += 1
            last = max(len(held) - count, (receipts or [(0, 0)])[-1][0])
            if last > (receipts or [(0, 0)])[-1][0]:
                receipts.append((last, entry))
            runs.add(last, entry)
        elif what == "forget":
            entry += 1
            chain.forget(runs.last_by(entry), entry)
            runs.forget(chain.first, entry)
        else:
            again, runs_again = EnvelopeChain(), ReceiptRuns()
            kept: ChainKept = chain.keep()
            again.restore(kept)
            runs_again.restore(runs.keep())
            chain, runs = again, runs_again
        assert (chain.last, runs.last) == (len(held), receipts[-1][0] if receipts else 0)
        assert chain.head == (held[-1][0] if held else bytes(32))
        assert chain.first <= max(1, runs.last + 1)
    assert runs.last - chain.first + 1 >= min(runs.last, chains.KEPT_ENVELOPES) or chain.first == 1
    seen = {1, 15, 16, 17, chain.first - 1, chain.first, len(held) // 2, len(held)}
    for number in seen & set(range(1, len(held) + 1)):
        digest, place = held[number - 1]
        found = look(lambda number=number: chain.at(number))
        assert isinstance(found, range) == chain.has_left(number)
        if isinstance(found, range):
            assert place in found
            assert len(found) <= 4 * 3 * (chains.MARKED_EVERY + 1) + 200
        else:
            assert found == (digest, place)
        covering = next((at for last, at in receipts if last >= number), None)
        entry_of = look(lambda number=number: runs.entry_covering(number))
        if isinstance(entry_of, range):
            assert next(at for last, at in receipts if at in entry_of and last >= number) == covering
        else:
            assert entry_of == covering


def look(find: Callable[[], T]) -> T | range:
    """What is remembered, or the entries of the journal where it is."""
    try:
        return find()
    except LeftMemoryError as error:
        return error.entries


@given(st.integers(0, 12_000), st.integers(0, 3_000))
def test_what_came_later_makes_no_difference(count: int, more: int) -> None:
    """A node at work folds its links in a little later than a replay does: both must forget the same."""
    early, late = EnvelopeChain(), EnvelopeChain()
    for number in range(1, count + 1):
        for chain in (early, late):
            chain.add(number.to_bytes(32), number)
    early.forget(count, count + 1)
    for number in range(count + 1, count + more + 1):
        for chain in (early, late):
            chain.add(number.to_bytes(32), number)
    late.forget(count, count + 1)
    assert early.keep() == late.keep()
