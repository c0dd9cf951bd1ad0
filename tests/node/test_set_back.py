"""A node put back from an older backup speaks on, and both sides say so; a STOP is shown whatever the numbers say."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from parties import Party, accord_of, area_plan, two_parties
from test_hostile_line import Impostor, coded
from test_node_claims import observation, volume
from test_node_line import arrived, send

from detente.accord.provisions import Level
from detente.accord.terms import Disclosure
from detente.disclosure.ledger import SAID_BEFORE, Ledger, Telling
from detente.link.answer import RefusalReason
from detente.link.comparison import compare_copies
from detente.link.copies import Copy
from detente.link.links import Links
from detente.link.standing import sign_standing
from detente.node.line_numbers import LEAST_GAP
from detente.picture.notices import Meaning
from detente.room.channel import Channel, channel_of
from ports import free_port

JOURNAL_FILES = ("journal.sqlite", "journal.sqlite.head")


def keep(party: Party, where: Path) -> None:
    """Copy the journal of a stopped node with the head that it had reached."""
    where.mkdir()
    for name in JOURNAL_FILES:
        shutil.copy2(party.path / name, where / name)


def put_back(party: Party, where: Path) -> None:
    """Put an older journal and an older head back, so that nothing on the disk shows it."""
    for path in party.path.glob("journal.sqlite*"):
        path.unlink()
    for name in JOURNAL_FILES:
        shutil.copy2(where / name, party.path / name)


@contextmanager
def set_back(path: Path, provisions: str = "") -> Iterator[tuple[Party, Party]]:
    """North has said three things to south, of which its journal, put back, holds the first. It is stopped."""
    with two_parties(path / "parties", start=False) as (north, south):
        for party in (north, south):
            accord = party.path / "accord.toml"
            accord.write_text(accord.read_text() + provisions)
            party.start()
        north.imports(area_plan("first"))
        settled(north, south)
        assert north.stop() == 0
        keep(north, path / "kept")
        north.start()
        north.imports(area_plan("second", 5.0))
        send(north, "south", "radio_check")
        south.imports(area_plan("theirs", 10.0))
        send(south, "north", "radio_check")
        settled(north, south)
        assert north.stop() == 0
        put_back(north, path / "kept")
        yield north, south


def settled(*parties: Party) -> None:
    for party in parties:
        party.until(lambda party=party: party.get("/status")["envelopes_waiting"] == 0, "has nothing waiting")


def kinds(party: Party, peer: str) -> list[str]:
    return [alarm["kind"] for alarm in party.get("/line")["lines"][peer]["alarms"]]


def plans(party: Party) -> set[str]:
    return {plan["plan_id"] for plan in party.get("/plans")}


def set_back_envelopes(one: Party, other: Party) -> list[tuple[str, int]]:
    """Where the one says in its copy of the links that it was set back: accord and number of each envelope."""
    transcripts = Copy(one.path).read().transcripts
    ways = [t.sent if t.holder == other.key.public else t.received for t in transcripts]
    return [(way.direction.accord, e.number) for way in ways for e in way.envelopes if e.kind == "set_back"]


def replace_accord(
    north: Party, south: Party, disclosure: Disclosure = Disclosure.FULL, horizontal_m: float = 5000.0
) -> None:
    """Both work under another accord from their next start on."""
    accord = msgspec.structs.replace(accord_of(north, south, horizontal_m=horizontal_m), disclosure=disclosure)
    for party in (north, south):
        party.configure(accord)


def live(holder: Party, party: str) -> dict[str, Any]:
    """The plans of a party that hold their airspace, as they are held."""
    held = [plan["plan_id"] for plan in holder.get(f"/plans?party={party}") if plan["state"] in ("declared", "active")]
    return {plan_id: holder.get(f"/plans/{party}/{plan_id}")["plan"] for plan_id in held}


def sent_in(copy_of: Party, sender: Party) -> dict[str, list[tuple[str, bytes]]]:
    """What the sender sent under each accord, by one party's copy: kind and hash of each envelope."""
    transcripts = Copy(copy_of.path).read().transcripts
    ways = [t.sent if sender is copy_of else t.received for t in transcripts]
    return {
        way.direction.accord: [(envelope.kind, envelope.hash) for envelope in way.envelopes]
        for way in ways
        if channel_of(way.direction.accord) is Channel.PLANNING
    }


def test_a_node_that_was_silently_set_back_is_told_and_speaks_on(tmp_path: Path) -> None:
    with set_back(tmp_path) as (north, south):
        north.start()
        north.until(lambda: "own_set_back" in kinds(north, "south"), "knows that it was set back")
        south.until(lambda: "set_back" in kinds(south, "north"), "is told")
        north.until(lambda: plans(north) == {"first", "second", "theirs"}, "knows again what it said and heard")
        sent = send(north, "south", "radio_check")
        north.imports(area_plan("third", 15.0))
        settled(north, south)
        south.until(lambda: plans(south) == {"first", "second", "third", "theirs"}, "hears more")
        south.until(lambda: arrived(south, "north", sent), "hears a message under a number that is free")
        for party in (north, south):
            assert party.stop() == 0
        told = set_back_envelopes(north, north)
        assert told == set_back_envelopes(south, north)
        assert told
        comparison = compare_copies(Copy(north.path).read(), Copy(south.path).read())
        assert comparison.broken == ((), ())
        assert comparison.differences == ()


@pytest.mark.long
def test_what_was_said_under_an_accord_that_was_replaced_is_taken_back(tmp_path: Path) -> None:
    with set_back(tmp_path) as (north, south):
        assert south.stop() == 0
        north.start()
        north.imports(area_plan("alone", 15.0))
        assert north.stop() == 0
        (closed,) = sent_in(north, north)
        assert sent_in(north, north)[closed][1] != sent_in(south, north)[closed][1], "a number was used twice"
        replace_accord(north, south)
        south.start()
        north.start()
        north.until(lambda: "own_set_back" in kinds(north, "south"), "knows that it was set back")
        north.until(lambda: {"first", "second", "alone"} <= plans(north), "knows again what it said")
        south.until(lambda: plans(south) == {"first", "second", "alone", "theirs"}, "is told under the next accord")
        settled(north, south)
        for party in (north, south):
            assert party.stop() == 0
        assert sent_in(north, north) == sent_in(south, north)
        assert len(sent_in(north, north)) == 2


@pytest.mark.long
def test_what_was_heard_under_an_accord_that_was_replaced_is_told_anew(tmp_path: Path) -> None:
    with set_back(tmp_path) as (north, south):
        assert south.stop() == 0
        replace_accord(north, south)
        south.start()
        north.start()
        north.until(lambda: plans(north) == {"first", "second", "theirs"}, "hears again what it lost")
        south.imports(area_plan("more", 20.0))
        north.until(lambda: "more" in plans(north), "hears more")
        assert north.stop() == 0
        north.start()
        south.imports(area_plan("last", 25.0))
        north.until(lambda: "last" in plans(north), "hears more after it has asked again")
        for party in (north, south):
            assert party.stop() == 0
        assert sorted(len(sent) for sent in sent_in(north, south).values()) == [0, 3], "nothing is told anew twice"
        assert sorted(len(sent) for sent in sent_in(south, south).values()) == [1, 3]


@pytest.mark.parametrize(
    "disclosure", [Disclosure.CELL, pytest.param(Disclosure.FULL, marks=pytest.mark.long)], ids=str
)
def test_plans_that_a_set_back_lost_with_a_closed_link_come_again_and_those_that_ended_leave(
    tmp_path: Path, disclosure: Disclosure
) -> None:
    with two_parties(tmp_path / "parties", start=False) as (north, south):
        replace_accord(north, south, disclosure, 9260.0)
        for party in (north, south):
            party.start()
        south.imports(area_plan("ends", 5.0))
        north.until(lambda: len(live(north, "south")) == 1, "is told of a plan")
        settled(north, south)
        first = live(north, "south")
        assert north.stop() == 0
        keep(north, tmp_path / "kept")
        north.start()
        south.post("/plans/ends/withdraw")
        south.imports(area_plan("lost", 10.0), area_plan("lost-too", 15.0))
        north.until(lambda: len(live(north, "south")) == 2 and not first.keys() & live(north, "south"), "hears more")
        settled(north, south)
        known = live(north, "south")
        for party in (north, south):
            assert party.stop() == 0
        put_back(north, tmp_path / "kept")
        replace_accord(north, south, disclosure)
        north.start()
        assert live(north, "south") == first, "the backup knows of nothing later"
        south.start()
        north.until(lambda: live(north, "south") == known, "knows what it knew before the set-back, in the same words")
        settled(north, south)
        for party in (north, south):
            assert party.stop() == 0
        anew = [sorted(kind for kind, _ in sent) for sent in sent_in(south, south).values() if len(sent) != 4]
        assert anew == [["plan_declared", "plan_declared", "plan_withdrawn"]], "each is told anew once"


def test_a_peer_that_says_it_holds_more_of_a_closed_link_than_was_sent_stops_no_node(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        before = north.get("/status")["accord_hash"]
        north.imports(area_plan("told"))
        south.until(lambda: "told" in plans(south), "hears it")
        for party in (north, south):
            assert party.stop() == 0
        replace_accord(north, south)
        north.start()
        liar = Impostor(south, north, Channel.LINE)
        closed = Links(south.key.public).open(north.key.public, before)
        boast = SimpleNamespace(
            outgoing=closed.outgoing,
            sent_number=0,
            sent_hash=lambda _: bytes(32),
            received_number=10**6,
            received_hash=b"x" * 32,
        )
        for _ in range(3):
            status, answer = liar.post(sign_standing(south.key, boast, datetime.now(UTC)).raw)
            assert status == 200, answer
        assert north.ask("GET", "/ready", token=None).status == 200
        north.imports(area_plan("goes-on"))


def test_what_is_said_before_the_node_knows_that_it_was_set_back_arrives(tmp_path: Path) -> None:
    """A STOP, a message, and the call that follows from a late notice."""
    with set_back(tmp_path, '\n[lead_times]\ndefault = "24 h"\n') as (north, south):
        south.stop()
        north.start()
        volume = msgspec.to_builtins(area_plan("n").intent[0])
        north.post("/notices", {"notice_id": "n1", "meaning": Meaning.KEEP_OUT, "volume": volume})
        (call,) = (one["message_id"] for one in north.get("/line/messages") if one["code"] == "late_notice")
        (stop,) = north.post("/line/stop", {})["message_ids"]
        late = send(north, "south", "radio_check")
        first, *others = [int(name.rsplit(":")[-1]) for name in (call, stop, late)]
        assert first > LEAST_GAP, "no number of a message that south has"
        assert others == [first + 1, first + 2]
        south.start()
        south.until(lambda: stops(south), "shows the STOP")
        settled(north, south)
        shown = {one["message_id"]: one["code"] for one in south.get("/line/messages") if not one["ours"]}
        said = {call: "late_notice", stop.split(" ")[1]: "stop", late: "radio_check"}
        assert shown == {"north:1": "radio_check"} | said
        north.until(lambda: len(north.get("/line/messages")) == 5, "knows what it had said again")
        again = send(north, "south", "radio_check")
        assert int(again.rsplit(":")[-1]) == first + 3
        south.until(lambda: arrived(south, "north", again), "hears what is said after it")
        assert "set_back" in kinds(south, "north")
        assert "own_set_back" in kinds(north, "south")


def test_a_stop_is_shown_and_marked_whatever_the_numbers_of_its_envelope_say(tmp_path: Path) -> None:
    with two_parties(tmp_path) as (north, south):
        send(south, "north", "radio_check")
        north.until(lambda: arrived(north, "south", "south:1"), "hears south")
        south.kill()
        stop = Impostor(south, north, Channel.STOP)
        stop.sealed(coded(9))
        batch = stop.sealed(coded(1, "stop"))
        for _ in range(3):
            status, answer = stop.post(batch)
            assert (status, answer.refused.reason) == (409, RefusalReason.GAP)
        (held,) = stops(north)
        assert held["out_of_order"]
        text = north.cli("line", "inbox").stdout
        assert "it does not continue what south said before" in text
        assert "two_histories" in kinds(north, "south"), "its number was that of another message"
        french = north.cli("line", "inbox", language="fr").stdout
        assert "ne suit pas ce que south a dit auparavant" in french
        lifted = Impostor(south, north, Channel.STOP)
        lifted.sealed(coded(9))
        lifted.post(lifted.sealed(coded(10, "stop_lifted")))
        assert [one["code"] for one in north.get("/line/messages")] == ["stop"], "a STOP is lifted in order only"


def test_no_plan_is_told_under_a_number_by_which_the_peer_knows_another() -> None:
    ledger = Ledger()
    for told_id in ("p7", "p2", "p", "plan-9", "p\u0663", "p" + "9" * 40):
        ledger.fold(Telling("south", "ab" * 32, SAID_BEFORE, "", told_id, 1, Level.NOTHING, "before"))
    assert ledger.next_id("south") == "p8"
    assert ledger.next_id("west") == "p1"
    assert ledger.plans.get("south", {}) == {}, "nothing is withdrawn that is not known"


def stops(party: Party) -> list[dict[str, Any]]:
    return [message for message in party.get("/line/messages") if message["code"] == "stop"]


@pytest.mark.long
def test_a_node_that_was_set_back_knows_again_what_it_had_claimed(tmp_path: Path) -> None:
    with two_parties(tmp_path / "parties") as (north, south):
        north.imports(area_plan("first"))
        settled(north, south)
        assert north.stop() == 0
        keep(north, tmp_path / "kept")
        north.start()
        north.post("/claims/observations", observation("stranger", 3.0))
        about = {"kind": "observation", "party": "north", "observation_id": "stranger"}
        north.post("/claims/requests", {"peer": "south", "request_id": "r1", "about": about})
        north.post("/claims/incidents", {
            "peer": "south", "incident_id": "i1", "incident_class": "unsafe_approach", "volume": volume(),
            "evidence_sha256": ["ab" * 32], "requested_action": "investigate",
        })  # fmt: skip
        settled(north, south)
        before = {kind: claimed(north, kind) for kind in ("observations", "requests", "incidents")}
        assert all(before.values())
        assert north.stop() == 0
        put_back(north, tmp_path / "kept")
        north.start()
        for kind, ids in before.items():
            north.until(lambda kind=kind, ids=ids: claimed(north, kind) == ids, f"knows its {kind} again")
        settled(north, south)
        south.post("/claims/answers", {"peer": "north", "request_id": "r1", "answer": "not_under_our_control"})
        north.until(lambda: north.get("/claims/requests")[0]["answers"], "takes the answer to what it had asked")


def claimed(party: Party, kind: str) -> list[str]:
    return sorted(str(one) for record in party.get(f"/claims/{kind}") for one in _ids(record))


def _ids(record: dict[str, Any]) -> list[str]:
    held = next(record[name] for name in ("observation", "request", "incident") if name in record)
    return [held[name] for name in ("observation_id", "request_id", "incident_id") if name in held]


@pytest.mark.long
@pytest.mark.parametrize("spoke", [False, True])
def test_two_parties_that_are_reached_by_files_alone_take_back_what_was_said(tmp_path: Path, spoke: bool) -> None:
    north, south = (Party(tmp_path / name, name, free_port(), reachable=False) for name in ("north", "south"))
    try:
        for party, other in ((north, south), (south, north)):
            party.files.trust.trust(other.card)
            party.configure(accord_of(north, south))
            party.start()
        north.imports(area_plan("first"))
        exchange(tmp_path, north, south)
        assert north.stop() == 0
        keep(north, tmp_path / "kept")
        north.start()
        north.imports(area_plan("second", 5.0))
        send(north, "south", "radio_check")
        south.imports(area_plan("theirs", 10.0))
        send(south, "north", "radio_check")
        exchange(tmp_path, north, south)
        assert plans(south) == {"first", "second", "theirs"}
        assert north.stop() == 0
        put_back(north, tmp_path / "kept")
        north.start()
        assert plans(north) == {"first"}
        if spoke:
            send(north, "south", "radio_check")
            north.imports(area_plan("third", 15.0))
        for _ in range(3):
            exchange(tmp_path, north, south)
        expected = {"first", "second", "theirs"} | ({"third"} if spoke else set())
        assert plans(north) == plans(south) == expected
        assert "own_set_back" in kinds(north, "south")
        assert "set_back" in kinds(south, "north")
        assert arrived(north, "south", "south:1")
        for party in (north, south):
            assert party.stop() == 0
        comparison = compare_copies(Copy(north.path).read(), Copy(south.path).read())
        assert comparison.broken == ((), ())
        assert comparison.differences == ()
    finally:
        for party in (north, south):
            if party.process is not None:
                party.kill()


def exchange(path: Path, *parties: Party) -> None:
    """Each carries a parcel to the other, one after the other."""
    for party, other in (parties, parties[::-1]):
        parcel = path / "parcel"
        assert party.cli("line", "carry-out", "--peer", other.name, "--out", str(parcel)).returncode == 0
        taken = other.cli("line", "carry-in", str(parcel))
        assert taken.returncode in (0, 1, 7), (taken.returncode, taken.stdout, taken.stderr)
        parcel.unlink()
