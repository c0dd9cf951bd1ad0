"""A continental day of flights, seeded: what two flow managers would hold as plans, written as GeoJSON or as reports.

Flights go between crowded fields: they climb, cruise at a level of their direction and descend, with turns on the way.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from pyproj import Geod

MIDNIGHT = datetime(2025, 6, 1, tzinfo=UTC)
MIDNIGHT_S = MIDNIGHT.timestamp()
GEOD = Geod(ellps="WGS84")
FIELDS = 400
SOUTH_WEST_DEG, SIDE_DEG = (42.0, -4.0), (14.0, 24.0)
SHARES = np.array([0.0, 0.06, 0.12, 0.2, 0.35, 0.5, 0.65, 0.8, 0.88, 0.94, 1.0])
"""Where on its way a flight has a waypoint."""
CLIMB = np.array([0.0, 0.45, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 0.7, 0.35, 0.0])
"""Which part of its cruising level it has there."""


class Flights:
    """Flights as arrays: [flights, waypoints] of degrees, feet on standard pressure, and seconds since 1970."""

    def __init__(self, count: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        fields = np.array(SOUTH_WEST_DEG) + np.random.default_rng(1).random((FIELDS, 2)) * np.array(SIDE_DEG)
        crowd = 1.0 / np.arange(20, FIELDS + 20)
        begin = random.choice(FIELDS, count, p=crowd / crowd.sum())
        ends = (begin + random.integers(1, FIELDS, (4, count))) % FIELDS
        lengths = [GEOD.inv(fields[begin, 1], fields[begin, 0], fields[end, 1], fields[end, 0])[2] for end in ends]
        end = ends[np.argmax(lengths, axis=0), np.arange(count)]
        bearing, _, length_m = GEOD.inv(fields[begin, 1], fields[begin, 0], fields[end, 1], fields[end, 0])
        along_m = length_m[:, None] * SHARES
        longitude, latitude, back = GEOD.fwd(
            np.repeat(fields[begin, 1], len(SHARES)),
            np.repeat(fields[begin, 0], len(SHARES)),
            np.repeat(bearing, len(SHARES)),
            along_m.ravel(),
        )
        aside_m = (
            random.normal(0.0, 1.0, (count, len(SHARES)))
            * np.minimum(6_000.0, 0.02 * length_m)[:, None]
            * np.minimum(1.0, 4.0 * SHARES * (1.0 - SHARES))
        )
        longitude, latitude, _ = GEOD.fwd(longitude, latitude, np.asarray(back) + 90.0, aside_m.ravel())
        shape = count, len(SHARES)
        self.latitude_deg = np.asarray(latitude).reshape(shape)
        self.longitude_deg = np.asarray(longitude).reshape(shape)
        level_ft = 1_000.0 * (2.0 * random.integers(8, 21, count) + (bearing < 0.0))
        level_ft = np.minimum(level_ft, 10_000.0 + 1_000.0 * np.round(length_m / 20_000.0))
        self.altitude_ft = np.round(level_ft[:, None] * CLIMB, -1)
        speed_m_s = random.normal(225.0, 12.0, count)
        start_s = MIDNIGHT_S + np.round(random.beta(2.2, 2.0, count) * 22.0 * 3600.0)
        self.time_s = np.round(start_s[:, None] + along_m / speed_m_s[:, None])
        self.names = [f"F{seed}-{number:05d}" for number in range(count)]

    def write_geojson(self, path: Path) -> None:
        """Write the flights as plans, one feature a line."""
        with path.open("w", encoding="ascii") as stream:
            stream.write('{"type":"FeatureCollection","features":[\n')
            for number, name in enumerate(self.names):
                stream.write(",\n" if number else "")
                stream.write(self._feature(number, name))
            stream.write("\n]}\n")

    def _feature(self, number: int, name: str) -> str:
        places = zip(self.longitude_deg[number].tolist(), self.latitude_deg[number].tolist(), strict=True)
        line = ",".join(f"[{longitude:.6f},{latitude:.6f}]" for longitude, latitude in places)
        times = ",".join(f'"{moment(time)}"' for time in self.time_s[number].tolist())
        feet = ",".join(f"{value:.0f}" for value in self.altitude_ft[number].tolist())
        return (
            f'{{"type":"Feature","geometry":{{"type":"LineString","coordinates":[{line}]}},"properties":{{"kind":"trajectory",'
            f'"plan_id":"{name}","times":[{times}],"altitudes":{{"reference":{{"kind":"standard"}},"values":[{feet}],"unit":"ft"}},'
            '"containment":{"lateral_m":500.0,"vertical_m":0.0,"along_time_s":0.0}}}'
        )

    def write_reports(self, path: Path, interval_s: float, rows: int) -> int:
        """Write position reports as CSV, `rows` of them at the most, and return how many."""
        written = 0
        with path.open("w", encoding="ascii") as stream:
            stream.write("timestamp,icao24,latitude,longitude,altitude,callsign\n")
            for number, name in enumerate(self.names):
                times = np.arange(self.time_s[number, 0], self.time_s[number, -1], interval_s)[: rows - written]
                known = self.time_s[number]
                columns = zip(
                    times.tolist(), np.interp(times, known, self.latitude_deg[number]).tolist(),
                    np.interp(times, known, self.longitude_deg[number]).tolist(),
                    np.round(np.interp(times, known, self.altitude_ft[number]) / 25.0) * 25.0, strict=True,
                )  # fmt: skip
                address = f"{0x400000 + number:06x}"
                stream.writelines(
                    f"{moment(time)},{address},{latitude:.5f},{longitude:.5f},{feet:.0f},{name}\n"
                    for time, latitude, longitude, feet in columns
                )
                written += len(times)
                if written >= rows:
                    break
        return written


def moment(time_s: float) -> str:
    """A time of the day as RFC 3339."""
    return (MIDNIGHT + timedelta(seconds=time_s - MIDNIGHT_S)).strftime("%Y-%m-%dT%H:%M:%SZ")
