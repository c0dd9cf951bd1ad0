"""Decide about requests for information and their answers."""

from __future__ import annotations

from datetime import datetime, timedelta

from detente.accord.provisions import SafetyFunction
from detente.airspace.refusal import Refusal
from detente.claims import commands
from detente.claims.claims import Answer, AreaAndTime, Request
from detente.claims.decide_observations import shared
from detente.claims.events import ClaimNotTaken, ClaimsEvent, RequestAnswered, RequestAsked
from detente.claims.state import ClaimsState, RequestRecord
from detente.claims.taking import (
    MOST_STATEMENTS,
    Allows,
    check_free_text,
    check_going_on,
    check_own,
    check_peer,
    check_room,
    check_time,
    not_taken,
)
from detente.claims.words import check_geometry
from detente.picture.picture import Picture


def ask(claims: ClaimsState, picture: Picture, command: commands.AskRequest, allows: Allows) -> list[ClaimsEvent]:
    """We ask a peer; our observation that it is about is told first."""
    request, peer = command.request, command.peer
    check_own(claims, request.party, peer)
    check_going_on(allows, peer, SafetyFunction.REQUESTS)
    if (peer, claims.party, request.request_id) in claims.requests:
        raise Refusal("request_id", request.request_id, "an id that no request of ours to this party has")
    check_room(claims, claims.open_requests, peer)
    events: list[ClaimsEvent] = []
    about = request.about
    if isinstance(about, AreaAndTime):
        check_geometry(about.volume)
    elif about.party == claims.party:
        record = claims.observations.get((claims.party, about.observation_id))
        if record is None:
            raise Refusal("about.observation_id", about.observation_id, "an observation of ours")
        if peer not in record.shared_with:
            events.append(shared(claims, picture, command.at, peer, record.observation, allows))
    else:
        _check_known(claims, request, peer)
    return [*events, RequestAsked(command.at, peer, request, _due(claims, peer, request))]


def hear(claims: ClaimsState, _: Picture, command: commands.HearRequest, allows: Allows) -> list[ClaimsEvent]:
    """A peer asks us."""
    request, peer = command.request, command.party
    check_peer(claims, peer, request.party)
    held = claims.requests.get((peer, peer, request.request_id))
    if held is not None:
        if held.request == request:
            return []
        raise Refusal("request_id", request.request_id, "an id that no other request of the party has")
    check_time(request.asked_at, command.at, "asked_at")
    if isinstance(request.about, AreaAndTime):
        check_geometry(request.about.volume)
    because = not_taken(
        claims, allows, peer, command.at, SafetyFunction.REQUESTS, opened=claims.open_requests,
        accord_hash=request.accord_hash,
    )  # fmt: skip
    if because is not None:
        return [ClaimNotTaken(command.at, peer, claims.party, "claim_request", request.request_id, because)]
    _check_known(claims, request, peer)
    return [RequestAsked(command.at, peer, request, _due(claims, peer, request))]


def answer(claims: ClaimsState, _: Picture, command: commands.AnswerRequest, allows: Allows) -> list[ClaimsEvent]:
    """We answer what a peer asked."""
    check_own(claims, command.answer.party, command.peer)
    check_going_on(allows, command.peer, SafetyFunction.REQUESTS)
    check_free_text(claims, command.peer, command.answer.words)
    return _answered(claims, command.at, command.peer, command.peer, command.answer)


def hear_answer(claims: ClaimsState, _: Picture, command: commands.HearAnswer, __: Allows) -> list[ClaimsEvent]:
    """A peer answers what we asked it, and nobody else's question."""
    check_peer(claims, command.party, command.answer.party)
    return _answered(claims, command.at, command.party, claims.party, command.answer)


def _answered(claims: ClaimsState, at: datetime, peer: str, asker: str, given: Answer) -> list[ClaimsEvent]:
    record: RequestRecord | None = claims.requests.get((peer, asker, given.request_id))
    if record is None or record.not_taken is not None:
        raise Refusal("request_id", given.request_id, f"a request of {asker} to {given.party}")
    if given in record.answers:
        return []
    if len(record.answers) >= MOST_STATEMENTS:
        raise Refusal("request_id", given.request_id, f"a request with fewer than {MOST_STATEMENTS} answers")
    return [RequestAnswered(at, peer, given)]


def _check_known(claims: ClaimsState, request: Request, peer: str) -> None:
    """Raise Refusal unless the observation that is asked about was told by one side of the two to the other."""
    about = request.about
    if isinstance(about, AreaAndTime):
        return
    record = claims.observations.get((about.party, about.observation_id))
    known = about.party in (peer, claims.party) and record is not None
    if not known or (record is not None and about.party == claims.party and peer not in record.shared_with):
        raise Refusal("about.observation_id", about.observation_id, "an observation that both sides know")


def _due(claims: ClaimsState, peer: str, request: Request) -> datetime:
    return request.asked_at + timedelta(seconds=claims.terms[(peer, request.accord_hash)].request_answer_s)
