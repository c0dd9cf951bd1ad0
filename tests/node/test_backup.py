"""A backup of a running node holds all of it, and proves it; a moved node never starts again."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from parties import Party, area_plan, two_parties
from test_node_line import arrived, send
from test_set_back import kinds, plans, settled

import forked
from detente.settings.last_backup import last_backup

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Party]:
    """North, stopped, with some journal."""
    with two_parties(tmp_path / "parties") as (north, south):
        north.imports(*(area_plan(f"p{number}", number) for number in range(20)))
        settled(north, south)
        north.stop()
        yield north


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE + "\n")
    file.chmod(0o600)
    return file


def detente(*arguments: object, **more: object) -> subprocess.CompletedProcess[str]:
    command = [forked.program(), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **more)  # type: ignore[call-overload,no-any-return]


def kept(directory: Path) -> dict[str, bytes]:
    names = ("node.key", "card.json", "detente.toml", "accord.toml", "trusted/south.json")
    return {name: (directory / name).read_bytes() for name in names}


def test_a_running_node_is_backed_up_lost_and_restored(tmp_path: Path) -> None:
    with two_parties(tmp_path / "parties") as (north, south):
        north.imports(area_plan("before"))
        made = north.cli("backup", "--out", str(tmp_path / "north.tar"))
        assert made.returncode == 0, made.stderr
        assert "Read again and proven" in made.stdout
        assert last_backup(north.path) is not None
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "hears what the backup has not")
        settled(north)
        north.kill()
        files = kept(north.path)
        shutil.rmtree(north.path)
        restored = detente("restore", tmp_path / "north.tar", "--dir", north.path)
        assert restored.returncode == 0, restored.stderr
        assert kept(north.path) == files
        assert all(path.stat().st_mode & 0o077 == 0 for path in [north.path, *north.path.rglob("*")])
        north.start()
        assert plans(north) == {"before"}
        south.until(lambda: "set_back" in kinds(south, "north"), "is told")
        again = send(north, "south", "radio_check")
        assert again != sent
        south.until(lambda: arrived(south, "north", again), "hears it")


def test_a_restored_node_has_the_certificate_that_its_configuration_names(node: Party, tmp_path: Path) -> None:
    (node.path / "tls").mkdir()
    for name in ("operators.pem", "operators.key"):
        (node.path / "tls" / name).write_text(name)
    text = node.files.config_path.read_text()
    named = 'certificate = "tls/operators.pem"\nprivate_key = "tls/operators.key"\n'
    node.files.config_path.write_text(text.replace("[http]\n", f"[http]\n{named}"))
    assert node.cli("backup", "--out", str(tmp_path / "made.tar")).returncode == 0
    assert detente("restore", tmp_path / "made.tar", "--dir", tmp_path / "again").returncode == 0
    for name in ("operators.pem", "operators.key"):
        assert (tmp_path / "again" / "tls" / name).read_text() == name


@pytest.mark.long
def test_an_encrypted_backup_opens_with_its_passphrase_alone(node: Party, tmp_path: Path, passphrase: Path) -> None:
    sealed = tmp_path / "sealed.tar"
    assert node.cli("backup", "--out", str(sealed), "--passphrase-file", str(passphrase)).returncode == 0
    assert b"PRIVATE KEY" not in sealed.read_bytes()
    assert sealed.stat().st_mode & 0o077 == 0
    missing = detente("restore", sealed, "--dir", tmp_path / "new")
    assert (missing.returncode, "is encrypted" in missing.stderr) == (2, True)
    other = tmp_path / "other"
    other.write_text("another horse battery staple")
    other.chmod(0o600)
    wrong = detente("restore", sealed, "--dir", tmp_path / "new", "--passphrase-file", other)
    assert (wrong.returncode, "it was encrypted" in wrong.stderr) == (2, True)
    assert not (tmp_path / "new").exists()
    with passphrase.open("rb") as stream:
        opened = detente("restore", sealed, "--dir", tmp_path / "new", "--passphrase-file", "fd:0", stdin=stream)
    assert opened.returncode == 0, opened.stderr
    assert kept(tmp_path / "new") == kept(node.path)
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(tmp_path)}
    credential = detente(
        "restore", sealed, "--dir", tmp_path / "other-new", "--passphrase-file", "credential:passphrase",
        env=environment,
    )  # fmt: skip
    assert credential.returncode == 0, credential.stderr
    for text in (missing, wrong, opened, credential):
        assert PASSPHRASE not in text.stdout + text.stderr


def test_a_passphrase_that_others_may_read_or_guess_is_refused(node: Party, tmp_path: Path, passphrase: Path) -> None:
    passphrase.chmod(0o644)
    out = tmp_path / "b.tar"
    refused = node.cli("backup", "--out", str(out), "--passphrase-file", str(passphrase))
    assert (refused.returncode, "only its owner may read" in refused.stderr) == (2, True)
    passphrase.chmod(0o600)
    passphrase.write_text("short")
    refused = node.cli("backup", "--out", str(out), "--passphrase-file", str(passphrase))
    assert (refused.returncode, "at least 12 characters" in refused.stderr) == (2, True)
    for source in ("fd:99", "fd:x", "credential:none", str(tmp_path / "none")):
        assert node.cli("backup", "--out", str(out), "--passphrase-file", source).returncode == 2, source
    assert not out.exists()


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.97])
def test_a_changed_backup_is_refused_and_makes_nothing(node: Party, tmp_path: Path, share: float) -> None:
    out = tmp_path / "b.tar"
    assert node.cli("backup", "--out", str(out)).returncode == 0
    data = bytearray(out.read_bytes().rstrip(b"\0"))
    data[int(share * len(data))] ^= 1
    out.write_bytes(data)
    refused = detente("restore", out, "--dir", tmp_path / "new")
    assert refused.returncode == 2, refused.stdout
    assert not (tmp_path / "new").exists()
    assert "Traceback" not in refused.stderr


def test_a_journal_that_is_not_proven_is_not_backed_up(node: Party, tmp_path: Path) -> None:
    with closing(sqlite3.connect(node.files.journal_path)) as connection, connection:
        connection.execute("UPDATE entry SET body = x'00' WHERE number = 3")
    refused = node.cli("backup", "--out", str(tmp_path / "b.tar"))
    assert refused.returncode == 3
    assert "entry 3" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["parties"]


def test_what_exists_is_never_overwritten(node: Party, tmp_path: Path) -> None:
    out = tmp_path / "b.tar"
    assert node.cli("backup", "--out", str(out)).returncode == 0
    before = out.read_bytes()
    assert node.cli("backup", "--out", str(out)).returncode == 2
    assert out.read_bytes() == before
    assert detente("restore", out, "--dir", node.path).returncode == 2
    assert detente("restore", node.path / "card.json", "--dir", tmp_path / "new").returncode == 2


def test_a_moved_node_never_starts_again(node: Party, tmp_path: Path) -> None:
    out = tmp_path / "moved.tar"
    node.start()
    refused = node.cli("move", "--out", str(out))
    assert (refused.returncode, "Stop the other node first" in refused.stderr) == (2, True)
    node.stop()
    assert node.cli("move", "--out", str(out)).returncode == 0
    again = node.cli("node")
    assert (again.returncode, "two nodes with one key" in again.stderr) == (2, True)
    assert node.cli("node", language="fr").returncode == 2
    assert detente("restore", out, "--dir", tmp_path / "new").returncode == 0
    shutil.rmtree(node.path)
    (tmp_path / "new").rename(node.path)
    node.start()
