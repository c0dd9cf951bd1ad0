"""The terms of an accord: TOML as people write and read it, canonical bytes as it is hashed and signed (R3, R22).

The accord is identified by the SHA-256 of its canonical bytes: the same terms give the same hash whatever the order,
the spelling of units or the comments of the text they were written in.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec
import tomli_w

from detente.accord.forbidden_words import check_document
from detente.accord.matching_terms import LATER_MATCHING_TERMS
from detente.accord.provisions import STANDARD_PROVISIONS, Horizon, Level, Provisions
from detente.accord.quantities import METRES, SECONDS, exact_decimals, from_text, quantity_text, read_quantity, to_text
from detente.accord.widest import widest
from detente.airspace.plan import TimeWindow, check_identifier
from detente.airspace.refusal import Refusal
from detente.airspace.separation import ClassMinima, Minima, MinimaTable
from detente.room.decoding import refusal_of

CANONICAL_FORMAT = "detente-accord-1"
MAX_TEXT_CHARACTERS = 1_000_000
MAX_PARTIES = 64
MAX_CLASS_PAIRS = 1_000
MOST_KEY_PARTS = 100
MOST_REMEMBERED = 8
_PUBLIC_KEY = re.compile(r"[0-9a-f]{64}\Z")
_TELEPHONE = re.compile(r"\+?[0-9](?:[ -]?[0-9]){2,24}\Z")
_CHUNKS = re.compile(r"[=,\[\]{}#\n]")
_QuantityText = str | int | float


class Disclosure(StrEnum):
    """How much of a plan each party tells the others where no rule says otherwise; FULL is the plan as it is."""

    NOTHING = "nothing"
    CONFLICT = "conflict"
    CELL = "cell"
    HEIGHT_BLOCK = "height_block"
    VOLUME = "volume"
    FULL = "full"

    @property
    def level(self) -> Level:
        """The level of disclosure."""
        return Level.TRAJECTORY if self is Disclosure.FULL else Level(self.value)


class Telephone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number under which a post of a party answers the telephone, as it is dialled from abroad."""

    post: str
    number: str

    def __post_init__(self) -> None:
        check_identifier("post", self.post)
        if not _TELEPHONE.match(self.number):
            raise Refusal("accord.telephone_number", "number", self.number)


class AccordParty(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A party to the accord, by the Ed25519 key that its node signs with, as 64 hexadecimal digits.

    `authority_key` is the key of the person who may authorise accords for the party, never the node's; an accord that
    names none is in force as soon as both nodes are set up with it. `posts` are the roles on duty, never persons.
    `coalition` says that the party speaks for members, who are not named: it tells when all of them know (R4).
    """

    name: str
    public_key: str
    authority_key: str = ""
    posts: tuple[str, ...] = ()
    coalition: bool = False
    telephones: tuple[Telephone, ...] = ()

    def __post_init__(self) -> None:
        check_identifier("name", self.name)
        msgspec.structs.force_setattr(self, "public_key", self.public_key.lower())
        msgspec.structs.force_setattr(self, "authority_key", self.authority_key.lower())
        if not _PUBLIC_KEY.match(self.public_key):
            raise Refusal("accord.party_public_key", "public_key", self.public_key)
        if self.authority_key and not _PUBLIC_KEY.match(self.authority_key):
            raise Refusal("accord.authority_public_key", "authority_key", self.authority_key)
        for post in self.posts:
            check_identifier("posts", post)


class Accord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The signed agreement between parties. `version` counts from 1; distances and times are whole mm and ms."""

    name: str
    version: int
    parties: tuple[AccordParty, ...]
    valid: TimeWindow
    minima: MinimaTable
    disclosure: Disclosure = Disclosure.FULL
    provisions: Provisions = STANDARD_PROVISIONS

    def __post_init__(self) -> None:
        check_identifier("name", self.name)
        if not 1 <= self.version <= 1_000_000:
            raise Refusal("accord.version_number", "version", self.version)
        if not 2 <= len(self.parties) <= MAX_PARTIES:
            raise Refusal("accord.most_parties", "parties", len(self.parties), most=MAX_PARTIES)
        _check_parties_differ(self.parties)
        _check_class_pairs_differ(self.minima.by_class)
        for field, minima in _all_minima(self.minima):
            for name, value in msgspec.structs.asdict(minima).items():
                _thousandths(f"{field}.{name}", value)
        _check_names(self)

    @property
    def needs_authorities(self) -> bool:
        """Whether it takes both authorities' signatures to put the accord in force."""
        return any(party.authority_key for party in self.parties)

    def minima_at(self, horizon: Horizon) -> MinimaTable:
        """Return the minima of one horizon: those of the accord, where the horizon has none of its own."""
        rows = [row for row in self.provisions.horizon_minima if row.horizon is horizon]
        own = {frozenset(row.classes or ()): Minima(row.horizontal_m, row.vertical_m, row.time_s) for row in rows}
        listed = {frozenset((row.first_class, row.second_class)): row for row in self.minima.by_class}
        table = [
            ClassMinima(row.first_class, row.second_class, own.get(pair, row.minima)) for pair, row in listed.items()
        ]
        table += [
            ClassMinima(*row.classes, own[frozenset(row.classes)])
            for row in rows
            if row.classes is not None and frozenset(row.classes) not in listed
        ]
        return MinimaTable(own.get(frozenset(), self.minima.default), tuple(table))

    @property
    def horizon_tables(self) -> tuple[MinimaTable, ...]:
        """The minima of each horizon from strategic to tactical; the one table where all have the same."""
        return (
            tuple(self.minima_at(horizon) for horizon in Horizon) if self.provisions.horizon_minima else (self.minima,)
        )

    @property
    def widest_minima(self) -> MinimaTable:
        """Minima at least as wide as those of every horizon: a search by them misses no conflict of any."""
        return widest(self.horizon_tables)

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


class AccordText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tables that every accord has, as its text writes them."""

    name: str
    version: int
    disclosure: Disclosure
    valid: TimeWindow
    parties: tuple[AccordParty, ...]
    minima: _MinimaTableText


_PROVISION_NAMES = frozenset(Provisions.__struct_fields__)


@lru_cache(maxsize=MOST_REMEMBERED)
def parse_accord(toml_text: str) -> Accord:
    """Read an accord from TOML, as in `docs/reference/accord.md`.

    A text that was just read is not read again: the longest takes a second or two.

    Raises Refusal, with the dotted field, for text that is not TOML, a missing, unknown or ill-typed field, a quantity
    without its unit, a time without its offset, and terms that contradict themselves.
    """
    if len(toml_text) > MAX_TEXT_CHARACTERS:
        raise Refusal("accord.at_most_characters", "accord", f"{len(toml_text):,} characters", most=MAX_TEXT_CHARACTERS)
    # A key of n parts takes a TOML reader n * n steps: a peer's text must not keep the node busy.
    if any(chunk.count(".") > MOST_KEY_PARTS for chunk in _CHUNKS.split(toml_text)):
        raise Refusal("accord.keys_at_most_parts", "accord", "a key of very many parts", most=MOST_KEY_PARTS)
    try:
        document = tomllib.loads(toml_text)
    except (ValueError, RecursionError) as error:
        raise Refusal("accord.toml_document", "accord", str(error) or "text nested too deeply") from None
    try:
        named = {name: value for name, value in document.items() if name not in _PROVISION_NAMES}
        text = msgspec.convert(named, AccordText)
        tables = from_text({n: v for n, v in document.items() if n in _PROVISION_NAMES}, Provisions, "")
        provisions = msgspec.convert(tables, Provisions)
    except msgspec.ValidationError as error:
        raise refusal_of(error, "accord") from None
    check_document(document)
    return Accord(
        text.name, text.version, text.parties, text.valid, _minima_table(text.minima), text.disclosure, provisions
    )


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
    standard = to_text(STANDARD_PROVISIONS)
    tables = {n: v for n, v in to_text(accord.provisions).items() if v != standard.get(n)}
    # A plain value after a table would be read as part of it.
    plain = {n: v for n, v in tables.items() if not isinstance(v, dict | list)}
    return tomli_w.dumps({**plain, **document, **tables})


def canonical_bytes(accord: Accord) -> bytes:
    """Return the bytes that are hashed and signed: JSON, sorted keys and lists, no white space, whole numbers only.

    Distances are in millimetres and times in milliseconds, so that no reader depends on how another prints a float.
    """
    minima = accord.minima
    by_class = [
        {"classes": sorted((entry.first_class, entry.second_class)), **_whole_minima(entry.minima)}
        for entry in minima.by_class
    ]
    document: dict[str, Any] = {
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
    if provisions := _whole_provisions(accord.provisions):
        document["provisions"] = provisions
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
    horizontal_m = read_quantity(f"{field}.horizontal", text.horizontal, METRES)
    vertical_m = read_quantity(f"{field}.vertical", text.vertical, METRES)
    time_s = read_quantity(f"{field}.time", text.time, SECONDS)
    try:
        return Minima(horizontal_m, vertical_m, time_s)
    except Refusal as refusal:
        raise refusal.at(f"{field}.{refusal.field}") from None


def _minima_text(minima: Minima) -> dict[str, str]:
    return {
        "horizontal": quantity_text(minima.horizontal_m, "m"),
        "vertical": quantity_text(minima.vertical_m, "m"),
        "time": quantity_text(minima.time_s, "s"),
    }


def _whole_provisions(provisions: Provisions) -> dict[str, Any]:
    """The tables that differ from the default, floats as decimal text, rows that have no order of their own sorted."""
    standard = msgspec.to_builtins(STANDARD_PROVISIONS)
    given = {n: v for n, v in msgspec.to_builtins(provisions).items() if v != standard[n]}
    whole: dict[str, Any] = exact_decimals(given)
    if "matching" in whole:
        # What came after the first accords were signed counts only where it is used, so that their hashes hold.
        usual = standard["matching"]
        whole["matching"] = {
            n: v for n, v in whole["matching"].items() if n not in LATER_MATCHING_TERMS or v != usual[n]
        }
    for rows in (whole.get("disclosure_rules"), whole.get("horizon_minima")):
        if rows is not None:
            rows.sort(key=lambda row: msgspec.json.encode(row, order="deterministic"))
    if "lead_times" in whole:
        # They came later than the format: an accord without them keeps its hash.
        for name in ("humanitarian_s", "humanitarian_emergency_s"):
            if whole["lead_times"][name] is None:
                del whole["lead_times"][name]
    if "suspension" in whole:
        posts = whole["suspension"].pop("posts")
        whole["suspension"]["keeps"] = sorted(set(whole["suspension"]["keeps"]))
        if posts is not None:
            whole["suspension"]["posts"] = sorted(set(posts))
    return whole


def _whole_minima(minima: Minima) -> dict[str, Any]:
    return {
        "horizontal_mm": round(minima.horizontal_m * 1000),
        "vertical_mm": round(minima.vertical_m * 1000),
        "time_ms": round(minima.time_s * 1000),
    }


def _thousandths(field: str, value: float) -> None:
    if abs(value - round(value * 1000) / 1000) > 1e-9 * max(1.0, abs(value)):
        raise Refusal("accord.whole_number_millimetres", field, value)


def _all_minima(table: MinimaTable) -> list[tuple[str, Minima]]:
    rows = [(f"minima.by_class[{index}]", entry.minima) for index, entry in enumerate(table.by_class)]
    return [("minima.default", table.default), *rows]


def _check_names(accord: Accord) -> None:
    """Everything that names a party names one of this accord, and the ladder's posts are posts that exist."""
    names = {party.name for party in accord.parties}
    provisions = accord.provisions
    asked = [(f"radio.call_signs[{i}].party", row.party) for i, row in enumerate(provisions.radio.call_signs)]
    for index, rule in enumerate(provisions.disclosure_rules):
        asked += [(f"disclosure_rules[{index}].{field}", name) for field, name in (("by", rule.by), ("to", rule.to))
                  if name is not None]  # fmt: skip
    for field, name in asked:
        if name not in names:
            raise Refusal("accord.party_accord", field, name, names=", ".join(sorted(names)))
    for number, party in enumerate(accord.parties):
        if accord.needs_authorities and not party.authority_key:
            raise Refusal("accord.every_party_authority", f"parties[{number}].authority_key", None)
        named = (
            *(step.post for step in provisions.escalation), *(provisions.suspension.posts or ()),
            *(telephone.post for telephone in party.telephones),
        )  # fmt: skip
        missing = [post for post in named if party.posts and post not in party.posts]
        if missing:
            posts = ", ".join(party.posts)
            raise Refusal("accord.those_terms_name_too", f"parties[{number}].posts", posts, missing=str(missing))


def _check_parties_differ(parties: tuple[AccordParty, ...]) -> None:
    names: set[str] = set()
    keys: set[str] = set()
    for index, party in enumerate(parties):
        if party.name.casefold() in names:
            raise Refusal("accord.name_no_other_party", f"parties[{index}].name", party.name)
        if party.public_key in keys:
            raise Refusal("accord.key_no_other_party", f"parties[{index}].public_key", party.public_key)
        names.add(party.name.casefold())
        keys.add(party.public_key)
    for index, party in enumerate(parties):
        if party.authority_key and party.authority_key in keys:
            raise Refusal("accord.key_no_node", f"parties[{index}].authority_key", party.authority_key)
        keys.add(party.authority_key)


def _check_class_pairs_differ(entries: tuple[ClassMinima, ...]) -> None:
    if len(entries) > MAX_CLASS_PAIRS:
        raise Refusal("accord.at_most_pairs_classes", "minima.by_class", len(entries), most=MAX_CLASS_PAIRS)
    seen: set[frozenset[str]] = set()
    for index, entry in enumerate(entries):
        pair = frozenset((entry.first_class, entry.second_class))
        if pair in seen:
            raise Refusal("accord.pair_classes_listed_once", f"minima.by_class[{index}].classes", sorted(pair))
        seen.add(pair)
