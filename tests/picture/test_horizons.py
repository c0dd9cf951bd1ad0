"""Conflicts by the minima of their horizon: as a brute-force judge finds them, at every moment, and none is missed."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from picture_world import MINIMA, NOON, OURS, THEIRS, THIRD, WIDER, Node, accord, area_plan, at, plans

from detente.accord.provisions import Horizon, Horizons
from detente.airspace.search import encounter
from detente.airspace.separation import ClassMinima, Minima, MinimaTable
from detente.picture.commands import AmendPlan, DeclarePlan, ImportPlans, RejudgeConflicts, WithdrawPlan
from detente.picture.conflicts import ClearedBecause, PlanReference, conflict_id
from detente.picture.events import ConflictCleared, ConflictFound, ConflictRejudged
from detente.picture.evolve import evolve
from detente.picture.pair_terms import HorizonTerms, PairTerms
from detente.picture.picture import Picture, picture_bytes
from length import at_length

NARROW = MinimaTable(Minima(1000.0, 100.0, 0.0), (ClassMinima("crewed", "uncrewed", Minima(5000.0, 60.0, 30.0)),))
TABLES = (MINIMA, WIDER, NARROW)
LIMITS = Horizons(pre_tactical_s=1200.0, tactical_s=120.0)


def widest(tables: tuple[MinimaTable, ...]) -> MinimaTable:
    rows = [table.default for table in tables]
    mixed = [table.between("crewed", "uncrewed") for table in tables]

    def most(minima: list[Minima]) -> Minima:
        return Minima(
            max(m.horizontal_m for m in minima), max(m.vertical_m for m in minima), max(m.time_s for m in minima)
        )

    return MinimaTable(most(rows), (ClassMinima("crewed", "uncrewed", most(mixed)),))


def terms(tables: tuple[MinimaTable, MinimaTable, MinimaTable], peer: str = THEIRS) -> PairTerms:
    return PairTerms(peer, "hash", widest(tables), horizons=HorizonTerms(LIMITS, *tables))


def adopted(node: Node, *pairs: PairTerms, name: str = "first") -> None:
    node.do(msgspec.structs.replace(accord(name=name), pairs=pairs))


def expected(picture: Picture, moment: datetime) -> dict[str, object]:
    """Every pair of live plans that is a conflict under the minima of the horizon that it is in."""
    assert picture.accord is not None
    live = [record for record in picture.plans.values() if record.live]
    found = {}
    for ours in (record for record in live if record.party == OURS):
        for theirs in (record for record in live if record.party != OURS):
            pair = sorted((ours, theirs), key=lambda record: record.party)
            classes = [record.plan.aircraft_class for record in pair]
            wide = encounter(pair[0].plan, pair[1].plan, picture.accord.minima_with(theirs.party).between(*classes))
            if wide is None:
                continue
            of_horizon, met = picture.accord.horizons_with(theirs.party), wide
            if of_horizon is not None:
                horizon = of_horizon.limits.of((wide.start - moment).total_seconds())
                met = encounter(pair[0].plan, pair[1].plan, of_horizon.table(horizon).between(*classes))
            if met is not None:
                first, second = (PlanReference(r.party, r.plan.plan_id, r.revision) for r in pair)
                found[conflict_id(first, second)] = met
    return found


class Days(RuleBasedStateMachine):
    """Plans come, change and go, accords change, and time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.node = Node()
        self.now = NOON
        self.accords = 0

    @initialize(tables=st.tuples(*[st.sampled_from(TABLES)] * 3), third=st.booleans())
    def begin(self, tables: tuple[MinimaTable, MinimaTable, MinimaTable], third: bool) -> None:
        self.agree(tables, third)

    @rule(tables=st.tuples(*[st.sampled_from(TABLES)] * 3), third=st.booleans())
    def agree(self, tables: tuple[MinimaTable, MinimaTable, MinimaTable], third: bool) -> None:
        self.accords += 1
        pairs = (terms(tables), *((terms(tables[::-1], THIRD),) if third else ()))
        command = msgspec.structs.replace(accord(name=str(self.accords)), pairs=pairs, at=self.now)
        self.node.do(command)

    @rule(
        party=st.sampled_from([OURS, THEIRS, THIRD]),
        plan=plans(),
        uncrewed=st.booleans(),
        later=st.sampled_from([0, 200, 1500]),
    )
    def plan(self, party: str, plan: object, uncrewed: bool, later: float) -> None:
        moved = area_plan(plan.plan_id, start_s=(self.now - NOON).total_seconds() + later) if later else plan
        made = msgspec.structs.replace(moved, aircraft_class="uncrewed" if uncrewed else "crewed")
        held = self.node.picture.plans.get((party, made.plan_id))
        if party == OURS:
            self.node.do(ImportPlans(self.now, party, (made,)))
        else:
            kind = AmendPlan if held is not None and held.live else DeclarePlan
            self.node.do(kind(self.now, party, made, 1 if held is None else held.revision + 1))

    @rule(party=st.sampled_from([OURS, THEIRS, THIRD]), plan_id=st.sampled_from(["p1", "p2", "p3"]))
    def withdraw(self, party: str, plan_id: str) -> None:
        held = self.node.picture.plans.get((party, plan_id))
        if held is not None and held.live:
            self.node.do(WithdrawPlan(self.now, party, plan_id))

    @rule(seconds=st.sampled_from([1.0, 60.0, 119.0, 300.0, 1081.0]))
    def time_passes(self, seconds: float) -> None:
        self.now = at((self.now - NOON).total_seconds() + seconds)
        self.node.do(RejudgeConflicts(self.now))
        assert self.node.do(RejudgeConflicts(self.now)) == []

    @invariant()
    def conflicts_are_those_of_the_brute_force_judge(self) -> None:
        picture = self.node.picture
        if picture.accord is None:
            return
        assert set(picture.conflicts) == set(expected(picture, self.now))

    def teardown(self) -> None:
        again = Picture()
        for event in self.node.events:
            evolve(again, event)
        assert picture_bytes(again) == picture_bytes(self.node.picture)


def test_conflicts_are_those_of_the_brute_force_judge_at_every_moment() -> None:
    steps = settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Days, settings=steps)


@pytest.mark.long
def test_conflicts_are_those_of_the_brute_force_judge_at_length() -> None:
    examples = at_length(150)
    steps = settings(
        max_examples=examples, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Days, settings=steps)


def test_a_conflict_is_judged_again_at_each_horizon() -> None:
    """400 m between the heights: too little days ahead, enough an hour later, and too little again at the end."""
    strategic, pre, tactical = (MinimaTable(Minima(9260.0, vertical_m, 0.0)) for vertical_m in (600.0, 300.0, 500.0))
    node = Node()
    adopted(node, terms((strategic, pre, tactical)))
    node.do(ImportPlans(NOON, OURS, (area_plan("n", start_s=3600.0),)))
    found = node.do(DeclarePlan(NOON, THEIRS, area_plan("s", level_m=3500.0, start_s=3600.0), 1))
    assert any(isinstance(event, ConflictFound) for event in found)
    assert node.do(RejudgeConflicts(at(2399.0))) == []
    (_, cleared) = node.do(RejudgeConflicts(at(2401.0)))
    assert isinstance(cleared, ConflictCleared)
    assert cleared.because is ClearedBecause.HORIZON
    assert not node.picture.conflicts
    (_, again) = node.do(RejudgeConflicts(at(3481.0)))
    assert isinstance(again, ConflictFound)
    assert again.conflict.encounter.required_vertical_m == 500.0
    assert not node.picture.watched.pairs


def test_an_open_conflict_keeps_its_history_and_says_the_minima_of_its_horizon() -> None:
    strategic, later = MinimaTable(Minima(9260.0, 600.0, 0.0)), MinimaTable(Minima(9260.0, 450.0, 0.0))
    node = Node()
    adopted(node, terms((strategic, later, later)))
    node.do(ImportPlans(NOON, OURS, (area_plan("n", start_s=3600.0),)))
    node.do(DeclarePlan(NOON, THEIRS, area_plan("s", level_m=3500.0, start_s=3600.0), 1))
    (name,) = node.picture.conflicts
    (_, rejudged) = node.do(RejudgeConflicts(at(2401.0)))
    assert isinstance(rejudged, ConflictRejudged)
    assert node.picture.conflicts[name].found_at == NOON
    assert node.picture.conflicts[name].conflict.encounter.required_vertical_m == 450.0
    assert [pair.horizon for pair in node.picture.watched.pairs.values()] == [Horizon.PRE_TACTICAL]


def test_a_jump_of_the_clock_over_a_horizon_misses_nothing() -> None:
    only_tactical = MinimaTable(Minima(9260.0, 600.0, 0.0))
    none = MinimaTable(Minima(100.0, 10.0, 0.0))
    node = Node()
    adopted(node, terms((none, none, only_tactical)))
    node.do(ImportPlans(NOON, OURS, (area_plan("n", start_s=3600.0),)))
    node.do(DeclarePlan(NOON, THEIRS, area_plan("s", level_m=3500.0, start_s=3600.0), 1))
    assert not node.picture.conflicts
    node.do(RejudgeConflicts(at(3700.0)))
    assert len(node.picture.conflicts) == 1
