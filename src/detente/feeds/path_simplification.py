"""Fewer waypoints for a flown path, none of it further than a tolerance from the simplified one at the same time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detente.airspace.arrays import Floats
from detente.airspace.geodesy import GEOD

STRETCH = 400
"""A report this many after the last knot is always a knot, so that no input takes quadratic time."""

MARGIN_M = 0.5
"""Between reports the flown path is a geodesic too; this covers what the distance of two geodesics can grow there,
and the rounding of times to a microsecond."""


def knots(
    time_s: Floats, latitude_deg: Floats, longitude_deg: Floats, altitude_m: Floats, lateral_m: float,
    vertical_m: float, kept: NDArray[np.intp] | None = None,
) -> NDArray[np.intp]:  # fmt: skip
    """Return the indices of the reports to keep; the first, the last and those of `kept` are among them.

    Join the kept reports by geodesics at constant speed and constant climb: every point of the path that joins all
    reports in that way is, at its time, within `lateral_m` and `vertical_m`. Both must be above `MARGIN_M`, and times
    must increase strictly.

    The method is Douglas and Peucker's on positions at the same time, first on chords and then checked on geodesics.
    """
    count = len(time_s)
    keep = np.zeros(count, dtype=np.bool_)
    keep[::STRETCH] = True
    keep[-1] = True
    if kept is not None:
        keep[kept] = True
    points, up = _earth_centred(latitude_deg, longitude_deg)
    lateral, vertical = lateral_m - MARGIN_M, vertical_m - MARGIN_M
    starts = np.flatnonzero(keep)
    stack = list(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True))
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        inner = slice(first + 1, last)
        share = (time_s[inner] - time_s[first]) / (time_s[last] - time_s[first])
        apart = points[inner] - (points[first] + share[:, None] * (points[last] - points[first]))
        raised = np.einsum("ij,ij->i", apart, up[inner])
        sideways = np.sqrt(np.maximum(np.einsum("ij,ij->i", apart, apart) - raised * raised, 0.0))
        climb = np.abs(altitude_m[inner] - (altitude_m[first] + share * (altitude_m[last] - altitude_m[first])))
        worst = np.maximum(sideways / lateral, climb / vertical)
        at = int(worst.argmax())
        if worst[at] > 1.0:
            middle = first + 1 + at
            keep[middle] = True
            stack += [(first, middle), (middle, last)]
    while True:
        chosen = np.flatnonzero(keep)
        if len(chosen) < 2:
            return chosen
        sideways, climb, _ = deviations_m(time_s, latitude_deg, longitude_deg, altitude_m, chosen)
        outside = ((sideways > lateral) | (climb > vertical)) & ~keep
        if not outside.any():
            return chosen
        keep |= outside


def _earth_centred(latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats]:
    """Positions on the ellipsoid in metres from the Earth's centre, and the directions that are up there."""
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    up = np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=1
    )
    eccentricity_squared = GEOD.f * (2.0 - GEOD.f)
    normal = GEOD.a / np.sqrt(1.0 - eccentricity_squared * np.sin(latitude) ** 2)
    flattened = np.array([1.0, 1.0, 1.0 - eccentricity_squared])
    return normal[:, None] * up * flattened, up


def deviations_m(
    time_s: Floats, latitude_deg: Floats, longitude_deg: Floats, altitude_m: Floats, knot_rows: NDArray[np.intp]
) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Return how far each report is from the geodesics between at least two kept ones, and on which of them it is.

    Sideways and up or down in metres, at the same time; the number of the geodesic counts from 0.
    """
    leg = np.clip(np.searchsorted(knot_rows, np.arange(len(time_s)), side="right") - 1, 0, len(knot_rows) - 2)
    first, last = knot_rows[leg], knot_rows[leg + 1]
    share = (time_s - time_s[first]) / (time_s[last] - time_s[first])
    azimuth, _, length = GEOD.inv(longitude_deg[first], latitude_deg[first], longitude_deg[last], latitude_deg[last])
    longitude, latitude, _ = GEOD.fwd(longitude_deg[first], latitude_deg[first], azimuth, share * length)
    _, _, sideways = GEOD.inv(longitude, latitude, longitude_deg, latitude_deg)
    climb = np.abs(altitude_m - (altitude_m[first] + share * (altitude_m[last] - altitude_m[first])))
    return np.asarray(sideways), climb, leg
