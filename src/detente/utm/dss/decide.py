"""Decide every F3548 command: events, or Refused with nothing changed."""

from __future__ import annotations

from detente.utm.dss.commands import (
    DeleteConstraint,
    DeleteIntent,
    DeleteSubscription,
    DssCommand,
    MakeReport,
    PutConstraint,
    PutIntent,
    PutSubscription,
    SetAvailability,
)
from detente.utm.dss.decide_intents import decide_delete_intent, decide_put_intent
from detente.utm.dss.decide_subscriptions import decide_delete_subscription, decide_put_subscription
from detente.utm.dss.events import AvailabilitySet, ConstraintRemoved, ConstraintWritten, DssEvent, ReportMade
from detente.utm.dss.records import Constraint
from detente.utm.dss.state import DssState
from detente.utm.identifiers import opaque_version
from detente.utm.refused import Refused


def decide_dss(state: DssState, command: DssCommand, *, exact: bool) -> list[DssEvent]:
    """The events that carry out `command`. With `exact` a key need hold only what shares a point, not just a cell."""
    match command:
        case PutIntent():
            return decide_put_intent(state, command, exact=exact)
        case DeleteIntent():
            return decide_delete_intent(state, command)
        case PutConstraint():
            return _decide_put_constraint(state, command)
        case DeleteConstraint():
            old = _own_constraint(state, command.id, command.by, 404)
            _check_ovn(old, command.ovn)
            return [ConstraintRemoved(command.id)]
        case PutSubscription():
            return decide_put_subscription(state, command)
        case DeleteSubscription():
            return decide_delete_subscription(state, command)
        case SetAvailability():
            availability = state.availability.get(command.uss)
            if command.old_version != (availability.version if availability else ""):
                raise Refused(409, "old_version is not the current version of the availability; get it and try again")
            return [AvailabilitySet(command.uss, command.availability, opaque_version(command.uss, command.at_us))]
        case MakeReport():
            return [ReportMade(command.id, command.exchange)]


def _decide_put_constraint(state: DssState, command: PutConstraint) -> list[DssEvent]:
    version = 1
    if command.ovn is None:
        if command.id in state.constraints:
            raise Refused(409, f"a constraint {command.id} exists already; give its OVN to update it")
    else:
        old = _own_constraint(state, command.id, command.by, 409)
        _check_ovn(old, command.ovn)
        version = old.version + 1
    ovn = opaque_version(command.id, command.at_us)
    return [ConstraintWritten(command.id, command.by, version, ovn, command.uss_base_url, command.extents)]


def _own_constraint(state: DssState, name: str, by: str, unknown: int) -> Constraint:
    old = state.constraints.get(name)
    if old is None:
        raise Refused(unknown, f"there is no constraint {name}")
    if old.manager != by:
        raise Refused(403, f"the constraint belongs to {old.manager}, not to {by}")
    return old


def _check_ovn(old: Constraint, ovn: str) -> None:
    if old.ovn != ovn:
        raise Refused(409, "the OVN is not that of the current version; get the constraint and try again")
