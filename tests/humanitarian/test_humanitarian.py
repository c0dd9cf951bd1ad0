"""Humanitarian notices: recipients who learn nothing of one another, own lead times, and pairs of receipts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from detente.accord.provisions import LeadTimes
from detente.accord.terms import accord_hash, parse_accord
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, StandardPressure
from detente.airspace.plan import Circle, Polygon, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.humanitarian.messages import (
    HumanitarianNotified,
    HumanitarianReceipt,
    HumanitarianWithdrawn,
    ReceiptStage,
)
from detente.humanitarian.notices import (
    GiveHumanitarian,
    HumanitarianEvent,
    HumanitarianNotices,
    ShowHumanitarian,
    WithdrawHumanitarian,
)
from detente.humanitarian.room import HumanitarianRoom
from detente.humanitarian.terms import HumanitarianKind, HumanitarianNotice, Urgency, version_of_notice
from detente.picture.commands import KeepZone
from detente.room.message import Addressed, Heard, Message

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BAND = AltitudeBand(*(Altitude(fl, AltitudeUnit.FLIGHT_LEVEL, StandardPressure()) for fl in (100.0, 120.0)))
PARTIES = ("north", "south", "west")


def volume(start_h: float = 72.0) -> Volume4D:
    window = TimeWindow(NOW + start_h * HOUR, NOW + (start_h + 1) * HOUR)
    return Volume4D(Circle(Position(35.0, 33.0), 9_000.0), BAND, window)


def relief(
    name: str = "relief-7", *, start_h: float = 72.0, urgency: Urgency = Urgency.ROUTINE, **more: Any
) -> HumanitarianNotice:
    fields = {"given_at": NOW, "volumes": (volume(start_h),), "call_sign": "RELIEF7", **more}
    return HumanitarianNotice(name, more.pop("party", "north"), HumanitarianKind.FLIGHT, urgency,
                              **{key: value for key, value in fields.items() if key != "party"})  # fmt: skip


class Party:
    """One party's room, whose accords are with both others, and what it said to whom."""

    def __init__(self, name: str, lead_times: LeadTimes | None = None, *, planning: bool = True) -> None:
        talks = {other: None for other in PARTIES if other != name}
        accord = SimpleNamespace(provisions=SimpleNamespace(lead_times=lead_times or LeadTimes()))
        self.accords = SimpleNamespace(
            party=name, talks=talks, latest=lambda _peer, _at: (accord, "ab"), may_plan=lambda _peer, _at: planning
        )
        self.name = name
        self.room = HumanitarianRoom(HumanitarianNotices(), self.accords)  # type: ignore[arg-type]
        self.sent: list[Addressed] = []
        self.kept: list[bytes] = []

    def do(self, command: object) -> list[HumanitarianEvent]:
        """Decide, write, read and fold, as the loop does."""
        events = self.room.decide(command)  # type: ignore[arg-type]
        for event in events:
            self.kept.append(self.room.encode(event))
            self.room.evolve(self.room.decode(self.kept[-1]))
            self.sent += self.room.messages_of(event)
        return events

    def deliver(self, *others: Party) -> None:
        """Give the others what was said to them."""
        for peer, message, _ in self.sent:
            for other in others:
                if other.name == peer:
                    other.do(Heard(NOW, self.name, message))
        self.sent.clear()


@pytest.fixture
def parties() -> tuple[Party, Party, Party]:
    return Party("north"), Party("south"), Party("west")


def test_only_the_chosen_are_told_and_none_learns_of_another(parties: tuple[Party, Party, Party]) -> None:
    north, south, west = parties
    north.do(GiveHumanitarian(NOW, relief(), ("south",)))
    assert north.sent == [Addressed("south", HumanitarianNotified(relief()))]
    told_alone = [msgspec.json.encode(message) for _, message, _ in north.sent]
    north.do(GiveHumanitarian(NOW + HOUR, relief(given_at=NOW + HOUR), ("west",)))
    # The second recipient hears what the first did; the first hears nothing more.
    assert north.sent[1:] == [Addressed("west", HumanitarianNotified(relief()))]
    assert [msgspec.json.encode(message) for _, message, _ in north.sent[1:]] == told_alone
    assert b"south" not in told_alone[0]
    assert b"west" not in told_alone[0]
    north.deliver(south, west)
    assert south.room.state.theirs["north", "relief-7"].notice == relief()


def test_a_receipt_pair_says_who_got_it_and_when_it_was_shown(parties: tuple[Party, Party, Party]) -> None:
    north, south, west = parties
    north.do(GiveHumanitarian(NOW, relief(), ("south", "west")))
    north.deliver(south, west)
    south.deliver(north)
    first, second = north.room.state.ours["relief-7"].recipients
    assert (first.party, second.party) == ("south", "west")
    assert first.received == HumanitarianReceipt("relief-7", version_of_notice(relief()), ReceiptStage.RECEIVED, NOW)
    assert (first.shown, second.received) == (None, None)
    south.do(ShowHumanitarian(NOW + HOUR, "watch"))
    south.deliver(north)
    first = north.room.state.ours["relief-7"].recipients[0]
    assert first.shown is not None
    assert (first.shown.at, first.shown.by) == (NOW + HOUR, "watch")
    # Shown once: a screen that shows it again says nothing more.
    assert south.do(ShowHumanitarian(NOW + 2 * HOUR, "deputy")) == []


def test_a_changed_notice_goes_to_all_and_asks_for_receipts_anew(parties: tuple[Party, Party, Party]) -> None:
    north, south, west = parties
    north.do(GiveHumanitarian(NOW, relief(), ("south", "west")))
    north.deliver(south, west)
    south.deliver(north)
    changed = relief(call_sign="RELIEF8", given_at=NOW + HOUR)
    north.do(GiveHumanitarian(NOW + HOUR, changed, ("south",)))
    assert {peer for peer, _, _ in north.sent} == {"south", "west"}
    assert [one.received for one in north.room.state.ours["relief-7"].recipients] == [None, None]
    # A receipt for the earlier text is none for this one.
    late = HumanitarianReceipt("relief-7", version_of_notice(relief()), ReceiptStage.SHOWN, NOW, "watch")
    assert north.do(Heard(NOW, "south", late)) == []
    north.deliver(south, west)
    assert south.room.state.theirs["north", "relief-7"].notice == changed


@pytest.mark.parametrize(
    ("urgency", "start_h", "agreed", "late_h"),
    [
        (Urgency.ROUTINE, 72.0, None, 0.0),
        (Urgency.ROUTINE, 30.0, None, 18.0),
        (Urgency.EMERGENCY, 30.0, None, 0.0),
        (Urgency.EMERGENCY, 6.0, None, 18.0),
        (Urgency.ROUTINE, 30.0, LeadTimes(humanitarian_s=12 * 3600.0), 0.0),
        (Urgency.EMERGENCY, 6.0, LeadTimes(humanitarian_s=0.0, humanitarian_emergency_s=8 * 3600.0), 2.0),
        # The lead times of other notices are not theirs.
        (Urgency.ROUTINE, 30.0, LeadTimes(default_s=0.0, keep_out_s=0.0), 18.0),
    ],
)
def test_it_has_lead_times_of_its_own_and_is_told_late_all_the_same(
    urgency: Urgency, start_h: float, agreed: LeadTimes | None, late_h: float
) -> None:
    north, south = Party("north", agreed), Party("south", agreed)
    north.do(GiveHumanitarian(NOW, relief(urgency=urgency, start_h=start_h), ("south",)))
    north.deliver(south)
    assert north.room.state.ours["relief-7"].recipients[0].late_by_s == late_h * 3600.0
    assert south.room.state.theirs["north", "relief-7"].late_by_s == late_h * 3600.0


def test_it_counts_as_volumes_to_keep_out_of_until_it_is_taken_back(parties: tuple[Party, Party, Party]) -> None:
    north, south, _ = parties
    north.do(GiveHumanitarian(NOW, relief(), ("south",)))
    (heard,) = south.do(Heard(NOW, "north", HumanitarianNotified(relief())))
    (kept,) = south.room.reactions(heard)
    assert isinstance(kept, KeepZone)
    (notice,) = kept.notices
    assert (notice.party, notice.meaning, notice.volume, notice.agreed_with) == ("north", "keep_out", volume(), "south")
    assert notice.notice_id.startswith(kept.prefix)
    assert ":" not in notice.notice_id
    assert list(south.room.when_standing_changes(NOW)) == [kept]
    north.do(WithdrawHumanitarian(NOW, "relief-7"))
    assert north.sent[-1] == Addressed("south", HumanitarianWithdrawn("relief-7"))
    (taken,) = south.do(Heard(NOW, "north", HumanitarianWithdrawn("relief-7")))
    assert next(iter(south.room.reactions(taken))).notices == ()
    suspended = Party("south", planning=False)
    (heard,) = suspended.do(Heard(NOW, "north", HumanitarianNotified(relief())))
    assert list(suspended.room.reactions(heard)) == []


def test_a_journal_folds_to_the_same(parties: tuple[Party, Party, Party]) -> None:
    north, south, west = parties
    north.do(GiveHumanitarian(NOW, relief(), ("south", "west")))
    north.deliver(south, west)
    south.do(ShowHumanitarian(NOW, "watch"))
    for party in (south, west):
        party.deliver(north)
    north.do(WithdrawHumanitarian(NOW, "relief-7"))
    for party in (north, south):
        again = Party(party.name)
        for body in party.kept:
            again.room.evolve(again.room.decode(body))
        assert again.room.state.ours == party.room.state.ours
        assert again.room.state.theirs == party.room.state.theirs


def test_what_was_said_before_a_journal_was_set_back_is_taken_in_and_not_said_again(
    parties: tuple[Party, Party, Party],
) -> None:
    north, south, _ = parties
    for message in (HumanitarianNotified(relief()), HumanitarianWithdrawn("relief-7")):
        for event in north.room.said_before(NOW, "south", message):
            north.room.evolve(event)
    held = north.room.state.ours["relief-7"]
    assert ([one.party for one in held.recipients], held.taken_back_at) == (["south"], NOW)
    assert south.room.said_before(NOW, "north", HumanitarianNotified(relief())) == []


CROSSED = Polygon((Position(35.0, 33.0), Position(36.0, 34.0), Position(36.0, 33.0), Position(35.0, 34.0)))
RECEIPT = HumanitarianReceipt("relief-7", "ab" * 8, ReceiptStage.RECEIVED, NOW)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (GiveHumanitarian(NOW, relief(), ("east",)), "paired parties"),
        (GiveHumanitarian(NOW, relief(), ()), "1 to 100 recipients"),
        (GiveHumanitarian(NOW, relief(party="south"), ("south",)), "the party whose node"),
        (GiveHumanitarian(NOW, relief(start_h=-9.0), ("south",)), "an end after now"),
        (WithdrawHumanitarian(NOW, "relief-7"), "a humanitarian notice of ours"),
        (Heard(NOW, "south", HumanitarianNotified(relief(party="west"))), "south, which says it"),
        (Heard(NOW, "south", HumanitarianWithdrawn("relief-7")), "a humanitarian notice of south"),
        (Heard(NOW, "south", RECEIPT), "that south was told"),
        (Heard(NOW, "south", HumanitarianNotified(relief(party="south", volumes=(
            msgspec.structs.replace(volume(), area=CROSSED),)))), "edges do not cross"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_changes_nothing(command: object, expected: str) -> None:
    north = Party("north")
    with pytest.raises(Refusal, match=expected):
        north.do(command)
    assert (north.room.state.ours, north.room.state.theirs, north.sent) == ({}, {}, [])


def test_a_stranger_to_a_notice_gives_no_receipt_for_it_and_a_party_tells_so_many_at_the_most() -> None:
    north = Party("north")
    north.do(GiveHumanitarian(NOW, relief(), ("south",)))
    receipt = msgspec.structs.replace(RECEIPT, version=version_of_notice(relief()))
    with pytest.raises(Refusal, match="that west was told"):
        north.do(Heard(NOW, "west", receipt))
    for number in range(1_000):
        north.do(Heard(NOW, "south", HumanitarianNotified(relief(f"n{number}", party="south"))))
    with pytest.raises(Refusal, match="at most 1,000"):
        north.do(Heard(NOW, "south", HumanitarianNotified(relief("one-more", party="south"))))
    north.do(Heard(NOW, "west", HumanitarianNotified(relief("one-more", party="west"))))


def test_the_notices_of_a_party_have_so_many_vertices_at_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detente.humanitarian.room.MOST_VERTICES_OF_ONE_PARTY", 5)
    north = Party("north")
    three = (volume(),) * 3
    north.do(Heard(NOW, "south", HumanitarianNotified(relief("one", party="south", volumes=three))))
    with pytest.raises(Refusal, match="at most 5 vertices"):
        north.do(Heard(NOW, "south", HumanitarianNotified(relief("two", party="south", volumes=three))))
    # What it replaces does not count, nor do those of others.
    north.do(Heard(NOW, "south", HumanitarianNotified(relief("one", party="south", volumes=(volume(),) * 5))))
    north.do(Heard(NOW, "west", HumanitarianNotified(relief("two", party="west", volumes=three))))
    north.do(GiveHumanitarian(NOW, relief("three", volumes=three), ("south",)))
    with pytest.raises(Refusal, match="at most 5 vertices"):
        north.do(GiveHumanitarian(NOW, relief("four", volumes=three), ("west",)))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"volumes": ()}, "1 to 50 volumes"),
        ({"volumes": (volume(),) * 51}, "1 to 50 volumes"),
        ({"call_sign": "free text"}, "call_sign"),
        ({"given_at": datetime(2025, 6, 1)}, "offset"),  # noqa: DTZ001 - that is what is refused
    ],
)
def test_a_notice_that_cannot_be_is_none(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(Refusal, match=expected):
        relief(**change)


def test_no_field_holds_words_of_ones_own() -> None:
    assert set(HumanitarianNotice.__struct_fields__) == {
        "notice_id", "party", "kind", "urgency", "volumes", "given_at", "call_sign", "post",
    }  # fmt: skip
    assert issubclass(HumanitarianReceipt, Message)


ACCORD = """name = "strait"
version = 1
disclosure = "full"
valid = { start = 2025-01-01T00:00:00Z, end = 2026-01-01T00:00:00Z }
parties = [
  { name = "north", public_key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a" },
  { name = "south", public_key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c" },
]
minima = { default = { horizontal = "5 NM", vertical = "1000 ft" } }
[lead_times]
default = "1 h"
keep_out = "emergency"
"""


def test_an_accord_without_humanitarian_lead_times_keeps_the_hash_that_it_had_before_there_were_any() -> None:
    assert accord_hash(parse_accord(ACCORD)) == "6367e8b0dfaabdcc77b0141f19253f3fef07007f08be9877f56f05f3179fd5a3"
    agreed = parse_accord(ACCORD + 'humanitarian = "routine"\n')
    assert agreed.provisions.lead_times.humanitarian_s == 172_800.0
    assert accord_hash(agreed) != accord_hash(parse_accord(ACCORD))
