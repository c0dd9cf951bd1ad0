"""The world's coast and borders, carried with the package, cut out for a window.

The data are TopoJSON (see `data/basemap/README.md`): arcs of quantised steps, of which countries and land are made.
An arc of the land's outline is coast; every other arc is a border between countries.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterable
from functools import cache
from importlib import resources

import msgspec
import numpy as np
import shapely

from detente.airspace.arrays import Floats
from detente.airspace.position import Position

Degrees = Floats
"""Points as rows of longitude and latitude in degrees. Longitudes run on past 180 where a line crosses it."""

MEAN_EARTH_RADIUS_M = 6_371_000.0


class Country(msgspec.Struct, frozen=True):
    """One country: its ISO 3166-1 numeric code ("" where it has none), name, and rings of arc references."""

    code: str
    name: str
    rings: tuple[tuple[int, ...], ...]


class Basemap:
    """Coast and borders of the whole world, decoded.

    Attributes:
        arcs: lines, each an array of rows (longitude, latitude) in degrees.
        countries: what the borders separate.
    """

    def __init__(self, topology: bytes) -> None:
        """Decode TopoJSON with a `transform`, and objects `countries` and `land`."""
        decoded = msgspec.json.decode(topology, type=_Topology)
        scale, offset = np.array(decoded.transform.scale), np.array(decoded.transform.translate)
        self.arcs: list[Degrees] = [
            _unwrapped(np.cumsum(np.array(arc), axis=0) * scale + offset) for arc in decoded.arcs
        ]
        self.countries = tuple(
            Country(shape.id, shape.properties.get("name", ""), tuple(ring for p in shape.polygons for ring in p))
            for shape in decoded.objects["countries"].geometries
        )
        self._land = [polygon for shape in decoded.objects["land"].geometries for polygon in shape.polygons]
        self._coast = sorted({_arc(index) for polygon in self._land for ring in polygon for index in ring})
        of_countries = {_arc(index) for country in self.countries for ring in country.rings for index in ring}
        self._borders = sorted(of_countries.difference(self._coast))
        self._bounds = np.array([(*arc.min(axis=0), *arc.max(axis=0)) for arc in self.arcs])

    def coast(self, centre: Position, radius_m: float) -> list[Degrees]:
        """Coast lines around `centre`, cut to a box that contains the circle of `radius_m`."""
        return self._lines(self._coast, centre, radius_m)

    def borders(self, centre: Position, radius_m: float) -> list[Degrees]:
        """Land borders around `centre`, cut to a box that contains the circle of `radius_m`."""
        return self._lines(self._borders, centre, radius_m)

    def land(self, centre: Position, radius_m: float) -> list[shapely.Polygon]:
        """Land around `centre` as polygons in degrees, cut to a box that contains the circle of `radius_m`.

        Longitudes are within 180 degrees of the centre's. Edges along the box have points close enough to bend with it.
        """
        west, south, east, north = box(centre, radius_m)
        pieces: list[shapely.Polygon] = []
        for polygon in self._land:
            bounds = self._bounds[[_arc(index) for index in polygon[0]]]
            if bounds[:, 3].max() < south or bounds[:, 1].min() > north:
                continue
            shell, *others = (_closed_over_pole(self._ring(ring)) for ring in polygon)
            holes = [_turned(hole, _turn_into(hole[:, 0], shell[:, 0])) for hole in others if len(hole) > 3]
            if len(shell) < 4:  # quantising left nothing of a rock
                continue
            for turn in _turns(shell[:, 0].min(), shell[:, 0].max(), west, east):
                shape = shapely.Polygon(_turned(shell, turn), [_turned(hole, turn) for hole in holes])
                # A ring of quantised points may touch itself; cutting it to a rectangle needs no valid polygon.
                cut = shapely.clip_by_rect(shape, west, south, east, north)
                pieces.extend(part for part in shapely.get_parts(cut) if isinstance(part, shapely.Polygon))
        return [shapely.segmentize(piece, 0.5) for piece in pieces if not piece.is_empty]

    def _lines(self, indices: Iterable[int], centre: Position, radius_m: float) -> list[Degrees]:
        west, south, east, north = box(centre, radius_m)
        lines: list[Degrees] = []
        for index in indices:
            least_x, least_y, most_x, most_y = self._bounds[index]
            if most_y < south or least_y > north:
                continue
            for turn in _turns(least_x, most_x, west, east):
                line = shapely.LineString(_turned(self.arcs[index], turn))
                parts = shapely.get_parts(shapely.clip_by_rect(line, west, south, east, north))
                lines.extend(shapely.get_coordinates(part) for part in parts if shapely.length(part) > 0.0)
        return lines

    def _ring(self, indices: Iterable[int]) -> Degrees:
        pieces: list[Degrees] = []
        for index in indices:
            arc = self.arcs[index] if index >= 0 else self.arcs[_arc(index)][::-1]
            pieces.append(arc[1:] if pieces else arc)
        return _unwrapped(np.concatenate(pieces))


@cache
def world() -> Basemap:
    """The basemap that the package carries; decoding takes about 0.2 s, once."""
    packed = resources.files("detente.plots").joinpath("data/basemap/countries-10m.json.xz").read_bytes()
    return Basemap(lzma.decompress(packed))


def box(centre: Position, radius_m: float) -> tuple[float, float, float, float]:
    """West, south, east and north in degrees of a box that contains the circle; west may be below -180, east above 180.

    All longitudes when the circle reaches a pole.
    """
    reach_deg = float(np.degrees(radius_m / MEAN_EARTH_RADIUS_M)) * 1.01
    south, north = centre.latitude_deg - reach_deg, centre.latitude_deg + reach_deg
    half_deg = 180.0
    if south > -90.0 and north < 90.0 and reach_deg < 90.0:
        sine = np.sin(np.radians(reach_deg)) / np.cos(np.radians(centre.latitude_deg))
        half_deg = float(np.degrees(np.arcsin(min(1.0, sine))))
    return centre.longitude_deg - half_deg, max(south, -90.0), centre.longitude_deg + half_deg, min(north, 90.0)


def _turns(least: float, most: float, west: float, east: float) -> list[float]:
    """By which whole turns a span of longitudes must be moved to overlap the window."""
    return [turn for turn in (-720.0, -360.0, 0.0, 360.0, 720.0) if least + turn <= east and most + turn >= west]


def _turned(points: Degrees, turn: float) -> Degrees:
    """The same points, their longitudes moved by whole turns."""
    moved: Degrees = points + np.array((turn, 0.0))
    return moved


def _unwrapped(points: Degrees) -> Degrees:
    """Let longitudes run on where a step crosses the antimeridian."""
    points = np.array(points, dtype=np.float64)
    points[:, 0] = np.unwrap(points[:, 0], period=360.0)
    return points


def _closed_over_pole(ring: Degrees) -> Degrees:
    """A ring that goes around a pole (Antarctica) is closed along the pole's own edge of the map."""
    if abs(ring[-1, 0] - ring[0, 0]) < 180.0:
        return ring
    pole = -90.0 if ring[:, 1].mean() < 0.0 else 90.0
    return np.concatenate([ring, [(ring[-1, 0], pole), (ring[0, 0], pole), ring[0]]])


def _turn_into(hole: Floats, shell: Floats) -> float:
    """By which whole turn a hole's longitudes must be moved to lie within its shell's."""
    middle = 0.5 * (hole.min() + hole.max())
    return next(
        (turn for turn in (0.0, -360.0, 360.0, -720.0, 720.0) if shell.min() <= middle + turn <= shell.max()), 0.0
    )


def _arc(reference: int) -> int:
    """The arc that a reference means; a negative one means the arc read backwards."""
    return reference if reference >= 0 else ~reference


class _Transform(msgspec.Struct):
    scale: tuple[float, float]
    translate: tuple[float, float]


class _Polygon(msgspec.Struct, tag_field="type", tag="Polygon"):
    arcs: tuple[tuple[int, ...], ...]
    id: str = ""
    properties: dict[str, str] = {}

    @property
    def polygons(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        return (self.arcs,)


class _MultiPolygon(msgspec.Struct, tag_field="type", tag="MultiPolygon"):
    arcs: tuple[tuple[tuple[int, ...], ...], ...]
    id: str = ""
    properties: dict[str, str] = {}

    @property
    def polygons(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        return self.arcs


class _Collection(msgspec.Struct):
    geometries: list[_Polygon | _MultiPolygon]


class _Topology(msgspec.Struct):
    arcs: list[list[tuple[int, int]]]
    objects: dict[str, _Collection]
    transform: _Transform
