"""Pairs of plans a hair inside the minima, of every kind, anywhere on Earth, by a seeded generator.

Each pair is laid around two points at the required distance less a hair: circles, polygons and legs that turn their
nearest point towards each other; heights and times likewise. Many lie on edges and corners of the grid's cells, bands
and bins.
"""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
from cells import cell_corners, grid_cell
from pyproj import Geod

from detente.airspace.altimetry import heights_array, is_pressure
from detente.airspace.altitude import (
    FOOT_M,
    Altitude,
    AltitudeBand,
    AltitudeUnit,
    Ellipsoid,
    Ground,
    MeanSeaLevel,
    Qfe,
    Qnh,
    StandardPressure,
)
from detente.airspace.plan import Circle, Containment, Plan, Polygon, TimeWindow, Trajectory, Volume4D, Waypoint
from detente.airspace.position import Position
from detente.airspace.separation import ClassMinima, Minima, MinimaTable
from detente.matching.quantise import Epoch

GEOD = Geod(ellps="WGS84")
EPOCH = Epoch(20_240, 86_400)
NOON = datetime.fromtimestamp(EPOCH.start_s, UTC) + timedelta(hours=12)
REFERENCES = (
    StandardPressure(), Qnh(1003.0), Qfe(945.0, 616.0), Ellipsoid(), MeanSeaLevel(), Ground(600.0), Ground(30.0, 2.0),
)  # fmt: skip
TABLE = MinimaTable(
    Minima(9260.0, 304.8, 0.0),
    (
        ClassMinima("drone", "drone", Minima(100.0, 30.0, 30.0)),
        ClassMinima("drone", "crewed", Minima(1852.0, 152.4, 60.0)),
        ClassMinima("glider", "glider", Minima(0.0, 0.0, 0.0)),
    ),
)
CLASSES = ("crewed", "drone", "glider")


def moved(point, azimuth, distance_m):
    longitude, latitude, _ = GEOD.fwd(point.longitude_deg, point.latitude_deg, azimuth, distance_m)
    return Position(float(latitude), float(longitude))


class Pairs:
    """A generator of pairs for one grid."""

    def __init__(self, seed, terms):
        self.random = np.random.default_rng(seed)
        self.terms = terms

    def one_of(self, values):
        return values[int(self.random.integers(len(values)))]

    def hair(self):
        """How far inside, in metres: from a tenth of a millimetre to a metre."""
        return float(10 ** self.random.uniform(-4, 0))

    def place(self):
        r = self.random
        point = Position(
            float(self.one_of([r.uniform(-90, 90), r.uniform(-65, 65), 90.0, -90.0, 89.97, -89.99, 0.0, 36.5])),
            float(self.one_of([r.uniform(-180, 180), 180.0, -180.0, 179.98, -179.99, 0.0])),
        )
        if r.random() < 0.5:
            return point
        row, column = grid_cell(point.latitude_deg, point.longitude_deg, self.terms.cell_dm)
        south, north, west, east = cell_corners(row, column, self.terms.cell_dm)
        latitude = self.one_of([south, north, point.latitude_deg])
        longitude = self.one_of([west, east, point.longitude_deg])
        return Position(max(-90.0, latitude), (longitude + 180.0) % 360.0 - 180.0)

    def intent_at(self, point, away, reading_m, reference, moment, late):
        """An intent whose nearest point is `point`, seen from against `away`; also its sideways, up and time slack.

        `moment` is its first instant when it is `late`, its last when not.
        """
        r = self.random
        kind = self.one_of(["circle", "polygon", "edge", "leg", "crossing", "still", "point"])
        lateral_m = float(self.one_of([0.0, 0.0, r.uniform(0, 9000), 4630.0]))
        vertical_m = float(self.one_of([0.0, 0.0, 30.0, r.uniform(0, 200)]))
        slack_s = float(self.one_of([0.0, 0.1, 60.0, round(r.uniform(0, 300), 3)]))
        span = timedelta(seconds=float(self.one_of([0, 1, 600, round(r.uniform(0, 1200), 3)])))

        def at(metres):
            return Altitude(metres, AltitudeUnit.METRE, reference)

        if kind in ("circle", "polygon", "edge"):
            height_m = float(self.one_of([0.0, 100.0, 304.8]))
            up = bool(r.integers(2))
            window = TimeWindow(moment, moment + span) if late else TimeWindow(moment - span, moment)
            if kind == "circle":
                radius_m = float(self.one_of([0.0, 50.0, r.uniform(0, 20_000)]))
                area = Circle(moved(point, away, radius_m), radius_m)
            else:
                spread = 25.0 if kind == "polygon" else 90.0
                length_m = float(r.uniform(300, 30_000))
                tip = [point] if kind == "polygon" else []
                wings = [moved(point, away + side * spread, length_m) for side in (-1, 1)]
                area = Polygon((*tip, wings[0], moved(point, away, 1.5 * length_m), wings[1]))
            # The band reaches away from the other plan: whoever asks knows that `reading_m` is its near edge.
            band = (reading_m, reading_m + height_m) if up else (reading_m - height_m, reading_m)
            volume = Volume4D(area, AltitudeBand(at(band[0]), at(band[1])), window)
            return (volume,), 0.0, 0.0, 0.0, up
        containment = Containment(lateral_m, vertical_m, slack_s)
        near = moved(point, away, 0.0)
        if kind == "point":
            waypoints = [Waypoint(near, at(reading_m), moment)]
        else:
            if kind == "still":
                other = near
            elif kind == "leg":
                other = moved(point, away + float(self.one_of([-90, 90])), float(r.uniform(1000, 60_000)))
            else:
                other = moved(point, away + float(r.uniform(-80, 80)), float(r.uniform(1000, 60_000)))
            seconds = timedelta(seconds=round(float(r.uniform(60, 900)), 3))
            climb_m = float(self.one_of([0.0, 0.0, r.uniform(-1500, 1500)]))
            ends = [Waypoint(near, at(reading_m), moment)]
            far_m = max(-1_990.0, reading_m + climb_m)
            far = Waypoint(other, at(far_m), moment + seconds if late else moment - seconds)
            waypoints = [*ends, far] if late else [far, *ends]
        return Trajectory(tuple(waypoints), containment), lateral_m, vertical_m, slack_s, None

    def pair(self, number):
        """Two plans; inside the minima by a hair in one of distance, height and time, or more in all of them."""
        r = self.random
        classes = self.one_of(CLASSES), self.one_of(CLASSES)
        minima = TABLE.between(*classes)
        first_reference = self.one_of(REFERENCES)
        second_reference = self.one_of([first_reference, first_reference, self.one_of(REFERENCES)])
        here, azimuth = self.place(), float(self.one_of([0, 90, 180, 270, r.uniform(0, 360)]))
        moment = NOON + timedelta(seconds=float(self.one_of([0, 300, 600, 0.1, round(r.uniform(-3600, 3600), 3)])))
        reading_m = float(self.one_of([3048.0, 3048.0 + 152.4, 9144.0, 35_000 * FOOT_M, r.uniform(0, 10_000)]))
        first, lateral_1, vertical_1, slack_1, up_1 = self.intent_at(
            here, azimuth + 180.0, reading_m, first_reference, moment, False
        )
        # The second is laid out once to learn its slack, and again where and when that puts it.
        state = r.bit_generator.state
        _, lateral_2, vertical_2, slack_2, up_2 = self.intent_at(
            here, azimuth, reading_m, second_reference, moment, True
        )
        after = r.bit_generator.state
        distance_m = max(0.0, minima.horizontal_m + lateral_1 + lateral_2 - self.hair())
        there = moved(here, azimuth, distance_m)
        tolerance_s = minima.time_s + slack_1 + slack_2
        gap_s = math.floor(max(0.0, tolerance_s - float(self.one_of([0.0, 1e-6, 0.1]))) * 1e6) / 1e6
        apart_m = max(0.0, minima.vertical_m + vertical_1 + vertical_2 - 1e-4 - (self.hair() if r.integers(2) else 0.0))
        above = self.above(up_1, up_2)
        second_reading_m = self.reading(
            here, first_reference, reading_m, there, second_reference, apart_m if above else -apart_m
        )
        keep = r.bit_generator.state
        r.bit_generator.state = state
        second, *_ = self.intent_at(
            there, azimuth, second_reading_m, second_reference, moment + timedelta(seconds=gap_s), True
        )
        assert r.bit_generator.state == after
        r.bit_generator.state = keep
        return Plan(f"first-{number}", first, classes[0]), Plan(f"second-{number}", second, classes[1])

    def above(self, up_1, up_2):
        """Whether the second is above: on the side that neither band reaches away from, where they say."""
        if up_1 is not None:
            return not up_1
        if up_2 is not None:
            return up_2
        return bool(self.random.integers(2))

    @staticmethod
    def reading(here, reference, reading_m, there, other, apart_m):
        """The reading on `other` that is `apart_m` above another on the frame on which both are compared."""
        if reference == other:
            return reading_m + apart_m
        field = "family_m" if is_pressure(reference) is is_pressure(other) else "ellipsoid_m"

        def height(reading_m, reference, position):
            heights = heights_array(reading_m, reference, position.latitude_deg, position.longitude_deg)
            return float(getattr(heights, field))

        goal_m = height(reading_m, reference, here) + apart_m
        guess_m = reading_m
        for _ in range(4):
            guess_m = min(max(guess_m + goal_m - height(guess_m, other, there), -1_500.0), 60_000.0)
        return guess_m
