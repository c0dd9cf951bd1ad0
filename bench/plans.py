"""100,000 volumes of one drone service against 100,000 of another, over one metropolitan day: every conflict, exactly.

Beside Détente: a shapely STRtree on the local plane with the same exact filter, the same tree with shapely's own
distance on the plane as its filter, and a grid of 1 km cells that reports every pair which shares a cell, a band and a
window: of volumes, and of whole operations, as a civil discovery service holds them. Run: make bench-plans
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from detente.airspace.compiled import CompiledPlans, Vocabulary, compile_plans
from detente.airspace.cores import on_all_cores
from detente.airspace.part_kernels import meeting
from detente.airspace.plan import Plan
from detente.airspace.search import encounters_between, meetings_between
from detente.airspace.separation import Minima, MinimaTable
from metropolis import Shape, day, plans_of
from results import write_section

VOLUMES = 100_000
SEED = 20_250_601
CELL_M = 1_000.0
ROWS_AT_A_TIME = 5_000
BRUTE_FORCE_ROWS = 500
REPEATS = 3
INTERSECTION = MinimaTable(default=Minima(0.0, 0.0, 0.0))
"""As F3548: operational intents conflict when they share a point of space and time."""

PROFILE = """Profile of the whole: 40 % turns Python objects into arrays, 20 % conflicts into objects (one `Encounter`
  for each pair of plans); building the tree takes 10 %, all its queries 3 %, the exact filter 7 %, the details 14 %."""

Pairs = NDArray[np.int64]
T = TypeVar("T")


class Plane:
    """One service's volumes on the local plane, as a peer would hold them."""

    def __init__(self, operations: list[list[Shape]]) -> None:
        shapes = [shape for operation in operations for shape in operation]
        self.cores = np.array(
            [shapely.Polygon(s.corners) if len(s.corners) > 1 else shapely.Point(s.corners[0]) for s in shapes]
        )
        self.radius_m = np.array([s.radius_m for s in shapes])
        bounds = shapely.bounds(self.cores)
        bounds[:, :2] -= self.radius_m[:, None]
        bounds[:, 2:] += self.radius_m[:, None]
        self.bounds = bounds
        self.low = np.array([(s.lower_m, s.start_s) for s in shapes])
        self.high = np.array([(s.upper_m, s.end_s) for s in shapes])
        self.begins = np.cumsum([0] + [len(operation) for operation in operations[:-1]])
        self.operation = np.repeat(np.arange(len(operations)), [len(operation) for operation in operations])

    def shares_band_and_window(self, rows: Pairs, other: Plane, other_rows: Pairs) -> NDArray[np.bool_]:
        """Whether pairs of rows overlap in height and in time."""
        below = (self.low[rows] <= other.high[other_rows]).all(axis=1)
        above = (other.low[other_rows] <= self.high[rows]).all(axis=1)
        both: NDArray[np.bool_] = np.asarray(below & above)
        return both


def numbered(first: Pairs, second: Pairs) -> Pairs:
    """One number for each pair of rows, sorted, each once."""
    return np.unique(first * VOLUMES + second)


def strtree_candidates(a: Plane, b: Plane) -> tuple[Pairs, Pairs]:
    """Pairs whose rectangles, bands and windows overlap; the tree knows the plane only, the rest is filtered after."""
    tree = shapely.STRtree(shapely.box(*b.bounds.T))
    rectangles = shapely.box(*a.bounds.T)
    found = []
    for start in range(0, len(rectangles), ROWS_AT_A_TIME):
        rows, others = tree.query(rectangles[start : start + ROWS_AT_A_TIME])
        rows += start
        kept = a.shares_band_and_window(rows, b, others)
        found.append((rows[kept], others[kept]))
    return np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])


def on_the_plane(a: Plane, rows: Pairs, b: Plane, others: Pairs) -> NDArray[np.bool_]:
    """Shapely's own filter: straight edges on the plane, circles as a point and a distance."""
    close: NDArray[np.bool_] = shapely.distance(a.cores[rows], b.cores[others]) <= a.radius_m[rows] + b.radius_m[others]
    return close


def cells_of(plane: Plane) -> tuple[Pairs, Pairs]:
    """(cell, row) for every cell of CELL_M that a volume's area touches."""
    low = np.floor(plane.bounds[:, :2] / CELL_M).astype(np.int64)
    spans = np.floor(plane.bounds[:, 2:] / CELL_M).astype(np.int64) - low + 1
    counts = spans.prod(axis=1)
    rows = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    x, y = low[rows, 0] + place % spans[rows, 0], low[rows, 1] + place // spans[rows, 0]
    squares = shapely.box(x * CELL_M, y * CELL_M, (x + 1) * CELL_M, (y + 1) * CELL_M)
    touched = shapely.distance(plane.cores[rows], squares) <= plane.radius_m[rows]
    return (x * 100_000 + y)[touched], rows[touched]


@njit()
def pairs_in_cells(
    cells_a: Pairs, rows_a: Pairs, cells_b: Pairs, rows_b: Pairs,
    low_a: NDArray[np.float64], high_a: NDArray[np.float64], low_b: NDArray[np.float64], high_b: NDArray[np.float64],
    out: Pairs,
) -> int:  # fmt: skip
    """Number the pairs that share a cell, a band and a window into `out`; how many there are. Cells of b are sorted."""
    count = 0
    for k in range(len(cells_a)):
        a = rows_a[k]
        place = np.searchsorted(cells_b, cells_a[k])
        while place < len(cells_b) and cells_b[place] == cells_a[k]:
            b = rows_b[place]
            if (
                low_a[a, 1] <= high_b[b, 1] and low_b[b, 1] <= high_a[a, 1]
                and low_a[a, 0] <= high_b[b, 0] and low_b[b, 0] <= high_a[a, 0]
            ):  # fmt: skip
                if count < len(out):
                    out[count] = a * VOLUMES + b
                count += 1
            place += 1
    return count


def grid_pairs(a: Plane, b: Plane, *, of_operations: bool = False) -> Pairs:
    """What a grid reports: all pairs, of volumes or of operations, that share a cell, a band and a window."""
    coverings: list[tuple[Pairs, Pairs]] = []
    lows, highs = [], []
    for plane in (a, b):
        cells, rows = cells_of(plane)
        low, high = plane.low, plane.high
        if of_operations:
            rows = plane.operation[rows]
            low, high = np.minimum.reduceat(low, plane.begins), np.maximum.reduceat(high, plane.begins)
        order = np.lexsort((rows, cells))
        coverings.append((cells[order], rows[order]))
        lows.append(low)
        highs.append(high)
    found = np.empty(4_000_000, dtype=np.int64)
    count = pairs_in_cells(*coverings[0], *coverings[1], lows[0], highs[0], lows[1], highs[1], found)
    if count > len(found):
        found = np.empty(count, dtype=np.int64)
        pairs_in_cells(*coverings[0], *coverings[1], lows[0], highs[0], lows[1], highs[1], found)
    return np.unique(found[:count])


def timed(work: Callable[[], T], repeats: int = REPEATS) -> tuple[float, T]:
    """The shortest of some runs, in seconds, and what the last returned."""
    shortest = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        shortest = min(shortest, time.perf_counter() - start)
    return shortest, result


def exactly(
    a: CompiledPlans, rows: Pairs, b: CompiledPlans, others: Pairs, minima: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Détente's exact filter on pairs of volumes."""
    parts = on_all_cores(
        lambda start, stop: meeting(
            rows[start:stop], others[start:stop],
            a.floats, a.integers, a.curves, b.floats, b.integers, b.curves, minima,
        ),
        len(rows), 4_000,
    )  # fmt: skip
    return np.concatenate(parts)


def brute_force(a: CompiledPlans, b: CompiledPlans, minima: NDArray[np.float64]) -> tuple[Pairs, Pairs]:
    """Some rows of a against every row of b, without any index: those rows, and the pairs in conflict."""
    rows = np.sort(np.random.default_rng(SEED).choice(VOLUMES, BRUTE_FORCE_ROWS, replace=False))
    others = np.arange(VOLUMES)
    found = []
    for row in rows:
        met = exactly(a, np.full(VOLUMES, row), b, others, minima)
        found.append(row * VOLUMES + others[met])
    return rows, np.concatenate(found)


def main() -> None:
    operations = [day(SEED, service, VOLUMES) for service in (0, 1)]
    ours: list[Plan] = plans_of(operations[0], "ours")
    theirs: list[Plan] = plans_of(operations[1], "theirs")
    plane_a, plane_b = Plane(operations[0]), Plane(operations[1])
    encounters_between(ours[:50], theirs[:50], INTERSECTION)

    public_s, encounters = timed(lambda: encounters_between(ours, theirs, INTERSECTION))
    vocabulary = Vocabulary()
    compile_s, (a, b) = timed(lambda: (compile_plans(ours, vocabulary), compile_plans(theirs, vocabulary)))
    minima = vocabulary.minima(INTERSECTION)
    search_s, met = timed(lambda: meetings_between(a, b, minima))
    exact = numbered(met.first, met.second)

    def strtree_exact() -> tuple[Pairs, int]:
        rows, others = strtree_candidates(plane_a, plane_b)
        kept = exactly(a, rows, b, others, minima)
        return numbered(rows[kept], others[kept]), len(rows)

    def strtree_plane() -> Pairs:
        rows, others = strtree_candidates(plane_a, plane_b)
        kept = on_the_plane(plane_a, rows, plane_b, others)
        return numbered(rows[kept], others[kept])

    strtree_s, (by_strtree, strtree_examined) = timed(strtree_exact, 2)
    plane_s, by_plane = timed(strtree_plane, 2)
    grid_pairs(plane_a, plane_b)
    grid_s, by_grid = timed(lambda: grid_pairs(plane_a, plane_b), 2)
    operations_s, by_operations = timed(lambda: grid_pairs(plane_a, plane_b, of_operations=True), 2)
    brute_rows, by_brute_force = brute_force(a, b, minima)
    of_rows = exact[np.isin(exact // VOLUMES, brute_rows)]
    truth = np.union1d(np.union1d(exact, by_strtree), by_brute_force)

    def row(name: str, seconds: float, examined: str, reported: Pairs) -> str:
        false = len(np.setdiff1d(reported, truth, assume_unique=True))
        missed = len(np.setdiff1d(truth, reported, assume_unique=True))
        return (
            f"| {name} | {seconds:.2f} | {examined} | {len(reported):,} | {false:,} | {missed:,} "
            f"| {seconds / search_s:.1f} |"
        )

    table = "\n".join([
        "| search over the same volumes | s | examined exactly | conflicts reported | false | missed | time / ours |",
        "|---|---|---|---|---|---|---|",
        row("Détente: box tree, exact filter", search_s, f"{met.examined:,}", exact),
        row("shapely STRtree, the same exact filter", strtree_s, f"{strtree_examined:,}", by_strtree),
        row("shapely STRtree, shapely's distance on the plane", plane_s, f"{strtree_examined:,}", by_plane),
        row("grid of 1 km cells, bands and windows compared", grid_s, "0", by_grid),
    ])  # fmt: skip
    missed = len(np.setdiff1d(by_brute_force, of_rows))
    added = len(np.setdiff1d(of_rows, by_brute_force))
    plan_pairs = numbered(plane_a.operation[truth // VOLUMES], plane_b.operation[truth % VOLUMES])
    false_operations = len(np.setdiff1d(by_operations, plan_pairs))
    left_out = np.setdiff1d(truth, by_plane)
    rows, others = left_out // VOLUMES, left_out % VOLUMES
    apart_m = shapely.distance(plane_a.cores[rows], plane_b.cores[others])
    apart_m -= plane_a.radius_m[rows] + plane_b.radius_m[others]
    widest_mm = 1000.0 * apart_m.max(initial=0.0)
    text = f"""
{VOLUMES:,} volumes of one drone service ({len(ours):,} plans) against {VOLUMES:,} of another ({len(theirs):,} plans)
over one city and one day (`bench/metropolis.py`, seed {SEED}); a conflict is a shared point, as in F3548.

From plans to encounters with times, places and distances, by `encounters_between`: **{public_s:.2f} s**
({len(encounters):,} pairs of plans in conflict; target 5 s). {compile_s:.2f} s of that turn the plans into arrays.
In the table the volumes are in arrays already; what the peers need to project and build their objects is not counted.

{table}

- Brute force, every one of {BRUTE_FORCE_ROWS} of our volumes against all {VOLUMES:,}, finds {len(by_brute_force):,}
  conflicts; the search missed {missed} of them and added {added}.
- The {len(left_out)} conflicts that the plane leaves out are up to {widest_mm:.1f} mm apart on it: Détente counts
  anything within 1 cm as touching, so that rounding never hides a conflict.
- For each real conflict the grid raises {len(np.setdiff1d(by_grid, truth)) / len(truth):.1f} false ones. Told only each
  operation's cells, whole band and whole window, as the civil discovery service is, it reports {len(by_operations):,}
  pairs of plans ({operations_s:.2f} s) of which {len(plan_pairs):,} are real:
  {false_operations / len(plan_pairs):.1f} false ones for each.
- {PROFILE}
"""
    print(text)
    write_section("plans", text)


if __name__ == "__main__":
    main()
