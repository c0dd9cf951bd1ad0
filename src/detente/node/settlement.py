"""Settling conflicts without people, when both sides have said so in their configuration.

For each open conflict one side has the first turn: the party whose name sorts first when the conflict's id is even,
else the other. It proposes the cheapest change of its own plan that is clear of everything it knows. The other side
accepts when its own exact check finds the result clear, else it refuses with the reason. Whatever asks for a change of
our own plan is left to people. A side that finds no measure says so and the other has its turn; when both have said so
the conflict is left, with both reasons.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from datetime import datetime
from time import perf_counter

import structlog

from detente.airspace.altitude import FOOT_M
from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import Delay, FoundMeasures, LateralOffset, LevelChange, RankedChange
from detente.node.configuration import SettlementSettings
from detente.node.loop import CommandLoop, NodeStopped
from detente.node.search_for_measures import search_measures
from detente.picture.commands import AcceptMeasure, Command, ProposeMeasure, RefuseMeasure, ReportNoMeasure
from detente.picture.conflicts import ConflictRecord
from detente.picture.measures import LONGEST_REASON, Measure, MeasureState
from detente.picture.picture import Picture

NOTHING_CLEAR = "no delay, level or offset within the limits is clear of everything known"
OVERTAKEN = "whatever was found was overtaken by other changes"
SEARCH_FAILED = "the search for a measure failed"
MOST_PROPOSALS_A_ROUND = 32
LONGEST_SEARCH_S = 0.25

log = structlog.get_logger()


def turn_of(record: ConflictRecord) -> str | None:
    """Return the party whose turn it is to propose a change of its own plan; None when both found none."""
    conflict = record.conflict
    order = [conflict.first.party, conflict.second.party]
    if int(conflict.conflict_id, 16) % 2:
        order.reverse()
    said_no = {party for party, _ in record.no_measure}
    return next((party for party in order if party not in said_no), None)


class Settlement:
    """Proposes and answers on behalf of this node's party, turn after turn of the command loop."""

    def __init__(self, loop: CommandLoop, settings: SettlementSettings) -> None:
        self._loop = loop
        self._settings = settings
        self._wake = asyncio.Event()
        self._overtaken: dict[str, int] = {}

    async def run(self) -> None:
        """Settle until cancelled."""
        self._loop.after_turn.append(self._wake.set)
        self._wake.set()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while await self._round():
                    pass
        except NodeStopped:
            return

    async def _round(self) -> bool:
        """Answer every proposal that waits, then propose some; return whether there may be more to do."""
        answers = [measure for measure in await self._loop.read(to_answer) if self._may_answer(measure)]
        await asyncio.gather(*(self._answer(measure_id) for measure_id in answers))
        proposals = await self._loop.read(self._to_propose)
        results = await asyncio.gather(*(self._do(command) for command in proposals))
        return bool(answers) or any(results)

    def _may_answer(self, measure_id: str) -> bool:
        return self._may_settle(self._loop.picture.measures[measure_id].measure.conflict_id)

    def _may_settle(self, conflict_id: str) -> bool:
        """Measures wait while the accord is suspended, and where a plan is told in a coarse form people settle."""
        return self._loop.keeping is None or self._loop.keeping.may_settle_conflict(conflict_id)

    async def _answer(self, measure_id: str) -> None:
        at, party = self._loop.clock(), self._loop.picture.party
        try:
            await self._loop.decide(AcceptMeasure(at, party, measure_id))
        except Refusal as refusal:
            proposer = self._loop.picture.measures[measure_id].measure.proposer
            held_back = self._loop.keeping is not None and self._loop.keeping.holds_back(proposer)
            # What the change would come too close to may be a plan that the proposer is not told of.
            reason = refusal.expected.rpartition(": ")[2][:LONGEST_REASON] if held_back else reason_of(refusal)
            await self._do(RefuseMeasure(self._loop.clock(), party, measure_id, reason))

    async def _do(self, command: Command) -> bool:
        try:
            await self._loop.decide(command)
        except Refusal as refusal:
            log.info("settlement overtaken", command=type(command).__name__, why=str(refusal))
            if isinstance(command, ProposeMeasure):
                conflict_id = command.measure.conflict_id
                self._overtaken[conflict_id] = self._overtaken.get(conflict_id, 0) + 1
            return False
        return True

    def _to_propose(self, picture: Picture) -> list[Command]:
        """Search until enough is found or enough time has passed; what is left waits for the next round."""
        commands: list[Command] = []
        started = perf_counter()
        for record in turns(picture):
            if not self._may_settle(record.conflict.conflict_id):
                continue
            commands.append(self._proposal(picture, record))
            if len(commands) >= MOST_PROPOSALS_A_ROUND or perf_counter() - started > LONGEST_SEARCH_S:
                break
        return commands

    def _proposal(self, picture: Picture, record: ConflictRecord) -> Command:
        at, conflict_id = self._loop.clock(), record.conflict.conflict_id
        if self._overtaken.get(conflict_id, 0) >= self._settings.most_proposals:
            return ReportNoMeasure(at, picture.party, conflict_id, OVERTAKEN)
        try:
            return proposal(picture, record, at, self._settings.most_proposals)
        except Exception:
            # A fault of the search must not stop the node; the conflict goes to the other side, and then to people.
            log.exception("a search failed", conflict=conflict_id)
            return ReportNoMeasure(at, picture.party, conflict_id, SEARCH_FAILED)


def turns(picture: Picture) -> Iterator[ConflictRecord]:
    """Yield the open conflicts in which it is our turn, no plan of which is about to change anyway."""
    changing: set[tuple[str, str]] = set()
    for conflict_id in sorted(picture.conflicts):
        record = picture.conflicts[conflict_id]
        if turn_of(record) == picture.party and not _is_moving(picture, record, changing):
            changing.add((picture.party, record.conflict.of(picture.party).plan_id))
            yield record


def proposal(picture: Picture, record: ConflictRecord, at: datetime, most_proposals: int) -> Command:
    """Return the proposal of the cheapest change of our plan that was not refused before, or that there is none."""
    own = picture.party
    conflict = record.conflict
    measures = [picture.measures[measure_id] for measure_id in record.measures]
    refused = [m.measure for m in measures if m.measure.proposer == own and m.state is MeasureState.REFUSED]
    if len(refused) >= most_proposals:
        return ReportNoMeasure(at, own, conflict.conflict_id, f"the other party refused {len(refused)} proposals")
    found = search_measures(picture, conflict.of(own))
    best = next((ranked for ranked in found.measures if not _was_refused(ranked, refused)), None)
    if best is None:
        return ReportNoMeasure(at, own, conflict.conflict_id, _why_none(found, refused))
    return ProposeMeasure(at, own, measure_from(picture, record, best))


def reason_of(refusal: Refusal) -> str:
    """Return why our check does not find a measure clear, as the other party is told."""
    return f"{refusal.expected} ({refusal.value})"[:LONGEST_REASON]


def measure_from(picture: Picture, record: ConflictRecord, ranked: RankedChange, owner: str = "") -> Measure:
    """Return the measure that proposes a ranked change for a conflict; its id follows from what was proposed before."""
    own = picture.party
    reference = record.conflict.of(owner or own)
    count = len(record.measures)
    digest = hashlib.sha256(f"{record.conflict.conflict_id} {own} {count}".encode()).hexdigest()
    return Measure(
        digest[:16], record.conflict.conflict_id, own, reference.party, reference.revision, ranked.change, ranked.plan,
        ranked.cost,
    )  # fmt: skip


def to_answer(picture: Picture) -> list[str]:
    """Return the ids of the proposals that wait for our answer and would change the proposer's own plan.

    What asks for a change of a plan of ours is never accepted without people: nobody else moves our aircraft.
    """
    waiting = []
    for (owner, _), ids in picture.measures_of.items():
        for measure_id in ids:
            record = picture.measures[measure_id]
            if record.state is MeasureState.PROPOSED and record.measure.proposer == owner != picture.party:
                waiting.append(measure_id)
    return sorted(waiting)


def _is_moving(picture: Picture, record: ConflictRecord, changing: set[tuple[str, str]]) -> bool:
    """Whether a plan of the conflict is about to change anyway, so that a search now would be for nothing."""
    keys = [(reference.party, reference.plan_id) for reference in (record.conflict.first, record.conflict.second)]
    return any(key in changing or key in picture.measures_of for key in keys)


def _why_none(found: FoundMeasures, refused: list[Measure]) -> str:
    if found.measures:
        several = f"all {len(refused)} changes within the limits were refused"
        return several if len(refused) > 1 else "the only change within the limits was refused"
    nearest = found.none.nearest if found.none is not None else None
    if nearest is None:
        return NOTHING_CLEAR
    match nearest.change:
        case Delay(delay_s=delay_s):
            change = f"a delay of {delay_s:,.0f} s"
        case LevelChange(change_m=change_m):
            change = f"a level change of {change_m:+,.0f} m ({change_m / FOOT_M:+,.0f} ft)"
        case LateralOffset(offset_m=offset_m):
            change = f"an offset of {offset_m:+,.0f} m"
    return f"{NOTHING_CLEAR}; the nearest beyond them is {change}"


def _was_refused(ranked: RankedChange, refused: list[Measure]) -> bool:
    result: Plan = ranked.plan
    return any(measure.plan == result for measure in refused)
