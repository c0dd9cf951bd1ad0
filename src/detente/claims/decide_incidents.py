"""Decide about incidents, replies to them, and each side's statements."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from detente.accord.accords import Accords
from detente.airspace.refusal import Refusal
from detente.claims import commands
from detente.claims.claims import Incident, IncidentClosing, IncidentReply, Statement
from detente.claims.events import ClaimsEvent, IncidentClosed, IncidentReplied, IncidentReported, StatementMade
from detente.claims.peer_messages import ClosingClaim, IncidentClaim, ReplyClaim, StatementClaim
from detente.claims.state import ClaimsState, IncidentRecord
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

LONGEST_INVESTIGATION = timedelta(days=366)


def report(claims: ClaimsState, command: commands.ReportIncident) -> list[ClaimsEvent]:
    """We report an incident to a peer."""
    incident, peer = command.incident, command.peer
    check_own(claims, incident.party, peer)
    check_free_text(claims, peer, incident.words)
    check_geometry(incident.volume)
    if (peer, claims.party, incident.incident_id) in claims.incidents:
        raise Refusal("claims.id_no_incident_ours", "incident_id", incident.incident_id)
    check_not_full(claims.open_incidents, peer, claims.party)
    _check_observations(claims, incident, peer)
    return [IncidentReported(command.at, peer, incident, _due(claims, peer, incident))]


def hear(claims: ClaimsState, accords: Accords, _: Picture, command: Heard[IncidentClaim]) -> list[ClaimsEvent]:
    """A peer reports an incident."""
    incident, peer = command.message.incident, command.party
    held = claims.incidents.get((peer, peer, incident.incident_id))
    if held is not None:
        if held.incident == incident:
            return []
        raise Refusal("claims.id_no_other_incident", "incident_id", incident.incident_id)
    check_time(incident.reported_at, command.at, "reported_at")
    check_geometry(incident.volume)
    refused = not_taken(
        claims, accords, command, accord_hash=incident.accord_hash, words=incident.words,
        too_many=is_full(claims.open_incidents, peer, peer),
    )  # fmt: skip
    if refused is not None:
        return [refused]
    _check_observations(claims, incident, peer)
    return [IncidentReported(command.at, peer, incident, _due(claims, peer, incident))]


def reply(claims: ClaimsState, command: commands.ReplyToIncident) -> list[ClaimsEvent]:
    """We reply to a peer's incident."""
    check_own(claims, command.reply.party, command.peer)
    check_free_text(claims, command.peer, command.reply.words)
    return _replied(claims, command.at, command.peer, command.peer, command.reply)


def hear_reply(claims: ClaimsState, command: Heard[ReplyClaim]) -> list[ClaimsEvent]:
    """A peer replies to an incident that we reported to it."""
    return _replied(claims, command.at, command.party, claims.party, command.message.reply)


def close(claims: ClaimsState, command: commands.CloseIncident) -> list[ClaimsEvent]:
    """We close an incident that we reported."""
    check_own(claims, command.closing.party, command.peer)
    return _closed(claims, command.at, command.peer, claims.party, command.closing)


def hear_closing(claims: ClaimsState, command: Heard[ClosingClaim]) -> list[ClaimsEvent]:
    """A peer closes an incident that it reported."""
    return _closed(claims, command.at, command.party, command.party, command.message.closing)


def state(claims: ClaimsState, command: commands.MakeStatement) -> list[ClaimsEvent]:
    """We state our side of an occurrence; its number is counted here."""
    statement, peer = command.statement, command.peer
    check_own(claims, statement.party, peer)
    check_free_text(claims, peer, statement.words)
    check_geometry(statement.volume)
    number = _statements_of(claims, peer, statement) + 1
    _check_opened(claims, peer, statement)
    if number > MOST_STATEMENTS:
        raise Refusal(
            "claims.at_most_statements_one_side", "occurrence_id", statement.occurrence_id, most=MOST_STATEMENTS
        )
    return [StatementMade(command.at, peer, msgspec.structs.replace(statement, number=number))]


def hear_statement(
    claims: ClaimsState, accords: Accords, _: Picture, command: Heard[StatementClaim]
) -> list[ClaimsEvent]:
    """A peer states its side of an occurrence."""
    statement, peer = command.message.statement, command.party
    check_geometry(statement.volume)
    held = claims.occurrences.get((peer, statement.opener, statement.occurrence_id))
    if held is not None and statement in held.statements:
        return []
    check_time(statement.said_at, command.at, "said_at")
    number = _statements_of(claims, peer, statement) + 1
    if (refused := not_taken(claims, accords, command, words=statement.words)) is not None:
        return [refused]
    _check_opened(claims, peer, statement)
    if not number <= statement.number <= MOST_STATEMENTS:
        raise Refusal("claims.serial_in_order", "number", statement.number, number=number, most=MOST_STATEMENTS)
    return [StatementMade(command.at, peer, statement)]


def _statements_of(claims: ClaimsState, peer: str, statement: Statement) -> int:
    """The number of the last statement that its party has made on the same occurrence; 0 before the first."""
    held = claims.occurrences.get((peer, statement.opener, statement.occurrence_id))
    return 0 if held is None else max((one.number for one in held.of(statement.party)), default=0)


def _check_opened(claims: ClaimsState, peer: str, statement: Statement) -> None:
    """Raise Refusal unless the party opens the occurrence by this statement, or its opener has opened it."""
    key = (peer, statement.opener, statement.occurrence_id)
    if statement.opener == statement.party:
        return
    incident = claims.incidents.get(key)
    opened = key in claims.occurrences or (incident is not None and incident.not_taken is None)
    if statement.opener not in (peer, claims.party) or not opened:
        raise Refusal(
            "claims.occurrence_or_incident_opened", "occurrence_id", statement.occurrence_id, opener=statement.opener
        )


def _replied(claims: ClaimsState, at: datetime, peer: str, reporter: str, given: IncidentReply) -> list[ClaimsEvent]:
    record = _open_incident(claims, peer, reporter, given.incident_id, given)
    if record is None:
        return []
    check_geometry(given.volume)
    check_time(given.replied_at, at, "replied_at")
    if len(record.replies) >= MOST_STATEMENTS:
        raise Refusal("claims.incident_with_fewer", "incident_id", given.incident_id, most=MOST_STATEMENTS)
    if given.due is not None and not given.replied_at < given.due <= given.replied_at + LONGEST_INVESTIGATION:
        raise Refusal("claims.time_within_days_reply", "due", given.due.isoformat(), days=LONGEST_INVESTIGATION.days)
    return [IncidentReplied(at, peer, given)]


def _closed(claims: ClaimsState, at: datetime, peer: str, reporter: str, closing: IncidentClosing) -> list[ClaimsEvent]:
    if _open_incident(claims, peer, reporter, closing.incident_id, closing) is None:
        return []
    check_time(closing.closed_at, at, "closed_at")
    return [IncidentClosed(at, peer, closing)]


def _open_incident(
    claims: ClaimsState, peer: str, reporter: str, incident_id: str, claim: IncidentReply | IncidentClosing
) -> IncidentRecord | None:
    """Return the open incident that is meant, or None when the claim about it is known already."""
    record = claims.incidents.get((peer, reporter, incident_id))
    if record is None or record.not_taken is not None:
        raise Refusal("claims.incident_reported", "incident_id", incident_id, reporter=reporter)
    if claim in record.replies or claim == record.closing:
        return None
    # A reply and a closing may cross: a late reply stands beside the closing.
    if record.closing is not None and isinstance(claim, IncidentClosing):
        raise Refusal("claims.incident_not_closed", "incident_id", incident_id)
    return record


def _check_observations(claims: ClaimsState, incident: Incident, peer: str) -> None:
    for seen in incident.observations:
        record = claims.observations.get((seen.party, seen.observation_id))
        if record is None or (seen.party == claims.party and peer not in record.shared_with):
            raise Refusal("claims.observation_both_sides_know", "observations", seen.observation_id)


def _due(claims: ClaimsState, peer: str, incident: Incident) -> datetime:
    return incident.reported_at + timedelta(seconds=claims.terms[(peer, incident.accord_hash)].incident_answer_s)
