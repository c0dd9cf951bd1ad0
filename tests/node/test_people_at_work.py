"""Persons before a real node: links, sessions, roles, browsers, and whose act it was, tried as an attacker would."""

from __future__ import annotations

import base64
import getpass
import hashlib
import http.client
import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from parties import Party, area_plan, two_parties
from test_node_http import Listener, is_problem

from detente.api.permissions import NEEDED_ROLE, routes_at
from detente.people.records import PersonRole
from detente.record.display import stored_entries

ROLES = {"observer": (), "duty_officer": ("watch", "command"), "authority": ("command",), "administrator": ("office",)}


@pytest.fixture(scope="module")
def north(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Party]:
    with two_parties(tmp_path_factory.mktemp("people"), start=False) as (north, _):
        north.start()
        yield north


@pytest.fixture(scope="module")
def tokens(north: Party) -> dict[str, str]:
    """A session in each role."""
    return {role: north.session(f"{role}.1", role, *posts) for role, posts in ROLES.items()}


def acts(party: Party) -> list[tuple[str, dict[str, Any]]]:
    """Every act, with the event or document before it in the journal."""
    entries = list(stored_entries(party.files.journal_path))
    found = []
    for before, entry in pairwise(entries):
        if entry.kind == "people" and (act := json.loads(entry.body))["event"] == "person_acted":
            found.append((before.body.decode("utf-8", "replace"), act))
    return found


def concrete(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "x", path.replace("{number}", "1"))


def test_every_route_is_open_to_those_roles_that_the_table_says_and_to_nobody_else(
    north: Party, tokens: dict[str, str]
) -> None:
    document = north.get("/openapi.json")
    described = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert described == {route for route in NEEDED_ROLE if not route.startswith(("GET /openapi.json", "GET /console"))}
    reader = north.post("/metrics-tokens", {"name": "walker"})["token"]
    callers = {None: None, "metrics": reader, **tokens}
    connection = http.client.HTTPConnection("127.0.0.1", north.port)
    roles = list(PersonRole)
    for route, needed in NEEDED_ROLE.items():
        method, path = route.split(" ")
        for caller, token in callers.items():
            if route == "POST /sign-out" and token is not None:
                continue
            if route == "POST /card/key" and caller == "administrator":
                continue  # it would rotate the key, from which the owner's own token follows
            headers = {"Content-Type": "application/json"}
            if token is not None:
                headers["Authorization"] = f"Bearer {token}"
            # What only reads is asked by its head, so that no stream holds on.
            asked = "HEAD" if method == "GET" else method
            connection.request(asked, concrete(path), None if method == "GET" else b"[]", headers)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
            if needed is None:
                assert status != 401 or route == "POST /sign-in", (route, caller, status)
            elif caller is None or (caller == "metrics" and route != "GET /metrics"):
                assert status == 401, (route, caller, status)
            elif caller == "metrics" or roles.index(PersonRole(caller)) >= roles.index(needed):
                assert status not in (401, 403), (route, caller, status)
            else:
                assert status == 403, (route, caller, status)
    connection.close()


def test_a_body_is_read_of_those_alone_who_may_bring_it(north: Party, tokens: dict[str, str]) -> None:
    for role, status in (("observer", 403), ("duty_officer", 413)):
        connection = http.client.HTTPConnection("127.0.0.1", north.port)
        connection.putrequest("POST", "/plans")
        connection.putheader("Authorization", f"Bearer {tokens[role]}")
        connection.putheader("Content-Length", "99999999999")
        connection.endheaders()
        assert connection.getresponse().status == status
        connection.close()


def test_a_path_that_is_written_otherwise_opens_nothing(north: Party, tokens: dict[str, str]) -> None:
    body = {"name": "mallory", "role": "administrator", "posts": ["watch"]}
    for path in (
        "/people/",
        "//people",
        "/./people",
        "/x/../people",
        "/%70eople",
        "/people%2f",
        "/PEOPLE",
        "/people;x",
    ):
        for role in ("observer", "duty_officer", "authority"):
            assert north.ask("POST", path, body, token=tokens[role]).status in (403, 404, 405), path
    assert "mallory" not in {one["name"] for one in north.get("/people")}


def test_a_link_is_used_once_even_when_many_use_it_at_once(north: Party) -> None:
    north.post("/people", {"name": "racer", "role": "observer"})
    token = north.link("racer")

    def use(_: int) -> int:
        return north.ask("POST", "/sign-in", {"token": token, "bearer": True}, token=None).status

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(use, range(8)))
    assert found[0] == 200
    assert set(found[1:]) <= {401, 429}
    assert sum(one["person"] == "racer" for one in north.get("/sessions")) == 1


def test_no_secret_is_kept_anywhere(north: Party) -> None:
    link = north.cli("person", "add", "keeper", "--role", "observer") and north.cli("session", "link", "keeper")
    token = link.stdout.strip().partition("#")[2]
    assert len(token) >= 43
    assert "?" not in link.stdout
    session = north.ask("POST", "/sign-in", {"token": token, "bearer": True}, token=None).json["token"]
    metrics = north.cli("metrics-token", "create", "keeper").stdout.strip()
    for secret in (token, session, metrics):
        for file in north.path.rglob("*"):
            assert not file.is_file() or secret.encode() not in file.read_bytes(), file
    assert north.ask("GET", "/status", token=token).status == 401, "a link is no session"
    assert north.ask("POST", "/sign-in", {"token": session}, token=None).status == 401, "a session is no link"
    assert north.ask("GET", "/metrics", token=metrics).status == 200
    assert north.ask("GET", "/status", token=metrics).status == 401
    assert north.cli("metrics-token", "list", "--quiet").stdout.split()[0] == "keeper"
    assert north.cli("metrics-token", "revoke", "keeper").returncode == 0
    assert north.ask("GET", "/metrics", token=metrics).status == 401


def cookie_of(party: Party, name: str) -> str:
    answer = party.ask("POST", "/sign-in", {"token": party.link(name)}, token=None)
    assert answer.status == 200
    assert "token" not in answer.json
    said = answer.headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= {part.strip() for part in said.split(";")}
    return said.partition(";")[0]


def test_a_browser_is_signed_in_by_a_cookie_that_other_pages_cannot_use(north: Party) -> None:
    north.post("/people", {"name": "browser", "role": "duty_officer", "posts": ["watch"]})
    cookie = cookie_of(north, "browser")
    elsewhere = f"http://127.0.0.1:{north.port + 1}"

    def status(method: str, **headers: str) -> int:
        path = "/status" if method == "GET" else "/plans"
        sent = {"Cookie": cookie, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return north.ask(method, path, None if method == "GET" else {"plans": []}, token=None, headers=sent).status

    assert status("GET") == 200
    assert status("GET", Sec_Fetch_Site="none") == 200
    assert status("GET", Sec_Fetch_Site="same-origin") == 200
    assert status("POST", Origin=north.url) == 200
    assert status("POST", Sec_Fetch_Site="same-origin") == 200
    assert status("POST", Origin=elsewhere) == 401
    assert status("GET", Sec_Fetch_Site="cross-site") == 401
    assert status("POST") == 401, "a browser says where a request comes from"
    twice = {"Cookie": f"{cookie}; {cookie}", "Origin": north.url}
    assert north.ask("GET", "/status", token=None, headers=twice).status == 401
    out = north.ask("POST", "/sign-out", b"", token=None, headers={"Cookie": cookie, "Origin": north.url})
    assert out.status == 200
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert status("GET") == 401


def test_no_other_page_signs_a_browser_in(north: Party) -> None:
    north.post("/people", {"name": "victim", "role": "observer"})
    token = north.link("victim")
    for headers in ({"Origin": "http://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert north.ask("POST", "/sign-in", {"token": token}, token=None, headers=headers).status == 401
    ours = {"Origin": north.url, "Sec-Fetch-Site": "same-origin"}
    assert north.ask("POST", "/sign-in", {"token": token}, token=None, headers=ours).status == 200


@pytest.mark.parametrize(("language", "words"), [("en-GB,en;q=0.9", "Sign in"), ("fr-FR", "Se connecter")])
def test_the_page_of_a_link_runs_nothing_but_its_own_script(north: Party, language: str, words: str) -> None:
    answer = north.ask("GET", "/sign-in", token=None, headers={"Accept-Language": language})
    assert words in answer.body.decode()
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        ((source,),) = [re.findall(f"<{tag}>(.*)</{tag}>", answer.body.decode(), re.DOTALL)]
        assert f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"


def test_a_revoked_session_is_out_at_once_and_its_streams_end(north: Party) -> None:
    token = north.session("leaver", "observer")
    (session,) = [one["session"] for one in north.get("/sessions") if one["person"] == "leaver"]
    stream = Listener(north, headers={"Authorization": f"Bearer {token}"})
    assert north.cli("session", "revoke", session[:6]).returncode == 0
    assert north.ask("GET", "/status", token=token).status == 401
    north.imports(area_plan("after"))
    assert b"plan_declared" not in stream.rest()
    stream.close()


def test_a_person_who_is_removed_or_may_less_is_treated_so_at_once(north: Party) -> None:
    token = north.session("shorn", "administrator", "watch")
    assert north.ask("GET", "/people", token=token).status == 200
    assert north.cli("person", "change", "SHORN", "--role", "Duty-Officer").returncode == 0
    assert north.ask("GET", "/people", token=token).status == 403
    shown = north.ask("GET", "/me", token=token).json
    assert shown["role"] == "duty_officer"
    assert "POST /line/take" in shown["may"]
    assert "POST /people" not in shown["may"]
    unused = north.link("shorn")
    north.post("/people/shorn/remove")
    assert north.ask("GET", "/me", token=token).status == 401
    assert north.ask("POST", "/sign-in", {"token": unused}, token=None).status == 401


def test_the_journal_shows_to_each_role_what_other_routes_do(north: Party, tokens: dict[str, str]) -> None:
    north.post("/details/commit", {"details": area_plan("hidden")})
    north.imports(area_plan("of-the-owner"))
    first = {}
    for entry in stored_entries(north.files.journal_path):
        tag = json.loads(entry.body).get("event", "") if entry.body.startswith(b"{") else ""
        first.setdefault(tag, entry.number)
    shown_from = {
        "details_kept": ("details", "duty_officer"), "session_opened": ("people", "administrator"),
        "person_acted": ("people", "administrator"), "plan_declared": ("event", "observer"),
    }  # fmt: skip
    for tag, (kind, needed) in shown_from.items():
        for role, token in tokens.items():
            may = PersonRole(role).includes(PersonRole(needed))
            page = north.ask("GET", f"/journal?text={tag}&most=200", token=token).json["entries"]
            assert (kind in {one["kind"] for one in page}) == may, (tag, role)
            answer = north.ask("GET", f"/journal/{first[tag]}", token=token)
            assert answer.status == (200 if may else 403), (tag, role)


def test_everybody_sees_and_ends_his_own_sessions_alone(north: Party, tokens: dict[str, str]) -> None:
    mine = north.session("owner.of.two", "observer")
    other = north.session("owner.of.two")
    seen = north.ask("GET", "/sessions", token=mine).json
    assert {one["person"] for one in seen} == {"owner.of.two"}
    assert sorted(one["own"] for one in seen) == [False, True]
    (second,) = [one["session"] for one in seen if not one["own"]]
    (foreign,) = [one["session"] for one in north.get("/sessions") if one["person"] == "observer.1"]
    assert north.ask("POST", f"/sessions/{foreign}/revoke", b"", token=mine).status == 404
    assert north.ask("GET", "/me", token=tokens["observer"]).status == 200
    assert north.ask("POST", f"/sessions/{second}/revoke", b"", token=mine).status == 200
    assert north.ask("GET", "/me", token=other).status == 401


def smallest(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """The shortest document that a schema lets pass, as far as is needed here."""
    if "$ref" in schema:
        return smallest(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            return smallest(schema[choice][0], schemas)
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            return {name: smallest(fields[name], schemas) for name in schema.get("required", ())}
        case "array":
            return [smallest(schema["items"], schemas)] * schema.get("minItems", 0)
        case "string":
            return "2025-06-01T12:00:00Z" if schema.get("format") == "date-time" else "x"
        case "integer" | "number":
            return 1
        case "boolean":
            return False
    return None


def test_a_body_that_claims_another_post_is_refused_on_every_route(north: Party, tokens: dict[str, str]) -> None:
    document = north.get("/openapi.json")
    schemas = document["components"]["schemas"]
    tried = set()
    for path, methods in document["paths"].items():
        body = methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
        schema = body.get("schema", {})
        whole = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
        acting = {"by", "post"} if path != "/humanitarian" else set()  # there `post` is whom the others call
        for field in acting & set(whole.get("properties", {})):
            sent = {**smallest(schema, schemas), field: "ministry"}
            if "terms" in sent:
                volume = msgspec.to_builtins(area_plan("zone").intent[0])
                volume.pop("kind")
                sent["terms"] = {**volume, "owner": "x", "meaning": "keep_out"}
            problem = is_problem(north.ask("POST", concrete(path), sent, token=tokens["authority"]), 403)
            assert (problem["field"], problem["value"]) == ("post", "ministry"), path
            assert "command" in problem["expected"]
            tried.add(path)
    assert len(tried) >= 20, sorted(tried)


def test_every_act_is_in_the_journal_under_name_and_post(north: Party, tokens: dict[str, str]) -> None:
    officer, session = tokens["duty_officer"], north.ask("GET", "/me", token=tokens["duty_officer"]).json["session"]
    plan = area_plan("hers")
    assert north.ask("POST", "/plans", {"plans": [plan]}, token=officer).status == 200
    assert north.ask("POST", "/line/watch", {"post": "command", "shift": "night"}, token=officer).status in (200, 400)
    assert north.ask("POST", "/line/stop", {}, token=officer).status == 200
    assert north.cli("plan", "withdraw", "hers").returncode == 0
    given = {act["given"]: (before, act) for before, act in acts(north)}
    before, act = given["import_plans"]
    assert "plan_declared" in before or act["entries"] > 1
    expected = {"person": "duty_officer.1", "post": "watch", "role": "duty_officer", "way": "session"}
    assert act["by"] == {**expected, "session": session}
    assert given["send_line_message"][1]["by"] == {**expected, "session": session}
    owner = given["withdraw_plan"][1]["by"]
    assert (owner["person"], owner["role"], owner["way"]) == (getpass.getuser(), "administrator", "socket")
    entries = list(stored_entries(north.files.journal_path))
    for position, entry in enumerate(entries):
        if entry.kind == "people" and b'"person_acted"' in entry.body:
            count = json.loads(entry.body)["entries"]
            led_to = entries[position - count : position]
            assert len(led_to) == count
            assert not any(b'"person_acted"' in one.body for one in led_to), "what one led to is not another's"
    refused = len(acts(north))
    assert north.ask("POST", "/plans/none/withdraw", b"", token=officer).status == 400
    assert len(acts(north)) == refused, "what was refused has changed nothing"


def test_nobody_is_his_own_second_person(north: Party, tokens: dict[str, str]) -> None:
    message = {"peer": "south", "code": "radio_check", "confirmed_by": "command"}
    problem = is_problem(north.ask("POST", "/line/messages", message, token=tokens["duty_officer"]), 403)
    assert problem["field"] == "confirmed_by"
    assert north.ask("POST", "/line/messages", message).status != 403, "the owner speaks for every post"


def test_no_route_gives_a_command_without_saying_whose_it_is() -> None:
    folder = Path(__file__).parents[2] / "src" / "detente" / "api" / "routes"
    lines = [line.strip() for file in sorted(folder.glob("*.py")) for line in file.read_text().splitlines()]
    nameless = [line for line in lines if ".decide(" in line and "by=" not in line]
    assert nameless == ["events = (await service.loop.decide(command)).events"], "signing in is nobody's yet"


def test_a_command_with_a_session_is_its_persons(north: Party, tokens: dict[str, str], monkeypatch: Any) -> None:
    monkeypatch.setenv("DETENTE_TOKEN", tokens["observer"])
    assert north.cli("status").returncode == 0
    refused = north.cli("line", "stop", "--wait-s", "0")
    assert refused.returncode == 2
    assert "duty_officer" in refused.stderr
    monkeypatch.setenv("DETENTE_TOKEN", "wrong")
    assert north.cli("status").returncode == 2, "through the socket file too, a token that is none is not passed over"
    monkeypatch.setenv("DETENTE_TOKEN", north.session("passer", "observer"))
    assert north.cli("session", "end").returncode == 0
    assert north.cli("status").returncode == 2
    monkeypatch.delenv("DETENTE_TOKEN")
    ended = north.cli("session", "end", language="fr")
    assert ended.returncode == 2
    assert "propriétaire" in ended.stderr


def test_failures_are_counted_logged_and_slowed_and_lock_nobody_out(north: Party, tokens: dict[str, str]) -> None:
    before = failures(north)

    def guess(number: int) -> int:
        return north.ask("GET", "/status", token=f"guess-{number}").status

    with ThreadPoolExecutor(24) as pool:
        found = list(pool.map(guess, range(60)))
    assert set(found) == {401, 429}
    assert failures(north) == before + 60
    assert "guess-" not in north.log()
    assert '"not let in"' in north.log()
    assert north.ask("GET", "/status", token=tokens["observer"]).status == 200
    assert north.session("not.locked.out", "observer")
    assert north.cli("status").returncode == 0


def failures(party: Party) -> int:
    metrics = party.ask("GET", "/metrics").body.decode()
    return int(float(re.findall(r'detente_refused_credentials_total\{shown="token"\} (\S+)', metrics)[0]))


@pytest.mark.long
def test_sessions_outlive_a_restart_and_end_by_time(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, _):
        text = north.files.config_path.read_text() + "\n[sign_in]\nlink_life_s = 1\n"
        north.files.config_path.write_text(text)
        north.start()
        token = north.session("anna", "duty_officer", "watch")
        unused = north.link("anna")
        assert north.stop() == 0
        north.files.config_path.write_text(text + "idle_s = 1\n")
        north.start()
        assert north.ask("GET", "/me", token=token).status == 200
        north.until(lambda: not north.get("/people")[0]["links"], "lets a link expire")
        assert north.ask("POST", "/sign-in", {"token": unused}, token=None).status == 401
        north.files.config_path.write_text(text.replace("link_life_s = 1", "idle_s = 1"))
        north.kill()
        north.start()
        brief = north.session("anna")
        north.until(lambda: len(north.get("/sessions")) == 1, "ends a session that is idle")
        assert north.ask("GET", "/me", token=brief).status == 401
        assert north.ask("GET", "/me", token=token).status == 200


@pytest.mark.long
def test_an_earlier_journal_and_a_backup_let_nobody_in_again(tmp_path: Path) -> None:
    with two_parties(tmp_path / "parties", start=False) as (north, _):
        north.start()
        token = north.session("anna", "duty_officer", "watch")
        unused = north.link("anna")
        metrics = north.post("/metrics-tokens", {"name": "prometheus"})["token"]
        made = tmp_path / "north.tar"
        assert north.cli("backup", "--out", str(made)).returncode == 0
        assert north.stop() == 0
        files = [north.files.journal_path, north.files.journal_path.with_name("journal.sqlite.head")]
        earlier = [file.read_bytes() for file in files]
        north.start()
        assert north.ask("GET", "/me", token=token).status == 200, "a new start ends nothing"
        (session,) = [one["session"] for one in north.get("/sessions")]
        north.post(f"/sessions/{session}/revoke")
        mark = north.path / "people.json"
        before = mark.read_bytes()
        north.until(lambda: mark.read_bytes() != before, "writes down that somebody was shut out")
        assert north.stop() == 0

        for file, content in zip(files, earlier, strict=True):
            file.write_bytes(content)
        north.start()
        assert lets_in(north, token, unused, metrics) == []
        assert north.stop() == 0

        shutil.move(north.path, tmp_path / "lost")
        assert north.cli("restore", str(made)).returncode == 0
        north.start()
        assert lets_in(north, token, unused, metrics) == []
        assert [one["name"] for one in north.get("/people")] == ["anna"]
        assert north.session("anna")


def lets_in(party: Party, session: str, link: str, metrics: str) -> list[str]:
    """Which of these still open anything."""
    found = {
        "session": party.ask("GET", "/me", token=session).status,
        "link": party.ask("POST", "/sign-in", {"token": link}, token=None).status,
        "metrics": party.ask("GET", "/metrics", token=metrics).status,
    }
    return [name for name, status in found.items() if status != 401]


def test_the_reference_says_from_which_role_on_a_route_is_open() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "http-api.md").read_text()
    said = dict(re.findall(r"^\| `((?:GET|POST) [^`]+)` \| ([a-z ]+) \|", page, re.MULTILINE))
    listed = {
        route: needed for route, needed in NEEDED_ROLE.items() if route.split("/")[1] not in ("openapi.json", "console")
    }
    assert said.pop("GET /console/") == "anybody"
    assert said == {r: "anybody" if needed is None else needed.replace("_", " ") for r, needed in listed.items()}


def test_a_route_that_the_table_does_not_have_is_open_to_nobody() -> None:
    assert routes_at("GET", "/plans/south/p1") == ["GET /plans/{party}/{plan_id}"]
    assert routes_at("POST", "/line/stop/") == ["POST /line/stop"]
    assert routes_at("DELETE", "/plans") == []
    assert routes_at("GET", "/plans/south/p1/more") == []
