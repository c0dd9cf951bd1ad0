"""Plans as tokens: whole numbers such that two plans inside the minima always have one in common.

The first party covers its plans grown by the minima in space, the second grows its own in time: two points are within
a distance of each other exactly if one lies within the other's surroundings (Minkowski's shift), so it is enough that
one side grows, and both show fewer tokens than if each grew by half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

from detente.accord.matching_terms import AltitudeFamilies, MatchingTerms
from detente.airspace.altimetry import is_pressure
from detente.airspace.arrays import Floats, Integers
from detente.airspace.compiled import CompiledPlans, Vocabulary, compile_plans
from detente.airspace.cores import on_all_cores
from detente.airspace.geoid import GEOID_SLOPE
from detente.airspace.part_kernels import (
    CLASS,
    ELLIPSOID,
    FAMILY,
    LATERAL_M,
    MOVING,
    PLAN,
    PRESSURE,
    RADIUS_M,
    SLACK_S,
    TOLERANCE_M,
    VERTICAL_M,
    VERTICAL_TOLERANCE_M,
)
from detente.airspace.plan import Plan, Trajectory
from detente.airspace.refusal import Refusal
from detente.airspace.separation import Minima, MinimaTable
from detente.matching import quantise_kernels as kernels
from detente.matching.grid import FIRST_PRESSURE, GEOMETRIC, SECOND_PRESSURE, grid_rows
from detente.matching.grid import PRESSURE as BOTH_PRESSURE
from detente.matching.ordered import different

MIXED_BANDS = 10
"""Bands of pressure against geometric plans are so many times as high: the weather is known to thousands of feet."""
PARTS_AT_A_TIME = 256


class Role(StrEnum):
    """Which party of a run: the first grows its plans in space, the second in time."""

    FIRST = "first"
    SECOND = "second"

    @property
    def other(self) -> Role:
        """The other party's role."""
        return Role.SECOND if self is Role.FIRST else Role.FIRST


@dataclass(frozen=True)
class Epoch:
    """A stretch of time of one run: the number of whole lengths since 1970, and the length in seconds."""

    number: int
    length_s: int

    @property
    def start_s(self) -> int:
        """POSIX seconds of its first instant."""
        return self.number * self.length_s


@dataclass(frozen=True)
class Part:
    """One volume, or one leg, of a plan: as much of it as is ever shown. `plan` counts from 0."""

    plan: int
    piece: Plan


@dataclass(frozen=True)
class TokenSet:
    """The tokens of a set of plans.

    Attributes:
        parts: the parts of all plans, in order.
        tokens: different packed tokens, ascending.
        pair_tokens: rows of `tokens`, one for each pair of a token and a part that has it.
        pair_parts: the part of each pair; pairs are in order of parts, then of tokens.
    """

    parts: list[Part]
    tokens: Integers
    pair_tokens: Integers
    pair_parts: Integers

    def tokens_of_parts(self) -> list[Integers]:
        """The tokens of each part, ascending."""
        bounds = np.searchsorted(self.pair_parts, np.arange(len(self.parts) + 1))
        chosen = self.tokens[self.pair_tokens]
        return [chosen[begin:end] for begin, end in pairwise(bounds)]


def parts_of(plans: Sequence[Plan]) -> list[Part]:
    """The volumes and legs of plans. The exact predicate on them is that on the plans."""
    parts = []
    for number, plan in enumerate(plans):
        intent = plan.intent
        if isinstance(intent, Trajectory):
            points = intent.waypoints
            legs = [points] if len(points) == 1 else [points[k : k + 2] for k in range(len(points) - 1)]
            parts += [
                Part(number, Plan(plan.plan_id, Trajectory(leg, intent.containment_of_leg(k)), plan.aircraft_class))
                for k, leg in enumerate(legs)
            ]
        else:
            parts += [Part(number, Plan(plan.plan_id, (volume,), plan.aircraft_class)) for volume in intent]
    return parts


def quantise(plans: Sequence[Plan], role: Role, epoch: Epoch, terms: MatchingTerms, table: MinimaTable) -> TokenSet:
    """Return the tokens, on the first grid, of the stretch of `plans` that lies in the epoch.

    Raises Refusal, naming the plan, for a plan on an altitude reference that the terms leave out, for one with more
    tokens than the terms allow, and for too many plans on one token.
    """
    result, too_large = covered_parts(parts_of(plans), role, epoch, terms, table, 0)
    if len(too_large):
        raise _too_many_tokens(result.parts[int(too_large[0])].piece, f"more than {terms.plan_tokens:,}", terms)
    _check_caps(result, plans, terms)
    return result


def covered_parts(
    parts: list[Part], role: Role, epoch: Epoch, terms: MatchingTerms, table: MinimaTable, number: int
) -> tuple[TokenSet, Integers]:
    """The tokens of parts on the grid `number`, and those parts that have far too many and so have none here.

    Raises Refusal for a plan on an altitude reference that the terms leave out.
    """
    vocabulary = Vocabulary()
    compiled = compile_plans([part.piece for part in parts], vocabulary)
    _check_families(compiled, vocabulary, terms)
    growth = _growth(compiled, role, terms, _largest_minima(vocabulary, table))
    grid = terms.grid(number)
    rows = grid_rows(grid.cell_dm)
    too_large = np.zeros(len(parts), dtype=np.int64)

    def covered(start: int, stop: int) -> tuple[Integers, Integers]:
        result: tuple[Integers, Integers] = kernels.cover(
            start, stop, compiled.floats, compiled.integers, compiled.curves, growth, float(epoch.start_s),
            -(-epoch.length_s // grid.bin_seconds), grid.bin_seconds, grid.band_ft, MIXED_BANDS * grid.band_ft,
            grid.levels, rows.height_microdegrees * 1e-6, rows.columns, rows.axis_m, rows.polar_m, rows.reach_m,
            rows.frames, 0.1 * grid.cell_dm, terms.plan_tokens, too_large,
        )  # fmt: skip
        return result

    slices = on_all_cores(covered, len(compiled.floats), PARTS_AT_A_TIME)
    if not slices:
        empty = np.empty(0, dtype=np.int64)
        return TokenSet(parts, empty, empty, empty), empty
    result = _gathered(parts, np.concatenate([s[0] for s in slices]), np.concatenate([s[1] for s in slices]))
    return result, np.flatnonzero(too_large)


def _gathered(parts: list[Part], raw_tokens: Integers, raw_parts: Integers) -> TokenSet:
    tokens = different(raw_tokens)
    row_of = np.searchsorted(tokens, raw_tokens)
    # One number for a pair, so that one sort makes pairs different and puts them in order.
    pairs = different(raw_parts * np.int64(max(len(tokens), 1)) + row_of)
    pair_parts, pair_tokens = np.divmod(pairs, max(len(tokens), 1))
    return TokenSet(parts, tokens, pair_tokens, pair_parts)


def _largest_minima(vocabulary: Vocabulary, table: MinimaTable) -> Floats:
    """For each class, the largest minima against any class: the other side's classes are not known."""
    others = {name for row in table.by_class for name in (row.first_class, row.second_class)}
    largest = np.empty((len(vocabulary.classes), 3))
    for number, name in enumerate(vocabulary.classes):
        rows: list[Minima] = [table.default, *(table.between(name, other) for other in others)]
        largest[number] = [max(getattr(row, f) for row in rows) for f in ("horizontal_m", "vertical_m", "time_s")]
    return largest


def _growth(compiled: CompiledPlans, role: Role, terms: MatchingTerms, largest: Floats) -> Floats:
    floats, integers = compiled.floats, compiled.integers
    minima = largest[integers[:, CLASS]] if len(floats) else np.empty((0, 3))
    growth = np.zeros((len(floats), kernels.GROWTH_COLUMNS))
    own_m = floats[:, LATERAL_M] + floats[:, RADIUS_M]
    own_s = floats[:, SLACK_S]
    common_m, common_s = 0.1 * terms.common_lateral_dm, float(terms.common_seconds)
    moving = integers[:, MOVING] == 1
    if role is Role.FIRST:
        growth[:, kernels.GROWTH_M] = np.maximum(0.0, own_m + minima[:, 0] + common_m) + TOLERANCE_M
        # A leg's own slack can become nothing; a volume's window is shrunk to its middle at the least.
        slack_s = np.where(moving, np.maximum(0.0, own_s - common_s), own_s - common_s)
        vertical_m = np.maximum(minima[:, 1] - VERTICAL_TOLERANCE_M, VERTICAL_TOLERANCE_M)
    else:
        growth[:, kernels.GROWTH_M] = np.maximum(0.0, own_m - common_m)
        slack_s = own_s + minima[:, 2] + common_s
        vertical_m = np.zeros(len(floats))
    # Outward to a microsecond, but not because 0.1 s is a little more than 100,000 of them in a float.
    growth[:, kernels.SLACK_MICROSECONDS] = np.ceil(slack_s * 1e6 - 1e-3)
    on_pressure = integers[:, PRESSURE] == 1
    mixed_family = np.where(on_pressure == (role is Role.FIRST), FIRST_PRESSURE, SECOND_PRESSURE)
    both = terms.altitudes is AltitudeFamilies.BOTH and terms.band_ft > 0
    growth[:, kernels.FIRST_FAMILY] = np.where(on_pressure & (terms.band_ft > 0), BOTH_PRESSURE, GEOMETRIC)
    growth[:, kernels.SECOND_FAMILY] = mixed_family if both else -1
    growth[:, kernels.FIRST_FRAME], growth[:, kernels.SECOND_FRAME] = FAMILY, ELLIPSOID
    for frame, column in ((FAMILY, kernels.FIRST_HALF_M), (ELLIPSOID, kernels.SECOND_HALF_M)):
        growth[:, column] = vertical_m + floats[:, VERTICAL_M] + floats[:, frame + 2] + floats[:, frame + 3]
    # The exact predicate compares equal references as they are read, whatever the geoid does in between.
    converted = floats[:, FAMILY + 3] > 0.0
    bend_m = np.where(converted & ~on_pressure, GEOID_SLOPE * growth[:, kernels.GROWTH_M], 0.0)
    growth[:, kernels.FIRST_HALF_M] += bend_m
    return growth


def _check_families(compiled: CompiledPlans, vocabulary: Vocabulary, terms: MatchingTerms) -> None:
    if terms.altitudes is AltitudeFamilies.BOTH or terms.band_ft == 0:
        return
    is_pressure_family = terms.altitudes is AltitudeFamilies.PRESSURE
    if all(is_pressure(reference) is is_pressure_family for reference in vocabulary.references):
        return
    row = int(np.flatnonzero((compiled.integers[:, PRESSURE] == 1) != is_pressure_family)[0])
    plan = compiled.plans[int(compiled.integers[row, PLAN])]
    raise Refusal(
        "matching.altitudes_family_accord_says", f"plan {plan.plan_id}, altitude.reference",
        "a reference of the other family", altitudes=terms.altitudes,
    )  # fmt: skip


def _check_caps(result: TokenSet, plans: Sequence[Plan], terms: MatchingTerms) -> None:
    plan_of_part = np.array([part.plan for part in result.parts], dtype=np.int64)
    pairs = different(plan_of_part[result.pair_parts] * np.int64(max(len(result.tokens), 1)) + result.pair_tokens)
    owners, rows = np.divmod(pairs, max(len(result.tokens), 1))
    counts = np.bincount(owners, minlength=len(plans))
    if len(counts) and counts.max() > terms.plan_tokens:
        worst = int(counts.argmax())
        raise _too_many_tokens(plans[worst], f"{counts[worst]:,}", terms)
    crowds = np.bincount(rows, minlength=1)
    if crowds.max() > terms.cell_plans:
        plan = plans[int(owners[np.flatnonzero(rows == crowds.argmax())[0]])]
        raise Refusal(
            "matching.at_most_plans_one_party", f"plan {plan.plan_id}",
            f"{crowds.max():,} plans in one cell, band and time", cell_plans=terms.cell_plans,
        )  # fmt: skip


def _too_many_tokens(plan: Plan, count: str, terms: MatchingTerms) -> Refusal:
    return Refusal(
        "matching.at_most_tokens_for_one", f"plan {plan.plan_id}", f"{count} tokens", plan_tokens=terms.plan_tokens
    )
