"""Decide about what a party says of its own deviation, and about positions of our own aircraft (R25)."""

from __future__ import annotations

from datetime import datetime, timedelta

from detente.accord.accords import Accords
from detente.airspace.plan import Plan, TimeWindow, Volume4D
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.claims import commands
from detente.claims.claims import Deviation, DeviationOver
from detente.claims.events import ClaimsEvent, DeviationEnded, DeviationReported, OwnAircraftInside, OwnAircraftOutside
from detente.claims.peer_messages import DeviationClaim, DeviationOverClaim
from detente.claims.state import ClaimsState
from detente.claims.taking import check_own, check_time, not_taken
from detente.claims.words import check_geometry
from detente.picture.observations import TOUCHING, Observation
from detente.picture.picture import Picture
from detente.room.message import Heard

HOLDS = timedelta(seconds=60)
"""The report of an aircraft outside its plan holds for this long from the time of its position."""


def hold_position(
    claims: ClaimsState, accords: Accords, picture: Picture, command: commands.HoldPosition
) -> list[ClaimsEvent]:
    """Report our own aircraft as soon as its position is surely outside its plan, and the end once it may be inside.

    A position that may be inside, within its errors, is no deviation.
    """
    observation = command.observation
    if not claims.party or {command.party, observation.party} != {claims.party}:
        raise Refusal(
            "claims.our_own_party", "party", observation.party, party=claims.party or "once there is an accord"
        )
    check_time(observation.time, command.at, "time")
    record = picture.plans.get((claims.party, command.plan_id))
    if record is None or not record.live:
        raise Refusal("claims.plan_ours_declared", "plan_id", command.plan_id)
    places = [Plan("position", (observation.where_it_may_have_been,))]
    inside = bool(encounters_between(places, [record.plan], TOUCHING))
    open_id = claims.outside.get(command.plan_id)
    if inside == (open_id is None):
        return []
    if open_id is not None:
        return _inside_again(claims, accords, command, open_id)
    if any(key[1:] == (claims.party, command.deviation_id) for key in claims.deviations):
        raise Refusal("claims.id_no_deviation_ours", "deviation_id", command.deviation_id)
    events: list[ClaimsEvent] = [OwnAircraftOutside(command.at, command.plan_id, command.deviation_id, observation)]
    for peer, accord_hash in sorted(claims.accords.items()):
        if accords.allows(peer, DeviationClaim.activity, command.at):
            left = min(observation.time, command.at)
            deviation = Deviation(
                command.deviation_id, claims.party, _around(observation), left, command.at, command.intent, accord_hash
            )
            events.append(DeviationReported(command.at, peer, deviation, _late_by_s(claims, peer, deviation)))
    return events


def _inside_again(
    claims: ClaimsState, accords: Accords, command: commands.HoldPosition, open_id: str
) -> list[ClaimsEvent]:
    events: list[ClaimsEvent] = [OwnAircraftInside(command.at, command.plan_id, open_id)]
    for key, record in sorted(claims.deviations.items()):
        if key[1:] == (claims.party, open_id) and record.over is None:
            over = DeviationOver(open_id, claims.party, max(command.observation.time, record.deviation.left_at))
            if accords.allows(key[0], DeviationOverClaim.activity, command.at):
                events.append(DeviationEnded(command.at, key[0], over))
    return events


def _around(observation: Observation) -> Volume4D:
    """The volume in which an aircraft outside its plan may be until a minute from now."""
    places = observation.where_it_may_have_been
    return Volume4D(places.area, places.altitude, TimeWindow(places.time.start, places.time.end + HOLDS))


def report_deviation(claims: ClaimsState, command: commands.ReportDeviation) -> list[ClaimsEvent]:
    """We tell a peer that we are outside our own volume (R25)."""
    deviation, peer = command.deviation, command.peer
    check_own(claims, deviation.party, peer)
    check_geometry(deviation.volume)
    held = claims.deviations.get((peer, claims.party, deviation.deviation_id))
    if held is not None:
        raise Refusal("claims.id_no_deviation_ours", "deviation_id", deviation.deviation_id)
    return [DeviationReported(command.at, peer, deviation, _late_by_s(claims, peer, deviation))]


def hear_deviation(
    claims: ClaimsState, accords: Accords, _: Picture, command: Heard[DeviationClaim]
) -> list[ClaimsEvent]:
    """A peer tells us that it is outside its own volume."""
    deviation, peer = command.message.deviation, command.party
    check_time(deviation.left_at, command.at, "left_at")
    check_time(deviation.reported_at, command.at, "reported_at")
    check_geometry(deviation.volume)
    held = claims.deviations.get((peer, peer, deviation.deviation_id))
    if held is not None:
        if held.deviation == deviation:
            return []
        raise Refusal("claims.id_no_other_deviation", "deviation_id", deviation.deviation_id)
    if (refused := not_taken(claims, accords, command, accord_hash=deviation.accord_hash)) is not None:
        return [refused]
    return [DeviationReported(command.at, peer, deviation, _late_by_s(claims, peer, deviation))]


def end_deviation(claims: ClaimsState, command: commands.EndDeviation) -> list[ClaimsEvent]:
    """We tell a peer that our deviation is over."""
    check_own(claims, command.over.party, command.peer)
    return _ended(claims, command.at, command.peer, claims.party, command.over)


def hear_deviation_over(claims: ClaimsState, command: Heard[DeviationOverClaim]) -> list[ClaimsEvent]:
    """A peer tells us that its deviation is over."""
    return _ended(claims, command.at, command.party, command.party, command.message.over)


def _ended(claims: ClaimsState, at: datetime, peer: str, party: str, over: DeviationOver) -> list[ClaimsEvent]:
    record = claims.deviations.get((peer, party, over.deviation_id))
    if record is None:
        raise Refusal("claims.deviation_reported", "deviation_id", over.deviation_id, party=party)
    if record.over is not None:
        if record.over == over:
            return []
        raise Refusal("claims.deviation_not_over", "deviation_id", over.deviation_id)
    check_time(over.over_at, at, "over_at")
    if over.over_at < record.deviation.left_at:
        raise Refusal("claims.time_after_deviation_began", "over_at", over.over_at.isoformat())
    return [DeviationEnded(at, peer, over)]


def _late_by_s(claims: ClaimsState, peer: str, deviation: Deviation) -> float:
    terms = claims.terms[(peer, deviation.accord_hash)]
    return max(0.0, (deviation.reported_at - deviation.left_at).total_seconds() - terms.deviation_s)
