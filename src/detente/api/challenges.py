"""Challenges that passkeys sign: used once, within minutes, for what they were made for.

Anybody may ask for one, so that none is kept: a challenge carries its end and a seal of this process, and what is
remembered are those that a passkey has signed, which no stranger can bring about.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

LIFE_S = 300
MOST_USED = 4096
"""So many that were used are remembered at the most; while there are more, none holds."""
_NONCE_BYTES = 16
_END_BYTES = 8
_SEALED_BYTES = _NONCE_BYTES + _END_BYTES
_MS = 1000


class Challenges:
    """The challenges of this process. `clock_s` goes on evenly, whatever becomes of the time of day."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._key = secrets.token_bytes(32)
        self._used: dict[bytes, int] = {}

    def make(self, purpose: str) -> bytes:
        """Return a new challenge for one purpose: what is to be done, from which page, in which session."""
        end_ms = int((self._clock_s() + LIFE_S) * _MS)
        sealed = secrets.token_bytes(_NONCE_BYTES) + end_ms.to_bytes(_END_BYTES, "big")
        return sealed + self._seal(sealed, purpose)

    def holds(self, challenge: bytes, purpose: str) -> bool:
        """Whether it was made here for this purpose minutes ago, and was not used."""
        sealed, seal = challenge[:_SEALED_BYTES], challenge[_SEALED_BYTES:]
        if not hmac.compare_digest(seal, self._seal(sealed, purpose)):
            return False
        self._forget()
        return self._end_ms(sealed) > self._clock_s() * _MS and sealed not in self._used and len(self._used) < MOST_USED

    def use(self, challenge: bytes) -> None:
        """Let a challenge that holds hold no more."""
        sealed = challenge[:_SEALED_BYTES]
        self._used[sealed] = self._end_ms(sealed)

    def _seal(self, sealed: bytes, purpose: str) -> bytes:
        return hmac.digest(self._key, sealed + purpose.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def _end_ms(self, sealed: bytes) -> int:
        return int.from_bytes(sealed[_NONCE_BYTES:], "big")

    def _forget(self) -> None:
        now_ms = self._clock_s() * _MS
        self._used = {one: end_ms for one, end_ms in self._used.items() if end_ms > now_ms}
