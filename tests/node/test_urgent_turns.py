"""STOP never waits for planning: it has a turn of its own while a long decision is taken, and while it is folded in."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from one_node import KEYS, OneNode, node_state
from parties import TODAY, area_plan
from test_pipeline import ACCORD

from detente.accord.disclosure import OPEN_POLICY, OwnPolicy
from detente.accord.messages import AccordProposed
from detente.accord.provisions import Level
from detente.accord.terms import AccordParty, accord_hash, format_accord
from detente.airspace.plan import Polygon
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.humanitarian.messages import HumanitarianNotified
from detente.humanitarian.terms import HumanitarianKind, HumanitarianNotice, Urgency
from detente.line.commands import SendLineMessage
from detente.line.room import LineRoom
from detente.link.envelope import read_envelope
from detente.link.links import Links
from detente.node import loop as loop_module
from detente.node import pipeline as pipeline_module
from detente.node.loop import CommandLoop, NodeStopped
from detente.node.metrics import Metrics
from detente.picture.commands import DeclarePlan, ImportPlans, WithdrawPlan
from detente.picture.messages import PlanDeclaredMessage
from detente.picture.notices import Meaning
from detente.picture.picture import picture_bytes
from detente.picture.room import PictureRoom
from detente.record.journal import GroupCommit, Journal
from detente.record.keys import NodeKey
from detente.room.channel import CHANNEL_HASH, Channel, channel_of
from detente.room.message import Heard
from detente.room.refused import NotTakenMessage, RefusedRoom
from detente.room.tagged import write_tagged
from detente.zones.messages import ZoneProposed
from detente.zones.terms import ZoneTerms

IMPORT = ImportPlans(TODAY, "north", tuple(area_plan(f"n{number}", 2.0 * number) for number in range(20)))
STOP = SendLineMessage(TODAY, "north", "south", "stop")
ASIDE = SendLineMessage(TODAY, "north", "south", "radio_check")


class Aside:
    """What is called beside the loop, held until it may go on."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.begun, self.may_go_on = asyncio.Event(), asyncio.Event()
        self._then = then

    async def __call__(self, work: Callable[[], Any]) -> Any:
        self.begun.set()
        await self.may_go_on.wait()
        found = work()
        self._then()
        return found


@asynccontextmanager
async def loop_with(folder: Path, beside: Callable[[Callable[[], Any]], Awaitable[Any]]) -> AsyncIterator[CommandLoop]:
    """The command loop of north's node; at the end its journal must give the state that it has."""
    with Journal.open(folder / "journal.sqlite", KEYS["north"]) as journal:
        state = node_state("north", ACCORD)
        loop = CommandLoop(state, journal, GroupCommit(journal), KEYS["north"], lambda: TODAY, Metrics(), beside)
        writer = asyncio.create_task(loop.run())
        try:
            yield loop
        finally:
            loop.stop()
            await writer
        again = node_state("north", ACCORD)
        again.replay(journal.read())
        assert picture_bytes(again.picture) == picture_bytes(state.picture)
        lines = [node.rooms.of_type(LineRoom).state for node in (again, state)]
        assert repr(vars(lines[0])) == repr(vars(lines[1]))


def kinds(loop: CommandLoop, after: int) -> list[str]:
    return [entry.kind for entry in loop.journal.read(first=after + 1)]


def test_a_stop_is_durable_while_a_long_decision_is_taken_and_others_wait(tmp_path: Path) -> None:
    async def run() -> None:
        aside = Aside()
        aside.may_go_on.set()
        async with loop_with(tmp_path, aside) as loop:
            await loop.begin()
            aside.begun.clear()
            aside.may_go_on.clear()
            before = loop.journal.head.number
            importing = asyncio.create_task(loop.decide(IMPORT))
            await aside.begun.wait()
            withdrawn = asyncio.create_task(loop.decide(WithdrawPlan(TODAY, "north", "n1")))
            stop = await loop.decide(STOP, urgent=True)
            assert stop.journal_number > before, "it is durable"
            assert await loop.read(lambda: len(loop.picture.plans)) == 0, "what is durable can be read meanwhile"
            assert not importing.done()
            assert not withdrawn.done()
            aside.may_go_on.set()
            assert len((await importing).events) == 20
            await withdrawn
            written = kinds(loop, before)
            assert written.index("line") < written.index("event")

    asyncio.run(run())


def test_a_node_that_stops_refuses_what_waits_and_keeps_what_it_acknowledges(tmp_path: Path) -> None:
    async def run() -> None:
        aside = Aside()
        aside.may_go_on.set()
        async with loop_with(tmp_path, aside) as loop:
            await loop.begin()
            aside.begun.clear()
            aside.may_go_on.clear()
            before = loop.journal.head.number
            importing = asyncio.create_task(loop.decide(IMPORT))
            await aside.begun.wait()
            waiting = [asyncio.create_task(loop.decide(WithdrawPlan(TODAY, "north", "n1"))) for _ in range(3)]
            await asyncio.sleep(0)
            loop.stop()
            for one in [*waiting, asyncio.create_task(loop.decide(STOP, urgent=True))]:
                with pytest.raises(NodeStopped):
                    await one
            assert not importing.done(), "nobody who waits is kept waiting for it"
            aside.may_go_on.set()
            assert len((await importing).events) == 20
            assert kinds(loop, before).count("event") == 20

    asyncio.run(run())


def ring(vertices: int) -> Polygon:
    turns = [math.tau * number / vertices for number in range(vertices)]
    return Polygon(tuple(Position(34.0 + math.sin(turn), 20.0 + math.cos(turn)) for turn in turns))


def long_commands() -> dict[str, Any]:
    """What takes long to decide, of rooms other than planning."""
    (volume,) = area_plan("wide").intent
    wide = msgspec.structs.replace(volume, area=ring(200))
    terms = ZoneTerms("south", Meaning.KEEP_OUT, wide.area, wide.altitude, wide.time)
    notice = HumanitarianNotice(
        "aid", "south", HumanitarianKind.AIRDROP, Urgency.ROUTINE, (wide,), TODAY
    )  # fmt: skip
    parties = tuple(AccordParty(n, KEYS[n].public.hex(), NodeKey.generate().public.hex()) for n in ("north", "south"))
    text = format_accord(msgspec.structs.replace(ACCORD, parties=parties)) + "#\n" * 20_000
    messages = (
        ZoneProposed("south", TODAY, "watch", "z1", terms, 1),
        HumanitarianNotified(notice),
        AccordProposed("south", TODAY, "watch", text),
    )
    return {type(message).__name__: Heard(TODAY, "south", message) for message in messages}


@pytest.mark.parametrize("name", long_commands())
def test_a_stop_is_durable_while_another_room_decides_what_takes_long(tmp_path: Path, name: str) -> None:
    async def run() -> None:
        aside = Aside()
        aside.may_go_on.set()
        async with loop_with(tmp_path, aside) as loop:
            await loop.begin()
            aside.begun.clear()
            aside.may_go_on.clear()
            before = loop.journal.head.number
            long = asyncio.create_task(loop.decide(long_commands()[name]))
            await aside.begun.wait()
            stop = await loop.decide(STOP, urgent=True)
            assert stop.journal_number > before
            assert not long.done()
            aside.may_go_on.set()
            assert (await long).journal_number > stop.journal_number

    asyncio.run(run())


def test_a_peer_is_charged_for_the_work_of_its_long_messages() -> None:
    node = node_state("north", ACCORD)
    for name, heard in long_commands().items():
        work = node.rooms.of_command(heard).work_of(heard)
        assert work.alone == work.whole > 20_000, name


def test_a_stop_has_its_turn_while_events_are_folded_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pause is taken, as on a machine that is slow."""
    monkeypatch.setattr(loop_module, "LONGEST_BREATH_S", -1.0)

    async def run() -> None:
        stops: list[asyncio.Task[Any]] = []
        loops: list[CommandLoop] = []

        def send_stop() -> None:
            if loops:
                stops.append(asyncio.create_task(loops[0].decide(STOP, urgent=True)))

        aside = Aside(send_stop)
        aside.may_go_on.set()
        async with loop_with(tmp_path, aside) as loop:
            await loop.begin()
            loops.append(loop)
            before = loop.journal.head.number
            outcome = await loop.decide(IMPORT)
            (stop,) = stops
            assert stop.done(), "it did not wait for the import"
            assert stop.result().journal_number < outcome.journal_number
            written = kinds(loop, before)
            assert written.index("line") < written.index("event")
            assert written.count("event") == 20

    asyncio.run(run())


def test_a_stop_waits_where_the_turn_has_changed_the_line_and_the_turn_then_ends(tmp_path: Path) -> None:
    async def run() -> None:
        aside = Aside()
        aside.may_go_on.set()
        async with loop_with(tmp_path, aside) as loop:
            await loop.begin()
            aside.begun.clear()
            aside.may_go_on.clear()
            said = [asyncio.create_task(loop.decide(command)) for command in (ASIDE, IMPORT)]
            await aside.begun.wait()
            stop = asyncio.create_task(loop.decide(STOP, urgent=True))
            await asyncio.sleep(0)
            assert not stop.done(), "its number follows from what the turn has said on the line"
            aside.may_go_on.set()
            await asyncio.gather(*said, stop)
            numbers = [event.message.number for outcome in (said[0], stop) for event in outcome.result().events]
            assert numbers == sorted(numbers)

    asyncio.run(run())


def test_what_fails_beside_the_loop_is_told_to_who_asked_and_the_node_goes_on(tmp_path: Path) -> None:
    async def run() -> None:
        async with loop_with(tmp_path, asyncio.to_thread) as loop:
            await loop.begin()
            with pytest.raises(ZeroDivisionError):
                await loop.work_out(lambda: 1 / 0)
            with pytest.raises(Refusal, match="not twice in one import"):
                await loop.decide(ImportPlans(TODAY, "north", (area_plan("n"),) * 20))
            assert await loop.work_out(lambda: len(loop.picture.plans)) == 0
            await loop.decide(IMPORT)

    asyncio.run(run())


def test_a_reading_beside_the_loop_is_news_to_nobody(tmp_path: Path) -> None:
    """Else settlement, which reads whenever a turn is over, would read for ever."""

    async def run() -> None:
        turns: list[str] = []
        async with loop_with(tmp_path, asyncio.to_thread) as loop:
            await loop.begin()
            loop.after_turn.append(lambda: turns.append("over"))
            await loop.work_out(lambda: None)
            assert not turns
            await loop.decide(IMPORT)
            assert turns

    asyncio.run(run())


def south_says(node: OneNode, *messages: tuple[str, bytes], channel: str = "") -> None:
    session = Links(KEYS["south"].public).open(KEYS["north"].public, channel or accord_hash(ACCORD))
    node.receive(b"".join(e.raw for e in session.seal(KEYS["south"], messages, node.now)))


@pytest.mark.parametrize("held_back", [False, True])
def test_a_plan_that_takes_too_much_work_is_refused_and_its_sender_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, held_back: bool
) -> None:
    """Where our plans are held back, what a plan meets of them must make no difference that its sender sees."""
    monkeypatch.setattr(pipeline_module, "MOST_WORK", 1_000)
    policy = OwnPolicy(level=Level.NOTHING) if held_back else OPEN_POLICY
    node = OneNode(tmp_path, accord=ACCORD, policy=policy)
    node.decide(DeclarePlan(TODAY, "north", area_plan("n")))
    south_says(
        node, *(write_tagged(PlanDeclaredMessage(area_plan(*each), 1)) for each in (("far", 9.0), ("near", 0.0)))
    )
    refused = node.state.rooms.of_type(RefusedRoom).state.counts
    assert refused == ({} if held_back else {"south": 1})
    assert (("south", "near") in node.state.picture.plans) is held_back
    told = [read for read in said_to_south(node) if isinstance(read, NotTakenMessage)]
    assert [(one.kind, one.about) for one in told] == ([] if held_back else [("plan_declared", "near")])


def said_to_south(node: OneNode) -> list[Any]:
    """Everything that south was told, on whichever channel."""
    found = []
    for raw in node.envelopes("south"):
        envelope, _ = read_envelope(raw)
        channel = channel_of(envelope.direction.accord)
        found.append(node.state.rooms.read_message(channel, envelope.kind, envelope.body))
    return found


def test_a_party_whose_plan_was_not_taken_is_alarmed(tmp_path: Path) -> None:
    node = OneNode(tmp_path, accord=ACCORD)
    said = NotTakenMessage("plan_declared", "wide", "a plan that takes less", "Split it.")
    south_says(node, write_tagged(said), channel=CHANNEL_HASH[Channel.ROOMS])
    (alarm,) = node.state.rooms.of_type(LineRoom).state.peers["south"].alarms
    assert (alarm.kind.value, alarm.detail) == ("not_taken", "plan_declared wide: a plan that takes less")


def test_the_work_that_a_plan_makes_alone_does_not_depend_on_ours(tmp_path: Path) -> None:
    node = OneNode(tmp_path, accord=ACCORD)
    room = node.state.rooms.of_type(PictureRoom)
    heard = Heard(node.now, "south", PlanDeclaredMessage(area_plan("s"), 1))
    without = room.work_of(heard)
    for number in range(3):
        node.decide(DeclarePlan(node.now, "north", area_plan(f"n{number}")))
    work = room.work_of(heard)
    assert work.alone == without.alone == without.whole
    assert work.whole > without.whole + 3_000
    far = area_plan("f", 20.0)
    assert room.work_of(Heard(node.now, "south", PlanDeclaredMessage(far, 1))).whole == without.whole
