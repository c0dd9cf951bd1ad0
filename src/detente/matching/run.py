"""What identifies a run: the accord, the epoch, the grid and the two parties in their roles."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from detente.accord.matching_terms import MatchingDomain, MatchingTerms
from detente.accord.terms import Accord, accord_hash
from detente.airspace.plan import Polygon
from detente.airspace.position import from_posix_s
from detente.airspace.refusal import Refusal
from detente.airspace.separation import MinimaTable
from detente.matching.grid import GRID_VERSION
from detente.matching.quantise import Epoch, Role

_PURPOSE = b"detente-match-2 run\n"
SMALLEST_LATE_LOG2, LATE_FINE_FEWER_LOG2 = 6, 2
"""A fine list of a late run is a quarter of its first one: only what is in common is looked at more closely."""
LATE_PARTS_LOG2 = 10
"""Parts of plans in the commitment of a late run, as a power of two."""


@dataclass(frozen=True)
class Run:
    """One run of private matching between two parties; `first` and `second` are the keys that they are known by.

    `keys_of` gives the keys that sign for the party known by one.
    """

    accord: str
    epoch: Epoch
    terms: MatchingTerms
    minima: MinimaTable
    first: bytes
    second: bytes
    keys_of: Callable[[bytes], Sequence[bytes]] = field(default=lambda party: (party,), compare=False)

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
        raise Refusal("matching.key_one_two_parties", "key", public.hex())

    @property
    def grids(self) -> int:
        """How many grids there are: the first and those of the fine rounds."""
        return 1 + len(self.terms.fine_grids)

    def capacity(self, role: Role, chapter: int = 0, grid: int = 0) -> int:
        """How many masked tokens the party in a role shows, dummies included, in the run or a late one, on a grid."""
        if chapter:
            return 1 << max(SMALLEST_LATE_LOG2, self.terms.late_log2 - (LATE_FINE_FEWER_LOG2 if grid else 0))
        sizes = self.terms if grid == 0 else self.terms.fine_grids[grid - 1]
        return 1 << (sizes.first_log2 if role is Role.FIRST else sizes.second_log2)

    def parts_log2(self, chapter: int) -> int:
        """How many parts a commitment has room for, as a power of two."""
        return LATE_PARTS_LOG2 if chapter else self.terms.parts_log2


def run_between(accord: Accord, first: str, second: str, moment: datetime) -> Run:
    """The run of the epoch of `moment` between two parties of an accord, by name, in either order.

    The party with the lower key has the first role in even epochs and the second in odd ones.
    """
    keys = []
    for name in (first, second):
        party = accord.party(name)
        if party is None:
            raise Refusal("matching.party_accord", "party", name, parties=", ".join(p.name for p in accord.parties))
        keys.append(bytes.fromhex(party.public_key))
    if keys[0] == keys[1]:
        raise Refusal("matching.another_party_than_ourselves", "party", second)
    terms = accord.provisions.matching
    epoch = Epoch(int(moment.timestamp() // terms.epoch_seconds), terms.epoch_seconds)
    if not accord.valid.start <= moment <= accord.valid.end:
        raise Refusal(
            "matching.time_from_when_accord", "epoch", moment.astimezone(UTC).isoformat(),
            start=accord.valid.start.isoformat(), end=accord.valid.end.isoformat(),
        )  # fmt: skip
    if terms.domain is None and accord.provisions.area is not None:
        terms = msgspec.structs.replace(terms, domain=box_around(accord.provisions.area.polygon))
    first_key, second_key = sorted(keys, reverse=epoch.number % 2 == 1)
    return Run(accord_hash(accord), epoch, terms, accord.widest_minima, first_key, second_key)


def box_around(polygon: Polygon) -> MatchingDomain:
    """The box around the corners of a polygon, at the heights where aircraft fly."""
    south, north = (end(point.latitude_deg for point in polygon.vertices) for end in (min, max))
    east_of = sorted(point.longitude_deg for point in polygon.vertices)
    west, east = east_of[0], east_of[-1]
    if east - west > 180.0:
        # It lies across 180 degrees: from the first corner in the east to the last one in the west.
        west = min(value for value in east_of if value >= 0.0)
        east = max(value for value in east_of if value < 0.0)
    return MatchingDomain(
        south_millidegrees=math.floor(south * 1_000), north_millidegrees=math.ceil(north * 1_000),
        west_millidegrees=math.floor(west * 1_000), east_millidegrees=math.ceil(east * 1_000),
    )  # fmt: skip


def epoch_text(epoch: Epoch) -> str:
    """The epoch's first and last instant, for people."""
    start, end = from_posix_s(epoch.start_s), from_posix_s(epoch.start_s + epoch.length_s)
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
