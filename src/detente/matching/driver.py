"""A run fed with messages from any carrier, one by one, that can be taken up again after a crash at any point.

What a run is made from is kept before anything is sent: the secret and the plans. Everything that is sent follows from
them and from what was received, in the order that is kept too; so a driver that is built again does, from kept pieces
of heavy work, exactly what it did before, and no second set can ever be sent under another key.

The names of pieces: "secret.json"; "out/NAME.match" and "in/NAME.match" for messages; "work/..." for all that is only
ours; "breach.json" and "evidence/NAME.match" when the peer broke the protocol; "refused.json" for what was not taken;
"ledger.json" and "transcript.json".
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import numpy as np

from detente.airspace.arrays import Integers
from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.matching.keeper import SECRET_FILE, Keeper, keep_once, recall_from
from detente.matching.ledger import LedgerRow, ledger_row
from detente.matching.masking import ProgressCall, silent
from detente.matching.messages import (
    NO_SESSION,
    BreachError,
    MatchMessage,
    MessageKind,
    ProtocolFault,
    Signer,
    read_match_message,
)
from detente.matching.quantise import Role, TokenSet, parts_of, quantise
from detente.matching.reveal import Revealed
from detente.matching.run import Run
from detente.matching.schedule import CLOCK_TOLERANCE, check_late
from detente.matching.side import SEED_BYTES, MatchSide
from detente.matching.steps import steps_of

PLANS_FILE, ORDER_FILE = "work/plans.json", "work/order.json"
BREACH_FILE, LEDGER_FILE, TRANSCRIPT_FILE = "breach.json", "ledger.json", "transcript.json"
REFUSED_FILE, REFUSED_KEPT = "refused.json", 100


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The secret of a party's run, with a fingerprint of the plans. Anybody who has it can unmask the run."""

    run: str
    seed: str
    plans: str
    party: str = ""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message sent or taken: its name and its SHA-256."""

    sent: bool
    name: str
    sha256: str


class RecordedBreach(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the peer broke the protocol."""

    fault: ProtocolFault
    seen: str


class RefusedBytes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes that were not taken, and why."""

    fault: ProtocolFault
    seen: str
    size: int
    sha256: str


class Driver:
    """One party's side of a run over any carrier: `next_message` until it gives none, `receive` what comes.

    Both may take a minute of work and may be called in a thread, one call at a time; `progress` is called from there,
    and what it raises ends the call without harm to a driver that is built again. A message may be sent when
    `next_message` has returned it, and again at any time; when `receive` has returned, what came is kept.

    Attributes:
        run: what is run.
        side: the run as this party sees it.
    """

    def __init__(
        self, run: Run, key: Signer, keeper: Keeper, plans: Sequence[Plan] | None = None, *,
        progress: ProgressCall = silent, draw: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:  # fmt: skip
        """Begin a run with `plans`, or take up the one that `keeper` has; then `plans` may be left out.

        Raises Refusal for plans other than those the run began with, for another run than the one that is kept, for a
        piece that was lost, and for plans that the accord does not allow; nothing is sent or kept as secret then.
        """
        self.run, self._keeper = run, keeper
        self._recall = recall_from(keeper)
        given = None if plans is None else _written(plans)
        secret = kept_secret(keeper)
        text = given or keeper.read(PLANS_FILE)
        if text is None:
            raise Refusal("matching.plans_begin_run", "plans", "none")
        if secret is not None:
            _check_same(secret, run, text)
        seed = bytes.fromhex(secret.seed) if secret else draw(SEED_BYTES)
        tokens = self._tokens(text, run.role_of(key.first))
        self.side = MatchSide(run, key, tokens, seed, recall=self._recall, progress=progress)
        if secret is None:
            keep_once(keeper, PLANS_FILE, text)
            made_from = Secret(run.identity.hex(), seed.hex(), hashlib.sha256(text).hexdigest(), key.first.hex())
            keeper.write(SECRET_FILE, msgspec.json.encode(made_from))
        self._plans: list[Plan] = msgspec.json.decode(text, type=list[Plan])
        self._order: list[Step] = []
        self._take_up()

    @property
    def complete(self) -> bool:
        """Whether the run is complete; late runs may be going on or follow."""
        return self.side.complete

    @property
    def breach(self) -> BreachError | None:
        """How the peer broke the protocol, if it did; the run is over then."""
        return self.side.breach

    @property
    def revealed(self) -> Revealed | None:
        """The result so far, late runs included."""
        return self.side.revealed

    @property
    def ledger(self) -> LedgerRow:
        """What the run has shown so far, as a row of the ledger."""
        return ledger_row(self.side)

    @property
    def plans(self) -> list[Plan]:
        """Our plans, late ones included."""
        return list(self._plans)

    @property
    def sent(self) -> list[str]:
        """The names of our messages so far, in order; `message` gives their bytes."""
        return [step.name for step in self._order if step.sent]

    @property
    def sending(self) -> str | None:
        """The name of what we have to send next, which `next_message` makes; None while we wait or when all is done."""
        step = self.side.sending
        return None if step is None else step.name

    @property
    def awaited(self) -> str | None:
        """The name of the peer's message without which we cannot go on; None when we are to send, or all is done."""
        step = self.side.awaited
        return None if step is None else step.name

    @property
    def next_late(self) -> str | None:
        """The name of the message with which either side may begin the next late run; None where there is none now."""
        number = self.side.chapter + 1
        if self.breach is not None or not self.side.idle or number > self.run.terms.late_runs:
            return None
        return steps_of(number, self.run.grids)[0].name

    @property
    def expected(self) -> tuple[str, ...]:
        """The names of the peer's messages that may come now: the awaited one, or one that begins a late run."""
        return tuple(name for name in (self.awaited, self.next_late) if name is not None)

    def message(self, name: str) -> bytes:
        """The bytes of a message of ours; raises Refusal for one that was not sent."""
        raw = self._keeper.read(f"out/{name}.match")
        if raw is None:
            raise Refusal("matching.message_sent", name, "nothing")
        return raw

    def next_message(self) -> bytes | None:
        """The next message to send, stored before it is returned; None while there is nothing to send."""
        name = self.sending
        if name is None:
            return None
        raw = self._made()
        earlier = self._keeper.read(f"out/{name}.match")
        if earlier is None:
            self._keeper.write(f"out/{name}.match", raw)
        elif earlier != raw:
            raise _differs(name)
        self._keep_step(Step(sent=True, name=name, sha256=hashlib.sha256(raw).hexdigest()))
        return raw

    def receive(self, raw: bytes, moment: datetime | None = None) -> str:
        """Take the peer's next message; its name. The same one again changes nothing.

        Raises BreachError. Bytes that are no message of the peer in this run and session, or whose turn it is not, are
        not taken and change nothing; anything else against the protocol ends the run and is kept as evidence. With a
        `moment`, a late run that comes before its time is not taken either.
        """
        if self.breach is not None:
            raise self.breach
        try:
            message = self._read(raw)
            digest = message.digest.hex()
            for step in self._order:
                if not step.sent and step.sha256 == digest:
                    return step.name
            name = self._name_of(message)
            if message.kind is MessageKind.LATE and moment is not None:
                self._check_schedule(message.chapter, moment)
        except BreachError as breach:
            self._refuse(breach, raw)
            raise
        if any(not step.sent and step.name == name for step in self._order):
            self.side.breach = BreachError(ProtocolFault.EQUIVOCATION, f"two different messages {name}")
            self._end(message, name)
        if message.kind is MessageKind.LATE and self.side.idle:
            self._join_late(message, name)
        self._taken(message, name)
        return name

    def begin_late(self, plans: Sequence[Plan], moment: datetime | None = None) -> None:
        """Begin a late run with plans that are new or changed; then go on with `next_message`. With none, a blind one.

        Raises Refusal when one is going on, when the accord does not allow one, or with a `moment` not yet.
        """
        number = self.side.chapter + 1
        if self.breach is not None:
            raise self.breach
        if not self.complete:
            raise Refusal("matching.run_complete", "late runs", "a run that is not complete")
        if not self.side.idle:
            raise Refusal("matching.one_time", "late runs", "one is going on")
        if moment is not None:
            check_late(self.run, number, moment)
        text = _written(plans)
        tokens = self._tokens(text, self.side.role)
        self.side.check_late(tokens)
        keep_once(self._keeper, late_plans_file(number), text)
        self._plans += msgspec.json.decode(text, type=list[Plan])
        self.side.begin_late(tokens)

    def _join_late(self, message: MatchMessage, name: str) -> None:
        """Begin the late run that the peer begins, without plans of our own."""
        try:
            self.begin_late([])
        except Refusal as refusal:
            self.side.breach = BreachError(ProtocolFault.CAP, f"late run {message.chapter}: {refusal.expected}")
            self._end(message, name)

    def _name_of(self, message: MatchMessage) -> str:
        """The name of an incoming message; raises BreachError when no message of its kind is due."""
        kind, side = message.kind, self.side
        expected = NO_SESSION if kind is MessageKind.COMMIT else side.session
        if kind is not MessageKind.COMMIT and expected == NO_SESSION:
            raise BreachError(ProtocolFault.STAGE, f"{kind.name} before both have committed themselves")
        if message.session != expected:
            raise BreachError(ProtocolFault.OTHER_SESSION, f"{kind.name} of another session")
        steps = side.steps
        if kind is MessageKind.LATE and side.idle and message.chapter == side.chapter + 1:
            steps = [*steps, *steps_of(message.chapter, self.run.grids)]
        rows = [row for row, step in enumerate(steps) if (step.kind, step.chapter, step.grid) ==
                (kind, message.chapter, message.grid)]  # fmt: skip
        sent = len(self.sent)
        taken = len(self._order) - sent
        # One that came before is known by its name; that it is another one then is found by the caller.
        if not rows or rows[0] > taken or (rows[0] == taken and taken > sent):
            raise BreachError(ProtocolFault.STAGE, f"{kind.name} out of its order")
        return steps[rows[0]].name

    def _check_schedule(self, number: int, moment: datetime) -> None:
        if number > self.run.terms.late_runs:
            return  # more than the accord allows at any time: the side itself ends the run for it
        try:
            check_late(self.run, number, moment, CLOCK_TOLERANCE)
        except Refusal as refusal:
            raise BreachError(ProtocolFault.SCHEDULE, f"{refusal.value}; {refusal.expected}") from None

    def _refuse(self, breach: BreachError, raw: bytes) -> None:
        """Record refused bytes, only the newest ones, so that a peer cannot fill the disk."""
        stored = self._keeper.read(REFUSED_FILE)
        rows = msgspec.json.decode(stored, type=list[RefusedBytes]) if stored is not None else []
        rows.append(RefusedBytes(breach.fault, breach.seen, len(raw), hashlib.sha256(raw).hexdigest()))
        self._keeper.write(REFUSED_FILE, msgspec.json.encode(rows[-REFUSED_KEPT:]))
        if not self.complete:
            self._write_ledger(breach.fault)

    def _made(self) -> bytes:
        raw = self.side.next_message()
        if raw is None:
            raise AssertionError("the side has what the driver says that it sends next")
        return raw

    def _taken(self, message: MatchMessage, name: str) -> None:
        try:
            self.side.receive(message.raw)
        except BreachError:
            self._end(message, name)
        keep_once(self._keeper, f"in/{name}.match", message.raw)
        self._keep_step(Step(sent=False, name=name, sha256=message.digest.hex()))

    def _end(self, message: MatchMessage, name: str) -> None:
        """Store the breach that ended the run and raise it."""
        breach = self.side.breach
        if breach is None:
            raise AssertionError("a side that raises says why")
        self._keeper.write(f"evidence/{name}.match", message.raw)
        self._keeper.write(BREACH_FILE, msgspec.json.encode(RecordedBreach(breach.fault, breach.seen)))
        self._write_ledger()
        raise breach

    def _keep_step(self, step: Step) -> None:
        self._order.append(step)
        self._keeper.write(ORDER_FILE, msgspec.json.encode(self._order))
        if self.complete and self.side.idle:
            self._write_ledger()

    def _write_ledger(self, fault: ProtocolFault | None = None) -> None:
        row = self.ledger
        if fault is not None and not row.fault:
            row = msgspec.structs.replace(row, fault=fault.value)
        self._keeper.write(LEDGER_FILE, msgspec.json.encode(row))
        self._keeper.write(TRANSCRIPT_FILE, msgspec.json.encode(self.side.transcript))

    def _take_up(self) -> None:
        """Repeat from stored pieces what was done before."""
        for step in kept_order(self._keeper):
            self.begin_kept_late()
            if step.sent:
                raw = self._made()
            else:
                piece = self._keeper.read(f"in/{step.name}.match")
                if piece is None:
                    raise Refusal("matching.message_taken", f"in/{step.name}.match", "nothing")
                raw = piece
            if hashlib.sha256(raw).hexdigest() != step.sha256:
                raise _differs(step.name)
            if not step.sent:
                self.side.receive(raw)
            self._order.append(step)
        ended = self._keeper.read(BREACH_FILE)
        if ended is not None:
            breach = msgspec.json.decode(ended, type=RecordedBreach)
            self.side.breach = BreachError(breach.fault, breach.seen)
        else:
            self.begin_kept_late()

    def begin_kept_late(self) -> None:
        """Begin the late run whose plans were stored before, if the last one is complete and there is one."""
        if not self.side.idle:
            return
        text = self._keeper.read(late_plans_file(self.side.chapter + 1))
        if text is not None:
            self._plans += msgspec.json.decode(text, type=list[Plan])
            self.side.begin_late(self._tokens(text, self.side.role))

    def _read(self, raw: bytes) -> MatchMessage:
        peer = self.side.peer
        return read_match_message(raw, peer, self.run.identity, self.run.keys_of(peer))

    def _tokens(self, text: bytes, role: Role) -> TokenSet:
        """The tokens of plans given as JSON: read from the store, or computed now."""
        plans = msgspec.json.decode(text, type=list[Plan])

        def work() -> bytes:
            made = quantise(plans, role, self.run.epoch, self.run.terms, self.run.minima)
            return msgspec.msgpack.encode([_bytes(a) for a in (made.tokens, made.pair_tokens, made.pair_parts)])

        name = hashlib.sha256(self.run.identity + role.value.encode() + text).hexdigest()[:24]
        arrays = msgspec.msgpack.decode(self._recall(f"tokens-{name}", work), type=tuple[bytes, bytes, bytes])
        return TokenSet(parts_of(plans), *(np.frombuffer(each, dtype="<i8").astype(np.int64) for each in arrays))


def plans_fingerprint(plans: Sequence[Plan]) -> str:
    """SHA-256 of the plans as they are given."""
    return hashlib.sha256(_written(plans)).hexdigest()


def kept_secret(keeper: Keeper) -> Secret | None:
    """The secret of the run that was begun here, if one was; raises Refusal for one that cannot be read."""
    stored = keeper.read(SECRET_FILE)
    if stored is None:
        return None
    try:
        return msgspec.json.decode(stored, type=Secret)
    except msgspec.DecodeError as error:
        raise Refusal("matching.secret_run_began", SECRET_FILE, str(error)[:120]) from None


def kept_order(keeper: Keeper) -> list[Step]:
    """The messages sent and received in a run, in order; raises Refusal when the record cannot be read."""
    stored = keeper.read(ORDER_FILE)
    try:
        return msgspec.json.decode(stored, type=list[Step]) if stored is not None else []
    except msgspec.DecodeError as error:
        raise Refusal("matching.what_run_wrote", ORDER_FILE, str(error)[:120]) from None


def _check_same(secret: Secret, run: Run, text: bytes) -> None:
    if secret.run != run.identity.hex():
        raise Refusal("matching.run_accord_epoch_peer", "run", "another run")
    if secret.plans != hashlib.sha256(text).hexdigest():
        raise Refusal("matching.same_file_before", "plans", "other plans than the run began with")


def _written(plans: Sequence[Plan]) -> bytes:
    return msgspec.json.encode(list(plans), order="deterministic", enc_hook=float)


def _bytes(array: Integers) -> bytes:
    return array.astype("<i8").tobytes()


def late_plans_file(number: int) -> str:
    """The name of the piece with the plans of a late run of ours, from 1."""
    return f"work/late-{number:02d}-plans.json"


def _differs(name: str) -> Refusal:
    return Refusal("matching.message_sent_or_taken", f"{name}.match", "other bytes than before")
