"""How long somebody who only asks needs to find a plan that is kept back, with the terms of an accord that says none.

One node, in process, in virtual time. It keeps one plan back, a disc in one place for as long as it takes, and answers
a peer's plans with a conflict or none. The peer's scripts know all but where the disc is: its size, its heights, its
time, the terms and the grid. They end when all places that are left lie within 1 km of their guess, and it is right.
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detente.accord.disclosure import OPEN_POLICY
from detente.accord.provisions import MOST_EXACT_ANSWERS, DisclosureBudget, Provisions
from detente.accord.terms import Accord, AccordParty, Disclosure, accord_hash
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.airspace.plan import Circle, Plan, Polygon, TimeWindow, Volume4D
from detente.airspace.position import Position
from detente.airspace.separation import Minima, MinimaTable
from detente.line.room import LineRoom
from detente.link.card import make_card
from detente.link.envelope import read_envelope
from detente.link.links import Links
from detente.link.session import SENT
from detente.node.metrics import Metrics
from detente.node.pipeline import Pipeline
from detente.node.stages import Stages, all_at_once
from detente.node.state import NodeState
from detente.picture.commands import ImportPlans, WithdrawPlan
from detente.picture.messages import ConflictAnswerMessage, PlanDeclaredMessage, PlanWithdrawnMessage
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from detente.room.message import Message
from detente.room.tagged import write_tagged
from results import write_section

BEGAN = datetime(2026, 3, 1, 6, tzinfo=UTC)
LONGEST_DAYS = 120
SEEDS = 3
LEAST_DAYS = 30.0
DEGREE_M = 111_195.0
SOUTH_WEST = Position(33.0, 20.0)
SIDE_DEG = 4.0
RADIUS_M = 2_000.0
MINIMA = Minima(9_260.0, 300.0, 0.0)
REACH_M = MINIMA.horizontal_m + RADIUS_M
FOUND_M = 1_000.0
LOOK = timedelta(minutes=15)
AT_ONCE = DisclosureBudget(
    exact_answers=MOST_EXACT_ANSWERS, exact_answers_per_plan_hour=MOST_EXACT_ANSWERS, age_s=0.0, batch_s=0.0
)
"""What an accord without a budget was: every plan answered exactly, as soon as it comes."""


class Area(NamedTuple):
    """Where the disc's centre may be, in degrees."""

    south: float
    west: float
    north: float
    east: float

    @property
    def middle(self) -> Position:
        return Position((self.south + self.north) / 2.0, (self.west + self.east) / 2.0)

    @property
    def farthest_m(self) -> float:
        """From the middle to a corner."""
        return distance_m(self.middle, Position(self.south, self.west))

    def halves(self) -> tuple[Area, Area]:
        """Cut across the longer side: the western and the eastern, or the southern and the northern half."""
        middle = self.middle
        width = (self.east - self.west) * math.cos(math.radians(middle.latitude_deg))
        if width > self.north - self.south:
            return self._replace(east=middle.longitude_deg), self._replace(west=middle.longitude_deg)
        return self._replace(north=middle.latitude_deg), self._replace(south=middle.latitude_deg)


ALL = Area(
    SOUTH_WEST.latitude_deg, SOUTH_WEST.longitude_deg,
    SOUTH_WEST.latitude_deg + SIDE_DEG, SOUTH_WEST.longitude_deg + SIDE_DEG,
)  # fmt: skip


def distance_m(one: Position, other: Position) -> float:
    """Near enough over a few hundred kilometres."""
    east = (one.longitude_deg - other.longitude_deg) * math.cos(
        math.radians((one.latitude_deg + other.latitude_deg) / 2)
    )
    return DEGREE_M * math.hypot(one.latitude_deg - other.latitude_deg, east)


def away(place: Position, far_m: float, bearing_rad: float) -> Position:
    """Return the place so far from another."""
    north = far_m * math.cos(bearing_rad) / DEGREE_M
    latitude = place.latitude_deg + north
    east = far_m * math.sin(bearing_rad) / DEGREE_M / math.cos(math.radians(place.latitude_deg + north / 2))
    return Position(latitude, place.longitude_deg + east)


def volume(area: Circle | Polygon, start: datetime, end: datetime) -> Volume4D:
    """At the disc's heights."""
    band = AltitudeBand(*(Altitude(m, AltitudeUnit.METRE, MeanSeaLevel()) for m in (3_200.0, 3_500.0)))
    return Volume4D(area, band, TimeWindow(start, end))


def half_plan(half: Area, other: Area) -> Polygon:
    """An area that a disc meets when its centre is in `half`, and does not when it is in `other`.

    It ends so far before the line between the two as a disc reaches, and goes far beyond the other sides.
    """
    reach = REACH_M / DEGREE_M
    wide = reach / math.cos(math.radians(half.middle.latitude_deg))
    south, west, north, east = (
        half.south - 2 * reach,
        half.west - 2 * wide,
        half.north + 2 * reach,
        half.east + 2 * wide,
    )
    if other.west > half.west:
        east = half.east - wide
    elif other.south > half.south:
        north = half.north - reach
    elif other.west < half.west:
        west = half.west + wide
    else:
        south = half.south + reach
    if east <= west or north <= south:
        raise ValueError("the half is too narrow for its own reach")
    # Parallels, not geodesics: the long sides in many pieces.
    longitudes = np.linspace(west, east, 24).tolist()
    ring = [Position(south, x) for x in longitudes] + [Position(north, x) for x in reversed(longitudes)]
    return Polygon(tuple(ring))


class World:
    """North's node, which keeps one disc back, and what its peer does: declares, takes back, waits, reads answers."""

    def __init__(self, folder: Path, seed: int, budget: DisclosureBudget, *, daily: bool) -> None:
        self.chance = random.Random(seed)
        north, self._south = NodeKey.generate(), NodeKey.generate()
        parties = tuple(AccordParty(n, k.public.hex()) for n, k in (("north", north), ("south", self._south)))
        valid = TimeWindow(BEGAN - timedelta(days=1), BEGAN + timedelta(days=2 * LONGEST_DAYS))
        self.accord = Accord(
            "pair", 1, parties, valid, MinimaTable(MINIMA), Disclosure.CONFLICT, Provisions(disclosure_budget=budget)
        )
        self.now = BEGAN
        self.journal = Journal.open(folder / "journal.sqlite", north)
        card = make_card(north, "north", (), BEGAN)
        self._state = NodeState(card, "", [make_card(self._south, "south", (), BEGAN)], self.accord, OPEN_POLICY)
        self._pipeline = Pipeline(self._state, self.journal, north, lambda: self.now, Metrics())
        self._session = Links(self._south.public).open(north.public, accord_hash(self.accord))
        self.answers: dict[str, bool] = {}
        self.asked = 0
        self.alarm: tuple[float, int, str] | None = None
        self.centre = Position(
            self.chance.uniform(ALL.south + 0.5, ALL.north - 0.5), self.chance.uniform(ALL.west + 0.5, ALL.east - 0.5)
        )
        self.is_found = False
        self._daily = daily
        self._day = -1
        self._turn(Pipeline.begin)
        self._hide()

    @property
    def days(self) -> float:
        return (self.now - BEGAN).total_seconds() / 86_400.0

    @property
    def over(self) -> bool:
        return self.days >= LONGEST_DAYS

    def guess(self, place: Position) -> None:
        """Say where the disc is."""
        self.is_found = distance_m(place, self.centre) <= FOUND_M

    def declare_slowly(self, places: list[Position]) -> list[str]:
        """Declare small discs, and give the link time to bring them."""
        self.wait(1.0 / 1_440.0)
        return self.declare(*(Circle(place, 100.0) for place in places))

    def declare(self, *areas: Circle | Polygon, begins_h: float = 0.0) -> list[str]:
        """Declare a plan for each area, for as long as the disc is there; return their names."""
        self.now += timedelta(seconds=1)
        begins = self.now + timedelta(hours=begins_h)
        end = BEGAN + timedelta(days=LONGEST_DAYS)
        names = [f"s{self.asked + n}" for n in range(len(areas))]
        self.asked += len(areas)
        self._hear(*(
            PlanDeclaredMessage(Plan(name, (volume(area, begins, end),)), 1)
            for name, area in zip(names, areas, strict=True)
        ))  # fmt: skip
        return names

    def withdraw(self, *names: str) -> None:
        """Take plans back."""
        for first in range(0, len(names), 100):
            self._hear(*(PlanWithdrawnMessage(name) for name in names[first : first + 100]))

    def wait(self, days: float) -> None:
        """Let time pass, as the node's housekeeping sees it."""
        end = self.now + timedelta(days=days)
        while self.now < end:
            self.now = min(end, self.now + LOOK)
            self._hide()
            self._turn(Pipeline.follow)

    def answer(self, name: str) -> bool:
        """Wait for the answer about a plan."""
        while name not in self.answers:
            self.wait(LOOK.total_seconds() / 86_400.0)
        return self.answers[name]

    def _hide(self) -> None:
        """North's disc: one plan for all the time, or a new one of an hour for each day."""
        day = int(self.days) if self._daily else 0
        if day == self._day:
            return
        start = BEGAN + timedelta(days=day, hours=26) if self._daily else BEGAN
        end = start + (timedelta(hours=1) if self._daily else timedelta(days=LONGEST_DAYS))
        plan = Plan(f"secret-{day}", (volume(Circle(self.centre, RADIUS_M), start, end),))
        self._turn(lambda pipeline: pipeline.decide(ImportPlans(self.now, "north", (plan,))))
        if self._day >= 0:
            gone = WithdrawPlan(self.now, "north", f"secret-{self._day}")
            self._turn(lambda pipeline: pipeline.decide(gone))
        self._day = day

    def _hear(self, *messages: Message) -> None:
        envelopes = self._session.seal(self._south, [write_tagged(message) for message in messages], self.now)

        def take(pipeline: Pipeline) -> Stages[None]:
            judgement = yield from pipeline.judge(b"".join(envelope.raw for envelope in envelopes))
            if judgement.status != 200:
                sys.exit(f"the node answered {judgement.status}: {judgement.answer!r}")
            for envelope in judgement.accepted:
                yield from pipeline.hear(envelope)

        self._turn(take)

    def _turn(self, action: Callable[[Pipeline], Stages[Any]]) -> None:
        self._pipeline.start_turn()
        all_at_once(action(self._pipeline))
        if not self._pipeline.entries:
            return
        for kind, body in self._pipeline.entries:
            if kind == SENT:
                envelope, _ = read_envelope(body)
                if envelope.kind == "conflict_answer":
                    said = msgspec.json.decode(envelope.body, type=ConflictAnswerMessage)
                    self.answers[said.plan_id] = said.conflict
        self._state.links.absorb(self.journal.append(self._pipeline.entries, self.now))
        alarms = self._state.rooms.of_type(LineRoom).state.peers["south"].alarms
        if alarms and self.alarm is None:
            self.alarm = (self.days, self.asked, alarms[0].kind.value)


def binary_search(world: World) -> None:
    """As it was done before there was a budget: a plan for one half, its answer, the plan taken back, and again."""
    area = ALL
    while area.farthest_m > FOUND_M:
        half, other = area.halves()
        (name,) = world.declare(half_plan(half, other))
        area = half if world.answer(name) else other
        world.withdraw(name)
    world.guess(area.middle)


def random_discs(world: World) -> None:
    """Discs of any size whose edge is where the plan may still be, each taken back once it is answered."""
    latitudes, longitudes = np.meshgrid(
        np.arange(ALL.south, ALL.north, 0.006), np.arange(ALL.west, ALL.east, 0.007), indexing="ij"
    )
    left = np.column_stack([latitudes.ravel(), longitudes.ravel()])
    while len(left):
        middle = Position(*left.mean(axis=0).tolist())
        if distances_m(left, middle).max() <= FOUND_M:
            world.guess(middle)
            return
        radius_m = math.exp(world.chance.uniform(math.log(1_000.0), math.log(100_000.0)))
        edge = Position(*left[world.chance.randrange(len(left))].tolist())
        centre = away(edge, radius_m + REACH_M, world.chance.uniform(0.0, 2 * math.pi))
        (name,) = world.declare(Circle(centre, radius_m))
        far_m = distances_m(left, centre) - radius_m - REACH_M
        is_met = far_m <= 0.0 if world.answer(name) else far_m > 0.0
        left = left[is_met | (np.abs(far_m) < 300.0)]
        world.withdraw(name)


def flood(world: World) -> None:
    """Small discs everywhere, all at once, each to be flown at once: none of them can wait for its answer."""
    area, step_m = ALL, 15_000.0
    for _ in range(2):
        north = np.arange(area.south, area.north, step_m / DEGREE_M).tolist()
        east_m = DEGREE_M * math.cos(math.radians(area.middle.latitude_deg))
        places = [Position(y, x) for y in north for x in np.arange(area.west, area.east, step_m / east_m).tolist()]
        names = [name for n in range(0, len(places), 100) for name in world.declare_slowly(places[n : n + 100])]
        met = np.array(
            [(p.latitude_deg, p.longitude_deg) for p, name in zip(places, names, strict=True) if world.answer(name)]
        )
        world.withdraw(*names)
        middle = Position(*met.mean(axis=0).tolist())
        if distances_m(met, middle).max() > REACH_M + 100.0 + step_m:
            # It is not the shape of one disc: these answers are no place. There are other days.
            world.wait(30.0)
            return
        reach = (REACH_M + step_m) / DEGREE_M
        area = Area(
            middle.latitude_deg - reach, middle.longitude_deg - reach * 1.25,
            middle.latitude_deg + reach, middle.longitude_deg + reach * 1.25,
        )  # fmt: skip
        step_m = 1_500.0
    world.guess(middle)


def patient(world: World) -> None:
    """Knows the terms, and is told at the start which square of the grid the disc's centre is in.

    It asks only when an exact answer is left, for a plan that begins later than the lead and so hurries nobody, and
    each answer halves the place.
    """
    budget = world.accord.provisions.disclosure_budget
    cell = world.accord.provisions.disclosure_grid.cell_deg
    south, west = (round(x / cell) * cell - cell / 2 for x in (world.centre.latitude_deg, world.centre.longitude_deg))
    area, given = Area(south, west, south + cell, west + cell), [-math.inf]
    while area.farthest_m > FOUND_M and not world.over:
        lately = [day for day in given if world.days - day <= budget.epoch_s / 86_400.0]
        if len(lately) >= budget.exact_answers:
            world.wait(1.0)
            continue
        half, other = area.halves()
        (name,) = world.declare(half_plan(half, other), begins_h=3.0)
        area = half if world.answer(name) else other
        given.append(world.days)
        world.withdraw(name)
    if area.farthest_m <= FOUND_M:
        world.guess(area.middle)


def distances_m(places: NDArray[np.float64], centre: Position) -> NDArray[np.float64]:
    """From each row of latitude and longitude."""
    east = (places[:, 1] - centre.longitude_deg) * np.cos(np.radians((places[:, 0] + centre.latitude_deg) / 2))
    return DEGREE_M * np.hypot(places[:, 0] - centre.latitude_deg, east)


PROBERS = {"binary search": binary_search, "random discs": random_discs, "flood": flood, "patient": patient}


class Played(NamedTuple):
    """What became of one run: `days` until the plan was found, infinite when it was not."""

    days: float
    asked: int
    alarm: tuple[float, int, str] | None


def play(prober: Callable[[World], None], seed: int, budget: DisclosureBudget, *, daily: bool) -> Played:
    """Let a prober try again and again until it has found the plan, or for LONGEST_DAYS."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        world = World(Path(folder), seed, budget, daily=daily)
        with closing(world.journal):
            while not world.over and not world.is_found:
                prober(world)
                if not world.is_found:
                    world.wait(14.0)
        return Played(world.days if world.is_found else math.inf, world.asked, world.alarm)


CASES = (
    ("no budget", "one that stands", AT_ONCE, False),
    ("default", "one that stands", DisclosureBudget(), False),
    ("default", "a new one each day", DisclosureBudget(), True),
)


def main() -> None:
    """Play every prober, write the table, and fail when one is quicker than it may be or not heard in time."""
    rows = [
        "| terms | the plan | prober | days to 1 km, least / median | plans asked | alarm after plans | which |",
        "|---|---|---|---|---|---|---|",
    ]
    broken = []
    with ProcessPoolExecutor() as pool:
        games = {
            (case, name): [pool.submit(play, prober, seed, case[2], daily=case[3]) for seed in range(1, SEEDS + 1)]
            for case in CASES
            for name, prober in PROBERS.items()
        }
        for ((terms, target, budget, _), name), seeds in games.items():
            played = [seed.result() for seed in seeds]
            days = [one.days for one in played]
            late = [one for one in played if one.alarm is None or one.alarm[0] > one.days]
            if budget is not AT_ONCE and (min(days) < LEAST_DAYS or late):
                broken.append(f"{name}, {target}: {min(days):.1f} days, {len(late)} without an alarm before")
            alarms = [one.alarm for one in played if one.alarm is not None]
            after = f"{max(alarm[1] for alarm in alarms):,}" if alarms else "-"
            which = ", ".join(sorted({alarm[2] for alarm in alarms})) or "-"
            asked = f"{median(one.asked for one in played):,.0f}"
            took = f"{_shown(min(days))} / {_shown(median(days))}"
            rows.append(f"| {terms} | {target} | {name} | {took} | {asked} | {after} | {which} |")
            print(rows[-1], flush=True)
    write_section("oracle", TEXT + "\n".join(rows))
    if broken:
        sys.exit("\n".join(broken))


def _shown(days: float) -> str:
    if math.isinf(days):
        return f"> {LONGEST_DAYS}"
    return f"{days:.0f}" if days >= 1.0 else f"{86_400.0 * days:.0f} s"


TEXT = f"""One node in process, in virtual time, with disclosure `conflict`. It keeps back one disc of 2 km in an area
of {SIDE_DEG:g} by {SIDE_DEG:g} degrees; the minima are 5 NM and 300 m. {SEEDS} seeds for each row, {LONGEST_DAYS} days
at the longest. A prober knows everything but where the disc is, and has found it when every place that is left lies
within 1 km of its guess and the guess is right; when it was wrong it begins anew a fortnight later. The patient prober
also has the square of the grid for nothing, and asks only when an exact answer is left. Alarm: the most plans of any
seed before the first one.

"""


if __name__ == "__main__":
    main()
