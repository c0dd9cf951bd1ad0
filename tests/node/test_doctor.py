"""`detente doctor` as an operator runs it: what is well, what is to be mended and how, with the node running or not."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from parties import PATIENCE_S, Party, accord_of, two_parties

import forked
from detente.accord.terms import format_accord
from detente.airspace.plan import TimeWindow
from detente.cli.exit_codes import ExitCode
from detente.link.trust import write_durably
from detente.record.journal import Journal
from detente.record.keys import PASSPHRASE_VARIABLE, NodeKey
from detente.settings.last_backup import LAST_BACKUP_FILE, LastBackup

OF_THE_MACHINE = {"clock", "disk", "descriptors"}
"""What this machine may lack, whatever the node is like."""


def back_up(party: Party, age: timedelta) -> None:
    record = LastBackup(datetime.now(UTC) - age, "/media/stick/north")
    write_durably(party.path / LAST_BACKUP_FILE, msgspec.json.encode(record))


def examined(party: Party, language: str = "en") -> list[dict[str, str]]:
    """What the doctor found, after a look at the exit code; what the machine lacks is left out."""
    done = party.cli("doctor", "--json", language=language)
    assert not done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (ExitCode.TO_MEND if document["to_mend"] else ExitCode.DONE)
    found = [one for one in document["checks"] if one["check"] not in OF_THE_MACHINE]
    assert all(bool(one["mend"]) == (one["condition"] == "to_mend") for one in found), found
    return found


def to_mend(party: Party) -> dict[str, str]:
    return {one["check"]: f"{one['said']} {one['mend']}" for one in examined(party) if one["condition"] == "to_mend"}


def test_all_is_well_with_a_node_that_runs_and_each_fault_is_found(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        back_up(north, timedelta(hours=3))
        assert [one["condition"] for one in examined(north) if one["check"] == "peer"] == ["unknown"], "never heard"
        south.post("/line/messages", {"peer": "north", "code": "radio_check"})
        north.until(lambda: north.get("/peers")[0]["heard_at"], "hears its peer")
        assert to_mend(north) == {}
        said = {one["check"]: one["said"] for one in examined(north)}
        assert "south was heard" in said["peer"]
        assert "30 days left" in said["accord"] or "29 days left" in said["accord"]
        assert "3 h" in said["backup"]
        south.kill()
        (sent,) = north.post("/line/stop", {})["message_ids"]
        north.until(lambda: north.get("/peers")[0]["channels"]["stop"]["delivery"]["failures"], "fails")
        (north.path / "metrics-token").chmod(0o644)
        back_up(north, timedelta(days=3))
        found = to_mend(north)
        assert set(found) == {"keys", "stop", "peer", "backup"}
        assert sent in found["stop"]
        assert "does not arrive" in found["peer"]
        assert "telephone" in found["peer"]
        assert f"chmod 600 {north.path}/metrics-token" in found["keys"]
        assert "stop" in north.cli("doctor", "--quiet").stdout.split()


def test_a_node_that_does_not_run_is_looked_at_all_the_same(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        Journal.open(north.files.journal_path, north.key).close()
        terms = accord_of(north, south)
        soon = TimeWindow(terms.valid.start, datetime.now(UTC) + timedelta(days=5, hours=1))
        (north.path / "accord.toml").write_text(format_accord(msgspec.structs.replace(terms, valid=soon)))
        with socket.create_server(("127.0.0.1", north.port)):
            found = to_mend(north)
        assert set(found) == {"node", "port", "accord", "peer", "backup"}
        assert f"detente node --dir {north.path}" in found["node"]
        assert str(north.port) in found["port"]
        assert "5 days left" in found["accord"]
        assert f":{south.link_port}:" in found["peer"]
        with socket.create_server(("127.0.0.1", south.link_port)):
            assert "peer" not in to_mend(north)


@pytest.mark.parametrize(
    ("file", "text", "check"),
    [
        ("detente.toml", "party = 3", "configuration"),
        ("accord.toml", "name = 3", "accord"),
        ("journal.sqlite", "", "disk"),
    ],
)
def test_a_broken_file_is_a_finding_and_no_end(tmp_path: Path, file: str, text: str, check: str) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        if check != "disk":
            (north.path / file).write_text(text)
        done = north.cli("doctor", "--json")
        assert done.returncode == ExitCode.TO_MEND
        found = {one["check"]: one for one in json.loads(done.stdout)["checks"] if one["condition"] == "to_mend"}
        assert file in found[check]["said"]


@pytest.mark.parametrize(
    "lost", ["missing", "cut", "other key", "half rotated", "unpaired", "other accord key", "link port"]
)
def test_what_a_stopped_node_lacks_is_read_in_its_directory(tmp_path: Path, lost: str) -> None:
    with two_parties(tmp_path, start=False) as (north, south), contextlib.ExitStack() as stack:
        back_up(north, timedelta(hours=3))
        path = north.files.journal_path
        with Journal.open(path, north.key) as journal:
            journal.append([("note", b"one")], datetime.now(UTC))
            before = path.read_bytes()
            journal.append([("note", b"two")], datetime.now(UTC))
        assert set(to_mend(north)) == {"node", "peer"}
        match lost:
            case "missing":
                path.unlink()
            case "cut":
                with Journal.open(tmp_path / "other.sqlite", north.key) as journal:
                    journal.append([("note", b"one")], datetime.now(UTC))
                path.write_bytes((tmp_path / "other.sqlite").read_bytes())
                assert before
            case "other key":
                path.unlink()
                (north.path / "journal.sqlite.head").unlink()
                with Journal.open(path, NodeKey.generate()) as journal:
                    journal.append([("note", b"one")], datetime.now(UTC))
            case "half rotated":
                NodeKey.generate().save(north.files.next_key_path)
            case "unpaired":
                north.files.trust.distrust("south")
            case "other accord key":
                south.key = NodeKey.generate()
                (north.path / "accord.toml").write_text(format_accord(accord_of(north, south)))
            case _:
                stack.enter_context(socket.create_server(("127.0.0.1", north.link_port)))
        found = to_mend(north)
        check, said = {
            "missing": ("journal", "journal.sqlite"), "cut": ("journal", "1 that were acknowledged"),
            "other key": ("journal", "not signed by the key"), "half rotated": ("keys", "cut short"),
            "unpaired": ("peer", "detente pair"), "other accord key": ("accord", "another key for south"),
            "link port": ("port", f"{north.link_port}), or set another link.port"),
        }[lost]  # fmt: skip
        assert said in found[check], found
        assert set(found) <= {"node", "peer", "disk", check}


@pytest.mark.long
def test_a_backup_of_before_the_key_was_rotated_is_said_to_be_one(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, _):
        back_up(north, timedelta(hours=3))
        assert north.cli("key", "rotate").returncode == 0
        assert "before the key was rotated" in to_mend(north)["backup"]


def test_a_key_that_others_can_read_and_one_that_is_not_the_card_s(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        north.files.key_path.chmod(0o640)
        assert "chmod 600" in to_mend(north)["keys"]
        north.files.key_path.write_bytes(south.files.key_path.read_bytes())
        north.files.key_path.chmod(0o600)
        assert "card.json" in to_mend(north)["keys"]


def test_an_encrypted_key_is_no_fault_where_its_passphrase_is_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse battery staple")
    secret.chmod(0o600)
    with two_parties(tmp_path, start=False) as (north, _):
        assert north.cli("key", "encrypt", "--passphrase-file", str(secret)).returncode == 0
        (keys,) = [one for one in examined(north) if one["check"] == "keys"]
        assert (keys["condition"], "encrypted" in keys["said"]) == ("unknown", True)
        monkeypatch.setenv(PASSPHRASE_VARIABLE, str(secret))
        assert [one["condition"] for one in examined(north) if one["check"] == "keys"] == ["well"]
        secret.write_text("another horse battery staple")
        assert "passphrase" in to_mend(north)["keys"]


def test_it_is_said_in_french_and_fits_a_screen(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, _):
        done = north.cli("doctor", language="fr")
        assert "à réparer" in done.stdout
        assert len(done.stdout.splitlines()) <= 24
        for word in ("expected", "Mend", "days", "heard"):
            assert word not in done.stdout


def test_where_no_node_is_the_command_says_so(tmp_path: Path) -> None:
    command = [forked.program(), "doctor", "--dir", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == ExitCode.BAD_INPUT
    assert "detente init" in done.stderr
