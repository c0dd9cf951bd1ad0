"""Whole exchanges without a network: accord, line and planning over files or mails, and a message by voice codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from parties import Party, accord_of, area_plan
from test_accords_at_work import AUTHORITIES, standing, text_between
from test_node_line import NEAR, NINE_KM_OFF, message, send

from detente.accord.terms import accord_hash, format_accord, parse_accord
from detente.link.comparison import compare_copies
from detente.link.copies import Copy, proven_entries
from detente.link.parcel import PARCEL_MAGIC
from detente.link.session import RECEIVED
from ports import free_port


@contextmanager
def without_network(path: Path) -> Iterator[tuple[Party, Party]]:
    """Paired parties that have no address of each other."""
    parties = tuple(Party(path / name, name, free_port()) for name in ("north", "south"))
    north, south = parties
    for party, other in ((north, south), (south, north)):
        party.files.trust.trust(without_address(other))
        AUTHORITIES[party.name].save(party.path / "authority.pem")
        party.files.config_path.write_text(
            f'party = "{party.name}"\nauthority = "{AUTHORITIES[party.name].public.hex()}"\n'
            f"[http]\nport = {party.port}\n[settlement]\nautomatic = false\n"
        )
    try:
        yield north, south
    finally:
        for party in parties:
            if party.process is not None:
                party.kill()


def without_address(party: Party) -> Any:
    from detente.link.card import make_card

    return make_card(party.key, party.name, (), party.card.issued_at)


def received(party: Party) -> int:
    """How many envelopes a party's journal holds as received: its own clock may add other entries at any time."""
    return sum(entry.kind == RECEIVED for entry in proven_entries(party.files.journal_path))


def carry(sender: Party, recipient: Party, *, mail: bool = False) -> dict[str, Any]:
    """Fetch the file, have it changed and cut on the way in vain, and take it in, twice."""
    file = sender.ask("GET", f"/parcels/{recipient.name}?mail={str(mail).lower()}").body
    if not mail:
        assert file.startswith(PARCEL_MAGIC)
        before = received(recipient)
        for changed in (file[:-1], file[:300] + bytes([file[300] ^ 1]) + file[301:]):
            assert recipient.ask("POST", "/parcels", changed).status == 400
        assert received(recipient) == before, "what was changed on the way changes nothing"
    assert b"accord_" not in file
    assert b"line_message" not in file
    carried: dict[str, Any] = recipient.ask("POST", "/parcels", file).json
    again = recipient.ask("POST", "/parcels", file).json
    assert again == {"envelopes": 0, "receipts": 0, "refused": []}, "a file may be carried twice"
    assert carried["refused"] == []
    return carried


@pytest.mark.parametrize("mail", [False, pytest.param(True, marks=pytest.mark.long)])
def test_accord_line_and_planning_over_files_only(tmp_path: Path, mail: bool) -> None:
    with without_network(tmp_path) as (north, south):
        north.start()
        south.start()
        text = text_between(north, south)
        accord = accord_hash(parse_accord(text))
        north.post("/accords/propose", {"peer": "south", "text": text})
        carry(north, south, mail=mail)
        assert standing(south, accord) == "proposed"
        for party in (north, south):
            done = party.cli("accord", "authorise", accord, "--key", str(party.path / "authority.pem"))
            assert done.returncode == 0, done.stderr
        carry(south, north, mail=mail)
        north.until(lambda: standing(north, accord) == "in_force", "in force")
        # In one parcel: the authorisation that brings the accord into force, and what is said under it.
        north.imports(area_plan("n1"))
        sent = send(north, "south", "aircraft_near_you", **NEAR)
        north.post("/line/stop", {})
        carry(north, south, mail=mail)
        assert standing(south, accord) == "in_force"
        assert [plan["plan_id"] for plan in south.get("/plans")] == ["n1"]
        first, second = south.get("/line/messages")
        assert (first["code"], second["message_id"]) == ("stop", sent)
        reference = {"peer": "north", "message_id": sent, "post": "watch"}
        south.post("/line/take", reference)
        south.post("/line/read-back", reference)
        south.imports(area_plan("s1"))
        back = carry(south, north, mail=mail)
        assert back["receipts"] >= 3
        assert message(north, "south", sent)["understood"]
        assert message(north, "south", sent)["taken_by"] == "watch"
        assert not north.get("/line")["undelivered"]
        assert len(north.get("/conflicts")["open"]) == 1, "planning went over files too"
        carry(north, south, mail=mail)
        assert message(south, "north", sent)["understood"]
        comparison = compare_copies(Copy(north.path).read(), Copy(south.path).read())
        assert comparison.equal


@pytest.mark.long
def test_a_whole_exchange_by_voice_codes(tmp_path: Path) -> None:
    """Two officers read codes to each other; later a file confirms with signatures what was said."""
    with without_network(tmp_path) as (north, south):
        for party in (north, south):
            (party.path / "accord.toml").write_text(format_accord(accord_of(north, south)))
            party.start()

        def tell(code: str, listener: Party, speaker: Party) -> None:
            assert len(code) > 10
            listener.post("/line/voice", {"peer": speaker.name, "code": code.lower().replace("-", " ")})

        sent = send(north, "south", "aircraft_near_you", **NEAR)
        reference = {"peer": "north", "message_id": sent, "post": "watch"}
        tell(message(north, "south", sent)["voice_code"], south, north)
        held = message(south, "north", sent)
        assert (held["carrier"], held["text"]) == ("voice", message(north, "south", sent)["text"])
        south.post("/line/take", reference)
        tell(message(south, "north", sent)["voice_answers"]["taken"], north, south)
        assert message(north, "south", sent)["taken_by"] == "watch"
        south.post("/line/read-back", {**reference, "heard": {**NEAR, "where": NINE_KM_OFF}})
        tell(message(south, "north", sent)["voice_answers"]["read_back"], north, south)
        assert [found["name"] for found in message(north, "south", sent)["differences"]] == ["where"], "9 km off"
        south.post("/line/read-back", reference)
        tell(message(south, "north", sent)["voice_answers"]["read_back"], north, south)
        assert message(north, "south", sent)["understood"]
        tell(message(north, "south", sent)["voice_answers"]["understood"], south, north)
        assert message(south, "north", sent)["understood"]
        (stop,) = north.post("/line/stop", {})["message_ids"]
        tell(message(north, *stop.split(" "))["voice_code"], south, north)
        assert message(south, "north", stop.split(" ")[1])["standing_post"] == "command", "every post is called"
        carry(north, south)
        assert message(south, "north", sent)["carrier"] == "envelope"
        shown = south.cli("line", "inbox", language="fr")
        assert shown.returncode == 0, shown.stderr
        south.kill()
        south.start()
        assert message(south, "north", sent)["understood"]
