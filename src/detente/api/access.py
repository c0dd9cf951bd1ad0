"""Who asks: a person by a session, a program with a token for metrics, or the owner of the node's directory.

A token is 256 random bits, so a plain SHA-256 of it cannot be searched. Whoever reaches the node through its socket
file or can read its key is its owner: he needs no session, and acts under the name of his account on this machine.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import pwd
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from detente.node.session_uses import SessionUses
from detente.people.records import ActingWay, People, PersonRole, PersonSession
from detente.record.keys import NodeKey
from detente.record.token_file import TokenFile

SAFE_METHODS = frozenset({b"GET", b"HEAD", b"OPTIONS"})
_TOKEN_BYTES = 32
_LOCAL_CONTEXT = b"detente-local-access-1\n"


class Caller(NamedTuple):
    """Who asks. A program that may read the metrics alone has no role; `posts` are a person's, none of the owner."""

    name: str
    role: PersonRole | None
    posts: tuple[str, ...] = ()
    way: ActingWay = ActingWay.SESSION
    session: str = ""

    @property
    def client(self) -> str:
        """By what name connections are counted: those of one person together."""
        kind = "program" if self.role is None else "person" if self.session else "owner"
        return f"{kind} {self.name}"


class NotLetIn(StrEnum):
    """What somebody has shown who is not let in: a token, a link's, or a passkey, which is none; a page elsewhere."""

    NOTHING = "nothing"
    TOKEN = "token"  # noqa: S105 - what was shown, and no token
    SIGN_IN_LINK = "sign_in_link"
    PASSKEY = "passkey"
    PAGE_ELSEWHERE = "page_elsewhere"


class Access:
    """Says who asks, by the head of a request.

    Browsers speak `tls` with the node, or with a proxy before it. The cookie has another name on each node, as browsers
    do not keep ports apart; over TLS, one that no page in clear can set.
    """

    def __init__(
        self,
        people: People,
        uses: SessionUses,
        key: NodeKey,
        metrics: TokenFile,
        clock: Callable[[], datetime],
        *,
        tls: bool,
    ) -> None:
        self._people = people
        self._uses = uses
        self._key = key
        self._local = key.public, token_sha256(local_token(key))
        self._metrics = metrics
        self._clock = clock
        self.cookie_name = f"{'__Host-' if tls else ''}detente-{key.public.hex()[:8]}"
        # Looked up now: a directory of accounts elsewhere may not answer when it is asked amidst the loop.
        self._accounts = {user: _account(user) for user in (os.geteuid(), 0)}

    def caller(self, method: bytes, headers: Mapping[bytes, bytes], user_of_socket: int | None) -> Caller | NotLetIn:
        """Return who asks, or what was shown instead.

        The names of the headers are in lower case; `user_of_socket` is the number of the account on the other end of
        the node's socket file, None for other listeners.
        """
        authorization = headers.get(b"authorization")
        if authorization is not None:
            scheme, _, token = authorization.partition(b" ")
            if self._metrics.is_in(authorization):
                return Caller("metrics-token", None)
            found = self._with_token(token.strip()) if scheme.lower() == b"bearer" else None
            return found or NotLetIn.TOKEN
        shown = self._cookie_of(headers)
        if shown is not None:
            if not is_from_here(method, headers):
                return NotLetIn.PAGE_ELSEWHERE
            return self._in_session(token_sha256(shown)) or NotLetIn.TOKEN
        if user_of_socket is None:
            return NotLetIn.NOTHING
        if user_of_socket not in self._accounts:
            return NotLetIn.TOKEN
        return Caller(self._accounts[user_of_socket], PersonRole.ADMINISTRATOR, way=ActingWay.SOCKET)

    def last_use(self, session: PersonSession) -> datetime:
        """Return when a session was used last (UTC)."""
        return self._uses.last(session)

    def still(self, caller: Caller) -> bool:
        """Whether somebody who was let in before would be let in now, and as the same."""
        if not caller.session:
            return True
        found = self._people.sessions.get(caller.session)
        return found is not None and self._in_session(found.token_sha256) == caller

    def _with_token(self, token: bytes) -> Caller | None:
        digest = token_sha256(token)
        if self._local[0] != self._key.public:  # it was rotated
            self._local = self._key.public, token_sha256(local_token(self._key))
        if hmac.compare_digest(digest, self._local[1]):
            return Caller(self._accounts[os.geteuid()], PersonRole.ADMINISTRATOR, way=ActingWay.KEY)
        named = [one.name for one in self._people.metrics_tokens.values() if one.token_sha256 == digest]
        return Caller(named[0], None) if named else self._in_session(digest)

    def _in_session(self, digest: str) -> Caller | None:
        session, at = self._people.with_token(digest), self._clock()
        person = None if session is None else self._people.persons.get(session.person)
        if session is None or person is None or not session.holds(at, self._uses.last(session)):
            return None
        self._uses.note(session.session, at)
        return Caller(person.name, person.role, person.posts, session=session.session)

    def _cookie_of(self, headers: Mapping[bytes, bytes]) -> str | None:
        """The token in the node's cookie; nothing that is valid where it comes twice, and None where it does not."""
        cookies = [part.strip().partition("=") for part in headers.get(b"cookie", b"").decode("latin-1").split(";")]
        tokens = [value for name, _, value in cookies if name == self.cookie_name]
        return tokens[0] if len(tokens) == 1 else "" if tokens else None


def is_from_here(method: bytes, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request of a browser comes from the node's own pages: another page must not use the cookie.

    Browsers say so with every request that may change something, so one that says nothing is not taken for one. What
    only reads may also have been typed, or come from a browser that says nothing.
    """
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if origin is not None:
        host = headers.get(b"host", b"").decode("latin-1").lower()
        is_ours = bool(host) and _host_of(origin) == host
        return is_ours and site in (None, b"same-origin")
    if method in SAFE_METHODS:
        return site in (None, b"same-origin", b"none")
    return site == b"same-origin"


def _host_of(origin: bytes) -> str:
    try:
        return urlsplit(origin.decode("latin-1").lower()).netloc
    except ValueError:
        return ""


def new_token() -> str:
    """Return a new token."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def token_sha256(token: str | bytes) -> str:
    """Return the SHA-256 of a token, in hexadecimal."""
    data = token if isinstance(token, bytes) else token.encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()


def local_token(key: NodeKey) -> str:
    """Return the token of those who can read the node's key: a hash of what only that key can sign."""
    signature = key.sign(_LOCAL_CONTEXT)
    return base64.urlsafe_b64encode(hashlib.sha256(_LOCAL_CONTEXT + signature).digest()).rstrip(b"=").decode()


def _account(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
