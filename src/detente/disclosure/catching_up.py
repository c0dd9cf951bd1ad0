"""What a peer has been told of our plans and notices, from the messages to it, and what it must still be told.

After a suspension, or under a new accord, the two are brought together again by saying only what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from detente.airspace.plan import Plan
from detente.picture.messages import (
    NoticeAmendedMessage,
    NoticeCancelledMessage,
    NoticeGivenMessage,
    PlanActivatedMessage,
    PlanAmendedMessage,
    PlanDeclaredMessage,
    PlanEndedMessage,
    PlanningMessage,
    PlanWithdrawnMessage,
)
from detente.picture.notices import Notice, NoticeState
from detente.picture.picture import Picture, PlanState
from detente.room.message import Message


class KnownKept(msgspec.Struct, frozen=True):
    """`KnownToPeer` as it is kept."""

    plans: dict[str, tuple[Plan, int]]
    active: list[str]
    notices: dict[str, Notice]


class KnownToPeer:
    """What one peer holds of ours, if it took in everything that was sent to it, after what it held `before`.

    What is said of a plan or a notice that it does not hold, it refuses.

    Attributes:
        plans: by id, with their revision.
        active: ids of the plans that are in use.
        notices: by id, in the words in which it was told.
    """

    def __init__(self, sent: Iterable[Message], before: KnownKept | None = None) -> None:
        before = before or KnownKept({}, [], {})
        self.plans = dict(before.plans)
        self.active = set(before.active)
        self.notices = dict(before.notices)
        for message in sent:
            self.take(message)

    def keep(self) -> KnownKept:
        """Return it as it is kept."""
        return KnownKept(self.plans, sorted(self.active), self.notices)

    def take(self, message: Message) -> None:
        """Take in what the peer is told after that."""
        match message:
            case PlanDeclaredMessage(plan, revision):
                self.plans[plan.plan_id] = (plan, revision)
                self.active.discard(plan.plan_id)
            case PlanAmendedMessage(plan, revision) if plan.plan_id in self.plans:
                self.plans[plan.plan_id] = (plan, revision)
            case PlanWithdrawnMessage(plan_id) | PlanEndedMessage(plan_id):
                self.plans.pop(plan_id, None)
                self.active.discard(plan_id)
            case PlanActivatedMessage(plan_id) if plan_id in self.plans:
                self.active.add(plan_id)
            case NoticeGivenMessage(notice):
                self.notices[notice.notice_id] = notice
            case NoticeAmendedMessage(notice) if notice.notice_id in self.notices:
                self.notices[notice.notice_id] = notice
            case NoticeCancelledMessage(notice_id):
                self.notices.pop(notice_id, None)
            case _:
                pass


def missing_plans(picture: Picture, known: KnownToPeer) -> Iterator[PlanningMessage]:
    """Yield what a peer must still hear so that it knows our live plans and no others."""
    live = {name: r for (party, name), r in sorted(picture.plans.items()) if party == picture.party and r.live}
    for name in sorted(known.plans.keys() - live.keys()):
        gone = picture.plans.get((picture.party, name))
        ended = gone is not None and gone.state is PlanState.ENDED
        yield PlanEndedMessage(name) if ended else PlanWithdrawnMessage(name)
    for name, record in live.items():
        if known.plans.get(name) != (record.plan, record.revision):
            yield PlanDeclaredMessage(record.plan, record.revision)
        if record.state is PlanState.ACTIVE and name not in known.active:
            yield PlanActivatedMessage(name)


def missing_notices(
    picture: Picture, known: KnownToPeer, as_told: Callable[[Notice], Notice]
) -> Iterator[PlanningMessage]:
    """Yield what a peer must still hear so that it knows our notices in force and no others.

    `as_told` gives a notice in the words in which the peer is told it.
    """
    for (party, name), record in sorted(picture.notices.items()):
        if party != picture.party or record.notice.agreed_with is not None:
            continue
        notice, held = as_told(record.notice), known.notices.get(name)
        if record.state is NoticeState.IN_FORCE and held != notice:
            yield NoticeGivenMessage(notice)
        elif record.state is NoticeState.CANCELLED and held is not None:
            yield NoticeCancelledMessage(name)
