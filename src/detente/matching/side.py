"""One party's side of a run: bytes in, bytes out, no clock, no disk, no randomness of its own.

Everything that a side sends follows from its plans, 32 secret bytes and what it received, so that a side that is built
again after a crash sends the same bytes and never a second set. The stages, each a message from both sides:

1. COMMIT: the root of a commitment to all parts of plans, and the public element of a fresh key;
2. MASKED: tokens, canaries and dummies under the key, in ascending order;
3. SEALED: the hash of the answers to the other's list, so that nobody answers by what he learnt;
4. ANSWERS: the other's list under both keys, in the order it came;
5. REVEAL: the parts of plans that have a token in common, opened from the commitment.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Integers
from detente.airspace.plan import Plan
from detente.airspace.separation import Encounter
from detente.matching import ristretto
from detente.matching.commitment import PartsCommitment
from detente.matching.masking import (
    ANSWER_BYTES,
    CANARY,
    Answers,
    Masked,
    ProgressCall,
    answers_of,
    check_count,
    check_list,
    in_common,
    mask,
    mask_again,
    secret_scalar,
    silent,
)
from detente.matching.messages import (
    NO_SESSION,
    BreachError,
    MatchMessage,
    MessageKind,
    ProtocolFault,
    Signer,
    read_match_message,
    sign_message,
)
from detente.matching.ordered import different, merged
from detente.matching.quantise import TokenSet
from detente.matching.reveal import Found, Revealed, check_reveal, reveal_body
from detente.matching.run import Run

SEED_BYTES = 32
STAGES = (MessageKind.COMMIT, MessageKind.MASKED, MessageKind.SEALED, MessageKind.ANSWERS, MessageKind.REVEAL)
Recall = Callable[[str, Callable[[], bytes]], bytes]
"""Gives the bytes of a piece of work by name: stored ones, else made now and then stored."""
_COMMIT_BYTES = 32 + ristretto.ELEMENT_BYTES
_SEAL_PURPOSE = b"detente-match-1 answers\n"
_SESSION_PURPOSE = b"detente-match-1 session\n"


def afresh(_name: str, work: Callable[[], bytes]) -> bytes:
    """Store nothing: every piece of work is done again."""
    return work()


class TranscriptLine(msgspec.Struct, frozen=True):
    """One message of the transcript."""

    sent: bool
    kind: str
    size: int
    sha256: str


@dataclass
class MaskedSet:
    """A set of ours that the peer has in masked form, with its answers once they are there."""

    tokens: TokenSet
    commitment: PartsCommitment
    masked: Masked | None = None
    answers: NDArray[np.uint8] | None = None
    index: Answers | None = None

    def take_answers(self, answers: NDArray[np.uint8]) -> None:
        """Store the peer's answers to this set."""
        self.answers = answers
        self.index = Answers(answers)

    def matched(self, peers: Answers) -> Integers:
        """The rows of the tokens whose answers are among the peer's, ascending; canaries and dummies are left out."""
        if self.masked is None or self.index is None:
            return np.empty(0, dtype=np.int64)
        # The shorter list is looked up in the longer, which is in order already.
        if len(peers.rows) < len(self.index.rows):
            rows = self.index.matching(peers.rows)[0]
        else:
            rows = peers.matching(self.index.rows)[1]
        behind = self.masked.behind[rows]
        return different(behind[behind >= 0])


class MatchSide:
    """A run as one party sees it. `next_message` until it gives none, `receive` what comes; see the module.

    Attributes:
        run: what is run.
        role: ours.
        session: 32 bytes of both commitments, once both are known.
        found: the common tokens, by comparison: 0 for the run, then the late ones.
        opened: parts of ours that were opened, by set and part.
        seen: the peer's that were, by set and leaf; `theirs` has them in the order they came.
        encounters: of them with parts that the peer opened.
        revealed: what the reveals showed, when the run is complete.
        transcript: every message sent or received, in order.
    """

    def __init__(
        self, run: Run, key: Signer, tokens: TokenSet, seed: bytes, *, recall: Recall = afresh,
        progress: ProgressCall = silent,
    ) -> None:  # fmt: skip
        """Raises Refusal when our key is not of the run, or there are more parts or tokens than the accord says.

        `recall` keeps the heavy work of a run, so that a side that is built again does not do it again.
        """
        if len(seed) != SEED_BYTES:
            raise ValueError(f"{SEED_BYTES} secret bytes are needed")
        self.run = run
        self.role = run.role_of(key.public)
        check_count(len(tokens.tokens), run.terms.canaries, run.capacity(self.role))
        self.peer = run.key_of(self.role.other)
        self.seed = seed
        self.recall = recall
        self.progress = progress
        self.secret = secret_scalar(seed)
        self.public = ristretto.multiply_base(self.secret)
        self.key = key
        self.shown = [MaskedSet(tokens, PartsCommitment(tokens, seed, run.terms.parts_log2))]
        self.session = NO_SESSION
        self.revealed: Revealed | None = None
        self.found: dict[int, Found] = {}
        self.theirs: list[Plan] = []
        self.transcript: list[TranscriptLine] = []
        self.breach: BreachError | None = None
        self.peer_public = b""
        self.peer_roots: list[bytes] = []
        self.peer_points: list[ristretto.ByteArray] = []
        self.peer_answers: list[NDArray[np.uint8]] = []
        self.peer_index: list[Answers] = []
        self.opened: dict[tuple[int, int], Plan] = {}
        self.seen: dict[tuple[int, int], Plan] = {}
        self.encounters: list[Encounter] = []
        self._sent: dict[MessageKind, bytes] = {}
        self._received: dict[MessageKind, MatchMessage] = {}

    @property
    def complete(self) -> bool:
        """Whether both sides' last messages are there."""
        return len(self._sent) == len(self._received) == len(STAGES)

    def next_message(self) -> bytes | None:
        """The next message to send, or None while the peer's answer to the last one is awaited."""
        if self.breach is not None or len(self._sent) == len(STAGES) or len(self._sent) > len(self._received):
            return None
        kind = STAGES[len(self._sent)]
        raw = sign_message(self.key, kind, self.run.identity, self._session_of(kind), self._body(kind))
        self._sent[kind] = raw
        self.note(sent=True, kind=kind, raw=raw)
        if kind is MessageKind.COMMIT:
            self._agree_session()
        return raw

    def receive(self, raw: bytes) -> None:
        """Take the peer's next message; the same one again changes nothing.

        Raises BreachError when the peer broke the protocol. The run is over then, and every later call raises it again.
        """
        if self.breach is not None:
            raise self.breach
        try:
            message = read_match_message(raw, self.peer, self.run.identity)
            if not self._is_known(message):
                self._take(message)
        except BreachError as breach:
            self.breach = breach
            raise

    def note(self, *, sent: bool, kind: MessageKind, raw: bytes) -> None:
        """Write a message into the transcript."""
        self.transcript.append(TranscriptLine(sent, kind.name.lower(), len(raw), hashlib.sha256(raw).hexdigest()))

    def _is_known(self, message: MatchMessage) -> bool:
        known = self._received.get(message.kind)
        if known is not None and known.raw != message.raw:
            raise BreachError(ProtocolFault.EQUIVOCATION, f"two different messages {message.kind.name}")
        return known is not None

    def _take(self, message: MatchMessage) -> None:
        kind = message.kind
        if len(self._received) == len(STAGES) or kind is not STAGES[len(self._received)]:
            raise BreachError(ProtocolFault.STAGE, f"{kind.name} out of its order")
        # A peer may be one stage ahead, never more: its message needs ours before it.
        if len(self._received) > len(self._sent) or (kind is not MessageKind.COMMIT and self.session == NO_SESSION):
            raise BreachError(ProtocolFault.STAGE, f"{kind.name} before ours")
        if message.session != self._session_of(kind):
            raise BreachError(ProtocolFault.OTHER_SESSION, f"{kind.name} of another session")
        if kind is MessageKind.COMMIT:
            self._take_commit(message.body)
        elif kind is MessageKind.MASKED:
            self.take_list(message.body, self.run.capacity(self.role.other))
        elif kind is MessageKind.SEALED:
            if len(message.body) != hashlib.sha256().digest_size:
                raise BreachError(ProtocolFault.SIZE, f"a seal of {len(message.body)} bytes")
        elif kind is MessageKind.ANSWERS:
            self._take_answers(message.body)
        else:
            self.revealed = check_reveal(self, message.body, number=0)
        self._received[kind] = message
        self.note(sent=False, kind=kind, raw=message.raw)
        if kind is MessageKind.COMMIT:
            self._agree_session()

    def _take_commit(self, body: bytes) -> None:
        if len(body) != _COMMIT_BYTES:
            raise BreachError(ProtocolFault.SIZE, f"a commitment of {len(body)} bytes")
        root, public = body[:32], body[32:]
        if ristretto.first_invalid(ristretto.elements(public)) >= 0:
            raise BreachError(ProtocolFault.INVALID_ELEMENT, "a public key that is no element")
        if public == self.public:
            raise BreachError(ProtocolFault.REPEATED_ELEMENT, "our own public key")
        self.peer_roots.append(root)
        self.peer_public = public

    def common_tokens(self) -> Integers:
        """The tokens that all comparisons so far found in common, ascending."""
        return merged(common.tokens for common in self.found.values())

    def take_list(self, body: bytes, capacity: int, width: int = ANSWER_BYTES) -> ristretto.ByteArray:
        """Check a masked list of the peer and keep its answers; the first `width` bytes of the list under both keys."""
        if len(body) != capacity * ristretto.ELEMENT_BYTES:
            raise BreachError(ProtocolFault.SIZE, f"a list of {len(body):,} bytes, not of {capacity:,} elements")
        points = ristretto.elements(body)
        check_list(points)
        if any(in_common(points, earlier) for earlier in self.peer_points):
            raise BreachError(ProtocolFault.REPEATED_ELEMENT, "an element of an earlier list")

        def work() -> bytes:
            return mask_again(points, self.secret, self.progress)[:, :width].tobytes()

        name = f"answers-{hashlib.sha256(body).hexdigest()[:24]}"
        doubled = np.frombuffer(self.recall(name, work), dtype=np.uint8).reshape(-1, width)
        self.peer_points.append(points)
        self.peer_answers.append(answers_of(doubled))
        self.peer_index.append(Answers(self.peer_answers[-1]))
        return doubled

    def masked(self, name: str, tokens: Integers, canaries: int, capacity: int, seed: bytes) -> Masked:
        """Tokens under our key; raises Refusal when there are too many."""

        def work() -> bytes:
            made = mask(tokens, canaries, capacity, self.secret, self.session, seed, self.progress)
            return made.points.tobytes() + made.behind.astype("<i8").tobytes()

        data = self.recall(f"{name}-{self.session.hex()[:24]}", work)
        edge = capacity * ristretto.ELEMENT_BYTES
        return Masked(ristretto.elements(data[:edge]), np.frombuffer(data[edge:], dtype="<i8").astype(np.int64))

    def _take_answers(self, body: bytes) -> None:
        shown = self.shown[0]
        if shown.masked is None or len(body) != len(shown.masked.points) * ANSWER_BYTES:
            raise BreachError(ProtocolFault.SIZE, f"{len(body):,} bytes of answers")
        if not hmac.compare_digest(self._seal(body), self._received[MessageKind.SEALED].body):
            raise BreachError(ProtocolFault.SEAL, "answers other than those that were sealed")
        answers = np.frombuffer(body, dtype=np.uint8).reshape(-1, ANSWER_BYTES)
        canaries = shown.masked.behind == CANARY
        answered = len(different(self.peer_index[0].matching(answers[canaries])[1]))
        if answered != canaries.sum():
            raise BreachError(
                ProtocolFault.CANARY, f"{canaries.sum() - answered} of {canaries.sum()} canaries without their answer"
            )
        shown.take_answers(answers)
        rows = shown.matched(self.peer_index[0])
        self.found[0] = Found([rows], shown.tokens.tokens[rows])

    def _body(self, kind: MessageKind) -> bytes:
        shown = self.shown[0]
        if kind is MessageKind.COMMIT:
            return shown.commitment.root + self.public
        if kind is MessageKind.MASKED:
            terms = self.run.terms
            shown.masked = self.masked(
                "masked", shown.tokens.tokens, terms.canaries, self.run.capacity(self.role), self.seed
            )
            return shown.masked.points.tobytes()
        if kind is MessageKind.SEALED:
            return self._seal(self.peer_answers[0].tobytes())
        if kind is MessageKind.ANSWERS:
            return self.peer_answers[0].tobytes()
        return reveal_body(self, number=0)

    def _session_of(self, kind: MessageKind) -> bytes:
        return NO_SESSION if kind is MessageKind.COMMIT else self.session

    def _agree_session(self) -> None:
        if MessageKind.COMMIT not in self._sent or MessageKind.COMMIT not in self._received:
            return
        own, peers = hashlib.sha256(self._sent[MessageKind.COMMIT]).digest(), self._received[MessageKind.COMMIT].digest
        both = own + peers if self.run.first == self.key.public else peers + own
        self.session = hashlib.sha256(_SESSION_PURPOSE + both).digest()

    def _seal(self, answers: bytes) -> bytes:
        return hashlib.sha256(_SEAL_PURPOSE + self.session + answers).digest()
