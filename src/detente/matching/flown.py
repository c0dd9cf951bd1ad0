"""Which plans a run showed parts of, on either side, and which of them were flown by their owner's word.

Nobody can tell an invented plan from a real one before it is flown. Where the accord has a limit, each side therefore
says of the plans that it had to show which were flown, and counts those of the other that were not.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import msgspec

FLOWN_WITHIN = timedelta(hours=1)
"""So long after the end of an epoch its plans are counted: the peer's word may be on its way."""


class ShownPlans(msgspec.Struct):
    """The plans of one run of which a part was shown.

    Attributes:
        ours: of our plans that were not flown yet, the names that they have in the run, by our own.
        theirs: of the peer's plans, by the names that they have in the run, whether they were flown. The peer may say
            so before we have looked at what it opened.
    """

    ours: dict[str, tuple[str, ...]] = {}
    theirs: dict[str, bool] = {}

    def note_ours(self, plan_id: str, name: str) -> None:
        """A part of our plan was shown to the peer, under a name; in a late run it may be another one."""
        names = self.ours.get(plan_id, ())
        if name not in names:
            self.ours[plan_id] = (*names, name)

    def note_theirs(self, name: str) -> None:
        """A part of a plan of the peer's was shown to us."""
        self.theirs.setdefault(name, False)

    def note_theirs_flown(self, names: Iterable[str]) -> None:
        """Plans of the peer's were flown."""
        self.theirs.update(dict.fromkeys(names, True))

    def note_ours_flown(self, names: Iterable[str]) -> None:
        """Plans of ours were flown."""
        flown = {*names}
        self.ours = {plan_id: known for plan_id, known in self.ours.items() if flown.isdisjoint(known)}

    @property
    def unflown(self) -> int:
        """How many of the peer's plans count as never flown; cancelled ones are among them.

        Flown is what the peer says with its signature. What our watch saw joins here: a plan that is said to be flown
        and that no track shows will count too.
        """
        return sum(not flown for flown in self.theirs.values())
