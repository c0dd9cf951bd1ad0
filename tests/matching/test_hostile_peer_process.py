"""A hostile peer in a second process: each way of breaking the protocol is found out, said and kept; none hangs us."""

import asyncio
import contextlib
import json
import sys
from functools import partial
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from exchange import drive
from match_parties import EPOCH, TABLE, TERMS, circle, receive_framed, send_framed, world

from detente.matching.driver import Driver
from detente.matching.folder import advance_run, read_ledger
from detente.matching.keeper import MemoryKeeper
from detente.matching.ledger import LedgerRow
from detente.matching.messages import BreachError
from detente.matching.run import Run
from detente.record.keys import NodeKey

PATIENCE_S = 240.0
"""Ends what hangs, on a machine however busy."""
PEER = Path(__file__).with_name("hostile_peer.py")
WORLD = 23
BAIT = (38.5, -120.5)
"""Where one of our plans is that only late plans of the peer come near."""
NOT_TAKEN = {
    "noise": "form", "bad_signature": "signature", "unknown_kind": "form", "other_run": "other_run", "stage": "stage",
    "other_session": "other_session", "replay_list": "other_session", "replay_answers": "other_session",
    "late_number": "stage",
}  # fmt: skip
"""What may as well come from somebody else, or from a mixed-up stick: it is not taken, and the run waits."""
ENDED = {
    "identity_key": "invalid_element", "invalid_key": "invalid_element", "unknown_key": "proof",
    "two_messages": "equivocation", "two_lists": "equivocation", "two_coins": "equivocation",
    "invalid_element": "invalid_element", "identity": "invalid_element", "small_inputs": "invalid_element",
    "repeated": "repeated_element", "unordered": "form", "too_many": "size", "too_few": "size",
    "probe": "proof", "fine_probe": "proof", "other_key_half_way": "proof", "foreign_dummies": "proof",
    "noise_for_proof": "proof", "short_proof": "size",
    "dropped_answers": "answer_proof", "other_key_answers": "answer_proof", "unsealed": "seal",
    "withhold": "withheld", "withhold_all": "withheld", "move_part": "opening", "twice": "opening",
    "tokens_not_common": "opening", "unrelated": "opening", "one_for_all": "opening", "audit_share": "opening",
    "deep": "form", "not_text": "form",
    "late_probe": "proof", "late_foreign_dummies": "proof", "late_shown_before": "repeated_element",
    "late_identity": "invalid_element", "late_too_many": "size", "late_too_often": "cap",
    "late_two_lists": "equivocation", "late_withhold_all": "withheld", "late_other_key_answers": "answer_proof",
    "late_dropped_answers": "answer_proof",
}  # fmt: skip
"""What the peer signed against the protocol: the run is over, and the evidence is kept."""
SILENT = {
    "stall_commit": "stalled", "stall_masked": "stalled", "stall_proof": "stalled", "stall_answers": "stalled",
    "drip": "stalled", "leave_masked": "stalled", "leave_proof": "stalled", "leave_answers": "stalled",
    "leave_reveal": "stalled", "late_stall_reveal": "stalled", "late_stall_proof": "stalled",
}  # fmt: skip
"""The peer says no more: that is said and kept, and the run goes on if it speaks again."""
WAYS = NOT_TAKEN | ENDED | SILENT
BEFORE_ANSWERS = ("probe", "other_key_half_way", "foreign_dummies", "noise_for_proof", "short_proof")
BEFORE_REVEAL = ("answer_proof", "seal")


class Keys:
    def __init__(self):
        secrets = [Ed25519PrivateKey.generate() for _ in range(2)]
        self.ours, self.theirs = sorted((NodeKey(secret) for secret in secrets), key=lambda key: key.public)
        secret = next(s for s in secrets if NodeKey(s).public == self.theirs.public)
        self.secret = secret.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()).hex()
        self.run = Run("ab" * 32, EPOCH, TERMS, TABLE, self.ours.public, self.theirs.public)


class Peers:
    """The hostile process, and the connections it opens, one for each way."""

    def __init__(self, keys, ways):
        self.keys, self.ways = keys, ways
        self.connected: asyncio.Queue = asyncio.Queue()
        self.silent = {way: asyncio.Event() for way in ways}

    async def __aenter__(self):
        self.server = await asyncio.start_server(lambda r, w: self.connected.put((r, w)), "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, PEER, str(port), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        self.listening = asyncio.create_task(self.listen())
        given = {"secret": self.keys.secret, "keys": [self.keys.run.first.hex(), self.keys.run.second.hex()],
                 "world": WORLD, "ways": self.ways}  # fmt: skip
        self.process.stdin.write(json.dumps(given).encode() + b"\n")
        self.process.stdin.close()
        return self

    async def __aexit__(self, *_):
        await asyncio.wait_for(self.process.wait(), PATIENCE_S)
        await self.listening
        assert self.process.returncode == 0
        self.server.close()
        await self.server.wait_closed()

    async def listen(self):
        async for way in self.process.stdout:
            self.silent[way.decode().strip()].set()

    async def receive(self, way, reader):
        """The next message; raises TimeoutError when the peer has said that there is none."""
        reading = asyncio.create_task(receive_framed(reader))
        silent = asyncio.create_task(self.silent[way].wait())
        await asyncio.wait({reading, silent}, return_when=asyncio.FIRST_COMPLETED)
        for _ in range(100):
            # What it sent before is in the socket, and comes within a few turns of the loop.
            await asyncio.sleep(0)
        silent.cancel()
        if not reading.done():
            reading.cancel()
            raise TimeoutError
        return reading.result()

    @contextlib.asynccontextmanager
    async def connection(self):
        reader, writer = await asyncio.wait_for(self.connected.get(), PATIENCE_S)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def over_sockets(ways):
    """Our driver, its keeper and the breach after a run against each way."""
    keys, after = Keys(), {}
    async with Peers(keys, ways) as peers:
        for way in ways:
            keeper = MemoryKeeper()
            driver = Driver(keys.run, keys.ours, keeper, [*world(WORLD, 0, 6), circle("bait", *BAIT)])
            breach = None
            async with peers.connection() as (reader, writer):
                send, receive = partial(send_framed, writer), partial(peers.receive, way, reader)
                try:
                    await drive(driver, send, receive, PATIENCE_S)
                    if way.startswith("late"):
                        await drive(driver, send, receive, PATIENCE_S, done=lambda: False)
                except BreachError as error:
                    breach = error
            after[way] = (keys, driver, keeper, breach)
    return after


def check(way, keys, driver, keeper, breach):
    assert breach is not None, way
    assert breach.fault.value == WAYS[way], (way, breach)
    again = Driver(keys.run, keys.ours, keeper)
    for one in (driver, again):
        if way in ENDED:
            # It is over for good, after a crash too: whatever comes next, nothing more is said.
            assert one.breach is not None, way
            assert one.breach.fault == breach.fault
            assert (one.next_message(), one.sending, one.expected) == (None, None, ())
            with pytest.raises(BreachError):
                one.receive(b"")
        else:
            assert one.breach is None, way
    if WAYS[way] != "stalled" and (way not in NOT_TAKEN or not driver.complete):
        row = msgspec.json.decode(keeper.read("ledger.json"), type=LedgerRow)
        assert row.fault == WAYS[way], way
    if way in ENDED:
        assert any(name.startswith("evidence/") for name in keeper.pieces)
    if way in NOT_TAKEN:
        assert WAYS[way] in keeper.read("refused.json").decode()
    if not way.startswith("late"):
        assert driver.revealed is None
    if WAYS[way] in BEFORE_REVEAL:
        # Whoever answers wrongly is caught before any part of a plan is opened to him.
        assert not any(name.endswith("-reveal") for name in driver.sent if not way.startswith("late_"))
    if way in BEFORE_ANSWERS:
        assert driver.sent[-1] == "4-proof"
        assert driver.side.rounds[0].own[0].answers is None
    if way == "stall_proof":
        # Who does not prove his rows gets no answer to them.
        assert driver.sent[-1] == "4-proof"


def test_a_hostile_peer_in_another_process_is_found_out_and_an_honest_one_is_not():
    some = ["probe", "late_dropped_answers", "noise"]
    after = asyncio.run(over_sockets([*some, "honest", "late_again"]))
    for way in some:
        check(way, *after[way])
    _, driver, keeper, breach = after["honest"]
    assert breach is None
    assert driver.complete
    assert driver.revealed.matched_tokens > 0
    # The same late message twice changes nothing.
    _, driver, keeper, breach = after["late_again"]
    assert breach.fault.value == "stalled"  # we wait for more, and the peer has no more
    assert msgspec.json.decode(keeper.read("ledger.json"), type=LedgerRow).late_runs == 1
    assert driver.sent.count("late-01-5-answers") == 1


@pytest.mark.long
def test_every_way_of_breaking_the_protocol_is_found_out():
    for way, after in asyncio.run(over_sockets(sorted(WAYS))).items():
        check(way, *after)


async def over_files(way, tmp_path):
    """A hand that writes what the hostile process says into our folder, and takes what is for it."""
    keys = Keys()
    folder = tmp_path / way
    async with Peers(keys, [way]) as peers, peers.connection() as (reader, writer):
        plans = world(WORLD, 0, 6)
        while True:
            standing = await asyncio.to_thread(advance_run, folder, keys.run, keys.ours, plans)
            for file in standing.new:
                await send_framed(writer, file.read_bytes())
            if standing.awaited is None:
                return folder
            came = await receive_framed(reader)
            if not came:
                return folder
            standing.awaited.write_bytes(came)


@pytest.mark.long
@pytest.mark.parametrize("way", ["probe", "withhold", "leave_reveal"])
def test_a_hostile_peer_over_files_is_found_out(way, tmp_path):
    if way in SILENT:
        folder = asyncio.run(over_files(way, tmp_path))
        assert not (folder / "ledger.json").exists()
        assert not (folder / "in" / "10-reveal.match").exists()
        return
    with pytest.raises(BreachError, match=WAYS[way]):
        asyncio.run(over_files(way, tmp_path))
    assert [row.fault for row in read_ledger(tmp_path)] == [WAYS[way]]
