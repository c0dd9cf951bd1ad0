"""Reports between parties in the room of the watch: what is agreed is held, posts are called, and nothing piles up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from test_watch_room import LADDER, NOON, after, seen

from detente.accord.provisions import LiveLevel, LiveTrackTerms, Provisions
from detente.airspace.refusal import Refusal
from detente.language import Language
from detente.picture.picture import Picture
from detente.room.activity import Ordinary, SafetyFunction
from detente.room.message import Heard
from detente.watch.alert import AlertKind, AlertLevel
from detente.watch.between import HOLDS, MOST_TOLD_ALERTS_A_MINUTE
from detente.watch.commands import SeeAlerts, TakeAlert, TellLive, WatchTick
from detente.watch.events import AlertEnded, AlertLevelChanged, AlertPostCalled, AlertRaised, LiveHeard
from detente.watch.messages import MOST_NEAR, Near, NearReported, ToldTrack, TracksReported
from detente.watch.records import WatchState
from detente.watch.room import MOST_ALERTS_A_MINUTE, WatchRoom
from detente.watch.sentences import alert_text


@dataclass
class Terms:
    provisions: Provisions


class SomeAccords:
    """The accord with south."""

    party = "north"

    def __init__(self, live: LiveTrackTerms) -> None:
        self.accord = Terms(Provisions(live_tracks=live, escalation=LADDER))

    def terms(self, at: datetime) -> dict[str, Terms]:
        return {"south": self.accord}

    def current(self, peer: str, at: datetime) -> tuple[Terms, str] | None:
        return (self.accord, "ab" * 32) if peer == "south" else None


class Node:
    """One room, and every event that it decided."""

    def __init__(self, level: LiveLevel = LiveLevel.NEAR, *, posts: bool = True) -> None:
        self.accords = SomeAccords(LiveTrackTerms(level=level, posts=posts))
        self.room = self._new()
        self.events: list[Any] = []

    def _new(self) -> WatchRoom:
        return WatchRoom(WatchState(), self.accords, Picture())  # type: ignore[arg-type]

    def do(self, command: Any) -> list[Any]:
        events = self.room.decide(command)
        for event in events:
            self.room.evolve(self.room.decode(self.room.encode(event)))
        self.events += events
        return events

    def hear(self, at: datetime, *near: Near) -> list[Any]:
        return self.do(Heard(at, "south", NearReported(at, near)))

    def kept_the_same(self) -> bool:
        """Whether a replay and a snapshot make the state that is held."""
        again, restored = self._new(), self._new()
        for event in self.events:
            again.evolve(event)
        restored.restore(self.room.keep())()
        return again.keep() == self.room.keep() == restored.keep()


def near(number: int = 1, level: AlertLevel = AlertLevel.CORRECTIVE) -> Near:
    return Near(f"n{number}", "aaaaa1", 40, 3_704.0, 5_556.0, level, 3_000.0, 4_500.0)


def told(number: int = 1) -> ToldTrack:
    return ToldTrack(f"t{number}", 1.0, 34.0, 20.0, 50.0, 200.0, 90.0, 0.0, 2.0, 3_000.0)


def test_a_peers_report_calls_our_posts_as_an_alert_of_ours_does_and_is_over_when_the_peer_says_so():
    node = Node()
    heard, raised = node.hear(NOON, near())
    assert isinstance(heard, LiveHeard)
    assert isinstance(raised, AlertRaised)
    alert = raised.seen.alert
    assert (alert.key, alert.kind, alert.subject) == ("told:south:n1", AlertKind.SEPARATION, "south")
    assert node.do(WatchTick(NOON)) == [AlertPostCalled(NOON, alert.key, 0, "watch")]
    assert node.do(WatchTick(after(31))) == [AlertPostCalled(after(31), alert.key, 1, "senior")]
    node.do(TakeAlert(after(32), alert.key, "senior"))
    worse = node.hear(after(40), near(level=AlertLevel.WARNING))
    assert [type(event) for event in worse] == [LiveHeard, AlertLevelChanged]
    assert node.room.state.open[alert.key].taken_by == ""
    assert [type(event) for event in node.hear(after(50))] == [LiveHeard, AlertEnded]
    assert node.kept_the_same()


def test_it_is_said_in_the_readers_language_with_heights_in_both_units():
    node = Node()
    node.hear(NOON, near())
    alert = node.room.state.open["told:south:n1"].seen.alert
    said = alert_text(Language.ENGLISH, alert, NOON.timestamp()).why
    assert said.startswith("south says: one of theirs is near our aaaaa1, at 40° from it, 2.00 NM")
    assert "ft" in said
    assert " m" in said
    assert alert_text(Language.FRENCH, alert, NOON.timestamp()).why.startswith("south dit")
    blind = msgspec.structs.replace(near(2), height_from_m=None, height_to_m=None)
    node.hear(after(10), blind)
    alert = node.room.state.open["told:south:n2"].seen.alert
    assert "not known" in alert_text(Language.ENGLISH, alert, NOON.timestamp()).why


def test_without_the_accords_consent_no_post_is_called():
    node = Node(posts=False)
    assert [type(event) for event in node.hear(NOON, near())] == [LiveHeard]
    assert node.room.state.open == {}
    assert node.room.state.heard["south"].near == NearReported(NOON, (near(),))


def test_a_peer_that_says_nothing_more_lets_its_alert_end():
    node = Node()
    node.hear(NOON, near())
    assert not any(isinstance(event, AlertEnded) for event in node.do(WatchTick(NOON + HOLDS)))
    assert node.do(WatchTick(NOON + HOLDS + timedelta(seconds=1)))[0] == AlertEnded(after(61), "told:south:n1")


def test_what_our_own_sensors_show_and_what_a_peer_says_end_apart():
    node = Node()
    own = seen()
    node.do(SeeAlerts(NOON, (own,)))
    node.hear(NOON, near())
    # A peer's report that all is over ends nothing that our own sensors raised, and they end nothing of the peer's.
    node.hear(after(10))
    assert set(node.room.state.open) == {own.alert.key}
    node.hear(after(20), near(2))
    node.do(SeeAlerts(after(21), ()))
    assert set(node.room.state.open) == {"told:south:n2"}


def test_a_peer_raises_no_more_than_its_share_and_takes_no_place_of_our_own():
    node = Node()
    raised = 0
    for second in range(0, 60, 3):
        many = [near(second * 100 + n, AlertLevel.WARNING) for n in range(MOST_NEAR)]
        raised += sum(isinstance(event, AlertRaised) for event in node.hear(after(second), *many))
    assert raised == MOST_TOLD_ALERTS_A_MINUTE
    own = [seen(f"separation:a:b{n}", AlertLevel.WARNING) for n in range(MOST_ALERTS_A_MINUTE)]
    assert sum(isinstance(e, AlertRaised) for e in node.do(SeeAlerts(after(59), tuple(own)))) == MOST_ALERTS_A_MINUTE
    assert node.kept_the_same()


def test_a_report_sooner_than_agreed_is_not_kept():
    node = Node(LiveLevel.ALL)
    report = TracksReported(NOON, (told(),))
    assert node.do(Heard(NOON, "south", report)) == [LiveHeard(NOON, "south", report)]
    for second in range(1, 5):
        assert node.do(Heard(after(second), "south", report)) == []
    assert len(node.do(Heard(after(5), "south", report))) == 1
    # Only the present is held, however many came.
    assert node.room.state.heard["south"].tracks == report


@pytest.mark.parametrize("level", [LiveLevel.NOTHING, LiveLevel.NEAR])
def test_more_than_was_agreed_is_refused(level: LiveLevel):
    with pytest.raises(Refusal, match="live tracks"):
        Node(level).do(Heard(NOON, "south", TracksReported(NOON, (told(),))))
    with pytest.raises(Refusal, match="live tracks"):
        Node(LiveLevel.NOTHING).hear(NOON, near())
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(
            msgspec.json.encode({"message": "near_reported", "at": NOON, "near": [msgspec.to_builtins(near())] * 51}),
            type=NearReported,
        )


def test_what_is_near_is_told_in_a_suspension_and_tracks_are_not():
    node = Node()
    for command, activity in (
        (TellLive(NOON, "south", NearReported(NOON), {}, 0), SafetyFunction.SAFETY_OF_FLIGHT),
        (TellLive(NOON, "south", TracksReported(NOON), {}, 0), Ordinary.PLANNING),
        (Heard(NOON, "south", NearReported(NOON)), SafetyFunction.SAFETY_OF_FLIGHT),
        (Heard(NOON, "south", TracksReported(NOON)), Ordinary.PLANNING),
    ):
        assert node.room.need_of(command) == ("south", activity)
