"""A late notice rings: a coded message goes up the ladder of each peer that hears of the notice (R13)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from detente.line.commands import SendLineMessage
from detente.line.parameters import Duration, Parameter, Reference, Value, Window, sayable
from detente.picture.events import NoticeAmended, NoticeGiven
from detente.picture.picture import Picture


def late_calls(
    event: NoticeGiven | NoticeAmended, picture: Picture, peers: Sequence[str], number_after: Callable[[str], int]
) -> Iterator[SendLineMessage]:
    """Yield the message to each of `peers` for which a notice of our own, given or amended, comes late.

    An agreed zone is never late, and whoever did not agree to it hears nothing of it. `number_after` says after which
    number the next message to a peer has its own.
    """
    notice = event.notice
    if notice.party != picture.party or notice.agreed_with is not None:
        return
    assert picture.accord is not None
    for peer in peers:
        late_s = picture.accord.lead_time_s(notice.meaning, peer) - notice.lead_s
        if late_s > 0.0:
            values: dict[str, Value] = {
                "margin": Duration(math.ceil(late_s)),
                "reference": Reference(notice.notice_id),
                "window": sayable(Window(notice.volume.time)),
            }
            parameters = tuple(Parameter(name, value) for name, value in values.items())
            after = number_after(peer)
            yield SendLineMessage(event.at, picture.party, peer, "late_notice", parameters, number_after=after)
