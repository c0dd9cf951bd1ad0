"""A STOP reaches a person or its sender is alarmed: it is never merely under way (promise 4)."""

from __future__ import annotations

from datetime import timedelta

from station import Station

from detente.line.ladder import STOP_OVERDUE_S

PATIENCE_S = 5.0
"""Far above the line's tick: by then what is due has been said."""


def check(station: Station) -> None:
    """Look at every STOP that one side sent or heard, while its node runs undisturbed."""
    if station.up_for_s() < 2 * PATIENCE_S or station.life is None or station.life.node is None or station.slow_s:
        return
    line, now = station.life.node.line, station.clock()
    for record in line.messages.values():
        terms = line.open_lines.get(record.peer)
        if not record.message.is_stop or terms is None:
            continue
        waited = now - record.since
        name = f"{station.name}: STOP {record.message.message_id}"
        if record.is_ours:
            deadline_s = terms.ladder[1].after_s
            late = waited > timedelta(seconds=min(deadline_s, STOP_OVERDUE_S) + PATIENCE_S)
            assert not late or record.is_delivered or record.overdue, f"{name} is not delivered and nobody is alarmed"
            alone = record.taken_by is None and waited > timedelta(seconds=deadline_s + PATIENCE_S)
            assert not alone or record.overdue, f"{name} is with no person and nobody is alarmed"
        elif record.taken_by is None and waited > timedelta(seconds=PATIENCE_S):
            assert record.step == len(terms.ladder) - 1, f"{name} is here and not every post was called"
