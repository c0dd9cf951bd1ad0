"""Random sequences of commands: the replay is the same byte for byte, and what the picture says is true."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from picture_world import (
    MINIMA,
    NOON,
    OURS,
    PARTIES,
    THEIRS,
    WIDER,
    YEAR,
    Node,
    accord,
    changes,
    plans,
)

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import PlanChange, apply_change
from detente.airspace.search import encounter
from detente.picture import commands, events, past
from detente.picture.conflicts import PlanReference, conflict_id
from detente.picture.decide import decide
from detente.picture.evolve import evolve
from detente.picture.measures import Measure, MeasureState
from detente.picture.notices import Meaning, Notice
from detente.picture.picture import Picture, pending_key, picture_bytes
from length import at_length

parties = st.sampled_from(PARTIES)


_DECODER = msgspec.json.Decoder(events.PictureEvent)


class PictureMachine(RuleBasedStateMachine):
    """Commands of three parties in any order, sensible and not."""

    def __init__(self) -> None:
        super().__init__()
        self.node = Node()
        self.now = NOON
        self.count = 0
        self.revisions: dict[tuple[str, str], int] = {}

    def give(self, command: commands.Command) -> list[events.PictureEvent]:
        before = picture_bytes(self.node.picture)
        decided: list[events.PictureEvent] = []
        refused: Refusal | None = None
        try:
            decided = decide(self.node.picture, command)
        except Refusal as refusal:
            refused = refusal
        assert picture_bytes(self.node.picture) == before, "decide changed the picture"
        if refused is not None:
            assert refused.field
            assert refused.expected
            return []
        for event in decided:
            evolve(self.node.picture, event)
            self.node.events.append(event)
            if isinstance(event, events.PlanDeclared | events.PlanAmended):
                key = (event.party, event.plan.plan_id)
                assert event.revision > self.revisions.get(key, 0), "a revision fell"
                self.revisions[key] = event.revision
        self.now += timedelta(seconds=7)
        return decided

    def next_revision(self, party: str, plan_id: str) -> int | None:
        return None if party == OURS else self.revisions.get((party, plan_id), 0) + 1

    @initialize(ours=st.lists(plans(), min_size=1, max_size=4), theirs=st.lists(plans(), min_size=1, max_size=4))
    def begin(self, ours: list[Plan], theirs: list[Plan]) -> None:
        self.give(accord())
        for plan in ours:
            self.give(commands.DeclarePlan(self.now, OURS, plan))
        for plan in theirs:
            self.give(commands.DeclarePlan(self.now, THEIRS, plan, 1))

    @rule(party=parties, plan=plans())
    def put(self, party: str, plan: Plan) -> None:
        held = self.node.picture.plans.get((party, plan.plan_id))
        kind = commands.AmendPlan if held is not None and held.live else commands.DeclarePlan
        self.give(kind(self.now, party, plan, self.next_revision(party, plan.plan_id)))

    @rule(party=parties, plan=plans(), revision=st.integers(-1, 3), amend=st.booleans())
    def put_wrongly(self, party: str, plan: Plan, revision: int, amend: bool) -> None:
        self.give((commands.AmendPlan if amend else commands.DeclarePlan)(self.now, party, plan, revision))

    @rule(chosen=st.lists(plans(), max_size=4))
    def import_plans(self, chosen: list[Plan]) -> None:
        self.give(commands.ImportPlans(self.now, OURS, tuple(chosen)))

    @rule(
        party=parties,
        plan_id=st.sampled_from(["p1", "p2", "p3"]),
        kind=st.sampled_from([commands.WithdrawPlan, commands.ActivatePlan, commands.EndPlan]),
    )
    def change_state(
        self,
        party: str,
        plan_id: str,
        kind: type[commands.WithdrawPlan | commands.ActivatePlan | commands.EndPlan],
    ) -> None:
        self.give(kind(self.now, party, plan_id))

    @rule(party=parties, plan=plans(), meaning=st.sampled_from(list(Meaning)), number=st.integers(1, 3))
    def tell(self, party: str, plan: Plan, meaning: Meaning, number: int) -> None:
        if not isinstance(plan.intent, tuple):
            return
        notice = Notice(f"n{number}", party, meaning, plan.intent[0], self.now)
        if (party, notice.notice_id) in self.node.picture.notices:
            self.give(commands.AmendNotice(self.now, party, notice))
        else:
            self.give(commands.GiveNotice(self.now, party, notice))

    @rule(party=parties, number=st.integers(1, 3))
    def cancel(self, party: str, number: int) -> None:
        self.give(commands.CancelNotice(self.now, party, f"n{number}"))

    @rule(seconds=st.sampled_from([1, 60, 900]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.give(commands.ExpireNotices(self.now))

    @rule(data=st.data(), change=changes(), proposer=st.sampled_from([OURS, THEIRS]), stale=st.integers(0, 9))
    def propose(self, data: st.DataObject, change: PlanChange, proposer: str, stale: int) -> None:
        picture = self.node.picture
        if not picture.conflicts:
            return
        record = picture.conflicts[data.draw(st.sampled_from(sorted(picture.conflicts)))]
        reference = data.draw(st.sampled_from([record.conflict.first, record.conflict.second]))
        base = picture.plans[(reference.party, reference.plan_id)].plan
        self.count += 1
        measure = Measure(
            f"m{self.count}", record.conflict.conflict_id, proposer, reference.party, reference.revision - (stale == 9),
            change, apply_change(base, change), 1.0,
        )  # fmt: skip
        self.give(commands.ProposeMeasure(self.now, proposer, measure))

    @rule(data=st.data(), party=st.sampled_from([OURS, THEIRS]), accept=st.booleans())
    def answer(self, data: st.DataObject, party: str, accept: bool) -> None:
        measures = self.node.picture.measures
        waiting = [m for m in sorted(measures) if measures[m].state is MeasureState.PROPOSED] or sorted(measures)
        if not waiting:
            return
        measure_id = data.draw(st.sampled_from(waiting))
        if accept:
            self.give(commands.AcceptMeasure(self.now, party, measure_id))
        else:
            self.give(commands.RefuseMeasure(self.now, party, measure_id, "not at this hour"))

    @rule(data=st.data())
    def owner_follows(self, data: st.DataObject) -> None:
        """A peer whose measure we accepted amends its plan, as its node does."""
        picture = self.node.picture
        agreed = [
            r.measure
            for _, r in sorted(picture.measures.items())
            if r.state is MeasureState.ACCEPTED and r.measure.owner != OURS
        ]
        if agreed:
            measure = data.draw(st.sampled_from(agreed))
            self.give(
                commands.AmendPlan(self.now, measure.owner, measure.plan, measure.base_revision + 1, measure.measure_id)
            )

    @rule(data=st.data(), party=parties)
    def find_none(self, data: st.DataObject, party: str) -> None:
        if self.node.picture.conflicts:
            conflict = data.draw(st.sampled_from(sorted(self.node.picture.conflicts)))
            self.give(commands.ReportNoMeasure(self.now, party, conflict, "no level is free"))

    @precondition(lambda self: len(self.node.events) % 5 == 0)
    @rule(wide=st.booleans())
    def change_accord(self, wide: bool) -> None:
        minima, name = (WIDER, "wide") if wide else (MINIMA, "narrow")
        self.give(commands.AdoptAccord(self.now, OURS, f"hash-of-{name}", name, PARTIES, minima, YEAR))

    @rule(ago_s=st.sampled_from([0, 60, 900, 3600]))
    def leave_the_past(self, ago_s: int) -> None:
        """What is over leaves; a peer may have forgotten its own plan, and count from one again."""
        before = self.now - timedelta(seconds=ago_s)
        was = set(self.node.picture.plans)
        past.forget(self.node.picture, before)
        self.node.events.append(before)
        for key in was - set(self.node.picture.plans):
            if key[0] != OURS:
                self.revisions.pop(key, None)
        self.now += timedelta(seconds=7)

    @rule()
    def start_again(self) -> None:
        """From here on another picture goes on, which is made of what this one keeps."""
        kept = msgspec.msgpack.encode(past.kept(self.node.picture))
        again = Picture()
        past.restore(again, msgspec.msgpack.decode(kept, type=past.PictureKept))
        assert picture_bytes(again) == picture_bytes(self.node.picture)
        assert msgspec.msgpack.encode(past.kept(again)) == kept
        self.node.picture = again

    @invariant()
    def conflicts_are_those_of_brute_force(self) -> None:
        picture = self.node.picture
        if picture.accord is None:
            return
        expected = set()
        live = [r for _, r in sorted(picture.plans.items()) if r.live]
        for first in live:
            for second in live:
                if first.party < second.party and OURS in (first.party, second.party):
                    minima = picture.accord.minima.between(first.plan.aircraft_class, second.plan.aircraft_class)
                    if encounter(first.plan, second.plan, minima) is not None:
                        a = PlanReference(first.party, first.plan.plan_id, first.revision)
                        b = PlanReference(second.party, second.plan.plan_id, second.revision)
                        expected.add(conflict_id(a, b))
        assert set(picture.conflicts) == expected

    @invariant()
    def records_hold_together(self) -> None:
        picture = self.node.picture
        of_plans: dict[tuple[str, str], set[str]] = {}
        for key, record in picture.conflicts.items():
            assert record.conflict.conflict_id == key
            assert record.conflict.first < record.conflict.second
            for reference in (record.conflict.first, record.conflict.second):
                held = picture.plans[(reference.party, reference.plan_id)]
                assert held.live
                assert held.revision == reference.revision
                of_plans.setdefault((reference.party, reference.plan_id), set()).add(key)
            assert all(m in picture.measures for m in record.measures)
        assert picture.conflicts_of == of_plans
        outstanding: dict[tuple[str, str], set[str]] = {}
        for key, record in picture.measures.items():
            if record.outstanding:
                measure = record.measure
                for name, shift in zip(measure.keys, measure.shifts, strict=True):
                    outstanding.setdefault(name, set()).add(key)
                    assert picture.plans[name].revision == shift.base_revision
                if record.state is MeasureState.PROPOSED:
                    assert measure.conflict_id in picture.conflicts
        assert picture.measures_of == outstanding
        assert {k for index in picture.pending.values() for k in outstanding_keys(index, picture)} == {
            k for ids in outstanding.values() for k in ids
        }
        for party, index in picture.indexes.items():
            assert len(index) == sum(r.live for (p, _), r in picture.plans.items() if p == party)

    def teardown(self) -> None:
        again = Picture()
        for event in self.node.events:
            if isinstance(event, datetime):
                past.forget(again, event)
            else:
                evolve(again, _DECODER.decode(msgspec.json.encode(event)))
        assert picture_bytes(again) == picture_bytes(self.node.picture)


def outstanding_keys(index: object, picture: Picture) -> set[str]:
    return {
        measure_id
        for measure_id, record in picture.measures.items()
        for shift in record.measure.shifts
        if pending_key(measure_id, shift.plan.plan_id) in index  # type: ignore[operator]
    }


def _run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        PictureMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            database=None,
        ),
    )


def test_random_commands_replay_the_same_and_stay_true() -> None:
    _run(15, 30)


@pytest.mark.long
def test_many_random_commands_replay_the_same_and_stay_true() -> None:
    _run(at_length(400), 50)
