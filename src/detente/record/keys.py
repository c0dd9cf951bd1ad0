"""A node's Ed25519 key (RFC 8032): one file, used to sign, and checked between people by a spoken fingerprint."""

from __future__ import annotations

import hashlib
import os
import stat
from functools import cached_property, lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from detente.airspace.refusal import Refusal

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
MAX_KEY_FILE_BYTES = 64 * 1024
_ENCRYPTION_PURPOSE = b"detente encryption key 1\n"
_FINGERPRINT_PURPOSE = b"detente fingerprint 1\n"
_FINGERPRINT_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O and U, which are taken for 1, 0 and V."""
_FINGERPRINT_GROUPS = 5
_FINGERPRINT_GROUP_SIGNS = 4


class NodeKey:
    """The private key of one node. `public` is the 32 bytes that others know it by."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public: bytes = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @classmethod
    def generate(cls) -> NodeKey:
        """Return a new key from the operating system's random source."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path | str) -> NodeKey:
        """Return the key in the PEM file `path`.

        Raises Refusal when the file cannot be read, is no unencrypted Ed25519 key, or is open to other users.
        """
        file = Path(path)
        try:
            with file.open("rb") as stream:
                mode = os.fstat(stream.fileno()).st_mode
                data = stream.read(MAX_KEY_FILE_BYTES)
        except OSError as error:
            raise Refusal(str(file), error.strerror or str(error), "a key file that can be read") from None
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Refusal(
                str(file), f"mode {stat.S_IMODE(mode):04o}", "a key file that only its owner may read",
                f"Run: chmod 600 {file}",
            )  # fmt: skip
        try:
            private = load_pem_private_key(data, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise Refusal(str(file), "other content", "an unencrypted Ed25519 private key in PEM (PKCS #8)")
        return cls(private)

    def save(self, path: Path | str) -> None:
        """Write the key durably to the new file `path` as PEM (PKCS #8), readable by its owner only (mode 0600).

        Raises Refusal when the file exists, because a key that is overwritten is lost, or when it cannot be written.
        """
        file = Path(path)
        data = self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise Refusal(
                str(file), "a file that exists", "a new file", "A key is never overwritten: move the old one away."
            ) from None
        except OSError as error:
            raise Refusal(str(file), error.strerror or str(error), "a place where a key can be written") from None
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        sync_directory(file.parent)

    @cached_property
    def decryption(self) -> X25519PrivateKey:
        """The X25519 key (RFC 7748) with which this node opens what was sealed for it.

        It follows from the Ed25519 seed by HKDF-SHA256 (RFC 5869): there is one secret to keep, and each has one use.
        """
        seed = self._private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        derived = HKDF(hashes.SHA256(), 32, salt=None, info=_ENCRYPTION_PURPOSE).derive(seed)
        return X25519PrivateKey.from_private_bytes(derived)

    @property
    def encryption_public(self) -> bytes:
        """The public half (32 bytes) of `decryption`, for which others seal."""
        return self.decryption.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature (64 bytes) over `message`; the caller puts its own purpose in front."""
        return self._private.sign(message)


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether `signature` (64 bytes) is the signature of `public` (32 bytes) over `message`.

    False also for bytes that are no key or no signature.
    """
    try:
        _public_key(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def spoken_fingerprint(public: bytes) -> str:
    """Return a public key's fingerprint to read aloud: five groups of four, like ``7QKM-2RTV-9XHD-4ABN-C0W8``.

    The first 100 bits of SHA-256 in Crockford's base 32, which leaves out I, L, O and U; each sign is spoken by the
    ICAO spelling alphabet and figures, the same in every language. To make another key with the same fingerprint
    takes about 2^100 tries.
    """
    digest = int.from_bytes(hashlib.sha256(_FINGERPRINT_PURPOSE + public).digest(), "big")
    count = _FINGERPRINT_GROUPS * _FINGERPRINT_GROUP_SIGNS
    signs = "".join(_FINGERPRINT_SIGNS[digest >> (256 - 5 * (place + 1)) & 31] for place in range(count))
    return "-".join(
        signs[start : start + _FINGERPRINT_GROUP_SIGNS] for start in range(0, count, _FINGERPRINT_GROUP_SIGNS)
    )


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` durable, so that a file just made there survives a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@lru_cache(maxsize=1024)
def _public_key(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)
