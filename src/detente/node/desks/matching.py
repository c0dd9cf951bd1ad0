"""The desk of private matching: the life of every run, decided and folded; see `matching_facts`.

One run for each epoch and peer. A run that ended before our masked tokens left may be begun again; after that there is
no second one, whatever became of the first, so that nothing is ever shown under two keys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from detente.accord.matching_terms import RunsOfNodes, ToldOfMatched
from detente.accord.terms import Accord, accord_hash
from detente.airspace.position import from_posix_s
from detente.airspace.refusal import Refusal
from detente.matching import life
from detente.matching.driver import message_name
from detente.matching.late_order import late_name
from detente.matching.life import MatchingRun, RunState, noted_under
from detente.matching.masking import ANSWER_BYTES
from detente.matching.messages import HEADER_BYTES, MessageKind, ProtocolFault
from detente.matching.quantise import Role
from detente.matching.ristretto import ELEMENT_BYTES
from detente.matching.run import Run, run_between
from detente.matching.schedule import CLOCK_TOLERANCE, window_of
from detente.matching.side import STAGES
from detente.node.desks.desk import Desk, Need, Saying
from detente.node.lanes import Lane
from detente.record.keys import SIGNATURE_BYTES

_DECODER: msgspec.json.Decoder[life.MatchingEvent] = msgspec.json.Decoder(life.MatchingEvent)
_FRAME_BYTES = HEADER_BYTES + SIGNATURE_BYTES
_OPENING_BYTES = 1 << 14
_REVEAL_MOST_BYTES = 256 << 20
LONGEST_REMARK = 300
LATE_SUFFIX = f"-{int(MessageKind.LATE)}-{MessageKind.LATE.name.lower()}"
_NAMES = frozenset(message_name(kind) for kind in STAGES)
_SHA_256 = re.compile("[0-9a-f]{64}")


class MatchingDesk(Desk):
    """Keeps the runs.

    Attributes:
        own: this party's name; `key` its public key (32 bytes).
        accord_with: gives the accord that is in force with a peer, or None.
        runs: by identity.
        changes: counts the events that were folded in.
    """

    entry_kind = "matching"
    kinds = frozenset(life.SAID)

    def __init__(self, own: str, key: bytes) -> None:
        self.own = own
        self.key = key
        self.accord_with: Callable[[str], Accord | None] = lambda _: None
        self.runs: dict[str, MatchingRun] = {}
        self.changes = 0

    def decide(self, command: life.MatchingCommand) -> list[life.MatchingEvent]:
        """See `Desk.decide`."""
        match command:
            case life.ProposeRun():
                return self._propose(command)
            case life.HearProposal():
                return self._hear_proposal(command)
            case life.NoteSent(at=at, run=run, noted=noted):
                same = noted_under(self._going_on(run, at).sent, noted.name)
                if same is not None and same != noted:
                    raise Refusal("message", noted.name, "the bytes that were sent before")
                return [] if same else [life.MessageSent(at, run, noted)]
            case life.HearAnnounced():
                return self._hear_announced(command)
            case life.NoteTaken(at=at, run=run, name=name):
                return [] if name in self._going_on(run, at).taken else [life.MessageTaken(at, run, name)]
            case life.NoteParts(at=at, run=run, ours=ours, theirs=theirs):
                peer = self._going_on(run, at).peer
                opened = [life.PartsOpened(at, run, peer, ours)] if ours else []
                return [*opened, *([life.PartsSeen(at, run, peer, theirs)] if theirs else [])]
            case life.FinishRun(at=at, run=run, outcome=outcome):
                same_outcome = self._going_on(run, at).outcome == outcome
                return [] if same_outcome else [life.RunDone(at, run, outcome)]
            case life.HearDone(at=at, party=party, said=said):
                held = self._of_peer(party, said.run, said.attempt)
                return [] if held.transcript == said.transcript else [life.PeerDone(at, said.run, said.transcript)]
            case life.AbortRun(at=at, run=run, reason=reason, remark=remark):
                self._going_on(run, at)
                return [life.RunAborted(at, run, self.own, reason, remark[:LONGEST_REMARK])]
            case life.HearAborted(at=at, party=party, said=said):
                held = self._of_peer(party, said.run, said.attempt)
                return [] if not held.goes_on(at) else [life.RunAborted(at, said.run, party, said.reason[:40])]

    def evolve(self, event: life.MatchingEvent) -> None:
        """See `Desk.evolve`."""
        self.changes += 1
        if isinstance(event, life.RunBegun):
            self.runs[event.run.run] = event.run
            return
        held = self.runs[event.run]
        change: dict[str, Any] = {}
        match event:
            case life.MessageSent(at=at, noted=noted):
                late = {"late_at": at} if noted.name.endswith(LATE_SUFFIX) else {}
                change = {"sent": (*held.sent, noted), **late}
            case life.MessageAnnounced(noted=noted):
                change = {"announced": (*held.announced, noted)}
            case life.MessageTaken(name=name):
                change = {"taken": (*held.taken, name)}
            case life.PartsOpened(parts=parts):
                change = {"opened": held.opened + len(parts)}
            case life.PartsSeen(parts=parts):
                change = {"seen": held.seen + len(parts)}
            case life.RunDone(at=at, outcome=outcome):
                change = {"state": RunState.DONE, "outcome": outcome, "ended_at": at, "ended_by": self.own}
                change["late_at"] = held.late_at or at
            case life.PeerDone(transcript=transcript):
                change = {"transcript": transcript}
            case life.RunAborted(at=at, by=by, reason=reason, remark=remark):
                change = {
                    "state": RunState.ABORTED, "ended_at": at, "ended_by": by, "reason": reason, "remark": remark,
                }  # fmt: skip
        self.runs[event.run] = msgspec.structs.replace(held, **change)

    def encode(self, event: life.MatchingEvent) -> bytes:
        """See `Desk.encode`."""
        return msgspec.json.encode(event)

    def fold(self, body: bytes) -> None:
        """See `Desk.fold`."""
        self.evolve(_DECODER.decode(body))

    def sayings(self, event: life.MatchingEvent) -> Iterator[Saying]:
        """See `Desk.sayings`."""
        run = event.run if isinstance(event.run, MatchingRun) else self.runs[event.run]
        said: life.Said
        match event:
            case life.RunBegun() if run.proposed_by == self.own:
                said = life.Proposed(run.run, run.attempt, run.accord_hash, run.epoch)
            case life.MessageSent(noted=noted):
                said = life.Announced(run.run, run.attempt, noted)
            case life.RunDone():
                said = life.Done(run.run, run.attempt, transcript_of(run))
            case life.RunAborted(by=by, reason=reason) if by == self.own:
                said = life.Aborted(run.run, run.attempt, reason)
            case _:
                return
        kind = next(name for name, form in life.SAID.items() if isinstance(said, form))
        yield Saying(run.peer, Lane.DESKS, kind, msgspec.json.encode(said))

    def command_of(self, peer: str, kind: str, body: bytes, at: datetime) -> life.MatchingCommand:
        """See `Desk.command_of`."""
        try:
            said = msgspec.json.decode(body, type=life.SAID[kind])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refusal(kind, str(error)[:120], "what two nodes say about matching") from None
        match said:
            case life.Proposed():
                return life.HearProposal(at, peer, said)
            case life.Announced():
                return life.HearAnnounced(at, peer, said)
            case life.Done():
                return life.HearDone(at, peer, said)
            case life.Aborted():
                return life.HearAborted(at, peer, said)

    def needs(self, command: life.MatchingCommand) -> Need | None:
        """See `Desk.needs`: a run begins only while planning goes on."""
        match command:
            case life.ProposeRun(peer=peer) | life.HearProposal(party=peer):
                return Need(peer, None)
            case _:
                return None

    def run_of(self, record: MatchingRun) -> Run:
        """Return what a run is made from; raises Refusal when its accord is not in force."""
        accord = self.accord_with(record.peer)
        if accord is None or accord_hash(accord) != record.accord_hash:
            raise Refusal("accord", record.accord_hash, "the accord that is in force with the peer")
        return run_between(accord, self.own, record.peer, record.epoch)

    def run_at(self, peer: str, moment: datetime) -> MatchingRun | None:
        """Return the run with a peer for the epoch of `moment`, or None; raises Refusal where there can be none."""
        return self.runs.get(run_between(self._accord(peer), self.own, peer, moment).identity.hex())

    def told_plans(self, peer: str) -> set[str]:
        """Return our plans that a run found in conflict, where the accord with the peer tells these as they are."""
        accord = self.accord_with(peer)
        if accord is None or accord.provisions.matching.told is not ToldOfMatched.PLAN:
            return set()
        runs = [run.outcome for run in self.runs.values() if run.peer == peer and run.outcome is not None]
        return {plan_id for outcome in runs for plan_id in outcome.in_conflict}

    def _propose(self, command: life.ProposeRun) -> list[life.MatchingEvent]:
        accord = self._accord(command.peer)
        run = run_between(accord, self.own, command.peer, command.moment)
        self._check_not_early(run, command.at)
        held = self.runs.get(run.identity.hex())
        if held is not None and held.state is RunState.RUNNING:
            return []
        if held is not None and (held.state is RunState.DONE or held.showed_tokens):
            raise Refusal(
                "epoch", f"{held.epoch:%Y-%m-%d %H:%M} UTC", f"an epoch without a run; this one's is {held.state}",
                "One run for each epoch. Show late plans in a late run or in the next epoch.",
            )  # fmt: skip
        attempt = 1 if held is None else held.attempt + 1
        return [life.RunBegun(command.at, self._begun(run, command.peer, self.own, command.at, attempt))]

    def _hear_proposal(self, command: life.HearProposal) -> list[life.MatchingEvent]:
        said, peer = command.said, command.party
        accord = self._accord(peer)
        run = run_between(accord, self.own, peer, said.epoch)
        if said.run != run.identity.hex() or said.accord_hash != run.accord:
            raise Refusal("match_proposed.run", said.run, "a run of the accord in force and of its epoch")
        self._check_not_early(run, command.at)
        held = self.runs.get(said.run)
        if held is not None and held.state is RunState.RUNNING and held.attempt == said.attempt:
            return []
        if held is not None and (held.state is not RunState.ABORTED or held.showed_tokens):
            raise Refusal("match_proposed.epoch", said.epoch.isoformat(), "an epoch without a run")
        if said.attempt != (1 if held is None else held.attempt + 1):
            raise Refusal("match_proposed.attempt", said.attempt, "the next attempt")
        return [life.RunBegun(command.at, self._begun(run, peer, peer, command.at, said.attempt))]

    def _check_not_early(self, run: Run, at: datetime) -> None:
        opens, _ = window_of(run)
        if at + CLOCK_TOLERANCE < opens:
            raise Refusal(
                "epoch", f"{opens:%Y-%m-%d %H:%M} UTC", "an epoch that has begun, or the next one",
                "Plans so far ahead are not complete.",
            )  # fmt: skip

    def _begun(self, run: Run, peer: str, by: str, at: datetime, attempt: int) -> MatchingRun:
        party = run.first if run.first == self.key else run.second
        return MatchingRun(
            run.identity.hex(), peer, run.accord, from_posix_s(run.epoch.start_s), run.epoch.length_s,
            run.role_of(party), by, at, attempt, late_runs=run.terms.late_runs,
        )  # fmt: skip

    def _hear_announced(self, command: life.HearAnnounced) -> list[life.MatchingEvent]:
        said, noted, at = command.said, command.said.message, command.at
        held = self._of_peer(command.party, said.run, said.attempt)
        if not held.goes_on(at):
            raise Refusal("match_message.run", said.run, "a run that goes on")
        known = noted_under(held.announced, noted.name)
        if known == noted:
            return []
        if known is not None:
            return [self._broken(at, said.run, ProtocolFault.EQUIVOCATION, f"two different messages {noted.name}")]
        try:
            most = largest(self.run_of(held), held, noted.name)
        except Refusal as refusal:
            return [life.RunAborted(at, said.run, self.own, life.ACCORD, str(refusal)[:LONGEST_REMARK])]
        if most is None or not _SHA_256.fullmatch(noted.sha256):
            return [self._broken(at, said.run, ProtocolFault.STAGE, f"a message {noted.name[:60]!r}")]
        if not _FRAME_BYTES < noted.size <= most:
            return [self._broken(at, said.run, ProtocolFault.SIZE, f"{noted.name} of {noted.size:,} bytes")]
        return [life.MessageAnnounced(at, said.run, noted)]

    def _broken(self, at: datetime, run: str, fault: ProtocolFault, seen: str) -> life.RunAborted:
        return life.RunAborted(at, run, self.own, fault.value, seen)

    def _accord(self, peer: str) -> Accord:
        accord = self.accord_with(peer)
        if accord is None:
            raise Refusal("peer", peer, "a party with whom an accord is in force")
        if accord.provisions.matching.runs is RunsOfNodes.NONE:
            raise Refusal(
                "accord.matching.runs", RunsOfNodes.NONE.value, "an accord under which nodes match",
                'Agree on `runs = "asked"` or `"every_epoch"` in its table [matching].',
            )  # fmt: skip
        return accord

    def _going_on(self, run: str, at: datetime) -> MatchingRun:
        held = self.runs.get(run)
        if held is None or not held.goes_on(at):
            raise Refusal("run", run, "a run that goes on")
        return held

    def _of_peer(self, peer: str, run: str, attempt: int) -> MatchingRun:
        held = self.runs.get(run)
        if held is None or held.peer != peer or held.attempt != attempt:
            raise Refusal("run", run, f"a run with {peer}")
        return held


def largest(run: Run, record: MatchingRun, name: str) -> int | None:
    """The most bytes of a message of the peer, by the accord's sizes; None when it sends none of this name."""
    late = 1 << run.terms.late_log2
    reveal = min(_OPENING_BYTES << run.terms.parts_log2, _REVEAL_MOST_BYTES)
    bodies = {message_name(kind): 2 * ELEMENT_BYTES for kind in STAGES}
    bodies[message_name(MessageKind.MASKED)] = run.capacity(record.role.other) * ELEMENT_BYTES
    bodies[message_name(MessageKind.ANSWERS)] = run.capacity(record.role) * ANSWER_BYTES
    bodies[message_name(MessageKind.REVEAL)] = reveal
    for side in Role:
        for number in range(1, run.terms.late_runs + 1):
            kinds = (
                MessageKind.LATE if side is record.role.other else MessageKind.LATE_ANSWER,
                MessageKind.LATE_REVEAL,
            )
            bodies |= {late_name(kind, side, number): reveal for kind in kinds[1:]}
            bodies[late_name(kinds[0], side, number)] = late * ELEMENT_BYTES + 4 * ELEMENT_BYTES
    body = bodies.get(name)
    return None if body is None else _FRAME_BYTES + body


def transcript_of(run: MatchingRun) -> str:
    """SHA-256 over the digests of the ten messages of a run, the first party's first: equal on both sides."""
    first, second = (run.sent, run.announced) if run.role is Role.FIRST else (run.announced, run.sent)
    lines = [f"{role} {one.name} {one.sha256}" for role, side in zip(Role, (first, second), strict=True)
             for one in sorted(side, key=lambda one: one.name) if one.name in _NAMES]  # fmt: skip
    text = "\n".join(("detente-match-1 transcript", run.run, str(run.attempt), *lines))
    return hashlib.sha256(text.encode()).hexdigest()
