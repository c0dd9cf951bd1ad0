"""The certificates of TLS between nodes: short-lived, for keys of the moment, signed by the Ed25519 key of the card.

TLS asks for certificates in X.509, but here no authority vouches for anybody: a party is its key. Of every key follows
one *pin*, the certificate that names it; whoever connects shows a certificate for a key that it made for this while,
issued under its pin. Pins are issued by a root whose private key is in this file, for anybody to use: it proves
nothing, and is there so that OpenSSL lets whoever connects prove its key before anybody looks at whom we know.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    CertificateBuilder,
    Name,
    NameAttribute,
    load_der_x509_certificate,
    random_serial_number,
)
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

from detente.record.keys import NodeKey, verify
from detente.record.rotation import read_rotation

_ROOT_KEY = Ed25519PrivateKey.from_private_bytes(sha256(b"detente: anybody's key, which proves nothing").digest())
_ROOT_NAME = "detente"
_ALWAYS = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""A key has no end of its own: whom we trust is what the cards say."""


class ShownCertificates(NamedTuple):
    """What a node shows: its certificates and the key of the first, as PEM."""

    certificates: bytes
    private_key: bytes


def root() -> bytes:
    """Return the certificate (DER) under which everybody's pin is issued."""
    return _issued_by_root(_ROOT_NAME, _ROOT_KEY.public_key()).public_bytes(Encoding.DER)


def pin(public: bytes) -> bytes:
    """Return the one certificate (DER) that follows from a party's public key (32 bytes)."""
    return _pin(public).public_bytes(Encoding.DER)


def show(key: NodeKey, at: datetime, life: timedelta) -> ShownCertificates:
    """Return a new key with its certificate under `key`, which holds from `life` before `at` until `life` after it.

    It holds before its time so that a peer whose clock is slow takes it all the same.
    """
    private = Ed25519PrivateKey.generate()
    unsigned = _unsigned("node", key.public.hex(), private.public_key(), at - life, at + life, issues=False)
    # Who still knows a key of before finds the way from it to the one that signs now.
    successions = (load_der_x509_certificate(read_rotation(text).certificate) for text in reversed(key.rotations))
    certificates = key.certify(unsigned), *successions, _pin(key.first)
    return ShownCertificates(
        b"".join(one.public_bytes(Encoding.PEM) for one in certificates),
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def succession(key: NodeKey, new: bytes) -> bytes:
    """Return the certificate (DER) by which `key` says that the key `new` (32 bytes) signs in its place."""
    unsigned = _unsigned(
        new.hex(), key.public.hex(), Ed25519PublicKey.from_public_bytes(new), *_ALWAYS, issues=True
    )  # fmt: skip
    return key.certify(unsigned).public_bytes(Encoding.DER)


def keys_shown(certificates: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the key of the party that signed the first of some certificates (DER), and those that it came after.

    There are none when the first is not signed as it says.
    """
    found: list[bytes] = []
    for certificate in certificates:
        signer = shown_by(certificate)
        if signer is None or (found and _subject(certificate) != found[-1].hex()):
            break
        found.append(signer)
    return tuple(found)


def _subject(certificate: bytes) -> str:
    names = load_der_x509_certificate(certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def shown_by(certificate: bytes) -> bytes | None:
    """Return the public key of the party that signed a certificate (DER), None when it is not signed as it says.

    That whoever shows it holds the certificate's own key is what the handshake proves.
    """
    try:
        read = load_der_x509_certificate(certificate)
        public = bytes.fromhex(str(read.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value))
        signed = read.signature_algorithm_oid == SignatureAlgorithmOID.ED25519
    except (ValueError, IndexError):
        return None
    return public if signed and verify(public, read.signature, read.tbs_certificate_bytes) else None


def _pin(public: bytes) -> Certificate:
    return _issued_by_root(public.hex(), Ed25519PublicKey.from_public_bytes(public))


def _issued_by_root(subject: str, public: Ed25519PublicKey) -> Certificate:
    return _unsigned(subject, _ROOT_NAME, public, *_ALWAYS, issues=True).sign(_ROOT_KEY, None)


def _unsigned(
    subject: str, issuer: str, public: Ed25519PublicKey, start: datetime, end: datetime, *, issues: bool
) -> CertificateBuilder:
    """A certificate before it is signed. Of one that issues others all is fixed, so that everybody makes the same."""
    return (
        CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(1 if issues else random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(BasicConstraints(ca=issues, path_length=None), critical=True)
    )


def _name(common: str) -> Name:
    return Name([NameAttribute(NameOID.COMMON_NAME, common)])
