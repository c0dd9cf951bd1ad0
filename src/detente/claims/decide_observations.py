"""Decide about observations."""

from __future__ import annotations

from datetime import datetime

from detente.accord.provisions import SafetyFunction
from detente.airspace.refusal import Refusal
from detente.claims import commands
from detente.claims.events import (
    ClaimNotTaken,
    ClaimsEvent,
    ObservationHeard,
    ObservationMade,
    ObservationShared,
    VerdictsHeard,
)
from detente.claims.judging import MOST_NAMED, Audience, explained_by, notice_verdicts
from detente.claims.state import ClaimsState
from detente.claims.taking import Allows, check_going_on, check_own, check_peer, check_time, not_taken
from detente.picture.observations import Observation
from detente.picture.picture import Picture


def make(claims: ClaimsState, picture: Picture, command: commands.MakeObservation, _: Allows) -> list[ClaimsEvent]:
    """What we saw is kept, with what explains it; it is private."""
    observation = command.observation
    if not claims.party or command.party != claims.party or observation.party != claims.party:
        raise Refusal("party", observation.party, f"our own party, {claims.party or 'once there is an accord'}")
    check_time(observation.time, command.at, "time")
    held = claims.observations.get((claims.party, observation.observation_id))
    if held is not None:
        if held.observation == observation:
            return []
        raise Refusal("observation_id", observation.observation_id, "an id that no observation of ours has")
    verdicts = notice_verdicts(picture, observation)
    return [ObservationMade(command.at, observation, verdicts, explained_by(picture, observation))]


def share(
    claims: ClaimsState, picture: Picture, command: commands.ShareObservation, allows: Allows
) -> list[ClaimsEvent]:
    """An observation of ours is told to one peer."""
    check_own(claims, command.party, command.peer)
    record = claims.observations.get((claims.party, command.observation_id))
    if record is None:
        raise Refusal("observation_id", command.observation_id, "an observation of ours")
    if command.peer in record.shared_with:
        return []
    check_going_on(allows, command.peer, SafetyFunction.REQUESTS)
    return [shared(claims, picture, command.at, command.peer, record.observation, allows)]


def shared(
    claims: ClaimsState, picture: Picture, at: datetime, peer: str, observation: Observation, allows: Allows
) -> ObservationShared:
    """Return the event that tells a peer an observation of ours, with verdicts on the notices that it knows."""
    verdicts = notice_verdicts(picture, observation, _audience(claims, peer, allows))
    return ObservationShared(at, peer, observation, verdicts)


def _audience(claims: ClaimsState, peer: str, allows: Allows) -> Audience:
    return Audience(claims.party, peer, claims.since[peer], allows(peer, None))


def hear(claims: ClaimsState, picture: Picture, command: commands.HearObservation, allows: Allows) -> list[ClaimsEvent]:
    """A peer tells what it saw; we judge it too and say so."""
    observation, peer = command.observation, command.party
    check_peer(claims, peer, observation.party)
    check_time(observation.time, command.at, "observation.time")
    if len(command.verdicts) > MOST_NAMED:
        raise Refusal("verdicts", len(command.verdicts), f"at most {MOST_NAMED}")
    held = claims.observations.get((peer, observation.observation_id))
    if held is not None:
        if held.observation == observation:
            return []
        raise Refusal("observation_id", observation.observation_id, "an id that no other observation of the party has")
    because = not_taken(claims, allows, peer, command.at, SafetyFunction.REQUESTS)
    if because is not None:
        return [ClaimNotTaken(command.at, peer, claims.party, "claim_observation", observation.observation_id, because)]
    ours = notice_verdicts(picture, observation, _audience(claims, peer, allows))
    explained = explained_by(picture, observation)
    return [ObservationHeard(command.at, peer, observation, command.verdicts, ours, explained)]


def hear_verdicts(claims: ClaimsState, _: Picture, command: commands.HearVerdicts, __: Allows) -> list[ClaimsEvent]:
    """A peer's verdicts on our observation, which it was told."""
    peer = command.party
    check_peer(claims, peer, peer)
    record = claims.observations.get((claims.party, command.observation_id))
    if record is None or peer not in record.shared_with:
        raise Refusal("observation_id", command.observation_id, "an observation of ours that the party was told")
    if len(command.verdicts) > MOST_NAMED:
        raise Refusal("verdicts", len(command.verdicts), f"at most {MOST_NAMED}")
    if record.theirs.get(peer) == command.verdicts:
        return []
    if peer in record.theirs:
        raise Refusal("observation_id", command.observation_id, "one judgement of an observation")
    return [VerdictsHeard(command.at, peer, command.observation_id, command.verdicts)]
