"""The rehearsals by name, and the module of each; imported without anything else, because a list needs no node."""

from __future__ import annotations

REHEARSALS: dict[str, str] = {
    "september-2015": "detente.rehearsal.september_2015",
    "twenty-seven-minutes": "detente.rehearsal.twenty_seven_minutes",
    "suspended": "detente.rehearsal.suspended",
}
"""Each module has a function `rehearse(stage)`."""
