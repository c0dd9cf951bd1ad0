"""Strangers before real nodes: they get nothing, STOP goes through in both directions, and people are answered."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from parties import PATIENCE_S, Party, area_plan, two_parties

from detente.link.answer import ENVELOPES_PATH, MAX_BATCH_BYTES
from hostile_requests import GOOD, UNREADABLE
from wire import HonestClient, Wire, chunk, chunked, many, push, request, resident_bytes

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path_factory.mktemp("hostile")) as pair:
        yield pair


@pytest.fixture
def north(parties: tuple[Party, Party]) -> Party:
    return parties[0]


def bearer(party: Party) -> str:
    return f"Authorization: Bearer {party.token}"


def officer(party: Party) -> HonestClient:
    """Somebody who looks at the node's standing again and again."""
    return HonestClient(lambda: party.ask("GET", "/status").status == 200)


def resident(party: Party) -> int:
    assert party.process is not None
    return resident_bytes(party.process.pid)


def stop_arrives(sender: Party, recipient: Party) -> None:
    """Send a STOP and wait until the other node holds it."""
    (message,) = sender.post("/line/stop", {})["message_ids"]
    peer, _, message_id = message.partition(" ")
    assert peer == recipient.name
    path = f"/line/messages/{recipient.name}/{message_id}?until=delivered&wait_s=5"
    sender.until(lambda: sender.get(path)["delivery"]["standing"] != "not_delivered", "delivers its STOP")


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_can_be_read_in_two_ways_is_refused(north: Party, name: str) -> None:
    sent, status = UNREADABLE[name]
    with Wire(north.port) as wire:
        wire.send(sent)
        found, body = wire.answer()
        assert found == status
        assert set(json.loads(body)) == {"code", "field", "value", "expected", "mend", "message", "parameters"}
        assert wire.is_closed()


@pytest.mark.parametrize("name", GOOD)
def test_what_is_well_written_is_answered(north: Party, name: str) -> None:
    with Wire(north.port) as wire:
        wire.send(GOOD[name])
        assert wire.answer()[0] == 200


@pytest.mark.parametrize(("path", "status"), [("/healthy", 200), ("/status", 200), ("/events", 200), ("/nothing", 404)])
def test_head_is_answered_as_get_without_the_body(north: Party, path: str, status: int) -> None:
    with Wire(north.port) as wire:
        wire.send(request("HEAD", path, b"", bearer(north)) + request("GET", "/healthy"))
        found, headers = wire.head()
        assert found == status
        assert ("content-length" in headers) != (path == "/events")
        assert wire.answer()[0] == 200


def test_who_sends_no_more_still_has_his_answer(north: Party) -> None:
    with Wire(north.port) as wire:
        wire.send(request("GET", "/status", b"", bearer(north)))
        wire.socket.shutdown(socket.SHUT_WR)
        status, body = wire.answer()
        assert (status, json.loads(body)["party"]) == (200, "north")
        assert wire.is_closed()


def test_who_sends_no_more_still_hears_what_happens(north: Party) -> None:
    with Wire(north.port) as wire:
        wire.send(request("GET", "/events", b"", bearer(north)))
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.head()[0] == 200
        north.imports(area_plan("heard", 5.0))
        while b"plan_declared" not in wire.stream.readline():
            pass


def test_a_trailer_is_no_header(north: Party) -> None:
    body, kind = chunk(json.dumps({"plans": []}).encode()), "Content-Type: application/json"
    trailer = f"0\r\n{bearer(north)}\r\n\r\n".encode()
    with Wire(north.port) as wire:
        wire.send(chunked("POST", "/plans", kind) + body + trailer)
        assert wire.answer()[0] == 401
    with Wire(north.port) as wire:
        wire.send(chunked("POST", "/plans", kind, bearer(north)) + body + b"0\r\n\r\n")
        assert wire.answer()[0] == 200


@pytest.mark.parametrize("path", ["/plans", ENVELOPES_PATH, "/link/v1/matching/none/1-hello"])
def test_of_a_stranger_little_more_than_the_head_is_read(north: Party, path: str) -> None:
    before = resident(north)
    method = "PUT" if "matching" in path else "POST"
    for sent in (request(method, path, b" " * MAX_BATCH_BYTES), chunked(method, path) + chunk(b" " * MAX_BATCH_BYTES)):
        with Wire(north.port) as wire:
            wire.send(sent)
            assert wire.answer()[0] in (400, 401, 404, 413)
            assert wire.is_closed()
    assert resident(north) - before < 32 * MEGABYTE


def test_the_body_of_the_owner_is_bounded(north: Party) -> None:
    with Wire(north.port) as wire:
        wire.send(request("POST", "/plans", b"", bearer(north)).replace(b"Length: 0", b"Length: 99999999999"))
        assert wire.answer()[0] == 413


def test_stop_goes_through_idle_strangers_in_both_directions(parties: tuple[Party, Party]) -> None:
    north, south = parties
    with ExitStack() as stack:
        for party in parties:
            stack.enter_context(many(party.port, 400))
            stack.enter_context(many(party.port, 100, b"POST /link/v1/envelopes HTTP/1.1\r\nHost: x\r\nX: "))
        with officer(north) as of_north, officer(south) as of_south:
            stop_arrives(north, south)
            stop_arrives(south, north)
            assert of_north.is_answered()
            assert of_south.is_answered()


def test_stop_goes_through_half_sent_bodies(parties: tuple[Party, Party]) -> None:
    north, south = parties
    before = resident(south)
    heads = (
        request("POST", ENVELOPES_PATH).replace(b"Length: 0", b"Length: %d" % MAX_BATCH_BYTES),
        chunked("POST", ENVELOPES_PATH) + b"%x\r\n" % MAX_BATCH_BYTES,
    )
    with ExitStack() as stack:
        sockets = [one for head in heads for one in stack.enter_context(many(south.port, 100, head))]
        for _ in range(8):
            for one in sockets:
                push(one, b"detente-envelope-1\n" + b" " * MEGABYTE)
        with officer(south) as of_south:
            stop_arrives(north, south)
            assert of_south.is_answered()
        assert resident(south) - before < 64 * MEGABYTE


@pytest.mark.long
def test_stop_goes_through_a_thousand_strangers_who_come_again(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        before = {party: resident(party) for party in (north, south)}
        for sent in (b"", b"GET / HTTP/1.1\r\n", request("POST", ENVELOPES_PATH, b"x" * 20_000)[:-1]):
            with ExitStack() as stack:
                for party in (north, south):
                    stack.enter_context(many(party.port, 1_000, sent))
                stop_arrives(north, south)
                stop_arrives(south, north)
        for party, bytes_before in before.items():
            assert resident(party) - bytes_before < 128 * MEGABYTE


@pytest.mark.long
def test_the_log_says_when_few_files_may_be_open(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        limited = f'ulimit -n 700; exec {sys.executable} -m detente node --dir "{north.path}"'
        with (north.path / "log.jsonl").open("a") as log:
            process = subprocess.Popen(["sh", "-c", limited], stderr=log, stdout=subprocess.DEVNULL)
        try:
            north.until(lambda: process.poll() is not None or "node runs" in north.log(), "starts")
            assert process.poll() is None
            said = next(line for line in map(json.loads, north.log().splitlines()) if "files" in line["event"])
            assert (said["level"], said["open_files"]) == ("warning", 700)
            with many(north.port, 900):
                assert north.ask("GET", "/status").status == 200
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
