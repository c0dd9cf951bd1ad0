"""Commands on persons, sessions and tokens. Times (UTC), ids and the hashes of secrets come with them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.people.events import EndReason
from detente.people.records import ActingPerson, PersonRole


class _Command(msgspec.Struct, frozen=True, tag_field="command", forbid_unknown_fields=True):
    at: datetime


class AddPerson(_Command, frozen=True, tag="add_person"):
    """Let a person be signed in from now on, in this role, at these posts."""

    name: str
    role: PersonRole
    posts: tuple[str, ...]


class ChangePerson(_Command, frozen=True, tag="change_person"):
    """Give a person another role or other posts, or both; what he is signed in with counts from now on."""

    name: str
    role: PersonRole | None = None
    posts: tuple[str, ...] | None = None


class RemovePerson(_Command, frozen=True, tag="remove_person"):
    """Let a person in no more: his sessions end, his links are void."""

    name: str


class IssueLink(_Command, frozen=True, tag="issue_sign_in_link"):
    """Let whoever holds the link's token sign in as a person, once, until `expires_at`."""

    person: str
    token_sha256: str
    expires_at: datetime


class OpenSession(_Command, frozen=True, tag="open_session"):
    """Sign the person of a link in. `session` names the session, `token_sha256` is of its own token."""

    link_sha256: str
    session: str
    token_sha256: str
    expires_at: datetime
    idle_s: float
    address: str = ""


class AddPasskey(_Command, frozen=True, tag="add_passkey"):
    """Let whoever holds a passkey sign in as a person from now on; `passkey` names it, for people it is `name`."""

    person: str
    passkey: str
    name: str
    rp_id: str
    credential_id: str
    public_key: bytes
    signatures: int


class RemovePasskey(_Command, frozen=True, tag="remove_passkey"):
    """Let a passkey sign nobody in any more."""

    passkey: str


class OpenSessionByPasskey(_Command, frozen=True, tag="open_session_by_passkey"):
    """Sign the person of a passkey in. The passkey's signature was checked; its device counts `signatures`."""

    credential_id: str
    signatures: int
    session: str
    token_sha256: str
    expires_at: datetime
    idle_s: float
    address: str = ""


class EndSession(_Command, frozen=True, tag="end_session"):
    """End one session; it is no mistake when it has ended."""

    session: str
    reason: EndReason


class EndAllSessions(_Command, frozen=True, tag="end_all_sessions"):
    """End every session, and make every link, passkey and token for metrics void: the journal is an earlier one."""

    reason: EndReason


class LookAtSessions(_Command, frozen=True, tag="look_at_sessions"):
    """Keep when sessions were used last, and end what has expired. Given again and again as time passes."""

    used_at: dict[str, datetime]


class CreateMetricsToken(_Command, frozen=True, tag="create_metrics_token"):
    """Let whoever holds a token read the metrics, until it is revoked."""

    name: str
    token_sha256: str


class RevokeMetricsToken(_Command, frozen=True, tag="revoke_metrics_token"):
    """Let a token read nothing more."""

    name: str


class KeepAct(_Command, frozen=True, tag="keep_act"):
    """Keep who gave a command that led to the last `entries` entries of the journal."""

    by: ActingPerson
    given: str
    entries: int


PeopleCommand = (
    AddPerson | ChangePerson | RemovePerson | IssueLink | OpenSession | AddPasskey | RemovePasskey
    | OpenSessionByPasskey | EndSession | EndAllSessions | LookAtSessions | CreateMetricsToken | RevokeMetricsToken
    | KeepAct
)  # fmt: skip
