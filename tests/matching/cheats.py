"""A peer that cheats in what its own half would send: each way is one message that is changed."""

import hashlib

import numpy as np

from detente.matching import ristretto
from detente.matching.hash_to_group import hash_to_group
from detente.matching.lists import Lists
from detente.matching.masking import Masked, answers_of, ascending, domain_of, token_messages

OTHER = ristretto.scalar_from_uniform(bytes(range(64)))


class ProbingLists(Lists):
    """Asks about `probes` of a grid under another scalar than the committed key, in place of dummies.

    Attributes:
        behind: for each row of the list with probes the place asked about, -1 for an honest row.
        learnt: the places where the peer has a plan, once its answers are there.
    """

    def __init__(self, side, probes, chapter=0, grid=0):
        super().__init__(side)
        self.probes, self.where = probes, (chapter, grid)
        self.behind, self.learnt = None, None

    def _masked(self, step, tokens):
        honest = super()._masked(step, tokens)
        if (step.chapter, step.grid) != self.where:
            return honest
        points = hash_to_group(token_messages(self.probes, step.grid), domain_of(self._side.session))
        changed = honest.points.copy()
        rows = np.flatnonzero(honest.behind < 0)[: len(self.probes)]
        changed[rows] = ristretto.multiply(OTHER, points)[: len(rows)]
        asked = np.full(len(changed), -1)
        asked[rows] = self.probes[: len(rows)]
        order = ascending(changed)
        self.behind = asked[order]
        return Masked(changed[order], honest.behind[order])

    def _take_answers(self, step, body):
        if (step.chapter, step.grid) == self.where:
            answers = np.frombuffer(body[: len(self.behind) * 10], dtype=np.uint8).reshape(-1, 10)
            theirs = [one.points for one in self._side.rounds[step.grid].peers]
            doubled = {row.tobytes() for row in answers_of(ristretto.multiply(OTHER, np.concatenate(theirs)))}
            hits = [row.tobytes() in doubled for row in answers]
            self.learnt = set(self.behind[np.array(hits) & (self.behind >= 0)].tolist())
        super()._take_answers(step, body)


def suppressing(side, share):
    """Let a side answer a share of the peer's rows wrongly, as if nothing were there."""
    lists = side._lists
    honest = lists._own_answers

    def answers(step):
        rows = np.frombuffer(honest(step), dtype=np.uint8).reshape(-1, 10).copy()
        drawn = hashlib.shake_256(b"suppressed" + side.seed).digest(8 * len(rows))
        chosen = np.frombuffer(drawn, dtype="<u8") < share * 2**64
        rows[chosen] ^= 255
        return rows.tobytes()

    lists._own_answers = answers
