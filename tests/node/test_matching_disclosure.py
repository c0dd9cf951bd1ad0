"""Plans that a match found in conflict are told as they are, as far as our own policy allows, one name for each."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from parties import TODAY, area_plan

from detente.accord.disclosure import OwnPolicy
from detente.accord.provisions import Level
from detente.accord.terms import Accord, AccordParty, Disclosure, accord_hash
from detente.airspace.plan import Plan, TimeWindow
from detente.airspace.separation import Minima, MinimaTable
from detente.disclosure.disclosing import MATCHED, Disclosing, Telling
from detente.picture import messages
from detente.picture.commands import AdoptAccord, ImportPlans
from detente.picture.decide import decide
from detente.picture.evolve import evolve
from detente.picture.picture import Picture

VALID = TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=1))
TABLE = MinimaTable(Minima(9260.0, 304.8, 0.0))


def accord_with(disclosure: Disclosure) -> Accord:
    parties = (AccordParty("north", "11" * 32), AccordParty("south", "22" * 32))
    return Accord("test", 1, parties, VALID, TABLE, disclosure)


def picture_with(*plans: Plan) -> Picture:
    picture = Picture()
    adopt = AdoptAccord(TODAY, "north", "00" * 32, "test", ("north", "south"), TABLE, VALID)
    for command in (adopt, ImportPlans(TODAY, "north", plans)):
        for event in decide(picture, command):
            evolve(picture, event)
    return picture


def due(disclosing: Disclosing, picture: Picture, terms: Accord) -> list[tuple[Telling, messages.Message]]:
    return list(disclosing.due(picture, (terms, accord_hash(terms)), "south", TODAY))


def test_only_what_was_matched_is_told_and_its_changes_follow_under_its_own_name() -> None:
    picture, terms, disclosing = (
        picture_with(area_plan("a"), area_plan("b", 3.0)),
        accord_with(Disclosure.NOTHING),
        Disclosing(),
    )
    assert due(disclosing, picture, terms) == []
    disclosing.matched_with = lambda peer: {"a"} if peer == "south" else set()
    ((telling, message),) = due(disclosing, picture, terms)
    assert message == messages.PlanDeclared(area_plan("a"), 1)
    assert (telling.level, telling.because) == (Level.TRAJECTORY, MATCHED)
    assert due(disclosing, picture, terms) == []
    assert list(disclosing.due(picture, (terms, accord_hash(terms)), "east", TODAY)) == []
    for event in decide(picture, ImportPlans(TODAY, "north", (area_plan("a", 0.1), area_plan("b", 3.1)))):
        evolve(picture, event)
    told = disclosing.due(picture, (terms, accord_hash(terms)), "south", TODAY, None, {"a": "measure-1"})
    ((_, message),) = list(told)
    assert message == messages.PlanAmended(area_plan("a", 0.1), 2, "measure-1")
    # A node that starts again tells nothing twice.
    again = Disclosing()
    again.matched_with = disclosing.matched_with
    again.fold(msgspec.json.encode(telling))
    assert [type(message) for _, message in due(again, picture, terms)] == [messages.PlanAmended]


def test_our_own_policy_keeps_a_matched_plan_back() -> None:
    picture, terms = picture_with(area_plan("a")), accord_with(Disclosure.NOTHING)
    disclosing = Disclosing(OwnPolicy(Level.CELL))
    disclosing.matched_with = lambda _: {"a"}
    assert due(disclosing, picture, terms) == []
    assert not disclosing.tells_openly("south", "a")


def test_a_plan_that_was_told_coarsely_is_told_anew_and_no_name_stands_for_two() -> None:
    picture, terms = picture_with(area_plan("a"), area_plan("p1", 3.0)), accord_with(Disclosure.CELL)
    disclosing = Disclosing()
    before = {telling.plan_id: telling.told_id for telling, _ in due(disclosing, picture, terms)}
    assert sorted(before.values()) == ["p1", "p2"]
    disclosing.matched_with = lambda _: {"a", "p1"}
    said = [message for _, message in due(disclosing, picture, terms)]
    assert messages.PlanWithdrawn(before["a"]) in said
    assert messages.PlanDeclared(area_plan("a"), 1) in said
    held = {plan_id: disclosing.told_id("south", plan_id) for plan_id in ("a", "p1")}
    assert len(set(held.values())) == 2
    assert held["a"] == "a"
