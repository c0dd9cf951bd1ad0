"""September 2015: no contact, a proposal, two authorities, first notices, flights that nobody declared, a third party.

On the record: first talks on 1 October 2015 at working level, a memorandum on flight safety on 20 October, with no
targets and no intelligence in it. Until then each side found out by looking. R1, R3, R17, R20, R40 and R49 answer
that, and are tried here. The places lie in open ocean; no real ones are meant.
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

import msgspec

from detente.accord.provisions import Reporting
from detente.accord.terms import accord_hash, format_accord
from detente.airspace.plan import Plan
from detente.airspace.position import Position
from detente.claims.claims import AnswerKind
from detente.claims.events import (
    ClaimsEvent,
    ObservationHeard,
    ObservationMade,
    RequestAnswered,
    RequestAsked,
    RequestOverdue,
    ReviewSaid,
)
from detente.link.session import RECEIVED
from detente.picture.notices import Meaning
from detente.rehearsal.actor import Actor
from detente.rehearsal.acts import around, authorise, check_the_line, declare, give_notice, man, propose
from detente.rehearsal.stage import Stage
from detente.rehearsal.terms import safety_accord

AIRFIELD = Position(44.60, -20.90)
AT_SEA = Position(44.10, -20.30)
ANSWER_WITHIN_S = 5.0
NO_FINGERPRINT = "AAAA-BBBB-CCCC-DDDD-EEEE"
DISCLOSED_NAMES = (
    "transit-4",
    "patrol-1",
    "airfield-1",
    "seen-1",
    "seen-2",
    "seen-3",
    "whose-1",
    "whose-2",
    "flight-safety",
)
"""Everything that has a name between alder and birch."""
E = TypeVar("E", bound=ClaimsEvent)


def rehearse(stage: Stage) -> None:
    """Play it; every claim is on the stage afterwards."""
    stage.title("rehearse.september.title")
    stage.title("rehearse.september.record")
    alder, birch, cedar = (stage.enter(name, authority=True) for name in ("alder", "birch", "cedar"))
    _no_contact(stage, alder, birch)
    _two_cards(stage, alder, birch, cedar)
    accord = _proposal(stage, alder, birch)
    _first_notices(stage, alder, birch)
    _undeclared(stage, alder, birch)
    _review(stage, alder, birch)
    stage.scene("rehearse.september.scene.third")
    stage.types(alder, "watch", "disclosed", "--peer", "cedar", keep="cedar")
    stage.types(birch, "watch", "disclosed", "--peer", "cedar", keep="cedar")
    stage.leave()
    third_party_count = _third_party(stage, alder, birch, cedar, accord)
    stage.scene("rehearse.september.scene.proof")
    messages = stage.prove(alder, birch)
    stage.scene("rehearse.scene.figures")
    _results(stage, alder)
    stage.result("rehearse.september.result.third", str(third_party_count))
    stage.result("rehearse.result.transcripts", stage.words("rehearse.result.equal", count=messages))
    stage.result("rehearse.result.files", str(stage.out))


def _no_contact(stage: Stage, alder: Actor, birch: Actor) -> None:
    stage.scene("rehearse.september.scene.no_contact")
    stage.types(alder, "watch", "disclosed", "--peer", "birch", refused=True)
    strangers = [actor.files.trust.cards() for actor in (alder, birch)]
    stage.claim("rehearse.september.claim.strangers", strangers == [[], []])


def _two_cards(stage: Stage, alder: Actor, birch: Actor, cedar: Actor) -> None:
    """The cards go by a third hand; the fingerprints are compared by voice."""
    stage.scene("rehearse.september.scene.cards")
    card = str(birch.files.card_path)
    stage.types(alder, "watch", "pair", card, "--fingerprint", NO_FINGERPRINT, refused=True)
    stage.claim("rehearse.september.claim.wrong_fingerprint", alder.files.trust.cards() == [])
    stage.types(alder, "watch", "pair", card, "--fingerprint", birch.card.fingerprint)
    stage.types(birch, "watch", "pair", str(alder.files.card_path), "--fingerprint", alder.card.fingerprint)
    stage.note(cedar, "watch", "rehearse.september.cedar_pairs")
    for first, second in ((alder, cedar), (birch, cedar)):
        first.pair(second)
        second.pair(first)
    stage.start()


def _proposal(stage: Stage, alder: Actor, birch: Actor) -> str:
    """Alder's working level proposes, birch's authority signs, then alder's; return the accord's hash."""
    stage.scene("rehearse.september.scene.proposal")
    terms = safety_accord("flight-safety", alder, birch, authorised=True)
    reporting = msgspec.structs.replace(Reporting(), request_answer_s=ANSWER_WITHIN_S)
    provisions = msgspec.structs.replace(terms.provisions, reporting=reporting)
    terms = msgspec.structs.replace(terms, provisions=provisions)
    more = alder.document("more-than-safety.toml", format_accord(terms) + "\n[targets]\nshared = true\n")
    to = ("--peer", "birch", "--post", "envoy")
    stage.types(alder, "envoy", "accord", "propose", str(more), *to, refused=True)
    stage.claim("rehearse.september.claim.safety_only", alder.get("accords") == [] == birch.get("accords"))
    name = propose(stage, alder, birch, terms, "envoy")
    short = name[:12]
    stage.note(birch, "watch", "rehearse.september.reads")
    own_key = str(birch.files.key_path)
    stage.types(birch, "watch", "accord", "authorise", short, "--key", own_key, refused=True)
    stage.claim("rehearse.september.claim.not_the_watch", birch.standing(name) == "proposed")
    authorise(stage, birch, name)
    stage.until(partial(_authorised_by, alder, name, 1))
    stage.claim("rehearse.september.claim.one_is_not_enough", alder.standing(name) == "authorised")
    authorise(stage, alder, name)
    both = stage.until(lambda: alder.standing(name) == birch.standing(name) == "in_force")
    stage.claim("rehearse.claim.in_force", both and accord_hash(terms) == name)
    stage.until(lambda: "birch" in alder.get("line")["lines"] and "alder" in birch.get("line")["lines"])
    return name


def _first_notices(stage: Stage, alder: Actor, birch: Actor) -> None:
    stage.scene("rehearse.september.scene.notices")
    for actor in (alder, birch):
        man(stage, actor, "watch")
    check_the_line(stage, alder, birch)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    transit = around(AT_SEA, 15_000.0, 2_000.0, 4_000.0, now - timedelta(minutes=10), timedelta(hours=2))
    declare(stage, birch, Plan("transit-4", (transit,)))
    later = around(AT_SEA, 20_000.0, 8_000.0, 9_000.0, now + timedelta(hours=1), timedelta(hours=2))
    give_notice(stage, alder, "patrol-1", Meaning.OUR_AIRCRAFT_HERE, later)
    stage.claim(
        "rehearse.september.claim.notified",
        stage.until(lambda: _plans_of(alder, "birch") == {"transit-4"} and _notices_of(birch, "alder") == {"patrol-1"}),
    )


def _undeclared(stage: Stage, alder: Actor, birch: Actor) -> None:
    """Alder sees three aircraft, two unexplained, and asks. One answer comes, one is overdue and then refused."""
    stage.scene("rehearse.september.scene.flights")
    explained = _observe(stage, alder, "seen-1", AT_SEA)
    named = any("transit-4" in by for by in explained.explained_by)
    stage.claim("rehearse.september.claim.explained", named)
    seen = _observe(stage, alder, "seen-2", AIRFIELD)
    stage.claim("rehearse.september.claim.undeclared", seen.explained_by == ())
    stage.types(alder, "watch", "ask", "--peer", "birch", "--observation", "seen-2", "--id", "whose-1", keep="whose-1")
    stage.until(lambda: _events(birch, RequestAsked))
    stage.types(birch, "watch", "answer", "whose-1", "ours", "--peer", "alder")
    stage.until(lambda: _events(alder, RequestAnswered))
    answers = [[e.answer.answer for e in _events(actor, RequestAnswered)] for actor in (alder, birch)]
    stage.claim("rehearse.september.claim.answered", answers == [[AnswerKind.OURS]] * 2)
    _observe(stage, alder, "seen-3", AIRFIELD)
    stage.types(alder, "watch", "ask", "--peer", "birch", "--observation", "seen-3", "--id", "whose-2", keep="whose-2")
    stage.note(birch, "watch", "rehearse.september.silent", seconds=stage.seconds(ANSWER_WITHIN_S, 0))

    def overdue() -> bool:
        return all("whose-2" in [e.request_id for e in _events(actor, RequestOverdue)] for actor in (alder, birch))

    stage.claim("rehearse.september.claim.overdue", stage.until(overdue))
    stage.types(birch, "watch", "answer", "whose-2", "refused", "--reason", "would_disclose", "--peer", "alder")
    stage.until(lambda: len(_events(alder, RequestAnswered)) > 1)
    reasons = [[e.answer.reason for e in _events(actor, RequestAnswered)][1:] for actor in (alder, birch)]
    stage.claim("rehearse.september.claim.refused", reasons == [["would_disclose"]] * 2)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    next_flights = around(AIRFIELD, 25_000.0, 0.0, 10_000.0, now + timedelta(minutes=30), timedelta(hours=6))
    give_notice(stage, birch, "airfield-1", Meaning.OUR_AIRCRAFT_HERE, next_flights)
    stage.claim(
        "rehearse.september.claim.from_now_on", stage.until(lambda: "airfield-1" in _notices_of(alder, "birch"))
    )
    heard = {e.observation.observation_id for e in _events(birch, ObservationHeard)}
    stage.claim("rehearse.september.claim.asked_only", heard == {"seen-2", "seen-3"})


def _review(stage: Stage, alder: Actor, birch: Actor) -> None:
    """Both nodes compute the statistics of what both journals hold; the same bytes come out."""
    stage.scene("rehearse.september.scene.review")
    day, today = timedelta(days=1), datetime.now(UTC)
    period = ("--window", f"{today - day:%Y-%m-%d}/{today + 2 * day:%Y-%m-%d}")
    file = alder.files.path / "review.json"
    equal = stage.words("claims.review_equal")
    stage.types(alder, "envoy", "review", "--peer", "birch", *period, "--out", str(file), keep=equal)
    own = hashlib.sha256(file.read_bytes()).hexdigest()
    reviews = [{e.review.party: e.review.sha256 for e in _events(actor, ReviewSaid)} for actor in (alder, birch)]
    stage.claim("rehearse.september.claim.review", reviews == [{"alder": own, "birch": own}] * 2)


def _observe(stage: Stage, alder: Actor, name: str, where: Position) -> ObservationMade:
    """Let alder's watch type in what its radar saw just now; return what its journal says of it."""
    evidence = alder.document(f"{name}.plot", f"{name}: a plot that stays with alder, {time.time_ns()}\n")
    when = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    stage.types(
        alder, "watch", "observe", "--id", name, "--centre", f"{where.latitude_deg},{where.longitude_deg}",
        "--radius", "500m", "--height", "3000ft MSL", "--height-within", "300ft", "--time", when,
        "--time-within", "5s", "--evidence", str(evidence),
        keep=stage.words("claims.undeclared" if where is AIRFIELD else "claims.explained", by="birch").rstrip("."),
    )  # fmt: skip
    return next(e for e in _events(alder, ObservationMade) if e.observation.observation_id == name)


def _third_party(stage: Stage, alder: Actor, birch: Actor, cedar: Actor, accord: str) -> int:
    """Claim that cedar, paired with both, was told nothing: by what it received, by its journal and by its files.

    Return how many messages were sealed for it or reached it.
    """
    envelope_count = len(alder.sent(cedar)) + len(birch.sent(cedar)) + len(cedar.entries(RECEIVED))
    stage.claim("rehearse.september.claim.nothing_sealed", envelope_count == 0)
    names = [name.encode() for name in (*DISCLOSED_NAMES, accord)]
    journal = _journal_bytes(cedar)
    leaked = [name.decode() for name in names if name in journal]
    stage.claim("rehearse.september.claim.nothing_held", not leaked, count=len(names))
    journals = [_journal_bytes(actor) for actor in (alder, birch)]
    known = all(name in journals[0] for name in names) and sum(name in journals[1] for name in names) == len(names) - 1
    stage.claim("rehearse.september.claim.search_finds", known, count=len(names))
    return envelope_count


def _journal_bytes(actor: Actor) -> bytes:
    """Everything in the files of an actor's journal, and the body of every entry."""
    files = sorted(actor.files.path.glob("journal.sqlite*"))
    return b"".join(file.read_bytes() for file in files) + b"".join(entry.body for entry in actor.entries())


def _results(stage: Stage, alder: Actor) -> None:
    """Say what was found and how long it took, from alder's journal."""
    if not stage.holds:
        return
    asked = {e.request.request_id: e for e in _events(alder, RequestAsked)}
    answered = {e.answer.request_id: e.at for e in _events(alder, RequestAnswered)}
    overdue = next(e.at for e in _events(alder, RequestOverdue) if e.request_id == "whose-2")
    took_s = (answered["whose-1"] - asked["whose-1"].at).total_seconds()
    stage.result("rehearse.september.result.answered", stage.seconds(took_s))
    stage.result("rehearse.september.result.overdue", stage.seconds((overdue - asked["whose-2"].due).total_seconds()))
    made = _events(alder, ObservationMade)
    stage.result("rehearse.september.result.undeclared", f"{sum(not e.explained_by for e in made)} / {len(made)}")


def _events(actor: Actor, kind: type[E]) -> list[E]:
    """The events of a kind that the actor's journal holds of claims, in order."""
    return [event for event in actor.claims_events() if isinstance(event, kind)]


def _authorised_by(actor: Actor, name: str, count: int) -> bool:
    return any(v["accord_hash"] == name and len(v["authorised_by"]) == count for v in actor.get("accords"))


def _plans_of(actor: Actor, owner: str) -> set[str]:
    return {plan["plan_id"] for plan in actor.get("plans", party=owner)}


def _notices_of(actor: Actor, owner: str) -> set[str]:
    notices = [view["notice"] for view in actor.get("notices")]
    return {notice["notice_id"] for notice in notices if notice["party"] == owner}
