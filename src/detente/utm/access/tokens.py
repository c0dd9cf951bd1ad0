"""Bearer tokens (RFC 6750): JSON Web Tokens signed RS256 or ES256, judged once and remembered until they expire."""

from __future__ import annotations

import math
from typing import NamedTuple

import jwt

from detente.utm.access.keys import KeyRing
from detente.utm.refused import Refused

ALGORITHMS = ("RS256", "ES256")
LONGEST_LIFE_S = 3600
CLOCK_SKEW_S = 30
MOST_REMEMBERED = 10_000
LONGEST_TOKEN = 8192


class Bearer(NamedTuple):
    """Who asks and what for, and until when that holds, in seconds since 1970."""

    subject: str
    scopes: frozenset[str]
    until_s: float


class TokenJudge:
    """Judges tokens by keys, audience and time."""

    def __init__(self, ring: KeyRing, audiences: frozenset[str]) -> None:
        self._ring = ring
        self._audiences = sorted(audiences)
        self._remembered: dict[bytes, Bearer] = {}
        self._ring_version = ring.version

    def bearer(self, authorization: bytes, now_s: float) -> Bearer:
        """The bearer of an Authorization header. Raises Refused (401)."""
        if self._ring.version != self._ring_version:
            self._remembered.clear()
            self._ring_version = self._ring.version
        known = self._remembered.get(authorization)
        if known is not None and now_s < known.until_s:
            return known
        bearer = self._judged(authorization, now_s)
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[authorization] = bearer
        return bearer

    def _judged(self, authorization: bytes, now_s: float) -> Bearer:
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or not token:
            raise Refused(401, "an access token is needed: Authorization: Bearer TOKEN")
        if len(token) > LONGEST_TOKEN:
            raise Refused(401, "the access token is too long")
        claims = self._claims(token.strip())
        subject, expires, begins = claims.get("sub"), _time(claims.get("exp")), _time(claims.get("nbf", 0))
        if not isinstance(subject, str) or not subject:
            raise Refused(401, "the access token names no subject (sub)")
        if not isinstance(claims.get("iss"), str):
            raise Refused(401, "the access token names no issuer (iss)")
        if expires + CLOCK_SKEW_S <= now_s:
            raise Refused(401, "the access token has expired")
        if begins - CLOCK_SKEW_S > now_s:
            raise Refused(401, "the access token does not hold yet")
        if expires > now_s + LONGEST_LIFE_S + CLOCK_SKEW_S:
            raise Refused(401, "the access token lasts longer than one hour")
        scope = claims.get("scope", "")
        if not isinstance(scope, str):
            raise Refused(401, "the scope of the access token is no text")
        return Bearer(subject, frozenset(scope.split()), expires + CLOCK_SKEW_S)

    def _claims(self, token: bytes) -> dict[str, object]:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError) as error:
            raise Refused(401, "the access token cannot be read") from error
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise Refused(401, f"access tokens are signed {' or '.join(ALGORITHMS)}")
        wrong_audience = False
        for candidate in self._ring.keys(algorithm, str(header.get("kid", ""))):
            try:
                claims: dict[str, object] = jwt.decode(
                    token,
                    candidate.key,
                    algorithms=[algorithm],
                    audience=self._audiences,
                    options={"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": ["aud"]},
                )
            except (jwt.InvalidAudienceError, jwt.MissingRequiredClaimError):
                wrong_audience = True
                break
            except (jwt.PyJWTError, ValueError):
                continue
            return claims
        if wrong_audience:
            raise Refused(401, "the access token is for another audience (aud)")
        raise Refused(401, "the access token is not signed with a key that is trusted here")


def _time(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise Refused(401, "the access token must say when it expires (exp), as a number")
