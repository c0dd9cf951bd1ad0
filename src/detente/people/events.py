"""Events on persons, sessions and tokens, as the journal keeps them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from detente.people.records import ActingPerson, KnownPerson, MetricsToken, Passkey, PersonSession, SignInLink


class EndReason(StrEnum):
    """Why a session ended, or a link is void."""

    SIGNED_OUT = "signed_out"
    REVOKED = "revoked"
    EXPIRED = "expired"
    REPLACED = "replaced"
    SET_BACK = "set_back"


class _PeopleEvent(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="event", forbid_unknown_fields=True
):  # fmt: skip
    at: datetime


class PersonAdded(_PeopleEvent, frozen=True, tag="person_added"):
    """A person can be signed in from now on."""

    person: KnownPerson


class PersonChanged(_PeopleEvent, frozen=True, tag="person_changed"):
    """A person has another role or other posts from now on."""

    person: KnownPerson


class PersonRemoved(_PeopleEvent, frozen=True, tag="person_removed"):
    """A person is let in no more; his sessions are over, his links and passkeys void."""

    name: str


class LinkIssued(_PeopleEvent, frozen=True, tag="sign_in_link_issued"):
    """Whoever holds the token with this hash may sign in, once."""

    token_sha256: str
    link: SignInLink


class LinkVoided(_PeopleEvent, frozen=True, tag="sign_in_link_voided"):
    """A link that nobody used is worth nothing any more."""

    token_sha256: str
    person: str
    reason: EndReason


class SessionOpened(_PeopleEvent, frozen=True, tag="session_opened"):
    """A person has signed in; the link that he used, by the hash of its token, is worth nothing any more."""

    session: PersonSession
    link_sha256: str = ""


class PasskeyAdded(_PeopleEvent, frozen=True, tag="passkey_added"):
    """A person can sign in with a passkey from now on."""

    passkey: Passkey


class PasskeyUsed(_PeopleEvent, frozen=True, tag="passkey_used"):
    """A passkey signed its person in; its device counts so many signatures."""

    credential_id: str
    signatures: int


class PasskeyRemoved(_PeopleEvent, frozen=True, tag="passkey_removed"):
    """A passkey signs nobody in any more."""

    credential_id: str
    person: str


class SessionUsed(_PeopleEvent, frozen=True, tag="session_used"):
    """A session was used, last at `used_at`. It is kept now and then, not for every use."""

    session: str
    used_at: datetime


class SessionEnded(_PeopleEvent, frozen=True, tag="session_ended"):
    """A session is over."""

    session: str
    person: str
    reason: EndReason


class AllSessionsEnded(_PeopleEvent, frozen=True, tag="all_sessions_ended"):
    """Every session, link, passkey and token for metrics is over."""

    reason: EndReason


class MetricsTokenCreated(_PeopleEvent, frozen=True, tag="metrics_token_created"):
    """A token can read the metrics from now on."""

    token: MetricsToken


class MetricsTokenRevoked(_PeopleEvent, frozen=True, tag="metrics_token_revoked"):
    """A token can read nothing any more."""

    name: str


class PersonActed(_PeopleEvent, frozen=True, tag="person_acted"):
    """A person gave the command `given`; the `entries` entries before this one in the journal are what it led to."""

    by: ActingPerson
    given: str
    entries: int


PasskeyEvent = PasskeyAdded | PasskeyUsed | PasskeyRemoved
PeopleEvent = (
    PersonAdded | PersonChanged | PersonRemoved | LinkIssued | LinkVoided | PasskeyEvent | SessionOpened | SessionUsed
    | SessionEnded | AllSessionsEnded | MetricsTokenCreated | MetricsTokenRevoked | PersonActed
)  # fmt: skip
