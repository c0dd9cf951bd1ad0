"""Decide which accord the picture is kept under."""

from __future__ import annotations

from detente.airspace.plan import check_identifier
from detente.airspace.refusal import Refusal
from detente.picture import decide_conflicts
from detente.picture.commands import AdoptAccord
from detente.picture.conflicts import ClearedBecause, Conflict
from detente.picture.events import (
    AccordAdopted,
    ConflictCleared,
    ConflictFound,
    EncounterWatched,
    MeasureLapsed,
    PictureEvent,
)
from detente.picture.picture import AccordInForce, Picture

ACCORD_CHANGED = "another accord is in force"


def adopt(picture: Picture, command: AdoptAccord) -> list[PictureEvent]:
    """The accord takes force; outstanding measures lapse and conflicts are judged anew by its minima."""
    if picture.accord is not None and picture.accord.accord_hash == command.accord_hash:
        return []
    for party in command.parties:
        check_identifier("parties", party)
    if command.party not in command.parties:
        raise Refusal("picture.party_accord", "party", command.party, parties=", ".join(command.parties))
    if picture.party and command.party != picture.party:
        raise Refusal("picture.party_whose_journal", "party", command.party, party=picture.party)
    if not command.valid.start <= command.at <= command.valid.end:
        raise Refusal(
            "picture.accord_valid_now", "valid",
            f"{command.valid.start.isoformat()} to {command.valid.end.isoformat()}", at=command.at.isoformat(),
        )  # fmt: skip
    if picture.accord is not None and not set(picture.accord.parties) <= set(command.parties):
        raise Refusal(
            "picture.at_least_those_accord_before", "parties", ", ".join(command.parties),
            parties=str(picture.accord.parties),
        )  # fmt: skip
    events: list[PictureEvent] = [
        AccordAdopted(
            command.at, command.party, command.accord_hash, command.name, command.parties, command.minima,
            command.valid, command.notice_lead_s, command.pairs,
        )
    ]  # fmt: skip
    outstanding = sorted({m for ids in picture.measures_of.values() for m in ids})
    events += [MeasureLapsed(command.at, measure_id, ACCORD_CHANGED) for measure_id in outstanding]
    if picture.accord is not None:
        before = {i: record.conflict for i, record in picture.conflicts.items()}
        after, watched = _conflicts_under(picture, command)
        changed = sorted(i for i in before if before[i] != after.get(i))
        events += [ConflictCleared(command.at, i, ClearedBecause.ACCORD) for i in changed]
        events += [ConflictFound(command.at, after[i]) for i in sorted(after) if after[i] != before.get(i)]
        events += watched
    return events


def _conflicts_under(picture: Picture, command: AdoptAccord) -> tuple[dict[str, Conflict], list[EncounterWatched]]:
    accord = AccordInForce(
        command.accord_hash, command.name, command.parties, command.minima, command.valid, command.notice_lead_s,
        command.pairs,
    )  # fmt: skip
    found: dict[str, Conflict] = {}
    watched: list[EncounterWatched] = []
    for (party, _), record in picture.plans.items():
        if record.live and party == picture.party:
            for event in decide_conflicts.found(picture, command.at, party, record.plan, record.revision, accord):
                if isinstance(event, EncounterWatched):
                    watched.append(event)
                else:
                    found[event.conflict.conflict_id] = event.conflict
    return found, watched
