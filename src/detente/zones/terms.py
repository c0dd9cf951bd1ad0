"""What a zone says: whose it is, what it means, where and when it holds, and its rings (R23, R24)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from detente.airspace.altitude import AltitudeBand, check_range
from detente.airspace.plan import Circle, Polygon, TimeWindow, Volume4D, check_identifier
from detente.airspace.refusal import Refusal
from detente.picture.notices import Meaning, Notice

LONGEST_ZONE_ID = 40
LONGEST_S = 31 * 86_400.0
WIDEST_M = 500_000.0
AREA, HOLD, CONTACT = "area", "hold", "contact"
"""The rings by name, from the inside: the area itself, where to hold without contact, where contact is due."""


class ZoneTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A zone of `owner`, for one window and one height band.

    Around a circle there may be two rings about the same centre (R23): whoever comes in has to make contact at
    `contact_at_m`, and holds outside `hold_outside_m` for as long as there is none. Both are radii in metres.
    """

    owner: str
    meaning: Meaning
    area: Circle | Polygon
    altitude: AltitudeBand
    time: TimeWindow
    contact_at_m: float | None = None
    hold_outside_m: float | None = None

    def __post_init__(self) -> None:
        check_identifier("owner", self.owner)
        length_s = (self.time.end - self.time.start).total_seconds()
        if not 0.0 < length_s <= LONGEST_S:
            raise Refusal("zones.window_at_most_days", "time", f"{length_s:.0f} s", most=LONGEST_S / 86_400)
        inner_m, name = (self.area.radius_m, "area.radius_m") if isinstance(self.area, Circle) else (0.0, "area")
        check_range(name, inner_m, 0.0, WIDEST_M, "metres")
        for ring, radius_m in (("hold_outside_m", self.hold_outside_m), ("contact_at_m", self.contact_at_m)):
            if radius_m is None:
                continue
            if not isinstance(self.area, Circle):
                raise Refusal("zones.no_ring_area", ring, radius_m)
            if not inner_m < radius_m <= WIDEST_M:
                raise Refusal("zones.more_than_m_what", ring, radius_m, inner_m=inner_m, most=WIDEST_M)
            inner_m = radius_m

    @property
    def rings(self) -> tuple[tuple[str, Meaning, Circle | Polygon], ...]:
        """Each ring by its name, with its meaning, from the inside."""
        found: list[tuple[str, Meaning, Circle | Polygon]] = [(AREA, self.meaning, self.area)]
        for name, radius_m in ((HOLD, self.hold_outside_m), (CONTACT, self.contact_at_m)):
            if radius_m is not None and isinstance(self.area, Circle):
                found.append((name, Meaning.CALL_BEFORE_ENTERING, Circle(self.area.centre, radius_m)))
        return tuple(found)


def version_of(zone_id: str, terms: ZoneTerms) -> str:
    """Return the first 16 hex digits of SHA-256 over the zone's id and terms: both sides name a version alike."""
    text = msgspec.json.encode([zone_id, msgspec.to_builtins(terms)], order="deterministic")
    return hashlib.sha256(text).hexdigest()[:16]


def check_zone_id(zone_id: str) -> None:
    """Raise Refusal unless `zone_id` is an identifier of at most LONGEST_ZONE_ID characters without a colon."""
    check_identifier("zone_id", zone_id)
    if len(zone_id) > LONGEST_ZONE_ID or ":" in zone_id:
        raise Refusal("zones.at_most_characters_without_colon", "zone_id", zone_id, most=LONGEST_ZONE_ID)


def notices_of(zone_id: str, terms: ZoneTerms, parties: tuple[str, str]) -> Iterator[Notice]:
    """Yield the notices that an agreed zone counts as, one for each ring, the same on both sides."""
    other = next(party for party in parties if party != terms.owner)
    # Two peers may use one id for zones of ours with the same terms.
    mark = hashlib.sha256(f"{version_of(zone_id, terms)} {other}".encode()).hexdigest()[:8]
    for ring, meaning, area in terms.rings:
        volume = Volume4D(area, terms.altitude, terms.time)
        yield Notice(f"{zone_id}:{mark}:{ring}", terms.owner, meaning, volume, terms.time.start, agreed_with=other)
