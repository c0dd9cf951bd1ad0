"""Plans as arrays: each leg of a trajectory and each volume becomes a part that the kernels can compare with others.

The columns are those of `part_kernels`, the pieces of curve those of `ellipsoid_kernels`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from detente.airspace.altimetry import heights_array, is_pressure
from detente.airspace.altitude import AltitudeReference, Ground
from detente.airspace.arrays import Floats, Integers
from detente.airspace.ellipsoid_kernels import PIECE_LENGTH_M, geodetic_points, set_pieces, surface_points
from detente.airspace.geodesy import GEOD
from detente.airspace.geoid import GEOID_SLOPE
from detente.airspace.part_kernels import (
    CENTRE_X,
    CENTRE_Z,
    CLASS,
    CURVE,
    CURVE_COUNT,
    ELLIPSOID,
    FAMILY,
    LATERAL_M,
    MOVING,
    NATIVE,
    PART_FLOATS,
    PART_INTEGERS,
    PLAN,
    PRESSURE,
    RADIUS_M,
    REACH_M,
    REFERENCE,
    SLACK_S,
    T0,
    T1,
    VERTICAL_M,
)  # fmt: skip
from detente.airspace.plan import Circle, Plan, Trajectory
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.airspace.ring_kernels import first_crossing, ring_spheres
from detente.airspace.separation import MinimaTable

POLYGON_REACH_MAX_M = 8_190_000.0
"""The chord across a cap of 80 degrees, which reaches 40 degrees from its centre to its rim."""
PLAIN_SAGITTA_MAX_M = 500_000.0
FRAMES = (NATIVE, FAMILY, ELLIPSOID)
PIECE_GEOID_M = 0.5 * GEOID_SLOPE * PIECE_LENGTH_M
"""How far the geoid may bend away from a straight line within one piece."""
_NO_PARTS = np.empty((0, PART_FLOATS)), np.empty((0, PART_INTEGERS), dtype=np.int64), np.empty((0, 9))


KEPT_PIECES = 50_000
"""The pieces of curve of the plans that a vocabulary keeps compiled: some megabytes."""


@dataclass
class Vocabulary:
    """Numbers for classes of aircraft and for altitude references, shared by the sets of plans to be compared."""

    classes: dict[str, int] = field(default_factory=dict)
    references: dict[AltitudeReference, int] = field(default_factory=dict)
    _kept: dict[int, CompiledPlans] = field(default_factory=dict)
    _kept_pieces: int = 0

    def class_number(self, aircraft_class: str) -> int:
        """The number of a class; a new class gets the next number."""
        return self.classes.setdefault(aircraft_class, len(self.classes))

    def reference_number(self, reference: AltitudeReference) -> int:
        """The number of an altitude reference; a new reference gets the next number."""
        return self.references.setdefault(reference, len(self.references))

    def compiled(self, plan: Plan) -> CompiledPlans:
        """The arrays of one plan, raises as `compile_plans`. They are kept a while for whoever asks next.

        A plan is compared before it is put into an index, and to compile a large one takes as long as to compare it.
        """
        held = self._kept.get(id(plan))
        if held is not None and held.plans[0] is plan:
            return held
        compiled = compile_plans([plan], self)
        self._kept[id(plan)] = compiled
        self._kept_pieces += len(compiled.curves)
        while self._kept_pieces > KEPT_PIECES:
            self._kept_pieces -= len(self._kept.pop(next(iter(self._kept))).curves)
        return compiled

    def minima(self, table: MinimaTable) -> Floats:
        """The table as an array [classes, classes, 3]: horizontal m, vertical m, time s."""
        names = list(self.classes)
        matrix = np.empty((len(names), len(names), 3))
        for row, first in enumerate(names):
            for column, second in enumerate(names):
                minima = table.between(first, second)
                matrix[row, column] = minima.horizontal_m, minima.vertical_m, minima.time_s
        return matrix


@dataclass(frozen=True)
class CompiledPlans:
    """Parts [n, PART_FLOATS], [n, PART_INTEGERS], their curve pieces [m, 9], and the plans by number."""

    plans: Sequence[Plan]
    floats: Floats
    integers: Integers
    curves: Floats


def only_parts(compiled: CompiledPlans, rows: Integers) -> CompiledPlans:
    """Only these parts with their pieces of curve, in the order of `rows`."""
    integers = compiled.integers[rows]
    counts = integers[:, CURVE_COUNT]
    begins = np.cumsum(counts) - counts
    pieces = np.repeat(integers[:, CURVE] - begins, counts) + np.arange(counts.sum())
    integers[:, CURVE] = begins
    return CompiledPlans(compiled.plans, compiled.floats[rows], integers, compiled.curves[pieces])


@dataclass
class _Gathered:
    """Numbers read off the plans: per point, per trajectory or volume, and containment per leg."""

    latitudes: list[float] = field(default_factory=list)
    longitudes: list[float] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    slack: list[float] = field(default_factory=list)
    radius: list[float] = field(default_factory=list)
    lateral: list[float] = field(default_factory=list)
    vertical: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    reference: list[int] = field(default_factory=list)
    class_number: list[int] = field(default_factory=list)
    plan: list[int] = field(default_factory=list)


def compile_plans(plans: Sequence[Plan], vocabulary: Vocabulary) -> CompiledPlans:
    """Return the arrays of `plans`; raises Refusal naming the plan when a polygon crosses itself or is too large."""
    moving, still = _Gathered(), _Gathered()
    for number, plan in enumerate(plans):
        class_number = vocabulary.class_number(plan.aircraft_class)
        if isinstance(plan.intent, Trajectory):
            _gather_trajectory(moving, plan.intent, vocabulary, class_number, number)
        else:
            for volume in plan.intent:
                area = volume.area
                points: Iterable[Position]
                if isinstance(area, Circle):
                    points, count, radius_m = (area.centre,), 1, area.radius_m
                else:
                    points, count, radius_m = area.vertices, len(area.vertices), 0.0
                for point in points:
                    still.latitudes.append(point.latitude_deg)
                    still.longitudes.append(point.longitude_deg)
                still.counts.append(count)
                still.lower.append(volume.altitude.lower.reading_m)
                still.upper.append(volume.altitude.upper.reading_m)
                still.times.append(volume.time.start.timestamp())
                still.ends.append(volume.time.end.timestamp())
                still.radius.append(radius_m)
                still.reference.append(vocabulary.reference_number(volume.altitude.lower.reference))
                still.class_number.append(class_number)
                still.plan.append(number)
    references = list(vocabulary.references)
    legs = _trajectory_parts(moving, references)
    volumes = _volume_parts(still, references, plans)
    volumes[1][:, CURVE] += len(legs[2])
    return CompiledPlans(
        plans,
        np.concatenate([legs[0], volumes[0]]),
        np.concatenate([legs[1], volumes[1]]),
        np.concatenate([legs[2], volumes[2]]),
    )


def _gather_trajectory(
    moving: _Gathered, trajectory: Trajectory, vocabulary: Vocabulary, class_number: int, number: int
) -> None:
    for waypoint in trajectory.waypoints:
        moving.latitudes.append(waypoint.position.latitude_deg)
        moving.longitudes.append(waypoint.position.longitude_deg)
        moving.lower.append(waypoint.altitude.reading_m)
        moving.times.append(waypoint.time.timestamp())
    moving.counts.append(len(trajectory.waypoints))
    for leg in range(max(len(trajectory.waypoints) - 1, 1)):
        containment = trajectory.containment_of_leg(leg)
        moving.slack.append(containment.along_time_s)
        moving.lateral.append(containment.lateral_m)
        moving.vertical.append(containment.vertical_m)
    moving.reference.append(vocabulary.reference_number(trajectory.waypoints[0].altitude.reference))
    moving.class_number.append(class_number)
    moving.plan.append(number)


def _cut_edges(
    latitudes: Floats, longitudes: Floats, start: Integers, end: Integers
) -> tuple[Integers, Floats, Floats, Floats]:
    """Cut the geodesics between points into pieces no longer than PIECE_LENGTH_M.

    Returns for each piece: its edge, the shares of the edge where it begins and ends, and its points [n, 2, 3].
    """
    points = surface_points(latitudes, longitudes)
    chord_m = np.linalg.norm(points[end] - points[start], axis=1)
    pieces = np.ones(len(start), dtype=np.int64)
    long = np.flatnonzero(chord_m > PIECE_LENGTH_M * 0.999)
    azimuth, length_m = np.empty(0), np.empty(0)
    if len(long):
        azimuth, _, length_m = GEOD.inv(
            longitudes[start[long]], latitudes[start[long]], longitudes[end[long]], latitudes[end[long]]
        )
        pieces[long] = np.ceil(length_m / (PIECE_LENGTH_M * 0.999)).astype(np.int64)
    edge = np.repeat(np.arange(len(start)), pieces)
    first_piece = np.cumsum(pieces) - pieces
    step = np.arange(len(edge)) - first_piece[edge]
    begin_share, end_share = step / pieces[edge], (step + 1) / pieces[edge]
    ends = np.empty((len(edge), 2, 3))
    ends[:, 0], ends[:, 1] = points[start[edge]], points[end[edge]]
    if len(long):
        row_of_edge = np.full(len(start), -1)
        row_of_edge[long] = np.arange(len(long))
        inner = np.flatnonzero(step > 0)
        of_long = row_of_edge[edge[inner]]
        longitude, latitude, _ = GEOD.fwd(
            longitudes[start[edge[inner]]],
            latitudes[start[edge[inner]]],
            azimuth[of_long],
            length_m[of_long] * begin_share[inner],
        )
        between = surface_points(np.asarray(latitude), np.asarray(longitude))
        ends[inner, 0], ends[inner - 1, 1] = between, between
    return edge, begin_share, end_share, ends


def _trajectory_parts(g: _Gathered, references: list[AltitudeReference]) -> tuple[Floats, Integers, Floats]:
    if not g.counts:
        return _NO_PARTS
    counts = np.asarray(g.counts, dtype=np.int64)
    latitudes, longitudes = np.asarray(g.latitudes, dtype=np.float64), np.asarray(g.longitudes, dtype=np.float64)
    times, readings = np.asarray(g.times, dtype=np.float64), np.asarray(g.lower, dtype=np.float64)
    offsets = np.cumsum(counts) - counts
    of_point = np.repeat(np.arange(len(counts)), counts)
    # One leg from each point but the last; a lone point is a leg to itself.
    is_last = np.arange(len(latitudes)) == (offsets + counts - 1)[of_point]
    start = np.flatnonzero(~is_last | (counts[of_point] == 1)).astype(np.int64)
    end = np.where(counts[of_point[start]] == 1, start, start + 1)
    edge, begin_share, end_share, ends = _cut_edges(latitudes, longitudes, start, end)
    leg_start, leg_end, owner = start[edge], end[edge], of_point[start[edge]]
    curves = np.zeros((len(edge), 9))
    set_pieces(curves, np.ascontiguousarray(ends[:, 0]), np.ascontiguousarray(ends[:, 1]))
    floats = np.zeros((len(edge), PART_FLOATS))
    integers = np.zeros((len(edge), PART_INTEGERS), dtype=np.int64)
    floats[:, T0] = times[leg_start] + begin_share * (times[leg_end] - times[leg_start])
    floats[:, T1] = times[leg_start] + end_share * (times[leg_end] - times[leg_start])
    for column, values in ((SLACK_S, g.slack), (LATERAL_M, g.lateral), (VERTICAL_M, g.vertical)):
        floats[:, column] = np.asarray(values, dtype=np.float64)[edge]
    # Converted where each piece begins and ends: the geoid is not linear along a leg of a thousand kilometres.
    reference = np.asarray(g.reference, dtype=np.int64)[owner]
    rise_m = readings[leg_end] - readings[leg_start]
    begin = _frames(readings[leg_start] + begin_share * rise_m, reference, references, *geodetic_points(ends[:, 0]))
    # A piece ends where the next one begins, but for the last of each trajectory.
    last = np.flatnonzero(np.r_[np.diff(owner) != 0, True])
    at_end = readings[leg_start[last]] + end_share[last] * rise_m[last]
    end_frames = _frames(at_end, reference[last], references, *geodetic_points(ends[last, 1]))
    finish = [
        (_shifted(values, last, end_values), _shifted(errors, last, end_errors))
        for (values, errors), (end_values, end_errors) in zip(begin, end_frames, strict=True)
    ]
    for column, (start_m, start_error_m), (end_m, end_error_m) in zip(FRAMES, begin, finish, strict=True):
        floats[:, column], floats[:, column + 1] = start_m, end_m
        error_m = np.maximum(start_error_m, end_error_m)
        geoid_m = 0.0 if column == NATIVE else PIECE_GEOID_M
        floats[:, column + 3] = np.where(error_m > 0.0, error_m + geoid_m, 0.0)
    middle = ends.mean(axis=1) + 0.25 * curves[:, 6:9]
    floats[:, CENTRE_X : CENTRE_Z + 1] = middle
    floats[:, REACH_M] = np.linalg.norm(ends - middle[:, None, :], axis=2).max(axis=1, initial=0.0) + 0.01
    integers[:, CURVE], integers[:, CURVE_COUNT], integers[:, MOVING] = np.arange(len(edge)), 1, 1
    _set_owner(integers, g, owner, references)
    return floats, integers, curves


def _shifted(values: Floats, last: Integers, end_values: Floats) -> Floats:
    """Each row's value from the row after it, and in the rows `last` those given."""
    shifted = np.roll(values, -1)
    shifted[last] = end_values
    return shifted


def _volume_parts(
    g: _Gathered, references: list[AltitudeReference], plans: Sequence[Plan]
) -> tuple[Floats, Integers, Floats]:
    if not g.counts:
        return _NO_PARTS
    counts = np.asarray(g.counts, dtype=np.int64)
    latitudes, longitudes = np.asarray(g.latitudes, dtype=np.float64), np.asarray(g.longitudes, dtype=np.float64)
    offsets = np.cumsum(counts) - counts
    of_point = np.repeat(np.arange(len(counts)), counts)
    start = np.arange(len(latitudes), dtype=np.int64)
    is_last = start == (offsets + counts - 1)[of_point]
    end = np.where(is_last, offsets[of_point], start + 1)
    edge, _, _, ends = _cut_edges(latitudes, longitudes, start, end)
    curves = np.zeros((len(edge), 9))
    set_pieces(curves, np.ascontiguousarray(ends[:, 0]), np.ascontiguousarray(ends[:, 1]))
    curve_counts = np.bincount(of_point[edge], minlength=len(counts)).astype(np.int64)
    floats = np.zeros((len(counts), PART_FLOATS))
    integers = np.zeros((len(counts), PART_INTEGERS), dtype=np.int64)
    integers[:, CURVE], integers[:, CURVE_COUNT] = np.cumsum(curve_counts) - curve_counts, curve_counts
    _set_owner(integers, g, np.arange(len(counts)), references)
    floats[:, T0], floats[:, T1], floats[:, RADIUS_M] = g.times, g.ends, g.radius
    ring_spheres(curves, integers[:, CURVE].copy(), curve_counts, floats)
    _check_rings(curves, integers, floats, plans)
    # Seen from the corner where its altitudes are converted, an area may extend across its whole bounding sphere.
    extent_m = 2.0 * floats[:, REACH_M] + floats[:, RADIUS_M]
    reference = np.asarray(g.reference, dtype=np.int64)
    first = np.minimum(offsets, max(len(latitudes) - 1, 0))
    bands = zip(
        FRAMES,
        _frames(np.asarray(g.lower, dtype=np.float64), reference, references, latitudes[first], longitudes[first]),
        _frames(np.asarray(g.upper, dtype=np.float64), reference, references, latitudes[first], longitudes[first]),
        strict=True,
    )
    for column, (lower_m, lower_error_m), (upper_m, upper_error_m) in bands:
        floats[:, column] = floats[:, column + 1] = 0.5 * (lower_m + upper_m)
        floats[:, column + 2] = 0.5 * (upper_m - lower_m)
        error_m = np.maximum(lower_error_m, upper_error_m)
        # A large area is converted at one corner; the geoid slopes by no more than this and spans 220 m in all.
        geoid_m = 0.0 if column == NATIVE else np.minimum(GEOID_SLOPE * extent_m, 220.0)
        floats[:, column + 3] = np.where(error_m > 0.0, error_m + geoid_m, 0.0)
    return floats, integers, curves


def _frames(
    readings_m: Floats, reference: Integers, references: list[AltitudeReference], latitudes: Floats, longitudes: Floats
) -> tuple[tuple[Floats, Floats], ...]:
    """Height and error of each reading as planned, in its family's frame, and above the ellipsoid."""
    native_error = np.zeros_like(readings_m)
    family, family_error = np.empty_like(readings_m), np.zeros_like(readings_m)
    ellipsoid, ellipsoid_error = np.empty_like(readings_m), np.zeros_like(readings_m)
    for number in np.unique(reference):
        rows = np.flatnonzero(reference == number)
        _, family[rows], family_error[rows], ellipsoid[rows], ellipsoid_error[rows] = heights_array(
            readings_m[rows], references[number], latitudes[rows], longitudes[rows]
        )
        reference_of_rows = references[number]
        if isinstance(reference_of_rows, Ground):
            # Ground of the same stated elevation is not the same ground: each may be wrong by itself.
            native_error[rows] = reference_of_rows.elevation_error_m
    return (readings_m, native_error), (family, family_error), (ellipsoid, ellipsoid_error)


def _set_owner(integers: Integers, g: _Gathered, owner: Integers, references: list[AltitudeReference]) -> None:
    pressure = np.array([is_pressure(reference) for reference in references], dtype=np.int64)
    for column, values in ((REFERENCE, g.reference), (CLASS, g.class_number), (PLAN, g.plan)):
        integers[:, column] = np.asarray(values, dtype=np.int64)[owner]
    if len(owner):
        integers[:, PRESSURE] = pressure[integers[:, REFERENCE]]


def _check_rings(curves: Floats, integers: Integers, floats: Floats, plans: Sequence[Plan]) -> None:
    too_large = np.flatnonzero((integers[:, CURVE_COUNT] > 1) & ~(floats[:, REACH_M] <= POLYGON_REACH_MAX_M / 2.0))
    if len(too_large):
        plan = plans[integers[too_large[0], PLAN]]
        raise Refusal(
            "airspace.area_fits_cap_degrees", f"plan {plan.plan_id}, area.vertices", "a ring wider than 80 degrees"
        )
    row, i, j = first_crossing(curves, integers[:, CURVE].copy(), integers[:, CURVE_COUNT].copy())
    if row >= 0:
        plan = plans[integers[row, PLAN]]
        raise Refusal(
            "airspace.ring_without_crossing", f"plan {plan.plan_id}, area.vertices",
            f"edges that cross (pieces {i} and {j} of the ring)",
        )  # fmt: skip


def boxes(compiled: CompiledPlans, frame: int) -> tuple[Floats, Floats]:
    """Bounding boxes [n, 5] of the parts, low and high: x, y, z in metres, height in metres in `frame`, POSIX seconds.

    Containment, circle radius and error of conversion are inside; separation minima are not.
    """
    floats, integers, curves = compiled.floats, compiled.integers, compiled.curves
    low, high = np.empty((len(floats), 5)), np.empty((len(floats), 5))
    if len(floats):
        ends = np.stack([curves[:, 0:3], curves[:, 0:3] + curves[:, 3:6]])
        bend = 0.25 * np.abs(curves[:, 6:9])
        first = integers[:, CURVE]
        low[:, :3] = np.minimum.reduceat(ends.min(axis=0) - bend, first)
        high[:, :3] = np.maximum.reduceat(ends.max(axis=0) + bend, first)
        # The inside of a ring bulges over the hull of its edges by the sagitta of its width.
        reach_m = floats[:, REACH_M]
        ring = integers[:, CURVE_COUNT] > 1
        bulge_m = np.where(ring, (2.0 * reach_m) ** 2 / (8.0 * 6.3e6) + 0.01, 0.01)
        margin_m = (floats[:, LATERAL_M] + floats[:, RADIUS_M] + bulge_m)[:, None]
        wide = ring & (reach_m > PLAIN_SAGITTA_MAX_M / 2.0)
        centre = floats[:, CENTRE_X : CENTRE_Z + 1]
        low[:, :3] = np.where(wide[:, None], centre - reach_m[:, None], low[:, :3] - margin_m)
        high[:, :3] = np.where(wide[:, None], centre + reach_m[:, None], high[:, :3] + margin_m)
    # Identical references are compared as planned; the frame's scale differs from theirs by less than this.
    converted = floats[:, frame + 3] > 0.0
    allowance_m = floats[:, VERTICAL_M] + floats[:, frame + 2] + floats[:, frame + 3] + np.where(converted, 50.0, 0.0)
    low[:, 3] = np.minimum(floats[:, frame], floats[:, frame + 1]) - allowance_m
    high[:, 3] = np.maximum(floats[:, frame], floats[:, frame + 1]) + allowance_m
    low[:, 4], high[:, 4] = floats[:, T0] - floats[:, SLACK_S], floats[:, T1] + floats[:, SLACK_S]
    return low, high
