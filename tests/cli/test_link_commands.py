"""init, card, pair and transcript as a user runs them: exit codes, and one line on standard error for a mistake."""

import json
import os
import stat
import subprocess
from datetime import UTC, datetime

import pytest
from command_line import run_detente as detente

import forked
from detente.link.answer import read_answer
from detente.link.directory import NodeDirectory
from detente.link.links import Links
from detente.link.session import RECEIPT_RECEIVED, SENT
from detente.record.journal import Journal
from detente.record.keys import NodeKey
from receiving import receive_batch

ACCORD = "a1" * 32
AT = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


def detente_process(*arguments, stdin=subprocess.DEVNULL):
    environment = {**os.environ, "DETENTE_LANGUAGE": "en"}
    return subprocess.run(
        [forked.program(), *map(str, arguments)],
        check=False, capture_output=True, text=True, env=environment, stdin=stdin,
    )  # fmt: skip


def refused(result):
    """The one line of a refusal."""
    assert result.returncode == 2, result
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.fixture
def nodes(tmp_path):
    made = []
    for name in ("north", "south"):
        directory = NodeDirectory(tmp_path / name)
        directory.make(name, (), AT)
        made.append(directory)
    return made


class Talker:
    """A node's link without a node: what it sends is carried by hand."""

    def __init__(self, directory, peer):
        self.key = NodeKey.load(directory.key_path)
        self.journal = Journal.open(directory.journal_path, self.key)
        self.links = Links(self.key.public)
        self.session = self.links.open(peer.card().key, ACCORD)
        self.links.absorb(self.journal.read())

    def send(self, *bodies):
        sealed = self.session.seal(self.key, [("note", body) for body in bodies], AT)
        self.links.absorb(self.journal.append([(SENT, envelope.raw) for envelope in sealed], AT))
        return b"".join(envelope.raw for envelope in sealed)

    def receive(self, body):
        return read_answer(receive_batch(self.links, self.key, self.journal, body, AT).answer).receipts

    def take(self, receipts):
        self.links.absorb(self.journal.append([(RECEIPT_RECEIVED, text.encode()) for text in receipts], AT))


@pytest.fixture
def talk(nodes):
    """Run a function with both sides' links open, and close the journals after it."""

    def run(function):
        north, south = Talker(nodes[0], nodes[1]), Talker(nodes[1], nodes[0])
        try:
            function(north, south)
        finally:
            north.journal.close()
            south.journal.close()

    return run


def one_settled_and_one_in_flight(north, south):
    north.take(south.receive(north.send(b"one", b"two")))
    south.take(north.receive(south.send(b"back")))
    north.send(b"three")


def test_init_makes_a_node_and_says_its_fingerprint(tmp_path):
    directory = tmp_path / "deep" / "north"
    result = detente("init", "--dir", directory, "--name", "north", "--address", "http://127.0.0.1:9001")
    assert result.returncode == 0, result.stderr
    node = NodeDirectory(directory)
    card = node.card()
    assert (card.name, card.addresses) == ("north", ("http://127.0.0.1:9001",))
    assert card.fingerprint in result.stdout
    assert stat.S_IMODE(node.key_path.stat().st_mode) == 0o600
    assert NodeKey.load(node.key_path).public == card.key
    assert "port = 10001" in node.config_path.read_text(), "the port on the card is for peers"
    Journal.open(node.journal_path, NodeKey.load(node.key_path)).close()


@pytest.mark.parametrize(
    ("options", "stop_addresses"),
    [
        (["--address", "https://[2001:db8::1]:8440"], ("https://[2001:db8::1]:10440",)),
        (["--address", "https://node.example.org"], ("https://node.example.org:2443",)),
        (["--address", "https://node.example.org:65000"], ()),
        (["--address", "http://127.0.0.1:9001"], ()),
        (["--address", "https://a.example", "--stop-address", "https://b.example"], ("https://b.example",)),
    ],
)
def test_a_card_has_an_address_for_stop_where_other_machines_call(tmp_path, options, stop_addresses):
    assert detente("init", "--dir", tmp_path, "--name", "north", *options).returncode == 0
    assert NodeDirectory(tmp_path).card().stop_addresses == stop_addresses
    shown = detente("card", "show", "--dir", tmp_path).stdout
    assert all(address in shown for address in stop_addresses)


def test_init_never_overwrites_a_node(nodes):
    before = nodes[0].key_path.read_bytes()
    assert "without a node" in refused(detente("init", "--dir", nodes[0].path, "--name", "north"))
    assert nodes[0].key_path.read_bytes() == before


@pytest.mark.parametrize(
    "options",
    [
        ("--name", "no/rth"),
        ("--name", "north", "--address", "north.example.org"),
        ("--name", "north", "--address", "http://192.0.2.1:8440"),
        ("--name", "north", "--address", "http://127.0.0.1:8440", "--address", "https://node.example.org:8440"),
    ],
)
def test_init_with_a_bad_name_or_address_makes_nothing(tmp_path, options):
    refused(detente("init", "--dir", tmp_path / "north", *options))
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_a_refusal(tmp_path):
    (tmp_path / "file").write_text("")
    refused(detente("init", "--dir", tmp_path / "file" / "north", "--name", "north"))


def test_a_card_is_shown_and_exported(nodes, tmp_path):
    own = nodes[0].card()
    exported = tmp_path / "north.json"
    assert detente("card", "export", "--dir", nodes[0].path, "--out", exported).returncode == 0
    assert exported.read_bytes() == nodes[0].card_path.read_bytes()
    assert detente("card", "export", "--dir", nodes[0].path).stdout == nodes[0].card_path.read_text()
    for arguments in ((exported,), ("--dir", nodes[0].path)):
        shown = detente("card", "show", *arguments)
        assert shown.returncode == 0
        assert own.fingerprint in shown.stdout
        assert own.public_key in shown.stdout
    assert "does not exist yet" in refused(detente("card", "export", "--dir", nodes[0].path, "--out", exported))
    refused(detente("card", "show"))
    refused(detente("card", "show", tmp_path / "missing.json"))
    refused(detente("card", "export", "--dir", tmp_path))


def test_pairing_needs_the_fingerprint_that_was_read_out(nodes):
    north, south = nodes
    heard = south.card().fingerprint.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert "fingerprint" in refused(detente_process("pair", south.card_path, "--dir", north.path))
    assert north.trust.cards() == []
    wrong = heard[:-1] + ("2" if heard[-1] != "2" else "3")
    line = refused(detente("pair", south.card_path, "--dir", north.path, "--fingerprint", wrong))
    assert "nothing was trusted" in line
    assert south.card().fingerprint not in line
    assert north.trust.cards() == []
    result = detente("pair", south.card_path, "--dir", north.path, "--fingerprint", heard)
    assert result.returncode == 0, result.stderr
    assert north.trust.cards() == [south.card()]


def test_the_fingerprint_is_asked_for_on_a_terminal(nodes):
    north, south = nodes
    for answer, code in ((b"AAAA-BBBB\n", 2), (south.card().fingerprint.encode() + b"\n", 0)):
        controller, terminal = os.openpty()
        try:
            os.write(controller, answer)
            result = detente_process("pair", south.card_path, "--dir", north.path, stdin=terminal)
        finally:
            os.close(controller)
            os.close(terminal)
        assert result.returncode == code, result.stderr
        assert north.card().fingerprint in result.stdout
        assert len(north.trust.cards()) == (1 if code == 0 else 0)


def test_a_changed_key_for_a_known_name_is_refused_loudly(nodes, tmp_path):
    north, south = nodes
    fingerprint = south.card().fingerprint
    assert detente("pair", south.card_path, "--dir", north.path, "--fingerprint", fingerprint).returncode == 0
    impostor = NodeDirectory(tmp_path / "impostor")
    impostor.make("south", (), AT)
    line = refused(
        detente("pair", impostor.card_path, "--dir", north.path, "--fingerprint", impostor.card().fingerprint)
    )
    assert "THE KEY OF A KNOWN PARTY HAS CHANGED" in line
    assert north.trust.cards() == [south.card()]


def test_a_node_does_not_pair_with_itself(nodes):
    north = nodes[0]
    refused(detente("pair", north.card_path, "--dir", north.path, "--fingerprint", north.card().fingerprint))


def test_a_forged_card_is_refused(nodes, tmp_path):
    card = json.loads(nodes[1].card_path.read_text()) | {"addresses": ["http://evil.example.org"]}
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(card))
    line = refused(detente("pair", forged, "--dir", nodes[0].path, "--fingerprint", nodes[1].card().fingerprint))
    assert "forged.json: signature" in line


def test_transcripts_of_both_sides_are_equal_and_say_what_is_in_flight(nodes, talk):
    talk(one_settled_and_one_in_flight)
    north, south = nodes
    north.trust.trust(south.card())
    result = detente("transcript", "compare", north.path, south.journal_path)
    assert result.returncode == 0, result.stderr
    assert "not a difference: north \N{RIGHTWARDS ARROW} south: 3 sent and not yet received" in result.stdout
    assert "equal: both copies hold the same 3 envelopes" in result.stdout
    french = detente("transcript", "compare", north.path, south.journal_path, language="fr")
    assert "mêmes 3 enveloppes" in french.stdout
    result = detente("transcript", "verify", north.path, south.path)
    assert result.returncode == 0
    assert result.stdout.count("sound") == 2
    shown = detente("transcript", "show", north.path, "--messages")
    assert shown.returncode == 0
    assert shown.stdout.count("note") == 4
    roots = [line for line in shown.stdout.splitlines() if "root" in line]
    other = detente("transcript", "show", south.path).stdout
    assert len(roots) == 2
    assert len([root for root in roots if root in other]) == 1


def test_exports_stand_for_the_journals(nodes, talk, tmp_path):
    talk(one_settled_and_one_in_flight)
    files = []
    for node in nodes:
        file = tmp_path / f"{node.card().name}.transcript"
        result = detente("transcript", "export", node.path, "--accord", ACCORD[:6], "--out", file)
        assert result.returncode == 0, result.stderr
        assert detente("transcript", "export", node.journal_path).stdout.encode() == file.read_bytes()
        assert detente("transcript", "export", file).stdout.encode() == file.read_bytes()
        files.append(file)
    assert detente("transcript", "compare", *files).returncode == 0
    assert detente("transcript", "compare", files[0], nodes[1].path).returncode == 0
    refused(detente("transcript", "export", nodes[0].path, "--accord", "ff"))
    refused(detente("transcript", "export", nodes[0].path, "--out", files[0]))


def test_a_rewritten_history_is_different_and_the_first_difference_is_said(nodes, talk, tmp_path):
    talk(one_settled_and_one_in_flight)
    north, south = nodes
    rewritten = NodeDirectory(tmp_path / "rewritten")
    rewritten.path.mkdir()
    rewritten.key_path.write_bytes(north.key_path.read_bytes())
    rewritten.key_path.chmod(0o600)
    talker = Talker(rewritten, south)
    talker.send(b"one", b"another two")
    talker.journal.close()
    result = detente("transcript", "compare", rewritten.journal_path, south.path)
    assert result.returncode == 6
    assert "envelope 2 is not the same" in result.stdout
    assert "11 B" in result.stdout
    assert "equal" not in result.stdout


def test_a_broken_export_is_said_with_its_place(nodes, talk, tmp_path):
    talk(one_settled_and_one_in_flight)
    file = tmp_path / "copy.transcript"
    data = b"".join(detente("transcript", "export", nodes[0].path).stdout.encode().splitlines(keepends=True))
    file.write_bytes(data.replace(b"sent-at 2025-06-01T12:00:00", b"sent-at 2025-06-01T11:00:00", 1))
    result = detente("transcript", "verify", file)
    assert result.returncode == 3
    assert "is not signed by" in result.stdout
    assert detente("transcript", "compare", file, nodes[1].path).returncode == 3
    file.write_bytes(data.replace(b"number 2", b"number x", 1))
    assert "transcript, byte" in refused(detente("transcript", "verify", file))


@pytest.mark.parametrize("command", ["show", "export", "verify", "compare"])
def test_what_is_no_transcript_is_a_refusal(nodes, tmp_path, command):
    for source in (tmp_path / "missing", tmp_path, nodes[0].card_path, nodes[0].key_path, "/dev/null"):
        sources = (source, source) if command == "compare" else (source,)
        refused(detente("transcript", command, *sources))


def test_a_journal_that_was_changed_is_refused_with_its_first_bad_entry(nodes, talk):
    talk(one_settled_and_one_in_flight)
    data = nodes[0].journal_path.read_bytes()
    assert b"kind note" in data
    nodes[0].journal_path.write_bytes(data.replace(b"kind note", b"kind nota"))
    line = refused(detente("transcript", "show", nodes[0].path))
    assert "journal.sqlite" in line
    assert "entry 1" in line
