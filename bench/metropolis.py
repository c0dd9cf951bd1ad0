"""A metropolitan day of drone operations, seeded: what two services would declare over one city.

Deliveries fly from depots that stand in a few crowded districts (a launch circle, corridors of one or two legs, a
landing circle), surveys hold an area for long, films hold a circle. Bands are 30 to 120 m high; most volumes last
minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from pyproj import Proj

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, Ellipsoid
from detente.airspace.plan import Circle, Plan, Polygon, TimeWindow, Volume4D
from detente.airspace.position import Position

CENTRE_DEG = (37.72, -122.27)
DAWN = datetime(2025, 6, 1, 13, 0, tzinfo=UTC)
DAY_S = 16 * 3600.0
HALF_WIDTH_M = 30_000.0
PLANE = Proj(proj="aeqd", lat_0=CENTRE_DEG[0], lon_0=CENTRE_DEG[1], ellps="WGS84")
"""Azimuthal equidistant about the city: the local plane of every peer that needs one."""


@dataclass
class Shape:
    """A volume on the local plane: a ring of corners [n, 2] in metres, or one centre with a radius."""

    corners: NDArray[np.float64]
    radius_m: float
    lower_m: float
    upper_m: float
    start_s: float
    end_s: float


def corridor(points: NDArray[np.float64], half_m: float) -> NDArray[np.float64]:
    """The ring around a line of two or three points, `half_m` to each side."""
    legs = np.diff(points, axis=0)
    legs /= np.linalg.norm(legs, axis=1)[:, None]
    sides = np.column_stack([-legs[:, 1], legs[:, 0]])
    joints = np.concatenate([sides[:1], (sides[:-1] + sides[1:]) / 2.0, sides[-1:]])
    joints /= (joints**2).sum(axis=1)[:, None] ** 0.5
    ends = points.copy()
    ends[0] -= legs[0] * half_m
    ends[-1] += legs[-1] * half_m
    return np.concatenate([ends + joints * half_m, (ends - joints * half_m)[::-1]])


def star(rng: np.random.Generator, centre: NDArray[np.float64], radius_m: float, corners: int) -> NDArray[np.float64]:
    """A ring of `corners` around a centre, nearer and farther, never crossing itself."""
    angles = (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) * 2.0 * np.pi / corners
    reach = radius_m * rng.uniform(0.5, 1.0, corners)
    return centre + np.column_stack([np.cos(angles), np.sin(angles)]) * reach[:, None]


def flights_of(rng: np.random.Generator, depots: NDArray[np.float64]) -> list[Shape]:
    """The volumes of one operation."""
    take_off_s = float(np.clip(rng.normal(DAY_S * rng.choice([0.4, 0.7]), DAY_S * 0.15), 0.0, DAY_S))
    lower_m = float(rng.uniform(0.0, 90.0))
    upper_m = lower_m + float(rng.uniform(30.0, 120.0))
    kind = rng.random()
    if kind < 0.7:
        weights = 1.0 / np.arange(1, len(depots) + 1)
        depot = depots[rng.choice(len(depots), p=weights / weights.sum())]
        heading, far_m, width_m = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(800.0, 6_000.0), rng.uniform(25.0, 75.0)
        bend = rng.uniform(-0.5, 0.5)
        ahead = np.array([np.cos(heading), np.sin(heading)])
        aside = np.array([np.cos(heading + bend), np.sin(heading + bend)])
        points = np.array([depot, depot + 0.3 * far_m * ahead, depot + 0.6 * far_m * ahead])
        points = np.concatenate([points, points[-1:] + 0.2 * far_m * aside, points[-1:] + 0.4 * far_m * aside])
        speed = rng.uniform(12.0, 22.0)
        at_s = take_off_s + 60.0 + np.array([0.0, 0.3, 0.6, 0.8, 1.0]) * far_m / speed
        slack_s = rng.uniform(20.0, 90.0)
        return [
            Shape(points[:1], float(rng.uniform(40.0, 90.0)), 0.0, upper_m, take_off_s, take_off_s + 60.0 + slack_s),
            Shape(corridor(points[:2], width_m), 0.0, lower_m, upper_m, at_s[0] - slack_s, at_s[1] + slack_s),
            Shape(corridor(points[1:4], width_m), 0.0, lower_m, upper_m, at_s[1] - slack_s, at_s[3] + slack_s),
            Shape(corridor(points[3:], width_m), 0.0, lower_m, upper_m, at_s[3] - slack_s, at_s[4] + slack_s),
            Shape(points[4:], float(rng.uniform(40.0, 90.0)), 0.0, upper_m, at_s[4] - slack_s, at_s[4] + 120.0),
        ]
    centre = rng.uniform(-HALF_WIDTH_M, HALF_WIDTH_M, 2)
    if kind < 0.85:
        ring = star(rng, centre, float(rng.uniform(150.0, 700.0)), int(rng.integers(5, 13)))
        return [Shape(ring, 0.0, lower_m, upper_m, take_off_s, take_off_s + rng.uniform(600.0, 2_400.0))]
    radius_m, for_s = float(rng.uniform(50.0, 300.0)), rng.uniform(300.0, 1_200.0)
    return [Shape(centre[None], radius_m, lower_m, upper_m, take_off_s, take_off_s + for_s)]


def day(seed: int, service: int, volumes: int) -> list[list[Shape]]:
    """Operations of one service with `volumes` volumes in all; the city (`seed`) is the same for every service."""
    city = np.random.default_rng(seed)
    districts = city.normal(0.0, 9_000.0, (6, 2))
    rng = np.random.default_rng([seed, service])
    depots = districts[rng.integers(0, len(districts), 40)] + rng.normal(0.0, 2_500.0, (40, 2))
    operations: list[list[Shape]] = []
    left = volumes
    while left > 0:
        shapes = flights_of(rng, depots)[:left]
        operations.append(shapes)
        left -= len(shapes)
    return operations


def plans_of(operations: list[list[Shape]], service: str) -> list[Plan]:
    """The operations as plans, heights above the ellipsoid."""
    everything = np.concatenate([shape.corners for shapes in operations for shape in shapes])
    longitudes, latitudes = PLANE(everything[:, 0], everything[:, 1], inverse=True)
    positions = iter(zip(latitudes.tolist(), longitudes.tolist(), strict=True))
    plans = []
    for number, shapes in enumerate(operations):
        volumes = []
        for shape in shapes:
            corners = tuple(Position(*next(positions)) for _ in shape.corners)
            area = Polygon(corners) if len(corners) > 1 else Circle(corners[0], shape.radius_m)
            lower, upper = (Altitude(z, AltitudeUnit.METRE, Ellipsoid()) for z in (shape.lower_m, shape.upper_m))
            window = TimeWindow(DAWN + timedelta(seconds=shape.start_s), DAWN + timedelta(seconds=shape.end_s))
            volumes.append(Volume4D(area, AltitudeBand(lower, upper), window))
        plans.append(Plan(f"{service}-{number}", tuple(volumes), "drone"))
    return plans
