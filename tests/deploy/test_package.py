"""What is installed beside the program, the units that run it, and the Debian package as a whole."""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import forked

ROOT = Path(__file__).parents[2]
SYSTEMD = ROOT / "deploy" / "systemd"
UNITS = ["detente.service", "detente-dss.service"]
MOST_EXPOSED = 2.0
"""Of 10, as `systemd-analyze security` counts."""
FOR_DEVELOPMENT = {
    "faker", "httpx", "hypothesis", "litestar-htmx", "mypy", "polyfactory", "pytest", "python-dotenv", "rich-click",
    "ruff", "schemathesis", "watchfiles", "websockets",
}  # fmt: skip
with_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


def runtime() -> set[str]:
    """The names of what a plain install has, by the lock file."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    packages = {one["name"]: one for one in lock["package"]}
    found, left = set(), ["detente"]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [
                needed["name"]
                for needed in packages[name].get("dependencies", [])
                if "win32" not in needed.get("marker", "")
            ]
    return found - {"detente"}


def test_nothing_that_only_development_needs_is_installed_with_the_program() -> None:
    assert not runtime() & FOR_DEVELOPMENT


def test_the_list_of_parts_is_that_of_the_runtime() -> None:
    done = subprocess.run(["make", "-s", "sbom"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads((ROOT / "build" / "detente-sbom.json").read_text(encoding="utf-8"))
    assert document["bomFormat"] == "CycloneDX"
    assert {part["name"] for part in document["components"]} >= runtime()
    assert not {part["name"] for part in document["components"]} & FOR_DEVELOPMENT


class Weaknesses(BaseHTTPRequestHandler):
    """Answers as OSV does: one weakness of the first part that is asked about."""

    found = True

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        known = [{"vulns": [{"id": "TEST-1", "modified": "2026-01-01T00:00:00Z"}]}] if self.found else [{}]
        self.say({"results": [*known, *({} for _ in asked[1:])]})

    def do_GET(self) -> None:
        self.say({"id": "TEST-1", "modified": "2026-01-01T00:00:00Z", "summary": "it breaks", "affected": []})

    def say(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def osv(*, found: bool) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answering", (Weaknesses,), {"found": found}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def audited(url: str, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "UV_HTTP_RETRIES": "0"}
    command = ["make", "-s", "audit", f"OSV={url}", *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.long
def test_an_audit_fails_for_a_weakness_and_never_passes_for_what_was_not_looked_at() -> None:
    with osv(found=True) as url:
        done = audited(url, "IF_REACHABLE=1")
        assert done.returncode != 0
        assert "TEST-1" in done.stdout + done.stderr
    with osv(found=False) as url:
        assert audited(url).returncode == 0
    assert audited(url).returncode != 0, "nobody answers there now"
    let_pass = audited(url, "IF_REACHABLE=1")
    assert let_pass.returncode == 0
    assert "NOTHING WAS LOOKED AT" in let_pass.stdout


def unit(name: str) -> list[tuple[str, str]]:
    """The settings of a unit, in order."""
    lines = (SYSTEMD / name).read_text(encoding="utf-8").splitlines()
    return [(key, value) for line in lines if not line.startswith(("#", "[")) and "=" in line
            for key, _, value in [line.partition("=")]]  # fmt: skip


@with_systemd
@pytest.mark.parametrize("name", UNITS)
def test_units_are_as_systemd_reads_them_and_closed(name: str, tmp_path: Path) -> None:
    """The program is elsewhere on this machine: what the unit starts is exchanged for something that is there."""
    text = (SYSTEMD / name).read_text(encoding="utf-8").replace("/usr/bin/detente", shutil.which("true") or "")
    (tmp_path / name).write_text(text)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", tmp_path / name],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stderr) == (0, "")
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={int(MOST_EXPOSED * 10)}", tmp_path / name],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert rated.returncode == 0, rated.stdout[-500:]


def test_the_units_start_commands_that_there_are() -> None:
    for name in UNITS:
        (command,) = [value for key, value in unit(name) if key == "ExecStart"]
        words = [word for word in command.split()[1:] if not word.startswith("$")]
        done = subprocess.run([forked.program(), *words, "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    defaults = configparser.ConfigParser()
    defaults.read_string("[unit]\n" + (SYSTEMD / "detente-dss.default").read_text(encoding="utf-8"))
    options = defaults["unit"]["OPTIONS"].strip('"').split()
    assert (
        subprocess.run([forked.program(), "dss", *options, "--help"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.long
@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="this is no Debian")
def test_the_package_is_whole_and_its_program_runs_from_where_it_is_unpacked(tmp_path: Path) -> None:
    place = tmp_path / "root"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    built = subprocess.run(
        ["make", "-s", "deb", f"BUILD={tmp_path}", f"PYTHON={sys.executable}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (package,) = tmp_path.glob("*.deb")
    (place / "var/lib/dpkg").mkdir(parents=True)
    unpacked = subprocess.run(
        ["dpkg", f"--root={place}", "--force-not-root", "--force-depends", "--unpack", package],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert unpacked.returncode == 0, unpacked.stderr
    sums = (place / "var/lib/dpkg/info/detente.md5sums").read_text(encoding="utf-8").splitlines()
    assert len(sums) > 1000
    for line in sums[::50]:
        digest, _, file = line.partition("  ")
        if not file.startswith("etc/"):  # dpkg puts these in place when it configures
            assert hashlib.md5((place / file).read_bytes()).hexdigest() == digest, file
    for script in ("postinst", "prerm"):
        assert subprocess.run(["sh", "-n", place / f"var/lib/dpkg/info/detente.{script}"], check=False).returncode == 0
    program = place / "usr/bin/detente"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, env=environment, check=True).stdout
    version = subprocess.run(["dpkg-deb", "--field", package, "Version"], capture_output=True, text=True, check=True)
    assert said.strip() == f"detente {version.stdout.strip()}"
    node = tmp_path / "node"
    for words in (("init", "--dir", node, "--name", "north"), ("journal", "verify", node / "journal.sqlite")):
        done = subprocess.run([program, *words], capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
    installed = {file.name.partition("-")[0].lower() for file in (place / "usr/lib/detente").rglob("*.dist-info")}
    assert {name.replace("-", "_") for name in runtime()} <= {name.replace("-", "_") for name in installed}
    assert not installed & {name.replace("-", "_") for name in FOR_DEVELOPMENT}
    assert re.search("CycloneDX", (place / "usr/share/doc/detente/sbom.json").read_text(encoding="utf-8"))
