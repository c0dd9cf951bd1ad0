"""After a suspension a peer is told what changed meanwhile, and nothing else, however much the accord holds back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from one_node import AUTHORITIES, KEYS, OneNode
from parties import TODAY, area_plan

from detente.accord.disclosure import OPEN_POLICY, OwnPolicy
from detente.accord.messages import (
    AccordAct,
    AccordAuthorised,
    AccordProposed,
    AccordResumed,
    AccordSuspended,
    authorisation_bytes,
)
from detente.accord.provisions import Level
from detente.accord.room import ActOnAccord
from detente.accord.terms import Accord, AccordParty, Disclosure, accord_hash, format_accord
from detente.airspace.plan import TimeWindow
from detente.airspace.separation import Minima, MinimaTable
from detente.disclosure.catching_up import KnownToPeer
from detente.picture.commands import AmendNotice, CancelNotice, GiveNotice, ImportPlans, WithdrawPlan
from detente.picture.messages import (
    NoticeCancelledMessage,
    NoticeGivenMessage,
    PlanDeclaredMessage,
    PlanWithdrawnMessage,
)
from detente.picture.notices import Meaning, Notice, NoticeState
from detente.room.refused import RefusedRoom

SIDES = ("north", "south")
PEER = {"north": "south", "south": "north"}


class Pair:
    """Two nodes under an accord that their authorities signed, and the mail between them."""

    def __init__(self, folder: Path, disclosure: Disclosure, policy: OwnPolicy) -> None:
        self.nodes = {name: OneNode(folder, name, policy=policy) for name in SIDES}
        self._delivered = dict.fromkeys(SIDES, 0)
        parties = (
            AccordParty(n, KEYS[n].public.hex(), AUTHORITIES[n].public.hex()) for n in SIDES
        )  # fmt: skip
        valid = TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=30))
        accord = Accord("strait", 1, tuple(parties), valid, MinimaTable(Minima(9260.0, 304.8, 0.0)), disclosure)
        self.hash = accord_hash(accord)
        self.act("north", AccordProposed("north", TODAY, "watch", format_accord(accord)))
        for name in SIDES:
            signature = AUTHORITIES[name].sign(authorisation_bytes(self.hash, name, TODAY)).hex()
            self.act(name, AccordAuthorised(name, TODAY, "watch", self.hash, signature))
        assert all(node.state.accords.may_plan(PEER[name], node.now) for name, node in self.nodes.items())

    @property
    def north(self) -> OneNode:
        return self.nodes["north"]

    def act(self, side: str, act: AccordAct) -> None:
        self.nodes[side].decide(ActOnAccord(self.nodes[side].now, PEER[side], act))
        self.deliver()

    def deliver(self) -> None:
        """Carry the mail until none is left; a link's envelopes go in one batch, as a node sends them."""
        while any(self._carry(side) for side in SIDES):
            pass

    def _carry(self, side: str) -> bool:
        waiting = self.nodes[side].envelopes(PEER[side], self._delivered[side])
        self._delivered[side] = self.nodes[side].read
        for raw in waiting:
            self.nodes[PEER[side]].receive(raw)
        return bool(waiting)

    def held_by_south(self) -> dict[str, tuple[Notice, NoticeState]]:
        notices = self.nodes["south"].state.picture.notices
        return {name: (record.notice, record.state) for (party, name), record in notices.items() if party == "north"}

    def refused(self) -> list[dict[str, int]]:
        return [node.state.rooms.of_type(RefusedRoom).state.counts for node in self.nodes.values()]


LEVELS = {
    "full": (Disclosure.FULL, OPEN_POLICY),
    "cell": (Disclosure.CELL, OPEN_POLICY),
    "nothing": (Disclosure.NOTHING, OPEN_POLICY),
    "nothing by own policy": (Disclosure.FULL, OwnPolicy(Level.NOTHING)),
}
TOLD_AS = {"full": ("a", "b"), "cell": ("p1", "p2"), "nothing": (None, None), "nothing by own policy": (None, None)}
"""As which plans south knows a, which north has from the first, and b, which comes during the suspension."""


def notice(name: str, plan_id: str | None = None, meaning: Meaning = Meaning.KEEP_OUT) -> Notice:
    return Notice(name, "north", meaning, area_plan("x").intent[0], TODAY, plan_id)


@pytest.mark.parametrize("starts_again", [False, True])
@pytest.mark.parametrize("level", LEVELS)
def test_notices_that_changed_in_a_suspension_are_told_when_it_is_over(
    tmp_path: Path, level: str, starts_again: bool
) -> None:
    pair = Pair(tmp_path, *LEVELS[level])
    north, (first, second) = pair.north, TOLD_AS[level]
    north.decide(ImportPlans(TODAY, "north", (area_plan("a"),)))
    for given in (notice("kept", "a"), notice("moved", "a"), notice("gone")):
        north.decide(GiveNotice(TODAY, "north", given))
    pair.deliver()
    assert pair.held_by_south() == {
        "kept": (notice("kept", first), NoticeState.IN_FORCE), "moved": (notice("moved", first), NoticeState.IN_FORCE),
        "gone": (notice("gone"), NoticeState.IN_FORCE),
    }  # fmt: skip

    pair.act("south", AccordSuspended("south", TODAY, "watch", pair.hash, 1, "an aircraft was lost"))
    before = north.read
    moved = notice("moved", "a", Meaning.CLOSED_TO_ALL)
    for command in (
        AmendNotice(TODAY, "north", moved),
        CancelNotice(TODAY, "north", "gone"),
        ImportPlans(TODAY, "north", (area_plan("b", 3.0),)),
        GiveNotice(TODAY, "north", notice("new", "b")),
        GiveNotice(TODAY, "north", notice("brief")),
        CancelNotice(TODAY, "north", "brief"),
    ):
        north.decide(command)
    north.follow()
    if starts_again:
        north.start()
    assert north.envelopes("south", before) == [], "nothing is told while the accord is suspended"

    pair.act("south", AccordResumed("south", TODAY, "watch", pair.hash, 2))
    said = north.sent("south", before)
    about_notices = [message for message in said if hasattr(message, "notice") or hasattr(message, "notice_id")]
    told_moved = msgspec.structs.replace(moved, plan_id=first)
    assert about_notices == [
        NoticeCancelledMessage("gone"), NoticeGivenMessage(told_moved), NoticeGivenMessage(notice("new", second)),
    ]  # fmt: skip
    plans = [message.plan.plan_id for message in said if isinstance(message, PlanDeclaredMessage)]
    assert plans == ([] if second is None else [second])
    assert len(said) == len(about_notices) + len(plans)
    assert pair.held_by_south() == {
        "kept": (notice("kept", first), NoticeState.IN_FORCE), "moved": (told_moved, NoticeState.IN_FORCE),
        "gone": (notice("gone"), NoticeState.CANCELLED), "new": (notice("new", second), NoticeState.IN_FORCE),
    }  # fmt: skip
    # All of it was said once, and nothing of it was refused.
    after = north.read
    north.follow()
    north.start()
    north.follow()
    assert north.sent("south", after) == []
    assert pair.refused() == [{}, {}]


@pytest.mark.parametrize("level", ["full", "cell"])
def test_plans_that_changed_in_a_suspension_are_told_when_it_is_over(tmp_path: Path, level: str) -> None:
    pair = Pair(tmp_path, *LEVELS[level])
    north = pair.north
    north.decide(ImportPlans(TODAY, "north", (area_plan("a"), area_plan("b", 3.0))))
    pair.deliver()
    names = {telling.plan_id: telling.told_id for telling in north.tellings()} or {"a": "a", "b": "b"}
    pair.act("north", AccordSuspended("north", TODAY, "watch", pair.hash, 1, "an exercise"))
    before = north.read
    north.decide(WithdrawPlan(TODAY, "north", "a"))
    north.decide(ImportPlans(TODAY, "north", (area_plan("c", 6.0),)))
    assert north.envelopes("south", before) == []
    pair.act("north", AccordResumed("north", TODAY, "watch", pair.hash, 2))
    gone, new = north.sent("south", before)
    assert gone == PlanWithdrawnMessage(names["a"])
    assert isinstance(new, PlanDeclaredMessage)
    south = pair.nodes["south"].state.picture
    live = {name for (party, name), record in south.plans.items() if party == "north" and record.live}
    assert live == {names["b"], new.plan.plan_id}
    assert pair.refused() == [{}, {}]


def test_a_plan_told_in_part_that_a_peer_has_lost_is_told_anew_and_one_whose_end_it_lost_is_withdrawn(
    tmp_path: Path,
) -> None:
    pair = Pair(tmp_path, *LEVELS["cell"])
    north, disclosure = pair.north, pair.north.state.disclosure
    north.decide(ImportPlans(TODAY, "north", (area_plan("a"), area_plan("b", 3.0))))
    known = KnownToPeer(north.sent("south"))
    assert list(disclosure.catch_up(TODAY, "south", known)) == []
    lost, revision = known.plans.pop("p1")
    for told_id in ("p7", "p8"):
        known.plans[told_id] = (msgspec.structs.replace(lost, plan_id=told_id), 1)
    disclosure.said_before(TODAY, "south", PlanDeclaredMessage(known.plans["p8"][0], 1))
    before = disclosure.keep()
    said = [released.message for released in disclosure.catch_up(TODAY, "south", known)]
    assert said == [PlanWithdrawnMessage("p7"), PlanDeclaredMessage(lost, revision)]
    for message in said:
        known.take(message)
    assert list(disclosure.catch_up(TODAY, "south", known)) == []
    disclosure.restore(before)()
    assert disclosure.keep() == before
