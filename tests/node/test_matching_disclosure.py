"""Plans that a match found in conflict are told as they are, as far as our own policy allows, one name for each."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from one_node import KEYS, OneNode
from parties import TODAY, area_plan

from detente.accord.disclosure import OPEN_POLICY, OwnPolicy
from detente.accord.matching_terms import MatchingTerms, RunsOfNodes, ToldOfMatched
from detente.accord.provisions import Level, Provisions
from detente.accord.terms import Accord, AccordParty, Disclosure
from detente.airspace.plan import Plan, TimeWindow
from detente.airspace.resolution import LevelChange, apply_change
from detente.airspace.separation import Minima, MinimaTable
from detente.disclosure.ledger import Ledger
from detente.disclosure.restricted import MATCHED
from detente.matching.ledger import LedgerRow
from detente.matching.life import FinishRun, ProposeRun, RunBegun, RunOutcome
from detente.picture import messages
from detente.picture.commands import ImportPlans, ProposeMeasure, ReportNoMeasure
from detente.picture.measures import Measure, PlanShift
from detente.room.message import Heard

VALID = TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=3))
TABLE = MinimaTable(Minima(9260.0, 304.8, 0.0))


def accord_with(disclosure: Disclosure, told: ToldOfMatched = ToldOfMatched.PLAN) -> Accord:
    parties = tuple(AccordParty(name, key.public.hex()) for name, key in KEYS.items())
    matching = MatchingTerms(runs=RunsOfNodes.ASKED, told=told)
    return Accord("test", 1, parties, VALID, TABLE, disclosure, Provisions(matching=matching))


class Node(OneNode):
    """North's node, whose private matches with south find what the test says."""

    def imports(self, *plans: Plan) -> None:
        self.decide(ImportPlans(self.now, "north", plans))

    def hears(self, message: messages.PlanningMessage) -> None:
        self.decide(Heard(self.now, "south", message))

    def matched(self, *plan_ids: str) -> None:
        """A run with south finds these of our plans in conflict; then the node does what time makes due."""
        (begun,) = self.decide(ProposeRun(self.now, "south", self.now))
        assert isinstance(begun, RunBegun)
        row = LedgerRow(0, "first", 0, 0, 0, 0, 0, 0, 0)
        self.decide(FinishRun(self.now, begun.run.run, RunOutcome(row, plan_ids, ())))
        self.follow()


def conflict_of(node: OneNode, plan_id: str) -> str:
    (found,) = node.state.picture.conflicts_of[("north", plan_id)]
    return found


def test_only_what_was_matched_is_told_and_its_changes_follow_under_its_own_name(tmp_path: Path) -> None:
    node = Node(tmp_path, accord=accord_with(Disclosure.NOTHING))
    node.imports(area_plan("a"), area_plan("b", 3.0))
    assert node.sent("south") == []
    node.matched("a")
    assert node.sent("south") == [messages.PlanDeclaredMessage(area_plan("a"), 1)]
    (telling,) = node.tellings()
    assert (telling.plan_id, telling.told_id, telling.level, telling.because) == ("a", "a", Level.TRAJECTORY, MATCHED)
    # Neither time nor a new start tells anything twice.
    node.follow()
    node.start()
    node.follow()
    assert len(node.tellings()) == len(node.sent("south")) == 1
    # A measure that south agrees to is told to it as one, and what becomes of the plan that was not matched is not.
    node.hears(messages.PlanDeclaredMessage(area_plan("theirs"), 1))
    node.hears(messages.PlanDeclaredMessage(area_plan("theirs_too", 3.0), 1))
    before = node.read
    change = LevelChange(600.0)
    moved = apply_change(area_plan("a"), change)
    measure = Measure("measure-1", conflict_of(node, "a"), "north", "north", 1, change, moved)
    node.decide(ProposeMeasure(node.now, "north", measure))
    node.hears(messages.MeasureAcceptedMessage("measure-1"))
    node.imports(area_plan("b", 3.1))
    assert node.sent("south", before) == [
        messages.MeasureProposedMessage(measure), messages.PlanAmendedMessage(moved, 2, "measure-1"),
    ]  # fmt: skip
    node.imports(area_plan("a", 0.1))
    assert node.sent("south")[-1] == messages.PlanAmendedMessage(area_plan("a", 0.1), 3)
    assert node.sent("west") == []
    assert {telling.peer for telling in node.tellings()} == {"south"}


def test_a_measure_about_a_plan_that_was_not_matched_is_not_told(tmp_path: Path) -> None:
    node = Node(tmp_path, accord=accord_with(Disclosure.NOTHING))
    node.imports(area_plan("a"), area_plan("b", 3.0))
    node.matched("a")
    node.hears(messages.PlanDeclaredMessage(area_plan("theirs", 3.0), 1))
    before, change = node.read, LevelChange(600.0)
    moved = apply_change(area_plan("b", 3.0), change)
    node.decide(
        ProposeMeasure(node.now, "north", Measure("m", conflict_of(node, "b"), "north", "north", 1, change, moved))
    )
    assert node.sent("south", before) == []


@pytest.mark.parametrize("both", [True, False])
def test_a_joint_measure_is_told_only_where_all_its_plans_are(tmp_path: Path, both: bool) -> None:
    node = Node(tmp_path, accord=accord_with(Disclosure.NOTHING))
    node.imports(area_plan("a"), area_plan("b", 3.0))
    node.matched(*(("a", "b") if both else ("a",)))
    node.hears(messages.PlanDeclaredMessage(area_plan("theirs"), 1))
    conflict, disclosure = conflict_of(node, "a"), node.state.disclosure
    assert [disclosure.tells_openly("south", name, node.now) for name in ("a", "b")] == [True, both]
    node.decide(ReportNoMeasure(node.now, "north", conflict, "none"))
    node.hears(messages.NoMeasureFoundMessage(conflict, "none"))
    before, change = node.read, LevelChange(600.0)
    moved = [apply_change(plan, change) for plan in (area_plan("a"), area_plan("b", 3.0))]
    also = (PlanShift(1, change, moved[1]),)
    measure = Measure("m", conflict, "north", "north", 1, change, moved[0], also=also)
    node.decide(ProposeMeasure(node.now, "north", measure))
    if not both:
        assert node.sent("south", before) == []
        return
    node.hears(messages.MeasureAcceptedMessage("m"))
    assert node.sent("south", before) == [
        messages.MeasureProposedMessage(measure),
        *(messages.PlanAmendedMessage(plan, 2, "m") for plan in moved),
    ]


@pytest.mark.parametrize(
    ("policy", "told"), [(OwnPolicy(Level.CELL), ToldOfMatched.PLAN), (OPEN_POLICY, ToldOfMatched.PART)]
)
def test_our_own_policy_or_the_accord_keeps_a_matched_plan_back(
    tmp_path: Path, policy: OwnPolicy, told: ToldOfMatched
) -> None:
    node = Node(tmp_path, accord=accord_with(Disclosure.NOTHING, told), policy=policy)
    node.imports(area_plan("a"))
    node.matched("a")
    assert node.sent("south") == []
    assert node.tellings() == []
    node.hears(messages.PlanDeclaredMessage(area_plan("theirs"), 1))
    assert not node.state.disclosure.may_settle(conflict_of(node, "a"), node.now)


def test_a_plan_that_was_told_coarsely_is_told_anew_and_no_name_stands_for_two(tmp_path: Path) -> None:
    node = Node(tmp_path, accord=accord_with(Disclosure.CELL))
    node.imports(area_plan("a"), area_plan("p1", 3.0))
    coarse = {telling.plan_id: telling.told_id for telling in node.tellings() if telling.peer == "south"}
    assert sorted(coarse.values()) == ["p1", "p2"]
    before = node.read
    node.matched("a", "p1")
    said = node.sent("south", before)
    assert messages.PlanWithdrawnMessage(coarse["a"]) in said
    assert messages.PlanDeclaredMessage(area_plan("a"), 1) in said
    ledger = Ledger()
    for telling in node.tellings():
        ledger.fold(telling)
    held = {plan_id: told.told_id for plan_id, told in ledger.plans["south"].items()}
    assert held.keys() == {"a", "p1"}
    assert len(set(held.values())) == 2
    assert held["a"] == "a"
    node.hears(messages.PlanDeclaredMessage(area_plan("theirs"), 1))
    assert node.state.disclosure.may_settle(conflict_of(node, "a"), node.now)
