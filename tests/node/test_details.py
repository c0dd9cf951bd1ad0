"""Details behind a notice on two real nodes: committed, given, checked; others are refused, kept, and an alarm."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from parties import Party, area_plan, two_parties
from test_hostile_line import Impostor, alarms, refused_of

import forked
from detente.details.commitment import CommitmentOpening
from detente.details.details import DetailsOpening
from detente.picture.notices import Meaning
from detente.room.channel import Channel
from detente.room.tagged import write_tagged


def commitments(party: Party) -> list[dict[str, object]]:
    found: list[dict[str, object]] = party.get("/details")
    return found


def ran(party: Party, *words: str, code: int = 0) -> str:
    done = party.cli(*words)
    assert done.returncode == code, done.stdout + done.stderr
    return (done.stdout + done.stderr).strip()


@pytest.mark.long
def test_details_given_later_open_the_commitment_and_an_outsider_can_check_it(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        details = area_plan("mission-7", level_m=4100.0)
        made = north.post("/details/commit", {"details": details})["commitment"]
        volume = msgspec.to_builtins(area_plan("n").intent[0])
        given = {"notice_id": "n1", "meaning": Meaning.OUR_AIRCRAFT_HERE, "volume": volume, "commitment": made}
        north.post("/notices", given)
        south.until(lambda: commitments(south), "the commitment arrives")
        assert commitments(south)[0]["details"] is None
        assert "mission-7" not in json.dumps(south.get("/picture")), "until it is opened it tells nothing"
        assert "details_given" in ran(north, "details", "open", "n1", "--peer", "south")
        south.until(lambda: commitments(south)[0]["opened_at"], "opened")
        assert commitments(south)[0]["details"]["plan_id"] == "mission-7"  # type: ignore[index]
        assert made[:16] in ran(south, "details", "list")
        # An outsider holds the proven notice against the details.
        opening, exhibit = str(tmp_path / "opening.json"), str(tmp_path / "exhibit.json")
        ran(north, "details", "export", made, "--out", opening)
        north.until(lambda: north.get("/status")["settled"], "receipted")
        number = str(next(n for n in range(1, 9) if prove(north, n, exhibit)))
        north.stop()
        south.stop()
        check = Path(exhibit).with_suffix(f".{number}")
        assert made in cli(north, "transcript", "check", str(check), "--opening", opening)
        forged = json.loads(Path(opening).read_text())
        forged["details"]["intent"][0]["area"]["radius_m"] = 9000.0
        (tmp_path / "forged.json").write_text(json.dumps(forged))
        refused = cli(north, "transcript", "check", str(check), "--opening", str(tmp_path / "forged.json"), code=3)
        assert "not those that were meant" in refused


def prove(party: Party, number: int, out: str) -> bool:
    """Write the exhibit of message `number` if it is the notice."""
    file = Path(out).with_suffix(f".{number}")
    for accord in {link["accord"] for link in accords(party)}:
        file.unlink(missing_ok=True)
        words = ("transcript", "prove", str(party.path), str(number), "--peer", "south", "--accord", accord)
        if "Written" in cli(party, *words, "--out", str(file), code=None):
            shown = cli(party, "transcript", "check", str(file))
            if "notice_given" in shown:
                return True
    return False


def accords(party: Party) -> list[dict[str, str]]:
    from detente.link.copies import Copy

    return [{"accord": transcript.accord} for transcript in Copy(party.path).read().transcripts]


def cli(party: Party, *words: str, code: int | None = 0) -> str:
    import subprocess

    done = subprocess.run([forked.program(), *words], capture_output=True, text=True, check=False, timeout=120)
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.long
def test_other_details_are_refused_on_record_and_an_alarm(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        made = south.post("/details/commit", {"details": area_plan("meant")})["commitment"]
        volume = msgspec.to_builtins(area_plan("n").intent[0])
        south.post("/notices", {"notice_id": "n1", "meaning": Meaning.KEEP_OUT, "volume": volume, "commitment": made})
        north.until(lambda: commitments(north), "the commitment arrives")
        south.kill()
        liar = Impostor(south, north, Channel.ROOMS)
        lie = DetailsOpening("n1", CommitmentOpening("11" * 32, area_plan("other")))
        status, _ = liar.post(liar.sealed(write_tagged(lie)))
        assert status == 200, "it is received and receipted: what it said is on record"
        (alarm,) = alarms(north, "south")
        assert (alarm["kind"], alarm["detail"]) == ("wrong_opening", "notice n1")
        (view,) = commitments(north)
        assert (view["opened_at"], view["details"]) == (None, None)
        garbage = [("details_given", b"{}"), ("details_given", b"[" * 9000), ("details_given", b"\xff")]
        assert liar.post(liar.sealed(*garbage))[0] == 200
        assert refused_of(north) == {"south": 3}
        assert datetime.fromisoformat(alarm["at"]) <= datetime.now(UTC)
