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
from parties import Answer, Party, area_plan, two_parties

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
    assert set(problem) == {"field", "value", "expected", "mend", "message"}
    assert problem["expected"]
    assert "Traceback" not in answer.body.decode()
    return problem


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_plans_are_refused_by_field_and_change_nothing(north: Party, name: str) -> None:
    body, field = BAD_BODIES[name]
    before = north.get("/status?digest=true")
    problem = is_problem(north.ask("POST", "/plans", body), 400)
    assert field in problem["field"]
    assert north.get("/status?digest=true") == before


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


def test_every_route_but_the_public_ones_needs_the_token(north: Party) -> None:
    public = {
        ("GET", "/healthy"), ("GET", "/sign-in"), ("POST", "/link/v1/envelopes"),
        ("PUT", "/link/v1/matching/{run}/{name}"),
    }  # fmt: skip
    found = routes(north)
    assert public <= set(found)
    for method, path in found:
        concrete = re.sub(r"\{[^}]*\}", "x", path)
        for token in (None, "wrong", "A" * 43):
            answer = north.ask(method, concrete, None if method == "GET" else b"{}", token=token)
            if (method, path) in public:
                assert answer.status != 401 or path == "/sign-in"
            else:
                problem = is_problem(answer, 401)
                assert "sign-in link" in problem["mend"]


def test_the_sign_in_link_is_shown_once_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        north.start()
        assert north.process is not None
        assert north.process.stdout is not None
        first = north.process.stdout.readline()
        token = first.strip().rpartition("token=")[2]
        assert len(token) >= 43
        assert north.ask("GET", "/status", token=token).status == 200
        assert not any(token.encode() in file.read_bytes() for file in north.path.rglob("*") if file.is_file())
        assert token not in north.log()
        connection = http.client.HTTPConnection("127.0.0.1", north.port)
        connection.request("GET", f"/sign-in?token={token}")
        answer = connection.getresponse()
        answer.read()
        cookie = answer.getheader("Set-Cookie") or ""
        assert answer.status == 303
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        mine = {"Cookie": cookie.split(";")[0]}
        assert north.ask("GET", "/status", token=None, headers=mine).status == 200
        theirs = {**mine, "Origin": "http://elsewhere.example"}
        assert north.ask("POST", "/plans", {"plans": []}, token=None, headers=theirs).status == 401
        ours = {**mine, "Origin": north.url}
        assert north.ask("POST", "/plans", {"plans": []}, token=None, headers=ours).status == 200
        assert is_problem(north.ask("GET", "/sign-in?token=wrong", token=None), 401)["value"] == "(not shown)"
        connection.close()
        assert north.stop() == 0
        north.start("--new-sign-in")
        assert north.ask("GET", "/status", token=token).status == 401
        north.kill()
        assert north.said.count("token=") == 1


class Listener:
    """One Server-Sent Events connection, read line by line."""

    def __init__(self, party: Party, headers: dict[str, str] | None = None, query: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", party.port, timeout=30)
        sent = {"Authorization": f"Bearer {party.token}", **(headers or {})}
        self._connection.request("GET", f"/events{query}", headers=sent)
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
    assert listed == set(routes(north))


def test_the_schema_of_the_api_names_the_kinds_of_change_and_reference(north: Party) -> None:
    """The tags that tell one kind from another must be in the schema, or a client cannot write a plan."""
    schema = json.dumps(north.get("/openapi.json")["components"]["schemas"])
    for tag in ("trajectory", "circle", "polygon", "mean_sea_level", "standard", "delay", "level_change"):
        assert f'"{tag}"' in schema, tag
