"""Real nodes over TLS: strangers get nothing, listeners on the way read nothing, impostors are named."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import load_der_x509_certificate
from parties import PATIENCE_S, Party, area_plan, two_parties

from detente.link import certificate
from detente.link.answer import ENVELOPES_PATH
from detente.link.tls import LinkTls
from detente.record.keys import NodeKey
from ports import free_port

LIFE = timedelta(days=1)
REQUEST = f"POST {ENVELOPES_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path_factory.mktemp("tls"), tls=True) as pair:
        yield pair


def as_party(key: NodeKey, other: Party) -> ssl.SSLContext:
    """TLS as a node with this key speaks it with another."""
    context = LinkTls(key, LIFE, datetime.now(UTC)).calling(f"https://127.0.0.1:{other.link_port}", other.key.public)
    assert isinstance(context, ssl.SSLContext)
    return context


@contextmanager
def called(port: int, context: ssl.SSLContext | None) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain:
        if context is None:
            yield plain
            return
        with context.wrap_socket(plain) as connection:
            yield connection


def asked(port: int, context: ssl.SSLContext | None) -> tuple[bytes, str]:
    """What comes back for a request, to its end, and the kind of error."""
    said = b""
    try:
        with called(port, context) as connection:
            connection.sendall(REQUEST)
            while chunk := connection.recv(65_536):
                said += chunk
                if b"\r\n\r\n" in said:
                    break
    except OSError as error:
        return said, type(error).__name__
    return said, ""


def until_south_has(north: Party, south: Party, plan_id: str) -> None:
    shown = lambda: {plan["plan_id"] for plan in south.get("/plans?party=north")}  # noqa: E731
    south.until(lambda: plan_id in shown(), f"hears of {plan_id}; north says {north.get('/peers')}")


class Relay:
    """Somebody on the way, who sees all that passes."""

    def __init__(self, port: int, to: int) -> None:
        self.seen = bytearray()
        self._to = to
        self._open: list[socket.socket] = []
        self._copying: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                one, _ = self._listener.accept()
                self._open.append(one)
                try:
                    other = socket.create_connection(("127.0.0.1", self._to))
                except OSError:
                    # Nobody is there yet.
                    one.close()
                    continue
                self._open.append(other)
                for source, sink in ((one, other), (other, one)):
                    copying = threading.Thread(target=self._copy, args=(source, sink), daemon=True)
                    copying.start()
                    self._copying.append(copying)

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(65_536):
                self.seen += chunk
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._listener.close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for copying in self._copying:
            copying.join()
        for one in self._open:
            one.close()


class Impostor:
    """Somebody on the way, who answers with a key of his own and keeps what he is told."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.calls: list[str] = []
        self.read = bytearray()
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                try:
                    with self._context.wrap_socket(plain, server_side=True) as connection:
                        self.read += connection.recv(65_536)
                        self.calls.append("")
                except OSError as error:
                    self.calls.append(str(error))

    def close(self) -> None:
        self._listener.close()


@contextmanager
def closing(something: Relay | Impostor) -> Iterator[None]:
    try:
        yield
    finally:
        something.close()


def test_a_peer_is_answered_and_a_stranger_gets_not_one_byte(parties: tuple[Party, Party]) -> None:
    north, south = parties
    said, _ = asked(south.link_port, as_party(north.key, south))
    assert said.startswith(b"HTTP/1.1 400 ")
    for strange in (NodeKey.generate(), NodeKey.generate()):
        key = strange.public.hex()
        said, _ = asked(south.link_port, as_party(strange, south))
        assert said == b""
        south.until(lambda key=key: key in south.log(), "says in its log who called")
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    nobody.check_hostname, nobody.verify_mode = False, ssl.CERT_NONE
    assert asked(south.link_port, nobody)[0] == b""
    assert asked(south.link_port, None)[0] == b"", "nothing is said in clear"


def pretending(stranger: NodeKey, named: bytes, other: Party, folder: Path, *, own_pin: bool) -> ssl.SSLContext:
    """TLS of a stranger whose certificate says that it was made by another key."""
    private, at = Ed25519PrivateKey.generate(), datetime.now(UTC)
    unsigned = certificate._unsigned("node", named.hex(), private.public_key(), at - LIFE, at + LIFE, issues=False)
    pin = Ed25519PublicKey.from_public_bytes(stranger.public if own_pin else named)
    shown = [stranger.certify(unsigned), certificate._issued_by_root(named.hex(), pin)]
    file = folder / "shown.pem"
    file.write_bytes(
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + b"".join(one.public_bytes(Encoding.PEM) for one in shown)
    )
    context = as_party(stranger, other)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize("own_pin", [False, True])
def test_who_only_names_a_paired_key_cannot_tell_it_from_an_unknown_one(
    parties: tuple[Party, Party], tmp_path: Path, own_pin: bool
) -> None:
    north, south = parties
    stranger = NodeKey.generate()
    seen = {
        asked(south.link_port, pretending(stranger, named, south, tmp_path, own_pin=own_pin))
        for named in (north.key.public, south.key.public, stranger.public[::-1], NodeKey.generate().public)
    }
    assert seen == {(b"", "")}


def test_no_older_tls_is_spoken_and_no_name_of_a_peer_given_away(parties: tuple[Party, Party]) -> None:
    north, south = parties
    old = as_party(north.key, south)
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)), called(south.link_port, old):
        pass
    shown = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{south.link_port}"],
        input=b"", capture_output=True, timeout=PATIENCE_S, check=False,
    ).stdout.decode()  # fmt: skip
    assert "No client certificate CA names sent" in shown
    assert south.key.public.hex() in shown
    assert north.key.public.hex() not in shown


def test_the_listeners_serve_only_what_is_theirs(parties: tuple[Party, Party]) -> None:
    north, south = parties
    with called(south.link_port, as_party(north.key, south)) as connection:
        for path in ("/", "/healthy", "/status", "/openapi.json", "/sign-in?token=x"):
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 404 "), path
            assert connection.recv(65_536) if answer.endswith(b"\r\n\r\n") else answer
    request = (
        f"POST {ENVELOPES_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {south.token}\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", south.port)) as own:
        own.sendall(request.encode())
        assert own.recv(65_536).startswith(b"HTTP/1.1 404 ")
    assert set(north.ask("GET", "/healthy", token=None).json) == {"healthy"}


def test_whoever_is_on_the_way_reads_nothing_of_a_plan(tmp_path: Path) -> None:
    port = free_port()
    with two_parties(tmp_path, start=False, tls=True, south_called_at=port) as (north, south):
        relay = Relay(port, south.link_port)
        with closing(relay):
            north.start()
            south.start()
            north.imports(area_plan("secret-plan"))
            until_south_has(north, south, "secret-plan")
        assert relay.seen
        for word in (b"secret-plan", b"detente-envelope", b"HTTP/1.1", b"detente-receipt"):
            assert word not in relay.seen


def test_whoever_answers_in_a_peers_place_is_named_and_told_nothing(tmp_path: Path) -> None:
    port = free_port()
    with two_parties(tmp_path, start=False, tls=True, south_called_at=port) as (north, _):
        impostor = Impostor(port, LinkTls(NodeKey.generate(), LIFE, datetime.now(UTC)).listening)
        with closing(impostor):
            north.start()
            north.imports(area_plan("secret-plan"))

            def details() -> str:
                return json.dumps(north.get("/peers"))

            north.until(lambda: "SOMEBODY ELSE ANSWERS THERE" in details(), "names the impostor")
            assert "somebody else answers in a peer's place" in north.log()
            (alarm,) = north.get("/line")["lines"]["south"]["alarms"]
            assert (alarm["kind"], alarm["detail"]) == ("impostor", f"https://127.0.0.1:{port}")
            assert "somebody else answers at its address" in north.cli("line", "alarms").stdout
            assert impostor.calls
            assert bytes(impostor.read) == b""


@pytest.mark.long
def test_certificates_are_renewed_while_the_nodes_talk(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False, tls=True) as (north, south):
        for party in (north, south):
            text = party.files.config_path.read_text()
            party.files.config_path.write_text(text.replace("[link]\n", "[link]\ncertificate_life_s = 6\n"))
            party.begin()
        north.wait()
        south.wait()
        north.imports(area_plan("before"))
        until_south_has(north, south, "before")

        def shown() -> bytes:
            with called(south.link_port, as_party(north.key, south)) as connection:
                assert isinstance(connection, ssl.SSLSocket)
                return connection.getpeercert(binary_form=True) or b""

        first = load_der_x509_certificate(shown())
        north.until(lambda: datetime.now(UTC) > first.not_valid_after_utc, "sees the first certificate end")
        second = load_der_x509_certificate(shown())
        assert second.not_valid_after_utc > first.not_valid_after_utc
        assert second.public_key() != first.public_key()
        north.imports(area_plan("after", 1.0))
        until_south_has(north, south, "after")
        assert "renewed" in north.log()
