"""Which list sizes real plans take: an accord should ask for no more, because a list is a licence to ask."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from detente.airspace.plan import Plan
from detente.matching.checks import found_share, spot_count
from detente.matching.quantise import Role, quantise
from detente.matching.run import Run

HEADROOM = 1.25
SMALLEST_LOG2 = 8


class Sizes(msgspec.Struct, frozen=True):
    """What some plans take on the first grid in either role, as against what is agreed.

    `first_log2` and `second_log2` have a quarter more room than these plans take. `rows` of the longer list are
    checked, and `found_1`, `found_256` and `found_1024` are how likely so many questions under another key are found.
    """

    first_tokens: int
    second_tokens: int
    first_log2: int
    second_log2: int
    agreed_first_log2: int
    agreed_second_log2: int
    rows: int
    found_1: float
    found_256: float
    found_1024: float


def sizes_of(plans: Sequence[Plan], run: Run) -> Sizes:
    """The sizes that plans take under a run's terms; raises Refusal as `quantise`."""
    counts = [len(quantise(plans, role, run.epoch, run.terms, run.minima).tokens) for role in Role]
    log2 = [max(SMALLEST_LOG2, int(HEADROOM * count).bit_length()) for count in counts]
    capacity = 1 << max(log2)
    rows = spot_count(run.terms, capacity)
    few, some, many = (found_share(probes, capacity, rows) for probes in (1, 256, 1_024))
    return Sizes(
        counts[0], counts[1], log2[0], log2[1], run.terms.first_log2, run.terms.second_log2, rows, few, some, many
    )
