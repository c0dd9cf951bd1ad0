"""Two sides that settle by themselves always come to rest, with the same result, however late the mail is."""

from __future__ import annotations

import itertools
import random
from collections import deque
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from one_node import node_state
from parties import TODAY, area_plan

from detente.airspace.joint_resolution import whole
from detente.airspace.plan import Plan, TimeWindow
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import Delay, LevelChange, apply_change
from detente.airspace.search import encounter
from detente.airspace.separation import Minima, MinimaTable
from detente.picture import commands
from detente.picture.decide import decide
from detente.picture.evolve import evolve
from detente.picture.measures import Measure, MeasureState
from detente.picture.messages import command_of, messages_of
from detente.picture.picture import Picture, picture_bytes
from detente.room.channel import Channel
from detente.room.message import Heard
from detente.room.tagged import write_tagged
from detente.tasks.search_for_measures import search_joint_measure
from detente.tasks.settlement import (
    MOST_JOINT_PROPOSALS,
    joint_measure_from,
    measure_from,
    one_after_the_other,
    proposal,
    reason_of,
    search_measures,
    to_answer,
    turn_of,
    turns,
)

SIDES = ("north", "south")
VALID = TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=30))
MINIMA = MinimaTable(Minima(9260.0, 304.8, 0.0))
ROOMS = node_state().rooms
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


def told_all(plan_id: str) -> bool:
    """The other side is told every plan."""
    return bool(plan_id)


class World:
    """Two pictures and the mail between them."""

    def __init__(self, ours: list[Plan], theirs: list[Plan], chance: random.Random) -> None:
        self.pictures = {side: Picture() for side in SIDES}
        self.mail: dict[str, deque[tuple[str, bytes]]] = {side: deque() for side in SIDES}
        self.chance = chance
        self.told = told_all
        self.turns = turns
        for side, own in zip(SIDES, (ours, theirs), strict=True):
            self.give(side, commands.AdoptAccord(TODAY, side, "hash", "accord", SIDES, MINIMA, VALID))
            self.give(side, commands.ImportPlans(TODAY, side, tuple(own)))

    def give(self, side: str, command: commands.PictureCommand) -> None:
        picture = self.pictures[side]
        for event in decide(picture, command):
            evolve(picture, event)
            for addressed in messages_of(event, picture):
                self.mail[addressed.peer].append(write_tagged(addressed.message))

    def deliver(self, side: str, most: int) -> None:
        for _ in range(min(most, len(self.mail[side]))):
            kind, body = self.mail[side].popleft()
            sender = "south" if side == "north" else "north"
            message = ROOMS.read_message(Channel.PLANNING, kind, body)
            self.give(side, command_of(Heard(TODAY, sender, message)))

    def deliver_all(self) -> None:
        while any(self.mail.values()):
            for side in SIDES:
                self.deliver(side, 9)

    def act(self, side: str) -> bool:
        """One round of settlement of one side, as its node would make it."""
        picture = self.pictures[side]
        answers = to_answer(picture)
        for measure_id in answers:
            try:
                self.give(side, commands.AcceptMeasure(TODAY, side, measure_id))
            except Refusal as refusal:
                self.give(side, commands.RefuseMeasure(TODAY, side, measure_id, reason_of(refusal)))
        due = list(self.turns(picture))
        proposals = [whole(proposal(picture, record, TODAY, MOST_PROPOSALS, self.told)) for record in due]
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


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(ours=plans, theirs=plans, seed=st.integers(0, 2**32))
def test_one_conflict_after_the_other_comes_to_the_same_whenever_the_mail_arrives(
    ours: list[Plan], theirs: list[Plan], seed: int
) -> None:
    ends = []
    for chance in (seed, seed + 1):
        world = World(ours, theirs, random.Random(chance))
        world.turns = one_after_the_other
        world.deliver_all()
        world.settle()
        ends.append([picture_bytes(world.pictures[side]) for side in SIDES])
    assert ends[0] == ends[1]


def two_in_conflict() -> World:
    world = World([area_plan("ours")], [area_plan("theirs")], random.Random(1))
    world.deliver_all()
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
        command = whole(
            proposal(picture, picture.conflicts[record.conflict.conflict_id], TODAY, MOST_PROPOSALS, told_all)
        )
        assert isinstance(command, commands.ProposeMeasure)
        assert command.measure.change not in seen
        seen.append(command.measure.change)
        world.give(side, command)
        world.deliver(other, 9)
        world.give(other, commands.RefuseMeasure(TODAY, other, command.measure.measure_id, "not now"))
        world.deliver(side, 9)
    command = whole(proposal(picture, picture.conflicts[record.conflict.conflict_id], TODAY, MOST_PROPOSALS, told_all))
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


def low_plan(plan_id: str, begin_s: float, end_s: float, east_deg: float = 0.0) -> Plan:
    """An area so low that only its time may change."""
    plan = area_plan(plan_id, east_deg, level_m=300.0)
    begin = TODAY + timedelta(hours=2)
    window = TimeWindow(begin + timedelta(seconds=begin_s), begin + timedelta(seconds=end_s))
    return msgspec.structs.replace(plan, intent=(msgspec.structs.replace(plan.intent[0], time=window),))


def boxed_in() -> tuple[list[Plan], list[Plan]]:
    """North's `first` and south's `theirs` overlap, and north's `after` lasts longer than any delay of one plan."""
    return [low_plan("first", 0.0, 600.0), low_plan("after", 1200.0, 4700.0)], [low_plan("theirs", 0.0, 900.0)]


@pytest.mark.parametrize("seed", range(8))
def test_a_chain_that_no_single_change_settles_is_settled_by_a_joint_measure(seed: int) -> None:
    ours, theirs = boxed_in()
    world = World(ours, theirs, random.Random(seed))
    world.settle()
    north, south = (world.pictures[side] for side in SIDES)
    for picture in (north, south):
        assert not picture.conflicts
        (cleared,) = picture.cleared.values()
        measure = picture.measures[cleared.measure_id or ""]
        assert measure.state is MeasureState.IN_EFFECT
        assert [shift.plan.plan_id for shift in measure.measure.shifts] == ["first", "after"]
    assert {k: r.plan for k, r in north.plans.items()} == {k: r.plan for k, r in south.plans.items()}
    for first, second in itertools.combinations([record.plan for record in north.plans.values()], 2):
        assert encounter(first, second, MINIMA.default) is None
    assert north.plans[("north", "first")].plan == apply_change(ours[0], Delay(910.0)), "areas keep their last second"


def test_without_the_plan_in_the_way_the_conflict_is_left_with_both_reasons() -> None:
    """The other side is not told of `after`: no measure may speak of it."""
    ours, theirs = boxed_in()
    world = World(ours, theirs, random.Random(1))
    world.told = lambda plan_id: plan_id != "after"
    world.settle()
    for picture in world.pictures.values():
        (record,) = picture.conflicts.values()
        assert turn_of(record) is None
        assert set(record.no_joint_measure) == set(SIDES)
        assert all("no change of several plans" in reason for _, reason in record.no_measure)
        assert not picture.measures


def test_joint_measures_come_only_after_both_found_no_single_one() -> None:
    ours, theirs = boxed_in()
    world = World(ours, theirs, random.Random(1))
    for side in SIDES:
        world.deliver(side, 9)
    north = world.pictures["north"]
    (record,) = north.conflicts.values()
    settled = whole(search_joint_measure(north, record.conflict.of("north"), told_all))
    measure = joint_measure_from(north, record, settled)
    with pytest.raises(Refusal, match="both sides found no change of one"):
        world.give("north", commands.ProposeMeasure(TODAY, "north", measure))


def test_a_refused_joint_measure_frees_every_plan_and_the_search_goes_on() -> None:
    ours, theirs = boxed_in()
    world = World(ours, theirs, random.Random(1))
    for side in SIDES:
        world.deliver(side, 9)
    north = world.pictures["north"]
    (conflict_id,) = north.conflicts
    for side in SIDES:
        world.give("north", commands.ReportNoMeasure(TODAY, side, conflict_id, "none"))
    changes = []
    for _ in range(MOST_JOINT_PROPOSALS):
        command = whole(proposal(north, north.conflicts[conflict_id], TODAY, 9, told_all))
        assert isinstance(command, commands.ProposeMeasure)
        changes.append(command.measure.change)
        world.give("north", command)
        assert set(north.measures_of) == {("north", "first"), ("north", "after")}
        world.give("north", commands.RefuseMeasure(TODAY, "south", command.measure.measure_id, "not now"))
        assert not north.measures_of
        assert not len(north.pending["north"])
    assert len(set(changes)) == len(changes)
    last = whole(proposal(north, north.conflicts[conflict_id], TODAY, 9, told_all))
    assert isinstance(last, commands.ReportNoMeasure)
    assert last.joint


def test_a_joint_search_pauses_so_that_a_stop_need_not_wait_for_all_of_it() -> None:
    ours, theirs = boxed_in()
    world = World(ours, theirs, random.Random(1))
    for side in SIDES:
        world.deliver(side, 9)
    north = world.pictures["north"]
    (conflict_id,) = north.conflicts
    for side in SIDES:
        world.give("north", commands.ReportNoMeasure(TODAY, side, conflict_id, "none"))
    steps = proposal(north, north.conflicts[conflict_id], TODAY, 9, told_all)
    pauses = sum(1 for _ in steps)
    assert pauses >= 2
    world.give("north", commands.WithdrawPlan(TODAY, "north", "after"))
    spoiled = search_joint_measure(north, north.conflicts[conflict_id].conflict.of("north"), told_all)
    assert all(settled.key != "north/after" for settled in whole(spoiled))
