"""A hostile peer in a second process: each way of breaking the protocol is found out, said, and never hangs us."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from match_parties import EPOCH, TABLE, TERMS, receive_framed, send_framed, world

from detente.matching.exchange import exchange
from detente.matching.messages import BreachError
from detente.matching.quantise import quantise
from detente.matching.run import Run
from detente.matching.side import Side
from detente.record.keys import NodeKey

PEER = Path(__file__).with_name("hostile_peer.py")
WORLD = 3
WAYS = {
    "noise": "form", "bad_signature": "signature", "unknown_kind": "form", "other_run": "other_run", "stage": "stage",
    "identity_key": "invalid_element", "invalid_key": "invalid_element", "two_messages": "equivocation",
    "invalid_element": "invalid_element", "identity": "invalid_element", "repeated": "repeated_element",
    "unordered": "form", "too_many": "size", "too_few": "size", "other_session": "other_session",
    "other_key_half_way": "canary", "dropped_answers": "canary", "other_key_answers": "canary", "unsealed": "seal",
    "withhold": "withheld", "withhold_all": "withheld", "move_part": "opening", "twice": "opening",
    "tokens_not_common": "opening", "unrelated": "opening", "deep": "form",
    "stall_commit": "stalled", "stall_masked": "stalled", "stall_answers": "stalled", "leave_masked": "stalled",
    "leave_answers": "stalled", "leave_reveal": "stalled",
}  # fmt: skip


async def against(way):
    """Our side after a run against the hostile process, and the breach, if there was one."""
    secrets = [Ed25519PrivateKey.generate() for _ in range(2)]
    keys = sorted((NodeKey(secret) for secret in secrets), key=lambda key: key.public)
    ours, theirs = keys
    secret = next(s for s in secrets if NodeKey(s).public == theirs.public)
    run = Run("ab" * 32, EPOCH, TERMS, TABLE, ours.public, theirs.public)
    side = Side(run, ours, quantise(world(WORLD, 0, 6), run.role_of(ours.public), EPOCH, TERMS, TABLE), b"o" * 32)
    connected: asyncio.Queue = asyncio.Queue()
    server = await asyncio.start_server(lambda r, w: connected.put((r, w)), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(sys.executable, PEER, str(port), way, stdin=asyncio.subprocess.PIPE)
    given = {
        "secret": secret.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()).hex(),
        "keys": [run.first.hex(), run.second.hex()], "world": WORLD,
    }  # fmt: skip
    process.stdin.write(json.dumps(given).encode() + b"\n")
    process.stdin.close()
    breach = None
    reader, writer = await connected.get()
    try:
        patience_s = 2.0 if way.startswith("stall") else 120.0
        await exchange(side, lambda raw: send_framed(writer, raw), lambda: receive_framed(reader), patience_s)
    except BreachError as error:
        breach = error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        server.close()
        await server.wait_closed()
    await asyncio.wait_for(process.wait(), 60)
    return side, breach


def check(way):
    side, breach = asyncio.run(against(way))
    assert breach is not None
    assert breach.fault.value == WAYS[way]
    assert not side.complete
    assert side.revealed is None
    if WAYS[way] != "stalled":
        # It is over for good: whatever comes next, nothing more is said.
        assert side.next_message() is None
        with pytest.raises(BreachError):
            side.receive(b"")
    return side


@pytest.mark.parametrize("way", ["other_key_half_way", "withhold"])
def test_a_hostile_peer_in_another_process_is_found_out(way):
    check(way)


@pytest.mark.long
@pytest.mark.parametrize("way", sorted(WAYS))
def test_every_way_of_breaking_the_protocol_is_found_out(way):
    side = check(way)
    stages = [line.kind for line in side.transcript if line.sent]
    if WAYS[way] in ("canary", "seal"):
        # Whoever answers wrongly is caught before any part of a plan is opened to him.
        assert "reveal" not in stages


def test_an_honest_process_completes_the_run():
    side, breach = asyncio.run(against("honest"))
    assert breach is None
    assert side.complete
    assert side.revealed.matched_tokens > 0
