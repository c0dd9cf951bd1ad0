"""Millions of damaged and made-up messages against every decoder of live feeds: `make fuzz-feeds MESSAGES=10000000`.

Each message is random bytes, a right message with bytes changed, cut or doubled, or pieces of several. Nothing may be
raised; what is given must be plausible; and after each batch a right message must be heard. Of Mode S, which has a
checksum of 24 bits, nothing but what was sent may be given. The other formats are counted: there a change that leaves a
well formed message is taken for what it says.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from squitters import avr, beast, position, velocity, with_checksum

from detente.feeds.live.aircraft_documents import AircraftDocuments
from detente.feeds.live.aprs_lines import AprsLines
from detente.feeds.live.asterix_blocks import AsterixBlocks
from detente.feeds.live.avr import AvrLines
from detente.feeds.live.beast import BeastFrames
from detente.feeds.live.cot_events import CotEvents
from detente.feeds.live.decoding import Decoder, check_sighting
from detente.feeds.live.json_lines import JsonLines
from detente.feeds.live.mavlink_messages import MavlinkMessages
from detente.feeds.live.sbs_lines import SbsLines

BATCH = 500
NOW_S = 1_748_786_402.0
ONE = 0x4CA2B1


class Format(NamedTuple):
    """A format that is tried: its share of the messages, right messages of it, and whether they have a checksum."""

    share: float
    decoder: Callable[[], Decoder]
    right: list[bytes]
    has_checksum: bool
    datagrams: bool = False


def formats() -> dict[str, Format]:
    from pymavlink.dialects.v20 import common
    from test_aprs_lines import LINE
    from test_asterix_blocks import ADSB_BLOCK, PLOT_BLOCK, RADAR_BLOCK, STATUS_BLOCK, TRACK_BLOCK
    from test_cot_events import EVENT, MESH, STREAM
    from test_mavlink_messages import HEARTBEAT, POSITION, location, packed, vehicle
    from test_sbs_lines import CALLSIGN, VELOCITY
    from test_sbs_lines import POSITION as SBS_POSITION

    squitters = [position(ONE, 52.0, 4.0, odd) for odd in (0, 1)] + [velocity(ONE, 100, -200, 640)]
    line = b'{"latitude_deg":35.0,"longitude_deg":40.0,"address":"4ca2b1","at_s":1748786400.0,"source":"adsb"}\n'
    document = (
        b'{"now":1748786400.0,"aircraft":[{"hex":"4ca2b1","lat":35.0,"lon":40.0,"seen_pos":1.0,"alt_baro":3000}]}'
    )
    assert common.WIRE_PROTOCOL_VERSION
    return {
        "beast": Format(0.55, lambda: BeastFrames("f"), [beast(one, 12_345) for one in squitters], has_checksum=True),
        "avr": Format(0.1, lambda: AvrLines("f"), [avr(one) for one in squitters], has_checksum=True),
        "sbs": Format(0.1, lambda: SbsLines("f", "+00:00"), [SBS_POSITION, VELOCITY, CALLSIGN], has_checksum=False),
        "json": Format(0.1, lambda: JsonLines("f"), [line], has_checksum=False),
        "aircraft-json": Format(0.03, lambda: AircraftDocuments("f"), [document], has_checksum=False, datagrams=True),
        "ogn": Format(0.06, lambda: AprsLines("f"), [LINE], has_checksum=False),
        "cot": Format(0.02, lambda: CotEvents("f"), [EVENT, MESH, STREAM], has_checksum=False, datagrams=True),
        "mavlink": Format(
            0.03, lambda: MavlinkMessages("f"),
            [packed(POSITION), packed(vehicle()), packed(location()), packed(HEARTBEAT)],
            has_checksum=True,
        ),
        "asterix": Format(
            0.01, lambda: AsterixBlocks("f"), [ADSB_BLOCK, PLOT_BLOCK, RADAR_BLOCK, STATUS_BLOCK, TRACK_BLOCK],
            has_checksum=False, datagrams=True,
        ),
    }  # fmt: skip


def damaged(chance: random.Random, right: list[bytes]) -> bytes:
    """A message that is none, or one that was damaged."""
    whole = chance.choice(right)
    kind = chance.randrange(6)
    if kind == 0:
        return chance.randbytes(chance.randrange(1, 60))
    if kind == 1:
        return whole[: chance.randrange(len(whole))]
    if kind == 2:
        other, place = chance.choice(right), chance.randrange(len(whole))
        return whole[:place] + other[chance.randrange(len(other)) :]
    if kind == 3:
        place = chance.randrange(len(whole))
        return whole[:place] + whole[max(place - chance.randrange(1, 9), 0) :]
    changed = bytearray(whole)
    for _ in range(chance.randrange(1, 5)):
        place = chance.randrange(len(changed))
        changed[place] = chance.randrange(256) if kind == 4 else changed[place] ^ 1 << chance.randrange(8)
    return bytes(changed)


class Found(NamedTuple):
    """What became of the messages of one format."""

    messages: int
    right: int
    errors: int
    sightings: int


def tried(name: str, how: Format, count: int, seed: int) -> Found:
    """Try one format; raises AssertionError with the batch's seed where something is not as it must be."""
    right = errors = sightings = done = 0
    decoder = how.decoder()
    while done < count:
        chance = random.Random(f"{name} {seed} {done}")
        batch = [damaged(chance, how.right) for _ in range(min(BATCH, count - done))]
        pieces = batch if how.datagrams else [b"".join(batch)]
        for piece in pieces:
            found = decoder.take(piece, NOW_S + done * 0.01)
            if how.datagrams:
                found += decoder.finish(NOW_S)
            sightings += len(found)
            for one in found:
                check_sighting(one)
                if how.has_checksum and name != "mavlink":
                    # Doubling and cutting may leave whole messages; those say what was sent and nothing else.
                    assert one.address == f"{ONE:06x}", (name, seed, done, one)
                    assert abs(one.latitude_deg - 52.0) < 1e-3, (name, seed, done, one)
        done += len(batch)
        right, errors = right + decoder.tally.messages, errors + decoder.tally.errors
        decoder.tally.messages = decoder.tally.errors = 0
        decoder.finish(NOW_S)
        decoder.tally.messages = decoder.tally.errors = 0
        decoder.take(how.right[0], NOW_S)
        decoder.finish(NOW_S)
        assert decoder.tally.messages >= 1, (name, seed, done, "a right message was not heard")
        decoder.tally.messages = decoder.tally.errors = 0
    return Found(done, right, errors, sightings)


def made_up(count: int, seed: int) -> int:
    """Squitters of any content and any address with a right checksum: how many positions they give."""
    chance, decoder, given = random.Random(seed), BeastFrames("f"), 0
    for step in range(count // 500):
        bodies = [bytes([chance.choice([0x8D, 0x90, 0x92, 0x96])]) + chance.randbytes(10) for _ in range(500)]
        given += len(decoder.take(b"".join(beast(with_checksum(one)) for one in bodies), NOW_S + step * 0.01))
    return given


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--messages", type=int, default=10_000_000)
    arguments.add_argument("--seed", type=int, default=14)
    said = arguments.parse_args()
    began_s, total = time.monotonic(), 0
    print(f"{'format':<14} {'messages':>10} {'right':>10} {'errors':>10} {'positions':>10}")
    for name, how in formats().items():
        found = tried(name, how, max(int(said.messages * how.share), BATCH), said.seed)
        total += found.messages
        print(f"{name:<14} {found.messages:>10} {found.right:>10} {found.errors:>10} {found.sightings:>10}", flush=True)
    count = min(said.messages // 100, 100_000)
    print(f"{count} made-up squitters with a right checksum: {made_up(count, said.seed)} positions")
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{total} messages in {time.monotonic() - began_s:.0f} s; nothing raised; {memory_mb:.0f} MB at the most")


if __name__ == "__main__":
    main()
