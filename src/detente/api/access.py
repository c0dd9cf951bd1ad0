"""Who may use the node: a token, given once as a sign-in link, of which only the hash is kept.

The token is 256 random bits, so a plain SHA-256 of it cannot be searched. Commands run in the node's own directory
need no token: whoever can read the node's key may act for it, and their token follows from the key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

import msgspec

from detente.airspace.refusal import Refusal
from detente.link.trust import write_durably
from detente.record.keys import NodeKey

COOKIE = "detente-token"
_TOKEN_BYTES = 32
_LOCAL_CONTEXT = b"detente-local-access-1\n"


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token_sha256: str


class Access:
    """Compares tokens with the hash in `path` and with the token that follows from the node's key."""

    def __init__(self, path: Path, key: NodeKey) -> None:
        self._path = path
        self._local = _hash(local_token(key))
        self._kept: bytes | None = None
        if path.exists():
            try:
                self._kept = bytes.fromhex(msgspec.json.decode(path.read_bytes(), type=_Kept).token_sha256)
            except (msgspec.MsgspecError, ValueError) as error:
                raise Refusal(
                    str(path), str(error), "the hash of a token", "Remove the file; the node then makes a new token."
                ) from None

    @property
    def has_token(self) -> bool:
        """Whether a token was given out before."""
        return self._kept is not None

    def new_token(self) -> str:
        """Make a token, keep its hash, and return it. The token before it is worth nothing from now on."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        digest = _hash(token)
        write_durably(self._path, msgspec.json.encode(_Kept(digest.hex())) + b"\n")
        self._path.chmod(0o600)
        self._kept = digest
        return token

    def allows(self, token: str) -> bool:
        """Whether this is a valid token, in a time that does not depend on how nearly it is one."""
        digest = _hash(token)
        by_link = hmac.compare_digest(digest, self._kept or b"")
        by_key = hmac.compare_digest(digest, self._local)
        return by_link or by_key


def local_token(key: NodeKey) -> str:
    """Return the token for commands that can read the node's key: a hash of what only that key can sign."""
    signature = key.sign(_LOCAL_CONTEXT)
    return base64.urlsafe_b64encode(hashlib.sha256(_LOCAL_CONTEXT + signature).digest()).rstrip(b"=").decode()


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
