"""How the service refuses a request: an HTTP status and a sentence."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818 - the house's word for it
    """A request that is not carried out; nothing has changed.

    Attributes:
        status: the HTTP status that the standard gives this refusal.
        message: what is wrong and how to mend it.
        missing_intents: ids of operational intents whose OVN the key lacks, for a 409.
        missing_constraints: ids of constraints whose OVN the key lacks, for a 409.
    """

    def __init__(
        self,
        status: int,
        message: str,
        missing_intents: tuple[str, ...] = (),
        missing_constraints: tuple[str, ...] = (),
    ) -> None:
        self.status = status
        self.message = message
        self.missing_intents = missing_intents
        self.missing_constraints = missing_constraints
        super().__init__(f"{status}: {message}")
