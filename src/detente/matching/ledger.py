"""The ledger of a series of runs: how much they have shown, in figures that both sides can compute (R7)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from detente.matching.side import MatchSide

ALARM_SHARE = 1 / 3
"""Of our plans in a run: people are told before half of a schedule is."""
ALARM_PLANS = 8
BUDGET_DAYS = 30
ALARM_FALSE_SHARE = 0.8
ALARM_TOKENS_OF_PART = 200
ALARM_HELD_BACK, ALARM_HELD_BACK_SHARE = 32, 0.25


class MatchAlarm(StrEnum):
    """Signs that a peer's input covers the sky evenly instead of consisting of plans, or that it shuns fine rounds."""

    MANY_OF_OURS = "many_of_ours"
    FEW_REAL = "few_real"
    WIDE_PARTS = "wide_parts"
    HELD_BACK = "held_back"


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
        late_runs: how many there were.
        bits: how much our plans' places were told, at the most; 0 in runs before it was counted.
        audit: whether the coin sends the run to the auditor.
        held_back: tokens in common that the peer would not look at more closely.
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
    bits: int = 0
    audit: bool = False
    held_back: int = 0


class SeriesTotals(msgspec.Struct, frozen=True):
    """Totals over a series of runs. `share` is that of our plans of which the peer was shown a part.

    `audits` are the epochs whose runs the coin sends to the auditor.
    """

    runs: int
    broken: int
    asked: int
    matched_tokens: int
    opened: int
    seen: int
    share: float
    alarms: tuple[MatchAlarm, ...]
    bits: int = 0
    audits: tuple[int, ...] = ()


def ledger_row(side: MatchSide) -> LedgerRow:
    """What one run has shown, whether complete or broken off."""
    plans = {part.piece.plan_id for part in side.parts.values()}
    revealed = side.revealed
    flagged = len(revealed.flagged) if revealed else 0
    row = LedgerRow(
        epoch=side.run.epoch.number,
        role=str(side.role),
        plans=len(plans),
        asked=sum(len(one.points) for each in side.rounds for one in each.peers),
        matched_tokens=len(side.rounds[0].common),
        flagged=flagged,
        opened=revealed.opened if revealed else 0,
        seen=len(revealed.theirs) if revealed else 0,
        conflicts=flagged - len(revealed.cleared) if revealed else 0,
        fault=str(side.breach.fault) if side.breach else "",
        late_runs=max(len(side.commitments) - 1, 0),
        bits=bits_told(side),
        audit=bool(side.audit_due),
        held_back=sum(len(one.held_back) for one in side.rounds),
    )
    return msgspec.structs.replace(row, alarms=alarms_of(row))


def bits_told(side: MatchSide) -> int:
    """At the most so many bits of our plans' places the run has told: see docs/explanation/private-matching.md.

    A token in common tells which of all tokens of its grid, as against one of ours, it is; on a later grid, which of
    those that overlap the one before. A checked row tells at most one bit.
    """
    first, *later = side.rounds
    told = 0.0
    if len(first.common):
        shown = sum(len(one.tokens) for one in first.own)
        told += len(first.common) * math.log2(max(2.0, side.domain_size / max(1, shown)))
    for one in later:
        if len(one.common):
            told += len(one.common) * math.log2(max(2.0, len(one.universe) / len(one.common)))
    return math.ceil(told) + side.rows_proven


def alarms_of(row: LedgerRow) -> tuple[MatchAlarm, ...]:
    """The alarms of a run, at which people, and perhaps an auditor, should look."""
    alarms = []
    if many_of_ours(row.flagged, row.plans):
        alarms.append(MatchAlarm.MANY_OF_OURS)
    if row.flagged >= ALARM_PLANS and row.flagged - row.conflicts > ALARM_FALSE_SHARE * row.flagged:
        alarms.append(MatchAlarm.FEW_REAL)
    if row.seen and row.matched_tokens > ALARM_TOKENS_OF_PART * row.seen:
        alarms.append(MatchAlarm.WIDE_PARTS)
    if row.held_back >= ALARM_HELD_BACK and row.held_back > ALARM_HELD_BACK_SHARE * row.matched_tokens:
        alarms.append(MatchAlarm.HELD_BACK)
    return tuple(alarms)


def many_of_ours(flagged: int, plans: int) -> bool:
    """Whether so many of our plans are concerned that people should look."""
    return flagged >= ALARM_PLANS and flagged > ALARM_SHARE * plans


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
        bits=sum(row.bits for row in rows),
        audits=tuple(sorted({row.epoch for row in rows if row.audit})),
    )
