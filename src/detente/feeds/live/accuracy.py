"""What the figures of ADS-B for accuracy and integrity mean, in metres and metres per second.

Source: RTCA DO-260B, 2.2.3.2.7.2 (NACp, NACv, GVA), 2.2.3.2.3 (NIC). None where the figure says "unknown".
"""

from __future__ import annotations

NAUTICAL_MILE_M = 1852.0

IN_THE_PLANE = 2.448
"""Standard deviations in the plane, the same in each direction, within which 95 % of errors are."""

IN_ONE_DIRECTION = 1.96
"""Standard deviations in one direction, within which 95 % of errors are."""

HORIZONTAL_ERROR_M: dict[int, float] = {
    1: 10.0 * NAUTICAL_MILE_M, 2: 4.0 * NAUTICAL_MILE_M, 3: 2.0 * NAUTICAL_MILE_M, 4: 1.0 * NAUTICAL_MILE_M,
    5: 0.5 * NAUTICAL_MILE_M, 6: 0.3 * NAUTICAL_MILE_M, 7: 0.1 * NAUTICAL_MILE_M, 8: 0.05 * NAUTICAL_MILE_M,
    9: 30.0, 10: 10.0, 11: 3.0,
}  # fmt: skip
"""By NACp: the radius that holds 95 % of positions."""

VELOCITY_ERROR_MPS: dict[int, float] = {1: 10.0, 2: 3.0, 3: 1.0, 4: 0.3}
"""By NACv: 95 % of horizontal velocities are nearer."""

VERTICAL_ERROR_M: dict[int, float] = {1: 150.0, 2: 45.0}
"""By GVA: 95 % of geometric altitudes are nearer."""

_ALWAYS_M = {5: 7.5, 6: 25.0, 9: 7.5, 10: 25.0, 12: 370.4, 14: 1852.0, 15: 3704.0, 17: 37_040.0, 20: 7.5, 21: 25.0}
_BY_SUPPLEMENTS_M = {
    7: ({(1, 0): 75.0}, 185.2),
    11: ({(1, 1): 75.0}, 185.2),
    13: ({(0, 1): 555.6, (0, 0): 926.0}, 1111.2),
    16: ({(1, 1): 7_408.0}, 14_816.0),
}


def integrity_m(code: int, nic_a: int, nic_b: int, version: int | None) -> float | None:
    """Return the containment radius that a position message of type `code` says; None where it says none.

    Args:
        code: the type of the message, which with the supplements A and B is the NIC.
        nic_a: from the last message of operational status.
        nic_b: from the position message itself.
        version: of ADS-B; without it, and for the first, the larger radius counts.
    """
    if code in _ALWAYS_M:
        return _ALWAYS_M[code]
    if code not in _BY_SUPPLEMENTS_M:
        return None
    smaller, largest_m = _BY_SUPPLEMENTS_M[code]
    if not version:
        return 18_520.0 if code == 16 else largest_m
    return smaller.get((nic_a, nic_b), largest_m)
