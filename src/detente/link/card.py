"""The party card: name, keys and addresses, signed by its Ed25519 key and checked by voice with a short fingerprint."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from detente.accord.decoding import refusal_of
from detente.airspace.plan import check_identifier
from detente.airspace.position import utc
from detente.airspace.refusal import Refusal
from detente.record.keys import NodeKey, spoken_fingerprint, verify

CARD_FORMAT = "detente-card-1"
MAX_CARD_BYTES = 64 * 1024
MAX_ADDRESSES = 8
_HEX_32 = re.compile(r"[0-9a-f]{64}\Z")
_HEX_64 = re.compile(r"[0-9a-f]{128}\Z")
_ADDRESS = re.compile(r"[!-~]{1,512}\Z")
_LOOK_ALIKE = {"O": "0", "I": "1", "L": "1"}
_FIELD_PRIME = 2**255 - 19
_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _FIELD_PRIME - 1,
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    }
)
"""The y of every point whose order divides 8: with such a key one signature fits many messages."""


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A party's card. Keys and `signature` are hexadecimal; `addresses` are http or https URLs, best first.

    `public_key` is the Ed25519 key that signs, `encryption_key` the X25519 key for which parcels are sealed. Of two
    cards of one key, the one issued later holds.
    """

    format: str
    name: str
    public_key: str
    encryption_key: str
    addresses: tuple[str, ...]
    issued_at: datetime
    signature: str

    def __post_init__(self) -> None:
        if self.format != CARD_FORMAT:
            raise Refusal("format", self.format, CARD_FORMAT)
        check_identifier("name", self.name)
        check_public_key("public_key", self.public_key)
        if not _HEX_32.match(self.encryption_key):
            raise Refusal("encryption_key", self.encryption_key, "64 lower-case hexadecimal digits")
        if len(self.addresses) > MAX_ADDRESSES:
            raise Refusal("addresses", len(self.addresses), f"at most {MAX_ADDRESSES} addresses")
        for index, address in enumerate(self.addresses):
            check_address(f"addresses[{index}]", address)
        msgspec.structs.force_setattr(self, "issued_at", utc(self.issued_at, "issued_at"))
        if not _HEX_64.match(self.signature):
            raise Refusal("signature", self.signature, "128 lower-case hexadecimal digits")

    @property
    def key(self) -> bytes:
        """The public key's 32 bytes."""
        return bytes.fromhex(self.public_key)

    @property
    def fingerprint(self) -> str:
        """The short fingerprint that two people read to each other."""
        return spoken_fingerprint(self.key)


def make_card(key: NodeKey, name: str, addresses: tuple[str, ...], issued_at: datetime) -> Card:
    """Return the card of `key`, signed by it. Raises Refusal naming the field that cannot be on a card."""
    keys = key.public.hex(), key.encryption_public.hex()
    unsigned = Card(CARD_FORMAT, name, *keys, addresses, issued_at, "0" * 128)
    return msgspec.structs.replace(unsigned, signature=key.sign(signed_bytes(unsigned)).hex())


def signed_bytes(card: Card) -> bytes:
    """Return the bytes that a card's signature covers: its format, a line feed, and its other fields as sorted JSON."""
    fields = msgspec.to_builtins(card)
    del fields["signature"]
    return card.format.encode() + b"\n" + msgspec.json.encode(fields, order="deterministic")


def write_card(card: Card) -> bytes:
    """Return the card as an indented JSON file."""
    return msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n"


def read_card(data: bytes) -> Card:
    """Return the card in a JSON file; raises Refusal when a field is wrong or the card is not signed by its own key."""
    if len(data) > MAX_CARD_BYTES:
        raise Refusal("card", f"{len(data):,} bytes", f"at most {MAX_CARD_BYTES:,} bytes")
    try:
        card = msgspec.json.decode(data, type=Card)
    except msgspec.ValidationError as error:
        raise refusal_of(error, "card") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("card", str(error), "a card as a JSON file", "Ask the party for the file again.") from None
    if not verify(card.key, bytes.fromhex(card.signature), signed_bytes(card)):
        raise Refusal(
            "signature", card.signature, "the card's own key's signature over the card",
            "The card was changed after it was signed: ask the party for it again, by another way.",
        )  # fmt: skip
    return card


def same_fingerprint(heard: str, fingerprint: str) -> bool:
    """Return whether a fingerprint as somebody heard and typed it is this one.

    Case, spaces and dashes do not count, nor O for 0 and I or L for 1: those letters are in no fingerprint.
    """

    def signs(text: str) -> str:
        return "".join(_LOOK_ALIKE.get(sign, sign) for sign in text.upper() if sign.isalnum())

    return signs(heard) == signs(fingerprint)


def check_public_key(field: str, text: str) -> None:
    """Raise Refusal unless `text` is an Ed25519 key as 64 lower-case hexadecimal digits, of large order.

    A key of small order (RFC 8032, 8.4, and the list in libsodium's `ge25519_has_small_order`) would let its owner
    deny what it signed.
    """
    if not _HEX_32.match(text):
        raise Refusal(field, text, "64 lower-case hexadecimal digits")
    y = int.from_bytes(bytes.fromhex(text), "little") & (2**255 - 1)
    if y >= _FIELD_PRIME or y in _SMALL_ORDER_Y:
        raise Refusal(field, text, "an Ed25519 public key of large order", "Make a new key with `detente init`.")


def check_address(field: str, address: str) -> None:
    """Raise Refusal unless `address` is an http or https URL with a host, and without user, query or fragment."""
    expected = "an http or https URL, like https://node.example.org:8440"
    try:
        parts = urlsplit(address) if _ADDRESS.match(address) else None
        usable = (
            parts is not None
            and parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
            and not ("@" in parts.netloc or "?" in address or "#" in address or "\\" in address)
        )
    except ValueError:
        usable = False
    if not usable:
        raise Refusal(field, address, expected, "Leave out user name, query and fragment.")
