"""What became of a day, read from the two journals alone: nothing is remembered from the run."""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.accord.provisions import Horizon
from detente.airspace.altitude import FOOT_M
from detente.airspace.plan import Plan, TimeWindow
from detente.airspace.refusal import Refusal
from detente.link.comparison import compare_copies
from detente.link.copies import Copy
from detente.lookout.told_situation import UNTOLD
from detente.matching.life import MatchingEvent, MatchingRuns, MessageSent, PartsSeen, evolve, transcript_of
from detente.picture.conflicts import Conflict
from detente.picture.events import (
    ConflictCleared,
    ConflictFound,
    MeasureProposed,
    MeasureRefused,
    NoMeasureFound,
    PictureEvent,
    PlanAmended,
    PlanDeclared,
)
from detente.picture.measures import Measure
from detente.plots.contents import (
    AgreedMeasure,
    CheckedJournal,
    CheckedTranscript,
    ConflictOutcome,
    Knowledge,
    PrivateMatch,
    ReportConflict,
    ReportContents,
    ReportParty,
)
from detente.record.entry import Entry
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.record.verification import verify_journal
from detente.rehearsal.california import Day
from detente.rehearsal.flown_day import AgreedPlans, fly_stretch
from detente.rehearsal.party import RehearsalParty

PlanName = tuple[str, str]
_PICTURE_EVENTS: msgspec.json.Decoder[PictureEvent] = msgspec.json.Decoder(PictureEvent)


class History:
    """The events of one journal, folded into what a report asks about each conflict."""

    def __init__(self) -> None:
        self.plans: dict[PlanName, Plan] = {}
        self.conflicts: dict[str, tuple[Conflict, Plan, Plan]] = {}
        self.cleared: dict[str, str | None] = {}
        self.measures: dict[str, Measure] = {}
        self.refusals: dict[str, list[str]] = {}
        self.no_measure: dict[str, dict[str, str]] = {}
        self.amendments: dict[PlanName, list[AgreedMeasure]] = {}

    def add(self, event: PictureEvent) -> None:
        """Fold one event in."""
        match event:
            case PlanDeclared(party=party, plan=plan):
                self.plans[party, plan.plan_id] = plan
            case PlanAmended(party=party, plan=plan, measure_id=measure_id):
                self.plans[party, plan.plan_id] = plan
                if measure_id is not None:
                    shifts = {shift.plan.plan_id: shift.change for shift in self.measures[measure_id].shifts}
                    agreed = AgreedMeasure(party, plan.plan_id, shifts[plan.plan_id])
                    self.amendments.setdefault((party, plan.plan_id), []).append(agreed)
            case ConflictFound(conflict=conflict):
                first = self.plans[conflict.first.party, conflict.first.plan_id]
                second = self.plans[conflict.second.party, conflict.second.plan_id]
                self.conflicts[conflict.conflict_id] = (conflict, first, second)
            case ConflictCleared(conflict_id=conflict_id, measure_id=measure_id):
                self.cleared[conflict_id] = measure_id
            case MeasureProposed(measure=measure):
                self.measures[measure.measure_id] = measure
            case MeasureRefused(measure_id=measure_id, party=party, reason=reason):
                conflict_id = self.measures[measure_id].conflict_id
                self.refusals.setdefault(conflict_id, []).append(f"{party}: {reason}")
            case NoMeasureFound(conflict_id=conflict_id, party=party, reason=reason):
                self.no_measure.setdefault(conflict_id, {})[party] = reason

    def of(self, party: str) -> tuple[Plan, ...]:
        """A party's plans as this side knows them."""
        return tuple(plan for (owner, _), plan in self.plans.items() if owner == party)

    def agrees_with(self, other: History) -> bool:
        """Whether the plans that both sides know and the conflicts that still stand are the same."""
        known = self.plans.keys() & other.plans.keys()
        return self.open == other.open and all(self.plans[name] == other.plans[name] for name in known)

    @property
    def open(self) -> set[str]:
        """The conflicts that still stand."""
        return set(self.conflicts) - set(self.cleared)

    def outcome(self, conflict_id: str) -> ConflictOutcome:
        """What became of a conflict."""
        if conflict_id in self.cleared:
            measure_id = self.cleared[conflict_id]
            own = measure_id is not None and self.measures[measure_id].conflict_id == conflict_id
            return ConflictOutcome.SETTLED if own else ConflictOutcome.RELIEVED
        if conflict_id in self.refusals:
            return ConflictOutcome.REFUSED
        return ConflictOutcome.NO_MEASURE if conflict_id in self.no_measure else ConflictOutcome.UNANSWERED

    def remark(self, conflict_id: str) -> str:
        """What the parties said about a conflict that is left: both reasons, in their words."""
        if conflict_id in self.cleared:
            return ""
        reasons = [f"{party}: {reason}" for party, reason in self.no_measure.get(conflict_id, {}).items()]
        return "; ".join([*self.refusals.get(conflict_id, []), *reasons])


def report_contents(day: Day, made_at: datetime) -> ReportContents:
    """Verify both journals and the transcript, fly a part of the day, and gather what the report says.

    Raises Refusal when the two sides do not end with the same plans and conflicts: there is nothing to report but that.
    """
    histories = []
    for party in (day.first, day.second):
        history = History()
        for entry in journal_entries(party, "event"):
            history.add(_PICTURE_EVENTS.decode(entry.body))
        histories.append(history)
    ours, theirs = histories
    # A conflict that a measure on its way had already removed may be on one side only; what stands at the end may not.
    if not ours.agrees_with(theirs):
        raise Refusal("rehearsal.both_sides_journals", "journals", "different ends")
    conflicts = tuple(_report_conflict(ours, conflict_id) for conflict_id in ours.conflicts)
    plans = (*day.plans[0], *day.plans[1])
    agreed = AgreedPlans(
        (day.first.name, day.second.name), ours.of(day.first.name), theirs.of(day.second.name),
        ours.of(day.second.name), day.accord.minima_at(Horizon.TACTICAL),
        untold=day.accord.disclosure in UNTOLD,
    )  # fmt: skip
    return ReportContents(
        parties=(_report_party(day.first, day.plans[0]), _report_party(day.second, day.plans[1])),
        period=TimeWindow(min(p.time.start for p in plans), max(p.time.end for p in plans)),
        made_at=made_at,
        accord_name=f"{day.accord.name} {day.accord.version}",
        accord_hash=day.accord_hash,
        minima=day.accord.minima,
        pairs_examined=len(day.plans[0]) * len(day.plans[1]),
        conflicts=conflicts,
        measures_agreed=sum(len(agreed) for agreed in ours.amendments.values()),
        run_time_s=day.run_time_s,
        transcript=checked_transcript(day),
        match=private_match(day),
        learnt=(knowledge(day.first, day.second.name), knowledge(day.second, day.first.name)),
        attributions=day.attributions,
        check_commands=(
            *(f"detente journal verify {party.files.journal_path}" for party in (day.first, day.second)),
            f"detente transcript compare {day.first.files.journal_path} {day.second.files.journal_path}",
        ),
        flown=fly_stretch(agreed),
    )


def matching_events(party: RehearsalParty) -> list[MatchingEvent]:
    """What a party's journal holds of private matching."""
    return [msgspec.json.decode(entry.body, type=MatchingEvent) for entry in journal_entries(party, "matching")]


def knowledge(party: RehearsalParty, other: str) -> Knowledge:
    """What a party's own journal says that it was told of the other's plans, as they were told first."""
    parts = [part for event in matching_events(party) if isinstance(event, PartsSeen) for part in event.parts]
    disclosed: dict[str, Plan] = {}
    for entry in journal_entries(party, "event"):
        event = _PICTURE_EVENTS.decode(entry.body)
        if isinstance(event, PlanDeclared) and event.party == other:
            disclosed.setdefault(event.plan.plan_id, event.plan)
    # Parts go by names without meaning, one for each plan; every plan told as it is was opened in part before.
    return Knowledge(tuple(disclosed.values()), tuple(parts), len({part.plan_id for part in parts}) - len(disclosed))


def private_match(day: Day) -> PrivateMatch:
    """How the day was matched, by the first party's journal."""
    terms = day.accord.provisions.matching
    events = [matching_events(party) for party in (day.first, day.second)]
    sent = [sum(e.noted.size for e in side if isinstance(e, MessageSent)) for side in events]
    matching = MatchingRuns(day.first.name)
    for event in events[0]:
        evolve(matching, event)
    run = next(iter(matching.runs.values()))
    assert run.outcome is not None
    return PrivateMatch(
        cell_m=0.1 * terms.cell_dm, band_m=terms.band_ft * FOOT_M, bin_s=float(terms.bin_seconds),
        sent_bytes=(sent[0], sent[1]), common=run.outcome.row.matched_tokens,
        agreed=run.transcript == transcript_of(run),
    )  # fmt: skip


def journal_entries(party: RehearsalParty, kind: str) -> list[Entry]:
    """The entries of one kind in a stopped node's journal."""
    with Journal.open(party.files.journal_path, NodeKey.load(party.files.key_path)) as journal:
        return list(journal.read(kind=kind))


def checked_journal(party: RehearsalParty) -> CheckedJournal:
    """A party's journal as verification finds it, with the key of the party's card."""
    place = party.files.journal_path
    verification = verify_journal(place, bytes.fromhex(party.card.public_key))
    finding = "" if verification.bad is None else str(verification.bad)
    return CheckedJournal(str(place), verification.head.number, verification.head.hash.hex(), verification.ok, finding)


def checked_transcript(day: Day) -> CheckedTranscript:
    """Both copies of what passed between the two parties, each proven and held against the other.

    A check of the line that one node sends while the other stops is in flight: that is no difference.
    """
    ours, theirs = (Copy(party.files.path).read() for party in (day.first, day.second))
    comparison = compare_copies(ours, theirs)
    links = [one_way for transcript in ours.transcripts for one_way in transcript.directions]
    findings = [*comparison.broken[0], *comparison.broken[1], *comparison.differences]
    return CheckedTranscript(
        messages=comparison.equal_envelopes,
        head=" ".join(one_way.root.hex() for one_way in links),
        equal=not findings,
        finding=str(findings[0]) if findings else "",
    )


def _report_party(party: RehearsalParty, plans: tuple[Plan, ...]) -> ReportParty:
    return ReportParty(party.name, party.card.fingerprint, plans, checked_journal(party))


def _report_conflict(history: History, conflict_id: str) -> ReportConflict:
    conflict, first, second = history.conflicts[conflict_id]
    names = [(reference.party, reference.plan_id) for reference in (conflict.first, conflict.second)]
    return ReportConflict(
        encounter=conflict.encounter,
        first=first,
        second=second,
        outcome=history.outcome(conflict_id),
        first_after=history.plans[names[0]],
        second_after=history.plans[names[1]],
        measures=tuple(agreed for name in names for agreed in history.amendments.get(name, ())),
        remark=history.remark(conflict_id),
    )
