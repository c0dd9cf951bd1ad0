"""The four messages about each grid: the masked list, the coin with the seal, the proofs of rows, and the answers.

A list is answered only when the rows of it that our coin chose have been proven. The answers are sealed before anybody
shows any, and some of them, by a coin shown after the seal, are proven to be under the committed key.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import numpy as np

from detente.airspace.arrays import Integers
from detente.matching import ristretto
from detente.matching.checks import SHARE_BYTES, answer_count, chosen_rows, coin_share
from detente.matching.equality_proof import PROOF_BYTES, prove_equality, verify_equality
from detente.matching.labels import Labels, ListedSpace
from detente.matching.masking import (
    ANSWER_BYTES,
    Answers,
    ListName,
    Masked,
    answers_of,
    check_list,
    in_common,
    mask,
    mask_again,
)
from detente.matching.messages import BreachError, MessageKind, ProtocolFault
from detente.matching.ordered import among, merged
from detente.matching.quantise import Role
from detente.matching.rounds import OwnList, PeerList, look_closer, open_universe
from detente.matching.spot_check import (
    PROOF_HEAD_BYTES,
    ListDigests,
    checked_rows,
    context_of,
    first_spaces,
    labels_of,
    proof_bytes,
    proof_holds,
    rings_of,
    where_of,
)
from detente.matching.spot_proof import prove_rows
from detente.matching.steps import RunStep

if TYPE_CHECKING:
    from detente.matching.side import MatchSide

DIGEST_BYTES = 32
TOKEN_BYTES = 8


class Lists:
    """The lists of one side. Raises BreachError for what the peer did against the protocol."""

    def __init__(self, side: MatchSide) -> None:
        self._side = side
        self._spaces = first_spaces(side.run)
        self._opened = (-1, -1)
        self.rows_proven = 0

    @property
    def domain_size(self) -> int:
        """How many tokens the first grid has where plans are to be expected."""
        return self._spaces[0].size

    def make(self, step: RunStep) -> bytes:
        """The body of our message of a step."""
        match step.kind:
            case MessageKind.MASKED:
                return self._show(step)
            case MessageKind.COIN:
                return self._share(b"rows", MessageKind.MASKED, step) + self._seal(step, self._own_answers(step))
            case MessageKind.PROOF:
                return self._share(b"answers", MessageKind.COIN, step) + self._proof(step)
            case _:
                return self._answer(step)

    def take(self, step: RunStep, body: bytes) -> None:
        """Take the body of the peer's message of a step."""
        match step.kind:
            case MessageKind.MASKED:
                self._take_list(step, body)
            case MessageKind.COIN:
                if len(body) != SHARE_BYTES + DIGEST_BYTES:
                    raise BreachError(ProtocolFault.SIZE, f"a coin of {len(body)} bytes")
            case MessageKind.PROOF:
                self._take_proof(step, body)
            case _:
                self._take_answers(step, body)

    # What we show.

    def _show(self, step: RunStep) -> bytes:
        side, this = self._side, self._side.rounds[step.grid]
        head, tail = b"", b""
        if step.grid == 0:
            tokens = this.unshown(side.plans_tokens[step.chapter].tokens)
        else:
            self._open(step)
            before = side.rounds[step.grid - 1]
            capacity = side.run.capacity(side.role, step.chapter, step.grid)
            look = look_closer(before, this, side.parts, step.chapter, side.run, side.role, capacity)
            this.held.add(look.pair_tokens, look.pair_keys)
            before.stay = merged([before.stay, look.stay])
            tokens = look.tokens
            head, tail = before.common_digest(side.session), look.stay.astype(">i8").tobytes()
        masked = self._masked(step, tokens)
        this.own.append(OwnList(tokens, masked))
        return head + masked.points.tobytes() + tail

    def _masked(self, step: RunStep, tokens: Integers) -> Masked:
        side = self._side
        name = ListName(side.role, step.chapter, step.grid)
        capacity = side.run.capacity(side.role, step.chapter, step.grid)
        dummies = self._labels(step, side.role).dummies
        tokens_digest = hashlib.sha256(tokens.tobytes()).hexdigest()[:16]

        def work() -> bytes:
            made = mask(tokens, name, capacity, dummies, side.secret, side.session, side.seed, side.progress)
            return made.points.tobytes() + made.behind.astype("<i8").tobytes()

        data = side.recall(f"masked-{name.place.hex()}-{side.session.hex()[:16]}-{tokens_digest}", work)
        edge = capacity * ristretto.ELEMENT_BYTES
        return Masked(ristretto.elements(data[:edge]), np.frombuffer(data[edge:], dtype="<i8").astype(np.int64))

    def _take_list(self, step: RunStep, body: bytes) -> None:
        side, this = self._side, self._side.rounds[step.grid]
        capacity = side.run.capacity(side.role.other, step.chapter, step.grid)
        begin = DIGEST_BYTES if step.grid else 0
        end = begin + capacity * ristretto.ELEMENT_BYTES
        rest = len(body) - end
        if rest < 0 or rest % TOKEN_BYTES or (rest and not step.grid):
            raise BreachError(ProtocolFault.SIZE, f"a list of {len(body):,} bytes, not of {capacity:,} elements")
        points = ristretto.elements(body[begin:end])
        check_list(points)
        lists = [one.points for each in side.rounds for one in each.peers]
        if any(in_common(points, earlier) for earlier in lists):
            raise BreachError(ProtocolFault.REPEATED_ELEMENT, "an element of an earlier list")
        if step.grid:
            self._open(step)
            before = side.rounds[step.grid - 1]
            if body[:begin] != before.common_digest(side.session):
                raise BreachError(ProtocolFault.DISAGREE, "other tokens in common than we have")
            stay = np.frombuffer(body[end:], dtype=">i8").astype(np.int64)
            if not among(stay, before.common).all() or len(stay) > len(before.common):
                raise BreachError(ProtocolFault.OPENING, "a token that is not in common stays on the grid before")
            before.stay = merged([before.stay, stay])
            before.held_back = merged([before.held_back, stay])

        def work() -> bytes:
            return answers_of(mask_again(points, side.secret, side.progress)).tobytes()

        answers = side.recall(f"answers-{hashlib.sha256(points.tobytes()).hexdigest()[:24]}", work)
        rows = np.frombuffer(answers, dtype=np.uint8).reshape(-1, ANSWER_BYTES)
        this.peers.append(PeerList(points, Answers(rows)))

    def _open(self, step: RunStep) -> None:
        """Make the universe of a fine grid ready, once in each chapter."""
        if self._opened != (step.chapter, step.grid):
            rounds = self._side.rounds
            open_universe(rounds[step.grid - 1], rounds[step.grid], self._side.run, self._side.session)
            self._opened = (step.chapter, step.grid)

    # What is checked of a list.

    def _name(self, step: RunStep, role: Role) -> ListName:
        return ListName(role, step.chapter, step.grid)

    def _labels(self, step: RunStep, role: Role) -> Labels:
        spaces = self._spaces
        if step.grid:
            spaces = [ListedSpace(self._side.rounds[step.grid].universe)]
        return labels_of(self._side.run, self._name(step, role), spaces)

    def _share(self, purpose: bytes, of: MessageKind, step: RunStep) -> bytes:
        side = self._side
        return coin_share(side.seed, purpose, side.digest_of(of, step.chapter, step.grid, ours=False))

    def _digests(self, step: RunStep, role: Role) -> ListDigests:
        side, ours = self._side, role is self._side.role
        kinds = (MessageKind.MASKED, MessageKind.COIN)
        return ListDigests(*(
            side.digest_of(kind, step.chapter, step.grid, ours=which) for kind in kinds for which in (ours, not ours)
        ))  # fmt: skip

    def _checked(self, step: RunStep, role: Role, share: bytes) -> tuple[Integers, bytes]:
        """The rows of a party's list that the other's share chooses, and the context of their proofs."""
        side, name, digests = self._side, self._name(step, role), self._digests(step, role)
        public = side.public if role is side.role else side.peer_public
        rows = checked_rows(side.run, side.session, name, digests, share)
        return rows, context_of(side.run, side.session, name, public, digests)

    def _proof(self, step: RunStep) -> bytes:
        side = self._side
        share = side.body_from_peer(MessageKind.COIN, step.chapter, step.grid)[:SHARE_BYTES]
        rows, context = self._checked(step, side.role, share)

        def work() -> bytes:
            own = side.rounds[step.grid].own[-1]
            labels = self._labels(step, side.role)
            behind = own.masked.behind[rows]
            dummy = behind < 0
            blocks = np.empty(len(rows), dtype=np.int64)
            values = np.empty(len(rows), dtype=np.int64)
            values[dummy], values[~dummy] = -1 - behind[dummy], own.tokens[behind[~dummy]]
            blocks[dummy] = labels.blocks_of_dummies(values[dummy])
            blocks[~dummy] = labels.blocks_of_tokens(values[~dummy])
            members = labels.members(blocks)
            same = (members.dummy == dummy[:, None]) & (members.value == values[:, None])
            rings = rings_of(side.session, self._name(step, side.role), labels, blocks)
            points = np.ascontiguousarray(own.masked.points[rows])
            return prove_rows(
                side.secret, side.public, context, points, blocks, rings, same.argmax(axis=1), side.seed
            )  # fmt: skip

        self.rows_proven += len(rows)
        side.progress("prove", 0, len(rows))
        return context + side.recall(f"proof-{context.hex()[:24]}", work)

    def _take_proof(self, step: RunStep, body: bytes) -> None:
        side, name = self._side, self._name(step, self._side.role.other)
        rows, context = self._checked(step, name.role, self._share(b"rows", MessageKind.MASKED, step))
        if len(body) != proof_bytes(side.run, name):
            raise BreachError(ProtocolFault.SIZE, f"proofs of {len(body):,} bytes")
        proof = body[PROOF_HEAD_BYTES:]

        def work() -> bytes:
            points = np.ascontiguousarray(side.rounds[step.grid].peers[-1].points[rows])
            labels = self._labels(step, name.role)
            holds = proof_holds(side.run, side.session, name, labels, side.peer_public, context, points, proof)
            return b"good" if holds else b"bad"

        side.progress("verify", 0, len(rows))
        digest = hashlib.sha256(proof).hexdigest()[:24]
        named = body[SHARE_BYTES:PROOF_HEAD_BYTES]
        if named != context or side.recall(f"verified-{context.hex()[:24]}-{digest}", work) != b"good":
            raise BreachError(ProtocolFault.PROOF, "a row that is not shown to be a token under the committed key")

    # Answers.

    def _own_answers(self, step: RunStep) -> bytes:
        return self._side.rounds[step.grid].peers[-1].answers.rows.tobytes()

    def _seal(self, step: RunStep, answers: bytes) -> bytes:
        return hashlib.sha256(
            b"detente-match-2 answers\n" + where_of(self._side.session, self._name(step, self._side.role)) + answers
        ).digest()

    def _answer_rows(self, step: RunStep, role: Role, seal: bytes, share: bytes) -> Integers:
        """The rows of a party's list whose answers are proven, by its own share, shown after they were sealed."""
        capacity = self._side.run.capacity(role, step.chapter, step.grid)
        count = answer_count(self._side.run.terms, capacity)
        return chosen_rows(
            where_of(self._side.session, self._name(step, self._side.role)) + b"answers" + seal, share, capacity, count
        )

    def _answer(self, step: RunStep) -> bytes:
        side = self._side
        answers = self._own_answers(step)
        share = side.body_from_peer(MessageKind.PROOF, step.chapter, step.grid)[:SHARE_BYTES]
        rows = self._answer_rows(step, side.role.other, self._seal(step, answers), share)
        inputs = np.ascontiguousarray(side.rounds[step.grid].peers[-1].points[rows])

        def work() -> bytes:
            outputs = mask_again(inputs, side.secret)
            place = where_of(self._side.session, self._name(step, self._side.role)) + rows.tobytes() + inputs.tobytes()
            random = ristretto.scalar_from_uniform(hashlib.sha512(b"answer proof" + side.seed + place).digest())
            return outputs.tobytes() + prove_equality(side.secret, side.public, inputs, outputs, random)

        digest = hashlib.sha256(share + answers).hexdigest()[:24]
        return answers + side.recall(f"answered-{digest}", work)

    def _take_answers(self, step: RunStep, body: bytes) -> None:
        side, this = self._side, self._side.rounds[step.grid]
        own = this.own[-1]
        edge = len(own.masked.points) * ANSWER_BYTES
        answers = body[:edge]
        seal = side.body_from_peer(MessageKind.COIN, step.chapter, step.grid)[SHARE_BYTES:]
        rows = self._answer_rows(step, side.role, seal, self._share(b"answers", MessageKind.COIN, step))
        if len(body) != edge + len(rows) * ristretto.ELEMENT_BYTES + PROOF_BYTES:
            raise BreachError(ProtocolFault.SIZE, f"{len(body):,} bytes of answers")
        if not hmac.compare_digest(self._seal(step, answers), seal):
            raise BreachError(ProtocolFault.SEAL, "answers other than those that were sealed")
        outputs, proof = ristretto.elements(body[edge:-PROOF_BYTES]), body[-PROOF_BYTES:]
        table = np.frombuffer(answers, dtype=np.uint8).reshape(-1, ANSWER_BYTES)
        if not (answers_of(outputs) == table[rows]).all():
            raise BreachError(ProtocolFault.ANSWER_PROOF, "answers other than those that are proven")
        inputs = np.ascontiguousarray(own.masked.points[rows])
        holds = side.recall(
            f"proven-{hashlib.sha256(body).hexdigest()[:24]}",
            lambda: bytes([verify_equality(side.peer_public, inputs, outputs, proof)]),
        )
        if holds != b"\x01":
            raise BreachError(ProtocolFault.ANSWER_PROOF, "answers that are not under the committed key")
        this.take_answers(table)
