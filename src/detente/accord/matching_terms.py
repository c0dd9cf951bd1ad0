"""What an accord says about private matching: the grid, the sizes that are shown, and the caps. Whole numbers only."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from detente.airspace.refusal import Refusal


class AltitudeFamilies(StrEnum):
    """Which altitude references the parties' plans are on; plans on others are refused before a run."""

    PRESSURE = "pressure"
    GEOMETRIC = "geometric"
    BOTH = "both"


class RunsOfNodes(StrEnum):
    """When nodes match by themselves: never, when one of the two asks, or for every epoch at a fixed time as well."""

    NONE = "none"
    ASKED = "asked"
    EVERY_EPOCH = "every_epoch"


class ToldOfMatched(StrEnum):
    """What a party tells of a plan that a run found in conflict: the opened part alone, or the plan as it is."""

    PART = "part"
    PLAN = "plan"


class MatchGrid(msgspec.Struct, frozen=True):
    """One grid of a run. With `levels` each level is a band of its own, and so is what lies between two."""

    cell_dm: int
    band_ft: int
    bin_seconds: int
    levels: bool = False


class FineGrid(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A grid of a fine round: what is looked at more closely where the grid before it had a token in common.

    Attributes:
        cell_dm: the side of a cell, in decimetres.
        bin_seconds: the length of a bin of time; it may be longer than that of the grid before.
        first_log2: tokens that the first party shows on this grid in the run, as a power of two.
        second_log2: likewise of the second party.
    """

    cell_dm: int
    bin_seconds: int
    first_log2: int
    second_log2: int


class MatchingDomain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where plans are to be expected: a box of latitude, longitude and height. A plan may lie outside all the same.

    A spot check hides the place of a token among others of this box, so it should hold little but places where the
    parties fly. West may be greater than east: then the box crosses 180 degrees.
    """

    south_millidegrees: int
    west_millidegrees: int
    north_millidegrees: int
    east_millidegrees: int
    low_ft: int = -1_000
    high_ft: int = 60_000

    def __post_init__(self) -> None:
        for name, most in (("south", 90_000), ("north", 90_000), ("west", 180_000), ("east", 180_000)):
            edge = f"{name}_millidegrees"
            _check_within(f"domain.{edge}", getattr(self, edge), -most, most, "thousandths of a degree")
        north = self.north_millidegrees
        _check_within("domain.north_millidegrees", north, self.south_millidegrees, 90_000, "not south of the south")
        _check_within("domain.low_ft", self.low_ft, -10_000, 200_000, "feet")
        _check_within("domain.high_ft", self.high_ft, self.low_ft, 200_000, "feet, not below low_ft")


_FINE_LIMITS = {
    "cell_dm": (2_000, 1_000_000, "decimetres"),
    "bin_seconds": (15, 86_400, "seconds"),
    "first_log2": (6, 22, "as a power of two"),
    "second_log2": (6, 22, "as a power of two"),
}
LATER_MATCHING_TERMS = frozenset({
    "fine", "domain", "spot_one_in", "spot_least", "spot_points", "answers_one_in", "answers_least", "audit_one_in",
    "told_bits", "unflown_plans",
})  # fmt: skip
"""Terms that accords of the first releases did not have."""
MOST_FINE_GRIDS = 4
MOST_BINS = 1 << 15
MOST_FAN_OUT = 4_096
"""Tokens of a grid that one token of the grid before can be split into."""


def _check_within(name: str, value: int, lowest: int, highest: int, unit: str) -> None:
    if not lowest <= value <= highest:
        raise Refusal("accord.in_range", f"matching.{name}", value, lowest=lowest, highest=highest, unit=unit)


_LIMITS = {
    "cell_dm": (10_000, 1_000_000, "decimetres"),
    "band_ft": (0, 100_000, "feet; 0 leaves heights out"),
    "bin_seconds": (60, 86_400, "seconds"),
    "common_lateral_dm": (-1_000_000, 1_000_000, "decimetres"),
    "common_seconds": (0, 86_400, "seconds"),
    "epoch_seconds": (3_600, 604_800, "seconds"),
    "lead_seconds": (0, 604_800, "seconds"),
    "first_log2": (8, 24, "as a power of two"),
    "second_log2": (8, 24, "as a power of two"),
    "parts_log2": (4, 22, "as a power of two"),
    "canaries": (16, 1_024, "tokens"),
    "spot_one_in": (1, 1_000_000, "rows"),
    "spot_least": (1, 65_000, "rows"),
    "spot_points": (2, 256, "points"),
    "answers_one_in": (1, 1_000_000, "rows"),
    "answers_least": (1, 65_000, "rows"),
    "audit_one_in": (0, 100_000, "epochs; 0 asks for none"),
    "told_bits": (0, 1_000_000_000, "bits; 0 sets no limit"),
    "unflown_plans": (0, 1_000_000, "plans of an epoch; 0 sets no limit"),
    "late_log2": (6, 16, "as a power of two"),
    "late_runs": (0, 1_000, "late runs in an epoch"),
    "plan_tokens": (1, 1_000_000, "tokens of one plan"),
    "cell_plans": (1, 10_000, "plans of one party on one token"),
}


class MatchingTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The terms of private matching between two parties. The defaults are the grid for crewed aircraft.

    Attributes:
        cell_dm: the side of a cell of the grid, in decimetres.
        band_ft: the height of a band, in feet, with levels in the middle of bands; 0 leaves heights out.
        bin_seconds: the length of a bin of time.
        altitudes: which families of altitude references occur.
        common_lateral_dm: moved from the second party's growth to the first's, or back where it is negative.
        common_seconds: moved from the first party's containment along time to the second's.
        epoch_seconds: one run for each such stretch of time since 1970; a plan that crosses it is in both runs.
        runs: when the parties' nodes match; with "none" there are only runs over files.
        lead_seconds: a run of every epoch is due so long before the epoch begins.
        told: what is told of a plan that a run found in conflict, beyond what the accord tells in any case.
        first_log2: tokens that the first party shows in a run, as a power of two; dummies fill them up.
        second_log2: likewise of the second party.
        parts_log2: parts of plans in a commitment, as a power of two.
        canaries: of the protocol before spot checks; it is read and has no effect.
        late_log2: tokens that each party shows on the first grid in a late run, as a power of two; a quarter of it on
            each finer one.
        late_runs: late runs of the two parties in an epoch.
        plan_tokens: a plan with more tokens is refused.
        cell_plans: a token on which one party has more plans than this is refused.
        fine: the grids of the fine rounds, each finer in some way than the one before; empty for none. Not given,
            they are chosen by the first grid, see `fine_grids`.
        domain: where plans are to be expected. Not given, it is the box around the accord's area.
        spot_one_in: of so many rows of a list one is checked, by the other party's coin.
        spot_least: but of lists with 128 times so many rows or more never fewer than this, of shorter ones one in 128.
        spot_points: the places among which a checked row is hidden.
        answers_one_in: of so many answers one is proven.
        answers_least: but never fewer than this.
        audit_one_in: a coin sends one run of so many to the auditor, after it is complete; 0 for none.
        told_bits: once the runs of the last thirty days have told so many bits of a party's plans, it takes part in no
            more; 0 sets no limit.
        unflown_plans: of the plans of one epoch of which a party had to show a part, so many may stay unflown, or be
            cancelled; after more, the other party takes part in no run for thirty days. 0 sets no limit.
    """

    cell_dm: int = 100_000
    band_ft: int = 1_000
    bin_seconds: int = 600
    altitudes: AltitudeFamilies = AltitudeFamilies.BOTH
    common_lateral_dm: int = 0
    common_seconds: int = 0
    epoch_seconds: int = 86_400
    runs: RunsOfNodes = RunsOfNodes.NONE
    lead_seconds: int = 3_600
    told: ToldOfMatched = ToldOfMatched.PART
    first_log2: int = 20
    second_log2: int = 20
    parts_log2: int = 16
    canaries: int = 64
    late_log2: int = 11
    late_runs: int = 24
    plan_tokens: int = 20_000
    cell_plans: int = 256
    fine: tuple[FineGrid, ...] | None = None
    domain: MatchingDomain | None = None
    spot_one_in: int = 512
    spot_least: int = 16
    spot_points: int = 64
    answers_one_in: int = 128
    answers_least: int = 2_048
    audit_one_in: int = 30
    told_bits: int = 0
    unflown_plans: int = 0

    def __post_init__(self) -> None:
        for name, (lowest, highest, unit) in _LIMITS.items():
            _check_within(name, getattr(self, name), lowest, highest, unit)
        if 0 < self.band_ft < 200:
            raise Refusal("accord.zero_or_band", "matching.band_ft", self.band_ft)
        if self.epoch_seconds % self.bin_seconds:
            raise Refusal("accord.whole_part_epoch", "matching.bin_seconds", self.bin_seconds)
        if self.canaries >= 2 ** min(self.first_log2, self.second_log2):
            raise Refusal("accord.fewer_canaries_than_tokens", "matching.canaries", self.canaries)
        if len(self.fine or ()) > MOST_FINE_GRIDS:
            raise Refusal("accord.at_most_rows", "matching.fine", len(self.fine or ()), most=MOST_FINE_GRIDS)
        for number, fine in enumerate(self.fine or ()):
            for name, (lowest, highest, unit) in _FINE_LIMITS.items():
                _check_within(f"fine[{number}].{name}", getattr(fine, name), lowest, highest, unit)
            bins = -(-self.epoch_seconds // fine.bin_seconds)
            _check_within(f"fine[{number}].bin_seconds", bins, 1, MOST_BINS, "bins in an epoch")
            _check_within(f"fine[{number}]", fan_out(self.grid(number), self.grid(number + 1)), 1, MOST_FAN_OUT,
                          "tokens to one of the grid before")  # fmt: skip

    @property
    def fine_grids(self) -> tuple[FineGrid, ...]:
        """The grids of the fine rounds; where the accord names none, those that suit the first grid.

        With heights: the same cells and a tenth of the time, each level a band of its own; then a quarter of a cell and
        a thirtieth of the time. Without: seven twentieths of a cell and eight times the time, because what stays where
        it is would show each cell again in each bin.
        """
        if self.fine is not None:
            return self.fine
        longest = -(-self.epoch_seconds // MOST_BINS)

        def grid(cell_dm: int, bin_seconds: int, fewer_log2: int) -> FineGrid:
            return FineGrid(
                cell_dm=max(2_000, cell_dm), bin_seconds=min(86_400, max(15, longest, bin_seconds)),
                first_log2=max(6, self.first_log2 - fewer_log2), second_log2=max(6, self.second_log2 - fewer_log2),
            )  # fmt: skip

        if self.band_ft == 0:
            return (grid(self.cell_dm * 7 // 20, 8 * self.bin_seconds, 1),)
        return (
            grid(self.cell_dm, self.bin_seconds // 10, 3),
            grid(self.cell_dm // 4, self.bin_seconds // 30, 2),
        )  # fmt: skip

    def grid(self, number: int) -> MatchGrid:
        """The grid of a round: 0 for the first, then the fine ones."""
        if number == 0:
            return MatchGrid(self.cell_dm, self.band_ft, self.bin_seconds)
        fine = self.fine_grids[number - 1]
        return MatchGrid(fine.cell_dm, self.band_ft, fine.bin_seconds, levels=self.band_ft > 0)


def fan_out(before: MatchGrid, after: MatchGrid) -> int:
    """At the most so many tokens of a grid overlap one token of the grid before it."""
    sideways = -(-before.cell_dm // after.cell_dm) + 1
    bands = 3 if after.levels and not before.levels else 1
    return sideways * (sideways + 1) * bands * (-(-before.bin_seconds // after.bin_seconds) + 1)


CREWED_MATCHING = MatchingTerms()
"""10 km, 1,000 ft, 10 minutes."""
DRONE_MATCHING = MatchingTerms(cell_dm=20_000, band_ft=0, bin_seconds=300, first_log2=19, second_log2=19)
"""2 km, 5 minutes, heights left out: drones fly in one slab."""
