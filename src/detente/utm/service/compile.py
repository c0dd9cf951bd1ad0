"""Compile this room's kernels, so that no request waits for them: python -m detente.utm.service.compile."""

from __future__ import annotations

from detente.utm.dss.parts import PartComparison
from detente.utm.dss.records import pack_extents
from detente.utm.index import CellIndex, SubscriptionIndex
from detente.utm.space import Volume, union


def compile_service_kernels() -> None:
    """Call every compiled kernel once on a small input; the machine code is kept beside the package."""
    outline = Volume(((0.0, 0.0), (0.0, 0.001), (0.001, 0.001)), None, 0.0, 1.0, 0, 1_000_000)
    extents = union([outline, Volume(((0.0, 0.0),), 10.0, 0.0, 1.0, 0, 1_000_000)], 413)
    list(PartComparison(extents).shared_pairs(pack_extents(extents)))
    cells = list(extents.cells)
    index = CellIndex()
    index.insert("entity", cells, 0.0, 1.0, 0, 1)
    index.find(cells, 0.0, 1.0, 0, 1)
    index.remove("entity", cells)
    subscriptions = SubscriptionIndex()
    slot = subscriptions.insert("00000000-0000-4000-8000-000000000000", cells, None, None, 0, 1)
    subscriptions.describe(slot, "https://example.com", "uss", 0)
    subscriptions.most_in_a_cell(cells, "uss", 0)
    subscriptions.notify(subscriptions.find(cells), "url")


if __name__ == "__main__":
    compile_service_kernels()
