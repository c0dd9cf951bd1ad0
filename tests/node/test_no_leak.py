"""Two private worlds that differ only in what is kept back: all that the peer can observe is the same, byte for byte.

The whole command loop works here, with its journal, its keys and its signatures; the clock is the test's, so that even
times and signatures must be equal. What the peer does in both worlds is the same, and much of it is probing.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parties import TODAY

from detente.accord.disclosure import OwnPolicy
from detente.accord.provisions import (
    MOST_EXACT_ANSWERS,
    DisclosureBudget,
    DisclosureRule,
    Level,
    PlanKind,
    Provisions,
)
from detente.accord.terms import Accord, AccordParty, Disclosure, accord_hash
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.resolution import LevelChange
from detente.airspace.separation import Minima, MinimaTable
from detente.link.card import make_card
from detente.link.envelope import Envelope, read_envelope
from detente.link.links import Links
from detente.link.session import SENT
from detente.node.loop import CommandLoop
from detente.node.metrics import Metrics
from detente.node.state import NodeState
from detente.picture.commands import ActivatePlan, ImportPlans, PictureCommand, WithdrawPlan
from detente.picture.conflicts import PlanReference, conflict_id
from detente.picture.measures import Measure
from detente.picture.messages import (
    ConflictAnswerMessage,
    MeasureAcceptedMessage,
    MeasureProposedMessage,
    NoMeasureFoundMessage,
    PlanDeclaredMessage,
    PlanWithdrawnMessage,
)
from detente.record.group_commit import GroupCommit
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.room.message import Message
from detente.room.tagged import write_tagged
from length import at_length

NORTH, SOUTH = NodeKey.generate(), NodeKey.generate()
SITES = 4
EXAMPLES = at_length(250)


class Shape(NamedTuple):
    """How one world fills a site that it uses: nothing of this may be seen where a level hides it."""

    radius_m: float
    level_m: float
    late_s: float
    copies: int
    again: int


def plan_at(name: str, site: int, shape: Shape) -> Plan:
    """A disc at a site: sites lie two degrees apart, each inside one cell, bracket and block of the coarse levels."""
    band = AltitudeBand(*(Altitude(shape.level_m + m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (0.0, 50.0)))
    start = TODAY + timedelta(hours=5, minutes=5, seconds=shape.late_s)
    centre = Position(34.0, 20.0 + 2.0 * site)
    return Plan(
        name, (Volume4D(Circle(centre, shape.radius_m), band, TimeWindow(start, start + timedelta(minutes=20))),)
    )


PEERS_SHAPE = Shape(9000.0, 3700.0, 0.0, 1, 0)
"""Meets every shape at its site."""


class Seen(NamedTuple):
    """The answer to a batch, or what was sent in a step."""

    status: int = 0
    answer: bytes = b""
    raw: tuple[bytes, ...] = ()


View = list[Seen]


class World:
    """North's node in one world, in process, and south's view of it."""

    def __init__(self, folder: Path, accord: Accord, policy: OwnPolicy) -> None:
        self.now = TODAY
        card = make_card(NORTH, "north", (), TODAY)
        self.key = NORTH
        self.journal = Journal.open(folder / "journal.sqlite", NORTH)
        self.commit = GroupCommit(self.journal)
        state = NodeState(card, "", [make_card(SOUTH, "south", (), TODAY)], accord, policy)
        self.loop = CommandLoop(state, self.journal, self.commit, NORTH, self.clock, Metrics())
        self.peer = Links(SOUTH.public).open(NORTH.public, accord_hash(accord))
        self.seen: View = []
        self._read = 0

    def clock(self) -> datetime:
        return self.now

    async def do(self, *commands: PictureCommand) -> None:
        for command in commands:
            await self.loop.decide(command)

    async def hear(self, *messages: Message | tuple[str, bytes]) -> None:
        """South delivers messages in one batch; it sees the answer."""
        told = [message if isinstance(message, tuple) else write_tagged(message) for message in messages]
        envelopes = self.peer.seal(SOUTH, told, self.now)
        judgement = await self.loop.receive(b"".join(envelope.raw for envelope in envelopes))
        self.seen.append(Seen(judgement.status, judgement.answer))

    async def step_ends(self) -> None:
        """What was sealed for south since the last step is what it gets; it sees nothing of when within the step."""
        await self.loop.follow()
        sent = [entry.body for entry in self.journal.read(first=self._read + 1, kind=SENT)]
        self._read = self.journal.head.number
        self.seen.append(Seen(raw=tuple(sent)))
        self.now += timedelta(seconds=30)


class Step(NamedTuple):
    """What happens in both worlds: which sites north uses from now on, what south does, and what differs."""

    sites: frozenset[int]
    active: bool
    probes: tuple[str, ...]
    shapes: tuple[tuple[Shape, ...], tuple[Shape, ...]]


shapes = st.builds(
    Shape,
    st.sampled_from([400.0, 900.0, 2500.0, 6000.0]),
    st.sampled_from([3050.0, 3700.0, 4300.0]),
    st.sampled_from([0.0, 33.0, 600.0]),
    st.integers(1, 3),
    st.integers(0, 2),
)
steps = st.builds(
    Step,
    st.frozensets(st.integers(0, SITES - 1)),
    st.booleans(),
    st.lists(
        st.sampled_from(["declare", "withdraw", "measure", "accept", "no_measure", "answer", "garbage"]), max_size=3
    ).map(tuple),
    st.tuples(st.tuples(*[shapes] * SITES), st.tuples(*[shapes] * SITES)),
)


def probes(names: tuple[str, ...]) -> list[Message | tuple[str, bytes]]:
    """South's messages: its own plans, and guesses at names, ids and conflicts that it was never told."""
    messages: list[Message | tuple[str, bytes]] = []
    guessed = conflict_id(PlanReference("north", "secret-0-0", 1), PlanReference("south", "s0", 1))
    moved = plan_at("secret-0-0", 0, PEERS_SHAPE)
    for name in names:
        match name:
            case "declare":
                messages += [PlanDeclaredMessage(plan_at(f"s{site}", site, PEERS_SHAPE), 1) for site in range(SITES)]
            case "withdraw":
                messages.append(PlanWithdrawnMessage("s1"))
            case "measure":
                measure = Measure("guess", guessed, "south", "north", 1, LevelChange(600.0), moved)
                messages.append(MeasureProposedMessage(measure))
            case "accept":
                messages.append(MeasureAcceptedMessage("guess"))
            case "no_measure":
                messages.append(NoMeasureFoundMessage(guessed, "none is free"))
            case "answer":
                messages += [ConflictAnswerMessage(f"secret-{site}-0", 1, True) for site in range(SITES)]
            case _:
                messages.append(("plan_declared", b"{"))
    return messages


async def live_through(world: World, script: list[Step], number: int, *, coarse: bool, hidden_freely: bool) -> None:
    """Let one world go through the script with the shapes of that number; `coarse`: the shapes' count is told."""
    ours: dict[str, int] = {}
    await world.loop.begin()
    for step in script:
        # The names, and the order in which they come, are the worlds' own.
        order = sorted(step.sites, reverse=number == 1)
        used = {f"secret-{SITES - site if number else site}-{copy}": site
                for site in order for copy in range(1 if coarse else step.shapes[number][site].copies)}  # fmt: skip
        if hidden_freely and number == 1:
            used = {}
        at = world.now
        for again in range(1 + (0 if not used else max(step.shapes[number][site].again for site in used.values()))):
            plans = tuple(
                plan_at(
                    name, site, step.shapes[number][site]._replace(radius_m=step.shapes[number][site].radius_m + again)
                )
                for name, site in used.items()
            )
            if plans:
                await world.do(ImportPlans(at, "north", plans))
        for name in sorted(ours.keys() - used.keys(), key=lambda name: (ours[name], name)):
            await world.do(WithdrawPlan(at, "north", name))
        if step.active:
            await world.do(
                *(ActivatePlan(at, "north", name) for name in sorted(used, key=lambda name: (used[name], name)))
            )
        ours = used
        if messages := probes(step.probes):
            await world.hear(*messages)
        await world.step_ends()


def views(script: list[Step], accord: Accord, policy: OwnPolicy, **how: bool) -> list[View]:
    """What south sees in each of the two worlds."""

    async def one(number: int) -> View:
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder), accord, policy)
            with closing(world.journal), closing(world.commit):
                running = asyncio.ensure_future(world.loop.run())
                await live_through(world, script, number, **how)
                world.loop.stop()
                await running
            return world.seen

    return [asyncio.run(one(number)) for number in (0, 1)]


AT_ONCE = DisclosureBudget(
    exact_answers=MOST_EXACT_ANSWERS, exact_answers_per_plan_hour=MOST_EXACT_ANSWERS, age_s=0.0, batch_s=0.0
)
"""Every plan is answered exactly, and as soon as it comes: what the budget would hide must not show all the same."""
SMALL = DisclosureBudget(exact_answers=2, epoch_s=120.0, age_s=30.0, batch_s=45.0)


def accord_with(disclosure: Disclosure, *rules: DisclosureRule, budget: DisclosureBudget = AT_ONCE) -> Accord:
    parties = tuple(AccordParty(name, key.public.hex()) for name, key in (("north", NORTH), ("south", SOUTH)))
    valid = TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=30))
    minima = MinimaTable(Minima(9260.0, 900.0, 900.0))
    provisions = Provisions(disclosure_rules=rules, disclosure_budget=budget)
    return Accord("pair", 1, parties, valid, minima, disclosure, provisions)


def sent_in(view: View) -> list[list[Envelope]]:
    """What north sent in each step."""
    return [[read_envelope(raw)[0] for raw in row.raw] for row in view if row.raw]


LEVELS = {
    "nothing": (accord_with(Disclosure.NOTHING), OwnPolicy()),
    "nothing by own policy": (accord_with(Disclosure.FULL), OwnPolicy(Level.NOTHING)),
    "conflict": (accord_with(Disclosure.CONFLICT), OwnPolicy()),
    "conflict on a small budget": (accord_with(Disclosure.CONFLICT, budget=SMALL), OwnPolicy()),
    "conflict on a smaller budget of our own": (accord_with(Disclosure.CONFLICT), OwnPolicy(budget=SMALL)),
    "conflict by a rule": (
        accord_with(Disclosure.FULL, DisclosureRule(level=Level.CONFLICT, kind=PlanKind.AREA, by="north")),
        OwnPolicy(),
    ),
    "cell": (accord_with(Disclosure.CELL), OwnPolicy()),
    "height block": (accord_with(Disclosure.HEIGHT_BLOCK), OwnPolicy()),
}


@pytest.mark.parametrize("name", LEVELS)
@settings(max_examples=max(4, EXAMPLES // 4), deadline=None, suppress_health_check=list(HealthCheck))
@given(script=st.lists(steps, min_size=1, max_size=5))
def test_what_is_kept_back_changes_no_byte(name: str, script: list[Step]) -> None:
    accord, policy = LEVELS[name]
    first, second = views(script, accord, policy, coarse=name in ("cell", "height block"),
                          hidden_freely=name.startswith("nothing"))  # fmt: skip
    assert first == second
    assert not any(b"secret" in raw for view in (first, second) for row in view for raw in row.raw)


def test_the_views_would_differ_where_something_is_told() -> None:
    """The comparison sees what it is there to see: at the level of volumes the same two worlds do not look alike."""
    here, there = Shape(900.0, 3050.0, 0.0, 1, 0), Shape(2500.0, 3050.0, 0.0, 1, 0)
    script = [Step(frozenset({0}), False, ("declare",), ((here,) * SITES, (there,) * SITES))]
    first, second = views(script, accord_with(Disclosure.VOLUME), OwnPolicy(), coarse=True, hidden_freely=False)
    assert first != second
    assert [[envelope.kind for envelope in sent] for sent in sent_in(first)] == [["plan_declared"]]


def test_the_answer_is_yes_for_a_plan_in_conflict_and_no_for_the_others() -> None:
    shape = Shape(900.0, 3050.0, 0.0, 2, 1)
    used = Step(frozenset({0, 2}), False, ("declare",), ((shape,) * SITES,) * 2)
    gone = used._replace(sites=frozenset({2}), probes=())
    view, _ = views(
        [used, gone, gone], accord_with(Disclosure.CONFLICT), OwnPolicy(), coarse=False, hidden_freely=False
    )
    said = [[msgspec.json.decode(one.body, type=ConflictAnswerMessage) for one in sent] for sent in sent_in(view)]
    assert said == [
        [ConflictAnswerMessage(f"s{site}", 1, conflict=site in (0, 2)) for site in range(SITES)],
        [ConflictAnswerMessage("s0", 1, conflict=False)],
    ]
