"""How the C library keeps memory that was given back to it."""

from __future__ import annotations

import ctypes

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""Parameters of glibc's `mallopt` (malloc.h)."""

LARGE_BYTES = 128 * 1024


def give_back_large_pieces() -> None:
    """Have large arrays given back to the system as soon as they are free, and threads share one heap.

    Left alone, glibc raises the size from which it does so each time one is freed, up to 32 MB: arrays of some MB that
    come and go leave holes between them, which took a quarter of the memory of comparing 20,000 plans with as many.
    Other C libraries have no `mallopt`, or leave it without effect.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
    mallopt(M_ARENA_MAX, 1)
