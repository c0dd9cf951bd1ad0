"""The party card: name, keys and addresses, signed by its Ed25519 key and checked by voice with a short fingerprint."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from detente.airspace.plan import check_identifier
from detente.airspace.position import utc
from detente.airspace.refusal import Refusal
from detente.record.keys import NodeKey, spoken_fingerprint, verify
from detente.record.rotation import keys_through, read_rotation, read_rotations
from detente.room.decoding import refusal_of

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


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A party's card. Keys and `signature` are hexadecimal; `addresses` are http or https URLs, best first.

    `stop_addresses` are URLs at which the party takes in STOP and nothing else; without them STOP goes to `addresses`.

    `public_key` is the Ed25519 key by which the party is known for good. `rotations` are the exact texts of the
    rotations that lead from there to the key that signs now; there are none where that is `public_key` itself.
    `encryption_key` is the X25519 key for which parcels are sealed. Of two cards of one key, the one issued later
    holds, unless it knows fewer rotations.
    """

    format: str
    name: str
    public_key: str
    encryption_key: str
    addresses: tuple[str, ...]
    issued_at: datetime
    signature: str
    rotations: tuple[str, ...] = ()
    stop_addresses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.format != CARD_FORMAT:
            raise Refusal("link.card_format", "format", self.format)
        check_identifier("name", self.name)
        check_public_key("public_key", self.public_key)
        if not _HEX_32.match(self.encryption_key):
            raise Refusal("link.public_key_digits", "encryption_key", self.encryption_key)
        for field, addresses in (("addresses", self.addresses), ("stop_addresses", self.stop_addresses)):
            if len(addresses) > MAX_ADDRESSES:
                raise Refusal("link.at_most_addresses", field, len(addresses), most=MAX_ADDRESSES)
            for index, address in enumerate(addresses):
                check_address(f"{field}[{index}]", address)
        rotations = read_rotations(self.key, self.key, self.rotations)
        if rotations and rotations[-1].encryption_key.hex() != self.encryption_key:
            raise Refusal("link.encryption_key_of_rotation", "encryption_key", self.encryption_key)
        msgspec.structs.force_setattr(self, "issued_at", utc(self.issued_at, "issued_at"))
        if not _HEX_64.match(self.signature):
            raise Refusal("link.signature_digits", "signature", self.signature)

    @property
    def key(self) -> bytes:
        """The 32 bytes by which the party is known for good."""
        return bytes.fromhex(self.public_key)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The party's keys (32 bytes each), that by which it is known first, that which signs now last."""
        return keys_through(self.key, map(read_rotation, self.rotations))

    @property
    def signing_key(self) -> bytes:
        """The 32 bytes of the key that signs now."""
        return self.keys[-1]

    @property
    def fingerprint(self) -> str:
        """The short fingerprint, of the key that signs now, that two people read to each other."""
        return spoken_fingerprint(self.signing_key)


def make_card(
    key: NodeKey, name: str, addresses: tuple[str, ...], issued_at: datetime, stop_addresses: tuple[str, ...] = ()
) -> Card:
    """Return the card of `key`, signed by it. Raises Refusal naming the field that cannot be on a card."""
    keys = key.first.hex(), key.encryption_public.hex()
    unsigned = Card(CARD_FORMAT, name, *keys, addresses, issued_at, "0" * 128, key.rotations, stop_addresses)
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
        raise Refusal("link.at_most_bytes", "card", f"{len(data):,} bytes", most=MAX_CARD_BYTES)
    try:
        card = msgspec.json.decode(data, type=Card)
    except msgspec.ValidationError as error:
        raise refusal_of(error, "card") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("link.card_json_file", "card", str(error)) from None
    if not is_signed_by_itself(card):
        raise Refusal("link.card_own_key_signature", "signature", card.signature)
    return card


def is_signed_by_itself(card: Card) -> bool:
    """Whether the key that signs for a party by its card has signed that card."""
    return verify(card.signing_key, bytes.fromhex(card.signature), signed_bytes(card))


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
        raise Refusal("link.public_key_digits", field, text)
    y = int.from_bytes(bytes.fromhex(text), "little") & (2**255 - 1)
    if y >= _FIELD_PRIME or y in _SMALL_ORDER_Y:
        raise Refusal("link.ed25519_public_key_large", field, text)


def check_address(field: str, address: str) -> None:
    """Raise Refusal unless `address` is an http or https URL with a host, and without user, query or fragment."""
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
        raise Refusal("link.url_of_host", field, address)
