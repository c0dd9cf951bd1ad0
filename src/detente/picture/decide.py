"""Decide a command against the picture: the events that follow from it, or a Refusal and none.

Pure: the time and every id come with the command. The decisions are in one file for each subject.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from detente.airspace.refusal import Refusal
from detente.picture import commands, decide_accord, decide_conflicts, decide_measures, decide_notices, decide_plans
from detente.picture.commands import PictureCommand
from detente.picture.events import PictureEvent
from detente.picture.picture import Picture


def decide(picture: Picture, command: PictureCommand) -> list[PictureEvent]:
    """Return the events that `command` leads to, in order; `picture` is not changed.

    Raises Refusal, with nothing changed, for a command that cannot be carried out. A command that asks for what is
    already so gives no events.
    """
    if not isinstance(command, commands.AdoptAccord) and picture.accord is None:
        raise Refusal("picture.accord_force", "accord", None)
    party = getattr(command, "party", picture.party)
    if picture.accord is not None and party not in picture.accord.parties:
        raise Refusal("picture.party_accord", "party", party, parties=", ".join(picture.accord.parties))
    return _DECISIONS[type(command)](picture, command)


_DECISIONS: dict[type, Callable[[Picture, Any], list[PictureEvent]]] = {
    commands.AdoptAccord: decide_accord.adopt,
    commands.ImportPlans: decide_plans.import_plans,
    commands.DeclarePlan: decide_plans.declare,
    commands.AmendPlan: decide_plans.amend,
    commands.WithdrawPlan: decide_plans.withdraw,
    commands.ActivatePlan: decide_plans.activate,
    commands.EndPlan: decide_plans.end,
    commands.GiveNotice: decide_notices.give,
    commands.AmendNotice: decide_notices.amend,
    commands.CancelNotice: decide_notices.cancel,
    commands.KeepZone: decide_notices.keep_zone,
    commands.ExpireNotices: decide_notices.expire,
    commands.RejudgeConflicts: decide_conflicts.rejudge,
    commands.ProposeMeasure: decide_measures.propose,
    commands.AcceptMeasure: decide_measures.accept,
    commands.RefuseMeasure: decide_measures.refuse,
    commands.ReportNoMeasure: decide_measures.report_none,
    commands.RecordConflictAnswer: decide_conflicts.record_answer,
}
