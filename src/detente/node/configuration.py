"""The node's configuration: one TOML file, `detente.toml`, in its directory. Unknown settings are refused.

Every setting is described in docs/reference/configuration.md; a test holds the two together.
"""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from pathlib import Path

import msgspec

from detente.accord.decoding import refusal_of
from detente.accord.disclosure import OPEN_POLICY, OwnPolicy
from detente.airspace.altitude import check_range
from detente.airspace.plan import check_identifier
from detente.airspace.position import Position
from detente.airspace.refusal import Refusal
from detente.line.place_names import NamedPlace
from detente.link.directory import DEFAULT_PORT

MAX_CONFIGURATION_BYTES = 1_000_000


class LogLevel(StrEnum):
    """The least important line that is written to the log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class HttpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the node listens, for its people and for its peers."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    largest_body_mb: int = 64
    secure_cookie: bool = False

    def __post_init__(self) -> None:
        check_range("port", self.port, 0, 65_535, "(0 lets the system choose)")
        check_range("largest_body_mb", self.largest_body_mb, 1, 1_024, "megabytes")


class LinkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the node reaches its peers, and the pace of its answers to those from whom plans are held back (0: none)."""

    longest_wait_s: float = 30.0
    answer_step_s: float = 0.05

    def __post_init__(self) -> None:
        check_range("longest_wait_s", self.longest_wait_s, 0.05, 3_600.0, "seconds")
        check_range("answer_step_s", self.answer_step_s, 0.0, 5.0, "seconds")


class SettlementSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether and how far the node proposes and accepts measures by itself."""

    automatic: bool = False
    most_proposals: int = 6

    def __post_init__(self) -> None:
        check_range("most_proposals", self.most_proposals, 1, 100, "proposals for one conflict")


class MatchingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a run of private matching waits for a silent peer, and the pace of what leaves (0: at once)."""

    patience_s: float = 3_600.0
    pace_s: float = 1.0

    def __post_init__(self) -> None:
        check_range("patience_s", self.patience_s, 0.1, 604_800.0, "seconds")
        check_range("pace_s", self.pace_s, 0.0, 3_600.0, "seconds")


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the node writes to standard error, as lines of JSON."""

    level: LogLevel = LogLevel.INFO


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. `party` must be the name on the node's card; `accord` is a file beside it."""

    party: str
    accord: str = "accord.toml"
    http: HttpSettings = HttpSettings()
    link: LinkSettings = LinkSettings()
    settlement: SettlementSettings = SettlementSettings()
    log: LogSettings = LogSettings()
    authority: str = ""
    disclosure: OwnPolicy = OPEN_POLICY
    matching: MatchingSettings = MatchingSettings()
    places: dict[str, tuple[float, float]] = {}

    def __post_init__(self) -> None:
        check_identifier("party", self.party)
        for place in self.places:
            self.place(place)
        if self.authority and not re.fullmatch("[0-9a-f]{64}", self.authority):
            raise Refusal(
                "authority",
                self.authority,
                "a public key, 64 hexadecimal digits",
                "`detente accord authority` shows it.",
            )

    @property
    def named_places(self) -> tuple[NamedPlace, ...]:
        """Our own names of places."""
        return tuple(self.place(name) for name in self.places)

    def place(self, name: str) -> NamedPlace:
        """Return one of our own names of places; raises Refusal when there is none of this name."""
        if name not in self.places:
            raise Refusal("places", name, f"a name of [places] in detente.toml: {', '.join(self.places) or 'none'}")
        return NamedPlace(name, Position(*self.places[name]))


def read_configuration(path: Path) -> Configuration:
    """Return the configuration in a file; raises Refusal naming the file and the setting."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_CONFIGURATION_BYTES + 1)
    except OSError as error:
        raise Refusal(str(path), error.strerror or str(error), "a configuration that can be read") from None
    if len(data) > MAX_CONFIGURATION_BYTES:
        raise Refusal(str(path), "more than a megabyte", "a configuration of at most a megabyte")
    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise Refusal(str(path), str(error), "a TOML document") from None
    try:
        return msgspec.convert(document, Configuration)
    except msgspec.ValidationError as error:
        refusal = refusal_of(error, "configuration", Configuration)
        raise Refusal(f"{path}: {refusal.field}", refusal.value, refusal.expected, refusal.mend) from None
