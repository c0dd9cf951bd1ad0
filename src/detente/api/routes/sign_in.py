"""Signing in and out over HTTP, and who is signed in.

A link `https://HOST/sign-in#TOKEN` opens the page here, which hands the token over: what stands behind `#` is sent to
no server and is in no log. What follows the token after `&` is handed on to the console. A session of a browser is a
cookie that its pages cannot read; a script is given its token.
"""

from __future__ import annotations

import base64
import hashlib
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from html import escape
from typing import Annotated

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.datastructures import Cookie, State
from litestar.params import Parameter

from detente.airspace.refusal import Refusal
from detente.api.access import NotLetIn, is_from_here, new_token, token_sha256
from detente.api.asgi import exchange_of
from detente.api.permissions import NEEDED_ROLE, may
from detente.api.routes.people import SECRET_HEADERS, new_session_id
from detente.api.service import Service, refused, tags
from detente.api.views import Done
from detente.language.wording import Language, language_named, text
from detente.people.commands import EndSession, OpenSession, OpenSessionByPasskey
from detente.people.events import EndReason, SessionOpened
from detente.people.records import ActingWay, PersonRole
from detente.serving.exchange import Exchange

_SCRIPT = """
const say = document.querySelector("p"), button = document.querySelector("button");
const [token, ...shown] = location.hash.slice(1).split("&");
history.replaceState(null, "", location.pathname);
if (!token) { button.hidden = true; say.textContent = say.dataset.none; }
button.addEventListener("click", async () => {
  button.disabled = true;
  try {
    const answer = await fetch("/sign-in", { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token }) });
    const said = await answer.json();
    button.hidden = true;
    say.textContent = answer.ok ? say.dataset.done + " " + said.person + " (" + said.role + ")" : say.dataset.refused;
    if (answer.ok) location.replace("/console/" + (shown.length ? "#" + shown.join("&") : ""));
  } catch {
    button.disabled = false;
  }
});
"""
_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem}button{font:inherit}"
)


class SignInRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token of a sign-in link; `bearer` to be given the session's token, as a script needs it, and no cookie."""

    token: str
    bearer: bool = False


class SignedIn(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who is signed in now, and until when at the latest; the `token` only for those who asked for it."""

    person: str
    role: PersonRole
    posts: tuple[str, ...]
    session: str
    expires_at: datetime
    idle_s: float
    token: str = ""


class Me(msgspec.Struct, frozen=True):
    """Who asks, how he reached the node, and the routes that his role `may` ask.

    The owner of the node's directory has no session, and may act at any post; a person at his own alone.
    """

    person: str
    role: PersonRole
    posts: tuple[str, ...]
    way: ActingWay
    session: str
    expires_at: datetime | None
    may: tuple[str, ...]


@get("/sign-in", summary="The page of a sign-in link", media_type="text/html")
async def show_sign_in(
    accept_language: Annotated[str, Parameter(header="Accept-Language", include_in_schema=False)] = "",
) -> Response[str]:
    """Show the page that hands the token of a sign-in link over. It needs no session and tells nothing."""
    language = language_named(accept_language) or Language.ENGLISH
    policy = f"default-src 'none'; connect-src 'self'; script-src '{_hash(_SCRIPT)}'; style-src '{_hash(_STYLE)}'"
    headers = {
        **SECRET_HEADERS,
        "Content-Security-Policy": f"{policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Content-Language": language,
        "Vary": "Accept-Language",
    }
    return Response(_page(language), media_type="text/html; charset=utf-8", headers=headers)


@post("/sign-in", status_code=200, summary="Sign in")
async def sign_in(data: SignInRequest, request: Request[None, None, State], service: Service) -> Response[SignedIn]:
    """Exchange the token of a sign-in link, once, for a session."""
    exchange, people, at = exchange_of(request.scope), service.people, service.now()
    await check_own_page(service, exchange)
    settings, token, digest = service.configuration.sign_in, new_token(), token_sha256(data.token)
    command = OpenSession(
        at, digest, new_session_id(), token_sha256(token), at + timedelta(seconds=settings.session_life_s),
        settings.idle_s, exchange.way.address,
    )  # fmt: skip
    # Whoever guesses takes no turn of the loop.
    if digest in people.links:
        with suppress(Refusal):
            return await signed_in(service, command, token, bearer=data.bearer)
    if await service.failures.slow(exchange.way.address, NotLetIn.SIGN_IN_LINK):
        raise refused(429, "api.fewer_failures", "token", "(not shown)")
    raise refused(401, "people.sign_in_link", "token", "(not shown)")


async def check_own_page(service: Service, exchange: Exchange) -> None:
    """Raise Refusal (401 or 429) where a page elsewhere signs its reader in."""
    if _is_of_another_page(exchange.method.encode(), exchange.headers):
        if await service.failures.slow(exchange.way.address, NotLetIn.PAGE_ELSEWHERE):
            raise refused(429, "api.fewer_failures", "Origin", "(not shown)")
        raise refused(401, "api.page_of_this_node", "Origin", "(not shown)")


async def signed_in(
    service: Service, command: OpenSession | OpenSessionByPasskey, token: str, *, bearer: bool
) -> Response[SignedIn]:
    """Open a session with this token and answer with it; raises Refusal where what was shown opens none."""
    events = (await service.loop.decide(command)).events
    session = next(event.session for event in events if isinstance(event, SessionOpened))
    person = service.people.persons[session.person]
    answer = SignedIn(
        person.name, person.role, person.posts, session.session, session.expires_at, session.idle_s,
        token if bearer else "",
    )  # fmt: skip
    cookies = [] if bearer else [_cookie(service, token, int(service.configuration.sign_in.session_life_s))]
    return Response(answer, headers=SECRET_HEADERS, cookies=cookies)


@post("/sign-out", status_code=200, summary="Sign out")
async def sign_out(service: Service) -> Response[Done]:
    """End the session of who asks."""
    session = service.caller.session
    if not session:
        raise Refusal("api.session_to_end", "session", "")
    outcome = await service.do(EndSession(service.now(), session, EndReason.SIGNED_OUT))
    return Response(Done(tags(outcome), outcome.journal_number), cookies=[_cookie(service, "", 0)])


@get("/me", summary="Who is signed in")
async def show_me(service: Service) -> Me:
    """Say who asks, and what he may do."""
    caller = service.caller
    assert caller.role is not None
    session = service.people.sessions.get(caller.session)
    expires_at = None if session is None else session.expires_at
    routes = tuple(route for route in NEEDED_ROLE if may(caller, route))
    return Me(caller.name, caller.role, caller.posts, caller.way, caller.session, expires_at, routes)


def _cookie(service: Service, value: str, life_s: int) -> Cookie:
    name, secure = service.access.cookie_name, service.configuration.http.browsers_speak_tls
    return Cookie(name, value=value, httponly=True, samesite="strict", secure=secure, path="/", max_age=life_s)


def _is_of_another_page(method: bytes, headers: dict[bytes, bytes]) -> bool:
    """Whether a page elsewhere signs its reader in, as somebody else than he is. Scripts say nothing of a page."""
    return bool(headers.keys() & {b"origin", b"sec-fetch-site"}) and not is_from_here(method, headers)


@cache
def _page(language: Language) -> str:
    words = {key: escape(text(language, f"sign_in.{key}")) for key in ("title", "ask", "button", "none", "done", "no")}
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{words["title"]}</title>'
        f"<style>{_STYLE}</style><h1>{words['title']}</h1>"
        f'<p data-none="{words["none"]}" data-done="{words["done"]}" data-refused="{words["no"]}">{words["ask"]}</p>'
        f"<button>{words['button']}</button><script>{_SCRIPT}</script></html>"
    )


def _hash(source: str) -> str:
    """The hash by which the policy of a page allows what stands in it (CSP level 3, section 6.7)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


router = Router(path="/", route_handlers=[sign_out, show_me], tags=["people"])
public_router = Router(path="/", route_handlers=[show_sign_in, sign_in], tags=["people"])
