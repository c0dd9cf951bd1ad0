"""The encounters of DAIDALUS, read as its reference reads them, with the levels that it gave."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path

import numpy as np

SCENARIOS = ("H1", "C1_0_120", "H0_0_120", "MultiAircraft")
NM_M, FOOT_M, KNOT_MPS, FPM_MPS = 1852.0, 0.3048, 1852.0 / 3600.0, 0.3048 / 60.0
SPHERE_M = 1852.0 * 60.0 * 180.0 / math.pi
AHEAD_S = 10.0
"""The reference projects a velocity by the way of this many seconds."""


def folder() -> Path:
    default = Path(__file__).resolve().parents[3] / "shared"
    path = Path(os.environ.get("DETENTE_SHARED", default)) / "data" / "daidalus"
    assert path.is_dir(), f"{path} is missing: set DETENTE_SHARED to the folder that holds data/daidalus"
    return path


def states(name: str) -> dict[float, dict[str, tuple[float, ...]]]:
    """For each second, each aircraft's latitude, longitude (degrees), altitude (m), east, north, up (m/s)."""
    lines = [line for line in (folder() / "scenarios" / f"{name}.daa").read_text().splitlines() if line[:1] != "#"]
    head, units = (line.replace(",", " ").split() for line in lines[:2])
    scale = 1e-3 if units[head.index("time")] == "[ms]" else 1.0
    result: dict[float, dict[str, tuple[float, ...]]] = {}
    for line in lines[2:]:
        cells = dict(zip(head, line.replace(",", " ").split(), strict=False))
        if "vx" in cells:
            east, north, up = float(cells["vx"]), float(cells["vy"]), float(cells["vz"])
        else:
            speed, track, up = float(cells["gs"]), math.radians(float(cells["trk"])), float(cells["vs"])
            east, north = speed * math.sin(track), speed * math.cos(track)
        result.setdefault(round(float(cells["time"]) * scale, 6), {})[cells["NAME"]] = (
            float(cells["lat"]), float(cells["lon"]), float(cells["alt"]) * FOOT_M,
            east * KNOT_MPS, north * KNOT_MPS, up * FPM_MPS,
        )  # fmt: skip
    return result


def expected(name: str, configuration: str) -> list[dict[str, str]]:
    with (folder() / "expected_reference_run" / f"{name}.{configuration}.csv").open() as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file)]
    return [dict(zip(rows[0], row, strict=False)) for row in rows[2:]]


def _on_sphere(latitude_deg: float, longitude_deg: float) -> np.ndarray:
    phi, lam = math.radians(latitude_deg), math.radians(longitude_deg)
    return np.array([math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)])


def _directions(latitude_deg: float, longitude_deg: float) -> tuple[np.ndarray, np.ndarray]:
    phi, lam = math.radians(latitude_deg), math.radians(longitude_deg)
    east = np.array([-math.sin(lam), math.cos(lam), 0.0])
    return east, np.array([-math.sin(phi) * math.cos(lam), -math.sin(phi) * math.sin(lam), math.cos(phi)])


def seen_from(own: tuple[float, ...], other: tuple[float, ...]) -> np.ndarray:
    """One row of motion, shape [6], on the reference's plane: a sphere seen from above the own aircraft."""
    east, north = _directions(own[0], own[1])

    def placed(one: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
        here = _on_sphere(one[0], one[1])
        along_east, along_north = _directions(one[0], one[1])
        way = one[3] * along_east + one[4] * along_north
        speed = float(np.linalg.norm(way))
        angle = speed * AHEAD_S / SPHERE_M
        there = here * math.cos(angle) + (way / speed if speed else way) * math.sin(angle)
        flat = [SPHERE_M * np.array([point @ east, point @ north]) for point in (here, there)]
        return flat[0], (flat[1] - flat[0]) / AHEAD_S

    (own_place, own_way), (place, way) = placed(own), placed(other)
    return np.array([*(place - own_place), other[2] - own[2], *(way - own_way), other[5] - own[5]])
