"""Claims between two real nodes: what was seen, asked, answered, stated and reported stands equal on both sides."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from parties import PATIENCE_S, TODAY, Party, accord_of, area_plan, two_parties

from detente.accord.terms import accord_hash
from detente.airspace.plan import TimeWindow
from detente.claims.claims import AreaAndTime, Request
from detente.claims.peer_messages import RequestClaim
from detente.link.answer import read_answer
from detente.link.comparison import compare_copies
from detente.link.copies import Copy
from detente.link.links import Links
from detente.picture.notices import Meaning
from detente.room.channel import CHANNEL_HASH, Channel
from detente.room.tagged import write_tagged

EVIDENCE = hashlib.sha256(b"radar tape").hexdigest()
SOON = TODAY + timedelta(hours=2, minutes=5)
SEA_LEVEL = {"kind": "mean_sea_level"}


def observation(name: str, east_deg: float = 0.0, **more: Any) -> dict[str, Any]:
    """At 3,050 m, in the middle of what `area_plan` covers."""
    return {
        "observation_id": name, "position": {"latitude_deg": 34.0, "longitude_deg": 20.0 + east_deg},
        "horizontal_error_m": 200.0, "altitude": {"value": 3050.0, "unit": "m", "reference": SEA_LEVEL},
        "vertical_error_m": 20.0, "time": SOON.isoformat(), "time_error_s": 5.0, "evidence_sha256": EVIDENCE, **more,
    }  # fmt: skip


def volume(east_deg: float = 0.0) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(area_plan("v", east_deg).intent[0])
    return found


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Party, Party]]:
    with two_parties(tmp_path_factory.mktemp("claims"), start=False) as (north, south):
        for party in (north, south):
            accord = party.path / "accord.toml"
            accord.write_text(
                "free_text = true\n"
                + accord.read_text()
                + '\n[reporting]\nrequest_answer = "1 s"\nincident_answer = "1 s"\n'
            )
            party.begin()
        north.wait()
        south.wait()
        yield north, south


def record(party: Party, route: str, name: str, field: str) -> dict[str, Any] | None:
    """The claim of this id in a list, by the claim's own field."""
    for found in party.get(f"/claims/{route}"):
        inner = found.get(field, found)
        if name in inner.values():
            return dict(found)
    return None


def test_what_no_notice_explains_is_asked_about_and_the_answer_is_on_both_sides(parties: tuple[Party, Party]) -> None:
    north, south = parties
    south.post("/notices", {"notice_id": "n1", "meaning": Meaning.OUR_AIRCRAFT_HERE, "volume": volume()})
    north.post("/notices", {"notice_id": "border", "meaning": Meaning.KEEP_OUT, "volume": volume(3.0)})
    for party in parties:
        party.until(lambda party=party: len(party.get("/notices")) == 2, "the notices are on both sides")
    north.post("/claims/observations", observation("explained"))
    north.post("/claims/observations", observation("stranger", 3.0))
    (undeclared,) = north.get("/claims/observations?undeclared=true")
    assert undeclared["observation"]["observation_id"] == "stranger"
    assert south.get("/claims/observations") == [], "an observation is private unless it is sent"
    about = {"kind": "observation", "party": "north", "observation_id": "stranger"}
    done = north.post("/claims/requests", {"peer": "south", "request_id": "r1", "about": about})
    south.until(lambda: south.get("/claims/requests"), "the request arrives")
    (asked,), (heard,) = north.get("/claims/requests"), south.get("/claims/requests")
    assert done["due"] == asked["due"] == heard["due"]
    for party in parties:
        party.until(
            lambda party=party: [r["state"] for r in party.get("/claims/requests?waiting=true")] == ["overdue"],
            "both sides see that it is overdue",
        )
    south.post(
        "/claims/answers",
        {"peer": "north", "request_id": "r1", "answer": "not_under_our_control", "words": "Not ours."},
    )
    for party in parties:
        party.until(lambda party=party: not party.get("/claims/requests?waiting=true"), "the answer is on both sides")
        (answered,) = party.get("/claims/requests")
        assert (answered["state"], answered["late"]) == ("answered", True)
    north.until(lambda: "south" in north.get("/claims/observations?undeclared=true")[0]["verdicts"][0]["verdicts"],
                "the other side's verdict comes back")  # fmt: skip
    for party in parties:
        (seen,) = party.get("/claims/observations?undeclared=true")
        (row,) = seen["verdicts"]
        assert row == {"party": "north", "notice_id": "border", "verdicts": {"north": "inside", "south": "inside"}}


def test_an_incident_with_both_versions_side_by_side(parties: tuple[Party, Party]) -> None:
    north, south = parties
    north.post("/claims/incidents", {
        "peer": "south", "incident_id": "i1", "incident_class": "unsafe_approach", "volume": volume(),
        "evidence_sha256": [EVIDENCE], "requested_action": "investigate", "words": "150 m across our nose.",
    })  # fmt: skip
    south.until(lambda: south.get("/claims/incidents"), "the incident arrives")
    for party in parties:
        party.until(lambda party=party: record(party, "incidents", "i1", "incident")["overdue"], "overdue, both sides")
    due = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    south.post("/claims/incidents/reply",
               {"peer": "north", "incident_id": "i1", "reply": "under_investigation", "due": due})  # fmt: skip
    own = {"incident_class": "discourtesy", "volume": volume(0.3), "evidence_sha256": ["0" * 64]}
    south.post("/claims/incidents/reply", {"peer": "north", "incident_id": "i1", "reply": "reject", **own})
    statement = {"occurrence_id": "i1", "opener": "north"}
    north.post("/claims/statements", {**statement, "peer": "south", "words": "It was on our side of the river."})
    south.post("/claims/statements", {**statement, "peer": "north", "words": "It was on ours."})

    def shown(party: Party, peer: str) -> Any:
        return party.get(f"/claims/incidents/{peer}/north/i1")

    for party, peer in ((north, "south"), (south, "north")):
        party.until(lambda party=party, peer=peer: len(shown(party, peer)["statements"]) == 2, "both statements")
        found = shown(party, peer)
        assert found["incident"]["incident_class"] == "unsafe_approach"
        assert [reply["reply"] for reply in found["replies"]] == ["under_investigation", "reject"]
        assert found["replies"][1]["incident_class"] == "discourtesy"
        words = {party: [s["words"] for s in said] for party, said in found["statements"].items()}
        assert words == {"north": ["It was on our side of the river."], "south": ["It was on ours."]}
    refused = south.ask(
        "POST", "/claims/incidents/close", {"peer": "north", "incident_id": "i1", "closed_as": "settled"}
    )
    assert refused.status == 400, "only who reported it closes it"
    north.post("/claims/incidents/close", {"peer": "south", "incident_id": "i1", "closed_as": "not_settled"})
    south.until(lambda: shown(south, "north")["state"] == "not_settled", "closed on both sides")


def test_our_own_deviation_is_told_within_seconds_and_ends(parties: tuple[Party, Party]) -> None:
    north, south = parties
    left = datetime.now(UTC) - timedelta(seconds=1)
    body = {"deviation_id": "d1", "volume": volume(), "left_at": left.isoformat(), "intent": "correcting"}
    north.post("/claims/deviations", body)
    south.until(lambda: south.get("/claims/deviations"), "arrives")
    assert south.get("/claims/deviations")[0]["late_by_s"] == 0.0
    north.post("/claims/deviations/over", {"deviation_id": "d1"})
    south.until(lambda: south.get("/claims/deviations")[0]["over"], "over")
    assert north.ask("POST", "/claims/deviations/over", {"deviation_id": "none"}).status == 404


def test_our_aircraft_outside_its_plan_is_on_the_other_side_within_five_seconds(parties: tuple[Party, Party]) -> None:
    """R25: self-reported first, by the node; how long it took is what both sides signed."""
    north, south = parties
    now = datetime.now(UTC)
    window = TimeWindow(now - timedelta(minutes=5), now + timedelta(hours=1))
    plan = area_plan("flown")
    north.imports(msgspec.structs.replace(plan, intent=(msgspec.structs.replace(plan.intent[0], time=window),)))
    north.post("/plans/flown/activate")
    known = len(south.get("/claims/deviations"))
    where = {key: value for key, value in observation("o").items() if key not in ("observation_id", "evidence_sha256")}

    def held(east_deg: float) -> list[str]:
        position = {"latitude_deg": 34.0, "longitude_deg": 20.0 + east_deg}
        body = {**where, "plan_id": "flown", "position": position, "time": datetime.now(UTC).isoformat()}
        return list(north.post("/claims/positions", body)["events"])

    assert held(0.0) == []
    assert held(0.5) == ["own_aircraft_outside", "deviation_reported"]
    south.until(lambda: len(south.get("/claims/deviations")) > known, "south hears of it")
    told = south.get("/claims/deviations")[-1]
    assert told["late_by_s"] == 0.0, "by the clock of the side that reports, against the limit of the accord"
    heard, left = (datetime.fromisoformat(at) for at in (told["known_at"], told["deviation"]["left_at"]))
    assert heard > left
    assert held(0.0) == ["own_aircraft_inside", "deviation_ended"]
    south.until(lambda: south.get("/claims/deviations")[-1]["over"], "over")


def test_joint_statistics_are_the_same_bytes_on_both_sides(parties: tuple[Party, Party]) -> None:
    north, south = parties
    north.post("/line/stop", {"peer": "south"})
    south.until(lambda: south.get("/line/messages"), "STOP arrives")
    (message,) = south.get("/line/messages")
    south.post("/line/watch", {"post": "watch", "shift": "day"})
    south.post("/line/take", {"peer": "north", "message_id": message["message_id"], "post": "watch"})
    north.until(lambda: north.get("/line/messages")[0]["taken_by"], "taken")
    start, end = TODAY - timedelta(days=1), TODAY + timedelta(days=6)
    period = {"peer": "south", "start": start.isoformat(), "end": end.isoformat()}
    proposed = north.post("/claims/reviews", period)
    for party in parties:
        party.until(
            lambda party=party: [r["equal"] for r in party.get("/claims/reviews") if r["equal"] is not None], "compared"
        )
        (review,) = party.get("/claims/reviews")
        assert review["equal"], review["difference"]
        assert review["sha256"] == dict.fromkeys(("north", "south"), proposed["sha256"]["north"])
        assert hashlib.sha256(review["document"].encode()).hexdigest() == proposed["sha256"]["north"]
    counts = proposed["review"]["parties"]
    assert counts["north"]["stops"] == 1
    assert counts["south"]["notices"] == {"our_aircraft_here": 1}
    assert counts["north"]["requests"] == {"answered_late": 1}
    assert counts["north"]["incidents"] == {"unsafe_approach": {"reject": 1}}
    assert (counts["north"]["crossings_claimed"], counts["north"]["crossings_confirmed"]) == (1, 1)


def test_claims_have_their_own_event_stream(parties: tuple[Party, Party]) -> None:
    north, _ = parties
    north.post("/claims/observations", observation("streamed", 4.0))
    request = urllib.request.Request(
        f"{north.url}/claims/events?after=0", headers={"Authorization": f"Bearer {north.token}"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as stream:
        kinds = []
        while "observation_made" not in kinds:
            line = stream.readline().decode()
            if line.startswith("data: "):
                kinds.append(json.loads(line[6:])["event"])
    assert kinds[0] == "claims_opened"


def test_what_is_wrong_is_refused_by_field(parties: tuple[Party, Party]) -> None:
    north, _ = parties
    for route, body, field in (
        ("observations", observation("o", evidence_sha256="none"), "evidence_sha256"),
        ("observations", observation("o", share_with=["west"]), "peer"),
        ("requests", {"peer": "west", "request_id": "r", "about": {"kind": "area", "volume": volume()}}, "peer"),
        ("requests", {"peer": "south", "request_id": "r", "about": {"kind": "observation", "party": "south",
                                                                   "observation_id": "o"}}, "about.observation_id"),
        ("answers", {"peer": "south", "request_id": "none", "answer": "ours"}, "request_id"),
        ("answers", {"peer": "south", "request_id": "r1", "answer": "refused"}, "reason"),
        ("incidents/reply", {"peer": "south", "incident_id": "none", "reply": "accept"}, "incident_id"),
        ("incidents", {"peer": "south", "incident_id": "i", "incident_class": "bombing", "volume": volume(),
                       "evidence_sha256": [EVIDENCE], "requested_action": "explain"}, "incident_class"),
        ("statements", {"peer": "south", "occurrence_id": "e"}, "statement"),
        ("reviews", {"peer": "south", "start": SOON.isoformat(), "end": SOON.isoformat()}, "end"),
    ):  # fmt: skip
        answer = north.ask("POST", f"/claims/{route}", body)
        assert answer.status == 400, (route, answer.body)
        assert answer.json["field"] == field


def test_a_bare_coordinate_is_no_notice(parties: tuple[Party, Party]) -> None:
    """R17, R18: always a meaning; "nothing of ours here" has its area and time and says what it does not control."""
    north, south = parties
    where = {"latitude_deg": 34.0, "longitude_deg": 20.0}
    for body, field in (
        ({"notice_id": "x", "volume": volume()}, "meaning"),
        ({"notice_id": "x", "position": where}, "position"),
        ({"notice_id": "x", "meaning": "nothing_of_ours_here"}, "volume"),
        ({"notice_id": "x", "meaning": "nothing_of_ours_here", "volume": {**volume(), "time": None}}, "volume.time"),
        ({"notice_id": "x", "meaning": "keep_out", "volume": volume(), "others": "unknown"}, "others"),
    ):
        answer = north.ask("POST", "/notices", body)
        assert answer.status == 400
        assert answer.json["field"] == field, answer.json
    north.post("/notices", {"notice_id": "none", "meaning": "nothing_of_ours_here", "volume": volume(),
                            "others": "not_under_our_control"})  # fmt: skip
    south.until(lambda: len(south.get("/notices")) == 3, "arrives")
    (told,) = [n["notice"] for n in south.get("/notices") if n["notice"]["notice_id"] == "none"]
    assert told["others"] == "not_under_our_control"
    assert told["volume"] == north.get("/notices")[1]["notice"]["volume"]
    south.post("/claims/observations", observation("o9"))
    (seen,) = [o for o in south.get("/claims/observations") if o["observation"]["observation_id"] == "o9"]
    assert seen["explained_by"] == ["notice south n1"], '"nothing of ours here" explains no aircraft'


def test_the_transcript_of_claims_is_proved_from_both_journals(parties: tuple[Party, Party]) -> None:
    north, _ = parties
    north.until(lambda: compare_copies(*(Copy(party.path).read() for party in parties)).equal, "nothing is in flight")
    ours = Copy(north.path).read()
    assert CHANNEL_HASH[Channel.ROOMS] in {transcript.accord for transcript in ours.transcripts}


@pytest.mark.long
def test_a_flood_of_a_peer_is_bounded_recorded_and_survives_a_restart(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        north.start()
        accord = accord_hash(accord_of(north, south))
        session = Links(south.key.public).open(north.key.public, CHANNEL_HASH[Channel.ROOMS])
        now = datetime.now(UTC)
        place = AreaAndTime(msgspec.structs.replace(area_plan("v").intent[0], time=TimeWindow(now, now)))
        flood = [write_tagged(RequestClaim(Request(f"r{n}", "south", place, now, accord))) for n in range(130)]
        lie = write_tagged(RequestClaim(Request("lie", "north", place, now, accord)))
        sealed = session.seal(south.key, [*flood, lie, ("claim_request", b"{}"), ("unheard-of", b"")], now)
        for first in range(0, len(sealed), 50):
            body = b"".join(envelope.raw for envelope in sealed[first : first + 50])
            answer = north.ask("POST", "/link/v1/envelopes", body, token=None)
            assert read_answer(answer.body).receipts
        assert len(north.get("/claims/requests")) == 100
        assert [peer["messages_refused"] for peer in north.get("/peers")] == [3]
        told = north.get("/claims/requests")
        north.kill()
        north.start()
        assert north.get("/claims/requests") == told
