"""Feeds over TLS: both sides prove who they are, and nobody else is heard."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from heard import Ear, settings
from test_cot_events import EVENT

from detente.feeds.live.health import FeedState
from detente.feeds.live.settings import FeedKind

Issuer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def made(folder: Path, name: str, issuer: Issuer | None = None) -> Issuer:
    """A certificate and its key as PEM files; without an issuer, of an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(issuer[0].subject if issuer else named(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    )
    certificate = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, key


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    authority = made(tmp_path, "authority")
    for name in ("server", "client"):
        made(tmp_path, name, authority)
    made(tmp_path, "stranger", made(tmp_path, "other"))
    return tmp_path


def options(keys: Path, name: str) -> dict[str, str]:
    return {
        "certificate": str(keys / f"{name}.pem"), "private_key": str(keys / f"{name}.key"),
        "authority": str(keys / "authority.pem"),
    }  # fmt: skip


def serving(keys: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(keys / "authority.pem"))
    context.load_cert_chain(keys / "server.pem", keys / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def test_a_tak_server_is_heard_with_a_client_certificate(keys: Path) -> None:
    async def story() -> None:
        async def call(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(EVENT)

        server = await asyncio.start_server(call, "127.0.0.1", 0, ssl=serving(keys))
        where = f"tls://localhost:{server.sockets[0].getsockname()[1]}"
        feeds = (
            settings(FeedKind.COT, where, "known", **options(keys, "client")),
            settings(FeedKind.COT, where, "stranger", **options(keys, "stranger")),
            settings(FeedKind.COT, where, "trusting_nobody"),
            settings(FeedKind.COT, where, "without_files", certificate=str(keys / "none.pem")),
        )
        async with Ear(*feeds) as ear:
            await ear.until(lambda: ear.sightings)
            for name in ("stranger", "trusting_nobody", "without_files"):
                await ear.until(lambda name=name: ear.health(name).last_error is not None)
                assert ear.health(name).messages == 0
            assert {one.feed for one in ear.sightings} == {"known"}
            error = ear.health("without_files").last_error
            assert error is not None
            assert error.code == "feeds_live.tls_files"
        server.close()

    asyncio.run(story())


def test_who_calls_a_feed_that_listens_over_tls_must_be_vouched_for(keys: Path) -> None:
    async def story() -> None:
        feed = settings(FeedKind.COT, "listen://127.0.0.1:0", **options(keys, "server"))
        async with Ear(feed) as ear:
            port = await ear.port()
            for name in ("stranger", "client"):
                context = ssl.create_default_context(cafile=str(keys / "authority.pem"))
                context.load_cert_chain(keys / f"{name}.pem", keys / f"{name}.key")
                try:
                    _, writer = await asyncio.open_connection(
                        "127.0.0.1", port, ssl=context, server_hostname="localhost"
                    )
                    writer.write(EVENT.replace(b"ICAO-4CA2B1", name.encode()))
                    await writer.drain()
                    writer.close()
                except (ssl.SSLError, ConnectionError):
                    assert name == "stranger"
            await ear.until(lambda: ear.sightings)
            assert [one.identity for one in ear.sightings] == ["client"]
            assert ear.health().state is FeedState.HEARING

    asyncio.run(story())
