"""What one listener takes: from each connection, from strangers, and from all together."""

from __future__ import annotations

import resource

import msgspec
import structlog

from detente.airspace.refusal import Refusal

OWN_DESCRIPTORS = 384
"""What a server needs besides: files, its calls to others, and connections that were accepted a moment ago."""
BACKLOG = 256
"""So many may wait to be accepted."""
FEWEST_CONNECTIONS = 32
log = structlog.get_logger()


class ListenerLimits(msgspec.Struct, frozen=True):
    """The limits of one listener. A *stranger* is a connection over which nobody has shown yet who he is.

    Attributes:
        connections: in all; over it the stranger who has been idle for the longest goes, or else a known client's.
        local_connections: so many more, for those who come from this machine.
        strangers: connections of strangers in all.
        strangers_of_address: of one address (of one network of 64 bits, for IPv6).
        connections_of_client: of one known client.
        head_bytes: request line and headers of a request; as many again for what frames its body.
        headers: how many of them.
        bytes_in_hand: bodies and unsent answers of all connections together, beyond the first KEPT_FREE of each.
        bytes_of_client: the same for bodies of one known client; `bytes_of_strangers` of all strangers together.
        slowest_bytes_a_second: a body, or an answer that is read, may take so much longer than `head_s` or `write_s`.
        head_s: how long a request line and its headers may take.
        idle_s: how long a connection may be idle between requests.
        write_s: how long a client may leave an answer unread.
        linger_s: how long what a refused client still sends is dropped, so that it can read why.
    """

    connections: int = 2048
    local_connections: int = 64
    strangers: int = 256
    strangers_of_address: int = 64
    connections_of_client: int = 512
    head_bytes: int = 16 * 1024
    headers: int = 100
    bytes_in_hand: int = 256 * 1024 * 1024
    bytes_of_client: int = 96 * 1024 * 1024
    bytes_of_strangers: int = 32 * 1024 * 1024
    slowest_bytes_a_second: int = 16 * 1024
    head_s: float = 10.0
    idle_s: float = 75.0
    write_s: float = 30.0
    linger_s: float = 2.0


def fitted(*wanted: ListenerLimits) -> tuple[ListenerLimits, ...]:
    """The limits with as many connections as this process may have open, for which its soft limit is raised.

    Says in the log when they are fewer than wanted. Raises Refusal when they are too few to serve at all.
    """
    needed = sum(limits.connections + limits.local_connections for limits in wanted) + OWN_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    locals_ = [min(limits.local_connections, FEWEST_CONNECTIONS) for limits in wanted]
    fewest = OWN_DESCRIPTORS + sum(locals_) + FEWEST_CONNECTIONS * len(wanted)
    if soft < fewest:
        raise Refusal("serving.limit_at_least", "open files", str(soft), own_descriptors=fewest)
    # Each keeps the fewest that do; what is left is divided as was wanted.
    left, whole = soft - fewest, sum(limits.connections for limits in wanted)
    found = []
    for limits, local in zip(wanted, locals_, strict=True):
        connections = min(limits.connections, FEWEST_CONNECTIONS + left * limits.connections // whole)
        strangers = min(limits.strangers, connections // 2)
        found.append(
            msgspec.structs.replace(limits, connections=connections, local_connections=local, strangers=strangers)
        )
    log.warning(
        "few files may be open, so that few connections are taken: raise LimitNOFILE or `ulimit -n`",
        open_files=soft, wanted=needed, connections=[limits.connections for limits in found],
    )  # fmt: skip
    return tuple(found)
