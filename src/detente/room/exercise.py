"""A party that only exercises bears that in its name, and so on every message, file and screen of it (R50)."""

from __future__ import annotations

EXERCISE_PREFIX = "EXERCISE-"


def is_exercise(party: str) -> bool:
    """Whether a party, by its name, only exercises. Names that differ in case alone are the same name."""
    return party.upper().startswith(EXERCISE_PREFIX)


def exercise_name(name: str) -> str:
    """Return the name under which a party exercises."""
    return name if is_exercise(name) else EXERCISE_PREFIX + name
