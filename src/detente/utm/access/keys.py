"""The public keys that may sign tokens: PEM files and JWKS documents, read again when they change."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import NamedTuple

import aiohttp
import jwt
import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from detente.airspace.refusal import Refusal

log = structlog.get_logger()
SMALLEST_RSA_BITS = 2048
LONGEST_FETCH_S = 10.0
PublicKey = RSAPublicKey | EllipticCurvePublicKey


class SigningKey(NamedTuple):
    """One key that may sign: its id where it has one, and the only algorithm it signs with."""

    key_id: str
    algorithm: str
    key: PublicKey


def signing_key(key: object, key_id: str, source: str) -> SigningKey:
    """A key with the algorithm that goes with it. Raises Refusal for what is neither RSA nor P-256."""
    if isinstance(key, RSAPublicKey) and key.key_size >= SMALLEST_RSA_BITS:
        return SigningKey(key_id, "RS256", key)
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return SigningKey(key_id, "ES256", key)
    raise Refusal("utm.rsa_key_bits", source, type(key).__name__, least=SMALLEST_RSA_BITS)


def keys_of_pem(text: bytes, source: str) -> list[SigningKey]:
    """The public key of a PEM file. Raises Refusal."""
    try:
        return [signing_key(load_pem_public_key(text), "", source)]
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refusal("utm.public_key_pem_form", source, str(error)[:60]) from error


def keys_of_jwks(text: bytes, source: str) -> list[SigningKey]:
    """The keys of a JWKS document (RFC 7517) that can sign RS256 or ES256; others are passed over. Raises Refusal."""
    try:
        document = json.loads(text)
        listed = document["keys"]
        signing_keys = []
        for entry in listed:
            if entry.get("use", "sig") != "sig" or entry.get("kty") not in ("RSA", "EC"):
                continue
            signing_keys.append(signing_key(jwt.PyJWK(entry).key, str(entry.get("kid", "")), source))
    except (ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError) as error:
        raise Refusal("utm.jwks_document_with_rsa", source, str(error)[:60]) from error
    if not signing_keys:
        raise Refusal("utm.jwks_document_with_at_least", source, "no key")
    return signing_keys


class KeyRing:
    """All keys that may sign, from every source. A source that cannot be read keeps the keys it last gave.

    Attributes:
        version: counts changes, so that whoever remembers a verdict knows when to forget it.
    """

    def __init__(self, files: list[Path], jwks_urls: list[str]) -> None:
        """Read the files; raises Refusal when one holds no key. URLs are read by `refresh`."""
        self.version = 0
        self._files = files
        self._urls = jwks_urls
        self._texts: dict[str, bytes] = {}
        self._keys: dict[str, list[SigningKey]] = {}
        for file in files:
            try:
                self._take(str(file), file.read_bytes())
            except OSError as error:
                raise Refusal("utm.file_readable", "public key", str(file)) from error

    def keys(self, algorithm: str, key_id: str) -> list[SigningKey]:
        """The keys that may have signed: those of that id where there are any, else all without an id."""
        fitting = [key for keys in self._keys.values() for key in keys if key.algorithm == algorithm]
        named = [key for key in fitting if key_id and key.key_id == key_id]
        return named or [key for key in fitting if not key.key_id or not key_id]

    async def refresh(self) -> None:
        """Read every source again."""
        for file in self._files:
            await self._again(str(file), await asyncio.to_thread(_bytes_of, file))
        for url in self._urls:
            await self._again(url, await _fetched(url))

    async def keep_fresh(self, every_s: float) -> None:
        """Read every source again and again, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            await self.refresh()

    async def _again(self, source: str, text: bytes | None) -> None:
        if text is None or text == self._texts.get(source):
            return
        try:
            self._take(source, text)
            log.info("signing keys read", source=source)
        except Refusal as refusal:
            log.warning("signing keys unusable, the old ones stay", source=source, why=str(refusal))

    def _take(self, source: str, text: bytes) -> None:
        keys = keys_of_jwks(text, source) if text.lstrip().startswith(b"{") else keys_of_pem(text, source)
        self._texts[source], self._keys[source] = text, keys
        self.version += 1


def _bytes_of(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError as error:
        log.warning("signing keys unreadable, the old ones stay", source=str(file), why=str(error))
        return None


async def _fetched(url: str) -> bytes | None:
    try:
        timeout = aiohttp.ClientTimeout(total=LONGEST_FETCH_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            response.raise_for_status()
            return await response.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        log.warning("signing keys unreachable, the old ones stay", source=url, why=str(error))
        return None
