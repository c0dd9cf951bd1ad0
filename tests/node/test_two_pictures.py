"""Two pictures that hear of each other late: whatever the order of the mail, they come to agree.

No sockets here: the messages of two nodes wait in two queues that keep their order, as a link does, and chance says
which is read next.
"""

from __future__ import annotations

import os
from collections import deque
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from parties import TODAY, area_plan

from detente.airspace.plan import Plan, TimeWindow
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import Delay, LevelChange, apply_change
from detente.airspace.separation import Minima, MinimaTable
from detente.picture import commands
from detente.picture.decide import decide
from detente.picture.evolve import evolve
from detente.picture.measures import Measure, MeasureState
from detente.picture.messages import command_of, messages_of, read_message, write_message
from detente.picture.picture import Picture

SIDES = ("north", "south")
VALID = TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=30))
MINIMA = MinimaTable(Minima(9260.0, 304.8, 0.0))


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

    def give(self, side: str, command: commands.Command) -> bool:
        self.now += timedelta(seconds=1)
        picture = self.pictures[side]
        try:
            decided = decide(picture, command)
        except Refusal as refusal:
            if getattr(command, "party", side) != side:
                self.refused.append((side, str(refusal)))
            return False
        for event in decided:
            evolve(picture, event)
            for peer, message in messages_of(event, picture):
                self.mail[peer].append(write_message(message))
        return True

    @initialize()
    def begin(self) -> None:
        for side in SIDES:
            self.give(side, commands.AdoptAccord(self.now, side, "hash", "accord", SIDES, MINIMA, VALID))

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

    @rule(data=st.data(), side=st.sampled_from(SIDES))
    def find_none(self, data: st.DataObject, side: str) -> None:
        conflicts = sorted(self.pictures[side].conflicts)
        if conflicts:
            conflict_id = data.draw(st.sampled_from(conflicts))
            self.give(side, commands.ReportNoMeasure(self.now, side, conflict_id, "none is free"))

    @rule(side=st.sampled_from(SIDES), letters=st.integers(1, 4))
    def deliver(self, side: str, letters: int) -> None:
        for _ in range(min(letters, len(self.mail[side]))):
            kind, body = self.mail[side].popleft()
            self.give(side, command_of(read_message(kind, body), other(side), self.now))

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
        assert set(north.measures) == set(south.measures)
        for key, record in north.measures.items():
            states = {record.state, south.measures[key].state}
            # A measure that lapsed on one side may have been refused on the other before the news came.
            assert len(states) == 1 or states == {MeasureState.LAPSED, MeasureState.REFUSED}, (key, states)
            assert MeasureState.ACCEPTED not in states


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
    _run(int(os.environ.get("DETENTE_EXAMPLES", "400")), 50)
