"""Whether the numeric kernels were compiled on this machine, and saying so before a long silence."""

from __future__ import annotations

from pathlib import Path

from detente.cli.wording import say


def say_if_cold(*, matching: bool = False, watch: bool = False) -> None:
    """Say on standard error that what follows compiles first, where no stored machine code is found."""
    from detente.airspace.part_kernels import encounters_of

    kernels: list[object] = [encounters_of]
    if matching:
        from detente.matching.quantise_kernels import cover

        kernels.append(cover)
    if watch:
        from detente.watch.track_kernels import fill_velocities

        kernels.append(fill_velocities)
    if not all(map(_is_stored, kernels)):
        say("warm.cold", err=True)


def _is_stored(kernel: object) -> bool:
    """Whether Numba has kept machine code of a kernel, wherever it keeps it."""
    stats = getattr(kernel, "stats", None)
    python = getattr(kernel, "py_func", None)
    if stats is None or python is None:
        return True
    name = f"{python.__module__.rpartition('.')[2]}.{python.__name__}-"
    return any(file.name.startswith(name) for file in Path(stats.cache_path).glob("*.nbi"))
