"""When runs may be: one for each epoch, in a window that the accord fixes, and late runs one after another in it.

Each side holds itself and the other to it, so that nobody asks as often as he likes. The moment comes with the call.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from detente.airspace.position import from_posix_s
from detente.airspace.refusal import Refusal
from detente.matching.run import Run

CLOCK_TOLERANCE = timedelta(minutes=1)
"""So far may the peer's clock be ahead of ours."""


def window_of(run: Run) -> tuple[datetime, datetime]:
    """When the run of an epoch and its late runs may be: from one epoch's length before it to its end."""
    epoch = run.epoch
    return from_posix_s(epoch.start_s - epoch.length_s), from_posix_s(epoch.start_s + epoch.length_s)


def late_run_opens(run: Run, number: int) -> datetime:
    """When a side may begin its late run `number`, from 1: they are spread evenly over the window, the first at once.

    One that was not used in its time may be used later.
    """
    opens, closes = window_of(run)
    return opens + (closes - opens) / max(run.terms.late_runs, 1) * (number - 1)


def late_runs_open(run: Run, moment: datetime) -> int:
    """How many late runs a side may have begun by a moment."""
    opens, closes = window_of(run)
    if not opens <= moment < closes:
        return 0
    return min(run.terms.late_runs, int((moment - opens) / ((closes - opens) / max(run.terms.late_runs, 1))) + 1)


def check_begin(run: Run, moment: datetime, begun: Iterable[str] = ()) -> None:
    """Raise Refusal when a run may not begin: out of its window, or one of its epoch has begun with this peer.

    `begun` are the identities, as hexadecimal digits, of all runs that were begun before.
    """
    if run.identity.hex() in begun:
        raise Refusal("matching.epoch_without_run_one_run", "epoch", from_posix_s(run.epoch.start_s).isoformat())
    _check_window(run, moment, timedelta())


def check_late(run: Run, number: int, moment: datetime, tolerance: timedelta = timedelta()) -> None:
    """Raise Refusal when late run `number` of a side may not begin yet, or no more."""
    if number > run.terms.late_runs:
        raise Refusal("matching.at_most_epoch_accord_says", "late runs", number, late_runs=run.terms.late_runs)
    _check_window(run, moment, tolerance)
    if moment + tolerance < late_run_opens(run, number):
        raise Refusal(
            "matching.not_before_utc_accord", "late runs", f"number {number} at {moment:%Y-%m-%d %H:%M} UTC",
            run=f"{late_run_opens(run, number):%Y-%m-%d %H:%M}",
        )  # fmt: skip


def _check_window(run: Run, moment: datetime, tolerance: timedelta) -> None:
    opens, closes = window_of(run)
    if not opens - tolerance <= moment < closes + tolerance:
        raise Refusal(
            "matching.from_utc_epoch_before", "time of the run", f"{moment:%Y-%m-%d %H:%M} UTC",
            opens=f"{opens:%Y-%m-%d %H:%M}", closes=f"{closes:%Y-%m-%d %H:%M}",
        )  # fmt: skip
