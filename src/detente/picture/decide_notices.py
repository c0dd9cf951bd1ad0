"""Decide about notices."""

from __future__ import annotations

from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.airspace.search import PlanIndex
from detente.picture.commands import AmendNotice, CancelNotice, ExpireNotices, GiveNotice, KeepZone
from detente.picture.events import NoticeAmended, NoticeCancelled, NoticeExpired, NoticeGiven, PictureEvent
from detente.picture.notices import Notice, NoticeRecord, NoticeState
from detente.picture.picture import Picture


def give(picture: Picture, command: GiveNotice) -> list[PictureEvent]:
    """A notice with a new id takes force. A late one too, marked with how late it is (R13).

    A peer may say again, or newer, what it said before.
    """
    notice = command.notice
    held = picture.notices.get((command.party, notice.notice_id))
    if held is not None:
        if command.party == picture.party or held.state is not NoticeState.IN_FORCE:
            raise Refusal("picture.id_no_notice_party", "notice_id", notice.notice_id)
        return amend(picture, AmendNotice(command.at, command.party, notice))
    if command.party == picture.party and notice.notice_id in picture.left_notices:
        raise Refusal("picture.id_no_notice_party", "notice_id", notice.notice_id)
    _check(picture, command)
    return [NoticeGiven(command.at, notice, _late_by_s(picture, notice))]


def amend(picture: Picture, command: AmendNotice) -> list[PictureEvent]:
    """A notice in force is replaced, by reference to its id (R15); the notice it already is changes nothing."""
    held = _in_force(picture, command.party, command.notice.notice_id)
    _check(picture, command)
    if held.notice == command.notice:
        return []
    return [NoticeAmended(command.at, command.notice, held.revision + 1, _late_by_s(picture, command.notice))]


def cancel(picture: Picture, command: CancelNotice) -> list[PictureEvent]:
    """A notice in force is taken back."""
    _in_force(picture, command.party, command.notice_id)
    return [NoticeCancelled(command.at, command.party, command.notice_id)]


def keep_zone(picture: Picture, command: KeepZone) -> list[PictureEvent]:
    """What a zone counts as takes the place of what it counted as before. It was agreed, and is never late."""
    wanted = {(notice.party, notice.notice_id): notice for notice in command.notices}
    held = {
        key
        for key, record in picture.notices.items()
        if record.notice.agreed_with is not None
        and command.agreed_with in (record.notice.party, record.notice.agreed_with)
        and key[1].startswith(command.prefix)
    }
    gone = sorted(key for key in held - wanted.keys() if picture.notices[key].state is NoticeState.IN_FORCE)
    events: list[PictureEvent] = [NoticeCancelled(command.at, *key) for key in gone]
    for key, notice in wanted.items():
        if key not in held and notice.volume.time.end >= command.at:
            _check_area(picture, notice)
            events.append(NoticeGiven(command.at, notice, 0.0))
    return events


def expire(picture: Picture, command: ExpireNotices) -> list[PictureEvent]:
    """Every notice whose window is over expires. Nothing else ends it: a silent peer's notices hold (R44)."""
    return [
        NoticeExpired(command.at, *key)
        for key, record in sorted(picture.notices.items())
        if record.state is NoticeState.IN_FORCE and record.notice.volume.time.end < command.at
    ]


def _in_force(picture: Picture, party: str, notice_id: str) -> NoticeRecord:
    record = picture.notices.get((party, notice_id))
    if record is None or record.state is not NoticeState.IN_FORCE:
        raise Refusal("picture.notice_force", "notice_id", notice_id, party=party)
    if record.notice.agreed_with is not None:
        raise Refusal("picture.notice_no_agreed_zone", "notice_id", notice_id)
    return record


def _check(picture: Picture, command: GiveNotice | AmendNotice) -> None:
    notice = command.notice
    if notice.party != command.party:
        raise Refusal("picture.gives_notice", "notice.party", notice.party, party=command.party)
    if notice.volume.time.end < command.at and command.party == picture.party:
        raise Refusal(
            "picture.time_after_now", "notice.volume.time.end", notice.volume.time.end.isoformat(),
            at=command.at.isoformat(),
        )  # fmt: skip
    if notice.agreed_with is not None:
        raise Refusal("picture.nothing_zone_comes", "notice.agreed_with", notice.agreed_with)
    _check_area(picture, notice)


def _check_area(picture: Picture, notice: Notice) -> None:
    assert picture.accord is not None
    # An index compiles the area, which refuses a ring that crosses itself.
    PlanIndex().encounters(Plan("notice", (notice.volume,)), picture.accord.minima)


def _late_by_s(picture: Picture, notice: Notice) -> float:
    assert picture.accord is not None
    peer = None if notice.party == picture.party else notice.party
    return max(0.0, picture.accord.lead_time_s(notice.meaning, peer) - notice.lead_s)
