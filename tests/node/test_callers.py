"""Who asks, by the head of a request alone: every kind of credential, from everywhere, at every time."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from detente.api.access import Access, Caller, NotLetIn, is_from_here, local_token, token_sha256
from detente.node.session_uses import SessionUses
from detente.people.commands import AddPerson, IssueLink, OpenSession, PeopleCommand
from detente.people.records import ActingWay, People, PersonRole
from detente.people.room import PeopleRoom
from detente.record.keys import NodeKey
from detente.record.token_file import TokenFile

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
KEY = NodeKey.generate()
OWN = os.geteuid()


class Known:
    """A node at which anna has a session, with the token "token"."""

    def __init__(self, folder: Path, *, tls: bool = False) -> None:
        self.room, self.uses, self.now = PeopleRoom(People()), SessionUses(), NOON
        file = TokenFile(folder / "metrics-token")
        self.access = Access(self.room.state, self.uses, KEY, file, lambda: self.now, tls=tls)
        self.do(AddPerson(NOON, "anna", PersonRole.DUTY_OFFICER, ("watch",)))
        self.do(IssueLink(NOON, "anna", "link", NOON + timedelta(minutes=10)))
        self.do(OpenSession(NOON, "link", "s1", token_sha256("token"), NOON + timedelta(hours=12), 3600.0))

    def do(self, command: PeopleCommand) -> None:
        for event in self.room.decide(command):
            self.room.evolve(event)

    def asks(self, method: str = "GET", user: int | None = None, **headers: str) -> Caller | NotLetIn:
        sent = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
        return self.access.caller(method.encode(), {b"host": b"node.example:9440", **sent}, user)


@pytest.fixture
def known(tmp_path: Path) -> Known:
    return Known(tmp_path)


ANNA = Caller("anna", PersonRole.DUTY_OFFICER, ("watch",), session="s1")


def test_a_session_is_known_by_its_token(known: Known) -> None:
    assert known.asks(authorization="Bearer token") == ANNA
    assert known.asks(authorization="bearer  token ") == ANNA
    for wrong in ("Bearer", "Bearer ", "Bearer Token", "Basic token", "token", "Bearer token token", "Bearer \xff"):
        assert known.asks(authorization=wrong) is NotLetIn.TOKEN, wrong
    assert known.asks() is NotLetIn.NOTHING


def test_a_token_counts_before_a_cookie_and_before_the_socket_file(known: Known) -> None:
    cookie = f"{known.access.cookie_name}=token"
    assert known.asks(cookie=cookie) == ANNA
    assert known.asks(cookie=cookie, authorization="Bearer wrong") is NotLetIn.TOKEN
    assert known.asks(user=OWN, authorization="Bearer wrong") is NotLetIn.TOKEN
    assert known.asks(user=OWN, authorization="Bearer token") == ANNA


def test_the_owner_is_known_by_the_socket_file_or_by_the_key(known: Known) -> None:
    by_socket, by_key = known.asks(user=OWN), known.asks(authorization=f"Bearer {local_token(KEY)}")
    assert isinstance(by_socket, Caller)
    assert isinstance(by_key, Caller)
    assert (by_socket.role, by_socket.way, by_socket.session) == (PersonRole.ADMINISTRATOR, ActingWay.SOCKET, "")
    assert (by_key.name, by_key.way) == (by_socket.name, ActingWay.KEY)
    assert known.asks(user=4_294_967_294) is NotLetIn.TOKEN
    assert known.asks(authorization=f"Bearer {local_token(NodeKey.generate())}") is NotLetIn.TOKEN


def test_a_session_ends_with_its_time_and_a_clock_set_back_opens_none(known: Known) -> None:
    known.now = NOON + timedelta(minutes=59)
    assert known.asks(authorization="Bearer token") == ANNA, "and is used with that"
    known.now = NOON + timedelta(minutes=118)
    assert known.access.still(ANNA)
    known.now = NOON + timedelta(hours=3)
    assert known.asks(authorization="Bearer token") is NotLetIn.TOKEN
    assert not known.access.still(ANNA)
    known.now = NOON - timedelta(hours=1)
    assert known.asks(authorization="Bearer token") is NotLetIn.TOKEN


@pytest.mark.parametrize("tls", [False, True])
def test_only_the_nodes_own_cookie_counts(tmp_path: Path, tls: bool) -> None:
    known = Known(tmp_path, tls=tls)
    name = known.access.cookie_name
    assert name.startswith("__Host-") == tls
    assert known.asks(cookie=f"a=b; {name}=token; c=d") == ANNA
    assert known.asks(cookie=f"{name}=token; {name}=other") is NotLetIn.TOKEN
    assert known.asks(cookie="detente-00000000=token; token=token") is NotLetIn.NOTHING
    if tls:
        plain = name.removeprefix("__Host-")
        assert known.asks(cookie=f"{plain}=other; {name}=token") == ANNA, "a page in clear cannot shut anybody out"


HOST = {b"host": b"node.example:9440"}


@pytest.mark.parametrize(
    ("method", "headers", "ours"),
    [
        (b"GET", {}, True),
        (b"POST", {}, False),
        (b"PUT", {b"sec-fetch-site": b"none"}, False),
        (b"GET", {b"sec-fetch-site": b"none"}, True),
        (b"GET", {b"sec-fetch-site": b"same-site"}, False),
        (b"POST", {b"sec-fetch-site": b"same-origin"}, True),
        (b"POST", {b"origin": b"https://node.example:9440"}, True),
        (b"POST", {b"origin": b"HTTPS://Node.Example:9440"}, True),
        (b"POST", {b"origin": b"https://node.example"}, False),
        (b"POST", {b"origin": b"https://node.example:9440.evil.example"}, False),
        (b"GET", {b"origin": b"https://evil.example"}, False),
        (b"POST", {b"origin": b"null"}, False),
        (b"POST", {b"origin": b""}, False),
        (b"POST", {b"origin": b"https://[evil"}, False),
        (b"POST", {b"origin": b"https://node.example:9440", b"sec-fetch-site": b"cross-site"}, False),
    ],
)
def test_a_browser_comes_from_the_nodes_own_pages(method: bytes, headers: dict[bytes, bytes], ours: bool) -> None:
    assert is_from_here(method, {**HOST, **headers}) == ours


def test_without_a_host_no_origin_is_ours() -> None:
    assert not is_from_here(b"POST", {b"origin": b"null"})
    assert not is_from_here(b"POST", {b"origin": b""})
