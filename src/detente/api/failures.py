"""Failed attempts to be let in: counted, written to the log, and slowed, each address by itself.

Tokens are of 256 random bits: no pace of guessing finds one. What is slowed is the flood, and what it costs is bounded.
Whoever shows what is valid is let in at once, whatever others at the same address do: nobody can lock another out.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from datetime import datetime

import structlog

from detente.api.access import NotLetIn
from detente.link.links import RefusalBudget
from detente.node.metrics import Metrics

AT_ONCE = 10
"""So many failures of one address are answered as they come; after that one in REFILL_S seconds."""
REFILL_S = 6.0
HELD_S = 0.5
"""How long the answer to any other is held back."""
MOST_HELD_OF_ADDRESS = 4
MOST_HELD = 32
"""Of all addresses. It is far below the connections that strangers may have, so that others still find a place."""
MOST_ADDRESSES = 1024
"""Of more addresses, the one that failed longest ago is forgotten."""
LOGGED_AT_ONCE = 64
"""So many are written to the log at once, of all addresses together; after that one in REFILL_S seconds."""

log = structlog.get_logger()


class Failures:
    """The failed attempts of each address. `clock` gives the time in UTC."""

    def __init__(self, metrics: Metrics, clock: Callable[[], datetime]) -> None:
        self._metrics = metrics
        self._clock = clock
        self._left: OrderedDict[str, RefusalBudget] = OrderedDict()
        self._held: Counter[str] = Counter()
        self._to_log = RefusalBudget(LOGGED_AT_ONCE, REFILL_S)

    async def slow(self, address: str, shown: NotLetIn) -> bool:
        """Take note of a failure and return when it may be answered; whether there are too many to be looked at."""
        at = self._clock()
        budget = self._left.pop(address, None) or RefusalBudget(AT_ONCE, REFILL_S)
        self._left[address] = budget
        if len(self._left) > MOST_ADDRESSES:
            self._left.popitem(last=False)
        is_slowed = budget.spend(at) is None
        self._metrics.refused_credential(shown.value)
        not_logged = self._to_log.spend(at)
        if not_logged is not None:
            log.warning("not let in", shown=shown.value, address=address, not_logged=not_logged)
        if not is_slowed:
            return False
        if self._held[address] >= MOST_HELD_OF_ADDRESS or self._held.total() >= MOST_HELD:
            return True
        self._held[address] += 1
        try:
            await asyncio.sleep(HELD_S)
        finally:
            self._held[address] -= 1
            if not self._held[address]:
                del self._held[address]
        return False
