"""The room of private matching: the life of every run between two nodes is decided and kept.

One run for each epoch and peer. A run that ended before our masked tokens left may be begun again; after that there is
no second one, whatever became of the first, so that nothing is ever shown under two keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from detente.accord.accords import Accords
from detente.accord.matching_terms import RunsOfNodes, ToldOfMatched
from detente.accord.terms import Accord, accord_hash
from detente.airspace.position import from_posix_s
from detente.airspace.refusal import Refusal
from detente.matching import life
from detente.matching.checks import SHARE_BYTES, answer_count
from detente.matching.equality_proof import PROOF_BYTES
from detente.matching.flown import FLOWN_WITHIN, ShownPlans
from detente.matching.ledger import BUDGET_DAYS
from detente.matching.life import MatchingRun, MatchingRuns, RunState, noted_under, transcript_of
from detente.matching.lists import TOKEN_BYTES
from detente.matching.masking import ANSWER_BYTES, ListName
from detente.matching.messages import HEADER_BYTES, IDENTITY_BYTES, MessageKind, ProtocolFault
from detente.matching.reveal import OPENINGS_MAX
from detente.matching.ristretto import ELEMENT_BYTES
from detente.matching.run import Run, run_between
from detente.matching.schedule import CLOCK_TOLERANCE, window_of
from detente.matching.side import COMMIT_BYTES, ROOT_BYTES
from detente.matching.spot_check import proof_bytes
from detente.matching.steps import steps_of
from detente.picture.events import PlanActivated
from detente.record.keys import SIGNATURE_BYTES
from detente.room.activity import Need, Ordinary
from detente.room.message import Addressed, Heard, Message
from detente.room.room import Room

_FRAME_BYTES = HEADER_BYTES + SIGNATURE_BYTES
_OPENING_BYTES = 1 << 14
_REVEAL_MOST_BYTES = 256 << 20
_LONGEST_REMARK = 300
MOST_EPOCHS_BACK = 64
"""So many epochs a run that was lost with the journal is looked for."""
MOST_LONG_OVER = 8
"""Runs with one peer of epochs that no budget counts any more, which may be held at a time."""
MOST_FLOWN = 1_000_000
"""Names of plans that one peer showed or says are flown, in all runs that are held: some 150 MB."""
_NAME = re.compile("P[0-9a-f]{16}")
_LATE_NAME = re.compile(r"late-(\d{2,4})-")
_SHA_256 = re.compile("[0-9a-f]{64}")


class MatchingRoom(Room[MatchingRuns, life.MatchingCommand, life.MatchingEvent]):
    """Keeps the runs. `key` is our own public key (32 bytes)."""

    name = "matching"
    commands = life.MatchingCommand
    events = life.MatchingEvent
    messages = life.RunMessage
    kept = life.RunsKept

    def __init__(self, state: MatchingRuns, key: bytes, accords: Accords) -> None:
        super().__init__(state)
        self._key = key
        self._accords = accords

    def decide(self, command: life.MatchingCommand | Heard[life.RunMessage]) -> list[life.MatchingEvent]:
        """Return the events that a command leads to; what is already so gives none."""
        if isinstance(command, Heard):
            return self._hear(command.at, command.party, command.message)
        match command:
            case life.ProposeRun():
                return self._propose(command)
            case life.NoteSent(at=at, run=run, noted=noted):
                same = noted_under(self._going_on(run, at).sent, noted.name)
                if same is not None and same != noted:
                    raise Refusal("matching.bytes_sent_before", "message", noted.name)
                return [] if same else [life.MessageSent(at, run, noted)]
            case life.NoteTaken(at=at, run=run, name=name):
                return [] if name in self._going_on(run, at).taken else [life.MessageTaken(at, run, name)]
            case life.NoteParts(at=at, run=run, ours=ours, theirs=theirs):
                peer = self._going_on(run, at).peer
                opened = [life.PartsOpened(at, run, peer, ours)] if ours else []
                return [*opened, *([life.PartsSeen(at, run, peer, theirs)] if theirs else [])]
            case life.NoteFlown(at=at, run=run, plan_ids=plan_ids):
                shown = self.state.shown.get(run, ShownPlans())
                names = tuple(name for plan_id in plan_ids for name in shown.ours.get(plan_id, ()))
                return [life.FlownTold(at, run, names)] if names else []
            case life.FinishRun(at=at, run=run, outcome=outcome):
                same_outcome = self._going_on(run, at).outcome == outcome
                return [] if same_outcome else [life.RunDone(at, run, outcome)]
            case life.AbortRun(at=at, run=run, reason=reason, remark=remark):
                self._going_on(run, at)
                return [self._aborted(at, run, reason, remark)]

    def evolve(self, event: life.MatchingEvent) -> None:
        """Fold one event in."""
        life.evolve(self.state, event)

    def forget(self, before: datetime) -> None:
        """See `Room.forget`: a run is over when its epoch is, and no budget counts it any more."""
        state = self.state
        state.left_before = before = before - timedelta(days=BUDGET_DAYS)
        state.runs = {
            name: run
            for name, run in state.runs.items()
            if run.state is RunState.RUNNING or max(run.epoch_end, run.ended_at or run.epoch_end) >= before
        }
        state.shown = {name: shown for name, shown in state.shown.items() if name in state.runs}

    def messages_of(self, event: life.MatchingEvent) -> Iterator[Addressed]:
        """Yield what the peer of a run must hear of it."""
        run = event.run if isinstance(event.run, MatchingRun) else self.state.runs[event.run]
        message: life.RunMessage
        match event:
            case life.RunBegun() if run.proposed_by == self.state.party:
                message = life.MatchProposed(run.run, run.attempt, run.accord_hash, run.epoch)
            case life.MessageSent(noted=noted):
                message = life.MatchAnnounced(run.run, run.attempt, noted)
            case life.RunDone():
                message = life.MatchDone(run.run, run.attempt, transcript_of(run))
            case life.FlownTold(names=names):
                message = life.MatchFlown(run.run, run.attempt, names)
            case life.RunAborted(by=by, reason=reason) if by == self.state.party:
                message = life.MatchAborted(run.run, run.attempt, reason)
            case _:
                return
        yield Addressed(run.peer, message)

    def reactions(self, event: object) -> Iterator[life.NoteFlown]:
        """Yield that a plan of ours is being flown, for each run that showed a part of it."""
        if isinstance(event, PlanActivated) and event.party == self.state.party:
            for run, shown in self.state.shown.items():
                if event.plan_id in shown.ours:
                    yield life.NoteFlown(event.at, run, (event.plan_id,))

    def said_before(self, at: datetime, peer: str, message: Message) -> list[life.MatchingEvent]:
        """Know again which runs with `peer` there were, and what we had sent in them.

        A run in which our masked tokens have left is never begun again under another secret. What a complete run had
        told us is lost; it is taken up again where its files were kept, and else broken off.
        """
        assert isinstance(message, life.RunMessage)
        held = self.state.runs.get(message.run)
        if held is not None and held.attempt > message.attempt:
            return []
        known = held is not None and held.attempt == message.attempt
        match message:
            case life.MatchProposed(epoch=epoch) if not known:
                return [self._begun(self._run_at(peer, epoch, at), peer, self.state.party, at, message.attempt)]
            case life.MatchAnnounced(noted=noted):
                begun = [] if known else [self._begun_by_peer(at, peer, message)]
                if known and held is not None and noted_under(held.sent, noted.name):
                    return []
                return [*begun, life.MessageSent(at, message.run, noted)]
            case life.MatchAborted(reason=reason) if known and held is not None and held.goes_on(at):
                return [self._aborted(at, message.run, reason, "")]
        return []

    def _begun_by_peer(self, at: datetime, peer: str, message: life.MatchAnnounced) -> life.RunBegun:
        """The beginning of a run that the peer had proposed: of the epochs up to the next one, that of its identity."""
        length = timedelta(seconds=self._accord(peer, at).provisions.matching.epoch_seconds)
        for back in range(-1, MOST_EPOCHS_BACK):
            run = self._run_at(peer, at - back * length, at)
            if run.identity.hex() == message.run:
                return self._begun(run, peer, peer, at, message.attempt)
        raise Refusal("matching.run_with_peer", "run", message.run, peer=peer)

    def _run_at(self, peer: str, moment: datetime, at: datetime) -> Run:
        return run_between(self._accord(peer, at), self.state.party, peer, moment)

    def need_of(self, command: life.MatchingCommand | Heard[life.RunMessage]) -> Need | None:
        """Return that a run begins only while planning goes on."""
        match command:
            case life.ProposeRun(peer=peer) | Heard(party=peer, message=life.MatchProposed()):
                return Need(peer, Ordinary.PLANNING)
            case _:
                return None

    def run_of(self, record: MatchingRun, at: datetime) -> Run:
        """Return what a run is made from; raises Refusal when its accord is not in force at a time."""
        accord = self._accords.in_force(record.peer, at)
        if accord is None or accord_hash(accord) != record.accord_hash:
            raise Refusal("matching.accord_force_with_peer", "accord", record.accord_hash)
        return run_between(accord, self.state.party, record.peer, record.epoch)

    def run_for(self, peer: str, moment: datetime, at: datetime) -> MatchingRun | None:
        """Return the run with a peer for the epoch of `moment`, or None; raises Refusal where there can be none."""
        return self.state.runs.get(run_between(self._accord(peer, at), self.state.party, peer, moment).identity.hex())

    def told_plans(self, peer: str, at: datetime) -> set[str]:
        """Return our plans that a run found in conflict, where the accord with the peer tells these as they are."""
        accord = self._accords.in_force(peer, at)
        if accord is None or accord.provisions.matching.told is not ToldOfMatched.PLAN:
            return set()
        runs = [run.outcome for run in self.state.runs.values() if run.peer == peer and run.outcome is not None]
        return {plan_id for outcome in runs for plan_id in outcome.in_conflict}

    def check_budget(self, peer: str, at: datetime) -> None:
        """Raise Refusal when the runs of the last thirty days have told a peer as many bits as the accord allows."""
        accord = self._accords.in_force(peer, at)
        most = 0 if accord is None else accord.provisions.matching.told_bits
        since = at - timedelta(days=BUDGET_DAYS)
        runs = [run.outcome for run in self.state.runs.values() if run.peer == peer and run.epoch_end > since]
        told = sum(outcome.row.bits for outcome in runs if outcome is not None)
        if most and told >= most:
            raise Refusal("matching.bits_of_thirty_days", "peer", peer, told=told, most=most)

    def unflown(self, peer: str, at: datetime, *, ours: bool = False) -> dict[str, int]:
        """Return by run how many of the plans that a peer showed were never flown: of epochs of the last thirty days.

        With `ours` how many of those that we showed it. An epoch is counted an hour after its end.
        """
        since, until = at - timedelta(days=BUDGET_DAYS), at - FLOWN_WITHIN
        runs = {run: self.state.runs[run] for run in self.state.shown}
        return {
            run: len(self.state.shown[run].ours) if ours else self.state.shown[run].unflown
            for run, record in runs.items() if record.peer == peer and since < record.epoch_end <= until
        }  # fmt: skip

    def check_flown(self, peer: str, at: datetime) -> None:
        """Raise Refusal when a peer left more plans of one epoch unflown than the accord allows."""
        accord = self._accords.in_force(peer, at)
        most = 0 if accord is None else accord.provisions.matching.unflown_plans
        unflown = max(self.unflown(peer, at).values(), default=0)
        if most and unflown > most:
            raise Refusal("matching.plans_never_flown", "peer", peer, unflown=unflown, most=most)

    def _hear(self, at: datetime, peer: str, message: life.RunMessage) -> list[life.MatchingEvent]:
        if isinstance(message, life.MatchProposed):
            return self._hear_proposal(at, peer, message)
        held = self.state.runs.get(message.run)
        if held is None or held.peer != peer or held.attempt != message.attempt:
            raise Refusal("matching.run_with_peer", "run", message.run, peer=peer)
        match message:
            case life.MatchAnnounced(noted=noted):
                return self._hear_announced(at, held, noted)
            case life.MatchDone(transcript=transcript):
                if not _SHA_256.fullmatch(transcript):
                    raise Refusal("matching.transcript_sha_256", "match_done.transcript", transcript[:100])
                return [] if held.transcript == transcript else [life.PeerDone(at, held.run, transcript)]
            case life.MatchAborted(reason=reason):
                return [life.RunAborted(at, held.run, peer, reason[:40])] if held.goes_on(at) else []
            case life.MatchFlown(names=names):
                theirs = self.state.shown.get(held.run, ShownPlans()).theirs
                new = tuple(name for name in dict.fromkeys(names) if not theirs.get(name))
                if (
                    not held.unflown_plans
                    or len(theirs) + len(new) > OPENINGS_MAX
                    or not all(map(_NAME.fullmatch, new))
                ):
                    raise Refusal("matching.names_of_run", "match_flown.names", len(names), most=OPENINGS_MAX)
                if self._names_held(peer) + len(new) > MOST_FLOWN:
                    raise Refusal("matching.at_most_names", "match_flown.names", len(new), most=MOST_FLOWN)
                return [life.FlownHeard(at, held.run, new)] if new else []

    def _names_held(self, peer: str) -> int:
        runs = self.state.runs
        return sum(len(shown.theirs) for run, shown in self.state.shown.items() if runs[run].peer == peer)

    def _check_few_long_over(self, run: Run, peer: str, at: datetime) -> None:
        """Refuse a peer a run of every epoch there ever was; some, as of a recorded day, are matched."""
        since = at - timedelta(days=BUDGET_DAYS)
        _, closes = window_of(run)
        runs = self.state.runs.items()
        others = sum(held.peer == peer and held.epoch < since and name != run.identity.hex() for name, held in runs)
        if closes < since and others >= MOST_LONG_OVER:
            raise Refusal(
                "matching.few_epochs_long_over", "match_proposed.epoch", f"{closes:%Y-%m-%d %H:%M} UTC",
                most=MOST_LONG_OVER, days=BUDGET_DAYS,
            )  # fmt: skip

    def _propose(self, command: life.ProposeRun) -> list[life.MatchingEvent]:
        at, peer = command.at, command.peer
        run = run_between(self._accord(peer, at), self.state.party, peer, command.moment)
        _check_not_early(run, at)
        self._check_not_left(run)
        self.check_budget(peer, at)
        self.check_flown(peer, at)
        held = self.state.runs.get(run.identity.hex())
        if held is not None and held.state is RunState.RUNNING:
            return []
        if held is not None and (held.state is RunState.DONE or held.showed_tokens):
            raise Refusal(
                "matching.epoch_without_run_one", "epoch", f"{held.epoch:%Y-%m-%d %H:%M} UTC", state=held.state
            )
        attempt = 1 if held is None else held.attempt + 1
        return [self._begun(run, peer, self.state.party, at, attempt)]

    def _hear_proposal(self, at: datetime, peer: str, message: life.MatchProposed) -> list[life.MatchingEvent]:
        run = run_between(self._accord(peer, at), self.state.party, peer, message.epoch)
        if message.run != run.identity.hex() or message.accord_hash != run.accord:
            raise Refusal("matching.run_accord_force_epoch", "match_proposed.run", message.run)
        _check_not_early(run, at)
        self._check_not_left(run)
        self._check_few_long_over(run, peer, at)
        held = self.state.runs.get(message.run)
        if held is not None and held.state is RunState.RUNNING and held.attempt == message.attempt:
            return []
        self.check_budget(peer, at)
        if held is not None and (held.state is not RunState.ABORTED or held.showed_tokens):
            raise Refusal("matching.epoch_without_run", "match_proposed.epoch", message.epoch.isoformat())
        if message.attempt != (1 if held is None else held.attempt + 1):
            raise Refusal("matching.next_attempt", "match_proposed.attempt", message.attempt)
        begun = self._begun(run, peer, peer, at, message.attempt)
        try:
            self.check_flown(peer, at)
        except Refusal as refusal:
            # The peer hears why: its people may have cancelled honest plans.
            return [begun, self._aborted(at, message.run, life.UNFLOWN, str(refusal))]
        return [begun]

    def _check_not_left(self, run: Run) -> None:
        """Refuse an epoch that may have had a run that has left: nothing is shown under two keys."""
        left = self.state.left_before
        if left is not None and from_posix_s(run.epoch.start_s + run.epoch.length_s) < left:
            raise Refusal(
                "matching.epoch_without_run", "epoch", f"{from_posix_s(run.epoch.start_s):%Y-%m-%d %H:%M} UTC"
            )

    def _begun(self, run: Run, peer: str, by: str, at: datetime, attempt: int) -> life.RunBegun:
        party = run.first if run.first == self._key else run.second
        begun = MatchingRun(
            run.identity.hex(), peer, run.accord, from_posix_s(run.epoch.start_s), run.epoch.length_s,
            run.role_of(party), by, at, attempt, late_runs=run.terms.late_runs,
            steps=len(steps_of(0, run.grids)), unflown_plans=run.terms.unflown_plans,
        )  # fmt: skip
        return life.RunBegun(at, begun)

    def _hear_announced(self, at: datetime, held: MatchingRun, noted: life.Noted) -> list[life.MatchingEvent]:
        if not held.goes_on(at):
            raise Refusal("matching.run_goes", "match_message.run", held.run)
        known = noted_under(held.announced, noted.name)
        if known == noted:
            return []
        if known is not None:
            seen = f"two different messages {noted.name}"
            return [self._aborted(at, held.run, ProtocolFault.EQUIVOCATION.value, seen)]
        try:
            most = largest(self.run_of(held, at), held, noted.name)
        except Refusal as refusal:
            return [self._aborted(at, held.run, life.ACCORD, str(refusal))]
        if most is None or not _SHA_256.fullmatch(noted.sha256):
            return [self._aborted(at, held.run, ProtocolFault.STAGE.value, f"a message {noted.name[:60]!r}")]
        if not _FRAME_BYTES < noted.size <= most:
            seen = f"{noted.name} of {noted.size:,} bytes"
            return [self._aborted(at, held.run, ProtocolFault.SIZE.value, seen)]
        return [life.MessageAnnounced(at, held.run, noted)]

    def _aborted(self, at: datetime, run: str, reason: str, remark: str) -> life.RunAborted:
        return life.RunAborted(at, run, self.state.party, reason, remark[:_LONGEST_REMARK])

    def _accord(self, peer: str, at: datetime) -> Accord:
        accord = self._accords.in_force(peer, at)
        if accord is None:
            raise Refusal("matching.party_with_accord_force", "peer", peer)
        if accord.provisions.matching.runs is RunsOfNodes.NONE:
            raise Refusal("matching.accord_under_nodes_match", "accord.matching.runs", RunsOfNodes.NONE.value)
        return accord

    def _going_on(self, run: str, at: datetime) -> MatchingRun:
        held = self.state.runs.get(run)
        if held is None or not held.goes_on(at):
            raise Refusal("matching.run_goes", "run", run)
        return held


def largest(run: Run, record: MatchingRun, name: str) -> int | None:
    """The most bytes of a message of the peer, by the accord's sizes; None when it sends none of this name."""
    late = _LATE_NAME.match(name)
    chapter = int(late[1]) if late else 0
    step = next((step for step in steps_of(chapter, run.grids) if step.name == name), None)
    if step is None or chapter > run.terms.late_runs:
        return None
    theirs = run.capacity(record.role.other, chapter, step.grid)
    ours = run.capacity(record.role, chapter, step.grid)
    match step.kind:
        case MessageKind.COMMIT | MessageKind.LATE:
            body = COMMIT_BYTES if step.kind is MessageKind.COMMIT else ROOT_BYTES
        case MessageKind.MASKED:
            body = theirs * ELEMENT_BYTES
            if step.grid:
                # What is in common on the grid before, and which of it stays there.
                stays = run.capacity(record.role.other, 0, step.grid - 1) + chapter * (1 << run.terms.late_log2)
                body += IDENTITY_BYTES + stays * TOKEN_BYTES
        case MessageKind.COIN:
            body = SHARE_BYTES + IDENTITY_BYTES
        case MessageKind.PROOF:
            body = proof_bytes(run, ListName(record.role.other, chapter, step.grid))
        case MessageKind.ANSWERS:
            body = ours * ANSWER_BYTES + answer_count(run.terms, ours) * ELEMENT_BYTES + PROOF_BYTES
        case MessageKind.REVEAL:
            body = min(_OPENING_BYTES << run.terms.parts_log2, _REVEAL_MOST_BYTES)
    return _FRAME_BYTES + body


def _check_not_early(run: Run, at: datetime) -> None:
    opens, _ = window_of(run)
    if at + CLOCK_TOLERANCE < opens:
        raise Refusal("matching.epoch_begun_or_next", "epoch", f"{opens:%Y-%m-%d %H:%M} UTC")
