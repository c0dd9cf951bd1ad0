"""One message can be shown to an outsider; whatever is changed in the exhibit is found."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from link_parties import NORTH, SOUTH, STRANGER, TO_SOUTH, two_sides

import forked
from detente.airspace.refusal import Refusal
from detente.link.envelope import Envelope, seal_envelope
from detente.link.exhibit import Exhibit, check_exhibit, make_exhibit, write_exhibit
from detente.link.receipt import sign_receipt
from detente.link.transcript import OneWay, holding_of_entries


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> tuple[OneWay, list[Envelope], Path]:
    """What south received from north in three batches, and its journal."""
    directory = tmp_path_factory.mktemp("exhibit")
    with two_sides(directory) as (north, south):
        envelopes: list[Envelope] = []
        for batch in ((b"one",), (b"two", b"three", b"four"), (b"five", b"six")):
            sent = north.send(*batch)
            south.receive(*sent)
            envelopes += sent
        holding = holding_of_entries(SOUTH.public, south.journal.read())
        return holding.transcripts[0].received, envelopes, south.path


@pytest.mark.parametrize("number", range(1, 7))
def test_every_message_can_be_proven_without_the_others(copy, number: int) -> None:
    one_way, envelopes, _ = copy
    exhibit = make_exhibit(one_way, envelopes[number - 1])
    data = write_exhibit(exhibit)
    proven = check_exhibit(data)
    assert proven.envelope == envelopes[number - 1]
    assert proven.receipt.first <= number <= proven.receipt.last
    shown = data + base64.b64decode(exhibit.envelope)
    for other, envelope in enumerate(envelopes, start=1):
        assert (envelope.body in shown) == (other == number)


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(st.sampled_from(["envelope", "chain", "receipt", "proof", "root"]), st.integers(0, 10_000), st.integers(1, 255))
def test_whatever_is_changed_is_found(copy, field: str, place: int, flip: int) -> None:
    one_way, envelopes, _ = copy
    exhibit = make_exhibit(one_way, envelopes[1])

    def changed(data: bytes) -> bytes:
        at = place % len(data)
        return data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]

    if field == "envelope":
        value: object = base64.b64encode(changed(base64.b64decode(exhibit.envelope))).decode()
    elif field == "receipt":
        value = changed(exhibit.receipt.encode()).decode("latin-1")
    elif field == "root":
        value = changed(bytes.fromhex(exhibit.root)).hex()
    elif field == "proof":
        row = place % len(exhibit.proof)
        value = tuple(changed(bytes.fromhex(p)).hex() if i == row else p for i, p in enumerate(exhibit.proof))
    else:
        row = place % len(exhibit.chain)
        value = tuple(changed(c.encode()).decode("latin-1") if i == row else c for i, c in enumerate(exhibit.chain))
    with pytest.raises(Refusal):
        check_exhibit(write_exhibit(msgspec.structs.replace(exhibit, **{field: value})))


def test_parts_of_other_exhibits_do_not_fit(copy) -> None:
    one_way, envelopes, _ = copy
    first, second = (make_exhibit(one_way, envelopes[i]) for i in (0, 4))
    for field in ("envelope", "receipt", "proof", "root", "chain"):
        mixed = msgspec.structs.replace(first, **{field: getattr(second, field)})
        with pytest.raises(Refusal):
            check_exhibit(write_exhibit(mixed))


def test_nobody_else_can_sign_for_the_recipient(copy) -> None:
    envelope = seal_envelope(NORTH, TO_SOUTH, 1, bytes(32), copy[1][0].sent_at, "note", b"never received")
    direction = msgspec.structs.replace(TO_SOUTH, recipient=STRANGER.public)
    receipt = sign_receipt(STRANGER, direction, 1, 1, envelope.hash, envelope.sent_at)
    exhibit = Exhibit(base64.b64encode(envelope.raw).decode(), (), receipt.raw.decode(), (), "00" * 32)
    with pytest.raises(Refusal, match=r"receipt\.direction"):
        check_exhibit(write_exhibit(exhibit))


@given(st.binary(max_size=200))
def test_no_bytes_break_the_check(data: bytes) -> None:
    with pytest.raises(Refusal):
        check_exhibit(data)


def test_commands_prove_and_check_without_a_node(copy, tmp_path: Path) -> None:
    _, _, journal = copy
    out = tmp_path / "three.json"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "DETENTE_LANGUAGE": "en"}
        command = [str(forked.program()), "transcript", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    peer = NORTH.public.hex()[:12]
    written = run("prove", str(journal), "3", "--peer", peer, "--received", "--out", str(out))
    assert written.returncode == 0, written.stderr
    checked = run("check", str(out), "--body")
    assert checked.returncode == 0, checked.stderr
    assert "Message 3, note" in checked.stdout
    assert checked.stdout.rstrip().endswith("three")
    out.write_bytes(out.read_bytes().replace(b'"root": "', b'"root": "00'))
    assert run("check", str(out)).returncode == 3
