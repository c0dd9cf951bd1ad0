"""The rounds of a run without any cryptography: what is in common, and which parts would be opened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detente.airspace.arrays import Integers
from detente.airspace.plan import Plan
from detente.matching.masking import Masked
from detente.matching.ordered import among, merged
from detente.matching.quantise import Role, quantise
from detente.matching.rounds import OwnList, PartKey, Round, look_closer, open_universe, packed
from detente.matching.run import Run

NOTHING = Masked(np.empty((0, 32), dtype=np.uint8), np.empty(0, dtype=np.int64))


class PlainSide:
    """One party's tokens on each grid, and what it opens."""

    def __init__(self, plans: Sequence[Plan], role: Role, run: Run) -> None:
        self.role, self.run = role, run
        tokens = quantise(plans, role, run.epoch, run.terms, run.minima)
        self.parts = {(0, number): part for number, part in enumerate(tokens.parts)}
        self.rounds = [Round(grid) for grid in range(run.grids)]
        self.rounds[0].held.add(tokens.tokens[tokens.pair_tokens], packed(0, tokens.pair_parts))
        self.rounds[0].own.append(OwnList(tokens.tokens, NOTHING))

    def look(self, grid: int) -> Integers:
        """Look closer on a grid; what stays on the grid before."""
        before, this = self.rounds[grid - 1], self.rounds[grid]
        open_universe(before, this, self.run, bytes(32))
        look = look_closer(before, this, self.parts, 0, self.run, self.role, self.run.capacity(self.role, 0, grid))
        this.held.add(look.pair_tokens, look.pair_keys)
        this.own.append(OwnList(look.tokens, NOTHING))
        return look.stay

    def opened(self) -> set[PartKey]:
        """The parts that are opened, by their keys."""
        *before, last = self.rounds
        wanted = [*(one.stay for one in before), last.common]
        return {key for one, tokens in zip(self.rounds, wanted, strict=True) for key in one.held.shared(tokens)}


def plain_run(ours: Sequence[Plan], theirs: Sequence[Plan], run: Run) -> list[PlainSide]:
    """Both sides after all rounds."""
    sides = [PlainSide(plans, role, run) for plans, role in ((ours, Role.FIRST), (theirs, Role.SECOND))]
    for grid in range(run.grids):
        if grid:
            stays = merged([side.look(grid) for side in sides])
            for side in sides:
                before = side.rounds[grid - 1]
                before.stay = merged([before.stay, stays])
        shown = [side.rounds[grid].own[0].tokens for side in sides]
        for side in sides:
            side.rounds[grid].fresh = side.rounds[grid].common = shown[0][among(shown[0], shown[1])]
    return sides


def flagged_plans(side: PlainSide) -> set[str]:
    """The names of plans of which a part is opened."""
    return {side.parts[key].piece.plan_id for key in side.opened()}


def shown_counts(side: PlainSide) -> list[int]:
    """How many tokens a side shows on each grid."""
    return [len(one.own[0].tokens) for one in side.rounds]
