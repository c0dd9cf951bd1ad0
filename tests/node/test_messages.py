"""Who is told what: each peer hears of what we did, and of nothing between us and another."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import msgspec
import pytest
from one_node import node_state
from parties import TODAY, area_plan

from detente.airspace.plan import TimeWindow
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import LevelChange, apply_change
from detente.airspace.separation import Minima, MinimaTable
from detente.disclosure.catching_up import KnownToPeer, missing_notices, missing_plans
from detente.picture import commands, messages
from detente.picture.decide import decide
from detente.picture.evolve import evolve
from detente.picture.measures import Measure
from detente.picture.messages import command_of, messages_of
from detente.picture.notices import Meaning, Notice
from detente.picture.picture import Picture
from detente.picture.room import PictureRoom
from detente.room.channel import Channel
from detente.room.message import Heard
from detente.room.tagged import write_tagged
from detente.tasks.settlement import turn_of

PARTIES = ("north", "south", "west")
VALID = TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=30))
MINIMA = MinimaTable(Minima(9260.0, 304.8, 0.0))


class Told:
    """North's picture, and what each peer was told."""

    def __init__(self) -> None:
        self.picture = Picture()
        self.peers: dict[str, list[messages.PlanningMessage]] = {"south": [], "west": []}
        self.give(commands.AdoptAccord(TODAY, "north", "hash", "accord", PARTIES, MINIMA, VALID))

    def give(self, command: commands.PictureCommand) -> None:
        for event in decide(self.picture, command):
            evolve(self.picture, event)
            for addressed in messages_of(event, self.picture):
                assert addressed.goes_on is Channel.PLANNING
                self.peers[addressed.peer].append(addressed.message)

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
    kinds = [write_tagged(message)[0] for message in told.peers["south"]]
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
        messages.NoMeasureFoundMessage, messages.MeasureProposedMessage, messages.PlanAmendedMessage,
    ]  # fmt: skip
    assert told.peers["south"][-1].measure_id == "m1"
    (heard,) = told.peers["west"]
    assert isinstance(heard, messages.PlanAmendedMessage)
    assert heard.measure_id is None


@pytest.mark.parametrize("accept", [True, False])
def test_an_answer_goes_to_the_proposer_alone(accept: bool) -> None:
    told = Told()
    conflict_id = told.conflict_with_south()
    told.peers["west"].clear()
    told.give(commands.ProposeMeasure(TODAY, "south", told.measure(conflict_id, "south", "south")))
    if accept:
        told.give(commands.AcceptMeasure(TODAY, "north", "m1"))
        assert told.peers["south"][-1] == messages.MeasureAcceptedMessage("m1")
    else:
        told.give(commands.RefuseMeasure(TODAY, "north", "m1", "not now"))
        assert told.peers["south"][-1] == messages.MeasureRefusedMessage("m1", "not now")
    assert told.peers["west"] == []


def test_a_new_link_begins_with_what_is_live() -> None:
    told = Told()
    told.conflict_with_south()
    told.give(commands.ActivatePlan(TODAY, "north", "ours"))
    told.give(commands.DeclarePlan(TODAY, "north", area_plan("gone")))
    told.give(commands.WithdrawPlan(TODAY, "north", "gone"))
    held = Notice("held", "north", Meaning.KEEP_OUT, area_plan("x").intent[0], TODAY)
    for notice in (held, msgspec.structs.replace(held, notice_id="taken_back")):
        told.give(commands.GiveNotice(TODAY, "north", notice))
    told.give(commands.CancelNotice(TODAY, "north", "taken_back"))
    nothing = KnownToPeer(())
    missing = [*missing_plans(told.picture, nothing), *missing_notices(told.picture, nothing, lambda notice: notice)]
    assert missing == [
        messages.PlanDeclaredMessage(area_plan("ours"), 1), messages.PlanActivatedMessage("ours"),
        messages.NoticeGivenMessage(held),
    ]  # fmt: skip


def test_of_a_plan_or_notice_that_the_peer_does_not_hold_it_knows_nothing() -> None:
    """What it lost with a link that is closed is told anew, whatever was said of it since."""
    told = Told()
    notice = Notice("n", "north", Meaning.KEEP_OUT, area_plan("x").intent[0], TODAY)
    for command in (
        commands.DeclarePlan(TODAY, "north", area_plan("a")),
        commands.GiveNotice(TODAY, "north", notice),
        commands.AmendPlan(TODAY, "north", area_plan("a", level_m=4000.0)),
        commands.ActivatePlan(TODAY, "north", "a"),
        commands.AmendNotice(TODAY, "north", msgspec.structs.replace(notice, meaning=Meaning.CLOSED_TO_ALL)),
    ):
        told.give(command)
    known = KnownToPeer(told.peers["south"])
    assert [*missing_plans(told.picture, known), *missing_notices(told.picture, known, lambda one: one)] == []
    known = KnownToPeer(told.peers["south"][2:])
    missing = [*missing_plans(told.picture, known), *missing_notices(told.picture, known, lambda one: one)]
    assert [write_tagged(message)[0] for message in missing] == ["plan_declared", "plan_activated", "notice_given"]


@pytest.mark.parametrize("lost_from", range(6))
def test_what_a_peer_holds_of_ours_holds_here_again_whatever_was_lost(lost_from: int) -> None:
    """Also what was changed while nobody could be told, and then told at once under a later revision."""
    told = Told()
    notice = Notice("n", "north", Meaning.KEEP_OUT, area_plan("x").intent[0], TODAY)
    early = [
        commands.DeclarePlan(TODAY, "north", area_plan("a")),
        commands.GiveNotice(TODAY, "north", notice),
        commands.DeclarePlan(TODAY, "north", area_plan("b", 5.0)),
        commands.WithdrawPlan(TODAY, "north", "b"),
    ]
    for command in early:
        told.give(command)
    known = KnownToPeer(told.peers["south"])
    for level_m in (4000.0, 5000.0):
        told.give(commands.AmendPlan(TODAY, "north", area_plan("a", level_m=level_m)))
    told.give(commands.DeclarePlan(TODAY, "north", area_plan("b", 6.0)))
    told.give(commands.DeclarePlan(TODAY, "north", area_plan("c", 7.0)))
    told.give(commands.AmendPlan(TODAY, "north", area_plan("c", 8.0)))
    told.give(commands.AmendNotice(TODAY, "north", msgspec.structs.replace(notice, meaning=Meaning.CLOSED_TO_ALL)))
    at_once = [*missing_plans(told.picture, known), *missing_notices(told.picture, known, lambda one: one)]
    said = [*told.peers["south"][: len(early)], *at_once]
    again = Told()
    for command in early[:lost_from]:
        again.give(command)
    room = PictureRoom(again.picture, node_state().accords)
    for message in said[min(lost_from, len(early)) :]:
        for event in room.said_before(TODAY, "south", message):
            room.evolve(event)
    here, there = (
        [
            {name: (record.plan, record.revision, record.state) for name, record in picture.plans.items()},
            {name: record.notice for name, record in picture.notices.items()},
        ]
        for picture in (again.picture, told.picture)
    )
    assert here == there


def test_every_message_is_read_back_and_is_a_command_of_its_sender() -> None:
    plan = area_plan("a")
    notice = Notice("n", "south", Meaning.KEEP_OUT, plan.intent[0], TODAY)
    measure = Measure("m", "c", "south", "south", 1, LevelChange(600.0), plan)
    rooms = node_state().rooms
    every = [
        messages.PlanDeclaredMessage(plan, 1),
        messages.PlanAmendedMessage(plan, 2, "m"),
        messages.PlanWithdrawnMessage("a"),
        messages.PlanActivatedMessage("a"),
        messages.PlanEndedMessage("a"),
        messages.NoticeGivenMessage(notice),
        messages.NoticeAmendedMessage(notice),
        messages.NoticeCancelledMessage("n"),
        messages.MeasureProposedMessage(measure),
        messages.MeasureAcceptedMessage("m"),
        messages.MeasureRefusedMessage("m", "no"),
        messages.NoMeasureFoundMessage("c", "none"),
        messages.NoMeasureFoundMessage("c", "none of several", joint=True),
        messages.ConflictAnswerMessage("a", 1, conflict=True),
    ]
    assert {type(message) for message in every} == set(get_args(messages.PlanningMessage))
    for message in every:
        kind, body = write_tagged(message)
        assert rooms.read_message(Channel.PLANNING, kind, body) == message
        command = command_of(Heard(TODAY, "south", message))
        assert (command.party, command.at) == ("south", TODAY)
        another = "plan_ended" if kind == "plan_declared" else "plan_declared"
        for wrong in ("another_kind", another):
            with pytest.raises(Refusal):
                rooms.read_message(Channel.PLANNING, wrong, body)


def test_the_first_turn_follows_from_the_conflicts_id() -> None:
    told = Told()
    conflict_id = told.conflict_with_south()
    first = "north" if int(conflict_id, 16) % 2 == 0 else "south"
    second = "south" if first == "north" else "north"
    assert turn_of(told.picture.conflicts[conflict_id]) == first
    told.give(commands.ReportNoMeasure(TODAY, first, conflict_id, "none"))
    assert turn_of(told.picture.conflicts[conflict_id]) == second
    told.give(commands.ReportNoMeasure(TODAY, second, conflict_id, "none"))
    assert turn_of(told.picture.conflicts[conflict_id]) == first, "now several plans of one side may change"
    told.give(commands.ReportNoMeasure(TODAY, first, conflict_id, "none of several", joint=True))
    assert turn_of(told.picture.conflicts[conflict_id]) == second
    told.give(commands.ReportNoMeasure(TODAY, second, conflict_id, "none of several", joint=True))
    assert turn_of(told.picture.conflicts[conflict_id]) is None
    assert dict(told.picture.conflicts[conflict_id].no_measure) == dict.fromkeys((first, second), "none of several")
