"""Decide about requests for information and their answers."""

from __future__ import annotations

from datetime import datetime, timedelta

from detente.accord.accords import Accords
from detente.airspace.refusal import Refusal
from detente.claims import commands
from detente.claims.claims import Answer, AreaAndTime, Request
from detente.claims.decide_observations import shared
from detente.claims.events import ClaimsEvent, RequestAnswered, RequestAsked
from detente.claims.peer_messages import AnswerClaim, RequestClaim
from detente.claims.state import ClaimsState
from detente.claims.taking import (
    MOST_STATEMENTS,
    check_free_text,
    check_not_full,
    check_own,
    check_time,
    is_full,
    not_taken,
)
from detente.claims.words import check_geometry
from detente.picture.picture import Picture
from detente.room.message import Heard


def ask(claims: ClaimsState, accords: Accords, picture: Picture, command: commands.AskRequest) -> list[ClaimsEvent]:
    """We ask a peer; our observation that it is about is told first."""
    request, peer = command.request, command.peer
    check_own(claims, request.party, peer)
    if (peer, claims.party, request.request_id) in claims.requests:
        raise Refusal("claims.id_no_request_ours", "request_id", request.request_id)
    check_not_full(claims.open_requests, peer, claims.party)
    events: list[ClaimsEvent] = []
    about = request.about
    if isinstance(about, AreaAndTime):
        check_geometry(about.volume)
    elif about.party == claims.party:
        record = claims.observations.get((claims.party, about.observation_id))
        if record is None:
            raise Refusal("claims.observation_ours", "about.observation_id", about.observation_id)
        if peer not in record.shared_with:
            events.append(shared(claims, accords, picture, command.at, peer, record.observation))
    else:
        _check_known(claims, request, peer)
    return [*events, RequestAsked(command.at, peer, request, _due(claims, peer, request))]


def hear(claims: ClaimsState, accords: Accords, _: Picture, command: Heard[RequestClaim]) -> list[ClaimsEvent]:
    """A peer asks us."""
    request, peer = command.message.request, command.party
    held = claims.requests.get((peer, peer, request.request_id))
    if held is not None:
        if held.request == request:
            return []
        raise Refusal("claims.id_no_other_request", "request_id", request.request_id)
    check_time(request.asked_at, command.at, "asked_at")
    if isinstance(request.about, AreaAndTime):
        check_geometry(request.about.volume)
    full = is_full(claims.open_requests, peer, peer)
    if (refused := not_taken(claims, accords, command, accord_hash=request.accord_hash, too_many=full)) is not None:
        return [refused]
    _check_known(claims, request, peer)
    return [RequestAsked(command.at, peer, request, _due(claims, peer, request))]


def answer(claims: ClaimsState, command: commands.AnswerRequest) -> list[ClaimsEvent]:
    """We answer a peer's request."""
    check_own(claims, command.answer.party, command.peer)
    check_free_text(claims, command.peer, command.answer.words)
    return _answered(claims, command.at, command.peer, command.peer, command.answer)


def hear_answer(claims: ClaimsState, command: Heard[AnswerClaim]) -> list[ClaimsEvent]:
    """A peer answers a request that we sent to it."""
    return _answered(claims, command.at, command.party, claims.party, command.message.answer)


def _answered(claims: ClaimsState, at: datetime, peer: str, asker: str, given: Answer) -> list[ClaimsEvent]:
    record = claims.requests.get((peer, asker, given.request_id))
    if record is None or record.not_taken is not None:
        raise Refusal("claims.request_asker_party", "request_id", given.request_id, asker=asker, party=given.party)
    if given in record.answers:
        return []
    check_time(given.answered_at, at, "answered_at")
    if len(record.answers) >= MOST_STATEMENTS:
        raise Refusal("claims.request_with_fewer", "request_id", given.request_id, most=MOST_STATEMENTS)
    return [RequestAnswered(at, peer, given)]


def _check_known(claims: ClaimsState, request: Request, peer: str) -> None:
    """Raise Refusal unless one of the two sides has told the other the observation that is asked about."""
    about = request.about
    if isinstance(about, AreaAndTime):
        return
    record = claims.observations.get((about.party, about.observation_id))
    known = about.party in (peer, claims.party) and record is not None
    if not known or (record is not None and about.party == claims.party and peer not in record.shared_with):
        raise Refusal("claims.observation_known_to_both", "about.observation_id", about.observation_id)


def _due(claims: ClaimsState, peer: str, request: Request) -> datetime:
    return request.asked_at + timedelta(seconds=claims.terms[(peer, request.accord_hash)].request_answer_s)
