"""What those who run the service see of it: readiness, metrics, the log of requests, and snapshots over crashes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dss_process import DssProcess, extents, intent, intent_path, running

from detente.utm.service.request_log import RequestLine, RequestLog
from ports import free_port

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DssProcess]:
    with running(tmp_path_factory.mktemp("operations")) as process:
        yield process


def metrics(service: DssProcess) -> dict[str, float]:
    token = (service.directory / "metrics-token").read_text().strip()
    status, text, headers = service.exchange("GET", "/metrics", token=token)
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        name: float(value)
        for name, value in re.findall(r"^([a-z_]+(?:\{.*\})?) (\S+)$", text.decode(), re.MULTILINE)
    }  # fmt: skip


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"never {what}"
        time.sleep(0.02)


def write(service: DssProcess, count: int) -> None:
    token = service.token()
    for number in range(count):
        height = 10.0 * number
        here = intent(extents(70.0, heights=(height, height + 5.0)))
        status, _ = service.ask("PUT", intent_path(), here, token)
        assert status in (201, 409)


def logged(service: DssProcess) -> list[dict[str, object]]:
    file = service.directory / "requests.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_ready_and_healthy_are_answered_to_get_and_head_without_a_token(service: DssProcess) -> None:
    assert service.ask("GET", "/ready") == (200, {"ready": True, "lacks": []})
    for path in ("/ready", "/healthy", "/aux/v1/version"):
        whole = service.exchange("GET", path)[2]
        status, body, head = service.exchange("HEAD", path)
        assert (status, body) == (200, b"")
        assert head == whole
    assert service.ask("HEAD", "/nowhere")[0] == 404


def test_a_service_without_a_key_to_judge_tokens_by_is_healthy_and_not_ready(tmp_path: Path) -> None:
    with running(tmp_path, "--jwks", f"http://127.0.0.1:{free_port()}/jwks.json") as service:
        assert service.ask("GET", "/healthy")[0] == 200
        assert service.ask("GET", "/ready") == (503, {"ready": False, "lacks": ["a key that signs tokens"]})
        assert service.ask("HEAD", "/ready") == (503, b"")


def test_metrics_need_the_token_of_the_directory(service: DssProcess) -> None:
    file = service.directory / "metrics-token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for token in (None, "", "wrong", service.token()):
        assert service.ask("GET", "/metrics", token=token)[0] == 401
    before = metrics(service)
    write(service, 3)
    after = metrics(service)
    name = 'detente_dss_requests_total{method="PUT",path="/dss/v1/operational_intent_references/{}",status="201"}'
    assert after[name] == before.get(name, 0.0) + 3.0
    assert after['detente_dss_entities{kind="operational_intent"}'] >= 3.0
    assert after["detente_dss_request_seconds_count"] > before["detente_dss_request_seconds_count"]
    assert 0.0 < after["detente_disk_free_bytes"] <= after["detente_disk_bytes"]
    assert after["process_open_fds"] < after["process_max_fds"]


def test_every_answer_is_one_line_of_the_log_and_no_token_is_in_it(service: DssProcess) -> None:
    token, path = service.token(), intent_path()
    service.ask("GET", f"{path}?access_token={token}", token=token)
    service.ask("GET", path, token="not.a.token")
    service.ask("GET", "/secret/" + "x" * 4000)
    with socket.create_connection(("127.0.0.1", service.port)) as wire:
        wire.sendall(b"nonsense\r\n\r\n")
        assert wire.recv(1000).startswith(b"HTTP/1.1 400")
    until(lambda: any(line["status"] == 400 and not line["path"] for line in logged(service)), "written")
    lines = {(line["path"], line["status"], line["client"]) for line in logged(service)}
    assert {(path, 404, "uss1"), (path, 401, ""), (("/secret/" + "x" * 4000)[:200], 404, "")} <= lines
    text = (service.directory / "requests.jsonl").read_text()
    assert token not in text
    assert "not.a.token" not in text
    assert stat.S_IMODE((service.directory / "requests.jsonl").stat().st_mode) == 0o600


def test_the_log_stays_within_its_bound_and_keeps_the_newest(tmp_path: Path) -> None:
    requests = RequestLog(tmp_path, 20_000)
    for number in range(500):
        requests.note(RequestLine(datetime.now(UTC), "::1", "uss1", "GET", f"/{number}", 200, 0, 10, 0.001))
        requests.flush()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["requests.jsonl", "requests.jsonl.1"]
    assert sum(file.stat().st_size for file in files) <= 20_000
    kept = [json.loads(line)["path"] for file in reversed(files) for line in file.read_text().splitlines()]
    assert kept == [f"/{number}" for number in range(500 - len(kept), 500)]


def test_what_cannot_be_logged_is_dropped_and_counted(tmp_path: Path) -> None:
    (tmp_path / "requests.jsonl").mkdir()
    requests = RequestLog(tmp_path, 20_000)
    requests.note(RequestLine(datetime.now(UTC), "", "", "GET", "/", 200, 0, 0, 0.0))
    requests.flush()
    assert requests.dropped == 1


def test_a_service_that_is_killed_again_and_again_takes_its_snapshot(tmp_path: Path) -> None:
    for _ in range(3):
        service = DssProcess(tmp_path, "--snapshot-every", "25")
        write(service, 10)
        last = metrics(service)
        if last['detente_dss_snapshots{result="taken"}']:
            break
        service.kill()
    else:
        service = DssProcess(tmp_path, "--snapshot-every", "25")
    try:
        until(lambda: metrics(service)['detente_dss_snapshots{result="taken"}'] == 1.0, "taken")
        assert (tmp_path / "snapshot.msgpack").exists()
        assert metrics(service)["detente_dss_entries_after_snapshot"] <= 10.0
    finally:
        service.kill()
    with running(tmp_path, "--snapshot-every", "25") as again:
        assert metrics(again)["detente_dss_entries_after_snapshot"] <= 10.0


def test_a_snapshot_that_fails_is_reported_and_the_service_goes_on(tmp_path: Path) -> None:
    with running(tmp_path, "--snapshot-every", "5") as service:
        (tmp_path / "snapshot.msgpack").mkdir()
        write(service, 6)
        until(lambda: metrics(service)['detente_dss_snapshots{result="failed"}'] == 1.0, "reported")
        (tmp_path / "snapshot.msgpack").rmdir()
        write(service, 5)
        until(lambda: metrics(service)['detente_dss_snapshots{result="taken"}'] == 1.0, "taken after all")
    assert not [*tmp_path.glob("snapshot.msgpack.*")], "nothing unfinished is left"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at the descriptors of a process in /proc")
def test_a_snapshot_under_way_keeps_no_port_and_no_lock_from_the_next_start(tmp_path: Path) -> None:
    service = DssProcess(tmp_path, "--snapshot-every", "5")
    writer = threading.Thread(target=suppressed_writes, args=(service,))
    writer.start()
    child = stopped_child(service.process.pid)
    try:
        held = held_by(child)
        assert not [place for place in held if place.startswith("socket:") or place.endswith((".lock", ".sqlite"))], (
            held
        )
        service.kill()
        writer.join()
        again = DssProcess(tmp_path, port=service.port)
        assert again.ask("GET", "/ready")[0] == 200
        again.stop()
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at the children of a process in /proc")
def test_a_snapshot_whose_process_is_killed_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path, "--snapshot-every", "5") as service:
        enough = threading.Event()
        writer = threading.Thread(target=writes_until, args=(service, enough))
        writer.start()
        try:
            child = stopped_child(service.process.pid)
            begun = tmp_path / f"snapshot.msgpack.{child}.new"
            assert begun.exists()
            os.kill(child, signal.SIGKILL)
            until(lambda: metrics(service)['detente_dss_snapshots{result="failed"}'] == 1.0, "reported")
            assert not begun.exists(), "one that is killed each time would fill the disk"
            taken = metrics(service)['detente_dss_snapshots{result="taken"}']
            until(lambda: metrics(service)['detente_dss_snapshots{result="taken"}'] > taken, "taken after all")
        finally:
            enough.set()
            writer.join()
        assert service.ask("GET", "/ready")[0] == 200


def writes_until(service: DssProcess, enough: threading.Event) -> None:
    while not enough.is_set():
        write(service, 5)


def suppressed_writes(service: DssProcess) -> None:
    """Write until the service is gone."""
    with suppress(OSError):
        while True:
            write(service, 20)


def stopped_child(parent: int) -> int:
    """A child process of `parent`, stopped while it writes the snapshot's file."""
    children = Path(f"/proc/{parent}/task/{parent}/children")
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for child in children.read_text().split():
            with suppress(ProcessLookupError, FileNotFoundError):
                os.kill(int(child), signal.SIGSTOP)
                if any("snapshot.msgpack" in place for place in held_by(int(child))):
                    return int(child)
                os.kill(int(child), signal.SIGCONT)
    raise AssertionError("no snapshot was ever under way")


def held_by(process: int) -> list[str]:
    """What the descriptors of a process lead to."""
    return [str(file.readlink()) for file in Path(f"/proc/{process}/fd").iterdir()]
