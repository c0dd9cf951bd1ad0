"""What a peer has been told of our plans and notices, from the messages to it, and what it must still be told.

After a suspension, or under a new accord, the two are brought together again by saying only what differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from detente.airspace.plan import Plan
from detente.picture.messages import (
    Message,
    NoticeAmended,
    NoticeCancelled,
    NoticeGiven,
    PlanActivated,
    PlanAmended,
    PlanDeclared,
    PlanEnded,
    PlanWithdrawn,
)
from detente.picture.notices import Notice, NoticeState
from detente.picture.picture import Picture, PlanState


class Told:
    """What one peer holds of ours, if it took everything in: plans by id with their revision, and notices by id."""

    def __init__(self) -> None:
        self.plans: dict[str, tuple[Plan, int]] = {}
        self.active: set[str] = set()
        self.notices: dict[str, Notice] = {}

    def take(self, message: Message) -> None:
        """Fold one message in."""
        match message:
            case PlanDeclared(plan, revision) | PlanAmended(plan, revision):
                self.plans[plan.plan_id] = (plan, revision)
                if isinstance(message, PlanDeclared):
                    self.active.discard(plan.plan_id)
            case PlanWithdrawn(plan_id) | PlanEnded(plan_id):
                self.plans.pop(plan_id, None)
                self.active.discard(plan_id)
            case PlanActivated(plan_id):
                self.active.add(plan_id)
            case NoticeGiven(notice) | NoticeAmended(notice):
                self.notices[notice.notice_id] = notice
            case NoticeCancelled(notice_id):
                self.notices.pop(notice_id, None)
            case _:
                pass


def told_by(messages: Iterable[Message]) -> Told:
    """Return what these messages, in order, told their recipient."""
    told = Told()
    for message in messages:
        told.take(message)
    return told


def untold(picture: Picture, told: Told) -> Iterator[Message]:
    """Yield what a peer must still hear so that it knows our live plans and our notices in force, and no others."""
    live = {name: r for (party, name), r in sorted(picture.plans.items()) if party == picture.party and r.live}
    for name in sorted(told.plans.keys() - live.keys()):
        record = picture.plans.get((picture.party, name))
        ended = record is not None and record.state is PlanState.ENDED
        yield PlanEnded(name) if ended else PlanWithdrawn(name)
    for name, held in live.items():
        said = told.plans.get(name)
        again = said != (held.plan, held.revision)
        if again:
            yield PlanDeclared(held.plan, held.revision)
        if held.state is PlanState.ACTIVE and name not in told.active:
            yield PlanActivated(name)
    for (party, name), notice in sorted(picture.notices.items()):
        if party != picture.party or notice.notice.agreed_with is not None:
            continue
        in_force, said_notice = notice.state is NoticeState.IN_FORCE, told.notices.get(name)
        if in_force and said_notice != notice.notice:
            yield NoticeGiven(notice.notice)
        elif notice.state is NoticeState.CANCELLED and said_notice is not None:
            yield NoticeCancelled(name)
