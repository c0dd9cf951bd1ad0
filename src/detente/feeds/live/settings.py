"""Which feeds a node has: `feeds.toml` in its directory, written whole, and readable by its owner alone.

Every setting is described in docs/reference/feeds.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import msgspec
import tomli_w

from detente.accord.disclosure import ClientLevel
from detente.airspace.altitude import check_range
from detente.airspace.plan import check_identifier
from detente.airspace.refusal import Refusal
from detente.feeds.live.where import Carriage, Where, where_of
from detente.feeds.source import decimal_number, instant, printable_line
from detente.link.trust import write_durably
from detente.room.decoding import refusal_of
from detente.watch.peer_tracks import PEER_FEED

FEEDS_FILE = "feeds.toml"
MOST_FEEDS = 100
LARGEST_SETTINGS_BYTES = 1_000_000


class FeedKind(StrEnum):
    """What a feed speaks."""

    BEAST = "beast"
    AVR = "avr"
    SBS = "sbs"
    AIRCRAFT_JSON = "aircraft-json"
    ASTERIX = "asterix"
    COT = "cot"
    MAVLINK = "mavlink"
    OGN = "ogn"
    JSON = "json"
    COT_OUT = "cot-out"
    REPLAY = "replay"


class ReplayTimes(StrEnum):
    """Which time a replayed report says: that of its recording, or when it is replayed."""

    KEPT = "kept"
    NOW = "now"


_STREAM = frozenset({Carriage.TCP, Carriage.TLS, Carriage.LISTEN, Carriage.FILE, Carriage.STANDARD_INPUT})
_ANY = _STREAM | {Carriage.UDP}
CARRIAGES: dict[FeedKind, tuple[Carriage, frozenset[Carriage]]] = {
    FeedKind.BEAST: (Carriage.TCP, _STREAM),
    FeedKind.AVR: (Carriage.TCP, _STREAM),
    FeedKind.SBS: (Carriage.TCP, _STREAM),
    FeedKind.AIRCRAFT_JSON: (Carriage.HTTP, frozenset({Carriage.HTTP, Carriage.FILE})),
    FeedKind.ASTERIX: (Carriage.UDP, _ANY),
    FeedKind.COT: (Carriage.TCP, _ANY),
    FeedKind.MAVLINK: (Carriage.UDP, _ANY),
    FeedKind.OGN: (Carriage.TCP, _STREAM),
    FeedKind.JSON: (Carriage.TCP, _ANY),
    FeedKind.COT_OUT: (Carriage.TCP, frozenset({Carriage.TCP, Carriage.TLS, Carriage.UDP})),
    FeedKind.REPLAY: (Carriage.FILE, frozenset({Carriage.FILE})),
}
"""For each kind how a plain `host:port` is meant, and every way in which its bytes may come, or go."""

_NETWORKED = frozenset(FeedKind) - {FeedKind.AIRCRAFT_JSON, FeedKind.REPLAY}
_OPTIONS_OF: dict[str, frozenset[FeedKind]] = {
    "silent_s": frozenset(FeedKind),
    "reference": frozenset({FeedKind.BEAST, FeedKind.AVR}),
    "poll_s": frozenset({FeedKind.AIRCRAFT_JSON}),
    "utc_offset": frozenset({FeedKind.SBS}),
    "interface": frozenset({FeedKind.ASTERIX, FeedKind.COT, FeedKind.MAVLINK, FeedKind.JSON}),
    "certificate": _NETWORKED,
    "private_key": _NETWORKED,
    "authority": _NETWORKED,
    "radars": frozenset({FeedKind.ASTERIX}),
    "level": frozenset({FeedKind.COT_OUT}),
    "filter": frozenset({FeedKind.OGN}),
    "user": frozenset({FeedKind.OGN}),
    "speed": frozenset({FeedKind.REPLAY}),
    "times": frozenset({FeedKind.REPLAY}),
}


class FeedOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one feed needs besides its address.

    Attributes:
        silent_s: after how many seconds without a message it is said to be silent; after six times as long the
            connection is made anew.
        reference: the receiver's position, "latitude,longitude" in degrees, for positions that need one near.
        poll_s: how often a document is asked for.
        utc_offset: the offset from UTC of times that carry none, as "+02:00"; without it the time of arrival counts.
        interface: the address of the interface on which a multicast group is joined.
        certificate, private_key, authority: PEM files for TLS: ours, its key, and who vouches for the other side.
        radars: where radars stand that say only range and bearing: "SAC/SIC=latitude,longitude,height in metres above
            the ellipsoid", several with ";" between them.
        level: which tracks are sent, where the feed sends; our policy may allow fewer.
        filter, user: what an APRS server is asked for, and under which name.
        speed: how much faster than recorded a replay is.
        times: which time replayed reports say.
    """

    silent_s: float = 10.0
    reference: str = ""
    poll_s: float = 1.0
    utc_offset: str = ""
    interface: str = ""
    certificate: str = ""
    private_key: str = ""
    authority: str = ""
    radars: str = ""
    level: ClientLevel = ClientLevel.OURS
    filter: str = ""
    user: str = ""
    speed: float = 1.0
    times: ReplayTimes = ReplayTimes.NOW

    def __post_init__(self) -> None:
        check_range("silent_s", self.silent_s, 0.1, 86_400.0, "seconds")
        check_range("poll_s", self.poll_s, 0.05, 3_600.0, "seconds")
        check_range("speed", self.speed, 0.01, 10_000.0, "times as fast")
        for name in ("interface", "filter", "user"):
            if len(getattr(self, name)) > 200 or not getattr(self, name).isprintable():
                raise Refusal("feeds_live.line_of_text", name, printable_line(getattr(self, name)))
        if self.utc_offset:
            instant(f"2000-01-01T00:00:00{self.utc_offset}", "utc_offset")
        self.reference_deg()
        self.radar_places()

    def reference_deg(self) -> tuple[float, float] | None:
        """Return latitude and longitude of `reference`; raises Refusal for what is no position."""
        if not self.reference:
            return None
        parts = self.reference.split(",")
        if len(parts) != 2:
            raise Refusal("feeds_live.position", "reference", printable_line(self.reference))
        return _place(parts, "reference")

    def radar_places(self) -> dict[tuple[int, int], tuple[float, float, float]]:
        """Return latitude, longitude and height above the ellipsoid in metres of each radar, by its SAC and SIC."""
        found = {}
        for one in filter(None, self.radars.split(";")):
            code, _, place = one.partition("=")
            numbers, parts = code.strip().split("/"), place.split(",")
            if len(parts) != 3 or len(numbers) != 2 or not all(map(_is_byte, numbers)):
                raise Refusal("feeds_live.radars", "radars", printable_line(one))
            height_m = decimal_number(parts[2].strip(), "radars")
            check_range("radars", height_m, -500.0, 9_000.0, "metres")
            found[int(numbers[0]), int(numbers[1])] = (*_place(parts[:2], "radars"), height_m)
        return found


def _is_byte(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text[:4]) < 256


def _place(parts: list[str], field: str) -> tuple[float, float]:
    latitude_deg, longitude_deg = (decimal_number(part.strip(), field) for part in parts)
    check_range(field, latitude_deg, -90.0, 90.0, "degrees of latitude")
    check_range(field, longitude_deg, -180.0, 180.0, "degrees of longitude")
    return latitude_deg, longitude_deg


class FeedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One feed of a node. With `ours`, every aircraft of it is ours. One of COT_OUT sends."""

    name: str
    kind: FeedKind
    where: str
    ours: bool = False
    options: FeedOptions = FeedOptions()

    def __post_init__(self) -> None:
        check_identifier("name", self.name)
        if self.name.startswith(PEER_FEED):
            raise Refusal("feeds_live.name_of_no_peer", "name", self.name)
        _, allowed = CARRIAGES[self.kind]
        if self.place().carriage not in allowed:
            ways = ", ".join(sorted(allowed))
            raise Refusal("feeds_live.carriage_of_kind", "where", self.where, kind=self.kind.value, ways=ways)
        for name, kinds in _OPTIONS_OF.items():
            default = FeedOptions.__struct_defaults__[FeedOptions.__struct_fields__.index(name)]
            if getattr(self.options, name) != default and self.kind not in kinds:
                known = ", ".join(other for other, of in _OPTIONS_OF.items() if self.kind in of)
                raise Refusal("feeds_live.option_of_kind", f"options.{name}", self.kind.value, known=known)

    @property
    def sends(self) -> bool:
        """Whether it sends our picture, and brings none."""
        return self.kind is FeedKind.COT_OUT

    def place(self) -> Where:
        """Return where it comes from; raises Refusal for what nobody can reach."""
        return where_of(self.where, CARRIAGES[self.kind][0])


class FeedsDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of `feeds.toml`."""

    feed: tuple[FeedSettings, ...] = ()

    def __post_init__(self) -> None:
        names = [one.name for one in self.feed]
        if len(names) > MOST_FEEDS:
            raise Refusal("feeds_live.fewer_feeds", "feed", len(names), most=MOST_FEEDS)
        for name in names:
            if names.count(name) > 1:
                raise Refusal("feeds_live.name_of_its_own", "name", name)


def settings_of_words(name: str, kind: str, where: str, options: Mapping[str, str], *, ours: bool) -> FeedSettings:
    """Return a feed from words as people type them; raises Refusal naming the one that is wrong.

    Files are named from the root on, so that they are found whoever starts the node.
    """
    said = {option: _rooted(value) if option in _FILES else value for option, value in options.items()}
    document: dict[str, object] = {"name": name, "kind": kind, "where": where, "ours": ours}
    if said:
        document["options"] = said
    try:
        typed = msgspec.convert(document, FeedSettings, strict=False)
    except msgspec.ValidationError as error:
        raise refusal_of(error, "feed", FeedSettings) from None
    if typed.place().carriage is Carriage.FILE:
        return msgspec.structs.replace(typed, where=_rooted(typed.place().path))
    return typed


_FILES = frozenset({"certificate", "private_key", "authority"})


def _rooted(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def read_feeds(path: Path) -> tuple[FeedSettings, ...]:
    """Return the feeds of a file, none where there is no file; raises Refusal naming the field."""
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_SETTINGS_BYTES + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise Refusal("feeds.file_readable", str(path), error.strerror or type(error).__name__) from None
    if len(content) > LARGEST_SETTINGS_BYTES:
        raise Refusal("feeds.at_most_bytes", str(path), len(content), limit_bytes=LARGEST_SETTINGS_BYTES)
    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("feeds_live.toml", str(path), printable_line(str(error))) from None
    try:
        return msgspec.convert(document, FeedsDocument).feed
    except msgspec.ValidationError as error:
        raise refusal_of(error, str(path), FeedsDocument) from None


def write_feeds(path: Path, feeds: tuple[FeedSettings, ...]) -> None:
    """Write the file anew, in one step; only its owner may read it."""
    document = msgspec.to_builtins(FeedsDocument(feeds))
    write_durably(path, tomli_w.dumps(document).encode("utf-8"))


def add_feed(path: Path, added: FeedSettings) -> None:
    """Keep a feed; raises Refusal where there is one of its name."""
    write_feeds(path, (*read_feeds(path), added))


def remove_feed(path: Path, name: str) -> None:
    """Leave a feed out; raises Refusal naming those that there are."""
    feeds = read_feeds(path)
    left = tuple(one for one in feeds if one.name != name)
    if len(left) == len(feeds):
        raise Refusal("feeds_live.known_feed", "name", name, known=", ".join(one.name for one in feeds))
    write_feeds(path, left)
