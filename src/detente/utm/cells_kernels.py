"""Compiled geometry of level-13 S2 cells: which cells a polygon touches, its area, whether its edges cross.

S2 projects the sphere on the six faces of a cube; on a face (u, v) the edges of a polygon, which are great circles,
are straight lines and a cell is a rectangle. A cell is named by the upper 32 bits of its S2 id, which at level 13
hold all of it (https://s2geometry.io/devguide/s2cell_hierarchy).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detente.airspace.arrays import Floats, Integers

Cells = NDArray[np.uint32]
Counts = Integers

SOUND, OFF_EARTH, REPEATED, TOO_LARGE, CROSSING, TOO_MANY_CELLS, TOO_MUCH_WORK = range(7)
"""What can be wrong with a ring."""
LEVEL = 13
# Rows are the axes u, v and w (through the middle of the face) of each face.
FACES = np.array(
    [
        [[0, 1, 0], [0, 0, 1], [1, 0, 0]],
        [[-1, 0, 0], [0, 0, 1], [0, 1, 0]],
        [[-1, 0, 0], [0, -1, 0], [0, 0, 1]],
        [[0, 0, -1], [0, -1, 0], [-1, 0, 0]],
        [[0, 0, -1], [1, 0, 0], [0, -1, 0]],
        [[0, 1, 0], [1, 0, 0], [0, 0, -1]],
    ],
    dtype=np.float64,
)
_POSITION = np.array([[0, 1, 3, 2], [0, 3, 1, 2], [2, 3, 1, 0], [2, 1, 3, 0]], dtype=np.int64)
_TURN = np.array([1, 0, 0, 3], dtype=np.int64)
# Rectangles are grown by this much of (u, v), some micrometres, so that rounding never leaves a touched cell out.
_PAD = 1e-12
_NEAR_PLANE = 1e-9
CIRCLE_SIDES = 32
SMALLEST_CURVATURE_RADIUS_M = 6_335_439.0
"""The meridian radius of curvature of WGS84 at the equator: no metre on the ellipsoid is a larger angle than here."""
# Work is counted in steps of some nanoseconds: holding an edge against a cell is one, these are several.
_BEARING_STEPS = 8
_VOLUME_STEPS = 1500


@njit(cache=True)
def dot(a: Floats, b: Floats) -> float:
    """The scalar product of two vectors of three; numpy's own would need SciPy's BLAS in compiled code."""
    return float(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


@njit(cache=True)
def cell_name(face: int, i: int, j: int) -> int:
    """The upper 32 bits of the S2 id of the level-13 cell (i, j), each 0 to 8191, of a face."""
    orientation = face & 1
    name = face
    for k in range(LEVEL - 1, -1, -1):
        position = _POSITION[orientation, (((i >> k) & 1) << 1) | ((j >> k) & 1)]
        name = (name << 2) | position
        orientation ^= _TURN[position]
    return (name << 3) | 4


@njit(cache=True)
def _edge_of_cell(step: int) -> float:
    s = step / 8192.0
    if s >= 0.5:
        return (4.0 * s * s - 1.0) / 3.0
    return (1.0 - 4.0 * (1.0 - s) * (1.0 - s)) / 3.0


@njit(cache=True)
def _dot(a: Floats, b: Floats) -> float:
    total: float = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return total


@njit(cache=True)
def _step_of_edge(u: float) -> int:
    """The row or column of level-13 cells in which `u` lies, -1 or 8192 when it lies off the face."""
    s = 0.5 * np.sqrt(1.0 + 3.0 * u) if u >= 0.0 else 1.0 - 0.5 * np.sqrt(1.0 - 3.0 * u)
    return int(min(max(np.floor(s * 8192.0), -1.0), 8192.0))


@njit(cache=True)
def _segments_on_face(ring: Floats, axes: Floats, out: Floats) -> tuple[int, bool]:
    """The edges of the ring on the plane of a face; how many there are, and whether none had to be cut."""
    count = 0
    n = ring.shape[0]
    whole = True
    for k in range(n):
        a = ring[k]
        b = ring[(k + 1) % n]
        wa, wb = _dot(axes[2], a), _dot(axes[2], b)
        if wa <= _NEAR_PLANE and wb <= _NEAR_PLANE:
            whole = False
            continue
        ua, va = _dot(axes[0], a), _dot(axes[1], a)
        ub, vb = _dot(axes[0], b), _dot(axes[1], b)
        if wa < _NEAR_PLANE or wb < _NEAR_PLANE:
            # The chord lies in the plane of the great circle, so cutting the chord cuts the arc.
            whole = False
            t = (_NEAR_PLANE - wa) / (wb - wa)
            uc, vc = ua + t * (ub - ua), va + t * (vb - va)
            if wa < _NEAR_PLANE:
                ua, va, wa = uc, vc, _NEAR_PLANE
            else:
                ub, vb, wb = uc, vc, _NEAR_PLANE
        out[count, 0], out[count, 1], out[count, 2], out[count, 3] = ua / wa, va / wa, ub / wb, vb / wb
        count += 1
    return count, whole


@njit(cache=True)
def _touches(segment: Floats, u0: float, v0: float, u1: float, v1: float) -> bool:
    ua, va, ub, vb = segment[0], segment[1], segment[2], segment[3]
    if max(ua, ub) < u0 or min(ua, ub) > u1 or max(va, vb) < v0 or min(va, vb) > v1:
        return False
    du, dv = ub - ua, vb - va
    slack = 1e-15 * (abs(du) + abs(dv))
    low, high = np.inf, -np.inf
    for k in range(4):
        side = du * ((v0 if k < 2 else v1) - va) - dv * ((u0 if k % 2 == 0 else u1) - ua)
        low, high = min(low, side), max(high, side)
    return bool(low <= slack and high >= -slack)


@njit(cache=True)
def _inside(ring: Floats, p: Floats) -> bool:
    """Whether the ring winds around `p`: the bearings of its vertices from there go once round."""
    # Any two axes across p serve.
    east = np.array([-p[1], p[0], 0.0])
    if abs(p[2]) > 0.9:
        east = np.array([0.0, -p[2], p[1]])
    east = east / np.sqrt(dot(east, east))
    north = np.array(
        [p[1] * east[2] - p[2] * east[1], p[2] * east[0] - p[0] * east[2], p[0] * east[1] - p[1] * east[0]]
    )
    total = 0.0
    n = ring.shape[0]
    last = np.arctan2(dot(ring[n - 1], east), dot(ring[n - 1], north))
    for k in range(n):
        bearing = np.arctan2(dot(ring[k], east), dot(ring[k], north))
        turn = bearing - last
        if turn > np.pi:
            turn -= 2.0 * np.pi
        elif turn < -np.pi:
            turn += 2.0 * np.pi
        total += turn
        last = bearing
    return bool(abs(total) > np.pi)


@njit(cache=True)
def _box(segments: Floats, count: int) -> tuple[int, int, int, int]:
    low_u, high_u, low_v, high_v = np.inf, -np.inf, np.inf, -np.inf
    for k in range(count):
        low_u = min(low_u, segments[k, 0], segments[k, 2])
        high_u = max(high_u, segments[k, 0], segments[k, 2])
        low_v = min(low_v, segments[k, 1], segments[k, 3])
        high_v = max(high_v, segments[k, 1], segments[k, 3])
    return (
        _step_of_edge(low_u - _PAD),
        _step_of_edge(high_u + _PAD),
        _step_of_edge(low_v - _PAD),
        _step_of_edge(high_v + _PAD),
    )


@njit(cache=True, nogil=True)
def cover(ring: Floats, most: int, most_work: int) -> tuple[Cells, int]:
    """Every level-13 cell that shares a point with the polygon, in no order, and the work that it was.

    `ring` is [n, 3], unit vectors; the inside is the smaller side. Gives up over `most` cells, or over `most_work`.
    """
    found = np.empty(64, dtype=np.uint32)
    count = 0
    work = 0
    segments = np.empty((ring.shape[0], 4))
    stack = np.empty((64, 3), dtype=np.int64)
    for face in range(6):
        m, whole = _segments_on_face(ring, FACES[face], segments)
        if m == 0:
            continue
        stack[0, 0], stack[0, 1], stack[0, 2] = 0, 0, 0
        depth = 1
        if whole:
            # A polygon whole on the plane of the face lies in the box of its edges: few cells need no descent.
            i0, i1, j0, j1 = _box(segments, m)
            if i1 < 0 or j1 < 0 or i0 > 8191 or j0 > 8191:
                continue
            i0, i1, j0, j1 = max(i0, 0), min(i1, 8191), max(j0, 0), min(j1, 8191)
            if (i1 - i0 + 1) * (j1 - j0 + 1) <= 32:
                depth = 0
                for i in range(i0, i1 + 1):
                    for j in range(j0, j1 + 1):
                        stack[depth, 0], stack[depth, 1], stack[depth, 2] = LEVEL, i, j
                        depth += 1
        while depth > 0:
            if work > most_work:
                return found[:count], work
            depth -= 1
            level, i, j = stack[depth, 0], stack[depth, 1], stack[depth, 2]
            size = 1 << (LEVEL - level)
            u0, u1 = _edge_of_cell(i * size), _edge_of_cell((i + 1) * size)
            v0, v1 = _edge_of_cell(j * size), _edge_of_cell((j + 1) * size)
            touched = False
            for k in range(m):
                work += 1
                if _touches(segments[k], u0 - _PAD, v0 - _PAD, u1 + _PAD, v1 + _PAD):
                    touched = True
                    break
            if touched and level < LEVEL:
                for child in range(4):
                    stack[depth, 0], stack[depth, 1], stack[depth, 2] = (
                        level + 1,
                        2 * i + (child & 1),
                        2 * j + child // 2,
                    )
                    depth += 1
                continue
            if not touched:
                middle = FACES[face, 0] * (0.5 * (u0 + u1)) + FACES[face, 1] * (0.5 * (v0 + v1)) + FACES[face, 2]
                middle = middle / np.sqrt(dot(middle, middle))
                work += _BEARING_STEPS * ring.shape[0]
                if not _inside(ring, middle):
                    continue
            for a in range(i * size, (i + 1) * size):
                for b in range(j * size, (j + 1) * size):
                    if count > most:
                        return found[:count], work
                    if count == found.shape[0]:
                        larger = np.empty(2 * count, dtype=np.uint32)
                        larger[:count] = found
                        found = larger
                    found[count] = cell_name(face, a, b)
                    count += 1
                    work += LEVEL
    return found[:count], work


@njit(cache=True)
def area_sr(ring: Floats) -> float:
    """The area of the smaller side of a ring of unit vectors [n, 3], in steradians."""
    total = 0.0
    a = ring[0]
    for k in range(1, ring.shape[0] - 1):
        b, c = ring[k], ring[k + 1]
        triple = (
            a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) + a[2] * (b[0] * c[1] - b[1] * c[0])
        )
        total += 2.0 * np.arctan2(triple, 1.0 + dot(a, b) + dot(b, c) + dot(c, a))
    smaller: float = min(abs(total), 4.0 * np.pi - abs(total))
    return smaller


@njit(cache=True)
def _across(p: Floats, q: Floats, r: Floats) -> float:
    triple: float = (
        r[0] * (p[1] * q[2] - p[2] * q[1]) + r[1] * (p[2] * q[0] - p[0] * q[2]) + r[2] * (p[0] * q[1] - p[1] * q[0])
    )
    return triple


@njit(cache=True)
def crossing_edges(ring: Floats) -> tuple[int, int]:
    """The first two edges of the ring that cross, by the index of their first vertex; (-1, -1) when none do."""
    n = ring.shape[0]
    for k in range(n):
        a, b = ring[k], ring[(k + 1) % n]
        for m in range(k + 2, n):
            if k == 0 and m == n - 1:
                continue
            c, d = ring[m], ring[(m + 1) % n]
            acb, bda = -_across(a, b, c), _across(a, b, d)
            if acb * bda <= 0.0:
                continue
            if acb * -_across(c, d, b) > 0.0 and acb * _across(c, d, a) > 0.0:
                return k, m
    return -1, -1


@njit(cache=True)
def unit_vectors(degrees: Floats) -> Floats:
    """Points [n, 2] in degrees, latitude first, as unit vectors [n, 3] on the sphere on which S2 works."""
    vectors = np.empty((degrees.shape[0], 3))
    for k in range(degrees.shape[0]):
        latitude, longitude = np.radians(degrees[k, 0]), np.radians(degrees[k, 1])
        vectors[k, 0] = np.cos(latitude) * np.cos(longitude)
        vectors[k, 1] = np.cos(latitude) * np.sin(longitude)
        vectors[k, 2] = np.sin(latitude)
    return vectors


@njit(cache=True)
def _off_earth_or_repeated(degrees: Floats) -> tuple[int, int]:
    """The fault of the first vertex that is no place on earth, or that comes twice, and the vertex."""
    for k in range(degrees.shape[0]):
        if not (abs(degrees[k, 0]) <= 90.0 and abs(degrees[k, 1]) <= 180.0):
            return OFF_EARTH, k
        for m in range(k):
            if degrees[m, 0] == degrees[k, 0] and degrees[m, 1] == degrees[k, 1]:
                return REPEATED, k
    return SOUND, 0


@njit(cache=True, nogil=True)
def survey(
    degrees: Floats, ends: Counts, largest_sr: float, most: int, most_work: int
) -> tuple[int, int, int, int, float, Cells, int]:
    """What is wrong with the first bad one of some rings, and where all are sound, the cells that they touch.

    The rings stand one after the other in `degrees` [n, 2], latitude first; `ends` says where each ends. Returns the
    fault, the ring, two of its vertices or edges, its area in steradians, the cells, each once, ascending, and the work
    that it was, a little over `most_work` where that was not enough.
    """
    found = np.empty(64, dtype=np.uint32)
    count = 0
    begin = 0
    work = 0
    for k in range(len(ends)):
        mine = degrees[begin : ends[k]]
        begin = ends[k]
        # Every vertex is held against every other, and every edge.
        work += _VOLUME_STEPS + 2 * len(mine) * len(mine)
        if work > most_work:
            return TOO_MUCH_WORK, k, 0, 0, 0.0, found[:0], work
        fault, vertex = _off_earth_or_repeated(mine)
        if fault != SOUND:
            return fault, k, vertex, 0, 0.0, found[:0], work
        ring = unit_vectors(mine)
        area = area_sr(ring)
        if area > largest_sr:
            return TOO_LARGE, k, 0, 0, area, found[:0], work
        first, second = crossing_edges(ring)
        if first >= 0:
            return CROSSING, k, first, second, area, found[:0], work
        cells, more = cover(ring, most, most_work - work)
        work += more
        if len(cells) > most:
            return TOO_MANY_CELLS, k, 0, 0, area, found[:0], work
        if work > most_work:
            return TOO_MUCH_WORK, k, 0, 0, area, found[:0], work
        found, count = _with_more(found, count, cells)
    return SOUND, 0, 0, 0, 0.0, distinct(found[:count]), work


@njit(cache=True)
def _with_more(found: Cells, count: int, cells: Cells) -> tuple[Cells, int]:
    if count + len(cells) > len(found):
        larger = np.empty(2 * (count + len(cells)), dtype=np.uint32)
        larger[:count] = found[:count]
        found = larger
    found[count : count + len(cells)] = cells
    return found, count + len(cells)


@njit(cache=True)
def circumscribed(centre: Floats, radius_m: float) -> Floats:
    """A regular polygon, as unit vectors, that holds the whole circle of this radius on the WGS84 ellipsoid.

    `centre` is a unit vector.
    """
    # Any two axes across the centre serve.
    east = np.array([-centre[1], centre[0], 0.0])
    if abs(centre[2]) > 0.9:
        east = np.array([0.0, -centre[2], centre[1]])
    east = east / np.sqrt(dot(east, east))
    north = np.array(
        [
            centre[1] * east[2] - centre[2] * east[1],
            centre[2] * east[0] - centre[0] * east[2],
            centre[0] * east[1] - centre[1] * east[0],
        ]
    )
    # The middle of a side stands tan(r) away in the tangent plane when the corner stands tan(r) / cos(half a side).
    reach = np.tan(radius_m / SMALLEST_CURVATURE_RADIUS_M) / np.cos(np.pi / CIRCLE_SIDES)
    corners = np.empty((CIRCLE_SIDES, 3))
    for k in range(CIRCLE_SIDES):
        turn = k * (2.0 * np.pi / CIRCLE_SIDES)
        corner = centre + reach * (np.cos(turn) * east + np.sin(turn) * north)
        corners[k] = corner / np.sqrt(dot(corner, corner))
    return corners


@njit(cache=True, nogil=True)
def survey_circles(degrees: Floats, radii_m: Floats, most: int, most_work: int) -> tuple[int, int, Cells, int]:
    """The cells that some circles touch: the fault of the first bad one, which it is, the cells, and the work.

    `degrees` are the centres [n, 2], latitude first; the radii are positive. For cells and work see `survey`.
    """
    found = np.empty(64, dtype=np.uint32)
    count = 0
    work = 0
    for k in range(len(radii_m)):
        if not (abs(degrees[k, 0]) <= 90.0 and abs(degrees[k, 1]) <= 180.0):
            return OFF_EARTH, k, found[:0], work
        cells, more = cover(circumscribed(unit_vectors(degrees[k : k + 1])[0], radii_m[k]), most, most_work - work)
        work += more + _VOLUME_STEPS
        if len(cells) > most:
            return TOO_MANY_CELLS, k, found[:0], work
        if work > most_work:
            return TOO_MUCH_WORK, k, found[:0], work
        found, count = _with_more(found, count, cells)
    return SOUND, 0, distinct(found[:count]), work


@njit(cache=True)
def distinct(cells: Cells) -> Cells:
    """The cells, each once, ascending."""
    ordered = np.sort(cells)
    n = 0
    for k in range(len(ordered)):
        if k == 0 or ordered[k] != ordered[k - 1]:
            ordered[n] = ordered[k]
            n += 1
    return ordered[:n]
