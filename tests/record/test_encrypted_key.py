"""A node's key may be encrypted; its passphrase is never an argument, and stands in nothing that is printed."""

import os
import subprocess
from pathlib import Path

import pytest

import forked
from detente.airspace.refusal import Refusal
from detente.record.keys import PASSPHRASE_VARIABLE, NodeKey

PASSPHRASE = b"correct horse battery staple"


@pytest.fixture
def secret(tmp_path, monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv(PASSPHRASE_VARIABLE, raising=False)
    file = tmp_path / "secret"
    file.write_bytes(PASSPHRASE + b"\n")
    file.chmod(0o600)
    return file


def test_an_encrypted_key_opens_with_its_passphrase_alone(tmp_path, secret, monkeypatch):
    path, key = tmp_path / "node.key", NodeKey.generate()
    key.save(path)
    key.replace(path, PASSPHRASE)
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refusal, match=PASSPHRASE_VARIABLE):
        NodeKey.load(path)
    monkeypatch.setenv(PASSPHRASE_VARIABLE, str(secret))
    assert NodeKey.load(path).public == key.public
    secret.write_bytes(b"another horse battery staple")
    with pytest.raises(Refusal, match="that its passphrase opens") as refused:
        NodeKey.load(path)
    assert "horse" not in str(refused.value)
    monkeypatch.delenv(PASSPHRASE_VARIABLE)
    (tmp_path / "detente-passphrase").write_bytes(PASSPHRASE)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert NodeKey.load(path).encryption_public == key.encryption_public
    key.replace(path, None)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert NodeKey.load(path).public == key.public


def test_the_commands_encrypt_the_key_and_the_node_starts_with_it(tmp_path, secret):
    def detente(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "DETENTE_LANGUAGE": "en", **variables}
        command = [forked.program(), *arguments, "--dir", str(tmp_path / "north")]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)

    where = {PASSPHRASE_VARIABLE: str(secret)}
    assert detente("init", "--name", "north").returncode == 0
    config = Path(tmp_path / "north" / "detente.toml")
    config.write_text(config.read_text().replace("port = 8440", "port = 0"))
    encrypted = detente("key", "encrypt", "--passphrase-file", str(secret))
    assert encrypted.returncode == 0, encrypted.stderr
    refused = detente("node")
    assert (refused.returncode, PASSPHRASE_VARIABLE in refused.stderr) == (2, True)
    with subprocess.Popen(
        [forked.program(), "node", "--dir", str(tmp_path / "north")], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, **where},
    ) as node:  # fmt: skip
        try:
            assert node.stdout is not None
            assert any("Node runs at" in line for line in node.stdout)
            status = detente("status", **where)
            assert status.returncode == 0, status.stderr
        finally:
            node.terminate()
    for said in (encrypted, refused, status):
        assert PASSPHRASE.decode() not in said.stdout + said.stderr
    assert detente("key", "decrypt", **where).returncode == 0
    assert b"BEGIN PRIVATE KEY" in (tmp_path / "north" / "node.key").read_bytes()
