"""Claims over HTTP: observations, requests, statements, incidents, deviations, joint statistics."""

from __future__ import annotations

from collections.abc import Sequence

from litestar import Router, get, post

from detente.airspace.refusal import Refusal
from detente.api.claims_views import (
    AnswerText,
    ClaimDone,
    ClosingText,
    DeviationOverText,
    DeviationText,
    IncidentText,
    IncidentView,
    ObservationText,
    ObservationView,
    PositionText,
    ReplyText,
    RequestText,
    RequestView,
    ReviewText,
    ReviewView,
    ShareText,
    StatementsView,
    StatementText,
    claim_from,
    deviation_records,
    incident_view,
    observation_view,
    request_view,
    review_view,
    statements_view,
)
from detente.api.service import Service, not_found
from detente.claims import commands
from detente.claims.claims import (
    Answer,
    Deviation,
    DeviationOver,
    Incident,
    IncidentClosing,
    IncidentReply,
    Request,
    Statement,
)
from detente.claims.commands import ClaimsCommand
from detente.claims.events import IncidentReported, RequestAsked
from detente.claims.state import DeviationRecord
from detente.node.claims_clock import JointReviews
from detente.picture.observations import Observation
from detente.room.tagged import tag_of

NO_EVIDENCE = "0" * 64
"""What stands for the hash of evidence in a position of our own aircraft, which stays here."""


@get("/observations", summary="List observations")
async def list_observations(
    service: Service, *, undeclared: bool = False, party: str | None = None
) -> list[ObservationView]:
    """List what we saw and what peers told that they saw; `undeclared`: only what nothing that we know explains."""

    def views() -> list[ObservationView]:
        claims, picture = service.claims, service.picture
        kept = [record for (who, _), record in sorted(claims.observations.items()) if party in (None, who)]
        found = [observation_view(claims, picture, record) for record in kept]
        return [view for view in found if view.undeclared or not undeclared]

    return await service.loop.read(views)


@post("/observations", status_code=200, summary="Keep an observation")
async def make_observation(data: ObservationText, service: Service) -> ClaimDone:
    """Keep what we saw, with its errors and the hash of what we hold to show for it; tell those who are named."""
    for peer in data.share_with:
        _accord_with(service, peer)
    observation = claim_from(data, Observation, party=service.party)
    done = await _do(service, commands.MakeObservation(service.now(), service.party, observation))
    for peer in data.share_with:
        command = commands.ShareObservation(service.now(), service.party, peer, data.observation_id)
        shared = await _do(service, command)
        done = ClaimDone((*done.events, *shared.events), shared.journal_number)
    return done


@post("/observations/{observation_id:str}/share", status_code=200, summary="Tell an observation")
async def share_observation(data: ShareText, service: Service, observation_id: str) -> ClaimDone:
    """Tell a peer one of our observations, with our verdicts."""
    return await _do(service, commands.ShareObservation(service.now(), service.party, data.peer, observation_id))


@get("/requests", summary="List requests")
async def list_requests(service: Service, *, waiting: bool = False, peer: str | None = None) -> list[RequestView]:
    """List what either side asked; `waiting`: only what is not answered."""

    def views() -> list[RequestView]:
        at = service.now()
        kept = [record for key, record in sorted(service.claims.requests.items()) if peer in (None, key[0])]
        return [request_view(record, at) for record in kept if record.is_open or not waiting]

    return await service.loop.read(views)


@post("/requests", status_code=200, summary="Ask for information")
async def ask(data: RequestText, service: Service) -> ClaimDone:
    """Ask a peer about an observation, or about an area and time. An observation of ours is told with it."""
    at, accord_hash = service.now(), _accord_with(service, data.peer)
    request = claim_from(data, Request, party=service.party, asked_at=at, accord_hash=accord_hash)
    return await _do(service, commands.AskRequest(at, service.party, data.peer, request))


@post("/answers", status_code=200, summary="Answer a request")
async def answer(data: AnswerText, service: Service) -> ClaimDone:
    """Answer a peer's request, or refuse it with a reason. A later answer stands beside the first."""
    at = service.now()
    given = claim_from(data, Answer, party=service.party, answered_at=at)
    return await _do(service, commands.AnswerRequest(at, service.party, data.peer, given))


@get("/statements", summary="List statements")
async def list_statements(service: Service, peer: str | None = None) -> list[StatementsView]:
    """List each side's own words on the same occurrences, side by side."""

    def views() -> list[StatementsView]:
        kept = sorted(service.claims.occurrences.items())
        return [statements_view(record) for key, record in kept if peer in (None, key[0])]

    return await service.loop.read(views)


@post("/statements", status_code=200, summary="Make a statement")
async def make_statement(data: StatementText, service: Service) -> ClaimDone:
    """State our side of an occurrence. Nobody can change it, nor can we: what we say later stands after it."""
    at, opener = service.now(), data.opener or service.party
    statement = claim_from(data, Statement, party=service.party, opener=opener, number=1, said_at=at)
    return await _do(service, commands.MakeStatement(at, service.party, data.peer, statement))


@get("/incidents", summary="List incidents")
async def list_incidents(service: Service, *, waiting: bool = False, peer: str | None = None) -> list[IncidentView]:
    """List incidents with both sides' versions; `waiting`: only those that await a reply or a result."""

    def views() -> list[IncidentView]:
        at, claims = service.now(), service.claims
        kept = [record for key, record in sorted(claims.incidents.items()) if peer in (None, key[0])]
        return [incident_view(claims, record, at) for record in kept if record.awaits_reply or not waiting]

    return await service.loop.read(views)


@get("/incidents/{peer:str}/{reporter:str}/{incident_id:str}", summary="Show an incident")
async def show_incident(service: Service, peer: str, reporter: str, incident_id: str) -> IncidentView:
    """Show one incident between us and a peer, which `reporter` reported."""
    claims = service.claims
    record = await service.loop.read(lambda: claims.incidents.get((peer, reporter, incident_id)))
    if record is None:
        raise not_found("api.incident_between_us_reported", "incident_id", incident_id, peer=peer, reporter=reporter)
    return incident_view(claims, record, service.now())


@post("/incidents", status_code=200, summary="Report an incident")
async def report_incident(data: IncidentText, service: Service) -> ClaimDone:
    """Report an incident: class, where and when, our evidence's hashes, and what we ask for."""
    at, accord_hash = service.now(), _accord_with(service, data.peer)
    incident = claim_from(data, Incident, party=service.party, reported_at=at, accord_hash=accord_hash)
    return await _do(service, commands.ReportIncident(at, service.party, data.peer, incident))


@post("/incidents/reply", status_code=200, summary="Reply to an incident")
async def reply_to_incident(data: ReplyText, service: Service) -> ClaimDone:
    """Accept, reject, cannot tell, or under investigation until a date; with our own version where we have one."""
    at = service.now()
    reply = claim_from(data, IncidentReply, party=service.party, replied_at=at)
    return await _do(service, commands.ReplyToIncident(at, service.party, data.peer, reply))


@post("/incidents/close", status_code=200, summary="Close an incident")
async def close_incident(data: ClosingText, service: Service) -> ClaimDone:
    """Close an incident that we reported."""
    at = service.now()
    closing = claim_from(data, IncidentClosing, party=service.party, closed_at=at)
    return await _do(service, commands.CloseIncident(at, service.party, data.peer, closing))


@get("/deviations", summary="List deviations")
async def list_deviations(service: Service) -> list[DeviationRecord]:
    """List what parties reported of themselves: out of their own volume, since when, with which intent."""
    return await service.loop.read(lambda: deviation_records(service.claims))


@post("/deviations", status_code=200, summary="Report our deviation")
async def report_deviation(data: DeviationText, service: Service) -> ClaimDone:
    """Tell every peer that we are outside our own volume."""
    at = service.now()
    given = {
        peer: claim_from(data, Deviation, party=service.party, reported_at=at, accord_hash=accord_hash)
        for peer, accord_hash in sorted(service.claims.accords.items())
    }
    return await _do_each(
        service, [commands.ReportDeviation(at, service.party, peer, deviation) for peer, deviation in given.items()]
    )


@post("/deviations/over", status_code=200, summary="Our deviation is over")
async def end_deviation(data: DeviationOverText, service: Service) -> ClaimDone:
    """Tell every peer that was told of our deviation that it is over."""
    at = service.now()
    told = [key[0] for key in sorted(service.claims.deviations) if key[1:] == (service.party, data.deviation_id)]
    if not told:
        raise not_found("api.deviation_we_reported", "deviation_id", data.deviation_id)
    over = claim_from(data, DeviationOver, party=service.party, over_at=data.over_at or at)
    return await _do_each(service, [commands.EndDeviation(at, service.party, peer, over) for peer in told])


@post("/positions", status_code=200, summary="Hold our own aircraft against its plan")
async def hold_position(data: PositionText, service: Service) -> ClaimDone:
    """Take a position of our own aircraft: outside its plan it is reported to every peer at once, by itself (R25)."""
    at = service.now()
    deviation_id = f"out-{at:%Y%m%d-%H%M%S}-{at.microsecond // 1000:03d}"
    seen = claim_from(data, Observation, observation_id="own", party=service.party, evidence_sha256=NO_EVIDENCE)
    command = commands.HoldPosition(at, service.party, data.plan_id, deviation_id, seen, data.intent)
    return await _do(service, command, urgent=True)


@get("/reviews", summary="List joint statistics")
async def list_reviews(service: Service, peer: str | None = None) -> list[ReviewView]:
    """List the joint statistics that were computed, equal on both sides or with the first difference."""

    def views() -> list[ReviewView]:
        kept = sorted(service.claims.reviews.items(), key=lambda item: (item[1].known_at, item[0]))
        return [review_view(key[1], record) for key, record in kept if peer in (None, key[0])]

    return await service.loop.read(views)


@post("/reviews", status_code=200, summary="Compute joint statistics")
async def propose_review(data: ReviewText, service: Service) -> ReviewView:
    """Compute the statistics of a period from what both journals hold by now, and ask the peer to compute them too."""
    review = await JointReviews(service.loop).propose(data.peer, data.start, data.end, service.by)
    record = await service.loop.read(lambda: service.claims.reviews[(data.peer, review.key)])
    return review_view(review.key, record)


def _accord_with(service: Service, peer: str) -> str:
    found = service.claims.accords.get(peer)
    if found is None:
        known = ", ".join(sorted(service.claims.accords)) or "none"
        raise Refusal("api.party_with_accord", "peer", peer, known=known)
    return found


async def _do(service: Service, command: ClaimsCommand, *, urgent: bool = False) -> ClaimDone:
    outcome = await service.do(command, urgent=urgent)
    due = [event.due for event in outcome.events if isinstance(event, RequestAsked | IncidentReported)]
    return ClaimDone(tuple(tag_of(event) for event in outcome.events), outcome.journal_number, next(iter(due), None))


async def _do_each(service: Service, told: Sequence[ClaimsCommand]) -> ClaimDone:
    """Tell every peer that may hear it; raises Refusal when there is none."""
    events: list[str] = []
    number, refused = 0, Refusal("api.any_party_with_accord", "peer", None)
    for command in told:
        try:
            done = await _do(service, command, urgent=True)
        except Refusal as refusal:
            refused = refusal
        else:
            events += done.events
            number = done.journal_number
    if not events:
        raise refused
    return ClaimDone(tuple(events), number)


router = Router(
    path="/claims",
    route_handlers=[
        list_observations, make_observation, share_observation, list_requests, ask, answer, list_statements,
        make_statement, list_incidents, show_incident, report_incident, reply_to_incident, close_incident,
        list_deviations, report_deviation, end_deviation, hold_position, list_reviews, propose_review,
    ],
    tags=["claims"],
)  # fmt: skip
