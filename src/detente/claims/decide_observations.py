"""Decide about observations and the verdicts on them."""

from __future__ import annotations

from datetime import datetime

from detente.accord.accords import Accords
from detente.airspace.refusal import Refusal
from detente.claims import commands
from detente.claims.claims import NoticeVerdict
from detente.claims.events import ClaimsEvent, ObservationHeard, ObservationMade, ObservationShared, VerdictsHeard
from detente.claims.judging import MOST_NAMED, Audience, explained_by, notice_verdicts
from detente.claims.peer_messages import ObservationClaim, VerdictsClaim
from detente.claims.state import ClaimsState
from detente.claims.taking import check_own, check_time, not_taken
from detente.picture.observations import Observation
from detente.picture.picture import Picture
from detente.room.message import Heard


def make(claims: ClaimsState, _: Accords, picture: Picture, command: commands.MakeObservation) -> list[ClaimsEvent]:
    """We keep what we saw, with what explains it, and tell nobody."""
    observation = command.observation
    if not claims.party or command.party != claims.party or observation.party != claims.party:
        raise Refusal(
            "claims.our_own_party", "party", observation.party, party=claims.party or "once there is an accord"
        )
    check_time(observation.time, command.at, "time")
    held = claims.observations.get((claims.party, observation.observation_id))
    if held is not None:
        if held.observation == observation:
            return []
        raise Refusal("claims.id_no_observation_ours", "observation_id", observation.observation_id)
    verdicts = notice_verdicts(picture, observation)
    return [ObservationMade(command.at, observation, verdicts, explained_by(picture, observation))]


def share(
    claims: ClaimsState, accords: Accords, picture: Picture, command: commands.ShareObservation
) -> list[ClaimsEvent]:
    """We tell one peer an observation of ours."""
    check_own(claims, command.party, command.peer)
    record = claims.observations.get((claims.party, command.observation_id))
    if record is None:
        raise Refusal("claims.observation_ours", "observation_id", command.observation_id)
    if command.peer in record.shared_with:
        return []
    return [shared(claims, accords, picture, command.at, command.peer, record.observation)]


def shared(
    claims: ClaimsState, accords: Accords, picture: Picture, at: datetime, peer: str, observation: Observation
) -> ObservationShared:
    """Return the event that tells a peer an observation of ours, with verdicts on the notices that it knows."""
    verdicts = notice_verdicts(picture, observation, _audience(claims, accords, at, peer))
    return ObservationShared(at, peer, observation, verdicts)


def _audience(claims: ClaimsState, accords: Accords, at: datetime, peer: str) -> Audience:
    return Audience(claims.party, peer, claims.since[peer], accords.may_plan(peer, at))


def hear(
    claims: ClaimsState, accords: Accords, picture: Picture, command: Heard[ObservationClaim]
) -> list[ClaimsEvent]:
    """A peer tells us what it saw; we judge it too and tell the peer our verdicts."""
    observation, verdicts, peer = command.message.observation, command.message.verdicts, command.party
    check_time(observation.time, command.at, "observation.time")
    _check_number(verdicts)
    held = claims.observations.get((peer, observation.observation_id))
    if held is not None:
        if held.observation == observation:
            return []
        raise Refusal("claims.id_no_other_observation", "observation_id", observation.observation_id)
    if (refused := not_taken(claims, accords, command)) is not None:
        return [refused]
    ours = notice_verdicts(picture, observation, _audience(claims, accords, command.at, peer))
    explained = explained_by(picture, observation)
    return [ObservationHeard(command.at, peer, observation, verdicts, ours, explained)]


def hear_verdicts(claims: ClaimsState, command: Heard[VerdictsClaim]) -> list[ClaimsEvent]:
    """A peer tells us its verdicts on an observation that we told it."""
    observation_id, verdicts, peer = command.message.observation_id, command.message.verdicts, command.party
    record = claims.observations.get((claims.party, observation_id))
    if record is None or peer not in record.shared_with:
        raise Refusal("claims.observation_ours_party_told", "observation_id", observation_id)
    _check_number(verdicts)
    if record.theirs.get(peer) == verdicts:
        return []
    if peer in record.theirs:
        raise Refusal("claims.one_judgement_observation", "observation_id", observation_id)
    return [VerdictsHeard(command.at, peer, observation_id, verdicts)]


def _check_number(verdicts: tuple[NoticeVerdict, ...]) -> None:
    if len(verdicts) > MOST_NAMED:
        raise Refusal("claims.at_most_items", "verdicts", len(verdicts), most=MOST_NAMED)
