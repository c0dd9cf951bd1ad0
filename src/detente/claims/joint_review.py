"""Counting what two journals have in common, so that both nodes come to the same bytes (R41).

Only what was exchanged counts, up to a cut in envelope numbers that both sides hold, and only by the times that its
senders signed: neither a clock of the one who counts nor the order of arrival plays a part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import Any, NamedTuple

import msgspec

from detente.accord.messages import AccordResumed, AccordSuspended
from detente.airspace.refusal import Refusal
from detente.claims import peer_messages as claims
from detente.claims.claims import Answer, AnswerKind, Incident, IncidentReply, Request
from detente.claims.peer_messages import Claim
from detente.claims.review import VERSION, DayConformance, PartyReview, Review
from detente.claims.review_claim import CutMark
from detente.claims.terms import ClaimsTerms
from detente.line import peer_messages as line
from detente.line.peer_messages import LinePeerMessage
from detente.picture import messages
from detente.picture.messages import PlanningMessage
from detente.picture.notices import Meaning, Notice
from detente.picture.observations import Verdict
from detente.room.tagged import read_tagged, tag_of, tags_of

KEEPING_OUT = frozenset({Meaning.KEEP_OUT, Meaning.CLOSED_TO_ALL, Meaning.CALL_BEFORE_ENTERING})
LONGEST_WAIT = timedelta(days=3_660)
COUNTED_UNREAD = frozenset({"plan_declared", "plan_amended"})
"""Kinds of message that are counted by their kind alone."""
_DECODER: msgspec.json.Decoder[Claim | LinePeerMessage | PlanningMessage] = msgspec.json.Decoder(
    Claim | LinePeerMessage | PlanningMessage
)
_READ = tags_of(Claim | LinePeerMessage | PlanningMessage) - COUNTED_UNREAD


class Exchanged(NamedTuple):
    """One envelope that both sides hold: on the link of this accord or channel, from `sender` (a party's name)."""

    accord_hash: str
    sender: str
    number: int
    sent_at: datetime
    kind: str
    body: bytes


def review_of(
    parties: tuple[str, str],
    start: datetime,
    end: datetime,
    cut: Iterable[CutMark],
    envelopes: Iterable[Exchanged],
    terms: Mapping[str, ClaimsTerms],
) -> Review:
    """Return the joint statistics of two parties from `start` to before `end`.

    `envelopes` may come in any order and may hold more than the cut. `terms` are by hash of the accord.
    """
    marks = {(mark.accord_hash, mark.sender): mark.last for mark in cut}
    within = [e for e in envelopes if e.number <= marks.get((e.accord_hash, e.sender), 0)]
    within.sort(key=lambda e: (e.sent_at, e.accord_hash, e.sender, e.number))
    counting = _Counting(parties, start, end, terms)
    for envelope in within:
        counting.take(envelope)
    counting.finish()
    inside = sum(start <= envelope.sent_at < end for envelope in within)
    return Review(
        VERSION, start, end, tuple(sorted(cut)), inside, len(counting.conflicts), dict(sorted(counting.of.items()))
    )


class _Counting:
    """Reads all of a cut, so that it finds what answers something, and counts what was sent in the period."""

    def __init__(
        self, parties: tuple[str, str], start: datetime, end: datetime, terms: Mapping[str, ClaimsTerms]
    ) -> None:
        self.parties, self.start, self.end, self.terms = parties, start, end, terms
        self.of = {party: PartyReview() for party in parties}
        self.conflicts: set[str] = set()
        self.notices: dict[tuple[str, str], Notice] = {}
        self.active: dict[tuple[str, str], datetime] = {}
        self.requests: dict[tuple[str, str], tuple[Request, bool]] = {}
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.incidents: dict[tuple[str, str], tuple[Incident, bool]] = {}
        self.replies: dict[tuple[str, str], list[IncidentReply]] = {}
        self.not_taken: set[tuple[str, str, str]] = set()
        self.seen: dict[tuple[str, str], claims.ObservationClaim] = {}
        self.judged: dict[tuple[str, str], claims.VerdictsClaim] = {}
        self.deviating: dict[tuple[str, str], datetime] = {}
        self.sent: dict[tuple[str, str], tuple[datetime, bool]] = {}
        self.taken: dict[tuple[str, str], datetime] = {}

    def other(self, party: str) -> str:
        return self.parties[1] if party == self.parties[0] else self.parties[0]

    def take(self, envelope: Exchanged) -> None:
        counts = self.of[envelope.sender]
        inside = self.start <= envelope.sent_at < self.end
        try:
            if envelope.kind in _READ:
                self._read(read_tagged(_DECODER, envelope.kind, envelope.body, "message"), envelope, inside=inside)
        except (Refusal, ValueError, ArithmeticError):
            counts.unreadable += inside
        counts.plans_declared += inside and envelope.kind == tag_of(messages.PlanDeclaredMessage)
        counts.suspensions += inside and envelope.kind == tag_of(AccordSuspended)
        counts.resumptions += inside and envelope.kind == tag_of(AccordResumed)

    def _read(self, message: Claim | LinePeerMessage | PlanningMessage, envelope: Exchanged, *, inside: bool) -> None:
        counts = self.of[envelope.sender]
        if isinstance(message, Claim):
            self._claim(message, envelope, counts, inside=inside)
        elif isinstance(message, LinePeerMessage):
            self._line(message, envelope, counts, inside=inside)
        else:
            self._planning(message, envelope, counts, inside=inside)

    def _planning(self, message: PlanningMessage, envelope: Exchanged, counts: PartyReview, *, inside: bool) -> None:
        match message:
            case messages.NoticeGivenMessage(notice):
                self._notice(notice, envelope, counts, inside=inside)
            case messages.NoticeAmendedMessage():
                counts.notices_amended += inside
            case messages.NoticeCancelledMessage():
                counts.notices_cancelled += inside
            case messages.PlanActivatedMessage(plan_id):
                self.active.setdefault((envelope.sender, plan_id), envelope.sent_at)
            case messages.PlanEndedMessage(plan_id) | messages.PlanWithdrawnMessage(plan_id):
                began = self.active.pop((envelope.sender, plan_id), None)
                self._fly(counts, began, envelope.sent_at)
            case messages.MeasureProposedMessage(measure):
                counts.measures_proposed += inside
                self._conflict(measure.conflict_id, inside=inside)
            case messages.MeasureAcceptedMessage():
                counts.measures_accepted += inside
            case messages.MeasureRefusedMessage():
                counts.measures_refused += inside
            case messages.NoMeasureFoundMessage(conflict_id, joint=joint):
                counts.no_measure_found += inside and not joint
                self._conflict(conflict_id, inside=inside)
            case _:
                pass

    def _conflict(self, conflict_id: str, *, inside: bool) -> None:
        if inside:
            self.conflicts.add(conflict_id)

    def _notice(self, notice: Notice, envelope: Exchanged, counts: PartyReview, *, inside: bool) -> None:
        """Count a notice once, although it is told again whenever a link begins anew."""
        key = (envelope.sender, notice.notice_id)
        if key in self.notices:
            return
        self.notices[key] = notice
        if not inside:
            return
        _add(counts.notices, str(notice.meaning))
        terms = self.terms.get(envelope.accord_hash)
        counts.notices_late += terms is not None and notice.lead_s < terms.lead_times_s.get(str(notice.meaning), 0.0)

    def _claim(self, claim: Claim, envelope: Exchanged, counts: PartyReview, *, inside: bool) -> None:
        sender = envelope.sender
        if claim.speaks_for not in (None, sender):
            counts.unreadable += inside
            return
        match claim:
            case claims.ObservationClaim(observation):
                self.seen.setdefault((sender, observation.observation_id), claim)
                counts.observations += inside
            case claims.VerdictsClaim(observation_id):
                self.judged.setdefault((self.other(sender), observation_id), claim)
            case claims.RequestClaim(request):
                self.requests.setdefault((sender, request.request_id), (request, inside))
            case claims.AnswerClaim(answer):
                self.answers.setdefault((self.other(sender), answer.request_id), []).append(answer)
                if inside:
                    _add(counts.answers, str(answer.answer))
            case claims.StatementClaim():
                counts.statements += inside
            case claims.IncidentClaim(incident):
                self.incidents.setdefault((sender, incident.incident_id), (incident, inside))
            case claims.ReplyClaim(reply):
                self.replies.setdefault((self.other(sender), reply.incident_id), []).append(reply)
            case claims.DeviationClaim(deviation):
                counts.deviations += inside
                terms = self.terms.get(deviation.accord_hash)
                late_s = (deviation.reported_at - deviation.left_at).total_seconds()
                counts.deviations_late += inside and terms is not None and late_s > terms.deviation_s
                self.deviating.setdefault((sender, deviation.deviation_id), deviation.left_at)
            case claims.DeviationOverClaim(over):
                self._deviate(counts, self.deviating.pop((sender, over.deviation_id), None), over.over_at)
            case claims.NotTakenClaim(kind, claim_id):
                self.not_taken.add((self.other(sender), kind, claim_id))
            case _:
                pass

    def _line(self, message: LinePeerMessage, envelope: Exchanged, counts: PartyReview, *, inside: bool) -> None:
        sender = envelope.sender
        match message:
            case line.CodedMessage(content):
                self.sent.setdefault((sender, content.message_id), (envelope.sent_at, content.is_stop))
                counts.stops += inside and content.is_stop
                counts.messages += inside and not content.is_stop
            case line.TakenMessage(message_id):
                self.taken.setdefault((self.other(sender), message_id), envelope.sent_at)
            case line.CheckResultMessage(result) if inside:
                for found in [str(fault) for fault in result.faults] or ["good"]:
                    _add(counts.line_checks, found)
            case _:
                pass

    def finish(self) -> None:
        for (party, _), began in self.active.items():
            self._fly(self.of[party], began, self.end)
        for (party, _), left in self.deviating.items():
            self._deviate(self.of[party], left, self.end)
        self._finish_requests()
        self._finish_incidents()
        self._finish_crossings()
        for party, counts in self.of.items():
            stops, others = self._to_human(party, stop=True), self._to_human(party, stop=False)
            counts.stops_acknowledged, counts.messages_acknowledged = len(stops), len(others)
            if stops:
                counts.stop_to_human_median_ms, counts.stop_to_human_longest_ms = median_low(stops), max(stops)
            if others:
                counts.message_to_human_median_ms = median_low(others)
            for name in ("notices", "requests", "answers", "incidents", "line_checks", "conformance"):
                setattr(counts, name, dict(sorted(getattr(counts, name).items())))

    def _finish_requests(self) -> None:
        for key, (request, inside) in self.requests.items():
            if not inside:
                continue
            due = self._due(request.asked_at, request.accord_hash, lambda terms: terms.request_answer_s)
            given = self.answers.get(key, [])
            if not given:
                outcome = self._without_answer(key, "claim_request", due)
            elif given[-1].answer is AnswerKind.REFUSED:
                outcome = "refused"
            else:
                outcome = "answered_late" if min(a.answered_at for a in given) > due else "answered_in_time"
            _add(self.of[key[0]].requests, outcome)

    def _finish_incidents(self) -> None:
        for key, (incident, inside) in self.incidents.items():
            if not inside:
                continue
            due = self._due(incident.reported_at, incident.accord_hash, lambda terms: terms.incident_answer_s)
            replies = self.replies.get(key, [])
            outcome = str(replies[-1].reply) if replies else self._without_answer(key, "claim_incident", due)
            counts = self.of[key[0]]
            _add(counts.incidents.setdefault(str(incident.incident_class), {}), outcome)
            counts.incidents_replied_late += bool(replies) and min(r.replied_at for r in replies) > due

    def _without_answer(self, key: tuple[str, str], kind: str, due: datetime) -> str:
        if (key[0], kind, key[1]) in self.not_taken:
            return "not_taken"
        return "overdue" if due < self.end else "open"

    def _finish_crossings(self) -> None:
        for key, claim in self.seen.items():
            if not self.start <= claim.observation.time < self.end:
                continue
            entered = {v.notice_id for v in claim.verdicts if self._keeps_out(key[0], v.party, v.notice_id, v.verdict)}
            theirs = self.judged.get(key)
            agreed = {
                v.notice_id
                for v in (theirs.verdicts if theirs else ())
                if self._keeps_out(key[0], v.party, v.notice_id, v.verdict)
            }
            self.of[key[0]].crossings_claimed += bool(entered)
            self.of[key[0]].crossings_confirmed += bool(entered & agreed)

    def _keeps_out(self, claimant: str, owner: str, notice_id: str, verdict: Verdict) -> bool:
        notice = self.notices.get((owner, notice_id))
        return owner == claimant and verdict is Verdict.INSIDE and notice is not None and notice.meaning in KEEPING_OUT

    def _to_human(self, party: str, *, stop: bool) -> list[int]:
        """Milliseconds until the other side's first person had each message that was sent in the period, in order."""
        waited = []
        for key, (sent_at, is_stop) in self.sent.items():
            taken_at = self.taken.get(key)
            if key[0] == party and is_stop is stop and taken_at is not None and self.start <= sent_at < self.end:
                waited.append(max(0, round((taken_at - sent_at).total_seconds() * 1000)))
        return sorted(waited)

    def _due(self, at: datetime, accord_hash: str, wait_s: Callable[[ClaimsTerms], float]) -> datetime:
        terms = self.terms.get(accord_hash)
        if terms is None or at > datetime.max.replace(tzinfo=UTC) - LONGEST_WAIT:
            return at
        return at + timedelta(seconds=wait_s(terms))

    def _fly(self, counts: PartyReview, begin: datetime | None, end: datetime) -> None:
        for day, seconds in self._days(begin, end):
            counts.plans_active_s += seconds
            counts.conformance.setdefault(day, DayConformance()).active_s += seconds

    def _deviate(self, counts: PartyReview, begin: datetime | None, end: datetime) -> None:
        for day, seconds in self._days(begin, end):
            counts.deviation_s += seconds
            counts.conformance.setdefault(day, DayConformance()).deviation_s += seconds

    def _days(self, begin: datetime | None, end: datetime) -> Iterator[tuple[str, int]]:
        """The whole seconds of an interval that are in the period, by UTC day."""
        if begin is None:
            return
        at, end = max(begin, self.start), min(end, self.end)
        while at < end:
            midnight = at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            until = min(midnight, end)
            yield f"{at:%Y-%m-%d}", int((until - at).total_seconds())
            at = until


def _add(counts: dict[str, Any], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1
