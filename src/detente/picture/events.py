"""Events: what has happened, as it is kept in the journal for as long as the journal is kept.

The encoded form is a promise: a field may be added with a default, never renamed or given another meaning. A golden
file in the tests pins it.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.airspace.plan import Plan, TimeWindow
from detente.airspace.separation import MinimaTable
from detente.picture.conflicts import ClearedBecause, Conflict
from detente.picture.horizons import Watched
from detente.picture.measures import Measure
from detente.picture.notices import Notice
from detente.picture.pair_terms import PairTerms


class _Event(msgspec.Struct, frozen=True, tag_field="event", forbid_unknown_fields=True):
    """Every event says when it was decided (UTC, with the command)."""

    at: datetime


class AccordAdopted(_Event, frozen=True, tag="accord_adopted", omit_defaults=True):
    """From here on this node, which speaks for `party`, works under this accord with `parties` (itself included)."""

    party: str
    accord_hash: str
    name: str
    parties: tuple[str, ...]
    minima: MinimaTable
    valid: TimeWindow
    notice_lead_s: float = 0.0
    pairs: tuple[PairTerms, ...] = ()


class PlanDeclared(_Event, frozen=True, tag="plan_declared"):
    """A plan that was not there, or no longer."""

    party: str
    plan: Plan
    revision: int


class PlanAmended(_Event, frozen=True, tag="plan_amended"):
    """The plan's next revision; `measure_id` when a measure asked for it."""

    party: str
    plan: Plan
    revision: int
    measure_id: str | None = None


class PlanWithdrawn(_Event, frozen=True, tag="plan_withdrawn"):
    """The party does not intend this any more."""

    party: str
    plan_id: str


class PlanActivated(_Event, frozen=True, tag="plan_activated"):
    """The party is using the airspace it planned: a separate act from planning (R16)."""

    party: str
    plan_id: str


class PlanEnded(_Event, frozen=True, tag="plan_ended"):
    """The party has finished with the airspace."""

    party: str
    plan_id: str


class NoticeGiven(_Event, frozen=True, tag="notice_given"):
    """A new notice; `late_by_s` is positive when the lead time was less than the accord asks."""

    notice: Notice
    late_by_s: float


class NoticeAmended(_Event, frozen=True, tag="notice_amended"):
    """The notice as it now reads, under the same id (R15)."""

    notice: Notice
    revision: int
    late_by_s: float


class NoticeCancelled(_Event, frozen=True, tag="notice_cancelled"):
    """The party takes the notice back."""

    party: str
    notice_id: str


class NoticeExpired(_Event, frozen=True, tag="notice_expired"):
    """The notice's window is over."""

    party: str
    notice_id: str


class ConflictFound(_Event, frozen=True, tag="conflict_found"):
    """Two plans of different parties came inside the minima."""

    conflict: Conflict


class ConflictCleared(_Event, frozen=True, tag="conflict_cleared"):
    """A conflict is no longer one."""

    conflict_id: str
    because: ClearedBecause
    measure_id: str | None = None


class EncounterWatched(_Event, frozen=True, tag="encounter_watched"):
    """A pair of plans comes close: it was judged by the minima of its horizon, and is again when the next begins."""

    pair: Watched


class ConflictRejudged(_Event, frozen=True, tag="conflict_rejudged"):
    """An open conflict is one by the minima of its next horizon too."""

    conflict: Conflict


class MeasureProposed(_Event, frozen=True, tag="measure_proposed"):
    """One party of a conflict proposes a change."""

    measure: Measure


class MeasureAccepted(_Event, frozen=True, tag="measure_accepted"):
    """The other party agrees. The plan changes when its owner amends it, which its node does at once."""

    measure_id: str
    party: str


class MeasureRefused(_Event, frozen=True, tag="measure_refused"):
    """The other party does not agree."""

    measure_id: str
    party: str
    reason: str


class MeasureLapsed(_Event, frozen=True, tag="measure_lapsed"):
    """What the measure was about has changed, so that it can no longer take effect."""

    measure_id: str
    reason: str


class NoMeasureFound(_Event, frozen=True, tag="no_measure_found", omit_defaults=True):
    """A party looked for a change of its own plan that clears the conflict and found none; of several, when `joint`."""

    conflict_id: str
    party: str
    reason: str
    joint: bool = False


class ConflictAnswered(_Event, frozen=True, tag="conflict_answered"):
    """A peer said whether our plan, at this revision, is in conflict with something that it does not tell."""

    party: str
    plan_id: str
    revision: int
    conflict: bool


PictureEvent = (
    AccordAdopted
    | PlanDeclared
    | PlanAmended
    | PlanWithdrawn
    | PlanActivated
    | PlanEnded
    | NoticeGiven
    | NoticeAmended
    | NoticeCancelled
    | NoticeExpired
    | ConflictFound
    | ConflictCleared
    | EncounterWatched
    | ConflictRejudged
    | MeasureProposed
    | MeasureAccepted
    | MeasureRefused
    | MeasureLapsed
    | NoMeasureFound
    | ConflictAnswered
)
