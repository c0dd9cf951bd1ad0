"""One party's side of a run: bytes in, bytes out, no clock, no disk, no randomness of its own.

Everything that a side sends follows from its plans, 32 secret bytes and what it received, so that a side that is built
again after a crash sends the same bytes and never a second set. The steps, each a message from both sides, are those of
`steps`; what each message says is in docs/reference/matching-protocol.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.airspace.separation import Encounter
from detente.matching import ristretto
from detente.matching.commitment import PartsCommitment
from detente.matching.lists import Lists
from detente.matching.masking import ProgressCall, check_count, secret_scalar, silent
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
from detente.matching.quantise import Part, TokenSet
from detente.matching.reveal import Revealed, check_reveal, reveal_body
from detente.matching.rounds import PartKey, Round, packed
from detente.matching.run import Run
from detente.matching.spot_proof import KEY_PROOF_BYTES, prove_key, verify_key
from detente.matching.steps import RunStep, steps_of

SEED_BYTES = 32
ROOT_BYTES = 32
Recall = Callable[[str, Callable[[], bytes]], bytes]
"""Gives the bytes of a piece of work by name: stored ones, else made now and then stored."""
COMMIT_BYTES = ROOT_BYTES + ristretto.ELEMENT_BYTES + KEY_PROOF_BYTES + hashlib.sha256().digest_size
_SESSION_PURPOSE = b"detente-match-2 session\n"
_AUDIT_PURPOSE = b"detente-match-2 audit\n"


def afresh(_name: str, work: Callable[[], bytes]) -> bytes:
    """Store nothing: every piece of work is done again."""
    return work()


class TranscriptLine(msgspec.Struct, frozen=True):
    """One message of the transcript."""

    sent: bool
    kind: str
    size: int
    sha256: str


class MatchSide:
    """A run as one party sees it. `next_message` until it gives none, `receive` what comes; see the module.

    Attributes:
        run: what is run.
        role: ours.
        session: 32 bytes of both commitments, once both are known.
        steps: those of all chapters that have begun.
        rounds: what was shown and is in common, by grid.
        parts: our parts, by chapter and number.
        opened: parts of ours that were opened; `tokens_opened` by grid which tokens they were opened for.
        seen: the peer's, by chapter and leaf; `theirs` has them in the order they came.
        encounters: of parts of ours that were opened, the first `decided` of them, with parts that the peer opened.
        revealed: what the reveals showed, once there were any.
        audit_due: whether the coin sends this run to the auditor; None before the last messages are there.
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
        self.role = run.role_of(key.first)
        check_count(len(tokens.tokens), run.capacity(self.role))
        self.peer = run.key_of(self.role.other)
        self.seed = seed
        self.recall = recall
        self.progress = progress
        self.secret = secret_scalar(seed)
        self.public = ristretto.multiply_base(self.secret)
        self.key = key
        self.session = NO_SESSION
        self.steps = steps_of(0, run.grids)
        self.rounds = [Round(grid) for grid in range(run.grids)]
        self.parts: dict[PartKey, Part] = {}
        self.commitments: list[PartsCommitment] = []
        self.plans_tokens: list[TokenSet] = []
        self.transcript: list[TranscriptLine] = []
        self.breach: BreachError | None = None
        self.peer_public = b""
        self.peer_roots: list[bytes] = []
        self.opened: dict[PartKey, Plan] = {}
        self.tokens_opened: list[dict[PartKey, set[int]]] = [{} for _ in self.rounds]
        self.seen: dict[PartKey, Plan] = {}
        self.tokens_seen: list[set[int]] = [set() for _ in self.rounds]
        self.theirs: list[Plan] = []
        self.encounters: list[Encounter] = []
        self.decided = 0
        self.revealed: Revealed | None = None
        self.audit_due: bool | None = None
        self._audit_share = hashlib.sha256(b"detente-match-2 audit share\n" + seed).digest()
        self._peer_audit = b""
        self._lists = Lists(self)
        # Of our messages the SHA-256.
        self._sent: list[bytes] = []
        self._received: list[MatchMessage] = []
        self._commit_to(tokens)

    @property
    def sending(self) -> RunStep | None:
        """What we have to send next; None while the peer's message is awaited, or when all is done."""
        if self.breach is not None or self.idle or len(self._sent) > len(self._received):
            return None
        return self.steps[len(self._sent)] if len(self._sent) < len(self.steps) else None

    @property
    def awaited(self) -> RunStep | None:
        """The peer's message without which we cannot go on; None when we are to send, or when all is done."""
        if self.breach is not None or self.sending is not None or self.idle:
            return None
        return self.steps[len(self._received)]

    @property
    def idle(self) -> bool:
        """Whether both sides' messages of all chapters that have begun are there."""
        return len(self._sent) == len(self._received) == len(self.steps)

    @property
    def complete(self) -> bool:
        """Whether both sides' messages of the run are there; late runs may be going on or follow."""
        return min(len(self._sent), len(self._received)) >= len(steps_of(0, self.run.grids))

    @property
    def chapter(self) -> int:
        """The chapter that has begun last: 0 for the run, then the number of a late one."""
        return self.steps[-1].chapter

    @property
    def domain_size(self) -> int:
        """How many tokens the first grid has where plans are to be expected."""
        return self._lists.domain_size

    @property
    def rows_proven(self) -> int:
        """How many rows of our lists were shown to be in their blocks."""
        return self._lists.rows_proven

    def begin_late(self, tokens: TokenSet) -> None:
        """Begin the next late run, with late parts of ours or none.

        Raises Refusal for more than the accord allows, and for one before the last is complete.
        """
        number = self.chapter + 1
        if not self.idle:
            raise Refusal("matching.one_time", "late run", "one of ours is going on")
        self.check_late(tokens)
        self.steps += steps_of(number, self.run.grids)
        for one in self.rounds:
            one.fresh = one.fresh[:0]
        self._commit_to(tokens)

    def check_late(self, tokens: TokenSet) -> None:
        """Raise Refusal when late parts are more than one late run may have, or there are no more late runs."""
        terms, number = self.run.terms, self.chapter + 1
        if number > terms.late_runs:
            raise Refusal("matching.at_most_epoch_accord_says", "late runs", number, late_runs=terms.late_runs)
        new = self.rounds[0].unshown(tokens.tokens)
        for count, capacity, what in (
            (len(new), self.run.capacity(self.role, number), "new tokens"),
            (len(tokens.parts), 1 << self.run.parts_log2(number), "volumes and legs"),
        ):  # fmt: skip
            if count > capacity:
                raise Refusal("matching.at_most_one_late_run", "late plans", f"{count:,} {what}", capacity=capacity)

    def next_message(self) -> bytes | None:
        """The next message to send, or None while the peer's answer to the last one is awaited."""
        step = self.sending
        if step is None:
            return None
        body = self._body(step)
        raw = sign_message(
            self.key, step.kind, step.chapter, step.grid, self.run.identity, self._session_of(step), body
        )  # fmt: skip
        self._sent.append(hashlib.sha256(raw).digest())
        self._note(sent=True, kind=step.kind, raw=raw)
        if step.kind is MessageKind.COMMIT:
            self._agree_session()
        return raw

    def receive(self, raw: bytes) -> None:
        """Take the peer's next message; the same one again changes nothing.

        Raises BreachError when the peer broke the protocol. The run is over then, and every later call raises it again.
        """
        if self.breach is not None:
            raise self.breach
        try:
            message = read_match_message(raw, self.peer, self.run.identity, self.run.keys_of(self.peer))
            if not self._is_known(message):
                self._take(message)
        except BreachError as breach:
            self.breach = breach
            raise

    def digest_of(self, kind: MessageKind, chapter: int, grid: int, *, ours: bool) -> bytes:
        """SHA-256 of all bytes of a message that was sent, or received."""
        row = next(k for k, s in enumerate(self.steps) if (s.chapter, s.kind, s.grid) == (chapter, kind, grid))
        return self._sent[row] if ours else self._received[row].digest

    def body_from_peer(self, kind: MessageKind, chapter: int, grid: int) -> bytes:
        """The body of a message that was received."""
        return next(m.body for m in self._received if (m.kind, m.chapter, m.grid) == (kind, chapter, grid))

    def _commit_to(self, tokens: TokenSet) -> None:
        chapter = len(self.commitments)
        seed = self.seed if chapter == 0 else hashlib.sha256(b"late" + chapter.to_bytes(4, "big") + self.seed).digest()
        self.commitments.append(PartsCommitment(tokens, seed, self.run.parts_log2(chapter)))
        self.plans_tokens.append(tokens)
        self.parts.update({(chapter, number): part for number, part in enumerate(tokens.parts)})
        self.rounds[0].held.add(tokens.tokens[tokens.pair_tokens], packed(chapter, tokens.pair_parts))

    def _note(self, *, sent: bool, kind: MessageKind, raw: bytes) -> None:
        self.transcript.append(TranscriptLine(sent, kind.name.lower(), len(raw), hashlib.sha256(raw).hexdigest()))

    def _is_known(self, message: MatchMessage) -> bool:
        same_step = [
            known for known in self._received
            if (known.kind, known.chapter, known.grid) == (message.kind, message.chapter, message.grid)
        ]  # fmt: skip
        if same_step and same_step[0].raw != message.raw:
            raise BreachError(ProtocolFault.EQUIVOCATION, f"two different messages {message.kind.name}")
        return bool(same_step)

    def _take(self, message: MatchMessage) -> None:
        row = len(self._received)
        step = self.steps[row] if row < len(self.steps) else None
        if step is None or (message.kind, message.chapter, message.grid) != (step.kind, step.chapter, step.grid):
            raise BreachError(ProtocolFault.STAGE, f"{message.kind.name} out of its order")
        # A peer may be one step ahead, never more: its message needs ours before it.
        if row > len(self._sent) or (step.kind is not MessageKind.COMMIT and self.session == NO_SESSION):
            raise BreachError(ProtocolFault.STAGE, f"{message.kind.name} before ours")
        if message.session != self._session_of(step):
            raise BreachError(ProtocolFault.OTHER_SESSION, f"{message.kind.name} of another session")
        match step.kind:
            case MessageKind.COMMIT:
                self._take_commit(message)
            case MessageKind.LATE:
                if len(message.body) != ROOT_BYTES:
                    raise BreachError(ProtocolFault.SIZE, f"a late commitment of {len(message.body)} bytes")
                self.peer_roots.append(message.body)
            case MessageKind.REVEAL:
                self.revealed = check_reveal(self, message.body, step.chapter)
            case _:
                self._lists.take(step, message.body)
        self._received.append(message)
        self._note(sent=False, kind=step.kind, raw=message.raw)
        if step.kind is MessageKind.COMMIT:
            self._agree_session()

    def take_audit_share(self, share: str) -> None:
        """Take the peer's share of the coin that sends a run to the auditor; raises BreachError for another one."""
        if _audit_hash(share) != self._peer_audit:
            raise BreachError(ProtocolFault.OPENING, "a share of the coin that was not committed to")
        shares = sorted([share, self._audit_share.hex()])
        coin = int.from_bytes(hashlib.sha256(_AUDIT_PURPOSE + self.session + "".join(shares).encode()).digest())
        self.audit_due = self.run.terms.audit_one_in > 0 and coin % self.run.terms.audit_one_in == 0

    def _take_commit(self, message: MatchMessage) -> None:
        body = message.body
        if len(body) != COMMIT_BYTES:
            raise BreachError(ProtocolFault.SIZE, f"a commitment of {len(body)} bytes")
        root, public, proof = body[:32], body[32:64], body[64 : 64 + KEY_PROOF_BYTES]
        if ristretto.first_invalid(ristretto.elements(public)) >= 0:
            raise BreachError(ProtocolFault.INVALID_ELEMENT, "a public key that is no element")
        if public == self.public:
            raise BreachError(ProtocolFault.REPEATED_ELEMENT, "our own public key")
        if not verify_key(public, self._key_context(self.peer, root, body[64 + KEY_PROOF_BYTES :]), proof):
            raise BreachError(ProtocolFault.PROOF, "a public key whose secret the peer does not show to know")
        self.peer_roots.append(root)
        self.peer_public = public
        self._peer_audit = body[64 + KEY_PROOF_BYTES :]

    def _key_context(self, party: bytes, root: bytes, audit: bytes) -> bytes:
        return b"detente-match-2 key\n" + self.run.identity + party + root + audit

    def _body(self, step: RunStep) -> bytes:
        root = self.commitments[step.chapter].root
        match step.kind:
            case MessageKind.COMMIT:
                audit = _audit_hash(self._audit_share.hex())
                context = self._key_context(self.key.first, root, audit)
                return root + self.public + prove_key(self.secret, self.public, context, self.seed) + audit
            case MessageKind.LATE:
                return root
            case MessageKind.REVEAL:
                return reveal_body(self, "" if step.chapter else self._audit_share.hex())
            case _:
                return self._lists.make(step)

    def _session_of(self, step: RunStep) -> bytes:
        return NO_SESSION if step.kind is MessageKind.COMMIT else self.session

    def _agree_session(self) -> None:
        if not self._sent or not self._received:
            return
        own, peers = self._sent[0], self._received[0].digest
        self.session = session_of(own, peers) if self.run.first == self.key.first else session_of(peers, own)


def session_of(first: bytes, second: bytes) -> bytes:
    """The session, from the SHA-256 of the first party's COMMIT and of the second's."""
    return hashlib.sha256(_SESSION_PURPOSE + first + second).digest()


def _audit_hash(share: str) -> bytes:
    return hashlib.sha256(b"detente-match-2 audit commitment\n" + share.encode()).digest()
