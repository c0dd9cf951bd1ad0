"""An accord is suspended, something happens, it is resumed: on real nodes, with the terms enforced on both (R32)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from parties import TODAY, Party, area_plan
from test_accords_at_work import agree, live, paired, standing, text_between

from detente.accord.messages import AccordAct, AccordResumed, AccordSuspended
from detente.accord.room import AccordActed, AccordRoom
from detente.airspace.plan import TimeWindow
from detente.line.messages import LineMessage
from detente.line.peer_messages import CodedMessage
from detente.line.voice import voice_code
from detente.link.comparison import compare_copies
from detente.link.copies import Copy, proven_entries

WHERE = {"kind": "place", "position": {"latitude_deg": 34.0, "longitude_deg": 20.0}}
HEIGHT = {"kind": "height", "altitude": {"value": 3000.0, "unit": "m", "reference": {"kind": "mean_sea_level"}}}
IN_DISTRESS = {"where": WHERE, "height": HEIGHT}
BEARING = {"kind": "bearing", "degrees": 90}
ENTERING = {
    "reference": {"kind": "reference", "text": "range"},
    "when": {"kind": "moment", "time": (TODAY + timedelta(hours=1)).isoformat()},
}


def say(party: Party, peer: Party, code: str, **parameters: Any) -> Any:
    body = {"peer": peer.name, "code": code, "parameters": parameters}
    return party.ask("POST", "/line/messages", body)


def heard(party: Party) -> list[str]:
    return sorted(m["code"] for m in party.get("/line/messages") if not m["ours"])


def notice(name: str, window: TimeWindow | None = None) -> dict[str, Any]:
    volume = area_plan(name).intent[0]
    if window is not None:
        volume = msgspec.structs.replace(volume, time=window)
    return {"notice_id": name, "meaning": "keep_out", "volume": msgspec.to_builtins(volume)}


def notices(party: Party, owner: Party) -> dict[str, str]:
    found = party.get("/notices")
    return {n["notice"]["notice_id"]: n["state"] for n in found if n["notice"]["party"] == owner.name}


def conflicts(party: Party) -> set[tuple[str, str]]:
    found = [c["conflict"] for c in party.get("/conflicts")["open"]]
    return {(c["first"]["plan_id"], c["second"]["plan_id"]) for c in found}


def acts(party: Party) -> list[AccordAct]:
    bodies = [e.body for e in proven_entries(party.files.journal_path) if e.kind == AccordRoom.name]
    return [msgspec.json.decode(body, type=AccordActed).act for body in bodies]


def test_what_the_terms_do_not_keep_is_refused_on_both_sides_and_the_rest_goes_on(tmp_path: Path) -> None:
    with paired(tmp_path) as (north, south):
        terms = '[suspension]\nkeeps = ["stop", "emergency_assistance", "incidents"]\nposts = ["command"]\n'
        accord = agree(north, south, text_between(north, south) + terms)
        for party in (north, south):
            party.until(lambda party=party: party.get("/line")["lines"], "the line opens")
        south.imports(area_plan("s1"))
        south.post("/notices", notice("range"))
        north.until(lambda: live(north, "south") == {"s1"} and notices(north, south), "knows what south notified")

        by_the_watch = south.cli("accord", "suspend", accord, "--reason", "an aircraft was lost")
        assert by_the_watch.returncode == 2
        assert "command" in by_the_watch.stderr
        done = south.cli("accord", "suspend", accord, "--reason", "an aircraft was lost", "--post", "command")
        assert done.returncode == 0, done.stderr
        north.until(lambda: standing(north, accord) == "suspended", "hears of it")

        # What was notified holds, and what north plans now is held against it, though south is not told.
        north.imports(area_plan("n1", 0.01))
        assert conflicts(north) == {("n1", "s1")}
        assert notices(north, south) == {"range": "in_force"}

        for code, parameters in (
            ("turn_away", {**IN_DISTRESS, "bearing": BEARING}),
            ("radio_check", {}),
            ("entering", ENTERING),
        ):
            refused = say(north, south, code, **parameters)
            assert refused.status == 400, code
            assert "suspended by south; what goes on is: emergency_assistance, incidents, stop" in refused.json["mend"]
        assert north.ask("POST", "/line/check", {"peer": "south"}).status == 400
        spoken = voice_code(CodedMessage(LineMessage("north", "south", 9, "radio_check", datetime.now(UTC))))
        refused = south.ask("POST", "/line/voice", {"peer": "north", "code": spoken})
        assert refused.status == 400
        assert "line_checks" in refused.json["expected"]

        # The incident: what saves lives goes through, before and after both nodes were killed.
        north.post("/line/stop", {})
        south.until(lambda: heard(south) == ["stop"], "STOP arrives")
        for party in (north, south):
            party.kill()
            party.start()
        assert standing(north, accord) == standing(south, accord) == "suspended"
        sent = say(north, south, "emergency", **IN_DISTRESS)
        assert sent.status == 200, sent.body
        south.until(lambda: heard(south) == ["emergency", "stop"], "the emergency arrives")
        over = TimeWindow(datetime.now(UTC) - timedelta(minutes=20), datetime.now(UTC) - timedelta(minutes=10))
        volume = msgspec.to_builtins(msgspec.structs.replace(area_plan("i").intent[0], time=over))
        incident = {
            "peer": "south", "incident_id": "i1", "incident_class": "loss_of_separation", "volume": volume,
            "evidence_sha256": ["ab" * 32], "requested_action": "investigate",
        }  # fmt: skip
        assert north.ask("POST", "/claims/incidents", incident).status == 200
        south.until(lambda: south.get("/claims/incidents"), "incidents go on where the terms keep them")
        about = {"peer": "south", "request_id": "r1", "about": {"kind": "area", "volume": volume}}
        refused = north.ask("POST", "/claims/requests", about)
        assert refused.status == 400, "requests do not"
        answered = south.post("/line/messages", {
            "peer": "north", "code": "say_again", "answers": sent.json["message_ids"][0],
            "parameters": {"reference": {"kind": "reference", "text": sent.json["message_ids"][0]}},
        })  # fmt: skip
        north.until(lambda: heard(north) == ["say_again"], "an answer to what goes on goes on")
        assert answered["message_ids"]

        assert live(south, "north") == set()
        assert south.cli("accord", "resume", accord, "--post", "command").returncode == 0
        south.until(lambda: live(south, "north") == {"n1"}, "hears what changed meanwhile")
        south.until(lambda: conflicts(south) == {("n1", "s1")}, "finds what north has known")
        assert say(north, south, "radio_check").status == 200
        south.until(lambda: heard(south) == ["emergency", "radio_check", "stop"], "history intact")

        # After its end only what saves lives goes on.
        assert north.cli("accord", "end", accord, "--reason", "over", "--post", "command").returncode == 0
        south.until(lambda: standing(south, accord) == "ended", "hears of the end")
        assert say(south, north, "radio_check").status == 400
        assert south.ask("POST", "/line/stop", {"peer": "north"}).status == 200
        north.until(lambda: heard(north) == ["say_again", "stop"], "STOP still arrives")

        for party in (north, south):
            assert party.stop() == 0
        for party in (north, south):
            (suspended,) = [act for act in acts(party) if isinstance(act, AccordSuspended)]
            (resumed,) = [act for act in acts(party) if isinstance(act, AccordResumed)]
            assert (suspended.party, suspended.by, suspended.reason) == ("south", "command", "an aircraft was lost")
            assert (resumed.party, resumed.by, resumed.at > suspended.at) == ("south", "command", True)
        assert acts(north)[-3:] == acts(south)[-3:]
        comparison = compare_copies(*(Copy(party.path).read() for party in (north, south)))
        assert comparison.equal


@pytest.mark.long
def test_the_authority_suspends_and_only_the_authority_resumes(tmp_path: Path) -> None:
    """Default terms: safety of flight and line checks go on too; a notice expires in suspension, and no sooner."""
    with paired(tmp_path) as (north, south):
        accord = agree(north, south, text_between(north, south))
        for party in (north, south):
            party.until(lambda party=party: party.get("/line")["lines"], "the line opens")
        now = datetime.now(UTC)
        south.post("/notices", notice("short", TimeWindow(now, now + timedelta(seconds=12))))
        south.post("/notices", notice("lasting"))
        north.until(lambda: len(notices(north, south)) == 2, "knows of both")
        key = ("--key", str(south.path / "authority.pem"))
        done = south.cli("accord", "suspend", accord, "--reason", "an order", "--post", "authority", *key)
        assert done.returncode == 0, done.stderr
        north.until(lambda: standing(north, accord) == "suspended", "hears of it")
        assert notices(north, south)["short"] == "in_force"
        assert south.cli("accord", "resume", accord).returncode == 2
        assert say(north, south, "turn_away", **IN_DISTRESS, bearing=BEARING).status == 200
        assert say(north, south, "radio_check").status == 200
        north.post("/line/check", {"peer": "south"})
        north.until(lambda: north.get("/line")["lines"]["south"]["ours"] is not None, "line checks go on")
        expected = {"short": "expired", "lasting": "in_force"}
        north.until(lambda: notices(north, south) == expected, "the short one expires, the other holds")
        assert south.cli("accord", "resume", accord, "--post", "authority", *key).returncode == 0
        north.until(lambda: standing(north, accord) == "in_force", "resumed")
        assert notices(north, south) == expected
