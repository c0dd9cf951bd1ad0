"""What the service does beyond the standard's happy path, over HTTP, in a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from dss_process import COORDINATION, URL, DssProcess, extents, intent, intent_path, moment, running

import forked
from detente.record.verification import verify_journal
from detente.utm.refused import Refused
from detente.utm.service.gate import Gate, Limits
from wire import Wire, request

ARBITRATION = "utm.availability_arbitration"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DssProcess]:
    with running(tmp_path_factory.mktemp("service") / "dss") as process:
        yield process


def test_a_retry_with_the_same_request_id_gets_the_same_answer(service: DssProcess) -> None:
    path, token, body = intent_path(), service.token(), intent(extents(10.0))
    key = {"Idempotency-Key": "first"}
    body["new_subscription"] = {"uss_base_url": URL}
    first = service.ask("PUT", path, body, token, key)
    assert first[0] == 201
    assert service.ask("PUT", path, body, token, key) == first
    assert service.ask("PUT", path, body, token)[0] == 409
    assert service.ask("PUT", path, intent(extents(11.0)), token, key)[0] == 422
    status, outcome = service.ask("GET", "/detente/v1/outcomes/first", None, token)
    assert (status, outcome["status"], outcome["id"]) == (200, 201, path.rsplit("/", 1)[1])
    assert outcome["version"] == first[1]["operational_intent_reference"]["ovn"]
    other = service.token(subject="uss2")
    assert service.ask("GET", "/detente/v1/outcomes/first", None, other)[0] == 404
    gone = {"Idempotency-Key": "second"}
    deletion = f"{path}/{outcome['version']}"
    answer = service.ask("DELETE", deletion, None, token, gone)
    assert answer[0] == 200
    assert service.ask("DELETE", deletion, None, token, gone) == answer
    assert service.ask("DELETE", deletion, None, token)[0] == 404


def test_a_refused_request_leaves_nothing_and_may_be_tried_again(service: DssProcess) -> None:
    token, other = service.token(), service.token(subject="uss2")
    here = extents(20.0)
    status, held = service.ask("PUT", intent_path(), intent(here), other)
    assert status == 201
    path, key = intent_path(), {"Idempotency-Key": "refused"}
    status, answer = service.ask("PUT", path, intent(here), token, key)
    assert status == 409
    assert [one["id"] for one in answer["missing_operational_intents"]] == [held["operational_intent_reference"]["id"]]
    assert answer["missing_operational_intents"][0]["ovn"] == "Available from USS"
    assert service.ask("GET", path, None, token)[0] == 404
    assert service.ask("GET", "/detente/v1/outcomes/refused", None, token)[0] == 404
    ovn = held["operational_intent_reference"]["ovn"]
    assert service.ask("PUT", path, intent(here, key=[ovn]), token, key)[0] == 201


def test_why_a_key_is_needed_part_by_part(service: DssProcess) -> None:
    token, other = service.token(), service.token(subject="uss2")
    near, far = extents(30.0, 8.0), extents(30.003, 8.0)
    status, held = service.ask("PUT", intent_path(), intent(near), other)
    assert status == 201
    near["volume"]["altitude_lower"]["value"], near["volume"]["altitude_upper"]["value"] = 60.0, 70.0
    name = intent_path().rsplit("/", 1)[1]
    status, why = service.ask("POST", f"/detente/v1/why/{name}", intent(far, near), token)
    assert status == 200
    (required,) = why["operational_intents"]
    assert required["id"] == held["operational_intent_reference"]["id"]
    assert required["in_key"] is False
    (shared,) = required["volumes_that_share_a_point"]
    assert (shared["yours"], shared["theirs"]) == (1, 0)
    assert (shared["altitude_lower_m"], shared["altitude_upper_m"]) == (60.0, 70.0)
    assert (shared["time_start"], shared["time_end"]) == (near["time_start"]["value"], near["time_end"]["value"])
    assert (required["altitude_lower_m"], required["altitude_upper_m"]) == (50.0, 100.0)
    assert all(len(cell) == 8 for cell in required["cells"])


def test_a_uss_that_is_down_may_not_plan(service: DssProcess) -> None:
    down, arbiter, peer = service.token(subject="down"), service.token(ARBITRATION), service.token(subject="peer")
    path, here = intent_path(), extents(40.0)
    status, made = service.ask("PUT", path, intent(here), down)
    assert status == 201
    ovn = made["operational_intent_reference"]["ovn"]
    availability = "/dss/v1/uss_availability/down"
    status, answer = service.ask("PUT", availability, {"old_version": "", "availability": "Down"}, arbiter)
    assert status == 200
    assert service.ask("PUT", intent_path(), intent(here), down)[0] == 412
    assert service.ask("PUT", f"{path}/{ovn}", intent(here), down)[0] == 412
    assert service.ask("DELETE", f"{path}/{ovn}", None, down)[0] == 412
    assert service.ask("PUT", intent_path(), intent(here), peer)[0] == 201
    again = {"old_version": answer["version"], "availability": "Normal"}
    assert service.ask("PUT", availability, again, arbiter)[0] == 200
    assert service.ask("DELETE", f"{path}/{ovn}", None, down)[0] == 200


def test_too_much_is_refused_with_413(service: DssProcess) -> None:
    token = service.token()
    large = extents()
    large["volume"]["outline_circle"]["radius"]["value"] = 30_000.0
    assert service.ask("PUT", intent_path(), intent(large), token)[0] == 413
    assert service.ask("PUT", intent_path(), b" " * (17 * 1024 * 1024), token)[0] == 413


def test_one_client_with_too_many_under_way_is_told_so_and_nothing_is_done(service: DssProcess) -> None:
    # All requests stand ready when the service looks: none is answered before the disk has the first.
    token, names = service.token(subject="eager"), [str(uuid4()) for _ in range(300)]
    connections = [http.client.HTTPConnection("127.0.0.1", service.port, timeout=120.0) for _ in names]
    for connection in connections:
        connection.request("GET", intent_path(), headers={"Authorization": f"Bearer {token}"})
        connection.getresponse().read()
    service.process.send_signal(signal.SIGSTOP)
    try:
        for number, (name, connection) in enumerate(zip(names, connections, strict=True)):
            body = intent(extents(75.0, heights=(10.0 * number, 10.0 * number + 9.0)))
            connection.request("PUT", intent_path(name), json.dumps(body), {"Authorization": f"Bearer {token}"})
    finally:
        service.process.send_signal(signal.SIGCONT)
    statuses = []
    for name, connection in zip(names, connections, strict=True):
        with contextlib.closing(connection):
            answer = connection.getresponse()
            answer.read()
        statuses.append(answer.status)
        assert answer.getheader("retry-after") == ("1" if answer.status == 429 else None)
        found = service.ask("GET", intent_path(name), None, token)[0]
        assert found == (200 if answer.status == 201 else 404)
    assert {*statuses} == {201, 429}


def test_one_client_alone_is_told_so_and_others_are_not() -> None:
    gate = Gate(Limits(requests=4, requests_of_one_client=2, undurable_decisions=9))

    def status_of(client: str, backlog: int = 0) -> int:
        try:
            gate.enter(client, backlog, 0.0)
        except Refused as refused:
            return refused.status
        return 200

    assert [status_of("uss1") for _ in range(3)] == [200, 200, 429]
    assert status_of("uss2") == 200
    gate.leave("uss1")
    assert status_of("uss1") == 200
    assert status_of("uss3", backlog=10) == 503
    assert [status_of("uss3") for _ in range(2)] == [200, 503]
    gate.leave("uss1")
    assert status_of("uss3") == 200


def test_what_ends_is_found_no_more_but_can_be_got_and_deleted(service: DssProcess) -> None:
    token, path, here = service.token(), intent_path(), extents(60.0)
    for ahead_s in (1.5, 6.0, 24.0, 96.0):  # on a busy machine the first may be over before it is looked at
        here["time_start"]["value"], here["time_end"]["value"] = moment(-5.0), moment(ahead_s)
        status, made = service.ask("PUT", path, intent(here), token)
        if status == 201:
            break
    assert status == 201
    area = {"area_of_interest": here | {"time_end": {"value": moment(60.0), "format": "RFC3339"}}}
    query = "/dss/v1/operational_intent_references/query"
    deadline = time.monotonic() + 120.0
    while service.ask("POST", query, area, token)[1]["operational_intent_references"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert service.ask("GET", path, None, token)[0] == 200
    assert service.ask("PUT", intent_path(), intent(extents(60.0)), service.token(subject="uss2"))[0] == 201
    ovn = made["operational_intent_reference"]["ovn"]
    assert service.ask("DELETE", f"{path}/{ovn}", None, token)[0] == 200


def test_both_versions_of_f3411_see_one_table(service: DssProcess) -> None:
    v22a, name = service.token("rid.service_provider", "rid.display_provider"), str(uuid4())
    v19 = service.token("dss.read.identification_service_areas", "dss.write.identification_service_areas")
    corners = [(1.0, 1.0), (1.0, 1.01), (1.01, 1.01)]
    footprint = {"vertices": [{"lat": lat, "lng": lng} for lat, lng in corners]}
    subscription = {
        "extents": {"spatial_volume": {"footprint": footprint, "altitude_lo": 0, "altitude_hi": 100}},
        "callbacks": {"identification_service_area_url": "https://old.example.com/v1/uss/identification_service_areas"},
    }
    assert service.ask("PUT", f"/v1/dss/subscriptions/{uuid4()}", subscription, v19)[0] == 200
    here = extents() | {"volume": {"outline_polygon": footprint}}
    path = f"identification_service_areas/{name}"
    body = {"extents": here, "uss_base_url": "https://new.example.com"}
    status, made = service.ask("PUT", f"/rid/v2/dss/{path}", body, v22a)
    assert status == 200
    assert [one["url"] for one in made["subscribers"]] == ["https://old.example.com/v1"]
    assert made["subscribers"][0]["subscriptions"][0]["notification_index"] == 1
    old = service.ask("GET", f"/v1/dss/{path}", None, v19)[1]["service_area"]
    assert old["flights_url"] == "https://new.example.com/uss/flights"
    assert old["time_start"] == made["service_area"]["time_start"]["value"]
    area = "area=" + ",".join(f"{lat},{lng}" for lat, lng in corners)
    found = service.ask("GET", f"/v1/dss/identification_service_areas?{area}", None, v19)[1]["service_areas"]
    assert [one["id"] for one in found] == [name]
    closed = f"{area},{corners[0][0]},{corners[0][1]}"
    assert service.ask("GET", f"/rid/v2/dss/identification_service_areas?{closed}", None, v22a)[0] == 400
    status, gone = service.ask("DELETE", f"/v1/dss/{path}/{old['version']}", None, v19)
    assert (status, gone["subscribers"][0]["url"]) == (
        200,
        subscription["callbacks"]["identification_service_area_url"],
    )


def test_what_the_operator_chooses_exact_relevance_and_a_rate(tmp_path: Path) -> None:
    with running(tmp_path / "dss", "--relevance", "exact", "--requests-a-second", "20") as service:
        token, other = service.token(), service.token(subject="uss2")
        assert service.ask("PUT", intent_path(), intent(extents(30.0)), other)[0] == 201
        assert service.ask("PUT", intent_path(), intent(extents(30.003)), token)[0] == 201
        assert service.ask("PUT", intent_path(), intent(extents(30.0005)), token)[0] == 409
        deadline, path = time.monotonic() + 120.0, intent_path()
        # So many at once that no machine is so slow that each has its turn in time.
        with Wire(service.port) as wire:
            wire.send(request("GET", path, b"", f"Authorization: Bearer {token}") * 200)
            answers = []
            for _ in range(200):
                status, headers = wire.head()
                wire.stream.read(int(headers["content-length"]))
                answers.append((status, headers.get("retry-after")))
        assert {*answers} == {(404, None), (429, "1")}
        assert service.ask("GET", path, None, other)[0] == 404
        while service.ask("PUT", path, intent(extents(31.0)), token)[0] != 201:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_restart_keeps_everything_and_why_replays_it(tmp_path: Path) -> None:
    directory, name = tmp_path / "dss", str(uuid4())
    with running(directory) as service:
        other = service.token(subject="uss2")
        held = service.ask("PUT", intent_path(), intent(extents(30.0)), other)[1]["operational_intent_reference"]
        token = service.token()
        assert service.ask("PUT", intent_path(name), intent(extents(30.0)), token)[0] == 409
        between = moment(0.0)
        body = intent(extents(30.0), key=[held["ovn"]])
        made = service.ask("PUT", intent_path(name), body, token, {"Idempotency-Key": "kept"})
        assert made[0] == 201
    assert (directory / "snapshot.msgpack").exists()
    with running(directory) as service:
        got = service.ask("GET", intent_path(name), None, token)[1]["operational_intent_reference"]
        assert got == made[1]["operational_intent_reference"]
        assert service.ask("PUT", intent_path(name), body, token, {"Idempotency-Key": "kept"}) == made
    told = typed("dss", "--dir", str(directory), "why", name)
    assert "refused with 409" in told
    assert f"lacked the OVN of operational intent {held['id']}" in told
    assert "from 50 m (164 ft) to 100 m (328 ft)" in told
    assert "points in common: its volume 0 with 0, from 50 m (164 ft) to 100 m (328 ft), from 2" in told
    assert "intent written" in told
    then = typed("dss", "--dir", str(directory), "why", name, "--time", between)
    assert "refused with 409" in then
    assert "from 50 m (164 ft) to 100 m (328 ft)" in then
    assert "intent written" not in then
    early = typed("dss", "--dir", str(directory), "why", name, "--time", "2020-01-01T00:00:00Z")
    assert "nothing was decided" in early
    assert verify_journal(directory / "dss-journal.sqlite", None).ok


def typed(*words: str) -> str:
    """What a `detente` command prints."""
    return subprocess.run([forked.program(), *words], capture_output=True, text=True, check=True).stdout


def test_the_development_token_of_the_command_line_is_taken(service: DssProcess) -> None:
    made = typed("token", "--dir", str(service.directory), "--sub", "me", "--scope", COORDINATION)
    assert service.ask("GET", intent_path(), None, made.strip())[0] == 404


def test_many_at_once_are_each_answered_with_their_own(service: DssProcess) -> None:
    token, results = service.token(), {}

    def create(number: int) -> None:
        name = str(uuid4())
        answer = service.ask("PUT", intent_path(name), intent(extents(-50.0 + number)), token)
        results[name] = (answer[0], answer[1]["operational_intent_reference"]["id"])

    threads = [threading.Thread(target=create, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {name: (201, name) for name in results}
    assert len(results) == 20
