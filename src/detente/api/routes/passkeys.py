"""Passkeys over HTTP: a person adds one to his name, signs in with it, and sees and removes what he has.

Whoever is not signed in learns nothing: his device says which passkeys it has for this name, and nobody asks by person.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.datastructures import State

from detente.airspace.refusal import Refusal
from detente.api.access import NotLetIn, new_token, token_sha256
from detente.api.asgi import exchange_of
from detente.api.challenges import LIFE_S
from detente.api.passkeys import (
    ALGORITHMS,
    MOST_CREDENTIAL_BYTES,
    PasskeyPlace,
    check_asked_here,
    check_device,
    decoded,
    encoded,
    is_signed,
    place_of,
    read_authenticator_data,
    read_client_data,
)
from detente.api.routes.people import SECRET_HEADERS, new_session_id
from detente.api.routes.sign_in import SignedIn, check_own_page, signed_in
from detente.api.service import Service, not_found, refused, tags
from detente.api.views import Done
from detente.people.commands import AddPasskey, OpenSessionByPasskey, RemovePasskey
from detente.people.records import Passkey, PersonRole

CREATE, GET = "webauthn.create", "webauthn.get"
Encoded = Annotated[str, msgspec.Meta(max_length=4096)]


class ChallengeMade(msgspec.Struct, frozen=True):
    """What a passkey is to sign, within `life_s`, for the host name `rp_id`."""

    challenge: str
    rp_id: str
    life_s: int


class NewPasskeyAsked(msgspec.Struct, frozen=True):
    """What a browser needs to make a passkey for the person who asks: `excluded` are those he has for this name."""

    challenge: str
    rp_id: str
    life_s: int
    party: str
    user_id: str
    user_name: str
    algorithms: tuple[int, ...]
    excluded: tuple[str, ...]


class NewPasskey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A passkey as the browser made it, in base64url, and what its person calls it."""

    name: str
    client_data: Encoded
    authenticator_data: Encoded


class PasskeyShown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a passkey signed, in base64url; `bearer` to be given the session's token and no cookie."""

    credential_id: Encoded
    user_id: Encoded
    client_data: Encoded
    authenticator_data: Encoded
    signature: Encoded
    bearer: bool = False


class PasskeyView(msgspec.Struct, frozen=True):
    """A passkey: whose, for which host name, since when, and when it last signed its person in."""

    passkey: str
    person: str
    name: str
    rp_id: str
    added_at: datetime
    used_at: datetime | None


@post("/sign-in/challenge", status_code=200, summary="Ask for a passkey's challenge")
async def ask_challenge(request: Request[None, None, State], service: Service) -> Response[ChallengeMade]:
    """Make what a passkey signs to sign its person in. It needs no session, and nothing of it is kept."""
    place = _place(request, service)
    challenge = service.challenges.make(_purpose(GET, place))
    return Response(ChallengeMade(encoded(challenge), place.rp_id, LIFE_S), headers=SECRET_HEADERS)


@post("/sign-in/passkey", status_code=200, summary="Sign in with a passkey")
async def sign_in_with_passkey(
    data: PasskeyShown, request: Request[None, None, State], service: Service
) -> Response[SignedIn]:
    """Open a session for the person of a passkey that signed a challenge of this node."""
    exchange = exchange_of(request.scope)
    await check_own_page(service, exchange)
    try:
        credential_id, signatures = _check_shown(data, _place(request, service), service)
        settings, at, token = service.configuration.sign_in, service.now(), new_token()
        command = OpenSessionByPasskey(
            at, credential_id, signatures, new_session_id(), token_sha256(token),
            at + timedelta(seconds=settings.session_life_s), settings.idle_s, exchange.way.address,
        )  # fmt: skip
        return await signed_in(service, command, token, bearer=data.bearer)
    except Refusal as refusal:
        if await service.failures.slow(exchange.way.address, NotLetIn.PASSKEY):
            raise refused(429, "api.fewer_failures", refusal.field, "(not shown)") from refusal
        if refusal.code not in ("people.form_of_passkey", "people.name_for_passkeys"):
            refusal.add_note("401")
        raise


@post("/passkeys/challenge", status_code=200, summary="Ask to add a passkey")
async def ask_new_passkey(request: Request[None, None, State], service: Service) -> Response[NewPasskeyAsked]:
    """Make what a browser needs to make a passkey for the person who asks."""
    place, person = _place(request, service), _person(service)
    challenge = service.challenges.make(_purpose(CREATE, place, service.caller.session))
    held = tuple(one.credential_id for one in service.people.passkeys_of(person) if one.rp_id == place.rp_id)
    asked = NewPasskeyAsked(
        encoded(challenge), place.rp_id, LIFE_S, service.party, _user_id(service, person), person, ALGORITHMS, held
    )
    return Response(asked, headers=SECRET_HEADERS)


@post("/passkeys", status_code=200, summary="Add a passkey")
async def add_passkey(data: NewPasskey, request: Request[None, None, State], service: Service) -> Done:
    """Let the person who asks sign in with a passkey from now on."""
    place, person = _place(request, service), _person(service)
    client = read_client_data(decoded("client_data", data.client_data))
    device = read_authenticator_data(decoded("authenticator_data", data.authenticator_data), with_key=True)
    check_asked_here(client, CREATE, place)
    _use_challenge(service, client.challenge, _purpose(CREATE, place, service.caller.session))
    check_device(device, place)
    command = AddPasskey(
        service.now(), person, new_session_id(), data.name, place.rp_id, encoded(device.credential_id),
        device.public_key, device.signatures,
    )  # fmt: skip
    outcome = await service.do(command)
    return Done(tags(outcome), outcome.journal_number)


@get("/passkeys", summary="List passkeys")
async def list_passkeys(service: Service) -> list[PasskeyView]:
    """List the passkeys: everybody's for an administrator, else those of the person who asks."""

    def views() -> list[PasskeyView]:
        return [
            PasskeyView(one.passkey, one.person, one.name, one.rp_id, one.added_at, one.used_at)
            for one in _visible(service)
        ]

    return await service.loop.read(views)


@post("/passkeys/{passkey:str}/remove", status_code=200, summary="Remove a passkey")
async def remove_passkey(service: Service, passkey: str) -> Done:
    """Let a passkey sign nobody in any more: an administrator any, everybody his own. Open sessions stay."""
    if all(one.passkey != passkey for one in _visible(service)):
        raise not_found("api.passkey_listed", "passkey", passkey)
    outcome = await service.do(RemovePasskey(service.now(), passkey))
    return Done(tags(outcome), outcome.journal_number)


def _check_shown(shown: PasskeyShown, place: PasskeyPlace, service: Service) -> tuple[str, int]:
    """Return which passkey signed, and how often it says it did; raises Refusal."""
    decoded("credential_id", shown.credential_id, MOST_CREDENTIAL_BYTES)
    client_data = decoded("client_data", shown.client_data)
    device_data = decoded("authenticator_data", shown.authenticator_data)
    signature = decoded("signature", shown.signature)
    client, device = read_client_data(client_data), read_authenticator_data(device_data, with_key=False)
    check_asked_here(client, GET, place)
    check_device(device, place)
    passkey = service.people.passkeys.get(shown.credential_id)
    if (
        passkey is None
        or passkey.rp_id != place.rp_id
        or shown.user_id != _user_id(service, passkey.person)
        or not is_signed(passkey.public_key, signature, device_data, client_data)
    ):
        raise Refusal("people.passkey_known", "credential_id", "(not shown)")
    _use_challenge(service, client.challenge, _purpose(GET, place))
    return passkey.credential_id, device.signatures


def _use_challenge(service: Service, challenge: str, purpose: str) -> None:
    data = decoded("client_data", challenge)
    if not service.challenges.holds(data, purpose):
        raise Refusal("people.challenge_of_passkey", "challenge", "(not shown)")
    service.challenges.use(data)


def _place(request: Request[None, None, State], service: Service) -> PasskeyPlace:
    host = exchange_of(request.scope).headers.get(b"host", b"").decode("latin-1")
    return place_of(host, tls=service.configuration.http.browsers_speak_tls)


def _person(service: Service) -> str:
    """The person who asks; the owner of the node's directory has no name to add a passkey to."""
    if not service.caller.session:
        raise Refusal("api.person_for_passkey", "session", "")
    return service.caller.name


def _purpose(kind: str, place: PasskeyPlace, session: str = "") -> str:
    return f"{kind} {place.origin} {session}"


def _user_id(service: Service, person: str) -> str:
    """By what devices know a person, which says nothing to whoever finds one."""
    return encoded(hashlib.sha256(f"detente-person-1\n{service.party}\n{person}".encode()).digest())


def _visible(service: Service) -> list[Passkey]:
    caller, people = service.caller, service.people
    if caller.role is PersonRole.ADMINISTRATOR:
        return sorted(people.passkeys.values(), key=lambda one: (one.person, one.added_at))
    return people.passkeys_of(caller.name)


router = Router(path="/", route_handlers=[ask_new_passkey, add_passkey, list_passkeys, remove_passkey], tags=["people"])
public_router = Router(path="/", route_handlers=[ask_challenge, sign_in_with_passkey], tags=["people"])
