"""The room of humanitarian notices: told to chosen recipients one by one, each of which says what it got and showed.

No recipient learns of another (R49). Receipts of the node go out as a notice comes; those of people as a screen shows
it. What was told holds until it expires or is taken back, whatever becomes of accords.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime

import msgspec

from detente.accord.accords import Accords
from detente.accord.provisions import LeadTimes
from detente.airspace.compiled import Vocabulary, compile_plans
from detente.airspace.plan import Plan
from detente.airspace.refusal import Refusal
from detente.humanitarian.messages import (
    HumanitarianMessage,
    HumanitarianNotified,
    HumanitarianReceipt,
    HumanitarianWithdrawn,
    ReceiptStage,
)
from detente.humanitarian.notices import (
    MOST_OF_ONE_PARTY,
    MOST_RECIPIENTS,
    MOST_VERTICES_OF_ONE_PARTY,
    GiveHumanitarian,
    HumanitarianCommand,
    HumanitarianEvent,
    HumanitarianGiven,
    HumanitarianHeard,
    HumanitarianKept,
    HumanitarianNotices,
    HumanitarianReceiptKept,
    HumanitarianSeen,
    HumanitarianTakenBack,
    OwnHumanitarian,
    Recipient,
    ShowHumanitarian,
    TheirHumanitarian,
    WithdrawHumanitarian,
)
from detente.humanitarian.terms import HumanitarianNotice, version_of_notice
from detente.picture.commands import KeepZone
from detente.picture.notices import Meaning, Notice
from detente.picture.work import LIGHT_VERTICES, vertices_of, work_of_outline
from detente.room.message import Addressed, Heard, Message
from detente.room.room import Room
from detente.room.work import Work

_GIVES = GiveHumanitarian | HumanitarianNotified


class HumanitarianRoom(Room[HumanitarianNotices, HumanitarianCommand, HumanitarianEvent]):
    """Keeps humanitarian notices. The accord with each recipient may say how early it is told."""

    name = "humanitarian"
    commands = HumanitarianCommand
    events = HumanitarianEvent
    messages = HumanitarianMessage
    kept = HumanitarianKept

    def __init__(self, state: HumanitarianNotices, accords: Accords) -> None:
        super().__init__(state)
        self._accords = accords

    def decide(self, command: HumanitarianCommand | Heard[HumanitarianMessage]) -> list[HumanitarianEvent]:
        """Return what follows from a command; raises Refusal with nothing changed."""
        match command:
            case GiveHumanitarian(at, notice, recipients):
                return self._given(at, notice, recipients)
            case WithdrawHumanitarian(at, notice_id):
                held = self.state.ours.get(notice_id)
                if held is None or held.taken_back_at is not None:
                    raise Refusal("humanitarian.notice_of_ours", "notice_id", notice_id)
                return [HumanitarianTakenBack(at, self._accords.party, notice_id)]
            case ShowHumanitarian(at, by):
                return [
                    HumanitarianSeen(at, party, notice_id, held.version, by)
                    for (party, notice_id), held in sorted(self.state.theirs.items())
                    if held.shown_at is None and held.taken_back_at is None and held.notice.end >= at
                ]
            case Heard(at=at, party=party, message=HumanitarianNotified(notice)):
                return self._heard(at, party, notice)
            case Heard(at=at, party=party, message=HumanitarianWithdrawn(notice_id)):
                known = self.state.theirs.get((party, notice_id))
                if known is None:
                    raise Refusal("humanitarian.notice_of_party", "notice_id", notice_id, party=party)
                return [] if known.taken_back_at is not None else [HumanitarianTakenBack(at, party, notice_id)]
            case Heard(at=at, party=party, message=HumanitarianReceipt() as receipt):
                return self._receipt(at, party, receipt)
        raise AssertionError(command)

    def may_take_long(self, command: HumanitarianCommand | Heard[HumanitarianMessage]) -> bool:
        """See `Room.may_take_long`: the volumes of a notice are compiled."""
        return _vertices(command) > LIGHT_VERTICES

    def work_of(self, command: HumanitarianCommand | Heard[HumanitarianMessage]) -> Work:
        """See `Room.work_of`."""
        work = work_of_outline(_vertices(command))
        return Work(work, work)

    def evolve(self, event: HumanitarianEvent) -> None:
        """Fold one decided event in."""
        match event:
            case HumanitarianGiven(at, notice, recipients, late_by_s):
                self.state.ours[notice.notice_id] = self._with(at, notice, recipients, late_by_s)
            case HumanitarianTakenBack(at, party, notice_id):
                if party == self._accords.party:
                    ours = self.state.ours[notice_id]
                    self.state.ours[notice_id] = msgspec.structs.replace(ours, taken_back_at=at)
                else:
                    theirs = self.state.theirs[(party, notice_id)]
                    self.state.theirs[(party, notice_id)] = msgspec.structs.replace(theirs, taken_back_at=at)
            case HumanitarianHeard(at, notice, late_by_s):
                held = TheirHumanitarian(notice, version_of_notice(notice), at, late_by_s)
                self.state.theirs[(notice.party, notice.notice_id)] = held
            case HumanitarianSeen(at, party, notice_id, _, by):
                theirs = self.state.theirs[(party, notice_id)]
                self.state.theirs[(party, notice_id)] = msgspec.structs.replace(theirs, shown_at=at, shown_by=by)
            case HumanitarianReceiptKept(_, party, receipt):
                ours = self.state.ours[receipt.notice_id]
                told = tuple(
                    msgspec.structs.replace(one, **{receipt.stage.value: receipt}) if one.party == party else one
                    for one in ours.recipients
                )
                self.state.ours[receipt.notice_id] = msgspec.structs.replace(ours, recipients=told)

    def forget(self, before: datetime) -> None:
        """See `Room.forget`: a notice is over when its last volume is, also one that was taken back."""
        state = self.state
        state.ours = {key: held for key, held in state.ours.items() if held.notice.end >= before}
        state.theirs = {key: held for key, held in state.theirs.items() if held.notice.end >= before}

    def messages_of(self, event: HumanitarianEvent) -> Iterator[Addressed]:
        """Yield what each recipient hears of ours, and the receipts for what we were told."""
        match event:
            case HumanitarianGiven(notice=notice, recipients=recipients):
                yield from (Addressed(party, HumanitarianNotified(notice)) for party in recipients)
            case HumanitarianTakenBack(party=party, notice_id=notice_id) if party == self._accords.party:
                for one in self.state.ours[notice_id].recipients:
                    yield Addressed(one.party, HumanitarianWithdrawn(notice_id))
            case HumanitarianHeard(at, notice):
                receipt = HumanitarianReceipt(notice.notice_id, version_of_notice(notice), ReceiptStage.RECEIVED, at)
                yield Addressed(notice.party, receipt)
            case HumanitarianSeen(at, party, notice_id, version, by):
                yield Addressed(party, HumanitarianReceipt(notice_id, version, ReceiptStage.SHOWN, at, by))

    def reactions(self, event: object) -> Iterator[KeepZone]:
        """Yield that a party's notice counts as its volumes to keep out of, or no longer, while planning goes on."""
        match event:
            case HumanitarianHeard(at=at, notice=notice):
                yield from self._counted(at, (notice.party, notice.notice_id))
            case HumanitarianTakenBack(at=at, party=party, notice_id=notice_id) if party != self._accords.party:
                yield from self._counted(at, (party, notice_id))

    def when_standing_changes(self, at: datetime) -> Iterator[KeepZone]:
        """Yield what the notices of a party count as when planning with it begins, or goes on again."""
        for key in sorted(self.state.theirs):
            yield from self._counted(at, key)

    def _counted(self, at: datetime, key: tuple[str, str]) -> Iterator[KeepZone]:
        party, notice_id = key
        held = self.state.theirs[key]
        if not self._accords.may_plan(party, at) or held.notice.end < at:
            return
        # Without a colon, so that no zone's notices are taken for these.
        prefix = f"humanitarian~{hashlib.sha256(notice_id.encode()).hexdigest()[:16]}~"
        volumes = () if held.taken_back_at is not None else held.notice.volumes
        notices = tuple(
            Notice(
                f"{prefix}{held.version[:8]}~{number}", party, Meaning.KEEP_OUT, volume, held.notice.given_at,
                agreed_with=self._accords.party,
            )
            for number, volume in enumerate(volumes, start=1)
        )  # fmt: skip
        yield KeepZone(at, prefix, party, notices)

    def said_before(self, at: datetime, peer: str, message: Message) -> list[HumanitarianEvent]:
        """Take back into the journal what `peer` had been told of ours before it was set back."""
        match message:
            case HumanitarianNotified(notice) if notice.party == self._accords.party:
                return [HumanitarianGiven(at, notice, (peer,), (notice.late_by_s(self._lead_times(peer, at)),))]
            case HumanitarianWithdrawn(notice_id) if notice_id in self.state.ours:
                return [HumanitarianTakenBack(at, self._accords.party, notice_id)]
        return []

    def _given(self, at: datetime, notice: HumanitarianNotice, recipients: tuple[str, ...]) -> list[HumanitarianEvent]:
        if notice.party != self._accords.party:
            raise Refusal("humanitarian.our_own", "notice.party", notice.party)
        held = self.state.ours.get(notice.notice_id)
        if held is not None and held.taken_back_at is not None:
            raise Refusal("humanitarian.not_taken_back", "notice_id", notice.notice_id)
        if notice.end < at:
            raise Refusal("humanitarian.end_after_now", "volumes", notice.end.isoformat(), at=at.isoformat())
        unknown = next((party for party in recipients if party not in self._accords.talks), None)
        if unknown is not None:
            raise Refusal(
                "humanitarian.paired_party", "recipients", unknown, parties=", ".join(sorted(self._accords.talks))
            )
        self._check(notice, [one.notice for one in self.state.ours.values()])
        before = () if held is None else tuple(one.party for one in held.recipients)
        # The time at which it is given again is no other text.
        same = held is not None and msgspec.structs.replace(notice, given_at=held.notice.given_at) == held.notice
        told = (
            tuple(dict.fromkeys(recipients))
            if not same
            else tuple(dict.fromkeys(p for p in recipients if p not in before))
        )
        if same and held is not None:
            notice = held.notice
        elif held is not None:
            told = tuple(dict.fromkeys((*before, *told)))
        if len({*before, *told}) > MOST_RECIPIENTS or not {*before, *told}:
            raise Refusal("humanitarian.recipients", "recipients", len({*before, *told}), most=MOST_RECIPIENTS)
        if not told:
            return []
        late = tuple(notice.late_by_s(self._lead_times(party, at)) for party in told)
        return [HumanitarianGiven(at, notice, told, late)]

    def _heard(self, at: datetime, party: str, notice: HumanitarianNotice) -> list[HumanitarianEvent]:
        if notice.party != party:
            raise Refusal("humanitarian.their_own", "notice.party", notice.party, party=party)
        held = self.state.theirs.get((party, notice.notice_id))
        if held is not None and held.notice == notice:
            return []
        self._check(notice, [one.notice for (teller, _), one in self.state.theirs.items() if teller == party])
        return [HumanitarianHeard(at, notice, notice.late_by_s(self._lead_times(party, at)))]

    def _receipt(self, at: datetime, party: str, receipt: HumanitarianReceipt) -> list[HumanitarianEvent]:
        held = self.state.ours.get(receipt.notice_id)
        told = None if held is None else next((one for one in held.recipients if one.party == party), None)
        if held is None or told is None:
            raise Refusal("humanitarian.notice_it_was_told", "notice_id", receipt.notice_id, party=party)
        if receipt.version != held.version or getattr(told, receipt.stage.value) is not None:
            # A receipt for an earlier text, or said before, changes nothing.
            return []
        return [HumanitarianReceiptKept(at, party, receipt)]

    def _with(
        self, at: datetime, notice: HumanitarianNotice, recipients: tuple[str, ...], late_by_s: tuple[float, ...]
    ) -> OwnHumanitarian:
        """Our notice with these recipients told anew; those told before keep their receipts where it reads the same."""
        version = version_of_notice(notice)
        held = self.state.ours.get(notice.notice_id)
        kept = {one.party: one for one in held.recipients} if held is not None and held.version == version else {}
        for party, late in zip(recipients, late_by_s, strict=True):
            kept.setdefault(party, Recipient(party, at, late))
        return OwnHumanitarian(notice, version, tuple(kept[party] for party in sorted(kept)))

    def _check(self, notice: HumanitarianNotice, held: list[HumanitarianNotice]) -> None:
        """Refuse a notice when its party has told as much as one may; what it replaces does not count."""
        others = [one for one in held if one.notice_id != notice.notice_id]
        if len(others) >= MOST_OF_ONE_PARTY:
            raise Refusal("humanitarian.at_most_notices", "notice_id", notice.notice_id, most=MOST_OF_ONE_PARTY)
        vertices = notice.vertices + sum(one.vertices for one in others)
        if vertices > MOST_VERTICES_OF_ONE_PARTY:
            raise Refusal(
                "humanitarian.vertices_of_one_party", "volumes", f"{vertices:,}", most=MOST_VERTICES_OF_ONE_PARTY
            )
        # Compiling refuses a ring that crosses itself.
        compile_plans([Plan("notice", notice.volumes)], Vocabulary())

    def _lead_times(self, peer: str, at: datetime) -> LeadTimes | None:
        found = self._accords.latest(peer, at)
        return None if found is None else found[0].provisions.lead_times


def _vertices(command: HumanitarianCommand | Heard[HumanitarianMessage]) -> int:
    said = command.message if isinstance(command, Heard) else command
    return vertices_of(Plan("notice", said.notice.volumes)) if isinstance(said, _GIVES) else 0
