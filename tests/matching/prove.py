"""What takes too long for the tests: all of it on every core, one line for each claim. See README.md.

`make prove-matching`, or with `PARTS=4` a quarter of it. It ends with exit code 1 when a claim does not hold.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

# The work is divided among processes, so that nothing is gained by threads in each.
os.environ["NUMBA_NUM_THREADS"] = "1"

import test_other_scalar
import test_quantise
import test_rounds

PAIRS, PAIRS_AT_A_TIME = 100_000, 50
RUNS, RUNS_AT_A_TIME = 1_000, 20
DEVIATIONS = 4.0


def timed(work: Callable[[int], int], number: int) -> tuple[int, float]:
    """What a piece of the work counts, and the processor seconds it took."""
    started = time.process_time()
    return work(number), time.process_time() - started


def pairs_of_grids(check: Callable[..., int], grids: tuple[object, ...], number: int) -> int:
    """Check some pairs on one of the grids; how many of them were encounters. Raises AssertionError."""
    return check(number, grids[number % len(grids)], PAIRS_AT_A_TIME)


def found_in_runs(chapter: int, probes: int, number: int) -> int:
    """In how many of some runs the questions are found out."""
    first = number * RUNS_AT_A_TIME
    return sum(test_other_scalar.is_found(chapter, probes, run) for run in range(first, first + RUNS_AT_A_TIME))


def main(parts: int) -> int:
    """Prove every claim with one part in `parts` of its cases; return how many did not hold."""
    broken = 0
    with ProcessPoolExecutor() as pool:

        def counted(work: Callable[[int], int], pieces: int) -> tuple[int, str]:
            started = time.perf_counter()
            counts, seconds = zip(*pool.map(partial(timed, work), range(pieces)), strict=True)
            return sum(counts), f"{sum(seconds):.0f} CPU-s, {(time.perf_counter() - started) / 60:.1f} min"

        pieces = -(-RUNS // (RUNS_AT_A_TIME * parts))
        for chapter, probes in test_other_scalar.SHARES:
            found, took = counted(partial(found_in_runs, chapter, probes), pieces)
            runs, expected = pieces * RUNS_AT_A_TIME, test_other_scalar.share_computed(chapter, probes)
            off = (found / runs - expected) / (expected * (1 - expected) / runs) ** 0.5
            broken += abs(off) > DEVIATIONS
            where = "late list" if chapter else "list"
            print(f"| {runs:,} runs, {probes} questions in a {where} | {found / runs:.1%} found, {expected:.1%} "
                  f"computed, {off:+.1f} deviations | {took} |", flush=True)  # fmt: skip
        pieces = -(-PAIRS // (PAIRS_AT_A_TIME * parts))
        for what, module in (("a token in common", test_quantise), ("a token in common on each grid", test_rounds)):
            found, took = counted(partial(pairs_of_grids, module.check_pairs, module.GRIDS), pieces)
            print(f"| {pieces * PAIRS_AT_A_TIME:,} pairs near the minima | {found:,} encounters, each with {what} "
                  f"| {took} |", flush=True)  # fmt: skip
    return broken


if __name__ == "__main__":
    sys.exit(min(1, main(int(os.environ.get("PARTS") or 1))))
