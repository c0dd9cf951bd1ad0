"""The one way the library says no: field, value, what was expected and the mend."""

from __future__ import annotations

SHOWN_CHARACTERS = 81
"""The most that is shown of a refused value."""


class Refusal(ValueError):  # noqa: N818 - the design's word; it is raised, and read by people
    """Input that cannot be accepted; nothing has changed.

    Attributes:
        field: dotted name of what was refused, for example ``waypoints[3].altitude``.
        value: what was found there.
        expected: what would have been accepted.
        mend: what the sender can do about it, as a sentence; empty when `expected` says it all.
        shown: the value as people are shown it, cut where it is long.
    """

    def __init__(self, field: str, value: object, expected: str, mend: str = "") -> None:
        self.field = field
        self.value = value
        self.expected = expected
        self.mend = mend
        shown = repr(value)
        if len(shown) > SHOWN_CHARACTERS:
            # The middle goes: of a path the end says more than the beginning.
            half = (SHOWN_CHARACTERS - 3) // 2
            shown = f"{shown[:half]}...{shown[-half:]}"
        self.shown = shown
        super().__init__(f"{field}: {shown}; expected {expected}." + (f" {mend}" if mend else ""))
