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
        canaries: tokens that both parties add, by which suppressed answers are found out.
        late_log2: tokens shown in a late run, as a power of two.
        late_runs: late runs that each party may ask for in an epoch.
        plan_tokens: a plan with more tokens is refused.
        cell_plans: a token on which one party has more plans than this is refused.
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

    def __post_init__(self) -> None:
        for name, (lowest, highest, unit) in _LIMITS.items():
            value = getattr(self, name)
            if not lowest <= value <= highest:
                raise Refusal(f"matching.{name}", value, f"{lowest:,} to {highest:,} {unit}")
        if 0 < self.band_ft < 200:
            raise Refusal("matching.band_ft", self.band_ft, "0, or 200 feet and more")
        if self.epoch_seconds % self.bin_seconds:
            raise Refusal("matching.bin_seconds", self.bin_seconds, "a whole part of the epoch", "600 fits a day.")
        if self.canaries >= 2 ** min(self.first_log2, self.second_log2):
            raise Refusal("matching.canaries", self.canaries, "fewer canaries than tokens")


CREWED_MATCHING = MatchingTerms()
"""10 km, 1,000 ft, 10 minutes."""
DRONE_MATCHING = MatchingTerms(cell_dm=20_000, band_ft=0, bin_seconds=300, first_log2=19, second_log2=19)
"""2 km, 5 minutes, heights left out: drones fly in one slab."""
