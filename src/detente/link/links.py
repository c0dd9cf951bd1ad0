"""The links of one node: a session for each peer under each accord, rebuilt from the journal alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from detente.airspace.refusal import Refusal
from detente.link.allowance import NONSENSE_FACTOR, PLANNING_ALLOWANCE, Allowance, Meter
from detente.link.envelope import Direction, Envelope
from detente.link.session import LINK_KINDS, LINK_REFUSED, Session, read_document
from detente.record.journal import Entry


class RefusalBudget:
    """How many refusals may still be recorded: `burst` at once, then one every `refill_s` seconds.

    Refused envelopes come from outside and may be a flood; the journal must not grow with them (R45).
    """

    def __init__(self, burst: int = 64, refill_s: float = 60.0) -> None:
        self.burst = burst
        self.refill_s = refill_s
        self._left = float(burst)
        self._at: datetime | None = None
        self._suppressed = 0

    def spend(self, at: datetime) -> int | None:
        """Return how many were suppressed since the last one recorded, or None when this one is too."""
        if self._at is not None:
            elapsed_s = max(0.0, (at - self._at).total_seconds())
            self._left = min(float(self.burst), self._left + elapsed_s / self.refill_s)
        self._at = at
        if self._left < 1.0:
            self._suppressed += 1
            return None
        self._left -= 1.0
        suppressed, self._suppressed = self._suppressed, 0
        return suppressed


class Links:
    """The sessions of the node whose public key is `own` (32 bytes).

    `open` adds a peer and an accord with which it exchanges envelopes now. Other links in the journal are history, and
    nothing new is accepted on them. Each trusted peer has its own budget of recorded refusals, so that neither a
    stranger's flood nor another peer's can displace the evidence against it.
    """

    def __init__(self, own: bytes) -> None:
        self.own = own
        self.stranger_budget = RefusalBudget()
        self._peer_budgets: dict[bytes, RefusalBudget] = {}
        self._meters: dict[Direction, Meter] = {}
        self._sessions: dict[Direction, Session] = {}
        self._open: set[Direction] = set()

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions.values())

    def open(self, peer: bytes, accord: str, allowance: Allowance = PLANNING_ALLOWANCE) -> Session:
        """Return the session with `peer` (public key) under `accord` (hash), ready to send and to receive."""
        if peer == self.own:
            raise Refusal("peer", peer.hex(), "the key of another party", "A node has no link with itself.")
        direction = Direction(self.own, peer, accord)
        self._open.add(direction)
        self._meters.setdefault(direction.reverse, Meter(allowance))
        return self._session(direction)

    def close(self, peer: bytes, accord: str) -> None:
        """Accept nothing more from `peer` under `accord`; the session and its history stay."""
        self._open.discard(Direction(self.own, peer, accord))

    def find(self, peer: bytes, accord: str) -> Session | None:
        """Return the open session with `peer` under `accord`, or None."""
        direction = Direction(self.own, peer, accord)
        return self._sessions[direction] if direction in self._open else None

    def meter(self, incoming: Direction) -> Meter:
        """Return what is left of the allowance of an incoming direction that was opened."""
        return self._meters[incoming]

    def budget_of(self, peer: bytes) -> RefusalBudget:
        """Return how many refusals of what this peer signed may still be recorded."""
        return self._peer_budgets.setdefault(peer, RefusalBudget())

    def charge_nonsense(self, envelope: Envelope) -> None:
        """Charge the allowance many times for an accepted envelope whose message was not valid."""
        meter = self._meters.get(envelope.direction)
        if meter is not None:
            meter.charge(len(envelope.raw), NONSENSE_FACTOR - 1)

    def knows(self, peer: bytes) -> bool:
        """Return whether any link with `peer` is open."""
        return any(direction.recipient == peer for direction in self._open)

    def absorb(self, entries: Iterable[Entry]) -> None:
        """Fold in journal entries, in order; those of other rooms are passed over.

        Raises ValueError for an entry that contradicts the ones before it, which an undamaged journal does not hold.
        """
        for entry in entries:
            if entry.kind in LINK_KINDS and entry.kind != LINK_REFUSED:
                document = read_document(entry.body)
                direction = document.direction
                outgoing = direction if direction.sender == self.own else direction.reverse
                self._session(outgoing).absorb(entry.kind, document, entry.number)

    def _session(self, outgoing: Direction) -> Session:
        if outgoing not in self._sessions:
            self._sessions[outgoing] = Session(outgoing)
        return self._sessions[outgoing]
