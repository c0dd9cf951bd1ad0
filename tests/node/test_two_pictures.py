"""Two pictures that hear of each other late: whatever the order of the mail, they come to agree.

No sockets here: the messages of two nodes wait in two queues that keep their order, as a link does, and chance says
which is read next.
"""

from __future__ import annotations

import itertools
from collections import deque
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from one_node import node_state
from parties import TODAY, area_plan

from detente.airspace.plan import Plan, TimeWindow
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import Delay, LevelChange, apply_change
from detente.airspace.search import encounter
from detente.airspace.separation import Minima, MinimaTable
from detente.picture import commands
from detente.picture.decide import decide
from detente.picture.events import PlanAmended
from detente.picture.evolve import evolve
from detente.picture.measures import Measure, MeasureState, PlanShift
from detente.picture.messages import command_of, messages_of
from detente.picture.picture import Picture
from detente.room.channel import Channel
from detente.room.message import Heard
from detente.room.tagged import write_tagged
from length import at_length

SIDES = ("north", "south")
VALID = TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=30))
MINIMA = MinimaTable(Minima(9260.0, 304.8, 0.0))
ROOMS = node_state().rooms
Key = tuple[str, str]


def other(side: str) -> str:
    return "south" if side == "north" else "north"


class TwoPictures(RuleBasedStateMachine):
    """Each side acts on what it knows; letters arrive in order, at any time later."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures = {side: Picture() for side in SIDES}
        self.mail: dict[str, deque[tuple[str, bytes]]] = {side: deque() for side in SIDES}
        self.refused: list[tuple[str, str]] = []
        self.now = TODAY
        self.count = 0

    def give(self, side: str, command: commands.PictureCommand) -> bool:
        self.now += timedelta(seconds=1)
        picture = self.pictures[side]
        try:
            decided = decide(picture, command)
        except Refusal as refusal:
            if getattr(command, "party", side) != side:
                self.refused.append((side, str(refusal)))
            return False
        effective = {
            event.measure_id for event in decided if isinstance(event, PlanAmended) and event.party == side
        } - {None}
        before = {key for key, record in picture.plans.items() if record.live}
        clear = {pair for pair in itertools.combinations(sorted(before), 2) if not self.meet(picture, *pair)}
        for event in decided:
            evolve(picture, event)
            for addressed in messages_of(event, picture):
                self.mail[addressed.peer].append(write_tagged(addressed.message))
        for measure in (picture.measures[measure_id].measure for measure_id in effective):
            self.took_effect(picture, measure, clear)
        return True

    def meet(self, picture: Picture, first: tuple[str, str], second: tuple[str, str]) -> bool:
        plans = picture.plans[first].plan, picture.plans[second].plan
        return encounter(*plans, MINIMA.default) is not None

    def took_effect(self, picture: Picture, measure: Measure, clear: set[tuple[Key, Key]]) -> None:
        """Brute force: no pair that was clear is in conflict, and what was changed is clear of the other side.

        Of the owner's own plans that did not change nothing is checked here: keeping them apart is the search's.
        """
        for pair in clear:
            if pair[0][0] != pair[1][0] or set(pair) <= set(measure.keys):
                assert not self.meet(picture, *pair)
        for key in measure.keys:
            assert picture.plans[key].plan in [shift.plan for shift in measure.shifts]
            assert key not in picture.conflicts_of
        assert picture.measures[measure.measure_id].state is MeasureState.IN_EFFECT

    @initialize(conflict=st.booleans())
    def begin(self, conflict: bool) -> None:
        for side in SIDES:
            self.give(side, commands.AdoptAccord(self.now, side, "hash", "accord", SIDES, MINIMA, VALID))
        if conflict:
            for side in SIDES:
                plans = (area_plan("p1"), area_plan("p2", 0.3))
                self.give(side, commands.ImportPlans(self.now, side, plans))
            for side in SIDES:
                self.deliver(side, 9)
            self.both_find_none()
            for side in SIDES:
                self.deliver(side, 9)

    @rule(
        side=st.sampled_from(SIDES),
        plan=st.builds(
            area_plan,
            st.sampled_from(["p1", "p2", "p3"]),
            st.sampled_from([0.0, 0.05, 0.3]),
            st.sampled_from([3000.0, 3300.0]),
        ),
    )
    def put(self, side: str, plan: Plan) -> None:
        self.give(side, commands.ImportPlans(self.now, side, (plan,)))

    @rule(side=st.sampled_from(SIDES), plan_id=st.sampled_from(["p1", "p2", "p3"]))
    def withdraw(self, side: str, plan_id: str) -> None:
        self.give(side, commands.WithdrawPlan(self.now, side, plan_id))

    @rule(
        data=st.data(),
        side=st.sampled_from(SIDES),
        ask=st.booleans(),
        change=st.sampled_from([LevelChange(600.0), LevelChange(-600.0), Delay(900.0)]),
    )
    def propose(self, data: st.DataObject, side: str, ask: bool, change: LevelChange | Delay) -> None:
        picture = self.pictures[side]
        if not picture.conflicts:
            return
        record = picture.conflicts[data.draw(st.sampled_from(sorted(picture.conflicts)))]
        reference = record.conflict.of(other(side) if ask else side)
        base = picture.plans[(reference.party, reference.plan_id)].plan
        self.count += 1
        measure = Measure(
            f"m{self.count}", record.conflict.conflict_id, side, reference.party, reference.revision, change,
            apply_change(base, change),
        )  # fmt: skip
        self.give(side, commands.ProposeMeasure(self.now, side, measure))

    @rule(data=st.data(), side=st.sampled_from(SIDES), accept=st.booleans())
    def answer(self, data: st.DataObject, side: str, accept: bool) -> None:
        measures = self.pictures[side].measures
        waiting = sorted(
            m for m, r in measures.items() if r.state is MeasureState.PROPOSED and r.measure.proposer != side
        )
        if waiting:
            measure_id = data.draw(st.sampled_from(waiting))
            if accept:
                self.give(side, commands.AcceptMeasure(self.now, side, measure_id))
            else:
                self.give(side, commands.RefuseMeasure(self.now, side, measure_id, "not now"))

    @rule(side=st.sampled_from(SIDES), also_the_answer=st.booleans())
    def read_and_accept(self, side: str, also_the_answer: bool) -> None:
        self.deliver(side, len(self.mail[side]))
        for measure_id, record in sorted(self.pictures[side].measures.items()):
            if record.state is MeasureState.PROPOSED and record.measure.proposer != side:
                self.give(side, commands.AcceptMeasure(self.now, side, measure_id))
        if also_the_answer:
            self.deliver(other(side), len(self.mail[other(side)]))

    @rule(data=st.data(), side=st.sampled_from(SIDES))
    def find_none(self, data: st.DataObject, side: str) -> None:
        conflicts = sorted(self.pictures[side].conflicts)
        if conflicts:
            conflict_id = data.draw(st.sampled_from(conflicts))
            self.give(side, commands.ReportNoMeasure(self.now, side, conflict_id, "none is free"))

    @rule()
    def both_find_none(self) -> None:
        for side in SIDES:
            for conflict_id in sorted(self.pictures[side].conflicts):
                self.give(side, commands.ReportNoMeasure(self.now, side, conflict_id, "none is free"))

    @rule(
        data=st.data(),
        side=st.sampled_from(SIDES),
        changes=st.lists(
            st.sampled_from([LevelChange(600.0), LevelChange(-900.0), Delay(900.0), Delay(1800.0)]),
            min_size=2,
            max_size=3,
        ),
    )
    def propose_joint(self, data: st.DataObject, side: str, changes: list[LevelChange | Delay]) -> None:
        picture = self.pictures[side]
        ready = sorted(key for key, record in picture.conflicts.items() if record.no_single_measure)
        if not ready:
            return
        conflict = picture.conflicts[data.draw(st.sampled_from(ready))].conflict
        reference = conflict.of(side)
        main = (side, reference.plan_id)
        others = sorted(key for key, r in picture.plans.items() if key[0] == side and r.live and key != main)
        keys = [main, *data.draw(st.permutations(others))][: len(changes)]
        shifts = [
            PlanShift(picture.plans[key].revision, change, apply_change(picture.plans[key].plan, change))
            for key, change in zip(keys, changes, strict=False)
        ]
        self.count += 1
        first = shifts[0]
        measure = Measure(
            f"m{self.count}", conflict.conflict_id, side, side, first.base_revision, first.change, first.plan,
            also=tuple(shifts[1:]),
        )  # fmt: skip
        self.give(side, commands.ProposeMeasure(self.now, side, measure))

    @rule(data=st.data(), side=st.sampled_from(SIDES))
    def find_none_of_several(self, data: st.DataObject, side: str) -> None:
        conflicts = sorted(self.pictures[side].conflicts)
        if conflicts:
            conflict_id = data.draw(st.sampled_from(conflicts))
            self.give(side, commands.ReportNoMeasure(self.now, side, conflict_id, "none of several", joint=True))

    @rule(side=st.sampled_from(SIDES), letters=st.integers(1, 4))
    def deliver(self, side: str, letters: int) -> None:
        for _ in range(min(letters, len(self.mail[side]))):
            kind, body = self.mail[side].popleft()
            self.give(side, command_of(Heard(self.now, other(side), ROOMS.read_message(Channel.PLANNING, kind, body))))

    def teardown(self) -> None:
        while any(self.mail.values()):
            for side in SIDES:
                self.deliver(side, 1)
        north, south = (self.pictures[side] for side in SIDES)
        assert not self.refused, "an honest peer's message was refused"
        assert [(k, r.plan, r.revision, r.state) for k, r in sorted(north.plans.items())] == [
            (k, r.plan, r.revision, r.state) for k, r in sorted(south.plans.items())
        ]
        assert sorted(north.conflicts) == sorted(south.conflicts)
        for key in north.conflicts:
            assert north.conflicts[key].conflict == south.conflicts[key].conflict
            assert north.conflicts[key].no_measure == south.conflicts[key].no_measure
            assert north.conflicts[key].no_joint_measure == south.conflicts[key].no_joint_measure
        assert set(north.measures) == set(south.measures)
        for key, record in north.measures.items():
            states = {record.state, south.measures[key].state}
            # A measure that lapsed on one side may have been refused on the other before the news came.
            assert len(states) == 1 or states == {MeasureState.LAPSED, MeasureState.REFUSED}, (key, states)
            assert MeasureState.ACCEPTED not in states
        for picture in (north, south):
            outstanding = {key for key, record in picture.measures.items() if record.outstanding}
            assert {measure_id for ids in picture.measures_of.values() for measure_id in ids} == outstanding
            assert sum(map(len, picture.pending.values())) == sum(map(len, picture.measures_of.values()))


def _run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        TwoPictures,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            database=None,
        ),
    )


def test_two_sides_that_hear_late_come_to_agree() -> None:
    _run(25, 25)


@pytest.mark.long
def test_two_sides_that_hear_late_come_to_agree_in_many_worlds() -> None:
    _run(at_length(400), 50)
