"""A node's Ed25519 key (RFC 8032): one file, used to sign, and checked between people by a spoken fingerprint."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import Certificate, CertificateBuilder

from detente.airspace.refusal import Refusal
from detente.record.passphrase import CREDENTIALS_VARIABLE, read_passphrase

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
MAX_KEY_FILE_BYTES = 64 * 1024
PASSPHRASE_VARIABLE = "DETENTE_PASSPHRASE_FILE"  # noqa: S105 - the name of a variable
PASSPHRASE_CREDENTIAL = "credential:detente-passphrase"  # noqa: S105 - the name of a credential
NO_PASSPHRASE = "record.passphrase_where_says"  # noqa: S105 - the code of a refusal
"""Of an encrypted key whose passphrase was not given: nothing is known to be wrong."""
_ENCRYPTED = b"ENCRYPTED PRIVATE KEY"
_ENCRYPTION_PURPOSE = b"detente encryption key 1\n"
_FINGERPRINT_PURPOSE = b"detente fingerprint 1\n"
_FINGERPRINT_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O and U, which are taken for 1, 0 and V."""
_FINGERPRINT_GROUPS = 5
_FINGERPRINT_GROUP_SIGNS = 4


class SuccessorKey(NamedTuple):
    """The key that comes after another, and the exact text of the rotation that says so."""

    key: NodeKey
    rotation: str


class NodeKey:
    """The private key of one node. `public` is the 32 bytes of the key that signs.

    `first` is the public key that the party was first paired with, by which others know it for good; `rotations` are
    the exact texts of the rotations (`detente.record.rotation`) that lead from there to `public`. `former` are keys
    that only open what was sealed for them before a rotation.
    """

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public: bytes = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.first = self.public
        self.rotations: tuple[str, ...] = ()
        self.successor: SuccessorKey | None = None
        self.former: tuple[X25519PrivateKey, ...] = ()

    def descend_from(self, first: bytes, rotations: Sequence[str]) -> None:
        """Take note that this key signs for the party of the key `first`, through these rotations."""
        self.first, self.rotations = first, tuple(rotations)

    def give_way(self) -> None:
        """Become the successor that was prepared: from now on it signs. What was sealed for this key still opens."""
        successor = self.successor
        assert successor is not None
        self.former = (self.decryption, *self.former)
        self._private, self.public = successor.key._private, successor.key.public
        self.rotations = (*self.rotations, successor.rotation)
        self.successor = None
        del self.decryption

    @classmethod
    def generate(cls) -> NodeKey:
        """Return a new key from the operating system's random source."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path | str) -> NodeKey:
        """Return the key in the PEM file `path`; an encrypted one is opened with the passphrase of `key_passphrase`.

        Raises Refusal when the file cannot be read, is no Ed25519 key, does not open, or is open to other users.
        """
        file = Path(path)
        try:
            with file.open("rb") as stream:
                mode = os.fstat(stream.fileno()).st_mode
                data = stream.read(MAX_KEY_FILE_BYTES)
        except OSError as error:
            raise Refusal("record.key_file_readable", str(file), error.strerror or str(error)) from None
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Refusal("record.key_file_only_owner", str(file), f"mode {stat.S_IMODE(mode):04o}", file=str(file))
        passphrase = key_passphrase(file) if _ENCRYPTED in data else None
        try:
            private = load_pem_private_key(data, password=passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            code = "record.ed25519_private_key" if passphrase is None else "record.key_that_its_passphrase_opens"
            raise Refusal(code, str(file), "other content")
        return cls(private)

    def save(self, path: Path | str) -> None:
        """Write the key durably to the new file `path` as PEM (PKCS #8), readable by its owner only (mode 0600).

        Raises Refusal when the file exists, because a key that is overwritten is lost, or when it cannot be written.
        """
        file = Path(path)
        data = _pem_of(self._private, None)
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise Refusal("record.new_file", str(file), "a file that exists") from None
        except OSError as error:
            raise Refusal("record.place_where_key_written", str(file), error.strerror or str(error)) from None
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        sync_directory(file.parent)

    def replace(self, path: Path | str, passphrase: bytes | None) -> None:
        """Write the key in the place of the file `path` in one durable step, encrypted for a passphrase or not.

        Raises Refusal when it cannot be written; the file is as it was then.
        """
        _write_private(Path(path), _pem_of(self._private, passphrase))

    def keep_former(self, path: Path | str, passphrase: bytes | None) -> None:
        """Write what opens that which was sealed for this key, and signs nothing, in the place of the file `path`.

        Raises Refusal as `replace` does.
        """
        _write_private(Path(path), _pem_of(self.decryption, passphrase))

    def take_former(self, path: Path | str) -> None:
        """Open from now on what was sealed for the key before, too: `keep_former` has written the file `path`.

        Raises Refusal for a file that is no such key.
        """
        self.former = (_load_former(Path(path)),)

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

    def certify(self, unsigned: CertificateBuilder) -> Certificate:
        """Return an X.509 certificate signed by this key. What is signed begins with 0x30, as no purpose does."""
        return unsigned.sign(self._private, None)


def passphrase_in_use(file: Path) -> bytes | None:
    """Return the passphrase with which a key file is encrypted, None for one that is not; raises Refusal."""
    try:
        is_encrypted = _ENCRYPTED in file.read_bytes()[:MAX_KEY_FILE_BYTES]
    except OSError as error:
        raise Refusal("record.key_file_readable", str(file), error.strerror or str(error)) from None
    return key_passphrase(file) if is_encrypted else None


def rewrite_former(path: Path | str, passphrase: bytes | None) -> None:
    """Write the file `path` of `NodeKey.keep_former` again, encrypted for a passphrase or not; raises Refusal."""
    _write_private(Path(path), _pem_of(_load_former(Path(path)), passphrase))


def _load_former(file: Path) -> X25519PrivateKey:
    passphrase = passphrase_in_use(file)
    try:
        former = load_pem_private_key(file.read_bytes()[:MAX_KEY_FILE_BYTES], password=passphrase)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        former = None
    if not isinstance(former, X25519PrivateKey):
        raise Refusal("record.former_key_file", str(file), "other content")
    return former


def _pem_of(private: Ed25519PrivateKey | X25519PrivateKey, passphrase: bytes | None) -> bytes:
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def _write_private(file: Path, pem: bytes) -> None:
    temporary = file.with_name(f".{file.name}.new")
    try:
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(pem)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except OSError as error:
        raise Refusal("record.place_where_key_written", str(file), error.strerror or str(error)) from None
    sync_directory(file.parent)


def key_passphrase(file: Path) -> bytes:
    """Return the passphrase of an encrypted key file, from where the environment says that it is.

    `DETENTE_PASSPHRASE_FILE` names a file, `fd:NUMBER` or `credential:NAME`; without it, systemd's credential
    `detente-passphrase`. Raises Refusal.
    """
    source = os.environ.get(PASSPHRASE_VARIABLE, "")
    if not source and CREDENTIALS_VARIABLE in os.environ:
        source = PASSPHRASE_CREDENTIAL
    if not source:
        raise Refusal(NO_PASSPHRASE, str(file), "encrypted", passphrase_variable=PASSPHRASE_VARIABLE)
    return read_passphrase(source)


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
