"""Claims under accords that two authorities signed: suspended, resumed and followed by the next, on real nodes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from parties import TODAY, Party
from test_accords_at_work import agree, paired, standing, text_between
from test_node_claims import EVIDENCE, observation, volume

KEEPS = '[suspension]\nkeeps = ["stop", "incidents"]\n'


def incident(name: str) -> dict[str, Any]:
    return {
        "peer": "south", "incident_id": name, "incident_class": "loss_of_separation", "volume": volume(),
        "evidence_sha256": [EVIDENCE], "requested_action": "explain",
    }  # fmt: skip


def request(name: str) -> dict[str, Any]:
    return {"peer": "south", "request_id": name, "about": {"kind": "area", "volume": volume()}}


def opened(party: Party, peer: str) -> bool:
    """Whether claims are taken with a peer: one about nothing is refused for what it is about."""
    answer = party.ask("POST", "/claims/answers", {"peer": peer, "request_id": "none", "answer": "ours"})
    return bool(answer.json["field"] == "request_id")


@pytest.mark.long
def test_incidents_go_on_where_the_accord_keeps_them_and_requests_wait(tmp_path: Path) -> None:
    with paired(tmp_path) as (north, south):
        accord = agree(north, south, text_between(north, south) + KEEPS)
        for party, peer in ((north, "south"), (south, "north")):
            party.until(lambda party=party, peer=peer: opened(party, peer), "claims are taken")
        north.post("/claims/observations", observation("seen"))
        north.post("/claims/requests", request("before"))
        south.until(lambda: south.get("/claims/requests"), "the request arrives")

        assert south.cli("accord", "suspend", accord, "--reason", "an order").returncode == 0
        north.until(lambda: standing(north, accord) == "suspended", "hears of it")
        for party, route, body in (
            (north, "requests", request("while")), (north, "observations/seen/share", {"peer": "south"}),
            (south, "answers", {"peer": "north", "request_id": "before", "answer": "not_ours"}),
        ):  # fmt: skip
            refused = party.ask("POST", f"/claims/{route}", body)
            assert refused.status == 400
            assert refused.json["expected"] == "an accord that lets requests go on"
            assert "suspended by south; what goes on is: incidents, stop" in refused.json["mend"]
        north.post("/claims/incidents", incident("i1"))
        south.until(lambda: south.get("/claims/incidents"), "an incident goes through")
        for party in (north, south):
            party.kill()
            party.start()
        south.post("/claims/incidents/reply", {"peer": "north", "incident_id": "i1", "reply": "cannot_tell"})
        north.until(lambda: north.get("/claims/incidents")[0]["state"] == "cannot_tell", "and so does its reply")

        assert south.cli("accord", "resume", accord).returncode == 0
        north.until(lambda: standing(north, accord) == "in_force", "resumed")
        south.post("/claims/answers", {"peer": "north", "request_id": "before", "answer": "not_ours"})
        north.until(lambda: north.get("/claims/requests")[0]["state"] == "answered", "history intact")

        following = text_between(north, south, version=2) + '\n[reporting]\nrequest_answer = "60 s"\n'
        second = agree(north, south, following)
        for party in (north, south):
            party.until(lambda party=party: standing(party, second) == "in_force", "the next accord is in force")
        north.until(lambda: asked_under(north, second), "what is asked now is due under it")
        latest = north.get("/claims/requests")[-1]["request"]["request_id"]
        south.until(lambda: any(r["request"]["request_id"] == latest for r in south.get("/claims/requests")), "arrives")
        for party in (north, south):
            due = {r["request"]["request_id"]: r["due"] for r in party.get("/claims/requests")}
            assert due == {r["request"]["request_id"]: r["due"] for r in north.get("/claims/requests")}

        start, end = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
        south.post("/claims/reviews", {"peer": "north", "start": start.isoformat(), "end": end.isoformat()})
        for party in (north, south):
            party.until(lambda party=party: [r["equal"] for r in party.get("/claims/reviews")] == [True], "equal")
        (review,) = north.get("/claims/reviews")
        assert review["review"]["parties"]["south"]["suspensions"] == 1
        assert review["review"]["parties"]["north"]["requests"]["answered_in_time"] == 1


def asked_under(party: Party, accord: str) -> bool:
    """Ask once more; whether the request names the accord of this hash."""
    name = f"r{len(party.get('/claims/requests'))}"
    party.post("/claims/requests", request(name))
    return bool(party.get("/claims/requests")[-1]["request"]["accord_hash"] == accord)
