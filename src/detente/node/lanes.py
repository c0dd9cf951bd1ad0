"""Lanes: the links with one peer beside planning. The line has one, STOP has one to itself, the other desks share one.

Envelopes of a link are delivered in the order of their numbers, so on the link for planning a STOP would wait behind
every earlier plan. A lane is a link of its own under a name of its own: what goes first has nothing before it. Lanes
belong to two parties and not to one accord: they go on when an accord is suspended, amended or followed by the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from enum import StrEnum

from detente.link.allowance import LINE_ALLOWANCE, PLANNING_ALLOWANCE
from detente.link.links import Links
from detente.link.session import Session


class Lane(StrEnum):
    """A lane; in the order in which what waits on them is worth carrying."""

    STOP = "stop"
    LINE = "line"
    DESKS = "desks"


ALLOWANCES = {Lane.STOP: LINE_ALLOWANCE, Lane.LINE: LINE_ALLOWANCE, Lane.DESKS: PLANNING_ALLOWANCE}
LANE_HASH = {lane: hashlib.sha256(f"detente-lane-1 {lane}\n".encode()).hexdigest() for lane in Lane}
"""What stands for the accord's hash in the envelopes of a lane."""


class PeerLanes:
    """The lanes of one peer. `key` is its public key (32 bytes)."""

    def __init__(self, name: str, key: bytes, addresses: tuple[str, ...], sessions: dict[Lane, Session]) -> None:
        self.name = name
        self.key = key
        self.addresses = addresses
        self.sessions = sessions


class Lanes:
    """The lanes of every peer with whom there is an accord."""

    def __init__(self) -> None:
        self._by_name: dict[str, PeerLanes] = {}
        self._by_key: dict[bytes, PeerLanes] = {}

    def __iter__(self) -> Iterator[PeerLanes]:
        return iter(self._by_name.values())

    def named(self, name: str) -> PeerLanes | None:
        """Return the lanes of the peer of this name, or None when there are none."""
        return self._by_name.get(name)

    def with_key(self, key: bytes) -> PeerLanes | None:
        """Return the lanes of the peer with this public key, or None."""
        return self._by_key.get(key)

    def open(self, links: Links, peers: Iterable[tuple[str, bytes, tuple[str, ...]]]) -> None:
        """Open the lanes of these peers (name, key, addresses), and close those of all others."""
        wanted = {name: (key, addresses) for name, key, addresses in peers}
        for name, held in list(self._by_name.items()):
            if name not in wanted:
                for lane in Lane:
                    links.close(held.key, LANE_HASH[lane])
                del self._by_name[name]
        for name, (key, addresses) in wanted.items():
            if name not in self._by_name:
                sessions = {lane: links.open(key, LANE_HASH[lane], ALLOWANCES[lane]) for lane in Lane}
                self._by_name[name] = PeerLanes(name, key, addresses, sessions)
        self._by_key = {lanes.key: lanes for lanes in self._by_name.values()}


def is_urgent(body: bytes) -> bool:
    """Whether a batch of envelopes came on a STOP lane, by its first envelope's lines."""
    _, _, rest = body[:1024].partition(b"\naccord ")
    return rest[:64] == LANE_HASH[Lane.STOP].encode()
