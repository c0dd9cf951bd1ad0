"""Compiled global nearest neighbour: each sighting to at most one track, each track at most one sighting, cheapest.

As many as can be are assigned, and of all ways to do so the one of the least sum of costs is taken (H. W. Kuhn's
method, with shortest augmenting paths). Sightings and tracks that no pair connects are solved apart. A crowd of more
than CROWD_MAX sightings that hang together is assigned pair by pair, the cheapest first: it is traffic no more, and the
exact answer takes time with the third power of their number.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from detente.airspace.arrays import Floats, Integers

UNASSIGNED_COST = 1e4
"""More than a pair costs, so that no pair is left out for the sake of the sum; two of them fit a float exactly."""
CROWD_MAX = 64


@njit(cache=True)
def root_of(parents: Integers, one: int) -> int:
    """The one that stands for all that hang together with `one`."""
    while parents[one] != one:
        parents[one] = parents[parents[one]]
        one = parents[one]
    return one


@njit(cache=True, nogil=True)
def cheapest(costs: Floats) -> Integers:
    """For each row of a matrix with at least as many columns the column it gets, so that the sum is the least."""
    rows, columns = costs.shape
    of_row, of_column = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.zeros(columns + 1, np.int64)
    back = np.zeros(columns + 1, np.int64)
    for row in range(1, rows + 1):
        owner[0] = row
        column = 0
        least = np.full(columns + 1, np.inf)
        done = np.zeros(columns + 1, np.bool_)
        while True:
            done[column] = True
            here, step, following = owner[column], np.inf, 0
            for j in range(1, columns + 1):
                if done[j]:
                    continue
                slack = costs[here - 1, j - 1] - of_row[here] - of_column[j]
                if slack < least[j]:
                    least[j] = slack
                    back[j] = column
                if least[j] < step:
                    step = least[j]
                    following = j
            for j in range(columns + 1):
                if done[j]:
                    of_row[owner[j]] += step
                    of_column[j] -= step
                else:
                    least[j] -= step
            column = following
            if owner[column] == 0:
                break
        while column != 0:
            owner[column] = owner[back[column]]
            column = back[column]
    found = np.empty(rows, np.int64)
    for j in range(1, columns + 1):
        if owner[j] > 0:
            found[owner[j] - 1] = j - 1
    return found


@njit(cache=True, nogil=True)
def assign(pairs: Integers, costs: Floats, sightings: int, tracks: int) -> Integers:
    """The track of each sighting, or -1.

    Args:
        pairs: shape [n, 2], a sighting and a track that may be one.
        costs: shape [n], below UNASSIGNED_COST.
        sightings: how many sightings there are.
        tracks: how many tracks there are.
    """
    found = np.full(sightings, -1, np.int64)
    parents = np.arange(sightings + tracks)
    for p in range(pairs.shape[0]):
        a, b = root_of(parents, pairs[p, 0]), root_of(parents, sightings + pairs[p, 1])
        parents[max(a, b)] = min(a, b)
    roots = np.empty(pairs.shape[0], np.int64)
    for p in range(pairs.shape[0]):
        roots[p] = root_of(parents, pairs[p, 0])
    order = np.argsort(roots, kind="mergesort")
    row_of, column_of = np.full(sightings, -1, np.int64), np.full(tracks, -1, np.int64)
    start = 0
    while start < order.shape[0]:
        stop = start
        while stop < order.shape[0] and roots[order[stop]] == roots[order[start]]:
            stop += 1
        one = order[start]
        if stop - start == 1:
            found[pairs[one, 0]] = pairs[one, 1]
        else:
            solve(pairs, costs, order[start:stop], row_of, column_of, found)
        start = stop
    return found


@njit(cache=True, nogil=True)
def solve(
    pairs: Integers, costs: Floats, part: Integers, row_of: Integers, column_of: Integers, found: Integers
) -> None:
    """Assign what hangs together: the pairs listed in `part`. The two scratch arrays are left at -1."""
    who, which = np.empty(part.shape[0], np.int64), np.empty(part.shape[0], np.int64)
    rows = columns = 0
    for p in part:
        if row_of[pairs[p, 0]] < 0:
            row_of[pairs[p, 0]] = rows
            who[rows] = pairs[p, 0]
            rows += 1
        if column_of[pairs[p, 1]] < 0:
            column_of[pairs[p, 1]] = columns
            which[columns] = pairs[p, 1]
            columns += 1
    if rows > CROWD_MAX:
        used = np.zeros(columns, np.bool_)
        for q in np.argsort(costs[part], kind="mergesort"):
            p = part[q]
            if found[pairs[p, 0]] < 0 and not used[column_of[pairs[p, 1]]]:
                found[pairs[p, 0]] = pairs[p, 1]
                used[column_of[pairs[p, 1]]] = True
    else:
        matrix = np.full((rows, columns + rows), math.inf)
        matrix[:, columns:] = UNASSIGNED_COST
        matrix[:, :columns] = 4.0 * UNASSIGNED_COST
        for p in part:
            a, b = row_of[pairs[p, 0]], column_of[pairs[p, 1]]
            matrix[a, b] = min(matrix[a, b], costs[p])
        answer = cheapest(matrix)
        for row in range(rows):
            if answer[row] < columns:
                found[who[row]] = which[answer[row]]
    for row in range(rows):
        row_of[who[row]] = -1
    for column in range(columns):
        column_of[which[column]] = -1
