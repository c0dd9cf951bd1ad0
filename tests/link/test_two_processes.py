"""Two parties as two real processes over loopback: what a peer, a network or a crash may do to a link."""

import json
import random
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from link_parties import ACCORD, AT

import forked
from detente.link.answer import ENVELOPES_PATH, read_answer
from detente.link.comparison import compare_transcripts, verify_transcript
from detente.link.envelope import NO_PREVIOUS, Direction, read_envelope, seal_envelope
from detente.link.transcript import holding_of_entries
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from ports import free_port

PROGRAM = Path(__file__).with_name("link_peer.py")


class Process:
    """One party: its directory stays, its process comes and goes."""

    def __init__(self, directory, name):
        self.directory = directory / name
        self.directory.mkdir()
        self.key = NodeKey.generate()
        self.key.save(self.directory / "node.key")
        self.port = free_port()
        self.peer = None
        self.running = None

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, *options):
        self.running = forked.start(
            str(self.directory), str(self.port), self.peer.key.public.hex(), self.peer.address, ACCORD, *options,
            script=PROGRAM,
        )  # fmt: skip
        assert self.running.stdout.readline() == f"ready {self.port}\n"

    def kill(self):
        self.running.send_signal(signal.SIGKILL)
        self.gone()

    def gone(self):
        assert self.running.wait(120) == -signal.SIGKILL
        self.running.stdout.close()
        self.running = None

    def post(self, path, body):
        request = urllib.request.Request(self.address + path, data=body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def say(self, *bodies):
        status, _ = self.post("/say", b"\n".join(bodies))
        assert status == 200

    def deliver(self, *envelopes):
        status, body = self.post(ENVELOPES_PATH, b"".join(envelopes))
        return status, read_answer(body)

    def numbers(self):
        with urllib.request.urlopen(self.address + "/numbers", timeout=120) as response:
            return json.load(response)

    def until(self, **numbers):
        deadline = time.monotonic() + 120
        while (now := self.numbers()) | numbers != now:
            assert time.monotonic() < deadline, (now, numbers)
            time.sleep(0.01)

    def entries(self, *kinds):
        with_key = Journal.open(self.directory / "journal.sqlite", self.key)
        try:
            return [entry for entry in with_key.read() if not kinds or entry.kind in kinds]
        finally:
            with_key.close()


@pytest.fixture
def parties(tmp_path):
    north, south = Process(tmp_path, "north"), Process(tmp_path, "south")
    north.peer, south.peer = south, north
    yield north, south
    for party in (north, south):
        if party.running:
            party.kill()


def bodies(entries):
    return [read_envelope(entry.body)[0].body for entry in entries]


def both_copies(north, south):
    for party in (north, south):
        if party.running:
            party.kill()
    return [
        holding_of_entries(party.key.public, party.entries()).link_with(party.peer.key.public, ACCORD)
        for party in (north, south)
    ]


def assert_equal_and_settled(north, south):
    first, second = both_copies(north, south)
    assert verify_transcript(first) == verify_transcript(second) == []
    comparison = compare_transcripts(first, second)
    assert comparison.equal
    assert comparison.in_flight == ()
    assert [one_way.root for one_way in first.directions] == [one_way.root for one_way in second.directions]


def test_both_ways_at_once_and_both_transcripts_are_equal(parties):
    north, south = parties
    north.start()
    south.start()
    for turn in range(20):
        north.say(*(b"north %d %d" % (turn, number) for number in range(10)))
        south.say(b"south %d" % turn)
    north.until(sent=200, receipted=200, received=20)
    south.until(sent=20, receipted=20, received=200)
    assert_equal_and_settled(north, south)
    expected = [b"north %d %d" % (turn, number) for turn in range(20) for number in range(10)]
    assert bodies(south.entries("received")) == expected


def test_duplicates_and_replays_change_nothing_and_get_the_same_receipts(parties):
    north, south = parties
    north.start()
    south.start()
    north.say(*(b"%d" % number for number in range(40)))
    north.until(receipted=40)
    north.kill()
    sent = [entry.body for entry in north.entries("sent")]
    receipts = [entry.body.decode() for entry in north.entries("receipt_received")]
    before = south.numbers()
    status, answer = south.deliver(*sent)
    assert status == 200
    assert list(answer.receipts) == receipts
    shuffled = random.Random(7).sample(sent, len(sent))
    status, answer = south.deliver(*shuffled)
    assert status == 200
    assert sorted(answer.receipts) == sorted(receipts)
    assert south.numbers() == before
    assert_equal_and_settled(north, south)


def test_a_gap_is_refused_with_what_is_expected(parties):
    north, south = parties
    north.start("--mute")
    south.start()
    north.say(*(b"%d" % number for number in range(5)))
    north.kill()
    sent = [entry.body for entry in north.entries("sent")]
    status, answer = south.deliver(*sent[2:])
    assert (status, answer.refused.reason, answer.next_number, answer.receipts) == (409, "gap", 1, ())
    status, answer = south.deliver(sent[0], *sent[2:])
    assert (status, answer.refused.reason, answer.next_number) == (409, "gap", 2)
    north.start()
    north.until(receipted=5)
    assert_equal_and_settled(north, south)


def test_wrong_signature_sender_recipient_and_accord_are_refused_and_recorded(parties):
    north, south = parties
    south.start()
    stranger = NodeKey.generate()
    right = Direction(north.key.public, south.key.public, ACCORD)
    good = seal_envelope(north.key, right, 1, NO_PREVIOUS, AT, "note", b"good").raw
    wrong = {
        "wrong_signature": good.replace(b"12:00:00", b"12:00:01"),
        "unknown_sender": seal_envelope(
            stranger, Direction(stranger.public, south.key.public, ACCORD), 1, NO_PREVIOUS, AT, "note", b""
        ).raw,
        "wrong_recipient": seal_envelope(
            north.key, Direction(north.key.public, stranger.public, ACCORD), 1, NO_PREVIOUS, AT, "note", b""
        ).raw,
        "wrong_accord": seal_envelope(
            north.key, Direction(north.key.public, south.key.public, "0" * 64), 1, NO_PREVIOUS, AT, "note", b""
        ).raw,
    }
    for reason, raw in wrong.items():
        status, answer = south.deliver(raw)
        assert 400 <= status < 500
        told = "unknown_sender" if reason == "wrong_signature" else reason
        assert (answer.refused.reason, answer.receipts) == (told, ())
    assert south.numbers()["received"] == 0
    status, answer = south.deliver(good)
    assert (status, len(answer.receipts)) == (200, 1)
    south.kill()
    recorded = [json.loads(entry.body)["reason"] for entry in south.entries("link_refused")]
    assert recorded == list(wrong)


def test_equivocation_is_refused_and_its_evidence_outlives_a_restart(parties):
    north, south = parties
    north.start()
    south.start()
    north.say(b"one", b"two")
    north.until(receipted=2)
    north.kill()
    one, two = (read_envelope(entry.body)[0] for entry in north.entries("sent"))
    lie = seal_envelope(north.key, two.direction, 2, one.hash, two.sent_at, "note", b"another two")
    status, answer = south.deliver(lie.raw)
    assert (status, answer.refused.reason) == (409, "equivocation")
    south.kill()
    (evidence,) = south.entries("link_evidence")
    assert read_envelope(evidence.body)[0].is_signed_by(read_envelope(evidence.body)[0].direction.sender)
    south.start()
    assert south.numbers()["contradictions"] == 1
    north.start()
    north.say(b"three")
    north.until(receipted=3)
    assert_equal_and_settled(north, south)


def test_a_receiver_killed_between_journal_and_receipt_has_it_and_gives_the_same_receipt(parties):
    north, south = parties
    south.start("--die-before-answer", "2")
    north.start()
    north.say(b"one")
    north.until(receipted=1)
    north.say(b"two", b"three")
    south.gone()
    assert north.numbers()["receipted"] == 1
    held = south.entries("receipt_sent")[-1].body
    south.start()
    north.until(receipted=3)
    north.kill()
    assert north.entries("receipt_received")[-1].body == held
    assert_equal_and_settled(north, south)
    assert bodies(south.entries("received")) == [b"one", b"two", b"three"]


def test_what_is_in_flight_is_no_difference(parties):
    north, south = parties
    north.start()
    south.start()
    north.say(b"arrives")
    north.until(receipted=1)
    south.kill()
    north.say(b"waits", b"waits too")
    first, second = both_copies(north, south)
    comparison = compare_transcripts(first, second)
    assert comparison.equal
    assert [(finding.kind, finding.first, finding.last) for finding in comparison.in_flight] == [("in_flight", 2, 3)]
