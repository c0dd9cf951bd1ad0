"""The HTTP side of a node: access, refusals with the field and the mend, the event stream, health and metrics."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from parties import PATIENCE_S, Answer, Party, area_plan, two_parties

from detente.language.refused import is_refusal_code

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path_factory.mktemp("http")) as pair:
        yield pair


@pytest.fixture
def north(parties: tuple[Party, Party]) -> Party:
    return parties[0]


def plan_json(**changes: Any) -> dict[str, Any]:
    plan: dict[str, Any] = msgspec.to_builtins(area_plan("bad"))
    for path, value in changes.items():
        at: Any = plan
        *parents, last = [int(p) if p.isdigit() else p for p in path.split("__")]
        for parent in parents:
            at = at[parent]
        at[last] = value
    return plan


UNITLESS = {"value": 3, "reference": {"kind": "ellipsoid"}}
BAD_BODIES = {
    "not json": (b"{", "body"),
    "no body": (b"", "body"),
    "an array": (b"[]", "body"),
    "unknown field": ({"plans": [], "target": 1}, "target"),
    "no unit": ({"plans": [plan_json(intent__0__altitude__lower=UNITLESS)]}, "unit"),
    "swapped": ({"plans": [plan_json(intent__0__area__centre__latitude_deg=120.0)]}, "latitude_deg"),
    "local time": ({"plans": [plan_json(intent__0__time__start="2025-06-01T12:00:00")]}, "start"),
    "bad id": ({"plans": [plan_json(plan_id="../etc")]}, "plan_id"),
    "twice": ({"plans": [msgspec.to_builtins(area_plan("a"))] * 2}, "plans[1].plan_id"),
    "bad class": ({"plans": [plan_json(aircraft_class="air ship")]}, "plans[0].aircraft_class"),
    "huge number": ({"plans": [plan_json(intent__0__area__radius_m=1e300)]}, "radius_m"),
    "deep": (b'{"plans":' + b"[" * 100_000 + b"]" * 100_000 + b"}", ""),
    "not utf-8": (b'{"plans":[{"plan_id":"\xff\xfe"}]}', ""),
}  # fmt: skip


def is_problem(answer: Answer, status: int) -> dict[str, str]:
    assert answer.status == status, answer.body[:500]
    problem: dict[str, str] = answer.json
    assert set(problem) == {"code", "field", "value", "expected", "mend", "message", "parameters"}
    assert is_refusal_code(problem["code"])
    assert problem["expected"]
    assert "Traceback" not in answer.body.decode()
    return problem


def state_of(node: Party) -> dict[str, Any]:
    """The status without the disk, which others write to as well."""
    return {**node.get("/status?digest=true"), "disk": None}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_plans_are_refused_by_field_and_change_nothing(north: Party, name: str) -> None:
    body, field = BAD_BODIES[name]
    before = state_of(north)
    problem = is_problem(north.ask("POST", "/plans", body), 400)
    assert field in problem["field"]
    assert state_of(north) == before


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/plans/none/withdraw", b"", 400),
        ("POST", "/plans/none/activate", b"", 400),
        ("POST", "/measures/none/accept", b"", 400),
        ("POST", "/measures/none/refuse", {"reason": "why"}, 400),
        ("POST", "/measures/none/refuse", {}, 400),
        ("POST", "/measures", {"conflict_id": "0" * 16}, 400),
        ("POST", "/measures", {"conflict_id": "0" * 16, "change": {"kind": "destroy"}}, 400),
        ("POST", "/notices", {"notice_id": "n", "volume": None}, 400),
        ("POST", "/notices/none/cancel", b"", 400),
        ("GET", "/plans/north/none", None, 404),
        ("GET", "/conflicts/none", None, 404),
        ("GET", "/conflicts/none/changes", None, 400),
        ("GET", "/plans?plan_state=lost", None, 400),
        ("GET", "/no-such-route", None, 404),
        ("DELETE", "/plans", None, 405),
        ("GET", "/events?after=-1", None, 400),
        ("GET", "/events?after=x", None, 400),
    ],
)
def test_bad_requests_are_refused_in_one_form(north: Party, method: str, path: str, body: Any, status: int) -> None:
    is_problem(north.ask(method, path, body), status)


def test_a_body_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        text = north.files.config_path.read_text()
        north.files.config_path.write_text(text.replace("[http]\n", "[http]\nlargest_body_mb = 1\n"))
        north.start()
        is_problem(north.ask("POST", "/plans", b" " * (1024 * 1024 + 1)), 413)


def routes(north: Party) -> list[tuple[str, str]]:
    document = north.get("/openapi.json")
    return [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]


class Listener:
    """One Server-Sent Events connection, read line by line."""

    def __init__(
        self, party: Party, headers: dict[str, str] | None = None, query: str = "", path: str = "/events"
    ) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", party.port, timeout=PATIENCE_S)
        sent = {"Authorization": f"Bearer {party.token}", **(headers or {})}
        self._connection.request("GET", f"{path}{query}", headers=sent)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        assert self._answer.getheader("Content-Type", "").startswith("text/event-stream")

    def events(self, count: int) -> list[tuple[int, dict[str, Any]]]:
        found: list[tuple[int, dict[str, Any]]] = []
        number = 0
        while len(found) < count:
            line = self._answer.readline().decode().rstrip("\n")
            if line.startswith("id: "):
                number = int(line[4:])
            elif line.startswith("data: "):
                found.append((number, json.loads(line[6:])))
        return found

    def heartbeats(self, count: int) -> None:
        """Read until so many have come."""
        while count:
            count -= self._answer.readline().startswith(b": ")

    def rest(self) -> bytes:
        """Everything up to the end of the stream."""
        return self._answer.read()

    def ended(self) -> bool:
        return self._answer.read() is not None

    def close(self) -> None:
        self._connection.close()


def test_the_event_stream_resumes_where_it_was_cut(north: Party) -> None:
    live = Listener(north)
    north.imports(area_plan("stream-1", 3.0), area_plan("stream-2", 4.0))
    first = live.events(2)
    assert [event["event"] for _, event in first] == ["plan_declared"] * 2
    live.close()
    north.post("/plans/stream-1/activate")
    north.imports(area_plan("stream-2", 4.0, 5000.0))
    resumed = Listener(north, {"Last-Event-ID": str(first[0][0])})
    again = resumed.events(3)
    assert again[0] == first[1]
    assert [event["event"] for _, event in again[1:]] == ["plan_activated", "plan_amended"]
    north.post("/plans/stream-1/end")
    assert resumed.events(1)[0][1]["event"] == "plan_ended"
    resumed.close()
    whole = Listener(north, query="?after=0")
    everything = whole.events(1 + len(first) + 3)
    whole.close()
    assert everything[0][1]["event"] == "accord_adopted"
    numbers = [number for number, _ in everything]
    assert numbers == sorted(set(numbers))
    is_problem(north.ask("GET", "/events", headers={"Last-Event-ID": "yesterday"}), 400)


def test_a_stop_ends_the_streams_and_a_second_start_shows_no_link(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        north.start()
        listener = Listener(north)
        north.ask("GET", "/nothing")
        assert north.stop() == 0
        assert listener.ended()
        listener.close()
        lines = [json.loads(line) for line in north.log().splitlines()]
        assert {"at", "event", "level", "party"} <= set(lines[0])
        assert lines[-1]["event"] == "node stopped"
        north.start()
        north.kill()
        assert "token=" not in north.said


def test_health_and_metrics(north: Party) -> None:
    assert north.ask("GET", "/healthy", token=None).json["healthy"] is True
    north.imports(area_plan("metered", 7.0))
    text = north.ask("GET", "/metrics").body.decode()
    for line in (
        'detente_commands_total{command="import_plans",result="decided"}',
        'detente_events_total{event="plan_declared"}',
        "detente_turn_seconds_count",
        "detente_append_seconds_count",
        'detente_plans_live{party="north"}',
        'detente_envelopes_waiting{peer="south"}',
    ):
        assert re.search(rf"^{re.escape(line)} [0-9.e+]+$", text, re.MULTILINE), line


def test_what_can_be_got_can_be_asked_after(north: Party) -> None:
    assert north.ask("GET", "/ready", token=None).json == {"ready": True, "lacks": []}
    for path, token in (("/ready", None), ("/healthy", None), ("/status", ""), ("/line/events?after=0", "")):
        answer = north.ask("HEAD", path, token=token)
        assert (answer.status, answer.body) == (200, b"")
    assert int(north.ask("HEAD", "/ready").headers["content-length"]) == len(north.ask("GET", "/ready").body)
    assert north.ask("HEAD", "/status", token=None).status == 401
    assert north.ask("HEAD", "/plans/x/withdraw").status == 405


def test_the_token_of_the_metrics_opens_nothing_else(north: Party) -> None:
    token = (north.path / "metrics-token").read_text().strip()
    assert len(token) >= 43
    assert north.ask("GET", "/metrics", token=token).status == 200
    assert north.ask("HEAD", "/metrics", token=token).status == 200
    for path in ("/status", "/picture", "/peers", "/", "/plans"):
        assert north.ask("GET", path, token=token).status == 401, path
    assert north.ask("POST", "/line/stop", {}, token=token).status == 401


def test_garbage_on_the_link_is_refused_and_changes_nothing(parties: tuple[Party, Party]) -> None:
    _, south = parties
    before = south.get("/status?digest=true")["picture_sha256"]
    for body in (b"", b"\x00" * 100, b"detente-envelope-1\n", b"x" * (9 * 1024 * 1024 + 512)):
        answer = south.ask("POST", "/link/v1/envelopes", body, token=None)
        assert 400 <= answer.status < 500
    assert south.get("/status?digest=true")["picture_sha256"] == before


def test_the_accord_and_the_peers_are_shown(north: Party) -> None:
    accord = north.get("/accord")
    assert {party["name"] for party in accord["parties"]} == {"north", "south"}
    (peer,) = north.get("/peers")
    assert peer["paired"] is True
    assert north.get("/picture")["accord"]["accord_hash"] == north.get("/status")["accord_hash"]


def test_every_route_is_in_the_reference(north: Party) -> None:
    text = (REPOSITORY / "docs" / "reference" / "http-api.md").read_text()
    listed = set(re.findall(r"^\| `(GET|POST|PUT) (/[^` ]*)`", text, re.MULTILINE))
    apart = {("GET", "/console/"), ("POST", "/link/v1/envelopes"), ("PUT", "/link/v1/matching/{run}/{name}")}
    assert listed == set(routes(north)) | apart


def test_the_schema_of_the_api_names_the_kinds_of_change_and_reference(north: Party) -> None:
    """The tags that tell one kind from another must be in the schema, or a client cannot write a plan."""
    schema = json.dumps(north.get("/openapi.json")["components"]["schemas"])
    for tag in ("trajectory", "circle", "polygon", "mean_sea_level", "standard", "delay", "level_change"):
        assert f'"{tag}"' in schema, tag
