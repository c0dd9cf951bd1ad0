"""A device that holds passkeys, and the browser before it, in software: real keys, real signatures, no node's code."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

PRESENT, VERIFIED, HAS_KEY, HAS_MORE = 0x01, 0x04, 0x40, 0x80
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def new_key(algorithm: str) -> PrivateKey:
    match algorithm:
        case "Ed25519":
            return ed25519.Ed25519PrivateKey.generate()
        case "RS256":
            return rsa.generate_private_key(65537, 2048)
        case _:
            return ec.generate_private_key(ec.SECP256R1())


def cbor(value: int | bytes) -> bytes:
    """An integer or bytes in canonical CBOR (RFC 8949, section 4.2)."""
    major, number = (2, len(value)) if isinstance(value, bytes) else (0, value) if value >= 0 else (1, -1 - value)
    if number < 24:
        head = bytes([major << 5 | number])
    elif number < 256:
        head = bytes([major << 5 | 24, number])
    else:
        head = bytes([major << 5 | 25]) + number.to_bytes(2, "big")
    return head + (value if isinstance(value, bytes) else b"")


def cose_key(key: PrivateKey) -> bytes:
    """The public half as a COSE key (RFC 9053)."""
    match key:
        case ed25519.Ed25519PrivateKey():
            parts: dict[int, int | bytes] = {1: 1, 3: -8, -1: 6, -2: key.public_key().public_bytes_raw()}
        case rsa.RSAPrivateKey():
            n = key.public_key().public_numbers().n
            parts = {1: 3, 3: -257, -1: n.to_bytes(256, "big"), -2: b"\x01\x00\x01"}
        case _:
            point = key.public_key().public_numbers()
            parts = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
    return bytes([0xA0 | len(parts)]) + b"".join(cbor(label) + cbor(value) for label, value in parts.items())


def sign(key: PrivateKey, data: bytes) -> bytes:
    match key:
        case ed25519.Ed25519PrivateKey():
            return key.sign(data)
        case rsa.RSAPrivateKey():
            return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        case _:
            return key.sign(data, ec.ECDSA(hashes.SHA256()))


@dataclass
class Authenticator:
    """One passkey. What it says can be changed, so that it says what a device must not."""

    origin: str
    rp_id: str = "localhost"
    algorithm: str = "ES256"
    signatures: int = 0
    flags: int = PRESENT | VERIFIED
    user_id: str = ""
    extensions: bytes = b""
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))

    def __post_init__(self) -> None:
        self.key = new_key(self.algorithm)

    def new(self, asked: dict[str, Any], name: str = "key", *, changed: bytes | None = None) -> dict[str, str]:
        """What `POST /passkeys` takes; `changed` stands in the place of the public key."""
        self.user_id = asked["user_id"]
        public = cose_key(self.key) if changed is None else changed
        length = len(self.credential_id).to_bytes(2, "big")
        data = self._head(HAS_KEY) + bytes(16) + length + self.credential_id + public + self.extensions
        client = self._client("webauthn.create", asked["challenge"])
        return {"name": name, "client_data": text(client), "authenticator_data": text(data)}

    def shown(self, asked: dict[str, Any], kind: str = "webauthn.get", **more: Any) -> dict[str, Any]:
        """What `POST /sign-in/passkey` takes, one signature on."""
        self.signatures += 1
        client, data = self._client(kind, asked["challenge"], **more), self._head(0) + self.extensions
        return {
            "credential_id": text(self.credential_id),
            "user_id": self.user_id,
            "client_data": text(client),
            "authenticator_data": text(data),
            "signature": text(sign(self.key, data + hashlib.sha256(client).digest())),
            "bearer": True,
        }

    def _head(self, flags: int) -> bytes:
        flags |= self.flags | (HAS_MORE if self.extensions else 0)
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.signatures.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str, **more: Any) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, **more}).encode()
