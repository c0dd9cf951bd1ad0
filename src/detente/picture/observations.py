"""Observations: what a party says it saw, how sure it is, and whether that is inside a volume (R20).

A verdict says "cannot tell" whenever the uncertainty leaves both answers open: the same 17 seconds were inside a
border on one side's screen and outside on the other's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec
from pyproj import Geod

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel, check_range
from detente.airspace.plan import (
    Circle,
    Containment,
    Plan,
    Polygon,
    TimeWindow,
    Trajectory,
    Volume4D,
    Waypoint,
    check_identifier,
)
from detente.airspace.position import Position, utc
from detente.airspace.refusal import Refusal
from detente.airspace.search import encounters_between
from detente.airspace.separation import Minima, MinimaTable
from detente.picture.notices import Meaning, NoticeRecord

TOUCHING = MinimaTable(Minima(0.0, 0.0, 0.0))
_WGS84 = Geod(ellps="WGS84")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
EXPLAINING = frozenset({Meaning.OUR_AIRCRAFT_HERE})
"""The meanings that explain an aircraft: its party says that it is there."""


class Verdict(StrEnum):
    """Whether what was observed was inside a volume."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    CANNOT_TELL = "cannot_tell"


class Observation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `party` says it saw at a time (UTC): within these distances of a position and of an altitude.

    `evidence_sha256` is the hash of what the party holds to show for it, which stays with the party.
    """

    observation_id: str
    party: str
    position: Position
    horizontal_error_m: float
    altitude: Altitude
    vertical_error_m: float
    time: datetime
    time_error_s: float
    evidence_sha256: str

    def __post_init__(self) -> None:
        check_identifier("observation_id", self.observation_id)
        check_identifier("party", self.party)
        msgspec.structs.force_setattr(self, "time", utc(self.time, "time"))
        check_range("horizontal_error_m", self.horizontal_error_m, 0.0, 1_000_000.0, "metres")
        check_range("vertical_error_m", self.vertical_error_m, 0.0, 20_000.0, "metres")
        check_range("time_error_s", self.time_error_s, 0.0, 3_600.0, "seconds")
        if not _SHA256.match(self.evidence_sha256):
            raise Refusal("picture.sha256_digits", "evidence_sha256", self.evidence_sha256)

    @property
    def where_it_may_have_been(self) -> Volume4D:
        """The volume of every place, height and time that the observation leaves open."""
        reading_m, reference = self.altitude.reading_m, self.altitude.reference
        limits = (max(-2_000.0, reading_m - self.vertical_error_m), min(100_000.0, reading_m + self.vertical_error_m))
        slack = timedelta(seconds=self.time_error_s)
        return Volume4D(
            Circle(self.position, self.horizontal_error_m),
            AltitudeBand(*(Altitude(metres, AltitudeUnit.METRE, reference) for metres in limits)),
            TimeWindow(self.time - slack, self.time + slack),
        )


def verdict(observation: Observation, volume: Volume4D) -> Verdict:
    """Return whether an observation was inside a volume.

    OUTSIDE when nothing it leaves open touches the volume. INSIDE when all that it leaves open is inside, which is said
    only with both heights on one reference; in doubt it is CANNOT_TELL.
    """
    open_places = observation.where_it_may_have_been
    if not encounters_between([Plan("observed", (open_places,))], [Plan("volume", (volume,))], TOUCHING):
        return Verdict.OUTSIDE
    return Verdict.INSIDE if _holds(volume, open_places) else Verdict.CANNOT_TELL


def is_undeclared(observation: Observation, notices: Iterable[NoticeRecord], plans: Iterable[Plan]) -> bool:
    """Whether no notice that held at the time and no plan explains an observation, wherever it may have been."""
    places = [Plan("observed", (observation.where_it_may_have_been,))]
    explained = [
        Plan("notice", (record.notice.volume,))
        for record in notices
        if record.held_at(observation.time) and record.notice.meaning in EXPLAINING
    ]
    return not encounters_between(places, [*explained, *plans], TOUCHING)


def _holds(volume: Volume4D, places: Volume4D) -> bool:
    """Whether a volume surely holds all of another, which touches it and whose area is a disc."""
    band, inner = volume.altitude, places.altitude
    return (
        band.lower.reference == inner.lower.reference
        and band.lower.reading_m <= inner.lower.reading_m
        and inner.upper.reading_m <= band.upper.reading_m
        and volume.time.start <= places.time.start
        and places.time.end <= volume.time.end
        and isinstance(places.area, Circle)
        and _holds_disc(volume.area, places.area)
    )


def _holds_disc(area: Circle | Polygon, disc: Circle) -> bool:
    if isinstance(area, Circle):
        away_m = _distance_m(area.centre, disc.centre)
        return away_m + disc.radius_m <= area.radius_m
    # A disc that touches an area and not its border is inside. The border is a route that is flown around it.
    ring = (*area.vertices, area.vertices[0])
    level = Altitude(0.0, AltitudeUnit.METRE, MeanSeaLevel())
    began = datetime(2000, 1, 1, tzinfo=UTC)
    route = tuple(Waypoint(position, level, began + timedelta(seconds=number)) for number, position in enumerate(ring))
    border = Plan("border", Trajectory(route, Containment(0.0, 0.0, 0.0)))
    window = TimeWindow(began, began + timedelta(seconds=len(ring)))
    inside = Plan("disc", (Volume4D(disc, AltitudeBand(level, level), window),))
    return not encounters_between([border], [inside], TOUCHING)


def _distance_m(first: Position, second: Position) -> float:
    _, _, distance_m = _WGS84.inv(first.longitude_deg, first.latitude_deg, second.longitude_deg, second.latitude_deg)
    return float(distance_m)
