"""The life of runs between two nodes: commands, events, messages about runs, and where each run stands.

What is kept in the journal proves a run and tells nothing of plans that it did not concern: digests and sizes of every
message, in both directions, the parts of plans that either side opened, and how much was told.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

import msgspec

from detente.airspace.plan import Plan
from detente.matching.flown import ShownPlans
from detente.matching.ledger import BUDGET_DAYS, LedgerRow
from detente.matching.quantise import Role
from detente.room.activity import Activity, Ordinary
from detente.room.message import Message

REFUSED = "refused"
"""Why a run was broken off: one side cannot take part in it. What it does not tell the other is in its own journal."""
SECRET_GONE = "secret_gone"  # noqa: S105 a reason
FAULT_HERE = "fault_here"
ASKED_TO_STOP = "asked"
ACCORD = "accord"
UNFLOWN = "unflown"
MASKED_NAME = "2-masked"
_LATE_PREFIX, _LATE_SUFFIX = "late-", "-late"


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    DONE = "done"
    ABORTED = "aborted"


class Noted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message of a run: its name ("1-commit"), its length in bytes, the SHA-256 of all its bytes."""

    name: str
    size: int
    sha256: str


class OpenedPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of our plan `plan_id` as it was opened to the peer, under a name that means nothing outside the run."""

    plan_id: str
    piece: Plan


class RunOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run told us: its row of the leak ledger, our plans in conflict, and those that were only concerned."""

    row: LedgerRow
    in_conflict: tuple[str, ...]
    cleared: tuple[str, ...]


class MatchingRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run with one peer.

    Attributes:
        run: the run's identity, as 64 hexadecimal digits.
        attempt: counts from 1; a run that ended before anything was shown may be begun again.
        late_runs: how many there may be, by the accord.
        steps: how many messages each party sends before late runs.
        unflown_plans: how many of the shown plans may stay unflown, by the accord; 0 for no limit.
        sent, announced, taken: our messages, the peer's as it announced them, and which of those we hold and checked.
        opened, seen: parts of ours that the peer was shown, parts of the peer's that we were.
        late_at: when we last sent late plans, or finished the run.
        transcript: of the peer, the digest of all messages as it has them; empty before it says so.
        reason: why it was broken off, a fault or one of the reasons of this file; `remark` says what was seen.
    """

    run: str
    peer: str
    accord_hash: str
    epoch: datetime
    epoch_seconds: int
    role: Role
    proposed_by: str
    proposed_at: datetime
    attempt: int = 1
    late_runs: int = 0
    steps: int = 5
    unflown_plans: int = 0
    state: RunState = RunState.RUNNING
    sent: tuple[Noted, ...] = ()
    announced: tuple[Noted, ...] = ()
    taken: tuple[str, ...] = ()
    opened: int = 0
    seen: int = 0
    outcome: RunOutcome | None = None
    transcript: str = ""
    late_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    reason: str = ""
    remark: str = ""

    @property
    def showed_tokens(self) -> bool:
        """Whether our masked tokens have left: then there is no second attempt under another key."""
        return any(one.name == MASKED_NAME for one in self.sent)

    @property
    def epoch_end(self) -> datetime:
        """The end of the epoch, UTC."""
        return self.epoch + timedelta(seconds=self.epoch_seconds)

    def goes_on(self, at: datetime) -> bool:
        """Whether messages may still be exchanged: the run is not complete, or late ones may follow."""
        late = self.state is RunState.DONE and self.late_runs > 0 and at < self.epoch_end
        return self.state is RunState.RUNNING or late


def noted_under(messages: tuple[Noted, ...], name: str) -> Noted | None:
    """Return the message of a name, or None."""
    return next((one for one in messages if one.name == name), None)


def transcript_of(run: MatchingRun) -> str:
    """SHA-256 over the digests of a run's messages without late ones, the first party's first: equal on both sides."""
    first, second = (run.sent, run.announced) if run.role is Role.FIRST else (run.announced, run.sent)
    lines = [f"{role} {one.name} {one.sha256}" for role, side in zip(Role, (first, second), strict=True)
             for one in sorted(side, key=lambda one: one.name) if not one.name.startswith(_LATE_PREFIX)]  # fmt: skip
    text = "\n".join(("detente-match-1 transcript", run.run, str(run.attempt), *lines))
    return hashlib.sha256(text.encode()).hexdigest()


class MatchingRuns:
    """Every run of one party. Changed by `evolve` alone.

    Attributes:
        party: our own.
        runs: by identity.
        shown: by run, of the last thirty days, what was shown under an accord that limits unflown plans.
        left_before: runs of epochs that ended before this have left; there is no second run of one. None: none has.
        changes: counts the events that were folded in.
    """

    def __init__(self, party: str) -> None:
        self.party = party
        self.runs: dict[str, MatchingRun] = {}
        self.shown: dict[str, ShownPlans] = {}
        self.left_before: datetime | None = None
        self.changes = 0


class RunsKept(msgspec.Struct, frozen=True):
    """`MatchingRuns` as it is kept."""

    runs: dict[str, MatchingRun]
    shown: dict[str, ShownPlans] = {}
    left_before: datetime | None = None


class _RunMessage(Message, frozen=True):
    """Every message is about one attempt of a run."""

    run: str
    attempt: int

    @property
    def subject(self) -> str:
        """The run, by the beginning of its identity."""
        return self.run[:16]


class MatchProposed(_RunMessage, frozen=True, tag="match_proposed"):
    """Let us run the matching of the epoch that begins at `epoch` (UTC)."""

    activity: ClassVar[Activity] = Ordinary.PLANNING

    accord_hash: str
    epoch: datetime


class MatchAnnounced(_RunMessage, frozen=True, tag="match_message"):
    """This is our next message; its bytes come beside the envelopes."""

    noted: Noted

    @property
    def subject(self) -> str:
        """The name of the message that is announced."""
        return self.noted.name[:40]


class MatchDone(_RunMessage, frozen=True, tag="match_done"):
    """The run is complete here; `transcript` is the SHA-256 of the digests of all messages."""

    transcript: str


class MatchAborted(_RunMessage, frozen=True, tag="match_aborted"):
    """The run is over for us. The reason is a word; nothing of our plans is in it."""

    reason: str


class MatchFlown(_RunMessage, frozen=True, tag="match_flown"):
    """Of the plans of which I showed parts in the run, these are being flown, by their names in the run."""

    names: tuple[str, ...]


RunMessage = MatchProposed | MatchAnnounced | MatchDone | MatchAborted | MatchFlown
"""What two nodes say about runs."""


class _Command(msgspec.Struct, frozen=True, tag_field="command", forbid_unknown_fields=True):
    at: datetime


class ProposeRun(_Command, frozen=True, tag="propose_match"):
    """Begin the run of the epoch of `moment` with a peer."""

    peer: str
    moment: datetime


class NoteSent(_Command, frozen=True, tag="note_match_sent"):
    """A message of ours is on the disk and goes to the peer."""

    run: str
    noted: Noted


class NoteTaken(_Command, frozen=True, tag="note_match_taken"):
    """The peer's message is here and was found as it should be."""

    run: str
    name: str


class NoteParts(_Command, frozen=True, tag="note_match_parts"):
    """Parts of plans were opened: ours to the peer, the peer's to us."""

    run: str
    ours: tuple[OpenedPart, ...] = ()
    theirs: tuple[Plan, ...] = ()


class FinishRun(_Command, frozen=True, tag="finish_match"):
    """Both sides' last messages are here and were checked, of the run or of a late one."""

    run: str
    outcome: RunOutcome


class NoteFlown(_Command, frozen=True, tag="note_match_flown"):
    """Plans of ours are being flown; the peer hears of those of which the run showed it a part."""

    run: str
    plan_ids: tuple[str, ...]


class AbortRun(_Command, frozen=True, tag="abort_match"):
    """Break a run off."""

    run: str
    reason: str
    remark: str = ""


class _Event(msgspec.Struct, frozen=True, tag_field="event", forbid_unknown_fields=True):
    at: datetime


class RunBegun(_Event, frozen=True, tag="match_begun"):
    """A run was proposed, by us or by the peer."""

    run: MatchingRun


class MessageSent(_Event, frozen=True, tag="match_sent"):
    """A message of ours goes to the peer."""

    run: str
    noted: Noted


class MessageAnnounced(_Event, frozen=True, tag="match_announced"):
    """The peer announced a message."""

    run: str
    noted: Noted


class MessageTaken(_Event, frozen=True, tag="match_taken"):
    """The peer's message is here and was found as it should be."""

    run: str
    name: str


class PartsOpened(_Event, frozen=True, tag="match_opened"):
    """Parts of our plans that the peer was shown."""

    run: str
    peer: str
    parts: tuple[OpenedPart, ...]


class PartsSeen(_Event, frozen=True, tag="match_seen"):
    """Parts of the peer's plans that we were shown."""

    run: str
    peer: str
    parts: tuple[Plan, ...]


class RunDone(_Event, frozen=True, tag="match_done"):
    """A run is complete, or a late one after it: what it has told so far."""

    run: str
    outcome: RunOutcome


class PeerDone(_Event, frozen=True, tag="match_peer_done"):
    """The peer finished too, and said which messages it has."""

    run: str
    transcript: str


class FlownTold(_Event, frozen=True, tag="match_flown_told"):
    """Plans of ours that were shown are being flown; the names are those in the run."""

    run: str
    names: tuple[str, ...]


class FlownHeard(_Event, frozen=True, tag="match_flown_heard"):
    """The peer says that plans which it showed are being flown."""

    run: str
    names: tuple[str, ...]


class RunAborted(_Event, frozen=True, tag="match_aborted"):
    """A run was broken off by `by`."""

    run: str
    by: str
    reason: str
    remark: str = ""


MatchingEvent = (
    RunBegun | MessageSent | MessageAnnounced | MessageTaken | PartsOpened | PartsSeen | RunDone | PeerDone | RunAborted
    | FlownTold | FlownHeard
)  # fmt: skip
MatchingCommand = ProposeRun | NoteSent | NoteTaken | NoteParts | NoteFlown | FinishRun | AbortRun


def evolve(state: MatchingRuns, event: MatchingEvent) -> None:
    """Fold one event in."""
    state.changes += 1
    if isinstance(event, RunBegun):
        state.runs[event.run.run] = event.run
        since = event.at - timedelta(days=BUDGET_DAYS)
        state.shown = {run: one for run, one in state.shown.items() if state.runs[run].epoch_end > since}
        return
    held = state.runs[event.run]
    change: dict[str, Any] = {}
    if held.unflown_plans and isinstance(event, PartsOpened | PartsSeen | FlownTold | FlownHeard):
        _note_shown(state.shown.setdefault(event.run, ShownPlans()), event)
    match event:
        case MessageSent(at=at, noted=noted):
            late = {"late_at": at} if noted.name.endswith(_LATE_SUFFIX) else {}
            change = {"sent": (*held.sent, noted), **late}
        case MessageAnnounced(noted=noted):
            change = {"announced": (*held.announced, noted)}
        case MessageTaken(name=name):
            change = {"taken": (*held.taken, name)}
        case PartsOpened(parts=parts):
            change = {"opened": held.opened + len(parts)}
        case PartsSeen(parts=parts):
            change = {"seen": held.seen + len(parts)}
        case RunDone(at=at, outcome=outcome):
            change = {"state": RunState.DONE, "outcome": outcome, "ended_at": at, "ended_by": state.party}
            change["late_at"] = held.late_at or at
        case PeerDone(transcript=transcript):
            change = {"transcript": transcript}
        case RunAborted(at=at, by=by, reason=reason, remark=remark):
            change = {"state": RunState.ABORTED, "ended_at": at, "ended_by": by, "reason": reason, "remark": remark}
    state.runs[event.run] = msgspec.structs.replace(held, **change)


def _note_shown(shown: ShownPlans, event: PartsOpened | PartsSeen | FlownTold | FlownHeard) -> None:
    match event:
        case PartsOpened(parts=ours):
            for part in ours:
                shown.note_ours(part.plan_id, part.piece.plan_id)
        case PartsSeen(parts=theirs):
            for plan in theirs:
                shown.note_theirs(plan.plan_id)
        case FlownTold(names=names):
            shown.note_ours_flown(names)
        case FlownHeard(names=names):
            shown.note_theirs_flown(names)
