"""kill -9 under load: what was acknowledged is there, what was not is absent or can be found by its request id."""

from __future__ import annotations

import http.client
import json
import threading
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from dss_process import URL, DssProcess, extents, intent, intent_path

from detente.record.verification import verify_journal


class Client(threading.Thread):
    """Creates, updates and deletes intents of its own place until the service dies, and keeps what it was told."""

    def __init__(self, service: DssProcess, number: int, latitude: float, seen: list[int]) -> None:
        super().__init__()
        self.service, self.number, self.latitude, self.seen = service, number, latitude, seen
        self.token = service.token(subject=f"uss{number}")
        self.acknowledged: dict[str, str | None] = {}
        """Intent to OVN; None once its deletion was acknowledged."""
        self.created = 0
        self.unanswered: tuple[str, str, str | None] | None = None
        """Request id, intent, and the OVN before."""
        self.indices: dict[str, int] = {}
        """The newest notification index of each subscription."""

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=120.0)
        try:
            while True:
                name = str(uuid4())
                self.created += 1
                ovn = self.write(connection, "PUT", name, None)
                if self.created % 3 == 0:
                    ovn = self.write(connection, "PUT", name, ovn)
                if self.created % 5 == 0:
                    self.write(connection, "DELETE", name, ovn)
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def body(self) -> dict[str, Any]:
        height = 10.0 * self.created
        return intent(extents(self.latitude, 8.0, (height, height + 1.0)), new_subscription={"uss_base_url": URL})

    def write(self, connection: http.client.HTTPConnection, method: str, name: str, ovn: str | None) -> str | None:
        body = self.body()
        request_id = str(uuid4())
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": request_id}
        path = intent_path(name) + (f"/{ovn}" if ovn else "")
        self.unanswered = (request_id, name, ovn)
        connection.request(method, path, json.dumps(body) if method == "PUT" else None, headers)
        answer = connection.getresponse()
        document = json.loads(answer.read())
        assert answer.status in (200, 201), document
        self.unanswered = None
        self.hear(document, 0)
        self.acknowledged[name] = None if method == "DELETE" else document["operational_intent_reference"]["ovn"]
        self.seen.append(1)
        return self.acknowledged[name]

    def hear(self, document: dict[str, Any], unknown: int) -> None:
        """Every write here concerns every subscription here: each index grows by one, and by what is unknown."""
        told = {
            state["subscription_id"]: state["notification_index"]
            for subscriber in document["subscribers"]
            for state in subscriber["subscriptions"]
        }
        assert told
        for subscription, index in told.items():
            before = self.indices.get(subscription, 0)
            assert before < index <= before + 1 + unknown
        self.indices.update(told)


def kill_and_look(directory: Path, writes: int, round_number: int = 0) -> None:
    service, seen = DssProcess(directory, "--snapshot-every", "40"), []
    # What an earlier round left in the directory is elsewhere, so that no key needs it.
    clients = [Client(service, number, 10.0 * number + 0.5 * round_number, seen) for number in range(6)]
    for client in clients:
        client.start()
    deadline = time.monotonic() + 120.0
    while len(seen) < writes and time.monotonic() < deadline:
        time.sleep(0.005)
    service.kill()
    for client in clients:
        client.join()
    assert len(seen) >= writes
    assert verify_journal(directory / "dss-journal.sqlite", None).ok
    service = DssProcess(directory)
    try:
        for client in clients:
            look(service, client)
    finally:
        service.kill()


def look(service: DssProcess, client: Client) -> None:
    in_doubt = client.unanswered[1] if client.unanswered else None
    for name, ovn in client.acknowledged.items():
        if name == in_doubt:
            continue
        status, found = service.ask("GET", intent_path(name), None, client.token)
        assert status == (404 if ovn is None else 200)
        if ovn is not None:
            assert found["operational_intent_reference"]["ovn"] == ovn
    client.created += 1
    status, document = service.ask("PUT", intent_path(), client.body(), client.token)
    assert status == 201, document
    client.hear(document, 1)
    if client.unanswered is None:
        return
    request_id, name, before = client.unanswered
    status, outcome = service.ask("GET", f"/detente/v1/outcomes/{request_id}", None, client.token)
    there, found = service.ask("GET", intent_path(name), None, client.token)
    if status == 404:
        assert there == (404 if before is None else 200)
        assert before is None or found["operational_intent_reference"]["ovn"] == before
    elif outcome["what"] == "intent removed":
        assert there == 404
    else:
        assert found["operational_intent_reference"]["ovn"] == outcome["version"]


def test_a_killed_service_keeps_its_word(tmp_path: Path) -> None:
    kill_and_look(tmp_path / "dss", 60)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_service_that_is_killed_again_and_again_keeps_its_word(tmp_path: Path) -> None:
    for round_number in range(8):
        kill_and_look(tmp_path / f"dss{round_number % 2}", 150 + 90 * round_number, round_number)
