"""What identifies a run: the accord, the epoch, the grid and the two parties in their roles."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from detente.accord.matching_terms import MatchingTerms
from detente.accord.terms import Accord, accord_hash
from detente.airspace.position import from_posix_s
from detente.airspace.refusal import Refusal
from detente.airspace.separation import MinimaTable
from detente.matching.grid import GRID_VERSION
from detente.matching.quantise import Epoch, Role

_PURPOSE = b"detente-match-1 run\n"


@dataclass(frozen=True)
class Run:
    """One run of private matching between two parties; `first` and `second` are their public keys."""

    accord: str
    epoch: Epoch
    terms: MatchingTerms
    minima: MinimaTable
    first: bytes
    second: bytes

    @property
    def identity(self) -> bytes:
        """32 bytes that bind everything both sides must agree on before they show anything."""
        return hashlib.sha256(
            _PURPOSE + bytes.fromhex(self.accord) + self.epoch.number.to_bytes(8, "big")
            + self.epoch.length_s.to_bytes(4, "big") + bytes([GRID_VERSION]) + self.first + self.second
        ).digest()  # fmt: skip

    def key_of(self, role: Role) -> bytes:
        """The public key of the party in a role."""
        return self.first if role is Role.FIRST else self.second

    def role_of(self, public: bytes) -> Role:
        """The role of a party; raises Refusal for a key that is not of this run."""
        for role in Role:
            if self.key_of(role) == public:
                return role
        raise Refusal("key", public.hex(), "the key of one of the two parties of the run")

    def capacity(self, role: Role) -> int:
        """How many masked tokens the party in a role shows, dummies included."""
        return 1 << (self.terms.first_log2 if role is Role.FIRST else self.terms.second_log2)


def run_between(accord: Accord, first: str, second: str, moment: datetime) -> Run:
    """The run of the epoch of `moment` between two parties of an accord, by name, in either order.

    The party with the lower key has the first role in even epochs and the second in odd ones.
    """
    keys = []
    for name in (first, second):
        party = accord.party(name)
        if party is None:
            raise Refusal("party", name, "a party of the accord: " + ", ".join(p.name for p in accord.parties))
        keys.append(bytes.fromhex(party.public_key))
    if keys[0] == keys[1]:
        raise Refusal("party", second, "another party than ourselves")
    terms = accord.provisions.matching
    epoch = Epoch(int(moment.timestamp() // terms.epoch_seconds), terms.epoch_seconds)
    if not accord.valid.start <= moment <= accord.valid.end:
        raise Refusal(
            "epoch", moment.astimezone(UTC).isoformat(),
            f"a time from {accord.valid.start.isoformat()} to {accord.valid.end.isoformat()}, when the accord is valid",
        )  # fmt: skip
    first_key, second_key = sorted(keys, reverse=epoch.number % 2 == 1)
    return Run(accord_hash(accord), epoch, terms, accord.widest_minima, first_key, second_key)


def epoch_text(epoch: Epoch) -> str:
    """The epoch's first and last instant, for people."""
    start, end = from_posix_s(epoch.start_s), from_posix_s(epoch.start_s + epoch.length_s)
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
