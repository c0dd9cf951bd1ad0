"""The plug is pulled: whatever the disk may hold at any moment, what had been acknowledged by then is in it.

A killed process loses nothing that it wrote; a machine without power loses what was not yet on the disk. So the system
calls of a real process are traced, and the disk is rebuilt from them as a loss of power could leave it at that moment:
no written byte counts that no fsync brought down. Any acknowledgement counts from the moment its bytes were given to
the socket.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path
from uuid import uuid4

import pytest
from dss_process import URL, DssProcess, extents, intent, intent_path, running
from traced_disk import COMMAND, SOCKET, Call, TracedDisk, calls

from detente.record.verification import verify_journal
from detente.utm.service.process import open_journal
from detente.utm.service.snapshot import restore

WRITERS, WRITES, MOMENTS = 8, 60, 40
ACKNOWLEDGED = re.compile(
    rb'HTTP/1.1 20[01] .*"id":"(?P<id>[0-9a-f-]{36})".*"version":(?P<version>\d+),.*"ovn":"(?P<ovn>[^"]+)"', re.DOTALL
)


def load(service: DssProcess) -> None:
    """Create and update intents from several clients at once, so that their writes share fsyncs."""

    def client(number: int) -> None:
        headers = {"Authorization": f"Bearer {service.token(subject=f'uss{number}')}"}
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=120.0)
        path, ovn = "", ""
        for count in range(WRITES):
            body = intent(
                extents(8.0 * number, 8.0, (10.0 * count, 10.0 * count + 5.0)), new_subscription={"uss_base_url": URL}
            )
            path = path if count % 2 else intent_path(str(uuid4()))
            connection.request("PUT", f"{path}/{ovn}" if count % 2 else path, json.dumps(body), headers)
            answer = connection.getresponse()
            document = json.loads(answer.read())
            assert answer.status in (200, 201), document
            ovn = document["operational_intent_reference"]["ovn"]
        connection.close()

    clients = [threading.Thread(target=client, args=(number,)) for number in range(WRITERS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()


def acknowledged_by(call: Call) -> tuple[str, int, str] | None:
    """Id, version and OVN of the intent that a write to a socket acknowledges."""
    if not call.path.startswith(SOCKET):
        return None
    found = ACKNOWLEDGED.search(b"".join(call.strings))
    return (found["id"].decode(), int(found["version"]), found["ovn"].decode()) if found else None


@pytest.mark.long
def test_what_was_acknowledged_is_on_the_disk_when_the_power_goes(tmp_path: Path) -> None:
    assert shutil.which("strace"), "this test watches the system calls: install strace"
    directory, before, trace = tmp_path / "dss", tmp_path / "before", tmp_path / "trace"
    with running(directory):
        pass
    subprocess.run(["sync", "-f", str(directory)], check=True)
    shutil.copytree(directory, before)
    with running(directory, before=(*COMMAND, str(trace))) as service:
        load(service)
    made = list(calls(whole(trace)))

    sends = {call.begins: shown for call in made if (shown := acknowledged_by(call)) is not None}
    assert len(sends) == WRITERS * WRITES
    syncs = [call for call in made if call.name == "fdatasync" and call.path.endswith("-wal")]
    assert 1 < len(syncs) < len(sends), "writes that wait together share an fsync"

    chance = random.Random(5)
    moments = sorted({*chance.sample(sorted(sends), MOMENTS), max(sends)})
    disk, at = TracedDisk(directory, before), 0
    for number, moment in enumerate(moments):
        # The power goes when the bytes of this answer are given to the socket.
        while made[at].ends < moment:
            disk.apply(made[at])
            at += 1
        told: dict[str, tuple[int, str]] = {}
        for when, (name, version, ovn) in sends.items():
            if when <= moment:
                told[name] = max(told.get(name, (0, "")), (version, ovn))
        left = tmp_path / f"left{number}"
        disk.after_power_loss(left, chance, (0.0, 0.5, 1.0)[number % 3])
        look(left, told)
        shutil.rmtree(left)

    # Were the fsyncs not there, this would be seen.
    disk = TracedDisk(directory, before)
    for call in made:
        if call.ends < moments[-1] and call.name not in ("fsync", "fdatasync"):
            disk.apply(call)
    disk.after_power_loss(tmp_path / "unsynced", chance, 0.0)
    with pytest.raises(KeyError):
        look(tmp_path / "unsynced", told)


def whole(trace: Path) -> list[str]:
    """The lines of a trace, once the tracer has seen the process end."""
    deadline = time.monotonic() + 120.0
    while True:
        lines = trace.read_text().splitlines()
        if lines and "exited with" in lines[-1]:
            return lines
        assert time.monotonic() < deadline
        time.sleep(0.1)


def look(directory: Path, told: dict[str, tuple[int, str]]) -> None:
    """The journal opens, verifies, and holds at least what was told."""
    with open_journal(directory) as journal:
        state, _ = restore(directory, journal)
    assert verify_journal(directory / "dss-journal.sqlite", None).ok
    for name, (version, ovn) in told.items():
        held = state.dss.intents[name]
        assert held.version >= version
        assert held.version > version or held.ovn == ovn
