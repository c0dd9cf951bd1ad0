"""A late notice rings at every peer; an agreed zone rings at nobody, and a third party hears nothing of it."""

from __future__ import annotations

from picture_world import NOON, OURS, THEIRS, THIRD, Node, accord, area_plan

from detente.line.late_notices import late_calls
from detente.picture.commands import GiveNotice, KeepZone
from detente.picture.notices import Meaning, Notice


def test_an_agreed_zone_is_never_late_and_reaches_no_third_party() -> None:
    node = Node()
    node.do(accord())
    (volume,) = area_plan("area").intent
    peers = [THEIRS, THIRD]
    (given,) = node.do(GiveNotice(NOON, OURS, Notice("n1", OURS, Meaning.KEEP_OUT, volume, NOON)))
    calls = list(late_calls(given, node.picture, peers, {THEIRS: 0, THIRD: 700}.__getitem__))
    assert [call.peer for call in calls] == peers, "an hour of lead time is missing"
    assert [call.number_after for call in calls] == [0, 700]
    zone = Notice("z:1:area", OURS, Meaning.KEEP_OUT, volume, NOON, agreed_with=THEIRS)
    (agreed,) = node.do(KeepZone(NOON, "z:", THEIRS, (zone,)))
    assert list(late_calls(agreed, node.picture, peers, lambda _: 0)) == []
