"""Minima to begin from when an accord is drafted, each with the public document that it is taken from (R21).

They are offered, never assumed: an accord says its own. Each side's own navigation and altimetry error is added to them
by what its plans say they are contained in, and by the conversion between altitude references.
"""

from __future__ import annotations

import msgspec

from detente.airspace.separation import Minima


class StandardMinima(msgspec.Struct, frozen=True):
    """Minima under a name, and where they come from."""

    name: str
    minima: Minima
    source: str


STANDARD_MINIMA = (
    StandardMinima(
        "en-route", Minima(9260.0, 304.8, 0.0),
        "5 NM and 1000 ft: the cylinder of CD3D, and RVSM of ICAO Doc 9574 in height",
    ),
    StandardMinima(
        "outside-rvsm", Minima(9260.0, 609.6, 0.0),
        "5 NM and 2000 ft: ICAO Doc 9574 outside RVSM airspace above FL290",
    ),
    StandardMinima(
        "do-365b-en-route", Minima(1223.0, 137.16, 35.0),
        "0.66 NM, 450 ft and 35 s: RTCA DO-365B, phase I, rounded up to a metre",
    ),
    StandardMinima(
        "do-365b-terminal", Minima(457.2, 137.16, 0.0), "1500 ft and 450 ft: RTCA DO-365B, phase II"
    ),
    StandardMinima(
        "do-365b-non-cooperative", Minima(671.0, 137.16, 0.0),
        "2200 ft and 450 ft: RTCA DO-365B, non-cooperative, rounded up to a metre",
    ),
)  # fmt: skip
