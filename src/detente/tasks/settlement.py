"""Settling conflicts without people, when both sides have said so in their configuration.

For each open conflict one side has the first turn: the party whose name sorts first when the conflict's id is even,
else the other. It proposes the cheapest change of its own plan that is clear of everything it knows. The other side
accepts when its own exact check finds the result clear, else it refuses with the reason. Whatever asks for a change of
our own plan is left to people. A side that finds no measure says so and the other has its turn. When both have said so,
each in turn looks for a joint measure, which changes other plans of its own too; when there is none either the conflict
is left, with both reasons.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from time import perf_counter
from typing import Any

import msgspec
import structlog

from detente.airspace.altitude import FOOT_M
from detente.airspace.joint_resolution import SettledPlan, Steps, whole
from detente.airspace.refusal import Refusal
from detente.airspace.resolution import Delay, FoundMeasures, LateralOffset, LevelChange, RankedChange
from detente.node.loop import CommandLoop, NodeStopped
from detente.picture.commands import AcceptMeasure, PictureCommand, ProposeMeasure, RefuseMeasure, ReportNoMeasure
from detente.picture.conflicts import ConflictRecord
from detente.picture.measures import LONGEST_REASON, Measure, MeasureState, PlanShift
from detente.picture.picture import Picture
from detente.settings.configuration import SettlementSettings
from detente.tasks.search_for_measures import search_joint_measure, search_measures

NOTHING_CLEAR = "no delay, level or offset within the limits is clear of everything known"
OVERTAKEN = "whatever was found was overtaken by other changes"
SEARCH_FAILED = "the search for a measure failed"
NOTHING_JOINT = "; no change of several plans is clear either"
MOST_JOINT_PROPOSALS = 3
MOST_PROPOSALS_A_ROUND = 32
LONGEST_SEARCH_S = 0.25

log = structlog.get_logger()


def turn_of(record: ConflictRecord) -> str | None:
    """Return the party whose turn it is to propose a change of its own plan or plans; None when both found none."""
    conflict = record.conflict
    order = [conflict.first.party, conflict.second.party]
    if int(conflict.conflict_id, 16) % 2:
        order.reverse()
    said_no = set(record.no_joint_measure) if record.no_single_measure else {party for party, _ in record.no_measure}
    return next((party for party in order if party not in said_no), None)


class SettlementSwitch:
    """Settles while the configuration says so, which may change."""

    def __init__(self, loop: CommandLoop, settings: SettlementSettings) -> None:
        self._loop = loop
        self._settings = settings
        self._changed = asyncio.Event()

    def set(self, settings: SettlementSettings) -> None:
        """Settle otherwise, or no more, from now on."""
        self._settings = settings
        self._changed.set()

    async def run(self) -> None:
        """Settle, while it is wanted, until cancelled."""
        while True:
            self._changed.clear()
            changed = asyncio.ensure_future(self._changed.wait())
            work: list[asyncio.Future[Any]] = [changed]
            if self._settings.automatic:
                work.append(asyncio.ensure_future(Settlement(self._loop, self._settings).run()))
            try:
                done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in work:
                    task.cancel()
                await asyncio.gather(*work, return_exceptions=True)
            if changed not in done:
                for task in done:
                    task.result()
                return


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
        finally:
            self._loop.after_turn.remove(self._wake.set)

    async def _round(self) -> bool:
        """Answer every proposal that waits, then propose some; return whether there may be more to do."""
        if not self._loop.may_plan():
            return False
        answers = [
            measure
            for measure in await self._loop.read(lambda: to_answer(self._loop.picture))
            if self._may_answer(measure)
        ]
        await asyncio.gather(*(self._answer(measure_id) for measure_id in answers))
        proposals = await self._loop.work_out(lambda: self._to_propose(self._loop.picture))
        if not proposals and (joint := await self._joint_proposal()) is not None:
            proposals = [joint]
        results = await asyncio.gather(*(self._do(command) for command in proposals))
        return bool(answers) or any(results)

    def _may_answer(self, measure_id: str) -> bool:
        record = self._loop.picture.measures.get(measure_id)
        return record is not None and self._may_settle(record.measure.conflict_id)

    def _may_settle(self, conflict_id: str) -> bool:
        """Measures wait while the accord is suspended, and where a plan is told in a coarse form people settle."""
        return self._loop.disclosure.may_settle(conflict_id, self._loop.clock())

    async def _answer(self, measure_id: str) -> None:
        at, party = self._loop.clock(), self._loop.picture.party
        try:
            await self._loop.decide(AcceptMeasure(at, party, measure_id))
        except Refusal as refusal:
            record = self._loop.picture.measures.get(measure_id)
            if record is None:
                return
            held_back = self._loop.disclosure.holds_back(record.measure.proposer, self._loop.clock())
            # What the change would come too close to may be a plan that the proposer is not told of.
            reason = refusal.expected.rpartition(": ")[2][:LONGEST_REASON] if held_back else reason_of(refusal)
            await self._do(RefuseMeasure(self._loop.clock(), party, measure_id, reason))

    async def _do(self, command: PictureCommand) -> bool:
        try:
            await self._loop.decide(command)
        except Refusal as refusal:
            log.info("settlement overtaken", command=type(command).__name__, why=str(refusal))
            if isinstance(command, ProposeMeasure):
                conflict_id = command.measure.conflict_id
                self._overtaken[conflict_id] = self._overtaken.get(conflict_id, 0) + 1
            return False
        return True

    def _to_propose(self, picture: Picture) -> list[PictureCommand]:
        """Search until enough is found or enough time has passed; what is left waits for the next round."""
        commands: list[PictureCommand] = []
        started = perf_counter()
        for record in self._turns(picture):
            if record.no_single_measure or not self._may_settle(record.conflict.conflict_id):
                continue
            if (command := whole(self._proposal(picture, record))) is not None:
                commands.append(command)
            if len(commands) >= MOST_PROPOSALS_A_ROUND or perf_counter() - started > LONGEST_SEARCH_S:
                break
        return commands

    async def _joint_proposal(self) -> PictureCommand | None:
        """Search a joint measure for one conflict, with turns of the loop between the steps; None when none is due.

        What changes meanwhile can only spoil the search: whatever it finds is checked when it is proposed.
        """
        picture = self._loop.picture

        def first() -> ConflictRecord | None:
            joint = (record for record in self._turns(picture) if record.no_single_measure)
            return next((record for record in joint if self._may_settle(record.conflict.conflict_id)), None)

        record = await self._loop.read(first)
        if record is None:
            return None
        steps = self._proposal(picture, record)
        found: list[PictureCommand | None] = []

        def step() -> None:
            try:
                next(steps)
            except StopIteration as end:
                found.append(end.value)

        while not found:
            await self._loop.work_out(step)
        return found[0]

    def _turns(self, picture: Picture) -> Iterator[ConflictRecord]:
        return one_after_the_other(picture) if self._settings.in_turn else turns(picture)

    def _proposal(self, picture: Picture, record: ConflictRecord) -> Steps[PictureCommand | None]:
        """Find what to propose or to report; None when a plan went in a pause of the search, which then begins anew."""
        at, conflict_id = self._loop.clock(), record.conflict.conflict_id
        if self._overtaken.get(conflict_id, 0) >= self._settings.most_proposals:
            del self._overtaken[conflict_id]
            return none_found(picture, record, at, OVERTAKEN)
        try:
            steps = proposal(picture, record, at, self._settings.most_proposals, self._told_to(record))
            return (yield from steps)
        except Exception as error:
            if isinstance(error, KeyError) and record.no_single_measure:
                self._overtaken[conflict_id] = self._overtaken.get(conflict_id, 0) + 1
                return None
            # A fault of the search must not stop the node; the conflict goes to the other side, and then to people.
            log.exception("a search failed", conflict=conflict_id)
            return none_found(picture, record, at, SEARCH_FAILED)

    def _told_to(self, record: ConflictRecord) -> Callable[[str], bool]:
        """Whether the other party of a conflict is told a plan of ours as it is."""
        peer, disclosure = record.conflict.other(self._loop.picture.party).party, self._loop.disclosure
        return lambda plan_id: disclosure.tells_openly(peer, plan_id, self._loop.clock())


def turns(picture: Picture) -> Iterator[ConflictRecord]:
    """Yield the open conflicts in which it is our turn, no plan of which is about to change anyway."""
    changing: set[tuple[str, str]] = set()
    for conflict_id in sorted(picture.conflicts):
        record = picture.conflicts[conflict_id]
        if turn_of(record) == picture.party and not _is_moving(picture, record, changing):
            changing.add((picture.party, record.conflict.of(picture.party).plan_id))
            yield record


def one_after_the_other(picture: Picture) -> Iterator[ConflictRecord]:
    """Yield the next conflict if it is our turn there and no measure is under way: single changes first, by number.

    Both sides agree which is next, so what they come to does not depend on when messages arrive.
    """
    waiting = [record for record in picture.conflicts.values() if turn_of(record) is not None]
    following = min(waiting, key=lambda one: (one.no_single_measure, one.conflict.conflict_id), default=None)
    if following is not None and turn_of(following) == picture.party and not picture.measures_of:
        yield following


def proposal(
    picture: Picture, record: ConflictRecord, at: datetime, most_proposals: int, told: Callable[[str], bool]
) -> Steps[PictureCommand]:
    """Find the proposal of the cheapest change of our plan that was not refused before, or that there is none.

    When both sides found none, other plans of ours that the other party is `told` of may change with it; that search
    pauses at each step.
    """
    own = picture.party
    conflict = record.conflict
    asked = [picture.measures[m].measure for m in record.measures if picture.measures[m].state is MeasureState.REFUSED]
    ours = [measure for measure in asked if measure.proposer == measure.owner == own]
    refused = [measure.change for measure in ours]
    joint = sum(bool(measure.also) for measure in ours)
    if joint >= MOST_JOINT_PROPOSALS or len(refused) >= most_proposals + record.no_single_measure:
        return none_found(picture, record, at, f"the other party refused {len(refused)} proposals")
    if record.no_single_measure:
        settled = yield from search_joint_measure(picture, conflict.of(own), told, refused)
        if not settled:
            return none_found(picture, record, at, _joint_reason(record, own))
        return ProposeMeasure(at, own, joint_measure_from(picture, record, settled))
    found = search_measures(picture, conflict.of(own), refused)
    if not found.measures:
        return none_found(picture, record, at, _why_none(found, len(refused)))
    return ProposeMeasure(at, own, measure_from(picture, record, found.measures[0]))


def none_found(picture: Picture, record: ConflictRecord, at: datetime, reason: str) -> ReportNoMeasure:
    """Return what we say when we find no change for a conflict in our turn: of our plan alone, or of several."""
    return ReportNoMeasure(at, picture.party, record.conflict.conflict_id, reason, record.no_single_measure)


def _joint_reason(record: ConflictRecord, own: str) -> str:
    before = dict(record.no_measure)[own]
    return before[: LONGEST_REASON - len(NOTHING_JOINT)] + NOTHING_JOINT


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


def joint_measure_from(picture: Picture, record: ConflictRecord, settled: tuple[SettledPlan, ...]) -> Measure:
    """Return the measure that proposes several changes for a conflict, the first of them of our plan in it."""
    first = measure_from(picture, record, settled[0].measure)
    also = tuple(
        PlanShift(
            picture.plans[(picture.party, one.measure.plan.plan_id)].revision, one.measure.change, one.measure.plan
        )
        for one in settled[1:]
    )
    return msgspec.structs.replace(first, cost=sum(one.measure.cost for one in settled), also=also)


def to_answer(picture: Picture) -> list[str]:
    """Return the ids of the proposals that wait for our answer and would change the proposer's own plan.

    What asks for a change of a plan of ours is never accepted without people: nobody else moves our aircraft.
    """
    waiting = set()
    for (owner, _), ids in picture.measures_of.items():
        for measure_id in ids:
            record = picture.measures[measure_id]
            if record.state is MeasureState.PROPOSED and record.measure.proposer == owner != picture.party:
                waiting.add(measure_id)
    return sorted(waiting)


def _is_moving(picture: Picture, record: ConflictRecord, changing: set[tuple[str, str]]) -> bool:
    """Whether a plan of the conflict is about to change anyway, so that a search now would be for nothing."""
    keys = [(reference.party, reference.plan_id) for reference in (record.conflict.first, record.conflict.second)]
    return any(key in changing or key in picture.measures_of for key in keys)


def _why_none(found: FoundMeasures, refused: int) -> str:
    if refused:
        what = "1 change was refused" if refused == 1 else f"{refused} changes were refused"
        return f"{what}, and no other within the limits is clear here and far enough from what was refused"
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
