"""The terms of an accord: TOML as people write and read it, canonical bytes as it is hashed and signed (R3, R22).

The accord is identified by the SHA-256 of its canonical bytes: the same terms give the same hash whatever the order,
the spelling of units or the comments of the text they were written in.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
import tomli_w

from detente.accord.decoding import refusal_of
from detente.airspace.plan import TimeWindow, check_identifier
from detente.airspace.refusal import Refusal
from detente.airspace.separation import ClassMinima, Minima, MinimaTable

CANONICAL_FORMAT = "detente-accord-1"
MAX_TEXT_CHARACTERS = 1_000_000
MAX_PARTIES = 64
MAX_CLASS_PAIRS = 1_000
_PUBLIC_KEY = re.compile(r"[0-9a-f]{64}\Z")
_QUANTITY = re.compile(r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,9})?) ?(?P<unit>[A-Za-z]{1,3})\Z")
_METRES = {"m": Decimal(1), "km": Decimal(1000), "ft": Decimal("0.3048"), "NM": Decimal(1852)}
_QuantityText = str | int | float
_SECONDS = {"s": Decimal(1), "min": Decimal(60), "h": Decimal(3600)}


class Disclosure(StrEnum):
    """How much of a plan each party tells the others."""

    FULL = "full"


class AccordParty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A party to the accord, by the Ed25519 key that its node signs with, as 64 hexadecimal digits."""

    name: str
    public_key: str

    def __post_init__(self) -> None:
        check_identifier("name", self.name)
        msgspec.structs.force_setattr(self, "public_key", self.public_key.lower())
        if not _PUBLIC_KEY.match(self.public_key):
            raise Refusal(
                "public_key", self.public_key, "64 hexadecimal digits",
                "Copy it from the party's card: `detente card show`.",
            )  # fmt: skip


class Accord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The signed agreement between parties. `version` counts from 1; distances and times are whole mm and ms."""

    name: str
    version: int
    parties: tuple[AccordParty, ...]
    valid: TimeWindow
    minima: MinimaTable
    disclosure: Disclosure = Disclosure.FULL

    def __post_init__(self) -> None:
        check_identifier("name", self.name)
        if not 1 <= self.version <= 1_000_000:
            raise Refusal("version", self.version, "a whole number from 1 to 1,000,000")
        if not 2 <= len(self.parties) <= MAX_PARTIES:
            raise Refusal("parties", len(self.parties), f"2 to {MAX_PARTIES} parties")
        _check_parties_differ(self.parties)
        _check_class_pairs_differ(self.minima.by_class)
        for field, minima in _all_minima(self.minima):
            for name, value in msgspec.structs.asdict(minima).items():
                _thousandths(f"{field}.{name}", value)

    def party(self, name: str) -> AccordParty | None:
        """Return the party of this name, or None."""
        return next((party for party in self.parties if party.name == name), None)


class _MinimaText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    horizontal: _QuantityText
    vertical: _QuantityText
    time: _QuantityText = "0 s"


class _ClassMinimaText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    classes: tuple[str, str]
    horizontal: _QuantityText
    vertical: _QuantityText
    time: _QuantityText = "0 s"


class _MinimaTableText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    default: _MinimaText
    by_class: tuple[_ClassMinimaText, ...] = ()


class _AccordText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    version: int
    disclosure: Disclosure
    valid: TimeWindow
    parties: tuple[AccordParty, ...]
    minima: _MinimaTableText


def parse_accord(toml_text: str) -> Accord:
    """Read an accord from TOML, as in `docs/reference/accord.md`.

    Raises Refusal, with the dotted field, for text that is not TOML, a missing, unknown or ill-typed field, a quantity
    without its unit, a time without its offset, and terms that contradict themselves.
    """
    if len(toml_text) > MAX_TEXT_CHARACTERS:
        raise Refusal("accord", f"{len(toml_text):,} characters", f"at most {MAX_TEXT_CHARACTERS:,} characters")
    try:
        document = tomllib.loads(toml_text)
    except (ValueError, RecursionError) as error:
        raise Refusal("accord", str(error) or "text nested too deeply", "a TOML document") from None
    try:
        text = msgspec.convert(document, _AccordText)
    except msgspec.ValidationError as error:
        raise refusal_of(error, "accord") from None
    return Accord(text.name, text.version, text.parties, text.valid, _minima_table(text.minima), text.disclosure)


def format_accord(accord: Accord) -> str:
    """Return TOML text from which `parse_accord` reads the same accord, in metres and seconds."""
    document: dict[str, Any] = {
        "name": accord.name,
        "version": accord.version,
        "disclosure": accord.disclosure.value,
        "valid": {"start": accord.valid.start, "end": accord.valid.end},
        "parties": [msgspec.to_builtins(party) for party in accord.parties],
        "minima": {"default": _minima_text(accord.minima.default)},
    }
    if accord.minima.by_class:
        document["minima"]["by_class"] = [
            {"classes": [entry.first_class, entry.second_class], **_minima_text(entry.minima)}
            for entry in accord.minima.by_class
        ]
    return tomli_w.dumps(document)


def canonical_bytes(accord: Accord) -> bytes:
    """Return the bytes that are hashed and signed: JSON, sorted keys and lists, no white space, whole numbers only.

    Distances are in millimetres and times in milliseconds, so that no reader depends on how another prints a float.
    """
    minima = accord.minima
    by_class = [
        {"classes": sorted((entry.first_class, entry.second_class)), **_whole_minima(entry.minima)}
        for entry in minima.by_class
    ]
    document = {
        "format": CANONICAL_FORMAT,
        "name": accord.name,
        "version": accord.version,
        "disclosure": accord.disclosure.value,
        "valid": {"start": accord.valid.start, "end": accord.valid.end},
        "parties": sorted((msgspec.to_builtins(party) for party in accord.parties), key=lambda party: party["name"]),
        "minima": {
            "default": _whole_minima(minima.default),
            "by_class": sorted(by_class, key=lambda entry: entry["classes"]),
        },
    }
    return msgspec.json.encode(document, order="deterministic")


def accord_hash(accord: Accord) -> str:
    """Return the SHA-256 of the canonical bytes, as 64 hexadecimal digits: the accord's identity."""
    return hashlib.sha256(canonical_bytes(accord)).hexdigest()


def _minima_table(text: _MinimaTableText) -> MinimaTable:
    by_class = []
    for index, entry in enumerate(text.by_class):
        field = f"minima.by_class[{index}]"
        for name in entry.classes:
            check_identifier(f"{field}.classes", name)
        by_class.append(ClassMinima(*entry.classes, _minima(field, entry)))
    return MinimaTable(_minima("minima.default", text.default), tuple(by_class))


def _minima(field: str, text: _MinimaText | _ClassMinimaText) -> Minima:
    horizontal_m = _quantity(f"{field}.horizontal", text.horizontal, _METRES)
    vertical_m = _quantity(f"{field}.vertical", text.vertical, _METRES)
    time_s = _quantity(f"{field}.time", text.time, _SECONDS)
    try:
        return Minima(horizontal_m, vertical_m, time_s)
    except Refusal as refusal:
        raise Refusal(f"{field}.{refusal.field}", refusal.value, refusal.expected, refusal.mend) from None


def _quantity(field: str, text: _QuantityText, units: dict[str, Decimal]) -> float:
    match = _QUANTITY.match(text) if isinstance(text, str) else None
    if match is None or match["unit"] not in units:
        example = '"5 NM"' if units is _METRES else '"30 s"'
        raise Refusal(field, text, f"a number and its unit ({', '.join(units)})", f"Write it like {example}.")
    exact = Decimal(match["number"]) * units[match["unit"]]
    if exact * 1000 != (exact * 1000).to_integral_value():
        raise Refusal(field, text, "a whole number of millimetres or milliseconds", "Round it up.")
    return float(exact)


def _minima_text(minima: Minima) -> dict[str, str]:
    def text(value: float, unit: str) -> str:
        return f"{Decimal(round(value * 1000)) / 1000:f} {unit}"

    return {
        "horizontal": text(minima.horizontal_m, "m"),
        "vertical": text(minima.vertical_m, "m"),
        "time": text(minima.time_s, "s"),
    }


def _whole_minima(minima: Minima) -> dict[str, Any]:
    return {
        "horizontal_mm": round(minima.horizontal_m * 1000),
        "vertical_mm": round(minima.vertical_m * 1000),
        "time_ms": round(minima.time_s * 1000),
    }


def _thousandths(field: str, value: float) -> None:
    if abs(value - round(value * 1000) / 1000) > 1e-9 * max(1.0, abs(value)):
        raise Refusal(field, value, "a whole number of millimetres or milliseconds", "Round it up.")


def _all_minima(table: MinimaTable) -> list[tuple[str, Minima]]:
    rows = [(f"minima.by_class[{index}]", entry.minima) for index, entry in enumerate(table.by_class)]
    return [("minima.default", table.default), *rows]


def _check_parties_differ(parties: tuple[AccordParty, ...]) -> None:
    names: set[str] = set()
    keys: set[str] = set()
    for index, party in enumerate(parties):
        if party.name.casefold() in names:
            raise Refusal(f"parties[{index}].name", party.name, "a name that no other party has, in any case")
        if party.public_key in keys:
            raise Refusal(f"parties[{index}].public_key", party.public_key, "a key that no other party has")
        names.add(party.name.casefold())
        keys.add(party.public_key)


def _check_class_pairs_differ(entries: tuple[ClassMinima, ...]) -> None:
    if len(entries) > MAX_CLASS_PAIRS:
        raise Refusal("minima.by_class", len(entries), f"at most {MAX_CLASS_PAIRS:,} pairs of classes")
    seen: set[frozenset[str]] = set()
    for index, entry in enumerate(entries):
        pair = frozenset((entry.first_class, entry.second_class))
        if pair in seen:
            raise Refusal(
                f"minima.by_class[{index}].classes", sorted(pair), "a pair of classes that is listed once",
                "Keep one of the two rows.",
            )  # fmt: skip
        seen.add(pair)
