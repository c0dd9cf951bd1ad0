"""What officers and authorities do all day: plausible acts, drawn from the seed, and now and then a wrong one.

An act looks at what its node shows and gives a command, or nothing when there is nothing of the kind to do. A wrong act
must be refused: it is tried like any other, and somebody looks that it was.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.joint_resolution import whole
from detente.airspace.plan import Circle, Containment, Plan, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.claims import commands as claims
from detente.claims.claims import (
    Answer,
    AnswerKind,
    ClosedAs,
    Deviation,
    DeviationOver,
    Incident,
    IncidentClass,
    IncidentClosing,
    IncidentReply,
    Intent,
    ReplyKind,
    Request,
    RequestedAction,
    SeenHere,
    Statement,
)
from detente.details.commitment import CommitmentOpening
from detente.details.details import CommitDetails, GiveDetails
from detente.line import commands as line
from detente.line import parameters as said
from detente.line.messages import ReceiptKind
from detente.line.phrases import MessageClass, phrase_table
from detente.line.read_back import Units
from detente.members.coalition import AcknowledgeMember, AddMember, RemoveMember, TellMember
from detente.members.matters import Matter, MatterKind, notice_reference
from detente.picture import commands as picture
from detente.picture.notices import Meaning, Notice, NoticeState, Others
from detente.picture.observations import Observation
from detente.picture.picture import PlanState
from detente.tasks.settlement import proposal, to_answer, turn_of
from detente.zones.messages import ZoneAccepted, ZoneProposed, ZoneRefused, ZoneReleased
from detente.zones.talks import SayZone, next_number
from detente.zones.terms import ZoneTerms, version_of

if TYPE_CHECKING:
    from node_parts import NodeParts

POSTS = ("watch", "senior", "command")
SITES = 6
EVIDENCE = "e1" * 32
Act = Callable[["Officer", "NodeParts"], "object | None"]


class Officer:
    """Who acts for one party: what he draws from, and the names that he has used up.

    `names_plans` says whether he gives notice of his own plans by name.
    """

    def __init__(self, party: str, peers: tuple[str, ...], chance: random.Random) -> None:
        self.party = party
        self.peers = peers
        self.chance = chance
        self.names_plans = True
        self._count = 0

    def name(self, what: str) -> str:
        """Return a name that was not used before."""
        self._count += 1
        return f"{self.party}-{what}{self._count}"

    def peer(self) -> str:
        return self.chance.choice(self.peers)

    def volume(self, at: datetime) -> Volume4D:
        """A disc at one of a few sites, so that much of what is drawn meets."""
        chance = self.chance
        lower_m = chance.choice((600.0, 1500.0, 1800.0, 3000.0))
        band = AltitudeBand(_metres(lower_m), _metres(lower_m + chance.choice((100.0, 600.0))))
        start = at + timedelta(seconds=chance.choice((-60, 30, 120, 300, 900)))
        window = TimeWindow(start, start + timedelta(seconds=chance.choice((120, 300, 900))))
        return Volume4D(Circle(self.place(), chance.choice((1_000.0, 5_000.0))), band, window)

    def place(self) -> Position:
        site = self.chance.randrange(SITES)
        return Position(34.0 + 0.05 * self.chance.randrange(2), 20.0 + 0.2 * site)

    def plan(self, plan_id: str, at: datetime) -> Plan:
        if self.chance.random() < 0.5:
            return Plan(plan_id, (self.volume(at),))
        start, place = at + timedelta(seconds=self.chance.choice((60, 300, 600))), self.place()
        level_m = self.chance.choice((700.0, 1600.0, 3100.0))
        legs = [
            Waypoint(Position(place.latitude_deg + 0.1 * i, place.longitude_deg + 0.15 * i), _metres(level_m + 100 * i),
                     start + timedelta(seconds=300 * i))
            for i in range(3)
        ]  # fmt: skip
        return Plan(plan_id, Trajectory(tuple(legs), Containment(500.0, 50.0, 15.0)))


def _metres(value: float) -> Altitude:
    return Altitude(value, AltitudeUnit.METRE, MeanSeaLevel())


def _pick(officer: Officer, found: list) -> object | None:
    return officer.chance.choice(found) if found else None


# Plans and notices.


def import_plans(o: Officer, node: NodeParts) -> object:
    at = node.loop.clock()
    own = [r.plan.plan_id for (party, _), r in node.picture.plans.items() if party == o.party and r.live]
    names = [o.name("p") for _ in range(o.chance.randrange(1, 3))]
    if own and o.chance.random() < 0.4:
        names.append(o.chance.choice(own))
    return picture.ImportPlans(at, o.party, tuple(o.plan(name, at) for name in names))


def _own_plan(o: Officer, node: NodeParts, *states: PlanState) -> str | None:
    return _pick(o, [n for (party, n), r in node.picture.plans.items() if party == o.party and r.state in states])


def amend_plan(o: Officer, node: NodeParts) -> object | None:
    name = _own_plan(o, node, PlanState.DECLARED, PlanState.ACTIVE)
    return name and picture.AmendPlan(node.loop.clock(), o.party, o.plan(name, node.loop.clock()))


def withdraw_plan(o: Officer, node: NodeParts) -> object | None:
    name = _own_plan(o, node, PlanState.DECLARED)
    return name and picture.WithdrawPlan(node.loop.clock(), o.party, name)


def activate_plan(o: Officer, node: NodeParts) -> object | None:
    name = _own_plan(o, node, PlanState.DECLARED)
    return name and picture.ActivatePlan(node.loop.clock(), o.party, name)


def end_plan(o: Officer, node: NodeParts) -> object | None:
    name = _own_plan(o, node, PlanState.ACTIVE)
    return name and picture.EndPlan(node.loop.clock(), o.party, name)


def _notice(o: Officer, node: NodeParts, notice_id: str) -> Notice:
    at, meaning = node.loop.clock(), o.chance.choice(list(Meaning))
    others = o.chance.choice(list(Others)) if meaning is Meaning.NOTHING_OF_OURS_HERE else None
    plan_id = (
        _own_plan(o, node, PlanState.DECLARED, PlanState.ACTIVE) if o.names_plans and o.chance.random() < 0.3 else None
    )
    return Notice(notice_id, o.party, meaning, o.volume(at), at, plan_id, others)


def give_notice(o: Officer, node: NodeParts) -> object:
    return picture.GiveNotice(node.loop.clock(), o.party, _notice(o, node, o.name("n")))


def _own_notice(o: Officer, node: NodeParts) -> str | None:
    return _pick(o, [
        n for (party, n), r in node.picture.notices.items()
        if party == o.party and r.state is NoticeState.IN_FORCE and r.notice.agreed_with is None
    ])  # fmt: skip


def amend_notice(o: Officer, node: NodeParts) -> object | None:
    name = _own_notice(o, node)
    return name and picture.AmendNotice(node.loop.clock(), o.party, _notice(o, node, name))


def cancel_notice(o: Officer, node: NodeParts) -> object | None:
    name = _own_notice(o, node)
    return name and picture.CancelNotice(node.loop.clock(), o.party, name)


# Measures.


def propose_measure(o: Officer, node: NodeParts) -> object | None:
    record = _pick(o, [r for r in node.picture.conflicts.values() if turn_of(r) == o.party])
    if record is None:
        return None
    at, peer = node.loop.clock(), record.conflict.other(o.party).party
    return whole(
        proposal(node.picture, record, at, 6, lambda plan_id: node.loop.disclosure.tells_openly(peer, plan_id, at))
    )


def answer_measure(o: Officer, node: NodeParts) -> object | None:
    measure = _pick(o, to_answer(node.picture))
    if measure is None:
        return None
    if o.chance.random() < 0.7:
        return picture.AcceptMeasure(node.loop.clock(), o.party, measure)
    return picture.RefuseMeasure(node.loop.clock(), o.party, measure, "not now")


# The line.


def _value(o: Officer, kind: str, at: datetime) -> said.Value:
    chance = o.chance
    match kind:
        case "place":
            return said.Place(o.place())
        case "height":
            return said.Height(_metres(1500.0))
        case "block":
            return said.Block(AltitudeBand(_metres(600.0), _metres(3000.0)))
        case "moment":
            return said.Moment(at + timedelta(seconds=chance.choice((-30, 60, 600))))
        case "window":
            return said.Window(TimeWindow(at, at + timedelta(seconds=chance.choice((300, 1800)))))
        case "length":
            return said.Length(chance.choice((2.0, 5.0)), said.LengthUnit.NAUTICAL_MILE)
        case "bearing":
            return said.Bearing(chance.randrange(360))
        case "frequency":
            return said.Frequency(121_500)
        case "duration":
            return said.Duration(chance.choice((30, 600)))
        case "reference":
            return said.Reference(f"{o.party}-p1")
        case _:
            return said.Spoken(said.LineLanguage.ENGLISH)


def _line_message(o: Officer, node: NodeParts, classes: frozenset[MessageClass]) -> object:
    table, at = phrase_table(), node.loop.clock()
    code = o.chance.choice(sorted(name for name, code in table.codes.items() if code.message_class in classes))
    values = tuple(said.Parameter(name, _value(o, kind, at)) for name, kind in table.codes[code].parameters.items())
    return line.SendLineMessage(at, o.party, o.peer(), code, values, confirmed_by=POSTS[1])


def send_stop(o: Officer, node: NodeParts) -> object:
    return _line_message(o, node, frozenset({MessageClass.STOP}))


def send_message(o: Officer, node: NodeParts) -> object:
    return _line_message(o, node, frozenset(MessageClass) - {MessageClass.STOP})


def attend_message(o: Officer, node: NodeParts) -> object | None:
    """Somebody at a post looks at a peer's message: takes it, reads it back, passes it on."""
    at, post = node.loop.clock(), o.chance.choice(POSTS)
    record = _pick(o, [r for r in node.line.messages.values() if not r.is_ours])
    if record is None:
        return None
    key = (record.peer, record.message.message_id)
    if record.key in node.line.waiting and o.chance.random() < 0.6:
        return line.TakeLineMessage(at, o.party, *key, post)
    if not record.has(ReceiptKind.DISPLAYED):
        return line.DisplayLineMessage(at, o.party, *key, post)
    if phrase_table().code(record.message.code).read_back and not record.has(ReceiptKind.READ_BACK):
        return line.ReadBackLineMessage(at, o.party, *key, post, Units())
    return line.PassOnLineMessage(at, o.party, *key, post, "all units")


def take_watch(o: Officer, node: NodeParts) -> object:
    return line.TakeWatch(
        node.loop.clock(), o.party, o.chance.choice(POSTS), o.name("shift"), (said.LineLanguage.ENGLISH,)
    )


def leave_watch(o: Officer, node: NodeParts) -> object | None:
    post = _pick(o, sorted(node.line.watches))
    return post and line.LeaveWatch(node.loop.clock(), o.party, post)


def check_line(o: Officer, node: NodeParts) -> object:
    return line.CheckLine(node.loop.clock(), o.party, o.peer())


def take_alarms(o: Officer, node: NodeParts) -> object | None:
    peer = _pick(
        o, [name for name, held in sorted(node.line.peers.items()) if any(not a.taken_by for a in held.alarms)]
    )
    return peer and line.TakeAlarms(node.loop.clock(), o.party, peer, POSTS[0])


# Zones.


def talk_of_zone(o: Officer, node: NodeParts) -> object | None:
    at, peer = node.loop.clock(), o.peer()
    records = [r for (with_, _), r in node.zones.records.items() if with_ == peer]
    record = _pick(o, records) if o.chance.random() < 0.7 else None
    if record is None or o.chance.random() < 0.2:
        zone_id = o.name("z") if record is None else record.zone_id
        shape, owner = (
            o.volume(at),
            o.party if record is None or not record.versions else record.versions[0].terms.owner,
        )
        terms = ZoneTerms(owner, o.chance.choice(list(Meaning)), shape.area, shape.altitude, shape.time)
        return SayZone(
            at, peer, ZoneProposed(o.party, at, POSTS[0], zone_id, terms, next_number(record))
        )  # fmt: skip
    theirs = [v for v in record.pending if v.proposed.party != o.party]
    version = _pick(o, theirs)
    if version is not None and o.chance.random() < 0.8:
        name = version_of(record.zone_id, version.terms)
        message = ZoneAccepted(o.party, at, POSTS[0], record.zone_id, name)
        if o.chance.random() < 0.3:
            message = ZoneRefused(o.party, at, POSTS[0], record.zone_id, name, "too wide")
        return SayZone(at, peer, message)
    return SayZone(at, peer, ZoneReleased(o.party, at, POSTS[0], record.zone_id, "no longer needed"))


# Claims.


def _accord_with(node: NodeParts, peer: str) -> str | None:
    return node.claims.accords.get(peer)


def observe(o: Officer, node: NodeParts) -> object:
    at = node.loop.clock()
    observation = Observation(
        o.name("o"), o.party, o.place(), 500.0, _metres(1600.0), 100.0, at - timedelta(seconds=20), 5.0, EVIDENCE
    )
    return claims.MakeObservation(at, o.party, observation)


def _own_observation(o: Officer, node: NodeParts) -> str | None:
    return _pick(o, [name for party, name in node.claims.observations if party == o.party])


def share_observation(o: Officer, node: NodeParts) -> object | None:
    name = _own_observation(o, node)
    return name and claims.ShareObservation(node.loop.clock(), o.party, o.peer(), name)


def ask_request(o: Officer, node: NodeParts) -> object | None:
    at, peer, name = node.loop.clock(), o.peer(), _own_observation(o, node)
    accord = _accord_with(node, peer)
    if name is None or accord is None:
        return None
    return claims.AskRequest(at, o.party, peer, Request(o.name("r"), o.party, SeenHere(o.party, name), at, accord))


def answer_request(o: Officer, node: NodeParts) -> object | None:
    record = _pick(o, [r for r in node.claims.requests.values() if r.request.party != o.party and not r.answers])
    if record is None:
        return None
    kind = o.chance.choice([AnswerKind.OURS, AnswerKind.NOT_OURS, AnswerKind.CANNOT_TELL])
    at = node.loop.clock()
    return claims.AnswerRequest(at, o.party, record.request.party, Answer(record.request.request_id, o.party, kind, at))


def report_incident(o: Officer, node: NodeParts) -> object | None:
    at, peer = node.loop.clock(), o.peer()
    accord = _accord_with(node, peer)
    if accord is None:
        return None
    kind = o.chance.choice(list(IncidentClass))
    incident = Incident(
        o.name("i"), o.party, kind, o.volume(at), (EVIDENCE,), RequestedAction.EXPLAIN, at, accord
    )  # fmt: skip
    return claims.ReportIncident(at, o.party, peer, incident)


def follow_incident(o: Officer, node: NodeParts) -> object | None:
    record = _pick(o, list(node.claims.incidents.values()))
    if record is None:
        return None
    at, incident = node.loop.clock(), record.incident
    if incident.party != o.party:
        reply = IncidentReply(incident.incident_id, o.party, o.chance.choice([ReplyKind.ACCEPT, ReplyKind.REJECT]), at)
        return claims.ReplyToIncident(at, o.party, incident.party, reply)
    if o.chance.random() < 0.5:
        statement = Statement(o.party, incident.incident_id, o.party, 1, at, evidence_sha256=(EVIDENCE,))
        return claims.MakeStatement(at, o.party, record.peer, statement)
    closing = IncidentClosing(incident.incident_id, o.party, ClosedAs.SETTLED, at)
    return claims.CloseIncident(at, o.party, record.peer, closing)


def deviate(o: Officer, node: NodeParts) -> object | None:
    at, peer = node.loop.clock(), o.peer()
    accord = _accord_with(node, peer)
    if accord is None:
        return None
    over = [r for r in node.claims.deviations.values() if r.deviation.party == o.party and r.over is None]
    if over and o.chance.random() < 0.6:
        record = o.chance.choice(over)
        return claims.EndDeviation(at, o.party, record.peer, DeviationOver(record.deviation.deviation_id, o.party, at))
    deviation = Deviation(
        o.name("d"), o.party, o.volume(at), at - timedelta(seconds=3), at, o.chance.choice(list(Intent)), accord
    )
    return claims.ReportDeviation(at, o.party, peer, deviation)


# Members of a coalition.


def keep_members(o: Officer, node: NodeParts) -> object | None:
    at, members = node.loop.clock(), sorted(node.members.members)
    if not members or o.chance.random() < 0.2:
        return AddMember(at, o.name("member"), POSTS[0])
    member = o.chance.choice(members)
    peer_notices = [r.notice for (party, _), r in node.picture.notices.items() if party in o.peers]
    notice = _pick(o, peer_notices)
    if notice is None or o.chance.random() < 0.2:
        return RemoveMember(at, member, POSTS[0], ())
    matter = Matter(MatterKind.NOTICE, notice.party, notice_reference(notice))
    if o.chance.random() < 0.5:
        return TellMember(at, matter, member, POSTS[0])
    return AcknowledgeMember(at, matter, member, POSTS[0], "chief")


# Details that are committed to now and given later.


def keep_details(o: Officer, node: NodeParts) -> object | None:
    at, held = node.loop.clock(), node.details.kept
    opened = _pick(o, [n for (party, n), r in node.picture.notices.items() if party == o.party and r.notice.commitment])
    if opened is not None and o.chance.random() < 0.5:
        return GiveDetails(at, o.peer(), opened)
    commitment = _pick(o, sorted(held))
    if commitment is not None and o.chance.random() < 0.6:
        notice = Notice(o.name("n"), o.party, Meaning.KEEP_OUT, o.volume(at), at, commitment=commitment)
        return picture.GiveNotice(at, o.party, notice)
    return CommitDetails(at, CommitmentOpening(o.chance.randbytes(32).hex(), o.plan(o.name("p"), at)))


# What nobody may do. Each must be refused.


def _wrong(o: Officer, node: NodeParts) -> object:
    at, peer = node.loop.clock(), o.peer()
    theirs = [n for (party, n), r in node.picture.plans.items() if party != o.party and r.live]
    acts: list[object] = [
        picture.WithdrawPlan(at, o.party, "never-declared"),
        picture.CancelNotice(at, o.party, "never-given"),
        picture.AcceptMeasure(at, o.party, "never-proposed"),
        picture.RefuseMeasure(at, o.party, "never-proposed", "why not"),
        line.SendLineMessage(at, o.party, "nobody", "stop"),
        line.SendLineMessage(at, o.party, peer, "no_such_code"),
        line.TakeLineMessage(at, o.party, peer, f"{peer}:999999", POSTS[0]),
        claims.ShareObservation(at, o.party, peer, "never-seen"),
        claims.AnswerRequest(at, o.party, peer, Answer("never-asked", o.party, AnswerKind.OURS, at)),
        SayZone(at, peer, ZoneReleased(o.party, at, POSTS[0], "never-drawn", "gone")),
        RemoveMember(at, "never-joined", POSTS[0], ()),
    ]  # fmt: skip
    if theirs:
        acts.append(picture.EndPlan(at, o.party, o.chance.choice(theirs) + "-not-mine"))
    return o.chance.choice(acts)


ACTS: dict[str, tuple[Act, float]] = {
    act.__name__: (act, weight)
    for act, weight in (
        (import_plans, 5.0), (amend_plan, 3.0), (withdraw_plan, 1.0), (activate_plan, 1.5), (end_plan, 1.0),
        (give_notice, 3.0), (amend_notice, 1.0), (cancel_notice, 1.0), (propose_measure, 3.0), (answer_measure, 3.0),
        (send_message, 2.0), (send_stop, 0.7), (attend_message, 6.0), (take_watch, 1.0), (leave_watch, 0.5),
        (check_line, 0.5), (take_alarms, 1.0), (talk_of_zone, 2.5), (observe, 1.0), (share_observation, 1.0),
        (ask_request, 1.0), (answer_request, 1.5), (report_incident, 0.7), (follow_incident, 1.5), (deviate, 0.7),
        (keep_members, 1.0), (keep_details, 1.5),
    )
}  # fmt: skip
WRONG = "wrong"
WRONG_SHARE = 0.06


def draw(officer: Officer) -> tuple[str, Act]:
    """Return the next act by its name."""
    if officer.chance.random() < WRONG_SHARE:
        return WRONG, _wrong
    names = list(ACTS)
    name = officer.chance.choices(names, [ACTS[one][1] for one in names])[0]
    return name, ACTS[name][0]
