"""Minima at least as wide as those of several tables: what keeps them keeps every one."""

from __future__ import annotations

from collections.abc import Sequence

from detente.airspace.separation import ClassMinima, Minima, MinimaTable


def widest(tables: Sequence[MinimaTable]) -> MinimaTable:
    """Return minima at least as wide as those of every table, for every pair of classes; one table is itself."""
    if len(tables) == 1:
        return tables[0]
    pairs = sorted({tuple(sorted((r.first_class, r.second_class))) for table in tables for r in table.by_class})
    rows = tuple(ClassMinima(a, b, _widest([table.between(a, b) for table in tables])) for a, b in pairs)
    return MinimaTable(_widest([table.default for table in tables]), rows)


def _widest(minima: Sequence[Minima]) -> Minima:
    return Minima(max(m.horizontal_m for m in minima), max(m.vertical_m for m in minima), max(m.time_s for m in minima))
