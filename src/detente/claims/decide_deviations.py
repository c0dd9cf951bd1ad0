"""Decide about what a party says of its own deviation, and about positions of our own aircraft (R25)."""

from __future__ import annotations

from datetime import datetime, timedelta

from detente.accord.provisions import SafetyFunction
from detente.airspace.plan import Plan, TimeWindow, Volume4D
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.claims import commands
from detente.claims.claims import Deviation, DeviationOver
from detente.claims.events import (
    ClaimNotTaken,
    ClaimsEvent,
    DeviationEnded,
    DeviationReported,
    OwnAircraftInside,
    OwnAircraftOutside,
)
from detente.claims.state import ClaimsState
from detente.claims.taking import Allows, check_going_on, check_own, check_peer, check_time, not_taken
from detente.claims.words import check_geometry
from detente.picture.observations import TOUCHING, Observation
from detente.picture.picture import Picture

HOLDS = timedelta(seconds=60)
"""How long from its time the place of an aircraft outside its plan is told for."""


def hold_position(
    claims: ClaimsState, picture: Picture, command: commands.HoldPosition, allows: Allows
) -> list[ClaimsEvent]:
    """A position of our own aircraft: surely outside its plan it is reported at once, inside again that is over.

    A position that may be inside, within its errors, is no deviation.
    """
    observation = command.observation
    if not claims.party or {command.party, observation.party} != {claims.party}:
        raise Refusal("party", observation.party, f"our own party, {claims.party or 'once there is an accord'}")
    check_time(observation.time, command.at, "time")
    record = picture.plans.get((claims.party, command.plan_id))
    if record is None or not record.live:
        raise Refusal("plan_id", command.plan_id, "a plan of ours that is declared or active")
    places = [Plan("position", (observation.where_it_may_have_been,))]
    inside = bool(encounters_between(places, [record.plan], TOUCHING))
    open_id = claims.outside.get(command.plan_id)
    if inside == (open_id is None):
        return []
    if open_id is not None:
        return _inside_again(claims, command, allows, open_id)
    if any(key[1:] == (claims.party, command.deviation_id) for key in claims.deviations):
        raise Refusal("deviation_id", command.deviation_id, "an id that no deviation of ours has")
    events: list[ClaimsEvent] = [OwnAircraftOutside(command.at, command.plan_id, command.deviation_id, observation)]
    for peer, accord_hash in sorted(claims.accords.items()):
        if allows(peer, SafetyFunction.SAFETY_OF_FLIGHT):
            left = min(observation.time, command.at)
            deviation = Deviation(
                command.deviation_id, claims.party, _around(observation), left, command.at, command.intent, accord_hash
            )
            events.append(DeviationReported(command.at, peer, deviation, _late_by_s(claims, peer, deviation)))
    return events


def _inside_again(
    claims: ClaimsState, command: commands.HoldPosition, allows: Allows, open_id: str
) -> list[ClaimsEvent]:
    events: list[ClaimsEvent] = [OwnAircraftInside(command.at, command.plan_id, open_id)]
    for key, record in sorted(claims.deviations.items()):
        if key[1:] == (claims.party, open_id) and record.over is None:
            over = DeviationOver(open_id, claims.party, max(command.observation.time, record.deviation.left_at))
            if allows(key[0], SafetyFunction.SAFETY_OF_FLIGHT):
                events.append(DeviationEnded(command.at, key[0], over))
    return events


def _around(observation: Observation) -> Volume4D:
    """Where an aircraft outside its plan may be, held for a minute."""
    places = observation.where_it_may_have_been
    return Volume4D(places.area, places.altitude, TimeWindow(places.time.start, places.time.end + HOLDS))


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
