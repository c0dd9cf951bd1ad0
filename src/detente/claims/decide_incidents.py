"""Decide about incidents, replies to them, and each side's statements."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from detente.accord.provisions import SafetyFunction
from detente.airspace.refusal import Refusal
from detente.claims import commands
from detente.claims.claims import Incident, IncidentClosing, IncidentReply, Statement
from detente.claims.events import (
    ClaimNotTaken,
    ClaimsEvent,
    IncidentClosed,
    IncidentReplied,
    IncidentReported,
    StatementMade,
)
from detente.claims.state import ClaimsState, IncidentRecord
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

LONGEST_INVESTIGATION = timedelta(days=366)


def report(claims: ClaimsState, _: Picture, command: commands.ReportIncident, allows: Allows) -> list[ClaimsEvent]:
    """We report an incident to a peer."""
    incident, peer = command.incident, command.peer
    check_own(claims, incident.party, peer)
    check_going_on(allows, peer, SafetyFunction.INCIDENTS)
    check_free_text(claims, peer, incident.words)
    check_geometry(incident.volume)
    if (peer, claims.party, incident.incident_id) in claims.incidents:
        raise Refusal("incident_id", incident.incident_id, "an id that no incident of ours with this party has")
    check_room(claims, claims.open_incidents, peer)
    _check_observations(claims, incident, peer)
    return [IncidentReported(command.at, peer, incident, _due(claims, peer, incident))]


def hear(claims: ClaimsState, _: Picture, command: commands.HearIncident, allows: Allows) -> list[ClaimsEvent]:
    """A peer reports an incident."""
    incident, peer = command.incident, command.party
    check_peer(claims, peer, incident.party)
    held = claims.incidents.get((peer, peer, incident.incident_id))
    if held is not None:
        if held.incident == incident:
            return []
        raise Refusal("incident_id", incident.incident_id, "an id that no other incident of the party has")
    check_time(incident.reported_at, command.at, "reported_at")
    check_geometry(incident.volume)
    because = not_taken(
        claims, allows, peer, command.at, SafetyFunction.INCIDENTS, opened=claims.open_incidents,
        words=incident.words, accord_hash=incident.accord_hash,
    )  # fmt: skip
    if because is not None:
        return [ClaimNotTaken(command.at, peer, claims.party, "claim_incident", incident.incident_id, because)]
    _check_observations(claims, incident, peer)
    return [IncidentReported(command.at, peer, incident, _due(claims, peer, incident))]


def reply(claims: ClaimsState, _: Picture, command: commands.ReplyToIncident, allows: Allows) -> list[ClaimsEvent]:
    """We reply to a peer's incident."""
    check_own(claims, command.reply.party, command.peer)
    check_going_on(allows, command.peer, SafetyFunction.INCIDENTS)
    check_free_text(claims, command.peer, command.reply.words)
    return _replied(claims, command.at, command.peer, command.peer, command.reply)


def hear_reply(claims: ClaimsState, _: Picture, command: commands.HearIncidentReply, __: Allows) -> list[ClaimsEvent]:
    """A peer replies to our incident, and to nobody else's."""
    check_peer(claims, command.party, command.reply.party)
    return _replied(claims, command.at, command.party, claims.party, command.reply)


def close(claims: ClaimsState, _: Picture, command: commands.CloseIncident, allows: Allows) -> list[ClaimsEvent]:
    """We close an incident that we reported."""
    check_own(claims, command.closing.party, command.peer)
    check_going_on(allows, command.peer, SafetyFunction.INCIDENTS)
    return _closed(claims, command.at, command.peer, claims.party, command.closing)


def hear_closing(
    claims: ClaimsState, _: Picture, command: commands.HearIncidentClosing, __: Allows
) -> list[ClaimsEvent]:
    """A peer closes an incident that it reported, and no other."""
    check_peer(claims, command.party, command.closing.party)
    return _closed(claims, command.at, command.party, command.party, command.closing)


def state(claims: ClaimsState, _: Picture, command: commands.MakeStatement, allows: Allows) -> list[ClaimsEvent]:
    """We state our side; the node counts our statements."""
    statement, peer = command.statement, command.peer
    check_own(claims, statement.party, peer)
    check_going_on(allows, peer, SafetyFunction.INCIDENTS)
    check_free_text(claims, peer, statement.words)
    check_geometry(statement.volume)
    number = _statements_of(claims, peer, statement) + 1
    _check_opened(claims, peer, statement)
    if number > MOST_STATEMENTS:
        raise Refusal("occurrence_id", statement.occurrence_id, f"at most {MOST_STATEMENTS} statements of one side")
    return [StatementMade(command.at, peer, msgspec.structs.replace(statement, number=number))]


def hear_statement(
    claims: ClaimsState, _: Picture, command: commands.HearStatement, allows: Allows
) -> list[ClaimsEvent]:
    """A peer states its side."""
    statement, peer = command.statement, command.party
    check_peer(claims, peer, statement.party)
    check_geometry(statement.volume)
    held = claims.occurrences.get((peer, statement.opener, statement.occurrence_id))
    if held is not None and statement in held.statements:
        return []
    number = _statements_of(claims, peer, statement) + 1
    because = not_taken(claims, allows, peer, command.at, SafetyFunction.INCIDENTS, words=statement.words)
    if because is not None:
        claim_id = statement.occurrence_id
        return [ClaimNotTaken(command.at, peer, claims.party, "claim_statement", claim_id, because)]
    _check_opened(claims, peer, statement)
    if not number <= statement.number <= MOST_STATEMENTS:
        raise Refusal("number", statement.number, f"{number} to {MOST_STATEMENTS}, counted from the party's first")
    return [StatementMade(command.at, peer, statement)]


def _statements_of(claims: ClaimsState, peer: str, statement: Statement) -> int:
    """The number of the last statement of this one's party on the occurrence."""
    held = claims.occurrences.get((peer, statement.opener, statement.occurrence_id))
    return 0 if held is None else max((said.number for said in held.of(statement.party)), default=0)


def _check_opened(claims: ClaimsState, peer: str, statement: Statement) -> None:
    """Raise Refusal unless the party opens the occurrence itself or the side that names it has opened it."""
    key = (peer, statement.opener, statement.occurrence_id)
    if statement.opener == statement.party:
        return
    incident = claims.incidents.get(key)
    opened = key in claims.occurrences or (incident is not None and incident.not_taken is None)
    if statement.opener not in (peer, claims.party) or not opened:
        raise Refusal(
            "occurrence_id", statement.occurrence_id, f"an occurrence or incident that {statement.opener} opened"
        )


def _replied(claims: ClaimsState, at: datetime, peer: str, reporter: str, given: IncidentReply) -> list[ClaimsEvent]:
    record = _open_incident(claims, peer, reporter, given.incident_id, given)
    if record is None:
        return []
    check_geometry(given.volume)
    check_time(given.replied_at, at, "replied_at")
    if len(record.replies) >= MOST_STATEMENTS:
        raise Refusal("incident_id", given.incident_id, f"an incident with fewer than {MOST_STATEMENTS} replies")
    if given.due is not None and not given.replied_at < given.due <= given.replied_at + LONGEST_INVESTIGATION:
        raise Refusal("due", given.due.isoformat(), f"a time within {LONGEST_INVESTIGATION.days} days of the reply")
    return [IncidentReplied(at, peer, given)]


def _closed(claims: ClaimsState, at: datetime, peer: str, reporter: str, closing: IncidentClosing) -> list[ClaimsEvent]:
    record = _open_incident(claims, peer, reporter, closing.incident_id, closing)
    return [] if record is None else [IncidentClosed(at, peer, closing)]


def _open_incident(
    claims: ClaimsState, peer: str, reporter: str, incident_id: str, said: IncidentReply | IncidentClosing
) -> IncidentRecord | None:
    """Return the open incident that is meant, or None when this was said of it before."""
    record = claims.incidents.get((peer, reporter, incident_id))
    if record is None or record.not_taken is not None:
        raise Refusal("incident_id", incident_id, f"an incident that {reporter} reported")
    if said in record.replies or said == record.closing:
        return None
    # A reply and a closing may cross: a late reply stands beside the closing.
    if record.closing is not None and isinstance(said, IncidentClosing):
        raise Refusal("incident_id", incident_id, "an incident that is not closed")
    return record


def _check_observations(claims: ClaimsState, incident: Incident, peer: str) -> None:
    for seen in incident.observations:
        record = claims.observations.get((seen.party, seen.observation_id))
        if record is None or (seen.party == claims.party and peer not in record.shared_with):
            raise Refusal("observations", seen.observation_id, "an observation that both sides know", "Send it first.")


def _due(claims: ClaimsState, peer: str, incident: Incident) -> datetime:
    return incident.reported_at + timedelta(seconds=claims.terms[(peer, incident.accord_hash)].incident_answer_s)
