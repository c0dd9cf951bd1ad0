"""ASTERIX of Eurocontrol, as radars and trackers send it: data blocks, each of one category, as sightings.

Read are categories 021 (ADS-B), 048 (radar plots), 062 (system tracks) and 034 (where a radar stands); every other one
is counted and left alone. What is simulated, a test or extrapolated is no sighting. A block has no checksum: bytes that
keep the format's lengths are taken as they are.

Sources: EUROCONTROL-SPEC-0149, parts 2b (034), 4 (048), 9 (062), 12 (021).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asterix.generated as editions
from asterix.base import Bits

from detente.airspace.refusal import Refusal
from detente.feeds.live.asterix_items import Fields
from detente.feeds.live.asterix_reports import RadarPlaces, adsb_report, plot, radar_place, system_track
from detente.feeds.live.decoding import Tally, check_sighting
from detente.watch.sighting import Sighting

HEADER_BYTES = 3
MOST_RECORDS = 2_000
"""A block of 65,535 bytes has no more that are of any use."""

RecordReader = Callable[[Fields, str, float, RadarPlaces], Sighting | None]

_READERS: dict[int, tuple[Any, RecordReader]] = {
    21: (editions.Cat_021_2_7, adsb_report),
    34: (editions.Cat_034_1_29, radar_place),
    48: (editions.Cat_048_1_32, plot),
    62: (editions.Cat_062_1_20, system_track),
}


class AsterixBlocks:
    """Decodes datagrams, or a stream of blocks.

    Args:
        feed: the feed's name.
        places: where radars stand: latitude, longitude in degrees, metres above the ellipsoid, by SAC and SIC.
    """

    def __init__(self, feed: str, places: RadarPlaces | None = None) -> None:
        self.tally = Tally()
        self._feed = feed
        self._places: RadarPlaces = dict(places or {})
        self._left = b""

    def take(self, data: bytes, received_s: float) -> list[Sighting]:
        """Take in the next blocks; one that is not whole waits for the rest."""
        data = self._left + data
        found: list[Sighting] = []
        place = 0
        while len(data) - place >= HEADER_BYTES:
            length = int.from_bytes(data[place + 1 : place + HEADER_BYTES], "big")
            if length <= HEADER_BYTES:
                self.tally.wrong(Refusal("feeds_live.message_of_kind", "block", data[place : place + 8].hex()))
                place = len(data)
            elif place + length > len(data):
                break
            else:
                self._block(data[place], data[place + HEADER_BYTES : place + length], received_s, found)
                place += length
        self._left = data[place:]
        return found

    def finish(self, received_s: float) -> list[Sighting]:  # noqa: ARG002 - as every decoder
        """Count a block that was cut off."""
        if self._left:
            self.tally.wrong(Refusal("feeds_live.message_of_kind", "block", self._left[:8].hex()))
            self._left = b""
        return []

    def _block(self, category: int, content: bytes, received_s: float, found: list[Sighting]) -> None:
        reader = _READERS.get(category)
        if reader is None:
            self.tally.messages += 1
            self.tally.unused += 1
            return
        edition, read = reader
        records = _records(edition, content)
        if records is None:
            self.tally.wrong(Refusal("feeds_live.message_of_kind", f"category {category:03d}", content[:16].hex()))
            return
        for record in records:
            known = len(self._places)
            try:
                sighting = read(Fields(record), self._feed, received_s, self._places)
                if sighting is not None:
                    found.append(check_sighting(sighting))
                elif len(self._places) == known:
                    self.tally.unused += 1
                self.tally.messages += 1
            except Refusal as error:
                self.tally.wrong(error)


def _records(edition: Any, content: bytes) -> list[Any] | None:  # noqa: ANN401 - a class made from the specification
    """Return the records of a block; None where they are not of the category."""
    try:
        records = edition.cv_uap.parse(Bits.from_bytes(content))
    except (ValueError, IndexError, AssertionError, TypeError, AttributeError):
        return None
    if isinstance(records, ValueError) or len(records) > MOST_RECORDS:
        return None
    return list(records)
