"""The cell index against a list that is looked through from end to end."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from detente.utm.due import Due
from detente.utm.index import CellIndex, SubscriptionIndex
from detente.utm.moments import SECOND_US
from length import at_length


@dataclass
class Held:
    cells: tuple[int, ...]
    low: float | None
    high: float | None
    start: int | None
    end: int | None
    kinds: int
    withdrawn: bool = False


CELLS = st.lists(st.integers(0, 12), min_size=1, max_size=6, unique=True).map(tuple)
BOUND = st.none() | st.integers(0, 10)
OPERATION = st.tuples(
    st.sampled_from(["insert", "remove", "withdraw", "find"]),
    st.integers(0, 30),
    CELLS,
    BOUND,
    BOUND,
    BOUND,
    BOUND,
    st.integers(1, 3),
)


def touches(low: int | None, high: int | None, other_low: int | None, other_high: int | None) -> bool:
    return (low is None or other_high is None or low <= other_high) and (
        high is None or other_low is None or high >= other_low
    )


@given(st.lists(OPERATION, max_size=120))
@settings(max_examples=at_length(50))
def test_the_index_finds_what_a_list_finds(operations: list[tuple]) -> None:  # type: ignore[type-arg]
    index, held = CellIndex(), {}
    for what, number, cells, low, high, start, end, kinds in operations:
        name = f"entity {number}"
        if what == "insert" and name not in held:
            held[name] = Held(cells, low, high, start, end, kinds)
            index.insert(name, cells, low, high, start, end, kinds)
        elif what == "remove" and name in held:
            index.remove(name, held.pop(name).cells)
        elif what == "withdraw" and name in held and not held[name].withdrawn:
            index.withdraw(name, held[name].cells)
            held[name].withdrawn = True
        found = index.find_names(cells, low, high, start, end, kinds)
        expected = {
            name
            for name, one in held.items()
            if not one.withdrawn
            and {*one.cells} & {*cells}
            and touches(one.low, one.high, low, high)
            and touches(one.start, one.end, start, end)
            and one.kinds & kinds
        }
        assert sorted(found) == sorted(expected)
    assert len(index) == len(held)


def test_many_slots_in_one_cell_and_many_cells_for_one_slot() -> None:
    index = CellIndex()
    for number in range(3000):
        index.insert(str(number), (7, 100 + number), number, number + 1, 0, 1)
    index.insert("wide", tuple(range(100, 3100)), None, None, None, None)
    assert sorted(index.find_names((7,), 10.5, 10.6)) == ["10"]
    assert sorted(index.find_names((150,))) == ["50", "wide"]
    for number in range(0, 3000, 2):
        index.remove(str(number), (7, 100 + number))
    assert len(index.find_names((7,))) == 1500


def test_subscribers_are_told_by_url_with_an_index_that_counts() -> None:
    index = SubscriptionIndex()
    urls = {}
    for number in range(40):
        name = f"{number:08d}-0000-4000-8000-000000000000"
        urls[name] = f'https://uss{number % 3}.example.com/"quoted"/uss/flights'
        index.describe(
            index.insert(name, (1, number), None, None, 0, 10), urls[name], f"uss{number % 2}", number * 1000
        )
    for time in (1, 2):
        told = json.loads(index.notify(index.find((1,)), "url", "/uss/flights"))
        assert {one["url"] for one in told} == {url.removesuffix("/uss/flights") for url in urls.values()}
        seen = {s["subscription_id"]: s["notification_index"] for one in told for s in one["subscriptions"]}
        assert seen == {name: number * 1000 + time for number, name in enumerate(urls)}
        for one in told:
            for state in one["subscriptions"]:
                assert urls[state["subscription_id"]].startswith(one["url"])
    assert index.notify(index.find((99,)), "url") == b"[]"
    assert index.most_in_a_cell((1, 5), "uss0", 5) == 20
    assert index.most_in_a_cell((1,), "uss0", 5, "00000000-0000-4000-8000-000000000000") == 19
    assert index.most_in_a_cell((1,), "uss0", 11) == 0
    assert index.most_in_a_cell((1,), "nobody", 5) == 0


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=60))
def test_what_is_due_is_never_given_early_nor_forgotten(steps: list[tuple[int, bool]]) -> None:
    due, now, waiting, given_back = Due(), 0, {}, set()
    for number, (seconds, take) in enumerate(steps):
        if take:
            now += seconds * SECOND_US
            for name in due.take(now):
                assert waiting[name] < now
                given_back.add(name)
        else:
            waiting[str(number)] = now + seconds * SECOND_US
            due.enter(str(number), now + seconds * SECOND_US)
    given_back.update(due.take(now + 70 * SECOND_US))
    assert given_back == set(waiting)
