"""What may leave: one pure function says how much of a plan a peer is told, by accord, own policy, class and horizon.

The stricter wins everywhere: of all rules that fit, and of the accord and our own policy. What is told in a coarse form
always contains the plan, so that the peer may find a conflict too many and never misses one; and it is made from a
fixed grid, so that plans that lie in the same cells are told in the same words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec
from pyproj import Geod

from detente.accord.provisions import (
    AccordArea,
    DisclosureBudget,
    DisclosureGrid,
    DisclosureRule,
    Level,
    LiveLevel,
    PlanKind,
)
from detente.accord.terms import Accord
from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, Ellipsoid
from detente.airspace.plan import Circle, Plan, Polygon, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position, from_posix_s, posix_s
from detente.airspace.search import encounters_between
from detente.airspace.separation import Minima, MinimaTable

_WGS84 = Geod(ellps="WGS84")
_DEGREE_M = 111_700.0
"""A degree of the meridian at the pole, the longest there is: a cell in metres is not smaller than it is in degrees."""
_SLACK_M = 1.0
_LOWEST_M, _HIGHEST_M = -2_000.0, 100_000.0
PIECE_S = 300.0
"""A route that is told as volumes is told in pieces of this many seconds."""


class ClientLevel(StrEnum):
    """Which tracks a TAK client is sent: none, those of our own aircraft, or all that our own feeds show."""

    NOTHING = "nothing"
    OURS = "ours"
    ALL = "all"


class OwnPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this party itself allows, whatever the accord would let it tell. Of the rules that fit, the strictest.

    A `budget` of its own holds beside the accord's: the stricter counts, but for the lead, which is the accord's.
    `live_tracks` bounds in the same way what is told of where our aircraft are now, and `tak_clients` what any TAK
    client is sent, whatever its feed asks for.
    """

    level: Level = Level.TRAJECTORY
    rules: tuple[DisclosureRule, ...] = ()
    budget: DisclosureBudget | None = None
    live_tracks: LiveLevel = LiveLevel.ALL
    tak_clients: ClientLevel = ClientLevel.ALL

    def budgets(self, accord: Accord) -> tuple[DisclosureBudget, ...]:
        """Return the budgets that hold for answers under an accord, the accord's first."""
        agreed = accord.provisions.disclosure_budget
        return (agreed,) if self.budget is None else (agreed, self.budget)


OPEN_POLICY = OwnPolicy()


class Clause(msgspec.Struct, frozen=True):
    """The level that counts for one plan and one peer, and by which words of accord or policy."""

    level: Level
    because: str


class LiveClause(msgspec.Struct, frozen=True):
    """The level that counts for our live tracks and one peer, and by which words of accord or policy."""

    level: LiveLevel
    because: str


def live_clause(accord: Accord, policy: OwnPolicy) -> LiveClause:
    """Return how much the other party of an accord is told of where our aircraft are now, and why."""
    agreed = accord.provisions.live_tracks.level
    if policy.live_tracks.openness < agreed.openness:
        return LiveClause(policy.live_tracks, "own policy: live_tracks")
    return LiveClause(agreed, "accord: live_tracks")


def is_open(accord: Accord, policy: OwnPolicy) -> bool:
    """Whether everything is told as it is, so that there is nothing to decide plan by plan."""
    limits = accord.provisions.disclosure_rules or policy.rules or accord.provisions.area
    return not limits and accord.disclosure.level is policy.level is Level.TRAJECTORY


def answers_conflicts(accord: Accord, policy: OwnPolicy, by: str, to: str) -> bool:
    """Whether `by` may keep plans from `to` of which it says only that there is a conflict, or none.

    It follows from accord and policy alone: whether answers are given says nothing of the plans.
    """
    rules = (*accord.provisions.disclosure_rules, *policy.rules)
    levels = {rule.level for rule in rules if rule.by in (None, by) and rule.to in (None, to)}
    return Level.CONFLICT in {*levels, accord.disclosure.level, policy.level}


def clause_for(accord: Accord, policy: OwnPolicy, plan: Plan, at: datetime, by: str, to: str) -> Clause:
    """Return how much of a plan of `by` the party `to` is told at a time (UTC), and why."""
    if accord.provisions.area is not None and not in_area(accord.provisions.area, plan):
        return Clause(Level.NOTHING, "accord: outside its area")
    kind = PlanKind.ROUTE if isinstance(plan.intent, Trajectory) else PlanKind.AREA
    horizon = accord.provisions.horizons.of((plan.time.start - at).total_seconds())
    found: list[Clause] = []
    for whose, rules, otherwise in (
        ("accord", accord.provisions.disclosure_rules, accord.disclosure.level),
        ("own policy", policy.rules, policy.level),
    ):
        fitting = [
            Clause(rule.level, f"{whose}: disclosure_rules[{number}]")
            for number, rule in enumerate(rules)
            if rule.fits(kind, plan.aircraft_class, horizon, by, to)
        ]
        found += fitting or [Clause(otherwise, f"{whose}: disclosure")]
    return min(found, key=lambda clause: clause.level.openness)


def in_area(area: AccordArea, plan: Plan) -> bool:
    """Whether any of the plan may be inside the accord's area and height band."""
    window = plan.time
    whole = Plan("area", (Volume4D(area.polygon, area.altitude, window),), plan.aircraft_class)
    # A minimum of zero still counts a shared point; a metre more never loses a plan on the edge to rounding.
    return bool(encounters_between([plan], [whole], MinimaTable(Minima(_SLACK_M, _SLACK_M, 0.0))))


def disclosed(plan: Plan, level: Level, grid: DisclosureGrid, told_id: str) -> Plan | None:
    """Return what is told of a plan at a level, under the id that the peer knows it by; None when nothing is.

    At CONFLICT nothing of the plan itself is told. Every other form contains the plan.
    """
    match level:
        case Level.NOTHING | Level.CONFLICT:
            return None
        case Level.TRAJECTORY:
            return Plan(told_id, plan.intent, plan.aircraft_class)
        case Level.VOLUME:
            return Plan(told_id, tuple(_volumes(plan)), plan.aircraft_class)
    coarse = {_coarse(volume, grid, whole_height=level is Level.CELL) for volume in _volumes(plan)}
    return Plan(told_id, tuple(sorted(coarse, key=msgspec.json.encode)), plan.aircraft_class)


def disclosed_bytes(plan: Plan | None) -> bytes:
    """Return the bytes of what is told, without the id it is told under: equal for plans that are told alike."""
    return b"" if plan is None else msgspec.json.encode(Plan("p", plan.intent, plan.aircraft_class))


def _volumes(plan: Plan) -> Iterator[Volume4D]:
    """Volumes that contain the plan: its own, or discs around pieces of its route."""
    if not isinstance(plan.intent, Trajectory):
        yield from plan.intent
        return
    containment = plan.intent.containment
    for piece in _pieces(plan.intent.waypoints):
        centre, radius_m = _disc([waypoint.position for waypoint in piece])
        heights = [waypoint.altitude.reading_m for waypoint in piece]
        reference = piece[0].altitude.reference
        lower, upper = min(heights) - containment.vertical_m, max(heights) + containment.vertical_m
        slack = timedelta(seconds=containment.along_time_s)
        yield Volume4D(
            Circle(centre, radius_m + containment.lateral_m),
            AltitudeBand(*(Altitude(_limited(m), AltitudeUnit.METRE, reference) for m in (lower, upper))),
            TimeWindow(piece[0].time - slack, piece[-1].time + slack),
        )


def _pieces(waypoints: tuple[Waypoint, ...]) -> Iterator[tuple[Waypoint, ...]]:
    """Runs of waypoints of about PIECE_S, each beginning where the one before ends."""
    first = 0
    for number in range(1, len(waypoints)):
        last = number == len(waypoints) - 1
        if last or (waypoints[number].time - waypoints[first].time).total_seconds() >= PIECE_S:
            yield waypoints[first : number + 1]
            first = number
    if len(waypoints) == 1:
        yield waypoints


def _disc(positions: list[Position]) -> tuple[Position, float]:
    """A centre and a radius (m) of a disc that holds these positions and the geodesics between them."""
    x = y = z = 0.0
    for position in positions:
        latitude, longitude = math.radians(position.latitude_deg), math.radians(position.longitude_deg)
        x += math.cos(latitude) * math.cos(longitude)
        y += math.cos(latitude) * math.sin(longitude)
        z += math.sin(latitude)
    centre = Position(math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x)))
    # A disc is convex up to a quarter of the globe; the slack covers the flattening over long pieces.
    radius_m = max(_distance_m(centre, position) for position in positions)
    return centre, radius_m * 1.005 + _SLACK_M


def _coarse(volume: Volume4D, grid: DisclosureGrid, *, whole_height: bool) -> Volume4D:
    """The volume's cells: a disc on the grid, a bracket of time, and a block of heights or all of them."""
    area = volume.area
    centre, radius_m = _disc(list(area.vertices)) if isinstance(area, Polygon) else (area.centre, area.radius_m)
    cell = grid.cell_deg
    snapped = Position(
        max(-90.0, min(90.0, round(centre.latitude_deg / cell) * cell)),
        (round(centre.longitude_deg / cell) * cell + 180.0) % 360.0 - 180.0,
    )
    step_m = cell * _DEGREE_M
    reach_m = math.ceil((_distance_m(snapped, centre) + radius_m + _SLACK_M) / step_m) * step_m
    start = math.floor(posix_s(volume.time.start) / grid.bracket_s) * grid.bracket_s
    end = math.ceil(posix_s(volume.time.end) / grid.bracket_s) * grid.bracket_s
    return Volume4D(
        Circle(snapped, min(reach_m, 5_000_000.0)),
        _whole_height() if whole_height else _block(volume.altitude, grid.block_m),
        TimeWindow(from_posix_s(start).astimezone(UTC), from_posix_s(end).astimezone(UTC)),
    )


def _block(band: AltitudeBand, block_m: float) -> AltitudeBand:
    lower = math.floor(band.lower.reading_m / block_m) * block_m
    upper = math.ceil(band.upper.reading_m / block_m) * block_m
    reference = band.lower.reference
    return AltitudeBand(*(Altitude(_limited(m), AltitudeUnit.METRE, reference) for m in (lower, upper)))


def _whole_height() -> AltitudeBand:
    return AltitudeBand(*(Altitude(m, AltitudeUnit.METRE, Ellipsoid()) for m in (_LOWEST_M, _HIGHEST_M)))


def _limited(height_m: float) -> float:
    return max(_LOWEST_M, min(_HIGHEST_M, height_m))


def _distance_m(first: Position, second: Position) -> float:
    _, _, distance_m = _WGS84.inv(first.longitude_deg, first.latitude_deg, second.longitude_deg, second.latitude_deg)
    return float(distance_m)
