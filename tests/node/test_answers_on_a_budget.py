"""A peer that only asks is held to the budget; an honest plan has its answer in time, and no conflict is missed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from one_node import KEYS, OneNode
from parties import TODAY

from detente.accord.disclosure import OPEN_POLICY, OwnPolicy, disclosed
from detente.accord.provisions import DAY_S, DisclosureBudget, DisclosureGrid, Level, Provisions
from detente.accord.terms import Accord, AccordParty, Disclosure
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.search import encounter
from detente.airspace.separation import Minima, MinimaTable
from detente.disclosure.answers import SLACK_S
from detente.disclosure.ledger import Telling
from detente.disclosure.probing import ProbeSign
from detente.line.room import LineRoom
from detente.picture.commands import ImportPlans, WithdrawPlan
from detente.picture.messages import PlanAmendedMessage, PlanDeclaredMessage, PlanWithdrawnMessage
from detente.picture.picture import PlanRecord
from detente.room.message import Heard, Message
from length import at_length

MINIMA = Minima(9260.0, 304.8, 0.0)
DEFAULT = DisclosureBudget()
VALID = TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=200))


def budget(**terms: float | str) -> DisclosureBudget:
    return msgspec.structs.replace(DEFAULT, **terms)


class North(OneNode):
    """North's node, which keeps its plans back; what south says comes at once, and time passes as the node sees it."""

    def __init__(self, folder: Path, terms: DisclosureBudget = DEFAULT, policy: OwnPolicy = OPEN_POLICY) -> None:
        parties = tuple(AccordParty(name, KEYS[name].public.hex()) for name in ("north", "south"))
        provisions = Provisions(disclosure_budget=terms)
        accord = Accord("test", 1, parties, VALID, MinimaTable(MINIMA), Disclosure.CONFLICT, provisions)
        super().__init__(folder, accord=accord, policy=policy)

    def hides(self, *plans: Plan) -> None:
        self.decide(ImportPlans(self.now, "north", plans))

    def hears(self, message: Message) -> list[Telling]:
        """South says something; what it is answered at once."""
        before = self.read
        self.decide(Heard(self.now, "south", message))
        return self.tellings(before)

    def declares(self, plan: Plan) -> list[Telling]:
        return self.hears(PlanDeclaredMessage(plan, 1))

    def wait(self, seconds: float) -> list[Telling]:
        """Let time pass, and look at what is due at its end; return what was answered."""
        before = self.read
        self.now += timedelta(seconds=seconds)
        self.follow()
        return self.tellings(before)

    @property
    def alarms(self) -> set[str]:
        """The kinds of alarm about south."""
        return {alarm.kind.value for alarm in self.state.rooms.of_type(LineRoom).state.peers["south"].alarms}


@pytest.fixture
def node(tmp_path: Path) -> North:
    return North(tmp_path)


def disc(
    name: str, east_km: float = 0.0, begins_h: float = 24.0, hours: float = 1.0, radius_m: float = 2_000.0
) -> Plan:
    """A disc so far east of the middle of a square of the grid; within 40 km of it, two discs lie in one square."""
    band = AltitudeBand(*(Altitude(m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (3_100.0, 3_200.0)))
    start = TODAY + timedelta(hours=begins_h)
    centre = Position(34.0, 20.0 + east_km / 92.4)
    return Plan(name, (Volume4D(Circle(centre, radius_m), band, TimeWindow(start, start + timedelta(hours=hours))),))


def test_a_plan_is_answered_once_it_has_stood_with_its_batch(node: North) -> None:
    node.hides(disc("secret"))
    node.follow()
    node.wait(60.0)
    assert node.declares(disc("s1")) == []
    assert node.wait(13 * 60.0) == [], "the batch has not come"
    assert node.declares(disc("s2")) == []
    assert [told.plan_id for told in node.wait(60.0)] == ["s1"], "s2 has not stood for its age"
    assert node.wait(60.0) == []
    assert [told.plan_id for told in node.wait(DEFAULT.batch_s)] == ["s2"]


def test_what_comes_late_is_answered_at_once_at_its_price_and_rings(node: North) -> None:
    node.hides(disc("secret", begins_h=0.5))
    (told,) = node.declares(disc("late", begins_h=0.5))
    assert (told.conflict, told.exact) == (True, True)
    assert "hurried_probe" in node.alarms
    (account,) = node.state.disclosure.accounts(node.now)
    assert (account.peer, account.told, account.exact, account.exact_left) == ("south", 1, 1, 1)


def test_a_late_plan_far_from_all_that_is_kept_back_costs_nothing_and_does_not_ring(node: North) -> None:
    node.hides(disc("secret", begins_h=0.5))
    (told,) = node.declares(disc("late", east_km=300.0, begins_h=0.5))
    assert (told.conflict, told.near, told.exact) == (False, False, False)
    assert not node.alarms


def test_beyond_the_budget_what_is_near_is_answered_with_a_conflict(node: North) -> None:
    node.hides(disc("secret", begins_h=0.5))
    told = [node.declares(disc(f"s{n}", east_km=25.0, begins_h=0.5))[0] for n in range(4)]
    assert [(one.conflict, one.exact) for one in told] == [(False, True), (False, True), (True, False), (True, False)]
    assert "answers_spent" in node.alarms
    node.now += timedelta(seconds=DEFAULT.epoch_s)
    again = disc("again", east_km=25.0, begins_h=24 * 14 + 0.5)
    node.hides(disc("secret-2", begins_h=24 * 14 + 0.5))
    assert [(one.conflict, one.exact) for one in node.declares(again)] == [(False, True)]


def test_one_plan_gets_no_more_than_its_hours_allow(tmp_path: Path) -> None:
    node = North(tmp_path, budget(exact_answers=100))
    node.hides(disc("secret", begins_h=0.5))
    node.declares(disc("s", east_km=25.0, begins_h=0.5, hours=1.5))
    told = [node.hears(PlanAmendedMessage(disc("s", 25.0 + n, 0.5, 1.5), 1 + n))[0] for n in range(1, 4)]
    assert [one.exact for one in told] == [True, False, False]
    assert [one.conflict for one in told] == [False, True, True]
    assert [one.exact for one in node.declares(disc("another", 25.0, 0.5))] == [True]


def test_our_own_budget_holds_beside_the_accords(tmp_path: Path) -> None:
    node = North(tmp_path, policy=OwnPolicy(budget=budget(exact_answers=0, age_s=3_600.0, lead_s=7 * DAY_S)))
    node.hides(disc("secret"), disc("soon", begins_h=0.5))
    node.follow()
    assert node.declares(disc("s")) == []
    assert node.wait(DEFAULT.batch_s) == [], "the longer age counts, and the lead is the accord's"
    (told,) = node.wait(3_600.0)
    assert (told.conflict, told.exact) == (True, False)
    assert "answers_spent" in node.alarms


def test_a_conflict_that_begins_later_is_told_too(node: North) -> None:
    node.follow()
    node.declares(disc("s"))
    assert [one.conflict for one in node.wait(DEFAULT.batch_s)] == [False]
    node.hides(disc("secret"))
    assert [(one.conflict, one.exact) for one in node.wait(DEFAULT.batch_s)] == [(True, True)]
    node.decide(WithdrawPlan(node.now, "north", "secret"))
    assert [one.conflict for one in node.wait(DEFAULT.batch_s)] == [False]


def test_a_restart_forgets_nothing_of_the_budget(node: North) -> None:
    node.hides(disc("secret", begins_h=0.5))
    for n in range(3):
        node.declares(disc(f"s{n}", east_km=25.0, begins_h=0.5))
    before = list(node.state.disclosure.accounts(node.now))
    node.start()
    assert list(node.state.disclosure.accounts(node.now)) == before
    assert node.wait(DEFAULT.batch_s) == [], "what was answered is not answered again"
    assert [(one.conflict, one.exact) for one in node.declares(disc("s9", 25.0, 0.5))] == [(True, False)]


def test_signs_of_a_prober_ring(tmp_path: Path) -> None:
    def rings(act: Callable[[North, int], None]) -> set[str]:
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            node = North(Path(folder), budget(exact_answers=1_000))
            node.hides(disc("secret", begins_h=0.5))
            for number in range(6):
                act(node, number)
            return node.alarms - {"hurried_probe"}

    def keep(node: North, number: int) -> None:
        node.declares(disc(f"s{number}", 4.0 * number, 0.5))

    def take_back(node: North, number: int) -> None:
        keep(node, number)
        node.hears(PlanWithdrawnMessage(f"s{number}"))

    def change(node: North, number: int) -> None:
        plan = disc("s", 4.0 * number, 0.5)
        node.hears(PlanAmendedMessage(plan, number + 1) if number else PlanDeclaredMessage(plan, 1))

    def close_in(node: North, number: int) -> None:
        node.declares(disc(f"s{number}", 1.0, 0.5, radius_m=40_000.0 / 1.5**number))

    assert rings(keep) == set()
    assert rings(take_back) == {ProbeSign.WITHDRAWN_PROBES}
    assert rings(change) == {ProbeSign.RESTLESS_PLAN}
    assert rings(close_in) == {ProbeSign.SHRINKING_PROBES}


class Step(NamedTuple):
    """What one side does, and how long nothing happens after it."""

    ours: bool
    number: int
    gone: bool
    east_km: float
    begins_h: float
    wait_s: float


steps = st.builds(
    Step, st.booleans(), st.integers(0, 3), st.booleans(), st.sampled_from([0.0, 3.0, 9.0, 25.0, 60.0, 130.0]),
    st.sampled_from([0.1, 0.9, 1.2, 2.0, 5.0]), st.sampled_from([0.0, 30.0, 400.0, 900.0, 2_000.0]),
)  # fmt: skip
terms = st.builds(
    DisclosureBudget, exact_answers=st.integers(0, 3), epoch_s=st.sampled_from([1_800.0, 14 * DAY_S]),
    age_s=st.sampled_from([0.0, 600.0]), batch_s=st.sampled_from([0.0, 900.0]),
    lead_s=st.sampled_from([600.0, 3_600.0]), grain=st.sampled_from([Level.CELL, Level.HEIGHT_BLOCK]),
)  # fmt: skip


@settings(max_examples=at_length(300), deadline=None, suppress_health_check=list(HealthCheck))
@given(script=st.lists(steps, min_size=3, max_size=25), agreed=terms)
def test_no_conflict_is_missed_and_no_budget_is_overdrawn(script: list[Step], agreed: DisclosureBudget) -> None:
    with tempfile.TemporaryDirectory() as folder:
        node = North(Path(folder), agreed)
        revisions: dict[str, int] = {}
        changed_at = node.now
        for step in script:
            act(node, step, revisions)
            check_what_is_known(node, agreed, changed_at)
            changed_at = node.now
            node.wait(step.wait_s)
            check_what_is_known(node, agreed, changed_at)
        check_budget(node, agreed)


def act(node: North, step: Step, revisions: dict[str, int]) -> None:
    """North imports or withdraws a plan that it keeps back, or south declares, amends or withdraws one of its own."""
    party = "north" if step.ours else "south"
    name = f"{party}-{step.number}"
    held = node.state.picture.plans.get((party, name))
    live = held is not None and held.live
    begins_h = step.begins_h + (node.now - TODAY).total_seconds() / 3_600.0
    plan = disc(name, step.east_km, begins_h)
    if step.ours:
        if not step.gone:
            node.hides(plan)
        elif live:
            node.decide(WithdrawPlan(node.now, "north", name))
        return
    if step.gone and not live:
        return
    if step.gone:
        node.hears(PlanWithdrawnMessage(name))
        return
    revisions[name] = revisions.get(name, 0) + 1
    node.hears((PlanAmendedMessage if live else PlanDeclaredMessage)(plan, revisions[name]))


def last_told(node: North) -> dict[str, Telling]:
    return {told.plan_id: told for told in node.tellings() if told.conflict is not None}


def check_what_is_known(node: North, agreed: DisclosureBudget, changed_at: datetime) -> None:
    """Whoever flies soon has been told of every conflict; whoever does not, of those that a batch has passed since."""
    told = last_told(node)
    plans = [record for record in node.state.picture.plans.values() if record.live]
    for asked in (record for record in plans if record.party == "south"):
        kept = [record for record in plans if record.party == "north"]
        conflict = any(meets(asked.plan, one.plan) for one in kept)
        near = any(meets(asked.plan, coarse(one, agreed)) for one in kept)
        said = told.get(asked.plan.plan_id)
        is_answered = said is not None and said.revision == asked.revision
        soon = asked.plan.time.start - node.now <= timedelta(seconds=agreed.lead_s)
        waited_s = (node.now - max(changed_at, asked.changed_at)).total_seconds()
        if soon or waited_s > agreed.age_s + agreed.batch_s + SLACK_S:
            assert is_answered
            assert said is not None
            assert said.conflict or not conflict, "a conflict is not told"
            assert near or not said.conflict, "a conflict is told far from all that is kept back"
            assert said.conflict or said.exact or not near, "near what is kept back, no conflict is an exact answer"


def check_budget(node: North, agreed: DisclosureBudget) -> None:
    exact = [told.at for told in node.tellings() if told.exact]
    for moment in exact:
        assert moment is not None
        within = [at for at in exact if at is not None and at <= moment < at + timedelta(seconds=agreed.epoch_s)]
        assert len(within) <= agreed.exact_answers


def coarse(record: PlanRecord, agreed: DisclosureBudget) -> Plan:
    form = disclosed(record.plan, agreed.grain, DisclosureGrid(), "p")
    assert form is not None
    return form


def meets(one: Plan, other: Plan) -> bool:
    return encounter(one, other, MINIMA) is not None
