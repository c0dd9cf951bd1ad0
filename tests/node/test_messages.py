"""Who is told what: each peer hears of what we did, and of nothing between us and another."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import msgspec
import pytest
from parties import TODAY, area_plan

from detente.airspace.plan import TimeWindow
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import LevelChange, apply_change
from detente.airspace.separation import Minima, MinimaTable
from detente.disclosure.told import Told as PlanningTold
from detente.disclosure.told import untold
from detente.node.settlement import turn_of
from detente.picture import commands, messages
from detente.picture.decide import decide
from detente.picture.evolve import evolve
from detente.picture.measures import Measure
from detente.picture.messages import command_of, messages_of, read_message, write_message
from detente.picture.notices import Meaning, Notice
from detente.picture.picture import Picture

PARTIES = ("north", "south", "west")
VALID = TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=30))
MINIMA = MinimaTable(Minima(9260.0, 304.8, 0.0))


class Told:
    """North's picture, and what each peer was told."""

    def __init__(self) -> None:
        self.picture = Picture()
        self.peers: dict[str, list[messages.Message]] = {"south": [], "west": []}
        self.give(commands.AdoptAccord(TODAY, "north", "hash", "accord", PARTIES, MINIMA, VALID))

    def give(self, command: commands.Command) -> None:
        for event in decide(self.picture, command):
            evolve(self.picture, event)
            for peer, message in messages_of(event, self.picture):
                self.peers[peer].append(message)

    def conflict_with_south(self) -> str:
        self.give(commands.DeclarePlan(TODAY, "north", area_plan("ours")))
        self.give(commands.DeclarePlan(TODAY, "south", area_plan("theirs"), 1))
        return next(iter(self.picture.conflicts))

    def measure(self, conflict_id: str, proposer: str, owner: str) -> Measure:
        plan = area_plan("ours" if owner == "north" else "theirs")
        change = LevelChange(600.0)
        return Measure("m1", conflict_id, proposer, owner, 1, change, apply_change(plan, change))


def test_plans_and_notices_of_ours_are_told_to_all_and_those_of_peers_to_nobody() -> None:
    told = Told()
    notice = Notice("n", "north", Meaning.KEEP_OUT, area_plan("x").intent[0], TODAY)
    for command in (
        commands.DeclarePlan(TODAY, "north", area_plan("a")),
        commands.AmendPlan(TODAY, "north", area_plan("a", level_m=4000.0)),
        commands.ActivatePlan(TODAY, "north", "a"),
        commands.EndPlan(TODAY, "north", "a"),
        commands.DeclarePlan(TODAY, "north", area_plan("b")),
        commands.WithdrawPlan(TODAY, "north", "b"),
        commands.GiveNotice(TODAY, "north", notice),
        commands.AmendNotice(TODAY, "north", msgspec.structs.replace(notice, meaning=Meaning.CLOSED_TO_ALL)),
        commands.CancelNotice(TODAY, "north", "n"),
    ):
        told.give(command)
    kinds = [write_message(message)[0] for message in told.peers["south"]]
    assert kinds == [
        "plan_declared", "plan_amended", "plan_activated", "plan_ended", "plan_declared", "plan_withdrawn",
        "notice_given", "notice_amended", "notice_cancelled",
    ]  # fmt: skip
    assert told.peers["west"] == told.peers["south"]
    told.give(commands.DeclarePlan(TODAY, "south", area_plan("theirs"), 1))
    told.give(commands.WithdrawPlan(TODAY, "south", "theirs"))
    assert len(told.peers["west"]) == len(kinds)


def test_a_measure_is_between_two_parties() -> None:
    """West hears that north's plan changed, as it must; not that a measure asked for it."""
    told = Told()
    conflict_id = told.conflict_with_south()
    told.peers["south"].clear()
    told.peers["west"].clear()
    told.give(commands.ReportNoMeasure(TODAY, "north", conflict_id, "none is free"))
    told.give(commands.ProposeMeasure(TODAY, "north", told.measure(conflict_id, "north", "north")))
    told.give(commands.AcceptMeasure(TODAY, "south", "m1"))
    assert [type(message) for message in told.peers["south"]] == [
        messages.NoMeasureFound, messages.MeasureProposed, messages.PlanAmended,
    ]  # fmt: skip
    assert told.peers["south"][-1].measure_id == "m1"
    (heard,) = told.peers["west"]
    assert isinstance(heard, messages.PlanAmended)
    assert heard.measure_id is None


@pytest.mark.parametrize("accept", [True, False])
def test_an_answer_goes_to_the_proposer_alone(accept: bool) -> None:
    told = Told()
    conflict_id = told.conflict_with_south()
    told.peers["west"].clear()
    told.give(commands.ProposeMeasure(TODAY, "south", told.measure(conflict_id, "south", "south")))
    if accept:
        told.give(commands.AcceptMeasure(TODAY, "north", "m1"))
        assert told.peers["south"][-1] == messages.MeasureAccepted("m1")
    else:
        told.give(commands.RefuseMeasure(TODAY, "north", "m1", "not now"))
        assert told.peers["south"][-1] == messages.MeasureRefused("m1", "not now")
    assert told.peers["west"] == []


def test_a_new_link_begins_with_what_is_live() -> None:
    told = Told()
    told.conflict_with_south()
    told.give(commands.ActivatePlan(TODAY, "north", "ours"))
    told.give(commands.DeclarePlan(TODAY, "north", area_plan("gone")))
    told.give(commands.WithdrawPlan(TODAY, "north", "gone"))
    assert list(untold(told.picture, PlanningTold())) == [
        messages.PlanDeclared(area_plan("ours"), 1), messages.PlanActivated("ours"),
    ]  # fmt: skip


def test_every_message_is_read_back_and_is_a_command_of_its_sender() -> None:
    plan = area_plan("a")
    notice = Notice("n", "south", Meaning.KEEP_OUT, plan.intent[0], TODAY)
    measure = Measure("m", "c", "south", "south", 1, LevelChange(600.0), plan)
    every = [
        messages.PlanDeclared(plan, 1),
        messages.PlanAmended(plan, 2, "m"),
        messages.PlanWithdrawn("a"),
        messages.PlanActivated("a"),
        messages.PlanEnded("a"),
        messages.NoticeGiven(notice),
        messages.NoticeAmended(notice),
        messages.NoticeCancelled("n"),
        messages.MeasureProposed(measure),
        messages.MeasureAccepted("m"),
        messages.MeasureRefused("m", "no"),
        messages.NoMeasureFound("c", "none"),
        messages.ConflictAnswer("a", 1, conflict=True),
    ]
    assert {type(message) for message in every} == set(get_args(messages.Message))
    for message in every:
        kind, body = write_message(message)
        assert read_message(kind, body) == message
        assert command_of(message, "south", TODAY).party == "south"
        with pytest.raises(Refusal):
            read_message("another_kind", body)


def test_the_first_turn_follows_from_the_conflicts_id() -> None:
    told = Told()
    conflict_id = told.conflict_with_south()
    first = "north" if int(conflict_id, 16) % 2 == 0 else "south"
    second = "south" if first == "north" else "north"
    assert turn_of(told.picture.conflicts[conflict_id]) == first
    told.give(commands.ReportNoMeasure(TODAY, first, conflict_id, "none"))
    assert turn_of(told.picture.conflicts[conflict_id]) == second
    told.give(commands.ReportNoMeasure(TODAY, second, conflict_id, "none"))
    assert turn_of(told.picture.conflicts[conflict_id]) is None
