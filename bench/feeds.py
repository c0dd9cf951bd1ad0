"""Mode S messages a second, from bytes of Beast to sightings, beside the decoder library alone.

The traffic is made here: aircraft over Europe that send what transponders send (two positions and two velocities a
second, identification and status now and then), among replies that have no position, in the shares of a real capture.
Everything is counted in seconds of this process's CPU, so that other programs matter less. With DETENTE_SHARED the real
capture is decoded too. Run: make bench-feeds
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from pathlib import Path
from typing import NamedTuple

import rs1090

from detente.feeds.live.beast import BeastFrames
from detente.feeds.live.settings import FeedKind, FeedSettings
from detente.feeds.live.supervisor import LiveFeeds
from detente.watch.sighting import Sighting
from results import write_section

sys.path.append(str(Path(__file__).parents[1] / "tests" / "feeds" / "live"))

SEED = 20_250_601
AIRCRAFT = 500
SECONDS = 40
CHUNK_BYTES = 32_768
SHARED = Path(os.environ.get("DETENTE_SHARED", Path(__file__).parents[2] / "shared"))
CAPTURE = SHARED / "data" / "feed_samples" / "beast_ulss7" / "beast_ulss7.bin"
SHORT_SHARE = 1.24
"""Short replies for each long message, as in the capture (4,942 beside 3,986)."""


class Traffic(NamedTuple):
    """A stream, its long messages, and how many messages of Mode S it has."""

    stream: bytes
    long: list[bytes]
    messages: int
    positions: int


class Measured(NamedTuple):
    """What one way of decoding took."""

    cpu_s: float
    results: int


def made_traffic() -> Traffic:
    """Return the stream of `AIRCRAFT` aircraft for `SECONDS` seconds."""
    from squitters import beast, identification, position, status, velocity

    chance = random.Random(SEED)
    flights = [
        (0x400000 + number, chance.uniform(40, 58), chance.uniform(-5, 20), chance.randint(-250, 250),
         chance.randint(-250, 250))
        for number in range(AIRCRAFT)
    ]  # fmt: skip
    pieces: list[bytes] = []
    long: list[bytes] = []
    messages = positions = 0
    for half_second in range(2 * SECONDS):
        for address, latitude_deg, longitude_deg, east_kt, north_kt in flights:
            time_s = half_second / 2.0
            here = latitude_deg + north_kt * time_s / 216_000.0, longitude_deg + east_kt * time_s / 150_000.0
            sent = [position(address, *here, half_second % 2), velocity(address, east_kt, north_kt)]
            if half_second % 10 == 0:
                sent += [identification(address, "TEST123"), status(address)]
            for one in sent:
                pieces.append(beast(one, int(time_s * 12e6) + 1))
                long.append(one)
                messages += 1
                while chance.random() < SHORT_SHARE / (1.0 + SHORT_SHARE):
                    pieces.append(beast(b"\x5d" + chance.randbytes(6), int(time_s * 12e6) + 1, b"2"))
                    messages += 1
            positions += 1
    return Traffic(b"".join(pieces), long, messages, positions)


def decoded(stream: bytes, seconds: float) -> Measured:
    """Decode a stream that was received over so many seconds, in pieces as they come from a socket."""
    decoder, count = BeastFrames("bench"), 0
    began_s = time.process_time()
    for start in range(0, len(stream), CHUNK_BYTES):
        count += len(decoder.take(stream[start : start + CHUNK_BYTES], 1e9 + seconds * start / len(stream)))
    return Measured(time.process_time() - began_s, count)


def by_library(long: list[bytes]) -> Measured:
    """Let the library decode every long message, without frames, positions or sightings."""
    began_s = time.process_time()
    count = 0
    for start in range(0, len(long), 1000):
        count += len(rs1090.decode([one.hex() for one in long[start : start + 1000]]))
    return Measured(time.process_time() - began_s, count)


def heard(stream: bytes, expected: int) -> Measured:
    """Hear the stream over a real socket, up to batches of sightings; the sender's CPU is counted as well."""

    async def story() -> Measured:
        count, enough = 0, asyncio.Event()

        async def take(batch: tuple[Sighting, ...]) -> None:
            nonlocal count
            count += len(batch)
            if live.health()[0].messages >= expected:
                enough.set()

        async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for start in range(0, len(stream), CHUNK_BYTES):
                writer.write(stream[start : start + CHUNK_BYTES])
                await writer.drain()
            await enough.wait()
            writer.close()

        server = await asyncio.start_server(send, "127.0.0.1", 0)
        where = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        began_s = time.process_time()
        live = LiveFeeds((FeedSettings("bench", FeedKind.BEAST, where),), time.time, take)
        running = asyncio.create_task(live.run())
        await enough.wait()
        cpu_s = time.process_time() - began_s
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        server.close()
        return Measured(cpu_s, count)

    return asyncio.run(story())


def main() -> None:
    traffic = made_traffic()
    ours = min((decoded(traffic.stream, SECONDS) for _ in range(3)), key=lambda one: one.cpu_s)
    library = min((by_library(traffic.long) for _ in range(3)), key=lambda one: one.cpu_s)
    over_socket = heard(traffic.stream, traffic.messages)
    rows = [
        ("made-up traffic, Beast bytes to sightings", traffic.messages, ours),
        ("the same over a socket, with supervisor and batches", traffic.messages, over_socket),
        ("rs1090 alone on the long messages of it", len(traffic.long), library),
    ]
    if CAPTURE.exists():
        stream = CAPTURE.read_bytes()
        rows.append(("real capture (St Petersburg, 61 s)", 8_928, decoded(stream, 61.0)))
    lines = [
        f"{AIRCRAFT} aircraft for {SECONDS} s: {traffic.messages:,} messages of Mode S,",
        f"{len(traffic.long):,} of them long ({traffic.positions:,} positions);",
        "seconds are those of the CPU, the best of three runs.",
        "",
        "| what | messages | CPU s | messages / CPU s | sightings or results |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {what} | {count:,} | {took.cpu_s:.2f} | **{count / took.cpu_s:,.0f}** | {took.results:,} |"
        for what, count, took in rows
    ]
    lines += [
        "",
        "A short reply has no position, and its checksum hides the address: it is counted and goes no further, so that",
        f"the library has {len(traffic.long):,} messages to decode. Load of the machine at the end:",
        f"{os.getloadavg()[0]:.1f}.",
    ]
    report = "\n".join(lines)
    print(report)
    write_section("feeds", report)


if __name__ == "__main__":
    main()
