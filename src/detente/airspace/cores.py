"""Work in slices on all cores, by threads of our own around kernels that release the interpreter.

Not by numba's: where no OpenMP library is installed, its own pool ends the process when two threads enter it at once;
where one is, a process that has forked is ended.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numba

Result = TypeVar("Result")


def on_all_cores(work: Callable[[int, int], Result], total: int, at_a_time: int) -> list[Result]:
    """Call ``work(start, stop)`` for each slice of 0 .. total; the results in order, whatever the number of cores."""
    starts = range(0, total, at_a_time)

    def slice_from(start: int) -> Result:
        return work(start, min(start + at_a_time, total))

    if len(starts) <= 1:
        return [slice_from(start) for start in starts]
    with ThreadPoolExecutor(numba.get_num_threads()) as threads:
        return list(threads.map(slice_from, starts))
