"""The peer of `make bench-check`: what a competent analyst writes in an afternoon with shapely, run as a program.

Legs in a tree of longitude and latitude, candidates by their boxes; then, on a flat map at the pair's latitude, the
closest approach while both legs last and are less than the vertical minimum apart. No ellipsoid, no references of
altitude, no check of the input. Run: python bench/check_analyst.py OURS.geojson THEIRS.geojson
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

HORIZONTAL_M, VERTICAL_FT, DEGREE_M = 9_260.0, 1_000.0, 111_195.0
COLUMNS = 9
"""Plan, then longitude, latitude, feet and seconds at the beginning and at the end of a leg."""


def legs(path: Path) -> tuple[list[str], NDArray[np.float64], float]:
    """Names, legs, and the largest containment in metres."""
    names: list[str] = []
    rows, contained = [], 0.0
    for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
        properties = feature["properties"]
        times = [datetime.fromisoformat(text).timestamp() for text in properties["times"]]
        points = [
            (*place, feet, time)
            for place, feet, time in zip(
                feature["geometry"]["coordinates"], properties["altitudes"]["values"], times, strict=True
            )
        ]
        rows += [(len(names), *first, *second) for first, second in pairwise(points)]
        names.append(properties["plan_id"])
        contained = max(contained, properties["containment"]["lateral_m"])
    return names, np.array(rows, dtype=np.float64).reshape(-1, COLUMNS), contained


def main() -> None:
    """Print how many pairs of plans come too close."""
    (ours, a, room_a), (theirs, b, room_b) = (legs(Path(name)) for name in sys.argv[1:3])
    needed_m = HORIZONTAL_M + room_a + room_b
    margin = needed_m / DEGREE_M / np.cos(np.radians(min(80.0, float(np.abs(a[:, [2, 6]]).max()))))
    boxes = [
        shapely.box(
            np.minimum(side[:, 1], side[:, 5]) - grown, np.minimum(side[:, 2], side[:, 6]) - grown,
            np.maximum(side[:, 1], side[:, 5]) + grown, np.maximum(side[:, 2], side[:, 6]) + grown,
        )
        for side, grown in ((a, margin), (b, 0.0))
    ]  # fmt: skip
    tree = shapely.STRtree(boxes[1])
    found: set[tuple[int, int]] = set()
    for begin in range(0, len(a), 2_000):
        first, second = tree.query(boxes[0][begin : begin + 2_000])
        first = first + begin
        together = (a[first, 4] <= b[second, 8]) & (b[second, 4] <= a[first, 8])
        first, second = first[together], second[together]
        close = meets(a[first], b[second], needed_m)
        found.update(
            zip(a[first[close], 0].astype(int).tolist(), b[second[close], 0].astype(int).tolist(), strict=True)
        )
    print(json.dumps({"pairs": sorted([ours[one], theirs[other]] for one, other in found)}))


def meets(a: NDArray[np.float64], b: NDArray[np.float64], needed_m: float) -> NDArray[np.bool_]:
    """Which legs come closer than both minima at one time, all in straight lines on a flat map."""
    start, end = np.maximum(a[:, 4], b[:, 4]), np.minimum(a[:, 8], b[:, 8])
    scale = np.column_stack((np.cos(np.radians((a[:, 2] + b[:, 2]) / 2.0)) * DEGREE_M, np.full(len(a), DEGREE_M)))

    def at(leg: NDArray[np.float64], time: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        share = (time - leg[:, 4]) / np.maximum(leg[:, 8] - leg[:, 4], 1e-9)
        place = leg[:, 1:3] + share[:, None] * (leg[:, 5:7] - leg[:, 1:3])
        return place * scale, leg[:, 3] + share * (leg[:, 7] - leg[:, 3])

    (pa, ha), (pb, hb), (qa, ga), (qb, gb) = at(a, start), at(b, start), at(a, end), at(b, end)
    low, high = ha - hb, ga - gb
    rate = high - low
    with np.errstate(divide="ignore", invalid="ignore"):
        cuts = np.sort(np.column_stack(((-VERTICAL_FT - low) / rate, (VERTICAL_FT - low) / rate)), axis=1)
    level = np.abs(rate) < 1e-9
    inside = np.abs(low) < VERTICAL_FT
    first = np.where(level, np.where(inside, 0.0, 2.0), np.maximum(cuts[:, 0], 0.0))
    last = np.where(level, np.where(inside, 1.0, -1.0), np.minimum(cuts[:, 1], 1.0))
    apart, way = pa - pb, (qa - qb) - (pa - pb)
    nearest = np.clip(-(apart * way).sum(axis=1) / np.maximum((way**2).sum(axis=1), 1e-9), first, last)
    distance = np.hypot(*(apart + nearest[:, None] * way).T)
    close: NDArray[np.bool_] = (first < last) & (distance < needed_m)
    return close


if __name__ == "__main__":
    main()
