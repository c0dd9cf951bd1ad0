"""The steps of a run in their order: each is one message from both sides, and nobody is more than one step ahead.

A run is a chapter; so is each late run after it. A chapter begins with what it commits to. For each grid follow the
masked lists, the coins that choose which rows are checked together with the seals of the answers, the proofs of these
rows, and the answers; at its end, the parts of plans that have a token of the last grid in common are opened.
"""

from __future__ import annotations

from typing import NamedTuple

from detente.matching.messages import MessageKind

_OF_GRID = (MessageKind.MASKED, MessageKind.COIN, MessageKind.PROOF, MessageKind.ANSWERS)


class RunStep(NamedTuple):
    """One step: its chapter, its number in it from 1, what is said, and about which grid."""

    chapter: int
    number: int
    kind: MessageKind
    grid: int

    @property
    def name(self) -> str:
        """The name of its message, "2-masked"; of late run 3 "late-03-2-masked"."""
        late = f"late-{self.chapter:02d}-" if self.chapter else ""
        return f"{late}{self.number}-{self.kind.name.lower()}"


def steps_of(chapter: int, grids: int) -> list[RunStep]:
    """The steps of a chapter of a run with so many grids."""
    first = MessageKind.LATE if chapter else MessageKind.COMMIT
    said = [(first, 0), *((kind, grid) for grid in range(grids) for kind in _OF_GRID), (MessageKind.REVEAL, 0)]
    return [RunStep(chapter, number, kind, grid) for number, (kind, grid) in enumerate(said, 1)]
