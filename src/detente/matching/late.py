"""Late plans against the other side's day: a small list under the keys of the run, answered with a proof.

The side with late plans sends LATE; the other answers with LATE_ANSWER, its elements proven to be under the key of its
commitment (RFC 9497), because canaries cannot tell here; then each opens its parts with a new token in common, the
late side first. Tokens that were shown before are not shown again: what they match is known to both. Both sides call
these functions after the run is complete, one late run at a time.
"""

from __future__ import annotations

import hashlib

import numpy as np

from detente.airspace.arrays import Integers
from detente.airspace.refusal import Refusal
from detente.matching import ristretto
from detente.matching.commitment import PartsCommitment
from detente.matching.equality_proof import PROOF_BYTES, prove_equality, verify_equality
from detente.matching.masking import Masked, answers_of
from detente.matching.messages import (
    BreachError,
    MatchMessage,
    MessageKind,
    ProtocolFault,
    read_match_message,
    sign_message,
)
from detente.matching.ordered import among, merged
from detente.matching.quantise import Role, TokenSet
from detente.matching.reveal import LATE_PARTS_LOG2, Found, Revealed, check_reveal, reveal_body
from detente.matching.side import MaskedSet, MatchSide

_NUMBER_BYTES = 4
_ROOT_BYTES = 32


def comparison(side: Role, number: int) -> int:
    """The number of a late run's comparison: positive for the first party's, negative for the second's."""
    return number if side is Role.FIRST else -number


def check_late_tokens(side: MatchSide, tokens: TokenSet) -> Integers:
    """The rows of late tokens that were not shown before; raises Refusal for what the accord does not allow."""
    terms, number = side.run.terms, len(side.shown)
    if number > terms.late_runs:
        raise Refusal(
            "late runs", number, f"at most {terms.late_runs} in an epoch, as the accord says",
            "Wait for the next epoch, or call the other side.",
        )  # fmt: skip
    known = np.zeros(len(tokens.tokens), dtype=np.bool_)
    for shown in side.shown:
        known |= among(tokens.tokens, shown.tokens.tokens)
    new_rows = np.flatnonzero(~known)
    for count, capacity, what in (
        (len(new_rows), 1 << terms.late_log2, "new tokens"),
        (len(tokens.parts), 1 << LATE_PARTS_LOG2, "volumes and legs"),
    ):  # fmt: skip
        if count > capacity:
            raise Refusal(
                "late plans", f"{count:,} {what}", f"at most {capacity:,} in one late run",
                "Show some of them in the next late run, or agree on a larger `late_log2`.",
            )  # fmt: skip
    return new_rows


def late_message(side: MatchSide, tokens: TokenSet) -> bytes:
    """Return the LATE message for late plans; raises Refusal for what the accord does not allow."""
    if not side.complete:
        raise ValueError("a late run comes after the run")
    number = len(side.shown)
    new_rows = check_late_tokens(side, tokens)
    seed = hashlib.sha256(b"late" + number.to_bytes(_NUMBER_BYTES, "big") + side.seed).digest()
    commitment = PartsCommitment(tokens, seed, LATE_PARTS_LOG2)
    masked = side.masked(
        f"late-{commitment.root.hex()[:24]}", tokens.tokens[new_rows], 0, 1 << side.run.terms.late_log2, seed
    )
    behind = np.where(
        masked.behind >= 0, new_rows[np.maximum(masked.behind, 0)] if len(new_rows) else -1, masked.behind
    )
    side.shown.append(MaskedSet(tokens, commitment, Masked(masked.points, behind)))
    body = number.to_bytes(_NUMBER_BYTES, "big") + commitment.root + masked.points.tobytes()
    return _signed(side, MessageKind.LATE, body)


def answer_late(side: MatchSide, raw: bytes) -> bytes:
    """Answer the peer's LATE message; raises BreachError."""
    message = _read(side, raw, MessageKind.LATE)
    number = len(side.peer_roots)
    body = message.body
    if number > side.run.terms.late_runs:
        raise _broken(side, ProtocolFault.CAP, f"late run {number} of {side.run.terms.late_runs}")
    if int.from_bytes(body[:_NUMBER_BYTES], "big") != number or len(body) < _NUMBER_BYTES + _ROOT_BYTES:
        raise _broken(side, ProtocolFault.STAGE, "a late run out of its order")
    try:
        doubled = side.take_list(
            body[_NUMBER_BYTES + _ROOT_BYTES :], 1 << side.run.terms.late_log2, ristretto.ELEMENT_BYTES
        )
    except BreachError as breach:
        side.breach = breach
        raise
    side.peer_roots.append(body[_NUMBER_BYTES : _NUMBER_BYTES + _ROOT_BYTES])
    inputs = side.peer_points[-1]
    # A fresh scalar for every proof: it follows from the secret and from all that is proven.
    random = ristretto.scalar_from_uniform(hashlib.sha512(b"late proof" + side.seed + message.digest).digest())
    proof = side.recall(
        f"proof-{message.digest.hex()[:24]}", lambda: prove_equality(side.secret, side.public, inputs, doubled, random)
    )
    rows = [shown.matched(side.peer_index[-1]) for shown in side.shown]
    _found(side, comparison(side.role.other, number), rows)
    return _signed(side, MessageKind.LATE_ANSWER, doubled.tobytes() + proof)


def take_late_answer(side: MatchSide, raw: bytes) -> None:
    """Take the answer to our LATE message; raises BreachError when it is not under the key of the commitment."""
    message = _read(side, raw, MessageKind.LATE_ANSWER)
    shown = side.shown[-1]
    if shown.masked is None or shown.answers is not None:
        raise _broken(side, ProtocolFault.STAGE, "an answer that was not asked for")
    points = shown.masked.points
    if len(message.body) != points.nbytes + PROOF_BYTES:
        raise _broken(side, ProtocolFault.SIZE, f"{len(message.body):,} bytes of answers")
    doubled, proof = ristretto.elements(message.body[:-PROOF_BYTES]), message.body[-PROOF_BYTES:]
    holds = side.recall(
        f"proven-{message.digest.hex()[:24]}",
        lambda: bytes([verify_equality(side.peer_public, points, doubled, proof)]),
    )
    if holds != b"\x01":
        raise _broken(side, ProtocolFault.PROOF, "answers that are not under the committed key")
    shown.take_answers(answers_of(doubled))
    new_rows = merged(shown.matched(answers) for answers in side.peer_index)
    known = np.flatnonzero(among(shown.tokens.tokens, side.common_tokens()))
    none = np.empty(0, dtype=np.int64)
    number = len(side.shown) - 1
    common = Found([none] * number + [merged([new_rows, known])], shown.tokens.tokens[new_rows])
    side.found[comparison(side.role, number)] = common


def late_reveal(side: MatchSide, late_side: Role, number: int) -> bytes:
    """Our parts with a token in common in one late run, opened."""
    return _signed(side, MessageKind.LATE_REVEAL, reveal_body(side, comparison(late_side, number)))


def take_late_reveal(side: MatchSide, raw: bytes, late_side: Role, number: int) -> Revealed:
    """Take the peer's openings of one late run; what was shown before is in the result too. Raises BreachError."""
    message = _read(side, raw, MessageKind.LATE_REVEAL)
    try:
        side.revealed = check_reveal(side, message.body, comparison(late_side, number))
    except BreachError as breach:
        side.breach = breach
        raise
    return side.revealed


def _found(side: MatchSide, number: int, rows: list[Integers]) -> None:
    tokens = [shown.tokens.tokens[token_rows] for shown, token_rows in zip(side.shown, rows, strict=True)]
    side.found[number] = Found(rows, merged(tokens))


def _signed(side: MatchSide, kind: MessageKind, body: bytes) -> bytes:
    raw = sign_message(side.key, kind, side.run.identity, side.session, body)
    side.note(sent=True, kind=kind, raw=raw)
    return raw


def _read(side: MatchSide, raw: bytes, kind: MessageKind) -> MatchMessage:
    if side.breach is not None:
        raise side.breach
    try:
        message = read_match_message(raw, side.peer, side.run.identity)
    except BreachError as breach:
        side.breach = breach
        raise
    if not side.complete or message.kind is not kind:
        raise _broken(side, ProtocolFault.STAGE, f"{message.kind.name} in place of {kind.name}")
    if message.session != side.session:
        raise _broken(side, ProtocolFault.OTHER_SESSION, f"{kind.name} of another session")
    side.note(sent=False, kind=kind, raw=raw)
    return message


def _broken(side: MatchSide, fault: ProtocolFault, seen: str) -> BreachError:
    side.breach = BreachError(fault, seen)
    return side.breach
