"""Strangers before a real civil service: they get nothing, and a client who asks honestly meanwhile is answered."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest
from dss_process import COORDINATION, DssProcess, extents, intent, intent_path, running

from hostile_framing import (
    Target,
    check_chunks,
    check_half_closed,
    check_lengths,
    check_sent_ahead,
    check_too_large_a_body,
    check_upgrades,
    check_word_before_a_body,
)
from hostile_requests import GOOD, UNREADABLE
from wire import HonestClient, Wire, chunk, chunked, many, push, request, resident_bytes

MEGABYTE = 1024 * 1024
MOST_CLOSED = 3


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DssProcess]:
    with running(tmp_path_factory.mktemp("hostile") / "dss") as process:
        yield process


def bearer(service: DssProcess, subject: str = "uss1") -> str:
    return f"Authorization: Bearer {service.token(COORDINATION, subject=subject)}"


def honest(service: DssProcess) -> HonestClient:
    """A client who creates, one after another, what everybody may have."""
    token = service.token(subject="honest")

    def ask() -> bool:
        path = intent_path()
        for left in reversed(range(MOST_CLOSED)):
            try:
                status, made = service.ask("PUT", path, intent(extents(-20.0)), token)
                break
            except ConnectionError:
                # Strangers who came at the same moment may push out who has shown no token yet: he comes again.
                if not left:
                    raise
        return status == 201 and service.ask("DELETE", f"{path}/{_ovn(made)}", None, token)[0] == 200

    return HonestClient(ask)


def _ovn(made: object) -> str:
    assert isinstance(made, dict)
    return str(made["operational_intent_reference"]["ovn"])


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_can_be_read_in_two_ways_is_refused(service: DssProcess, name: str) -> None:
    sent, status = UNREADABLE[name]
    with Wire(service.port) as wire:
        wire.send(sent)
        assert wire.answer()[0] == status
        assert wire.is_closed()


@pytest.mark.parametrize("name", GOOD)
def test_what_is_well_written_is_answered(service: DssProcess, name: str) -> None:
    with Wire(service.port) as wire:
        wire.send(GOOD[name])
        assert wire.answer() == (200, b"ok")


def test_head_is_answered_as_get_without_the_body(service: DssProcess) -> None:
    with Wire(service.port) as wire:
        wire.send(request("HEAD", "/healthy") + request("GET", "/healthy"))
        status, headers = wire.head()
        assert (status, headers["content-length"]) == (200, "2")
        assert wire.answer() == (200, b"ok")


def test_who_sends_no_more_still_has_his_answer(service: DssProcess) -> None:
    body = json.dumps(intent(extents(-30.0))).encode()
    with Wire(service.port) as wire:
        wire.send(request("PUT", intent_path(), body, bearer(service)) + request("GET", "/healthy"))
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.answer()[0] == 201
        assert wire.answer() == (200, b"ok")
        assert wire.is_closed()


@pytest.mark.parametrize("check", [check_chunks, check_lengths, check_half_closed, check_sent_ahead])
def test_bodies_in_pieces_and_requests_sent_ahead(
    service: DssProcess, check: Callable[[Target, HonestClient], None]
) -> None:
    check(Target(service.port, "PUT", intent_path(), (bearer(service),), b"{}", 200), honest(service))


@pytest.mark.parametrize("check", [check_upgrades, check_word_before_a_body, check_too_large_a_body])
def test_other_protocols_and_a_word_before_a_body(service: DssProcess, check: Callable[[Target], None]) -> None:
    check(Target(service.port, "PUT", intent_path(), (bearer(service),), b"{}", 200))


def test_a_trailer_is_no_header(service: DssProcess) -> None:
    body = json.dumps(intent(extents(-40.0))).encode()
    trailer = f"0\r\n{bearer(service, 'uss1')}\r\n\r\n".encode()
    with Wire(service.port) as wire:
        wire.send(chunked("PUT", intent_path()) + chunk(body) + trailer)
        assert wire.answer()[0] == 401
    path = intent_path()
    with Wire(service.port) as wire:
        wire.send(chunked("PUT", path, bearer(service, "uss2")) + chunk(body) + trailer)
        status, answer = wire.answer()
        assert (status, json.loads(answer)["operational_intent_reference"]["manager"]) == (201, "uss2")
        wire.send(request("GET", "/healthy"))
        assert wire.answer() == (200, b"ok")


@pytest.mark.parametrize("end", [b"1\r\n \r\n" * 100_000, b"1;" + b"x" * 200_000, b"0\r\nX: " + b"a" * 200_000])
def test_what_frames_a_body_is_counted(service: DssProcess, end: bytes) -> None:
    with Wire(service.port) as wire:
        wire.send(chunked("PUT", intent_path(), bearer(service)) + end)
        assert wire.answer()[0] == 400
        assert wire.is_closed()


def test_nobody_is_read_further_than_his_head_without_a_token(service: DssProcess) -> None:
    for sent in (request("PUT", intent_path(), b" " * 100_000), chunked("PUT", intent_path()) + chunk(b" " * 100_000)):
        with Wire(service.port) as wire:
            wire.send(sent)
            assert wire.answer()[0] == 401
            assert wire.is_closed()


def test_idle_strangers_are_in_nobodys_way(service: DssProcess) -> None:
    with honest(service) as client, many(service.port, 600), many(service.port, 300, b"GET /healthy HTTP/1.1\r\nX: "):
        assert client.is_answered()


def test_a_known_client_keeps_his_connection_while_strangers_come(service: DssProcess) -> None:
    with Wire(service.port) as wire, Wire(service.port) as stranger:
        wire.send(request("GET", intent_path(), b"", bearer(service)))
        assert wire.answer()[0] == 404
        stranger.send(request("GET", "/healthy"))
        assert stranger.answer()[0] == 200
        with many(service.port, 300):
            stranger.socket.settimeout(40.0)  # less than a connection may be idle
            assert stranger.is_closed()
            wire.send(request("GET", intent_path(), b"", bearer(service)))
            assert wire.answer()[0] == 404


def test_half_sent_bodies_cost_little_and_hold_nobody_up(service: DssProcess) -> None:
    before = resident_bytes(service.process.pid)
    first = chunked("PUT", intent_path()) + chunk(b" " * MEGABYTE)
    with honest(service) as client, many(service.port, 200, first) as sockets:
        for one in sockets:
            push(one, chunk(b" " * MEGABYTE))
        assert client.is_answered()
        assert resident_bytes(service.process.pid) - before < 48 * MEGABYTE


@pytest.mark.long
def test_half_sent_bodies_of_a_known_client_are_bounded_in_all(service: DssProcess) -> None:
    """One client brings what he may, forty times over: some are told to wait, and others are answered."""
    before = resident_bytes(service.process.pid)
    part = chunk(b" " * MEGABYTE)
    statuses: list[int] = []
    with honest(service) as client, ExitStack() as stack:
        wires = [stack.enter_context(Wire(service.port)) for _ in range(40)]
        for wire in wires:
            wire.send(chunked("PUT", intent_path(), bearer(service, "eager")))
            for _ in range(8):
                wire.send(part)
        for wire in wires:
            wire.socket.setblocking(False)
            try:
                seen = wire.socket.recv(12, socket.MSG_PEEK)
            except BlockingIOError:
                continue
            statuses.append(int(seen.split()[1]))
        assert client.is_answered()
        assert resident_bytes(service.process.pid) - before < 400 * MEGABYTE
    assert statuses
    assert set(statuses) == {503}


def test_answers_that_nobody_reads_hold_nobody_up(service: DssProcess) -> None:
    ask = request("GET", intent_path(), b"", bearer(service, "eager"))
    with honest(service) as client, many(service.port, 30, ask * 200) as sockets:
        for _ in range(20):
            for one in sockets:
                push(one, ask * 200)
        assert client.is_answered()


def wide_circles(count: int) -> bytes:
    """One legal body: circles of nearly the largest area, far apart."""
    volumes = []
    for number in range(count):
        volume = extents(-60.0 + 120.0 * number / count, 40.0)
        volume["volume"]["outline_circle"]["radius"]["value"] = 28_000.0
        volumes.append(volume)
    return json.dumps(intent(*volumes)).encode()


def intricate_outline(count: int) -> bytes:
    """One legal body: an outline of many vertices."""
    volume = extents(-50.0)
    ring = [{"lat": -50.0 + 0.00001 * (k % 2), "lng": 8.0 + 0.00005 * k} for k in range(count)]
    volume["volume"] = volume["volume"] | {"outline_polygon": {"vertices": [*ring, {"lat": -50.1, "lng": 8.1}]}}
    del volume["volume"]["outline_circle"]
    return json.dumps(intent(volume)).encode()


@pytest.mark.parametrize(
    ("count", "statuses"), [(30, {201}), (400, {413}), pytest.param(9_999, {413}, marks=pytest.mark.long)]
)
def test_wide_circles_are_covered_aside_or_refused(service: DssProcess, count: int, statuses: set[int]) -> None:
    body, token = wide_circles(count), service.token(subject="wide")
    with honest(service) as client, Wire(service.port) as wire:
        wire.send(request("PUT", intent_path(str(uuid4())), body, f"Authorization: Bearer {token}"))
        assert client.is_answered()
        status, answer = wire.answer()
    assert status in statuses, answer[:300]


def test_a_client_with_much_to_cover_is_told_so_and_others_are_answered(service: DssProcess) -> None:
    # All requests stand ready when the service looks: none is answered before the last has come.
    body, head = intricate_outline(1_500), f"Authorization: Bearer {service.token(subject='intricate')}"
    with honest(service) as client, ExitStack() as stack:
        wires = [stack.enter_context(Wire(service.port)) for _ in range(8)]
        service.process.send_signal(signal.SIGSTOP)
        try:
            for wire in wires:
                wire.send(request("PUT", intent_path(), body, head))
        finally:
            service.process.send_signal(signal.SIGCONT)
        assert client.is_answered()
        statuses = [wire.answer()[0] for wire in wires]
    assert 429 in statuses
    assert set(statuses) <= {201, 409, 429}


def test_why_compares_what_it_can_and_others_are_answered(service: DssProcess) -> None:
    crowd = json.dumps(intent(*[extents(70.0 + 0.00001 * number) for number in range(2_000)])).encode()
    token = service.token(subject="crowd")
    assert service.ask("PUT", intent_path(), crowd, token)[0] == 201
    with honest(service) as client, Wire(service.port) as wire:
        wire.send(request("POST", f"/detente/v1/why/{uuid4()}", crowd, f"Authorization: Bearer {token}"))
        assert client.is_answered()
        status, answer = wire.answer()
    (required,) = json.loads(answer)["operational_intents"]
    assert (status, required["all_volumes_compared"]) == (200, False)
    assert required["volumes_that_share_a_point"]
