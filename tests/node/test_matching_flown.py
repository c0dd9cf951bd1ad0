"""Plans that private matching showed, and whether they were flown: what the peer hears, and what it does when not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from matching_parties import MOMENT, TERMS, matching_parties, propose, run_of, until_over
from one_node import KEYS, OneNode
from parties import TODAY, area_plan

from detente.accord.matching_terms import MatchingTerms, RunsOfNodes
from detente.accord.provisions import Provisions
from detente.accord.terms import Accord, AccordParty
from detente.airspace.plan import TimeWindow
from detente.airspace.separation import Minima, MinimaTable
from detente.link.envelope import read_envelope
from detente.matching.life import NoteParts, OpenedPart, ProposeRun
from detente.matching.room import MatchingRoom
from detente.picture.commands import ActivatePlan, ImportPlans


def test_the_peer_that_was_shown_a_plan_hears_that_it_is_being_flown(tmp_path: Path) -> None:
    parties = tuple(AccordParty(name, KEYS[name].public.hex()) for name in ("north", "south"))
    matching = MatchingTerms(runs=RunsOfNodes.ASKED, unflown_plans=1)
    valid = TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=3))
    table = MinimaTable(Minima(9260.0, 304.8, 0.0))
    node = OneNode(tmp_path, accord=Accord("test", 1, parties, valid, table, provisions=Provisions(matching=matching)))
    node.decide(ImportPlans(node.now, "north", (area_plan("n1"), area_plan("n2", 1.0), area_plan("n3", 2.0))))
    (begun,) = node.decide(ProposeRun(node.now, "south", node.now))
    run = begun.run.run
    shown = (OpenedPart("n1", area_plan("P1")), OpenedPart("n2", area_plan("P2", 1.0)))
    node.decide(NoteParts(node.now, run, ours=shown))
    before = node.read
    for plan_id in ("n1", "n3"):
        node.decide(ActivatePlan(node.now, "north", plan_id))
    sent = [read_envelope(raw)[0] for raw in node.envelopes("south", before)]
    flown = [msgspec.json.decode(envelope.body) for envelope in sent if envelope.kind.startswith("match_")]
    assert flown == [{"message": "match_flown", "run": run, "attempt": 1, "names": ["P1"]}]

    over = begun.run.epoch_end + timedelta(hours=2)
    kept = [node.state.rooms.of_type(MatchingRoom).keep()]
    node.start()
    assert node.state.rooms.of_type(MatchingRoom).unflown("south", over, ours=True) == {run: 1}
    assert [node.state.rooms.of_type(MatchingRoom).keep()] == kept


@pytest.mark.long
def test_a_peer_that_does_not_fly_what_it_showed_is_told_why_there_is_no_other_run(tmp_path: Path) -> None:
    """Of an epoch that is over: north showed two plans and flew none, south flew the one that met both."""
    terms = msgspec.structs.replace(TERMS, epoch_seconds=3600, unflown_plans=1)
    past = MOMENT - timedelta(hours=5)
    with matching_parties(tmp_path, terms=terms) as (north, south):
        hours_s = -5 * 3600.0
        north.imports(area_plan("n1", start_s=hours_s), area_plan("n2", 0.02, start_s=hours_s))
        south.imports(area_plan("s1", start_s=hours_s))
        south.post("/plans/s1/activate")
        run = propose(north, south, past)
        assert until_over(north, run)["state"] == until_over(south, run)["state"] == "done"

        def alarms() -> dict[str, str]:
            return {one["kind"]: one["detail"] for one in south.get("/line")["lines"]["north"]["alarms"]}

        south.until(lambda: "unflown_plans" in alarms(), "calls a person")
        assert "2 never flown; more than 1" in alarms()["unflown_plans"]
        refused = south.ask("POST", "/matching/runs", {"peer": "north", "epoch": TODAY})
        assert (refused.status, refused.json["code"]) == (400, "matching.plans_never_flown")
        # South's plan was flown already when it was shown: north hears that too.
        north.until(lambda: north.get("/matching/ledger")[0]["unflown"] == {run: 0}, "hears that it was flown")
        assert (
            north.get("/matching/ledger")[0]["own_unflown"] == south.get("/matching/ledger")[0]["unflown"] == {run: 2}
        )
        assert "2 of theirs and 0 of ours" in south.cli("match", "ledger").stdout
        again = propose(north, south, TODAY)
        over = until_over(north, again)
        assert (over["state"], over["reason"], over["ended_by"]) == ("aborted", "unflown", "south")
        assert "never flown" in north.cli("match", "status").stdout
        assert run_of(south, again)["state"] == "aborted"
        assert north.get("/line")["lines"]["south"]["alarms"] == []
