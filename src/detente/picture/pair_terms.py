"""What the picture needs of each accord, when there is one with each peer (R49): minima and lead times."""

from __future__ import annotations

import msgspec

from detente.accord.provisions import Horizon, Horizons
from detente.airspace.separation import MinimaTable


class HorizonTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The minima of each horizon (R26), and where the horizons meet."""

    limits: Horizons
    strategic: MinimaTable
    pre_tactical: MinimaTable
    tactical: MinimaTable

    def table(self, horizon: Horizon) -> MinimaTable:
        """Return the minima of one horizon."""
        return {
            Horizon.STRATEGIC: self.strategic, Horizon.PRE_TACTICAL: self.pre_tactical, Horizon.TACTICAL: self.tactical,
        }[horizon]  # fmt: skip


class PairTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The terms of the accord with `peer`. `lead_times_s` are by meaning of the notice.

    With `horizons`, `minima` is at least as wide as those of every horizon: what keeps it is clear for good.
    """

    peer: str
    accord_hash: str
    minima: MinimaTable
    lead_times_s: tuple[tuple[str, float], ...] = ()
    horizons: HorizonTerms | None = None
