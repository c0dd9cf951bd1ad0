"""What may go on with a peer: planning under an accord in force, and what an accord keeps while it is suspended."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class SafetyFunction(StrEnum):
    """What may go on while the accord is suspended (R32)."""

    STOP = "stop"
    SAFETY_OF_FLIGHT = "safety_of_flight"
    LINE_CHECKS = "line_checks"
    EMERGENCY_ASSISTANCE = "emergency_assistance"
    INCIDENTS = "incidents"
    REQUESTS = "requests"


class Ordinary(StrEnum):
    """What no accord lists: planning goes on while an accord is in force, and some messages go on always."""

    PLANNING = "planning"
    ALWAYS = "always"


Activity = SafetyFunction | Ordinary


class Need(NamedTuple):
    """A command is carried out only while this goes on with `peer` (R32)."""

    peer: str
    activity: Activity
