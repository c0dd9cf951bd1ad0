"""An accord is suspended; the line still rings, on real nodes (R32)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from parties import TODAY
from test_accords_at_work import agree, paired, standing, text_between


def test_a_stop_and_the_line_go_on_while_the_accord_is_suspended(tmp_path: Path) -> None:
    entering = {
        "peer": "south",
        "code": "entering",
        "parameters": {
            "reference": {"kind": "reference", "text": "zone-1"},
            "when": {"kind": "moment", "time": (TODAY + timedelta(hours=1)).isoformat()},
        },
    }
    with paired(tmp_path) as (north, south):
        accord = agree(north, south, text_between(north, south))
        north.until(lambda: "south" in north.get("/line")["lines"], "the line opens with the accord")
        south.until(lambda: "north" in south.get("/line")["lines"], "on both sides")
        south.post(f"/accords/{accord}/suspend", {"reason": "for now"})
        north.until(lambda: standing(north, accord) == "suspended", "both know")
        refused = north.ask("POST", "/line/messages", entering)
        assert refused.status == 400
        assert "suspended by south; what goes on is: emergency_assistance, line_checks, safety" in refused.json["mend"]
        north.post("/line/stop", {})
        north.post("/line/messages", {"peer": "south", "code": "radio_check"})
        south.until(lambda: len(south.get("/line/messages")) == 2, "both arrive")
        south.post("/line/take", {"peer": "north", "message_id": "north:1", "post": "senior"})
        north.until(lambda: north.get("/line/messages/south/north:1")["taken_by"] == "senior", "a person has it")
        south.post("/line/check", {"peer": "north"})
        south.until(lambda: south.get("/line")["lines"]["north"]["ours"] is not None, "line checks go on")
        south.post(f"/accords/{accord}/resume", {})
        north.until(lambda: standing(north, accord) == "in_force", "resumed")
        again = north.ask("POST", "/line/messages", entering)
        assert again.status == 200, again.body
        assert len(north.get("/line/messages")) == 3, "history intact"
