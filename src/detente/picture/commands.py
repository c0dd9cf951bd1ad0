"""Commands: what somebody asks for. Each carries the time (UTC) and every id it needs, and the party that asks.

The same commands serve the people of this party and the messages of its peers: `party` is who asks, and it may only
speak for itself.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.airspace.plan import Plan, TimeWindow
from detente.airspace.separation import MinimaTable
from detente.picture.measures import Measure
from detente.picture.notices import Notice
from detente.picture.pair_terms import PairTerms


class _Command(msgspec.Struct, frozen=True, tag_field="command", forbid_unknown_fields=True):
    """Every command says when it was given (UTC)."""

    at: datetime


class AdoptAccord(_Command, frozen=True, tag="adopt_accord"):
    """Work for `party` under this accord from now on. The accord in force asked for again changes nothing.

    With an accord for each peer, `pairs` holds the terms of each, and `minima` what is at least as wide as all of them.
    """

    party: str
    accord_hash: str
    name: str
    parties: tuple[str, ...]
    minima: MinimaTable
    valid: TimeWindow
    notice_lead_s: float = 0.0
    pairs: tuple[PairTerms, ...] = ()


class ImportPlans(_Command, frozen=True, tag="import_plans"):
    """Declare the plans that are new, amend those that differ, leave the same: all or, when one is refused, none."""

    party: str
    plans: tuple[Plan, ...]


class DeclarePlan(_Command, frozen=True, tag="declare_plan"):
    """Declare one plan. A peer says its revision; our own is counted here (None)."""

    party: str
    plan: Plan
    revision: int | None = None


class AmendPlan(_Command, frozen=True, tag="amend_plan"):
    """Replace a plan by its next revision. A peer says which revision that is, and the measure it follows."""

    party: str
    plan: Plan
    revision: int | None = None
    measure_id: str | None = None


class WithdrawPlan(_Command, frozen=True, tag="withdraw_plan"):
    """Take a plan back."""

    party: str
    plan_id: str


class ActivatePlan(_Command, frozen=True, tag="activate_plan"):
    """Say that the plan's airspace is in use."""

    party: str
    plan_id: str


class EndPlan(_Command, frozen=True, tag="end_plan"):
    """Say that the plan is flown."""

    party: str
    plan_id: str


class GiveNotice(_Command, frozen=True, tag="give_notice"):
    """Give a new notice."""

    party: str
    notice: Notice


class AmendNotice(_Command, frozen=True, tag="amend_notice"):
    """Replace a notice in force by another under the same id."""

    party: str
    notice: Notice


class CancelNotice(_Command, frozen=True, tag="cancel_notice"):
    """Take a notice back, by reference."""

    party: str
    notice_id: str


class KeepZone(_Command, frozen=True, tag="keep_zone"):
    """An agreed zone counts as these notices, under ids that begin with `prefix`; those that it counted as end."""

    prefix: str
    agreed_with: str
    notices: tuple[Notice, ...]


class ExpireNotices(_Command, frozen=True, tag="expire_notices"):
    """Let every notice expire whose window is over at `at`."""


class RejudgeConflicts(_Command, frozen=True, tag="rejudge_conflicts"):
    """Judge the pairs of plans whose next horizon has come by `at` by its minima."""


class ProposeMeasure(_Command, frozen=True, tag="propose_measure"):
    """Propose a measure, as its `proposer`."""

    party: str
    measure: Measure


class AcceptMeasure(_Command, frozen=True, tag="accept_measure"):
    """Accept the other party's measure."""

    party: str
    measure_id: str


class RefuseMeasure(_Command, frozen=True, tag="refuse_measure"):
    """Refuse the other party's measure, with the reason."""

    party: str
    measure_id: str
    reason: str


class ReportNoMeasure(_Command, frozen=True, tag="report_no_measure"):
    """Say that no change of our own plan clears the conflict, with the reason; of several plans, when `joint`."""

    party: str
    conflict_id: str
    reason: str
    joint: bool = False


class RecordConflictAnswer(_Command, frozen=True, tag="record_conflict_answer"):
    """A peer says whether our plan, at this revision, is in conflict with something that it does not tell."""

    party: str
    plan_id: str
    revision: int
    conflict: bool


PictureCommand = (
    AdoptAccord
    | ImportPlans
    | DeclarePlan
    | AmendPlan
    | WithdrawPlan
    | ActivatePlan
    | EndPlan
    | GiveNotice
    | AmendNotice
    | CancelNotice
    | KeepZone
    | ExpireNotices
    | RejudgeConflicts
    | ProposeMeasure
    | AcceptMeasure
    | RefuseMeasure
    | ReportNoMeasure
    | RecordConflictAnswer
)
