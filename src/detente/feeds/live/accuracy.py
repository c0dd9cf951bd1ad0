"""What the figures of ADS-B for accuracy and integrity mean, in metres and metres per second.

Source: RTCA DO-260B, 2.2.3.2.7.2 (NACp, NACv, GVA), 2.2.3.2.3 (NIC). None where the figure says "unknown".
"""

from __future__ import annotations

NAUTICAL_MILE_M = 1852.0

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
