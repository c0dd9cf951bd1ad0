"""Why an entity is as it is: every decision about it out of the journal, and what a refused request lacked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from detente.airspace.refusal import Refusal as UserMistake
from detente.record.display import StoredEntry, stored_entries
from detente.utm.dss.commands import PutIntent
from detente.utm.dss.events import IntentWritten
from detente.utm.dss.parts import PartComparison
from detente.utm.dss.records import Constraint, OperationalIntent
from detente.utm.dss.relevance import overlap
from detente.utm.identifiers import entity_id
from detente.utm.moments import rfc3339, wire_microseconds
from detente.utm.refused import Refused
from detente.utm.representation import Decision, RecordedRefusal, Representation, advance_time, evolve, subject_of
from detente.utm.service.files import JOURNAL
from detente.utm.service.loop import DECISION
from detente.utm.service.snapshot import decode_decision

FEET_PER_METRE = 1.0 / 0.3048
MOST_PARTS_SHOWN = 20


def explain(directory: Path, entity: str, at: str = "") -> Iterator[str]:
    """Yield lines for people: each request about `entity` up to the time `at`, and its outcome.

    For a request that was refused for its key, the journal is folded up to that moment, and each required entity is
    shown with what they share. Raises the airspace room's Refusal for an id or a time that is none.
    """
    name, until_us = _name(entity), _until(at)
    decisions = list(_decisions(directory, name, until_us))
    if not decisions:
        yield f"{name}: nothing was decided about it" + (f" up to {at}" if at else "")
        return
    state, folded = Representation(), 0
    for number, decision in decisions:
        yield f"{rfc3339(decision.at_us)}  entry {number}  {decision.by}: {_asked(decision)}"
        if decision.refusal is None:
            for event in decision.events:
                yield f"    {event.__struct_config__.tag} {subject_of(event)}{_detail(event)}"
            continue
        yield f"    refused with {decision.refusal.status}: {decision.refusal.message}"
        if decision.refusal.missing_intents or decision.refusal.missing_constraints:
            folded = _fold(state, directory, folded + 1, number)
            advance_time(state, decision.at_us)
            yield from _missing(state, decision.refusal)


def _decisions(directory: Path, name: str, until_us: int | None) -> Iterator[tuple[int, Decision]]:
    sought = name.encode()
    for entry in _entries(directory, 1, None):
        if until_us is not None and entry.at_us > until_us:
            return
        if sought in entry.body:
            decision = decode_decision(entry.body)
            if decision.subject == name or any(subject_of(event) == name for event in decision.events):
                yield entry.number, decision


def _fold(state: Representation, directory: Path, first: int, before: int) -> int:
    for entry in _entries(directory, first, before - 1):
        evolve(state, decode_decision(entry.body))
    return before - 1


def _entries(directory: Path, first: int, last: int | None) -> Iterator[StoredEntry]:
    path = directory / JOURNAL
    return (entry for entry in stored_entries(path, first, last) if entry.kind == DECISION)


def _missing(state: Representation, refusal: RecordedRefusal) -> Iterator[str]:
    command = refusal.command
    assert isinstance(command, PutIntent)
    for entity in (state.dss.intents.get(name) for name in refusal.missing_intents):
        if entity is not None:
            yield from _shared(command, entity, "operational intent")
    for constraint in (state.dss.constraints.get(name) for name in refusal.missing_constraints):
        if constraint is not None:
            yield from _shared(command, constraint, "constraint")


def _shared(command: PutIntent, entity: OperationalIntent | Constraint, kind: str) -> Iterator[str]:
    shared = overlap(command.extents, entity.occupied, PartComparison(command.extents))
    yield f"    its key lacked the OVN of {kind} {entity.id} (version {entity.version} of {entity.manager}); they share"
    more = " ..." if len(shared.cells) > 8 else ""
    yield f"        {len(shared.cells)} cells of level 13: {' '.join(shared.cells[:8])}{more}"
    yield f"        from {_height(shared.lower_m)} to {_height(shared.upper_m)} above the WGS84 ellipsoid"
    yield f"        from {rfc3339(shared.start_us)} to {rfc3339(shared.end_us)}"
    for part in shared.parts[:MOST_PARTS_SHOWN]:
        yield (
            f"        points in common: its volume {part.yours} with {part.theirs}, "
            f"from {_height(part.lower_m)} to {_height(part.upper_m)}, "
            f"from {rfc3339(part.start_us)} to {rfc3339(part.end_us)}"
        )
    if len(shared.parts) > MOST_PARTS_SHOWN:
        yield f"        and {len(shared.parts) - MOST_PARTS_SHOWN} more pairs of volumes"
    if not shared.are_all_parts:
        yield "        and perhaps more: there are too many volumes to compare them all"
    elif not shared.parts:
        yield "        no point of their volumes: they are near, not in conflict (--relevance exact lets them be)"


def _height(height_m: float | None) -> str:
    return "any height" if height_m is None else f"{height_m:.0f} m ({height_m * FEET_PER_METRE:.0f} ft)"


def _asked(decision: Decision) -> str:
    if decision.refusal is not None:
        return str(decision.refusal.command.__struct_config__.tag)
    return f"request {decision.request_id}" if decision.request_id else "carried out"


def _detail(event: object) -> str:
    if isinstance(event, IntentWritten):
        return f" version {event.version}, {event.state}"
    version = getattr(event, "version", None)
    return f" version {version}" if version is not None else ""


def _name(entity: str) -> str:
    try:
        return entity_id(entity)
    except Refused:
        return entity


def _until(at: str) -> int | None:
    if not at:
        return None
    try:
        return wire_microseconds(msgspec.convert(at, datetime))
    except (msgspec.ValidationError, Refused) as error:
        raise UserMistake("--time", at, "a time such as 2025-06-01T14:02:00Z") from error
