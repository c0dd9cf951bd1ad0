"""Which plans enter what was notified, against its meaning (R17)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.airspace.plan import Plan
from detente.airspace.separation import Minima, MinimaTable
from detente.picture.notices import Meaning, Notice, NoticeState
from detente.picture.picture import Picture

NO_MINIMA = MinimaTable(Minima(0.0, 0.0, 0.0))


class Entering(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A live plan of `party` is inside the volume of a notice of `notice_party` from `start` to `end` (UTC)."""

    notice_party: str
    notice_id: str
    meaning: Meaning
    party: str
    plan_id: str
    start: datetime
    end: datetime


def entering(picture: Picture, prefix: str = "") -> Iterator[Entering]:
    """Yield every plan that enters a notice in force, whose id begins with `prefix`, of which it should know.

    Where a party says that its aircraft are, others enter when they come inside the agreed minima.
    """
    for (_, notice_id), record in sorted(picture.notices.items()):
        if record.state is NoticeState.IN_FORCE and notice_id.startswith(prefix):
            yield from _into(picture, record.notice)


def _into(picture: Picture, notice: Notice) -> Iterator[Entering]:
    for party in _concerned(picture, notice):
        index, table = picture.indexes.get(party), NO_MINIMA
        if index is None:
            continue
        if notice.meaning is Meaning.OUR_AIRCRAFT_HERE and picture.accord is not None:
            table = picture.accord.minima_with(party if notice.party == picture.party else notice.party)
        for found in index.encounters(Plan("notice", (notice.volume,)), table):
            plan_id = found.second_plan_id.partition("/")[2]
            yield Entering(notice.party, notice.notice_id, notice.meaning, party, plan_id, found.start, found.end)


def _concerned(picture: Picture, notice: Notice) -> tuple[str, ...]:
    """The parties whose plans the notice is about: not the one that gives it, unless it closes the area to all.

    What one peer told us is never held against another's plans (R49).
    """
    if notice.meaning is Meaning.NOTHING_OF_OURS_HERE:
        return ()
    others = picture.opponents(notice.party)
    if notice.party == picture.party and notice.agreed_with is not None:
        others = (notice.agreed_with,)
    return (*others, notice.party) if notice.meaning is Meaning.CLOSED_TO_ALL else others
