"""What the picture needs of each accord, when there is one with each peer (R49): minima and lead times."""

from __future__ import annotations

import msgspec

from detente.airspace.separation import MinimaTable


class PairTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The terms of the accord with `peer`. `lead_times_s` are by meaning of the notice."""

    peer: str
    accord_hash: str
    minima: MinimaTable
    lead_times_s: tuple[tuple[str, float], ...] = ()
