"""HTTP/1.1 over bare sockets: however the bytes come, requests are answered once, in order, or told what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from dss_process import COORDINATION, DssProcess, extents, intent, intent_path, running
from hypothesis import given, settings
from hypothesis import strategies as st

from wire import Wire, request

NOBODY = "/dss/v1/operational_intent_references/00000000-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DssProcess]:
    with running(tmp_path_factory.mktemp("connections") / "dss") as process:
        yield process


def bearer(service: DssProcess) -> str:
    return f"Authorization: Bearer {service.token(COORDINATION)}"


def create(service: DssProcess, name: str, latitude: float) -> bytes:
    body = json.dumps(intent(extents(latitude))).encode()
    return request("PUT", intent_path(name), body, bearer(service))


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.floats(0.0, 1.0), max_size=12), chunks=st.integers(1, 400))
def test_however_the_bytes_are_cut_requests_are_answered_in_order(
    service: DssProcess, cuts: list[float], chunks: int
) -> None:
    name, latitude = str(uuid4()), 10.0
    body = json.dumps(intent(extents(latitude), key=[])).encode()
    pieces = [body[k : k + chunks] for k in range(0, len(body), chunks)]
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
    head = f"PUT {intent_path(name)} HTTP/1.1\r\nHost: localhost\r\n{bearer(service)}\r\n"
    get = request("GET", intent_path(name), b"", bearer(service))
    data = get + head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunked + get + request("GET", "/healthy")
    places = [0, *sorted(int(cut * len(data)) for cut in cuts), len(data)]
    with Wire(service.port) as wire:
        for begin, end in pairwise(places):
            wire.socket.sendall(data[begin:end])
        answers = [wire.answer() for _ in range(4)]
    assert [status for status, _ in answers] == [404, 201, 200, 200]
    made = json.loads(answers[1][1])["operational_intent_reference"]
    assert json.loads(answers[2][1])["operational_intent_reference"] == made
    service.ask("DELETE", f"{intent_path(name)}/{made['ovn']}", None, service.token())


def test_a_client_that_waits_for_a_word_gets_it(service: DssProcess) -> None:
    whole = create(service, str(uuid4()), 20.0)
    head, _, body = whole.partition(b"\r\n\r\n")
    with Wire(service.port) as wire:
        wire.socket.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert wire.head()[0] == 100
        wire.socket.sendall(body + request("GET", "/healthy"))
        assert [wire.answer()[0], wire.answer()[0]] == [201, 200]


def test_a_client_that_waits_for_a_word_is_refused_without_it(service: DssProcess) -> None:
    head = f"PUT {intent_path()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000000\r\nExpect: 100-continue\r\n"
    for token, expected in (("", 401), (f"{bearer(service)}\r\n", 413)):
        with Wire(service.port) as wire:
            wire.socket.sendall(f"{head}{token}\r\n".encode())
            status, headers = wire.head()
            assert (status, headers["connection"]) == (expected, "close")


def test_what_is_refused_by_its_head_is_dropped_and_the_connection_goes_on(service: DssProcess) -> None:
    large = b" " * (16 * 1024 * 1024 + 1)
    with Wire(service.port) as wire:
        wire.socket.sendall(request("PUT", intent_path(), large, bearer(service)))
        assert wire.answer()[0] == 413
        wire.socket.sendall(request("PUT", "/nowhere", b"{}") + request("GET", "/healthy"))
        assert [wire.answer()[0], wire.answer()[0]] == [404, 200]


def test_a_body_that_grows_beyond_its_bound_is_refused(service: DssProcess) -> None:
    head = f"PUT {intent_path()} HTTP/1.1\r\nHost: localhost\r\n{bearer(service)}\r\nTransfer-Encoding: chunked\r\n\r\n"
    piece = b" " * (1024 * 1024)
    with Wire(service.port) as wire:
        wire.socket.sendall(head.encode())
        for _ in range(17):
            wire.socket.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        assert wire.answer()[0] == 413
        wire.socket.sendall(b"0\r\n\r\n" + request("GET", "/healthy"))
        assert wire.answer() == (200, b"ok")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /healthy HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /healthy HTTP/1.1\r\nContent-Length: minus\r\n\r\n", 400),
        (b"GET /healthy HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /healthy HTTP/1.1\r\nX: " + b"a" * 5_000_000, 431),
        (b"GET http:///:/ HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (request("GET", "/healthy", b"", version="1.0"), 200),
        (request("GET", "/healthy", b"", "Connection: close"), 200),
        (request("GET", "/healthy", b"", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"), 200),
        (request("PUT", "/healthy", b"{}", "Connection: Upgrade", "Upgrade: websocket"), 405),
    ],
)
def test_what_ends_a_connection_is_answered_first(service: DssProcess, sent: bytes, status: int) -> None:
    with Wire(service.port) as wire:
        wire.socket.sendall(sent)
        assert wire.answer()[0] == status
        assert wire.is_closed()


def test_a_target_may_name_the_host(service: DssProcess) -> None:
    with Wire(service.port) as wire:
        wire.socket.sendall(request("GET", "http://localhost/healthy?once=1"))
        assert wire.answer() == (200, b"ok")


def test_the_answer_to_head_has_no_body(service: DssProcess) -> None:
    with Wire(service.port) as wire:
        wire.socket.sendall(request("HEAD", "/nowhere") + request("GET", "/healthy"))
        assert wire.head()[0] == 404
        assert wire.answer() == (200, b"ok")


def test_a_client_that_does_not_read_holds_up_itself_alone(service: DssProcess) -> None:
    with Wire(service.port, buffer_bytes=4096) as wire:
        wire.socket.settimeout(1.0)
        ask = request("GET", NOBODY, b"", bearer(service))
        sent = 0
        try:
            while sent < 200_000:
                wire.socket.sendall(ask * 100)
                sent += 100
        except TimeoutError:
            pass
        assert service.ask("GET", "/healthy")[0] == 200
        wire.socket.settimeout(30.0)
        assert [wire.answer()[0] for _ in range(200)] == [404] * 200


def test_a_service_told_to_stop_answers_what_it_was_asked(tmp_path: Path) -> None:
    with running(tmp_path / "dss") as process, Wire(process.port) as idle, Wire(process.port) as busy:
        idle.socket.sendall(request("GET", "/healthy"))
        assert idle.answer()[0] == 200
        whole = create(process, str(uuid4()), 30.0)
        busy.socket.sendall(whole[:-1])
        process.process.terminate()
        assert idle.is_closed()
        busy.socket.sendall(whole[-1:])
        status, headers = busy.head()
        assert (status, headers["connection"]) == (201, "close")
        assert process.process.wait() == 0


@pytest.mark.long
def test_a_request_that_never_becomes_whole_is_broken_off(service: DssProcess) -> None:
    whole = create(service, str(uuid4()), 40.0)
    with Wire(service.port) as in_body, Wire(service.port) as in_head:
        in_body.socket.sendall(whole[:-1])
        in_head.socket.sendall(whole[:30])
        for wire in (in_body, in_head):
            assert wire.answer()[0] == 408
            assert wire.is_closed()
