"""Two parties with small worlds of plans over one bay, and a run between them."""

import asyncio
from datetime import timedelta

import numpy as np
from near_limit import EPOCH, NOON

from detente.accord.matching_terms import AltitudeFamilies, FineGrid, MatchingDomain, MatchingTerms
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, StandardPressure
from detente.airspace.plan import Circle, Containment, Plan, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.separation import Minima, MinimaTable
from detente.matching.quantise import quantise
from detente.matching.run import Run
from detente.matching.side import MatchSide
from detente.record.keys import NodeKey

TERMS = MatchingTerms(
    altitudes=AltitudeFamilies.PRESSURE,
    first_log2=10,
    second_log2=8,
    parts_log2=6,
    late_log2=8,
    late_runs=3,
    canaries=16,
    fine=(FineGrid(cell_dm=50_000, bin_seconds=60, first_log2=9, second_log2=8),),
    domain=MatchingDomain(
        south_millidegrees=35_000, west_millidegrees=-123_000, north_millidegrees=38_000, east_millidegrees=-120_000
    ),
    spot_one_in=16,
    spot_points=4,
    answers_least=64,
    audit_one_in=2,
)
TABLE = MinimaTable(Minima(9260.0, 304.8, 0.0))
KEYS = sorted((NodeKey.generate(), NodeKey.generate()), key=lambda key: key.public)
RUN = Run("ab" * 32, EPOCH, TERMS, TABLE, KEYS[0].public, KEYS[1].public)


def level(feet):
    return Altitude(float(feet), AltitudeUnit.FOOT, StandardPressure())


def circle(name, latitude, longitude, feet=10_000, radius_m=2000.0, after_s=0.0):
    start = NOON + timedelta(seconds=after_s)
    volume = Volume4D(
        Circle(Position(latitude, longitude), radius_m),
        AltitudeBand(level(feet), level(feet)),
        TimeWindow(start, start + timedelta(minutes=5)),
    )
    return Plan(name, (volume,))


def flight(name, points, feet=10_000, after_s=0.0):
    waypoints = tuple(
        Waypoint(Position(*point), level(feet), NOON + timedelta(seconds=after_s + 240.0 * number))
        for number, point in enumerate(points)
    )
    return Plan(name, Trajectory(waypoints, Containment(500.0, 0.0, 0.0)))


def world(seed, side, count=4):
    """Plans of one side, some of which come near those of the other side with the same seed."""
    random = np.random.default_rng([seed, side])
    plans = []
    for number in range(count):
        latitude, longitude = (float(random.uniform(low, low + 0.9)) for low in (36.0, -122.0))
        feet = int(random.choice([9_000, 10_000, 10_500, 12_000]))
        after_s = float(random.integers(0, 1800))
        if random.random() < 0.5:
            plans.append(circle(f"s{side}-{number}", latitude, longitude, feet, after_s=after_s))
        else:
            points = [(latitude, longitude), (latitude + 0.2, longitude + 0.1), (latitude + 0.3, longitude - 0.1)]
            plans.append(flight(f"s{side}-{number}", points, feet, after_s))
    return plans


def side_of(number, plans, seed=None, run=RUN, key=None):
    key = key or KEYS[number]
    tokens = quantise(plans, run.role_of(key.public), run.epoch, run.terms, run.minima)
    return MatchSide(run, key, tokens, seed or bytes([number + 1]) * 32)


def play(first, second, sent=None):
    """Run two sides to the end; the messages of each, in order."""
    sent = sent or ([], [])
    while not (first.idle and second.idle):
        for number, (sender, receiver) in enumerate(((first, second), (second, first))):
            raw = sender.next_message()
            if raw is not None:
                sent[number].append(raw)
                receiver.receive(raw)
    return sent


async def send_framed(writer, raw):
    writer.write(len(raw).to_bytes(4, "big") + raw)
    await writer.drain()


async def receive_framed(reader):
    try:
        return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
    except asyncio.IncompleteReadError:
        return b""


def late_run(late, other, plans, others=()):
    """One late run after another that is complete; the messages of each side, in order."""
    for side, given in ((late, plans), (other, others)):
        side.begin_late(quantise(list(given), side.role, side.run.epoch, side.run.terms, side.run.minima))
    return play(late, other)
