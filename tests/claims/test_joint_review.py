"""Joint statistics: the same bytes from two journals however they came about, and the counts that the claims give."""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections import Counter
from datetime import datetime, timedelta

import msgspec
import pytest
from claims_world import ACCORD, NOON, TERMS, Side, World, volume
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.airspace.refusal import Refusal
from detente.claims import commands
from detente.claims.claims import (
    Answer,
    AnswerKind,
    ClosedAs,
    Deviation,
    IncidentClass,
    IncidentClosing,
    IncidentReply,
    Intent,
    RefusedBecause,
    ReplyKind,
)
from detente.claims.decide_reviews import MOST_REVIEWS_A_DAY
from detente.claims.joint_review import Exchanged, review_of
from detente.claims.peer_messages import JointReviewClaim
from detente.claims.review import canonical_text, first_difference, read_review
from detente.claims.review_claim import CutMark, ReviewClaim
from detente.claims.state import IncidentRecord, RequestRecord
from detente.line.messages import LineMessage
from detente.line.peer_messages import CodedMessage, TakenMessage
from detente.picture.messages import (
    NoticeGivenMessage,
    PlanActivatedMessage,
    PlanEndedMessage,
    PlanWithdrawnMessage,
)
from detente.picture.notices import Meaning, Notice
from detente.room.message import Heard
from detente.room.tagged import write_tagged

LANE, PLANNING = "1" * 64, ACCORD
START, END = NOON, NOON + timedelta(days=7)

steps = st.lists(
    st.tuples(
        st.sampled_from(["observe", "ask", "answer", "report", "reply", "close", "state", "deviate", "notice", "stop",
                         "take", "fly", "land", "wait"]),
        st.booleans(), st.integers(0, 1), st.integers(0, 5),
    ),
    min_size=40,
    max_size=60,
)  # fmt: skip


def act(world: World, what: str, side: Side, other: Side, number: int, choice: int) -> None:
    """One thing that a side does; what may not be done now is not done."""
    at, name, peer = world.now, side.name, other.name
    match what:
        case "wait":
            world.passes(1_800.0 * (1 + choice))
        case "observe":
            side.observes(f"o{number}", east_deg=0.02 * choice)
            side.do(commands.ShareObservation(at, name, peer, f"o{number}"))
        case "ask":
            side.asks(peer, f"r{number}", f"o{choice % 4}", party=peer if choice > 3 else name)
        case "answer":
            kind = list(AnswerKind)[choice % 5]
            reason = RefusedBecause.NO_RECORD if kind is AnswerKind.REFUSED else None
            side.do(commands.AnswerRequest(at, name, peer, Answer(f"r{number}", name, kind, at, reason)))
        case "report":
            side.reports(peer, f"i{number}", list(IncidentClass)[choice])
        case "reply":
            reply = list(ReplyKind)[choice % 4]
            due = at + timedelta(days=1) if reply is ReplyKind.UNDER_INVESTIGATION else None
            side.do(commands.ReplyToIncident(at, name, peer, IncidentReply(f"i{number}", name, reply, at, due)))
        case "close":
            closing = IncidentClosing(f"i{number}", name, ClosedAs.SETTLED, at)
            side.do(commands.CloseIncident(at, name, peer, closing))
        case "state":
            side.states(peer, name if choice < 3 else peer, f"i{number}", "Own words.")
        case "deviate":
            left = at - timedelta(seconds=2.0 * choice)
            deviation = Deviation(f"d{number}", name, volume(), left, at, Intent.CORRECTING, ACCORD)
            side.do(commands.ReportDeviation(at, name, peer, deviation))
        case _:
            world.carried.append((at, name, *on_the_wire(what, at, name, peer, number, choice)))


def on_the_wire(what: str, at: datetime, name: str, peer: str, number: int, choice: int) -> tuple[str, bytes]:
    """What planning and the line say."""
    match what:
        case "notice":
            where = volume(start_s=1_000.0 * choice)
            return write_tagged(NoticeGivenMessage(Notice(f"n{number}", name, list(Meaning)[choice % 5], where, at)))
        case "stop":
            code = "stop" if choice < 3 else "radio_check"
            return write_tagged(CodedMessage(LineMessage(name, peer, number + 1, code, at)))
        case "take":
            return write_tagged(TakenMessage(f"{peer}:{number + 1}", "watch"))
        case "fly":
            return write_tagged(PlanActivatedMessage(f"p{number}"))
        case _:
            return write_tagged(PlanEndedMessage(f"p{number}") if choice < 3 else PlanWithdrawnMessage(f"p{number}"))


def played(script: list[tuple[str, bool, int, int]]) -> tuple[World, list[Exchanged]]:
    """Two sides after a script, and every envelope that they sent, numbered on its link."""
    world = World()
    north, south = world
    begun = [
        (what, by_north, 0, 0) for what in ("observe", "ask", "report", "fly", "stop") for by_north in (True, False)
    ]
    for what, by_north, number, choice in (*begun, *script):
        world.passes(30.0)
        side, other = (north, south) if by_north else (south, north)
        with contextlib.suppress(Refusal):
            act(world, what, side, other, number, choice)
    numbers: Counter[tuple[str, str]] = Counter()
    envelopes = []
    for at, sender, kind, body in world.carried:
        link = LANE if kind.startswith(("claim", "line")) else PLANNING
        numbers[link, sender] += 1
        envelopes.append(Exchanged(link, sender, numbers[link, sender], at, kind, body))
    return world, envelopes


def cut_at(envelopes: list[Exchanged], hold_back: int = 0) -> tuple[CutMark, ...]:
    last: Counter[tuple[str, str]] = Counter()
    for envelope in envelopes:
        last[envelope.accord_hash, envelope.sender] = envelope.number
    return tuple(sorted(CutMark(*link, number - hold_back) for link, number in last.items() if number > hold_back))


def text_of(envelopes: list[Exchanged], cut: tuple[CutMark, ...], start: datetime = START) -> str:
    names = ("north", "south") if random.random() < 0.5 else ("south", "north")
    return canonical_text(review_of(names, start, END, cut, envelopes, {ACCORD: TERMS}))


@settings(max_examples=20)
@given(steps, st.randoms(use_true_random=False), st.integers(0, 3), st.integers(0, 50_000))
def test_two_journals_give_the_same_bytes_whatever_came_first(
    script: list[tuple[str, bool, int, int]], chance: random.Random, hold_back: int, later_s: int
) -> None:
    """Each journal holds its own order, and more of its own direction than the other side has heard of."""
    _, envelopes = played(script)
    cut = cut_at(envelopes, hold_back)
    marks = {(mark.accord_hash, mark.sender): mark.last for mark in cut}
    texts = []
    for holder in ("north", "south"):
        journal = [
            e for e in envelopes
            if e.sender == holder or e.number <= marks.get((e.accord_hash, e.sender), 0) + chance.randint(0, hold_back)
        ]  # fmt: skip
        chance.shuffle(journal)
        texts.append(text_of(journal, cut, START + timedelta(seconds=later_s)))
    assert texts[0] == texts[1]
    assert first_difference(*texts) is None
    assert canonical_text(read_review(texts[0])) == texts[0]


@settings(max_examples=20)
@given(steps)
def test_the_counts_are_those_of_the_claims_as_both_sides_hold_them(script: list[tuple[str, bool, int, int]]) -> None:
    """The other way to count: from the records that the events were folded into."""
    world, envelopes = played(script)
    found = read_review(text_of(envelopes, cut_at(envelopes)))
    for side in world:
        for name, counts in found.parties.items():
            peer = next(iter(side.peers))
            requests = [r for r in side.claims.requests.values() if r.request.party == name]
            assert counts.requests == dict(Counter(outcome(r) for r in requests))
            incidents = [i for i in side.claims.incidents.values() if i.incident.party == name]
            by_class = Counter((str(i.incident.incident_class), incident_outcome(i)) for i in incidents)
            assert {(c, o): n for c, of in counts.incidents.items() for o, n in of.items()} == dict(by_class)
            stated = [s for o in side.claims.occurrences.values() for s in o.statements if s.party == name]
            assert counts.statements == len(stated)
            late = [d.late_by_s > 0 for d in side.claims.deviations.values() if d.deviation.party == name]
            assert (counts.deviations, counts.deviations_late) == (len(late), sum(late))
            seen = [o for (who, _), o in side.claims.observations.items() if who == name]
            told = [o for o in seen if name == peer or peer in o.shared_with]
            assert counts.observations == len(told)


def outcome(record: RequestRecord) -> str:
    if not record.answers:
        return "overdue" if record.due < END else "open"
    return "refused" if record.refused else "answered_late" if record.late else "answered_in_time"


def incident_outcome(record: IncidentRecord) -> str:
    if record.replies:
        return str(record.replies[-1].reply)
    return "overdue" if record.due < END else "open"


def test_late_notices_flights_and_the_time_to_the_first_person() -> None:
    at = NOON
    terms = msgspec.structs.replace(TERMS, lead_times_s={"keep_out": 3_600.0})

    def sent(sender: str, number: int, after_s: float, said: tuple[str, bytes], link: str = PLANNING) -> Exchanged:
        return Exchanged(link, sender, number, at + timedelta(seconds=after_s), *said)

    def notice(name: str, start_s: float) -> tuple[str, bytes]:
        return write_tagged(
            NoticeGivenMessage(Notice(name, "north", Meaning.KEEP_OUT, volume(start_s=start_s, end_s=9_999), at))
        )

    stop = LineMessage("south", "north", 1, "stop", at)
    _, body = write_tagged(PlanWithdrawnMessage("p"))
    envelopes = [
        sent("north", 1, 0, notice("late", 3_599.0)), sent("north", 2, 1, notice("in-time", 3_600.0)),
        sent("north", 3, 2, notice("late", 3_599.0)),
        sent("north", 4, 10, write_tagged(PlanActivatedMessage("p"))),
        sent("north", 5, 70, write_tagged(PlanEndedMessage("p"))),
        sent("north", 6, 80, ("notice_given", b"{}")),
        sent("south", 1, 0, write_tagged(CodedMessage(stop)), LANE),
        sent("north", 1, 12.5, write_tagged(TakenMessage("south:1", "senior")), LANE),
        sent("north", 2, 20, write_tagged(TakenMessage("south:1", "watch")), LANE),
    ]  # fmt: skip
    found = review_of(("north", "south"), START, END, cut_at(envelopes), envelopes, {ACCORD: terms})
    north, south = found.parties["north"], found.parties["south"]
    assert (north.notices, north.notices_late, north.plans_active_s) == ({"keep_out": 2}, 1, 60)
    assert north.unreadable == 1
    assert (south.stops, south.stops_acknowledged, south.stop_to_human_longest_ms) == (1, 1, 12_500)
    assert found.envelopes == 9
    withdrawn = [e if e.kind != "plan_ended" else e._replace(kind="plan_withdrawn", body=body) for e in envelopes]
    again = review_of(("north", "south"), START, END, cut_at(withdrawn), withdrawn, {ACCORD: terms})
    assert again.parties["north"].plans_active_s == 60, "withdrawn while it was flown"
    half = review_of(("north", "south"), at + timedelta(seconds=40), END, cut_at(envelopes), envelopes, {ACCORD: terms})
    assert half.parties["north"].plans_active_s == 30, "only what was in the period"


def test_the_first_difference_is_named() -> None:
    _, envelopes = played([("report", True, 1, 0), ("reply", False, 1, 1)])
    ours = text_of(envelopes, cut_at(envelopes))
    theirs = ours.replace('"reject":1', '"accept":1')
    found = first_difference(ours, theirs)
    assert found is not None
    assert (found.place, found.ours, found.theirs) == (
        "parties.north.incidents.loss_of_separation.accept", "(nothing)", "1",
    )  # fmt: skip
    for other in ("", "[" * 5_000, ours + " ", "[]", "null"):
        assert first_difference(ours, other) is not None


def claim(party: str, document: str, proposer: str = "north", end: datetime = END) -> ReviewClaim:
    digest = hashlib.sha256(document.encode()).hexdigest()
    return ReviewClaim(proposer, party, START, end, (CutMark(ACCORD, "north", 1),), document, digest)


def test_both_sides_hold_both_documents_and_nobody_says_the_others() -> None:
    north, south = World()
    north.do(commands.SayReview(NOON, "north", "south", claim("north", "{}")))
    south.do(commands.SayReview(NOON, "south", "north", claim("south", "[]")))
    (here,), (there,) = north.claims.reviews.values(), south.claims.reviews.values()
    assert here.equal is there.equal is False
    assert (here.ours, here.theirs) == (there.theirs, there.ours)
    for wrong in (claim("north", "1"), claim("south", "1"), claim("south", "2", proposer="west")):
        with pytest.raises(Refusal):
            north.do(Heard(NOON, "south", JointReviewClaim(wrong)))
    with pytest.raises(Refusal, match="SHA-256 of the document"):
        msgspec.structs.replace(claim("south", "{}"), document="[]")


def test_a_peer_cannot_keep_a_node_counting_all_day() -> None:
    north, south = World()
    for number in range(MOST_REVIEWS_A_DAY + 3):
        proposed = claim("south", "{}", "south", END + timedelta(hours=number))
        south.do(commands.SayReview(NOON, "south", "north", proposed))
    assert len(north.claims.reviews) == MOST_REVIEWS_A_DAY
    assert north.claims.not_taken == {"south": 3}
    assert sum(record.not_taken is not None for record in south.claims.reviews.values()) == 3


def test_a_review_is_due_as_often_as_the_accord_says_and_one_side_proposes_it() -> None:
    north, south = World()
    week = timedelta(days=7)
    assert list(north.room.reviews_due(NOON + week - timedelta(seconds=1))) == []
    assert list(north.room.reviews_due(NOON + week)) == [("south", NOON, NOON + week)]
    assert list(south.room.reviews_due(NOON + week)) == [], "the party whose name sorts first proposes"
    north.world.now = NOON + week
    north.do(commands.SayReview(NOON + week, "north", "south", due_claim(NOON, NOON + week)))
    assert list(north.room.reviews_due(NOON + week + timedelta(days=6))) == []
    assert list(north.room.reviews_due(NOON + 3 * week)) == [("south", NOON + week, NOON + 2 * week)]
    north.suspends("south")
    assert list(north.room.reviews_due(NOON + 3 * week)) == []


def due_claim(start: datetime, end: datetime) -> ReviewClaim:
    return msgspec.structs.replace(claim("north", "{}"), start=start, end=end)
