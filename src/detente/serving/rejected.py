"""How a connection refuses what came over it, before or instead of the service behind it."""

from __future__ import annotations


class Rejected(Exception):  # noqa: N818 - a request is rejected; nothing went wrong here
    """A request that is not taken; nothing has changed.

    Attributes:
        status: the HTTP status.
        field: what of the request is meant.
        expected: what was expected of it.
        mend: what to do.
    """

    def __init__(self, status: int, field: str, expected: str, mend: str = "") -> None:
        self.status = status
        self.field = field
        self.expected = expected
        self.mend = mend
        super().__init__(f"{status}: {field}: {expected}")
