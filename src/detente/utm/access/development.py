"""Tokens for trying things out, signed with a key of the service's own directory. Nobody needs an OAuth server."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from detente.airspace.refusal import Refusal
from detente.utm.access.tokens import LONGEST_LIFE_S

ISSUER = "detente-development"
_PRIVATE, _PUBLIC = "development-token-key.pem", "development-token-key.pub.pem"


def development_key(directory: Path) -> Path:
    """Make the directory's key for development tokens when there is none; return the file of its public half."""
    private, public = directory / _PRIVATE, directory / _PUBLIC
    if not private.exists():
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refusal(
                "utm.directory_writable", "--dir", str(directory), strerror=error.strerror or str(error)
            ) from None
        key = generate_private_key(SECP256R1())
        descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    if not public.exists():
        public.write_bytes(_load(private).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return public


def development_token(
    directory: Path, subject: str, scopes: Sequence[str], audience: str, now_s: float, life_s: float = LONGEST_LIFE_S
) -> str:
    """A token that a service over `directory` takes. Raises Refusal for a life over an hour."""
    if not 0 < life_s <= LONGEST_LIFE_S:
        raise Refusal("utm.most_seconds", "life", life_s, most=LONGEST_LIFE_S)
    development_key(directory)
    claims = {
        "iss": ISSUER,
        "sub": subject,
        "aud": audience,
        "scope": " ".join(scopes),
        "exp": int(now_s + life_s),
        "nbf": int(now_s) - 1,
    }
    return jwt.encode(claims, _load(directory / _PRIVATE), algorithm="ES256")


def _load(private: Path) -> EllipticCurvePrivateKey:
    key = load_pem_private_key(private.read_bytes(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise Refusal("utm.p256_private_key", str(private), type(key).__name__)
    return key
