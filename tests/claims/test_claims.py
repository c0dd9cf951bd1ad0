"""Claims between two sides: both know the same, each keeps its own words, and nobody speaks for another."""

import copy
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from claims_world import ACCORD, EVIDENCE, HOUR_S, NOON, Side, World, seen, volume

from detente.airspace.plan import Plan, Polygon
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.claims import commands, taking
from detente.claims.claims import (
    Answer,
    AnswerKind,
    AreaAndTime,
    ClosedAs,
    Deviation,
    DeviationOver,
    Incident,
    IncidentClass,
    IncidentClosing,
    IncidentReply,
    Intent,
    NoticeVerdict,
    NotTakenBecause,
    RefusedBecause,
    ReplyKind,
    Request,
    RequestedAction,
    SeenHere,
    Statement,
)
from detente.claims.judging import explained_by
from detente.claims.peer_messages import AnswerClaim, NotTakenClaim, ObservationClaim, RequestClaim
from detente.claims.state import IncidentRecord, RequestRecord
from detente.picture.commands import CancelNotice, DeclarePlan, ExpireNotices
from detente.picture.notices import Meaning, Notice, NoticeRecord, NoticeState
from detente.picture.observations import Verdict
from detente.room.activity import SafetyFunction
from detente.room.tagged import write_tagged


@pytest.fixture
def sides() -> tuple[Side, Side]:
    north, south = World()
    return north, south


def request(side: Side, peer: str, asker: str, name: str = "r1") -> RequestRecord:
    return side.claims.requests[(peer, asker, name)]


def incident(side: Side, peer: str, reporter: str, name: str = "i1") -> IncidentRecord:
    return side.claims.incidents[(peer, reporter, name)]


def answered(side: Side, peer: str, kind: AnswerKind = AnswerKind.NOT_OURS, name: str = "r1", **more: object) -> None:
    given = Answer(name, side.name, kind, side.world.now, **more)  # type: ignore[arg-type]
    side.do(commands.AnswerRequest(side.world.now, side.name, peer, given))


def replied(side: Side, peer: str, kind: ReplyKind, name: str = "i1", **more: object) -> None:
    reply = IncidentReply(name, side.name, kind, side.world.now, **more)  # type: ignore[arg-type]
    side.do(commands.ReplyToIncident(side.world.now, side.name, peer, reply))


def test_an_observation_is_private_until_its_party_tells_it(sides: tuple[Side, Side]) -> None:
    north, south = sides
    north.observes()
    assert not south.claims.observations
    north.do(commands.ShareObservation(NOON, "north", "south", "o1"))
    assert south.claims.observations[("north", "o1")].observation == seen("north")
    assert north.do(commands.ShareObservation(NOON, "north", "south", "o1")) == [], "it is told once"


def test_both_sides_verdicts_stand_on_both_sides(sides: tuple[Side, Side]) -> None:
    """South moved its notice without north having heard of it yet: each judges by what it holds."""
    north, south = sides
    south.gives("n1", Meaning.KEEP_OUT)
    south.gives("n2", Meaning.KEEP_OUT, volume(east_deg=0.11))
    south.plan(CancelNotice(NOON, "south", "n1"))
    north.observes()
    north.observes("o2", error_m=3_000.0)
    for name in ("o1", "o2"):
        north.do(commands.ShareObservation(NOON, "north", "south", name))
    for name, mine, its in (
        ("o1", {"n1": Verdict.INSIDE, "n2": Verdict.CANNOT_TELL}, {"n2": Verdict.CANNOT_TELL}),
        ("o2", {"n1": Verdict.INSIDE, "n2": Verdict.CANNOT_TELL}, {"n2": Verdict.CANNOT_TELL}),
    ):
        here, there = north.claims.observations[("north", name)], south.claims.observations[("north", name)]
        assert {v.notice_id: v.verdict for v in here.ours} == mine
        assert here.ours == there.theirs["north"]
        assert {v.notice_id: v.verdict for v in there.ours} == its
        assert there.ours == here.theirs["south"]


def test_what_nothing_explains_is_undeclared_and_a_notice_taken_back_later_explained_it(
    sides: tuple[Side, Side],
) -> None:
    north, south = sides
    south.gives("n1")
    north.observes("near")
    north.observes("far", east_deg=3.0)
    found = {name: record.undeclared for (_, name), record in north.claims.observations.items()}
    assert found == {"near": False, "far": True}
    assert north.claims.observations[("north", "near")].explained_by == ("notice south n1",)
    north.plan(ExpireNotices(NOON + timedelta(hours=2)))
    assert explained_by(north.picture, seen("north")), "what has expired explains what was seen while it held"
    south.gives("n2", where=volume(east_deg=3.0))
    north.plan(CancelNotice(NOON + timedelta(minutes=30), "south", "n2"))
    assert explained_by(north.picture, seen("north", east_deg=3.0)), "taken back after it was seen"


def test_a_request_has_one_deadline_on_both_sides_and_is_overdue_on_both(sides: tuple[Side, Side]) -> None:
    north, south = sides
    north.observes()
    north.asks("south", "r1", "o1")
    assert ("north", "o1") in south.claims.observations, "what is asked about is told"
    assert request(north, "south", "north").due == request(south, "north", "north").due == NOON + timedelta(hours=1)
    north.world.passes(HOUR_S + 1)
    for side in sides:
        assert len(side.ticks()) == 1
        assert side.ticks() == [], "said once"
    assert request(north, "south", "north").overdue
    assert request(south, "north", "north").overdue
    answered(south, "north")
    for side, peer in ((north, "south"), (south, "north")):
        record = request(side, peer, "north")
        assert record.late
        assert not record.is_open
    answered(south, "north", AnswerKind.OURS)
    assert [a.answer for a in request(north, "south", "north").answers] == [AnswerKind.NOT_OURS, AnswerKind.OURS]


def test_an_answer_in_time_however_late_it_arrives(sides: tuple[Side, Side]) -> None:
    """The times that count are those that were signed: a stick takes days."""
    north, south = sides
    north.observes()
    north.asks("south", "r1", "o1")
    north.world.held = True
    answered(south, "north", AnswerKind.NOT_UNDER_OUR_CONTROL)
    north.world.passes(48 * HOUR_S)
    north.ticks()
    north.world.deliver()
    assert request(north, "south", "north").overdue, "it was, here"
    assert not request(north, "south", "north").late
    assert not request(north, "south", "north").is_overdue(north.world.now)


def test_a_request_about_an_area_may_be_refused_with_a_reason(sides: tuple[Side, Side]) -> None:
    north, south = sides
    asked = Request("r1", "north", AreaAndTime(volume()), NOON, ACCORD)
    north.do(commands.AskRequest(NOON, "north", "south", asked))
    with pytest.raises(Refusal, match="reason"):
        answered(south, "north", AnswerKind.REFUSED)
    answered(south, "north", AnswerKind.REFUSED, reason=RefusedBecause.WOULD_DISCLOSE)
    assert request(north, "south", "north").refused


def test_statements_stand_side_by_side_and_are_never_merged(sides: tuple[Side, Side]) -> None:
    north, south = sides
    north.states("south", "north", "e1", "It was west of the river.")
    south.states("north", "north", "e1", "It was east of the river.")
    north.states("south", "north", "e1", "We have looked again.")
    key = {"north": ("south", "north", "e1"), "south": ("north", "north", "e1")}
    for side in sides:
        record = side.claims.occurrences[key[side.name]]
        assert [(s.number, s.words) for s in record.of("north")] == [
            (1, "It was west of the river."), (2, "We have looked again."),
        ]  # fmt: skip
        assert [s.words for s in record.of("south")] == ["It was east of the river."]
    with pytest.raises(Refusal, match="that north opened"):
        south.states("north", "north", "another", "Nobody opened this.")


def test_an_incident_from_report_to_close(sides: tuple[Side, Side]) -> None:
    north, south = sides
    north.reports("south", "i1")
    assert incident(north, "south", "north").due == incident(south, "north", "north").due == NOON + timedelta(hours=3)
    south.states("north", "north", "i1", "Our crew saw nobody.")
    due = NOON + timedelta(days=10)
    replied(south, "north", ReplyKind.UNDER_INVESTIGATION, due=due)
    north.world.passes(4 * HOUR_S)
    assert north.ticks() == [], "it is under investigation"
    north.world.passes(10 * 24 * HOUR_S)
    for side in sides:
        assert len(side.ticks()) == 1, "the result is overdue, on both sides"
    own: dict[str, Any] = {
        "incident_class": IncidentClass.DISCOURTESY,
        "volume": volume(east_deg=0.2),
        "evidence_sha256": ("f" * 64,),
    }
    replied(south, "north", ReplyKind.REJECT, **own)
    for side, peer in ((north, "south"), (south, "north")):
        record = incident(side, peer, "north")
        assert not record.overdue
        assert (record.incident.incident_class, record.replies[-1].incident_class) == (
            IncidentClass.UNSAFE_APPROACH, IncidentClass.DISCOURTESY,
        )  # fmt: skip
    with pytest.raises(Refusal, match="incident_id"):
        south.do(commands.CloseIncident(NOON, "south", "north", IncidentClosing("i1", "south", ClosedAs.SETTLED, NOON)))
    north.do(commands.CloseIncident(NOON, "north", "south", IncidentClosing("i1", "north", ClosedAs.NOT_SETTLED, NOON)))
    assert not incident(south, "north", "north").is_open


def test_a_party_says_itself_that_it_is_out_of_its_volume_and_late_is_late_on_both_sides(
    sides: tuple[Side, Side],
) -> None:
    north, south = sides
    north.world.passes(60.0)
    for name, ago_s, late_s in (("d1", 5.0, 0.0), ("d2", 12.0, 7.0)):
        left = north.world.now - timedelta(seconds=ago_s)
        deviation = Deviation(name, "north", volume(), left, north.world.now, Intent.CORRECTING, ACCORD, "n1")
        north.do(commands.ReportDeviation(north.world.now, "north", "south", deviation))
        for side, peer in ((north, "south"), (south, "north")):
            assert side.claims.deviations[(peer, "north", name)].late_by_s == late_s
    north.do(commands.EndDeviation(NOON, "north", "south", DeviationOver("d1", "north", north.world.now)))
    assert south.claims.deviations[("north", "north", "d1")].over is not None


def test_our_aircraft_outside_its_plan_is_reported_by_itself_and_once(sides: tuple[Side, Side]) -> None:
    north, south = sides
    north.plan(DeclarePlan(NOON, "north", Plan("p1", (volume(),))))

    def held(minutes: float, east_deg: float, name: str, error_m: float = 500.0) -> list[str]:
        at = NOON + timedelta(minutes=minutes)
        where = msgspec.structs.replace(seen("north", "own", east_deg, error_m), time=at, time_error_s=0.0)
        said = north.do(commands.HoldPosition(at, "north", "p1", name, where, Intent.CORRECTING))
        return [str(event.__struct_config__.tag) for event in said]

    assert held(5, 0.0, "d1") == []
    assert held(6, 0.12, "d1", error_m=3_000.0) == [], "it may be inside"
    assert held(7, 0.2, "d1") == ["own_aircraft_outside", "deviation_reported"]
    assert held(8, 0.3, "d2") == [], "reported once"
    (told,) = south.claims.deviations.values()
    assert (told.late_by_s, told.deviation.left_at, told.over) == (0.0, NOON + timedelta(minutes=7), None)
    assert "p1" not in repr(told), "the plan's name is not told"
    assert held(9, 0.0, "d2") == ["own_aircraft_inside", "deviation_ended"]
    (told,) = south.claims.deviations.values()
    assert told.over is not None
    assert held(10, 0.3, "d2") == ["own_aircraft_outside", "deviation_reported"]
    assert vars(north.replayed()) == vars(north.claims)
    with pytest.raises(Refusal, match="a plan of ours"):
        north.do(commands.HoldPosition(NOON, "north", "none", "d3", seen("north", "own"), Intent.CORRECTING))


@pytest.mark.parametrize("function", [SafetyFunction.REQUESTS, SafetyFunction.INCIDENTS])
def test_while_suspended_only_what_the_accord_keeps_goes_on(function: SafetyFunction) -> None:
    north, south = World(keeps=(function,))
    north.observes()
    north.suspends("south")
    if function is SafetyFunction.REQUESTS:
        north.asks("south", "r1", "o1")
        with pytest.raises(Refusal, match="that lets incidents go on"):
            north.reports("south", "i1")
        with pytest.raises(Refusal, match="that lets incidents go on"):
            north.states("south", "north", "e1", "words")
    else:
        north.reports("south", "i1")
        with pytest.raises(Refusal, match="that lets requests go on"):
            north.asks("south", "r1", "o1")
        with pytest.raises(Refusal, match="that lets requests go on"):
            north.do(commands.ShareObservation(NOON, "north", "south", "o1"))
    assert len(south.claims.requests) + len(south.claims.incidents) == 1


def test_what_a_peer_does_not_take_while_suspended_is_told_to_it() -> None:
    """South has suspended and north has not heard of it yet."""
    north, south = World(keeps=())
    south.suspends("north")
    north.observes()
    north.asks("south", "r1", "o1")
    north.reports("south", "i1")
    north.states("south", "north", "e1", "words")
    assert not south.claims.requests
    assert not south.claims.incidents
    assert not south.claims.occurrences
    assert south.claims.not_taken == {"north": 4}
    assert request(north, "south", "north").not_taken is NotTakenBecause.SUSPENDED
    assert incident(north, "south", "north").not_taken is NotTakenBecause.SUSPENDED
    north.world.passes(100 * HOUR_S)
    assert north.ticks() == [], "nothing is awaited of what was not taken"


def test_own_words_only_where_the_accord_allows_them() -> None:
    north, south = World(free_text=False)
    with pytest.raises(Refusal, match="free_text"):
        north.states("south", "north", "e1", "words")
    structured = Statement("north", "e1", "north", 1, NOON, volume=volume(), evidence_sha256=(EVIDENCE,))
    north.do(commands.MakeStatement(NOON, "north", "south", structured))
    assert south.claims.occurrences
    north.observes()
    north.asks("south", "r1", "o1")
    with pytest.raises(Refusal, match="free_text"):
        answered(south, "north", words="no")


def test_what_one_peer_told_is_nothing_to_another() -> None:
    """South has accords with north and west, who have none with each other (R49)."""
    world = World(3)
    north, south, west = world
    north.gives("n1", Meaning.KEEP_OUT)
    south.observes()
    south.do(commands.ShareObservation(NOON, "south", "west", "o1"))
    assert [v.party for v in south.claims.observations[("south", "o1")].ours] == ["north"]
    assert west.claims.observations[("south", "o1")].theirs == {"south": ()}
    with pytest.raises(Refusal, match="an observation that both sides know"):
        south.asks("west", "r2", "o1", party="north")
    with pytest.raises(Refusal, match="a paired party"):
        north.asks("west", "r1", "o1")
    south.asks("north", "r3", "o1")
    south.hear("west", *write_tagged(AnswerClaim(Answer("r3", "west", AnswerKind.OURS, NOON))))
    assert [refusal.field for refusal in south.refused] == ["request_id"], "what north was asked, west does not answer"
    assert south.claims.requests[("north", "south", "r3")].is_open


def test_verdicts_name_no_notice_that_the_other_side_was_not_told(sides: tuple[Side, Side]) -> None:
    """A zone that was agreed with somebody else, a notice from before there was an accord, one given in suspension."""
    north, south = sides

    def keeps(name: str, changed_at: datetime, state: NoticeState, agreed_with: str | None = None) -> None:
        notice = Notice(name, "north", Meaning.KEEP_OUT, volume(), NOON, agreed_with=agreed_with)
        north.picture.notices[("north", name)] = NoticeRecord(notice, 1, state, 0.0, changed_at)

    later = NOON + timedelta(hours=2)
    keeps("zone-with-west", NOON, NoticeState.IN_FORCE, "west")
    keeps("zone-with-south", NOON, NoticeState.IN_FORCE, "south")
    keeps("long-over", NOON, NoticeState.EXPIRED)
    keeps("over-since", later, NoticeState.EXPIRED)
    keeps("in-force", NOON, NoticeState.IN_FORCE)
    for number in range(2):
        if number:
            north.suspends("south")
        south.observes(f"o{number}")
        south.do(commands.ShareObservation(NOON, "south", "north", f"o{number}"))
    told = [{v.notice_id for v in south.claims.observations[("south", f"o{n}")].theirs["north"]} for n in (0, 1)]
    assert told == [{"zone-with-south", "over-since", "in-force"}, set()]


def hostile(world: World) -> list[tuple[str, bytes]]:
    """What west's neighbour may sign and must not get away with."""
    fine = Request("r9", "south", AreaAndTime(volume()), NOON, ACCORD)
    bow_tie = Polygon((Position(0, 0), Position(1, 1), Position(1, 0), Position(0, 1)))
    crossed = msgspec.structs.replace(volume(), area=bow_tie)
    kind, body = write_tagged(RequestClaim(fine))
    return [
        (kind, b""),
        (kind, b"[" * 100_000),
        (kind, b" " * 300_000),
        (kind, body.replace(b'"r9"', b'"../r9"')),
        ("claim_answer", body),
        write_tagged(RequestClaim(msgspec.structs.replace(fine, party="north"))),
        write_tagged(RequestClaim(msgspec.structs.replace(fine, party=""))),
        write_tagged(ObservationClaim(seen("south"), (NoticeVerdict("south", "n" * 300_000, Verdict.INSIDE),))),
        write_tagged(RequestClaim(msgspec.structs.replace(fine, about=SeenHere("north", "o1")))),
        write_tagged(RequestClaim(msgspec.structs.replace(fine, about=AreaAndTime(crossed)))),
        write_tagged(AnswerClaim(Answer("r1", "south", AnswerKind.OURS, NOON))),
        write_tagged(AnswerClaim(Answer("r1", "north", AnswerKind.OURS, NOON))),
        write_tagged(NotTakenClaim("claim_request", "r1", NotTakenBecause.TOO_MANY)),
        ("claim_verdicts", b'{"message":"claim_verdicts","observation_id":"o1","verdicts":[]}'),
    ]  # fmt: skip


def test_a_hostile_peer_is_refused_each_time_and_changes_nothing() -> None:
    """Malformed, oversize, speaking for others, answering what nobody asked it."""
    world = World()
    north, _ = world
    north.observes()
    before = copy.deepcopy(vars(north.claims))
    messages = hostile(world)
    for kind, body in messages:
        north.hear("south", kind, body)
    assert len(north.refused) == len(messages)
    assert vars(north.claims) == before
    north.hear("west", *write_tagged(RequestClaim(Request("r1", "west", AreaAndTime(volume()), NOON, ACCORD))))
    assert len(north.refused) == len(messages) + 1, "a party with whom there is no accord"


def test_another_content_under_the_same_id_is_refused(sides: tuple[Side, Side]) -> None:
    north, south = sides
    south.reports("north", "i1")
    held = incident(north, "south", "south").incident
    for other in (held, msgspec.structs.replace(held, requested_action=RequestedAction.MEET)):
        north.hear("south", "claim_incident", msgspec.json.encode({"message": "claim_incident", "incident": other}))
    assert len(north.refused) == 1
    assert incident(north, "south", "south").incident == held


def test_a_flood_is_bounded_and_an_honest_peer_knows_the_bound(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = sides
    for number in range(taking.MOST_OPEN):
        asked = Request(f"r{number}", "north", AreaAndTime(volume()), NOON, ACCORD)
        north.do(commands.AskRequest(NOON, "north", "south", asked))
    with pytest.raises(Refusal, match="fewer than 100"):
        north.do(
            commands.AskRequest(NOON, "north", "south", Request("more", "north", AreaAndTime(volume()), NOON, ACCORD))
        )
    flood = Request("flood", "north", AreaAndTime(volume()), NOON, ACCORD)
    south.hear("north", *write_tagged(RequestClaim(flood)))
    assert ("north", "north", "flood") not in south.claims.requests
    assert south.claims.not_taken == {"north": 1}
    monkeypatch.setattr(taking, "MOST_A_DAY", taking.MOST_OPEN + 3)
    for number in range(5):
        north.observes(f"o{number}")
        north.do(commands.ShareObservation(NOON, "north", "south", f"o{number}"))
    assert len(south.claims.observations) == 3
    assert set(north.claims.observations[("north", "o4")].not_taken) == {"south"}
    north.world.passes(25 * HOUR_S)
    north.observes("next-day")
    north.do(commands.ShareObservation(NOON, "north", "south", "next-day"))
    assert ("north", "next-day") in south.claims.observations


def test_a_peer_has_so_much_kept_at_the_most_and_more_once_it_is_over(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = sides

    def tells(name: str) -> bool:
        north.observes(name)
        north.do(commands.ShareObservation(north.world.now, "north", "south", name))
        return ("north", name) in south.claims.observations

    assert tells("first")
    monkeypatch.setattr(taking, "MOST_BYTES", 2 * south.claims.heard_bytes["north"])
    assert tells("second")
    assert not tells("third")
    assert set(north.claims.observations[("north", "third")].not_taken) == {"south"}
    assert north.claims.heard_bytes.get("south", 0) == 0, "what is our own counts for nobody"
    south.room.forget(NOON)
    assert not tells("fourth")
    south.room.forget(NOON + timedelta(hours=1))
    assert south.claims.heard_bytes == {"north": 0}
    assert tells("fifth")


def test_a_restart_finds_everything_as_it_was(sides: tuple[Side, Side]) -> None:
    north, south = sides
    south.gives("n1")
    north.observes()
    north.asks("south", "r1", "o1")
    answered(south, "north", AnswerKind.CANNOT_TELL)
    north.reports("south", "i1")
    replied(south, "north", ReplyKind.ACCEPT)
    north.states("south", "north", "i1", "Thank you.")
    for side in sides:
        assert vars(side.replayed()) == vars(side.claims)


@pytest.mark.parametrize(
    "change",
    [
        {"evidence_sha256": ()}, {"evidence_sha256": ("no hash",)}, {"words": "x" * 1_001}, {"words": "\x07"},
        {"incident_id": "no id"}, {"evidence_sha256": (EVIDENCE,) * 17},
    ],
)  # fmt: skip
def test_an_incident_that_is_not_in_order_is_refused(change: dict[str, object]) -> None:
    fields: dict[str, object] = {
        "incident_id": "i1", "party": "north", "incident_class": IncidentClass.LASER, "volume": volume(),
        "evidence_sha256": (EVIDENCE,), "requested_action": RequestedAction.EXPLAIN, "reported_at": NOON,
        "accord_hash": ACCORD,
    }  # fmt: skip
    with pytest.raises(Refusal):
        Incident(**{**fields, **change})  # type: ignore[arg-type]
