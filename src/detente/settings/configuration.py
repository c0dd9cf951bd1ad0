"""The node's configuration: one TOML file, `detente.toml`, in its directory. Unknown settings are refused.

Every setting is described in docs/reference/configuration.md; a test holds the two together.
"""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from pathlib import Path

import msgspec

from detente.accord.disclosure import OPEN_POLICY, OwnPolicy
from detente.airspace.altitude import check_range
from detente.airspace.plan import check_identifier
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.line.place_names import NamedPlace
from detente.link.address import is_loopback
from detente.link.directory import PORT_FOR_PEOPLE
from detente.room.decoding import refusal_of
from detente.settings.heartbeat import LONGEST_HEARTBEAT_S

MAX_CONFIGURATION_BYTES = 1_000_000
MEGABYTE = 1024 * 1024


class LogLevel(StrEnum):
    """The least important line that is written to the log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class HttpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the node listens for its own people and programs.

    That is this machine, at a port (no `host`: at none, and only the commands beside it reach the node); elsewhere only
    with a `certificate` and its `private_key` (PEM files). `names` are those of this machine by which people call it.
    """

    host: str = "127.0.0.1"
    port: int = PORT_FOR_PEOPLE
    certificate: str = ""
    private_key: str = ""
    names: tuple[str, ...] = ()
    largest_body_mb: int = 64
    secure_cookie: bool = False
    heartbeat_s: float = LONGEST_HEARTBEAT_S

    def __post_init__(self) -> None:
        check_range("port", self.port, 0, 65_535, "(0 lets the system choose)")
        check_range("largest_body_mb", self.largest_body_mb, 1, 1_024, "megabytes")
        check_range("heartbeat_s", self.heartbeat_s, 0.05, LONGEST_HEARTBEAT_S, "seconds")
        if bool(self.certificate) != bool(self.private_key):
            missing = "private_key" if self.certificate else "certificate"
            raise Refusal("node.pem_file_certificate_private", missing, "")
        if self.host and not (self.certificate or is_loopback(self.host)):
            raise Refusal("node.machine_itself_what_people", "host", self.host)

    @property
    def browsers_speak_tls(self) -> bool:
        """Whether browsers reach the node over TLS, its own or that of a proxy."""
        return self.secure_cookie or bool(self.certificate)


class LinkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the node listens for its peers, and how it talks with them. `stop_port` is for their STOP alone.

    A port of 0 is that of the card's first address of that kind; where there is none, nobody listens.

    `answer_step_s` is the pace of its answers to those from whom plans are held back (0: none).
    """

    host: str = "127.0.0.1"
    port: int = 0
    stop_port: int = 0
    certificate_life_s: float = 30 * 86_400.0
    longest_wait_s: float = 30.0
    answer_step_s: float = 0.05

    def __post_init__(self) -> None:
        check_range("port", self.port, 0, 65_535, "(0: that of the card's first address)")
        check_range("stop_port", self.stop_port, 0, 65_535, "(0: that of the card's first address for STOP)")
        check_range("certificate_life_s", self.certificate_life_s, 2.0, 366 * 86_400.0, "seconds")
        check_range("longest_wait_s", self.longest_wait_s, 0.05, 3_600.0, "seconds")
        check_range("answer_step_s", self.answer_step_s, 0.0, 5.0, "seconds")


class SignInSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a sign-in link can be used, how long a session lasts at the most, and how long it may be idle."""

    link_life_s: float = 600.0
    session_life_s: float = 12 * 3_600.0
    idle_s: float = 3_600.0

    def __post_init__(self) -> None:
        check_range("link_life_s", self.link_life_s, 1.0, 3_600.0, "seconds")
        check_range("session_life_s", self.session_life_s, 1.0, 7 * 86_400.0, "seconds")
        check_range("idle_s", self.idle_s, 1.0, 7 * 86_400.0, "seconds")


class SettlementSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether and how far the node proposes and accepts measures by itself, and whether one conflict at a time."""

    automatic: bool = False
    most_proposals: int = 12
    in_turn: bool = False

    def __post_init__(self) -> None:
        check_range("most_proposals", self.most_proposals, 1, 100, "proposals for one conflict")


class MatchingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a run of private matching waits for a silent peer, and the pace of what leaves (0: at once)."""

    patience_s: float = 3_600.0
    pace_s: float = 1.0

    def __post_init__(self) -> None:
        check_range("patience_s", self.patience_s, 0.1, 604_800.0, "seconds")
        check_range("pace_s", self.pace_s, 0.0, 3_600.0, "seconds")


class DiskSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept for the line when the disk is full, and the most that the node's directory takes (0: the disk)."""

    reserve_mb: int = 32
    most_mb: int = 0

    def __post_init__(self) -> None:
        check_range("reserve_mb", self.reserve_mb, 8, 1_024, "megabytes")
        check_range("most_mb", self.most_mb, 0, 100_000_000, "megabytes (0 for the whole disk)")


class JournalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long what is over stays in memory, and after how many entries the journal is cut (0: never)."""

    horizon_days: float = 7.0
    segment_entries: int = 100_000

    def __post_init__(self) -> None:
        check_range("horizon_days", self.horizon_days, 1.0, 36_500.0, "days")
        if self.segment_entries:
            check_range("segment_entries", self.segment_entries, 10, 10_000_000, "entries (0 for never)")


class WatchSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The watch: for how long the reports of live feeds are kept (0: not at all), in how much space.

    `leave_free_mb` of the disk stays free of them. The aircraft are addresses, or names that feeds give, that are ours
    and the other side's; where there are several other parties, `aircraft_of` says by name which are whose.
    """

    keep_days: float = 7.0
    most_mb: int = 0
    leave_free_mb: int = 1_024
    our_aircraft: tuple[str, ...] = ()
    their_aircraft: tuple[str, ...] = ()
    aircraft_of: dict[str, tuple[str, ...]] = {}

    def __post_init__(self) -> None:
        check_range("keep_days", self.keep_days, 0.0, 36_500.0, "days")
        check_range("most_mb", self.most_mb, 0, 100_000_000, "megabytes")
        check_range("leave_free_mb", self.leave_free_mb, 64, 100_000_000, "megabytes")


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the node writes to standard error, as lines of JSON."""

    level: LogLevel = LogLevel.INFO


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. `party` must be the name on the node's card; `accord` is a file beside it."""

    party: str
    accord: str = "accord.toml"
    http: HttpSettings = HttpSettings()
    link: LinkSettings = LinkSettings()
    sign_in: SignInSettings = SignInSettings()
    settlement: SettlementSettings = SettlementSettings()
    disk: DiskSettings = DiskSettings()
    journal: JournalSettings = JournalSettings()
    log: LogSettings = LogSettings()
    watch: WatchSettings = WatchSettings()
    authority: str = ""
    disclosure: OwnPolicy = OPEN_POLICY
    matching: MatchingSettings = MatchingSettings()
    places: dict[str, tuple[float, float]] = {}

    def __post_init__(self) -> None:
        check_identifier("party", self.party)
        for place in self.places:
            self.place(place)
        if self.authority and not re.fullmatch("[0-9a-f]{64}", self.authority):
            raise Refusal("node.public_key_hexadecimal_digits", "authority", self.authority)

    @property
    def named_places(self) -> tuple[NamedPlace, ...]:
        """Our own names of places."""
        return tuple(self.place(name) for name in self.places)

    def place(self, name: str) -> NamedPlace:
        """Return one of our own names of places; raises Refusal when there is none of this name."""
        if name not in self.places:
            raise Refusal("node.name_places_detente_toml", "places", name, places=", ".join(self.places))
        return NamedPlace(name, Position(*self.places[name]))


def read_configuration(path: Path) -> Configuration:
    """Return the configuration in a file; raises Refusal naming the file and the setting."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_CONFIGURATION_BYTES + 1)
    except OSError as error:
        raise Refusal("node.configuration_readable", str(path), error.strerror or str(error)) from None
    if len(data) > MAX_CONFIGURATION_BYTES:
        raise Refusal("node.configuration_at_most_megabyte", str(path), "more than a megabyte")
    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise Refusal("node.toml_document", str(path), str(error)) from None
    try:
        return msgspec.convert(document, Configuration)
    except msgspec.ValidationError as error:
        refusal = refusal_of(error, "configuration", Configuration)
        raise refusal.at(f"{path}: {refusal.field}") from None
