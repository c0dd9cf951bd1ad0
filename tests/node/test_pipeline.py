"""The way of a command through a node: what is refused changes nothing, and a peer's refused message is on record."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from one_node import KEYS, OneNode
from parties import TODAY, area_plan

from detente.accord.terms import Accord, AccordParty, accord_hash
from detente.airspace.plan import TimeWindow
from detente.airspace.refusal import Refusal
from detente.airspace.separation import Minima, MinimaTable
from detente.humanitarian.messages import HumanitarianNotified
from detente.humanitarian.terms import HumanitarianKind, HumanitarianNotice, Urgency
from detente.line.commands import SendLineMessage
from detente.line.room import LineRoom
from detente.link.links import Links
from detente.picture.commands import DeclarePlan, WithdrawPlan
from detente.picture.messages import PlanDeclaredMessage, PlanWithdrawnMessage
from detente.picture.notices import Meaning
from detente.picture.work import work_of_outline
from detente.room.channel import CHANNEL_HASH, Channel
from detente.room.message import Message
from detente.room.refused import RefusedRoom
from detente.room.tagged import write_tagged
from detente.zones.messages import ZoneAccepted, ZoneProposed
from detente.zones.talks import SayZone
from detente.zones.terms import ZoneTerms, version_of

ACCORD = Accord(
    "strait", 1, tuple(AccordParty(name, key.public.hex()) for name, key in KEYS.items()),
    TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=30)), MinimaTable(Minima(9260.0, 304.8, 0.0)),
)  # fmt: skip


@pytest.mark.parametrize("days", [-9, 9])
def test_a_node_begins_under_an_accord_that_is_not_valid_now_and_stop_goes(tmp_path: Path, days: int) -> None:
    window = TimeWindow(TODAY + timedelta(days=days), TODAY + timedelta(days=days + 1))
    node = OneNode(tmp_path, accord=msgspec.structs.replace(ACCORD, valid=window))
    assert node.state.picture.accord is None
    with pytest.raises(Refusal, match="accord in force"):
        node.decide(DeclarePlan(TODAY, "north", area_plan("n")))
    (sent,) = node.decide(SendLineMessage(TODAY, "north", "south", "stop"))
    assert sent.message.is_stop
    with pytest.raises(Refusal, match="lets line_checks go on"):
        node.decide(SendLineMessage(TODAY, "north", "south", "say_again"))
    if days > 0:
        node.now += timedelta(days=days)
        node.follow()
        assert node.state.picture.accord is not None
        assert node.decide(DeclarePlan(node.now, "north", area_plan("n")))


def test_a_node_begins_again_when_its_accord_is_over(tmp_path: Path) -> None:
    node = OneNode(tmp_path, accord=ACCORD)
    node.now += timedelta(days=31)
    node.start()
    assert node.state.picture.accord is not None


def test_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    node = OneNode(tmp_path, accord=ACCORD)
    before = node.read
    with pytest.raises(Refusal):
        node.decide(WithdrawPlan(TODAY, "north", "never_there"))
    assert node.read == before


def test_a_peers_message_that_is_refused_is_kept_and_counted_and_those_after_it_are_heard(tmp_path: Path) -> None:
    node, links = OneNode(tmp_path, accord=ACCORD), Links(KEYS["south"].public)
    sessions = {
        name: links.open(KEYS["north"].public, name) for name in (accord_hash(ACCORD), CHANNEL_HASH[Channel.LINE])
    }
    good, wrong = write_tagged(PlanDeclaredMessage(area_plan("s"), 1)), write_tagged(PlanWithdrawnMessage("no_such"))

    def send(channel: str, *messages: tuple[str, bytes]) -> None:
        sealed = sessions[channel].seal(KEYS["south"], messages, node.now)
        node.receive(b"".join(envelope.raw for envelope in sealed))

    send(accord_hash(ACCORD), wrong, ("plan_declared", b"{"), ("no_such_kind", b"{}"), good)
    send(CHANNEL_HASH[Channel.LINE], good)
    refused = node.state.rooms.of_type(RefusedRoom)
    assert refused.state.counts == {"south": 4}
    kept = [refused.decode(entry.body) for entry in node.journal.read(kind=refused.name)]
    assert [(event.party, event.message, event.field) for event in kept] == [
        ("south", "plan_withdrawn", "plan_id"), ("south", "plan_declared", "message"),
        ("south", "no_such_kind", "envelope.kind"), ("south", "plan_declared", "envelope.accord"),
    ]  # fmt: skip
    assert set(node.state.picture.plans) == {("south", "s")}
    node.start()
    assert node.state.rooms.of_type(RefusedRoom).state.counts == {"south": 4}
    assert set(node.state.picture.plans) == {("south", "s")}
    assert node.decide(DeclarePlan(TODAY, "north", area_plan("n")))


def test_a_peer_is_charged_for_what_follows_from_its_message(tmp_path: Path) -> None:
    """A humanitarian notice, and a zone of ours to which a peer agrees, become notices of another room."""
    node, links = OneNode(tmp_path, accord=ACCORD), Links(KEYS["south"].public)
    volumes = area_plan("n").intent
    assert isinstance(volumes, tuple)
    window = volumes[0].time
    terms = ZoneTerms("north", Meaning.KEEP_OUT, volumes[0].area, volumes[0].altitude, window)
    node.decide(SayZone(TODAY, "south", ZoneProposed("north", TODAY, "watch", "z", terms, 1)))
    relief = HumanitarianNotice("relief", "south", HumanitarianKind.FLIGHT, Urgency.EMERGENCY, volumes, TODAY)
    session = links.open(KEYS["north"].public, CHANNEL_HASH[Channel.ROOMS])

    def charged(message: Message) -> float:
        (sealed,) = session.seal(KEYS["south"], [write_tagged(message)], node.now)
        meter = node.state.links.meter(sealed.direction)
        before = meter._work
        node.receive(sealed.raw)
        return before - meter._work

    outline = work_of_outline(1)
    assert charged(HumanitarianNotified(relief)) == 2 * outline, "as it is read, and as it becomes a notice"
    assert charged(ZoneAccepted("south", TODAY, "watch", "z", version_of("z", terms))) == outline
    assert len(node.state.picture.notices) == 2


@pytest.mark.parametrize("channel", [Channel.STOP, Channel.LINE, Channel.ROOMS])
def test_what_is_urgent_goes_between_until_a_turn_has_sealed_on_a_channel_of_it(
    tmp_path: Path, channel: Channel
) -> None:
    node = OneNode(tmp_path, accord=ACCORD)
    line, pipeline = node.state.rooms.of_type(LineRoom), node.pipeline
    session = node.state.links.find(KEYS["south"].first, CHANNEL_HASH[channel])
    assert session is not None
    pipeline.start_turn()
    assert pipeline.may_go_between(line)
    pipeline.seal(session, [("note", b"{}")])
    assert pipeline.may_go_between(line) == (channel is Channel.ROOMS)
    pipeline.start_turn()
    assert pipeline.may_go_between(line)
