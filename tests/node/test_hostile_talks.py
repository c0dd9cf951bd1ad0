"""A paired peer that talks nonsense about accords: it is on record, changes nothing, and the node goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from parties import TODAY, two_parties
from test_hostile_line import refused_of

from detente.accord.messages import (
    AccordAct,
    AccordAuthorised,
    AccordDrafted,
    AccordProposed,
    AccordSuspended,
    authorisation_bytes,
)
from detente.accord.terms import Accord, AccordParty, accord_hash, format_accord
from detente.airspace.plan import TimeWindow
from detente.airspace.separation import Minima, MinimaTable
from detente.link.answer import read_answer
from detente.link.copies import proven_entries
from detente.link.links import Links
from detente.record.keys import NodeKey
from detente.room.channel import CHANNEL_HASH, Channel
from detente.room.refused import RefusedRoom
from detente.room.tagged import write_tagged

NOW = datetime.now(UTC)


def test_nonsense_in_the_talks_changes_nothing(tmp_path: Path) -> None:
    with two_parties(tmp_path, start=False) as (north, south):
        north.start()
        session = Links(south.key.public).open(north.key.public, CHANNEL_HASH[Channel.ACCORDS])
        keys = {"north": NodeKey.generate(), "south": NodeKey.generate()}
        parties = tuple(
            AccordParty(party.name, party.key.public.hex(), keys[party.name].public.hex()) for party in (north, south)
        )
        valid = TimeWindow(TODAY - timedelta(days=1), TODAY + timedelta(days=30))
        accord = Accord("strait", 1, parties, valid, MinimaTable(Minima(9260.0, 304.8, 0.0)))
        text, name = format_accord(accord), accord_hash(accord)
        ours = keys["north"].sign(authorisation_bytes(name, "north", NOW)).hex()
        theirs = keys["south"].sign(authorisation_bytes(name, "south", NOW)).hex()
        acts: list[AccordAct] = [
            AccordAuthorised("south", NOW, "authority", name, theirs),
            AccordProposed("south", NOW, "watch", text.replace("south", "east")),
            AccordProposed("south", NOW, "watch", "not = [TOML"),
            AccordProposed("north", NOW, "watch", text),
            AccordDrafted("south", NOW, "watch", text),
            AccordSuspended("south", NOW, "watch", name, 1, "no reason"),
        ]
        nonsense = [
            ("accord_proposed", b"\xff"),
            ("accord_proposed", b"[" * 50_000),
            ("plan_declared", b"{}"),
            ("accord_ended", msgspec.json.encode({"message": "accord_ended", "party": "south"})),
            *(write_tagged(act) for act in acts),
        ]

        def send(messages: list[tuple[str, bytes]]) -> None:
            body = b"".join(envelope.raw for envelope in session.seal(south.key, messages, datetime.now(UTC)))
            answer = north.ask("POST", "/link/v1/envelopes", body, token=None)
            assert answer.status == 200, answer.body
            assert len(read_answer(answer.body).receipts) == 1

        send(nonsense)
        assert north.get("/healthy")["healthy"]
        assert [accord["proposed_by"] for accord in north.get("/accords")] == [[]]
        # What is said rightly afterwards is heard; our own authority's signature is never taken from the peer.
        send([
            write_tagged(AccordProposed("south", NOW, "watch", text)),
            write_tagged(AccordAuthorised("south", NOW, "authority", name, theirs)),
            write_tagged(AccordAuthorised("north", NOW, "authority", name, ours)),
        ])  # fmt: skip
        _, view = north.get("/accords")
        assert (view["standing"], view["authorised_by"]) == ("authorised", ["south"])
        assert refused_of(north) == {"south": len(nonsense) + 1}
        north.stop()
        refused = [entry for entry in proven_entries(north.files.journal_path) if entry.kind == RefusedRoom.name]
        assert len(refused) == len(nonsense) + 1
