"""Where a node listens for its people, by which names it may be called, and what it refuses to start with."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import CertificateBuilder, IPAddress, Name, NameAttribute, SubjectAlternativeName
from cryptography.x509.oid import NameOID
from parties import PATIENCE_S, Party, area_plan, two_parties
from test_stop_delivery import stopped_until

from detente.link.answer import ENVELOPES_PATH
from detente.link.card import make_card, write_card
from detente.link.trust import write_durably
from detente.record.keys import NodeKey
from wire import Wire, many, request


@pytest.fixture(scope="module")
def north(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Party]:
    with two_parties(tmp_path_factory.mktemp("listeners"), start=False) as (north, _):
        north.start()
        yield north


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Party]:
    with two_parties(tmp_path, start=False) as (north, _):
        yield north


def say(party: Party, section: str, line: str) -> None:
    path = party.files.config_path
    path.write_text(path.read_text().replace(f"[{section}]\n", f"[{section}]\n{line}\n", 1))


def status_for(party: Party, *hosts: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", party.port, timeout=PATIENCE_S)) as connection:
        connection.putrequest("GET", "/status", skip_host=True)
        for host in hosts:
            connection.putheader("Host", host)
        connection.putheader("Authorization", f"Bearer {party.token}")
        connection.endheaders()
        return connection.getresponse().status


def test_only_known_names_are_answered(north: Party) -> None:
    for host in ("127.0.0.1", f"127.0.0.1:{north.port}", "localhost:1", "[::1]", "LOCALHOST", "192.0.2.7:80"):
        assert status_for(north, host) == 200, host
    for host in ("evil.example", f"127.0.0.1.evil.example:{north.port}", "localhost.evil.example", "", "[", "a b"):
        assert status_for(north, host) in {400, 421}, host
    assert status_for(north, "localhost", "evil.example") in {400, 421}
    assert status_for(north) == 400


def test_a_name_of_the_configuration_is_known(stopped: Party) -> None:
    say(stopped, "http", 'names = ["Node.example.org"]')
    stopped.start()
    assert status_for(stopped, "node.example.org") == 200
    assert status_for(stopped, "other.example.org") == 421


def test_commands_come_through_a_file_that_is_their_owners_alone(stopped: Party) -> None:
    say(stopped, "http", 'host = ""')
    stopped.start()
    file = stopped.path / "node.socket"
    assert file.stat().st_mode & 0o777 == 0o600
    with socket.socket() as nobody:
        assert nobody.connect_ex(("127.0.0.1", stopped.port)) != 0
    assert stopped.cli("status").returncode == 0
    stopped.kill()
    stopped.start()
    assert stopped.cli("status").returncode == 0, "a file left by a node that was killed is no hindrance"
    stopped.stop()
    assert not file.exists()


def through(file: Path, asked: str) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX)
    opened.settimeout(PATIENCE_S)
    opened.connect(str(file))
    opened.sendall(f"{asked} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return opened


def test_our_own_stop_goes_through_however_many_streams_the_commands_hold(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, _), ExitStack() as stack:
        file = north.path / "stop.socket"
        assert file.stat().st_mode & 0o777 == 0o600
        opened = [through(north.path / "node.socket", "GET /line/events") for _ in range(100)]
        for stream in opened:
            stack.enter_context(stream)
        for stream in opened[:8]:
            assert stream.recv(64)
        stopped_until(north, "delivered in")
        with through(file, "GET /line/events") as refused:
            assert refused.recv(64).startswith(b"HTTP/1.1 421 ")


def test_a_stop_from_the_console_goes_through_what_the_same_person_has_under_way(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south), ExitStack() as stack:
        officer = north.session("officer", "duty_officer", "watch")
        bearer = f"Authorization: Bearer {officer}"
        for _ in range(64):
            wire = stack.enter_context(Wire(north.port))
            wire.send(request("GET", "/line/events", b"", bearer))
            assert wire.head()[0] == 200
        stack.enter_context(many(north.port, 60))
        body = b'{"peer": "south"}'
        with Wire(north.port) as wire:
            wire.send(request("POST", "/line/stop", body, bearer, "Content-Type: application/json"))
            assert wire.answer()[0] == 200
        south.until(lambda: south.get("/line/messages"), "has the STOP")


def test_a_stop_that_a_running_node_does_not_take_is_not_said_to_lack_a_node(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, _):
        for file in ("node.socket", "stop.socket"):
            (north.path / file).unlink()
        (north.path / "node.address").write_text('{"url": "http://127.0.0.1:1", "pid": 1}')
        asked = north.cli("line", "stop", "--peer", "south")
        assert asked.returncode == 8
        assert "NOT SENT (our node runs and does not answer)" in asked.stdout + asked.stderr
        assert "Start it" not in asked.stderr


def test_people_elsewhere_come_over_tls(stopped: Party) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = Name([NameAttribute(NameOID.COMMON_NAME, "operators")])
    made = (
        CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(SubjectAlternativeName([IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )  # fmt: skip
    certificate = stopped.path / "operators.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    (stopped.path / "operators.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )  # fmt: skip
    say(stopped, "http", 'host = "0.0.0.0"\ncertificate = "operators.pem"\nprivate_key = "operators.key"')
    stopped.start()
    assert stopped.cli("status").returncode == 0
    trusting = ssl.create_default_context(cafile=str(certificate))
    with closing(http.client.HTTPSConnection("127.0.0.1", stopped.port, context=trusting)) as connection:
        connection.request("GET", "/status", headers={"Authorization": f"Bearer {stopped.token}"})
        assert connection.getresponse().status == 200
    assert stopped.stop() == 0
    assert "https://127.0.0.1" in stopped.said
    (stopped.path / "operators.key").write_text("")
    refused = stopped.cli("node")
    assert refused.returncode == 2
    assert "http.certificate" in refused.stderr


@pytest.mark.parametrize(
    ("section", "line", "names"),
    [
        ("http", 'host = "0.0.0.0"', ["http.host", "[link] host", "http.certificate"]),
        ("http", 'host = "node.example.org"', ["http.host"]),
        ("http", 'certificate = "x.pem"', ["http.private_key"]),
        ("link", 'host = "0.0.0.0"', ["link.host", "https"]),
        ("link", "certificate_life_s = 1", ["link.certificate_life_s"]),
    ],
)
def test_a_node_does_not_listen_where_it_would_be_overheard(
    stopped: Party, section: str, line: str, names: list[str]
) -> None:
    say(stopped, section, line)
    refused = stopped.cli("node")
    assert refused.returncode == 2
    for name in names:
        assert name in refused.stderr, refused.stderr
    assert stopped.files.key_path.read_bytes().startswith(b"-----BEGIN")


def test_a_file_of_before_there_were_two_listeners_is_refused_with_the_mend(stopped: Party) -> None:
    stopped.files.config_path.write_text(f'party = "north"\n[http]\nport = {stopped.link_port}\n')
    refused = stopped.cli("node")
    assert refused.returncode == 2
    assert "http.port" in refused.stderr
    assert f"set http.port to {stopped.link_port + 1000}" in refused.stderr


def test_a_party_that_is_reached_by_files_alone_has_no_listener_for_peers(stopped: Party) -> None:
    card = make_card(stopped.key, "north", (), datetime.now(UTC))
    write_durably(stopped.files.card_path, write_card(card))
    path = stopped.files.config_path
    path.write_text(path.read_text().replace(f"port = {stopped.link_port}\n", ""))
    stopped.start()
    with socket.socket() as nobody:
        assert nobody.connect_ex(("127.0.0.1", stopped.link_port)) != 0


def test_plans_never_go_to_another_machine_in_clear(stopped: Party, tmp_path: Path) -> None:
    card = make_card(NodeKey.generate(), "east", ("http://192.0.2.1:8440",), datetime.now(UTC))
    (tmp_path / "east.json").write_bytes(write_card(card))
    made = stopped.cli("pair", str(tmp_path / "east.json"), "--fingerprint", card.fingerprint)
    assert made.returncode == 2
    assert "https" in made.stderr
    (south,) = stopped.files.trust.cards()
    assert south.name == "south"


@pytest.mark.parametrize("full", ["peers", "people"])
def test_one_listener_full_of_idle_calls_leaves_the_others_free(north: Party, full: str) -> None:
    with ExitStack() as idle:
        for _ in range(600):
            port = north.link_port if full == "peers" else north.port
            idle.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S))
        assert north.cli("status").returncode == 0
        assert "south" in north.cli("line", "stop", "--wait-s", "0").stdout
        assert north.ask("POST", ENVELOPES_PATH, b"", token=None).status == 400
        assert north.imports(area_plan(f"meanwhile-{full}"))


def test_a_long_path_is_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    with two_parties(folder, start=False) as (north, _):
        north.start()
        assert len(str(north.path / "node.socket")) > 108
        assert north.cli("status").returncode == 0
