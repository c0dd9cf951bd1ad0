"""No secret is in a log, a journal, an argument or an environment, at the most talkative level of the log."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from parties import Party, area_plan, two_parties
from test_hostile_strangers import stop_arrives

from wire import Wire, request

PASSPHRASES = ("correct horse battery staple", "another horse battery staple")


def processes_of(party: Party) -> list[Path]:
    """The node and what it has started."""
    assert party.process is not None
    own = Path(f"/proc/{party.process.pid}")
    children = (own / "task" / own.name / "children").read_text().split()
    return [own, *(Path("/proc") / child for child in children)]


def with_secret(written: dict[str, bytes], secrets: dict[str, bytes]) -> list[tuple[str, str]]:
    """Where a secret is, and which: as it is, in hexadecimal and in base64."""
    found = []
    for name, secret in secrets.items():
        forms = {secret, secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret)}
        found += [(place, name) for place, data in written.items() if any(form in data for form in forms)]
    return found


def asked_wrongly(party: Party, token: str) -> None:
    """A token wherever it is of no use, and in requests that fail."""
    head = f"Authorization: Bearer {token}"
    json_type = "Content-Type: application/json"
    for sent in (
        request("GET", f"/status?token={token}"),
        request("GET", f"/sign-in?token={token}"),
        request("GET", f"/sign-in/{token}"),
        request("POST", "/sign-in", f'{{"token": ["{token}"]}}'.encode(), json_type),
        request("POST", "/sign-in", f'{{"token": "{token}"'.encode(), json_type),
        request("POST", "/sign-in", f'{{"token": "{token}", "more": 1}}'.encode(), json_type),
        request("POST", "/sign-in", f'{{"token": "x{token}"}}'.encode(), json_type),
        request("GET", "/status", b"", f"Authorization: Basic {token}"),
        request("GET", "/status", b"", f"Authorization: Bearer {token} {token}"),
        request("GET", "/status", b"", head, head),
        request("GET", f"/{token}", b"", head),
        request("GET", "/status", b"", f"Cookie: detente={token}"),
        request("POST", "/plans", b"{", head, json_type),
        f"GET /status HTTP/1.1\r\nHost: a b\r\n{head}\r\n\r\n".encode(),
    ):
        with Wire(party.port) as wire:
            wire.send(sent)
            wire.answer()


def test_no_secret_is_written_or_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / "key-passphrase", tmp_path / "backup-passphrase"]
    for file, passphrase in zip(files, PASSPHRASES, strict=True):
        file.write_text(passphrase)
        file.chmod(0o600)
    monkeypatch.setenv("DETENTE_PASSPHRASE_FILE", str(files[0]))
    with two_parties(tmp_path / "parties", tls=True, start=False) as (north, south):
        for party in (north, south):
            party.files.config_path.write_text(party.files.config_path.read_text() + '\n[log]\nlevel = "debug"\n')
        said = [north.cli("key", "encrypt", "--passphrase-file", str(files[0]))]
        begin_apart(north)
        south.start()
        north.imports(area_plan("first"))
        stop_arrives(north, south)
        stop_arrives(south, north)
        secrets = {name: secret.encode() for name, secret in zip(("key", "backup"), PASSPHRASES, strict=True)}
        secrets["metrics file"] = (north.path / "metrics-token").read_bytes().strip()
        for party in (north, south):
            secrets |= {f"{party.name} local": party.token.encode(), f"{party.name} private": private(party)}
        north.post("/people", {"name": "officer", "role": "duty_officer", "posts": ["watch"]})
        links = [north.link("officer") for _ in range(3)]
        secrets |= {f"link {number}": link.encode() for number, link in enumerate(links)}
        signed_in = north.ask("POST", "/sign-in", {"token": links[0], "bearer": True}, token=None)
        secrets["session"] = signed_in.json["token"].encode()
        cookie = north.ask("POST", "/sign-in", {"token": links[1]}, token=None).headers["set-cookie"]
        secrets["cookie"] = cookie.partition("=")[2].partition(";")[0].encode()
        secrets["metrics"] = north.cli("metrics-token", "create", "scraper").stdout.strip().encode()
        for name, secret in secrets.items():
            if not name.endswith("private"):
                asked_wrongly(north, secret.decode())
        monkeypatch.setenv("DETENTE_TOKEN", secrets["session"].decode())
        said += [north.cli("status"), north.cli("session", "list"), north.cli("backup", "--out", str(tmp_path / "b"))]
        monkeypatch.delenv("DETENTE_TOKEN")
        sealed = ("backup", "--out", str(tmp_path / "sealed"), "--passphrase-file", str(files[1]))
        said += [north.cli(*sealed), north.cli("line", "show"), north.cli("doctor", "--json")]
        assert [one.returncode for one in said[:-1]] == [0] * (len(said) - 1), "what each says is looked at"
        written = {f"command {number}": (one.stdout + one.stderr).encode() for number, one in enumerate(said)}
        for party in (north, south):
            for process in processes_of(party):
                for file in ("cmdline", "environ") if party is north else ("cmdline",):
                    written[f"{party.name} {process.name} {file}"] = (process / file).read_bytes()
            assert party.stop() == 0
            written[f"{party.name} says"] = party.said.encode()
            for path in party.path.rglob("*"):
                if path.is_file() and path.name not in ("node.key", "metrics-token"):
                    written[str(path.relative_to(tmp_path))] = path.read_bytes()
        written["sealed backup"] = (tmp_path / "sealed").read_bytes()
        assert b"not let in" in written["parties/north/log.jsonl"], "what was refused is in the log, without the token"
        assert with_secret(written, secrets) == []
        assert with_secret({"itself": secrets["session"]}, secrets) == [("itself", "session")]


def begin_apart(party: Party) -> None:
    """Start a node as its operator does, so that the arguments of its process are its own."""
    command = [sys.executable, "-m", "detente", "node", "--dir", str(party.path)]
    with (party.path / "log.jsonl").open("a") as log:
        party.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ})
    party.wait()


def private(party: Party) -> bytes:
    """The private key of a party, 32 bytes."""
    key: Any = party.key._private
    raw: bytes = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return raw
