"""The programs do their work although every system call that their units forbid is answered with EPERM."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "tests" / folder) for folder in ("node", "utm")]
from dss_process import intent, intent_path, running  # noqa: E402 - from folders of tests beside this one
from parties import area_plan, two_parties  # noqa: E402

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        None in (shutil.which("strace"), shutil.which("systemd-analyze")), reason="strace or systemd is not installed"
    ),
]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def sets() -> dict[str, set[str]]:
    """The sets of system calls that systemd knows, by name."""
    shown = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, set[str]] = {}
    for line in COLOUR.sub("", shown).splitlines():
        word = line.strip()
        if line.startswith("@"):
            found[word] = members = set()
        elif word and not word.startswith("#"):
            members.add(word)
    return found


def whole(name: str, known: dict[str, set[str]]) -> set[str]:
    """The system calls of a set, with those of the sets in it."""
    return {call for word in known[name] for call in (whole(word, known) if word.startswith("@") else {word})}


def forbidden(unit: str) -> set[str]:
    """The system calls that a unit forbids."""
    known = sets()
    text = (ROOT / "deploy" / "systemd" / unit).read_text(encoding="utf-8")
    allowed: set[str] = set()
    for rule in re.findall("^SystemCallFilter=(.*)$", text, re.MULTILINE):
        calls = {call for name in rule.removeprefix("~").split() for call in whole(name, known)}
        allowed = allowed - calls if rule.startswith("~") else allowed | calls
    assert "read" in allowed
    return whole("@known", known) - allowed if "@known" in known else {*().union(*known.values())} - allowed


def traced(unit: str) -> tuple[str, ...]:
    """What stands before a command whose forbidden system calls fail."""
    calls = ",".join(f"?{call}" for call in sorted(forbidden(unit)) if not call.startswith("@"))
    return ("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:error=EPERM")


def test_the_civil_service_works_within_its_unit(tmp_path: Path) -> None:
    with running(tmp_path, "--snapshot-every", "1", before=traced("detente-dss.service")) as service:
        assert service.ask("PUT", intent_path(), intent(), service.token())[0] == 201
        assert service.ask("GET", "/ready")[0] == 200
    assert (tmp_path / "snapshot.msgpack").exists()


def test_a_node_works_within_its_unit(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        command = [*traced("detente.service"), sys.executable, "-m", "detente", "node", "--dir", north.path]
        with (north.path / "log.jsonl").open("a") as log:
            north.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        north.wait()
        south.start()
        north.imports(area_plan("n"))
        south.imports(area_plan("s"))
        north.until(lambda: north.get("/conflicts"), "finds the conflict")
        assert north.ask("GET", "/ready").status == 200
        north.process.send_signal(signal.SIGTERM)
        assert north.process.wait(60) == 0
        north.process.stdout.close()
        north.process = None
