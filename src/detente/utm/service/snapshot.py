"""Snapshots: the representation at one entry of the journal, so that a restart folds only what came after.

A snapshot is a cache. It names the entry and its hash, and one that does not fit the journal is not used.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from detente.record.journal import Journal
from detente.utm.auxiliary.heartbeats import HeartbeatRecorded
from detente.utm.dss.evolve import enter_subscription
from detente.utm.dss.records import DOWN, Availability, Constraint, Occupied, OperationalIntent, Subscription
from detente.utm.dss.state import DssState
from detente.utm.index import CellIndex
from detente.utm.representation import Decision, Representation, WriteOutcome, evolve
from detente.utm.rid.records import Area, RidSubscription
from detente.utm.rid.state import RidState, enter_area, enter_rid_subscription
from detente.utm.service.files import SNAPSHOT
from detente.utm.service.loop import DECISION

_FORMAT = 1
_UNFINISHED = ".new"
_decision_decoder = msgspec.json.Decoder(Decision)
log = structlog.get_logger()


class _Content(msgspec.Struct, array_like=True, gc=False):
    now_us: int
    reports: int
    intents: list[OperationalIntent]
    constraints: list[Constraint]
    subscriptions: list[Subscription]
    notified: list[int]
    availability: dict[str, Availability]
    areas: list[Area]
    rid_subscriptions: list[RidSubscription]
    rid_notified: list[int]
    heartbeats: dict[str, HeartbeatRecorded]
    outcomes: list[tuple[str, str, WriteOutcome]]


class _Snapshot(msgspec.Struct, array_like=True):
    format: int
    number: int
    hash: bytes
    checksum: int
    content: bytes


def encode_representation(state: Representation) -> bytes:
    """Everything in the representation. Two that were folded from the same entries may differ in order."""
    dss, rid = state.dss, state.rid
    content = _Content(
        state.now_us,
        dss.reports,
        list(dss.intents.values()),
        list(dss.constraints.values()),
        list(dss.subscriptions.values()),
        [dss.subscription_index.notification_index(name) for name in dss.subscriptions],
        dss.availability,
        list(rid.areas.values()),
        list(rid.subscriptions.values()),
        [rid.subscription_index.notification_index(name) for name in rid.subscriptions],
        state.heartbeats.newest,
        [(by, request_id, outcome) for (by, request_id), outcome in state.outcomes.items()],
    )
    return msgspec.msgpack.encode(content)


def decode_representation(data: bytes) -> Representation:
    """The representation that `encode_representation` encoded."""
    content = msgspec.msgpack.decode(data, type=_Content)
    state = Representation()
    state.now_us = content.now_us
    _fill_dss(state.dss, content)
    _fill_rid(state.rid, content)
    state.heartbeats.newest = content.heartbeats
    for by, request_id, outcome in content.outcomes:
        state.outcomes[by, request_id] = outcome
    return state


def write_snapshot(directory: Path, state: Representation, number: int, entry_hash: bytes) -> int:
    """Write the snapshot of `state`, which is that of the durable entry `number`; return its size in bytes.

    It is durable, and there whole or not at all. Each process writes a file of its own until then: one that a killed
    service left behind may still be writing. Raises OSError.
    """
    content = encode_representation(state)
    data = msgspec.msgpack.encode(_Snapshot(_FORMAT, number, entry_hash, zlib.crc32(content), content))
    temporary = directory / f"{SNAPSHOT}.{os.getpid()}{_UNFINISHED}"
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.rename(directory / SNAPSHOT)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return len(data)


def remove_unfinished(directory: Path) -> None:
    """Remove what processes that were killed had begun; one that still writes then fails, and is not missed."""
    for file in directory.glob(f"{SNAPSHOT}*{_UNFINISHED}"):
        file.unlink(missing_ok=True)


def restore(directory: Path, journal: Journal, until: int | None = None) -> tuple[Representation, int]:
    """The representation after the newest entry, or after entry `until`; and how many entries were folded for it."""
    state, number = _from_snapshot(directory, journal, until)
    folded = 0
    for entry in journal.read(number + 1):
        if until is not None and entry.number > until:
            break
        if entry.kind == DECISION:
            evolve(state, _decision_decoder.decode(entry.body))
            folded += 1
    return state, folded


def decode_decision(body: bytes) -> Decision:
    """A decision from an entry of the journal."""
    return _decision_decoder.decode(body)


def _from_snapshot(directory: Path, journal: Journal, until: int | None) -> tuple[Representation, int]:
    file = directory / SNAPSHOT
    if not file.exists():
        return Representation(), 0
    try:
        snapshot = msgspec.msgpack.decode(file.read_bytes(), type=_Snapshot)
    except msgspec.DecodeError as error:
        log.warning("snapshot unreadable, the whole journal is folded", why=str(error))
        return Representation(), 0
    if until is not None and snapshot.number > until:
        return Representation(), 0
    if snapshot.format != _FORMAT or zlib.crc32(snapshot.content) != snapshot.checksum:
        log.warning("snapshot of another format or damaged, the whole journal is folded")
        return Representation(), 0
    entry = next(iter(journal.read(snapshot.number)), None)
    if entry is None or entry.hash != snapshot.hash:
        log.warning("snapshot of another journal, the whole journal is folded")
        return Representation(), 0
    return decode_representation(snapshot.content), snapshot.number


def _fill_dss(dss: DssState, content: _Content) -> None:
    dss.reports = content.reports
    dss.availability = content.availability
    dss.down = {uss for uss, availability in content.availability.items() if availability.state == DOWN}
    for intent in content.intents:
        dss.intents[intent.id] = intent
        _enter(dss.intent_index, intent.id, intent.occupied, intent.occupied.cells)
        dss.due_intents.enter(intent.id, intent.occupied.end_us)
        if intent.subscription_id:
            dss.dependents.add(intent.subscription_id, intent.id)
    for constraint in content.constraints:
        dss.constraints[constraint.id] = constraint
        _enter(dss.constraint_index, constraint.id, constraint.occupied, constraint.occupied.cells)
        dss.due_constraints.enter(constraint.id, constraint.occupied.end_us)
    for subscription, notified in zip(content.subscriptions, content.notified, strict=True):
        enter_subscription(dss, subscription, subscription.occupied.cells, notified)


def _fill_rid(rid: RidState, content: _Content) -> None:
    for area in content.areas:
        enter_area(rid, area)
    for subscription, notified in zip(content.rid_subscriptions, content.rid_notified, strict=True):
        enter_rid_subscription(rid, subscription, notified)


def _enter(index: CellIndex, name: str, occupied: Occupied, cells: Sequence[int]) -> None:
    index.insert(name, cells, occupied.lower_m, occupied.upper_m, occupied.start_us, occupied.end_us)
