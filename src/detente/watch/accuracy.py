"""How wrong a position, a height, a speed and a time may be where the sighting does not say, by its source.

Errors are those that 95 % of errors are smaller than, radial for positions. What the figures are from:

| source | position | velocity | time | from |
|---|---|---|---|---|
| ADS-B, own report | 92.6 m | 10 m/s | 0.6 s | 14 CFR 91.227 (c)(1), (e): NACp 8, NACv 1, uncompensated latency |
| ADS-R | 92.6 m | 10 m/s | 1.6 s | the same, and 1 s to be sent again from the ground: a guess on the safe side |
| TIS-B | 185.2 m | 20 m/s | 3 s | NACp 7, and the age of a radar's plot: guesses on the safe side, no rule binds it |
| multilateration | 260 m | 20 m/s | 1 s | 150 m root mean square, EUROCAE ED-142 for 3 NM separation |
| radar, fused | 519 m | 20 m/s | 0.5 s | 300 m root mean square, EUROCONTROL-SPEC-147 for 3 NM separation |
| Remote ID, FLARM | 30.5 m | 10 m/s | 1 s | 14 CFR 89.310 (f): 100 feet; message at most 1 s old |
| other | 555.6 m | 20 m/s | 2 s | NACp 6: as poor as still serves to tell aircraft apart |

Pressure altitude: 38.1 m, which is the 125 feet of 14 CFR 91.217. Geometric altitude: 150 m, which is GVA 1 of RTCA
DO-260B. Vertical speed: 4.6 m/s, which is 900 feet a minute, as geometric vertical rates with NACv 1 may be wrong.
"""

from __future__ import annotations

from typing import NamedTuple

from detente.watch.sighting import SightingSource


class UsualErrors(NamedTuple):
    """What 95 % of errors of one source are smaller than: metres, metres a second, seconds."""

    horizontal_m: float
    velocity_mps: float
    time_s: float


USUAL_ERRORS = {
    SightingSource.ADSB: UsualErrors(92.6, 10.0, 0.6),
    SightingSource.ADSR: UsualErrors(92.6, 10.0, 1.6),
    SightingSource.TISB: UsualErrors(185.2, 20.0, 3.0),
    SightingSource.MLAT: UsualErrors(260.0, 20.0, 1.0),
    SightingSource.RADAR: UsualErrors(519.0, 20.0, 0.5),
    SightingSource.FUSED: UsualErrors(519.0, 20.0, 0.5),
    SightingSource.REMOTE_ID: UsualErrors(30.5, 10.0, 1.0),
    SightingSource.FLARM: UsualErrors(30.5, 10.0, 1.0),
    SightingSource.OWN_REPORT: UsualErrors(92.6, 10.0, 0.6),
    SightingSource.OTHER: UsualErrors(555.6, 20.0, 2.0),
}

PRESSURE_ERROR_M = 38.1
GEOMETRIC_ERROR_M = 150.0

RADIAL_95 = 2.4477
"""Radius within which 95 % of a circular normal distribution of deviation 1 lies: the root of -2 ln 0.05."""
LINEAR_95 = 1.96

INTEGRITY_LIMIT_M = 370.4
INTEGRITY_LEVEL_MIN = 3
"""14 CFR 91.227 (c)(1)(iii), (v): NIC at least 7, a radius below 0.2 NM, and SIL 3. Below is too low for separation."""
