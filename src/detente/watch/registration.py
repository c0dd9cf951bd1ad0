"""How two systems that see the same aircraft differ: in place, in height and in time (R20, R25).

A peer tells where its aircraft are, and our own sensors see some of them. The difference of one pair has three parts
that stay (registration errors) and one that does not (noise): a shift on the ground north and east, a shift of height,
and a difference of the clocks, which puts every aircraft ahead or behind by its speed times that difference. Aircraft
that fly in different directions tell the shift and the clocks apart; where all fly alike, neither is said.

The estimate is the least-squares solution of north_m = shift_north_m + speed_north_mps * clock_s, and the same for
east, for all pairs together, with Huber's weights so that wrongly associated pairs count little (P. J. Huber, Robust
Estimation of a Location Parameter, 1964; registration of several sensors: Y. Bar-Shalom and X. R. Li, Multitarget-
Multisensor Tracking, 1995). Height is found in the same way. Errors of one track hang together from report to report,
which the intervals do not know: they are the narrower for it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from detente.airspace.arrays import Floats
from detente.airspace.geodesy import GEOD
from detente.watch.peer_tracks import Pair

MOST_PAIRS = 2_000
"""The latest are kept, of each peer."""
KEPT_S = 1_800.0
FEWEST_PAIRS = 20
"""With fewer nothing is said; nor with fewer aircraft than FEWEST_AIRCRAFT."""
FEWEST_AIRCRAFT = 3
HUBER = 1.345
"""Beyond so many deviations a pair counts less: 95 % efficient where errors are normal (Huber 1964)."""
ROUNDS = 20
MOST_CLOCK_ERROR_S = 1.0
"""A clock difference that is not known to this (95 %) is not said, nor is the shift that hangs on it."""
_CONSISTENT = 1.4826
"""The median absolute deviation times this is the standard deviation of normal errors."""


class PairDifference(msgspec.Struct, frozen=True):
    """One aircraft at one time: where the peer has it, less where we see it, metres; and its velocity, m/s.

    `height_m` is of pressure altitudes; None where one side has none.
    """

    at_s: float
    aircraft: str
    north_m: float
    east_m: float
    north_mps: float
    east_mps: float
    height_m: float | None = None


class Registration(msgspec.Struct, frozen=True):
    """How a peer's picture differs from ours; each figure with the half-width of its 95 % interval, None: not known.

    Attributes:
        pairs, aircraft: how much it is from.
        north_m, east_m: the peer has aircraft so much further north and east than we do.
        height_m: it has them so much higher.
        clock_s: the peer's positions are of so much later a time than it says, by our clock: its clock is slow by that.
        spread_m: how far single pairs lie from what these figures explain (standard deviation in one direction).
    """

    party: str
    pairs: int
    aircraft: int
    north_m: float | None = None
    east_m: float | None = None
    shift_error_m: float | None = None
    height_m: float | None = None
    height_error_m: float | None = None
    clock_s: float | None = None
    clock_error_s: float | None = None
    spread_m: float | None = None


class RegistrationWatch:
    """Keeps the differences of pairs by party, each position of the peer's once."""

    def __init__(self) -> None:
        self._held: dict[str, deque[PairDifference]] = {}
        self._compared: dict[str, float] = {}

    def take(self, pairs: Iterable[Pair], now_s: float) -> None:
        """Take in pairs of one look; a position that was compared already counts no more."""
        compared: dict[str, float] = {}
        for pair in pairs:
            name = f"{pair.party}/{pair.told.told_id}"
            compared[name] = pair.told_at_s
            if pair.told_at_s > self._compared.get(name, float("-inf")):
                self._held.setdefault(pair.party, deque(maxlen=MOST_PAIRS)).append(difference_of(pair))
        self._compared = compared
        for held in self._held.values():
            while held and now_s - held[0].at_s > KEPT_S:
                held.popleft()

    def estimates(self) -> tuple[Registration, ...]:
        """Return how each peer's picture differs from ours, by the parties' names."""
        return tuple(registration_of(party, held) for party, held in sorted(self._held.items()) if held)


def difference_of(pair: Pair) -> PairDifference:
    """Return the difference of a pair, our track taken back to the time of the peer's position."""
    told, seen = pair.told, pair.seen
    back_s = pair.told_at_s - seen.at_s
    course = math.radians(seen.track_deg)
    north_mps, east_mps = seen.ground_speed_mps * math.cos(course), seen.ground_speed_mps * math.sin(course)
    longitude_deg, latitude_deg, _ = GEOD.fwd(
        seen.longitude_deg, seen.latitude_deg, seen.track_deg, seen.ground_speed_mps * back_s
    )
    bearing_deg, _, apart_m = GEOD.inv(longitude_deg, latitude_deg, told.longitude_deg, told.latitude_deg)
    bearing = math.radians(bearing_deg)
    height_m = None
    if told.pressure_altitude_m is not None and seen.pressure_altitude_m is not None:
        height_m = told.pressure_altitude_m - seen.pressure_altitude_m - seen.vertical_speed_mps * back_s
    return PairDifference(
        pair.told_at_s, told.told_id, apart_m * math.cos(bearing), apart_m * math.sin(bearing), north_mps, east_mps,
        height_m,
    )  # fmt: skip


def registration_of(party: str, differences: Sequence[PairDifference] | deque[PairDifference]) -> Registration:
    """Return how a peer's picture differs from ours by these pairs; with too few, or all alike, what is not known."""
    found = list(differences)
    aircraft = len({one.aircraft for one in found})
    said = Registration(party, len(found), aircraft)
    if len(found) < FEWEST_PAIRS or aircraft < FEWEST_AIRCRAFT:
        return said
    heights = np.array([one.height_m for one in found if one.height_m is not None])
    if len(heights) >= FEWEST_PAIRS:
        (height_m,), (error_m,), _ = _robust(np.ones((len(heights), 1)), heights)
        said = msgspec.structs.replace(said, height_m=height_m, height_error_m=error_m)
    measured = np.array([(one.north_m, one.east_m) for one in found]).ravel()
    design = np.zeros((2 * len(found), 3))
    design[0::2, 0] = design[1::2, 1] = 1.0
    design[:, 2] = np.array([(one.north_mps, one.east_mps) for one in found]).ravel()
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return said
    (north_m, east_m, clock_s), (north_error_m, east_error_m, clock_error_s), spread_m = _robust(design, measured)
    if clock_error_s > MOST_CLOCK_ERROR_S:
        return said
    return msgspec.structs.replace(
        said, north_m=north_m, east_m=east_m, shift_error_m=max(north_error_m, east_error_m), clock_s=clock_s,
        clock_error_s=clock_error_s, spread_m=spread_m,
    )  # fmt: skip


def _robust(design: Floats, measured: Floats) -> tuple[list[float], list[float], float]:
    """The solution by Huber's weights, the half-widths of its 95 % intervals, and the deviation of single values."""
    solution: Floats = (
        np.array([np.median(measured)]) if design.shape[1] == 1 else _least(design, measured, np.ones_like(measured))
    )
    spread = 0.0
    weights = np.ones_like(measured)
    for _ in range(ROUNDS):
        left = measured - design @ solution
        spread = max(_CONSISTENT * float(np.median(np.abs(left - np.median(left)))), 1e-6)
        weights = np.minimum(1.0, HUBER * spread / np.maximum(np.abs(left), 1e-12))
        solution = _least(design, measured, weights)
    normal = design.T @ (design * weights[:, None])
    errors = 1.96 * spread * np.sqrt(np.maximum(np.diag(np.linalg.pinv(normal)), 0.0))
    return solution.tolist(), errors.tolist(), spread


def _least(design: Floats, measured: Floats, weights: Floats) -> Floats:
    root = np.sqrt(weights)
    return np.asarray(np.linalg.lstsq(design * root[:, None], measured * root, rcond=None)[0], np.float64)
