"""A node's key is rotated: the old key signs the new one, live on both sides, and nobody pairs again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from matching_parties import matching_parties, propose, run_of, until_over
from parties import Party, area_plan, two_parties
from test_accords_at_work import agree, paired, text_between
from test_hostile_line import Impostor, coded
from test_node_line import arrived, send
from test_set_back import kinds, settled, stops

from detente.api.access import local_token
from detente.link.answer import RefusalReason
from detente.link.card import make_card, write_card
from detente.link.certificate import succession
from detente.link.comparison import compare_copies
from detente.link.copies import Copy
from detente.link.links import Links
from detente.link.trust import write_durably
from detente.record.keys import NodeKey, spoken_fingerprint
from detente.record.rotation import sign_rotation
from detente.record.verification import verify_journal
from detente.room.channel import CHANNEL_HASH, Channel


def rotated(party: Party) -> dict[str, str]:
    done = party.cli("key", "rotate", "--json")
    assert done.returncode == 0, done.stderr
    party.key = party.files.key()
    party.card = party.files.card()
    party.token = local_token(party.key)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def check_copies(north: Party, south: Party) -> None:
    """Both journals, at rest, are proven by the keys of the cards that were paired, and tell the same."""
    for party in (north, south):
        found = verify_journal(party.files.journal_path, party.card.key)
        assert found.ok, found.bad
    compared = compare_copies(*(Copy(party.files.journal_path).read() for party in (north, south)))
    assert compared.equal, compared


@pytest.mark.parametrize("tls", [pytest.param(False, marks=pytest.mark.long), True])
def test_a_key_is_rotated_live_and_both_go_on(tmp_path: Path, tls: bool) -> None:
    with two_parties(tmp_path, tls=tls) as (north, south):
        before = north.key.public
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "hears north")
        said = rotated(north)
        assert said["before"] == spoken_fingerprint(before)
        assert said["fingerprint"] == spoken_fingerprint(north.key.public)
        south.until(lambda: "key_rotated" in kinds(south, "north"), "is told")
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "hears the new key")
        sent = send(south, "north", "radio_check")
        north.until(lambda: arrived(north, "south", sent), "is heard")
        for party in (south, north):
            party.stop()
            party.start()
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "hears it after restarts")
        for party in (north, south):
            assert party.stop() == 0
        check_copies(north, south)


@pytest.mark.long
def test_what_was_sent_while_the_peer_was_away_arrives_through_two_rotations(tmp_path: Path) -> None:
    with two_parties(tmp_path, tls=True) as (north, south):
        first = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", first), "hears north")
        south.stop()
        sent = [send(north, "south", "radio_check")]
        rotated(north)
        north.imports(area_plan("between"))
        rotated(north)
        sent.append(send(north, "south", "radio_check"))
        south.start()
        for each in sent:
            south.until(lambda each=each: arrived(south, "north", each), "hears what waited")
        south.until(lambda: [plan["plan_id"] for plan in south.get("/plans")] == ["between"], "hears of the plan")
        alarms = [one for one in south.get("/line")["lines"]["north"]["alarms"] if one["kind"] == "key_rotated"]
        assert alarms[-1]["detail"].endswith(f" -> {spoken_fingerprint(north.key.public)}")
        (seen,) = south.get("/peers")
        assert (seen["fingerprint"], seen["rotations"]) == (spoken_fingerprint(north.key.public), 2)
        rotated(south)
        answer = send(south, "north", "radio_check")
        north.until(lambda: arrived(north, "south", answer), "hears the other side's new key")
        for party in (north, south):
            assert party.stop() == 0
        check_copies(north, south)


@pytest.mark.long
def test_a_node_put_back_from_a_backup_of_before_is_told_and_its_stop_is_shown(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "hears north")
        backup = tmp_path / "before.backup"
        assert north.cli("backup", "--out", str(backup)).returncode == 0
        rotated(north)
        south.until(lambda: "key_rotated" in kinds(south, "north"), "is told")
        settled(north)
        north.stop()
        newer = {path.name: path.read_bytes() for path in (north.files.key_path, north.files.card_path)}
        kept = north.path.rename(tmp_path / "kept")
        assert north.cli("restore", str(backup)).returncode == 0
        north.token = local_token(NodeKey.load(north.files.key_path))
        north.start()
        north.post("/line/stop", {})
        south.until(lambda: "old_key" in kinds(south, "north"), "says that an old key speaks")
        south.until(lambda: stops(south), "shows the STOP")
        north.until(lambda: "old_key" in str(north.get("/peers")), "is told why")
        north.stop()
        # The newer key and card, where they are left, make it the node that it was.
        for name, data in newer.items():
            (north.path / name).write_bytes(data)
        north.token = local_token(north.files.key())
        north.start()
        north.until(lambda: "own_set_back" in kinds(north, "south"), "is given back what it said")
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "hears it again")
        assert kept.exists()


@pytest.mark.long
def test_a_rotation_that_a_crash_left_half_done_is_finished_at_the_next_start(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        files = north.files
        old = {path: path.read_bytes() for path in (files.key_path, files.card_path)}
        rotated(north)
        north.kill()
        # As it is between the journal's entry and the new names of the files.
        files.key_path.rename(files.next_key_path)
        for path, data in old.items():
            path.write_bytes(data)
            path.chmod(0o600)
        north.start()
        assert not files.next_key_path.exists()
        assert files.card().signing_key == north.key.public
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "hears north")
        north.stop()
        # One that the journal never heard of is forgotten.
        NodeKey.generate().save(files.next_key_path)
        north.start()
        assert not files.next_key_path.exists()


@pytest.mark.long
def test_a_key_that_its_authority_revoked_cannot_be_rotated(tmp_path: Path) -> None:
    with paired(tmp_path) as (north, south):
        agree(north, south, text_between(north, south))
        rotated(south)
        north.until(lambda: "key_rotated" in kinds(north, "south"), "is told")
        assert south.cli("card", "revoke", "--key", str(south.path / "authority.pem")).returncode == 0
        refused = south.cli("key", "rotate")
        assert (refused.returncode, "revoked" in refused.stderr) == (2, True)
        north.until(lambda: "key_revoked" in kinds(north, "south"), "is told that every key of south is void")
        impostor = Impostor(south, north, Channel.STOP)
        impostor.session = Links(south.card.key).open(north.card.key, CHANNEL_HASH[Channel.STOP])
        status, answer = impostor.post(impostor.sealed(coded(9)))
        assert (status, answer.refused.reason) == (403, RefusalReason.UNKNOWN_SENDER)


@pytest.mark.long
def test_an_encrypted_key_stays_encrypted_and_an_older_parcel_still_opens(tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse battery staple")
    passphrase.chmod(0o600)
    with two_parties(tmp_path, start=False) as (north, south), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENTE_PASSPHRASE_FILE", str(passphrase))
        assert north.cli("key", "encrypt", "--passphrase-file", str(passphrase)).returncode == 0
        south.start()
        parcel = tmp_path / "parcel"
        send(south, "north", "radio_check")
        assert south.cli("line", "carry-out", "--out", str(parcel), "--peer", "north").returncode == 0
        south.stop()
        north.start()
        rotated(north)
        for path in (north.files.key_path, north.files.former_key_path):
            assert b"ENCRYPTED" in path.read_bytes()
            assert path.stat().st_mode & 0o077 == 0
        north.stop()
        north.start()
        taken = north.cli("line", "carry-in", str(parcel))
        assert taken.returncode == 0, taken.stderr
        assert arrived(north, "south", "south:1")


@pytest.mark.long
def test_both_sides_rotate_at_once_and_a_thief_with_an_old_key_pairs_nothing(tmp_path: Path) -> None:
    with two_parties(tmp_path, tls=True) as (north, south):
        thief = NodeKey.load(north.files.key_path)
        with ThreadPoolExecutor() as pool:
            list(pool.map(rotated, (north, south)))
        for party, other in ((north, south), (south, north)):
            other.until(lambda party=party, other=other: "key_rotated" in kinds(other, party.name), "is told")
            sent = send(party, other.name, "radio_check")
            other.until(lambda party=party, other=other, sent=sent: arrived(other, party.name, sent), "hears it")
            other.until(lambda party=party, other=other: other.files.trust.find(party.name) == party.card, "keeps it")
        stolen = NodeKey.generate()
        rotation = sign_rotation(thief, stolen, succession(thief, stolen.public), datetime.now(UTC))
        stolen.descend_from(thief.first, (rotation.text,))
        false = make_card(stolen, "north", north.card.addresses, datetime.now(UTC) + timedelta(minutes=1))
        file = tmp_path / "card.json"
        file.write_bytes(write_card(false))
        refused = south.cli("pair", str(file), "--fingerprint", false.fingerprint)
        assert (refused.returncode, "Two rotations of one key" in refused.stderr) == (2, True)
        write_durably(south.files.trusted_path / "north.json", write_card(false))
        refused = south.cli("reload")
        assert (refused.returncode, "Two rotations of one key" in refused.stderr) == (2, True)
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "goes on with the true one")


@pytest.mark.long
def test_a_card_that_was_rotated_is_paired_by_hand_with_its_new_fingerprint_alone(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        north.start()
        said = rotated(north)
        card = str(north.files.card_path)
        assert south.cli("pair", card).returncode == 2
        assert south.cli("pair", card, "--fingerprint", said["before"]).returncode == 2
        assert south.cli("pair", card, "--fingerprint", said["fingerprint"]).returncode == 0
        assert "rotated 1 times" in north.cli("card", "show").stdout
        south.start()
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "hears north")
        rotated(north)
        sent = send(north, "south", "radio_check")
        south.until(lambda: arrived(south, "north", sent), "hears north under its third key")


@pytest.mark.long
def test_a_private_match_goes_on_through_rotations(tmp_path: Path) -> None:
    with matching_parties(tmp_path, tls=True) as (north, south):
        north.imports(area_plan("n1"))
        south.imports(area_plan("s1"))
        rotated(north)
        run = propose(north, south)
        south.until(lambda: run_of(south, run).get("sent"), "has its first message")
        rotated(south)
        for party in (north, south):
            assert until_over(party, run)["state"] == "done"
            party.until(lambda party=party: party.get("/conflicts")["open"], "has the conflict")
