"""Suspended, yet nobody hit: one side suspends alone; planning stops, the line still rings; it is resumed.

On the record: the memorandum of 2015 was suspended on 7 April 2017 and again in June; the routine morning call took
place all the same, and the line was used on 23 June. Whether a call still counted was up to whoever picked up. R8, R9
and R32 answer that, and are tried here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from detente.accord.messages import AccordAuthorised, AccordProposed, AccordResumed, AccordSuspended
from detente.airspace.plan import Plan, Volume4D
from detente.airspace.position import Position
from detente.claims.events import ClaimsEvent, IncidentClosed, IncidentReplied, IncidentReported
from detente.line.messages import ReceiptKind
from detente.picture.events import NoticeGiven, PlanDeclared, PlanWithdrawn
from detente.picture.notices import Meaning
from detente.rehearsal.actor import Actor
from detente.rehearsal.acts import agree, around, check_the_line, declare, give_notice, last_message, man
from detente.rehearsal.history import called_after_s, receipts, taken
from detente.rehearsal.stage import Stage
from detente.rehearsal.terms import LONGEST_TO_HUMAN_S, PLACE, POSTS, safety_accord

PLANNING_KINDS = ("plan_", "notice_", "measure_", "no_measure")
"""How the kinds of envelopes begin that suspension stops."""


def rehearse(stage: Stage) -> None:
    """Play it; every claim is on the stage afterwards."""
    stage.title("rehearse.suspended.title")
    stage.title("rehearse.suspended.record")
    alder, birch = stage.enter("alder", authority=True), stage.enter("birch", authority=True)
    accord = _in_force(stage, alder, birch)
    before = _suspend(stage, alder, birch, accord)
    stop = _the_line_rings(stage, alder, birch, accord)
    _incident(stage, alder, birch)
    _resume(stage, alder, birch, accord, before)
    stage.scene("rehearse.scene.proof")
    stage.leave()
    messages = stage.prove(alder, birch)
    _history(stage, alder, birch, accord)
    stage.scene("rehearse.scene.figures")
    _results(stage, alder, birch, stop)
    stage.result("rehearse.result.transcripts", stage.words("rehearse.result.equal", count=messages))
    stage.result("rehearse.result.files", str(stage.out))


def _in_force(stage: Stage, alder: Actor, birch: Actor) -> str:
    stage.scene("rehearse.suspended.scene.in_force")
    alder.pair(birch)
    birch.pair(alder)
    stage.start()
    accord = agree(stage, alder, birch, safety_accord("safety", alder, birch, authorised=True), "watch")
    man(stage, alder, *POSTS)
    man(stage, birch, "watch")
    check_the_line(stage, alder, birch)
    declare(stage, alder, _plan("survey-1", 0.0), _plan("survey-2", 1.0))
    give_notice(stage, birch, "range", Meaning.KEEP_OUT, _area(2.0))
    stage.claim(
        "rehearse.suspended.claim.known",
        stage.until(lambda: _held(birch) == {"survey-1", "survey-2"} and _in_force_at(alder) == {"range"}),
    )
    return accord


def _suspend(stage: Stage, alder: Actor, birch: Actor, accord: str) -> int:
    """Birch suspends alone; return the number of the last planning envelope that alder had sent until then."""
    stage.scene("rehearse.suspended.scene.suspended")
    short = accord[:12]
    reason = ("--reason", stage.words("rehearse.suspended.reason"))
    stage.types(birch, "watch", "accord", "suspend", short, *reason, refused=True)
    key = ("--post", "authority", "--key", str(birch.authority_path))
    stage.types(birch, "authority", "accord", "suspend", short, *reason, *key)
    both = stage.until(lambda: alder.standing(accord) == birch.standing(accord) == "suspended")
    stage.claim("rehearse.suspended.claim.suspended", both)
    before = _planning(alder, birch)
    stage.note(alder, "watch", "rehearse.suspended.plans_on")
    stage.types(alder, "watch", "plan", "withdraw", "survey-2")
    declare(stage, alder, _plan("survey-3", 3.0))
    soon = datetime.now(UTC) + timedelta(minutes=30)
    entering = ("entering", "reference=range", f"when={soon:%Y-%m-%dT%H:%MZ}", "--peer", "birch")
    stage.types(alder, "watch", "line", "send", *entering, refused=True)
    own_key = ("--post", "authority", "--key", str(alder.authority_path))
    stage.types(alder, "authority", "accord", "resume", short, *own_key, refused=True)
    stage.claim("rehearse.suspended.claim.planning_stops", _planning(alder, birch) == before)
    stage.claim("rehearse.suspended.claim.notified_holds", _held(birch) == {"survey-1", "survey-2"})
    stage.claim("rehearse.suspended.claim.notice_holds", _in_force_at(alder) == {"range"})
    return len(before)


def _the_line_rings(stage: Stage, alder: Actor, birch: Actor, accord: str) -> str:
    """A power cut, a line check, a warning and a STOP, all while suspended; return the STOP's id."""
    stage.scene("rehearse.suspended.scene.rings")
    stage.note(alder, "", "rehearse.suspended.power_cut")
    alder.kill()
    alder.start()
    alder.wait()
    stage.claim(
        "rehearse.suspended.claim.after_power_cut",
        alder.standing(accord) == "suspended" and _in_force_at(alder) == {"range"} and alder.get("line")["watches"],
    )
    check_the_line(stage, alder, birch)
    when = f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}"
    typed = (f"where={PLACE.latitude_deg},{PLACE.longitude_deg}", "height=10500ft MSL", f"when={when}")
    stage.types(alder, "watch", "line", "send", "aircraft_near_you", *typed, "--peer", "birch")
    warning = last_message(stage, alder, birch, "aircraft_near_you")
    stage.types(birch, "watch", "line", "acknowledge", warning, "--peer", "alder", "--post", "watch")
    stage.note(alder, "watch", "rehearse.suspended.night")
    stage.types(alder, "watch", "line", "watch", "leave", "watch")
    stage.types(birch, "watch", "line", "stop", "--wait-s", "1")
    stop = last_message(stage, birch, alder, "stop")
    stage.types(alder, "senior", "line", "inbox", "--waiting", "--post", "senior", keep="STOP")
    stage.types(alder, "senior", "line", "acknowledge", stop, "--peer", "birch", "--post", "senior")
    to = ("--peer", "birch", "--post", "senior", "--person", "controllers")
    stage.types(alder, "senior", "line", "pass-on", stop, *to)
    stage.until(lambda: receipts(birch, stop, ReceiptKind.PASSED_ON))
    people = [taken(actor, stop) for actor in (alder, birch)]
    stage.claim(
        "rehearse.suspended.claim.stop_human",
        all(
            person is not None and person.post == "senior" and person.to_human_s < LONGEST_TO_HUMAN_S
            for person in people
        ),
        seconds=stage.seconds(max((person.to_human_s for person in people if person), default=0.0)),
    )
    stage.claim("rehearse.suspended.claim.every_post", called_after_s(alder, stop).get(len(POSTS) - 1) == 0.0)
    stage.claim("rehearse.suspended.claim.passed_on", receipts(birch, stop, ReceiptKind.PASSED_ON))
    stage.claim("rehearse.suspended.claim.both_ways", stage.until(partial(taken, alder, warning)))
    return stop


def _incident(stage: Stage, alder: Actor, birch: Actor) -> None:
    """Birch reports the near miss, with its evidence's hash; alder says that it looks into it."""
    evidence = birch.document("near-miss.plot", "a plot that stays with birch\n")
    now = datetime.now(UTC)
    begin = now.replace(second=0, microsecond=0)
    where = (
        "--centre", f"{PLACE.latitude_deg},{PLACE.longitude_deg}", "--radius", "5km",
        "--heights", "10000..11000ft MSL",
        "--window", f"{begin:%Y-%m-%dT%H:%MZ}/{begin + timedelta(minutes=1):%Y-%m-%dT%H:%MZ}",
    )  # fmt: skip
    report = ("loss_of_separation", "--peer", "alder", "--id", "near-miss", "--evidence", str(evidence), *where)
    stage.types(birch, "watch", "incident", "report", *report, keep="near-miss")
    stage.until(partial(_has, alder, IncidentReported))
    due = f"{now + timedelta(days=14):%Y-%m-%dT%H:%MZ}"
    reply = ("incident", "reply", "near-miss", "under_investigation", "--due", due, "--peer", "birch")
    stage.types(alder, "command", *reply)
    stage.until(partial(_has, birch, IncidentReplied))
    stage.claim(
        "rehearse.suspended.claim.incident",
        all(_has(actor, kind) for actor in (alder, birch) for kind in (IncidentReported, IncidentReplied)),
    )


def _resume(stage: Stage, alder: Actor, birch: Actor, accord: str, before: int) -> None:
    stage.scene("rehearse.suspended.scene.resumed")
    key = ("--post", "authority", "--key", str(birch.authority_path))
    stage.types(birch, "authority", "accord", "resume", accord[:12], *key)
    stage.until(lambda: alder.standing(accord) == birch.standing(accord) == "in_force")
    stage.claim("rehearse.suspended.claim.caught_up", stage.until(lambda: _held(birch) == {"survey-1", "survey-3"}))
    kinds = [kind for kind, _ in _planning(alder, birch)[before:]]
    stage.claim("rehearse.suspended.claim.nothing_else", sorted(kinds) == ["plan_declared", "plan_withdrawn"])
    soon = datetime.now(UTC) + timedelta(minutes=30)
    entering = ("entering", "reference=range", f"when={soon:%Y-%m-%dT%H:%MZ}", "--peer", "birch")
    stage.types(alder, "watch", "line", "send", *entering)
    stage.claim(
        "rehearse.suspended.claim.entering", birch.message("alder", last_message(stage, alder, birch, "entering"))
    )
    stage.types(alder, "command", "incident", "reply", "near-miss", "accept", "--peer", "birch")
    stage.until(lambda: sum(isinstance(event, IncidentReplied) for event in birch.claims_events()) > 1)
    stage.types(birch, "watch", "incident", "close", "near-miss", "settled", "--peer", "alder")
    closed = stage.until(lambda: _has(alder, IncidentClosed) and _has(birch, IncidentClosed))
    stage.claim("rehearse.suspended.claim.settled", closed)


def _history(stage: Stage, alder: Actor, birch: Actor, accord: str) -> None:
    """Claim, from the two journals alone, that nothing was negotiated again and nothing forgotten."""
    acts = [actor.accord_acts() for actor in (alder, birch)]
    kinds = (AccordProposed, AccordAuthorised, AccordSuspended, AccordResumed)
    counts = [[sum(isinstance(act, kind) for act in of_party) for kind in kinds] for of_party in acts]
    shared = [[act for act in of_party if isinstance(act, kinds)] for of_party in acts]
    same = sorted(shared[0], key=lambda act: act.at) == sorted(shared[1], key=lambda act: act.at)
    stage.claim("rehearse.suspended.claim.one_accord", counts == [[1, 2, 1, 1]] * 2 and same, accord=accord[:12])
    seen = []
    for actor in (alder, birch):
        events = actor.events()
        declared = {e.plan.plan_id for e in events if isinstance(e, PlanDeclared)}
        notices = {e.notice.notice_id for e in events if isinstance(e, NoticeGiven)}
        gone = {e.plan_id for e in events if isinstance(e, PlanWithdrawn)}
        seen.append((declared, notices, gone))
    whole = ({"survey-1", "survey-2", "survey-3"}, {"range"}, {"survey-2"})
    stage.claim("rehearse.suspended.claim.history", seen == [whole, whole])


def _results(stage: Stage, alder: Actor, birch: Actor, stop: str) -> None:
    """Say how long each thing took, from the journals."""
    person = taken(birch, stop)
    if person is None or not stage.holds:
        return
    began: list[datetime] = []
    over: list[datetime] = []
    for key, kind, when in (("known", AccordSuspended, began), ("resumed", AccordResumed, over)):
        when += [next(at for at, act in actor.accord_acts_at() if isinstance(act, kind)) for actor in (birch, alder)]
        stage.result(f"rehearse.suspended.result.{key}", stage.seconds((when[1] - when[0]).total_seconds(), 3))
    sealed = [*alder.sent(birch), *birch.sent(alder)]
    meanwhile = [e for e in sealed if e.kind.startswith(PLANNING_KINDS) and began[1] < e.sent_at < over[0]]
    stage.result("rehearse.suspended.result.planning", str(len(meanwhile)))
    stage.result("rehearse.suspended.result.stop_human", stage.seconds(person.to_human_s))


def _plan(name: str, east_deg: float) -> Plan:
    return Plan(name, (_area(east_deg),))


def _area(east_deg: float) -> Volume4D:
    """Ten kilometres of ocean for an hour, half an hour from now; each further east is clear of the others."""
    start = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=30)
    centre = Position(PLACE.latitude_deg, PLACE.longitude_deg + east_deg)
    return around(centre, 10_000.0, 10_000.0, 11_000.0, start, timedelta(hours=1))


def _has(actor: Actor, kind: type[ClaimsEvent]) -> bool:
    """Whether the actor's journal holds an event of this kind."""
    return any(isinstance(event, kind) for event in actor.claims_events())


def _held(birch: Actor) -> set[str]:
    """The plans of alder that stand at birch."""
    return {p["plan_id"] for p in birch.get("plans", party="alder") if p["state"] in ("declared", "active")}


def _in_force_at(alder: Actor) -> set[str]:
    """The notices of birch that are in force at alder."""
    views = [view for view in alder.get("notices") if view["notice"]["party"] == "birch"]
    return {view["notice"]["notice_id"] for view in views if view["state"] == "in_force"}


def _planning(alder: Actor, birch: Actor) -> list[tuple[str, bytes]]:
    """Kind and body of every planning envelope from alder to birch, in alder's journal."""
    return [
        (envelope.kind, envelope.body) for envelope in alder.sent(birch) if envelope.kind.startswith(PLANNING_KINDS)
    ]
