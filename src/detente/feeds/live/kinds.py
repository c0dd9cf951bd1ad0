"""What decodes each kind of feed, loaded when a feed of the kind is there; some need an extra of the package."""

from __future__ import annotations

from collections.abc import Callable

from detente.airspace.refusal import Refusal
from detente.feeds.live.decoding import Decoder
from detente.feeds.live.settings import FeedKind, FeedSettings


def decoder_of(settings: FeedSettings) -> Callable[[], Decoder]:
    """Return what makes a decoder for one connection of a feed; raises Refusal where its extra is not installed."""
    name, options = settings.name, settings.options
    try:
        match settings.kind:
            case FeedKind.SBS:
                from detente.feeds.live.sbs_lines import SbsLines  # noqa: PLC0415

                return lambda: SbsLines(name, options.utc_offset)
            case FeedKind.AIRCRAFT_JSON:
                from detente.feeds.live.aircraft_documents import AircraftDocuments  # noqa: PLC0415

                return lambda: AircraftDocuments(name)
            case FeedKind.BEAST:
                from detente.feeds.live.beast import BeastFrames  # noqa: PLC0415

                return lambda: BeastFrames(name, options.reference_deg())
            case FeedKind.AVR:
                from detente.feeds.live.avr import AvrLines  # noqa: PLC0415

                return lambda: AvrLines(name, options.reference_deg())
            case FeedKind.ASTERIX:
                from detente.feeds.live.asterix_blocks import AsterixBlocks  # noqa: PLC0415

                return lambda: AsterixBlocks(name, options.radar_places())
            case FeedKind.COT:
                from detente.feeds.live.cot_events import CotEvents  # noqa: PLC0415

                return lambda: CotEvents(name)
            case FeedKind.MAVLINK:
                from detente.feeds.live.mavlink_messages import MavlinkMessages  # noqa: PLC0415

                return lambda: MavlinkMessages(name)
            case FeedKind.OGN:
                from detente.feeds.live.aprs_lines import AprsLines  # noqa: PLC0415

                return lambda: AprsLines(name)
            case FeedKind.COT_OUT:
                raise Refusal("feeds_live.feed_that_brings", "kind", settings.kind.value)
            case FeedKind.JSON | FeedKind.REPLAY:
                from detente.feeds.live.json_lines import JsonLines  # noqa: PLC0415

                return lambda: JsonLines(name)
    except ImportError:
        raise Refusal(
            "feeds_live.extra", "kind", settings.kind.value, extra=EXTRAS.get(settings.kind, "feeds")
        ) from None


EXTRAS = {
    FeedKind.BEAST: "adsb",
    FeedKind.AVR: "adsb",
    FeedKind.ASTERIX: "asterix",
    FeedKind.COT: "tak",
    FeedKind.MAVLINK: "mavlink",
}
"""The extra of the package that a kind needs."""


def greeting_of(settings: FeedSettings) -> bytes:
    """Return what a server of this kind waits for before it sends anything: an APRS server, who asks for what."""
    if settings.kind is not FeedKind.OGN:
        return b""
    asked, user = settings.options.filter, settings.options.user or "N0CALL"
    return f"user {user} pass -1 vers detente 1{f' filter {asked}' if asked else ''}\r\n".encode()
