"""A node speaks for members of a coalition: three real nodes, and nothing of the members leaves (R4, R49)."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from parties import Party, area_plan
from test_accords_at_work import agree, paired, sent, text_between
from test_zones_at_work import AREA, stands, zone

from detente.accord.terms import Accord, format_accord, parse_accord


def with_coalition(text: str, name: str) -> str:
    accord: Accord = parse_accord(text)
    parties = tuple(msgspec.structs.replace(p, coalition=True) if p.name == name else p for p in accord.parties)
    return format_accord(msgspec.structs.replace(accord, parties=parties))


def member(party: Party, *arguments: str, code: int = 0) -> str:
    done = party.cli("member", *arguments)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def matters(party: Party) -> dict[str, tuple[set[str], set[str]]]:
    """Who was told and who lacks, by the matter's name without the mark of its wording."""
    found = party.get("/members")["matters"]
    return {
        matter["name"].partition("@")[0]: ({told["member"] for told in matter["told"]}, set(matter["lacking"]))
        for matter in found
    }


@pytest.mark.long
def test_members_are_told_and_the_other_side_hears_only_that_all_know(tmp_path: Path) -> None:
    with paired(tmp_path, (("north", "south"), ("north", "east"))) as (north, south, east):
        with_south = agree(north, south, with_coalition(text_between(north, south), "north"))
        agree(north, east, text_between(north, east))
        for party in (south, east):
            party.until(lambda party=party: party.get("/line")["lines"], "the channels open")
        for name in ("vega", "altair"):
            member(north, "add", name)
        assert "node of its own" in member(north, "add", "east", code=2)
        volume = msgspec.to_builtins(area_plan("range").intent[0])
        south.post("/notices", {"notice_id": "range", "meaning": "keep_out", "volume": volume})
        south.post("/line/stop", {"peer": "north"})
        zone(south, north, "propose", "basin", *AREA)
        north.until(lambda: stands(north, south, "basin") == "proposed", "hears of the zone")
        zone(north, south, "accept", "basin")
        expected = {"accord/south/", "notice/south/range", "notice/south/basin", "stop/south/"}
        north.until(
            lambda: all(any(name.startswith(start) for name in matters(north)) for start in expected), "knows it all"
        )
        for name in ("vega", "altair"):
            for start in (f"accord/south/{with_south}", "notice/south/range", "stop/south", "notice/south/basin"):
                north.post("/members/tell", {"matter": start, "member": name})
        member(north, "tell", "notice/south/range", "vega")
        member(north, "acknowledge", "notice/south/range", "vega", "--person", "duty")
        assert matters(north)["notice/south/range"] == ({"vega", "altair"}, {"altair"})
        assert south.get("/members")["informed"] == []
        north.kill()
        north.start()
        member(north, "acknowledge", "notice/south/range", "altair")
        for name in ("vega", "altair"):
            north.post("/members/acknowledge", {"matter": "stop/south", "member": name})
        south.until(lambda: len(south.get("/members")["informed"]) == 2, "hears that all know")
        told = {one["matter"].partition("@")[0] for one in south.get("/members")["informed"]}
        assert told == {"notice/south/range", "stop/south/south:1"}
        assert "all members of north have acknowledged stop/south" in member(south, "list")
        assert "ont accusé réception" in south.cli("member", "list", language="fr").stdout
        assert "altair" in member(north, "list")
        for to in (south, east):
            said = b"".join(envelope.raw for envelope in sent(north, to))
            assert b"vega" not in said
            assert b"altair" not in said
        assert not [e for e in sent(north, east) if e.kind == "members_informed"]
        assert b"range" not in b"".join(envelope.raw for envelope in sent(north, east))
