"""The line as it stands, folded from its events; changed by `evolve` alone."""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.line.alarms import Alarm
from detente.line.checks import CheckResult, LineStanding, OnWatch
from detente.line.messages import Carrier, LineMessage, Receipt, ReceiptKind
from detente.line.radio import RadioStanding
from detente.line.read_back import ReadBackDifference
from detente.line.terms import LineTerms
from detente.line.watch import Watch

Key = tuple[str, str]
"""Peer and message id."""


class MessageRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message and all that became of it.

    Attributes:
        peer: the other party.
        message: what was said.
        since: when it was sent or heard here, or, when it was read back wrong, when it began to wait again (UTC).
        carrier: how it came, for a peer's message.
        receipts: of the receiving side, in order.
        step: the last rung of the receiver's ladder that was called, -1 before the first.
        again: how often all posts were called after that.
        taken_by: the post where a person has it, None before.
        to_human_s: seconds until the first person had it, on this node's clock.
        to_delivery_s: likewise, until the first receipt for a message of ours was held.
        differences: what the last read-back had wrong; None before any read-back was judged.
        overdue: whether its delivery, or the way of a STOP to a person, took too long.
        alarms: how often our posts were alarmed of that.
        out_of_order: whether it came rightly signed in an envelope that does not continue its channel.
    """

    peer: str
    message: LineMessage
    since: datetime
    carrier: Carrier = Carrier.ENVELOPE
    receipts: tuple[Receipt, ...] = ()
    step: int = -1
    again: int = 0
    taken_by: str | None = None
    to_human_s: float | None = None
    differences: tuple[ReadBackDifference, ...] | None = None
    overdue: bool = False
    to_delivery_s: float | None = None
    alarms: int = 0
    out_of_order: bool = False

    @property
    def key(self) -> Key:
        """Peer and message id."""
        return self.peer, self.message.message_id

    @property
    def is_ours(self) -> bool:
        """Whether we sent it."""
        return self.message.recipient == self.peer

    @property
    def is_delivered(self) -> bool:
        """Whether there is a receipt of any kind, or a person has it."""
        return bool(self.receipts) or self.taken_by is not None

    @property
    def understood(self) -> bool:
        """Whether it was read back and every figure was right."""
        return self.differences == ()

    def has(self, kind: ReceiptKind) -> bool:
        """Whether there is a receipt of this kind."""
        return any(receipt.kind is kind for receipt in self.receipts)


class PeerLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The line with one peer: its state, the last results of our checks and of theirs, and our last question.

    `radio` has each frequency of the plan, which holds since `radio_since`; `alarms` are the last about this peer.
    """

    standing: LineStanding = LineStanding()
    ours: CheckResult | None = None
    theirs: CheckResult | None = None
    asked: int = 0
    asked_at: datetime | None = None
    asked_watch: OnWatch | None = None
    sent: int = 0
    radio: tuple[RadioStanding, ...] = ()
    radio_since: datetime | None = None
    alarms: tuple[Alarm, ...] = ()

    @property
    def results(self) -> tuple[CheckResult, ...]:
        """The last result of each side's checks, where there is one."""
        return tuple(result for result in (self.ours, self.theirs) if result is not None)


class LineSnapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole line as plain records, in a fixed order."""

    party: str
    open_lines: tuple[str, ...]
    terms: tuple[tuple[str, LineTerms], ...]
    peers: tuple[tuple[str, PeerLine], ...]
    messages: tuple[MessageRecord, ...]
    watches: tuple[Watch, ...]


class LineState:
    """One node's line with all its peers.

    Attributes:
        party: whose line it is; empty before it is opened.
        open_lines: the terms with each peer with whom there is an accord now.
        terms: the last terms with each peer, of former accords too.
        peers: by name; peers of former accords stay.
        messages: by (peer, message id).
        waiting: keys of peers' messages that no person has taken.
        undelivered: keys of our messages without a receipt.
        stops_alone: keys of our STOPs that no person of the other side has.
        watches: the manned posts, by post.
    """

    def __init__(self) -> None:
        self.party = ""
        self.open_lines: dict[str, LineTerms] = {}
        self.terms: dict[str, LineTerms] = {}
        self.peers: dict[str, PeerLine] = {}
        self.messages: dict[Key, MessageRecord] = {}
        self.waiting: set[Key] = set()
        self.undelivered: set[Key] = set()
        self.stops_alone: set[Key] = set()
        self.watches: dict[str, Watch] = {}

    def snapshot(self) -> LineSnapshot:
        """Return the whole line as plain records, in a fixed order."""
        return LineSnapshot(
            self.party,
            tuple(sorted(self.open_lines)),
            tuple(sorted(self.terms.items())),
            tuple(sorted(self.peers.items())),
            tuple(self.messages[key] for key in sorted(self.messages)),
            tuple(self.watches[post] for post in sorted(self.watches)),
        )

    def forget(self, before: datetime) -> None:
        """Leave out messages of before a time that were delivered and, where they are a peer's, taken by a person."""
        open_keys = self.waiting | self.undelivered | self.stops_alone
        self.messages = {
            key: record for key, record in self.messages.items() if record.since >= before or key in open_keys
        }


class LineKept(msgspec.Struct, frozen=True):
    """`LineState` as it is kept."""

    party: str
    open_lines: dict[str, LineTerms]
    terms: dict[str, LineTerms]
    peers: dict[str, PeerLine]
    messages: dict[Key, MessageRecord]
    waiting: set[Key]
    undelivered: set[Key]
    stops_alone: set[Key]
    watches: dict[str, Watch]
