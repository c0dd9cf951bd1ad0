"""Ports for what has to know its own before it runs, as a node whose card names its address."""

from __future__ import annotations

import random
import socket

LOWEST, HIGHEST = 10_000, 32_000
"""Below where systems take ports for outgoing connections from, so that none of those gets there first."""


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    chance = random.SystemRandom()
    while True:
        port = chance.randint(LOWEST, HIGHEST)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
