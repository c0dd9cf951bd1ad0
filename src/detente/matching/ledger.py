"""The ledger of a series of runs: how much they have shown, in figures that both sides can compute (R7)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from detente.matching.side import MatchSide

ALARM_SHARE = 0.5
ALARM_PLANS = 8
ALARM_FALSE_SHARE = 0.8
ALARM_TOKENS_OF_PART = 200


class MatchAlarm(StrEnum):
    """Signs that a peer's input covers the sky evenly instead of consisting of plans."""

    MANY_OF_OURS = "many_of_ours"
    FEW_REAL = "few_real"
    WIDE_PARTS = "wide_parts"


class LedgerRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run with one peer, as one side saw it.

    Attributes:
        epoch: the number of the epoch.
        role: ours.
        plans: how many plans of ours were in it.
        asked: how many tokens the peer could have asked about, late runs included.
        matched_tokens: in common; each told the peer where one of ours is, and us where one of theirs is.
        flagged: how many of our plans had one.
        opened: parts of ours that were opened to the peer.
        seen: parts of theirs that were opened to us.
        conflicts: how many of the flagged were inside the minima.
        fault: how the peer broke the protocol, empty when it did not.
        alarms: see Alarm.
        late_runs: how many there were, of both sides.
    """

    epoch: int
    role: str
    plans: int
    asked: int
    matched_tokens: int
    flagged: int
    opened: int
    seen: int
    conflicts: int
    fault: str = ""
    alarms: tuple[MatchAlarm, ...] = ()
    late_runs: int = 0


class SeriesTotals(msgspec.Struct, frozen=True):
    """Totals over a series of runs. `share` is that of our plans of which the peer was shown a part."""

    runs: int
    broken: int
    asked: int
    matched_tokens: int
    opened: int
    seen: int
    share: float
    alarms: tuple[MatchAlarm, ...]


def ledger_row(side: MatchSide) -> LedgerRow:
    """What one run has shown, whether complete or broken off."""
    plans = {part.piece.plan_id for shown in side.shown for part in shown.tokens.parts}
    matched = sum(len(common.tokens) for common in side.found.values())
    revealed = side.revealed
    flagged = len(revealed.flagged) if revealed else 0
    conflicts = flagged - len(revealed.cleared) if revealed else 0
    row = LedgerRow(
        epoch=side.run.epoch.number,
        role=str(side.role),
        plans=len(plans),
        asked=sum(len(points) for points in side.peer_points),
        matched_tokens=matched,
        flagged=flagged,
        opened=revealed.opened if revealed else 0,
        seen=len(revealed.theirs) if revealed else 0,
        conflicts=conflicts,
        fault=str(side.breach.fault) if side.breach else "",
        late_runs=max(len(side.shown) - 1, 0) + max(len(side.peer_roots) - 1, 0),
    )
    return msgspec.structs.replace(row, alarms=alarms_of(row))


def alarms_of(row: LedgerRow) -> tuple[MatchAlarm, ...]:
    """The alarms of a run, at which people, and perhaps an auditor, should look."""
    alarms = []
    if row.flagged >= ALARM_PLANS and row.flagged > ALARM_SHARE * row.plans:
        alarms.append(MatchAlarm.MANY_OF_OURS)
    if row.flagged >= ALARM_PLANS and row.flagged - row.conflicts > ALARM_FALSE_SHARE * row.flagged:
        alarms.append(MatchAlarm.FEW_REAL)
    if row.seen and row.matched_tokens > ALARM_TOKENS_OF_PART * row.seen:
        alarms.append(MatchAlarm.WIDE_PARTS)
    return tuple(alarms)


def series_totals(rows: Sequence[LedgerRow]) -> SeriesTotals:
    """Totals over a series of runs with one peer."""
    plans = sum(row.plans for row in rows)
    return SeriesTotals(
        runs=len(rows),
        broken=sum(bool(row.fault) for row in rows),
        asked=sum(row.asked for row in rows),
        matched_tokens=sum(row.matched_tokens for row in rows),
        opened=sum(row.opened for row in rows),
        seen=sum(row.seen for row in rows),
        share=sum(row.flagged for row in rows) / plans if plans else 0.0,
        alarms=tuple(sorted({alarm for row in rows for alarm in row.alarms})),
    )
