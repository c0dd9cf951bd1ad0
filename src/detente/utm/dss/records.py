"""What the service holds of each F3548 entity. Compact, because there may be a million of them."""

from __future__ import annotations

import msgspec
import numpy as np

from detente.utm.space import Extents, Volume

ACCEPTED, ACTIVATED, NONCONFORMING, CONTINGENT = "Accepted", "Activated", "Nonconforming", "Contingent"
UNKNOWN, NORMAL, DOWN = "Unknown", "Normal", "Down"

_volumes_decoder = msgspec.msgpack.Decoder(tuple[Volume, ...])


class Occupied(msgspec.Struct, frozen=True, gc=False):
    """Extents in few bytes: cell names packed as 32-bit integers, volumes as MessagePack."""

    packed_cells: bytes
    lower_m: float | None
    upper_m: float | None
    start_us: int
    end_us: int
    packed_volumes: bytes

    @property
    def cells(self) -> list[int]:
        """The names of its level-13 cells."""
        cells: list[int] = np.frombuffer(self.packed_cells, dtype="<u4").tolist()
        return cells

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """The volumes as they were declared."""
        return _volumes_decoder.decode(self.packed_volumes)


def pack_extents(extents: Extents) -> Occupied:
    """Extents, which must have a start and an end, in few bytes."""
    assert extents.start_us is not None
    assert extents.end_us is not None
    return Occupied(
        np.array(extents.cells, dtype="<u4").tobytes(),
        extents.lower_m,
        extents.upper_m,
        extents.start_us,
        extents.end_us,
        msgspec.msgpack.encode(extents.volumes),
    )


class OperationalIntent(msgspec.Struct, frozen=True, gc=False):
    """An operational intent reference. `subscription_id` is empty when it has none."""

    id: str
    manager: str
    version: int
    ovn: str
    state: str
    uss_base_url: str
    subscription_id: str
    occupied: Occupied


class Constraint(msgspec.Struct, frozen=True, gc=False):
    """A constraint reference."""

    id: str
    manager: str
    version: int
    ovn: str
    uss_base_url: str
    occupied: Occupied


class Subscription(msgspec.Struct, frozen=True, gc=False):
    """A subscription; how often it was notified is in the index."""

    id: str
    manager: str
    version: str
    implicit: bool
    for_intents: bool
    for_constraints: bool
    uss_base_url: str
    occupied: Occupied


class Availability(msgspec.Struct, frozen=True, gc=False):
    """What an arbitrator last said of a USS."""

    state: str
    version: str
