"""The one way the library says no: a code, the field, the value, and what the texts under the code name."""

from __future__ import annotations

from typing import TypeAlias

from detente.language.refused import refusal_texts
from detente.language.wording import Language

SHOWN_CHARACTERS = 81
"""The most that is shown of a refused value."""

RefusalParameter: TypeAlias = str | int | float
"""What a text of a refusal names; a time or a list is written out before it goes in."""


class Refusal(ValueError):  # noqa: N818 - the design's word; it is raised, and read by people
    """Input that cannot be accepted; nothing has changed.

    Attributes:
        code: which refusal it is, ``room.name``; `language/refusals` has its texts in each language under it.
        field: dotted name of what was refused, for example ``waypoints[3].altitude``.
        value: what was found there.
        parameters: what the texts name, by the name of the place.
        shown: the value as people are shown it, cut where it is long.
    """

    def __init__(self, code: str, field: str, value: object, /, **parameters: RefusalParameter) -> None:
        self.code = code
        self.field = field
        self.value = value
        self.parameters = parameters
        shown = repr(value)
        if len(shown) > SHOWN_CHARACTERS:
            # The middle goes: of a path the end says more than the beginning.
            half = (SHOWN_CHARACTERS - 3) // 2
            shown = f"{shown[:half]}...{shown[-half:]}"
        self.shown = shown
        super().__init__(code, field, value)

    @property
    def expected(self) -> str:
        """What would have been accepted, in English."""
        return refusal_texts(Language.ENGLISH, self.code, self.parameters)[0]

    @property
    def mend(self) -> str:
        """What the sender can do about it, as a sentence in English; empty when `expected` says it all."""
        return refusal_texts(Language.ENGLISH, self.code, self.parameters)[1]

    def at(self, field: str) -> Refusal:
        """Return the same refusal under another name of the field, as it is seen from further out."""
        return Refusal(self.code, field, self.value, **self.parameters)

    def __str__(self) -> str:
        """Return the refusal as one line in English."""
        return f"{self.field}: {self.shown}; expected {self.expected}." + (f" {self.mend}" if self.mend else "")
