"""Peers' STOP has a listener of its own: it arrives while the ordinary one answers nobody, and the other way round."""

from __future__ import annotations

import json
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from parties import Party, area_plan, two_parties
from test_hostile_strangers import stop_arrives

from detente.cli.exit_codes import ExitCode
from detente.link.answer import ENVELOPES_PATH
from detente.room.channel import CHANNEL_HASH, Channel
from ports import free_port
from wire import Wire, many, request


@contextmanager
def deaf() -> Iterator[int]:
    """The port of something that takes connections and never says a word, as a listener that is held up."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        yield listening.getsockname()[1]


@contextmanager
def with_stop_port(path: Path, *, tls: bool = True, called_at: int = 0) -> Iterator[tuple[Party, Party]]:
    with two_parties(path, tls=tls, south_called_at=called_at, south_stop_port=free_port()) as pair:
        yield pair


def test_stop_arrives_while_the_ordinary_listener_is_held_up(tmp_path: Path) -> None:
    with deaf() as port, with_stop_port(tmp_path, called_at=port) as (north, south):
        north.imports(area_plan("waits"))
        stop_arrives(north, south)
        assert north.get("/peers")[0]["channels"]["planning"]["receipted"] == 0


def test_stop_arrives_through_strangers_without_a_key_when_few_files_may_be_open(tmp_path: Path) -> None:
    with with_stop_port(tmp_path) as (north, south):
        assert south.process is not None
        is_open = len(list(Path(f"/proc/{south.process.pid}/fd").iterdir()))
        resource.prlimit(south.process.pid, resource.RLIMIT_NOFILE, (is_open + 100, is_open + 100))
        with many(south.link_port, 300), many(south.stop_port, 100):
            stop_arrives(north, south)


def test_stop_goes_with_all_else_where_its_own_address_is_not_reached(tmp_path: Path) -> None:
    with deaf() as port, two_parties(tmp_path, tls=True, south_stop_port=port, start=False) as (north, south):
        # As behind a wall that lets only the ordinary port through.
        path = south.files.config_path
        path.write_text(path.read_text().replace("[link]\n", f"[link]\nstop_port = {free_port()}\n"))
        north.start()
        south.start()
        stop_arrives(north, south)
        (said,) = [one for one in doctor(south) if one["check"] == "stop" and one["condition"] == "well"]
        assert str(port) in said["said"]


def doctor(party: Party) -> list[dict[str, str]]:
    done = party.cli("doctor", "--json")
    assert done.returncode in (0, ExitCode.TO_MEND)
    found: list[dict[str, str]] = json.loads(done.stdout)["checks"]
    return found


def test_doctor_says_which_stop_address_is_not_reached(tmp_path: Path) -> None:
    with two_parties(tmp_path, tls=True, south_stop_port=free_port(), start=False) as (north, _):
        north.start()
        said = {one["condition"]: one["said"] for one in doctor(north) if one["check"] == "stop"}
        assert set(said) == {"unknown", "to_mend"}
        assert "south for STOP cannot be reached" in said["to_mend"]


@pytest.fixture(scope="module")
def south(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Party]:
    with with_stop_port(tmp_path_factory.mktemp("in-clear"), tls=False) as (_, south):
        yield south


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request("GET", "/status"), 404),
        (request("PUT", "/link/v1/matching/none/1-hello", b"x"), 404),
        (request("POST", ENVELOPES_PATH, b"detente-envelope-1\naccord " + b"0" * 64), 421),
        (request("POST", ENVELOPES_PATH, b"x\naccord " + CHANNEL_HASH[Channel.LINE].encode()), 421),
        (request("POST", ENVELOPES_PATH, b"x\naccord " + CHANNEL_HASH[Channel.STOP].encode()), 400),
    ],
)
def test_nothing_but_stop_is_taken_in_there(south: Party, sent: bytes, status: int) -> None:
    with Wire(south.stop_port) as wire:
        wire.send(sent)
        assert wire.answer()[0] == status
