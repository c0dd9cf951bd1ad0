"""What is changed in the directory of a running node is taken in, or the answer says what needs a restart."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from parties import Party, accord_of, area_plan, two_parties
from test_node_line import arrived, send
from test_set_back import settled

from detente.accord.terms import format_accord
from detente.link.trust import write_durably
from ports import free_port


def reloaded(party: Party) -> dict[str, str]:
    answer = party.ask("POST", "/reload")
    assert answer.status == 200, answer.body
    return {change["what"]: change["state"] for change in answer.json}


def settings(party: Party, old: str, new: str) -> None:
    text = party.files.config_path.read_text()
    assert old in text
    party.files.config_path.write_text(text.replace(old, new))


def names(party: Party) -> list[str]:
    return [peer["name"] for peer in party.get("/peers")]


def test_a_party_is_paired_and_an_accord_put_in_place_while_both_run(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        for party, other in ((north, "south"), (south, "north")):
            (party.path / "accord.toml").unlink()
            (party.files.trusted_path / f"{other}.json").unlink()
            party.start()
        text = format_accord(accord_of(north, south))
        for party, other in ((north, south), (south, north)):
            assert reloaded(party) == {}
            paired = party.cli("pair", str(other.files.card_path), "--fingerprint", other.card.fingerprint)
            assert paired.returncode == 0, paired.stderr
            assert f"Taken in: pairing {other.name}." in paired.stdout
            (party.path / "accord.toml").write_text(text)
            done = party.cli("reload")
            assert (done.returncode, "Taken in: accord." in done.stdout) == (0, True)
        north.imports(area_plan("ours"))
        south.until(lambda: [plan["plan_id"] for plan in south.get("/plans")] == ["ours"], "hears of the plan")
        sent = send(south, "north", "radio_check")
        north.until(lambda: arrived(north, "south", sent), "hears south")


@pytest.mark.long
def test_a_party_is_unpaired_and_paired_again_while_the_node_runs_and_a_restart_gives_the_same(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        north.imports(area_plan("ours"))
        sent = send(south, "north", "radio_check")
        north.until(lambda: arrived(north, "south", sent), "hears south")
        settled(north, south)
        undone = north.cli("unpair", "south")
        assert (undone.returncode, "Taken in: pairing south." in undone.stdout) == (0, True)
        assert [(peer["name"], peer["paired"]) for peer in north.get("/peers")] == [("south", False)]
        late = send(south, "north", "radio_check")
        south.until(lambda: "unknown_sender" in str(south.get("/peers")), "is a stranger now")
        assert not arrived(north, "south", late)
        card = str(south.files.card_path)
        assert north.cli("pair", card, "--fingerprint", south.card.fingerprint).returncode == 0
        north.until(lambda: arrived(north, "south", late), "hears what waited")
        settled(north, south)
        before = picture(north)
        north.stop()
        north.start()
        assert picture(north) == before
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "is heard")


def picture(party: Party) -> tuple[Any, list[str]]:
    return party.get("/status?digest=true")["picture_sha256"], names(party)


@pytest.mark.long
def test_each_setting_is_taken_in_or_needs_a_restart(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        settings(north, "automatic = false", "automatic = true\nmost_proposals = 3")
        settings(north, "longest_wait_s = 0.5", "longest_wait_s = 0.6\nanswer_step_s = 0.1")
        with north.files.config_path.open("a") as file:
            file.write('[log]\nlevel = "error"\n[places]\nHarbour = [35.0, 33.0]\n[disk]\nreserve_mb = 16\n')
        assert reloaded(north) == {
            "settlement.automatic": "taken_in", "settlement.most_proposals": "taken_in",
            "link.answer_step_s": "taken_in", "log.level": "taken_in", "places": "taken_in",
            "link.longest_wait_s": "needs_restart", "disk.reserve_mb": "needs_restart",
        }  # fmt: skip
        assert reloaded(north) == {"link.longest_wait_s": "needs_restart", "disk.reserve_mb": "needs_restart"}
        settings(south, "automatic = false", "automatic = true")
        assert south.process is not None
        south.process.send_signal(signal.SIGHUP)
        south.until(lambda: '"what": "settlement.automatic"' in south.log(), "says what it took in")
        north.imports(area_plan("ours"))
        south.imports(area_plan("theirs"))
        north.until(lambda: north.get("/status")["conflicts_cleared"] == 1, "settles the conflict by itself")


@pytest.mark.long
@pytest.mark.parametrize("bad", ["toml", "unknown", "party", "accord", "accord key", "no accord", "card", "open"])
def test_a_bad_file_changes_nothing(tmp_path: Path, bad: str) -> None:
    with two_parties(tmp_path) as (north, south):
        settings(north, "automatic = false", "automatic = true")
        accord = north.path / "accord.toml"
        match bad:
            case "toml":
                settings(north, "[http]", "[http")
            case "unknown":
                settings(north, "[http]", "[http]\nports = 1")
            case "party":
                settings(north, 'party = "north"', 'party = "east"')
            case "accord":
                accord.write_text(accord.read_text().replace("version", "versions"))
            case "accord key":
                east = Party(tmp_path / "east", "south", free_port())
                accord.write_text(format_accord(accord_of(north, east)))
            case "no accord":
                accord.unlink()
            case "card":
                write_durably(north.files.trusted_path / "east.json", b"{}")
            case _:
                north.files.trusted_path.chmod(0o777)
        refused = north.cli("reload")
        assert refused.returncode == 2, refused.stdout
        assert "Traceback" not in refused.stderr
        sent = send(south, "north", "radio_check")
        north.until(lambda: arrived(north, "south", sent), "goes on as before")
        assert names(north) == ["south"]


@pytest.mark.long
def test_an_accord_that_is_amended_in_its_file_is_taken_in(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        amended = msgspec.structs.replace(accord_of(north, south), version=2)
        for party in (north, south):
            (party.path / "accord.toml").write_text(format_accord(amended))
            assert reloaded(party) == {"accord": "taken_in"}
        north.imports(area_plan("ours"))
        south.until(lambda: [plan["plan_id"] for plan in south.get("/plans")] == ["ours"], "hears of the plan")
        assert north.get("/accord")["version"] == 2
