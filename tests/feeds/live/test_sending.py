"""Our picture to TAK clients over real sockets: takproto reads what arrives, and what breaks is connected again."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import msgspec
import pytest
import takproto
from heard import Ear, settings
from test_cot_events import TRACK
from test_feeds_over_tls import keys, options, serving

from detente.accord.disclosure import ClientLevel, OwnPolicy
from detente.disclosure.live_tracks import for_client
from detente.feeds.live.cot_out import track_event
from detente.feeds.live.health import FeedState
from detente.feeds.live.settings import FeedKind
from detente.watch.alert import TrackSide

__all__ = ["keys"]
PICTURE = {
    level: [track_event(msgspec.structs.replace(TRACK, track_id=name), TrackSide.OURS, "north")]
    for level, name in ((ClientLevel.OURS, "T1"), (ClientLevel.ALL, "T2"))
}


class TakClient:
    """Takes events in at a port of this machine, and reads them as a TAK client does."""

    def __init__(self, *, hangs_up_after: int = 0) -> None:
        self.uids: list[str] = []
        self.connections = 0
        self._hangs_up_after = hangs_up_after

    def read(self, data: bytes) -> None:
        for event in data.decode().split('<?xml version="1.0" encoding="UTF-8"?>\n')[1:]:
            self.uids.append(takproto.parse_proto(takproto.xml2proto(event)).cotEvent.uid)

    async def called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while data := await reader.readuntil(b"</event>\n"):
            self.read(data)
            if self.connections <= self._hangs_up_after:
                break
        writer.close()


async def shown_until(ear: Ear, what: object) -> None:
    """Show the picture each turn, as the watch does each second."""

    def again() -> object:
        ear.live.picture.show(PICTURE)
        return what()  # type: ignore[operator]

    await ear.until(again)


@pytest.mark.parametrize(("level", "name"), [(ClientLevel.OURS, "T1"), (ClientLevel.ALL, "T2")])
def test_a_tak_client_over_tcp_gets_the_picture_of_its_level(level: ClientLevel, name: str) -> None:
    async def story() -> None:
        client = TakClient()
        server = await asyncio.start_server(client.called, "127.0.0.1", 0)
        where = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Ear(settings(FeedKind.COT_OUT, where, level=level)) as ear:
            await shown_until(ear, lambda: client.uids)
            await shown_until(ear, lambda: ear.health().messages)
            assert set(client.uids) == {f"detente.north.{name}"}
            assert (ear.health().state, ear.health().errors, ear.sightings) == (FeedState.HEARING, 0, [])
        server.close()

    asyncio.run(story())


def test_a_client_that_hangs_up_is_connected_again() -> None:
    async def story() -> None:
        client = TakClient(hangs_up_after=2)
        server = await asyncio.start_server(client.called, "127.0.0.1", 0)
        where = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Ear(settings(FeedKind.COT_OUT, where)) as ear:
            await shown_until(ear, lambda: client.connections >= 3)
            await shown_until(ear, lambda: len(client.uids) >= 3)
            assert ear.health().connections >= 3
        server.close()

    asyncio.run(story())


def test_who_is_not_there_is_said_and_called_again() -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        async with Ear(settings(FeedKind.COT_OUT, f"127.0.0.1:{port}")) as ear:
            await shown_until(ear, lambda: ear.health().last_error is not None)
            error = ear.health().last_error
            assert error is not None
            assert error.code == "feeds_live.reached"
            client = TakClient()
            server = await asyncio.start_server(client.called, "127.0.0.1", port)
            await shown_until(ear, lambda: client.uids)
            server.close()

    asyncio.run(story())


def test_over_udp_each_event_is_a_datagram() -> None:
    async def story() -> None:
        client, loop = TakClient(), asyncio.get_running_loop()

        class Datagrams(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: object) -> None:
                client.read(data)

        transport, _ = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
        where = f"udp://127.0.0.1:{transport.get_extra_info('sockname')[1]}"
        async with Ear(settings(FeedKind.COT_OUT, where)) as ear:
            await shown_until(ear, lambda: client.uids)
            assert set(client.uids) == {"detente.north.T1"}
        transport.close()

    asyncio.run(story())


def test_over_tls_a_server_that_asks_for_our_certificate_gets_it(keys: Path) -> None:
    async def story() -> None:
        client = TakClient()
        server = await asyncio.start_server(client.called, "127.0.0.1", 0, ssl=serving(keys))
        where = f"tls://localhost:{server.sockets[0].getsockname()[1]}"
        feeds = (
            settings(FeedKind.COT_OUT, where, "known", **options(keys, "client")),
            settings(FeedKind.COT_OUT, where, "stranger", level=ClientLevel.ALL, **options(keys, "stranger")),
        )
        async with Ear(*feeds) as ear:
            await shown_until(ear, lambda: client.uids)
            await shown_until(ear, lambda: ear.health("stranger").last_error is not None)
            assert set(client.uids) == {"detente.north.T1"}
        server.close()

    asyncio.run(story())


def test_what_a_client_is_sent_is_what_its_feed_asks_for_and_our_policy_allows() -> None:
    ours, stranger, told = (
        msgspec.structs.replace(TRACK, track_id=name, feeds=(feed,))
        for name, feed in (("T1", "radar"), ("T2", "radar"), ("peer:south:t1", "peer:south"))
    )
    sides = {"T1": TrackSide.OURS, "peer:south:t1": TrackSide.THEIRS}
    for level, allowed, expected in (
        (ClientLevel.OURS, ClientLevel.ALL, ["T1"]), (ClientLevel.ALL, ClientLevel.ALL, ["T1", "T2"]),
        (ClientLevel.ALL, ClientLevel.OURS, ["T1"]), (ClientLevel.ALL, ClientLevel.NOTHING, []),
        (ClientLevel.NOTHING, ClientLevel.ALL, []),
    ):  # fmt: skip
        sent = for_client([stranger, told, ours], sides, level, OwnPolicy(tak_clients=allowed))
        assert [track.track_id for track in sent] == expected
