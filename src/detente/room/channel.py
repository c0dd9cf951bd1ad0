"""Channels: the links with one peer. STOP, the line, accords and planning have one each; the other rooms share one.

Envelopes of a link are delivered in the order of their numbers, so on the channel of planning a STOP would wait behind
every earlier plan. What goes first has a channel with nothing before it. The channel of planning belongs to one accord
and bears its hash. The others belong to two parties: they go on when an accord is suspended, amended or followed by
the next.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum


class Channel(StrEnum):
    """A channel; in the order in which what waits on them is worth carrying."""

    STOP = "stop"
    LINE = "line"
    ACCORDS = "accords"
    ROOMS = "rooms"
    PLANNING = "planning"


URGENT_CHANNELS = frozenset({Channel.STOP, Channel.LINE})
"""What is urgent is said on these (R9)."""

CHANNEL_HASH: dict[Channel, str] = {
    channel: hashlib.sha256(f"detente-channel-1 {channel}\n".encode()).hexdigest()
    for channel in Channel
    if channel is not Channel.PLANNING
}
"""What stands for the accord's hash in the envelopes of a channel that belongs to no accord."""
_CHANNELS = {name: channel for channel, name in CHANNEL_HASH.items()}


def channel_of(accord_hash: str) -> Channel:
    """Return the channel of envelopes that bear this in the place of an accord's hash."""
    return _CHANNELS.get(accord_hash, Channel.PLANNING)


def channel_of_batch(body: bytes) -> Channel:
    """Return the channel on which a batch of envelopes, or a receipt, came or goes, by its first lines."""
    _, _, rest = body[:1024].partition(b"\naccord ")
    return channel_of(rest[:64].decode("ascii", "replace"))


def is_urgent(body: bytes) -> bool:
    """Whether a batch of envelopes came on the channel of STOP (R9)."""
    return channel_of_batch(body) is Channel.STOP
