"""TLS between nodes, over real sockets: wrong clocks, renewals, keys that are not the one that was called."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from link_parties import NORTH, SOUTH, STRANGER

from detente.airspace.refusal import Refusal
from detente.link.carrier import IMPOSTOR, CarriageError, open_http_carrier
from detente.link.tls import LinkTls, caller

LIFE = timedelta(days=30)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


TOLD = []


async def told(peer, address):
    TOLD.append((peer, address))


@asynccontextmanager
async def south(at, *, key=SOUTH):
    """Somebody who listens as south, by its own clock; gives its TLS, its address and who has called."""
    tls, called = LinkTls(key, LIFE, at), []

    async def answer(reader, writer):
        called.append(caller(writer.get_extra_info("ssl_object")))
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(ANSWER)

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls.listening) as server:
        yield tls, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", called


async def carried(tls, address, peer=SOUTH.public):
    async with open_http_carrier(tls, told) as carrier:
        return await carrier.carry(address, peer, b"", 5.0, 30.0)


def why_not(northern, southern, *, key=SOUTH):
    """Why nothing is carried, by the clocks of the two; None when it is."""

    async def scenario():
        now = datetime.now(UTC)
        async with south(now + southern, key=key) as (_, address, called):
            try:
                assert await carried(LinkTls(NORTH, LIFE, now + northern), address) == (200, b"hi")
            except CarriageError as error:
                return str(error)
            assert called == [(NORTH.public,)]
            return None

    return asyncio.run(scenario())


@pytest.mark.parametrize("wrong", [timedelta(days=days) for days in (-29, -1, 0, 1, 29)])
def test_a_clock_that_is_wrong_by_days_stops_nothing(wrong):
    assert why_not(timedelta(0), wrong) is None
    assert why_not(wrong, timedelta(0)) is None


@pytest.mark.parametrize("wrong", [timedelta(days=-31), timedelta(days=31)])
def test_a_clock_that_is_wrong_by_more_is_said(wrong):
    assert "clocks" in why_not(timedelta(0), wrong)
    assert why_not(wrong, timedelta(0)) is not None


def test_another_key_at_the_address_is_found_out():
    TOLD.clear()
    assert why_not(timedelta(0), timedelta(0), key=STRANGER) == IMPOSTOR
    assert [peer for peer, _ in TOLD] == [SOUTH.public]


def test_a_renewal_is_for_new_connections_and_the_others_go_on():
    async def scenario():
        now = datetime.now(UTC)
        calling = LinkTls(NORTH, LIFE, now)
        async with south(now) as (tls, address, called), open_http_carrier(calling, told) as carrier:
            assert await carrier.carry(address, SOUTH.public, b"", 5.0, 30.0) == (200, b"hi")
            assert not tls.renew_if_due(now + LIFE * 0.4)
            assert tls.renew_if_due(now + LIFE * 0.6)
            assert await carrier.carry(address, SOUTH.public, b"", 5.0, 30.0) == (200, b"hi")
            assert len(called) == 1, "the connection that stood goes on"
            assert calling.renew_if_due(now - LIFE * 0.6), "the clock was set back"
            assert await carrier.carry(address, SOUTH.public, b"", 5.0, 30.0) == (200, b"hi")
            assert called == [(NORTH.public,)] * 2

    asyncio.run(scenario())


@pytest.mark.parametrize("address", ["http://192.0.2.1", "http://node.example.org:8440", "http://127.0.0.1.evil.org"])
def test_nothing_goes_to_another_machine_in_clear(address):
    with pytest.raises(Refusal, match="https"):
        LinkTls(NORTH, LIFE, datetime.now(UTC)).calling(address, SOUTH.public)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:1", "HTTP://Localhost"])
def test_this_machine_may_be_called_in_clear(address):
    assert LinkTls(NORTH, LIFE, datetime.now(UTC)).calling(address, SOUTH.public) is True
