"""What a report says, filled by whoever ran the work. Everything shown comes from here; nothing is looked up.

A report is between two parties. The first is drawn in blue, the second in orange; in every encounter
`first_plan_id` is the first party's plan and `second_plan_id` the second's.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec
import numpy as np

from detente.airspace.changes import PlanChange
from detente.airspace.plan import Plan, TimeWindow
from detente.airspace.position import posix_s
from detente.airspace.separation import Encounter, MinimaTable
from detente.plots.flown_stretch import FlownStretch
from detente.plots.sampling import presence, separation


class ConflictOutcome(StrEnum):
    """What became of a conflict."""

    SETTLED = "settled"
    """A measure that both parties accepted removed it."""
    RELIEVED = "relieved"
    """A measure agreed for another conflict removed it as well."""
    NO_MEASURE = "no_measure"
    """No delay, level change or lateral offset within the limits clears it against everything known."""
    REFUSED = "refused"
    """Measures were proposed and none was accepted."""
    UNANSWERED = "unanswered"
    """A measure was proposed and not answered in time."""

    @property
    def left(self) -> bool:
        """Whether the conflict still stands."""
        return self not in (ConflictOutcome.SETTLED, ConflictOutcome.RELIEVED)


class AgreedMeasure(msgspec.Struct, frozen=True):
    """One change of one plan that both parties agreed on: `party` is the name of the plan's owner."""

    party: str
    plan_id: str
    change: PlanChange


class ReportConflict(msgspec.Struct, frozen=True):
    """One conflict that was found, and what became of it.

    Attributes:
        encounter: as found, before any measure.
        first: the first party's plan as it was when the conflict was found.
        second: the second party's.
        outcome: what became of it.
        first_after: the first party's plan as it stands at the end; the same plan when nothing changed it.
        second_after: the second party's.
        measures: the changes of either plan that were agreed, in the order in which they took effect.
        remark: one more line for the reader, shown as it is in every language; empty for none.
    """

    encounter: Encounter
    first: Plan
    second: Plan
    outcome: ConflictOutcome
    first_after: Plan
    second_after: Plan
    measures: tuple[AgreedMeasure, ...] = ()
    remark: str = ""


class CheckedJournal(msgspec.Struct, frozen=True):
    """A journal as the verification found it.

    Attributes:
        place: its file, as a reader would name it to check it again.
        entries: how many it has.
        head: hash of the last entry, in hexadecimal.
        sound: whether every hash and every signature holds.
        finding: what is wrong with it when it is not sound, shown as it is.
    """

    place: str
    entries: int
    head: str
    sound: bool
    finding: str = ""


class CheckedTranscript(msgspec.Struct, frozen=True):
    """The two sides' copies of what passed between them, compared.

    Attributes:
        messages: how many envelopes both sides hold.
        head: hash of the last of them, in hexadecimal.
        equal: whether the two copies are the same, signatures and receipts included.
        finding: the first difference when they are not, shown as it is.
    """

    messages: int
    head: str
    equal: bool
    finding: str = ""


class ReportParty(msgspec.Struct, frozen=True):
    """One party: its name, the spoken fingerprint of its key, its plans as declared, its journal as checked."""

    name: str
    fingerprint: str
    plans: tuple[Plan, ...]
    journal: CheckedJournal


class Knowledge(msgspec.Struct, frozen=True):
    """What a party was told of the other's plans.

    Attributes:
        told: plans as they are.
        parts: volumes and legs that a private match opened, of these plans and of others.
        in_part: how many plans are known by such parts alone.
    """

    told: tuple[Plan, ...]
    parts: tuple[Plan, ...]
    in_part: int


class PrivateMatch(msgspec.Struct, frozen=True):
    """How a private match was made.

    Attributes:
        cell_m: the side of a cell.
        band_m: the height of a band; 0 where heights were left out.
        bin_s: the length of a bin of time.
        sent_bytes: what each party sent, the first's first.
        common: how many cells, bands and times both sides had in common.
        agreed: whether both sides said that they have the same messages.
    """

    cell_m: float
    band_m: float
    bin_s: float
    sent_bytes: tuple[int, int]
    common: int
    agreed: bool


class ReportContents(msgspec.Struct, frozen=True):
    """All that a report says.

    Attributes:
        parties: the first and the second.
        period: from the first plan's start to the last plan's end.
        made_at: when the report was made.
        accord_name: name and version of the accord in force.
        accord_hash: its hash in hexadecimal.
        minima: the accord's separation minima.
        pairs_examined: pairs of plans, one of each side, that were held against each other.
        conflicts: every conflict found, in any order; the report ranks them.
        measures_agreed: how many measures both sides accepted.
        run_time_s: from the first declaration to the last verification.
        transcript: what passed between the parties, as compared.
        match: how the private match was made; None where each side told its plans.
        learnt: what the first party was told of the second's plans, then the reverse; None likewise.
        attributions: one sentence for each source of data, as its licence asks, shown as they are.
        check_commands: shell commands with which a reader verifies journals and transcript again.
        flown: a stretch of the day as it was flown and watched; None where nobody flew.
    """

    parties: tuple[ReportParty, ReportParty]
    period: TimeWindow
    made_at: datetime
    accord_name: str
    accord_hash: str
    minima: MinimaTable
    pairs_examined: int
    conflicts: tuple[ReportConflict, ...]
    measures_agreed: int
    run_time_s: float
    transcript: CheckedTranscript
    match: PrivateMatch | None = None
    learnt: tuple[Knowledge, Knowledge] | None = None
    attributions: tuple[str, ...] = ()
    check_commands: tuple[str, ...] = ()
    flown: FlownStretch | None = None


def severity(encounter: Encounter, first: Plan, second: Plan) -> float:
    """How little is left of the minima, for ranking: 0 at the same place and height, 1 just inside the minima.

    The larger of the two distances as a share of what is required, at the moment when that is smallest, from samples.
    """
    times_s = np.linspace(posix_s(encounter.start), posix_s(encounter.end), 121)
    horizontal_m, vertical_m = separation(
        presence(first, encounter.altitude_frame), presence(second, encounter.altitude_frame), times_s
    )
    sampled = np.maximum(
        horizontal_m / max(encounter.required_horizontal_m, 1.0), vertical_m / max(encounter.required_vertical_m, 1.0)
    )
    exact = max(
        encounter.horizontal_m / max(encounter.required_horizontal_m, 1.0),
        encounter.vertical_m / max(encounter.required_vertical_m, 1.0),
    )
    return float(np.nanmin(np.append(sampled, exact)))


def ranked(conflicts: tuple[ReportConflict, ...]) -> list[tuple[float, ReportConflict]]:
    """Conflicts with their severity, from the worst to the least; ties by time and plan identifiers."""
    return sorted(
        ((severity(c.encounter, c.first, c.second), c) for c in conflicts),
        key=lambda pair: (
            round(pair[0], 6),
            pair[1].encounter.start,
            pair[1].encounter.first_plan_id,
            pair[1].encounter.second_plan_id,
        ),
    )
