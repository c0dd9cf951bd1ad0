"""Compile the numeric kernels once and cache them, so that no command waits for it: python -m detente.airspace.compile."""

from __future__ import annotations


def compile_kernels() -> None:
    """Call every compiled kernel once on a small input; the machine code is kept beside the package."""


if __name__ == "__main__":
    compile_kernels()
