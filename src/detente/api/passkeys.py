"""What a browser brings of a passkey (WebAuthn level 2), read strictly: every byte of it may be a stranger's.

A public key has one form only for each algorithm, as the standard asks for the canonical one, so that it is compared
and no CBOR is decoded. What extensions add behind it is signed too, is asked for by nobody, and is not read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from detente.airspace.refusal import Refusal
from detente.api.hosts import is_address

ALGORITHMS = (-8, -7, -257)
"""Those taken, the best first, by their COSE numbers: Ed25519, ECDSA on P-256, RSA of 2,048 bits (Windows Hello)."""
MOST_BYTES = 2048
"""Of each part that a browser brings."""
MOST_CREDENTIAL_BYTES = 1023
_RSA_BITS = 2048
_PRESENT, _VERIFIED, _MAY_BE_COPIED, _IS_COPIED, _HAS_KEY, _HAS_MORE = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
_HEAD_BYTES = 37
_KEY = re.compile(
    rb"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20(?P<x>.{32})\x22\x58\x20(?P<y>.{32})"
    rb"|\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20(?P<ed25519>.{32})"
    rb"|\xa4\x01\x03\x03\x39\x01\x00\x20\x59\x01\x00(?P<n>.{256})\x21\x43\x01\x00\x01",
    re.DOTALL,
)
"""A COSE key (RFC 9053, sections 7.1 and 7.2; RFC 8230, section 4) in the canonical form of CTAP2."""

VerifyingKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


class PasskeyPlace(NamedTuple):
    """Where a passkey is asked for: the host name for which it signs, and the whole origin of the page."""

    rp_id: str
    origin: str


class ClientData(msgspec.Struct, frozen=True):
    """What the browser says it was asked; it may say more, which is not looked at."""

    type: str
    challenge: str
    origin: str
    is_framed: bool = msgspec.field(name="crossOrigin", default=False)


class AuthenticatorData(NamedTuple):
    """What the device says: for which name, that its holder is there and verified, how often it signed; a new key."""

    rp_id_sha256: bytes
    is_verified: bool
    signatures: int
    credential_id: bytes
    public_key: bytes


def place_of(host: str, *, tls: bool) -> PasskeyPlace:
    """Return where a request with this header `Host` asks; raises Refusal where it has an address for a name."""
    named, scheme = urlsplit(f"//{host.lower()}"), "https" if tls else "http"
    if not named.hostname or is_address(named.hostname):
        port = f":{named.port}" if named.port else ""
        raise Refusal("people.name_for_passkeys", "Host", host, scheme=scheme, port=port)
    return PasskeyPlace(named.hostname, f"{scheme}://{named.netloc}")


def decoded(field: str, text: str, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of base64url without padding, in the one way to write them; raises Refusal."""
    if len(text) > (most * 4 + 2) // 3:
        raise _malformed(field)
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise _malformed(field) from error
    if encoded(data) != text:
        raise _malformed(field)
    return data


def encoded(data: bytes) -> str:
    """Return bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read_client_data(data: bytes) -> ClientData:
    """Return what the browser was asked; raises Refusal."""
    try:
        return msgspec.json.decode(data, type=ClientData)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed("client_data") from error


def read_authenticator_data(data: bytes, *, with_key: bool) -> AuthenticatorData:
    """Return what the device says, with a new key or without one; raises Refusal for anything else."""
    flags = data[32] if len(data) >= _HEAD_BYTES else 0
    has_key, has_more, rest = bool(flags & _HAS_KEY), bool(flags & _HAS_MORE), data[_HEAD_BYTES:]
    is_form = bool(flags & _PRESENT) and (not flags & _IS_COPIED or bool(flags & _MAY_BE_COPIED))
    if not is_form or has_key != with_key:
        raise _malformed("authenticator_data")
    credential_id = public_key = b""
    if with_key:
        # An id of the kind of device, two bytes of length, the credential's id, its key.
        end = 18 + int.from_bytes(rest[16:18], "big")
        credential_id, key = rest[18:end], _KEY.match(rest, end)
        if not 0 < len(credential_id) <= MOST_CREDENTIAL_BYTES or key is None:
            raise _malformed("authenticator_data")
        public_key, rest = key[0], rest[key.end() :]
        public_key_of(public_key)
    if has_more != bool(rest):
        raise _malformed("authenticator_data")
    signatures = int.from_bytes(data[33:_HEAD_BYTES], "big")
    return AuthenticatorData(data[:32], bool(flags & _VERIFIED), signatures, credential_id, public_key)


def public_key_of(cose_key: bytes) -> VerifyingKey:
    """Return a public key; raises Refusal for one that is none."""
    found = _KEY.fullmatch(cose_key)
    try:
        if found is not None and found["ed25519"]:
            return ed25519.Ed25519PublicKey.from_public_bytes(found["ed25519"])
        if found is not None and found["x"]:
            x, y = (int.from_bytes(found[axis], "big") for axis in ("x", "y"))
            return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        n = 0 if found is None else int.from_bytes(found["n"], "big")
        if n.bit_length() == _RSA_BITS:
            return rsa.RSAPublicNumbers(65537, n).public_key()
    except ValueError as error:
        raise _malformed("authenticator_data") from error
    raise _malformed("authenticator_data")


def is_signed(cose_key: bytes, signature: bytes, authenticator_data: bytes, client_data: bytes) -> bool:
    """Whether the signature is of this key over what device and browser say."""
    key, signed = public_key_of(cose_key), authenticator_data + hashlib.sha256(client_data).digest()
    try:
        match key:
            case ed25519.Ed25519PublicKey():
                key.verify(signature, signed)
            case rsa.RSAPublicKey():
                key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            case _:
                key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def check_asked_here(client: ClientData, kind: str, place: PasskeyPlace) -> None:
    """Raise Refusal unless the browser was asked for this, by a page of this node itself."""
    if client.type != kind:
        raise _malformed("client_data")
    if client.origin != place.origin or client.is_framed:
        raise Refusal("people.passkey_asked_here", "origin", client.origin[:MOST_BYTES], origin=place.origin)


def check_device(device: AuthenticatorData, place: PasskeyPlace) -> None:
    """Raise Refusal unless the device spoke for this host name, and made sure of who holds it."""
    if device.rp_id_sha256 != hashlib.sha256(place.rp_id.encode()).digest():
        raise Refusal("people.passkey_of_this_name", "rp_id", "(not shown)", name=place.rp_id)
    if not device.is_verified:
        raise Refusal("people.passkey_verifies_person", "authenticator_data", "(not verified)")


def _malformed(field: str) -> Refusal:
    return Refusal("people.form_of_passkey", field, "(not shown)")
