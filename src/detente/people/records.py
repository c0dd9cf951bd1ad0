"""Persons, how they sign in, sessions and tokens for metrics, as the journal has them. Of every secret there is a hash.

A secret is 256 random bits, so that its plain SHA-256 cannot be searched. Times are UTC.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

CLOCK_TOLERANCE = timedelta(minutes=1)
"""What was made later than this from now, was made before the clock was set back."""


class PersonRole(StrEnum):
    """What a person may do. Each may do what those before it may."""

    OBSERVER = "observer"
    DUTY_OFFICER = "duty_officer"
    AUTHORITY = "authority"
    ADMINISTRATOR = "administrator"

    def includes(self, other: PersonRole) -> bool:
        """Whether this role may do all that `other` may."""
        roles = list(PersonRole)
        return roles.index(self) >= roles.index(other)


class CredentialKind(StrEnum):
    """With what a person signed in."""

    LINK = "link"
    PASSKEY = "passkey"


class ActingWay(StrEnum):
    """How somebody reaches the node: through its socket file, with what follows from its key, or by a session."""

    SOCKET = "socket"
    KEY = "key"
    SESSION = "session"


class ActingPerson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who acts, at which post, in which role; `session` is empty for the owner of the node's directory."""

    person: str
    post: str
    role: PersonRole
    way: ActingWay
    session: str = ""


class KnownPerson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person of the party; the first of `posts` is the one at which he acts unless he says another."""

    name: str
    role: PersonRole
    posts: tuple[str, ...]
    added_at: datetime


class SignInLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A link that signs a person in, once, from `issued_at` until `expires_at`."""

    person: str
    issued_at: datetime
    expires_at: datetime

    def holds(self, at: datetime) -> bool:
        """Whether it may be used now. A clock that was set back makes no link last longer."""
        return self.issued_at - CLOCK_TOLERANCE <= at < self.expires_at


class Passkey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key of a person, held by a device that asks who holds it: here is its public half, which is no secret.

    `passkey` names it and `name` is what its person calls it; `credential_id` is the device's name for it. It signs for
    the host name `rp_id` alone. `public_key` is a COSE key. `signatures` is the device's count, 0 where it keeps none.
    """

    passkey: str
    person: str
    name: str
    rp_id: str
    credential_id: str
    public_key: bytes
    signatures: int
    added_at: datetime
    used_at: datetime | None = None

    def goes_on(self, signatures: int) -> bool:
        """Whether a device that has signed so often may be this one: a count that does not grow is of a copy."""
        return signatures > self.signatures or signatures == self.signatures == 0


class PersonSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person is signed in, until `expires_at` at the latest, or until it was not used for `idle_s` seconds.

    `address` is where the person signed in from.
    """

    session: str
    person: str
    token_sha256: str
    credential: CredentialKind
    opened_at: datetime
    expires_at: datetime
    idle_s: float
    used_at: datetime
    address: str = ""

    def ends_at(self, used_at: datetime) -> datetime:
        """When it ends, if it was used last at `used_at`, or later as the journal has it."""
        return min(self.expires_at, max(self.used_at, used_at) + timedelta(seconds=self.idle_s))

    def holds(self, at: datetime, used_at: datetime) -> bool:
        """Whether it is open now, if it was used last at `used_at`. A clock set back makes none last longer."""
        return self.opened_at - CLOCK_TOLERANCE <= at < self.ends_at(used_at)


class MetricsToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token with which a program may read the metrics, and nothing else."""

    name: str
    token_sha256: str
    created_at: datetime


class PeopleKept(msgspec.Struct, frozen=True):
    """`People` as it is kept. What is over, and what persons did, is not in it."""

    persons: dict[str, KnownPerson]
    links: dict[str, SignInLink]
    sessions: dict[str, PersonSession]
    session_of_token: dict[str, str]
    metrics_tokens: dict[str, MetricsToken]
    passkeys: dict[str, Passkey] = msgspec.field(default_factory=dict)


class People:
    """Who may sign in, and who is. Changed by the room's `evolve` alone.

    Attributes:
        persons: by name.
        links: those that can still be used, by the SHA-256 of their token.
        sessions: those that are open, by their id.
        session_of_token: the id of an open session, by the SHA-256 of its token.
        metrics_tokens: by name.
        passkeys: by the id of their credential.
    """

    def __init__(self) -> None:
        self.persons: dict[str, KnownPerson] = {}
        self.links: dict[str, SignInLink] = {}
        self.sessions: dict[str, PersonSession] = {}
        self.session_of_token: dict[str, str] = {}
        self.metrics_tokens: dict[str, MetricsToken] = {}
        self.passkeys: dict[str, Passkey] = {}

    @property
    def lets_somebody_in(self) -> bool:
        """Whether anything opens the node from outside: a link, a session, a token, a passkey."""
        return bool(self.links or self.sessions or self.metrics_tokens or self.passkeys)

    def with_token(self, token_sha256: str) -> PersonSession | None:
        """Return the session with this token, open or not yet known to have expired; None for none."""
        session = self.session_of_token.get(token_sha256)
        return None if session is None else self.sessions[session]

    def sessions_of(self, person: str) -> list[PersonSession]:
        """Return the open sessions of a person, the one that was not used for the longest first."""
        found = [one for one in self.sessions.values() if one.person == person]
        return sorted(found, key=lambda one: (one.used_at, one.session))

    def passkeys_of(self, person: str) -> list[Passkey]:
        """Return the passkeys of a person, the oldest first."""
        return [one for one in self.passkeys.values() if one.person == person]

    def passkey(self, passkey: str) -> Passkey | None:
        """Return the passkey of this name."""
        return next((one for one in self.passkeys.values() if one.passkey == passkey), None)
