"""Work in slices on all cores, by Python threads around kernels that release the interpreter lock.

Numba's own threads are not used. Without an OpenMP library its pool ends the process when two threads enter it at
once; with OpenMP it ends a process that has forked.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numba

Result = TypeVar("Result")


def on_all_cores(work: Callable[[int, int], Result], total: int, at_a_time: int) -> list[Result]:
    """Call ``work(start, stop)`` for each slice of 0 .. total and return the results in the order of the slices.

    Where the caller's thread may use one core only (`numba.set_num_threads`), no thread is started: each slice would
    wait for the interpreter lock while others hold it.
    """
    starts = range(0, total, at_a_time)

    def slice_from(start: int) -> Result:
        return work(start, min(start + at_a_time, total))

    cores = 1 if len(starts) <= 1 else numba.get_num_threads()
    if cores == 1:
        return [slice_from(start) for start in starts]
    with ThreadPoolExecutor(cores) as threads:
        return list(threads.map(slice_from, starts))
