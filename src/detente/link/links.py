"""The links of one node: a session for each peer under each accord, rebuilt from the journal alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.allowance import CLOSED_ALLOWANCE, NONSENSE_FACTOR, PLANNING_ALLOWANCE, Allowance, Meter
from detente.link.envelope import Direction, Envelope
from detente.link.key_rotated import ROTATED_KIND
from detente.link.session import (
    LINK_KINDS,
    LINK_REFUSED,
    RECEIPT_RECEIVED,
    RECEIVED,
    LeftDocuments,
    Session,
    SessionKept,
    read_document,
)
from detente.record.journal import Entry
from detente.record.rotation import Rotation, read_rotations
from detente.room.channel import Channel, channel_of
from detente.room.past import PAST

MOST_OLD_KEYS = 8
"""So many keys that a party went over from are tried: one is left in years, and each costs a signature."""


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
    stranger's flood nor another peer's can displace the evidence against it. `left` finds in the journal what has left
    the sessions, once there is a journal.
    """

    def __init__(self, own: bytes) -> None:
        self.own = own
        self.stranger_budget = RefusalBudget()
        self._peer_budgets: dict[bytes, RefusalBudget] = {}
        self._old_key_budgets: dict[bytes, RefusalBudget] = {}
        self._meters: dict[Direction, Meter] = {}
        self._closed_meters: dict[bytes, Meter] = {}
        self._sessions: dict[Direction, Session] = {}
        self.left: LeftDocuments | None = None
        self._open: set[Direction] = set()
        self._keys: dict[bytes, list[bytes]] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions.values())

    def open(self, peer: bytes, accord: str, allowance: Allowance = PLANNING_ALLOWANCE) -> Session:
        """Return the session with `peer` (public key) under `accord` (hash), ready to send and to receive."""
        if peer == self.own:
            raise Refusal("link.key_another_party", "peer", peer.hex())
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

    def find_closed(self, peer: bytes, accord: str) -> Session | None:
        """Return the session with `peer` under `accord` on which nothing is exchanged any more, or None."""
        direction = Direction(self.own, peer, accord)
        return None if direction in self._open else self._sessions.get(direction)

    def closed_with(self, peer: bytes) -> list[Session]:
        """Return the sessions with `peer` on which nothing is exchanged any more, in the order in which they began."""
        return [s for s in self._in_order() if s.outgoing.recipient == peer and s.outgoing not in self._open]

    def meter(self, incoming: Direction) -> Meter:
        """Return what is left of the allowance of an incoming direction that was opened."""
        return self._meters[incoming]

    def closed_meter(self, peer: bytes) -> Meter:
        """Return what is left of the allowance for questions about all closed links with `peer`."""
        return self._closed_meters.setdefault(peer, Meter(CLOSED_ALLOWANCE))

    def budget_of(self, peer: bytes) -> RefusalBudget:
        """Return how many refusals of what this peer signed may still be recorded."""
        return self._peer_budgets.setdefault(peer, RefusalBudget())

    def charge_nonsense(self, envelope: Envelope) -> None:
        """Charge the allowance many times for an accepted envelope whose message was not valid."""
        meter = self._meters.get(envelope.direction)
        if meter is not None:
            meter.charge(len(envelope.raw), NONSENSE_FACTOR - 1)

    def keys(self, party: bytes) -> list[bytes]:
        """Return the keys of a party that are known here, that by which it is known first, the one it signs with last.

        The list grows as rotations become known.
        """
        return self._keys.setdefault(party, [party])

    def old_keys(self, direction: Direction, at: datetime) -> list[bytes]:
        """Return the keys by which what a known party did not sign now may be signed, the newest first.

        Whoever names a party makes us try them, so they are tried a few times a minute, and for a STOP always: it is
        shown whichever key signed it (R9).
        """
        found = self.keys(direction.sender)[:-1][: -MOST_OLD_KEYS - 1 : -1]
        budget = self._old_key_budgets.setdefault(direction.sender, RefusalBudget(burst=8, refill_s=5.0))
        is_stop = channel_of(direction.accord) is Channel.STOP
        return found if found and (is_stop or budget.spend(at) is not None) else []

    def learn(self, party: bytes, keys: Sequence[bytes]) -> None:
        """Take note of the keys of a party, in order, of which those that are known already are the first."""
        known = self.keys(party)
        if list(keys[: len(known)]) == known:
            known.extend(keys[len(known) :])

    def signer_shown(self, party: bytes, shown: Sequence[str]) -> bytes:
        """Return the key that a party signs with now, by the rotations that it shows, or without any as is known.

        It may have lost what it has told us of its keys, or we what it has told. Raises Refusal for rotations that are
        no chain, or that contradict known ones.
        """
        rotations = read_rotations(party, party, shown)
        self.check_rotations(party, rotations)
        return rotations[-1].new if len(rotations) >= len(self.keys(party)) else self.keys(party)[-1]

    def check_rotations(self, party: bytes, rotations: Sequence[Rotation]) -> None:
        """Raise Refusal for rotations that contradict known ones, or lead to a key that is another party's."""
        known = self.keys(party)
        for rotation in rotations:
            place = known.index(rotation.old) if rotation.old in known else len(known) - 1
            if known[place + 1 : place + 2] not in ([], [rotation.new]):
                raise Refusal("link.one_rotation_of_key", "rotations", rotation.new.hex(), known=known[place + 1].hex())
            if any(rotation.new in keys for other, keys in self._keys.items() if other != party):
                raise Refusal("link.key_of_no_other_party", "rotations", rotation.new.hex())

    def knows(self, peer: bytes) -> bool:
        """Return whether any link with `peer` is open."""
        return any(direction.recipient == peer for direction in self._open)

    def absorb(self, entries: Iterable[Entry]) -> None:
        """Fold in journal entries, in order; those of other rooms are passed over.

        Raises ValueError for an entry that contradicts the ones before it, which an undamaged journal does not hold.
        """
        for entry in entries:
            if entry.kind == PAST:
                for session in self._sessions.values():
                    session.forget(entry.number)
            elif entry.kind in LINK_KINDS and entry.kind != LINK_REFUSED:
                document = read_document(entry.body)
                direction = document.direction
                outgoing = direction if direction.sender == self.own else direction.reverse
                session = self._session(outgoing)
                session.absorb(entry.kind, document, entry.number)
                if entry.kind == RECEIVED and getattr(document, "kind", "") == ROTATED_KIND:
                    self._follow(session)
                if entry.kind in (RECEIVED, RECEIPT_RECEIVED):
                    session.heard_at = entry.at

    def _follow(self, session: Session) -> None:
        """Know the keys that a peer has gone over to on one of its channels."""
        known = self.keys(session.outgoing.recipient)
        for key in session.peer_signers:
            if key not in known:
                known.append(key)

    def keep(self) -> bytes:
        """Return the sessions as bytes from which `restore` makes them again."""
        return msgspec.msgpack.encode([session.keep() for session in self._in_order() if session.began])

    def restore(self, kept: bytes) -> Callable[[], None]:
        """Read what `keep` gave, and return what makes the empty sessions that; raises msgspec.MsgspecError."""
        read = msgspec.msgpack.decode(kept, type=list[SessionKept])

        def make() -> None:
            for session in read:
                way = Direction(*session.direction)
                self._session(way).restore(session)
                self._follow(self._session(way))

        return make

    def _in_order(self) -> list[Session]:
        return sorted(self, key=lambda session: (not session.began, session.began))

    def _session(self, outgoing: Direction) -> Session:
        if outgoing not in self._sessions:
            self._sessions[outgoing] = Session(outgoing, lambda: self.left)
        return self._sessions[outgoing]
