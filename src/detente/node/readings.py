"""What those who run a node watch beside its rooms: silent peers, what waits for a person, the disk, the backup."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from detente.claims.state import ClaimsState, IncidentRecord, RequestRecord
from detente.line.state import LineState
from detente.line.terms import LineTerms
from detente.link.directory import NodeDirectory
from detente.node.peers import Peer
from detente.picture.measures import MeasureRecord, MeasureState
from detente.picture.picture import Picture
from detente.record.disk import DiskRoom, disk_room
from detente.settings.last_backup import last_backup

if TYPE_CHECKING:
    from detente.node.loop import CommandLoop  # it counts by the metrics, which show the readings

LONGEST_TURN_S = 2.0
"""A command loop that does not come to the end of a turn within this time is not ready for more."""


class Readings(msgspec.Struct, frozen=True):
    """The readings at one moment.

    Attributes:
        silent_s: seconds since each peer was last heard, by name; since the node's start for one that never was.
        silence_allowed_s: after how many seconds of silence the terms with a peer have the line SILENT.
        unanswered_s: how long the oldest of what waits for a person of ours has waited, in seconds, by what it is.
        disk: of the journal.
        backup_age_s: seconds since the last backup; infinite where none is known.
        open_entries: how many entries of the journal no closed segment holds.
        archived_entries: how many are before the first from which on all are here.
    """

    silent_s: Mapping[str, float]
    silence_allowed_s: Mapping[str, float]
    unanswered_s: Mapping[str, float]
    disk: DiskRoom
    backup_age_s: float
    open_entries: int = 0
    archived_entries: int = 0


class WatchReadings(msgspec.Struct, frozen=True):
    """The readings of the watch at one moment.

    Attributes:
        has_feeds, runs: whether the node has feeds, and whether the process that watches them says something.
        why: why it does not run.
        tracks: how many there are; `look_s` is how long the last look at them took.
        open_alerts: how many stand, by level.
        waiting: the keys of those that no person has, the most urgent first; `waiting_s` is how long the oldest waited.
        silent_s: seconds since each feed was last heard; since the process began for one that never was.
        silent: the names of the feeds that bring nothing.
        alerts_left_out: how many matters had no room among the alerts that stand.
        tracks_unusable: how many tracks are not looked at because their numbers are no aircraft's.
        sightings_left_out: how many sightings were too many for their second, since the process began.
    """

    has_feeds: bool = False
    runs: bool = False
    why: str = ""
    tracks: int = 0
    look_s: float = 0.0
    open_alerts: dict[str, int] = {}
    waiting: tuple[str, ...] = ()
    waiting_s: float = 0.0
    silent_s: dict[str, float] = {}
    silent: tuple[str, ...] = ()
    alerts_left_out: int = 0
    tracks_unusable: int = 0
    sightings_left_out: int = 0


def heard_at(peer: Peer) -> datetime | None:
    """Return when anything was last heard from a peer, an envelope or a receipt (UTC); None for never."""
    return max((session.heard_at for session in peer.sessions.values() if session.heard_at is not None), default=None)


def silence_allowed_s(terms: LineTerms) -> float:
    """Return how long a peer may be silent under these terms: until a line check is missing for too long."""
    return terms.check_every_s + terms.silent_after_s


async def lacks(loop: CommandLoop) -> tuple[str, ...]:
    """Return what a node lacks to take a command now; nothing where it is ready."""
    if loop.failed:
        return ("a journal that can be written",)
    if loop.news.over:
        return ("time: the node stops",)
    try:
        await asyncio.wait_for(loop.read(lambda: None), LONGEST_TURN_S)
    except TimeoutError:
        return (f"a command loop that comes to the end of a turn within {LONGEST_TURN_S:.0f} s",)
    return ()


def readings(
    loop: CommandLoop, line: LineState, claims: ClaimsState, directory: NodeDirectory, started_at: datetime
) -> Readings:
    """Return the readings of a node as it is now; to be called within `loop.read`.

    Where the journal's file cannot be asked, as after its directory was moved, its `disk` is all zero.
    """
    now, journal = loop.clock(), loop.journal
    backup = last_backup(directory.path)
    waiting = {
        "message": [line.messages[key].since for key in line.waiting],
        "request": [record.known_at for record in _requests_to_us(claims)],
        "incident": [record.known_at for record in _incidents_for_us(claims)],
        "measure": [record.proposed_at for record in _measures_for_us(loop.picture, claims.party)],
    }

    def seconds_since(moment: datetime) -> float:
        return max(0.0, (now - moment).total_seconds())

    try:
        disk = disk_room(
            directory.journal_path, range(journal.first_here, journal.head.number + 1),
            lambda number: next(journal.read(number)).at, now, *journal.segments[-1:],
        )  # fmt: skip
    except OSError:
        disk = DiskRoom(0, 0, None)
    return Readings(
        {peer.name: seconds_since(heard_at(peer) or started_at) for peer in loop.peers},
        {peer: silence_allowed_s(terms) for peer, terms in line.open_lines.items()},
        {what: max(map(seconds_since, since), default=0.0) for what, since in waiting.items()},
        disk,
        float("inf") if backup is None else seconds_since(backup.at),
        journal.head.number - journal.base.number, journal.first_here - 1,
    )  # fmt: skip


def _requests_to_us(claims: ClaimsState) -> Iterator[RequestRecord]:
    records = (claims.requests[key] for key in claims.open_requests)
    return (record for record in records if record.request.party != claims.party)


def _incidents_for_us(claims: ClaimsState) -> Iterator[IncidentRecord]:
    records = (claims.incidents[key] for key in claims.open_incidents)
    return (record for record in records if record.incident.party != claims.party and record.awaits_reply)


def _measures_for_us(picture: Picture, party: str) -> Iterator[MeasureRecord]:
    proposed = (record for record in picture.measures.values() if record.state is MeasureState.PROPOSED)
    return (record for record in proposed if record.measure.proposer != party)
