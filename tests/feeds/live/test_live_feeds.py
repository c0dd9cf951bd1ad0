"""Feeds over real sockets: connected, silent, hung up, too fast for who takes them, and what their health says."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from pathlib import Path

import pytest
from heard import Ear, Server, send, settings

from detente.feeds.live.health import FeedState
from detente.feeds.live.settings import FeedKind
from detente.feeds.live.supervisor import LiveFeeds
from detente.language.wording import Language
from detente.watch.sighting import SightingSource


def line(**said: object) -> bytes:
    return json.dumps({"latitude_deg": 35.0, "longitude_deg": 40.0, "address": "4ca2b1", **said}).encode() + b"\n"


def test_a_line_becomes_a_sighting_over_tcp_in_both_directions_udp_and_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "lines.json").write_bytes(line(identity="file"))

    async def story() -> None:
        async with Server(line(identity="call"), stays=True) as server:
            feeds = (
                settings(FeedKind.JSON, server.where, "call"),
                settings(FeedKind.JSON, "listen://127.0.0.1:0", "listen"),
                settings(FeedKind.JSON, "udp://127.0.0.1:0", "datagrams"),
                settings(FeedKind.JSON, str(tmp_path / "lines.json"), "file"),
            )
            async with Ear(*feeds) as ear:
                whole = line(identity="listen")
                await send(await ear.port("listen"), whole[:20], whole[20:])
                port = await ear.port("datagrams")
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    sender.sendto(line(identity="datagrams").strip(), ("127.0.0.1", port))
                await ear.until(lambda: len(ear.sightings) == 4)
                assert {one.feed: one.identity for one in ear.sightings} == {
                    name: name for name in ("call", "listen", "datagrams", "file")
                }
                await ear.until(lambda: ear.health("file").state is FeedState.ENDED)
                assert ear.health("call").state is FeedState.HEARING
                assert ear.health("call").aircraft == 1

    asyncio.run(story())


def test_a_report_says_its_own_time_and_where_it_says_none_that_of_its_arrival() -> None:
    async def story() -> None:
        async with (
            Server(line(at_s=1_700_000_000.5, source="flarm"), line(), stays=True) as server,
            Ear(settings(FeedKind.JSON, server.where)) as ear,
        ):
            await ear.until(lambda: len(ear.sightings) == 2)
            told, untold = ear.sightings
            assert told.at_s == 1_700_000_000.5
            assert told.received_s > told.at_s
            assert told.source is SightingSource.FLARM
            assert untold.at_s == untold.received_s

    asyncio.run(story())


@pytest.mark.parametrize(
    "wrong",
    [b"{\n", b"[]\n", b"\xff\xfe\n", line(latitude_deg=91.0), line(address="xyz"), line(address=""), line(speed=3),
     line(latitude_deg="35"), line(ground_speed_mps=-1.0), line(category="Z9"), b"x" * 20_000 + b"\n",
     b"[" * 15_000 + b"\n"],
)  # fmt: skip
def test_a_line_that_is_no_report_is_counted_and_the_next_one_heard(wrong: bytes) -> None:
    async def story() -> None:
        async with Server(wrong, line(), stays=True) as server, Ear(settings(FeedKind.JSON, server.where)) as ear:
            await ear.until(lambda: ear.sightings)
            health = ear.health()
            assert (health.messages, health.errors, health.sightings) == (1, 1, 1)
            assert health.last_error is not None
            english, french = (health.last_error.sentence(language) for language in Language)
            assert english != french

    asyncio.run(story())


def test_a_feed_that_hangs_up_is_connected_again_and_one_that_is_not_there_waits() -> None:
    async def story() -> None:
        async with Server(line()) as server:
            with socket.socket() as nobody:
                nobody.bind(("127.0.0.1", 0))
                where = f"127.0.0.1:{nobody.getsockname()[1]}"
                feeds = (settings(FeedKind.JSON, server.where), settings(FeedKind.JSON, where, "nobody"))
                async with Ear(*feeds) as ear:
                    await ear.until(lambda: server.calls >= 3)
                    assert ear.health().connections >= 2
                    await ear.until(lambda: ear.health("nobody").state is FeedState.WAITING)
                    error = ear.health("nobody").last_error
                    assert error is not None
                    assert error.code == "feeds_live.reached"

    asyncio.run(story())


def test_a_feed_without_a_message_is_silent_and_after_long_silence_connected_again() -> None:
    async def story() -> None:
        async with (
            Server(line(), stays=True) as server,
            Ear(settings(FeedKind.JSON, server.where, silent_s=0.1)) as ear,
        ):
            await ear.until(lambda: ear.health().state is FeedState.SILENT)
            await ear.until(lambda: server.calls >= 2)

    asyncio.run(story())


def test_where_nobody_takes_sightings_the_oldest_are_dropped_and_counted() -> None:
    async def story() -> None:
        lines = b"".join(line(identity=str(number)) for number in range(1_000))
        async with (
            Server(lines, stays=True) as server,
            Ear(settings(FeedKind.JSON, server.where), most_waiting=100) as ear,
        ):
            ear.open.clear()
            await ear.until(lambda: ear.health().sightings == 1_000)
            ear.open.set()
            await ear.until(lambda: len(ear.sightings) + ear.health().dropped == 1_000)
            assert ear.health().dropped >= 800
            assert ear.sightings[-1].identity == "999"

    asyncio.run(story())


def test_who_takes_sightings_and_fails_is_heard_of() -> None:
    async def story() -> None:
        async with Server(line(), stays=True) as server:

            async def fail(batch: object) -> None:
                raise ArithmeticError

            with pytest.raises(ArithmeticError):
                await LiveFeeds((settings(FeedKind.JSON, server.where),), time.time, fail).run()

    asyncio.run(story())


def test_feeds_that_have_all_ended_end_the_run_when_everything_is_taken(tmp_path: Path) -> None:
    (tmp_path / "lines.json").write_bytes(b"".join(line(identity=str(number)) for number in range(12_000)))

    async def story() -> None:
        async with Ear(settings(FeedKind.JSON, str(tmp_path / "lines.json"))) as ear:
            await ear.ended()
            assert [one.identity for one in ear.sightings] == [str(number) for number in range(12_000)]
            assert max(ear.batches) <= 5_000

    asyncio.run(story())


def test_no_more_than_so_many_may_call_at_a_time() -> None:
    async def story() -> None:
        async with Ear(settings(FeedKind.JSON, "listen://127.0.0.1:0")) as ear:
            port = await ear.port()
            callers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(16)]
            await ear.until(lambda: ear.health().connections == 16)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b""
            for _, other in (*callers, (reader, writer)):
                other.close()

    asyncio.run(story())
