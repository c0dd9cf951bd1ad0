"""A party's Ed25519 key, and the fingerprint by which two people compare keys over a telephone."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from detente.airspace.refusal import Refusal

PUBLIC_KEY_BYTES = 32
FINGERPRINT_DOMAIN = b"detente fingerprint v1\x00"


class NodeKey:
    """An Ed25519 private key with its public half."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public: bytes = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        """The public key, 32 bytes."""

    @classmethod
    def generate(cls) -> NodeKey:
        """Make a new key from the operating system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> NodeKey:
        """Read a key file (PEM, PKCS 8); raises Refusal when it is missing or is not an Ed25519 private key."""
        try:
            private = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise Refusal("key file", str(path), "a file that can be read", f"{error.strerror}.") from error
        except (ValueError, TypeError) as error:
            raise Refusal("key file", str(path), "an unencrypted Ed25519 private key in PEM") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise Refusal("key file", str(path), "an Ed25519 private key", f"It holds a {type(private).__name__}.")
        return cls(private)

    def save(self, path: Path) -> None:
        """Write the key, readable by its owner only; raises Refusal when the file exists, because keys are not replaced."""
        pem = self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise Refusal(
                "key file", str(path), "a path where no file is", "A key is never overwritten; move the old one away."
            ) from error
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of `message`; callers put their own domain in front of it."""
        return self._private.sign(message)


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` (64 bytes) is that of `message` under `public` (32 bytes); False for anything malformed."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def spoken_fingerprint(public: bytes) -> str:
    """Sixteen letters and digits (80 bits) in four groups, to be read aloud letter by letter: "K4TB-QX2M-...".

    Base 32 of RFC 4648 over a domain-separated SHA-256: no 0, 1, 8 or 9, which are misheard or misread.
    """
    digest = hashlib.sha256(FINGERPRINT_DOMAIN + public).digest()
    letters = base64.b32encode(digest[:10]).decode("ascii")
    return "-".join(letters[k : k + 4] for k in range(0, 16, 4))
