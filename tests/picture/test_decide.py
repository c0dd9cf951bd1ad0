"""What each command leads to, one case after another."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from picture_world import (
    MINIMA,
    NOON,
    OURS,
    PARTIES,
    THEIRS,
    THIRD,
    WIDER,
    YEAR,
    Node,
    accord,
    area_plan,
    at,
    flight_plan,
)

from detente.airspace.plan import Circle, Plan, Polygon, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import Delay, LevelChange, PlanChange, apply_change
from detente.airspace.search import encounter
from detente.airspace.separation import ClassMinima, Minima, MinimaTable
from detente.picture import commands, events
from detente.picture.conflicts import ClearedBecause, PlanReference, conflict_id
from detente.picture.decide_plans import know_again
from detente.picture.evolve import evolve
from detente.picture.measures import Measure, MeasureState
from detente.picture.notices import Meaning, Notice, NoticeState, Others
from detente.picture.picture import PlanState, picture_bytes


@pytest.fixture
def node() -> Node:
    node = Node()
    node.do(accord())
    return node


def kinds(decided: list[events.PictureEvent]) -> list[str]:
    return [type(event).__name__ for event in decided]


def in_conflict(node: Node) -> str:
    node.do(commands.DeclarePlan(NOON, OURS, area_plan("ours")))
    decided = node.do(commands.DeclarePlan(at(1), THEIRS, area_plan("theirs"), 1))
    assert kinds(decided) == ["PlanDeclared", "ConflictFound"]
    return next(iter(node.picture.conflicts))


def measure_on(
    node: Node, conflict: str, owner: str, change: PlanChange, proposer: str = "", measure_id: str = "m1"
) -> Measure:
    reference = node.picture.conflicts[conflict].conflict.of(owner)
    base = node.picture.plans[(owner, reference.plan_id)].plan
    return Measure(
        measure_id, conflict, proposer or owner, owner, reference.revision, change, apply_change(base, change)
    )


def test_nothing_is_decided_before_an_accord() -> None:
    node = Node()
    refusal = node.refused(commands.DeclarePlan(NOON, OURS, area_plan("p")))
    assert refusal is not None
    assert refusal.field == "accord"
    assert node.events == []


def test_an_accord_outside_its_validity_is_refused() -> None:
    command = msgspec.structs.replace(accord(), at=YEAR.end + timedelta(days=1))
    with pytest.raises(Refusal, match="valid now"):
        Node().do(command)


def test_the_same_accord_again_changes_nothing(node: Node) -> None:
    assert node.do(accord()) == []


def test_wider_minima_are_applied_to_plans_already_there(node: Node) -> None:
    node.do(commands.DeclarePlan(NOON, OURS, area_plan("ours")))
    node.do(commands.DeclarePlan(NOON, THEIRS, area_plan("theirs", level_m=3000.0 + 100.0 + 400.0), 1))
    assert not node.picture.conflicts
    wide = commands.AdoptAccord(NOON, OURS, "hash-of-wide", "wide", PARTIES, WIDER, YEAR)
    assert kinds(node.do(wide)) == ["AccordAdopted", "ConflictFound"]
    assert node.picture.former_accords == ("hash-of-first",)
    decided = node.do(accord())
    assert kinds(decided) == ["AccordAdopted", "ConflictCleared"]
    assert decided[1].because is ClearedBecause.ACCORD


def test_a_stranger_to_the_accord_is_refused(node: Node) -> None:
    with pytest.raises(Refusal, match="party of the accord"):
        node.do(commands.DeclarePlan(NOON, "east", area_plan("p"), 1))


def test_both_parties_derive_the_same_conflict(node: Node) -> None:
    ours = in_conflict(node)
    other = Node()
    other.do(msgspec.structs.replace(accord(), party=THEIRS))
    other.do(commands.DeclarePlan(at(5), THEIRS, area_plan("theirs")))
    other.do(commands.DeclarePlan(at(6), OURS, area_plan("ours"), 1))
    assert list(other.picture.conflicts) == [ours]
    assert other.picture.conflicts[ours].conflict == node.picture.conflicts[ours].conflict
    assert ours == conflict_id(PlanReference(THEIRS, "theirs", 1), PlanReference(OURS, "ours", 1))


def test_the_conflict_id_is_pinned() -> None:
    assert conflict_id(PlanReference("north", "a", 1), PlanReference("south", "b", 2)) == "e22cfa291697ffb7"


def test_names_that_share_letters_do_not_share_conflicts() -> None:
    first = conflict_id(PlanReference("a", "b,1", 1), PlanReference("c", "d", 1))
    assert first != conflict_id(PlanReference("a", "b", 1), PlanReference("1", "c,d", 1))


def test_plans_of_one_party_and_of_two_peers_are_no_conflict_here(node: Node) -> None:
    for party, plan_id, revision in ((OURS, "a", None), (OURS, "b", None)):
        assert kinds(node.do(commands.DeclarePlan(NOON, party, area_plan(plan_id), revision))) == ["PlanDeclared"]
    far = {"latitude_deg": 50.0}
    for party in (THEIRS, THIRD):
        assert kinds(node.do(commands.DeclarePlan(NOON, party, area_plan("p", **far), 1))) == ["PlanDeclared"]


def test_an_import_declares_amends_and_leaves(node: Node) -> None:
    first = commands.ImportPlans(NOON, OURS, (area_plan("a"), area_plan("b")))
    assert kinds(node.do(first)) == ["PlanDeclared", "PlanDeclared"]
    second = commands.ImportPlans(at(1), OURS, (area_plan("a"), area_plan("b", level_m=4000.0), area_plan("c")))
    assert kinds(node.do(second)) == ["PlanAmended", "PlanDeclared"]
    assert node.picture.plans[(OURS, "b")].revision == 2


def test_one_bad_plan_refuses_the_whole_import(node: Node) -> None:
    bow_tie = Polygon((Position(0, 0), Position(1, 1), Position(1, 0), Position(0, 1)))
    volume = area_plan("x").intent[0]
    bad = Plan("bad", (Volume4D(bow_tie, volume.altitude, volume.time),))
    refusal = node.refused(commands.ImportPlans(NOON, OURS, (area_plan("a"), bad)))
    assert refusal is not None
    assert refusal.field.startswith("plans[1].")
    assert node.picture.plans == {}
    refusal = node.refused(commands.ImportPlans(NOON, OURS, (area_plan("a"), area_plan("a"))))
    assert refusal is not None
    assert refusal.field == "plans[1].plan_id"


def test_classes_have_their_own_minima_and_others_the_default(node: Node) -> None:
    table = MinimaTable(MINIMA.default, (ClassMinima("drone", "crewed", Minima(500.0, 50.0)),))
    node.do(commands.AdoptAccord(NOON, OURS, "hash-of-classes", "classes", PARTIES, table, YEAR))
    node.do(commands.DeclarePlan(NOON, THEIRS, area_plan("theirs"), 1))
    for aircraft_class, found in (("drone", 0), ("airship", 1)):
        plan = msgspec.structs.replace(area_plan(aircraft_class, level_m=3200.0), aircraft_class=aircraft_class)
        assert kinds(node.do(commands.DeclarePlan(NOON, OURS, plan))).count("ConflictFound") == found


def test_a_party_does_not_bring_in_classes_without_end(node: Node) -> None:
    """Each class makes every search a little slower; one party's flood of them leaves the other its own."""
    far = [
        msgspec.structs.replace(area_plan(f"p{k}", latitude_deg=-50.0), aircraft_class=f"class-{k}") for k in range(17)
    ]
    for plan in far[:16]:
        node.do(commands.DeclarePlan(NOON, THEIRS, plan, 1))
    with pytest.raises(Refusal, match="at most 16 classes"):
        node.do(commands.DeclarePlan(NOON, THEIRS, far[16], 1))
    with pytest.raises(Refusal, match="at most 16 classes"):
        node.do(commands.ImportPlans(NOON, OURS, tuple(far)))
    assert len(node.do(commands.ImportPlans(NOON, OURS, (area_plan("ours", latitude_deg=60.0),)))) == 1


def test_revisions_of_our_own_are_counted_and_of_a_peer_only_rise(node: Node) -> None:
    node.do(commands.DeclarePlan(NOON, OURS, area_plan("a")))
    with pytest.raises(Refusal, match="2, the next one"):
        node.do(commands.AmendPlan(NOON, OURS, area_plan("a", level_m=4000.0), 3))
    node.do(commands.DeclarePlan(NOON, THEIRS, area_plan("a"), 4))
    for revision in (None, 4, 2**60):
        with pytest.raises(Refusal, match="a revision from 5"):
            node.do(commands.AmendPlan(NOON, THEIRS, area_plan("a", level_m=4000.0), revision))
    node.do(commands.WithdrawPlan(NOON, THEIRS, "a"))
    with pytest.raises(Refusal, match="a revision from 5"):
        node.do(commands.DeclarePlan(NOON, THEIRS, area_plan("a"), 1))


@pytest.mark.parametrize("over", [commands.WithdrawPlan, commands.EndPlan])
def test_a_lost_change_that_the_peer_refused_is_known_by_its_revision_alone(node: Node, over: type) -> None:
    node.do(commands.DeclarePlan(NOON, OURS, area_plan("p1")))
    node.do(over(at(1), OURS, "p1"))
    state = node.picture.plans[(OURS, "p1")].state
    lost = area_plan("p1", level_m=4000.0)

    for event in know_again(node.picture, at(2), lost, 2, is_new=False):
        evolve(node.picture, event)
    assert node.picture.plans[(OURS, "p1")].state is state
    assert node.picture.plans[(OURS, "p1")].revision == 2

    for event in know_again(node.picture, at(3), lost, 3, is_new=True):
        evolve(node.picture, event)
    assert node.picture.plans[(OURS, "p1")].live, "the peer took it for a new plan"


def test_activation_is_a_separate_act_and_ending_clears(node: Node) -> None:
    conflict = in_conflict(node)
    assert kinds(node.do(commands.ActivatePlan(NOON, OURS, "ours"))) == ["PlanActivated"]
    assert node.do(commands.ActivatePlan(NOON, OURS, "ours")) == []
    assert node.picture.plans[(OURS, "ours")].state is PlanState.ACTIVE
    assert conflict in node.picture.conflicts
    assert kinds(node.do(commands.EndPlan(at(9), OURS, "ours"))) == ["PlanEnded", "ConflictCleared"]
    assert node.picture.cleared[conflict].because is ClearedBecause.ENDED
    for again in (commands.EndPlan, commands.WithdrawPlan, commands.ActivatePlan):
        with pytest.raises(Refusal, match="declared or active"):
            node.do(again(at(10), OURS, "ours"))


def test_a_measure_on_our_plan_takes_effect_when_the_peer_accepts(node: Node) -> None:
    conflict = in_conflict(node)
    measure = measure_on(node, conflict, OURS, LevelChange(600.0))
    node.do(commands.ProposeMeasure(at(2), OURS, measure))
    with pytest.raises(Refusal, match="nobody answers its own"):
        node.do(commands.AcceptMeasure(at(3), OURS, "m1"))
    with pytest.raises(Refusal, match="party of conflict"):
        node.do(commands.AcceptMeasure(at(3), THIRD, "m1"))
    decided = node.do(commands.AcceptMeasure(at(3), THEIRS, "m1"))
    assert kinds(decided) == ["MeasureAccepted", "PlanAmended", "ConflictCleared"]
    assert node.picture.plans[(OURS, "ours")].plan == measure.plan
    assert node.picture.measures["m1"].state is MeasureState.IN_EFFECT
    assert node.picture.cleared[conflict].measure_id == "m1"
    assert node.do(commands.AcceptMeasure(at(4), THEIRS, "m1")) == [], "an answer that comes late changes nothing"


def test_a_measure_on_a_peers_plan_waits_for_its_owner(node: Node) -> None:
    conflict = in_conflict(node)
    measure = measure_on(node, conflict, THEIRS, Delay(1200.0))
    node.do(commands.ProposeMeasure(at(2), THEIRS, measure))
    assert kinds(node.do(commands.AcceptMeasure(at(3), OURS, "m1"))) == ["MeasureAccepted"]
    assert conflict in node.picture.conflicts, "silence never frees airspace"
    decided = node.do(commands.AmendPlan(at(4), THEIRS, measure.plan, 2, "m1"))
    assert kinds(decided) == ["PlanAmended", "ConflictCleared"]
    assert node.picture.measures["m1"].state is MeasureState.IN_EFFECT


def test_a_peer_that_amends_otherwise_than_agreed_lets_the_measure_lapse(node: Node) -> None:
    conflict = in_conflict(node)
    measure = measure_on(node, conflict, THEIRS, Delay(1200.0))
    node.do(commands.ProposeMeasure(at(2), THEIRS, measure))
    node.do(commands.AcceptMeasure(at(3), OURS, "m1"))
    decided = node.do(commands.AmendPlan(at(4), THEIRS, area_plan("theirs", start_s=60.0), 2, "m1"))
    assert kinds(decided) == ["PlanAmended", "ConflictCleared", "MeasureLapsed", "ConflictFound"]
    assert decided[0].measure_id is None
    assert node.picture.measures["m1"].state is MeasureState.LAPSED


def test_what_we_ask_of_a_peer_is_amended_by_the_peer(node: Node) -> None:
    conflict = in_conflict(node)
    measure = measure_on(node, conflict, THEIRS, LevelChange(-600.0), proposer=OURS)
    node.do(commands.ProposeMeasure(at(2), OURS, measure))
    assert kinds(node.do(commands.AcceptMeasure(at(3), THEIRS, "m1"))) == ["MeasureAccepted"]
    node.do(commands.AmendPlan(at(4), THEIRS, measure.plan, 2, "m1"))
    assert not node.picture.conflicts


def test_what_a_peer_asks_of_us_is_amended_when_we_accept(node: Node) -> None:
    conflict = in_conflict(node)
    node.do(commands.ProposeMeasure(at(2), THEIRS, measure_on(node, conflict, OURS, LevelChange(600.0), THEIRS)))
    decided = node.do(commands.AcceptMeasure(at(3), OURS, "m1"))
    assert kinds(decided) == ["MeasureAccepted", "PlanAmended", "ConflictCleared"]


def test_a_measure_that_leads_into_another_conflict_is_refused_where_it_is_seen(node: Node) -> None:
    conflict = in_conflict(node)
    node.do(commands.DeclarePlan(at(1), THIRD, area_plan("third", level_m=3600.0), 1))
    with pytest.raises(Refusal, match="too close to another plan"):
        node.do(commands.ProposeMeasure(at(2), OURS, measure_on(node, conflict, OURS, LevelChange(600.0))))
    node.do(commands.DeclarePlan(at(2), OURS, area_plan("ours-too", level_m=2400.0)))
    node.do(commands.ProposeMeasure(at(3), THEIRS, measure_on(node, conflict, THEIRS, LevelChange(-600.0))))
    with pytest.raises(Refusal, match="too close to another plan"):
        node.do(commands.AcceptMeasure(at(4), OURS, "m1"))
    decided = node.do(commands.RefuseMeasure(at(5), OURS, "m1", "too close to ours-too"))
    assert kinds(decided) == ["MeasureRefused"]
    assert node.picture.measures["m1"].reason == "too close to ours-too"
    assert conflict in node.picture.conflicts


def test_accepting_finds_the_conflicts_that_came_up_meanwhile(node: Node) -> None:
    conflict = in_conflict(node)
    node.do(commands.ProposeMeasure(at(2), OURS, measure_on(node, conflict, OURS, LevelChange(600.0))))
    node.do(commands.DeclarePlan(at(3), THIRD, area_plan("third", level_m=3600.0), 1))
    decided = node.do(commands.AcceptMeasure(at(4), THEIRS, "m1"))
    assert kinds(decided) == ["MeasureAccepted", "PlanAmended", "ConflictCleared", "ConflictFound"]


def test_of_two_proposals_that_clash_the_lower_rank_goes_ahead_on_both_sides(node: Node) -> None:
    """Both move up by 600 m at the same time, each before it has heard of the other."""
    conflict = in_conflict(node)
    node.do(commands.DeclarePlan(at(1), OURS, area_plan("ours-two", level_m=4200.0)))
    node.do(commands.DeclarePlan(at(1), THEIRS, area_plan("theirs-two", level_m=4200.0), 1))
    second = next(c for c in node.picture.conflicts if c != conflict)
    low, high = sorted((conflict, second))
    ours = measure_on(node, high, OURS, LevelChange(600.0 if high == conflict else -600.0), measure_id="of-ours")
    theirs = measure_on(node, low, THEIRS, LevelChange(600.0 if low == conflict else -600.0), measure_id="of-theirs")
    assert (ours.rank > theirs.rank) is True
    node.do(commands.ProposeMeasure(at(2), OURS, ours))
    node.do(commands.ProposeMeasure(at(2), THEIRS, theirs))
    assert kinds(node.do(commands.AcceptMeasure(at(3), OURS, "of-theirs"))) == ["MeasureAccepted"]

    other = Node()
    other.do(msgspec.structs.replace(accord(), party=THEIRS))
    for record in node.picture.plans.values():
        other.do(
            commands.DeclarePlan(NOON, record.party, record.plan, None if record.party == THEIRS else record.revision)
        )
    other.do(commands.ProposeMeasure(at(2), THEIRS, theirs))
    other.do(commands.ProposeMeasure(at(2), OURS, ours))
    with pytest.raises(Refusal, match="another proposal"):
        other.do(commands.AcceptMeasure(at(3), THEIRS, "of-ours"))


def test_a_stale_measure_of_a_peer_is_recorded_and_refused(node: Node) -> None:
    conflict = in_conflict(node)
    measure = measure_on(node, conflict, THEIRS, LevelChange(600.0))
    node.do(commands.AmendPlan(at(2), OURS, area_plan("ours", start_s=100.0)))
    decided = node.do(commands.ProposeMeasure(at(3), THEIRS, measure))
    assert kinds(decided) == ["MeasureProposed", "MeasureRefused"]
    assert decided[1].party == OURS
    assert node.picture.measures["m1"].state is MeasureState.REFUSED


def test_a_stale_or_false_measure_of_our_own_is_refused_without_an_event(node: Node) -> None:
    conflict = in_conflict(node)
    good = measure_on(node, conflict, OURS, LevelChange(600.0))
    changed = msgspec.structs.replace
    for field, wrong in (
        ("measure.base_revision", changed(good, base_revision=2)),
        ("measure.conflict_id", changed(good, conflict_id="0" * 16)),
        ("measure.proposer", changed(good, proposer=THEIRS)),
        ("measure.owner", changed(good, owner="east")),
        ("measure.owner", changed(good, owner=THIRD)),
        ("measure.plan", changed(good, plan=area_plan("ours", level_m=9000.0))),
        ("measure.plan", changed(good, plan=changed(good.plan, plan_id="other"))),
    ):
        refusal = node.refused(commands.ProposeMeasure(at(2), OURS, wrong))
        assert refusal is not None
        assert refusal.field == field
    assert node.picture.measures == {}
    node.do(commands.ProposeMeasure(at(3), OURS, good))
    for again in (good, changed(good, measure_id="m2")):
        assert node.refused(commands.ProposeMeasure(at(4), OURS, again)) is not None


def test_a_measure_lapses_when_its_plan_or_its_conflict_changes(node: Node) -> None:
    conflict = in_conflict(node)
    node.do(commands.ProposeMeasure(at(2), OURS, measure_on(node, conflict, OURS, LevelChange(600.0))))
    decided = node.do(commands.WithdrawPlan(at(3), THEIRS, "theirs"))
    assert kinds(decided) == ["PlanWithdrawn", "ConflictCleared", "MeasureLapsed"]
    assert node.do(commands.AcceptMeasure(at(4), THEIRS, "m1")) == []
    assert node.picture.plans[(OURS, "ours")].revision == 1


def test_no_measure_is_said_with_the_reason_by_each_side(node: Node) -> None:
    conflict = in_conflict(node)
    node.do(commands.ReportNoMeasure(at(2), OURS, conflict, "no level is free"))
    assert node.do(commands.ReportNoMeasure(at(3), OURS, conflict, "no level is free")) == []
    node.do(commands.ReportNoMeasure(at(4), THEIRS, conflict, "the airfield closes"))
    assert node.picture.conflicts[conflict].no_measure == (
        (OURS, "no level is free"),
        (THEIRS, "the airfield closes"),
    )
    with pytest.raises(Refusal, match="party of conflict"):
        node.do(commands.ReportNoMeasure(at(5), THIRD, conflict, "not mine"))
    with pytest.raises(Refusal, match="printable"):
        node.do(commands.ReportNoMeasure(at(5), OURS, conflict, "two\nlines"))
    assert node.do(commands.ReportNoMeasure(at(6), THEIRS, "0" * 16, "crossed a change")) == []


def notice(
    notice_id: str = "n1", start_s: float = 7200.0, meaning: Meaning = Meaning.KEEP_OUT, **more: object
) -> Notice:
    volume = area_plan("x").intent[0]
    volume = msgspec.structs.replace(volume, time=TimeWindow(at(start_s), at(start_s + 600.0)))
    return Notice(notice_id, OURS, meaning, volume, NOON, **more)


def test_a_notice_lives_and_expires(node: Node) -> None:
    assert kinds(node.do(commands.GiveNotice(NOON, OURS, notice()))) == ["NoticeGiven"]
    assert node.picture.notices[(OURS, "n1")].late_by_s == 0.0
    assert node.do(commands.AmendNotice(at(1), OURS, notice())) == []
    later = notice(start_s=8000.0)
    assert kinds(node.do(commands.AmendNotice(at(1), OURS, later))) == ["NoticeAmended"]
    assert node.picture.notices[(OURS, "n1")].revision == 2
    assert node.do(commands.ExpireNotices(at(8600.0))) == []
    assert kinds(node.do(commands.ExpireNotices(at(8601.0)))) == ["NoticeExpired"]
    assert node.picture.notices[(OURS, "n1")].state is NoticeState.EXPIRED
    for command in (commands.CancelNotice(at(8602.0), OURS, "n1"), commands.AmendNotice(at(8602.0), OURS, later)):
        with pytest.raises(Refusal, match="in force"):
            node.do(command)
    with pytest.raises(Refusal, match="Amend it instead"):
        node.do(commands.GiveNotice(at(1), OURS, notice()))


def test_a_late_notice_is_taken_and_marked_with_how_late_it_is(node: Node) -> None:
    node.do(commands.GiveNotice(NOON, OURS, notice(start_s=60.0)))
    record = node.picture.notices[(OURS, "n1")]
    assert record.notice.lead_s == 60.0
    assert record.late_by_s == 3540.0


def test_a_notice_is_cancelled_by_its_party_alone(node: Node) -> None:
    node.do(commands.GiveNotice(NOON, OURS, notice()))
    with pytest.raises(Refusal, match="a notice of south"):
        node.do(commands.CancelNotice(NOON, THEIRS, "n1"))
    assert kinds(node.do(commands.CancelNotice(at(1), OURS, "n1"))) == ["NoticeCancelled"]


def test_a_notice_without_meaning_or_end_cannot_be_written_down() -> None:
    whole = msgspec.to_builtins(notice())
    for missing in ("meaning", "volume", "given_at"):
        with pytest.raises(msgspec.ValidationError, match=missing):
            msgspec.convert({k: v for k, v in whole.items() if k != missing}, Notice)
    with pytest.raises(Refusal, match="nothing_of_ours_here"):
        notice(others=Others.UNKNOWN)
    assert notice(meaning=Meaning.NOTHING_OF_OURS_HERE, others=Others.UNKNOWN).others is Others.UNKNOWN


def test_notices_that_are_over_foreign_or_impossible_are_refused(node: Node) -> None:
    with pytest.raises(Refusal, match="after now"):
        node.do(commands.GiveNotice(at(9000.0), OURS, notice()))
    with pytest.raises(Refusal, match="who gives the notice"):
        node.do(commands.GiveNotice(NOON, THEIRS, notice()))
    bow_tie = Polygon((Position(0, 0), Position(1, 1), Position(1, 0), Position(0, 1)))
    crossed = msgspec.structs.replace(notice(), volume=msgspec.structs.replace(notice().volume, area=bow_tie))
    with pytest.raises(Refusal, match="cross"):
        node.do(commands.GiveNotice(NOON, OURS, crossed))
    assert isinstance(notice().volume.area, Circle)


def test_trajectories_meet_too(node: Node) -> None:
    node.do(commands.DeclarePlan(NOON, OURS, flight_plan("ours")))
    node.do(commands.DeclarePlan(NOON, THEIRS, area_plan("theirs", 35.1, 40.1), 1))
    assert len(node.picture.conflicts) == 1
    assert b'"ours"' in picture_bytes(node.picture)


def test_a_peer_may_say_again_what_it_said(node: Node) -> None:
    node.do(commands.DeclarePlan(NOON, THEIRS, area_plan("a"), 3))
    assert node.do(commands.DeclarePlan(at(1), THEIRS, area_plan("a"), 3)) == []
    assert kinds(node.do(commands.DeclarePlan(at(1), THEIRS, area_plan("a", level_m=4000.0), 5))) == ["PlanAmended"]
    with pytest.raises(Refusal, match="a revision from 6"):
        node.do(commands.DeclarePlan(at(1), THEIRS, area_plan("a"), 5))
    theirs = msgspec.structs.replace(notice(), party=THEIRS)
    assert kinds(node.do(commands.GiveNotice(NOON, THEIRS, theirs))) == ["NoticeGiven"]
    assert node.do(commands.GiveNotice(at(1), THEIRS, theirs)) == []


def test_a_conflict_is_told_from_the_plan_that_sorts_first_whichever_side_finds_it() -> None:
    """As an exact check of the two plans alone tells it, from either side."""
    plans = {OURS: flight_plan("b", start_s=30.0), THEIRS: area_plan("a", 35.1, 40.1)}
    found = []
    for last in (OURS, THEIRS):
        node = Node()
        node.do(accord())
        for party in sorted(plans, key=lambda name, last=last: name == last):
            decided = node.do(commands.DeclarePlan(NOON, party, plans[party], None if party == OURS else 1))
        found += [event.conflict for event in decided if isinstance(event, events.ConflictFound)]
    first, second = plans[OURS], plans[THEIRS]
    alone = encounter(first, second, MINIMA.default)
    assert alone is not None
    assert found[0] == found[1]
    assert found[0].encounter == alone
