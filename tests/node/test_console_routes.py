"""What the console asks of the node besides the routes that were there: its files, one stream, what a peer was told."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path

import pytest
from parties import PATIENCE_S, Party, area_plan, two_parties

from detente.feeds.geojson import write_geojson
from detente.record.chain import entry_hash, head_message, kind_field
from detente.record.display import stored_entries
from detente.record.entry import microseconds
from detente.record.keys import verify


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path_factory.mktemp("console") / Path("nodes")) as found:
        yield found


def test_the_page_is_given_to_whoever_asks_and_keeps_to_itself(parties):
    answer = parties[0].ask("GET", "/console/", token=None)
    assert answer.status == 200
    assert answer.body.startswith(b"<!doctype html>")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-cache"


def test_a_file_of_the_page_is_packed_for_who_takes_that_and_kept_for_ever(parties):
    index = parties[0].ask("GET", "/console/", token=None).body.decode()
    script = index.partition('src="')[2].partition('"')[0]
    plain = parties[0].ask("GET", script, token=None)
    packed = parties[0].ask("GET", script, token=None, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.body) == plain.body
    assert "immutable" in plain.headers["cache-control"]
    assert plain.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path",
    [
        "/console/../detente.toml",
        "/console/%2e%2e/node.key",
        "/console/assets/",
        "/console//etc/passwd",
        "/console/nothing.js",
    ],
)
def test_nothing_but_the_page_is_given_out(parties, path):
    answer = parties[0].ask("GET", path, token=None)
    assert answer.status in (401, 404)
    assert b"Traceback" not in answer.body


def test_one_stream_has_the_events_of_every_room_in_the_order_of_the_journal(parties):
    north, _ = parties
    after = north.get("/status")["journal_number"]
    north.imports(area_plan("STREAMED"))
    north.post("/line/watch", {"post": "watch", "shift": "day"})
    connection = HTTPConnection("127.0.0.1", north.port, timeout=PATIENCE_S)
    connection.request("GET", f"/events/all?after={after}", headers={"Authorization": f"Bearer {north.token}"})
    response = connection.getresponse()
    seen: list[tuple[int, str]] = []
    number = 0
    while {kind for _, kind in seen} < {"picture", "line"}:
        line = response.readline().decode().strip()
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("event: "):
            seen.append((number, line[7:]))
    connection.close()
    assert [number for number, _ in seen] == sorted(number for number, _ in seen)
    assert all(number > after for number, _ in seen)


def test_a_stream_beats_as_often_as_it_is_asked_to(parties):
    north, _ = parties
    connection = HTTPConnection("127.0.0.1", north.port, timeout=PATIENCE_S)
    connection.request("GET", "/events/all?heartbeat_s=0.5", headers={"Authorization": f"Bearer {north.token}"})
    response = connection.getresponse()
    beats = 0
    while beats < 2:
        beats += response.readline().startswith(b": ")
    connection.close()
    for wrong in ("0", "0.1", "16", "nan", "x"):
        assert north.ask("GET", f"/events/all?heartbeat_s={wrong}").status == 400


def test_the_last_messages_are_few_and_leave_out_nothing_that_waits(parties):
    north, south = parties
    sent = [north.post("/line/messages", {"peer": "south", "code": "stop_lifted"})["message_ids"][0] for _ in range(4)]
    south.until(lambda: {one["message_id"] for one in south.get("/line/messages")} >= set(sent), "told")
    for message_id in sent[:3]:
        south.post("/line/take", {"peer": "north", "message_id": message_id, "post": "watch"})

    def seen(query: str) -> list[str]:
        return [one["message_id"] for one in south.get(f"/line/messages?peer=north{query}")]

    assert seen("") == sent
    assert seen("&last=2") == sent[1:]
    assert seen("&last=0") == sent[3:]
    assert seen("&last=100&waiting=true") == sent[3:]
    for wrong in ("-1", "1.5", "x", "9999999999"):
        assert south.ask("GET", f"/line/messages?last={wrong}").status == 400


def test_what_a_peer_was_told_is_what_it_holds_and_no_more(parties):
    north, south = parties
    north.imports(area_plan("TOLD"))
    south.until(lambda: any(plan["plan_id"] == "TOLD" for plan in south.get("/plans")), "told")
    told = north.get("/peers/south/told")
    plans = {one["what"]: one["content"]["plan"] for one in told["told"] if one["kind"] == "plan_declared"}
    assert plans["TOLD"] == south.get("/plans/north/TOLD")["plan"]
    assert told["left_out"] == 0
    answer = north.ask("GET", "/peers/nobody/told")
    assert answer.status == 404
    assert json.loads(answer.body)["code"] == "api.paired_peer"


def test_a_plan_file_is_read_by_the_same_readers_with_the_same_refusals(parties):
    north, _ = parties
    geojson = write_geojson((area_plan("DROPPED"),))
    answer = north.ask("POST", "/plans/file?name=harbour.geojson", geojson)
    assert answer.status == 200, answer.body
    assert answer.json["imported"]["declared"] == 1
    assert answer.json["left_out"] == {}
    assert north.get("/plans/north/DROPPED")["plan"]["plan_id"] == "DROPPED"
    for content, name in (
        (b"", "empty.kml"),
        (b"PK\x03\x04", "../../x.kmz"),
        (b"{}", "a.geojson"),
        (b"\xff" * 99, "b"),
    ):
        refused = north.ask("POST", f"/plans/file?name={name}", content)
        assert refused.status == 400, (name, refused.body)
        assert name.rpartition("/")[2] in json.dumps(refused.json)
        assert "/tmp" not in json.dumps(refused.json)


def test_the_journal_is_searched_backwards_a_bounded_part_at_a_time(parties):
    north, _ = parties
    stored = list(stored_entries(north.path / "journal.sqlite"))
    seen: list[int] = []
    before = ""
    while True:
        page = north.get(f"/journal?most=7{before}")
        seen += [entry["number"] for entry in page["entries"]]
        if page["next_before"] is None:
            break
        before = f"&before={page['next_before']}"
    assert seen[-len(stored) :] == [entry.number for entry in reversed(stored)]
    kinds = {entry.kind for entry in stored}
    for kind in kinds:
        found = north.get(f"/journal?kind={kind}&most=200")["entries"]
        assert {entry["kind"] for entry in found} == {kind}
    with_text = [entry.number for entry in reversed(stored) if b"streamed" in entry.body.lower()]
    found = north.get("/journal?text=StreameD&most=200")["entries"]
    assert [entry["number"] for entry in found][-len(with_text) :] == with_text
    at = stored[3].at_text
    late = north.get(f"/journal?start={at}&most=200")["entries"]
    assert min(entry["number"] for entry in late) == min(one.number for one in stored if one.at_us >= stored[3].at_us)
    assert all(entry["at"] < at for entry in north.get(f"/journal?end={at}")["entries"])
    for wrong in ("most=0", "most=201", "before=0", "before=x", "start=yesterday", "most=nan"):
        assert north.ask("GET", f"/journal?{wrong}").status == 400


def test_one_entry_is_proven_by_what_the_node_gives_of_it(parties):
    north, _ = parties
    for number in (1, 2, north.get("/status")["journal_number"]):
        proof = north.get(f"/journal/{number}")
        previous = bytes.fromhex(proof["previous_hash"])
        for line in proof["entries"]:
            body = line["text"].encode() if "text" in line else base64.b64decode(line["base64"])
            at_us = microseconds(datetime.fromisoformat(line["at"]))
            previous = entry_hash(previous, line["number"], at_us, kind_field(line["kind"]), body)
            assert previous.hex() == line["hash"]
        last = proof["entries"][-1]
        message = head_message(proof["first"], last["number"], previous)
        assert proof["entries"][0]["number"] == number
        assert verify(bytes.fromhex(proof["journal"]["public_key"]), bytes.fromhex(last["signature"]), message)
    assert north.ask("GET", "/journal/999999999").status == 404
    assert north.ask("GET", "/journal/0").status == 400
