"""How often an event stream shows that it is open: known to the node that sends it and to whoever listens."""

from __future__ import annotations

LONGEST_HEARTBEAT_S = 15.0
"""Between two heartbeats. Who listens takes a stream for cut when three of them are missing."""
