"""A STOP that has not arrived looks like one on every surface, one that nobody has too, and one that a person has."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest
from parties import PATIENCE_S, TODAY, Party, accord_of, two_parties

import forked
from detente.airspace.plan import TimeWindow
from ports import free_port

STOP = "north:1"


@contextmanager
def stopped(path: Path, *, south_runs: bool = True, refuses: str = "") -> Iterator[tuple[Party, Party]]:
    """North has sent a STOP to south, which runs or not, or refuses it: an unknown key, or no accord."""
    with two_parties(path, start=False) as (north, south):
        if refuses == "unknown_sender":
            (south.files.trust.path / "north.json").unlink()
            (south.path / "accord.toml").unlink()
        elif refuses == "wrong_accord":
            (south.path / "accord.toml").unlink()
        for party in (north, south) if south_runs else (north,):
            party.start()
        assert north.post("/line/stop", {})["message_ids"] == [f"south {STOP}"]
        yield north, south


@contextmanager
def three_parties(path: Path) -> Iterator[tuple[Party, Party, Party]]:
    """North, south and west under one accord; west's node does not run."""
    parties = tuple(Party(path / name, name, free_port()) for name in ("north", "south", "west"))
    north, south, west = parties
    for party, other in itertools.permutations(parties, 2):
        party.files.trust.trust(other.card)
    for party in parties:
        party.configure(accord_of(*parties))
    try:
        north.start()
        south.start()
        yield north, south, west
    finally:
        for party in parties:
            if party.process is not None:
                party.kill()


def delivery(party: Party) -> dict[str, Any]:
    found: dict[str, Any] = party.get(f"/line/messages/south/{STOP}")["delivery"]
    return found


def check_not_delivered(north: Party, why: str, detail: str) -> None:
    """Every surface of the sender says the same."""
    north.until(lambda: delivery(north)["why"] == why, f"says {why}")
    assert delivery(north)["standing"] == "not_delivered"
    assert detail in delivery(north)["detail"]
    (waiting,) = north.get("/line/messages?waiting=true")
    assert (waiting["message_id"], waiting["delivery"]["standing"]) == (STOP, "not_delivered")
    line = north.get("/line")
    assert line["undelivered"] == [f"south {STOP}"]
    assert line["deliveries"][f"south {STOP}"]["standing"] == "not_delivered"
    status = north.get("/status")
    assert status["stops_undelivered"] == status["stops_without_person"] == [f"south {STOP}"]
    assert status["envelopes_waiting"] >= 1
    assert not status["settled"]
    channel = north.get("/peers")[0]["channels"]["stop"]
    assert (channel["sent"], channel["receipted"]) == (1, 0)
    assert channel["delivery"]["state"] == why
    assert channel["delivery"]["waiting"] == 1
    assert 'detente_stops_undelivered{peer="south"} 1.0' in metrics(north)
    for command in (("line", "inbox", "--waiting"), ("line", "show")):
        assert "NOT DELIVERED (their node" in north.cli(*command).stdout
        assert "NON REMIS (leur nœud" in north.cli(*command, language="fr").stdout
    said = north.cli("status").stdout
    assert f"STOP NOT DELIVERED: south {STOP}" in said
    assert "Not settled yet." in said
    north.until(lambda: north.get(f"/line/messages/south/{STOP}")["overdue"], "alarms its posts")


def metrics(party: Party) -> str:
    return party.ask("GET", "/metrics").body.decode()


def test_a_stop_to_a_node_that_is_down_is_undelivered_on_every_surface_until_it_arrives(tmp_path: Path) -> None:
    with stopped(tmp_path, south_runs=False) as (north, south):
        check_not_delivered(north, "away", "")
        south.start()
        north.until(lambda: delivery(north)["standing"] == "delivered", "delivered")
        assert delivery(north)["seconds"] > 0.0
        assert 'detente_stops_undelivered{peer="south"} 0.0' in metrics(north)
        status = north.get("/status")
        assert not status["stops_undelivered"]
        assert status["stops_without_person"] == [f"south {STOP}"], "delivered, and nobody has it"
        assert not status["settled"]
        assert south.get("/status")["stops_without_person"] == [f"north {STOP}"]
        assert "STOP that no person has" in north.cli("status").stdout
        assert "no person has it yet" in north.cli("line", "inbox", "--waiting").stdout
        reference = {"peer": "north", "message_id": STOP, "post": "senior"}
        south.post("/line/display", reference)
        north.until(lambda: delivery(north)["standing"] == "shown", "shown")
        assert delivery(north)["post"] == "senior"
        south.post("/line/take", reference)
        north.until(lambda: delivery(north)["standing"] == "with_a_person", "with a person")
        assert north.get("/line/messages?waiting=true") == []
        assert north.get("/line")["deliveries"] == {}
        for party in (north, south):
            party.until(lambda party=party: party.get("/status")["settled"], "settled")
            assert not party.get("/status")["stops_without_person"]


@pytest.mark.parametrize("reason", ["unknown_sender", "wrong_accord"])
def test_a_stop_that_the_other_node_refuses_is_undelivered_and_says_why(tmp_path: Path, reason: str) -> None:
    with stopped(tmp_path, refuses=reason) as (north, _):
        check_not_delivered(north, "refused", reason)


def stop(party: Party, *arguments: str, code: int = 0, language: str = "en") -> str:
    """What `detente line stop` says."""
    done = party.cli("line", "stop", *arguments, language=language)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def stopped_until(party: Party, expected: str, code: int = 0) -> tuple[str, str]:
    """The id of a STOP that comes so far before the command ends, and what that says.

    On a busy machine a command may end before: the next waits longer.
    """
    for wait_s in ("1", "4", "16", "64"):
        done = party.cli("line", "stop", "--wait-s", wait_s)
        if expected in done.stdout:
            break
    assert expected in done.stdout, done.stdout + done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    sent = re.search(r"south (north:\d+): ", done.stdout)
    assert sent is not None
    return sent[1], done.stdout


def test_the_command_says_not_delivered_with_what_else_can_bear_it_and_a_code_of_its_own(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        accord = north.path / "accord.toml"
        channel = '{ use = "working", frequency = "130.0 MHz", language = "en" }'
        accord.write_text(accord.read_text() + f"\n[radio]\nchannels = [ {channel} ]\n")
        north.start()
        sent, said = stopped_until(north, ": NOT DELIVERED (their node cannot be reached", code=4)
        assert "watch +41 22 730 5111, senior, command" in said
        assert north.get(f"/line/messages/south/{sent}")["voice_code"] in said
        assert "130.000 MHz (working)" in said
        assert "--peer south" in said
        french = stop(north, "--wait-s", "1", code=4, language="fr")
        assert "NON REMIS (leur nœud est injoignable" in french
        assert "par téléphone" in french
        found = json.loads(stop(north, "--wait-s", "1", "--json", code=4))
        (told,) = found["deliveries"].values()
        assert told["standing"] == "not_delivered"
        last = int(found["message_ids"][0].partition(":")[2])
        assert stop(north, "--wait-s", "1", "--quiet", code=4).split() == ["south", f"north:{last + 1}"]
        assert "Not waited for" in stop(north, "--wait-s", "0")


@pytest.mark.long
def test_the_command_says_that_the_other_node_refuses(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        (south.path / "accord.toml").unlink()
        north.start()
        south.start()
        assert "NOT DELIVERED (their node refuses it: wrong_accord" in stop(north, code=4)


def test_the_command_says_how_far_a_stop_has_come_until_a_person_has_it(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        sent, alone = stopped_until(north, "delivered in")
        assert re.search(rf"south {sent}: delivered in [0-9.]+ s; no person has it yet", alone)
        assert "NOT DELIVERED" not in alone
        following = f"north:{int(sent.partition(':')[2]) + 1}"
        reference = {"peer": "north", "message_id": following, "post": "watch"}
        with ThreadPoolExecutor() as officer:
            # It waits far longer than all that follows takes, and ends with the person.
            said = officer.submit(stop, north, "--wait-s", str(PATIENCE_S / 2))
            south.until(lambda: south.ask("GET", f"/line/messages/north/{following}").status == 200, "hears it")
            south.post("/line/display", reference)
            shown = north.get(f"/line/messages/south/{following}?until=shown&wait_s=60")["delivery"]
            assert (shown["standing"], shown["post"]) == ("shown", "watch")
            south.post("/line/take", reference)
            assert "a person at watch has it, after" in said.result()


def test_a_stop_to_two_parties_says_which_of_them_has_it(tmp_path: Path) -> None:
    with three_parties(tmp_path) as (north, south, _):
        sent, said = stopped_until(north, "delivered in", code=4)
        assert f"south {sent}: delivered in" in said
        assert f"west {sent}: NOT DELIVERED" in said
        south.stop()


def test_a_request_that_waits_ends_with_the_node(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        north.start()
        north.post("/line/stop", {})
        asked = HTTPConnection("127.0.0.1", north.port, timeout=PATIENCE_S)
        with closing(asked):
            headers = {"Authorization": f"Bearer {north.token}"}
            asked.request("GET", f"/line/messages/south/{STOP}?until=delivered&wait_s=60", headers=headers)
            assert north.get("/healthy")["healthy"], "it answers others meanwhile"
            assert north.stop() == 0
            with asked.getresponse() as answer:
                assert json.loads(answer.read())["delivery"]["standing"] == "not_delivered"


@contextmanager
def answering(says: bytes) -> Iterator[int]:
    """The port of something that takes connections, says this on each, and then no more."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as opened:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    connection = opened.enter_context(listening.accept()[0])
                    with suppress(OSError):
                        connection.sendall(says)

        thread = Thread(target=answer)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", b"SSH-2.0-OpenSSH\r\n"])
def test_a_stop_is_not_delivered_to_what_answers_nothing_half_or_something_else(tmp_path: Path, says: bytes) -> None:
    with answering(says) as port, two_parties(tmp_path, south_called_at=port, start=False) as (north, _):
        north.start()
        said = stop(north, "--wait-s", "1", code=4)
        assert f"south {STOP}: NOT DELIVERED" in said
        assert "watch +41 22 730 5111" in said
        check_not_delivered(north, "away", "")


def test_a_stop_outlives_the_end_of_both_nodes_and_arrives_once(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        for number in (1, 2, 3):
            # After a start its number may be well above the last: the peer has not said yet what it holds.
            (sent,) = north.post("/line/stop", {})["message_ids"]
            # Each is killed wherever it is with it; what was answered above is kept.
            for party in (south, north):
                party.kill()
                party.start()
            path = f"/line/messages/{sent.replace(' ', '/')}?until=delivered&wait_s=60"
            north.until(lambda path=path: north.get(path)["delivery"]["standing"] == "delivered", "delivers it")
            assert len(south.get("/line/messages")) == number


def test_a_stop_under_an_accord_that_is_over_still_has_its_numbers(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        over = TimeWindow(TODAY - timedelta(days=30), TODAY - timedelta(days=1))
        north.configure(msgspec.structs.replace(accord_of(north, south), valid=over))
        north.start()
        assert "watch +41 22 730 5111" in stop(north, "--wait-s", "1", code=4)


def test_a_node_of_ours_that_is_frozen_is_not_waited_for(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        north.start()
        assert north.process is not None
        north.process.send_signal(signal.SIGSTOP)
        # The command is ended by the test's own patience if it waits for the node.
        done = north.cli("line", "stop", "--wait-s", "1")
        assert done.returncode == 8
        assert "south: NOT SENT (our node runs and does not answer)" in done.stdout
        assert "watch +41 22 730 5111" in done.stdout


@pytest.mark.parametrize(("is_killed", "code"), [(True, 7), (False, 8)])
def test_a_stop_is_not_known_to_be_delivered_once_our_node_falls_silent(
    tmp_path: Path, *, is_killed: bool, code: int
) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        north.start()
        assert north.process is not None
        command = [str(forked.program()), "line", "stop", "--wait-s", "2", "--dir", str(north.path)]
        environment = {**os.environ, "DETENTE_LANGUAGE": "en"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            assert "Sent as south north:1" in process.stdout.readline()
            if is_killed:
                north.kill()
            else:
                north.process.send_signal(signal.SIGSTOP)
            said = process.stdout.read()
        assert process.returncode == code, said
        assert "south: NOT KNOWN TO BE DELIVERED" in said
        assert "watch +41 22 730 5111" in said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["NOT SENT (our node does not run)", "call south's posts (watch +41 22 730 5111) and say: STOP"]),
        ("fr", ["NON ENVOYÉ (notre nœud ne tourne pas)", "les postes de south (watch +41 22 730 5111) et dites"]),
    ],
)
def test_without_a_node_of_ours_a_stop_says_whom_to_call(tmp_path: Path, language: str, said: list[str]) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        done = north.cli("line", "stop", language=language)
        assert (done.returncode, len(done.stderr.splitlines())) == (8, 1), done.stderr
        assert all(one in done.stdout for one in said), done.stdout
        assert north.cli("line", "stop", "--quiet").stdout == ""
        (north.path / "accord.toml").unlink()
        assert "call south's posts and say: STOP" in north.cli("line", "stop").stdout
