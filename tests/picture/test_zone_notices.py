"""An agreed zone counts as notices, and plans that enter what was notified are found, as a brute-force judge finds."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_world import MINIMA, NOON, OURS, THEIRS, THIRD, Node, accord, area_plan, plans

from detente.airspace.plan import Plan
from detente.airspace.search import encounters_between
from detente.picture.commands import (
    AmendNotice,
    CancelNotice,
    DeclarePlan,
    ExpireNotices,
    GiveNotice,
    ImportPlans,
    KeepZone,
)
from detente.picture.entering import NO_MINIMA, entering
from detente.picture.events import NoticeCancelled, NoticeGiven
from detente.picture.notices import Meaning, Notice, NoticeState
from length import quickly


def notice(name: str, party: str = OURS, meaning: Meaning = Meaning.KEEP_OUT, **options: object) -> Notice:
    volume = area_plan("area", **{k: v for k, v in options.items() if k != "agreed_with"}).intent[0]
    return Notice(name, party, meaning, volume, NOON, agreed_with=options.get("agreed_with"))


def working() -> Node:
    node = Node()
    node.do(accord())
    return node


def test_a_zone_counts_as_what_it_is_agreed_to_be_now() -> None:
    node = working()
    first, second = (notice(f"z:{k}:area", agreed_with=THEIRS, level_m=3000.0 + k) for k in (1, 2))
    (given_first,) = node.do(KeepZone(NOON, "z:", THEIRS, (first,)))
    assert isinstance(given_first, NoticeGiven)
    assert given_first.late_by_s == 0.0, "what was agreed is never late"
    assert node.do(KeepZone(NOON, "z:", THEIRS, (first,))) == []
    assert [type(e) for e in node.do(KeepZone(NOON, "z:", THEIRS, (second,)))] == [NoticeCancelled, NoticeGiven]
    assert node.do(KeepZone(NOON, "z:", THIRD, ())) == [], "another peer's zone of that name is another zone"
    assert node.picture.notices[(OURS, "z:2:area")].state is NoticeState.IN_FORCE
    for command in (
        CancelNotice(NOON, OURS, "z:2:area"),
        AmendNotice(NOON, OURS, msgspec.structs.replace(second, meaning=Meaning.CLOSED_TO_ALL)),
        GiveNotice(NOON, OURS, notice("n", agreed_with=THEIRS)),
        GiveNotice(NOON, THEIRS, notice("n", THEIRS, agreed_with=OURS)),
    ):
        assert node.refused(command) is not None
    node.do(ExpireNotices(second.volume.time.end.replace(year=2026)))
    assert node.picture.notices[(OURS, "z:2:area")].state is NoticeState.EXPIRED
    assert node.do(KeepZone(NOON, "z:", THEIRS, (second,))) == [], "what has expired does not begin again"


notices = st.builds(
    lambda name, party, meaning, latitude, level, peer: notice(
        name, party, meaning, latitude_deg=latitude, level_m=level,
        agreed_with=None if peer is None else (THEIRS if party == OURS else OURS),
    ),
    st.sampled_from(["a", "b"]), st.sampled_from([OURS, THEIRS]), st.sampled_from(list(Meaning)),
    st.sampled_from([35.0, 35.05, 35.2]), st.sampled_from([3000.0, 3250.0]), st.sampled_from([None, THEIRS]),
)  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from([OURS, THEIRS, THIRD]), plans()), max_size=6),
    st.lists(notices, max_size=4, unique_by=lambda n: (n.party, n.notice_id)),
)
@settings(max_examples=quickly(60), deadline=None)
def test_what_enters_is_what_a_brute_force_judge_finds(flown: list[tuple[str, Plan]], told: list[Notice]) -> None:
    node = working()
    for party, plan in flown:
        held = node.picture.plans.get((party, plan.plan_id))
        revision = 1 if held is None else held.revision + 1
        ours = party == OURS
        node.do(ImportPlans(NOON, party, (plan,)) if ours else DeclarePlan(NOON, party, plan, revision))
    for one in told:
        if one.agreed_with is None:
            node.do(GiveNotice(NOON, one.party, one))
        else:
            node.do(KeepZone(NOON, f"{one.notice_id}", THEIRS, (one,)))
    expected = set()
    for (party, name), record in node.picture.notices.items():
        one = record.notice
        if record.state is not NoticeState.IN_FORCE or one.meaning is Meaning.NOTHING_OF_OURS_HERE:
            continue
        for held in node.picture.plans.values():
            others = (THEIRS,) if one.agreed_with else (THEIRS, THIRD)
            told_to = held.party == OURS if party == THEIRS else held.party in others
            if not (told_to or (one.meaning is Meaning.CLOSED_TO_ALL and held.party == party)) or not held.live:
                continue
            table = MINIMA if one.meaning is Meaning.OUR_AIRCRAFT_HERE else NO_MINIMA
            if encounters_between([Plan("n", (one.volume,))], [held.plan], table):
                expected.add((party, name, held.party, held.plan.plan_id))
    found = [(e.notice_party, e.notice_id, e.party, e.plan_id) for e in entering(node.picture)]
    assert set(found) == expected
    assert len(found) == len(expected)


def test_what_one_peer_told_us_is_never_held_against_anothers_plans() -> None:
    node = working()
    node.do(GiveNotice(NOON, THEIRS, notice("n", THEIRS)))
    node.do(DeclarePlan(NOON, THIRD, area_plan("p"), 1))
    assert list(entering(node.picture)) == []
    node.do(ImportPlans(NOON, OURS, (area_plan("q"),)))
    assert [e.plan_id for e in entering(node.picture)] == ["q"]


@pytest.mark.parametrize("prefix", ["z:", "y:"])
def test_zones_are_told_apart_by_their_ids(prefix: str) -> None:
    node = working()
    node.do(KeepZone(NOON, "z:", THEIRS, (notice("z:1:area", agreed_with=THEIRS),)))
    node.do(DeclarePlan(NOON, THEIRS, area_plan("p"), 1))
    assert len(list(entering(node.picture, prefix))) == (prefix == "z:")
