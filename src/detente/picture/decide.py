"""Decide a command against the picture: the events that follow from it, or a Refusal and none.

Pure: the time and every id come with the command. The decisions are in one file for each subject.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from detente.airspace.refusal import Refusal
from detente.picture import commands, decide_accord, decide_conflicts, decide_measures, decide_notices, decide_plans
from detente.picture.commands import Command
from detente.picture.events import Event, MessageRefused
from detente.picture.picture import Picture

LONGEST_KEPT = 200
"""Characters kept of what a peer's refused message said; the message itself is in the journal in full."""


def decide(picture: Picture, command: Command) -> list[Event]:
    """Return the events that `command` leads to, in order; `picture` is not changed.

    Raises Refusal, with nothing changed, for a command that cannot be carried out. A command that asks for what is
    already so gives no events.
    """
    if not isinstance(command, commands.AdoptAccord) and picture.accord is None:
        raise Refusal("accord", None, "an accord in force", "Set the node's accord first.")
    party = getattr(command, "party", picture.party)
    if picture.accord is not None and party not in picture.accord.parties:
        raise Refusal("party", party, f"a party of the accord: {', '.join(picture.accord.parties)}")
    return _DECISIONS[type(command)](picture, command)


def _record_refused_message(picture: Picture, command: commands.RecordRefusedMessage) -> list[Event]:
    if command.party == picture.party:
        raise Refusal("party", command.party, "a peer")
    kept = (text[:LONGEST_KEPT] for text in (command.field, command.value, command.expected, command.mend))
    return [MessageRefused(command.at, command.party, command.message, *kept)]


_DECISIONS: dict[type, Callable[[Picture, Any], list[Event]]] = {
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
    commands.HearConflictAnswer: decide_conflicts.hear_answer,
    commands.RecordRefusedMessage: _record_refused_message,
}
