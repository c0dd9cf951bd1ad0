"""A card is renewed under the same key: a running node tells its peers, who deliver to the new address at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from parties import Party, area_plan, two_parties
from test_node_line import arrived, send

from detente.link.card import make_card, write_card
from detente.record.keys import NodeKey
from ports import free_port


def addresses(party: Party) -> list[str]:
    found: list[str] = party.get("/peers")[0]["addresses"]
    return found


def test_a_node_goes_to_another_address_and_nobody_pairs_again(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        port = free_port()
        new = f"http://127.0.0.1:{port}"
        renewed = north.cli("card", "renew", "--address", new)
        assert renewed.returncode == 0, renewed.stderr
        south.until(lambda: addresses(south) == [new], "knows the new address")
        assert "port = " in north.files.config_path.read_text()
        north.stop()
        north.files.config_path.write_text(
            north.files.config_path.read_text().replace(f"port = {north.link_port}", f"port = {port}")
        )
        north.link_port = port
        north.start()
        south.imports(area_plan("theirs"))
        north.until(lambda: [plan["plan_id"] for plan in north.get("/plans")] == ["theirs"], "is reached there")
        south.stop()
        south.start()
        assert addresses(south) == [new], "a restart keeps it"
        sent = send(south, "north", "radio_check")
        north.until(lambda: arrived(north, "south", sent), "is reached there")


@pytest.mark.parametrize("wrong", ["key", "name", "older", "forged"])
def test_a_card_of_another_key_or_name_or_an_older_one_changes_nothing(tmp_path: Path, wrong: str) -> None:
    with two_parties(tmp_path) as (north, south):
        now = datetime.now(UTC)
        card = {
            "key": make_card(NodeKey.generate(), "north", (), now),
            "name": make_card(north.key, "other", (), now),
            "older": make_card(north.key, "north", (), now - timedelta(days=1)),
            "forged": msgspec.structs.replace(make_card(north.key, "north", (), now), signature="0" * 128),
        }[wrong]
        answer = north.ask("POST", "/card", write_card(card))
        assert answer.status == (200 if wrong == "older" else 400), answer.body
        if wrong == "older":
            assert answer.json["events"] == []
        assert addresses(south) == list(north.card.addresses)


def test_a_newer_card_of_a_known_key_is_paired_without_a_fingerprint(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        card = tmp_path / "card.json"
        card.write_bytes(write_card(make_card(north.key, "north", ("http://127.0.0.1:1",), datetime.now(UTC))))
        paired = south.cli("pair", str(card))
        assert paired.returncode == 0, paired.stderr
        assert "Taken in: pairing north." in paired.stdout
        stranger = tmp_path / "stranger.json"
        stranger.write_bytes(write_card(make_card(NodeKey.generate(), "north", (), datetime.now(UTC))))
        assert south.cli("pair", str(stranger)).returncode == 2
