"""Two sides that settle by themselves always come to rest, with the same result, however late the mail is."""

from __future__ import annotations

import random
from collections import deque
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parties import TODAY, area_plan

from detente.airspace.plan import Plan, TimeWindow
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import LevelChange, apply_change
from detente.airspace.separation import Minima, MinimaTable
from detente.node.settlement import measure_from, proposal, reason_of, search_measures, to_answer, turn_of, turns
from detente.picture import commands
from detente.picture.decide import decide
from detente.picture.evolve import evolve
from detente.picture.measures import Measure
from detente.picture.messages import command_of, messages_of, read_message, write_message
from detente.picture.picture import Picture

SIDES = ("north", "south")
VALID = TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=30))
MINIMA = MinimaTable(Minima(9260.0, 304.8, 0.0))
MOST_PROPOSALS = 3
MOST_ROUNDS = 400

plans = st.lists(
    st.builds(
        area_plan,
        st.sampled_from([f"p{k}" for k in range(8)]),
        st.sampled_from([0.0, 0.05, 0.1, 0.15]),
        st.sampled_from([900.0, 1200.0, 1500.0]),
        st.sampled_from([0.0, 300.0, 1500.0]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda plan: plan.plan_id,
)


class World:
    """Two pictures and the mail between them."""

    def __init__(self, ours: list[Plan], theirs: list[Plan], chance: random.Random) -> None:
        self.pictures = {side: Picture() for side in SIDES}
        self.mail: dict[str, deque[tuple[str, bytes]]] = {side: deque() for side in SIDES}
        self.chance = chance
        for side, own in zip(SIDES, (ours, theirs), strict=True):
            self.give(side, commands.AdoptAccord(TODAY, side, "hash", "accord", SIDES, MINIMA, VALID))
            self.give(side, commands.ImportPlans(TODAY, side, tuple(own)))

    def give(self, side: str, command: commands.Command) -> None:
        picture = self.pictures[side]
        for event in decide(picture, command):
            evolve(picture, event)
            for peer, message in messages_of(event, picture):
                self.mail[peer].append(write_message(message))

    def deliver(self, side: str, most: int) -> None:
        for _ in range(min(most, len(self.mail[side]))):
            kind, body = self.mail[side].popleft()
            sender = "south" if side == "north" else "north"
            self.give(side, command_of(read_message(kind, body), sender, TODAY))

    def act(self, side: str) -> bool:
        """One round of settlement of one side, as its node would make it."""
        picture = self.pictures[side]
        answers = to_answer(picture)
        for measure_id in answers:
            try:
                self.give(side, commands.AcceptMeasure(TODAY, side, measure_id))
            except Refusal as refusal:
                self.give(side, commands.RefuseMeasure(TODAY, side, measure_id, reason_of(refusal)))
        proposals = [proposal(picture, record, TODAY, MOST_PROPOSALS) for record in turns(picture)]
        for command in proposals:
            self.give(side, command)
        return bool(answers or proposals)

    def settle(self) -> None:
        for _ in range(MOST_ROUNDS):
            side = self.chance.choice(SIDES)
            if self.chance.random() < 0.5:
                self.deliver(side, self.chance.randint(1, 5))
            else:
                self.act(side)
            if not any(self.mail.values()) and not any(self.act(side) for side in SIDES):
                return
        raise AssertionError("the two sides do not come to rest")


@pytest.mark.long
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(ours=plans, theirs=plans, seed=st.integers(0, 2**32))
def test_two_sides_come_to_rest_in_many_worlds(ours: list[Plan], theirs: list[Plan], seed: int) -> None:
    come_to_rest(ours, theirs, seed)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(ours=plans, theirs=plans, seed=st.integers(0, 2**32))
def test_two_sides_come_to_rest(ours: list[Plan], theirs: list[Plan], seed: int) -> None:
    come_to_rest(ours, theirs, seed)


def come_to_rest(ours: list[Plan], theirs: list[Plan], seed: int) -> None:
    world = World(ours, theirs, random.Random(seed))
    world.settle()
    north, south = (world.pictures[side] for side in SIDES)
    assert sorted(north.conflicts) == sorted(south.conflicts)
    for picture in (north, south):
        assert not picture.measures_of
        for record in picture.conflicts.values():
            assert turn_of(record) is None
            assert {party for party, _ in record.no_measure} == set(SIDES)
    assert {k: r.plan for k, r in north.plans.items()} == {k: r.plan for k, r in south.plans.items()}


def two_in_conflict() -> World:
    world = World([area_plan("ours")], [area_plan("theirs")], random.Random(1))
    while any(world.mail.values()):
        for side in SIDES:
            world.deliver(side, 9)
    return world


def test_a_request_to_move_our_plan_waits_for_people() -> None:
    world = two_in_conflict()
    north = world.pictures["north"]
    (record,) = north.conflicts.values()
    change = LevelChange(600.0)
    asked = Measure(
        "m", record.conflict.conflict_id, "south", "north", 1, change, apply_change(area_plan("ours"), change)
    )
    world.give("south", commands.ProposeMeasure(TODAY, "south", asked))
    world.deliver("north", 1)
    assert to_answer(north) == []
    assert list(turns(north)) == []
    world.give("north", commands.AcceptMeasure(TODAY, "north", "m"))
    assert not north.conflicts


def test_what_was_refused_is_not_proposed_again() -> None:
    world = two_in_conflict()
    (record,) = world.pictures["north"].conflicts.values()
    side = turn_of(record)
    assert side is not None
    other = "south" if side == "north" else "north"
    picture = world.pictures[side]
    seen = []
    for _ in range(MOST_PROPOSALS):
        command = proposal(picture, picture.conflicts[record.conflict.conflict_id], TODAY, MOST_PROPOSALS)
        assert isinstance(command, commands.ProposeMeasure)
        assert command.measure.change not in seen
        seen.append(command.measure.change)
        world.give(side, command)
        world.deliver(other, 9)
        world.give(other, commands.RefuseMeasure(TODAY, other, command.measure.measure_id, "not now"))
        world.deliver(side, 9)
    command = proposal(picture, picture.conflicts[record.conflict.conflict_id], TODAY, MOST_PROPOSALS)
    assert isinstance(command, commands.ReportNoMeasure)
    assert "refused 3" in command.reason


def test_the_first_proposal_is_the_cheapest_and_leaves_our_own_plans_clear() -> None:
    crowd = [area_plan("ours"), *(area_plan(f"level{k}", level_m=3000.0 + 400.0 * k) for k in (1, 2, -1, -2))]
    world = World(crowd, [area_plan("theirs")], random.Random(1))
    world.deliver("north", 9)
    north = world.pictures["north"]
    (record,) = [r for r in north.conflicts.values() if r.conflict.first.plan_id == "ours"]
    found = search_measures(north, record.conflict.of("north"))
    measure = measure_from(north, record, found.measures[0])
    assert measure.cost == min(ranked.cost for ranked in found.measures)
    own = north.indexes["north"].encounters(measure.plan, MINIMA)
    assert {encounter.second_plan_id for encounter in own} <= {"north/ours"}
