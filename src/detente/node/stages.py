"""Work of the command loop in stages, so that what is urgent never waits for the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

T = TypeVar("T")
Stages = Generator[Callable[[], Any] | None, Any, T]
"""Work that gives a T. It pauses at each None that it yields. A function that it yields only reads, and may take long:
it is called beside the loop, and what it returns or raises comes back."""


def all_at_once(stages: Stages[T]) -> T:
    """Do all stages here without a pause; return what they give."""
    found: Any = None
    error: Exception | None = None
    while True:
        try:
            work = stages.send(found) if error is None else stages.throw(error)
        except StopIteration as end:
            given: T = end.value
            return given
        found = error = None
        if work is not None:
            try:
                found = work()
            except Exception as caught:  # noqa: BLE001 - it belongs to whoever asked for the work
                error = caught
