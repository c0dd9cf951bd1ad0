"""An authority revokes its node's key with a key of its own: peers close every channel at once, and stay closed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from parties import Party
from test_accords_at_work import AUTHORITIES, agree, paired, text_between
from test_hostile_line import Impostor, coded
from test_node_line import arrived, send
from test_set_back import kinds

from detente.link.answer import RefusalReason
from detente.link.revocation import sign_revocation
from detente.record.keys import NodeKey
from detente.room.channel import Channel


def check_closed(north: Party, south: Party) -> None:
    """Nothing that south's key signs is taken in, and nothing is delivered to it."""
    status, answer = Impostor(south, north, Channel.STOP).post(Impostor(south, north, Channel.STOP).sealed(coded(9)))
    assert (status, answer.refused.reason) == (403, RefusalReason.UNKNOWN_SENDER)


def test_a_key_is_revoked_by_its_authority_live_on_both_sides(tmp_path: Path) -> None:
    with paired(tmp_path) as (north, south):
        agree(north, south, text_between(north, south))
        sent = send(south, "north", "radio_check")
        north.until(lambda: arrived(north, "south", sent), "hears south")
        revoked = south.cli("card", "revoke", "--key", str(south.path / "authority.pem"))
        assert revoked.returncode == 0, revoked.stderr
        north.until(lambda: "key_revoked" in kinds(north, "south"), "is told")
        check_closed(north, south)
        north.stop()
        north.start()
        check_closed(north, south)
        assert "key_revoked" in kinds(north, "south")


def test_a_revocation_that_comes_by_hand_is_taken_in(tmp_path: Path) -> None:
    with paired(tmp_path) as (north, south):
        agree(north, south, text_between(north, south))
        south.kill()
        out = tmp_path / "revocation"
        written = south.cli("card", "revoke", "--key", str(south.path / "authority.pem"), "--out", str(out))
        assert written.returncode == 0, written.stderr
        assert north.cli("card", "revoke", str(out)).returncode == 0
        check_closed(north, south)
        unpaired = north.cli("unpair", "south")
        assert (unpaired.returncode, "Taken in: pairing south." in unpaired.stdout) == (0, True)
        assert north.get("/peers") == []
        north.stop()
        north.start()
        assert north.get("/peers") == []
        assert north.cli("unpair", "south").returncode == 2


@pytest.mark.parametrize("signer", ["stranger", "own key", "other authority", "other key"])
def test_nobody_else_revokes_a_key(tmp_path: Path, signer: str) -> None:
    with paired(tmp_path) as (north, south):
        agree(north, south, text_between(north, south))
        key = {
            "stranger": NodeKey.generate(), "own key": south.key, "other authority": AUTHORITIES["north"],
            "other key": AUTHORITIES["south"],
        }[signer]  # fmt: skip
        about = NodeKey.generate() if signer == "other key" else south.key
        revocation = sign_revocation(key, "south", about.public.hex(), datetime.now(UTC))
        answer = north.ask("POST", "/card/revoked", {"revocation": revocation.text})
        assert answer.status == 400, answer.body
        changed = revocation.text.replace("name south", "name north")
        assert north.ask("POST", "/card/revoked", {"revocation": changed}).status == 400
        sent = send(south, "north", "radio_check")
        north.until(lambda: arrived(north, "south", sent), "still hears south")
