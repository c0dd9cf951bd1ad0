"""What a neutral auditor asks of one party: random parts of its commitment, or a whole run made again from its secret.

The auditor needs the party's signed messages, which the other party has too, and learns only what is opened to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.airspace.separation import Minima, MinimaTable
from detente.matching.commitment import PartOpening, PartsCommitment, challenged_leaves, opens, tokens_hash
from detente.matching.driver import PLANS_FILE, Driver, kept_order, late_plans_file
from detente.matching.keeper import SECRET_FILE, Keeper, MemoryKeeper
from detente.matching.masking import ProgressCall, silent
from detente.matching.messages import BreachError, MessageKind, Signer, read_match_message
from detente.matching.quantise import Role, TokenSet, quantise
from detente.matching.run import Run
from detente.record.keys import SIGNATURE_BYTES, verify

FLOWN = MinimaTable(Minima(5_000.0, 304.8, 900.0))
"""How near a flight must be to what was planned to count as it: 5 km, 1,000 ft and 15 minutes."""


class Audit(msgspec.Struct, frozen=True):
    """What an audit found. `faults` is empty for a commitment that is as it should be.

    Attributes:
        opened: leaves that were asked for and opened.
        empty: those that hold nothing.
        flown: of the parts, how many were flown as said; None when no flown tracks were given.
        not_flown: leaves of the parts that nothing was flown for.
        faults: a sentence for each leaf that does not hold.
    """

    opened: int
    empty: int
    flown: int | None
    not_flown: tuple[int, ...]
    faults: tuple[str, ...]


class MadeAgain(msgspec.Struct, frozen=True):
    """The result of a run that was made again.

    Attributes:
        same: how many messages came out as they were sent.
        different: names of messages that did not, that were sent and are not made, or that are lost.
        plans: how many plans it was made from.
        not_flown: of them, those that nothing was flown for; None when no flown tracks were given.
    """

    same: int
    different: tuple[str, ...]
    plans: int
    not_flown: tuple[str, ...] | None


class Signed:
    """Gives the signatures that a party made, taken from the messages that the other party has; it makes no new ones.

    `keys` are those that have signed for the party, that by which it is known first. A message that comes out otherwise
    than it was sent gets a signature of zeros.
    """

    def __init__(self, keys: Sequence[bytes], messages: Sequence[bytes]) -> None:
        self.first = keys[0]
        self._keys = keys
        self._signatures = [raw[-SIGNATURE_BYTES:] for raw in messages]

    def sign(self, message: bytes) -> bytes:
        """The party's own signature of `message`, where there is one."""
        signed = (one for one in self._signatures if any(verify(key, one, message) for key in self._keys))
        return next(signed, bytes(SIGNATURE_BYTES))


def make_again(
    run: Run, key: Signer, stored: Keeper, sent: Mapping[str, bytes], flown: tuple[Plan, ...] | None = None,
    progress: ProgressCall = silent,
) -> MadeAgain:  # fmt: skip
    """Make a party's run again from its secret, its plans and what it received, and compare what it sent.

    `sent` are its messages by name, as the other party has them. Nothing that the party kept of its work is used.
    Raises Refusal when the secret or the plans are missing or belong to another run.
    """
    fresh = MemoryKeeper()
    for name in (SECRET_FILE, PLANS_FILE, *(late_plans_file(k) for k in range(1, run.terms.late_runs + 1))):
        piece = stored.read(name)
        if piece is not None:
            fresh.write(name, piece)
    driver = Driver(run, key, fresh, progress=progress)
    made: dict[str, bytes] = {}
    for step in kept_order(stored):
        driver.begin_kept_late()
        if step.sent:
            made[driver.sending or step.name] = driver.next_message() or b""
            continue
        raw = stored.read(f"in/{step.name}.match")
        try:
            driver.receive(raw or b"")
        except BreachError:
            break
    different = same_messages(sent, made)
    plans = dict.fromkeys(plan.plan_id for plan in driver.plans)
    missing = None
    if flown is not None:
        met = {encounter.first_plan_id for encounter in encounters_between(driver.plans, flown, FLOWN)}
        missing = tuple(name for name in plans if name not in met)
    return MadeAgain(len(sent) - len(different), different, len(plans), missing)


def answer_audit(tokens: TokenSet, seed: bytes, run: Run, random: bytes, count: int) -> tuple[PartOpening, ...]:
    """Open the leaves that the auditor's 32 random bytes ask for."""
    commitment = PartsCommitment(tokens, seed, run.terms.parts_log2)
    return tuple(
        commitment.open_leaf(leaf) for leaf in challenged_leaves(commitment.root, random, count, commitment.size)
    )


def check_audit(
    run: Run, party: bytes, commit: bytes, random: bytes, count: int, openings: tuple[PartOpening, ...],
    flown: tuple[Plan, ...] | None = None,
) -> Audit:  # fmt: skip
    """Check opened leaves against the commitment that a party signed, tokens against parts, and parts against flights.

    Raises Refusal when `commit` is no commitment of this party to this run.
    """
    root = signed_root(run, party, commit)
    challenged = challenged_leaves(root, random, count, 1 << run.terms.parts_log2)
    by_leaf = {opening.leaf: opening for opening in openings}
    role = run.role_of(party)
    faults = [f"leaf {leaf}: not opened" for leaf in challenged if leaf not in by_leaf]
    parts = []
    empty = 0
    for leaf in challenged:
        opening = by_leaf.get(leaf)
        if opening is None:
            continue
        if not opens(opening, root, run.terms.parts_log2):
            faults.append(f"leaf {leaf}: not what was committed to")
        elif opening.piece is None:
            empty += 1
        elif fault := _fault_of_tokens(opening, opening.piece, role, run):
            faults.append(f"leaf {leaf}: {fault}")
        else:
            parts.append((leaf, opening.piece))
    missing = () if flown is None else tuple(leaf for leaf, piece in parts if not _was_flown(piece, flown))
    return Audit(
        opened=sum(leaf in by_leaf for leaf in challenged), empty=empty,
        flown=None if flown is None else len(parts) - len(missing), not_flown=missing, faults=tuple(faults),
    )  # fmt: skip


def signed_root(run: Run, party: bytes, commit: bytes) -> bytes:
    """The root in a party's signed COMMIT message; raises Refusal for anything else."""
    try:
        message = read_match_message(commit, party, run.identity, run.keys_of(party))
    except BreachError as breach:
        raise Refusal("matching.party_signed_commitment_run", "commit", breach.seen) from None
    if message.kind is not MessageKind.COMMIT:
        raise Refusal("matching.commit_message", "commit", message.kind.name)
    return message.body[:32]


def same_messages(sent: Mapping[str, bytes], made_again: Mapping[str, bytes]) -> tuple[str, ...]:
    """The names of messages that a run made again from plans and secret does not have, or has otherwise."""
    return tuple(
        name for name in sorted(sent)
        if hashlib.sha256(sent[name]).digest() != hashlib.sha256(made_again.get(name, b"")).digest()
    )  # fmt: skip


def _fault_of_tokens(opening: PartOpening, piece: Plan, role: Role, run: Run) -> str:
    """How the tokens of a part are not those of its plan; empty when they are.

    They may be more or fewer by what two machines round differently: a hundredth, and one in any case.
    """
    tokens = np.array(opening.tokens, dtype=np.int64)
    if tokens_hash(tokens).hex() != opening.tokens_hash:
        return "tokens other than those that were committed to"
    try:
        own = quantise([piece], role, run.epoch, run.terms, run.minima).tokens
    except Refusal as refusal:
        return f"a part that cannot be: {refusal}"
    different = len(np.setxor1d(own, tokens))
    return f"{different:,} tokens that its part does not have" if different > 1 + len(own) // 100 else ""


def _was_flown(piece: Plan, flown: tuple[Plan, ...]) -> bool:
    """Whether anything was flown where and when a part said, within 5 km, 1,000 ft and 15 minutes."""
    return bool(encounters_between([piece], flown, FLOWN))
