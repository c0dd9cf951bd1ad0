"""What people are warned of about accords: one that ends soon, is over, has not begun or is suspended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from detente.accord.accords import Accords

WARNED_BEFORE = timedelta(days=14)
"""So long before an accord ends its parties are warned: time to agree on the next."""


class AccordConcern(StrEnum):
    """What is the matter with an accord."""

    ENDS_SOON = "ends_soon"
    EXPIRED = "expired"
    NOT_BEGUN = "not_begun"
    SUSPENDED = "suspended"


class AccordWarning(msgspec.Struct, frozen=True):
    """A warning about the accord with `peer`; `time` is when it ends, ended or begins, None for a suspension."""

    peer: str
    concern: AccordConcern
    time: datetime | None = None


def accord_warnings(accords: Accords, at: datetime) -> Iterator[AccordWarning]:
    """Yield what is the matter with each accord at a time (UTC). Planning goes on under one that ends soon only."""
    for peer, terms in accords.terms(at).items():
        if terms.valid.end < at:
            yield AccordWarning(peer, AccordConcern.EXPIRED, terms.valid.end)
        elif at < terms.valid.start:
            yield AccordWarning(peer, AccordConcern.NOT_BEGUN, terms.valid.start)
        elif accords.suspended_by(peer, at):
            yield AccordWarning(peer, AccordConcern.SUSPENDED)
        elif terms.valid.end - at < WARNED_BEFORE:
            yield AccordWarning(peer, AccordConcern.ENDS_SOON, terms.valid.end)


def days_left(accords: Accords, at: datetime) -> dict[str, float]:
    """Return for how many days the accord with each peer is still valid; negative when it is over."""
    return {peer: (terms.valid.end - at) / timedelta(days=1) for peer, terms in accords.terms(at).items()}
