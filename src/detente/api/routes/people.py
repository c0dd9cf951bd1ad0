"""People over HTTP: persons, sign-in links for them, their sessions, and tokens for metrics."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import msgspec
from litestar import Response, Router, get, post

from detente.airspace.refusal import Refusal
from detente.api.access import new_token, token_sha256
from detente.api.service import Service, not_found, tags
from detente.api.views import Done
from detente.people.commands import (
    AddPerson,
    ChangePerson,
    CreateMetricsToken,
    EndSession,
    IssueLink,
    RemovePerson,
    RevokeMetricsToken,
)
from detente.people.events import EndReason
from detente.people.records import CredentialKind, PersonRole, PersonSession

SECRET_HEADERS = {"Cache-Control": "no-store"}
"""Of an answer that holds a secret: nothing on its way keeps it."""


class PersonRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person to add: name, role, and the posts, the first of which is his unless he says another."""

    name: str
    role: PersonRole
    posts: tuple[str, ...] = ()


class PersonChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another role or other posts of a person; what is not said stays."""

    role: PersonRole | None = None
    posts: tuple[str, ...] | None = None


class PersonView(msgspec.Struct, frozen=True):
    """A person, and how many sessions and unused links of his there are."""

    name: str
    role: PersonRole
    posts: tuple[str, ...]
    added_at: datetime
    sessions: int
    links: int


class LinkMade(msgspec.Struct, frozen=True):
    """A sign-in link, shown this once: it signs the person in once, until `expires_at`."""

    person: str
    link: str
    expires_at: datetime


class SessionView(msgspec.Struct, frozen=True):
    """A session: whose, since when, when it was used last, and until when at the latest; `own` for that of who asks."""

    session: str
    person: str
    role: PersonRole
    posts: tuple[str, ...]
    credential: CredentialKind
    address: str
    opened_at: datetime
    used_at: datetime
    ends_at: datetime
    expires_at: datetime
    own: bool


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The name of a token for metrics: of the program that will hold it."""

    name: str


class TokenMade(msgspec.Struct, frozen=True):
    """A token for metrics, shown this once."""

    name: str
    token: str


class TokenView(msgspec.Struct, frozen=True):
    """A token for metrics, without the token."""

    name: str
    created_at: datetime


@get("/people", summary="List persons")
async def list_people(service: Service) -> list[PersonView]:
    """List who can be signed in."""
    people = service.people

    def views() -> list[PersonView]:
        return [
            PersonView(
                one.name, one.role, one.posts, one.added_at, len(people.sessions_of(one.name)),
                sum(link.person == one.name and link.holds(service.now()) for link in people.links.values()),
            )
            for _, one in sorted(people.persons.items())
        ]  # fmt: skip

    return await service.loop.read(views)


@post("/people", status_code=200, summary="Add a person")
async def add_person(data: PersonRequest, service: Service) -> Done:
    """Let a person be signed in from now on."""
    outcome = await service.do(AddPerson(service.now(), data.name, data.role, data.posts))
    return Done(tags(outcome), outcome.journal_number)


@post("/people/{name:str}/change", status_code=200, summary="Change a person")
async def change_person(data: PersonChange, service: Service, name: str) -> Done:
    """Give a person another role or other posts: open sessions have them at once."""
    outcome = await service.do(ChangePerson(service.now(), name, data.role, data.posts))
    return Done(tags(outcome), outcome.journal_number)


@post("/people/{name:str}/remove", status_code=200, summary="Remove a person")
async def remove_person(service: Service, name: str) -> Done:
    """Let a person in no more: sessions end, links are void."""
    outcome = await service.do(RemovePerson(service.now(), name))
    return Done(tags(outcome), outcome.journal_number)


@post("/people/{name:str}/link", status_code=200, summary="Make a sign-in link")
async def make_link(service: Service, name: str) -> Response[LinkMade]:
    """Make a link that signs a person in once, within minutes. Its token stands behind `#`, so that no log has it."""
    if not service.url:
        raise Refusal("api.place_to_sign_in", "detente.toml: http.host", "")
    token, at = new_token(), service.now()
    expires_at = at + timedelta(seconds=service.configuration.sign_in.link_life_s)
    await service.do(IssueLink(at, name, token_sha256(token), expires_at))
    return Response(LinkMade(name, f"{service.url}/sign-in#{token}", expires_at), headers=SECRET_HEADERS)


@get("/sessions", summary="List sessions")
async def list_sessions(service: Service) -> list[SessionView]:
    """List the open sessions: everybody's for an administrator, else those of the person who asks."""
    return await service.loop.read(lambda: [session_view(service, one) for one in _visible(service)])


@post("/sessions/{session:str}/revoke", status_code=200, summary="Revoke a session")
async def revoke_session(service: Service, session: str) -> Done:
    """End a session: an administrator any, everybody his own."""
    if all(one.session != session for one in _visible(service)):
        raise not_found("api.session_listed", "session", session)
    outcome = await service.do(EndSession(service.now(), session, EndReason.REVOKED))
    return Done(tags(outcome), outcome.journal_number)


@get("/metrics-tokens", summary="List tokens for metrics")
async def list_tokens(service: Service) -> list[TokenView]:
    """List the tokens with which programs read the metrics."""
    held = service.people.metrics_tokens
    return await service.loop.read(lambda: [TokenView(one.name, one.created_at) for _, one in sorted(held.items())])


@post("/metrics-tokens", status_code=200, summary="Make a token for metrics")
async def make_metrics_token(data: TokenRequest, service: Service) -> Response[TokenMade]:
    """Make a token with which a program may read the metrics and nothing else, until it is revoked."""
    token = new_token()
    await service.do(CreateMetricsToken(service.now(), data.name, token_sha256(token)))
    return Response(TokenMade(data.name, token), headers=SECRET_HEADERS)


@post("/metrics-tokens/{name:str}/revoke", status_code=200, summary="Revoke a token for metrics")
async def revoke_metrics_token(service: Service, name: str) -> Done:
    """Let a token read nothing more."""
    outcome = await service.do(RevokeMetricsToken(service.now(), name))
    return Done(tags(outcome), outcome.journal_number)


def session_view(service: Service, session: PersonSession) -> SessionView:
    """Return an open session as people see it; to be called within `loop.read`."""
    person = service.people.persons[session.person]
    used_at = service.access.last_use(session)
    return SessionView(
        session.session, person.name, person.role, person.posts, session.credential, session.address,
        session.opened_at, used_at, session.ends_at(used_at), session.expires_at,
        own=session.session == service.caller.session,
    )  # fmt: skip


def new_session_id() -> str:
    """Return a name for a session, which is no secret."""
    return secrets.token_hex(6)


def _visible(service: Service) -> list[PersonSession]:
    caller, people = service.caller, service.people
    if caller.role is PersonRole.ADMINISTRATOR:
        return sorted(people.sessions.values(), key=lambda one: (one.person, one.opened_at))
    return people.sessions_of(caller.name)


router = Router(
    path="/",
    route_handlers=[
        list_people, add_person, change_person, remove_person, make_link, list_sessions, revoke_session, list_tokens,
        make_metrics_token, revoke_metrics_token,
    ],
    tags=["people"],
)  # fmt: skip
