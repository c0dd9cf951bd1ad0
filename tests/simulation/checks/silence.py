"""Silence frees nothing: what a dark peer notified holds until its own window is over, or the peer takes it back."""

from __future__ import annotations

import msgspec
from station import Station

from detente.link.envelope import read_envelope
from detente.link.session import RECEIVED
from detente.picture.events import NoticeCancelled, NoticeExpired, PictureEvent, PlanEnded, PlanWithdrawn

_TAKEN_BACK = {NoticeCancelled: "notice_cancelled", PlanWithdrawn: "plan_withdrawn", PlanEnded: "plan_ended"}


_DECODER = msgspec.json.Decoder(PictureEvent)


def check(station: Station) -> None:
    """Look in one side's journal for the reason of every end of what a peer notified or declared."""
    assert station.life is not None
    said: dict[tuple[str, str], int] = {}
    windows: dict[tuple[str, str], object] = {}
    keys = {card.key: card.name for card in station.trusted}
    for entry in station.life.journal.read():
        if entry.kind == RECEIVED:
            envelope, _ = read_envelope(entry.body)
            party = keys[envelope.direction.sender]
            said[(party, envelope.kind)] = said.get((party, envelope.kind), 0) + 1
        elif entry.kind == "event":
            event = _DECODER.decode(entry.body)
            party = getattr(event, "party", None)
            if party == station.name:
                continue
            notice = getattr(event, "notice", None)
            if notice is not None and notice.party != station.name:
                windows[(notice.party, notice.notice_id)] = notice.volume.time
            if isinstance(event, NoticeExpired) and (event.party, event.notice_id) in windows:
                window = windows[(event.party, event.notice_id)]
                assert window.end <= event.at, f"{station.name} let {event.notice_id} of {event.party} expire early"
            kind = _TAKEN_BACK.get(type(event))
            if kind is not None and not _by_agreement(event):
                said[(party, kind)] = said.get((party, kind), 0) - 1
                assert said[(party, kind)] >= 0, f"{station.name} freed something of {party} that it did not take back"


def _by_agreement(event) -> bool:
    """A zone that both have agreed to end is no silence: its notices bear the zone's mark."""
    return ":" in getattr(event, "notice_id", "")
