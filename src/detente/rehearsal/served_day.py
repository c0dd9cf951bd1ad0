"""The finished day of the demo, shown: both nodes run again, each with its console, until somebody has seen enough."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from detente.airspace.refusal import Refusal
from detente.rehearsal.party import RehearsalParty

LOOK_S = 0.3
PLAYED_SPEED = 60
"""A minute of the day in a second."""


class ConsoleLink(NamedTuple):
    """Where a party's console is: the link signs its reader in and plays the day."""

    party: str
    url: str


@contextmanager
def served(parties: tuple[RehearsalParty, RehearsalParty], at: datetime) -> Iterator[tuple[ConsoleLink, ...]]:
    """Start the parties' nodes again, give links to their consoles, which play from `at` on, and stop them.

    Raises Refusal when a node does not start.
    """
    try:
        for party in parties:
            party.start()
        for party in parties:
            party.wait()
        # Both keep watch before either asks: a check finds a line that works.
        for party in parties:
            party.keep_watch()
        for party, other in zip(parties, reversed(parties), strict=True):
            party.check_line(other)
        fragment = f"&at={at:%Y-%m-%dT%H:%M:%SZ}&speed={PLAYED_SPEED}"
        yield tuple(ConsoleLink(party.name, party.sign_in_link() + fragment) for party in parties)
        for party in parties:
            party.stop()
    finally:
        for party in parties:
            party.kill()


def until_interrupted(parties: tuple[RehearsalParty, ...]) -> None:
    """Return when the user interrupts (Ctrl-C) or ends this process; raises Refusal when a node ends by itself."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            ended = next((party for party in parties if not party.runs), None)
            if ended is not None:
                raise Refusal("rehearsal.node_goes_on", "node", ended.name, said=str(ended.said))
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)
