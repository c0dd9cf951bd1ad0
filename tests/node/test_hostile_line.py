"""A paired peer that lies, floods or probes: refused, on record, an alarm on the line; the node goes on with others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from parties import Party, area_plan, two_parties
from test_accords_at_work import paired
from test_node_line import NEAR, arrived, send

from detente.line.messages import LineMessage
from detente.line.peer_messages import CodedMessage
from detente.link.answer import RefusalReason, read_answer
from detente.link.copies import proven_entries
from detente.link.envelope import Envelope
from detente.link.links import Links
from detente.link.session import LINK_EVIDENCE, LINK_REFUSED, RECEIVED, read_document
from detente.room.channel import CHANNEL_HASH, Channel
from detente.room.tagged import write_tagged


def alarms(party: Party, peer: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = party.get("/line")["lines"][peer]["alarms"]
    return found


def refused_of(party: Party) -> dict[str, int]:
    """How many messages of each peer were refused."""
    return {peer["name"]: peer["messages_refused"] for peer in party.get("/peers") if peer["paired"]}


def kinds(party: Party, peer: str) -> list[str]:
    return [alarm["kind"] for alarm in alarms(party, peer)]


@pytest.mark.long
def test_a_peer_that_shows_two_histories_is_caught_at_its_next_message(tmp_path: Path) -> None:
    """Somebody with south's real key says something else in the place of what it had said."""
    with two_parties(tmp_path) as (north, south):
        for _ in range(2):
            message = send(south, "north", "radio_check")
            north.until(lambda message=message: arrived(north, "south", message), "arrives")
        south.kill()
        liar = Impostor(south, north, Channel.LINE)
        liar.post(liar.sealed(coded(9)))
        north.until(lambda: "two_histories" in kinds(north, "south"), "the alarm")
        assert set(kinds(north, "south")) == {"two_histories"}
        assert all(alarm["taken_by"] is None for alarm in alarms(north, "south"))
        assert [m["code"] for m in north.get("/line/messages")] == ["radio_check", "radio_check"], (
            "what it held, it holds"
        )
        north.post("/line/alarms/take", {"peer": "south", "post": "watch"})
        assert {a["taken_by"] for a in alarms(north, "south")} == {"watch"}
        # The true history is still welcome, and the proof of the other is kept over a restart.
        south.start()
        third = send(south, "north", "we_hear_you")
        north.until(lambda: arrived(north, "south", third), "the true history goes on again")
        north.stop()
        evidence = [entry for entry in proven_entries(north.files.journal_path) if entry.kind == LINK_EVIDENCE]
        lie = read_document(evidence[0].body)
        assert isinstance(lie, Envelope)
        assert lie.is_signed_by(lie.direction.sender)
        assert lie.direction.sender == south.key.public
        north.start()
        assert "two_histories" in kinds(north, "south")


class Impostor:
    """A party's real key in other hands, on one of its channels."""

    def __init__(self, party: Party, north: Party, channel: Channel) -> None:
        self.key, self.north = party.key, north
        self.session = Links(party.key.public).open(north.key.public, CHANNEL_HASH[channel])

    def sealed(self, *messages: tuple[str, bytes]) -> bytes:
        return b"".join(e.raw for e in self.session.seal(self.key, messages, datetime.now(UTC)))

    def post(self, body: bytes) -> Any:
        answer = self.north.ask("POST", "/link/v1/envelopes", body, token=None)
        return answer.status, read_answer(answer.body)


def coded(number: int, code: str = "radio_check") -> tuple[str, bytes]:
    return write_tagged(CodedMessage(LineMessage("south", "north", number, code, datetime.now(UTC))))


@pytest.mark.long
def test_a_flood_of_nonsense_ends_at_the_allowance_and_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    """South floods its line's channel; STOP's channel, and everything of east's, goes on; the journal stops growing."""
    pairs = (("north", "south"), ("north", "east"))
    with paired(tmp_path, pairs) as (north, south, east):
        from test_accords_at_work import agree, text_between

        for other in (south, east):
            agree(north, other, text_between(north, other))
            north.until(lambda other=other: other.name in north.get("/line")["lines"], "the line opens")
            other.until(lambda other=other: "north" in other.get("/line")["lines"], "on both sides")
        south.kill()
        flood, stop = Impostor(south, north, Channel.LINE), Impostor(south, north, Channel.STOP)
        nonsense = [("line_message", b"x" * 50)] * 200
        status, answer = flood.post(flood.sealed(*nonsense))
        kept = 0 if answer.next_number is None else answer.next_number - 1
        while status == 200:
            status, answer = flood.post(flood.sealed(*nonsense))
            assert answer.next_number is not None
            kept = answer.next_number - 1
        assert answer.refused is not None
        assert answer.refused.reason is RefusalReason.TOO_MUCH
        assert kept <= 256, "one batch at most is kept before it is counted"
        (alarm,) = alarms(north, "south")
        assert alarm["kind"] == "flooding"
        size = north.get("/status")["journal_number"]
        garbage = [b"", b"detente-envelope-1\n", b"\xff" * 10_000, flood.sealed(*nonsense)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda k: north.ask("POST", "/link/v1/envelopes", garbage[k % 4], token=None), range(400)))
            sent = send(east, "north", "aircraft_near_you", **NEAR)
            north.until(lambda: arrived(north, "east", sent), "east is heard in the middle of it")
        assert stop.post(stop.sealed(coded(1, "stop")))[0] == 200, "its STOP has an allowance of its own"
        assert arrived(north, "south", "south:1")
        grown = north.get("/status")["journal_number"] - size
        assert grown < 250, "of 400 requests 2 x 64 refusals are on record, and what east said"
        north.stop()
        kinds = [entry.kind for entry in proven_entries(north.files.journal_path)]
        assert kinds.count(LINK_REFUSED) <= 2 * 64 + 2
        assert kinds.count(RECEIVED) < 400


@pytest.mark.long
def test_probing_tells_a_peer_nothing_of_others(tmp_path: Path) -> None:
    """South asks about messages, posts and peers that are not its own: each is refused with the same words."""
    with two_parties(tmp_path, start=False) as (north, south):
        north.start()
        north.imports(area_plan("secret"))
        probe = Impostor(south, north, Channel.LINE)
        bodies = [
            b'{"message":"line_taken","message_id":"north:%d","post":"watch"}' % number for number in range(1, 6)
        ] + [b'{"message":"line_called","message_id":"east:1","step":%d}' % step for step in (0, -1, 10**9)]
        for body in bodies:
            kind = body.split(b'"')[3].decode()
            status, answer = probe.post(probe.sealed((kind, body)))
            assert status == 200
            assert answer.refused is None
            assert len(answer.receipts) == 1
        assert refused_of(north) == {"south": len(bodies)}
        assert north.get("/line/messages") == []
