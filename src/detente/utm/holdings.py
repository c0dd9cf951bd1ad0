"""What F3548 and F3411 do alike with what they hold: subscriptions that count on, whom a change is told, what ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from detente.utm.dss.records import Occupied
from detente.utm.due import Due, bucket_end
from detente.utm.index import ANY_KIND, CellIndex, SubscriptionIndex
from detente.utm.moments import HOUR_US

KEPT_AFTER_END_US = HOUR_US
"""How long an entity that has ended can still be got and deleted by its id. It counts for nothing else."""
NOBODY = b"[]"
"""The subscribers to tell where there are none, as JSON."""


class Held(Protocol):
    """An entity of either standard."""

    @property
    def id(self) -> str:
        """Its UUID."""

    @property
    def occupied(self) -> Occupied:
        """Where and when it is."""


H = TypeVar("H", bound=Held)


def taken_out(index: SubscriptionIndex, old: Held | None) -> int:
    """Take a subscription that is replaced out of the index; return how often it was notified, 0 for a new one."""
    if old is None:
        return 0
    notified = index.notification_index(old.id)
    index.remove(old.id, old.occupied.cells)
    return notified


def enter_listener(
    index: SubscriptionIndex,
    due: Due,
    subscription: Held,
    cells: Sequence[int],
    url: str,
    owner: str,
    notified: int,
    kinds: int = 1,
) -> None:
    """Let a subscription hear of what changes in `cells`, with how often it was notified before.

    Of a subscription's heights nothing is asked: who subscribes to an area hears of all that changes over it.
    """
    occupied = subscription.occupied
    slot = index.insert(subscription.id, cells, None, None, occupied.start_us, occupied.end_us, kinds)
    index.describe(slot, url, owner, notified)
    due.enter(subscription.id, occupied.end_us)


def notify_subscribers(
    index: SubscriptionIndex,
    cells: Sequence[int],
    old: Occupied | None,
    start_us: int,
    end_us: int | None,
    url_field: str,
    *,
    without_suffix: str = "",
    kinds: int = ANY_KIND,
) -> bytes:
    """Count one notification for each subscription over `cells`, or those of `old`, that is active between the times.

    Returns, as JSON, the subscribers that the client must now notify.
    """
    if old is not None:
        cells = list({*cells, *old.cells})
    return index.notify(index.find(cells, None, None, start_us, end_us, kinds), url_field, without_suffix)


def expire_entities(entities: dict[str, H], index: CellIndex, due: Due, now_us: int) -> list[H]:
    """Take ended entities out of the search; remove those that ended long ago from `entities` and return them."""
    gone: list[H] = []
    for name in due.take(now_us):
        entity = entities.get(name)
        if entity is None or entity.occupied.end_us >= now_us:
            continue
        gone_us = entity.occupied.end_us + KEPT_AFTER_END_US
        if bucket_end(gone_us) > now_us:
            index.withdraw(name, entity.occupied.cells)
            due.enter(name, gone_us)
        else:
            del entities[name]
            index.remove(name, entity.occupied.cells)
            gone.append(entity)
    return gone
