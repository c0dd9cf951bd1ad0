"""Decide about observations, and about what a party says of its own deviation."""

from __future__ import annotations

from datetime import datetime

from detente.accord.provisions import SafetyFunction
from detente.airspace.refusal import Refusal
from detente.claims import commands
from detente.claims.claims import Deviation, DeviationOver
from detente.claims.events import (
    ClaimNotTaken,
    ClaimsEvent,
    DeviationEnded,
    DeviationReported,
    ObservationHeard,
    ObservationMade,
    ObservationShared,
    VerdictsHeard,
)
from detente.claims.judging import MOST_NAMED, explained_by, notice_verdicts
from detente.claims.state import ClaimsState
from detente.claims.taking import Allows, check_going_on, check_own, check_peer, check_time, not_taken
from detente.claims.words import check_geometry
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
    return [shared(claims, picture, command.at, command.peer, record.observation)]


def shared(
    claims: ClaimsState, picture: Picture, at: datetime, peer: str, observation: Observation
) -> ObservationShared:
    """Return the event that tells a peer an observation of ours, with verdicts on what both sides gave each other."""
    verdicts = notice_verdicts(picture, observation, (claims.party, peer))
    return ObservationShared(at, peer, observation, verdicts)


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
    ours = notice_verdicts(picture, observation, (claims.party, peer))
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


def report_deviation(
    claims: ClaimsState, _: Picture, command: commands.ReportDeviation, allows: Allows
) -> list[ClaimsEvent]:
    """We say that we are outside our own volume (R25)."""
    deviation, peer = command.deviation, command.peer
    check_own(claims, deviation.party, peer)
    check_going_on(allows, peer, SafetyFunction.SAFETY_OF_FLIGHT)
    check_geometry(deviation.volume)
    held = claims.deviations.get((peer, claims.party, deviation.deviation_id))
    if held is not None:
        raise Refusal("deviation_id", deviation.deviation_id, "an id that no deviation of ours has")
    return [DeviationReported(command.at, peer, deviation, _late_by_s(claims, peer, deviation))]


def hear_deviation(
    claims: ClaimsState, _: Picture, command: commands.HearDeviation, allows: Allows
) -> list[ClaimsEvent]:
    """A peer says that it is outside its own volume."""
    deviation, peer = command.deviation, command.party
    check_peer(claims, peer, deviation.party)
    check_time(deviation.left_at, command.at, "left_at")
    check_time(deviation.reported_at, command.at, "reported_at")
    check_geometry(deviation.volume)
    held = claims.deviations.get((peer, peer, deviation.deviation_id))
    if held is not None:
        if held.deviation == deviation:
            return []
        raise Refusal("deviation_id", deviation.deviation_id, "an id that no other deviation of the party has")
    because = not_taken(
        claims, allows, peer, command.at, SafetyFunction.SAFETY_OF_FLIGHT, accord_hash=deviation.accord_hash
    )
    if because is not None:
        return [ClaimNotTaken(command.at, peer, claims.party, "claim_deviation", deviation.deviation_id, because)]
    return [DeviationReported(command.at, peer, deviation, _late_by_s(claims, peer, deviation))]


def end_deviation(claims: ClaimsState, _: Picture, command: commands.EndDeviation, allows: Allows) -> list[ClaimsEvent]:
    """We say that our deviation is over."""
    check_own(claims, command.over.party, command.peer)
    check_going_on(allows, command.peer, SafetyFunction.SAFETY_OF_FLIGHT)
    return _ended(claims, command.at, command.peer, claims.party, command.over)


def hear_deviation_over(
    claims: ClaimsState, _: Picture, command: commands.HearDeviationOver, __: Allows
) -> list[ClaimsEvent]:
    """A peer says that its deviation is over."""
    check_peer(claims, command.party, command.over.party)
    return _ended(claims, command.at, command.party, command.party, command.over)


def _ended(claims: ClaimsState, at: datetime, peer: str, party: str, over: DeviationOver) -> list[ClaimsEvent]:
    record = claims.deviations.get((peer, party, over.deviation_id))
    if record is None:
        raise Refusal("deviation_id", over.deviation_id, f"a deviation that {party} reported")
    if record.over is not None:
        if record.over == over:
            return []
        raise Refusal("deviation_id", over.deviation_id, "a deviation that is not over")
    if over.over_at < record.deviation.left_at:
        raise Refusal("over_at", over.over_at.isoformat(), "a time after the deviation began")
    return [DeviationEnded(at, peer, over)]


def _late_by_s(claims: ClaimsState, peer: str, deviation: Deviation) -> float:
    terms = claims.terms[(peer, deviation.accord_hash)]
    return max(0.0, (deviation.reported_at - deviation.left_at).total_seconds() - terms.deviation_s)
